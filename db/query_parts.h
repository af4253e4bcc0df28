/*
 * query_parts.h: what the parts of one SELECT share. Private to db/query*.c:
 * query.c makes the statement, query_selection.c its columns,
 * query_condition.c its conditions, query_order.c sorting and keyset pages.
 */
#ifndef ACTD_QUERY_PARTS_H
#define ACTD_QUERY_PARTS_H

#include "db/query.h"

/* What the parts of one statement share. */
struct builder {
	struct sql sql;
	const struct model *model;
	const struct actor *actor;
	unsigned naliases;
};

/* An alias that the statement does not have yet. */
const char *builder_alias(struct builder *b);

/* The reference id of a foreign key's target, NULL where it is not visible. */
void builder_add_target(struct sql *sql, const struct column *column,
			const struct actor *actor, const struct model *model,
			const char *alias);

/* One column of a select list: keys as reference ids, secrets blank. */
void builder_add_selected(struct sql *sql, const struct column *column,
			  const struct actor *actor, const struct model *model,
			  const char *alias);

/*
 * " FROM target next WHERE …": the row, visible to the caller, that a to-one
 * `relationship` of the row `alias` leads to. Conditions may follow.
 */
void builder_add_step(struct builder *b,
		      const struct relationship *relationship,
		      const char *alias, const char *next);

/* What a condition or sort key compares: foreign keys by reference id. */
void builder_add_operand(struct builder *b, const struct column *column,
			 const char *alias);

/* A selection's columns as text, padded to `width`, for UNION ALL. */
void builder_add_text_list(struct builder *b, const struct selection *selection,
			   const char *alias, size_t width);

/* " AND (…)" for each group of conditions on the row "t". */
void builder_add_conditions(struct builder *b, const struct listing *listing);

/* " ORDER BY …", ties by id; `reversed` for pages before a row. */
void builder_add_order(struct builder *b, const struct listing *listing,
		       const char *alias, bool reversed);

/* " AND …": beyond the row that a keyset page starts from. */
void builder_add_keyset(struct builder *b, const struct listing *listing);

#endif
