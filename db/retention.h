/*
 * retention.h: what is kept for a while only: answers under idempotency keys,
 * jobs that have ended, runs of actions with their journal, history.
 */
#ifndef ACTD_RETENTION_H
#define ACTD_RETENTION_H

#include "db/db.h"
#include "db/model.h"

/* For how long. 0 of runs and history: for ever. */
struct retention {
	int64_t idempotency_hours;
	int64_t job_days;
	int64_t run_days;
	int64_t history_days;
};

/*
 * Deletes what is older, a bounded number of rows of each; `*is_done` where
 * nothing is left. Any number of processes may do so at the same time. `model`
 * says which tables are history.
 */
struct error *retention_apply(struct db *db, struct arena *arena,
			      const struct model *model,
			      const struct retention *retention,
			      bool *is_done) MUST_CHECK;

#endif
