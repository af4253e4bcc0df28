/*
 * aggregate.c: the routes /aggregate and /stats (wire/json-api.md section 6):
 * runs the aggregation that was asked for and writes the two shapes of the
 * answer.
 */
#include <string.h>

#include "db/base/crypto.h"
#include "handlers/aggregate_reader.h"
#include "handlers/jsonapi.h"
#include "handlers/route.h"

/* Questions. */

/* The members of a POST's JSON are the same parameters, as lists. */
static struct error *
read_body(struct request *request, struct listing_context *context)
{
	struct parameter *list = NULL;
	size_t count = 0;
	struct json_object *body;
	struct error *error;

	if (request->method != METHOD_POST)
		return NULL;
	error = request_json(request, &body);
	if (error)
		return error;
	if (!json_object_is_type(body, json_type_object))
		return error_new(request->arena, 400, "bad-document",
				 "An object is needed.");
	json_object_object_foreach(body, name, value)
	{
		bool is_list = json_object_is_type(value, json_type_array);
		size_t n = is_list ? json_object_array_length(value) : 1;

		for (size_t i = 0; value && i < n; i++) {
			struct json_object *one =
				is_list ? json_object_array_get_idx(value, i)
					: value;
			struct parameter parameter = {
				name, one ? json_object_get_string(one) : ""
			};

			ARENA_PUSH(request->arena, list, count, parameter);
		}
	}
	context->parameters = list;
	context->nparameters = count;
	return NULL;
}

/* Answers. */

/* 3.5000000000000000 is 3.5: trailing zeros of a fraction say nothing. */
static void
add_number(struct strbuf *buf, const char *text)
{
	size_t length = strlen(text);

	if (!strcmp(text, "NaN") || strstr(text, "Infinity")) {
		strbuf_literal(buf, "null");
		return;
	}
	if (strchr(text, '.') && !strchr(text, 'e')) {
		while (text[length - 1] == '0')
			length--;
		length -= text[length - 1] == '.';
	}
	strbuf_add(buf, text, length);
}

static void
add_time(struct strbuf *buf, const char *text)
{
	strbuf_putc(buf, '"');
	value_timestamp(buf, text, strlen(text));
	strbuf_putc(buf, '"');
}

static void
add_value(struct strbuf *buf, enum expression_class class, const char *text)
{
	if (!text)
		strbuf_literal(buf, "null");
	else if (class == CLASS_NUMBER)
		add_number(buf, text);
	else if (class == CLASS_BOOLEAN)
		strbuf_puts(buf, *text == 't' ? "true" : "false");
	else if (class == CLASS_TIME)
		add_time(buf, text);
	else
		strbuf_json_text(buf, text);
}

static void
add_attributes(struct strbuf *buf, const struct aggregate *aggregate,
	       const struct rows *rows, size_t row)
{
	strbuf_literal(buf, "{\"__type\":\"aggregate_");
	strbuf_puts(buf, aggregate->entity->name);
	strbuf_putc(buf, '"');
	for (size_t i = 0; i < aggregate->noutputs; i++) {
		const struct aggregate_output *output = &aggregate->outputs[i];

		strbuf_putc(buf, ',');
		strbuf_json_text(buf, output->name);
		strbuf_putc(buf, ':');
		add_value(buf, output->expression->class,
			  rows_text(rows, row, i));
	}
	strbuf_putc(buf, '}');
}

static void
add_resource(struct strbuf *buf, const struct aggregate *aggregate,
	     const struct rows *rows, size_t row)
{
	char id[37];

	crypto_uuid(id);
	strbuf_literal(buf, "{\"type\":\"aggregate_");
	strbuf_puts(buf, aggregate->entity->name);
	strbuf_literal(buf, "\",\"id\":\"");
	strbuf_puts(buf, id);
	strbuf_literal(buf, "\",\"attributes\":");
	add_attributes(buf, aggregate, rows, row);
	strbuf_putc(buf, '}');
}

typedef void add_row_function(struct strbuf *buf,
			      const struct aggregate *aggregate,
			      const struct rows *rows, size_t row);

static struct error *
find_entity(const struct request *request, const struct entity **entity)
{
	*entity = model_entity(request->model, request->captures[0]);
	if (!*entity)
		return error_new(request->arena, 404, "not-found",
				 "There is no such entity.");
	if (!request->actor->id ||
	    !permission_table(request->actor, *entity, VERB_EXECUTE) ||
	    !permission_table(request->actor, *entity, VERB_PEEK))
		return permission_refused(request->arena, *entity,
					  VERB_EXECUTE);
	return NULL;
}

static struct error *
serve(struct request *request, struct response *response,
      add_row_function *add_row)
{
	struct listing_context context = listing_context_of(request);
	const struct entity *entity;
	struct aggregate aggregate;
	struct rows *rows;
	struct error *error;

	error = find_entity(request, &entity);
	if (!error)
		error = read_body(request, &context);
	if (!error)
		error = aggregate_read(&context, entity, &aggregate);
	if (!error)
		error = aggregate_run(request->db, request->arena, &aggregate,
				      &rows);
	if (error)
		return error;
	response->content_type = JSONAPI_TYPE;
	strbuf_literal(&response->body, "{\"data\":[");
	for (size_t i = 0; i < rows_count(rows); i++) {
		if (i)
			strbuf_putc(&response->body, ',');
		add_row(&response->body, &aggregate, rows, i);
	}
	strbuf_literal(&response->body, "]}");
	return NULL;
}

struct error *
serve_aggregate(struct request *request, struct response *response)
{
	return serve(request, response, add_resource);
}

struct error *
serve_stats(struct request *request, struct response *response)
{
	return serve(request, response, add_attributes);
}
