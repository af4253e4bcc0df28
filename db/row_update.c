/*
 * row_update.c: changes a row in one statement that finds it only where the
 * caller may change it; where nothing was found a second one tells why.
 */
#include "db/base/crypto.h"
#include "db/journal.h"
#include "db/row_parts.h"

struct update {
	struct change change;
	int64_t version; /* that the row must have; -1: any */
};

/* Permission and owner are the owner's to change; naming what is there
 * already is no change. */
static void
add_access_test(struct sql *sql, const struct update *update)
{
	const struct change *change = &update->change;
	const struct row_context *context = change->context;
	const struct assignment *permission = change_find(change, "permission");
	const struct assignment *owner =
		change->entity->has_owner
			? change_find(change, "user_account_id")
			: NULL;

	sql_add(sql, "(");
	row_add_owned(sql, context, change->entity, "t");
	sql_add(sql, " OR (TRUE");
	if (permission) {
		sql_add(sql, " AND t.permission = ");
		sql_value_as(sql, permission->text,
			     permission->column->sql_type);
	}
	if (owner && owner->key && crypto_is_uuid(owner->key->id)) {
		sql_add(sql, " AND t.user_account_id = (SELECT o.id FROM "
			     "user_account o WHERE o.reference_id = ");
		sql_value_as(sql, owner->key->id, "uuid");
		sql_add(sql, ")");
	} else if (owner && owner->key) {
		sql_add(sql, " AND FALSE");
	} else if (owner) {
		sql_add(sql, " AND t.user_account_id IS NULL");
	}
	sql_add(sql, "))");
}

static bool
is_access_tested(const struct update *update)
{
	return !update->change.context->trusted &&
	       change_touches_access(&update->change);
}

static void
add_version_test(struct sql *sql, const struct update *update)
{
	sql_add(sql, "t.version = ");
	sql_integer(sql, update->version);
}

static void
add_where(struct sql *sql, const struct update *update)
{
	const struct change *change = &update->change;

	row_add_test(sql, change->context, change->entity, change->id, "t",
		     VERB_UPDATE);
	if (update->version >= 0) {
		sql_add(sql, " AND ");
		add_version_test(sql, update);
	}
	if (is_access_tested(update)) {
		sql_add(sql, " AND ");
		add_access_test(sql, update);
	}
}

/* A new password ends all sessions. */
static bool
revokes_tokens(const struct change *change)
{
	if (change->entity != change->context->model->user_account ||
	    change_find(change, "auth_version"))
		return false;
	for (size_t i = 0; i < change->nassignments; i++)
		if (change->assignments[i].column->kind == VALUE_SECRET)
			return true;
	return false;
}

static void
add_assignments(struct sql *sql, const struct change *change)
{
	sql_add(sql, "version = t.version + 1, updated_at = now()");
	if (revokes_tokens(change))
		sql_add(sql, ", auth_version = t.auth_version + 1");
	for (size_t i = 0; i < change->nassignments; i++) {
		sql_add(sql, ", ");
		sql_name(sql, change->assignments[i].column->sql_name);
		sql_add(sql, " = ");
		change_add_value(sql, change, i);
	}
}

static void
add_table(struct sql *sql, const struct change *change)
{
	sql_name(sql, change->entity->table);
	sql_add(sql, " t");
}

/* "old": the row as it was, locked, for the history. */
static void
add_old(struct sql *sql, const struct update *update)
{
	sql_add(sql, "old AS MATERIALIZED (SELECT t.* FROM ");
	add_table(sql, &update->change);
	sql_add(sql, " WHERE ");
	add_where(sql, update);
	sql_add(sql, " FOR NO KEY UPDATE OF t), ");
}

static void
add_update(struct sql *sql, const struct update *update)
{
	const struct change *change = &update->change;
	bool has_history = change->entity->audit != NULL;

	change_add_keys(sql, change);
	if (has_history)
		add_old(sql, update);
	sql_add(sql, "new AS (UPDATE ");
	add_table(sql, change);
	sql_add(sql, " SET ");
	add_assignments(sql, change);
	if (has_history)
		sql_add(sql, " FROM old");
	else
		sql_add(sql, " FROM (SELECT) s");
	change_add_key_sources(sql, change);
	sql_add(sql, " WHERE ");
	if (has_history)
		sql_add(sql, "t.id = old.id");
	else
		add_where(sql, update);
	sql_add(sql, " RETURNING t.*)");
	if (has_history)
		row_add_history(sql, change->context, change->entity, "update",
				"new");
}

/* Nothing to set: the row as it is, if the caller might have changed it. */
static void
add_unchanged(struct sql *sql, const struct update *update)
{
	sql_add(sql, "new AS (SELECT t.* FROM ");
	add_table(sql, &update->change);
	sql_add(sql, " WHERE ");
	add_where(sql, update);
	sql_add(sql, ")");
}

static struct error *
run(const struct update *update, struct row *row)
{
	const struct change *change = &update->change;
	const struct row_context *context = change->context;
	struct error *error;
	struct sql sql;

	row->selection = selection_new(context->arena, change->entity, NULL, 0);
	sql_init(&sql, context->arena);
	sql_add(&sql, "WITH ");
	if (change->nassignments)
		add_update(&sql, update);
	else
		add_unchanged(&sql, update);
	sql_add(&sql, " SELECT ");
	selection_list(&sql, row->selection, context->actor, context->model,
		       "n");
	sql_add(&sql, " FROM new n");
	error = sql_run(&sql, context->db, &row->rows);
	return error ? row_constraint_error(context, change->entity, error)
		     : NULL;
}

/* Why nothing was found. */

enum { WHY_UPDATE, WHY_VERSION, WHY_ACCESS };

static struct error *
read_reasons(const struct update *update, struct rows **rows)
{
	const struct change *change = &update->change;
	struct sql sql;

	sql_init(&sql, change->context->arena);
	sql_add(&sql, "SELECT ");
	row_add_test(&sql, change->context, change->entity, change->id, "t",
		     VERB_UPDATE);
	sql_add(&sql, ", ");
	if (update->version >= 0)
		add_version_test(&sql, update);
	else
		sql_add(&sql, "TRUE");
	sql_add(&sql, ", ");
	if (is_access_tested(update))
		add_access_test(&sql, update);
	else
		sql_add(&sql, "TRUE");
	sql_add(&sql, " FROM ");
	add_table(&sql, change);
	sql_add(&sql, " WHERE ");
	row_add_visible(&sql, change->context, change->entity, change->id, "t");
	return sql_run(&sql, change->context->db, rows);
}

/* NULL if the row itself is no reason. */
static struct error *
explain_row(const struct update *update)
{
	const struct change *change = &update->change;
	struct arena *arena = change->context->arena;
	struct rows *rows;
	struct error *error = read_reasons(update, &rows);

	if (error)
		return error;
	if (!rows_count(rows))
		return row_not_found(arena, change->entity);
	if (!rows_boolean(rows, 0, WHY_UPDATE))
		return permission_refused(arena, change->entity, VERB_UPDATE);
	if (!rows_boolean(rows, 0, WHY_ACCESS))
		return error_new(arena, 403, "forbidden",
				 "Only the owner may change permission or "
				 "owner of this %s.",
				 change->entity->name);
	if (!rows_boolean(rows, 0, WHY_VERSION))
		return error_new(arena, 412, "version-differs",
				 "Another change came in between: the row has "
				 "another version.");
	return NULL;
}

static struct error *
explain(const struct update *update)
{
	struct error *error = explain_row(update);

	if (!error)
		error = change_explain_keys(&update->change);
	if (error)
		return error;
	return error_new(update->change.context->arena, 409, "retry",
			 "Another change came in between. Please try again.");
}

/* Whether permission or owner are among what was given, readable or not. */
static bool
names_access(const struct entity *entity, struct json_object *attributes)
{
	return json_object_object_get_ex(attributes, "permission", NULL) ||
	       (entity->has_owner &&
		json_object_object_get_ex(attributes, "user_account_id", NULL));
}

/*
 * Faults of values, unless the row is not the caller's to change: whoever may
 * not set a permission is not taught how one looks.
 */
static struct error *
explain_faults(const struct update *update, struct json_object *attributes)
{
	const struct change *change = &update->change;
	struct error *error = NULL;
	struct update bare = *update;
	struct assignment denied = {
		.column = entity_column(change->entity, "permission"),
		.text = "-1",
	};

	if (!names_access(change->entity, attributes))
		return change->errors;
	bare.change.assignments = &denied;
	bare.change.nassignments = 1;
	error = explain_row(&bare);
	return error ? error : change->errors;
}

/* The row as it is, where a run of an action changes it. */
static struct error *
keep_for_undo(const struct update *update)
{
	const struct change *change = &update->change;

	if (!change->nassignments ||
	    !journal_keeps(change->context, change->entity))
		return NULL;
	db_begin(change->context->db);
	return journal_update(change->context, change->entity, change->id);
}

static struct error *
store(const struct update *update, struct row *row)
{
	const struct change *change = &update->change;
	struct error *error;
	bool found;

	if (change->nlinks)
		db_begin(change->context->db);
	error = change_store_files(change, &found);
	if (!error && !found)
		return explain(update);
	if (!error)
		error = keep_for_undo(update);
	if (!error)
		error = run(update, row);
	if (!error && !rows_count(row->rows))
		error = explain(update);
	if (!error && change->nlinks)
		error = change_store_links(change, change->id);
	return error;
}

struct error *
row_update(const struct row_context *context, const struct entity *entity,
	   const char *id, struct json_object *attributes,
	   struct json_object *relationships, int64_t version, struct row *row)
{
	struct update update = {
		.change = { .context = context, .entity = entity, .id = id },
		.version = version,
	};
	struct error *error;

	if (context->check && attributes) {
		error = context->check(context->arena, entity, attributes,
				       false);
		if (error)
			return error;
	}
	change_read(&update.change, attributes, relationships);
	if (update.change.errors)
		return explain_faults(&update, attributes);
	return store(&update, row);
}
