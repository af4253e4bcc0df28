/*
 * sample.c: statements that look at what is there.
 */
#include "db/sample.h"

static void
add_unused(struct sql *sql, const struct entity *entity,
	   const struct column *key)
{
	sql_add(sql, " AND NOT EXISTS (SELECT FROM ");
	sql_name(sql, entity->table);
	sql_add(sql, " h WHERE ");
	sql_column(sql, "h", key->sql_name);
	sql_add(sql, " = t.id)");
}

struct error *
sample_keys(const struct row_context *context, const struct entity *entity,
	    const struct column *key, bool unused, size_t limit,
	    const char ***ids, size_t *count)
{
	struct error *error;
	struct rows *rows;
	struct sql sql;

	sql_init(&sql, context->arena);
	sql_add(&sql, "SELECT t.reference_id FROM ");
	sql_name(&sql, key->target->table);
	sql_add(&sql, " t WHERE ");
	permission_visible(&sql, context->actor, context->model, key->target,
			   "t");
	sql_add(&sql, " AND ");
	permission_where(&sql, context->actor, context->model, key->target, "t",
			 VERB_REFER);
	if (unused)
		add_unused(&sql, entity, key);
	sql_add(&sql, " ORDER BY t.id LIMIT ");
	sql_integer(&sql, (int64_t)limit);
	error = sql_run(&sql, context->db, &rows);
	if (error)
		return error;
	*count = rows_count(rows);
	*ids = ARENA_ARRAY(context->arena, const char *, *count + 1);
	for (size_t i = 0; i < *count; i++)
		(*ids)[i] = rows_text(rows, i, 0);
	return NULL;
}

static void
add_highest(struct sql *sql, const struct column *column)
{
	switch (column->kind) {
	case VALUE_INTEGER:
	case VALUE_DECIMAL:
	case VALUE_FLOAT:
		sql_add(sql, "ceil(max(");
		sql_column(sql, "t", column->sql_name);
		sql_add(sql, "))::numeric");
		break;
	case VALUE_TIMESTAMP:
		sql_add(sql, "ceil(extract(epoch FROM max(");
		sql_column(sql, "t", column->sql_name);
		sql_add(sql, ")))");
		break;
	default:
		sql_add(sql, "max(t.id)");
		break;
	}
}

struct error *
sample_next_number(const struct row_context *context,
		   const struct entity *entity, const struct column *column,
		   int64_t *number)
{
	struct error *error;
	struct rows *rows;
	struct sql sql;

	sql_init(&sql, context->arena);
	sql_add(&sql, "SELECT greatest(coalesce(");
	add_highest(&sql, column);
	sql_add(&sql, ", 0), 0)::bigint + 1 FROM ");
	sql_name(&sql, entity->table);
	sql_add(&sql, " t");
	error = sql_run(&sql, context->db, &rows);
	if (!error)
		*number = rows_integer(rows, 0, 0);
	return error;
}
