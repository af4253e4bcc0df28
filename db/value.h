/*
 * value.h: values of columns between JSON and PostgreSQL's text. Conversion
 * and the checks of the type itself; table validations are handlers' work.
 */
#ifndef ACTD_VALUE_H
#define ACTD_VALUE_H

#include <json-c/json.h>

#include "db/base/file_store.h"
#include "db/base/strbuf.h"
#include "db/model.h"

struct value_settings {
	unsigned hash_cost;		     /* of bcrypt */
	const unsigned char *encryption_key; /* 32 bytes */
	const struct file_store *files;	     /* contents of file columns */
};

/*
 * The text parameter for a JSON value of `column`, `*text` NULL for SQL's
 * NULL. Not for VALUE_REFERENCE. 422 with pointer /data/attributes/{column}
 * that says what was expected: wrong JSON type, number out of range, text
 * too long, no option of the enum, no date, broken UTF-8 or NUL.
 * Passwords are hashed, encrypted columns encrypted.
 */
struct error *value_from_json(struct arena *arena, const struct column *column,
			      struct json_object *value,
			      const struct value_settings *settings,
			      const char **text) MUST_CHECK;

/*
 * The same from a text (a filter's value, a CSV cell, a default): numbers and
 * booleans as digits and words. 400 for a filter is the caller's to set. With
 * `settings` NULL (a filter) lengths and the form that a column type asks for
 * (a mail address) are not checked, since any text may be compared.
 */
struct error *value_from_text(struct arena *arena, const struct column *column,
			      const char *value,
			      const struct value_settings *settings,
			      const char **text) MUST_CHECK;

/*
 * Appends the JSON value of a result's text (NULL: null). Secrets and
 * encrypted values come out as "" where they are set.
 */
void value_to_json(struct strbuf *buf, const struct column *column,
		   const char *text, size_t length);

/* The same as a json-c value, for the action engine; the caller owns it. */
struct json_object *value_to_object(const struct column *column,
				    const char *text, size_t length);

/* PostgreSQL's timestamptz text (UTC, ISO) as RFC 3339 with Z. */
void value_timestamp(struct strbuf *buf, const char *text, size_t length);

#endif
