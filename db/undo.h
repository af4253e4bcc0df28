/*
 * undo.h: makes rows again what they were before a run of an action, from
 * the journal. All of them or none.
 */
#ifndef ACTD_UNDO_H
#define ACTD_UNDO_H

#include "db/row.h"

struct undo_change {
	const struct entity *entity;
	const char *id;
	const char *operation;	    /* what undoing does: "create" … */
	struct json_object *before; /* rows, the arena's; NULL: none, or not
				       asked for */
	struct json_object *after;
};

/*
 * Undoes the run `run` in the caller's transaction, with the rights of the
 * actor on each row as it is now; `context->run` is the run that does it.
 * `*changes` are in the order in which they were made; with `show` with their
 * rows. 409 for each row where a later edit is in the way: changed since,
 * deleted, there again, or others point to it; 409 where the journal has
 * nothing of the run; 403.
 */
struct error *undo_run(const struct row_context *context, const char *run,
		       bool show, struct undo_change **changes,
		       size_t *count) MUST_CHECK;

#endif
