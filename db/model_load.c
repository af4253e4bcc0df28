/*
 * model_load.c: from the rows of world, action and smd back to a schema and a
 * model. What a definition does not hold (ids, owners, permissions, group
 * links) is added from the rows.
 */
#include <string.h>

#include "db/base/log.h"
#include "db/migrate.h"
#include "db/permission.h"
#include "db/schema_file.h"
#include "db/setting.h"
#include "db/row_stream.h"

static const char FILE_NAME[] = "stored definitions";

/* Rows of one table, and which of them are not to be read. */
struct definitions {
	struct rows *rows; /* NULL where the database is empty */
	bool *is_left_out;
};

/* What a model comes from. */
struct stored {
	struct definitions world;
	struct definitions actions;
	struct definitions machines;
};

enum {
	WORLD_NAME,
	WORLD_DEFINITION,
	WORLD_ID,
	WORLD_REFERENCE_ID,
	WORLD_OWNER,
	WORLD_PERMISSION,
	WORLD_DEFAULT_PERMISSION,
	WORLD_IS_JOIN_TABLE
};

static const char READ_WORLD[] =
	"SELECT table_name, world_schema_json, id, reference_id,"
	" user_account_id, permission, default_permission, is_join_table"
	" FROM world ORDER BY table_name COLLATE \"C\"";

enum {
	ACTION_ENTITY,
	ACTION_NAME,
	ACTION_DEFINITION,
	ACTION_LABEL,
	ACTION_ID,
	ACTION_REFERENCE_ID,
	ACTION_OWNER,
	ACTION_PERMISSION,
	ACTION_INSTANCE_OPTIONAL
};

#define SELECT_ACTIONS                                                         \
	"SELECT w.table_name, a.action_name, a.action_schema, a.label, a.id,"  \
	" a.reference_id, a.user_account_id, a.permission,"                    \
	" a.instance_optional"                                                 \
	" FROM action a JOIN world w ON w.id = a.world_id"

static const char READ_ACTIONS[] =
	SELECT_ACTIONS " ORDER BY w.table_name COLLATE \"C\","
		       " a.action_name COLLATE \"C\", a.id";

static const char READ_ACTION[] =
	SELECT_ACTIONS " WHERE a.reference_id = $1::uuid";

static const char READ_MACHINES[] =
	"SELECT name, label, initial_state, events FROM smd ORDER BY id";

static const char HAS_WORLD[] = "SELECT to_regclass('world') IS NOT NULL";

static struct error *
read_rows(struct db *db, struct arena *arena, const char *sql,
	  struct definitions *definitions)
{
	struct error *error =
		db_query(db, arena, sql, NO_PARAMS, &definitions->rows);

	if (!error)
		definitions->is_left_out =
			ARENA_ARRAY(arena, bool, rows_count(definitions->rows));
	return error;
}

static struct error *
read_stored(struct db *db, struct arena *arena, struct stored *stored)
{
	struct error *error;
	struct rows *rows;

	memset(stored, 0, sizeof *stored);
	error = db_query(db, arena, HAS_WORLD, NO_PARAMS, &rows);
	if (error || !rows_boolean(rows, 0, 0))
		return error;
	error = read_rows(db, arena, READ_WORLD, &stored->world);
	if (!error)
		error = read_rows(db, arena, READ_ACTIONS, &stored->actions);
	if (!error)
		error = read_rows(db, arena, READ_MACHINES, &stored->machines);
	return error;
}

/* Definitions. */

/*
 * The standard columns in a definition's text, which reading would leave out
 * again: a third of the work. Empty where they are not what we write, or not
 * in front.
 */
struct gap {
	size_t offset;
	size_t length;
};

static struct gap
find_gap(const char *text, const char *standard)
{
	static const char start[] = "\"Columns\":[";
	const char *columns = strstr(text, start);
	size_t length = strlen(standard);
	struct gap gap = { 0, 0 };

	if (!columns)
		return gap;
	columns += sizeof start - 1;
	if (!strncmp(columns, standard, length)) {
		gap.offset = (size_t)(columns - text);
		gap.length = length + (columns[length] == ',');
	}
	return gap;
}

/*
 * Members of columns that say what is so without them: half of the rest. As
 * schema_write.c writes them; the quotes of a text are escaped, so that they
 * are nowhere else. Where they stand, at or after a place.
 */
static const char *const silent[] = {
	"\"IsPrimaryKey\":false,\"IsAutoIncrement\":false,",
	"\"Permission\":0,\"IsForeignKey\":false,\"ExcludeFromApi\":false,"
	"\"ForeignKeyData\":{\"DataSource\":\"\",\"Namespace\":\"\","
	"\"KeyName\":\"\"},",
};

struct silence {
	const char *next[ARRAY_SIZE(silent)]; /* NULL: there are no more */
};

/* The next one at or after `at`, NULL if there is none. */
static const char *
next_silence(struct silence *silence, const char *at, size_t *length)
{
	const char *first = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(silent); i++) {
		const char **next = &silence->next[i];

		if (*next && *next < at)
			*next = strstr(at, silent[i]);
		if (*next && (!first || *next < first)) {
			first = *next;
			*length = strlen(silent[i]);
		}
	}
	return first;
}

/* False where nothing more may follow. */
static bool
parse_piece(struct json_tokener *tokener, const char *text, size_t length,
	    struct json_object **value)
{
	*value = json_tokener_parse_ex(tokener, text, (int)length);
	return json_tokener_get_error(tokener) == json_tokener_continue;
}

/* A stored definition of a table; NULL where it is no JSON. */
static struct json_object *
parse_table(const char *text, const char *standard)
{
	struct gap gap = find_gap(text, standard);
	const char *at = text + gap.offset + gap.length;
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *value = NULL;
	struct silence silence;
	const char *end;
	size_t length;
	bool goes_on;

	for (size_t i = 0; i < ARRAY_SIZE(silent); i++)
		silence.next[i] = strstr(at, silent[i]);
	goes_on = !gap.offset || parse_piece(tokener, text, gap.offset, &value);
	while (goes_on && (end = next_silence(&silence, at, &length))) {
		goes_on = parse_piece(tokener, at, (size_t)(end - at), &value);
		at = end + length;
	}
	if (goes_on) /* the end of the text ends the value */
		parse_piece(tokener, at, strlen(at) + 1, &value);
	json_tokener_free(tokener);
	return value;
}

/* {"Tables": [definition]}, which it takes; NULL where that is no object. */
static struct json_object *
wrap_definition(const char *list, struct json_object *definition)
{
	struct json_object *tree, *array;

	if (!json_object_is_type(definition, json_type_object)) {
		json_object_put(definition);
		return NULL;
	}
	array = json_object_new_array_ext(1);
	json_object_array_add(array, definition);
	tree = json_object_new_object();
	json_object_object_add(tree, list, array);
	return tree;
}

static struct json_object *
wrapped_definition(struct json_object *tree, const char *list)
{
	return json_object_array_get_idx(json_object_object_get(tree, list), 0);
}

static void
set_text(struct json_object *definition, const char *member, const char *text)
{
	json_object_object_add(definition, member,
			       text ? json_object_new_string(text) : NULL);
}

static struct json_object *
table_tree(const struct rows *rows, size_t row, const char *standard)
{
	const char *text = rows_text(rows, row, WORLD_DEFINITION);

	if (!text)
		return NULL;
	return wrap_definition("Tables", parse_table(text, standard));
}

/* The row's own columns say whose action it is, and what it is called. */
static struct json_object *
action_tree(const struct rows *rows, size_t row, const char *standard UNUSED)
{
	const char *text = rows_text(rows, row, ACTION_DEFINITION);
	struct json_object *tree = wrap_definition(
		"Actions", json_tokener_parse(text ? text : ""));
	struct json_object *definition;

	if (!tree)
		return NULL;
	definition = wrapped_definition(tree, "Actions");
	set_text(definition, "Name", rows_text(rows, row, ACTION_NAME));
	set_text(definition, "OnType", rows_text(rows, row, ACTION_ENTITY));
	set_text(definition, "Label", rows_text(rows, row, ACTION_LABEL));
	json_object_object_add(definition, "InstanceOptional",
			       json_object_new_boolean(rows_boolean(
				       rows, row, ACTION_INSTANCE_OPTIONAL)));
	return tree;
}

static void
release_tree(void *tree)
{
	json_object_put(tree);
}

struct error *
schema_load_action(struct db *db, struct arena *arena, const char *id,
		   struct json_object **tree)
{
	struct rows *rows;
	struct error *error =
		db_query(db, arena, READ_ACTION, PARAMS(id), &rows);

	if (error)
		return error;
	if (!rows_count(rows))
		return error_new(arena, 404, "not-found",
				 "There is no such action.");
	*tree = action_tree(rows, 0, NULL);
	arena_defer(arena, release_tree, *tree);
	return NULL;
}

static struct json_object *
machine_tree(const struct rows *rows, size_t row, const char *standard UNUSED)
{
	static const char list[] = "StateMachineDescriptions";
	struct json_object *tree =
		wrap_definition(list, json_object_new_object());
	struct json_object *machine = wrapped_definition(tree, list);
	const char *events = rows_text(rows, row, 3);

	set_text(machine, "Name", rows_text(rows, row, 0));
	set_text(machine, "Label", rows_text(rows, row, 1));
	set_text(machine, "InitialState", rows_text(rows, row, 2));
	json_object_object_add(machine, "Events",
			       json_tokener_parse(events ? events : "[]"));
	return tree;
}

/* How the rows of one table become trees that schema_read() knows. */
struct reading {
	struct definitions *definitions;
	const char *list;
	size_t name_column;
	struct json_object *(*tree)(const struct rows *rows, size_t row,
				    const char *standard);
	const char *standard; /* the standard columns' text */
};

/* What actd brought itself is marked in its definition. */
static struct error *
read_definition(struct arena *arena, const struct reading *reading, size_t row,
		struct schema *schema)
{
	struct json_object *tree = reading->tree(reading->definitions->rows,
						 row, reading->standard);
	struct json_object *definition;
	struct error *error;

	if (!tree)
		return error_new(arena, 422, "invalid-schema",
				 "%s: no JSON object", FILE_NAME);
	definition = wrapped_definition(tree, reading->list);
	error = schema_read(arena, tree, FILE_NAME,
			    json_object_get_boolean(json_object_object_get(
				    definition, "IsSystem")),
			    schema);
	json_object_put(tree);
	return error;
}

/* False if a row was found that is to be left out from now on. */
static bool
read_all(struct arena *arena, const struct reading *reading,
	 struct schema *schema)
{
	struct definitions *definitions = reading->definitions;

	for (size_t i = 0; i < rows_count(definitions->rows); i++) {
		struct error *error;

		if (definitions->is_left_out[i])
			continue;
		error = read_definition(arena, reading, i, schema);
		if (!error)
			continue;
		log_event(LOG_ERROR, "bad-definition", "name",
			  rows_text(definitions->rows, i, reading->name_column),
			  "cause", error->detail, NULL);
		definitions->is_left_out[i] = true;
		return false;
	}
	return true;
}

/*
 * A definition that can't be read must not take the others with it. Reading
 * it has left the schema half changed, so all is read again without it.
 */
static void
read_definitions(struct arena *arena, struct stored *stored,
		 struct schema *schema)
{
	const char *standard = model_standard_columns(arena);
	const struct reading readings[] = {
		{ &stored->world, "Tables", WORLD_NAME, table_tree, standard },
		{ &stored->actions, "Actions", ACTION_NAME, action_tree, NULL },
		{ &stored->machines, "StateMachineDescriptions", 0,
		  machine_tree, NULL },
	};
	bool is_complete;

	do {
		*schema = (struct schema){ .forgets_sources = true };
		is_complete = true;
		for (size_t i = 0; is_complete && i < ARRAY_SIZE(readings); i++)
			is_complete = read_all(arena, &readings[i], schema);
	} while (!is_complete);
}

struct error *
schema_load(struct db *db, struct arena *arena, struct schema *schema)
{
	struct stored stored;
	struct error *error = read_stored(db, arena, &stored);

	if (!error && stored.world.rows)
		read_definitions(arena, &stored, schema);
	schema->forgets_sources = false;
	return error;
}

/* Join tables: half of all definitions, and relations make them again. */

static void
leave_out_joins(struct stored *stored)
{
	for (size_t i = 0; i < rows_count(stored->world.rows); i++)
		stored->world.is_left_out[i] = rows_boolean(
			stored->world.rows, i, WORLD_IS_JOIN_TABLE);
}

/* Whether there are some that a relation alone does not make so. */
static bool
take_special_joins(struct arena *scratch, struct stored *stored,
		   const struct model *model)
{
	struct rows *rows = stored->world.rows;
	struct strbuf made;
	bool found = false;

	strbuf_init(&made, scratch);
	for (size_t i = 0; i < rows_count(rows); i++) {
		const char *text = rows_text(rows, i, WORLD_DEFINITION);
		const struct entity *entity;

		if (!rows_boolean(rows, i, WORLD_IS_JOIN_TABLE))
			continue;
		entity = model_entity(model, rows_text(rows, i, WORLD_NAME));
		strbuf_cut(&made, 0);
		if (entity)
			schema_write_entity(&made, model, entity);
		if (!strcmp(made.data, text))
			continue;
		stored->world.is_left_out[i] = false;
		found = true;
	}
	return found;
}

/* What the rows know beyond definitions. `arena` is the model's. */

static void
take_world(struct arena *arena, const struct stored *stored,
	   struct model *model)
{
	for (size_t i = 0; i < rows_count(stored->world.rows); i++) {
		struct rows *rows = stored->world.rows;
		struct entity *entity =
			model_entity(model, rows_text(rows, i, WORLD_NAME));

		if (!entity)
			continue;
		entity->world_id = rows_integer(rows, i, WORLD_ID);
		entity->world_reference_id = arena_strdup(
			arena, rows_text(rows, i, WORLD_REFERENCE_ID));
		entity->owner_id = rows_integer(rows, i, WORLD_OWNER);
		entity->permission = rows_integer(rows, i, WORLD_PERMISSION);
		entity->default_permission =
			rows_integer(rows, i, WORLD_DEFAULT_PERMISSION);
	}
}

/* Exactly that action: no other spelling of its name. */
static struct action *
find_action(const struct model *model, const char *entity, const char *name)
{
	struct action *action = model_action(model, entity, name);

	if (action && strcmp(action->name, name))
		return NULL;
	return action;
}

static void
take_actions(struct arena *arena, const struct stored *stored,
	     struct model *model)
{
	struct rows *rows = stored->actions.rows;

	for (size_t i = 0; i < rows_count(rows); i++) {
		struct action *action =
			find_action(model, rows_text(rows, i, ACTION_ENTITY),
				    rows_text(rows, i, ACTION_NAME));

		if (!action)
			continue;
		action->id = rows_integer(rows, i, ACTION_ID);
		action->reference_id = arena_strdup(
			arena, rows_text(rows, i, ACTION_REFERENCE_ID));
		action->owner_id = rows_integer(rows, i, ACTION_OWNER);
		action->permission = rows_integer(rows, i, ACTION_PERMISSION);
	}
}

static const char READ_LINKS[] =
	"SELECT w.table_name, NULL::text, l.usergroup_id, l.permission"
	" FROM world_world_id_has_usergroup_usergroup_id l"
	" JOIN world w ON w.id = l.world_id"
	" UNION ALL SELECT w.table_name, a.action_name, l.usergroup_id,"
	" l.permission FROM action_action_id_has_usergroup_usergroup_id l"
	" JOIN action a ON a.id = l.action_id"
	" JOIN world w ON w.id = a.world_id ORDER BY 1, 2, 3";

static void
take_link(struct arena *arena, struct rows *rows, size_t row,
	  struct model *model)
{
	const char *entity_name = rows_text(rows, row, 0);
	const char *action_name = rows_text(rows, row, 1);
	const struct group_link link = { rows_integer(rows, row, 2),
					 rows_integer(rows, row, 3) };

	if (action_name) {
		struct action *action =
			find_action(model, entity_name, action_name);

		if (action)
			ARENA_PUSH(arena, action->group_links,
				   action->ngroup_links, link);
	} else {
		struct entity *entity = model_entity(model, entity_name);

		if (entity)
			ARENA_PUSH(arena, entity->group_links,
				   entity->ngroup_links, link);
	}
}

static struct error *
load_links(struct db *db, struct arena *scratch, struct arena *arena,
	   struct model *model)
{
	struct error *error;
	struct rows *rows;

	error = db_query(db, scratch, READ_LINKS, NO_PARAMS, &rows);
	for (size_t i = 0; !error && i < rows_count(rows); i++)
		take_link(arena, rows, i, model);
	return error;
}

/* Groups. */

static const char READ_GROUPS[] =
	"SELECT g.id, g.name, EXISTS (SELECT FROM"
	" user_account_user_account_id_has_usergroup_usergroup_id m"
	" WHERE m.usergroup_id = g.id)"
	" FROM usergroup g"
	" WHERE g.name IN (SELECT json_array_elements_text($1::json))";

/* The names as a JSON array: of the thousands of groups only these. */
static const char *
wanted_groups(struct arena *scratch, const struct model *model)
{
	const char *last = "";
	struct strbuf names;

	strbuf_init(&names, scratch);
	strbuf_literal(&names, "[\"administrators\",\"users\",\"guests\"");
	for (size_t i = 0; i < model->nentities; i++) {
		const struct entity *entity = model->entities[i];

		for (size_t j = 0; j < entity->ndefault_groups; j++) {
			const char *name = entity->default_groups[j].group;

			if (!strcmp(name, last))
				continue;
			strbuf_putc(&names, ',');
			strbuf_json_text(&names, name);
			last = name;
		}
	}
	strbuf_putc(&names, ']');
	return names.data;
}

/* -1 stands for the creator's home group; 0: no such group. */
static int64_t
group_id(const struct rows *groups, const char *name)
{
	if (!strcmp(name, "$home"))
		return -1;
	for (size_t i = 0; i < rows_count(groups); i++)
		if (!strcmp(rows_text(groups, i, 1), name))
			return rows_integer(groups, i, 0);
	return 0;
}

static void
take_default_links(struct arena *arena, const struct rows *groups,
		   struct entity *entity)
{
	for (size_t i = 0; i < entity->ndefault_groups; i++) {
		const struct group_grant *grant = &entity->default_groups[i];
		const struct group_link link = { group_id(groups, grant->group),
						 grant->permission
							 ? grant->permission
							 : PERMISSION_DEFAULT };

		if (link.group_id)
			ARENA_PUSH(arena, entity->default_links,
				   entity->ndefault_links, link);
	}
}

static struct error *
load_groups(struct db *db, struct arena *scratch, struct arena *arena,
	    struct model *model)
{
	struct error *error;
	struct rows *rows;

	error = db_query(db, scratch, READ_GROUPS,
			 PARAMS(wanted_groups(scratch, model)), &rows);
	if (error)
		return error;
	model->administrators_id = group_id(rows, "administrators");
	model->users_id = group_id(rows, "users");
	model->guests_id = group_id(rows, "guests");
	for (size_t i = 0; i < rows_count(rows); i++)
		if (rows_integer(rows, i, 0) == model->administrators_id)
			model->has_administrator = rows_boolean(rows, i, 2);
	for (size_t i = 0; i < model->nentities; i++)
		take_default_links(arena, rows, model->entities[i]);
	return NULL;
}

static struct error *
build(struct arena *arena, struct stored *stored, struct model **model)
{
	struct schema *schema = ARENA_NEW(arena, struct schema);

	read_definitions(arena, stored, schema);
	return model_build(arena, schema, model);
}

static struct error *
load_into(struct db *db, struct arena *scratch, struct arena *arena,
	  struct model **model)
{
	struct stored stored;
	struct error *error;

	error = read_stored(db, scratch, &stored);
	if (error)
		return error;
	if (!stored.world.rows)
		return error_new(scratch, 503, "no-model",
				 "The database is empty: it has not been "
				 "migrated yet.");
	leave_out_joins(&stored);
	error = build(arena, &stored, model);
	if (!error && take_special_joins(scratch, &stored, *model))
		error = build(arena, &stored, model);
	if (error)
		return error;
	take_world(arena, &stored, *model);
	take_actions(arena, &stored, *model);
	error = load_links(db, scratch, arena, *model);
	if (!error)
		error = load_groups(db, scratch, arena, *model);
	if (!error)
		error = setting_load(db, scratch, *model);
	if (!error)
		error = row_stream_load(db, scratch, *model);
	return error;
}

/* The model's arena goes; what was wrong with it stays. */
static struct error *
copy_errors(struct arena *arena, const struct error *error)
{
	struct error *copies = NULL;

	for (; error; error = error->next) {
		struct error *copy = error_new(
			arena, error->status, error->code, "%s", error->detail);

		copy->retry_after = error->retry_after;
		error_append(&copies, copy);
	}
	return copies;
}

struct error *
model_load_into(struct db *db, struct arena *arena, struct arena *own,
		struct model **model)
{
	return copy_errors(arena, load_into(db, arena, own, model));
}

struct error *
model_load(struct db *db, struct arena *arena, struct model **model)
{
	struct arena *own = arena_new();
	struct error *error = model_load_into(db, arena, own, model);

	if (error)
		arena_free(own);
	return error;
}
