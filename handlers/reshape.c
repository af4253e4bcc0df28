/*
 * reshape.c: from the input of an action to a change of the schema. Files that
 * were uploaded are kept in json_schema, and say afterwards what holds.
 */
#include "handlers/reshape.h"

#include <string.h>

#include "db/json_schema.h"
#include "db/migrate.h"
#include "handlers/formats/format.h"
#include "handlers/schema.h"

struct error *
reshape_input(struct run *run, struct json_object *input, const char *name,
	      const char **text)
{
	struct json_object *value = json_object_object_get(input, name);

	if (json_object_is_type(value, json_type_string) &&
	    json_object_get_string_len(value)) {
		*text = json_object_get_string(value);
		return NULL;
	}
	return error_at(
		error_new(run->request->arena, 400, "required",
			  "%s is needed, as text.", name),
		arena_printf(run->request->arena, "/attributes/%s", name));
}

static struct error *
find_table(struct run *run, struct json_object *input, const char **table)
{
	const struct model *model = run->request->model;
	const char *id;
	struct error *error = reshape_input(run, input, "world_id", &id);

	for (size_t i = 0; !error && i < model->nentities; i++) {
		const struct entity *entity = model->entities[i];

		if (!entity->world_reference_id ||
		    strcmp(entity->world_reference_id, id) != 0)
			continue;
		*table = entity->name;
		return NULL;
	}
	return error ? error
		     : error_new(run->request->arena, 404, "not-found",
				 "There is no such table.");
}

/* Files. */

/* JSON is YAML too; other files become JSON, and their names say so. */
static const char *
new_name(struct arena *arena, const char *name)
{
	const struct format *format = format_of(name);

	if (format == &format_json || format == &format_yaml)
		return name;
	return arena_printf(arena, "%s.json", name);
}

static struct error *
change_file(struct run *run, const struct schema_change *change,
	    const struct json_schema_file *file)
{
	struct arena *arena = run->request->arena;
	struct json_object *tree;
	const char *before, *after;

	/* a row that somebody wrote by hand is no file of ours */
	if (format_read(arena, file->name, file->content, strlen(file->content),
			&format_schema_limits, &tree))
		return NULL;
	before = arena_strdup(arena, json_object_to_json_string_ext(
					     tree, JSON_C_TO_STRING_PRETTY));
	schema_change_tree(arena, tree, change);
	after = json_object_to_json_string_ext(tree, JSON_C_TO_STRING_PRETTY);
	if (!strcmp(before, after))
		return NULL;
	return json_schema_replace(run->request->db, arena, file,
				   new_name(arena, file->name), after);
}

static struct error *
change_files(struct run *run, const struct schema_change *change)
{
	struct request *request = run->request;
	struct json_schema_file *files;
	size_t count;
	struct error *error =
		json_schema_read(request->db, request->arena, &files, &count);

	for (size_t i = 0; !error && i < count; i++)
		error = change_file(run, change, &files[i]);
	return error;
}

struct error *
reshape_run(struct run *run, struct json_object *input,
	    struct schema_change *change, const char *message,
	    struct reply *reply)
{
	struct request *request = run->request;
	bool is_dry = run->dry_run || schema_is_dry_run(run->attributes);
	struct migration *migration;
	struct error *error;

	if (!run->actor->is_administrator)
		return error_new(request->arena, 403, "forbidden",
				 "Tables are for administrators to change.");
	error = find_table(run, input, &change->table);
	if (!error)
		error = migrate_reshape(request->db, request->arena, change,
					is_dry, &migration);
	if (!error && !is_dry)
		error = change_files(run, change);
	if (error)
		return error;
	run->model_changed = !is_dry;
	if (is_dry)
		schema_reply_statements(reply, migration);
	else
		reply_notify(reply, "message", "Success", message);
	return NULL;
}
