/*
 * resource.c: the verbs of the JSON:API on entities: what a URL means, which
 * statement answers it, and which caches a write makes stale.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "db/base/crypto.h"
#include "db/file_list.h"
#include "handlers/background.h"
#include "handlers/definition.h"
#include "handlers/idempotency.h"
#include "handlers/jsonapi.h"
#include "handlers/listing.h"
#include "handlers/resource.h"
#include "handlers/route.h"
#include "handlers/row_stream.h"
#include "handlers/spool.h"
#include "handlers/validate.h"

#define RELATED_PAGE_SIZE 1000

struct error *
resource_not_found(const struct request *request, const char *what)
{
	return error_new(request->arena, 404, "not-found",
			 "There is no such %.100s.", what);
}

struct error *
resource_entity(const struct request *request, const char *name,
		const struct entity **entity)
{
	*entity = model_entity(request->model, name);
	if (!*entity && !strcmp(name, "user"))
		*entity = request->model->user_account;
	if (*entity)
		return NULL;
	if (model_stream(request->model, name))
		return error_new(request->arena, 403, "stream",
				 "%.100s is a stream, which is only read, as a "
				 "list.",
				 name);
	return resource_not_found(request, "entity");
}

static struct error *
find_entity(const struct request *request, const struct entity **entity)
{
	return resource_entity(request, request->captures[0], entity);
}

/*
 * Captured entity that answers the caller at all: Peek on the table. An
 * account is always there for its owner.
 */
static struct error *
find_readable(const struct request *request, const struct entity **entity)
{
	struct error *error = find_entity(request, entity);

	if (error)
		return error;
	if (permission_table(request->actor, *entity, VERB_PEEK) ||
	    (*entity == request->model->user_account && request->actor->id))
		return NULL;
	return permission_refused(request->arena, *entity, VERB_PEEK);
}

/* Captured reference id; `mine` is the caller's account. */
static struct error *
find_id(const struct request *request, const struct entity *entity,
	const char **id)
{
	*id = request->captures[1];
	if (entity == request->model->user_account && !strcmp(*id, "mine")) {
		*id = request->actor->reference_id;
		if (!*id)
			return error_new(request->arena, 403, "forbidden",
					 "Sign in to see your account.");
		return NULL;
	}
	if (!crypto_is_uuid(*id))
		return resource_not_found(request, entity->name);
	return NULL;
}

static struct error *
find_relationship(const struct request *request, const struct entity *entity,
		  const struct relationship **relationship)
{
	*relationship = entity_relationship(entity, request->captures[2]);
	if (*relationship)
		return NULL;
	return error_new(request->arena, 404, "unknown-relation",
			 "There is no relation with the name %.100s.",
			 request->captures[2]);
}

struct error *
resource_find_readable_row(const struct request *request,
			   const struct entity **entity, const char **id)
{
	struct error *error = find_readable(request, entity);

	return error ? error : find_id(request, *entity, id);
}

/* Reading. */

static struct error *
run_listing(const struct request *request, const struct listing *listing,
	    struct page *page)
{
	return query_page(request->db, request->arena, request->model,
			  request->actor, listing, page);
}

struct error *
serve_list(struct request *request, struct response *response)
{
	struct listing_context context = listing_context_of(request);
	const struct row_stream *stream =
		model_stream(request->model, request->captures[0]);
	const struct entity *entity;
	struct listing *listing;
	struct page page;
	struct error *error;

	if (stream)
		return row_stream_list(request, response, stream);
	error = find_readable(request, &entity);
	if (!error)
		error = listing_read(&context, entity, &listing);
	if (!error)
		error = run_listing(request, listing, &page);
	if (!error)
		jsonapi_list(response, request, listing, &page);
	return error;
}

static const char *
entity_tag(struct arena *arena, const struct rows *rows, size_t first_column)
{
	return arena_printf(
		arena, "\"%s\"",
		rows_text(rows, 0, first_column + SELECTION_VERSION));
}

bool
resource_is_not_modified(const struct request *request, const char *tag)
{
	const char *given = request_variable(request, "HTTP_IF_NONE_MATCH");

	return given && (!strcmp(given, "*") || strstr(given, tag));
}

/* A tag stands for the row alone: not for what is included beside it. */
static void
write_item(struct request *request, struct response *response,
	   const struct listing *listing, const struct page *page)
{
	const char *tag;

	if (!listing->nincludes && rows_count(page->rows)) {
		tag = entity_tag(request->arena, page->rows,
				 page->first_column);
		response_header(response, "ETag", tag);
		if (resource_is_not_modified(request, tag)) {
			response->status = 304;
			return;
		}
	}
	jsonapi_item(response, listing, page);
}

/* Whoever asked for a job may read what came of it. */
static struct error *
open_result(const struct request *request, const struct listing *listing,
	    struct page *page)
{
	const struct column *column = entity_column(listing->entity, "result");
	struct error *error;

	if (strcmp(listing->entity->name, "job") != 0 || !column)
		return NULL;
	error = background_open_result(request, listing->id,
				       &page->opened_text);
	if (!error && page->opened_text)
		page->opened = column;
	return error;
}

struct error *
serve_item(struct request *request, struct response *response)
{
	struct listing_context context = listing_context_of(request);
	const struct entity *entity;
	struct listing *listing;
	struct page page;
	struct error *error;
	const char *id;

	error = resource_find_readable_row(request, &entity, &id);
	if (!error)
		error = listing_read(&context, entity, &listing);
	if (error)
		return error;
	listing->id = id;
	error = run_listing(request, listing, &page);
	if (error)
		return error;
	if (!rows_count(page.rows))
		return resource_not_found(request, entity->name);
	error = open_result(request, listing, &page);
	if (!error)
		write_item(request, response, listing, &page);
	return error;
}

static bool
has_page_parameters(const struct request *request)
{
	return (request_parameter(request, "page[number]") &&
		request_parameter(request, "page[size]")) ||
	       (request_parameter(request, "page[offset]") &&
		request_parameter(request, "page[limit]"));
}

/* The rows at the other end of a captured relation. */
static struct error *
read_related(struct request *request, const struct relationship **relationship,
	     struct listing **listing, struct page *page)
{
	struct listing_context context = listing_context_of(request);
	const struct entity *entity;
	struct error *error;
	const char *id;

	error = resource_find_readable_row(request, &entity, &id);
	if (!error)
		error = find_relationship(request, entity, relationship);
	if (!error)
		error = listing_read(&context, (*relationship)->target,
				     listing);
	if (error)
		return error;
	(*listing)->parent = entity;
	(*listing)->parent_id = id;
	(*listing)->relationship = *relationship;
	if (!has_page_parameters(request)) {
		(*listing)->page_size = RELATED_PAGE_SIZE;
		(*listing)->page_number = 1;
		(*listing)->offset = 0;
	}
	return run_listing(request, *listing, page);
}

struct error *
serve_related(struct request *request, struct response *response)
{
	const struct relationship *relationship;
	struct listing *listing;
	struct page page;
	struct error *error;

	error = read_related(request, &relationship, &listing, &page);
	if (error)
		return error;
	if (relationship->to_many || !relationship->from_subject)
		jsonapi_list(response, request, listing, &page);
	else
		jsonapi_item(response, listing, &page);
	return NULL;
}

struct error *
serve_linkage(struct request *request, struct response *response)
{
	const struct relationship *relationship;
	struct listing *listing;
	struct page page;
	struct error *error;

	error = read_related(request, &relationship, &listing, &page);
	if (!error)
		jsonapi_linkage(response, listing, &page,
				!relationship->to_many &&
					relationship->from_subject);
	return error;
}

/* Writing. */

/* Tables that only the system writes (wire/decisions.md "Permissions"). */
struct error *
resource_check_writable(const struct request *request,
			const struct entity *entity, enum verb verb)
{
	if (entity->is_audit_table || entity->is_state_table ||
	    !strcmp(entity->name, "job") || !strcmp(entity->name, "action_run"))
		return permission_refused(request->arena, entity, verb);
	if (entity == request->model->world && verb != VERB_UPDATE)
		return error_new(request->arena, 403, "forbidden",
				 "Tables are made by schema files: upload one "
				 "with the action upload_system_schema.");
	if (entity == request->model->action &&
	    !request->actor->is_administrator &&
	    request->model->has_administrator)
		return permission_refused(request->arena, entity, verb);
	return NULL;
}

struct error *
resource_find_writable_row(const struct request *request, enum verb verb,
			   const struct entity **entity, const char **id)
{
	struct error *error = find_entity(request, entity);

	if (!error)
		error = find_id(request, *entity, id);
	if (!error)
		error = resource_check_writable(request, *entity, verb);
	return error;
}

struct error *
resource_finish(struct request *request, const struct stale *stale)
{
	struct error *error =
		stale->definitions ? request_check_model(request) : NULL;

	if (!error)
		error = db_finish(request->db, request->arena);
	if (error)
		return error;
	if (stale->access)
		request_access_changed(request);
	if (stale->model)
		return request_reload(request);
	return NULL;
}

struct error *
resource_finish_write(struct request *request, const struct entity *entity,
		      struct json_object *attributes)
{
	struct stale stale = { 0 };

	stale_note(request->model, entity, attributes, &stale);
	return resource_finish(request, &stale);
}

void
resource_begin_checked(struct request *request, const struct entity *entity)
{
	struct stale stale = { 0 };

	stale_note(request->model, entity, NULL, &stale);
	if (stale.model || definition_is_checked(request->model, entity))
		db_begin(request->db);
}

struct error *
resource_check_written(struct request *request, const struct entity *entity,
		       const struct row *row)
{
	return definition_check(
		request->db, request->arena, request->model, entity,
		rows_text(row->rows, 0, SELECTION_REFERENCE_ID));
}

static struct error *
bad_document(const struct request *request, const char *pointer,
	     const char *detail)
{
	return error_at(
		error_new(request->arena, 400, "bad-document", "%s", detail),
		pointer);
}

/* The resource object of a body. */
static struct error *
read_resource(struct request *request, struct json_object **resource)
{
	struct json_object *document;
	struct json_object *type;
	struct error *error;

	error = request_json(request, &document);
	if (error)
		return error;
	if (!json_object_is_type(document, json_type_object) ||
	    !json_object_object_get_ex(document, "data", resource) ||
	    !json_object_is_type(*resource, json_type_object))
		return bad_document(request, "/data",
				    "The document needs one resource object "
				    "as its member data.");
	if (!json_object_object_get_ex(*resource, "type", &type) ||
	    !json_object_is_type(type, json_type_string) ||
	    !json_object_get_string_len(type))
		return bad_document(request, "/data/type",
				    "The resource needs a type.");
	return NULL;
}

static struct error *
read_member(const struct request *request, struct json_object *resource,
	    const char *name, struct json_object **member)
{
	*member = json_object_object_get(resource, name);
	if (!*member || json_object_is_type(*member, json_type_object))
		return NULL;
	return bad_document(request,
			    arena_printf(request->arena, "/data/%s", name),
			    "An object is needed here.");
}

/* The resource object of a body, and its members that columns are made of. */
struct document {
	struct json_object *resource;
	struct json_object *attributes;	   /* or NULL */
	struct json_object *relationships; /* or NULL */
};

static struct error *
read_document(struct request *request, struct document *document)
{
	struct error *error = read_resource(request, &document->resource);

	if (!error)
		error = read_member(request, document->resource, "attributes",
				    &document->attributes);
	if (!error)
		error = read_member(request, document->resource,
				    "relationships", &document->relationships);
	return error;
}

/* data.id of a new resource: a reference id that the client chose. */
static struct error *
read_new_id(const struct request *request, struct json_object *resource,
	    const char **id)
{
	struct json_object *member = json_object_object_get(resource, "id");

	*id = NULL;
	if (!member)
		return NULL;
	*id = json_object_get_string(member);
	if (json_object_is_type(member, json_type_string) &&
	    (!**id || crypto_is_uuid(*id))) {
		*id = **id ? *id : NULL;
		return NULL;
	}
	return bad_document(request, "/data/id", "A UUID is needed here.");
}

/* Passwords are hashed in a pool of their own, where that delays nobody. */
bool
resource_needs_hashing(const struct entity *entity,
		       struct json_object *attributes)
{
	for (size_t i = 0; attributes && i < entity->ncolumns; i++)
		if (entity->columns[i]->kind == VALUE_SECRET &&
		    json_object_object_get(attributes,
					   entity->columns[i]->column_name))
			return true;
	return false;
}

bool
resource_may_read_new(const struct request *request, const struct row *row)
{
	const struct selection *selection = row->selection;
	int64_t permission = 0;

	if (permission_everything(request->actor))
		return true;
	if (!permission_table(request->actor, selection->entity, VERB_READ))
		return false;
	for (size_t i = 0; i < selection->ncolumns; i++)
		if (!strcmp(selection->columns[i]->column_name, "permission"))
			permission =
				rows_integer(row->rows, 0, SELECTION_FIRST + i);
	return permission & PERMISSION_GUEST(VERB_READ) ||
	       (request->actor->id && permission & PERMISSION_OWNER(VERB_READ));
}

static void
write_created(struct request *request, struct response *response,
	      const struct entity *entity, const struct row *row)
{
	const char *id = rows_text(row->rows, 0, SELECTION_REFERENCE_ID);

	response->status = 201;
	response->content_type = JSONAPI_TYPE;
	response_header(
		response, "Location",
		arena_printf(request->arena, "/api/%s/%s", entity->name, id));
	if (resource_may_read_new(request, row)) {
		response_header(response, "ETag",
				entity_tag(request->arena, row->rows, 0));
		jsonapi_row(&response->body, row);
	} else {
		jsonapi_identifier(&response->body, entity, id);
	}
}

/* In base64 files need more room than other values. */
static void
make_room(struct request *request, const struct entity *entity)
{
	if (file_list_has(entity) &&
	    (request->actor->id ||
	     permission_table(request->actor, entity, VERB_CREATE)) &&
	    request->settings->json_body_max < SPOOL_JSON_MAX)
		request->body_max = SPOOL_JSON_MAX;
}

struct error *
serve_create(struct request *request, struct response *response)
{
	struct document document;
	const struct entity *entity;
	struct row_context context = request_row_context(request, false);
	struct error *error;
	struct row row;
	const char *id;
	bool replayed = false;

	error = find_entity(request, &entity);
	if (!error)
		error = resource_check_writable(request, entity, VERB_CREATE);
	if (!error)
		make_room(request, entity);
	if (!error)
		error = read_document(request, &document);
	if (!error && resource_needs_hashing(entity, document.attributes) &&
	    request_hand_over(request, response, "hash"))
		return NULL;
	if (!error)
		error = read_new_id(request, document.resource, &id);
	if (!error)
		error = idempotency_begin(request, response, &replayed);
	if (error || replayed)
		return error;
	resource_begin_checked(request, entity);
	error = row_create(&context, entity, id, document.attributes,
			   document.relationships, &row);
	if (!error)
		error = resource_check_written(request, entity, &row);
	if (error)
		return error;
	write_created(request, response, entity, &row);
	error = idempotency_end(request, response);
	if (!error)
		error = resource_finish_write(request, entity, NULL);
	return error;
}

/* RFC 9110 section 13.1.1: our tags are versions in quotes. */
static struct error *
read_if_match(const struct request *request, int64_t *version)
{
	const char *given = request_variable(request, "HTTP_IF_MATCH");
	char rest;

	*version = -1;
	if (!given || !strcmp(given, "*"))
		return NULL;
	if (sscanf(given, "\"%ld\"%c", version, &rest) == 1 && *version >= 0)
		return NULL;
	return error_new(request->arena, 412, "version-differs",
			 "The row has another version than If-Match says.");
}

static struct error *
check_same_id(const struct request *request, struct json_object *resource,
	      const char *id)
{
	struct json_object *given = json_object_object_get(resource, "id");

	if (!given || !strcmp(request->captures[1], "mine") ||
	    !strcasecmp(json_object_get_string(given), id))
		return NULL;
	return error_at(error_new(request->arena, 409, "id-differs",
				  "The id in the resource is not the one in "
				  "the URL."),
			"/data/id");
}

struct error *
serve_update(struct request *request, struct response *response)
{
	struct document document;
	const struct entity *entity;
	struct row_context context = request_row_context(request, false);
	struct error *error;
	struct row row;
	int64_t version;
	const char *id;

	error = resource_find_writable_row(request, VERB_UPDATE, &entity, &id);
	if (!error)
		make_room(request, entity);
	if (!error)
		error = read_document(request, &document);
	if (!error && resource_needs_hashing(entity, document.attributes) &&
	    request_hand_over(request, response, "hash"))
		return NULL;
	if (!error)
		error = check_same_id(request, document.resource, id);
	if (!error)
		error = read_if_match(request, &version);
	if (error)
		return error;
	resource_begin_checked(request, entity);
	error = row_update(&context, entity, id, document.attributes,
			   document.relationships, version, &row);
	if (!error)
		error = resource_check_written(request, entity, &row);
	if (!error)
		error = resource_finish_write(request, entity,
					      document.attributes);
	if (error)
		return error;
	response_header(response, "ETag",
			entity_tag(request->arena, row.rows, 0));
	response->content_type = JSONAPI_TYPE;
	jsonapi_row(&response->body, &row);
	return NULL;
}

struct error *
serve_delete(struct request *request, struct response *response)
{
	struct row_context context = request_row_context(request, false);
	const struct entity *entity;
	struct error *error;
	const char *id;

	error = resource_find_writable_row(request, VERB_DELETE, &entity, &id);
	if (error)
		return error;
	resource_begin_checked(request, entity);
	error = row_delete(&context, entity, id);
	if (!error)
		error = resource_finish_write(request, entity, NULL);
	if (error)
		return error;
	response->content_type = JSONAPI_TYPE;
	strbuf_literal(&response->body, "{\"meta\":null}");
	return NULL;
}

/* Relationship routes. */

static struct error *
change_links(struct request *request, struct response *response,
	     enum link_change change)
{
	struct row_context context = request_row_context(request, false);
	const struct relationship *relationship;
	const struct entity *entity;
	const struct entity *written;
	struct json_object *document;
	struct json_object *data;
	struct error *error;
	const char *id;

	error = resource_find_writable_row(request, VERB_UPDATE, &entity, &id);
	if (!error)
		error = find_relationship(request, entity, &relationship);
	if (!error)
		error = request_json(request, &document);
	if (error)
		return error;
	if (!json_object_is_type(document, json_type_object) ||
	    !json_object_object_get_ex(document, "data", &data))
		return bad_document(request, "/data",
				    "The document needs a member data.");
	written = relationship->relation->join ? relationship->relation->join
					       : entity;
	resource_begin_checked(request, written);
	error = row_link(&context, entity, id, relationship, change, data);
	if (!error)
		error = resource_finish_write(request, written, NULL);
	if (!error)
		response->status = 204;
	return error;
}

struct error *
serve_link_add(struct request *request, struct response *response)
{
	return change_links(request, response, LINK_ADD);
}

struct error *
serve_link_replace(struct request *request, struct response *response)
{
	return change_links(request, response, LINK_REPLACE);
}

struct error *
serve_link_remove(struct request *request, struct response *response)
{
	return change_links(request, response, LINK_REMOVE);
}

/* The table's own conformations and validations. */
static struct error *
check_row(struct arena *arena, const struct entity *entity,
	  struct json_object *attributes, bool creating UNUSED)
{
	const struct tag_rules conformations = {
		entity->conformations,
		entity->nconformations,
		entity->columns,
		entity->ncolumns,
	};
	const struct tag_rules validations = {
		entity->validations,
		entity->nvalidations,
		entity->columns,
		entity->ncolumns,
	};

	conform(arena, &conformations, attributes);
	return validate(arena, &validations, &validation_of_row, attributes);
}

struct row_context
request_row_context(const struct request *request, bool trusted)
{
	return (struct row_context){
		.db = request->db,
		.arena = request->arena,
		.model = request->model,
		.actor = request->actor,
		.values = &request->settings->values,
		.trusted = trusted,
		.check = trusted ? NULL : check_row,
	};
}
