/*
 * action.c: POST /action/{entity}/{action}: from a body of any accepted kind
 * to attributes, and from the reply to an answer. Running is the engine's.
 */
#include <string.h>

#include "handlers/action_input.h"
#include "handlers/background.h"
#include "handlers/download.h"
#include "handlers/form.h"
#include "handlers/formats/format.h"
#include "handlers/idempotency.h"
#include "handlers/route.h"
#include "handlers/spool.h"

static const struct format_limits body_limits = {
	.depth = 64,
	.nodes = 2000000,
};

struct submission {
	struct json_object *attributes;
	bool dry_run;
};

/* Bodies. */

static struct error *
read_json(struct request *request, const char *text, size_t length,
	  struct json_object **body)
{
	struct format_limits limits = body_limits;
	struct error *error;

	limits.bytes = length;
	error = json_read(request->arena, text, length, &limits, 400, body);
	if (!error && !json_object_is_type(*body, json_type_object))
		return error_new(request->arena, 400, "bad-body",
				 "the body must be an object with attributes");
	return error;
}

static struct error *
read_urlencoded(struct request *request, const char *text, size_t length,
		struct json_object **body)
{
	return form_read_urlencoded(request->arena, text, length, body);
}

static struct error *
read_multipart(struct request *request, const char *text, size_t length,
	       struct json_object **body)
{
	const char *type = request_variable(request, "CONTENT_TYPE");
	const char *boundary = strcasestr(type, "boundary=");
	size_t boundary_length;

	boundary = boundary ? boundary + strlen("boundary=") : "";
	boundary += *boundary == '"';
	boundary_length = strcspn(boundary, "\"; \t");
	if (!boundary_length || boundary_length > 70)
		return error_new(request->arena, 400, "bad-form",
				 "the form has no boundary");
	return form_read_multipart(
		request->arena, text, length,
		arena_strndup(request->arena, boundary, boundary_length), body);
}

static const struct body_kind {
	const char *type;
	struct error *(*read)(struct request *request, const char *text,
			      size_t length, struct json_object **body);
} body_kinds[] = {
	{ "application/json", read_json },
	{ "application/vnd.api+json", read_json },
	{ "application/x-www-form-urlencoded", read_urlencoded },
	{ "multipart/form-data", read_multipart },
};

static const struct body_kind *
body_kind_of(const char *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(body_kinds); i++) {
		size_t length = strlen(body_kinds[i].type);

		if (!strncasecmp(type, body_kinds[i].type, length) &&
		    (!type[length] || strchr("; \t", type[length])))
			return &body_kinds[i];
	}
	return NULL;
}

/* Without a content type a body is taken for JSON; without one, for {}. */
static struct error *
read_body(struct request *request, struct json_object **body)
{
	const char *type = request_variable(request, "CONTENT_TYPE");
	const struct body_kind *kind =
		type ? body_kind_of(type) : &body_kinds[0];
	const char *text;
	size_t length;
	struct error *error;

	if (!kind)
		return error_new(request->arena, 415, "unsupported-media-type",
				 "send attributes as JSON or as a form");
	error = request_body(request, &text, &length);
	if (error)
		return error;
	if (length)
		return kind->read(request, text, length, body);
	*body = json_object_new_object();
	arena_defer(request->arena, json_release, *body);
	return NULL;
}

/* Attributes. */

static bool
is_truth(struct json_object *value)
{
	const char *text = json_object_get_string(value);

	return value && (!strcasecmp(text, "true") || !strcmp(text, "1"));
}

static void
merge(struct json_object *attributes, struct json_object *more)
{
	json_object_object_foreach(more, name, value) json_object_object_add(
		attributes, name, json_object_get(value));
}

/* What stands beside `attributes` is meant as one of them (wire 1.1). */
static struct error *
read_members(struct request *request, struct json_object *body,
	     struct submission *submission)
{
	struct json_object *beside = json_object_new_object();

	arena_defer(request->arena, json_release, beside);
	json_object_object_foreach(body, name, value)
	{
		if (!strcmp(name, "dry_run"))
			submission->dry_run = is_truth(value);
		else if (strcasecmp(name, "attributes"))
			json_object_object_add(beside, name,
					       json_object_get(value));
		else if (json_object_is_type(value, json_type_object))
			merge(submission->attributes, value);
		else if (value)
			return error_at(error_new(request->arena, 400,
						  "bad-body",
						  "attributes must be an "
						  "object"),
					"/attributes");
	}
	merge(submission->attributes, beside);
	return NULL;
}

/* Files of some actions stay on disk; in base64 they may be large. */
static struct error *
read_upload(struct request *request, const char *input,
	    struct json_object **body)
{
	struct error *error;
	bool handled;

	error = spool_body(request, input, body, &handled);
	if (error || handled)
		return error;
	request->body_max = SPOOL_JSON_MAX;
	return read_body(request, body);
}

static struct error *
read_submission(struct request *request, const struct action *action,
		struct submission *submission)
{
	const char *input = engine_spools(action);
	struct json_object *body;
	struct error *error = input ? read_upload(request, input, &body)
				    : read_body(request, &body);

	if (error)
		return error;
	*submission = (struct submission){ json_object_new_object(), false };
	arena_defer(request->arena, json_release, submission->attributes);
	error = read_members(request, body, submission);
	for (size_t i = 0; !error && i < request->nparameters; i++)
		json_object_object_add(
			submission->attributes, request->parameters[i].name,
			json_object_new_string(request->parameters[i].value));
	return error;
}

/* The route. */

/* A token in the header, that is: a cookie comes with any link. */
static bool
has_bearer_token(const struct request *request)
{
	const char *header = request_variable(request, "HTTP_AUTHORIZATION");

	return header && request->actor->id && strchr(header, '.') &&
	       !strncasecmp(header, "Bearer ", 7);
}

static struct error *
check_get(struct request *request, const struct action *action)
{
	if (request->method != METHOD_GET && request->method != METHOD_HEAD)
		return NULL;
	if (!action->is_safe)
		return error_new(request->arena, 405, "method-not-allowed",
				 "%s changes things: use POST", action->name);
	if (!has_bearer_token(request))
		return error_new(request->arena, 403, "bearer-token-required",
				 "GET runs an action only with a bearer token");
	return NULL;
}

static struct error *
find_action(struct request *request, const struct action **action)
{
	*action = model_action(request->model, request->captures[0],
			       request->captures[1]);
	if (*action && (*action)->entity)
		return NULL;
	return error_new(request->arena, 404, "unknown-action",
			 "there is no action %s on %s", request->captures[1],
			 request->captures[0]);
}

/* Answering. */

static struct error *
write_reply(struct response *response, const struct reply *reply)
{
	struct error *error = reply_check_files(reply);

	if (error)
		return error;
	response->content_type = "application/json; charset=utf-8";
	strbuf_cut(&response->body, 0); /* of a run that was made again */
	reply_write(&response->body, reply);
	return NULL;
}

/* The answer is kept under the Idempotency-Key, if there is one. */
static struct error *
begin_once(struct run *run, bool *skip)
{
	return idempotency_begin(run->request, run->hooks->context, skip);
}

static struct error *
finish_once(struct run *run, struct reply *reply)
{
	struct response *response = run->hooks->context;
	struct error *error = write_reply(response, reply);

	return error ? error : idempotency_end(run->request, response);
}

/* A file is made anew each time: no answer of it is kept. */
static struct error *
run_for_file(struct request *request, const struct action *action,
	     const struct submission *submission, struct response *response)
{
	const struct reply_item *item;
	struct reply reply;
	struct error *error =
		engine_run(request, action, submission->attributes,
			   submission->dry_run, &reply);

	if (error)
		return error;
	item = reply_file(&reply);
	if (!item)
		return write_reply(response, &reply);
	download_answer(response, item);
	return NULL;
}

static struct error *
run_now(struct request *request, const struct action *action,
	const struct submission *submission, struct response *response)
{
	const struct run_hooks hooks = {
		.context = response,
		.begin = begin_once,
		.finish = finish_once,
	};
	struct reply reply;
	struct error *error;

	if (download_is_wanted(request, action))
		return run_for_file(request, action, submission, response);
	error = engine_run_with(
		request, action, submission->attributes, submission->dry_run,
		submission->dry_run ? NULL : &hooks, NULL, &reply);
	if (!error && submission->dry_run)
		error = write_reply(response, &reply);
	return error;
}

static struct error *
answer_job(struct request *request, struct response *response, const char *id)
{
	struct reply reply;
	struct error *error;

	reply_init(&reply, request->arena);
	reply_notify(&reply, "success", "Accepted",
		     "This goes on in the background");
	error = write_reply(response, &reply);
	if (error)
		return error;
	response->status = 202;
	response_header(response, "Location",
			arena_printf(request->arena, "/api/job/%s", id));
	return idempotency_end(request, response);
}

/* What a run would refuse at once is refused here as well. */
static struct error *
run_later(struct request *request, const struct action *action,
	  const struct submission *submission, struct response *response)
{
	struct json_object *inputs;
	const char *id;
	bool replayed = false;
	struct error *error;

	if (!permission_action(request->actor, action))
		return error_new(request->arena, 403, "forbidden",
				 "you may not execute %s on %s", action->name,
				 action->on_type);
	response_header(response, "Preference-Applied", "respond-async");
	error = action_input(request->arena, action, submission->attributes,
			     &inputs);
	if (!error)
		error = idempotency_begin(request, response, &replayed);
	if (error || replayed)
		return error;
	error = background_queue(request, request->actor, action,
				 submission->attributes, submission->dry_run,
				 &id);
	return error ? error : answer_job(request, response, id);
}

struct error *
serve_action(struct request *request, struct response *response)
{
	const struct action *action;
	struct submission submission;
	struct error *error;
	bool later;

	error = find_action(request, &action);
	if (!error)
		error = check_get(request, action);
	if (error)
		return error;
	later = background_is_wanted(request);
	if (!later && request_hand_over(request, response,
					engine_pool(request->arena, action)))
		return NULL;
	error = read_submission(request, action, &submission);
	if (error)
		return error;
	return later ? run_later(request, action, &submission, response)
		     : run_now(request, action, &submission, response);
}
