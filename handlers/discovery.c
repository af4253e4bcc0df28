/*
 * discovery.c: what clients ask before they do anything: the column types,
 * the model of an entity, the two actions of a sign-in form. All of it is
 * written from the model in memory, for guests too.
 */
#include <string.h>

#include "db/column_type.h"
#include "db/schema_file.h"
#include "db/state.h"
#include "db/row_stream.h"
#include "handlers/route.h"

static const char content_type[] = "application/json";

/* A comma before every member but the first of the object or array. */
static void
separate(struct strbuf *buf)
{
	char last = buf->data[buf->length - 1];

	if (last != '{' && last != '[')
		strbuf_putc(buf, ',');
}

static void
add_key(struct strbuf *buf, const char *key)
{
	separate(buf);
	strbuf_json_text(buf, key);
	strbuf_putc(buf, ':');
}

static void
add_text(struct strbuf *buf, const char *key, const char *value)
{
	add_key(buf, key);
	strbuf_json_text(buf, value ? value : "");
}

/* /meta, /recline_model */

static void
add_tags(struct strbuf *buf, const char *key, const char *tags)
{
	add_key(buf, key);
	if (!tags || !*tags) {
		strbuf_literal(buf, "null");
		return;
	}
	strbuf_putc(buf, '[');
	strbuf_json_text(buf, tags);
	strbuf_putc(buf, ']');
}

static void
add_column_type(struct strbuf *buf, const struct column_type *type)
{
	add_key(buf, type->name);
	strbuf_putc(buf, '{');
	add_text(buf, "BlueprintType", type->blueprint_type);
	add_text(buf, "Name", type->name);
	add_tags(buf, "Validations", type->validations);
	add_tags(buf, "Conformations", type->conformations);
	add_text(buf, "ReclineType", type->recline_type);
	add_key(buf, "DataTypes");
	strbuf_putc(buf, '[');
	for (size_t i = 0; i < ARRAY_SIZE(type->data_types); i++) {
		if (!type->data_types[i])
			break;
		separate(buf);
		strbuf_json_text(buf, type->data_types[i]);
	}
	strbuf_literal(buf, "],\"GraphqlType\":{}}");
}

struct error *
serve_meta(struct request *request, struct response *response)
{
	const char *query = request_parameter(request, "query");
	struct strbuf *buf = &response->body;

	if (!query || strcmp(query, "column_types") != 0)
		return NULL;
	response->content_type = content_type;
	strbuf_putc(buf, '{');
	for (size_t i = 0; i < column_types_count; i++)
		add_column_type(buf, &column_types[i]);
	strbuf_putc(buf, '}');
	return NULL;
}

struct error *
serve_recline_model(struct request *request UNUSED, struct response *response)
{
	struct strbuf *buf = &response->body;

	response->content_type = content_type;
	strbuf_putc(buf, '{');
	for (size_t i = 0; i < column_types_count; i++)
		add_text(buf, column_types[i].name,
			 column_types[i].recline_type);
	strbuf_putc(buf, '}');
	return NULL;
}

/* /jsmodel/{entity} */

static void
add_relationship(struct strbuf *buf, const struct relationship *relationship)
{
	bool is_one = relationship->from_subject && !relationship->to_many;

	add_key(buf, relationship->name);
	strbuf_putc(buf, '{');
	add_text(buf, "jsonApi", is_one ? "hasOne" : "hasMany");
	add_text(buf, "columnType", "entity");
	add_text(buf, "type", relationship->target->name);
	add_text(buf, "ColumnName", relationship->name);
	strbuf_putc(buf, '}');
}

static const struct column type_column = {
	.name = "type",
	.column_name = "__type",
	.description = "",
	.column_type = "hidden",
	.data_type = "",
};

/* Foreign keys to own tables come as relations. */
static void
add_column_model(struct strbuf *buf, const struct entity *entity)
{
	add_key(buf, "ColumnModel");
	strbuf_putc(buf, '{');
	for (size_t i = 0; i < entity->ncolumns; i++) {
		const struct column *column = entity->columns[i];

		if (!column_is_visible(column) || column->target)
			continue;
		add_key(buf, column->column_name);
		schema_write_column(buf, column);
	}
	for (size_t i = 0; i < entity->nrelationships; i++)
		add_relationship(buf, entity->relationships[i]);
	add_key(buf, type_column.column_name);
	schema_write_column(buf, &type_column);
	strbuf_putc(buf, '}');
}

static void
add_actions(struct strbuf *buf, const struct entity *entity)
{
	add_key(buf, "Actions");
	strbuf_putc(buf, '[');
	for (size_t i = 0; i < entity->nactions; i++) {
		const struct action *action = entity->actions[i];

		if (!action->label || !*action->label)
			continue;
		separate(buf);
		schema_write_action(buf, action, true);
	}
	strbuf_putc(buf, ']');
}

static struct error *
add_linked_machines(const struct request *request, struct strbuf *buf,
		    const struct entity *entity)
{
	struct row_context context = request_row_context(request, false);
	struct row machines;
	struct error *error = state_machines(&context, entity, &machines);

	for (size_t i = 0; !error && i < rows_count(machines.rows); i++) {
		struct json_object *machine = row_object(&machines, i);

		separate(buf);
		strbuf_puts(buf, json_object_to_json_string_ext(
					 machine, JSON_C_TO_STRING_PLAIN));
		json_object_put(machine);
	}
	return error;
}

/* Where no states are tracked no machine can be started. */
static struct error *
add_state_machines(const struct request *request, struct strbuf *buf,
		   const struct entity *entity)
{
	bool is_enabled = entity->is_state_tracking_enabled;
	struct error *error = NULL;

	add_key(buf, "StateMachines");
	strbuf_putc(buf, '[');
	if (is_enabled)
		error = add_linked_machines(request, buf, entity);
	strbuf_putc(buf, ']');
	add_key(buf, "IsStateMachineEnabled");
	strbuf_puts(buf, is_enabled ? "true" : "false");
	return error;
}

/* "book.js" is the model of book; a name with dots is taken whole first. */
static const struct entity *
named_entity(const struct request *request)
{
	const char *name = request->captures[0];
	const struct entity *entity = model_entity(request->model, name);

	if (!entity) {
		name = arena_strndup(request->arena, name, strcspn(name, "."));
		entity = model_entity(request->model, name);
	}
	if (!entity && !strcmp(name, "user"))
		entity = request->model->user_account;
	return entity;
}

/* A stream has columns and nothing else. */
static void
write_stream(struct strbuf *buf, const struct row_stream *stream)
{
	const struct entity *entity = stream->entity;
	bool is_declared = stream->ncolumns != 0;
	struct column *const *columns =
		is_declared ? stream->columns : entity->columns;
	size_t count = is_declared ? stream->ncolumns : entity->ncolumns;

	strbuf_putc(buf, '{');
	add_key(buf, "ColumnModel");
	strbuf_putc(buf, '{');
	for (size_t i = 0; i < count; i++) {
		if (!column_is_visible(columns[i]))
			continue;
		add_key(buf, columns[i]->column_name);
		schema_write_column(buf, columns[i]);
	}
	add_key(buf, type_column.column_name);
	schema_write_column(buf, &type_column);
	strbuf_literal(buf, "},\"Actions\":[],\"StateMachines\":[],"
			    "\"IsStateMachineEnabled\":false}");
}

static const struct row_stream *
named_stream(const struct request *request)
{
	const char *name = request->captures[0];
	const struct row_stream *stream = model_stream(request->model, name);

	if (stream)
		return stream;
	return model_stream(request->model, arena_strndup(request->arena, name,
							  strcspn(name, ".")));
}

struct error *
serve_jsmodel(struct request *request, struct response *response)
{
	const struct entity *entity = named_entity(request);
	const struct row_stream *stream = entity ? NULL : named_stream(request);
	struct strbuf *buf = &response->body;
	struct error *error;

	if (stream) {
		response->content_type = content_type;
		write_stream(buf, stream);
		return NULL;
	}
	if (!entity)
		return error_new(request->arena, 404, "unknown-entity",
				 "there is no entity %s", request->captures[0]);
	response->content_type = content_type;
	strbuf_putc(buf, '{');
	add_column_model(buf, entity);
	add_actions(buf, entity);
	error = add_state_machines(request, buf, entity);
	strbuf_putc(buf, '}');
	return error;
}

/* /actions: the keys say "user", whatever the entity is called. */

struct error *
serve_actions(struct request *request, struct response *response)
{
	static const char *const names[] = { "signin", "signup" };
	const struct model *model = request->model;
	struct strbuf *buf = &response->body;

	response->content_type = content_type;
	strbuf_putc(buf, '{');
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const struct action *action = model_action(
			model, model->user_account->name, names[i]);

		if (!action)
			continue;
		add_key(buf, arena_printf(request->arena, "user:%s", names[i]));
		schema_write_action(buf, action, true);
	}
	strbuf_putc(buf, '}');
	return NULL;
}
