/*
 * query.h: the SELECT statements behind the JSON:API: one statement per read,
 * with permission, filter, sort, page, total and includes in it.
 */
#ifndef ACTD_QUERY_H
#define ACTD_QUERY_H

#include "db/permission.h"
#include "db/sql.h"

/* The columns of a result, in order: the row's id, reference_id and version
 * come first, always. */
enum { SELECTION_ID, SELECTION_REFERENCE_ID, SELECTION_VERSION, SELECTION_FIRST };

struct selection {
	const struct entity *entity;
	const struct column **columns; /* columns[i] is result column SELECTION_FIRST + i */
	size_t ncolumns;
};

/*
 * All visible columns of the entity, or those named by `fields` (NULL: all);
 * permission, reference_id and the owner always come.
 */
struct selection *selection_new(struct arena *arena,
				const struct entity *entity,
				const char *const *fields, size_t nfields);

/*
 * Adds the select list for a selection: id, reference_id, version, columns. Foreign
 * keys come as the target's reference id, NULL where the caller may not see
 * the target. `alias` names the row.
 */
void selection_list(struct sql *sql, const struct selection *selection,
		    const struct actor *actor, const struct model *model,
		    const char *alias);

#endif
