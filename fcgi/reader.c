/*
 * reader.c: percent-decoding and checking (RFC 3986, RFC 3875).
 */
#include "fcgi/reader.h"

#include <errno.h>
#include <stdlib.h>

#include "db/base/crypto.h"
#include "db/base/utf8.h"

#define ID_MAX 64

static const char *const method_names[] = {
	[METHOD_GET] = "GET",	      [METHOD_HEAD] = "HEAD",
	[METHOD_POST] = "POST",	      [METHOD_PUT] = "PUT",
	[METHOD_PATCH] = "PATCH",     [METHOD_DELETE] = "DELETE",
	[METHOD_OPTIONS] = "OPTIONS", [METHOD_OTHER] = "OTHER",
};

const char *
method_name(enum method method)
{
	return method_names[method];
}

static enum method
method_of(const char *name)
{
	for (int i = 0; i < METHOD_OTHER; i++)
		if (name && !strcmp(method_names[i], name))
			return (enum method)i;
	return METHOD_OTHER;
}

/* nginx' id where it is one, so that a log line can't be forged. */
static const char *
request_id(struct request *request)
{
	static const char allowed[] = "0123456789abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ-";
	const char *id = request_variable(request, "ACTD_REQUEST_ID");
	char *made;

	if (id && strlen(id) <= ID_MAX && strspn(id, allowed) == strlen(id))
		return arena_strdup(request->arena, id);
	made = arena_alloc(request->arena, 37);
	crypto_uuid(made);
	return made;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Decodes `length` bytes; NULL for a bad escape, %00 or invalid UTF-8. */
static const char *
decode(struct arena *arena, const char *text, size_t length, bool plus)
{
	char *decoded = arena_alloc_raw(arena, length + 1);
	size_t out = 0;

	for (size_t i = 0; i < length; i++) {
		int high, low;

		if (text[i] != '%') {
			decoded[out++] = plus && text[i] == '+' ? ' ' : text[i];
			continue;
		}
		if (length - i < 3)
			return NULL;
		high = hex_digit(text[i + 1]);
		low = hex_digit(text[i + 2]);
		if (high < 0 || low < 0)
			return NULL;
		decoded[out++] = (char)(high << 4 | low);
		i += 2;
	}
	decoded[out] = '\0';
	return utf8_is_text(decoded, out) ? decoded : NULL;
}

static struct error *
bad_url(struct request *request, const char *part)
{
	return error_new(request->arena, 400, "bad-url",
			 "The %s of the URL has a broken escape, a NUL, or "
			 "is not UTF-8.",
			 part);
}

static struct error *
read_path(struct request *request, const char *text, size_t length,
	  struct url_path *path)
{
	const char *end = text + length;

	path->count = 0;
	if (text == end || *text != '/')
		return error_new(request->arena, 400, "bad-url",
				 "The path of the URL does not begin with /.");
	while (text < end) {
		const char *start = ++text;
		const char *segment;

		while (text < end && *text != '/')
			text++;
		segment = decode(request->arena, start, (size_t)(text - start),
				 false);
		if (!segment)
			return bad_url(request, "path");
		if (path->count == SEGMENTS_MAX)
			return error_new(request->arena, 404, "no-route",
					 "There is nothing at this path.");
		path->segments[path->count++] = segment;
	}
	return NULL;
}

static struct error *
read_parameters(struct request *request, const char *query)
{
	struct parameter *parameters = NULL;
	size_t count = 0;

	while (*query) {
		size_t length = strcspn(query, "&");
		const char *equals = memchr(query, '=', length);
		size_t name = equals ? (size_t)(equals - query) : length;
		struct parameter one = {
			decode(request->arena, query, name, true),
			equals ? decode(request->arena, equals + 1,
					length - name - 1, true)
			       : "",
		};

		if (!one.name || !one.value)
			return bad_url(request, "query");
		if (count == PARAMETERS_MAX)
			return error_new(request->arena, 400,
					 "too-many-parameters",
					 "At most %d query parameters are "
					 "read.",
					 PARAMETERS_MAX);
		if (length)
			ARENA_PUSH(request->arena, parameters, count, one);
		query += length + (query[length] == '&');
	}
	request->parameters = parameters;
	request->nparameters = count;
	return NULL;
}

/* A chunked body may come without a length: -1. */
static struct error *
read_length(struct request *request)
{
	const char *text = request_variable(request, "CONTENT_LENGTH");
	char *end;

	request->body.length = -1;
	if (!text)
		return NULL;
	errno = 0;
	request->body.length = strtoll(text, &end, 10);
	if (errno || *end || strspn(text, "0123456789") != strlen(text))
		return error_new(request->arena, 400, "bad-length",
				 "The Content-Length header is no number.");
	return NULL;
}

struct error *
reader_read(struct request *request, char *const *variables,
	    struct url_path *path)
{
	const char *uri, *query;
	size_t length;
	struct error *err;

	path->count = 0;
	request->variables = (const char *const *)variables;
	request->id = request_id(request);
	request->method =
		method_of(request_variable(request, "REQUEST_METHOD"));
	uri = request_variable(request, "REQUEST_URI");
	if (!uri)
		uri = "";
	length = strcspn(uri, "?#");
	query = uri[length] == '?' ? uri + length + 1 : "";
	request->path = arena_strndup(request->arena, uri, length);
	err = read_length(request);
	if (!err)
		err = read_path(request, uri, length, path);
	if (!err)
		err = read_parameters(request, query);
	return err;
}
