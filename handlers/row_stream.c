/*
 * row_stream.c: what the steps of a stream do to rows, which are plain JSON
 * objects here. The rows come from the root entity's list, with its
 * permissions.
 */
#include "handlers/row_stream.h"

#include <stdlib.h>
#include <string.h>

#include "db/base/json.h"
#include "handlers/jsonapi.h"
#include "handlers/listing.h"

#define TYPE_MEMBER "__type"

static bool
is_named(const struct row_stream_step *step, const char *name)
{
	for (size_t i = 0; i < step->nnames; i++)
		if (!strcmp(step->names[i], name))
			return true;
	return false;
}

/* Members that stay: those that are named, or that are not. */
static void
keep_members(struct json_object *row, const struct row_stream_step *step,
	     bool named)
{
	struct lh_entry *entry, *next;

	for (entry = json_object_get_object(row)->head; entry; entry = next) {
		const char *name = lh_entry_k(entry);

		next = entry->next;
		if (strcmp(name, TYPE_MEMBER) != 0 &&
		    is_named(step, name) != named)
			json_object_object_del(row, name);
	}
}

static void
copy_member(struct json_object *row, const struct row_stream_step *step)
{
	struct json_object *value;

	if (json_object_object_get_ex(row, step->names[0], &value))
		json_object_object_add(row, step->names[1],
				       json_object_get(value));
}

/* Filters. */

static bool
number_of(struct json_object *value, double *number)
{
	const char *text = json_object_get_string(value);
	char *end;

	if (!value || json_object_is_type(value, json_type_boolean) || !*text)
		return false;
	*number = strtod(text, &end);
	return !*end;
}

/* Below 0, 0, above 0; numbers as numbers where both are. */
static int
compare(struct json_object *left, struct json_object *right)
{
	double a, b;

	if (number_of(left, &a) && number_of(right, &b))
		return (a > b) - (a < b);
	return strcmp(json_object_get_string(left),
		      json_object_get_string(right));
}

static bool
is_equal(struct json_object *left, struct json_object *right)
{
	if (!left || !right)
		return left == right;
	return !compare(left, right);
}

static bool
is_among(struct json_object *value, struct json_object *list)
{
	if (!json_object_is_type(list, json_type_array))
		return is_equal(value, list);
	for (size_t i = 0; i < json_object_array_length(list); i++)
		if (is_equal(value, json_object_array_get_idx(list, i)))
			return true;
	return false;
}

/* Null is neither less nor greater than anything. */
static bool
compares(struct json_object *value, const char *comparator,
	 struct json_object *wanted)
{
	int order;

	if (!strcmp(comparator, "in"))
		return is_among(value, wanted);
	if (!strcmp(comparator, "=="))
		return is_equal(value, wanted);
	if (!strcmp(comparator, "!="))
		return !is_equal(value, wanted);
	if (!value || !wanted)
		return false;
	order = compare(value, wanted);
	if (!order)
		return comparator[1] == '=';
	return comparator[0] == '>' ? order > 0 : order < 0;
}

static bool
holds(struct json_object *row, const struct row_stream_step *step)
{
	struct json_object *wanted = json_tokener_parse(step->value);
	bool result = compares(json_object_object_get(row, step->names[0]),
			       step->comparator, wanted);

	json_object_put(wanted);
	return result;
}

/* False if the row is left out. */
static bool
apply(struct json_object *row, const struct row_stream_step *step)
{
	switch (step->operation) {
	case STREAM_SELECT:
		keep_members(row, step, true);
		break;
	case STREAM_DROP:
		keep_members(row, step, false);
		break;
	case STREAM_RENAME:
		copy_member(row, step);
		if (strcmp(step->names[0], step->names[1]) != 0)
			json_object_object_del(row, step->names[0]);
		break;
	case STREAM_DUPLICATE:
		copy_member(row, step);
		break;
	case STREAM_FILTER:
		return holds(row, step);
	}
	return true;
}

static struct json_object *
make_row(struct arena *arena, const struct row_stream *stream,
	 const struct row *row, size_t index)
{
	struct json_object *object = row_object(row, index);

	json_keep(arena, object);
	json_object_object_add(object, TYPE_MEMBER,
			       json_object_new_string(stream->name));
	for (size_t i = 0; i < stream->nsteps; i++)
		if (!apply(object, &stream->steps[i]))
			return NULL;
	return object;
}

/* Reading. */

/* The first of a name counts: what the stream sets is fixed. */
static void
set_parameters(struct arena *arena, const struct row_stream *stream,
	       const struct parameter *parameters, size_t nparameters,
	       struct listing_context *context)
{
	struct parameter *list = NULL;
	size_t count = 0;

	for (size_t i = 0; i < stream->nparameters; i++)
		ARENA_PUSH(arena, list, count,
			   ((struct parameter){ stream->parameters[i].name,
						stream->parameters[i].value }));
	for (size_t i = 0; i < nparameters; i++)
		ARENA_PUSH(arena, list, count, parameters[i]);
	context->parameters = list;
	context->nparameters = count;
}

struct error *
row_stream_read(struct request *request, const struct row_stream *stream,
		const struct parameter *parameters, size_t nparameters,
		struct row_stream_page *page)
{
	struct listing_context context = listing_context_of(request);
	struct error *error;
	size_t count;

	if (!permission_table(request->actor, stream->entity, VERB_PEEK))
		return permission_refused(request->arena, stream->entity,
					  VERB_PEEK);
	set_parameters(request->arena, stream, parameters, nparameters,
		       &context);
	error = listing_read(&context, stream->entity, &page->listing);
	if (error)
		return error;
	page->listing->nincludes = 0; /* rows of a stream have no relations */
	error = query_page(request->db, request->arena, request->model,
			   request->actor, page->listing, &page->page);
	if (error)
		return error;
	count = rows_count(page->page.rows);
	page->rows = ARENA_ARRAY(request->arena, struct json_object *, count);
	for (size_t i = 0; i < count; i++) {
		const struct row row = { page->listing->selection,
					 page->page.rows };

		page->rows[i] = make_row(request->arena, stream, &row, i);
	}
	return NULL;
}

struct error *
row_stream_list(struct request *request, struct response *response,
		const struct row_stream *stream)
{
	struct row_stream_page page;
	struct error *error =
		row_stream_read(request, stream, request->parameters,
				request->nparameters, &page);

	if (!error)
		jsonapi_made_list(response, request, page.listing, &page.page,
				  stream->name, page.rows);
	return error;
}
