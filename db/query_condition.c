/*
 * query_condition.c: the conditions of a listing, along paths of to-one
 * relations too; every row on the way must be visible.
 */
#include <string.h>

#include "db/query_parts.h"

static const char *const operators[] = {
	[COMPARE_LESS] = " < ",	     [COMPARE_LESS_OR_EQUAL] = " <= ",
	[COMPARE_GREATER] = " > ",   [COMPARE_GREATER_OR_EQUAL] = " >= ",
	[COMPARE_EQUAL] = " = ",     [COMPARE_NOT_EQUAL] = " IS DISTINCT FROM ",
	[COMPARE_LIKE] = " LIKE ",   [COMPARE_NOT_LIKE] = " NOT LIKE ",
	[COMPARE_ILIKE] = " ILIKE ", [COMPARE_NOT_ILIKE] = " NOT ILIKE ",
	[COMPARE_REGEXP] = " ~ ",    [COMPARE_NOT_REGEXP] = " !~ ",
	[COMPARE_IREGEXP] = " ~* ",  [COMPARE_NOT_IREGEXP] = " !~* ",
};

static bool
is_textual(const struct column *column)
{
	return !strncmp(column->sql_type, "character", 9) ||
	       !strcmp(column->sql_type, "text");
}

static const char *
array_type(struct arena *arena, const struct column *column)
{
	if (column->target || column->kind == VALUE_UUID)
		return "uuid[]";
	if (is_textual(column))
		return "text[]";
	return arena_printf(arena, "%s[]", column->sql_type);
}

/* A PostgreSQL array literal of texts. */
static const char *
array_literal(struct arena *arena, const char *const *values, size_t count)
{
	struct strbuf buf;

	strbuf_init(&buf, arena);
	strbuf_putc(&buf, '{');
	for (size_t i = 0; i < count; i++) {
		if (i)
			strbuf_putc(&buf, ',');
		strbuf_putc(&buf, '"');
		for (const char *c = values[i]; *c; c++) {
			if (*c == '"' || *c == '\\')
				strbuf_putc(&buf, '\\');
			strbuf_putc(&buf, *c);
		}
		strbuf_putc(&buf, '"');
	}
	strbuf_putc(&buf, '}');
	return buf.data;
}

/*
 * A foreign key compared with a reference id: by the key itself, so that its
 * index serves.
 */
static void
add_key_equals(struct builder *b, const struct condition *condition,
	       const char *alias)
{
	struct sql *sql = &b->sql;
	const struct column *column = condition->column;

	sql_column(sql, alias, column->sql_name);
	sql_add(sql, " IN (SELECT k.id FROM ");
	sql_name(sql, column->target->table);
	sql_add(sql, " k WHERE k.reference_id = ANY (");
	sql_value_as(sql,
		     array_literal(sql->text.arena, condition->values,
				   condition->nvalues),
		     "uuid[]");
	sql_add(sql, ") AND ");
	permission_visible(sql, b->actor, b->model, column->target, "k");
	sql_add(sql, ")");
}

static void
add_membership(struct builder *b, const struct condition *condition,
	       const char *alias)
{
	struct sql *sql = &b->sql;
	struct arena *arena = sql->text.arena;

	if (condition->comparison == COMPARE_NOT_IN)
		sql_add(sql, "COALESCE(NOT ");
	sql_add(sql, "(");
	builder_add_operand(b, condition->column, alias);
	sql_add(sql, " = ANY (");
	sql_value_as(
		sql,
		array_literal(arena, condition->values, condition->nvalues),
		array_type(arena, condition->column));
	sql_add(sql, "))");
	if (condition->comparison == COMPARE_NOT_IN)
		sql_add(sql, ", TRUE)");
}

static void
add_between(struct builder *b, const struct condition *condition,
	    const char *alias)
{
	builder_add_operand(b, condition->column, alias);
	if (condition->comparison == COMPARE_NOT_BETWEEN)
		sql_add(&b->sql, " NOT");
	sql_add(&b->sql, " BETWEEN ");
	sql_value(&b->sql, condition->values[0]);
	sql_add(&b->sql, " AND ");
	sql_value(&b->sql, condition->values[1]);
}

static void
add_empty_test(struct builder *b, const struct condition *condition,
	       const char *alias)
{
	bool negated = condition->comparison == COMPARE_IS_NOT_EMPTY;

	if (negated)
		sql_add(&b->sql, "NOT ");
	sql_add(&b->sql, "COALESCE(");
	builder_add_operand(b, condition->column, alias);
	sql_add(&b->sql, "::text = '', TRUE)");
}

static void
add_full_text(struct builder *b, const struct condition *condition,
	      const char *alias)
{
	sql_add(&b->sql, "to_tsvector('simple', ");
	sql_column(&b->sql, alias, condition->column->sql_name);
	sql_add(&b->sql, ") @@ websearch_to_tsquery('simple', ");
	sql_value(&b->sql, condition->values[0]);
	sql_add(&b->sql, ")");
}

static bool
is_pattern(enum comparison comparison)
{
	return comparison >= COMPARE_LIKE && comparison <= COMPARE_NOT_IREGEXP;
}

static void
add_binary(struct builder *b, const struct condition *condition,
	   const char *alias)
{
	bool matches = is_pattern(condition->comparison);

	builder_add_operand(b, condition->column, alias);
	if (matches && !is_textual(condition->column))
		sql_add(&b->sql, "::text");
	strbuf_puts(&b->sql.text, operators[condition->comparison]);
	if (condition->column->target && !matches)
		sql_value_as(&b->sql, condition->values[0], "uuid");
	else
		sql_value(&b->sql, condition->values[0]);
}

static void
add_comparison(struct builder *b, const struct condition *condition,
	       const char *alias)
{
	bool is_key = condition->column->target != NULL;

	switch (condition->comparison) {
	case COMPARE_IS_NULL:
		builder_add_operand(b, condition->column, alias);
		sql_add(&b->sql, " IS NULL");
		break;
	case COMPARE_IS_NOT_NULL:
		builder_add_operand(b, condition->column, alias);
		sql_add(&b->sql, " IS NOT NULL");
		break;
	case COMPARE_IS_TRUE:
		builder_add_operand(b, condition->column, alias);
		sql_add(&b->sql, " IS TRUE");
		break;
	case COMPARE_IS_FALSE:
		builder_add_operand(b, condition->column, alias);
		sql_add(&b->sql, " IS FALSE");
		break;
	case COMPARE_IS_EMPTY:
	case COMPARE_IS_NOT_EMPTY:
		add_empty_test(b, condition, alias);
		break;
	case COMPARE_BETWEEN:
	case COMPARE_NOT_BETWEEN:
		add_between(b, condition, alias);
		break;
	case COMPARE_FULL_TEXT:
		add_full_text(b, condition, alias);
		break;
	case COMPARE_IN:
	case COMPARE_EQUAL:
		if (is_key) {
			add_key_equals(b, condition, alias);
			break;
		}
		if (condition->comparison == COMPARE_EQUAL) {
			add_binary(b, condition, alias);
			break;
		}
		add_membership(b, condition, alias);
		break;
	case COMPARE_NOT_IN:
		add_membership(b, condition, alias);
		break;
	default:
		add_binary(b, condition, alias);
	}
}

/* A link to one of the rows that are asked for, and its own columns. */
static void
add_link(struct builder *b, const struct condition *condition,
	 const char *alias)
{
	const struct relationship *link = condition->link;
	const struct relation *relation = link->relation;
	const char *join = builder_alias(b);
	const char *target = builder_alias(b);

	sql_add(&b->sql, "EXISTS (SELECT FROM ");
	sql_name(&b->sql, relation->join->table);
	sql_add(&b->sql, " ");
	strbuf_puts(&b->sql.text, join);
	sql_add(&b->sql, " JOIN ");
	sql_name(&b->sql, link->target->table);
	sql_add(&b->sql, " ");
	strbuf_puts(&b->sql.text, target);
	sql_add(&b->sql, " ON ");
	sql_column(&b->sql, target, "id");
	sql_add(&b->sql, " = ");
	sql_column(&b->sql, join, relation->join_object_key->sql_name);
	sql_add(&b->sql, " WHERE ");
	sql_column(&b->sql, join, relation->join_subject_key->sql_name);
	sql_add(&b->sql, " = ");
	sql_column(&b->sql, alias, "id");
	sql_add(&b->sql, " AND ");
	sql_column(&b->sql, target, "reference_id");
	sql_add(&b->sql, " = ");
	sql_value_as(&b->sql, condition->values[0], "uuid");
	sql_add(&b->sql, " AND ");
	permission_visible(&b->sql, b->actor, b->model, link->target, target);
	for (size_t i = 0; i < condition->nlink_conditions; i++) {
		sql_add(&b->sql, " AND ");
		add_comparison(b, &condition->link_conditions[i], join);
	}
	sql_add(&b->sql, ")");
}

/* Follows the path by nested EXISTS over visible rows. */
static void
add_condition(struct builder *b, const struct condition *condition,
	      const char *alias, size_t step)
{
	const struct relationship *relationship;
	const char *next;

	if (condition->link) {
		add_link(b, condition, alias);
		return;
	}
	if (step == condition->path.nsteps) {
		add_comparison(b, condition, alias);
		return;
	}
	relationship = condition->path.steps[step];
	next = builder_alias(b);
	sql_add(&b->sql, "EXISTS (SELECT");
	builder_add_step(b, relationship, alias, next);
	sql_add(&b->sql, " AND ");
	add_condition(b, condition, next, step + 1);
	sql_add(&b->sql, ")");
}

void
builder_add_conditions(struct builder *b, const struct listing *listing)
{
	for (size_t i = 0; i < listing->ngroups; i++) {
		const struct condition_group *group = &listing->groups[i];

		sql_add(&b->sql, " AND (");
		for (size_t j = 0; j < group->nconditions; j++) {
			if (j)
				sql_add(&b->sql, " OR ");
			add_condition(b, &group->conditions[j], "t", 0);
		}
		sql_add(&b->sql, ")");
	}
}
