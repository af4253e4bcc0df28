/*
 * reshape.c: makes a change in the database: tables, indexes, the rows of
 * world, the journal. Whether it may be made is in reshape_check.c.
 */
#include "db/reshape.h"

#include <string.h>

#include "db/catalog.h"
#include "db/schema_column.h"
#include "db/schema_file.h"
#include "db/sql.h"

struct reshaping {
	struct db *db;
	struct arena *arena;
	const struct model *model;
	const struct schema_change *change;
	const struct entity *entity;
	struct migration *migration;
	struct catalog *catalog; /* as a renamed column's keys are found */
};

static struct error *
execute(struct reshaping *reshaping, const struct sql *sql)
{
	struct migration *migration = reshaping->migration;

	ARENA_PUSH(reshaping->arena, migration->statements,
		   migration->nstatements, sql->text.data);
	return db_execute(reshaping->db, reshaping->arena, sql->text.data);
}

static void
begin_alter(struct reshaping *reshaping, struct sql *sql,
	    const struct entity *entity)
{
	sql_init(sql, reshaping->arena);
	sql_add(sql, "ALTER TABLE ");
	sql_name(sql, entity->table);
}

/* Removing a column takes its indexes and its foreign key along. */
static struct error *
drop_column(struct reshaping *reshaping, const struct entity *entity,
	    const struct column *column)
{
	struct sql sql;

	begin_alter(reshaping, &sql, entity);
	sql_add(&sql, " DROP COLUMN ");
	sql_name(&sql, column->sql_name);
	return execute(reshaping, &sql);
}

/* Renaming a column. */

static const char *
new_sql_name(const struct reshaping *reshaping)
{
	return sql_identifier(reshaping->arena, reshaping->change->new_name);
}

static struct error *
rename_index(struct reshaping *reshaping, const char *columns,
	     const char *new_columns, const char *kind)
{
	const char *table = reshaping->entity->table;
	const char *name =
		migrate_object_name(reshaping->arena, table, columns, kind);
	struct sql sql;

	if (!strcmp(columns, new_columns) ||
	    !catalog_has_index(reshaping->catalog, name))
		return NULL;
	sql_init(&sql, reshaping->arena);
	sql_add(&sql, "ALTER INDEX ");
	sql_name(&sql, name);
	sql_add(&sql, " RENAME TO ");
	sql_name(&sql, migrate_object_name(reshaping->arena, table, new_columns,
					   kind));
	return execute(reshaping, &sql);
}

static struct error *
rename_foreign_key(struct reshaping *reshaping, const struct column *column)
{
	struct arena *arena = reshaping->arena;
	const char *table = reshaping->entity->table;
	const char *name =
		migrate_object_name(arena, table, column->sql_name, "fkey");
	struct sql sql;

	if (!catalog_foreign_key(reshaping->catalog, name))
		return NULL;
	begin_alter(reshaping, &sql, reshaping->entity);
	sql_add(&sql, " RENAME CONSTRAINT ");
	sql_name(&sql, name);
	sql_add(&sql, " TO ");
	sql_name(&sql, migrate_object_name(arena, table,
					   new_sql_name(reshaping), "fkey"));
	return execute(reshaping, &sql);
}

/* "a,b,c" of a composite key, the column under its old or its new name. */
static const char *
key_columns(const struct reshaping *reshaping, const char *const *names,
	    const char *sql_name)
{
	const struct entity *entity = reshaping->entity;
	struct strbuf list;

	strbuf_init(&list, reshaping->arena);
	for (size_t i = 0; names[i]; i++) {
		bool is_it = !strcmp(names[i], reshaping->change->column);

		if (i)
			strbuf_putc(&list, ',');
		strbuf_puts(&list,
			    is_it ? sql_name
				  : entity_column(entity, names[i])->sql_name);
	}
	return list.data;
}

static struct error *
rename_keys(struct reshaping *reshaping, const struct column *column)
{
	static const char *const kinds[] = { "key", "idx", "fts" };
	const struct entity *entity = reshaping->entity;
	const char *new_name = new_sql_name(reshaping);
	struct error *error = catalog_read(reshaping->db, reshaping->arena,
					   &reshaping->catalog);

	for (size_t i = 0; !error && i < ARRAY_SIZE(kinds); i++)
		error = rename_index(reshaping, column->sql_name, new_name,
				     kinds[i]);
	for (size_t i = 0; !error && i < entity->ncomposite_keys; i++) {
		const char *const *names =
			(const char *const *)entity->composite_keys[i];

		error = rename_index(
			reshaping,
			key_columns(reshaping, names, column->sql_name),
			key_columns(reshaping, names, new_name), "key");
	}
	return error ? error : rename_foreign_key(reshaping, column);
}

static struct error *
rename_column(struct reshaping *reshaping, const struct entity *entity,
	      const struct column *column)
{
	struct sql sql;

	begin_alter(reshaping, &sql, entity);
	sql_add(&sql, " RENAME COLUMN ");
	sql_name(&sql, column->sql_name);
	sql_add(&sql, " TO ");
	sql_name(&sql, new_sql_name(reshaping));
	return execute(reshaping, &sql);
}

/* A column's history is under its name, and goes with it. */
static struct error *
change_columns(struct reshaping *reshaping)
{
	const struct entity *entity = reshaping->entity;
	const struct column *column =
		entity_column(entity, reshaping->change->column);
	const struct column *kept =
		entity->audit
			? entity_column(entity->audit, column->column_name)
			: NULL;
	bool renames = reshaping->change->kind == SCHEMA_RENAME_COLUMN;
	struct error *(*change)(struct reshaping *, const struct entity *,
				const struct column *) =
		renames ? rename_column : drop_column;
	struct error *error = change(reshaping, entity, column);

	if (!error && kept)
		error = change(reshaping, entity->audit, kept);
	if (!error && renames)
		error = rename_keys(reshaping, column);
	return error;
}

/* Removing a table. */

struct entity_list {
	const struct entity **items;
	size_t count;
};

static void
add_entity(struct reshaping *reshaping, struct entity_list *list,
	   const struct entity *entity)
{
	if (!entity)
		return;
	ARENA_PUSH(reshaping->arena, list->items, list->count, entity);
	add_entity(reshaping, list, entity->audit);
}

/* The table, its history, its states, and the links of its relations. */
static struct entity_list
entities_of_table(struct reshaping *reshaping)
{
	const struct entity *entity = reshaping->entity;
	const struct model *model = reshaping->model;
	struct entity_list list = { NULL, 0 };

	add_entity(reshaping, &list, entity);
	add_entity(reshaping, &list, entity->state);
	for (size_t i = 0; i < model->nrelations; i++) {
		const struct relation *relation = model->relations[i];

		if (relation->join &&
		    (relation->subject_entity == entity ||
		     relation->object_entity == entity ||
		     (entity->state &&
		      relation->subject_entity == entity->state)))
			add_entity(reshaping, &list, relation->join);
	}
	return list;
}

static const char FORGET_TABLE[] = "DELETE FROM world WHERE table_name = $1";

/* What runs did to rows that are gone can't be undone, and is not kept. */
static const char FORGET_JOURNAL[] =
	"UPDATE actd_journal SET entity = entity || ' (removed)',"
	" image = CASE WHEN image IS NULL THEN NULL ELSE '{}'::jsonb END"
	" WHERE entity = $1";

static struct error *
forget_entity(struct reshaping *reshaping, const struct entity *entity)
{
	struct error *error =
		db_query(reshaping->db, reshaping->arena, FORGET_TABLE,
			 PARAMS(entity->name), NULL);

	if (error)
		return error;
	return db_query(reshaping->db, reshaping->arena, FORGET_JOURNAL,
			PARAMS(entity->name), NULL);
}

static struct error *
remove_table(struct reshaping *reshaping)
{
	struct entity_list list = entities_of_table(reshaping);
	struct error *error;
	struct sql sql;

	sql_init(&sql, reshaping->arena);
	sql_add(&sql, "DROP TABLE ");
	for (size_t i = 0; i < list.count; i++) {
		if (i)
			sql_add(&sql, ", ");
		sql_name(&sql, list.items[i]->table);
	}
	error = execute(reshaping, &sql);
	for (size_t i = 0; !error && i < list.count; i++)
		error = forget_entity(reshaping, list.items[i]);
	return error;
}

/* Definitions. */

static const char READ_WORLD[] =
	"SELECT table_name, world_schema_json FROM world ORDER BY id";

static const char STORE_WORLD[] =
	"UPDATE world SET world_schema_json = $2, version = version + 1,"
	" updated_at = now() WHERE table_name = $1";

static void
release(void *object)
{
	json_object_put(object);
}

/* The definition changed, or NULL where the change is none of its. */
static const char *
changed_definition(const struct reshaping *reshaping, const char *text)
{
	struct arena *arena = reshaping->arena;
	struct schema_change history = *reshaping->change;
	struct json_object *definition = json_tokener_parse(text ? text : "");
	struct json_object *list = json_object_new_array();
	struct json_object *tree = json_object_new_object();
	const char *before, *after;

	json_object_array_add(list, definition);
	json_object_object_add(tree, "Tables", list);
	arena_defer(arena, release, tree);
	if (!json_object_is_type(definition, json_type_object))
		return NULL;
	before = arena_strdup(
		arena, json_object_to_json_string_ext(definition,
						      JSON_C_TO_STRING_PLAIN));
	history.table = arena_printf(arena, "%s_audit", history.table);
	schema_change_tree(arena, tree, reshaping->change);
	if (history.kind != SCHEMA_REMOVE_TABLE)
		schema_change_tree(arena, tree, &history);
	if (!json_object_array_length(list))
		return NULL;
	after = json_object_to_json_string_ext(definition,
					       JSON_C_TO_STRING_PLAIN);
	return strcmp(before, after) ? arena_strdup(arena, after) : NULL;
}

static struct error *
change_definitions(struct reshaping *reshaping)
{
	struct rows *rows;
	struct error *error = db_query(reshaping->db, reshaping->arena,
				       READ_WORLD, NO_PARAMS, &rows);

	for (size_t i = 0; !error && i < rows_count(rows); i++) {
		const char *text =
			changed_definition(reshaping, rows_text(rows, i, 1));

		if (text)
			error = db_query(
				reshaping->db, reshaping->arena, STORE_WORLD,
				PARAMS(rows_text(rows, i, 0), text), NULL);
	}
	return error;
}

/* Rows as they were have their columns by the names in the database. */
static const char REMOVE_FROM_JOURNAL[] =
	"UPDATE actd_journal SET image = image - $2::text"
	" WHERE entity = $1 AND image ? $2::text";

static const char RENAME_IN_JOURNAL[] =
	"UPDATE actd_journal SET image = image - $2::text"
	" || jsonb_build_object($3::text, image -> $2::text)"
	" WHERE entity = $1 AND image ? $2::text";

static struct error *
change_journal(struct reshaping *reshaping)
{
	const struct entity *entity = reshaping->entity;
	const char *name =
		entity_column(entity, reshaping->change->column)->sql_name;

	if (reshaping->change->kind == SCHEMA_REMOVE_COLUMN)
		return db_query(reshaping->db, reshaping->arena,
				REMOVE_FROM_JOURNAL, PARAMS(entity->name, name),
				NULL);
	return db_query(reshaping->db, reshaping->arena, RENAME_IN_JOURNAL,
			PARAMS(entity->name, name, new_sql_name(reshaping)),
			NULL);
}

static struct error *
stored_model(struct reshaping *reshaping, struct model **model)
{
	struct schema *schema = ARENA_NEW(reshaping->arena, struct schema);
	struct error *error =
		schema_load(reshaping->db, reshaping->arena, schema);

	return error ? error : model_build(reshaping->arena, schema, model);
}

struct error *
reshape_apply(struct db *db, struct arena *arena,
	      const struct schema_change *change, struct migration *migration)
{
	struct reshaping reshaping = { .db = db,
				       .arena = arena,
				       .change = change,
				       .migration = migration };
	struct model *model = NULL;
	struct error *error = stored_model(&reshaping, &model);

	if (!error)
		error = reshape_check(db, arena, model, change);
	if (error)
		return error;
	reshaping.model = model;
	reshaping.entity = model_entity(model, change->table);
	if (change->kind == SCHEMA_REMOVE_TABLE)
		error = remove_table(&reshaping);
	else
		error = change_columns(&reshaping);
	if (!error && change->kind != SCHEMA_REMOVE_TABLE)
		error = change_journal(&reshaping);
	if (!error)
		error = change_definitions(&reshaping);
	return error ? error : schema_changes_add(db, arena, change);
}
