/*
 * task.h: rows of the entity `task`, and the private table that says when each
 * is due next. What a schedule means is db/base/schedule.h's.
 */
#ifndef ACTD_TASK_H
#define ACTD_TASK_H

#include "db/db.h"

struct task {
	int64_t id;
	const char *name;
	const char *entity;
	const char *action;
	const char *attributes; /* JSON, or anything */
	const char *schedule;
	bool is_due;	  /* else only its next time is wanted */
	int64_t user_id;  /* as_user_id, else the owner; 0: nobody */
	const char *user; /* its reference id, or NULL */
	int64_t now;	  /* seconds since the epoch, by the database */
};

/*
 * Takes the active tasks that are due or whose schedule is new, and keeps
 * them from others until the end of the transaction.
 */
struct error *task_take(struct db *db, struct arena *arena, struct task **tasks,
			size_t *count) MUST_CHECK;

/*
 * The tasks that were written since somebody looked, in this transaction or
 * before; from then on they count as looked at.
 */
struct error *task_take_written(struct db *db, struct arena *arena,
				struct task **tasks, size_t *count) MUST_CHECK;

/* Whether there is an account with that mail address or reference id. */
struct error *task_user_exists(struct db *db, struct arena *arena,
			       const char *user, bool *exists) MUST_CHECK;

/* The next time of a task that was taken; -1: never. */
struct error *task_plan(struct db *db, struct arena *arena,
			const struct task *task, int64_t next_run) MUST_CHECK;

#endif
