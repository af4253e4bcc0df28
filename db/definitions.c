/*
 * definitions.c: writes the rows of world, action, smd and the others that a
 * schema describes. Each table takes one statement, whose parameter is a JSON
 * array of all its rows; only rows that differ are written.
 */
#include "db/definitions.h"

#include <assert.h>
#include <string.h>

#include "db/base/json.h"
#include "db/base/log.h"
#include "db/permission.h"
#include "db/schema_file.h"
#include "db/sql.h"

/* What all rows need to know of the instance. */
struct context {
	struct db *db;
	struct arena *arena;
	const struct model *model;
	const struct schema *added;
	bool is_locked;	   /* there is an administrator */
	const char *owner; /* the first one's id, or NULL */
};

/* JSON arrays of rows. */

static void
begin_row(struct strbuf *buf)
{
	strbuf_putc(buf, buf->length > 1 ? ',' : ' ');
	strbuf_putc(buf, '{');
}

static void
add_member(struct strbuf *buf, const char *name)
{
	if (buf->data[buf->length - 1] != '{')
		strbuf_putc(buf, ',');
	strbuf_json_text(buf, name);
	strbuf_putc(buf, ':');
}

static void
add_text(struct strbuf *buf, const char *name, const char *text)
{
	if (!text)
		return;
	add_member(buf, name);
	strbuf_json_text(buf, text);
}

static void
add_boolean(struct strbuf *buf, const char *name, bool value)
{
	add_member(buf, name);
	strbuf_puts(buf, value ? "true" : "false");
}

static void
add_integer(struct strbuf *buf, const char *name, int64_t value)
{
	add_member(buf, name);
	strbuf_integer(buf, value);
}

static struct strbuf
begin_rows(struct arena *arena)
{
	struct strbuf buf;

	strbuf_init(&buf, arena);
	strbuf_putc(&buf, '[');
	return buf;
}

/* The first start. */

static const char ADD_GROUPS[] =
	"WITH added AS (INSERT INTO usergroup (id, name, permission)"
	" SELECT v.id, v.name, $1::bigint"
	" FROM (VALUES (1, 'guests'), (2, 'administrators'), (3, 'users'))"
	" AS v (id, name)"
	" WHERE NOT EXISTS (SELECT FROM usergroup) RETURNING id)"
	" SELECT setval(pg_get_serial_sequence('usergroup', 'id'), max(id))"
	" FROM added HAVING count(*) > 0";

static const char ADD_GUEST[] =
	"WITH added AS (INSERT INTO user_account (name, email, permission)"
	" SELECT 'guest', 'guest@cms.go', $1::bigint"
	" WHERE NOT EXISTS (SELECT FROM user_account) RETURNING id)"
	" INSERT INTO user_account_user_account_id_has_usergroup_usergroup_id"
	" (user_account_id, usergroup_id, permission)"
	" SELECT a.id, g.id, $1::bigint FROM added a, usergroup g"
	" WHERE g.name = 'users'";

static struct error *
add_first_rows(struct context *context)
{
	const char *permission = arena_printf(context->arena, "%lld",
					      (long long)PERMISSION_DEFAULT);
	struct error *error;

	error = db_query(context->db, context->arena, ADD_GROUPS,
			 PARAMS(permission), NULL);
	if (error)
		return error;
	return db_query(context->db, context->arena, ADD_GUEST,
			PARAMS(permission), NULL);
}

static const char FIND_ADMINISTRATOR[] =
	"SELECT m.user_account_id"
	" FROM user_account_user_account_id_has_usergroup_usergroup_id m"
	" JOIN usergroup g ON g.id = m.usergroup_id"
	" WHERE g.name = 'administrators' ORDER BY m.created_at, m.id LIMIT 1";

static struct error *
find_administrator(struct context *context)
{
	struct error *error;
	struct rows *rows;

	error = db_query(context->db, context->arena, FIND_ADMINISTRATOR,
			 NO_PARAMS, &rows);
	if (error)
		return error;
	context->is_locked = rows_count(rows) > 0;
	if (context->is_locked)
		context->owner = rows_text(rows, 0, 0);
	return NULL;
}

/* world */

static const char STORE_WORLD[] =
	"WITH wanted AS MATERIALIZED (SELECT * FROM"
	" json_to_recordset($1::json) AS d (table_name text, definition text,"
	" is_top_level boolean, is_hidden boolean, is_join_table boolean,"
	" is_state_tracking_enabled boolean, default_order text, icon text,"
	" permission bigint, default_permission bigint)),"
	" changed AS (UPDATE world AS r SET world_schema_json = w.definition,"
	" is_top_level = w.is_top_level, is_hidden = w.is_hidden,"
	" is_join_table = w.is_join_table,"
	" is_state_tracking_enabled = w.is_state_tracking_enabled,"
	" default_order = w.default_order, icon = w.icon,"
	" version = r.version + 1, updated_at = now()"
	" FROM wanted w WHERE r.table_name = w.table_name"
	" AND (r.world_schema_json, r.is_top_level, r.is_hidden,"
	" r.is_join_table, r.is_state_tracking_enabled, r.default_order,"
	" r.icon) IS DISTINCT FROM (w.definition, w.is_top_level, w.is_hidden,"
	" w.is_join_table, w.is_state_tracking_enabled, w.default_order,"
	" w.icon)),"
	" added AS (INSERT INTO world (table_name, world_schema_json,"
	" is_top_level, is_hidden, is_join_table, is_state_tracking_enabled,"
	" default_order, icon, permission, default_permission,"
	" user_account_id) SELECT w.table_name, w.definition, w.is_top_level,"
	" w.is_hidden, w.is_join_table, w.is_state_tracking_enabled,"
	" w.default_order, w.icon, w.permission, w.default_permission,"
	" $2::bigint FROM wanted w WHERE NOT EXISTS (SELECT FROM world r"
	" WHERE r.table_name = w.table_name) RETURNING id, table_name)"
	" INSERT INTO world_world_id_has_usergroup_usergroup_id"
	" (world_id, usergroup_id, permission)"
	" SELECT DISTINCT ON (a.id, g.id) a.id, g.id, d.permission"
	" FROM added a JOIN json_to_recordset($3::json) AS d (table_name text,"
	" group_name text, permission bigint) USING (table_name)"
	" JOIN usergroup g ON g.name = d.group_name";

static void
add_grants(struct strbuf *grants, const char *table, const char *action,
	   const struct group_grant *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		begin_row(grants);
		add_text(grants, "table_name", table);
		add_text(grants, "action_name", action);
		add_text(grants, "group_name", list[i].group);
		add_integer(grants, "permission",
			    list[i].permission ? list[i].permission
					       : PERMISSION_DEFAULT);
		strbuf_putc(grants, '}');
	}
}

/* `wanted` if the schema gives one, else open until there is a lock. */
static int64_t
choose(const struct context *context, int64_t wanted, int64_t locked)
{
	if (wanted)
		return wanted;
	return context->is_locked ? locked : PERMISSION_ALL;
}

static void
add_entity(const struct context *context, struct strbuf *rows,
	   const struct entity *entity)
{
	bool is_audit = entity->is_audit_table;
	struct strbuf definition;

	strbuf_init(&definition, context->arena);
	schema_write_entity(&definition, context->model, entity);
	begin_row(rows);
	add_text(rows, "table_name", entity->name);
	add_text(rows, "definition", definition.data);
	add_boolean(rows, "is_top_level", entity->is_top_level);
	add_boolean(rows, "is_hidden", entity->is_hidden);
	add_boolean(rows, "is_join_table", entity->is_join_table);
	add_boolean(rows, "is_state_tracking_enabled",
		    entity->is_state_tracking_enabled);
	add_text(rows, "default_order", entity->default_order);
	add_text(rows, "icon", entity->icon);
	add_integer(
		rows, "permission",
		choose(context, entity->permission_wanted,
		       is_audit ? PERMISSION_AUDIT_TABLE : PERMISSION_DEFAULT));
	add_integer(
		rows, "default_permission",
		choose(context, entity->default_permission_wanted,
		       is_audit ? PERMISSION_AUDIT_ROW : PERMISSION_DEFAULT));
	strbuf_putc(rows, '}');
}

static struct error *
store_world(struct context *context)
{
	const struct model *model = context->model;
	struct strbuf rows = begin_rows(context->arena);
	struct strbuf grants = begin_rows(context->arena);

	for (size_t i = 0; i < model->nentities; i++) {
		const struct entity *entity = model->entities[i];

		add_entity(context, &rows, entity);
		add_grants(&grants, entity->name, NULL, entity->access_groups,
			   entity->naccess_groups);
	}
	strbuf_putc(&rows, ']');
	strbuf_putc(&grants, ']');
	return db_query(context->db, context->arena, STORE_WORLD,
			PARAMS(rows.data, context->owner, grants.data), NULL);
}

/* action */

static const char STORE_ACTIONS[] =
	"WITH wanted AS MATERIALIZED (SELECT w.id AS world_id, d.* FROM"
	" json_to_recordset($1::json) AS d (table_name text, action_name text,"
	" label text, instance_optional boolean, definition text,"
	" permission bigint) JOIN world w USING (table_name)),"
	" changed AS (UPDATE action AS r SET action_schema = w.definition,"
	" instance_optional = w.instance_optional, version = r.version + 1,"
	" updated_at = now() FROM wanted w WHERE r.world_id = w.world_id"
	" AND r.action_name = w.action_name"
	" AND (r.action_schema, r.instance_optional) IS DISTINCT FROM"
	" (w.definition, w.instance_optional)),"
	" added AS (INSERT INTO action (action_name, label,"
	" instance_optional, action_schema, world_id, permission,"
	" user_account_id) SELECT w.action_name, w.label,"
	" w.instance_optional, w.definition, w.world_id, w.permission,"
	" $2::bigint FROM wanted w WHERE NOT EXISTS (SELECT FROM action r"
	" WHERE r.world_id = w.world_id AND r.action_name = w.action_name)"
	" RETURNING id, world_id, action_name)"
	" INSERT INTO action_action_id_has_usergroup_usergroup_id"
	" (action_id, usergroup_id, permission)"
	" SELECT DISTINCT ON (a.id, g.id) a.id, g.id, d.permission"
	" FROM added a JOIN wanted w USING (world_id, action_name)"
	" JOIN json_to_recordset($3::json) AS d (table_name text,"
	" action_name text, group_name text, permission bigint)"
	" USING (table_name, action_name)"
	" JOIN usergroup g ON g.name = d.group_name";

/* What guests need to come in stays open when all else is closed. */
static int64_t
locked_permission(const struct action *action)
{
	static const char *const open[] = { "signin", "oauth.login.begin",
					    "oauth_login_begin",
					    "oauth.login.response",
					    "oauth_login_response" };

	if (!action->is_system)
		return PERMISSION_ACTION_LOCKED;
	for (size_t i = 0; i < ARRAY_SIZE(open); i++)
		if (!strcmp(action->name, open[i]))
			return PERMISSION_SIGNIN;
	return PERMISSION_ACTION_LOCKED;
}

static void
add_action(const struct context *context, struct strbuf *rows,
	   const struct action *action)
{
	struct strbuf definition;

	strbuf_init(&definition, context->arena);
	schema_write_action(&definition, action, false);
	begin_row(rows);
	add_text(rows, "table_name", action->entity->name);
	add_text(rows, "action_name", action->name);
	add_text(rows, "label", action->label ? action->label : action->name);
	add_boolean(rows, "instance_optional", action->instance_optional);
	add_text(rows, "definition", definition.data);
	add_integer(rows, "permission",
		    action->permission_given
			    ? action->permission_wanted
			    : choose(context, 0, locked_permission(action)));
	strbuf_putc(rows, '}');
}

static struct error *
store_actions(struct context *context)
{
	const struct model *model = context->model;
	struct strbuf rows = begin_rows(context->arena);
	struct strbuf grants = begin_rows(context->arena);

	for (size_t i = 0; i < model->nactions; i++) {
		const struct action *action = model->actions[i];

		add_action(context, &rows, action);
		add_grants(&grants, action->entity->name, action->name,
			   action->access_groups, action->naccess_groups);
	}
	strbuf_putc(&rows, ']');
	strbuf_putc(&grants, ']');
	return db_query(context->db, context->arena, STORE_ACTIONS,
			PARAMS(rows.data, context->owner, grants.data), NULL);
}

/* Rows that are nothing but rows. */

enum field_kind {
	FIELD_TEXT,
	FIELD_JSON,
	FIELD_BOOLEAN,
	FIELD_WHOLE, /* the whole object as JSON text */
	FIELD_USER   /* mail address or reference id of an account */
};

struct field {
	const char *column;
	const char *member;
	enum field_kind kind;
	const char *fallback; /* where the member is missing */
};

/* The first field is the key by which a row is found again. */
struct row_kind {
	const char *table;
	struct field fields[10];
};

static const struct row_kind state_machine_rows = {
	"smd",
	{ { "name", "Name", FIELD_TEXT, "" },
	  { "label", "Label", FIELD_TEXT, "" },
	  { "initial_state", "InitialState", FIELD_TEXT, "" },
	  { "events", "Events", FIELD_JSON, "[]" } },
};

static const struct row_kind marketplace_rows = {
	"marketplace",
	{ { "endpoint", "Endpoint", FIELD_TEXT, "" },
	  { "name", "Name", FIELD_TEXT, "" },
	  { "root_path", "RootPath", FIELD_TEXT, "" } },
};

static const struct row_kind exchange_rows = {
	"data_exchange",
	{ { "name", "Name", FIELD_TEXT, "" },
	  { "source_type", "SourceType", FIELD_TEXT, "self" },
	  { "source_attributes", "SourceAttributes", FIELD_JSON, "{}" },
	  { "target_type", "TargetType", FIELD_TEXT, "" },
	  { "target_attributes", "TargetAttributes", FIELD_JSON, "{}" },
	  { "attributes", "Attributes", FIELD_JSON, "{}" },
	  { "options", "Options", FIELD_JSON, "{}" },
	  { "as_user_id", "AsUserId", FIELD_USER, NULL } },
};

static const struct row_kind stream_rows = {
	"stream",
	{ { "stream_name", "StreamName", FIELD_TEXT, "" },
	  { "stream_contract", NULL, FIELD_WHOLE, NULL } },
};

static const struct row_kind task_rows = {
	"task",
	{ { "name", "Name", FIELD_TEXT, "" },
	  { "schedule", "Schedule", FIELD_TEXT, "" },
	  { "active", "Active", FIELD_BOOLEAN, "false" },
	  { "entity_name", "EntityName", FIELD_TEXT, "" },
	  { "action_name", "ActionName", FIELD_TEXT, "" },
	  { "attributes", "Attributes", FIELD_JSON, "{}" },
	  { "job_type", "JobType", FIELD_TEXT, "" },
	  { "as_user_id", "AsUserEmail", FIELD_USER, NULL } },
};

static size_t
count_fields(const struct row_kind *kind)
{
	size_t count = 0;

	while (count < ARRAY_SIZE(kind->fields) && kind->fields[count].column)
		count++;
	return count;
}

static const char *
field_text(const struct field *field, struct json_object *object)
{
	struct json_object *value = object;

	if (field->member)
		value = json_object_object_get(object, field->member);
	if (!value)
		return field->fallback;
	if (json_object_is_type(value, json_type_string))
		return json_object_get_string(value);
	return json_object_to_json_string_ext(
		value, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
}

static void
add_object(struct strbuf *rows, const struct row_kind *kind,
	   struct json_object *object)
{
	begin_row(rows);
	for (size_t i = 0; i < count_fields(kind); i++)
		add_text(rows, kind->fields[i].column,
			 field_text(&kind->fields[i], object));
	strbuf_putc(rows, '}');
}

/* "a, b, c", each after `prefix`; with `as_text` as a record of text. */
static void
add_columns(struct sql *sql, const struct row_kind *kind, const char *prefix,
	    const char *suffix)
{
	for (size_t i = 0; i < count_fields(kind); i++) {
		if (i)
			sql_add(sql, ", ");
		strbuf_puts(&sql->text, prefix);
		sql_name(sql, kind->fields[i].column);
		strbuf_puts(&sql->text, suffix);
	}
}

static void
add_wanted(struct sql *sql, const struct row_kind *kind, const char *rows)
{
	sql_add(sql, "WITH wanted AS MATERIALIZED (SELECT DISTINCT ON (");
	sql_column(sql, "d", kind->fields[0].column);
	sql_add(sql, ") ");
	for (size_t i = 0; i < count_fields(kind); i++) {
		const struct field *field = &kind->fields[i];

		if (i)
			sql_add(sql, ", ");
		if (field->kind == FIELD_USER)
			sql_add(sql, "(SELECT u.id FROM user_account u WHERE "
				     "u.reference_id::text = ");
		sql_column(sql, "d", field->column);
		if (field->kind == FIELD_BOOLEAN)
			sql_add(sql, "::boolean");
		if (field->kind == FIELD_USER) {
			sql_add(sql, " OR lower(u.email) = lower(");
			sql_column(sql, "d", field->column);
			sql_add(sql, ") LIMIT 1)");
		}
		sql_add(sql, " AS ");
		sql_name(sql, field->column);
	}
	sql_add(sql, " FROM json_to_recordset(");
	sql_value_as(sql, rows, "json");
	sql_add(sql, ") AS d (");
	add_columns(sql, kind, "", " text");
	sql_add(sql, "))");
}

/* An account that is not named stays as it is. */
static void
add_new_values(struct sql *sql, const struct row_kind *kind)
{
	for (size_t i = 0; i < count_fields(kind); i++) {
		const struct field *field = &kind->fields[i];

		if (i)
			sql_add(sql, ", ");
		if (field->kind != FIELD_USER) {
			sql_column(sql, "w", field->column);
			continue;
		}
		sql_add(sql, "coalesce(");
		sql_column(sql, "w", field->column);
		sql_add(sql, ", ");
		sql_column(sql, "r", field->column);
		sql_add(sql, ")");
	}
}

static void
add_key_match(struct sql *sql, const struct row_kind *kind)
{
	sql_column(sql, "r", kind->fields[0].column);
	sql_add(sql, " = ");
	sql_column(sql, "w", kind->fields[0].column);
}

static void
add_update(struct sql *sql, const struct row_kind *kind)
{
	sql_add(sql, ", changed AS (UPDATE ");
	sql_name(sql, kind->table);
	sql_add(sql, " AS r SET (");
	add_columns(sql, kind, "", "");
	sql_add(sql, ") = ROW(");
	add_new_values(sql, kind);
	sql_add(sql, "), version = r.version + 1, updated_at = now() "
		     "FROM wanted w WHERE ");
	add_key_match(sql, kind);
	sql_add(sql, " AND (");
	add_columns(sql, kind, "r.", "");
	sql_add(sql, ") IS DISTINCT FROM (");
	add_new_values(sql, kind);
	sql_add(sql, "))");
}

static void
add_insert(struct sql *sql, const struct row_kind *kind, const char *owner)
{
	sql_add(sql, " INSERT INTO ");
	sql_name(sql, kind->table);
	sql_add(sql, " (");
	add_columns(sql, kind, "", "");
	sql_add(sql, ", permission, user_account_id) SELECT ");
	add_columns(sql, kind, "w.", "");
	sql_add(sql, ", (SELECT default_permission FROM world "
		     "WHERE table_name = ");
	sql_value(sql, kind->table);
	sql_add(sql, "), ");
	sql_value_as(sql, owner, "bigint");
	sql_add(sql, " FROM wanted w WHERE NOT EXISTS (SELECT FROM ");
	sql_name(sql, kind->table);
	sql_add(sql, " r WHERE ");
	add_key_match(sql, kind);
	sql_add(sql, ")");
}

static struct error *
store_objects(struct context *context, const struct row_kind *kind,
	      struct json_object *const *objects, size_t count)
{
	struct strbuf rows = begin_rows(context->arena);
	struct sql sql;

	if (!count)
		return NULL;
	for (size_t i = 0; i < count; i++)
		add_object(&rows, kind, objects[i]);
	strbuf_putc(&rows, ']');
	sql_init(&sql, context->arena);
	add_wanted(&sql, kind, rows.data);
	add_update(&sql, kind);
	add_insert(&sql, kind, context->owner);
	return sql_run(&sql, context->db, NULL);
}

/* Machines are written as files have them, so that they are objects too. */
static struct error *
store_state_machines(struct context *context)
{
	const struct schema *added = context->added;
	struct json_object **objects = ARENA_ARRAY(
		context->arena, struct json_object *, added->nstate_machines);

	for (size_t i = 0; i < added->nstate_machines; i++) {
		struct strbuf buf;

		strbuf_init(&buf, context->arena);
		schema_write_state_machine(&buf, added->state_machines[i]);
		objects[i] = json_tokener_parse(buf.data);
		assert(objects[i]);
		json_keep(context->arena, objects[i]);
	}
	return store_objects(context, &state_machine_rows, objects,
			     added->nstate_machines);
}

/* Nobody's task would run as its owner: it waits for its user. */
static const char STOP_TASKS[] =
	"UPDATE task t SET active = false, version = version + 1"
	" FROM json_to_recordset($1::json) AS d (name text, as_user_id text)"
	" WHERE t.name = d.name AND t.active AND t.as_user_id IS NULL"
	" AND d.as_user_id IS NOT NULL";

static struct error *
store_tasks(struct context *context)
{
	const struct schema *added = context->added;
	struct strbuf rows = begin_rows(context->arena);
	struct error *error =
		store_objects(context, &task_rows, added->tasks, added->ntasks);

	if (error || !added->ntasks)
		return error;
	for (size_t i = 0; i < added->ntasks; i++)
		add_object(&rows, &task_rows, added->tasks[i]);
	strbuf_putc(&rows, ']');
	return db_query(context->db, context->arena, STOP_TASKS,
			PARAMS(rows.data), NULL);
}

static struct error *
store_added(struct context *context)
{
	const struct schema *added = context->added;
	const struct {
		const struct row_kind *kind;
		struct json_object **objects;
		size_t count;
	} lists[] = {
		{ &marketplace_rows, added->marketplaces,
		  added->nmarketplaces },
		{ &exchange_rows, added->exchanges, added->nexchanges },
		{ &stream_rows, added->streams, added->nstreams },
	};
	struct error *error = store_state_machines(context);

	for (size_t i = 0; !error && i < ARRAY_SIZE(lists); i++)
		error = store_objects(context, lists[i].kind, lists[i].objects,
				      lists[i].count);
	return error ? error : store_tasks(context);
}

struct error *
definitions_store(struct db *db, struct arena *arena, const struct model *model,
		  const struct schema *added)
{
	struct context context = {
		.db = db, .arena = arena, .model = model, .added = added
	};
	struct error *error = add_first_rows(&context);

	if (!error)
		error = find_administrator(&context);
	if (!error)
		error = store_world(&context);
	if (!error)
		error = store_actions(&context);
	if (!error && added)
		error = store_added(&context);
	return error;
}
