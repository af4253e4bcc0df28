/*
 * schema.c: finds and reads schema files, checks what only handlers know of
 * (performers, references), and hands the rest to the migration.
 */
#include "handlers/schema.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/base/log.h"
#include "db/row_stream.h"
#include "db/schema_file.h"
#include "handlers/action_input.h"
#include "handlers/definition.h"
#include "handlers/engine.h"
#include "handlers/formats/format.h"
#include "handlers/validate.h"

extern const char _binary_sql_system_yaml_start[];
extern const char _binary_sql_system_yaml_end[];

static struct error *
add_text(struct arena *arena, const char *name, const char *content,
	 size_t length, bool is_system, const struct schema_changes *changes,
	 struct schema *schema)
{
	struct json_object *tree;
	struct error *error;

	error = format_read(arena, name, content, length, &format_schema_limits,
			    &tree);
	if (error)
		return error;
	if (changes)
		schema_changes_apply(arena, tree, changes);
	return schema_read(arena, tree, name, is_system, schema);
}

struct error *
schema_add_system(struct arena *arena, struct schema *schema)
{
	/* cppcheck-suppress comparePointers; marks around one text */
	size_t length = (size_t)(_binary_sql_system_yaml_end -
				 _binary_sql_system_yaml_start);

	return add_text(arena, "system.yaml", _binary_sql_system_yaml_start,
			length, true, NULL, schema);
}

struct error *
schema_add_file(struct arena *arena, const char *name, const char *content,
		size_t length, struct schema *schema)
{
	return add_text(arena, arena_strdup(arena, name), content, length,
			false, NULL, schema);
}

/* Folders. */

static int
is_schema_file(const struct dirent *entry)
{
	return !strncmp(entry->d_name, "schema_", strlen("schema_")) &&
	       strchr(entry->d_name, '.');
}

static int
by_name(const struct dirent **left, const struct dirent **right)
{
	return strcmp((*left)->d_name, (*right)->d_name);
}

static void
release_names(void *names)
{
	struct dirent **entries = names;

	for (size_t i = 0; entries[i]; i++)
		free(entries[i]);
	free(entries);
}

/* The matching names, in order, with a NULL at the end. */
static struct error *
list_folder(struct arena *arena, const char *folder, struct dirent ***names)
{
	struct dirent **found;
	int count = scandir(folder, &found, is_schema_file, by_name);

	*names = ARENA_NEW(arena, struct dirent *);
	if (count < 0 && errno == ENOENT)
		return NULL;
	if (count < 0)
		return error_internal(arena, "schema folder %s: %s", folder,
				      strerror(errno));
	*names = realloc(found, ((size_t)count + 1) * sizeof *found);
	if (!*names)
		abort();
	(*names)[count] = NULL;
	arena_defer(arena, release_names, *names);
	return NULL;
}

static struct error *
unreadable(struct arena *arena, const char *name, int cause)
{
	return error_new(arena, 422, "unreadable-file", "%s: %s", name,
			 strerror(cause));
}

/* One byte more than the limit is read, so that format_read() refuses it. */
static struct error *
add_path(struct arena *arena, const char *folder, const char *name,
	 const struct schema_changes *changes, struct schema *schema)
{
	size_t limit = format_schema_limits.bytes + 1;
	FILE *file = fopen(arena_printf(arena, "%s/%s", folder, name), "re");
	char *content;
	size_t length;
	int cause;

	if (!file)
		return unreadable(arena, name, errno);
	content = arena_alloc_raw(arena, limit);
	errno = 0;
	length = fread(content, 1, limit, file);
	cause = ferror(file) ? errno : 0;
	fclose(file);
	if (cause)
		return unreadable(arena, name, cause);
	return add_text(arena, arena_strdup(arena, name), content, length,
			false, changes, schema);
}

struct error *
schema_add_folder(struct arena *arena, const char *folder,
		  const struct schema_changes *changes, struct schema *schema)
{
	struct error *faults = NULL;
	struct dirent **names;
	struct error *error;

	error = list_folder(arena, folder, &names);
	if (error)
		return error;
	for (size_t i = 0; names[i]; i++)
		error_append(&faults, add_path(arena, folder, names[i]->d_name,
					       changes, schema));
	return faults;
}

/* Checks. */

/* Packages in the wild have tags that nobody knows: no reason to refuse. */
static void
check_tags(struct arena *arena, const char *file, const char *where,
	   const struct tagging *tags, size_t ntags,
	   const char *(*unknown_tag)(struct arena *arena, const char *tags))
{
	for (size_t i = 0; i < ntags; i++) {
		const char *unknown = unknown_tag(arena, tags[i].tags);

		if (unknown)
			log_event(LOG_WARNING, "unknown-tag", "file", file,
				  "where", where, "column", tags[i].column_name,
				  "tag", unknown, NULL);
	}
}

static void
check_entity(struct arena *arena, const char *file, const struct entity *entity)
{
	const char *where = arena_printf(arena, "table %s", entity->name);

	check_tags(arena, file, where, entity->validations,
		   entity->nvalidations, validate_unknown_tag);
	check_tags(arena, file, where, entity->conformations,
		   entity->nconformations, conform_unknown_tag);
}

static struct error *
check_action(struct arena *arena, const struct model *model, const char *file,
	     const struct action *action)
{
	const char *where = arena_printf(arena, "action %s of %s", action->name,
					 action->on_type);
	const struct action *merged =
		model_action(model, action->on_type, action->name);

	check_tags(arena, file, where, action->validations,
		   action->nvalidations, validate_unknown_tag);
	check_tags(arena, file, where, action->conformations,
		   action->nconformations, conform_unknown_tag);
	return merged ? engine_check(arena, model, merged, file) : NULL;
}

/* What one file says is looked at alone, so that its name is at hand. */
static struct error *
check_source(struct arena *arena, const struct model *model,
	     const struct schema_source *source)
{
	struct schema alone = { 0 };
	struct error *faults = schema_read(arena, source->tree, source->file,
					   source->is_system, &alone);

	if (faults)
		return faults;
	for (size_t i = 0; i < alone.nentities; i++)
		check_entity(arena, source->file, alone.entities[i]);
	for (size_t i = 0; i < alone.nactions; i++)
		error_append(&faults, check_action(arena, model, source->file,
						   alone.actions[i]));
	for (size_t i = 0; i < alone.ntasks; i++)
		error_append(&faults,
			     definition_check_task(arena, model, source->file,
						   alone.tasks[i]));
	return faults;
}

static struct error *
check_stream(struct arena *arena, const struct model *model,
	     struct json_object *contract)
{
	const char *name = json_object_get_string(
		json_object_object_get(contract, "StreamName"));
	struct row_stream *stream;

	return row_stream_parse(arena, model, name, contract, &stream);
}

static struct error *
merged_model(struct db *db, struct arena *arena, const struct schema *schema,
	     struct model **model)
{
	struct schema *merged = ARENA_NEW(arena, struct schema);
	struct error *error;

	error = schema_load(db, arena, merged);
	if (!error)
		error = schema_merge(arena, merged, schema);
	if (!error)
		error = model_build(arena, merged, model);
	return error;
}

struct error *
schema_apply(struct db *db, struct arena *arena, const struct schema *schema,
	     bool dry_run, struct migration **migration)
{
	struct error *faults;
	struct model *model;

	faults = merged_model(db, arena, schema, &model);
	if (faults)
		return faults;
	for (size_t i = 0; i < schema->nsources; i++)
		error_append(&faults,
			     check_source(arena, model, &schema->sources[i]));
	for (size_t i = 0; i < schema->nstreams; i++)
		error_append(&faults,
			     check_stream(arena, model, schema->streams[i]));
	if (faults)
		return faults;
	faults = migrate(db, arena, schema, dry_run, migration);
	if (faults || dry_run)
		return faults;
	return schema_changes_forget(db, arena, schema);
}

struct error *
schema_check_users(struct db *db, struct arena *arena,
		   const struct schema *schema)
{
	struct error *faults = NULL;

	for (size_t i = 0; i < schema->nsources; i++) {
		const struct schema_source *source = &schema->sources[i];
		struct schema alone = { 0 };
		struct error *error =
			schema_read(arena, source->tree, source->file,
				    source->is_system, &alone);

		for (size_t j = 0; !error && j < alone.ntasks; j++)
			error_append(&error, definition_check_task_user(
						     db, arena, source->file,
						     alone.tasks[j]));
		error_append(&faults, error);
	}
	return faults;
}

/* Dry runs. */

bool
schema_is_dry_run(struct json_object *attributes)
{
	struct json_object *value;
	bool is_dry = false;

	if (action_value(VALUE_BOOLEAN,
			 json_object_object_get(attributes, "dry_run"),
			 &value)) {
		is_dry = json_object_get_boolean(value);
		json_object_put(value);
	}
	return is_dry;
}

void
schema_reply_statements(struct reply *reply, const struct migration *migration)
{
	struct json_object *attributes = json_object_new_object();
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < migration->nstatements; i++)
		json_object_array_add(
			list, json_object_new_string(migration->statements[i]));
	json_object_object_add(attributes, "statements", list);
	reply_add(reply, "action.response", attributes);
}
