/*
 * outcome.c: runs one outcome around its method: ForEach, Condition,
 * evaluation of the attributes, Reference, SkipInResponse, ContinueOnError.
 * What the methods do is in method.c.
 */
#include <string.h>

#include "db/base/json.h"
#include "db/base/log.h"
#include "handlers/expr.h"
#include "handlers/outcome.h"

static struct error *
evaluate(struct run *run, struct json_object *template,
	 struct json_object **value, bool *absent)
{
	return expr_evaluate(run->request->arena, template, run->scope,
			     &run->evaluator, value, absent);
}

/*
 * Text in a response is there even where a reference leads to null, and so
 * is a path into a subject that the run has not.
 */
static bool
is_text_when_absent(const struct run *run, struct json_object *template)
{
	const char *text = json_object_get_string(template);

	if (!json_object_is_type(template, json_type_string))
		return false;
	return text[0] == '$' ||
	       (!run->subject &&
		(!strncmp(text, "~.", 2) || !strncmp(text, "~subject.", 9)));
}

static struct error *
evaluate_members(struct run *run, bool is_response, struct json_object *input)
{
	json_object_object_foreach(run->templates, key, template)
	{
		struct json_object *value;
		bool absent;
		struct error *error = evaluate(run, template, &value, &absent);

		if (error)
			return error;
		if (!absent)
			json_object_object_add(input, key,
					       json_object_get(value));
		else if (is_response && is_text_when_absent(run, template))
			json_object_object_add(input, key,
					       json_object_new_string(""));
	}
	return NULL;
}

/* The outcome's attributes in the scope of the run; never NULL. */
static struct error *
evaluate_attributes(struct run *run, bool is_response,
		    struct json_object **input)
{
	bool absent;

	if (json_object_is_type(run->templates, json_type_array))
		return evaluate(run, run->templates, input, &absent);
	*input = json_object_new_object();
	json_keep(run->request->arena, *input);
	if (!run->templates)
		return NULL;
	return evaluate_members(run, is_response, *input);
}

static struct error *
holds(struct run *run, const struct outcome *outcome, bool *does)
{
	*does = true;
	if (!outcome->condition || !*outcome->condition)
		return NULL;
	return expr_condition(run->request->arena, outcome->condition,
			      run->scope, &run->evaluator, does);
}

static struct error *
run_once(struct run *run, const struct outcome *outcome, struct reply *items,
	 struct json_object **result)
{
	const struct outcome_method *method = outcome_method(outcome);
	struct json_object *input;
	struct error *error;
	bool does;

	*result = NULL;
	error = holds(run, outcome, &does);
	if (error || !does)
		return error;
	error = evaluate_attributes(run, method->is_response, &input);
	if (error)
		return error;
	if (!method->is_response &&
	    !json_object_is_type(input, json_type_object))
		return error_new(run->request->arena, 400, "bad-attributes",
				 "the attributes of %s %s are no object",
				 outcome->method, outcome->type);
	if (outcome->log_to_console)
		log_event(LOG_INFO, "outcome", "action", run->action->name,
			  "method", method->name, "type", outcome->type, NULL);
	return method->perform(run, outcome, input, items, result);
}

static struct error *
list_of(struct run *run, const struct outcome *outcome,
	struct json_object **list)
{
	struct arena *arena = run->request->arena;
	struct json_object *template =
		json_object_new_string(outcome->for_each);
	struct error *error;
	bool absent;

	json_keep(arena, template);
	error = evaluate(run, template, list, &absent);
	if (error || absent)
		return error;
	if (!json_object_is_type(*list, json_type_array))
		return error_new(arena, 400, "no-list",
				 "%s is not a list to go through",
				 outcome->for_each);
	if (json_object_array_length(*list) > FOR_EACH_MAX)
		return error_new(arena, 400, "list-too-long",
				 "%s has more than %d items", outcome->for_each,
				 FOR_EACH_MAX);
	return NULL;
}

/* Its result is the list of the results. */
static struct error *
run_for_each(struct run *run, const struct outcome *outcome,
	     struct reply *items, struct json_object **result)
{
	struct json_object *list = NULL;
	struct error *error = list_of(run, outcome, &list);
	size_t count = list && !error ? json_object_array_length(list) : 0;

	*result = json_object_new_array();
	json_keep(run->request->arena, *result);
	for (size_t i = 0; i < count && !error; i++) {
		struct json_object *one;

		json_object_object_add(
			run->scope, "item",
			json_object_get(json_object_array_get_idx(list, i)));
		json_object_object_add(run->scope, "index",
				       json_object_new_int64((int64_t)i));
		error = run_once(run, outcome, items, &one);
		run_progress(run, (int64_t)i + 1, (int64_t)count, "items");
		if (!error && one)
			json_object_array_add(*result, json_object_get(one));
	}
	json_object_object_del(run->scope, "item");
	json_object_object_del(run->scope, "index");
	return error;
}

static struct error *
run_all(struct run *run, const struct outcome *outcome, struct reply *items,
	struct json_object **result)
{
	if (outcome->for_each && *outcome->for_each)
		return run_for_each(run, outcome, items, result);
	return run_once(run, outcome, items, result);
}

/* Faults of ours, and conflicts that a second attempt solves, go through. */
static bool
may_continue(const struct error *error)
{
	return (error->status < 500 || error->status == 501) &&
	       strcmp(error->code, "retry") != 0;
}

static struct error *
run_tolerantly(struct run *run, const struct outcome *outcome,
	       struct reply *items, struct json_object **result)
{
	struct db *db = run->request->db;
	struct arena *arena = run->request->arena;
	struct error *failure;
	struct error *error = db_savepoint(db, arena);

	if (error)
		return error;
	failure = run_all(run, outcome, items, result);
	if (!failure)
		return db_release(db, arena);
	if (!may_continue(failure))
		return failure;
	*result = NULL;
	reply_init(items, arena);
	for (; failure; failure = failure->next)
		reply_notify(items, "error", "Failed", failure->detail);
	return db_rollback_to(db, arena);
}

struct error *
outcome_run(struct run *run, const struct outcome *outcome, struct reply *reply)
{
	struct json_object *result;
	struct reply items;
	struct error *error;

	run->templates = outcome_attributes(run->request->arena, outcome);
	reply_init(&items, reply->arena);
	error = outcome->continue_on_error
			? run_tolerantly(run, outcome, &items, &result)
			: run_all(run, outcome, &items, &result);
	if (error)
		return error;
	if (result && outcome->reference && *outcome->reference)
		json_object_object_add(run->scope, outcome->reference,
				       json_object_get(result));
	if (!outcome->skip_in_response)
		reply_append(reply, &items);
	return NULL;
}
