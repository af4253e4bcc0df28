/*
 * method.c: what the methods of outcomes do: rows of an entity, items of the
 * answer, performers, and running on as somebody else.
 */
#include <string.h>

#include "db/account.h"
#include "db/base/crypto.h"
#include "db/base/json.h"
#include "handlers/definition.h"
#include "handlers/listing.h"
#include "handlers/record.h"
#include "handlers/run_row.h"
#include "handlers/outcome.h"

static struct json_object *
keep(struct run *run, struct json_object *object)
{
	return json_keep(run->request->arena, object);
}

/* `trusted` passes the table and row checks, as RunAs allows for writes. */
static struct row_context
row_context_of(const struct run *run, bool trusted)
{
	struct row_context context = request_row_context(run->request, trusted);

	context.actor = run->actor;
	context.run = run->id;
	return context;
}

/* Entities. */

struct entity *
outcome_entity(const struct model *model, const struct outcome *outcome)
{
	struct entity *entity = model_entity(model, outcome->type);

	if (entity)
		return entity;
	if (!strcmp(outcome->type, "user"))
		return model->user_account;
	if (!strcmp(outcome->type, "user_user_id_has_usergroup_usergroup_id"))
		return model->membership;
	return NULL;
}

static struct error *
find_entity(struct run *run, const struct outcome *outcome,
	    struct entity **entity)
{
	*entity = outcome_entity(run->request->model, outcome);
	if (*entity)
		return NULL;
	return error_new(run->request->arena, 404, "unknown-entity",
			 "there is no entity %s", outcome->type);
}

/* Dry runs. */

/* The row before it changes; NULL if this is no dry run. */
static struct error *
row_before(struct run *run, const struct entity *entity, const char *id,
	   struct json_object **before)
{
	struct row_context context = row_context_of(run, true);
	struct row row;
	struct error *error;

	*before = NULL;
	if (!run->dry_run || !record_lists(entity))
		return NULL;
	error = row_read(&context, entity, id, true, &row);
	if (!error && rows_count(row.rows))
		*before = keep(run, row_object(&row, 0));
	return error;
}

/* Rows. */

/* A row that stands where a reference id is wanted stands for its id. */
static struct json_object *
reference_of(struct json_object *value)
{
	struct json_object *id = json_object_object_get(value, "reference_id");

	return id ? id : value;
}

static struct json_object *
column_value(const struct column *column, struct json_object *value)
{
	if (column && column->kind == VALUE_REFERENCE &&
	    json_object_is_type(value, json_type_object))
		value = reference_of(value);
	return json_object_get(value);
}

/* Without the reference id: it names the row, and is no value of it. */
static struct json_object *
row_values(struct run *run, const struct entity *entity,
	   struct json_object *input)
{
	struct json_object *values = keep(run, json_object_new_object());

	json_object_object_foreach(input, name, value)
	{
		if (strcmp(name, "reference_id") != 0)
			json_object_object_add(
				values, name,
				column_value(entity_column(entity, name),
					     value));
	}
	return values;
}

static const char *
text_member(struct json_object *object, const char *name)
{
	return json_object_get_string(json_object_object_get(object, name));
}

/* The attribute reference_id, which names the row of the outcome. */
static struct error *
row_id(struct run *run, const struct outcome *outcome,
       struct json_object *input, const char **id)
{
	*id = text_member(input, "reference_id");
	if (!*id)
		return error_new(run->request->arena, 400, "no-reference-id",
				 "there is no reference id of a %s",
				 outcome->type);
	if (!crypto_is_uuid(*id))
		return error_new(run->request->arena, 404, "not-found",
				 "there is no such %s", outcome->type);
	return NULL;
}

/* A value that does not fit is a fault of the action's input. */
static struct error *
input_fault(struct error *error)
{
	for (struct error *one = error; one; one = one->next)
		if (one->status == 422)
			one->status = 400;
	return error;
}

static void
notify_done(struct run *run, struct reply *items, const char *done,
	    const struct outcome *outcome)
{
	reply_notify(items, "success", "Success",
		     arena_printf(run->request->arena, "%s %s", done,
				  outcome->type));
}

static struct error *
check_written(struct run *run, const struct entity *entity,
	      const struct row *row)
{
	struct request *request = run->request;

	return definition_check(
		request->db, request->arena, request->model, entity,
		rows_text(row->rows, 0, SELECTION_REFERENCE_ID));
}

static struct error *
create_row(struct run *run, const struct outcome *outcome,
	   struct json_object *input, struct reply *items,
	   struct json_object **result)
{
	struct row_context context =
		row_context_of(run, !run->action->run_as_caller);
	struct entity *entity;
	struct row row;
	struct error *error = find_entity(run, outcome, &entity);

	if (error)
		return error;
	error = row_create(&context, entity, NULL,
			   row_values(run, entity, input), NULL, &row);
	if (!error)
		error = check_written(run, entity, &row);
	if (error)
		return input_fault(error);
	*result = run_row(run, &row, 0);
	run_changed(run, entity, text_member(*result, "reference_id"), "create",
		    NULL, *result);
	notify_done(run, items, "Created", outcome);
	return NULL;
}

static struct error *
update_row(struct run *run, const struct outcome *outcome,
	   struct json_object *input, struct reply *items,
	   struct json_object **result)
{
	struct row_context context =
		row_context_of(run, !run->action->run_as_caller);
	struct json_object *before;
	struct entity *entity;
	struct row row;
	const char *id;
	struct error *error = find_entity(run, outcome, &entity);

	if (!error)
		error = row_id(run, outcome, input, &id);
	if (!error)
		error = row_before(run, entity, id, &before);
	if (!error)
		error = row_update(&context, entity, id,
				   row_values(run, entity, input), NULL, -1,
				   &row);
	if (!error)
		error = check_written(run, entity, &row);
	if (error)
		return input_fault(error);
	*result = run_row(run, &row, 0);
	run_changed(run, entity, id, "update", before, *result);
	reply_add(items,
		  strcmp(outcome->method, "PATCH") ? run->action->on_type
						   : entity->name,
		  json_object_get(*result));
	return NULL;
}

static struct error *
delete_row(struct run *run, const struct outcome *outcome,
	   struct json_object *input, struct reply *items,
	   struct json_object **result UNUSED)
{
	struct row_context context =
		row_context_of(run, !run->action->run_as_caller);
	struct json_object *before;
	struct entity *entity;
	const char *id;
	struct error *error = find_entity(run, outcome, &entity);

	if (!error)
		error = row_id(run, outcome, input, &id);
	if (!error)
		error = row_before(run, entity, id, &before);
	if (!error)
		error = row_delete(&context, entity, id);
	if (error)
		return error;
	run_changed(run, entity, id, "delete", before, NULL);
	notify_done(run, items, "Deleted", outcome);
	return NULL;
}

/* Reads are the caller's, whatever RunAs says. */
static struct error *
get_row(struct run *run, const struct outcome *outcome,
	struct json_object *input, struct reply *items,
	struct json_object **result)
{
	struct row_context context = row_context_of(run, false);
	struct entity *entity;
	struct row row;
	const char *id;
	struct error *error = find_entity(run, outcome, &entity);

	if (!error)
		error = row_id(run, outcome, input, &id);
	if (!error)
		error = row_read(&context, entity, id, false, &row);
	if (error)
		return error;
	if (!rows_count(row.rows))
		return error_new(run->request->arena, 404, "not-found",
				 "there is no such %s", outcome->type);
	*result = run_row(run, &row, 0);
	reply_add(items, run->action->on_type, json_object_get(*result));
	return NULL;
}

static struct error *
get_rows(struct run *run, const struct outcome *outcome,
	 struct json_object *input, struct reply *items,
	 struct json_object **result)
{
	struct listing_context context = listing_context_of(run->request);
	struct entity *entity;
	struct listing *listing;
	struct page page;
	struct error *error = find_entity(run, outcome, &entity);

	if (error)
		return error;
	context.actor = run->actor;
	json_object_object_del(input, "included_relations");
	json_object_object_del(input, "include");
	error = listing_from_object(&context, entity, input, &listing);
	if (error)
		return error;
	listing->total = TOTAL_NONE;
	error = query_page(run->request->db, run->request->arena,
			   run->request->model, run->actor, listing, &page);
	if (error)
		return error;
	*result = keep(run, json_object_new_array());
	for (size_t i = 0; i < rows_count(page.rows); i++) {
		struct row row = { listing->selection, page.rows };

		json_object_array_add(*result,
				      json_object_get(run_row(run, &row, i)));
	}
	reply_add(items, run->action->on_type, json_object_get(*result));
	return NULL;
}

/* Everything else. */

static struct error *
respond(struct run *run, const struct outcome *outcome,
	struct json_object *input, struct reply *items,
	struct json_object **result)
{
	*result = keep(run, json_object_new_array());
	json_object_array_add(*result, json_object_get(input));
	reply_add(items, outcome->type, json_object_get(input));
	return NULL;
}

/* The performer's result, else its items' attributes. */
static struct json_object *
performer_result(struct run *run, const struct reply *items)
{
	struct json_object *list;

	if (items->result)
		return items->result;
	list = keep(run, json_object_new_array());
	for (size_t i = 0; i < items->nitems; i++)
		json_object_array_add(
			list, json_object_get(items->items[i].attributes));
	return list;
}

static struct error *
execute(struct run *run, const struct outcome *outcome,
	struct json_object *input, struct reply *items,
	struct json_object **result)
{
	const struct performer *performer = performer_find(outcome->type);
	struct reply own;
	struct error *error;

	if (!performer)
		return error_new(run->request->arena, 501, "no-performer",
				 "this installation can't do %s",
				 outcome->type);
	reply_init(&own, items->arena);
	run->is_kept |= performer->is_writer;
	error = performer->perform(run, input, &own);
	if (error)
		return error;
	*result = performer_result(run, &own);
	reply_append(items, &own);
	return NULL;
}

/* Outcomes that follow run as the account user_reference_id. */
static struct error *
switch_user(struct run *run, const struct outcome *outcome UNUSED,
	    struct json_object *input, struct reply *items UNUSED,
	    struct json_object **result UNUSED)
{
	struct request *request = run->request;
	const char *id = text_member(input, "user_reference_id");
	struct error *error;

	if (!id || !crypto_is_uuid(id))
		return error_new(request->arena, 400, "no-reference-id",
				 "there is no user_reference_id to go on as");
	error = account_actor_now(request->db, request->arena, request->model,
				  id, &run->actor);
	if (error)
		return error;
	request->actor = run->actor;
	return NULL;
}

static const struct outcome_method methods[] = {
	{ "POST", create_row, TARGET_ENTITY, false },
	{ "GET", get_rows, TARGET_ENTITY, false },
	{ "GET_BY_ID", get_row, TARGET_ENTITY, false },
	{ "UPDATE", update_row, TARGET_ENTITY, false },
	{ "PATCH", update_row, TARGET_ENTITY, false },
	{ "DELETE", delete_row, TARGET_ENTITY, false },
	{ "ACTIONRESPONSE", respond, TARGET_NONE, true },
	{ "SWITCH_USER", switch_user, TARGET_NONE, false },
	{ "EXECUTE", execute, TARGET_PERFORMER, false },
};

const struct outcome_method *
outcome_method(const struct outcome *outcome)
{
	size_t last = ARRAY_SIZE(methods) - 1;

	for (size_t i = 0; i < last; i++)
		if (!strcmp(methods[i].name, outcome->method))
			return &methods[i];
	return &methods[last];
}
