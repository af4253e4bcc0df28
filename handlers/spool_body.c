/*
 * spool_body.c: multipart/form-data (RFC 7578) and bare files, read piece by
 * piece. Of a form only its fields are held in memory; a file goes to disk as
 * it comes.
 */
#include <string.h>
#include <strings.h>

#include "db/base/crypto.h"
#include "db/base/utf8.h"
#include "handlers/form.h"
#include "handlers/formats/format.h"
#include "handlers/spool.h"

#define PIECE 65536
#define BOUNDARY_MAX 70
/* Bytes of all fields, and of the headers of a part. */
#define FIELDS_MAX (1 << 20)
#define HEADERS_MAX 16384
#define FILES_MAX 16

/* Bytes of the body, with room to look ahead. */
struct window {
	struct request *request;
	struct crypto_digest *digest;
	char data[2 * PIECE];
	size_t start, end;
	int64_t seen;
	bool at_end;
};

struct form {
	struct window *window;
	struct arena *arena;
	struct json_object *object;
	const char *mark; /* CR LF -- boundary */
	size_t mark_length;
	size_t fields_size;
};

/* The window. */

static struct error *
cut(struct request *request)
{
	return error_new(request->arena, 400, "body-cut",
			 "The body is not as long as Content-Length says.");
}

/* Reads until `wanted` bytes are there, or the end. */
static struct error *
look(struct window *window, size_t wanted)
{
	struct request *request = window->request;

	if (window->end - window->start >= wanted)
		return NULL;
	memmove(window->data, window->data + window->start,
		window->end - window->start);
	window->end -= window->start;
	window->start = 0;
	while (window->end < wanted && !window->at_end) {
		long got = request->body.read(
			request->body.context, window->data + window->end,
			sizeof window->data - window->end);

		if (got < 0)
			return cut(request);
		window->at_end = got == 0;
		crypto_digest_add(window->digest, window->data + window->end,
				  (size_t)got);
		window->end += (size_t)got;
		window->seen += got;
	}
	if (window->at_end && request->body.length >= 0 &&
	    window->seen != request->body.length)
		return cut(request);
	return NULL;
}

static size_t
available(const struct window *window)
{
	return window->end - window->start;
}

static const char *
at(const struct window *window)
{
	return window->data + window->start;
}

/* What has been read stands for the body from now on. */
static void
set_digest(struct window *window)
{
	struct request *request = window->request;

	request->body_text = crypto_digest_hex(window->digest, request->arena);
	request->body_length = strlen(request->body_text);
}

/* Parts of a form. */

static struct error *
bad_form(const struct form *form, const char *what)
{
	return error_new(form->arena, 400, "bad-form", "the form %s", what);
}

/*
 * Hands the bytes up to the next mark to `take`; afterwards the window begins
 * behind the mark.
 */
static struct error *
read_to_mark(struct form *form,
	     struct error *(*take)(struct form *form, void *context,
				   const char *data, size_t size),
	     void *context)
{
	struct window *window = form->window;

	for (;;) {
		struct error *error = look(window, PIECE);
		const char *mark;
		size_t size;

		if (error)
			return error;
		mark = memmem(at(window), available(window), form->mark,
			      form->mark_length);
		if (!mark && window->at_end)
			return bad_form(form, "has no end");
		/* the mark may have begun */
		size = mark ? (size_t)(mark - at(window))
			    : available(window) - form->mark_length;
		if (size)
			error = take(form, context, at(window), size);
		if (error)
			return error;
		window->start += size + (mark ? form->mark_length : 0);
		if (mark)
			return NULL;
	}
}

static struct error *
take_text(struct form *form, void *context, const char *data, size_t size)
{
	form->fields_size += size;
	if (form->fields_size > FIELDS_MAX)
		return error_new(form->arena, 413, "body-too-large",
				 "The fields of the form are too long.");
	strbuf_add(context, data, size);
	return NULL;
}

static struct error *
take_bytes(struct form *form, void *context, const char *data, size_t size)
{
	return spool_write(form->arena, *(int *)context, data, size);
}

static struct error *
new_spool(struct request *request, int *fd, size_t *number)
{
	struct error *error;

	if (request->nspools == FILES_MAX)
		return error_new(request->arena, 400, "bad-form",
				 "the form has more than %d files", FILES_MAX);
	if (!request->spools)
		request->spools = ARENA_ARRAY(request->arena, int, FILES_MAX);
	error = spool_new(request->arena, request->settings, fd);
	if (error)
		return error;
	*number = request->nspools;
	request->spools[request->nspools++] = *fd;
	return NULL;
}

static void
add_file(struct json_object *object, const char *input, const char *name,
	 const char *type, size_t number)
{
	struct json_object *file = json_object_new_object();
	struct json_object *list = json_object_object_get(object, input);

	json_object_object_add(file, "name", json_object_new_string(name));
	json_object_object_add(file, "type", json_object_new_string(type));
	json_object_object_add(file, "spool",
			       json_object_new_int64((int64_t)number));
	if (!json_object_is_type(list, json_type_array)) {
		list = json_object_new_array();
		json_object_object_add(object, input, list);
	}
	json_object_array_add(list, file);
}

static struct error *
read_file(struct form *form, const struct form_part *part)
{
	struct error *error;
	size_t number;
	int fd;

	error = new_spool(form->window->request, &fd, &number);
	if (!error)
		error = read_to_mark(form, take_bytes, &fd);
	if (!error)
		add_file(form->object, part->name, part->file_name, part->type,
			 number);
	return error;
}

static struct error *
read_field(struct form *form, const struct form_part *part)
{
	struct error *error;
	struct strbuf text;

	strbuf_init(&text, form->arena);
	error = read_to_mark(form, take_text, &text);
	if (error)
		return error;
	if (part->file_name)
		return NULL; /* no file was chosen */
	if (!utf8_is_text(text.data, text.length))
		return bad_form(form, "is not in UTF-8");
	return form_add_field(
		form->arena, form->object, part->name,
		json_object_new_string_len(text.data, (int)text.length));
}

static struct error *
read_part(struct form *form)
{
	struct window *window = form->window;
	struct error *error = look(window, HEADERS_MAX);
	struct form_part part;
	size_t length;

	if (error)
		return error;
	length = available(window) < HEADERS_MAX ? available(window)
						 : HEADERS_MAX;
	if (!form_read_headers(form->arena, at(window), length, &part))
		return bad_form(form, "has a part without a name");
	window->start += (size_t)(part.content - at(window));
	if (part.file_name && *part.file_name)
		return read_file(form, &part);
	return read_field(form, &part);
}

static struct error *
read_parts(struct form *form)
{
	struct window *window = form->window;
	struct error *error = look(window, form->mark_length);

	if (error)
		return error;
	if (available(window) < form->mark_length - 2 ||
	    memcmp(at(window), form->mark + 2, form->mark_length - 2) != 0)
		return bad_form(form, "does not begin with its boundary");
	window->start += form->mark_length - 2;
	for (size_t count = 0;; count++) {
		error = look(window, 2);
		if (error)
			return error;
		if (available(window) >= 2 && !memcmp(at(window), "--", 2))
			return NULL;
		if (available(window) < 2 || memcmp(at(window), "\r\n", 2) != 0)
			return bad_form(form, "has a broken boundary");
		if (count == FORM_FIELDS_MAX)
			return bad_form(form, "has too many fields");
		window->start += 2;
		error = read_part(form);
		if (error)
			return error;
	}
}

static struct error *
read_rest(struct window *window)
{
	struct error *error = NULL;

	while (!error && !window->at_end) {
		window->start = window->end = 0;
		error = look(window, PIECE);
	}
	return error;
}

static struct error *
read_form(struct window *window, const char *type, struct json_object *object)
{
	struct arena *arena = window->request->arena;
	struct form form = { .window = window,
			     .arena = arena,
			     .object = object };
	const char *boundary = strcasestr(type, "boundary=");
	struct error *error;
	size_t length;

	boundary = boundary ? boundary + strlen("boundary=") : "";
	boundary += *boundary == '"';
	length = strcspn(boundary, "\"; \t");
	if (!length || length > BOUNDARY_MAX)
		return bad_form(&form, "has no boundary");
	form.mark = arena_printf(arena, "\r\n--%.*s", (int)length, boundary);
	form.mark_length = strlen(form.mark);
	error = read_parts(&form);
	return error ? error : read_rest(window);
}

/* Bare files. */

static const struct {
	const char *type;
	const char *name; /* of the file, if the client gives none */
} file_types[] = {
	{ "text/csv", "upload.csv" },
	{ "text/tab-separated-values", "upload.tsv" },
	{ "application/csv", "upload.csv" },
	{ "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	  "upload.xlsx" },
	{ "application/vnd.ms-excel", "upload.xls" },
	{ "application/yaml", "upload.yaml" },
	{ "application/x-ndjson", "upload.jsonl" },
	{ "application/octet-stream", "upload.csv" },
};

static bool
is_media_type(const char *type, const char *name)
{
	size_t length = strlen(name);

	return !strncasecmp(type, name, length) &&
	       (!type[length] || strchr("; \t", type[length]));
}

/* The name in Content-Disposition, if it is a plain one. */
static const char *
given_name(struct request *request, const char *otherwise)
{
	const char *header =
		request_variable(request, "HTTP_CONTENT_DISPOSITION");
	const char *name = header ? form_header_parameter(request->arena,
							  header, "filename")
				  : NULL;

	return name && *name && *name != '.' && !strpbrk(name, "/\\") &&
			       utf8_is_text(name, strlen(name))
		       ? name
		       : otherwise;
}

static struct error *
read_bare(struct window *window, const char *name, const char *type,
	  const char *input, struct json_object *object)
{
	struct request *request = window->request;
	struct error *error;
	size_t number;
	int fd;

	error = new_spool(request, &fd, &number);
	while (!error && !window->at_end) {
		error = look(window, PIECE);
		if (!error)
			error = spool_write(request->arena, fd, at(window),
					    available(window));
		window->start = window->end = 0;
	}
	if (!error)
		add_file(object, input, given_name(request, name), type,
			 number);
	return error;
}

/* An encoding that the content type declares is an input as well. */
static void
add_charset(struct arena *arena, const char *type, struct json_object *object)
{
	const char *charset = form_header_parameter(arena, type, "charset");

	if (charset && *charset)
		json_object_object_add(object, "encoding",
				       json_object_new_string(charset));
}

struct error *
spool_body(struct request *request, const char *input,
	   struct json_object **body, bool *handled)
{
	const char *type = request_variable(request, "CONTENT_TYPE");
	struct window *window = ARENA_NEW(request->arena, struct window);
	const char *name = NULL;
	struct error *error;

	*handled = type && is_media_type(type, "multipart/form-data");
	for (size_t i = 0; type && !name && i < ARRAY_SIZE(file_types); i++)
		if (is_media_type(type, file_types[i].type))
			name = file_types[i].name;
	*handled |= name && input;
	if (!*handled)
		return NULL;
	window->request = request;
	window->digest = crypto_digest_new(request->arena);
	*body = json_object_new_object();
	arena_defer(request->arena, json_release, *body);
	if (name) {
		add_charset(request->arena, type, *body);
		error = read_bare(window, name, type, input, *body);
	} else {
		error = read_form(window, type, *body);
	}
	if (!error)
		set_digest(window);
	return error;
}
