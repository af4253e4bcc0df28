/*
 * schema_table.c: tables of a schema file, and their columns. What is there
 * already is refreshed by the members that are present; nothing is dropped,
 * and what the system declares stays as it is.
 */
#include <string.h>
#include <strings.h>

#include "db/schema_column.h"
#include "db/schema_file.h"
#include "db/schema_parts.h"

static member_reader read_columns;
static member_reader read_table_relations;
static member_reader read_composite_keys;
static member_reader read_extra;

static const struct member entity_members[] = {
	{ "TableName", NULL, 0 },
	{ "TableDescription", read_text, offsetof(struct entity, description) },
	{ "Columns", read_columns, 0 },
	{ "Relations", read_table_relations, 0 },
	{ "IsHidden", read_boolean, offsetof(struct entity, is_hidden) },
	{ "IsTopLevel", read_boolean, offsetof(struct entity, is_top_level) },
	{ "IsJoinTable", read_boolean, offsetof(struct entity, is_join_table) },
	{ "IsStateTrackingEnabled", read_boolean,
	  offsetof(struct entity, is_state_tracking_enabled) },
	{ "IsAuditEnabled", read_boolean,
	  offsetof(struct entity, is_audit_enabled) },
	{ "IsAuditTable", read_boolean,
	  offsetof(struct entity, is_audit_table) },
	{ "IsStateTable", read_boolean,
	  offsetof(struct entity, is_state_table) },
	{ "IsSystem", read_boolean, offsetof(struct entity, is_system) },
	{ "TranslationsEnabled", read_boolean,
	  offsetof(struct entity, translations_enabled) },
	{ "DefaultGroups", read_grants,
	  offsetof(struct entity, default_groups) },
	{ "AccessGroups", read_grants, offsetof(struct entity, access_groups) },
	{ "DefaultPermission", read_permission,
	  offsetof(struct entity, default_permission_wanted) },
	{ "Permission", read_permission,
	  offsetof(struct entity, permission_wanted) },
	{ "Validations", read_taggings, offsetof(struct entity, validations) },
	{ "Conformations", read_taggings,
	  offsetof(struct entity, conformations) },
	{ "DefaultOrder", read_text, offsetof(struct entity, default_order) },
	{ "Icon", read_text, offsetof(struct entity, icon) },
	{ "CompositeKeys", read_composite_keys, 0 },
	{ "DefaultRelations", read_extra, 0 },
	{ "Metering", read_extra, 0 },
	{ "StateMachines", read_extra, 0 },
};

static struct entity *
find_entity(const struct schema *schema, const char *name)
{
	return name_index_get(&schema->entity_index, name);
}

struct standard_column {
	const char *name;
	const char *families[5]; /* beginnings of SQL types that mean it too */
};

static const struct standard_column standard_columns[] = {
	{ "id", { "integer", "bigint", "smallint" } },
	{ "version", { "integer", "bigint", "smallint" } },
	{ "created_at", { "timestamp" } },
	{ "updated_at", { "timestamp" } },
	{ "reference_id", { "character varying", "text", "uuid", "bytea" } },
	{ "permission", { "integer", "bigint", "smallint" } },
};

/*
 * Standard columns come from us. Whether `column` is one, and a fault where
 * it asks for another type.
 */
static bool
is_standard(struct reader *reader, const struct path *path,
	    const struct column *column)
{
	for (size_t i = 0; i < ARRAY_SIZE(standard_columns); i++) {
		const struct standard_column *row = &standard_columns[i];
		const char *const *family = row->families;

		if (strcmp(column->column_name, row->name) != 0)
			continue;
		while (*family &&
		       strncmp(column->sql_type, *family, strlen(*family)) != 0)
			family++;
		if (!*family && *column->data_type)
			reader_fault(reader, path,
				     "%s is a standard column and can't be %s",
				     row->name, column->sql_type);
		return true;
	}
	return false;
}

static struct column *
find_column(const struct entity *entity, const char *name)
{
	for (size_t i = 0; i < entity->ncolumns; i++)
		if (!strcmp(entity->columns[i]->column_name, name))
			return entity->columns[i];
	return NULL;
}

/* A column of the system stays; asking for another kind is a fault. */
static bool
is_protected(struct reader *reader, const struct path *path,
	     const struct column *there, const struct column *column)
{
	if (!there->is_system || reader->is_system)
		return false;
	if (there->kind != column->kind && !there->is_foreign_key)
		reader_fault(reader, path,
			     "%s is a column of the system's own, which is %s",
			     there->column_name, there->sql_type);
	return true;
}

/* Names that this list has twice; one that was there before is refreshed. */
static bool
is_repeated(const struct column_list *seen, const char *name)
{
	for (size_t i = 0; i < seen->count; i++)
		if (!strcmp(seen->items[i]->column_name, name))
			return true;
	return false;
}

static void
place_column(struct reader *reader, const struct path *path,
	     struct entity *entity, struct column *column)
{
	struct column *there = find_column(entity, column->column_name);

	if (!there)
		ARENA_PUSH(reader->arena, entity->columns, entity->ncolumns,
			   column);
	else if (!is_protected(reader, path, there, column))
		*there = *column;
}

static void
read_columns(struct reader *reader, const struct path *path,
	     struct json_object *value, void *field)
{
	struct column_list seen = { NULL, 0 };
	struct entity *entity = field;

	for (size_t i = 0; i < tree_length(value); i++) {
		struct path here = { path, NULL, i };
		struct column *column =
			schema_read_column(reader, &here, tree_item(value, i));

		if (!column || is_standard(reader, &here, column))
			continue;
		if (is_repeated(&seen, column->column_name))
			reader_fault(reader, &here,
				     "a second column with the name %s",
				     column->column_name);
		ARENA_PUSH(reader->arena, seen.items, seen.count, column);
		place_column(reader, &here, entity, column);
	}
}

static void
read_table_relations(struct reader *reader, const struct path *path,
		     struct json_object *value, void *field)
{
	const struct entity *entity = field;

	for (size_t i = 0; i < tree_length(value); i++) {
		struct path here = { path, NULL, i };
		struct json_object *object =
			tree_object(reader, &here, tree_item(value, i));

		if (object)
			schema_read_relation(reader, &here, object,
					     entity->name);
	}
}

static void
read_composite_keys(struct reader *reader, const struct path *path,
		    struct json_object *value, void *field)
{
	struct entity *entity = field;

	entity->composite_keys = NULL;
	entity->ncomposite_keys = 0;
	for (size_t i = 0; i < tree_length(value); i++) {
		struct path here = { path, NULL, i };
		struct text_list key;

		read_text_list(reader, &here, tree_item(value, i), &key);
		if (!key.count) {
			reader_fault(reader, &here, "has no columns");
			continue;
		}
		ARENA_PUSH(reader->arena, key.items, key.count, NULL);
		ARENA_PUSH(reader->arena, entity->composite_keys,
			   entity->ncomposite_keys, key.items);
	}
}

static void
read_extra(struct reader *reader, const struct path *path,
	   struct json_object *value, void *field)
{
	struct entity *entity = field;
	const char *json = tree_json(reader->arena, value);

	for (size_t i = 0; i < entity->nextra_members; i++)
		if (!strcasecmp(entity->extra_members[i].name, path->key)) {
			entity->extra_members[i].json = json;
			return;
		}
	ARENA_PUSH(reader->arena, entity->extra_members, entity->nextra_members,
		   ((struct extra_member){
			   arena_strdup(reader->arena, path->key), json }));
}

/* Names of ours that are no tables of users. */
static const char *
table_name_fault(const char *name, size_t longest)
{
	if (strlen(name) == 1)
		return "has less than 2 characters";
	if (*name == '_')
		return "begins with an underscore";
	return name_fault(name, longest);
}

/* Whether a table is one that model_build() names, maybe at length. */
static bool
is_generated(struct json_object *object)
{
	static const char *const marks[] = { "IsJoinTable", "IsAuditTable",
					     "IsStateTable" };

	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		if (json_object_get_boolean(tree_member(object, marks[i])))
			return true;
	return false;
}

static const char *
table_name(struct reader *reader, const struct path *path,
	   struct json_object *object)
{
	size_t longest =
		is_generated(object) ? GENERATED_NAME_MAX : IDENTIFIER_MAX;
	struct path here = { path, "TableName", 0 };
	const char *name = "";
	const char *problem;

	if (tree_member(object, "TableName"))
		read_name_snake_case(reader, &here,
				     tree_member(object, "TableName"), &name);
	problem = table_name_fault(name, longest);
	if (problem) {
		reader_fault(reader, &here, "'%s' %s", name, problem);
		return NULL;
	}
	return name;
}

static struct entity *
entity_new(struct arena *arena, const char *name)
{
	struct entity *entity = ARENA_NEW(arena, struct entity);

	entity->name = name;
	entity->table = sql_identifier(arena, name);
	entity->description = "";
	entity->icon = "";
	entity->default_order = "";
	return entity;
}

static struct entity *
place_entity(struct reader *reader, const char *name)
{
	struct schema *schema = reader->schema;
	struct entity *entity = find_entity(schema, name);

	if (entity)
		return entity;
	entity = entity_new(reader->arena, name);
	ARENA_PUSH(reader->arena, schema->entities, schema->nentities, entity);
	if (!schema->entity_index.arena)
		name_index_init(&schema->entity_index, reader->arena);
	name_index_add(&schema->entity_index, entity->name, entity);
	return entity;
}

void
schema_read_table(struct reader *reader, const struct path *path,
		  struct json_object *object)
{
	const char *name = table_name(reader, path, object);
	struct entity *entity;

	if (!name)
		return;
	entity = place_entity(reader, name);
	read_members(reader, path, object, MEMBER_TABLE(entity_members),
		     entity);
	entity->is_top_level = !entity->is_join_table;
	entity->is_system |= reader->is_system;
}

/* Rules for columns that are not there, now that all columns are known. */

static bool
has_column(const struct schema *schema, const struct entity *entity,
	   const char *name)
{
	for (size_t i = 0; i < entity->ncolumns; i++)
		if (!strcmp(entity->columns[i]->column_name, name) ||
		    !strcasecmp(entity->columns[i]->name, name))
			return true;
	for (size_t i = 0; i < schema->nrelations; i++)
		if (!strcmp(schema->relations[i]->subject, entity->name) &&
		    !strcmp(schema->relations[i]->object_name, name))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(standard_columns); i++)
		if (!strcmp(standard_columns[i].name, name))
			return true;
	return !strcmp(name, "user_account_id");
}

static void
warn_of_taggings(struct reader *reader, const struct path *table,
		 const struct entity *entity, const char *member,
		 const struct tagging_list *list)
{
	struct path path = { table, member, 0 };

	for (size_t i = 0; i < list->count; i++) {
		struct path here = { &path, NULL, i };

		if (!has_column(reader->schema, entity,
				list->items[i].column_name))
			reader_warn(reader, &here,
				    "%s has no column %s, ignored",
				    entity->name, list->items[i].column_name);
	}
}

static void
warn_of_table(struct reader *reader, const struct path *path,
	      struct json_object *object)
{
	const char *name =
		json_object_get_string(tree_member(object, "TableName"));
	const struct entity *entity =
		name ? find_entity(reader->schema,
				   schema_snake_case(reader->arena, name))
		     : NULL;

	if (!entity)
		return;
	if (tree_member(object, "Validations"))
		warn_of_taggings(
			reader, path, entity, "Validations",
			&(struct tagging_list){ entity->validations,
						entity->nvalidations });
	if (tree_member(object, "Conformations"))
		warn_of_taggings(
			reader, path, entity, "Conformations",
			&(struct tagging_list){ entity->conformations,
						entity->nconformations });
}

void
schema_warn_of_rules(struct reader *reader, struct json_object *tables)
{
	struct path top = { NULL, "Tables", 0 };

	for (size_t i = 0; i < tree_length(tables); i++) {
		struct path here = { &top, NULL, i };

		warn_of_table(reader, &here, tree_item(tables, i));
	}
}
