/*
 * query.c: a listing becomes one SELECT: a page of visible rows, its total,
 * and the rows of its includes beside it as a tagged UNION ALL.
 */
#include "db/query.h"

#include <string.h>

/* Rows that a sample of a large table holds, about. */
#define SAMPLE_ROWS 2000

/* What the parts of one statement share. */
struct builder {
	struct sql sql;
	const struct model *model;
	const struct actor *actor;
	unsigned naliases;
};

static const char *
new_alias(struct builder *b)
{
	return arena_printf(b->sql.text.arena, "r%u", ++b->naliases);
}

/* Selections. */

static bool
is_always_selected(const struct column *column)
{
	return !strcmp(column->column_name, "permission") ||
	       !strcmp(column->column_name, "reference_id") ||
	       !strcmp(column->column_name, "user_account_id");
}

static bool
is_named(const struct column *column, const char *const *fields, size_t nfields)
{
	for (size_t i = 0; i < nfields; i++)
		if (!strcmp(column->column_name, fields[i]))
			return true;
	return false;
}

struct selection *
selection_new(struct arena *arena, const struct entity *entity,
	      const char *const *fields, size_t nfields)
{
	struct selection *selection = ARENA_NEW(arena, struct selection);

	selection->entity = entity;
	selection->columns =
		ARENA_ARRAY(arena, const struct column *, entity->ncolumns);
	for (size_t i = 0; i < entity->ncolumns; i++) {
		const struct column *column = entity->columns[i];

		if (!column_is_visible(column))
			continue;
		if (fields && !is_always_selected(column) &&
		    !is_named(column, fields, nfields))
			continue;
		selection->columns[selection->ncolumns++] = column;
	}
	return selection;
}

/* The reference id of a foreign key's target, NULL where it is not visible. */
static void
add_target_reference(struct sql *sql, const struct column *column,
		     const struct actor *actor, const struct model *model,
		     const char *alias)
{
	sql_add(sql, "(SELECT k.reference_id FROM ");
	sql_name(sql, column->target->table);
	sql_add(sql, " k WHERE k.id = ");
	sql_column(sql, alias, column->sql_name);
	if (!permission_everything(actor)) {
		sql_add(sql, " AND ");
		permission_visible(sql, actor, model, column->target, "k");
	}
	sql_add(sql, ")");
}

/* A secret's value never leaves the database; that there is one may. */
static void
add_secret(struct sql *sql, const struct column *column, const char *alias)
{
	sql_add(sql, "CASE WHEN ");
	sql_column(sql, alias, column->sql_name);
	sql_add(sql, " IS NOT NULL THEN '' END");
}

static void
add_selected(struct sql *sql, const struct column *column,
	     const struct actor *actor, const struct model *model,
	     const char *alias)
{
	if (column->target)
		add_target_reference(sql, column, actor, model, alias);
	else if (column->kind == VALUE_SECRET ||
		 column->kind == VALUE_ENCRYPTED)
		add_secret(sql, column, alias);
	else
		sql_column(sql, alias, column->sql_name);
}

void
selection_list(struct sql *sql, const struct selection *selection,
	       const struct actor *actor, const struct model *model,
	       const char *alias)
{
	sql_column(sql, alias, "id");
	sql_add(sql, ", ");
	sql_column(sql, alias, "reference_id");
	sql_add(sql, ", ");
	sql_column(sql, alias, "version");
	for (size_t i = 0; i < selection->ncolumns; i++) {
		sql_add(sql, ", ");
		add_selected(sql, selection->columns[i], actor, model, alias);
	}
}

/* The same as text, padded to `width` columns, for UNION ALL. */
static void
add_text_list(struct builder *b, const struct selection *selection,
	      const char *alias, size_t width)
{
	struct sql *sql = &b->sql;

	sql_column(sql, alias, "id");
	sql_add(sql, "::text, ");
	sql_column(sql, alias, "reference_id");
	sql_add(sql, "::text, ");
	sql_column(sql, alias, "version");
	sql_add(sql, "::text");
	for (size_t i = 0; i < selection->ncolumns; i++) {
		sql_add(sql, ", ");
		add_selected(sql, selection->columns[i], b->actor, b->model,
			     alias);
		sql_add(sql, "::text");
	}
	for (size_t i = selection->ncolumns; i < width; i++)
		sql_add(sql, ", NULL");
}

/* Conditions. */

static const char *const operators[] = {
	[COMPARE_LESS] = " < ",	     [COMPARE_LESS_OR_EQUAL] = " <= ",
	[COMPARE_GREATER] = " > ",   [COMPARE_GREATER_OR_EQUAL] = " >= ",
	[COMPARE_EQUAL] = " = ",     [COMPARE_NOT_EQUAL] = " IS DISTINCT FROM ",
	[COMPARE_LIKE] = " LIKE ",   [COMPARE_NOT_LIKE] = " NOT LIKE ",
	[COMPARE_ILIKE] = " ILIKE ", [COMPARE_NOT_ILIKE] = " NOT ILIKE ",
	[COMPARE_REGULAR] = " ~* ",
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

/* What a condition or sort key compares: foreign keys by reference id. */
static void
add_operand(struct builder *b, const struct column *column, const char *alias)
{
	if (column->target)
		add_target_reference(&b->sql, column, b->actor, b->model,
				     alias);
	else
		sql_column(&b->sql, alias, column->sql_name);
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
	add_operand(b, condition->column, alias);
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
	add_operand(b, condition->column, alias);
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
	add_operand(b, condition->column, alias);
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
	return comparison >= COMPARE_LIKE && comparison <= COMPARE_REGULAR;
}

static void
add_binary(struct builder *b, const struct condition *condition,
	   const char *alias)
{
	add_operand(b, condition->column, alias);
	if (is_pattern(condition->comparison) && !is_textual(condition->column))
		sql_add(&b->sql, "::text");
	strbuf_puts(&b->sql.text, operators[condition->comparison]);
	if (condition->column->target)
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
		add_operand(b, condition->column, alias);
		sql_add(&b->sql, " IS NULL");
		break;
	case COMPARE_IS_NOT_NULL:
		add_operand(b, condition->column, alias);
		sql_add(&b->sql, " IS NOT NULL");
		break;
	case COMPARE_IS_TRUE:
		add_operand(b, condition->column, alias);
		sql_add(&b->sql, " IS TRUE");
		break;
	case COMPARE_IS_FALSE:
		add_operand(b, condition->column, alias);
		sql_add(&b->sql, " IS FALSE");
		break;
	case COMPARE_IS_EMPTY:
	case COMPARE_IS_NOT_EMPTY:
		add_empty_test(b, condition, alias);
		break;
	case COMPARE_BETWEEN:
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

/* Follows the path by nested EXISTS over visible rows. */
static void
add_condition(struct builder *b, const struct condition *condition,
	      const char *alias, size_t step)
{
	const struct relationship *relationship;
	const char *next;

	if (step == condition->path.nsteps) {
		add_comparison(b, condition, alias);
		return;
	}
	relationship = condition->path.steps[step];
	next = new_alias(b);
	sql_add(&b->sql, "EXISTS (SELECT FROM ");
	sql_name(&b->sql, relationship->target->table);
	sql_add(&b->sql, " ");
	strbuf_puts(&b->sql.text, next);
	sql_add(&b->sql, " WHERE ");
	sql_column(&b->sql, next, "id");
	sql_add(&b->sql, " = ");
	sql_column(&b->sql, alias, relationship->relation->key->sql_name);
	sql_add(&b->sql, " AND ");
	permission_visible(&b->sql, b->actor, b->model, relationship->target,
			   next);
	sql_add(&b->sql, " AND ");
	add_condition(b, condition, next, step + 1);
	sql_add(&b->sql, ")");
}

static void
add_conditions(struct builder *b, const struct listing *listing)
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

/* Sorting. */

static void
add_sort_operand(struct builder *b, const struct sort_key *key,
		 const char *alias, size_t step)
{
	const struct relationship *relationship;
	const char *next;

	if (step == key->path.nsteps) {
		add_operand(b, key->column, alias);
		return;
	}
	relationship = key->path.steps[step];
	next = new_alias(b);
	sql_add(&b->sql, "(SELECT ");
	add_sort_operand(b, key, next, step + 1);
	sql_add(&b->sql, " FROM ");
	sql_name(&b->sql, relationship->target->table);
	sql_add(&b->sql, " ");
	strbuf_puts(&b->sql.text, next);
	sql_add(&b->sql, " WHERE ");
	sql_column(&b->sql, next, "id");
	sql_add(&b->sql, " = ");
	sql_column(&b->sql, alias, relationship->relation->key->sql_name);
	sql_add(&b->sql, " AND ");
	permission_visible(&b->sql, b->actor, b->model, relationship->target,
			   next);
	sql_add(&b->sql, ")");
}

/* The id breaks ties, in the direction of the last key. */
static bool
id_is_descending(const struct listing *listing)
{
	return listing->nsort == 0 ||
	       listing->sort[listing->nsort - 1].descending;
}

static void
add_order(struct builder *b, const struct listing *listing, const char *alias,
	  bool reversed)
{
	sql_add(&b->sql, " ORDER BY ");
	for (size_t i = 0; i < listing->nsort; i++) {
		add_sort_operand(b, &listing->sort[i], alias, 0);
		if (listing->sort[i].descending != reversed)
			sql_add(&b->sql, " DESC");
		sql_add(&b->sql, ", ");
	}
	sql_column(&b->sql, alias, "id");
	if (id_is_descending(listing) != reversed)
		sql_add(&b->sql, " DESC");
}

/* Keyset pages. */

/* A sort key's value (NULL: the id) of the row that the page starts from. */
static void
add_cursor(struct builder *b, const struct listing *listing,
	   const struct sort_key *key, const char *id)
{
	sql_add(&b->sql, "(SELECT ");
	if (key)
		add_sort_operand(b, key, "c", 0);
	else
		sql_add(&b->sql, "c.id");
	sql_add(&b->sql, " FROM ");
	sql_name(&b->sql, listing->entity->table);
	sql_add(&b->sql, " c WHERE c.reference_id = ");
	sql_value_as(&b->sql, id, "uuid");
	sql_add(&b->sql, " AND ");
	permission_visible(&b->sql, b->actor, b->model, listing->entity, "c");
	sql_add(&b->sql, ")");
}

/* In SQL's order NULLs come last ascending and first descending. */
static void
add_beyond(struct builder *b, const struct listing *listing,
	   const struct sort_key *key, const char *id, bool descending)
{
	add_sort_operand(b, key, "t", 0);
	strbuf_puts(&b->sql.text, descending ? " < " : " > ");
	add_cursor(b, listing, key, id);
	sql_add(&b->sql, " OR (");
	if (descending) {
		add_cursor(b, listing, key, id);
		sql_add(&b->sql, " IS NULL AND ");
		add_sort_operand(b, key, "t", 0);
		sql_add(&b->sql, " IS NOT NULL)");
	} else {
		add_sort_operand(b, key, "t", 0);
		sql_add(&b->sql, " IS NULL AND ");
		add_cursor(b, listing, key, id);
		sql_add(&b->sql, " IS NOT NULL)");
	}
}

static void
add_equal_prefix(struct builder *b, const struct listing *listing,
		 const char *id, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		add_sort_operand(b, &listing->sort[i], "t", 0);
		sql_add(&b->sql, " IS NOT DISTINCT FROM ");
		add_cursor(b, listing, &listing->sort[i], id);
		sql_add(&b->sql, " AND ");
	}
}

/* A bound on the first key alone, which its index can serve. */
static void
add_first_bound(struct builder *b, const struct listing *listing,
		const char *id, bool reversed)
{
	const struct sort_key *first = &listing->sort[0];

	if (first->path.nsteps || first->column->is_nullable ||
	    first->column->target)
		return;
	sql_add(&b->sql, " AND ");
	sql_column(&b->sql, "t", first->column->sql_name);
	strbuf_puts(&b->sql.text,
		    first->descending != reversed ? " <= " : " >= ");
	add_cursor(b, listing, first, id);
}

/*
 * Whether one comparison of rows says it all: keys that are never NULL, in
 * one direction, which is the id's as well.
 */
static bool
is_plain_order(const struct listing *listing)
{
	for (size_t i = 0; i < listing->nsort; i++) {
		const struct sort_key *key = &listing->sort[i];

		if (key->path.nsteps || key->column->is_nullable ||
		    key->column->target ||
		    key->descending != listing->sort[0].descending)
			return false;
	}
	return true;
}

/* (a, id) < (the cursor's a, its id): a range of an index over both. */
static void
add_row_comparison(struct builder *b, const struct listing *listing,
		   const char *id, bool descending)
{
	sql_add(&b->sql, " AND (");
	for (size_t i = 0; i < listing->nsort; i++) {
		add_sort_operand(b, &listing->sort[i], "t", 0);
		sql_add(&b->sql, ", ");
	}
	strbuf_puts(&b->sql.text, descending ? "t.id) < (" : "t.id) > (");
	for (size_t i = 0; i < listing->nsort; i++) {
		add_cursor(b, listing, &listing->sort[i], id);
		sql_add(&b->sql, ", ");
	}
	add_cursor(b, listing, NULL, id);
	sql_add(&b->sql, ")");
}

/* The same with NULLs and mixed directions, key by key. */
static void
add_key_comparisons(struct builder *b, const struct listing *listing,
		    const char *id, bool reversed)
{
	bool descending = id_is_descending(listing) != reversed;

	add_first_bound(b, listing, id, reversed);
	sql_add(&b->sql, " AND (");
	for (size_t i = 0; i < listing->nsort; i++) {
		const struct sort_key *key = &listing->sort[i];

		sql_add(&b->sql, "(");
		add_equal_prefix(b, listing, id, i);
		sql_add(&b->sql, "(");
		add_beyond(b, listing, key, id, key->descending != reversed);
		sql_add(&b->sql, ")) OR ");
	}
	sql_add(&b->sql, "(");
	add_equal_prefix(b, listing, id, listing->nsort);
	strbuf_puts(&b->sql.text, descending ? "t.id < " : "t.id > ");
	add_cursor(b, listing, NULL, id);
	sql_add(&b->sql, "))");
}

static void
add_keyset(struct builder *b, const struct listing *listing)
{
	const char *id = listing->after ? listing->after : listing->before;
	bool reversed = listing->before != NULL;

	if (!id)
		return;
	if (is_plain_order(listing))
		add_row_comparison(b, listing, id,
				   id_is_descending(listing) != reversed);
	else
		add_key_comparisons(b, listing, id, reversed);
}

/* Related rows. */

/* "(SELECT column FROM parent WHERE it is the one and visible)". */
static void
add_parent(struct builder *b, const struct listing *listing, const char *column)
{
	sql_add(&b->sql, "(SELECT ");
	sql_column(&b->sql, "o", column);
	sql_add(&b->sql, " FROM ");
	sql_name(&b->sql, listing->parent->table);
	sql_add(&b->sql, " o WHERE o.reference_id = ");
	sql_value_as(&b->sql, listing->parent_id, "uuid");
	sql_add(&b->sql, " AND ");
	permission_visible(&b->sql, b->actor, b->model, listing->parent, "o");
	sql_add(&b->sql, ")");
}

static const struct column *
near_key(const struct relationship *relationship)
{
	return relationship->from_subject
		       ? relationship->relation->join_subject_key
		       : relationship->relation->join_object_key;
}

static const struct column *
far_key(const struct relationship *relationship)
{
	return relationship->from_subject
		       ? relationship->relation->join_object_key
		       : relationship->relation->join_subject_key;
}

static void
add_related(struct builder *b, const struct listing *listing)
{
	const struct relationship *relationship = listing->relationship;
	const struct relation *relation;

	if (!relationship)
		return;
	relation = relationship->relation;
	sql_add(&b->sql, " AND ");
	if (relation->join) {
		sql_add(&b->sql, "t.id IN (SELECT ");
		sql_column(&b->sql, "j", far_key(relationship)->sql_name);
		sql_add(&b->sql, " FROM ");
		sql_name(&b->sql, relation->join->table);
		sql_add(&b->sql, " j WHERE ");
		sql_column(&b->sql, "j", near_key(relationship)->sql_name);
		sql_add(&b->sql, " = ");
		add_parent(b, listing, "id");
		sql_add(&b->sql, ")");
	} else if (relationship->from_subject) {
		sql_add(&b->sql, "t.id = ");
		add_parent(b, listing, relation->key->sql_name);
	} else {
		sql_column(&b->sql, "t", relation->key->sql_name);
		sql_add(&b->sql, " = ");
		add_parent(b, listing, "id");
	}
}

/* Join rows beside related ones. */

/* When a link was made, and the columns that are its own. */
static const struct selection *
join_selection(struct arena *arena, const struct relationship *relationship)
{
	static const char *const times[] = { "created_at", "updated_at" };
	const struct relation *relation =
		relationship ? relationship->relation : NULL;
	struct selection *join;

	if (!relation || !relation->join)
		return NULL;
	join = ARENA_NEW(arena, struct selection);
	join->entity = relation->join;
	join->columns = ARENA_ARRAY(arena, const struct column *,
				    ARRAY_SIZE(times) + relation->ncolumns);
	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		join->columns[join->ncolumns++] =
			entity_column(relation->join, times[i]);
	for (size_t i = 0; i < relation->ncolumns; i++) {
		const struct column *column = entity_column(
			relation->join, relation->columns[i]->column_name);

		if (column && column_is_visible(column) && !column->is_standard)
			join->columns[join->ncolumns++] = column;
	}
	return join;
}

static size_t
join_width(const struct selection *join)
{
	return join ? JOIN_FIRST + join->ncolumns : 0;
}

static void
add_join_list(struct builder *b, const struct selection *join)
{
	if (!join)
		return;
	sql_add(&b->sql, ", j.reference_id::text, j.permission::text");
	for (size_t i = 0; i < join->ncolumns; i++) {
		sql_add(&b->sql, ", ");
		add_selected(&b->sql, join->columns[i], b->actor, b->model,
			     "j");
		sql_add(&b->sql, "::text");
	}
}

/* The link between a row of the page "p" and the parent. */
static void
add_join_row(struct builder *b, const struct listing *listing,
	     const struct selection *join)
{
	if (!join)
		return;
	sql_add(&b->sql, " LEFT JOIN ");
	sql_name(&b->sql, join->entity->table);
	sql_add(&b->sql, " j ON ");
	sql_column(&b->sql, "j", far_key(listing->relationship)->sql_name);
	sql_add(&b->sql, " = p.id AND ");
	sql_column(&b->sql, "j", near_key(listing->relationship)->sql_name);
	sql_add(&b->sql, " = ");
	add_parent(b, listing, "id");
}

/* The statement. */

static void
add_where(struct builder *b, const struct listing *listing)
{
	sql_add(&b->sql, " WHERE ");
	permission_visible(&b->sql, b->actor, b->model, listing->entity, "t");
	if (listing->id) {
		sql_add(&b->sql, " AND t.reference_id = ");
		sql_value_as(&b->sql, listing->id, "uuid");
	}
	add_related(b, listing);
	add_conditions(b, listing);
}

static void
add_from(struct builder *b, const struct listing *listing)
{
	sql_add(&b->sql, " FROM ");
	sql_name(&b->sql, listing->entity->table);
	sql_add(&b->sql, " t");
}

static void
add_page(struct builder *b, const struct listing *listing)
{
	bool reversed = listing->before != NULL;

	sql_add(&b->sql, "SELECT t.*");
	add_from(b, listing);
	add_where(b, listing);
	add_keyset(b, listing);
	if (listing->id)
		return;
	add_order(b, listing, "t", reversed);
	sql_add(&b->sql, " LIMIT ");
	sql_constant(&b->sql, listing->page_size);
	if (listing->offset) {
		sql_add(&b->sql, " OFFSET ");
		sql_integer(&b->sql, listing->offset);
	}
}

/* Counts, but not beyond TOTAL_EXACT_MAX + 1. */
static void
add_bounded_count(struct builder *b, const struct listing *listing)
{
	sql_add(&b->sql, "(SELECT count(*) FROM (SELECT");
	add_from(b, listing);
	add_where(b, listing);
	sql_add(&b->sql, " LIMIT ");
	sql_constant(&b->sql, TOTAL_EXACT_MAX + 1);
	sql_add(&b->sql, ") n)");
}

/* Rows of the table as the last ANALYZE saw them. */
static void
add_table_size(struct builder *b, const struct listing *listing)
{
	struct sql name;

	sql_init(&name, b->sql.text.arena);
	sql_name(&name, listing->entity->table);
	sql_add(&b->sql, "(SELECT reltuples FROM pg_class WHERE oid = ");
	sql_literal(&b->sql, name.text.data);
	sql_add(&b->sql, "::regclass)");
}

/* The number of rows, from a sample of the table's pages. */
static void
add_sample(struct builder *b, const struct listing *listing)
{
	sql_add(&b->sql, "(SELECT (count(*) * GREATEST(1, ");
	add_table_size(b, listing);
	sql_add(&b->sql, " / ");
	sql_constant(&b->sql, SAMPLE_ROWS);
	sql_add(&b->sql, "))::bigint");
	add_from(b, listing);
	sql_add(&b->sql, " TABLESAMPLE SYSTEM (LEAST(100, 100.0 * ");
	sql_constant(&b->sql, SAMPLE_ROWS);
	sql_add(&b->sql, " / GREATEST(1, ");
	add_table_size(b, listing);
	sql_add(&b->sql, ")))");
	add_where(b, listing);
	sql_add(&b->sql, ")");
}

/*
 * In a large table a sample comes first: where it says that there are far
 * more rows than are counted, nothing is counted. Such an estimate is
 * negative.
 */
static void
add_count(struct builder *b, const struct listing *listing)
{
	if (listing->total == TOTAL_EXACT) {
		sql_add(&b->sql, "(SELECT count(*)");
		add_from(b, listing);
		add_where(b, listing);
		sql_add(&b->sql, ")");
		return;
	}
	sql_add(&b->sql, "CASE WHEN ");
	add_table_size(b, listing);
	sql_add(&b->sql, " < ");
	sql_constant(&b->sql, 4 * TOTAL_EXACT_MAX);
	sql_add(&b->sql, " THEN ");
	add_bounded_count(b, listing);
	sql_add(&b->sql, " ELSE (SELECT CASE WHEN e.n > ");
	sql_constant(&b->sql, 2 * TOTAL_EXACT_MAX);
	sql_add(&b->sql, " THEN -e.n ELSE ");
	add_bounded_count(b, listing);
	sql_add(&b->sql, " END FROM (SELECT ");
	add_sample(b, listing);
	sql_add(&b->sql, " AS n) e) END");
}

static size_t
widest(const struct listing *listing)
{
	size_t width = listing->selection->ncolumns;

	for (size_t i = 0; i < listing->nincludes; i++)
		if (listing->includes[i].selection->ncolumns > width)
			width = listing->includes[i].selection->ncolumns;
	return width;
}

static const char *
include_name(struct builder *b, int index)
{
	return index < 0 ? "page"
			 : arena_printf(b->sql.text.arena, "i%d", index);
}

/* A key of the parent's rows leads to at most one row each. */
static void
add_to_one_include(struct builder *b, const struct include *include)
{
	const struct relation *relation = include->relationship->relation;

	sql_add(&b->sql, "SELECT NULL::bigint AS parent, t.* FROM ");
	sql_name(&b->sql, include->selection->entity->table);
	sql_add(&b->sql, " t WHERE t.id IN (SELECT p.");
	sql_name(&b->sql, relation->key->sql_name);
	sql_add(&b->sql, " FROM ");
	strbuf_puts(&b->sql.text, include_name(b, include->parent));
	sql_add(&b->sql, " p) AND ");
	permission_visible(&b->sql, b->actor, b->model,
			   include->selection->entity, "t");
}

static void
add_to_many_include(struct builder *b, const struct include *include)
{
	const struct relationship *relationship = include->relationship;
	const struct relation *relation = relationship->relation;

	sql_add(&b->sql, "SELECT p.id AS parent, t.* FROM ");
	sql_add(&b->sql, "(SELECT DISTINCT id FROM ");
	strbuf_puts(&b->sql.text, include_name(b, include->parent));
	sql_add(&b->sql, ") p CROSS JOIN LATERAL (SELECT t.* FROM ");
	sql_name(&b->sql, include->selection->entity->table);
	sql_add(&b->sql, " t");
	if (relation->join) {
		sql_add(&b->sql, " JOIN ");
		sql_name(&b->sql, relation->join->table);
		sql_add(&b->sql, " j ON ");
		sql_column(&b->sql, "j", far_key(relationship)->sql_name);
		sql_add(&b->sql, " = t.id AND ");
		sql_column(&b->sql, "j", near_key(relationship)->sql_name);
		sql_add(&b->sql, " = p.id WHERE ");
	} else {
		sql_add(&b->sql, " WHERE ");
		sql_column(&b->sql, "t", relation->key->sql_name);
		sql_add(&b->sql, " = p.id AND ");
	}
	permission_visible(&b->sql, b->actor, b->model,
			   include->selection->entity, "t");
	sql_add(&b->sql, " ORDER BY t.id DESC LIMIT ");
	sql_constant(&b->sql, INCLUDE_MAX);
	sql_add(&b->sql, ") t");
}

static void
add_include_queries(struct builder *b, const struct listing *listing)
{
	for (size_t i = 0; i < listing->nincludes; i++) {
		const struct include *include = &listing->includes[i];

		sql_add(&b->sql, ", ");
		strbuf_puts(&b->sql.text, include_name(b, (int)i));
		sql_add(&b->sql, " AS MATERIALIZED (");
		if (include->relationship->to_many)
			add_to_many_include(b, include);
		else
			add_to_one_include(b, include);
		sql_add(&b->sql, ")");
	}
}

static void
build_with_includes(struct builder *b, const struct listing *listing,
		    const struct selection *join)
{
	size_t width = widest(listing);
	bool counts = !listing->id && listing->total != TOTAL_NONE;

	sql_add(&b->sql, "WITH page AS MATERIALIZED (");
	add_page(b, listing);
	sql_add(&b->sql, ")");
	add_include_queries(b, listing);
	sql_add(&b->sql, " (SELECT 0, NULL::text, ");
	add_text_list(b, listing->selection, "p", width);
	add_join_list(b, join);
	sql_add(&b->sql, ", ");
	if (counts)
		add_count(b, listing);
	else
		sql_add(&b->sql, "NULL::bigint");
	sql_add(&b->sql, " FROM page p");
	add_join_row(b, listing, join);
	if (!listing->id)
		add_order(b, listing, "p", false);
	sql_add(&b->sql, ")");
	for (size_t i = 0; i < listing->nincludes; i++) {
		sql_add(&b->sql, " UNION ALL SELECT ");
		sql_constant(&b->sql, (int64_t)i + 1);
		sql_add(&b->sql, ", q.parent::text, ");
		add_text_list(b, listing->includes[i].selection, "q", width);
		for (size_t k = 0; k < join_width(join); k++)
			sql_add(&b->sql, ", NULL");
		sql_add(&b->sql, ", NULL FROM ");
		strbuf_puts(&b->sql.text, include_name(b, (int)i));
		sql_add(&b->sql, " q");
	}
}

static void
build_plain(struct builder *b, const struct listing *listing,
	    const struct selection *join)
{
	sql_add(&b->sql, "SELECT ");
	selection_list(&b->sql, listing->selection, b->actor, b->model, "p");
	add_join_list(b, join);
	if (!listing->id && listing->total != TOTAL_NONE) {
		sql_add(&b->sql, ", ");
		add_count(b, listing);
	}
	sql_add(&b->sql, " FROM (");
	add_page(b, listing);
	sql_add(&b->sql, ") p");
	add_join_row(b, listing, join);
	if (listing->before || join)
		add_order(b, listing, "p", false);
}

static void
start(struct builder *b, struct arena *arena, const struct model *model,
      const struct actor *actor)
{
	sql_init(&b->sql, arena);
	b->model = model;
	b->actor = actor;
	b->naliases = 0;
}

/* The total of a page that has no rows. */
static struct error *
count_alone(struct db *db, struct arena *arena, const struct model *model,
	    const struct actor *actor, const struct listing *listing,
	    int64_t *total)
{
	struct builder b;
	struct rows *rows;
	struct error *error;

	start(&b, arena, model, actor);
	sql_add(&b.sql, "SELECT ");
	add_count(&b, listing);
	error = sql_run(&b.sql, db, &rows);
	if (!error)
		*total = rows_integer(rows, 0, 0);
	return error;
}

/* More rows than are counted: how many, from a sample. */
static struct error *
estimate(struct db *db, struct arena *arena, const struct model *model,
	 const struct actor *actor, const struct listing *listing,
	 struct page *page)
{
	struct builder b;
	struct rows *rows;
	struct error *error;

	start(&b, arena, model, actor);
	sql_add(&b.sql, "SELECT ");
	add_sample(&b, listing);
	error = sql_run(&b.sql, db, &rows);
	if (error)
		return error;
	page->total_is_estimate = true;
	if (rows_integer(rows, 0, 0) > page->total)
		page->total = rows_integer(rows, 0, 0);
	return NULL;
}

/* 404 where the row that a related list starts from is not visible. */
static struct error *
check_parent(struct db *db, struct arena *arena, const struct model *model,
	     const struct actor *actor, const struct listing *listing)
{
	struct builder b;
	struct rows *rows;
	struct error *error;

	start(&b, arena, model, actor);
	sql_add(&b.sql, "SELECT ");
	add_parent(&b, listing, "id");
	error = sql_run(&b.sql, db, &rows);
	if (error)
		return error;
	if (!rows_text(rows, 0, 0))
		return error_new(arena, 404, "not-found",
				 "There is no such %s.", listing->parent->name);
	return NULL;
}

static struct error *
read_total(struct db *db, struct arena *arena, const struct model *model,
	   const struct actor *actor, const struct listing *listing,
	   struct page *page)
{
	size_t last = rows_columns(page->rows) - 1;

	page->total = -1;
	page->total_is_estimate = false;
	if (listing->id || listing->total == TOTAL_NONE)
		return NULL;
	if (rows_count(page->rows)) {
		page->total = rows_integer(page->rows, 0, last);
	} else if (listing->offset || listing->after || listing->before) {
		struct error *error = count_alone(db, arena, model, actor,
						  listing, &page->total);
		if (error)
			return error;
	} else {
		page->total = 0;
	}
	if (page->total < 0) {
		page->total = -page->total;
		page->total_is_estimate = true;
		return NULL;
	}
	if (listing->total == TOTAL_BOUNDED && page->total > TOTAL_EXACT_MAX)
		return estimate(db, arena, model, actor, listing, page);
	return NULL;
}

struct error *
query_page(struct db *db, struct arena *arena, const struct model *model,
	   const struct actor *actor, const struct listing *listing,
	   struct page *page)
{
	struct builder b;
	struct error *error;

	start(&b, arena, model, actor);
	page->join = join_selection(arena, listing->relationship);
	if (listing->nincludes)
		build_with_includes(&b, listing, page->join);
	else
		build_plain(&b, listing, page->join);
	error = sql_run(&b.sql, db, &page->rows);
	if (error)
		return error;
	page->first_column = listing->nincludes ? 2 : 0;
	page->join_column = page->first_column + SELECTION_FIRST +
			    (listing->nincludes ? widest(listing)
						: listing->selection->ncolumns);
	error = read_total(db, arena, model, actor, listing, page);
	if (error)
		return error;
	if (listing->relationship && !rows_count(page->rows))
		return check_parent(db, arena, model, actor, listing);
	return NULL;
}
