/*
 * track.c: the routes of state machines: /track/start/{smd id} and
 * /track/event/{type}/{state id}/{event} (wire/schema.md section 9). Both
 * answer the state row, as a resource and as Daptin's clients of 2020 read
 * it.
 */
#include "db/state.h"
#include "handlers/jsonapi.h"
#include "handlers/resource.h"
#include "handlers/route.h"

/* A text member of the body, which names something. */
static struct error *
read_name(const struct request *request, struct json_object *body,
	  const char *member, const char **name)
{
	struct json_object *value = json_object_object_get(body, member);

	if (json_object_is_type(value, json_type_string) &&
	    json_object_get_string_len(value)) {
		*name = json_object_get_string(value);
		return NULL;
	}
	return error_at(error_new(request->arena, 400, "required",
				  "%s is needed, as text.", member),
			arena_printf(request->arena, "/%s", member));
}

static struct error *
read_start(struct request *request, const struct entity **entity,
	   const char **id)
{
	struct json_object *body;
	const char *type = NULL;
	struct error *error = request_json(request, &body);

	if (!error && !json_object_is_type(body, json_type_object))
		error = error_new(request->arena, 400, "bad-body",
				  "The body must be an object with typeName "
				  "and referenceId.");
	if (!error)
		error = read_name(request, body, "typeName", &type);
	if (!error)
		error = read_name(request, body, "referenceId", id);
	if (!error)
		error = resource_entity(request, type, entity);
	return error;
}

/* {"data":{…},"Res":{"Data":{…}},"Code":…} */
static void
answer(struct response *response, const struct row *row, int code)
{
	struct json_object *data = row_object(row, 0);
	struct strbuf *buf = &response->body;

	response->content_type = JSONAPI_TYPE;
	jsonapi_row(buf, row);
	strbuf_cut(buf, buf->length - 1);
	strbuf_printf(
		buf, ",\"Res\":{\"Data\":%s},\"Code\":%d}",
		json_object_to_json_string_ext(data, JSON_C_TO_STRING_PLAIN),
		code);
	json_object_put(data);
}

struct error *
serve_track_start(struct request *request, struct response *response)
{
	struct row_context context = request_row_context(request, false);
	const struct entity *entity;
	const char *id = NULL;
	struct row row;
	struct error *error = read_start(request, &entity, &id);

	if (!error)
		error = state_start(&context, entity, id, request->captures[0],
				    &row);
	if (!error)
		answer(response, &row, 201);
	return error;
}

struct error *
serve_track_event(struct request *request, struct response *response)
{
	struct row_context context = request_row_context(request, false);
	const struct entity *entity;
	struct row row;
	struct error *error =
		resource_entity(request, request->captures[0], &entity);

	if (!error)
		error = state_move(&context, entity, request->captures[1],
				   request->captures[2], &row);
	if (!error)
		answer(response, &row, 200);
	return error;
}
