/*
 * dump_fuzz.c: the reader of dumps under libFuzzer. The first byte says which
 * format the rest is meant to be. Tables come before their rows, rows are
 * counted from one, and whatever is read prints as JSON.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "handlers/formats/dump_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_rows(struct dump_reader *reader)
{
	struct dump_row row;
	int64_t last = 0;

	while (!dump_read_next(reader, &row) && row.table) {
		if (row.number && row.number != 1 && row.number != last + 1)
			abort();
		if (row.row && !json_object_to_json_string(row.row))
			abort();
		last = row.number;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const files[] = { "a.json", "a.yaml", "a.jsonl",
					     "a.toml", "a.hcl",	 "a" };
	struct arena *arena = arena_new();
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct dump_reader *reader;

	if (!size || fd < 0 ||
	    write(fd, data + 1, size - 1) != (ssize_t)size - 1)
		size = 0;
	if (size && !dump_read_open(arena, fd, files[*data % 6], &reader))
		read_rows(reader);
	arena_free(arena);
	close(fd);
	return 0;
}
