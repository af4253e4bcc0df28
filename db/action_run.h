/*
 * action_run.h: the record of the runs of actions that changed something.
 */
#ifndef ACTD_DB_ACTION_RUN_H
#define ACTD_DB_ACTION_RUN_H

#include "db/row.h"

struct action_run {
	const char *id; /* a UUID, which history and journal name */
	const char *action_name;
	const char *entity_name;
	const char *subject; /* reference id, or NULL */
	const char *inputs;  /* JSON */
	const char *rows;    /* JSON, or NULL: the rows that it changed */
	int64_t nrows;
	int64_t duration_us;
};

/* Stores the record, owned by the actor, and commits the transaction. */
struct error *action_run_finish(const struct row_context *context,
				const struct action_run *run) MUST_CHECK;

/* Notes that a run was undone; false where it was already. */
struct error *action_run_mark_undone(const struct row_context *context,
				     const char *id, bool *is_first) MUST_CHECK;

#endif
