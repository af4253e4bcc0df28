/*
 * json.c: json-c's values in arenas, and members of objects as texts.
 */
#include "db/base/json.h"

static void
release(void *object)
{
	json_object_put(object);
}

struct json_object *
json_keep(struct arena *arena, struct json_object *object)
{
	arena_defer(arena, release, object);
	return object;
}

const char *
json_member_text(struct json_object *object, const char *name)
{
	const char *text =
		json_object_get_string(json_object_object_get(object, name));

	return text ? text : "";
}
