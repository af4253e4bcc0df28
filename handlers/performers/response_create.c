/*
 * response_create: an item of the answer whose type is an attribute, where
 * ACTIONRESPONSE takes it from the definition.
 */
#include <string.h>

#include "handlers/engine.h"
#include "handlers/input.h"

static struct error *
response_create(struct run *run, struct json_object *input, struct reply *reply)
{
	struct json_object *attributes;
	const char *type;
	struct error *error =
		input_text(run->request->arena, input, "response_type", &type);

	if (error)
		return error;
	attributes = json_object_new_object();
	json_object_object_foreach(input, name, value)
	{
		if (strcmp(name, "response_type") != 0)
			json_object_object_add(attributes, name,
					       json_object_get(value));
	}
	reply_add(reply, type, attributes);
	return NULL;
}

const struct performer performer_response_create = {
	.name = "response.create",
	.summary = "Answer an item whose type is worked out",
	.perform = response_create,
};
