/*
 * spool.c: temporary files, and file objects of inputs. How a body is taken
 * apart on its way there is in spool_body.c.
 */
#include "handlers/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "db/base/crypto.h"

static void
close_file(void *fd)
{
	close((int)(intptr_t)fd);
}

struct error *
spool_new(struct arena *arena, const struct settings *settings, int *fd)
{
	const char *const folders[] = { settings ? settings->files.folder
						 : NULL,
					"/tmp" };

	*fd = -1;
	for (size_t i = 0; *fd < 0 && i < ARRAY_SIZE(folders); i++)
		if (folders[i])
			*fd = open(folders[i], O_TMPFILE | O_RDWR | O_CLOEXEC,
				   0600);
	if (*fd < 0)
		return error_internal(arena, "no temporary file: %s",
				      strerror(errno));
	arena_defer(arena, close_file, (void *)(intptr_t)*fd);
	return NULL;
}

struct error *
spool_write(struct arena *arena, int fd, const void *data, size_t size)
{
	const char *next = data;

	while (size) {
		ssize_t done = write(fd, next, size);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0) {
			struct error *error =
				error_new(arena, 503, "no-space",
					  "There is no room for the file.");

			error->retry_after = 60;
			return error;
		}
		next += done;
		size -= (size_t)done;
	}
	return NULL;
}

/* File objects. */

static const char *
text_member(struct json_object *object, const char *name)
{
	struct json_object *value = json_object_object_get(object, name);

	return json_object_is_type(value, json_type_string)
		       ? json_object_get_string(value)
		       : NULL;
}

static struct error *
bad_file(struct arena *arena, const char *input, const char *name,
	 const char *what)
{
	return error_at(error_new(arena, 400, "bad-input", "%s: %s %s", input,
				  name, what),
			arena_printf(arena, "/attributes/%s", input));
}

static struct error *
too_large(struct arena *arena, const char *input, const char *name)
{
	return error_new(arena, 413, "file-too-large",
			 "%s: %s is larger than %d MiB, which is the most in "
			 "base64; send it as multipart/form-data, or as the "
			 "body itself with the content type of the file",
			 input, name, SPOOL_BASE64_MAX >> 20);
}

/* A data URL, or base64 alone. */
static struct error *
decode(const struct request *request, const char *content, const char *input,
       const char *name, int *fd)
{
	struct arena *arena = request->arena;
	const char *comma = strchr(content, ',');
	struct error *error;
	unsigned char *bytes;
	size_t length;

	content = comma ? comma + 1 : content;
	if (strlen(content) / 4 * 3 > SPOOL_BASE64_MAX)
		return too_large(arena, input, name);
	if (!crypto_base64_decode(arena, content, strlen(content), &bytes,
				  &length))
		return bad_file(arena, input, name, "is not in base64");
	error = spool_new(arena, request->settings, fd);
	return error ? error : spool_write(arena, *fd, bytes, length);
}

struct error *
spool_open(const struct request *request, struct json_object *file,
	   const char *input, const char **name, int *fd)
{
	struct json_object *spool = json_object_object_get(file, "spool");
	const char *content = text_member(file, "file");

	*name = text_member(file, "name");
	if (!*name)
		return bad_file(request->arena, input, "a file", "has no name");
	if (json_object_is_type(spool, json_type_int)) {
		int64_t i = json_object_get_int64(spool);

		if (i < 0 || (uint64_t)i >= request->nspools)
			return bad_file(request->arena, input, *name,
					"has no content");
		*fd = request->spools[i];
		return NULL;
	}
	if (!content)
		content = text_member(file, "contents");
	if (!content)
		return bad_file(request->arena, input, *name, "has no content");
	return decode(request, content, input, *name, fd);
}
