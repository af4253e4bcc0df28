/*
 * input.h: what performers take out of their evaluated attributes, checked.
 */
#ifndef ACTD_INPUT_H
#define ACTD_INPUT_H

#include <json-c/json.h>

#include "db/base/arena.h"
#include "db/base/error.h"

/*
 * The text `name` of an outcome's attributes, which lives as long as `input`.
 * 400 "bad-input" that names it, where it is missing, empty, not a text, or
 * holds a NUL.
 */
struct error *input_text(struct arena *arena, struct json_object *input,
			 const char *name, const char **text) MUST_CHECK;

/* As input_text(), and at most PASSWORD_MAX bytes: before any hashing. */
struct error *input_password(struct arena *arena, struct json_object *input,
			     const char *name,
			     const char **password) MUST_CHECK;

/*
 * Whether a value means true, softly as action_value() has it; false where it
 * has no plain meaning or is NULL.
 */
bool input_is_true(struct json_object *value);

#endif
