/*
 * openapi.c: GET /openapi.yaml: an OpenAPI 3.1 document of the entities and
 * actions that the caller may use. Costs no database query.
 */
#include <stdarg.h>
#include <string.h>

#include "db/row_stream.h"
#include "handlers/formats/format.h"
#include "handlers/formats/yaml_write.h"
#include "handlers/jsonapi.h"
#include "handlers/route.h"

#define object json_object_new_object
#define text json_object_new_string

static void
put(struct json_object *into, const char *name, struct json_object *value)
{
	json_object_object_add(into, name, value);
}

/* object_of("type", text("string"), NULL): members in order. */
static struct json_object *object_of(const char *name, ...)
	__attribute__((sentinel));

static struct json_object *
object_of(const char *name, ...)
{
	struct json_object *result = object();
	va_list members;

	va_start(members, name);
	while (name) {
		put(result, name, va_arg(members, struct json_object *));
		name = va_arg(members, const char *);
	}
	va_end(members);
	return result;
}

static struct json_object *
list_of(struct json_object *first)
{
	struct json_object *list = json_object_new_array();

	if (first)
		json_object_array_add(list, first);
	return list;
}

static struct json_object *
reference(struct arena *arena, const char *section, const char *name)
{
	return object_of(
		"$ref",
		text(arena_printf(arena, "#/components/%s/%s", section, name)),
		NULL);
}

/* Schemas of values. */

static const struct {
	enum value_kind kind;
	const char *type;
	const char *format;
} kinds[] = {
	{ VALUE_INTEGER, "integer", NULL },
	{ VALUE_DECIMAL, "number", NULL },
	{ VALUE_FLOAT, "number", "double" },
	{ VALUE_BOOLEAN, "boolean", NULL },
	{ VALUE_TIMESTAMP, "string", "date-time" },
	{ VALUE_TIME, "string", "date-time" },
	{ VALUE_REFERENCE, "string", "uuid" },
	{ VALUE_UUID, "string", "uuid" },
	{ VALUE_SECRET, "string", "password" },
};

static void
put_options(struct json_object *schema, const struct column *column)
{
	struct json_object *list;

	if (column->kind != VALUE_ENUM || !column->noptions)
		return;
	list = json_object_new_array();
	for (size_t i = 0; i < column->noptions; i++)
		json_object_array_add(list, text(column->options[i].value));
	if (column->is_nullable)
		json_object_array_add(list, NULL);
	put(schema, "enum", list);
}

static struct json_object *
value_schema(const struct column *column)
{
	struct json_object *schema = object();
	struct json_object *types;
	const char *type = "string";
	const char *format = NULL;

	if (column->kind == VALUE_FILE || column->kind == VALUE_JSON)
		return schema; /* anything */
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].kind == column->kind) {
			type = kinds[i].type;
			format = kinds[i].format;
		}
	types = list_of(text(type));
	if (column->is_nullable)
		json_object_array_add(types, text("null"));
	put(schema, "type", column->is_nullable ? types : text(type));
	if (!column->is_nullable)
		json_object_put(types);
	if (format)
		put(schema, "format", text(format));
	if (column->max_length && column->kind == VALUE_TEXT)
		put(schema, "maxLength",
		    json_object_new_int(column->max_length));
	if (column->description && *column->description)
		put(schema, "description", text(column->description));
	put_options(schema, column);
	return schema;
}

static bool
is_server_set(const struct column *column)
{
	return column->is_standard;
}

/* Attributes: as read, or as a client writes them. */
static struct json_object *
attributes_schema(const struct entity *entity, bool for_writing)
{
	struct json_object *properties = object();

	for (size_t i = 0; i < entity->ncolumns; i++) {
		const struct column *column = entity->columns[i];
		struct json_object *schema;

		if (!column_is_visible(column) ||
		    (for_writing && is_server_set(column)))
			continue;
		schema = value_schema(column);
		if (!for_writing && is_server_set(column))
			put(schema, "readOnly", json_object_new_boolean(1));
		put(properties, column->column_name, schema);
	}
	return object_of("type", text("object"), "properties", properties,
			 NULL);
}

static struct json_object *
relationships_schema(struct arena *arena, const struct entity *entity)
{
	struct json_object *properties = object();

	for (size_t i = 0; i < entity->nrelationships; i++) {
		const struct relationship *r = entity->relationships[i];

		put(properties, r->name,
		    reference(arena, "schemas",
			      r->to_many || !r->from_subject ? "ToMany"
							     : "ToOne"));
	}
	return object_of("type", text("object"), "properties", properties,
			 NULL);
}

static struct json_object *
resource_schema(struct arena *arena, const struct entity *entity,
		bool for_writing)
{
	struct json_object *required = list_of(text("type"));
	struct json_object *id =
		object_of("type", text("string"), "format", text("uuid"), NULL);

	if (!for_writing)
		json_object_array_add(required, text("id"));
	return object_of(
		"type", text("object"), "required", required, "properties",
		object_of("type", object_of("const", text(entity->name), NULL),
			  "id", id, "attributes",
			  attributes_schema(entity, for_writing),
			  "relationships", relationships_schema(arena, entity),
			  NULL),
		NULL);
}

/* Responses and parameters. */

static struct json_object *
content(const char *type, struct json_object *schema)
{
	return object_of(type, object_of("schema", schema, NULL), NULL);
}

static struct json_object *
document_response(const char *description, struct json_object *data)
{
	struct json_object *schema = object_of(
		"type", text("object"), "required", list_of(text("data")),
		"properties", object_of("data", data, NULL), NULL);

	return object_of("description", text(description), "content",
			 content(JSONAPI_TYPE, schema), NULL);
}

static void
put_errors(struct json_object *responses, struct arena *arena)
{
	put(responses, "4XX", reference(arena, "responses", "Refused"));
	put(responses, "5XX", reference(arena, "responses", "Failed"));
}

static struct json_object *
responses_of(struct arena *arena, const char *status,
	     struct json_object *response)
{
	struct json_object *responses = object_of(status, response, NULL);

	put_errors(responses, arena);
	return responses;
}

static struct json_object *
operation(const char *id, const char *summary, const char *tag,
	  struct json_object *responses)
{
	return object_of("operationId", text(id), "summary", text(summary),
			 "tags", list_of(text(tag)), "responses", responses,
			 NULL);
}

static struct json_object *
path_parameter(const char *name)
{
	return object_of(
		"name", text(name), "in", text("path"), "required",
		json_object_new_boolean(1), "schema",
		object_of("type", text("string"), "format", text("uuid"), NULL),
		NULL);
}

static const char *const list_parameters[] = { "PageNumber", "PageSize",
					       "Sort",	     "Filter",
					       "Query",	     "Included" };

static void
put_list_parameters(struct json_object *into, struct arena *arena)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < ARRAY_SIZE(list_parameters); i++)
		json_object_array_add(list, reference(arena, "parameters",
						      list_parameters[i]));
	put(into, "parameters", list);
}

static struct json_object *
resource_body(struct arena *arena, const struct entity *entity)
{
	struct json_object *schema =
		object_of("type", text("object"), "required",
			  list_of(text("data")), "properties",
			  object_of("data",
				    reference(arena, "schemas",
					      arena_printf(arena, "%s.write",
							   entity->name)),
				    NULL),
			  NULL);

	return object_of("required", json_object_new_boolean(1), "content",
			 content(JSONAPI_TYPE, schema), NULL);
}

/* Paths. */

static struct json_object *
resource_reference(struct arena *arena, const struct entity *entity)
{
	return reference(arena, "schemas", entity->name);
}

static struct json_object *
list_operation(struct arena *arena, const struct entity *entity)
{
	struct json_object *data =
		object_of("type", text("array"), "items",
			  resource_reference(arena, entity), NULL);
	struct json_object *get = operation(
		arena_printf(arena, "list.%s", entity->name),
		arena_printf(arena, "List rows of %s", entity->name),
		entity->name,
		responses_of(arena, "200", document_response("A page", data)));

	put_list_parameters(get, arena);
	return get;
}

static struct json_object *
row_operation(struct arena *arena, const struct entity *entity,
	      const char *verb, const char *status, const char *description)
{
	return operation(
		arena_printf(arena, "%s.%s", verb, entity->name),
		arena_printf(arena, "%s a row of %s", description,
			     entity->name),
		entity->name,
		responses_of(
			arena, status,
			document_response("The row",
					  resource_reference(arena, entity))));
}

static struct json_object *
delete_operation(struct arena *arena, const struct entity *entity)
{
	return operation(
		arena_printf(arena, "delete.%s", entity->name),
		arena_printf(arena, "Delete a row of %s", entity->name),
		entity->name,
		responses_of(arena, "200",
			     object_of("description", text("Deleted"), NULL)));
}

static void
put_collection(struct json_object *paths, struct arena *arena,
	       const struct actor *actor, const struct entity *entity)
{
	struct json_object *collection = object();

	put(collection, "get", list_operation(arena, entity));
	if (permission_table(actor, entity, VERB_CREATE)) {
		struct json_object *post =
			row_operation(arena, entity, "create", "201", "Create");

		put(post, "requestBody", resource_body(arena, entity));
		put(collection, "post", post);
	}
	put(paths, arena_printf(arena, "/api/%s", entity->name), collection);
}

static void
put_item(struct json_object *paths, struct arena *arena,
	 const struct actor *actor, const struct entity *entity)
{
	struct json_object *item =
		object_of("parameters", list_of(path_parameter("id")), NULL);

	put(item, "get", row_operation(arena, entity, "get", "200", "Get"));
	if (permission_table(actor, entity, VERB_UPDATE)) {
		struct json_object *patch =
			row_operation(arena, entity, "update", "200", "Change");

		put(patch, "requestBody", resource_body(arena, entity));
		put(item, "patch", patch);
	}
	if (permission_table(actor, entity, VERB_DELETE))
		put(item, "delete", delete_operation(arena, entity));
	put(paths, arena_printf(arena, "/api/%s/{id}", entity->name), item);
}

static void
put_related(struct json_object *paths, struct arena *arena,
	    const struct actor *actor, const struct entity *entity)
{
	for (size_t i = 0; i < entity->nrelationships; i++) {
		const struct relationship *r = entity->relationships[i];
		struct json_object *data;

		if (!permission_table(actor, r->target, VERB_READ))
			continue;
		data = object(); /* a row, null, or an array of rows */
		put(paths,
		    arena_printf(arena, "/api/%s/{id}/%s", entity->name,
				 r->name),
		    object_of(
			    "parameters", list_of(path_parameter("id")), "get",
			    operation(arena_printf(arena, "related.%s.%s",
						   entity->name, r->name),
				      arena_printf(arena, "Related rows of %s",
						   r->target->name),
				      entity->name,
				      responses_of(arena, "200",
						   document_response(
							   "What is related",
							   data))),
			    NULL));
	}
}

/* Streams. */

static struct json_object *
stream_attributes(const struct row_stream *stream)
{
	struct json_object *properties = object();

	for (size_t i = 0; i < stream->ncolumns; i++)
		put(properties, stream->columns[i]->column_name,
		    object()); /* what the steps make of it */
	return object_of("type", text("object"), "properties", properties,
			 NULL);
}

static struct json_object *
stream_schema(const struct row_stream *stream)
{
	struct json_object *required = list_of(text("type"));

	json_object_array_add(required, text("id"));
	return object_of(
		"type", text("object"), "required", required, "properties",
		object_of("type", object_of("const", text(stream->name), NULL),
			  "id",
			  object_of("type", text("string"), "format",
				    text("uuid"), NULL),
			  "attributes", stream_attributes(stream), NULL),
		NULL);
}

static void
put_stream(struct json_object *paths, struct arena *arena,
	   const struct row_stream *stream)
{
	struct json_object *data = object_of("type", text("array"), "items",
					     stream_schema(stream), NULL);
	struct json_object *get = operation(
		arena_printf(arena, "list.%s", stream->name),
		arena_printf(arena, "List the stream %s", stream->name),
		stream->name,
		responses_of(arena, "200", document_response("A page", data)));

	put_list_parameters(get, arena);
	put(paths, arena_printf(arena, "/api/%s", stream->name),
	    object_of("get", get, NULL));
}

/* Actions. */

static struct json_object *
action_body(const struct action *action)
{
	struct json_object *properties = object();
	struct json_object *schema;

	for (size_t i = 0; i < action->nin_fields; i++) {
		struct column field = *action->in_fields[i];

		field.is_nullable = true;
		put(properties, field.column_name, value_schema(&field));
	}
	if (!action->instance_optional)
		put(properties, "id_of_subject",
		    object_of("description",
			      text("The subject's reference id is sent as "
				   "{entity}_id."),
			      NULL));
	schema = object_of("type", text("object"), "properties",
			   object_of("attributes",
				     object_of("type", text("object"),
					       "properties", properties, NULL),
				     NULL),
			   NULL);
	return object_of("content", content("application/json", schema), NULL);
}

static void
put_action(struct json_object *paths, struct arena *arena,
	   const struct action *action)
{
	struct json_object *items =
		object_of("type", text("array"), "items",
			  reference(arena, "schemas", "ActionItem"), NULL);
	struct json_object *response =
		object_of("description", text("What the action answers"),
			  "content", content("application/json", items), NULL);
	struct json_object *responses = object_of("200", response, NULL);
	struct json_object *post;

	put(responses, "default",
	    object_of("description", text("One notify per fault"), "content",
		      content("application/json", json_object_get(items)),
		      NULL));
	post = operation(arena_printf(arena, "action.%s.%s", action->on_type,
				      action->name),
			 *action->label ? action->label : action->name,
			 action->on_type, responses);
	put(post, "requestBody", action_body(action));
	put(paths,
	    arena_printf(arena, "/action/%s/%s", action->on_type, action->name),
	    object_of("post", post, NULL));
}

/* Components. */

static struct json_object *
identifier_schema(void)
{
	return object_of(
		"type", text("object"), "required", list_of(text("type")),
		"properties",
		object_of("type", object_of("type", text("string"), NULL), "id",
			  object_of("type", text("string"), NULL), NULL),
		NULL);
}

static void
put_common_schemas(struct json_object *schemas, struct arena *arena)
{
	struct json_object *one_or_null =
		list_of(reference(arena, "schemas", "Identifier"));

	json_object_array_add(one_or_null,
			      object_of("type", text("null"), NULL));
	put(schemas, "Identifier", identifier_schema());
	put(schemas, "ToOne",
	    object_of("type", text("object"), "properties",
		      object_of("data", object_of("anyOf", one_or_null, NULL),
				NULL),
		      NULL));
	put(schemas, "ToMany",
	    object_of("type", text("object"), "properties",
		      object_of("data",
				object_of("type", text("array"), "items",
					  reference(arena, "schemas",
						    "Identifier"),
					  NULL),
				NULL),
		      NULL));
	put(schemas, "ActionItem",
	    object_of("type", text("object"), "required",
		      list_of(text("ResponseType")), "properties",
		      object_of("ResponseType",
				object_of("type", text("string"), NULL),
				"Attributes", object(), NULL),
		      NULL));
	put(schemas, "Errors",
	    object_of(
		    "type", text("object"), "required", list_of(text("errors")),
		    "properties",
		    object_of("errors",
			      object_of("type", text("array"), "items",
					object_of("type", text("object"), NULL),
					NULL),
			      NULL),
		    NULL));
}

static struct json_object *
error_responses(struct arena *arena)
{
	return object_of(
		"Refused",
		object_of("description", text("What is wrong with the request"),
			  "content",
			  content(JSONAPI_TYPE,
				  reference(arena, "schemas", "Errors")),
			  NULL),
		"Failed",
		object_of("description", text("Our fault, or overload"),
			  "content",
			  content(JSONAPI_TYPE,
				  reference(arena, "schemas", "Errors")),
			  NULL),
		NULL);
}

static struct json_object *
query_parameter(const char *name, const char *type, const char *description)
{
	return object_of("name", text(name), "in", text("query"), "description",
			 text(description), "schema",
			 object_of("type", text(type), NULL), NULL);
}

static struct json_object *
common_parameters(void)
{
	return object_of(
		"PageNumber",
		query_parameter("page[number]", "integer", "From 1"),
		"PageSize",
		query_parameter("page[size]", "integer", "At most 1000"),
		"Sort",
		query_parameter("sort", "string",
				"Columns with commas; - for descending"),
		"Filter", query_parameter("filter", "string", "Free text"),
		"Query",
		query_parameter("query", "string",
				"JSON: [{\"column\",\"operator\",\"value\"}]"),
		"Included",
		query_parameter("included_relations", "string",
				"Relations with commas; * for all to-one"),
		NULL);
}

static struct json_object *
build(struct request *request)
{
	struct arena *arena = request->arena;
	const struct model *model = request->model;
	struct json_object *paths = object();
	struct json_object *schemas = object();

	put_common_schemas(schemas, arena);
	for (size_t i = 0; i < model->nentities; i++) {
		const struct entity *entity = model->entities[i];

		if (!permission_table(request->actor, entity, VERB_READ))
			continue;
		put(schemas, entity->name,
		    resource_schema(arena, entity, false));
		put(schemas, arena_printf(arena, "%s.write", entity->name),
		    resource_schema(arena, entity, true));
		put_collection(paths, arena, request->actor, entity);
		put_item(paths, arena, request->actor, entity);
		put_related(paths, arena, request->actor, entity);
	}
	for (size_t i = 0; i < model->nstreams; i++)
		if (permission_table(request->actor, model->streams[i]->entity,
				     VERB_READ))
			put_stream(paths, arena, model->streams[i]);
	for (size_t i = 0; i < model->nactions; i++)
		if (permission_action(request->actor, model->actions[i]))
			put_action(paths, arena, model->actions[i]);
	return object_of(
		"openapi", text("3.1.0"), "info",
		object_of("title", text("actd"), "version", text(ACTD_VERSION),
			  NULL),
		"servers", list_of(object_of("url", text("/"), NULL)),
		"security",
		list_of(object_of("bearer", json_object_new_array(), NULL)),
		"paths", paths, "components",
		object_of("schemas", schemas, "responses",
			  error_responses(arena), "parameters",
			  common_parameters(), "securitySchemes",
			  object_of("bearer",
				    object_of("type", text("http"), "scheme",
					      text("bearer"), "bearerFormat",
					      text("JWT"), NULL),
				    NULL),
			  NULL),
		NULL);
}

struct error *
serve_openapi(struct request *request, struct response *response)
{
	struct json_object *document = build(request);

	arena_defer(request->arena, json_release, document);
	response->content_type = "application/yaml";
	yaml_write(&response->body, document);
	return NULL;
}
