/*
 * action_input.h: what an action takes out of the attributes of a request:
 * its declared fields, brought to their types, conformed and validated.
 */
#ifndef ACTD_ACTION_INPUT_H
#define ACTD_ACTION_INPUT_H

#include <json-c/json.h>

#include "db/model.h"

/*
 * `*inputs` is an object with a member for each field of the action, null
 * where it is absent, owned by the arena. 400 with one error per field at
 * fault, pointer /attributes/{field}.
 */
struct error *action_input(struct arena *arena, const struct action *action,
			   struct json_object *attributes,
			   struct json_object **inputs) MUST_CHECK;

/*
 * A value for a field of `kind`, softly: "true" and 1 are booleans, numeric
 * text is a number, an empty text null where the kind is neither text.
 * Gives a new reference; false where the meaning is not plain.
 */
bool action_value(enum value_kind kind, struct json_object *value,
		  struct json_object **result);

#endif
