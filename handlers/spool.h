/*
 * spool.h: files on their way through a worker: in an unlinked temporary file
 * and not in memory. They end with the arena.
 */
#ifndef ACTD_SPOOL_H
#define ACTD_SPOOL_H

#include "handlers/request.h"

/* The most bytes of a file that came as base64 within JSON. */
#define SPOOL_BASE64_MAX (16 << 20)

/* The most bytes of JSON that may hold such files. */
#define SPOOL_JSON_MAX (SPOOL_BASE64_MAX / 3 * 4 + (1 << 20))

/*
 * A new, empty file in the folder of the instance's uploads, else in /tmp.
 * `*fd` is closed with the arena.
 */
struct error *spool_new(struct arena *arena, const struct settings *settings,
			int *fd) MUST_CHECK;

/* Appends; 503 where the disk is full. */
struct error *spool_write(struct arena *arena, int fd, const void *data,
			  size_t size) MUST_CHECK;

/*
 * Opens a file object of an action's input: {name, file | contents} in
 * base64, or one whose content was spooled with the body. `input` names the
 * input for messages. 400 where it is none, 413 "file-too-large" above
 * SPOOL_BASE64_MAX.
 */
struct error *spool_open(const struct request *request,
			 struct json_object *file, const char *input,
			 const char **name, int *fd) MUST_CHECK;

/*
 * Reads the request's body, multipart/form-data or the bytes of one file, into
 * `*body`, as form_read_multipart() would have it, but with spooled files.
 * `input` gets the file that is the body itself. `*handled` is false, and
 * nothing read, where the body is of another kind. The body's digest stands
 * for it afterwards where request_body() is asked for.
 */
struct error *spool_body(struct request *request, const char *input,
			 struct json_object **body, bool *handled) MUST_CHECK;

#endif
