/*
 * form.h: HTML forms as JSON objects: application/x-www-form-urlencoded and
 * multipart/form-data.
 */
#ifndef ACTD_FORM_H
#define ACTD_FORM_H

#include "handlers/request.h"

/* The most fields of a form, and of names and headers of one part. */
#define FORM_FIELDS_MAX 1000

/*
 * Fields as texts; a repeated name becomes an array. `*object` is owned by
 * the arena. 400 "bad-form" where text is no UTF-8 or there are too many.
 */
struct error *form_read_urlencoded(struct arena *arena, const char *text,
				   size_t length,
				   struct json_object **object) MUST_CHECK;

/*
 * As form_read_urlencoded(), of a body with `boundary` (RFC 7578). A file
 * becomes an array of {name, type, contents}, contents in base64.
 */
struct error *form_read_multipart(struct arena *arena, const char *data,
				  size_t length, const char *boundary,
				  struct json_object **object) MUST_CHECK;

/* Pieces of both, for bodies that are not in memory as a whole. */

/* A part of a form, without its content where that is not in memory yet. */
struct form_part {
	const char *name;
	const char *file_name; /* NULL: a field */
	const char *type;
	const char *content; /* behind the headers */
	size_t length;
};

/* Reads the headers of a part; false where they do not end, or name nothing. */
bool form_read_headers(struct arena *arena, const char *data, size_t length,
		       struct form_part *part);

/* Adds a field, takes `value` over; a second one of a name makes an array. */
struct error *form_add_field(struct arena *arena, struct json_object *object,
			     const char *name,
			     struct json_object *value) MUST_CHECK;

/* The value of `parameter` in a header ("x; name=\"y\""), NULL if absent. */
const char *form_header_parameter(struct arena *arena, const char *header,
				  const char *parameter);

#endif
