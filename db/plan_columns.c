/*
 * plan_columns.c: the columns of a table that exists: new ones, wider types,
 * NOT NULL, defaults. Rows that would not survive a step are counted, and
 * the step refused.
 */
#include <ctype.h>
#include <string.h>

#include "db/plan.h"

/* An ALTER TABLE without its end. */
static struct sql
alter(struct plan *plan, const struct entity *entity)
{
	struct sql sql;

	sql_init(&sql, plan->arena);
	sql_add(&sql, "ALTER TABLE ");
	sql_name(&sql, entity->table);
	return sql;
}

static struct sql
alter_column(struct plan *plan, const struct entity *entity,
	     const struct column *column)
{
	struct sql sql = alter(plan, entity);

	sql_add(&sql, " ALTER COLUMN ");
	sql_name(&sql, column->sql_name);
	return sql;
}

static struct error *
plan_add_column(struct plan *plan, const struct entity *entity,
		const struct column *column)
{
	struct sql sql = alter(plan, entity);
	int64_t count = 0;

	if (!column->is_nullable && !plan_default_sql(column)) {
		struct error *error =
			plan_count_rows(plan, entity->table, &count);

		if (error)
			return error;
	}
	if (count)
		plan_problem(
			plan,
			error_new(plan->arena, 422, "column-needs-default",
				  "%s.%s can't be added: it is NOT NULL "
				  "without a default, and %s has %lld rows. "
				  "Make it nullable or give it a default.",
				  entity->name, column->column_name,
				  entity->name, (long long)count));
	sql_add(&sql, " ADD COLUMN ");
	plan_add_definition(&sql, column);
	plan_statement(plan, sql.text.data);
	return NULL;
}

/* Types. */

/* Rows that stand in the way of a narrower type. */
static struct error *
count_misfits(struct plan *plan, const struct entity *entity,
	      const struct column *column, int64_t *count)
{
	long length = type_varchar_length(column->sql_type);
	struct sql query;

	sql_init(&query, plan->arena);
	sql_add(&query, "SELECT count(*) FROM ");
	sql_name(&query, entity->table);
	sql_add(&query, " WHERE ");
	if (length) {
		sql_add(&query, "pg_catalog.char_length(");
		sql_name(&query, column->sql_name);
		sql_add(&query, "::text) > ");
		sql_constant(&query, length);
	} else {
		sql_name(&query, column->sql_name);
		sql_add(&query, " IS NOT NULL");
	}
	return plan_count(plan, &query, count);
}

static struct error *
refuse_narrowing(struct plan *plan, const struct entity *entity,
		 const struct column *column, const char *actual)
{
	int64_t count = 0;
	struct error *error = count_misfits(plan, entity, column, &count);

	if (error)
		return error;
	plan_problem(plan,
		     error_new(plan->arena, 422, "type-not-wider",
			       "%s.%s can't change from %s to %s: not every "
			       "value of the old type fits into the new one "
			       "(rows concerned: %lld). Keep the type, or add "
			       "a column of another name.",
			       entity->name, column->column_name, actual,
			       column->sql_type, (long long)count));
	return NULL;
}

/* "%s" in `using` is the quoted name. */
static void
add_using(struct sql *sql, const char *using, const char *name)
{
	const char *mark = strstr(using, "%s");

	if (!mark)
		return;
	sql_add(sql, " USING ");
	strbuf_add(&sql->text, using, (size_t)(mark - using));
	sql_name(sql, name);
	strbuf_puts(&sql->text, mark + 2);
}

/*
 * A default of the old type may not convert by itself: it is dropped with
 * the change, and what the model says is set again.
 */
static void
plan_widen(struct plan *plan, const struct entity *entity,
	   const struct column *column, const char *using)
{
	struct sql sql = alter_column(plan, entity, column);

	sql_add(&sql, " DROP DEFAULT, ALTER COLUMN ");
	sql_name(&sql, column->sql_name);
	sql_add(&sql, " TYPE ");
	strbuf_puts(&sql.text, column->sql_type);
	add_using(&sql, using, column->sql_name);
	if (plan_default_sql(column)) {
		sql_add(&sql, ", ALTER COLUMN ");
		sql_name(&sql, column->sql_name);
		sql_add(&sql, " SET DEFAULT ");
		strbuf_puts(&sql.text, plan_default_sql(column));
	}
	plan_statement(plan, sql.text.data);
}

/* Nullability. */

static struct error *
plan_not_null(struct plan *plan, const struct entity *entity,
	      const struct column *column)
{
	struct sql query, sql;
	struct error *error;
	int64_t count = 0;

	sql_init(&query, plan->arena);
	sql_add(&query, "SELECT count(*) FROM ");
	sql_name(&query, entity->table);
	sql_add(&query, " WHERE ");
	sql_name(&query, column->sql_name);
	sql_add(&query, " IS NULL");
	error = plan_count(plan, &query, &count);
	if (error)
		return error;
	if (count)
		plan_problem(plan,
			     error_new(plan->arena, 422, "column-has-nulls",
				       "%s.%s can't become NOT NULL: %lld "
				       "rows have no value. Fill them first.",
				       entity->name, column->column_name,
				       (long long)count));
	sql = alter_column(plan, entity, column);
	sql_add(&sql, " SET NOT NULL");
	plan_statement(plan, sql.text.data);
	return NULL;
}

static struct error *
plan_nullability(struct plan *plan, const struct entity *entity,
		 const struct column *column,
		 const struct catalog_column *actual)
{
	struct sql sql;

	if (actual->is_not_null == !column->is_nullable)
		return NULL;
	if (!column->is_nullable)
		return plan_not_null(plan, entity, column);
	sql = alter_column(plan, entity, column);
	sql_add(&sql, " DROP NOT NULL");
	plan_statement(plan, sql.text.data);
	return NULL;
}

/* Defaults. */

static void
plan_default(struct plan *plan, const struct entity *entity,
	     const struct column *column)
{
	struct sql sql = alter_column(plan, entity, column);

	if (plan_default_sql(column)) {
		sql_add(&sql, " SET DEFAULT ");
		strbuf_puts(&sql.text, plan_default_sql(column));
	} else {
		sql_add(&sql, " DROP DEFAULT");
	}
	plan_statement(plan, sql.text.data);
}

/* What is between the quotes of 'good'::character varying, and all of 1. */
struct literal {
	const char *text;
	size_t length;
	bool is_quoted;
};

static struct literal
parse_literal(const char *sql)
{
	const char *end = sql + 1;

	if (*sql != '\'')
		return (struct literal){ sql, strlen(sql), false };
	while (*end && (*end != '\'' || end[1] == '\''))
		end += *end == '\'' ? 2 : 1;
	return (struct literal){ sql + 1, (size_t)(end - sql - 1), true };
}

/*
 * PostgreSQL writes '1'::integer as 1, so a number in quotes is that number;
 * but 'now()' in quotes is a text, and now() is not.
 */
static bool
is_same_literal(const char *actual, const char *wanted)
{
	struct literal a = parse_literal(actual);
	struct literal b = parse_literal(wanted);

	if (a.length != b.length)
		return false;
	if (a.is_quoted != b.is_quoted && !isdigit((unsigned char)*a.text) &&
	    strncmp(a.text, "true", a.length) != 0 &&
	    strncmp(a.text, "false", a.length) != 0)
		return false;
	return !strncmp(a.text, b.text, a.length);
}

static void
compare_defaults(struct plan *plan, const struct entity *entity,
		 const struct column *column, const char *actual)
{
	const char *wanted = plan_default_sql(column);

	if (!actual && !wanted)
		return;
	if (!actual || !wanted) {
		plan_default(plan, entity, column);
		return;
	}
	if (is_same_literal(actual, wanted))
		return;
	ARENA_PUSH(
		plan->arena, plan->doubtful, plan->ndoubtful,
		((struct doubtful_default){ entity, column, actual, wanted }));
}

/* One row of the question below: number, and whether the values agree. */
static void
add_comparison(struct sql *sql, size_t number,
	       const struct doubtful_default *doubtful)
{
	const char *type = doubtful->column->sql_type;

	sql_add(sql, "(");
	sql_constant(sql, (int64_t)number);
	sql_add(sql, ", CAST(CAST(");
	strbuf_puts(&sql->text, doubtful->actual);
	sql_add(sql, " AS ");
	strbuf_puts(&sql->text, type);
	sql_add(sql, ") AS text) IS NOT DISTINCT FROM CAST(CAST(");
	strbuf_puts(&sql->text, doubtful->wanted);
	sql_add(sql, " AS ");
	strbuf_puts(&sql->text, type);
	sql_add(sql, ") AS text))");
}

/*
 * Two texts may be one value: -1 and '-1'::integer. The server is asked,
 * once for all; now() stands still within the transaction.
 */
struct error *
plan_settle_defaults(struct plan *plan)
{
	struct error *error;
	struct rows *rows;
	struct sql sql;

	if (!plan->ndoubtful)
		return NULL;
	sql_init(&sql, plan->arena);
	sql_add(&sql, "SELECT number FROM (VALUES ");
	for (size_t i = 0; i < plan->ndoubtful; i++) {
		if (i)
			sql_add(&sql, ", ");
		add_comparison(&sql, i, &plan->doubtful[i]);
	}
	sql_add(&sql, ") AS v (number, is_same) WHERE NOT is_same "
		      "ORDER BY number");
	error = sql_run(&sql, plan->db, &rows);
	if (error)
		return error;
	for (size_t i = 0; i < rows_count(rows); i++) {
		const struct doubtful_default *doubtful =
			&plan->doubtful[rows_integer(rows, i, 0)];

		plan_default(plan, doubtful->entity, doubtful->column);
	}
	return NULL;
}

static struct error *
plan_change_column(struct plan *plan, const struct entity *entity,
		   const struct column *column,
		   const struct catalog_column *actual)
{
	struct error *error = NULL;
	const char *using;

	if (column->is_primary_key)
		return NULL;
	if (!strcmp(actual->type, column->sql_type))
		compare_defaults(plan, entity, column, actual->default_sql);
	else if (type_is_wider(actual->type, column->sql_type, &using))
		plan_widen(plan, entity, column, using);
	else
		error = refuse_narrowing(plan, entity, column, actual->type);
	if (error)
		return error;
	return plan_nullability(plan, entity, column, actual);
}

struct error *
plan_alter_table(struct plan *plan, const struct entity *entity)
{
	struct error *error = NULL;

	for (size_t i = 0; !error && i < entity->ncolumns; i++) {
		const struct column *column = entity->columns[i];
		const struct catalog_column *actual = catalog_column(
			plan->catalog, entity->table, column->sql_name);

		if (actual)
			error = plan_change_column(plan, entity, column,
						   actual);
		else
			error = plan_add_column(plan, entity, column);
	}
	return error;
}
