/*
 * input.c: texts and passwords out of the attributes of an outcome.
 */
#include "handlers/input.h"

#include <string.h>

#include "db/base/crypto.h"
#include "handlers/action_input.h"

struct error *
input_text(struct arena *arena, struct json_object *input, const char *name,
	   const char **text)
{
	struct json_object *value;

	if (!json_object_object_get_ex(input, name, &value) ||
	    !json_object_is_type(value, json_type_string) ||
	    json_object_get_string_len(value) == 0)
		return error_new(arena, 400, "bad-input",
				 "%s: a text is needed.", name);
	*text = json_object_get_string(value);
	if (strlen(*text) != (size_t)json_object_get_string_len(value))
		return error_new(arena, 400, "bad-input",
				 "%s: a NUL character is not allowed.", name);
	return NULL;
}

struct error *
input_password(struct arena *arena, struct json_object *input, const char *name,
	       const char **password)
{
	struct error *error = input_text(arena, input, name, password);

	if (error)
		return error;
	if (strlen(*password) > PASSWORD_MAX)
		return error_new(arena, 400, "bad-input",
				 "%s: at most %d bytes are allowed.", name,
				 PASSWORD_MAX);
	return NULL;
}

bool
input_is_true(struct json_object *value)
{
	struct json_object *truth;
	bool is_true;

	if (!action_value(VALUE_BOOLEAN, value, &truth))
		return false;
	is_true = json_object_get_boolean(truth);
	json_object_put(truth);
	return is_true;
}
