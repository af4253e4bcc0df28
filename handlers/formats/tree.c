/*
 * tree.c: see tree.h. Sizes of tables are those that json-c's hash needs: it
 * lets them be two thirds full.
 */
#include "handlers/formats/tree.h"

#include <stdlib.h>

#define SMALL_OBJECT 4

struct json_object *
array_new(void)
{
	return json_object_new_array_ext(2);
}

void
object_fit(struct json_object *object)
{
	int keys = json_object_object_length(object);

	if (keys <= SMALL_OBJECT)
		lh_table_resize(json_object_get_object(object),
				keys < 2 ? 2 : keys * 3 / 2 + 1);
}

struct json_object *
tree_copy(struct json_object *from)
{
	struct json_object *to = NULL;

	if (json_object_is_type(from, json_type_object)) {
		to = json_object_new_object();
		json_object_object_foreach(from, key, value)
		{
			json_object_object_add(to, key, tree_copy(value));
		}
		object_fit(to);
	} else if (json_object_is_type(from, json_type_array)) {
		to = array_new();
		for (size_t i = 0; i < json_object_array_length(from); i++)
			json_object_array_add(
				to,
				tree_copy(json_object_array_get_idx(from, i)));
	} else if (from && json_object_deep_copy(from, &to, NULL) != 0) {
		abort();
	}
	return to;
}
