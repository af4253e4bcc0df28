/*
 * collect_files: removes contents of files that no row refers to any more. Runs
 * once a day as a job; an action may name it as well.
 */
#include "db/file_collect.h"
#include "handlers/engine.h"

/* So long a content may be without a row, for those who look into it. */
#define HOURS_DEFAULT 24

static struct error *
collect_files(struct run *run, struct json_object *input, struct reply *reply)
{
	const struct request *request = run->request;
	struct json_object *hours = json_object_object_get(input, "hours");
	int64_t age = hours ? json_object_get_int64(hours) : HOURS_DEFAULT;
	struct file_collection collection = { 0 };
	struct error *error = NULL;

	if (!run->dry_run)
		error = file_collect(request->db, request->arena,
				     request->model, &request->settings->files,
				     age < 0 ? 0 : age * 3600, &collection);
	if (error)
		return error;
	reply_notify(reply, "success", "Success",
		     arena_printf(request->arena,
				  "%lld files, %lld bytes removed",
				  (long long)collection.files,
				  (long long)collection.bytes));
	return NULL;
}

const struct performer performer_collect_files = {
	.name = "__collect_files",
	.summary = "Remove contents of files that no row refers to",
	.pool = "long",
	.perform = collect_files,
};
