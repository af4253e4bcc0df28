/*
 * row_linkage.h: the links of one relationship that a request names. Private
 * to db/row_link.c and db/row_join.c.
 */
#ifndef ACTD_ROW_LINKAGE_H
#define ACTD_ROW_LINKAGE_H

#include "db/row_parts.h"

struct linkage {
	const struct row_context *context;
	const struct entity *entity;
	const char *id;
	const struct relationship *relationship;
	const char *pointer;
	const char **ids;		 /* reference ids of the other side */
	struct json_object **attributes; /* of the join row, or NULL */
	size_t count;
	bool is_new; /* the row was just made by the caller */
};

/* The named reference ids as an array literal; those that are none left out. */
const char *linkage_array(const struct linkage *linkage);

/* " AND …": the far row "r" is visible. */
void linkage_add_visible(struct sql *sql, const struct linkage *linkage);

/* Changes rows of the join table; in a transaction. */
struct error *row_change_join(const struct linkage *linkage,
			      enum link_change change) MUST_CHECK;

#endif
