/*
 * dispatch.c: what happens to every request around its handler. The one
 * place where a transaction that a handler began is ended.
 */
#include "fcgi/dispatch.h"

#include "fcgi/router.h"
#include "fcgi/writer.h"
#include "handlers/auth.h"

static struct error *
no_route(struct request *request, const struct match *match,
	 struct response *response)
{
	if (!match->allowed)
		return error_new(request->arena, 404, "no-route",
				 "There is nothing at this path.");
	response_header(response, "Allow",
			router_allow(request->arena, match->allowed));
	return error_new(request->arena, 405, "method-not-allowed",
			 "This path answers other methods, see the header "
			 "Allow.");
}

static void
answer_options(struct request *request, const struct match *match,
	       struct response *response)
{
	response->status = 204;
	response_header(response, "Allow",
			router_allow(request->arena, match->allowed));
}

/* Without a database the answer is what actd.conf says. */
static void
answer_preflight(struct request *request, const struct match *match,
		 struct response *response)
{
	if (!db_connect(request->db, request->arena) &&
	    !request_load_model(request))
		request_apply_settings(request, request->model);
	cors_preflight(response, router_allow(request->arena, match->allowed));
}

/* wire/decisions.md, "Names": user is user_account unless it exists. */
static void
resolve_alias(struct request *request)
{
	if (!strcmp(request->captures[0], "user") &&
	    !model_entity(request->model, "user"))
		request->captures[0] = "user_account";
}

/* A browser with a stale token must be able to sign in again. */
static bool
ignores_bad_token(const struct request *request, const struct route *route)
{
	const struct action *action;

	if (route->flags & ROUTE_IGNORE_BAD_TOKEN)
		return true;
	if (!(route->flags & ROUTE_ACTION))
		return false;
	action = model_action(request->model, request->captures[0],
			      request->captures[1]);
	return action && permission_action(&actor_guest, action);
}

/* Connection, model and caller, as handlers of the database need them. */
static struct error *
prepare(struct request *request, const struct route *route)
{
	struct error *err;

	err = db_connect(request->db, request->arena);
	atomic_store(&request->shared->database_up, !err);
	if (!err)
		err = request_load_model(request);
	if (err)
		return err;
	request_apply_settings(request, request->model);
	if (route->flags & ROUTE_ENTITY)
		resolve_alias(request);
	return request_authenticate(request, ignores_bad_token(request, route));
}

static struct error *
serve(struct request *request, const struct route *route,
      struct response *response)
{
	struct error *err = NULL;

	if (!(route->flags & ROUTE_BARE))
		err = prepare(request, route);
	if (!err)
		err = route->serve(request, response);
	if (!err)
		err = db_finish(request->db, request->arena);
	else
		db_abandon(request->db);
	if (err) { /* nothing of a half made answer */
		response->hand_over = NULL;
		response->file = NULL;
		response->stream = NULL;
		response->nheaders = 0;
	}
	return err;
}

/* Errors of a path below /action have its form, also without a route. */
static render_function *
renderer(const struct url_path *path, const struct match *match)
{
	if (match->route)
		return match->route->render_error;
	if (path->count && !strcmp(path->segments[0], "action"))
		return render_action_errors;
	return render_errors;
}

void
dispatch(struct request *request, char *const *variables,
	 struct response *response)
{
	struct match match = { 0 };
	struct url_path path;
	struct error *err;

	response_init(response, request->arena);
	request->actor = &actor_guest;
	err = reader_read(request, variables, &path);
	if (!err)
		router_match(&path, request->method, &match);
	memcpy(request->captures, match.captures, sizeof match.captures);
	request->ncaptures = match.ncaptures;
	if (!err && cors_is_preflight(request) && match.allowed)
		answer_preflight(request, &match, response);
	else if (!err && match.route)
		err = serve(request, match.route, response);
	else if (!err && request->method == METHOD_OPTIONS && match.allowed)
		answer_options(request, &match, response);
	else if (!err)
		err = no_route(request, &match, response);
	if (err)
		renderer(&path, &match)(response, err);
}
