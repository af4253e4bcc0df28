/*
 * query_order.c: sorting, and pages that start after or before a row.
 */
#include "db/query_parts.h"

static void
add_sort_operand(struct builder *b, const struct sort_key *key,
		 const char *alias, size_t step)
{
	const struct relationship *relationship;
	const char *next;

	if (step == key->path.nsteps) {
		builder_add_operand(b, key->column, alias);
		return;
	}
	relationship = key->path.steps[step];
	next = builder_alias(b);
	sql_add(&b->sql, "(SELECT ");
	add_sort_operand(b, key, next, step + 1);
	builder_add_step(b, relationship, alias, next);
	sql_add(&b->sql, ")");
}

/* The id breaks ties, in the direction of the last key. */
static bool
id_is_descending(const struct listing *listing)
{
	return listing->nsort == 0 ||
	       listing->sort[listing->nsort - 1].descending;
}

void
builder_add_order(struct builder *b, const struct listing *listing,
		  const char *alias, bool reversed)
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

void
builder_add_keyset(struct builder *b, const struct listing *listing)
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
