/*
 * cancel_job: ends a background job: at once where it waits, within two
 * seconds where it runs. What it did is rolled back.
 */
#include "db/job.h"
#include "handlers/engine.h"
#include "handlers/input.h"

static struct error *
cancel_job(struct run *run, struct json_object *input, struct reply *reply)
{
	struct arena *arena = run->request->arena;
	const char *id, *state;
	struct error *error = input_text(arena, input, "job_id", &id);

	if (!error)
		error = job_cancel(run->request->db, arena, id, &state);
	if (error)
		return error;
	if (!state)
		return error_new(arena, 404, "not-found",
				 "there is no such job");
	if (job_is_over(state))
		return error_new(arena, 409, "job-is-over",
				 "the job is over already: it has %s", state);
	reply_notify(reply, "success", "Success", "The job is cancelled");
	return NULL;
}

const struct performer performer_cancel_job = {
	.name = "__cancel_job",
	.summary = "Cancel a background job",
	.perform = cancel_job,
};
