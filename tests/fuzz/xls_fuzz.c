/*
 * xls_fuzz.c: our side of reading XLS under libFuzzer: what a child that went
 * wrong could send, and small files, which are taken apart. FreeXL itself is
 * in a process of its own because it is not fit for this.
 */
#include "handlers/formats/xls.h"
#include "handlers/formats/xls_mini.h"
#include "tests/fuzz/table_fuzz.h"

/* A file open at its start. */
static int
file_of(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size ||
	    lseek(fd, 0, SEEK_SET))
		abort();
	return fd;
}

static void
fuzz_frames(const uint8_t *data, size_t size)
{
	const struct table_options options = { .file = "fuzz",
					       .format = "csv" };
	struct arena *arena = arena_new();
	int fd = file_of(data, 0);
	struct table_reader *reader;

	/* a reader without a child */
	if (table_open(arena, fd, &options, &reader))
		abort();
	reader->format = &table_xls;
	xls_attach(reader, file_of(data, size), 0);
	table_fuzz_rows(reader);
	arena_free(arena);
	close(fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = file_of(data, size);
	int copy = xls_mini_copy(fd);

	if (copy >= 0)
		close(copy);
	close(fd);
	fuzz_frames(data, size);
	return 0;
}
