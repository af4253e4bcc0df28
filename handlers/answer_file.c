/*
 * answer_file.c: writing to a spooled file, and reading it piece by piece.
 */
#include "handlers/answer_file.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "db/base/crypto.h"
#include "handlers/spool.h"

/* A multiple of three, so that base64 needs no padding in the middle. */
#define PIECE 49152

struct error *
answer_file_new(struct arena *arena, const struct settings *settings,
		struct answer_file **file)
{
	*file = ARENA_NEW(arena, struct answer_file);
	return spool_new(arena, settings, &(*file)->fd);
}

struct error *
answer_file_write(struct arena *arena, struct answer_file *file,
		  const void *data, size_t size)
{
	struct error *error = spool_write(arena, file->fd, data, size);

	if (!error)
		file->size += (int64_t)size;
	return error;
}

struct error *
answer_file_measure(struct arena *arena, struct answer_file *file)
{
	struct stat status;

	if (fstat(file->fd, &status))
		return error_internal(arena, "temporary file: %s",
				      strerror(errno));
	file->size = status.st_size;
	return NULL;
}

long
answer_file_read(const struct answer_file *file, int64_t offset, void *buffer,
		 size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t count = pread(file->fd, (char *)buffer + done,
				      size - done, offset + (off_t)done);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return -1;
		if (!count)
			break;
		done += (size_t)count;
	}
	return (long)done;
}

struct error *
answer_file_base64(const struct answer_file *file, struct strbuf *buf)
{
	struct arena *arena = arena_new();
	struct error *error = NULL;

	strbuf_reserve(buf, (size_t)file->size / 3 * 4 + 8);
	for (int64_t at = 0; !error && at < file->size; at += PIECE) {
		char *piece = arena_alloc_raw(arena, PIECE);
		long count = answer_file_read(file, at, piece, PIECE);

		if (count <= 0)
			error = error_internal(buf->arena,
					       "temporary file: cut");
		else
			strbuf_puts(buf,
				    crypto_base64(arena, piece, (size_t)count));
		arena_reset(arena);
	}
	arena_free(arena);
	return error;
}
