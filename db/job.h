/*
 * job.h: work that is done after its request was answered: rows of the entity
 * `job`, their staged input, and the leases under which runners hold them.
 * Knows nothing of what a job does.
 *
 * A job is finished once: what it does and its final state are one
 * transaction, which commits only while the runner still holds the lease.
 * LISTEN actd_job tells of jobs to take and of wishes to cancel, LISTEN
 * actd_job_event of every change, with the job's reference id.
 */
#ifndef ACTD_JOB_H
#define ACTD_JOB_H

#include "db/db.h"

/* A runner that was not heard of for so long has lost its job. */
#define JOB_LEASE_SECONDS 10

/* Attempts until a failure that may pass is final. */
#define JOB_ATTEMPTS_MAX 5
#define JOB_EFFECT_ATTEMPTS_MAX 8

/* A job to be. */
struct job_draft {
	const char *action; /* and entity: what is to run, or what asked for
			       the effect; "" where nothing did */
	const char *entity;
	const char *performer; /* an effect outside the database; NULL: the
				  job runs the action */
	const char *subject; /* reference id of the action's subject, or NULL */
	int64_t owner;	     /* account; 0: nobody */
	const char *input;   /* not empty */
};

/* A part of a file of a job has at most so many bytes. */
#define JOB_PART_BYTES (192 * 1024)

/* A job that a runner holds. */
struct job {
	int64_t id;
	const char *reference_id;
	const char *action;
	const char *entity;
	const char *performer; /* or NULL */
	int64_t attempt;       /* 1 for the first */
	const char *worker;    /* the runner that holds it */
};

/* How far a job is. `total` -1 and `unit` NULL: not known. */
struct job_progress {
	int64_t done;
	int64_t total;
	const char *unit;
};

/* What readers see of a job. Texts are NULL where there is none. */
struct job_state {
	const char *reference_id;
	const char *state;
	struct job_progress progress;
	const char *error;
	int64_t version;
};

enum job_hold { JOB_HELD, JOB_CANCEL_WANTED, JOB_LOST };

/* Adds a job and its input, in the caller's transaction if there is one. */
struct error *job_create(struct db *db, struct arena *arena,
			 const struct job_draft *draft,
			 const char **reference_id) MUST_CHECK;

/*
 * Stages the next part of a file that belongs to the input, in the same
 * transaction. Files and parts count from 0.
 */
struct error *job_stage(struct db *db, struct arena *arena,
			const char *reference_id, size_t file, size_t part,
			const void *data, size_t size) MUST_CHECK;

/*
 * Takes the job that is due longest and makes it the `worker`'s; `*job` is
 * NULL where nothing is due. Each job is taken by one runner of all nodes.
 */
struct error *job_take(struct db *db, struct arena *arena, const char *worker,
		       struct job **job) MUST_CHECK;

/* The job `id` where the `worker` holds it in that attempt, else NULL. */
struct error *job_held(struct db *db, struct arena *arena, int64_t id,
		       const char *worker, int64_t attempt,
		       struct job **job) MUST_CHECK;

/* The input of a job, as it was staged. */
struct error *job_input(struct db *db, struct arena *arena,
			const struct job *job, const char **input) MUST_CHECK;

/* A part of one of its files; `*data` is NULL after the last. */
struct error *job_file(struct db *db, struct arena *arena,
		       const struct job *job, size_t file, size_t part,
		       unsigned char **data, size_t *size) MUST_CHECK;

/* Renews the lease and tells how far the job is. */
struct error *job_beat(struct db *db, struct arena *arena,
		       const struct job *job,
		       const struct job_progress *progress,
		       enum job_hold *hold) MUST_CHECK;

/*
 * The job's work is done: in the transaction that did it. 409 "job-lost"
 * where it is not the runner's any more or is to be cancelled: then the work
 * must be rolled back. The result may have secrets: it comes encrypted.
 */
struct error *job_succeed(struct db *db, struct arena *arena,
			  const struct job *job,
			  const struct job_progress *progress,
			  const char *result) MUST_CHECK;

/* Its work was rolled back: it is "failed" or "cancelled". Nothing happens to
 * a job that is not the runner's any more. */
struct error *job_end(struct db *db, struct arena *arena, const struct job *job,
		      const char *state, const char *text) MUST_CHECK;

/*
 * Its work was rolled back and is to be tried again in `seconds`; with 0 the
 * attempt does not count.
 */
struct error *job_retry(struct db *db, struct arena *arena,
			const struct job *job, int64_t seconds,
			const char *text) MUST_CHECK;

/*
 * Queues jobs whose runner was not heard of for the lease, or ends them where
 * they had their attempts.
 */
struct error *job_recover(struct db *db, struct arena *arena) MUST_CHECK;

/*
 * What job_succeed() was given; NULL where there is none, or where the job is
 * not the account's `owner` (0: anybody's).
 */
struct error *job_result(struct db *db, struct arena *arena,
			 const char *reference_id, int64_t owner,
			 const char **result) MUST_CHECK;

/* Cancels a job; `*state` is what it was, NULL where there is no such job. */
struct error *job_cancel(struct db *db, struct arena *arena,
			 const char *reference_id,
			 const char **state) MUST_CHECK;

/* The states of the jobs in `ids`, an array literal of reference ids. */
struct error *job_states(struct db *db, struct arena *arena, const char *ids,
			 struct job_state **states, size_t *count) MUST_CHECK;

/* Whether a state is final. */
bool job_is_over(const char *state);

#endif
