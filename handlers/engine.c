/*
 * engine.c: the run of an action around its outcomes: who may run it, on
 * which subject, with which inputs, in one transaction that is committed,
 * run again, or undone here.
 */
#include <string.h>

#include "db/base/crypto.h"
#include "db/base/json.h"
#include "db/base/log.h"
#include "db/subject.h"
#include "handlers/action_input.h"
#include "handlers/outcome.h"
#include "handlers/record.h"
#include "handlers/related.h"
#include "handlers/run_row.h"
#include "handlers/script.h"

/* Runs after a serialization failure or a deadlock, the first one included. */
#define ATTEMPTS_MAX 3

static struct json_object *
keep(struct run *run, struct json_object *object)
{
	return json_keep(run->request->arena, object);
}

/* The subject. */

static const char *
subject_key(const struct run *run)
{
	return arena_printf(run->request->arena, "%s_id",
			    run->action->entity->name);
}

/* The attribute {entity}_id; user_id is the one of 2018. */
static struct json_object *
subject_attribute(const struct run *run)
{
	struct json_object *value =
		json_object_object_get(run->attributes, subject_key(run));

	if (!value && run->action->entity == run->request->model->user_account)
		value = json_object_object_get(run->attributes, "user_id");
	if (json_object_is_type(value, json_type_string) &&
	    !json_object_get_string_len(value))
		return NULL;
	return value;
}

static struct error *
no_subject(const struct run *run)
{
	return error_new(run->request->arena, 404, "not-found",
			 "there is no such %s", run->action->entity->name);
}

static struct error *
subject_missing(const struct run *run)
{
	struct arena *arena = run->request->arena;
	const char *key = subject_key(run);
	struct error *error =
		error_new(arena, 400, "subject-required",
			  "%s is needed, the reference id of a %s", key,
			  run->action->entity->name);

	return error_at(error, arena_printf(arena, "/attributes/%s", key));
}

/* Read by the caller's rights and kept from others until the end. */
static struct error *
read_subject(struct run *run, const char *id)
{
	const struct entity *entity = run->action->entity;
	struct row_context context = request_row_context(run->request, false);
	struct row row;
	bool executable;
	struct error *error;

	error = row_read(&context, entity, id, true, &row);
	if (error)
		return error;
	if (!rows_count(row.rows))
		return no_subject(run);
	error = subject_is_executable(&context, entity, id, &executable);
	if (error)
		return error;
	if (!executable)
		return permission_refused(run->request->arena, entity,
					  VERB_EXECUTE);
	run->subject = run_row(run, &row, 0);
	return related_add(run, id);
}

static struct error *
find_subject(struct run *run)
{
	struct json_object *value = subject_attribute(run);
	const char *id = json_object_get_string(value);

	if (!value)
		return run->action->instance_optional ? NULL
						      : subject_missing(run);
	if (!json_object_is_type(value, json_type_string) ||
	    !crypto_is_uuid(id))
		return no_subject(run);
	return read_subject(run, id);
}

/* The scope. */

static struct json_object *
user_object(const struct actor *actor)
{
	struct json_object *user;

	if (!actor->id)
		return NULL;
	user = json_object_new_object();
	json_object_object_add(user, "__type",
			       json_object_new_string("user_account"));
	json_object_object_add(user, "id", json_object_new_int64(actor->id));
	json_object_object_add(user, "reference_id",
			       json_object_new_string(actor->reference_id));
	json_object_object_add(user, "email",
			       json_object_new_string(actor->email));
	json_object_object_add(user, "name",
			       json_object_new_string(actor->name));
	return user;
}

/* Names of ours win over inputs of the same name. */
static struct error *
make_scope(struct run *run)
{
	struct json_object *inputs;
	struct error *error = action_input(run->request->arena, run->action,
					   run->attributes, &inputs);

	if (error)
		return error;
	run->scope = inputs;
	json_object_object_add(run->scope, "attributes",
			       json_object_get(run->attributes));
	json_object_object_add(run->scope, "user", user_object(run->actor));
	json_object_object_add(run->scope, "subject",
			       json_object_get(run->subject));
	if (run->subject)
		json_object_object_add(run->scope, subject_key(run),
				       json_object_get(run->subject));
	return NULL;
}

/* The run. */

static struct error *
run_outcomes(struct run *run, struct reply *reply)
{
	const struct action *action = run->action;
	struct error *error = find_subject(run);

	if (!error)
		error = make_scope(run);
	for (size_t i = 0; !error && i < action->nout_fields; i++)
		error = outcome_run(run, &action->out_fields[i], reply);
	return error;
}

static void
add_dry_run(struct run *run, struct reply *reply)
{
	struct json_object *beside = keep(run, json_object_new_object());

	json_object_object_add(beside, "changes",
			       json_object_get(run->changes));
	json_object_object_add(beside, "effects",
			       json_object_get(run->effects));
	reply_add(reply, "client.dry_run", json_object_new_object());
	reply->items[reply->nitems - 1].beside = beside;
}

/* The outcomes between the hooks. */
static struct error *
run_hooked(struct run *run, struct reply *reply)
{
	const struct run_hooks *hooks = run->hooks;
	struct error *error = NULL;
	bool skip = false;

	if (hooks && hooks->begin)
		error = hooks->begin(run, &skip);
	if (error || skip)
		return error;
	error = run_outcomes(run, reply);
	if (!error && run->definitions_written)
		error = request_check_model(run->request);
	if (!error && run->dry_run)
		add_dry_run(run, reply);
	if (!error && hooks && hooks->finish && !run->dry_run)
		error = hooks->finish(run, reply);
	return error;
}

static struct error *
run_once(struct run *run, struct reply *reply)
{
	struct db *db = run->request->db;
	struct error *error;

	if (run->dry_run) {
		run->changes = keep(run, json_object_new_array());
		run->effects = keep(run, json_object_new_array());
	}
	db_begin(db);
	error = run_hooked(run, reply);
	if (!error && !run->dry_run)
		error = record_finish(run);
	if (error || run->dry_run)
		db_abandon(db);
	return error;
}

static bool
is_worth_a_retry(const struct error *error)
{
	return error && !strcmp(error->code, "retry");
}

static struct error *
run_again(struct run *run, struct reply *reply)
{
	const struct actor *caller = run->request->actor;
	struct error *error = NULL;

	for (unsigned attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
		*run = (struct run){
			.request = run->request,
			.action = run->action,
			.attributes = run->attributes,
			.dry_run = run->dry_run,
			.hooks = run->hooks,
			.job_id = run->job_id,
			.actor = arena_alloc(run->request->arena,
					     sizeof *run->actor),
			.evaluator = script_evaluator(run->request->arena,
						      run->request->scripts),
		};
		*run->actor = *caller;
		run->evaluator.reveal = run_row_reveal;
		run->evaluator.hidden = run;
		record_begin(run);
		reply_init(reply, run->request->arena);
		error = run_once(run, reply);
		run->request->actor = caller;
		if (!is_worth_a_retry(error))
			return error;
		log_event(LOG_INFO, "action-conflict", "action",
			  run->action->name, NULL);
	}
	error->retry_after = 1;
	return error;
}

/* What was done is done: a failing reload is the log's matter. */
static void
tell_others(const struct run *run)
{
	struct error *error;

	if (run->access_changed)
		request_access_changed(run->request);
	if (!run->model_changed)
		return;
	error = request_reload(run->request);
	if (error)
		log_event(LOG_WARNING, "reload-failed", "cause", error->detail,
			  NULL);
}

struct error *
engine_run_with(struct request *request, const struct action *action,
		struct json_object *attributes, bool dry_run,
		const struct run_hooks *hooks, const char *job_id,
		struct reply *reply)
{
	struct run run = {
		.request = request,
		.action = action,
		.attributes = attributes,
		.dry_run = dry_run,
		.hooks = hooks,
		.job_id = job_id,
	};
	struct error *error;

	if (!permission_action(request->actor, action))
		return error_new(request->arena, 403, "forbidden",
				 "you may not execute %s on %s", action->name,
				 action->on_type);
	error = run_again(&run, reply);
	if (!error && !dry_run)
		tell_others(&run);
	return error;
}

struct error *
engine_run(struct request *request, const struct action *action,
	   struct json_object *attributes, bool dry_run, struct reply *reply)
{
	return engine_run_with(request, action, attributes, dry_run, NULL, NULL,
			       reply);
}

void
run_progress(struct run *run, int64_t done, int64_t total, const char *unit)
{
	if (run->hooks && run->hooks->progress)
		run->hooks->progress(run, done, total, unit);
}

/* The pool. */

static bool
sets_secret(struct arena *arena, const struct entity *entity,
	    const struct outcome *outcome)
{
	for (size_t i = 0; i < entity->ncolumns; i++)
		if (entity->columns[i]->kind == VALUE_SECRET &&
		    json_object_object_get_ex(
			    outcome_attributes(arena, outcome),
			    entity->columns[i]->column_name, NULL))
			return true;
	return false;
}

/* Whether an outcome writes a password, which takes the time of a hash. */
static bool
hashes(struct arena *arena, const struct entity *entity,
       const struct outcome *outcome)
{
	if (outcome_method(outcome)->target != TARGET_ENTITY)
		return false;
	if (!strcmp(entity->name, outcome->type) ||
	    !strcmp(outcome->type, "user"))
		return sets_secret(arena, entity, outcome);
	for (size_t i = 0; i < entity->nrelationships; i++) {
		const struct entity *target = entity->relationships[i]->target;

		if (!strcmp(target->name, outcome->type))
			return sets_secret(arena, target, outcome);
	}
	return false;
}

const char *
engine_pool(struct arena *arena, const struct action *action)
{
	for (size_t i = 0; i < action->nout_fields; i++) {
		const struct outcome *outcome = &action->out_fields[i];
		const struct performer *performer =
			outcome_method(outcome)->target == TARGET_PERFORMER
				? performer_find(outcome->type)
				: NULL;

		if (performer && performer->pool)
			return performer->pool;
		if (action->entity && hashes(arena, action->entity, outcome))
			return "hash";
	}
	return NULL;
}

const char *
engine_spools(const struct action *action)
{
	bool spools = false;

	for (size_t i = 0; i < action->nout_fields; i++) {
		const struct outcome *outcome = &action->out_fields[i];
		const struct performer *performer =
			outcome_method(outcome)->target == TARGET_PERFORMER
				? performer_find(outcome->type)
				: NULL;

		spools |= performer && performer->spools;
	}
	for (size_t i = 0; spools && i < action->nin_fields; i++) {
		const struct column *field = action->in_fields[i];

		if (field->type && field->type->kind == VALUE_FILE)
			return field->column_name;
	}
	return NULL;
}
