/*
 * openapi.c: GET /openapi.yaml: an OpenAPI 3.1 document of the entities and
 * actions that the caller may use. Costs no database query.
 */
#include <string.h>

#include "db/row_stream.h"
#include "handlers/asset.h"
#include "handlers/formats/format.h"
#include "handlers/formats/yaml_write.h"
#include "handlers/jsonapi.h"
#include "handlers/openapi_parts.h"
#include "handlers/resource.h"
#include "handlers/route.h"

#define object openapi_object
#define text openapi_text

/* What the document is made with. */
struct making {
	struct request *request;
	struct arena *arena;
	struct json_object *paths;
	struct json_object *schemas;
	struct json_object *responses;
};

static void
put(struct json_object *into, const char *name, struct json_object *value)
{
	json_object_object_add(into, name, value);
}

static struct json_object *
content(const char *type, struct json_object *schema)
{
	return object(type, object("schema", schema, NULL), NULL);
}

static struct json_object *
document_response(const char *description, struct json_object *properties)
{
	struct json_object *schema = object("type", text("object"), "required",
					    openapi_list(text("data"), NULL),
					    "properties", properties, NULL);

	put(properties, "included", openapi_reference("schemas", "Included"));
	return object("description", text(description), "content",
		      content(JSONAPI_TYPE, schema), NULL);
}

/* The one status of success, and what may be refused or fail. */
static struct json_object *
responses_of(const char *status, struct json_object *response)
{
	return object(status, response, "4XX",
		      openapi_reference("responses", "Refused"), "5XX",
		      openapi_reference("responses", "Failed"), NULL);
}

static struct json_object *
operation(const char *id, const char *summary, const char *tag,
	  struct json_object *responses)
{
	return object("operationId", text(id), "summary", text(summary), "tags",
		      openapi_list(text(tag), NULL), "responses", responses,
		      NULL);
}

/* Parameters by the names of openapi.yaml, which a NULL ends. */
static void
put_parameters(struct json_object *into, const char *const *names)
{
	struct json_object *list = json_object_new_array();

	for (; *names; names++)
		json_object_array_add(list,
				      openapi_reference("parameters", *names));
	put(into, "parameters", list);
}

static const char *const page_parameters[] = {
	"PageNumber", "PageSize", "PageAfter", "PageBefore",
	"PageTotal",  "Sort",	  "Filter",    "Query",
	"Fields",     "Included", NULL
};
static const char *const create_parameters[] = { "IdempotencyKey", NULL };
static const char *const item_parameters[] = { "Fields", "Included",
					       "IfNoneMatch", NULL };
static const char *const update_parameters[] = { "IfMatch", NULL };
static const char *const figures_parameters[] = { "Column", "Group", "Where",
						  "Having", "Order", "Join",
						  NULL };
static const char *const action_parameters[] = { "Prefer", "IdempotencyKey",
						 NULL };
static const char *const file_parameters[] = { "FileName", "FileIndex",
					       "Download", "IfNoneMatch",
					       NULL };
static const char *const markdown_parameters[] = { "IfNoneMatch", NULL };
static const char *const upload_parameters[] = { "UploadName", NULL };
static const char *const id_parameters[] = { "Id", NULL };

/* Rows of an entity. */

/* The schema of a row, or (".write") of what a client writes. */
static struct json_object *
row_reference(const struct making *making, const struct entity *entity,
	      const char *suffix)
{
	return openapi_reference("schemas", arena_printf(making->arena, "%s%s",
							 entity->name, suffix));
}

/* Responses by name: a page of rows, a row, a row or null. */
static struct json_object *
response_reference(const struct making *making, const struct entity *entity,
		   const char *suffix)
{
	return openapi_reference(
		"responses",
		arena_printf(making->arena, "%s%s", entity->name, suffix));
}

static void
put_response(const struct making *making, const struct entity *entity,
	     const char *suffix, struct json_object *response)
{
	put(making->responses,
	    arena_printf(making->arena, "%s%s", entity->name, suffix),
	    response);
}

static void
put_responses(const struct making *making, const struct entity *entity)
{
	struct json_object *items =
		object("type", text("array"), "items",
		       row_reference(making, entity, ""), NULL);
	struct json_object *row = document_response(
		"The row",
		object("data", row_reference(making, entity, ""), NULL));
	struct json_object *maybe =
		openapi_list(row_reference(making, entity, ""),
			     object("type", text("null"), NULL), NULL);

	put(row, "headers",
	    object("ETag", openapi_reference("headers", "ETag"), "Location",
		   openapi_reference("headers", "Location"), NULL));
	put_response(making, entity, ".row", row);
	put_response(making, entity, ".page",
		     document_response(
			     "A page",
			     object("data", items, "links",
				    openapi_reference("schemas", "PageLinks"),
				    NULL)));
	put_response(
		making, entity, ".maybe",
		document_response(
			"The row, or none",
			object("data", object("anyOf", maybe, NULL), NULL)));
}

static struct json_object *
resource_body(const struct making *making, const struct entity *entity)
{
	struct json_object *schema = object(
		"type", text("object"), "required",
		openapi_list(text("data"), NULL), "properties",
		object("data", row_reference(making, entity, ".write"), NULL),
		NULL);

	return object("required", json_object_new_boolean(1), "content",
		      content(JSONAPI_TYPE, schema), NULL);
}

/* Whether the caller may do `verb` to rows of the table at all. */
static bool
may_write(const struct making *making, const struct entity *entity,
	  enum verb verb)
{
	return permission_table(making->request->actor, entity, verb) &&
	       !resource_check_writable(making->request, entity, verb);
}

static struct json_object *
row_operation(const struct making *making, const struct entity *entity,
	      const char *verb, const char *description,
	      struct json_object *responses)
{
	return operation(
		arena_printf(making->arena, "%s.%s", verb, entity->name),
		arena_printf(making->arena, "%s %s", description, entity->name),
		entity->name, responses);
}

static void
put_collection(const struct making *making, const struct entity *entity)
{
	struct json_object *collection = json_object_new_object();
	struct json_object *list = row_operation(
		making, entity, "list", "List rows of",
		responses_of("200",
			     response_reference(making, entity, ".page")));

	put_parameters(list, page_parameters);
	put(collection, "get", list);
	if (may_write(making, entity, VERB_CREATE)) {
		struct json_object *create = row_operation(
			making, entity, "create", "Create a row of",
			responses_of("201", response_reference(making, entity,
							       ".row")));

		put_parameters(create, create_parameters);
		put(create, "requestBody", resource_body(making, entity));
		put(collection, "post", create);
	}
	put(making->paths, arena_printf(making->arena, "/api/%s", entity->name),
	    collection);
}

static struct json_object *
get_operation(const struct making *making, const struct entity *entity)
{
	struct json_object *responses =
		responses_of("200", response_reference(making, entity, ".row"));
	struct json_object *get =
		row_operation(making, entity, "get", "Get a row of", responses);

	put(responses, "304", openapi_reference("responses", "Unchanged"));
	put_parameters(get, item_parameters);
	return get;
}

static void
put_item(const struct making *making, const struct entity *entity)
{
	struct json_object *item = json_object_new_object();

	put_parameters(item, id_parameters);
	put(item, "get", get_operation(making, entity));
	if (may_write(making, entity, VERB_UPDATE)) {
		struct json_object *patch = row_operation(
			making, entity, "update", "Change a row of",
			responses_of("200", response_reference(making, entity,
							       ".row")));

		put_parameters(patch, update_parameters);
		put(patch, "requestBody", resource_body(making, entity));
		put(item, "patch", patch);
	}
	if (may_write(making, entity, VERB_DELETE))
		put(item, "delete",
		    row_operation(
			    making, entity, "delete", "Delete a row of",
			    responses_of("200", openapi_reference("responses",
								  "Deleted"))));
	put(making->paths,
	    arena_printf(making->arena, "/api/%s/{id}", entity->name), item);
}

/* Relationships. */

static bool
is_many(const struct relationship *r)
{
	return r->to_many || !r->from_subject;
}

static void
put_related(const struct making *making, const struct entity *entity,
	    const struct relationship *r)
{
	struct json_object *path = json_object_new_object();
	struct json_object *get = operation(
		arena_printf(making->arena, "related.%s.%s", entity->name,
			     r->name),
		arena_printf(making->arena, "Related rows of %s",
			     r->target->name),
		entity->name,
		responses_of("200", response_reference(making, r->target,
						       is_many(r) ? ".page"
								  : ".maybe")));

	put_parameters(path, id_parameters);
	if (is_many(r))
		put_parameters(get, page_parameters);
	put(path, "get", get);
	put(making->paths,
	    arena_printf(making->arena, "/api/%s/{id}/%s", entity->name,
			 r->name),
	    path);
}

static struct json_object *
linkage_operation(const struct making *making, const struct entity *entity,
		  const struct relationship *r, const char *verb,
		  const char *status, const char *response)
{
	return operation(
		arena_printf(making->arena, "%s.%s.%s", verb, entity->name,
			     r->name),
		arena_printf(making->arena, "%s of %s", r->name, entity->name),
		entity->name,
		responses_of(status, openapi_reference("responses", response)));
}

static void
put_linkage(const struct making *making, const struct entity *entity,
	    const struct relationship *r)
{
	static const struct {
		const char *method;
		const char *verb;
	} changes[] = { { "post", "link" },
			{ "patch", "relink" },
			{ "delete", "unlink" } };
	struct json_object *path = json_object_new_object();

	put_parameters(path, id_parameters);
	put(path, "get",
	    linkage_operation(making, entity, r, "linkage", "200", "Linkage"));
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		struct json_object *change;

		if (!may_write(making, entity, VERB_UPDATE))
			break;
		change = linkage_operation(making, entity, r, changes[i].verb,
					   "204", "Done");
		put(change, "requestBody",
		    openapi_reference("requestBodies", "Linkage"));
		put(path, changes[i].method, change);
	}
	put(making->paths,
	    arena_printf(making->arena, "/api/%s/{id}/relationships/%s",
			 entity->name, r->name),
	    path);
}

static void
put_relationships(const struct making *making, const struct entity *entity)
{
	for (size_t i = 0; i < entity->nrelationships; i++) {
		const struct relationship *r = entity->relationships[i];

		if (!permission_table(making->request->actor, r->target,
				      VERB_READ))
			continue;
		put_related(making, entity, r);
		put_linkage(making, entity, r);
	}
}

/* Figures. */

static struct json_object *
figures_operation(const struct making *making, const struct entity *entity,
		  const char *verb)
{
	return row_operation(
		making, entity, verb, "Figures of",
		responses_of("200", openapi_reference("responses", "Figures")));
}

static void
put_figures(const struct making *making, const struct entity *entity)
{
	const struct actor *actor = making->request->actor;
	struct json_object *aggregate;
	struct json_object *get;
	struct json_object *post;

	if (!actor->id || !permission_table(actor, entity, VERB_EXECUTE) ||
	    !permission_table(actor, entity, VERB_PEEK))
		return;
	aggregate = json_object_new_object();
	get = figures_operation(making, entity, "aggregate");
	put_parameters(get, figures_parameters);
	put(aggregate, "get", get);
	post = figures_operation(making, entity, "aggregate.post");
	put(post, "requestBody", openapi_reference("requestBodies", "Figures"));
	put(aggregate, "post", post);
	put(making->paths,
	    arena_printf(making->arena, "/aggregate/%s", entity->name),
	    aggregate);
	get = figures_operation(making, entity, "stats");
	put_parameters(get, figures_parameters);
	put(making->paths,
	    arena_printf(making->arena, "/stats/%s", entity->name),
	    object("get", get, NULL));
}

/* Files and Markdown. */

static struct json_object *
asset_operation(const struct making *making, const struct entity *entity,
		const struct column *column, const char *verb,
		const char *description, struct json_object *response)
{
	return operation(arena_printf(making->arena, "%s.%s.%s", verb,
				      entity->name, column->column_name),
			 arena_printf(making->arena, "%s %s", description,
				      column->column_name),
			 entity->name, responses_of("200", response));
}

static struct json_object *
read_asset(const struct making *making, const struct entity *entity,
	   const struct column *column, const char *verb)
{
	bool is_file = asset_is_file(column);
	struct json_object *get = asset_operation(
		making, entity, column, verb,
		is_file ? "A file of" : "As HTML:",
		openapi_reference("responses", is_file ? "File" : "Html"));

	put(json_object_object_get(get, "responses"), "304",
	    openapi_reference("responses", "Unchanged"));
	if (is_file)
		put(json_object_object_get(get, "responses"), "206",
		    openapi_reference("responses", "FilePart"));
	put_parameters(get, is_file ? file_parameters : markdown_parameters);
	return get;
}

static void
put_upload(const struct making *making, const struct entity *entity,
	   const struct column *column, const char *path)
{
	struct json_object *upload = json_object_new_object();
	struct json_object *post = asset_operation(
		making, entity, column, "upload", "Add a file to",
		response_reference(making, entity, ".row"));

	put_parameters(post, upload_parameters);
	put(post, "requestBody", openapi_reference("requestBodies", "File"));
	put_parameters(upload, id_parameters);
	put(upload, "post", post);
	put(making->paths, arena_printf(making->arena, "%s/upload", path),
	    upload);
}

static void
put_assets(const struct making *making, const struct entity *entity)
{
	for (size_t i = 0; i < entity->ncolumns; i++) {
		const struct column *column = entity->columns[i];
		struct json_object *asset;
		const char *path;

		if (!column_is_visible(column) ||
		    (!asset_is_file(column) && !asset_is_markdown(column)))
			continue;
		path = arena_printf(making->arena, "/asset/%s/{id}/%s",
				    entity->name, column->column_name);
		asset = json_object_new_object();
		put_parameters(asset, id_parameters);
		put(asset, "get", read_asset(making, entity, column, "asset"));
		put(asset, "head",
		    read_asset(making, entity, column, "asset_head"));
		put(making->paths, path, asset);
		if (asset_is_file(column) &&
		    may_write(making, entity, VERB_UPDATE))
			put_upload(making, entity, column, path);
	}
}

static void
put_entity(const struct making *making, const struct entity *entity)
{
	put(making->schemas, entity->name, openapi_resource(entity, false));
	put(making->schemas,
	    arena_printf(making->arena, "%s.write", entity->name),
	    openapi_resource(entity, true));
	put_responses(making, entity);
	put_collection(making, entity);
	put_item(making, entity);
	put_relationships(making, entity);
	put_figures(making, entity);
	put_assets(making, entity);
}

/* Streams. */

static struct json_object *
stream_schema(const struct row_stream *stream)
{
	struct json_object *properties = json_object_new_object();
	struct json_object *id =
		object("type", text("string"), "format", text("uuid"), NULL);

	for (size_t i = 0; i < stream->ncolumns; i++)
		put(properties, stream->columns[i]->column_name,
		    json_object_new_object()); /* what the steps make of it */
	return object("type", text("object"), "required",
		      openapi_list(text("type"), text("id"), NULL),
		      "properties",
		      object("type", object("const", text(stream->name), NULL),
			     "id", id, "attributes",
			     object("type", text("object"), "properties",
				    properties, NULL),
			     NULL),
		      NULL);
}

static void
put_stream(const struct making *making, const struct row_stream *stream)
{
	struct json_object *items = object("type", text("array"), "items",
					   stream_schema(stream), NULL);
	struct json_object *page =
		object("data", items, "links",
		       openapi_reference("schemas", "PageLinks"), NULL);
	struct json_object *get = operation(
		arena_printf(making->arena, "list.%s", stream->name),
		arena_printf(making->arena, "List the stream %s", stream->name),
		stream->name,
		responses_of("200", document_response("A page", page)));

	put_parameters(get, page_parameters);
	put(making->paths, arena_printf(making->arena, "/api/%s", stream->name),
	    object("get", get, NULL));
}

/* Actions. */

static struct json_object *
action_operation(const struct making *making, const struct action *action,
		 const char *verb)
{
	struct json_object *responses =
		object("200", openapi_reference("responses", "Items"), "4XX",
		       openapi_reference("responses", "Items"), "5XX",
		       openapi_reference("responses", "Items"), NULL);

	return operation(arena_printf(making->arena, "%s.%s.%s", verb,
				      action->on_type, action->name),
			 *action->label ? action->label : action->name,
			 action->on_type, responses);
}

static void
put_action(const struct making *making, const struct action *action)
{
	struct json_object *post = action_operation(making, action, "action");
	struct json_object *path = object("post", post, NULL);

	put(json_object_object_get(post, "responses"), "202",
	    openapi_reference("responses", "Accepted"));
	put_parameters(post, action_parameters);
	put(post, "requestBody",
	    object("content",
		   content("application/json",
			   openapi_submission(making->arena, action)),
		   NULL));
	if (action->is_safe)
		put(path, "get", action_operation(making, action, "look"));
	put(making->paths,
	    arena_printf(making->arena, "/action/%s/%s", action->on_type,
			 action->name),
	    path);
}

static void
put_model(const struct making *making)
{
	const struct model *model = making->request->model;
	const struct actor *actor = making->request->actor;

	for (size_t i = 0; i < model->nentities; i++)
		if (permission_table(actor, model->entities[i], VERB_READ))
			put_entity(making, model->entities[i]);
	for (size_t i = 0; i < model->nstreams; i++)
		if (permission_table(actor, model->streams[i]->entity,
				     VERB_READ))
			put_stream(making, model->streams[i]);
	for (size_t i = 0; i < model->nactions; i++)
		if (permission_action(actor, model->actions[i]))
			put_action(making, model->actions[i]);
}

struct error *
serve_openapi(struct request *request, struct response *response)
{
	struct making making = { .request = request, .arena = request->arena };
	struct json_object *document;
	struct json_object *components;
	struct error *error = openapi_fixed(request->arena, &document);

	if (error)
		return error;
	making.paths = json_object_object_get(document, "paths");
	components = json_object_object_get(document, "components");
	making.schemas = json_object_object_get(components, "schemas");
	making.responses = json_object_object_get(components, "responses");
	if (!request->actor->is_administrator) {
		json_object_object_del(making.paths, "/_config");
		json_object_object_del(making.paths, "/_config/{type}/{name}");
	}
	put_model(&making);
	response->content_type = "application/yaml";
	yaml_write(&response->body, document);
	return NULL;
}
