/*
 * row_parts.c: pieces of the statements that write rows, and explanations.
 */
#include "db/row_parts.h"

#include <string.h>

#include "db/base/crypto.h"
#include "db/migrate.h"

/* Rows. */

static void
add_id_test(struct sql *sql, const char *alias, const char *id)
{
	if (!id || !crypto_is_uuid(id)) {
		sql_add(sql, "FALSE");
		return;
	}
	sql_column(sql, alias, "reference_id");
	sql_add(sql, " = ");
	sql_value_as(sql, id, "uuid");
}

void
row_add_visible(struct sql *sql, const struct row_context *context,
		const struct entity *entity, const char *id, const char *alias)
{
	add_id_test(sql, alias, id);
	if (context->trusted || permission_everything(context->actor))
		return;
	sql_add(sql, " AND ");
	permission_visible(sql, context->actor, context->model, entity, alias);
}

void
row_add_test(struct sql *sql, const struct row_context *context,
	     const struct entity *entity, const char *id, const char *alias,
	     enum verb verb)
{
	row_add_visible(sql, context, entity, id, alias);
	if (context->trusted || permission_everything(context->actor))
		return;
	sql_add(sql, " AND ");
	permission_granted(sql, context->actor, context->model, entity, alias,
			   verb);
}

void
row_add_owned(struct sql *sql, const struct row_context *context,
	      const struct entity *entity, const char *alias)
{
	const struct column *owner =
		permission_owner_column(context->model, entity);

	if (permission_everything(context->actor)) {
		sql_add(sql, "TRUE");
	} else if (owner && context->actor->id) {
		sql_column(sql, alias, owner->sql_name);
		sql_add(sql, " IS NOT DISTINCT FROM ");
		sql_integer(sql, context->actor->id);
	} else {
		sql_add(sql, "FALSE");
	}
}

struct error *
row_not_found(struct arena *arena, const struct entity *entity)
{
	return error_new(arena, 404, "not-found", "There is no such %s.",
			 entity->name);
}

struct error *
row_reread(const struct row_context *context, const struct entity *entity,
	   const char *id, struct row *row)
{
	struct row_context reader = *context;

	reader.trusted = true;
	return row_read(&reader, entity, id, false, row);
}

/* Keys. */

/* A run may refer to what it made itself: in this very transaction. */
static void
add_refer(struct sql *sql, const struct row_context *context,
	  const struct key *key, const char *alias)
{
	sql_add(sql, "(");
	permission_where(sql, context->actor, context->model, key->target,
			 alias, VERB_REFER);
	if (context->trusted) {
		sql_add(sql, " OR ");
		strbuf_puts(&sql->text, alias);
		sql_add(sql, ".xmin = "
			     "pg_current_xact_id_if_assigned()::xid");
	}
	sql_add(sql, ")");
}

static void
add_share(struct sql *sql, const struct row_context *context,
	  const struct key *key, const char *alias)
{
	if (context->trusted) {
		add_refer(sql, context, key, alias);
		return;
	}
	permission_granted(sql, context->actor, context->model, key->target,
			   alias, VERB_UPDATE);
	sql_add(sql, " AND ");
	row_add_owned(sql, context, key->target, alias);
}

/* Nobody but an administrator makes administrators. */
static void
add_admit(struct sql *sql, const struct row_context *context,
	  const struct key *key, const char *alias)
{
	if (context->trusted)
		add_refer(sql, context, key, alias);
	else
		permission_granted(sql, context->actor, context->model,
				   key->target, alias, VERB_UPDATE);
	if (permission_everything(context->actor))
		return;
	sql_add(sql, " AND ");
	sql_column(sql, alias, "id");
	sql_add(sql, " <> ");
	sql_integer(sql, context->model->administrators_id);
}

static void (*const add_rights[])(struct sql *sql,
				  const struct row_context *context,
				  const struct key *key, const char *alias) = {
	[KEY_REFER] = add_refer,
	[KEY_SHARE] = add_share,
	[KEY_ADMIT] = add_admit,
};

void
key_test(struct sql *sql, const struct row_context *context,
	 const struct key *key, const char *alias)
{
	row_add_visible(sql, context, key->target, key->id, alias);
	sql_add(sql, " AND ");
	add_rights[key->right](sql, context, key, alias);
}

/* A row may go on pointing to where it points, whatever the rights there. */
static void
add_key_or_same(struct sql *sql, const struct change *change,
		const struct key *key)
{
	if (!change->id || permission_everything(change->context->actor)) {
		key_test(sql, change->context, key, "r");
		return;
	}
	sql_add(sql, "(");
	key_test(sql, change->context, key, "r");
	sql_add(sql, ") OR (");
	add_id_test(sql, "r", key->id);
	sql_add(sql, " AND EXISTS (SELECT FROM ");
	sql_name(sql, change->entity->table);
	sql_add(sql, " h WHERE ");
	add_id_test(sql, "h", change->id);
	sql_add(sql, " AND ");
	sql_column(sql, "h", key->holder->sql_name);
	sql_add(sql, " = r.id))");
}

static void
add_key_name(struct sql *sql, size_t i)
{
	sql_add(sql, "k");
	sql_constant(sql, (int64_t)i);
}

void
change_add_keys(struct sql *sql, const struct change *change)
{
	for (size_t i = 0; i < change->nassignments; i++) {
		const struct key *key = change->assignments[i].key;

		if (!key)
			continue;
		add_key_name(sql, i);
		sql_add(sql, " AS MATERIALIZED (SELECT r.id FROM ");
		sql_name(sql, key->target->table);
		sql_add(sql, " r WHERE ");
		add_key_or_same(sql, change, key);
		sql_add(sql, "), ");
	}
}

void
change_add_key_sources(struct sql *sql, const struct change *change)
{
	for (size_t i = 0; i < change->nassignments; i++)
		if (change->assignments[i].key) {
			sql_add(sql, ", ");
			add_key_name(sql, i);
		}
}

/* A cast to varchar(n) would cut, where the column itself refuses. */
static const char *
parameter_type(const struct column *column)
{
	return strncmp(column->sql_type, "character", 9) ? column->sql_type
							 : "text";
}

void
change_add_value(struct sql *sql, const struct change *change, size_t i)
{
	const struct assignment *assignment = &change->assignments[i];

	if (assignment->key) {
		add_key_name(sql, i);
		sql_add(sql, ".id");
	} else {
		sql_value_as(sql, assignment->text,
			     parameter_type(assignment->column));
	}
}

/* Whom a run trusts is not told of rows that he can't see. */
static void
add_seen_by_actor(struct sql *sql, const struct change *change,
		  const struct key *key)
{
	struct row_context actor = *change->context;

	actor.trusted = false;
	row_add_visible(sql, &actor, key->target, key->id, "r");
}

static void
add_key_exists(struct sql *sql, const struct change *change,
	       const struct key *key, bool is_visible_only)
{
	sql_add(sql, "EXISTS (SELECT FROM ");
	sql_name(sql, key->target->table);
	sql_add(sql, " r WHERE ");
	if (is_visible_only)
		add_seen_by_actor(sql, change, key);
	else
		add_key_or_same(sql, change, key);
	sql_add(sql, ")");
}

static struct error *
key_error(struct arena *arena, const struct key *key, bool is_visible)
{
	struct error *error;

	if (!is_visible)
		error = error_new(arena, 422, "no-such-row",
				  "There is no such %s.", key->target->name);
	else if (key->right == KEY_REFER)
		error = permission_refused(arena, key->target, VERB_REFER);
	else
		error = error_new(
			arena, 403, "forbidden", "You may not %s this %s.",
			key->right == KEY_SHARE ? "share" : "add members to",
			key->target->name);
	return error_at(error, key->pointer);
}

struct error *
change_explain_keys(const struct change *change)
{
	struct arena *arena = change->context->arena;
	struct error *errors = NULL, *error;
	struct rows *rows;
	struct sql sql;
	size_t column = 0;

	sql_init(&sql, arena);
	sql_add(&sql, "SELECT TRUE");
	for (size_t i = 0; i < change->nassignments; i++) {
		const struct key *key = change->assignments[i].key;

		if (!key)
			continue;
		sql_add(&sql, ", ");
		add_key_exists(&sql, change, key, true);
		sql_add(&sql, ", ");
		add_key_exists(&sql, change, key, false);
	}
	error = sql_run(&sql, change->context->db, &rows);
	for (size_t i = 0; !error && i < change->nassignments; i++) {
		const struct key *key = change->assignments[i].key;

		if (!key)
			continue;
		column += 2;
		if (!rows_boolean(rows, 0, column))
			error_append(
				&errors,
				key_error(arena, key,
					  rows_boolean(rows, 0, column - 1)));
	}
	return error ? error : errors;
}

/* History. */

void
row_add_history_column(struct sql *sql, const struct row_context *context,
		       const struct entity *entity, const struct column *column,
		       const char *operation)
{
	const char *name = column->column_name;

	if (context->run && !strcmp(name, "action_run"))
		sql_value_as(sql, context->run, "text");
	else if (!strcmp(name, "source_reference_id"))
		sql_add(sql, "o.reference_id");
	else if (!strcmp(name, "operation"))
		sql_value_as(sql, operation, "text");
	else if (entity_column(entity, name))
		sql_column(sql, "o", entity_column(entity, name)->sql_name);
	else
		sql_add(sql, "NULL");
}

void
row_add_history(struct sql *sql, const struct row_context *context,
		const struct entity *entity, const char *operation,
		const char *done)
{
	const struct entity *audit = entity->audit;
	char *id = arena_alloc(context->arena, 37);
	int64_t permission = audit->default_permission
				     ? audit->default_permission
				     : PERMISSION_AUDIT_ROW;

	crypto_uuid(id);
	sql_add(sql, ", history AS (INSERT INTO ");
	sql_name(sql, audit->table);
	sql_add(sql, " (reference_id, permission");
	for (size_t i = 0; i < audit->ncolumns; i++)
		if (!audit->columns[i]->is_standard) {
			sql_add(sql, ", ");
			sql_name(sql, audit->columns[i]->sql_name);
		}
	sql_add(sql, ") SELECT ");
	sql_value_as(sql, id, "uuid");
	sql_add(sql, ", ");
	sql_constant(sql, permission);
	for (size_t i = 0; i < audit->ncolumns; i++)
		if (!audit->columns[i]->is_standard) {
			sql_add(sql, ", ");
			row_add_history_column(sql, context, entity,
					       audit->columns[i], operation);
		}
	sql_add(sql, " FROM old o WHERE EXISTS (SELECT FROM ");
	sql_name(sql, done);
	sql_add(sql, "))");
}

/* Constraints. */

static bool
is_constraint(const struct row_context *context, const struct entity *entity,
	      const char *columns, const char *kind, const char *name)
{
	return !strcmp(migrate_object_name(context->arena, entity->table,
					   columns, kind),
		       name);
}

/* The columns of a unique index over several, as its name has them. */
static const char *
composite_columns(struct arena *arena, const struct entity *entity,
		  const char **names)
{
	struct strbuf buf;

	strbuf_init(&buf, arena);
	for (size_t i = 0; names[i]; i++) {
		const struct column *column = entity_column(entity, names[i]);

		if (i)
			strbuf_putc(&buf, ',');
		strbuf_puts(&buf, column ? column->sql_name : names[i]);
	}
	return buf.data;
}

/* The second key of a join table, whose pairs are unique. */
static const char *
broken_pair(const struct row_context *context, const struct entity *entity,
	    const char *constraint)
{
	const struct model *model = context->model;

	for (size_t i = 0; entity->is_join_table && i < model->nrelations;
	     i++) {
		const struct relation *relation = model->relations[i];

		if (relation->join == entity &&
		    is_constraint(
			    context, entity,
			    arena_printf(context->arena, "%s,%s",
					 relation->join_subject_key->sql_name,
					 relation->join_object_key->sql_name),
			    "key", constraint))
			return relation->join_object_key->column_name;
	}
	return NULL;
}

static const char *
broken_column(const struct row_context *context, const struct entity *entity,
	      const char *constraint)
{
	for (size_t i = 0; i < entity->ncolumns; i++) {
		const struct column *column = entity->columns[i];

		if (is_constraint(context, entity, column->sql_name, "key",
				  constraint) ||
		    is_constraint(context, entity, column->sql_name, "fkey",
				  constraint))
			return column->column_name;
	}
	for (size_t i = 0; i < entity->ncomposite_keys; i++) {
		const char **names = entity->composite_keys[i];

		if (is_constraint(
			    context, entity,
			    composite_columns(context->arena, entity, names),
			    "key", constraint))
			return names[0];
	}
	return broken_pair(context, entity, constraint);
}

struct error *
row_constraint_error(const struct row_context *context,
		     const struct entity *entity, struct error *error)
{
	const char *column;

	if (!error->constraint)
		return error;
	column = broken_column(context, entity, error->constraint);
	if (!column)
		return error;
	if (!strcmp(column, "reference_id"))
		return error_at(error, "/data/id");
	if (error->sqlstate && !strcmp(error->sqlstate, "23505"))
		error->detail = arena_printf(
			context->arena, "There is a %s with this %s already.",
			entity->name, column);
	return error_at(error, arena_printf(context->arena,
					    "/data/attributes/%s", column));
}

/* Administrators. */

static const char LOCK_GROUP[] =
	"SELECT FROM usergroup WHERE id = $1::bigint FOR UPDATE";

struct error *
row_lock_administrators(const struct row_context *context)
{
	struct arena *arena = context->arena;

	if (!context->model->has_administrator)
		return NULL;
	db_begin(context->db);
	return db_query(context->db, arena, LOCK_GROUP,
			PARAMS(arena_printf(
				arena, "%lld",
				(long long)context->model->administrators_id)),
			NULL);
}

struct error *
row_check_administrators(const struct row_context *context)
{
	const struct model *model = context->model;
	const struct relation *relation = model->user_account->group_relation;
	struct error *error;
	struct rows *rows;
	struct sql sql;

	if (!model->has_administrator)
		return NULL;
	sql_init(&sql, context->arena);
	sql_add(&sql, "SELECT FROM ");
	sql_name(&sql, model->membership->table);
	sql_add(&sql, " m WHERE ");
	sql_column(&sql, "m", relation->join_object_key->sql_name);
	sql_add(&sql, " = ");
	sql_integer(&sql, model->administrators_id);
	sql_add(&sql, " LIMIT 1");
	error = sql_run(&sql, context->db, &rows);
	if (error || rows_count(rows))
		return error;
	return error_new(context->arena, 409, "last-administrator",
			 "The last administrator can't be removed.");
}
