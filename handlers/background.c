/*
 * background.c: inputs and results of jobs may have secrets, and are
 * encrypted. An input is the text of an object: `user` (reference id, null for
 * guests) and `attributes`, which are an effect's input, or an action's
 * attributes with `dry_run` and the number of its files.
 */
#include "handlers/background.h"

#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "db/base/crypto.h"
#include "db/base/json.h"
#include "db/base/log.h"
#include "db/base/schedule.h"
#include "db/file_collect.h"
#include "db/task.h"
#include "handlers/formats/format.h"
#include "handlers/script.h"
#include "handlers/spool.h"

static const struct format_limits input_limits = {
	.bytes = SIZE_MAX,
	.depth = 128,
	.nodes = 4000000,
};

bool
background_is_wanted(const struct request *request)
{
	static const char wanted[] = "respond-async";
	const char *at = request_variable(request, "HTTP_PREFER");

	if (!request->actor->id)
		return false;
	while (at && *(at += strspn(at, " \t,"))) {
		size_t length = strcspn(at, " \t,;");

		if (length == sizeof wanted - 1 &&
		    !strncasecmp(at, wanted, length))
			return true;
		at += strcspn(at, ",");
	}
	return false;
}

/* Queueing. */

static struct error *
queue(struct request *request, const struct actor *actor,
      struct json_object *input, struct job_draft *draft, const char **job_id)
{
	struct json_object *whole = json_object_new_object();
	const char *text;

	json_keep(request->arena, whole);
	json_object_object_add(
		whole, "user",
		actor->id ? json_object_new_string(actor->reference_id) : NULL);
	json_object_object_add(whole, "attributes", json_object_get(input));
	text = crypto_encrypt(
		request->arena, request->settings->values.encryption_key,
		json_object_to_json_string_ext(whole, JSON_C_TO_STRING_PLAIN));
	draft->owner = actor->id;
	draft->input = text;
	return job_create(request->db, request->arena, draft, job_id);
}

/* An error that outlives the arena it was made in. */
static struct error *
carry(struct arena *arena, const struct error *error)
{
	return error_new(arena, error->status, error->code, "%s",
			 error->detail);
}

/* Files that came with the body go along. */
static struct error *
stage_file(struct request *request, const char *job_id, size_t file)
{
	char *data = arena_alloc_raw(request->arena, JOB_PART_BYTES);
	int fd = request->spools[file];
	struct error *error = NULL;
	off_t at = 0;

	for (size_t part = 0; !error; part++) {
		struct arena *scratch = arena_new();
		ssize_t got = pread(fd, data, JOB_PART_BYTES, at);

		if (got > 0)
			error = job_stage(request->db, scratch, job_id, file,
					  part, data, (size_t)got);
		if (error)
			error = carry(request->arena, error);
		arena_free(scratch);
		if (got <= 0)
			break;
		at += got;
	}
	return error;
}

static struct error *
restore_file(struct request *request, const struct job *job, size_t file)
{
	struct error *error = spool_new(request->arena, request->settings,
					&request->spools[file]);
	unsigned char *data = NULL;
	size_t part = 0;

	do {
		struct arena *scratch = arena_new();
		size_t size;

		if (!error)
			error = job_file(request->db, scratch, job, file,
					 part++, &data, &size);
		if (!error && data)
			error = spool_write(scratch, request->spools[file],
					    data, size);
		if (error)
			error = carry(request->arena, error);
		arena_free(scratch);
	} while (!error && data);
	return error;
}

static struct error *
restore_files(struct request *request, const struct job *job, size_t count)
{
	struct error *error = NULL;

	request->spools = ARENA_ARRAY(request->arena, int, count + 1);
	request->nspools = count;
	for (size_t i = 0; i < count && !error; i++)
		error = restore_file(request, job, i);
	return error;
}

/* The attribute {entity}_id, where it is an id. */
static const char *
subject_of(struct request *request, const struct action *action,
	   struct json_object *attributes)
{
	const char *name =
		arena_printf(request->arena, "%s_id", action->on_type);
	struct json_object *value = json_object_object_get(attributes, name);
	const char *id = json_object_get_string(value);

	return id && crypto_is_uuid(id) ? id : NULL;
}

struct error *
background_queue(struct request *request, const struct actor *actor,
		 const struct action *action, struct json_object *attributes,
		 bool dry_run, const char **job_id)
{
	struct json_object *input = json_object_new_object();
	struct job_draft draft = {
		.action = action->name,
		.entity = action->on_type,
		.subject = subject_of(request, action, attributes),
	};
	struct error *error;

	json_keep(request->arena, input);
	json_object_object_add(input, "attributes",
			       json_object_get(attributes));
	json_object_object_add(input, "dry_run",
			       json_object_new_boolean(dry_run));
	json_object_object_add(
		input, "files",
		json_object_new_int64((int64_t)request->nspools));
	error = queue(request, actor, input, &draft, job_id);
	for (size_t i = 0; i < request->nspools && !error; i++)
		error = stage_file(request, *job_id, i);
	return error;
}

struct error *
outbox_add(struct run *run, const char *performer, struct json_object *input)
{
	struct job_draft draft = {
		.action = run->action ? run->action->name : "",
		.entity = run->action ? run->action->on_type : "",
		.performer = performer,
	};
	struct json_object *effect;
	const char *job_id;

	if (!run->dry_run)
		return queue(run->request, run->actor, input, &draft, &job_id);
	effect = json_object_new_object();
	json_object_object_add(effect, "performer",
			       json_object_new_string(performer));
	json_object_object_add(effect, "input", json_object_get(input));
	json_object_array_add(run->effects, effect);
	return NULL;
}

/* Tasks. */

static struct json_object *
attributes_of(struct arena *arena, const struct task *task)
{
	const char *text = task->attributes;
	struct json_object *attributes = NULL;
	struct error *error = NULL;

	if (text && *text)
		error = json_read(arena, text, strlen(text), &input_limits, 422,
				  &attributes);
	if (!error && json_object_is_type(attributes, json_type_object))
		return attributes;
	attributes = json_object_new_object();
	json_keep(arena, attributes);
	return attributes;
}

static struct error *
queue_task(struct request *request, const struct task *task)
{
	const struct actor user = { .id = task->user_id,
				    .reference_id = task->user };
	struct json_object *input = json_object_new_object();
	struct job_draft draft = {
		.action = task->action,
		.entity = task->entity,
	};
	const char *job_id;

	json_keep(request->arena, input);
	json_object_object_add(
		input, "attributes",
		json_object_get(attributes_of(request->arena, task)));
	return queue(request, &user, input, &draft, &job_id);
}

static struct error *
start_task(struct request *request, const struct task *task)
{
	struct schedule *schedule;
	struct error *error =
		schedule_read(request->arena, task->schedule, &schedule);
	int64_t next_run;

	if (error) { /* until it is changed */
		log_event(LOG_WARNING, "task-refused", "task", task->name,
			  "detail", error->detail, NULL);
		return task_plan(request->db, request->arena, task, -1);
	}
	next_run = schedule_next(schedule, task->now);
	error = task_plan(request->db, request->arena, task, next_run);
	return error || !task->is_due ? error : queue_task(request, task);
}

struct error *
background_start_tasks(struct request *request)
{
	struct task *tasks = NULL;
	struct error *error;
	size_t count = 0;

	db_begin(request->db);
	error = task_take(request->db, request->arena, &tasks, &count);
	for (size_t i = 0; i < count && !error; i++)
		error = start_task(request, &tasks[i]);
	if (!error)
		return db_finish(request->db, request->arena);
	db_abandon(request->db);
	return error;
}

/* Housework. */

struct error *
background_start_housework(struct request *request)
{
	struct json_object *input = json_object_new_object();
	struct job_draft draft = {
		.action = "",
		.entity = "world",
		.performer = "__collect_files",
	};
	struct error *error;
	const char *job_id;
	bool due = false;

	json_keep(request->arena, input);
	db_begin(request->db);
	error = file_collect_due(request->db, request->arena, &due);
	if (!error && due)
		error = queue(request, &actor_guest, input, &draft, &job_id);
	if (!error)
		return db_finish(request->db, request->arena);
	db_abandon(request->db);
	return error;
}

/* Working. */

static void
take_progress(struct run *run, int64_t done, int64_t total, const char *unit)
{
	struct background *background = run->hooks->context;

	background->progress = (struct job_progress){ done, total, unit };
	if (background->report)
		background->report(background);
}

static struct error *
succeed(struct request *request, const struct background *background,
	const struct reply *reply)
{
	struct error *error = reply_check_files(reply);
	struct strbuf text;

	if (error)
		return error;
	strbuf_init(&text, request->arena);
	reply_write(&text, reply);
	return job_succeed(
		request->db, request->arena, background->job,
		&background->progress,
		crypto_encrypt(request->arena,
			       request->settings->values.encryption_key,
			       text.data));
}

static struct error *
finish(struct run *run, struct reply *reply)
{
	return succeed(run->request, run->hooks->context, reply);
}

static struct error *
become(struct request *request, struct json_object *user)
{
	struct actor *actor;
	struct error *error;

	request->actor = &actor_guest;
	if (!user)
		return NULL;
	error = account_actor_now(request->db, request->arena, request->model,
				  json_object_get_string(user), &actor);
	if (!error)
		request->actor = actor;
	return error;
}

/* The members of the staged input; the caller becomes who queued it. */
static struct error *
read_input(struct request *request, const struct job *job,
	   struct json_object **input)
{
	struct json_object *whole;
	const char *sealed;
	struct error *error;
	char *text;

	error = job_input(request->db, request->arena, job, &sealed);
	if (error)
		return error;
	if (!crypto_decrypt(request->arena,
			    request->settings->values.encryption_key, sealed,
			    &text))
		return error_new(request->arena, 422, "bad-input",
				 "The job was queued with another key.");
	error = json_read(request->arena, text, strlen(text), &input_limits,
			  422, &whole);
	if (error)
		return error;
	*input = json_object_object_get(whole, "attributes");
	return become(request, json_object_object_get(whole, "user"));
}

static struct error *
run_action(struct request *request, struct background *background,
	   struct json_object *input)
{
	const struct job *job = background->job;
	const struct run_hooks hooks = {
		.context = background,
		.finish = finish,
		.progress = take_progress,
	};
	const struct action *action =
		model_action(request->model, job->entity, job->action);
	bool dry_run = json_object_get_boolean(
		json_object_object_get(input, "dry_run"));
	struct reply reply;
	struct error *error;

	if (!action || !action->entity)
		return error_new(request->arena, 404, "unknown-action",
				 "there is no action %s on %s", job->action,
				 job->entity);
	error = restore_files(request, job,
			      (size_t)json_object_get_int64(
				      json_object_object_get(input, "files")));
	if (error)
		return error;
	error = engine_run_with(request, action,
				json_object_object_get(input, "attributes"),
				dry_run, &hooks, job->reference_id, &reply);
	if (error || !dry_run)
		return error;
	error = succeed(request, background, &reply);
	return error ? error : db_finish(request->db, request->arena);
}

struct error *
background_deliver(struct request *request, struct background *background,
		   const struct performer *performer, struct json_object *input)
{
	const struct job *job = background->job;
	const struct run_hooks hooks = {
		.context = background,
		.progress = take_progress,
	};
	struct actor actor = *request->actor;
	struct run run = {
		.request = request,
		.action =
			model_action(request->model, job->entity, job->action),
		.attributes = input,
		.actor = &actor,
		.hooks = &hooks,
		.job_id = job->reference_id,
		.evaluator = script_evaluator(request->arena, request->scripts),
	};
	struct reply reply;
	struct error *error;

	reply_init(&reply, request->arena);
	db_begin(request->db);
	error = performer->perform(&run, input, &reply);
	if (!error)
		error = succeed(request, background, &reply);
	if (!error)
		return db_finish(request->db, request->arena);
	db_abandon(request->db);
	return error;
}

struct error *
background_perform(struct request *request, struct background *background)
{
	const struct job *job = background->job;
	const struct performer *performer;
	struct json_object *input = NULL;
	struct error *error = read_input(request, job, &input);

	if (error)
		return error;
	if (!job->performer)
		return run_action(request, background, input);
	performer = performer_find(job->performer);
	if (!performer)
		return error_new(request->arena, 422, "unknown-performer",
				 "there is no performer %s", job->performer);
	return background_deliver(request, background, performer, input);
}

struct error *
background_open_result(const struct request *request, const char *job_id,
		       const char **result)
{
	const struct actor *actor = request->actor;
	const char *sealed = NULL;
	struct error *error;
	char *plain;

	*result = NULL;
	if (!actor->id)
		return NULL;
	error = job_result(request->db, request->arena, job_id,
			   actor->is_administrator ? 0 : actor->id, &sealed);
	if (!error && sealed &&
	    crypto_decrypt(request->arena,
			   request->settings->values.encryption_key, sealed,
			   &plain))
		*result = plain;
	return error;
}

/* Trying again. */

static bool
may_pass(const struct job *job, int status, const char *code)
{
	if (status == 503 || status == 504 || !strcmp(code, "retry"))
		return true;
	return job->performer && (status >= 500 || status == 408 ||
				  status == 409 || status == 429);
}

int64_t
background_pause(const struct job *job, int status, const char *code)
{
	int64_t attempts =
		job->performer ? JOB_EFFECT_ATTEMPTS_MAX : JOB_ATTEMPTS_MAX;
	int64_t first = job->performer ? 30 : 1;

	if (job->attempt >= attempts || !may_pass(job, status, code))
		return -1;
	return first << (job->attempt - 1);
}
