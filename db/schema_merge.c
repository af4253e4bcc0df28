/*
 * schema_merge.c: one schema on top of another. Only the trees know which
 * members a file has and which it leaves out, so they are kept and read
 * again.
 */
#include "db/schema_file.h"

#include "db/base/json.h"

void
schema_add_source(struct arena *arena, struct schema *schema,
		  struct json_object *tree, const char *file, bool is_system)
{
	if (schema->forgets_sources)
		return;
	json_keep(arena, json_object_get(tree));
	ARENA_PUSH(arena, schema->sources, schema->nsources,
		   ((struct schema_source){ tree, file, is_system }));
}

struct error *
schema_merge(struct arena *arena, struct schema *schema,
	     const struct schema *added)
{
	for (size_t i = 0; i < added->nsources; i++) {
		const struct schema_source *source = &added->sources[i];
		struct error *error =
			schema_read(arena, source->tree, source->file,
				    source->is_system, schema);

		if (error)
			return error;
	}
	return NULL;
}
