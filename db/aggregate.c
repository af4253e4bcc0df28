/*
 * aggregate.c: one SELECT for an aggregation. Every table in it, joined ones
 * and those behind paths too, carries the caller's predicate.
 */
#include "db/aggregate.h"

#include <string.h>

static void
add_column(struct sql *sql, const struct expression *expression,
	   const struct aggregate *aggregate, const char *alias)
{
	const struct column *column = expression->column;

	if (!column->target) {
		sql_column(sql, alias, column->sql_name);
		return;
	}
	sql_add(sql, "(SELECT k.reference_id FROM ");
	sql_name(sql, column->target->table);
	sql_add(sql, " k WHERE k.id = ");
	sql_column(sql, alias, column->sql_name);
	sql_add(sql, " AND ");
	permission_visible(sql, aggregate->actor, aggregate->model,
			   column->target, "k");
	sql_add(sql, ")");
}

static void
add_path(struct sql *sql, const struct expression *expression,
	 const struct aggregate *aggregate, const char *alias, size_t step)
{
	const struct relationship *relationship;
	const char *next;

	if (step == expression->path.nsteps) {
		add_column(sql, expression, aggregate, alias);
		return;
	}
	relationship = expression->path.steps[step];
	next = arena_printf(sql->text.arena, "p%zu", step);
	sql_add(sql, "(SELECT ");
	add_path(sql, expression, aggregate, next, step + 1);
	sql_add(sql, " FROM ");
	sql_name(sql, relationship->target->table);
	sql_add(sql, " ");
	strbuf_puts(&sql->text, next);
	sql_add(sql, " WHERE ");
	sql_column(sql, next, "id");
	sql_add(sql, " = ");
	sql_column(sql, alias, relationship->relation->key->sql_name);
	sql_add(sql, " AND ");
	permission_visible(sql, aggregate->actor, aggregate->model,
			   relationship->target, next);
	sql_add(sql, ")");
}

void
expression_add(struct sql *sql, const struct expression *expression,
	       const struct aggregate *aggregate)
{
	switch (expression->kind) {
	case EXPRESSION_COLUMN:
		add_path(sql, expression, aggregate, expression->alias, 0);
		break;
	case EXPRESSION_CALL:
		expression->function->add(sql, expression, aggregate);
		break;
	case EXPRESSION_NUMBER:
		sql_value_as(sql, expression->text, "numeric");
		break;
	case EXPRESSION_TEXT:
		sql_value_as(sql, expression->text, "text");
		break;
	}
}

static const struct {
	enum comparison comparison;
	const char *sql;
} operators[] = {
	{ COMPARE_EQUAL, " = " },
	{ COMPARE_NOT_EQUAL, " IS DISTINCT FROM " },
	{ COMPARE_LESS, " < " },
	{ COMPARE_LESS_OR_EQUAL, " <= " },
	{ COMPARE_GREATER, " > " },
	{ COMPARE_GREATER_OR_EQUAL, " >= " },
	{ COMPARE_IN, " IN " },
	{ COMPARE_NOT_IN, " NOT IN " },
	{ COMPARE_IS_NULL, " IS NULL" },
	{ COMPARE_IS_NOT_NULL, " IS NOT NULL" },
	{ COMPARE_IS_TRUE, " IS TRUE" },
	{ COMPARE_IS_FALSE, " IS FALSE" },
};

static void
add_operator(struct sql *sql, enum comparison comparison)
{
	for (size_t i = 0; i < ARRAY_SIZE(operators); i++)
		if (operators[i].comparison == comparison)
			strbuf_puts(&sql->text, operators[i].sql);
}

/* Texts compared with times are times; with reference ids, those. */
static void
add_side(struct sql *sql, const struct expression *side,
	 const struct expression *other, const struct aggregate *aggregate)
{
	expression_add(sql, side, aggregate);
	if (side->kind != EXPRESSION_TEXT)
		return;
	if (other->class == CLASS_TIME)
		sql_add(sql, "::timestamptz");
	else if (other->kind == EXPRESSION_COLUMN &&
		 (other->column->target || other->column->kind == VALUE_UUID))
		sql_add(sql, "::uuid");
}

static void
add_test(struct sql *sql, const struct aggregate_test *test,
	 const struct aggregate *aggregate)
{
	bool is_list = test->comparison == COMPARE_IN ||
		       test->comparison == COMPARE_NOT_IN;

	expression_add(sql, test->left, aggregate);
	add_operator(sql, test->comparison);
	if (is_list)
		sql_add(sql, "(");
	for (size_t i = 0; i < test->nright; i++) {
		if (i)
			sql_add(sql, ", ");
		add_side(sql, test->right[i], test->left, aggregate);
	}
	if (is_list)
		sql_add(sql, ")");
}

static void
add_join(struct sql *sql, const struct aggregate_join *join,
	 const struct aggregate *aggregate)
{
	sql_add(sql, " LEFT JOIN (SELECT v.* FROM ");
	sql_name(sql, join->entity->table);
	sql_add(sql, " v WHERE ");
	permission_visible(sql, aggregate->actor, aggregate->model,
			   join->entity, "v");
	sql_add(sql, ") ");
	strbuf_puts(&sql->text, join->alias);
	sql_add(sql, " ON TRUE");
	for (size_t i = 0; i < join->ntests; i++) {
		sql_add(sql, " AND ");
		add_test(sql, &join->tests[i], aggregate);
	}
}

static void
add_tests(struct sql *sql, const struct aggregate_test *tests, size_t count,
	  const struct aggregate *aggregate)
{
	for (size_t i = 0; i < count; i++) {
		sql_add(sql, " AND ");
		add_test(sql, &tests[i], aggregate);
	}
}

static void
add_outputs(struct sql *sql, const struct aggregate *aggregate)
{
	for (size_t i = 0; i < aggregate->noutputs; i++) {
		if (i)
			sql_add(sql, ", ");
		expression_add(sql, aggregate->outputs[i].expression,
			       aggregate);
	}
}

/* Groups are the outputs' ordinals, so that each is computed once. */
static void
add_groups(struct sql *sql, const struct aggregate *aggregate)
{
	bool any = false;

	for (size_t i = 0; i < aggregate->noutputs; i++) {
		if (!aggregate->outputs[i].is_group)
			continue;
		strbuf_puts(&sql->text, any ? ", " : " GROUP BY ");
		any = true;
		sql_constant(sql, (int64_t)i + 1);
	}
}

/* An expression that is an output is named by its ordinal. */
static void
add_order_operand(struct sql *sql, const struct expression *expression,
		  const struct aggregate *aggregate)
{
	for (size_t i = 0; i < aggregate->noutputs; i++) {
		if (aggregate->outputs[i].expression != expression)
			continue;
		sql_constant(sql, (int64_t)i + 1);
		return;
	}
	expression_add(sql, expression, aggregate);
}

static void
add_order(struct sql *sql, const struct aggregate *aggregate)
{
	for (size_t i = 0; i < aggregate->norder; i++) {
		strbuf_puts(&sql->text, i ? ", " : " ORDER BY ");
		add_order_operand(sql, aggregate->order[i].expression,
				  aggregate);
		if (aggregate->order[i].descending)
			sql_add(sql, " DESC");
	}
}

struct error *
aggregate_run(struct db *db, struct arena *arena,
	      const struct aggregate *aggregate, struct rows **rows)
{
	struct sql sql;

	sql_init(&sql, arena);
	sql_add(&sql, "SELECT ");
	add_outputs(&sql, aggregate);
	sql_add(&sql, " FROM ");
	sql_name(&sql, aggregate->entity->table);
	sql_add(&sql, " t");
	for (size_t i = 0; i < aggregate->njoins; i++)
		add_join(&sql, &aggregate->joins[i], aggregate);
	sql_add(&sql, " WHERE ");
	permission_visible(&sql, aggregate->actor, aggregate->model,
			   aggregate->entity, "t");
	add_tests(&sql, aggregate->filters, aggregate->nfilters, aggregate);
	add_groups(&sql, aggregate);
	if (aggregate->nhaving) {
		sql_add(&sql, " HAVING TRUE");
		add_tests(&sql, aggregate->having, aggregate->nhaving,
			  aggregate);
	}
	add_order(&sql, aggregate);
	sql_add(&sql, " LIMIT ");
	sql_constant(&sql, AGGREGATE_ROWS_MAX);
	return sql_run(&sql, db, rows);
}
