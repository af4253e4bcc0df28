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

#endif
