/*
 * background.h: actions that run after their request was answered, and
 * effects outside the database that are done after the transaction that
 * wanted them: what db/job.h's jobs mean. Inputs are staged encrypted.
 */
#ifndef ACTD_BACKGROUND_H
#define ACTD_BACKGROUND_H

#include "db/job.h"
#include "handlers/engine.h"

/*
 * Whether the caller would rather have a job than wait: "Prefer:
 * respond-async" (RFC 7240 section 4.1). Not for guests, who could not see
 * the job.
 */
bool background_is_wanted(const struct request *request);

/*
 * Queues a run of `action` as `actor`, in the caller's transaction; it will
 * be checked as a run of now is.
 */
struct error *background_queue(struct request *request,
			       const struct actor *actor,
			       const struct action *action,
			       struct json_object *attributes, bool dry_run,
			       const char **job_id) MUST_CHECK;

/*
 * Wants an effect outside the database: `performer` will be run with `input`
 * by the run's actor once the run's transaction is committed, and tried again
 * for about an hour where it fails for a reason that may pass; never where the
 * transaction is rolled back. It may be done more than once where a process
 * dies in it: run->job_id is the same then. In a dry run it is only told.
 */
struct error *outbox_add(struct run *run, const char *performer,
			 struct json_object *input) MUST_CHECK;

/*
 * Queues a job for each task that is due, as the user it names, and works out
 * when it is due next. To be called each second by any number of processes:
 * each due time has one job. `request` needs arena, db and settings only.
 */
struct error *background_start_tasks(struct request *request) MUST_CHECK;

/*
 * Queues a job for what is done once a day, if that is due. By any number of
 * processes, now and then; `request` as above.
 */
struct error *background_start_housework(struct request *request) MUST_CHECK;

/* A job at work. */
struct background {
	const struct job *job;
	struct job_progress progress;
	/* Called when `progress` has changed, or NULL. */
	void (*report)(struct background *background);
	void *context;
};

/*
 * Does the work of a job and finishes it, in one transaction. On error
 * nothing was done but what an effect did outside; whether the job is over is
 * the caller's to decide.
 */
struct error *background_perform(struct request *request,
				 struct background *background) MUST_CHECK;

/* The same for an effect, whose performer is given. */
struct error *background_deliver(struct request *request,
				 struct background *background,
				 const struct performer *performer,
				 struct json_object *input) MUST_CHECK;

/*
 * The result of a job for its owner or an administrator; NULL for others, and
 * where there is none.
 */
struct error *background_open_result(const struct request *request,
				     const char *job_id,
				     const char **result) MUST_CHECK;

/*
 * Seconds until a job whose work failed with `status` and `code` is tried
 * again; -1: it has failed for good.
 */
int64_t background_pause(const struct job *job, int status, const char *code);

#endif
