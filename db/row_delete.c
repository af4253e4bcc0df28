/*
 * row_delete.c: deletes a row, with its history, in one statement. Link rows
 * and what OnDelete says are the foreign keys' work; rows that stand in the
 * way are counted and named.
 */
#include <string.h>

#include "db/journal.h"
#include "db/row_parts.h"

/* A column whose rows keep the row that they point to from going. */
struct obstacle {
	const struct entity *entity;
	const struct column *column;
};

struct deletion {
	const struct row_context *context;
	const struct entity *entity;
	const char *id;
	struct obstacle *obstacles;
	size_t nobstacles;
};

/* What the foreign key of a column does: as the migration makes it. */
static bool
restricts(const struct model *model, const struct entity *entity,
	  const struct column *column)
{
	if (entity->has_owner &&
	    !strcmp(column->column_name, "user_account_id"))
		return false;
	for (size_t i = 0; i < model->nrelations; i++) {
		const struct relation *relation = model->relations[i];

		if (relation->key == column)
			return relation->on_delete == ON_DELETE_RESTRICT;
		if (relation->join && (relation->join_subject_key == column ||
				       relation->join_object_key == column))
			return false;
	}
	return true;
}

static void
find_obstacles(struct deletion *deletion)
{
	const struct model *model = deletion->context->model;

	for (size_t i = 0; i < model->nentities; i++) {
		const struct entity *entity = model->entities[i];

		for (size_t j = 0; j < entity->ncolumns; j++) {
			const struct column *column = entity->columns[j];
			struct obstacle obstacle = { entity, column };

			if (column->target == deletion->entity &&
			    column->is_foreign_key &&
			    restricts(model, entity, column))
				ARENA_PUSH(deletion->context->arena,
					   deletion->obstacles,
					   deletion->nobstacles, obstacle);
		}
	}
}

/* FROM rows that point to "t", other than itself. */
static void
add_pointing(struct sql *sql, const struct deletion *deletion,
	     const struct obstacle *obstacle)
{
	sql_add(sql, " FROM ");
	sql_name(sql, obstacle->entity->table);
	sql_add(sql, " c WHERE ");
	sql_column(sql, "c", obstacle->column->sql_name);
	sql_add(sql, " = t.id");
	if (obstacle->entity == deletion->entity)
		sql_add(sql, " AND c.id <> t.id");
}

/* Per obstacle: how many visible rows, and whether there is any. */
static struct error *
count_pointing(const struct deletion *deletion, struct rows **rows)
{
	const struct row_context *context = deletion->context;
	struct sql sql;

	sql_init(&sql, context->arena);
	sql_add(&sql, "SELECT TRUE");
	for (size_t i = 0; i < deletion->nobstacles; i++) {
		const struct obstacle *obstacle = &deletion->obstacles[i];

		sql_add(&sql, ", (SELECT count(*)");
		add_pointing(&sql, deletion, obstacle);
		sql_add(&sql, " AND ");
		permission_visible(&sql, context->actor, context->model,
				   obstacle->entity, "c");
		sql_add(&sql, "), EXISTS (SELECT");
		add_pointing(&sql, deletion, obstacle);
		sql_add(&sql, ")");
	}
	sql_add(&sql, " FROM ");
	sql_name(&sql, deletion->entity->table);
	sql_add(&sql, " t WHERE ");
	row_add_test(&sql, context, deletion->entity, deletion->id, "t",
		     VERB_DELETE);
	return sql_run(&sql, context->db, rows);
}

/* 409 with what stands in the way; NULL if nothing does. */
static struct error *
find_pointing(const struct deletion *deletion)
{
	struct arena *arena = deletion->context->arena;
	struct strbuf names;
	struct rows *rows;
	struct error *error = count_pointing(deletion, &rows);
	bool is_blocked = false;

	if (error || !rows_count(rows))
		return error;
	strbuf_init(&names, arena);
	for (size_t i = 0; i < deletion->nobstacles; i++) {
		int64_t count = rows_integer(rows, 0, 1 + 2 * i);

		is_blocked |= rows_boolean(rows, 0, 2 + 2 * i);
		if (count)
			strbuf_printf(&names, "%s%lld of %s",
				      names.length ? ", " : "",
				      (long long)count,
				      deletion->obstacles[i].entity->name);
	}
	if (!is_blocked)
		return NULL;
	return error_new(arena, 409, "still-referenced",
			 "Other rows point to this %s%s%s.",
			 deletion->entity->name, names.length ? ": " : "",
			 names.data);
}

/* "old" is the row, locked; "gone" deletes it. */
static void
add_delete(struct sql *sql, const struct deletion *deletion)
{
	sql_add(sql, "WITH old AS MATERIALIZED (SELECT t.* FROM ");
	sql_name(sql, deletion->entity->table);
	sql_add(sql, " t WHERE ");
	row_add_test(sql, deletion->context, deletion->entity, deletion->id,
		     "t", VERB_DELETE);
	sql_add(sql, " FOR UPDATE OF t), gone AS (DELETE FROM ");
	sql_name(sql, deletion->entity->table);
	sql_add(sql, " t USING old WHERE t.id = old.id RETURNING t.id)");
	if (deletion->entity->audit)
		row_add_history(sql, deletion->context, deletion->entity,
				"delete", "gone");
	sql_add(sql, " SELECT id FROM gone");
}

/* Nothing was deleted: not there, or not to be deleted by the caller. */
static struct error *
explain(const struct deletion *deletion)
{
	const struct row_context *context = deletion->context;
	struct error *error;
	struct rows *rows;
	struct sql sql;

	sql_init(&sql, context->arena);
	sql_add(&sql, "SELECT FROM ");
	sql_name(&sql, deletion->entity->table);
	sql_add(&sql, " t WHERE ");
	row_add_visible(&sql, context, deletion->entity, deletion->id, "t");
	error = sql_run(&sql, context->db, &rows);
	if (error)
		return error;
	if (!rows_count(rows))
		return row_not_found(context->arena, deletion->entity);
	return permission_refused(context->arena, deletion->entity,
				  VERB_DELETE);
}

static struct error *
run(const struct deletion *deletion)
{
	const struct row_context *context = deletion->context;
	bool is_journaled = journal_needs_delete(context, deletion->entity);
	bool can_ask_after = !is_journaled && !db_in_transaction(context->db);
	struct error *error = NULL, *reason;
	struct rows *rows;
	struct sql sql;

	if (is_journaled)
		db_begin(context->db);
	if (!can_ask_after && deletion->nobstacles)
		error = find_pointing(deletion);
	if (!error && is_journaled)
		error = journal_delete(context, deletion->entity, deletion->id);
	if (error)
		return error;
	sql_init(&sql, context->arena);
	add_delete(&sql, deletion);
	error = sql_run(&sql, context->db, &rows);
	if (error && can_ask_after && error->sqlstate &&
	    !strcmp(error->sqlstate, "23503")) {
		reason = find_pointing(deletion);
		return reason ? reason : error;
	}
	if (!error && !rows_count(rows))
		error = explain(deletion);
	return error;
}

/* Deletes that may take a member from administrators. */
static bool
is_guarded(const struct model *model, const struct entity *entity)
{
	return model->has_administrator &&
	       (entity == model->user_account || entity == model->membership ||
		entity == model->usergroup);
}

struct error *
row_delete(const struct row_context *context, const struct entity *entity,
	   const char *id)
{
	struct deletion deletion = { .context = context,
				     .entity = entity,
				     .id = id };
	bool guarded = is_guarded(context->model, entity);
	struct error *error = NULL;

	find_obstacles(&deletion);
	if (guarded)
		error = row_lock_administrators(context);
	if (!error)
		error = run(&deletion);
	if (!error && guarded)
		error = row_check_administrators(context);
	return error;
}
