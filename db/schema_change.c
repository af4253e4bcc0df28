/*
 * schema_change.c: edits of trees, whose names are matched as schema_read()
 * reads them: without regard to case, tables and columns in snake case.
 */
#include "db/schema_change.h"

#include <string.h>
#include <strings.h>

#include "db/schema_file.h"
#include "db/schema_tree.h"

struct editing {
	struct arena *arena;
	const struct schema_change *change;
	const char *subject; /* of a relation that stands in a table, or NULL */
};

/* A text member in snake case, "" where there is none. */
static const char *
name_of(const struct editing *editing, struct json_object *object,
	const char *member)
{
	const char *text = json_object_get_string(tree_member(object, member));

	return text ? schema_snake_case(editing->arena, text) : "";
}

static bool
names_table(const struct editing *editing, struct json_object *object,
	    const char *member)
{
	return !strcmp(name_of(editing, object, member),
		       editing->change->table);
}

static void
set_text(struct json_object *object, const char *member, const char *text)
{
	json_object_object_foreach(object, key, value)
	{
		(void)value;
		if (!strcasecmp(key, member)) {
			member = key;
			break;
		}
	}
	json_object_object_add(object, member, json_object_new_string(text));
}

/* A block of HCL stands in a list of its own. */
static struct json_object *
open_item(struct json_object *list, size_t index)
{
	return tree_item(tree_item(list, index), 0);
}

typedef bool item_test(const struct editing *editing, struct json_object *item);

/* Takes items out of a list; what is no list is its only item. */
static void
remove_items(const struct editing *editing, struct json_object *object,
	     const char *member, item_test *is_gone)
{
	struct json_object *list = tree_member(object, member);

	if (json_object_is_type(list, json_type_array)) {
		for (size_t i = json_object_array_length(list); i-- > 0;)
			if (is_gone(editing, open_item(list, i)))
				json_object_array_del_idx(list, i, 1);
		return;
	}
	if (!list || !is_gone(editing, list))
		return;
	json_object_object_foreach(object, key, value)
	{
		if (value == list) {
			json_object_object_del(object, key);
			return;
		}
	}
}

/* Columns. */

static bool
is_column(const struct editing *editing, struct json_object *item)
{
	const char *name = name_of(editing, item, "ColumnName");

	if (!*name)
		name = name_of(editing, item, "Name");
	return !strcmp(name, editing->change->column);
}

static bool
is_rule(const struct editing *editing, struct json_object *item)
{
	const char *name =
		json_object_get_string(tree_member(item, "ColumnName"));

	return name && !strcmp(name, editing->change->column);
}

/* The to-one relation whose key the column is. */
static bool
is_key(const struct editing *editing, struct json_object *item)
{
	const char *kind =
		json_object_get_string(tree_member(item, "Relation"));
	const char *subject = name_of(editing, item, "Subject");
	const char *name = name_of(editing, item, "ObjectName");

	if (!*subject && editing->subject)
		subject = editing->subject;
	if (!*name)
		name = arena_printf(editing->arena, "%s_id",
				    name_of(editing, item, "Object"));
	return kind &&
	       (!strcasecmp(kind, "belongs_to") ||
		!strcasecmp(kind, "has_one")) &&
	       !strcmp(subject, editing->change->table) &&
	       !strcmp(name, editing->change->column);
}

static void
rename_items(const struct editing *editing, struct json_object *object,
	     const char *list_name, const char *member, item_test *is_it)
{
	struct json_object *list = tree_member(object, list_name);

	for (size_t i = 0; i < tree_length(list); i++)
		if (is_it(editing, open_item(list, i)))
			set_text(open_item(list, i), member,
				 editing->change->new_name);
}

static void
rename_in_keys(const struct editing *editing, struct json_object *table)
{
	struct json_object *keys = tree_member(table, "CompositeKeys");

	for (size_t i = 0; i < tree_length(keys); i++) {
		struct json_object *key = tree_item(keys, i);

		if (!json_object_is_type(key, json_type_array))
			continue;
		for (size_t j = 0; j < json_object_array_length(key); j++)
			if (!strcmp(json_object_get_string(
					    json_object_array_get_idx(key, j)),
				    editing->change->column))
				json_object_array_put_idx(
					key, j,
					json_object_new_string(
						editing->change->new_name));
	}
}

/* "-title, id", perhaps in quotes: the name as a word of it. */
static void
rename_in_order(const struct editing *editing, struct json_object *table)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
	const char *text =
		json_object_get_string(tree_member(table, "DefaultOrder"));
	struct strbuf order;

	strbuf_init(&order, editing->arena);
	while (text && *text) {
		size_t length = strspn(text, letters);
		const char *word = arena_strndup(editing->arena, text, length);

		strbuf_puts(&order, strcmp(word, editing->change->column)
					    ? word
					    : editing->change->new_name);
		text += length;
		if (*text)
			strbuf_putc(&order, *text++);
	}
	if (order.length)
		set_text(table, "DefaultOrder", order.data);
}

static void
change_table(const struct editing *editing, struct json_object *table)
{
	static const char *const rules[] = { "Validations", "Conformations" };
	bool renames = editing->change->kind == SCHEMA_RENAME_COLUMN;

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (renames)
			rename_items(editing, table, rules[i], "ColumnName",
				     is_rule);
		else
			remove_items(editing, table, rules[i], is_rule);
	if (!renames) {
		remove_items(editing, table, "Columns", is_column);
		return;
	}
	rename_items(editing, table, "Columns", "ColumnName", is_column);
	rename_in_keys(editing, table);
	rename_in_order(editing, table);
}

static void
change_relations(const struct editing *editing, struct json_object *object)
{
	if (editing->change->kind == SCHEMA_RENAME_COLUMN)
		rename_items(editing, object, "Relations", "ObjectName",
			     is_key);
	else
		remove_items(editing, object, "Relations", is_key);
}

static void
change_column(struct editing *editing, struct json_object *tree)
{
	struct json_object *tables = tree_member(tree, "Tables");

	for (size_t i = 0; i < tree_length(tables); i++) {
		struct json_object *table = open_item(tables, i);

		if (names_table(editing, table, "TableName"))
			change_table(editing, table);
		editing->subject = name_of(editing, table, "TableName");
		change_relations(editing, table);
	}
	editing->subject = NULL;
	change_relations(editing, tree);
}

/* Tables. */

/* The table, and what is made of it. */
static bool
is_of_table(const struct editing *editing, struct json_object *item)
{
	static const char *const endings[] = { "", "_audit", "_state",
					       "_state_audit" };
	const char *name = name_of(editing, item, "TableName");
	const char *table = editing->change->table;
	size_t length = strlen(table);

	for (size_t i = 0; i < ARRAY_SIZE(endings); i++)
		if (!strncmp(name, table, length) &&
		    !strcmp(name + length, endings[i]))
			return true;
	return json_object_get_boolean(tree_member(item, "IsJoinTable")) &&
	       ((!strncmp(name, table, length) && name[length] == '_') ||
		strstr(name, arena_printf(editing->arena, "_has_%s_", table)));
}

static bool
has_table_at_end(const struct editing *editing, struct json_object *item)
{
	return names_table(editing, item, "Subject") ||
	       names_table(editing, item, "Object");
}

static bool
is_action_of_table(const struct editing *editing, struct json_object *item)
{
	return names_table(editing, item, "OnType");
}

static bool
is_stream_of_table(const struct editing *editing, struct json_object *item)
{
	return names_table(editing, item, "RootEntityName");
}

static bool
is_task_of_table(const struct editing *editing, struct json_object *item)
{
	return names_table(editing, item, "EntityName");
}

static bool
is_import_of_table(const struct editing *editing, struct json_object *item)
{
	return names_table(editing, item, "Entity");
}

static const struct {
	const char *section;
	item_test *is_gone;
} sections[] = {
	{ "Tables", is_of_table },
	{ "Relations", has_table_at_end },
	{ "Actions", is_action_of_table },
	{ "Streams", is_stream_of_table },
	{ "Tasks", is_task_of_table },
	{ "Imports", is_import_of_table },
	{ "DataImports", is_import_of_table },
};

static void
remove_table(const struct editing *editing, struct json_object *tree)
{
	struct json_object *tables;

	for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
		remove_items(editing, tree, sections[i].section,
			     sections[i].is_gone);
	tables = tree_member(tree, "Tables");
	for (size_t i = 0; i < tree_length(tables); i++)
		remove_items(editing, open_item(tables, i), "Relations",
			     has_table_at_end);
}

void
schema_change_tree(struct arena *arena, struct json_object *tree,
		   const struct schema_change *change)
{
	struct editing editing = { .arena = arena, .change = change };

	tree = tree_item(tree, 0);
	if (!json_object_is_type(tree, json_type_object))
		return;
	if (change->kind == SCHEMA_REMOVE_TABLE)
		remove_table(&editing, tree);
	else
		change_column(&editing, tree);
}

void
schema_changes_apply(struct arena *arena, struct json_object *tree,
		     const struct schema_changes *changes)
{
	for (size_t i = 0; i < changes->count; i++)
		schema_change_tree(arena, tree, &changes->items[i]);
}

/* The log. */

static const char *const kind_names[] = {
	[SCHEMA_REMOVE_COLUMN] = "remove_column",
	[SCHEMA_RENAME_COLUMN] = "rename_column",
	[SCHEMA_REMOVE_TABLE] = "remove_table",
};

static const char HAS_CHANGES[] =
	"SELECT to_regclass('actd_schema_change') IS NOT NULL";

static const char READ_CHANGES[] =
	"SELECT kind, entity, column_name, new_name, id"
	" FROM actd_schema_change ORDER BY id";

enum { CHANGE_KIND, CHANGE_TABLE, CHANGE_COLUMN, CHANGE_NEW_NAME, CHANGE_ID };

static struct schema_change
change_of(const struct rows *rows, size_t row)
{
	struct schema_change change = {
		.table = rows_text(rows, row, CHANGE_TABLE),
		.column = rows_text(rows, row, CHANGE_COLUMN),
		.new_name = rows_text(rows, row, CHANGE_NEW_NAME),
	};

	for (size_t i = 0; i < ARRAY_SIZE(kind_names); i++)
		if (!strcmp(kind_names[i], rows_text(rows, row, CHANGE_KIND)))
			change.kind = (enum schema_change_kind)i;
	return change;
}

struct error *
schema_changes_read(struct db *db, struct arena *arena,
		    struct schema_changes *changes)
{
	struct error *error;
	struct rows *rows;

	*changes = (struct schema_changes){ 0 };
	error = db_query(db, arena, HAS_CHANGES, NO_PARAMS, &rows);
	if (error || !rows_boolean(rows, 0, 0))
		return error;
	error = db_query(db, arena, READ_CHANGES, NO_PARAMS, &rows);
	for (size_t i = 0; !error && i < rows_count(rows); i++)
		ARENA_PUSH(arena, changes->items, changes->count,
			   change_of(rows, i));
	return error;
}

static const char ADD_CHANGE[] =
	"INSERT INTO actd_schema_change (kind, entity, column_name, new_name)"
	" VALUES ($1, $2, $3, $4)";

struct error *
schema_changes_add(struct db *db, struct arena *arena,
		   const struct schema_change *change)
{
	return db_query(db, arena, ADD_CHANGE,
			PARAMS(kind_names[change->kind], change->table,
			       change->column, change->new_name),
			NULL);
}

static bool
declares_key(const struct schema *schema, const struct schema_change *change)
{
	for (size_t i = 0; i < schema->nrelations; i++) {
		const struct relation *relation = schema->relations[i];

		if ((relation->kind == RELATION_BELONGS_TO ||
		     relation->kind == RELATION_HAS_ONE) &&
		    !strcmp(relation->subject, change->table) &&
		    !strcmp(relation->object_name, change->column))
			return true;
	}
	return false;
}

static bool
declares(const struct schema *schema, const struct schema_change *change)
{
	for (size_t i = 0; i < schema->nentities; i++) {
		const struct entity *entity = schema->entities[i];

		if (strcmp(entity->name, change->table) != 0)
			continue;
		if (!change->column || entity_column(entity, change->column))
			return true;
	}
	return change->column && declares_key(schema, change);
}

static const char FORGET_CHANGE[] =
	"DELETE FROM actd_schema_change WHERE id = $1::bigint";

struct error *
schema_changes_forget(struct db *db, struct arena *arena,
		      const struct schema *declared)
{
	struct rows *rows;
	struct error *error =
		db_query(db, arena, READ_CHANGES, NO_PARAMS, &rows);

	for (size_t i = 0; !error && i < rows_count(rows); i++) {
		struct schema_change change = change_of(rows, i);

		if (declares(declared, &change))
			error = db_query(db, arena, FORGET_CHANGE,
					 PARAMS(rows_text(rows, i, CHANGE_ID)),
					 NULL);
	}
	return error;
}
