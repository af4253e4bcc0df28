/*
 * validation_tag.h: the single tests that validations are made of ("min=8"),
 * by the names of go-playground's validator. Private to validate.c.
 */
#ifndef ACTD_VALIDATION_TAG_H
#define ACTD_VALIDATION_TAG_H

#include <json-c/json.h>
#include <stdbool.h>

#include "db/base/arena.h"

/* The value under test, never null unless the tag tests null. */
struct tested {
	struct arena *arena;
	struct json_object *value;
	struct json_object *siblings; /* all values of the request */
	const char *text; /* the value as text; "" for arrays and objects */
	size_t size;	  /* bytes of text */
	bool is_number;	  /* a number, or numeric text of a number column */
	long double number;
	const char *parameter; /* after "=", or "" */
};

struct validation_tag {
	const char *name;
	bool (*holds)(const struct tested *tested);
	const char *message; /* after the column's name, before the parameter */
	bool tests_null;     /* also asked when there is no value */
	bool tests_any;	     /* also asked for arrays and objects */
	bool needs_parameter;
};

extern const struct validation_tag validation_tags[];
extern const size_t validation_tags_count;

/* Characters of UTF-8 text. */
size_t text_characters(const char *text, size_t size);

#endif
