/*
 * operations.c: POST /api/operations: the atomic operations extension of
 * JSON:API (https://jsonapi.org/ext/atomic): add, update and remove resources
 * and relationships, all or nothing, with local ids.
 */
#include <string.h>

#include "db/base/crypto.h"
#include "handlers/idempotency.h"
#include "handlers/jsonapi.h"
#include "handlers/resource.h"
#include "handlers/route.h"

#define OPERATIONS_MAX 1000

#define ATOMIC_TYPE                                                            \
	"application/vnd.api+json;ext=\"https://jsonapi.org/ext/atomic\""

/* A local id and the reference id that it stands for. */
struct local_id {
	const char *type;
	const char *lid;
	const char *id;
};

struct operations {
	struct request *request;
	struct row_context context;
	struct local_id *ids;
	size_t nids;
	struct stale stale;
	struct strbuf results;
	size_t index; /* of the operation at hand */
};

/* What one operation is about. */
struct target {
	const struct entity *entity;
	const char *id;
	const struct relationship *relationship; /* or NULL */
};

static struct error *
bad(const struct operations *o, const char *member, const char *detail)
{
	return error_at(error_new(o->request->arena, 400, "bad-operation", "%s",
				  detail),
			member);
}

static const char *
text_member(struct json_object *object, const char *name)
{
	struct json_object *member = json_object_object_get(object, name);

	return json_object_is_type(member, json_type_string)
		       ? json_object_get_string(member)
		       : NULL;
}

static const char *
find_local(const struct operations *o, const char *type, const char *lid)
{
	for (size_t i = 0; i < o->nids; i++)
		if (!strcmp(o->ids[i].lid, lid) &&
		    (!type || !strcmp(o->ids[i].type, type)))
			return o->ids[i].id;
	return NULL;
}

/* Puts reference ids where local ids of earlier operations stand. */
static struct error *
resolve_locals(struct operations *o, struct json_object *value)
{
	const char *lid;
	struct error *error = NULL;

	if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0;
		     !error && i < json_object_array_length(value); i++)
			error = resolve_locals(
				o, json_object_array_get_idx(value, i));
		return error;
	}
	if (!json_object_is_type(value, json_type_object))
		return NULL;
	lid = text_member(value, "lid");
	if (lid && !json_object_object_get(value, "id")) {
		const char *id = find_local(o, text_member(value, "type"), lid);

		if (!id)
			return bad(o, "/data",
				   "No earlier operation adds a "
				   "resource with this lid.");
		json_object_object_add(value, "id", json_object_new_string(id));
	}
	json_object_object_foreach(value, name, member)
	{
		(void)name;
		if (!error)
			error = resolve_locals(o, member);
	}
	return error;
}

/* "/api/book/ID/relationships/author_id", as far as it goes. */
static struct error *
read_href(struct operations *o, const char *href, struct target *target,
	  const char **relationship)
{
	char *rest = arena_strdup(o->request->arena, href);
	const char *part;

	*relationship = NULL;
	rest += *rest == '/';
	if (!strncmp(rest, "api/", 4))
		rest += 4;
	part = strsep(&rest, "/");
	target->id = strsep(&rest, "/");
	if (rest && !strcmp(strsep(&rest, "/"), "relationships"))
		*relationship = rest;
	return resource_entity(o->request, part, &target->entity);
}

static struct error *
read_ref(struct operations *o, struct json_object *ref, struct target *target,
	 const char **relationship)
{
	const char *type = text_member(ref, "type");
	struct error *error = resolve_locals(o, ref);

	if (error)
		return error;
	if (!type)
		return bad(o, "/ref/type", "A type is needed.");
	target->id = text_member(ref, "id");
	*relationship = text_member(ref, "relationship");
	return resource_entity(o->request, type, &target->entity);
}

/* Where neither ref nor href is given, the resource in data says it. */
static struct error *
read_target(struct operations *o, struct json_object *operation,
	    struct target *target)
{
	struct json_object *ref = json_object_object_get(operation, "ref");
	struct json_object *data = json_object_object_get(operation, "data");
	const char *href = text_member(operation, "href");
	const char *relationship = NULL;
	struct error *error;

	memset(target, 0, sizeof *target);
	if (ref)
		error = read_ref(o, ref, target, &relationship);
	else if (href)
		error = read_href(o, href, target, &relationship);
	else if (text_member(data, "type"))
		error = resource_entity(o->request, text_member(data, "type"),
					&target->entity);
	else
		error = bad(o, "/ref", "It is not said what to change.");
	if (error)
		return error;
	if (!target->id && data && !relationship)
		target->id = text_member(data, "id");
	if (relationship) {
		target->relationship =
			entity_relationship(target->entity, relationship);
		if (!target->relationship)
			return error_new(o->request->arena, 404,
					 "unknown-relation",
					 "There is no relation with the name "
					 "%.100s.",
					 relationship);
	}
	if (target->id && !crypto_is_uuid(target->id))
		return error_new(o->request->arena, 404, "not-found",
				 "There is no such %s.", target->entity->name);
	return NULL;
}

static void
add_result(struct operations *o, const struct row *row)
{
	if (resource_may_read_new(o->request, row))
		jsonapi_row(&o->results, row);
	else
		jsonapi_identifier(
			&o->results, row->selection->entity,
			rows_text(row->rows, 0, SELECTION_REFERENCE_ID));
}

/* A local id gets its reference id before the row is made. */
static const char *
new_id(struct operations *o, const struct target *target,
       struct json_object *data)
{
	const char *lid = text_member(data, "lid");
	struct local_id local;
	char id[37];

	if (!lid)
		return target->id;
	crypto_uuid(id);
	local.type = target->entity->name;
	local.lid = lid;
	local.id = arena_strdup(o->request->arena, id);
	ARENA_PUSH(o->request->arena, o->ids, o->nids, local);
	return local.id;
}

static struct error *
add(struct operations *o, const struct target *target, struct json_object *data)
{
	struct row row;
	struct error *error;

	error = row_create(&o->context, target->entity, new_id(o, target, data),
			   json_object_object_get(data, "attributes"),
			   json_object_object_get(data, "relationships"), &row);
	if (!error)
		error = resource_check_written(o->request, target->entity,
					       &row);
	if (!error)
		add_result(o, &row);
	return error;
}

static struct error *
update(struct operations *o, const struct target *target,
       struct json_object *data)
{
	struct row row;
	struct error *error;

	if (!target->id)
		return bad(o, "/ref/id", "An id is needed.");
	error = row_update(&o->context, target->entity, target->id,
			   json_object_object_get(data, "attributes"),
			   json_object_object_get(data, "relationships"), -1,
			   &row);
	if (!error)
		error = resource_check_written(o->request, target->entity,
					       &row);
	if (!error)
		jsonapi_row(&o->results, &row);
	return error;
}

static struct error *
remove_row(struct operations *o, const struct target *target)
{
	if (!target->id)
		return bad(o, "/ref/id", "An id is needed.");
	strbuf_literal(&o->results, "{}");
	return row_delete(&o->context, target->entity, target->id);
}

static struct error *
change_links(struct operations *o, const struct target *target,
	     enum link_change change, struct json_object *data)
{
	if (!target->id)
		return bad(o, "/ref/id", "An id is needed.");
	strbuf_literal(&o->results, "{}");
	return row_link(&o->context, target->entity, target->id,
			target->relationship, change, data);
}

static const struct {
	const char *op;
	enum verb verb;
	enum link_change change;
} kinds[] = {
	{ "add", VERB_CREATE, LINK_ADD },
	{ "update", VERB_UPDATE, LINK_REPLACE },
	{ "remove", VERB_DELETE, LINK_REMOVE },
};

static struct error *
change_row(struct operations *o, const struct target *target, enum verb verb,
	   struct json_object *data)
{
	if (verb == VERB_DELETE)
		return remove_row(o, target);
	if (!json_object_is_type(data, json_type_object))
		return bad(o, "/data", "A resource object is needed.");
	return verb == VERB_CREATE ? add(o, target, data)
				   : update(o, target, data);
}

static struct error *
perform(struct operations *o, struct json_object *operation)
{
	struct json_object *data = json_object_object_get(operation, "data");
	const char *op = text_member(operation, "op");
	struct target target;
	struct error *error;
	size_t kind = 0;

	while (kind < ARRAY_SIZE(kinds) && (!op || strcmp(kinds[kind].op, op)))
		kind++;
	if (kind == ARRAY_SIZE(kinds))
		return bad(o, "/op", "An op is add, update or remove.");
	error = read_target(o, operation, &target);
	if (!error)
		error = resource_check_writable(o->request, target.entity,
						kinds[kind].verb);
	if (!error)
		error = resolve_locals(
			o, data ? json_object_object_get(data, "relationships")
				: NULL);
	if (error)
		return error;
	if (target.relationship) {
		error = resolve_locals(o, data);
		if (!error)
			error = change_links(o, &target, kinds[kind].change,
					     data);
		stale_note(o->request->model,
			   target.relationship->relation->join
				   ? target.relationship->relation->join
				   : target.entity,
			   NULL, &o->stale);
		return error;
	}
	stale_note(o->request->model, target.entity, NULL, &o->stale);
	return change_row(o, &target, kinds[kind].verb, data);
}

/* Puts "/atomic:operations/N" before the pointer of each fault. */
static struct error *
located(const struct operations *o, struct error *errors)
{
	struct arena *arena = o->request->arena;

	for (struct error *error = errors; error; error = error->next)
		error->pointer = arena_printf(
			arena, "/atomic:operations/%zu%s", o->index,
			error->pointer ? error->pointer : "");
	return errors;
}

static bool
any_needs_hashing(struct request *request, struct json_object *list)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *data = json_object_object_get(
			json_object_array_get_idx(list, i), "data");
		const char *type = data ? text_member(data, "type") : NULL;
		const struct entity *entity =
			type ? model_entity(request->model, type) : NULL;

		if (entity &&
		    resource_needs_hashing(
			    entity, json_object_object_get(data, "attributes")))
			return true;
	}
	return false;
}

static struct error *
read_list(struct request *request, struct json_object **list)
{
	struct json_object *document;
	struct error *error = request_json(request, &document);

	if (error)
		return error;
	if (!json_object_is_type(document, json_type_object) ||
	    !json_object_object_get_ex(document, "atomic:operations", list) ||
	    !json_object_is_type(*list, json_type_array))
		return error_at(error_new(request->arena, 400, "bad-document",
					  "An array atomic:operations is "
					  "needed."),
				"/atomic:operations");
	if (json_object_array_length(*list) > OPERATIONS_MAX)
		return error_at(
			error_new(request->arena, 400, "too-many-operations",
				  "At most %d operations.", OPERATIONS_MAX),
			"/atomic:operations");
	for (size_t i = 0; i < json_object_array_length(*list); i++)
		if (!json_object_is_type(json_object_array_get_idx(*list, i),
					 json_type_object))
			return error_at(
				error_new(request->arena, 400, "bad-operation",
					  "An object is needed."),
				arena_printf(request->arena,
					     "/atomic:operations/%zu", i));
	return NULL;
}

struct error *
serve_operations(struct request *request, struct response *response)
{
	struct operations o = { .request = request,
				.context =
					request_row_context(request, false) };
	struct json_object *list;
	struct error *error;
	bool replayed;

	error = read_list(request, &list);
	if (error)
		return error;
	if (any_needs_hashing(request, list) &&
	    request_hand_over(request, response, "hash"))
		return NULL;
	error = idempotency_begin(request, response, &replayed);
	if (error || replayed)
		return error;
	strbuf_init(&o.results, request->arena);
	db_begin(request->db);
	for (; o.index < json_object_array_length(list); o.index++) {
		if (o.index)
			strbuf_putc(&o.results, ',');
		error = perform(&o, json_object_array_get_idx(list, o.index));
		if (error)
			return located(&o, error);
	}
	response->content_type = ATOMIC_TYPE;
	strbuf_literal(&response->body, "{\"atomic:results\":[");
	strbuf_add(&response->body, o.results.data, o.results.length);
	strbuf_literal(&response->body, "]}");
	error = idempotency_end(request, response);
	if (!error)
		error = resource_finish(request, &o.stale);
	return error;
}
