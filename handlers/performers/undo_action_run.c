/*
 * undo_action_run: makes rows with history again what they were before a run
 * of an action, the subject. This is a run itself, and can be undone as well.
 */
#include <string.h>

#include "db/action_run.h"
#include "db/undo.h"
#include "handlers/engine.h"
#include "handlers/input.h"
#include "handlers/record.h"

static const char *
text_of(const struct run *run, const char *name)
{
	return json_object_get_string(
		json_object_object_get(run->subject, name));
}

/* A run of `count` rows is told by it; others are one row. */
static int64_t
rows_of(struct json_object *change)
{
	struct json_object *count = json_object_object_get(change, "count");

	return count ? json_object_get_int64(count) : 1;
}

/* What the run changed, and nothing remembers. */
static int64_t
count_left(const struct run *run, int64_t nundone)
{
	const char *text = text_of(run, "changed_rows");
	struct json_object *rows = text ? json_tokener_parse(text) : NULL;
	int64_t count = 0;

	for (size_t i = 0; json_object_is_type(rows, json_type_array) &&
			   i < json_object_array_length(rows);
	     i++) {
		struct json_object *one = json_object_array_get_idx(rows, i);
		const char *name = json_object_get_string(
			json_object_object_get(one, "entity"));
		const struct entity *entity =
			name ? model_entity(run->request->model, name) : NULL;

		if (json_object_object_get(one, "count") || !entity ||
		    (!entity->audit && !entity->is_join_table))
			count += rows_of(one);
	}
	json_object_put(rows);
	return nundone ? count : 0;
}

/* Rows with history that came in bulk: the journal does not have them. */
static struct error *
check_bulk(const struct run *run)
{
	const char *text = text_of(run, "changed_rows");
	struct json_object *rows = text ? json_tokener_parse(text) : NULL;
	struct error *faults = NULL;

	for (size_t i = 0; json_object_is_type(rows, json_type_array) &&
			   i < json_object_array_length(rows);
	     i++) {
		struct json_object *one = json_object_array_get_idx(rows, i);
		const char *name = json_object_get_string(
			json_object_object_get(one, "entity"));
		const struct entity *entity =
			name ? model_entity(run->request->model, name) : NULL;

		if (entity && entity->audit &&
		    json_object_object_get(one, "count"))
			error_append(
				&faults,
				error_new(run->request->arena, 409,
					  "bulk-changes",
					  "%lld rows of %s came in bulk (%s), "
					  "which can't be undone",
					  (long long)rows_of(one), name,
					  json_object_get_string(
						  json_object_object_get(
							  one, "operation"))));
	}
	json_object_put(rows);
	return faults;
}

static void
tell(struct run *run, struct reply *reply, size_t count)
{
	int64_t nleft = count_left(run, (int64_t)count);
	struct strbuf message;

	strbuf_init(&message, run->request->arena);
	strbuf_printf(&message, "Undid %s on %s: %zu %s",
		      text_of(run, "action_name"), text_of(run, "entity_name"),
		      count, count == 1 ? "change" : "changes");
	if (nleft)
		strbuf_printf(&message,
			      "; %lld changes of tables without history stay",
			      (long long)nleft);
	reply_notify(reply, "success", "Undone", message.data);
}

static struct error *
claim(struct run *run, const struct row_context *context, const char *id)
{
	bool is_first;
	struct error *error = action_run_mark_undone(context, id, &is_first);

	if (error || is_first)
		return error;
	return error_new(run->request->arena, 409, "undone-already",
			 "this run was undone already");
}

static struct error *
undo_action_run(struct run *run, struct json_object *input, struct reply *reply)
{
	struct row_context context = request_row_context(run->request, false);
	struct undo_change *changes;
	size_t count;
	const char *id;
	struct error *error =
		input_text(run->request->arena, input, "action_run_id", &id);

	context.actor = run->actor;
	context.run = run->id;
	if (!error)
		error = check_bulk(run);
	if (!error)
		error = claim(run, &context, id);
	if (!error)
		error = undo_run(&context, id, run->dry_run, &changes, &count);
	if (error)
		return error;
	for (size_t i = 0; i < count; i++)
		run_changed(run, changes[i].entity, changes[i].id,
			    changes[i].operation, changes[i].before,
			    changes[i].after);
	tell(run, reply, count);
	return NULL;
}

const struct performer performer_undo_action_run = {
	.name = "__undo_action_run",
	.summary = "Change back what a run of an action changed",
	.perform = undo_action_run,
};
