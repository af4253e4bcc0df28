/*
 * related.c: a list of the default order per relation, in the run's
 * transaction.
 */
#include "handlers/related.h"

#include "handlers/listing.h"
#include "handlers/run_row.h"

static struct json_object *
rows_array(struct run *run, const struct listing *listing,
	   const struct page *page)
{
	const struct row row = { listing->selection, page->rows };
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < rows_count(page->rows); i++)
		json_object_array_add(array,
				      json_object_get(run_row(run, &row, i)));
	return array;
}

static struct error *
read_related(struct run *run, const struct relationship *relationship,
	     const char *id, struct json_object **rows)
{
	struct request *request = run->request;
	struct listing_context context = listing_context_of(request);
	struct json_object *nothing = json_object_new_object();
	struct listing *listing;
	struct error *error;
	struct page page;

	context.actor = run->actor;
	error = listing_from_object(&context, relationship->target, nothing,
				    &listing);
	json_object_put(nothing);
	if (error)
		return error;
	listing->parent = run->action->entity;
	listing->parent_id = id;
	listing->relationship = relationship;
	listing->page_size = FOR_EACH_MAX;
	listing->total = TOTAL_NONE;
	error = query_page(request->db, request->arena, request->model,
			   run->actor, listing, &page);
	if (!error)
		*rows = rows_array(run, listing, &page);
	return error;
}

/* A table that the caller may not read has no rows for him. */
static struct error *
add_one(struct run *run, const struct relationship *relationship,
	const char *id)
{
	bool is_one = !relationship->to_many && relationship->from_subject;
	struct json_object *rows = NULL;
	struct error *error = NULL;

	if (permission_table(run->actor, relationship->target, VERB_READ))
		error = read_related(run, relationship, id, &rows);
	else
		rows = json_object_new_array();
	if (error)
		return error;
	json_object_object_add(
		run->subject, relationship->name,
		is_one ? json_object_get(json_object_array_get_idx(rows, 0))
		       : json_object_get(rows));
	json_object_put(rows);
	return NULL;
}

struct error *
related_add(struct run *run, const char *id)
{
	const struct action *action = run->action;
	struct error *error = NULL;

	for (size_t i = 0; !error && i < action->nrequest_subject_relations;
	     i++) {
		const struct relationship *relationship = entity_relationship(
			action->entity, action->request_subject_relations[i]);

		if (relationship)
			error = add_one(run, relationship, id);
	}
	return error;
}
