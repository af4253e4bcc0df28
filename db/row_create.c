/*
 * row_create.c: a new row with its group links, in one statement: whoever may
 * not point to a row that it names makes nothing. Links to others follow in
 * the same transaction.
 */
#include <string.h>

#include "db/base/crypto.h"
#include "db/journal.h"
#include "db/row_parts.h"

/* Columns that must have a value and got none. */
static void
require_values(struct change *change)
{
	const struct entity *entity = change->entity;
	struct arena *arena = change->context->arena;

	for (size_t i = 0; i < entity->ncolumns; i++) {
		const struct column *column = entity->columns[i];

		if (column->is_standard || column->is_nullable ||
		    column->default_sql || column->is_auto_increment ||
		    change_find(change, column->column_name))
			continue;
		error_append(&change->errors,
			     error_at(error_new(arena, 422, "required",
						"%s is required.",
						column->column_name),
				      arena_printf(arena, "/data/attributes/%s",
						   column->column_name)));
	}
}

/* A fault of a value is told once, not again as a missing one. */
static bool
read_change(struct change *change, struct json_object *attributes,
	    struct json_object *relationships)
{
	change_read(change, attributes, relationships);
	if (!change->errors)
		require_values(change);
	return !change->errors;
}

int64_t
row_default_permission(const struct row_context *context,
		       const struct entity *entity)
{
	/* what anybody may execute must be opened by somebody */
	if (entity == context->model->action &&
	    context->model->has_administrator)
		return PERMISSION_ACTION_LOCKED;
	if (entity->default_permission)
		return entity->default_permission;
	return context->model->has_administrator ? PERMISSION_DEFAULT
						 : PERMISSION_ALL;
}

static bool
owns_itself(const struct change *change)
{
	return change->entity == change->context->model->user_account;
}

/* Whether the server sets the owner: always, unless an administrator did. */
static bool
sets_owner(const struct change *change)
{
	return change->entity->has_owner && !owns_itself(change) &&
	       change->context->actor->id &&
	       !change_find(change, "user_account_id");
}

static bool
is_written(const struct change *change, const struct assignment *assignment)
{
	return !owns_itself(change) ||
	       strcmp(assignment->column->column_name, "user_account_id") != 0;
}

static void
add_columns(struct sql *sql, const struct change *change)
{
	sql_add(sql, "reference_id, version, updated_at");
	if (!change_find(change, "permission"))
		sql_add(sql, ", permission");
	if (sets_owner(change))
		sql_add(sql, ", user_account_id");
	if (owns_itself(change))
		sql_add(sql, ", id, user_account_id");
	for (size_t i = 0; i < change->nassignments; i++)
		if (is_written(change, &change->assignments[i])) {
			sql_add(sql, ", ");
			sql_name(sql, change->assignments[i].column->sql_name);
		}
}

static void
add_values(struct sql *sql, const struct change *change, const char *id)
{
	const struct row_context *context = change->context;

	sql_value_as(sql, id, "uuid");
	sql_add(sql, ", 1, now()");
	if (!change_find(change, "permission")) {
		sql_add(sql, ", ");
		sql_constant(sql,
			     row_default_permission(context, change->entity));
	}
	if (sets_owner(change)) {
		sql_add(sql, ", ");
		sql_integer(sql, context->actor->id);
	}
	if (owns_itself(change))
		sql_add(sql, ", s.id, s.id");
	for (size_t i = 0; i < change->nassignments; i++)
		if (is_written(change, &change->assignments[i])) {
			sql_add(sql, ", ");
			change_add_value(sql, change, i);
		}
}

static void
add_insert(struct sql *sql, const struct change *change, const char *id)
{
	sql_add(sql, "new AS (INSERT INTO ");
	sql_name(sql, change->entity->table);
	sql_add(sql, " (");
	add_columns(sql, change);
	sql_add(sql, ") SELECT ");
	add_values(sql, change, id);
	if (owns_itself(change))
		sql_add(sql, " FROM (SELECT nextval(pg_get_serial_sequence("
			     "'user_account', 'id')) AS id) s");
	else
		sql_add(sql, " FROM (SELECT) s");
	change_add_key_sources(sql, change);
	sql_add(sql, " RETURNING *)");
}

/* Group links. */

static void
add_link(struct sql *sql, const struct relation *relation, size_t i)
{
	char *id = arena_alloc(sql->text.arena, 37);

	crypto_uuid(id);
	sql_add(sql, ", g");
	sql_constant(sql, (int64_t)i);
	sql_add(sql, " AS (INSERT INTO ");
	sql_name(sql, relation->join->table);
	sql_add(sql, " (reference_id, permission, ");
	sql_name(sql, relation->join_subject_key->sql_name);
	sql_add(sql, ", ");
	sql_name(sql, relation->join_object_key->sql_name);
	sql_add(sql, ") SELECT ");
	sql_value_as(sql, id, "uuid");
	sql_add(sql, ", ");
}

/* $home of accounts is what they get for themselves, not their maker's. */
static int64_t
group_of(const struct change *change, const struct group_link *link)
{
	if (link->group_id != -1)
		return link->group_id;
	return owns_itself(change) ? 0 : change->context->actor->home_group;
}

static bool
is_linked_before(const struct change *change, size_t count, int64_t group)
{
	for (size_t i = 0; i < count; i++)
		if (group_of(change, &change->entity->default_links[i]) ==
		    group)
			return true;
	return false;
}

static void
add_default_links(struct sql *sql, const struct change *change)
{
	const struct entity *entity = change->entity;

	for (size_t i = 0; entity->group_join && i < entity->ndefault_links;
	     i++) {
		const struct group_link *link = &entity->default_links[i];
		int64_t group = group_of(change, link);

		if (!group || is_linked_before(change, i, group))
			continue;
		add_link(sql, entity->group_relation, i);
		sql_constant(sql, link->permission ? link->permission
						   : PERMISSION_DEFAULT);
		sql_add(sql, ", n.id, ");
		sql_integer(sql, group);
		sql_add(sql, " FROM new n)");
	}
}

/* Whoever makes a group is its first member. */
static void
add_maker(struct sql *sql, const struct change *change)
{
	const struct model *model = change->context->model;

	if (change->entity != model->usergroup || !change->context->actor->id)
		return;
	add_link(sql, model->user_account->group_relation, 0);
	sql_constant(sql, PERMISSION_DEFAULT);
	sql_add(sql, ", ");
	sql_integer(sql, change->context->actor->id);
	sql_add(sql, ", n.id FROM new n)");
}

/* The whole. */

static struct error *
insert(const struct change *change, const char *id, struct row *row)
{
	const struct row_context *context = change->context;
	struct selection *selection =
		selection_new(context->arena, change->entity, NULL, 0);
	struct error *error;
	struct sql sql;

	sql_init(&sql, context->arena);
	sql_add(&sql, "WITH ");
	change_add_keys(&sql, change);
	add_insert(&sql, change, id);
	add_default_links(&sql, change);
	add_maker(&sql, change);
	if (journal_keeps(context, change->entity))
		journal_add_created(&sql, context, change->entity);
	sql_add(&sql, " SELECT ");
	selection_list(&sql, selection, context->actor, context->model, "n");
	sql_add(&sql, " FROM new n");
	error = sql_run(&sql, context->db, &row->rows);
	row->selection = selection;
	return error ? row_constraint_error(context, change->entity, error)
		     : NULL;
}

/* Nothing was made: a key did not pass, or no longer does. */
static struct error *
explain(const struct change *change)
{
	struct error *error = change_explain_keys(change);

	if (error)
		return error;
	return error_new(change->context->arena, 409, "retry",
			 "Another change came in between. Please try again.");
}

static struct error *
store(const struct change *change, const char *id, struct row *row)
{
	const struct row_context *context = change->context;
	struct error *error;
	bool found;

	if (change->nlinks)
		db_begin(context->db);
	error = change_store_files(change, &found);
	if (!error)
		error = insert(change, id, row);
	if (!error && !rows_count(row->rows))
		error = explain(change);
	if (!error && change->nlinks)
		error = change_store_links(change, id);
	/* its owner is itself, which the statement that made it can't see */
	if (!error && owns_itself(change))
		error = row_reread(context, change->entity, id, row);
	return error;
}

struct error *
row_create(const struct row_context *context, const struct entity *entity,
	   const char *id, struct json_object *attributes,
	   struct json_object *relationships, struct row *row)
{
	struct change change = { .context = context, .entity = entity };
	char made[37];
	struct error *error;

	if (!context->trusted &&
	    !permission_table(context->actor, entity, VERB_CREATE))
		return permission_refused(context->arena, entity, VERB_CREATE);
	if (id && !crypto_is_uuid(id))
		return error_at(error_new(context->arena, 422, "invalid-value",
					  "The id must be a UUID."),
				"/data/id");
	if (context->check && attributes) {
		error = context->check(context->arena, entity, attributes,
				       true);
		if (error)
			return error;
	}
	if (!read_change(&change, attributes, relationships))
		return change.errors;
	if (!id)
		crypto_uuid(made);
	return store(&change, arena_strdup(context->arena, id ? id : made),
		     row);
}
