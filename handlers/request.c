/*
 * request.c: what handlers ask of a request: variables, parameters, the body
 * as text or JSON, another pool, the newest model.
 */
#include "handlers/request.h"

#include <string.h>
#include <strings.h>

#include "db/base/edition.h"
#include "db/migrate.h"
#include "db/model_share.h"
#include "handlers/formats/format.h"

void
response_init(struct response *response, struct arena *arena)
{
	memset(response, 0, sizeof *response);
	response->arena = arena;
	response->status = 200;
	strbuf_init(&response->body, arena);
}

void
response_header(struct response *response, const char *name, const char *value)
{
	char *clean = arena_strdup(response->arena, value);
	char *out = clean;

	if (response->nheaders == RESPONSE_HEADERS_MAX)
		return;
	for (const char *c = clean; *c; c++)
		if ((unsigned char)*c >= ' ' && *c != 0x7f)
			*out++ = *c;
	*out = '\0';
	response->headers[response->nheaders].name = name;
	response->headers[response->nheaders].value = clean;
	response->nheaders++;
}

const char *
request_variable(const struct request *request, const char *name)
{
	size_t length = strlen(name);

	for (const char *const *v = request->variables; v && *v; v++)
		if (!strncmp(*v, name, length) && (*v)[length] == '=')
			return (*v)[length + 1] ? *v + length + 1 : NULL;
	return NULL;
}

const char *
request_parameter(const struct request *request, const char *name)
{
	for (size_t i = 0; i < request->nparameters; i++)
		if (!strcmp(request->parameters[i].name, name))
			return request->parameters[i].value;
	return NULL;
}

static int64_t
body_limit(const struct request *request)
{
	return request->body_max ? request->body_max
				 : request->settings->json_body_max;
}

static struct error *
too_large(struct request *request)
{
	if (request->body_max)
		return error_new(request->arena, 413, "body-too-large",
				 "In JSON a file holds at most 16 MiB. Send a "
				 "larger one as multipart/form-data, or as the "
				 "body itself with its own content type.");
	return error_new(request->arena, 413, "body-too-large",
			 "A body of this kind holds at most %lld bytes.",
			 (long long)request->settings->json_body_max);
}

struct error *
request_body(struct request *request, const char **data, size_t *length)
{
	int64_t limit = body_limit(request);
	struct strbuf buf;

	if (request->body_text) {
		*data = request->body_text;
		*length = request->body_length;
		return NULL;
	}
	if (request->body.length > limit)
		return too_large(request);
	strbuf_init(&buf, request->arena);
	if (request->body.length > 0)
		strbuf_reserve(&buf, (size_t)request->body.length);
	for (;;) {
		long got;

		strbuf_reserve(&buf, 16384);
		got = request->body.read(request->body.context,
					 buf.data + buf.length, 16384);
		if (got < 0)
			return error_new(request->arena, 400, "body-cut",
					 "The body ended early.");
		if (got == 0)
			break;
		strbuf_cut(&buf, buf.length + (size_t)got);
		if ((int64_t)buf.length > limit)
			return too_large(request);
	}
	if (request->body.length >= 0 &&
	    (int64_t)buf.length != request->body.length)
		return error_new(request->arena, 400, "body-cut",
				 "The body is not as long as Content-Length "
				 "says.");
	*data = request->body_text = buf.data;
	*length = request->body_length = buf.length;
	return NULL;
}

static bool
is_media_type(const char *type, const char *name)
{
	size_t length = strlen(name);

	return !strncasecmp(type, name, length) &&
	       (type[length] == '\0' || strchr("; \t", type[length]));
}

/* RFC 8259 section 8.1: JSON between systems is UTF-8. */
static bool
is_other_charset(const char *type)
{
	const char *charset = strcasestr(type, "charset=");

	if (!charset)
		return false;
	charset += strlen("charset=");
	charset += *charset == '"';
	return strncasecmp(charset, "utf-8", 5) != 0;
}

struct error *
request_json(struct request *request, struct json_object **value)
{
	const char *type = request_variable(request, "CONTENT_TYPE");
	const struct format_limits limits = {
		.bytes = (size_t)body_limit(request),
		.depth = 64,
		.nodes = 250000,
	};
	struct error *error;
	const char *text;
	size_t length;

	if (type && ((!is_media_type(type, "application/vnd.api+json") &&
		      !is_media_type(type, "application/json")) ||
		     is_other_charset(type)))
		return error_new(request->arena, 415, "unsupported-media-type",
				 "Send application/vnd.api+json in UTF-8.");
	error = request_body(request, &text, &length);
	if (error)
		return error;
	if (!length)
		return error_new(request->arena, 400, "no-body",
				 "A JSON document is needed.");
	return json_read(request->arena, text, length, &limits, 400, value);
}

bool
request_hand_over(const struct request *request, struct response *response,
		  const char *pool)
{
	if (!pool || !strcmp(pool, request->pool))
		return false;
	response->hand_over = pool;
	return true;
}

static const char *const *
join_lists(struct arena *arena, const char *const *left,
	   const char *const *right)
{
	const char **list = NULL;
	size_t count = 0;

	for (; left && *left; left++)
		ARENA_PUSH(arena, list, count, *left);
	for (; *right; right++)
		ARENA_PUSH(arena, list, count, *right);
	ARENA_PUSH(arena, list, count, NULL);
	return list;
}

void
request_apply_settings(struct request *request, const struct model *model)
{
	struct settings *settings;

	if (!model || (!model->token_seconds && !model->cors_origins))
		return;
	settings = ARENA_NEW(request->arena, struct settings);
	*settings = *request->settings;
	if (model->token_seconds)
		settings->token_seconds = model->token_seconds;
	if (model->cors_origins)
		settings->cors_origins =
			join_lists(request->arena, settings->cors_origins,
				   model->cors_origins);
	request->settings = settings;
}

struct error *
request_load_model(struct request *request)
{
	uint64_t generation = atomic_load(&request->shared->generation);
	struct model *old = *request->model_slot;
	struct model *model;
	struct error *error;
	bool loaded;

	if (old && old->generation == generation) {
		request->model = old;
		return NULL;
	}
	error = model_hold(request->db, request->arena, request->shared,
			   request->slot, &model, &loaded);
	if (error)
		return error;
	*request->model_slot = model;
	request->model = model;
	shared_count(request->shared, COUNTER_MODEL_RELOADS, loaded);
	if (old) /* its entities may be in use until the request ends */
		arena_adopt(request->arena, old->arena);
	return NULL;
}

void
request_release_model(struct request *request)
{
	struct model *model = *request->model_slot;

	if (request->slot)
		edition_release(request->slot);
	if (model && !model->arena)
		*request->model_slot = NULL;
	request->model = NULL;
}

struct error *
request_reload(struct request *request)
{
	struct error *error = migrate_announce(request->db, request->arena);

	shared_model_changed(request->shared);
	if (error)
		return error;
	return request_load_model(request);
}

/* An entity that the model of `request` has, and `model` hasn't; or NULL. */
static const char *
lost_entity(const struct request *request, const struct model *model)
{
	for (size_t i = 0; i < request->model->nentities; i++) {
		const char *name = request->model->entities[i]->name;
		const struct entity *entity = model_entity(model, name);

		if (!entity || !entity->world_id)
			return name;
	}
	return NULL;
}

/* The groups that rights hang on keep their names (wire/decisions.md). */
static bool
has_same_groups(const struct request *request, const struct model *model)
{
	return model->administrators_id == request->model->administrators_id &&
	       model->users_id == request->model->users_id &&
	       model->guests_id == request->model->guests_id;
}

struct error *
request_check_model(struct request *request)
{
	const char *lost = NULL;
	struct model *model;
	struct error *error = model_load(request->db, request->arena, &model);

	if (error)
		return error->status == 422
			       ? error_new(request->arena, 422,
					   "bad-definition",
					   "This would leave no model: %s",
					   error->detail)
			       : error;
	lost = lost_entity(request, model);
	if (lost)
		error = error_new(request->arena, 422, "bad-definition",
				  "This would lose the table %s: tables are "
				  "made and changed by schema files.",
				  lost);
	else if (!has_same_groups(request, model))
		error = error_new(request->arena, 409, "built-in-group",
				  "The groups administrators, users and guests "
				  "can't be renamed or deleted.");
	arena_free(model->arena);
	return error;
}

void
request_access_changed(struct request *request)
{
	shared_access_changed(request->shared);
}
