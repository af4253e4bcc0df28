/*
 * answer_file.h: an answer that is too large for memory, in a file without a
 * name: it is gone with the process that holds it, however that ends.
 */
#ifndef ACTD_ANSWER_FILE_H
#define ACTD_ANSWER_FILE_H

#include "handlers/request.h"

struct answer_file {
	int fd;
	int64_t size; /* bytes written by answer_file_write() */
};

/* A new, empty one in the folder of uploads, closed with the arena. */
struct error *answer_file_new(struct arena *arena,
			      const struct settings *settings,
			      struct answer_file **file) MUST_CHECK;

/* Appends; 503 where there is no room. */
struct error *answer_file_write(struct arena *arena, struct answer_file *file,
				const void *data, size_t size) MUST_CHECK;

/* Takes the size from the file, which somebody else has written. */
struct error *answer_file_measure(struct arena *arena,
				  struct answer_file *file) MUST_CHECK;

/* Bytes from `offset`; fewer than `size` only at the end, -1 on failure. */
long answer_file_read(const struct answer_file *file, int64_t offset,
		      void *buffer, size_t size);

/* Appends the whole in base64 (RFC 4648 section 4). */
struct error *answer_file_base64(const struct answer_file *file,
				 struct strbuf *buf) MUST_CHECK;

#endif
