/*
 * import_data: a dump back into the instance, all of it or nothing. It writes
 * ids, owners and permissions as they are, so it is for administrators.
 */
#include <string.h>

#include "handlers/engine.h"
#include "handlers/input.h"
#include "handlers/record.h"
#include "handlers/restore.h"
#include "handlers/spool.h"

static struct json_object *
member(struct run *run, struct json_object *input, const char *name)
{
	struct json_object *value;

	if (json_object_object_get_ex(input, name, &value) && value)
		return value;
	return json_object_object_get(run->attributes, name);
}

static struct error *
bad_input(struct run *run, int status, const char *name, const char *what)
{
	struct arena *arena = run->request->arena;

	return error_at(
		error_new(arena, status, "bad-input", "%s %s", name, what),
		arena_printf(arena, "/attributes/%s", name));
}

/* The table that the subject describes, or that table_name names. */
static struct error *
find_only(struct run *run, struct json_object *input,
	  const struct entity **only)
{
	const char *name = json_object_get_string(
		run->subject
			? json_object_object_get(run->subject, "table_name")
			: member(run, input, "table_name"));

	*only = name && *name ? model_entity(run->request->model, name) : NULL;
	if (*only || !name || !*name)
		return NULL;
	return bad_input(
		run, 404, "table_name",
		arena_printf(run->request->arena, "names no entity: %s", name));
}

static struct error *
find_files(struct run *run, struct json_object *input,
	   struct json_object **files)
{
	*files = member(run, input, "dump_file");
	if (json_object_is_type(*files, json_type_array) &&
	    json_object_array_length(*files))
		return NULL;
	return bad_input(run, 400, "dump_file", "is required: a list of files");
}

static void
tell(void *context, int64_t rows UNUSED, int64_t done, int64_t total)
{
	run_progress(context, done, total, "bytes");
}

/* The answer. */

static struct json_object *
report_object(const struct dump_report *report)
{
	struct json_object *object = json_object_new_object();
	struct json_object *tables = json_object_new_object();
	struct json_object *unknown = json_object_new_array();

	json_object_object_add(object, "rows",
			       json_object_new_int64(report->rows));
	json_object_object_add(object, "tables", tables);
	for (size_t i = 0; i < report->ncounts; i++) {
		const struct dump_count *count = &report->counts[i];
		struct json_object *one = json_object_new_object();

		json_object_object_add(one, "created",
				       json_object_new_int64(count->created));
		json_object_object_add(one, "updated",
				       json_object_new_int64(count->updated));
		json_object_object_add(tables, count->entity, one);
	}
	for (size_t i = 0; i < report->nunknown; i++)
		json_object_array_add(
			unknown, json_object_new_string(report->unknown[i]));
	json_object_object_add(object, "unknown", unknown);
	return object;
}

static void
add_items(struct reply *reply, const char *file,
	  const struct dump_report *report)
{
	reply_notify(reply, "success", "Success",
		     arena_printf(reply->arena,
				  "Imported %lld rows of %zu tables from %s",
				  (long long)report->rows, report->ncounts,
				  file));
	reply_add(reply, "action.response", report_object(report));
}

static void
tell_changes(struct run *run, const struct dump_report *report)
{
	for (size_t i = 0; i < report->ncounts; i++) {
		const struct dump_count *count = &report->counts[i];
		const struct entity *entity =
			model_entity(run->request->model, count->entity);

		if (entity && count->created)
			run_changed_many(run, entity, "create", count->created);
		if (entity && count->updated)
			run_changed_many(run, entity, "update", count->updated);
	}
}

static struct error *
import_file(struct run *run, struct json_object *file,
	    const struct restore *restore, struct reply *reply)
{
	struct request *request = run->request;
	struct dump_report report;
	const char *name;
	struct error *error;
	int fd;

	error = spool_open(request, file, "dump_file", &name, &fd);
	if (!error)
		error = restore_run(request->arena, restore, fd, name, &report);
	if (error)
		return error;
	run->model_changed |= report.is_model_touched;
	run->access_changed = true;
	tell_changes(run, &report);
	add_items(reply, name, &report);
	return NULL;
}

static struct error *
import_data(struct run *run, struct json_object *input, struct reply *reply)
{
	struct request *request = run->request;
	struct restore restore = {
		.settings = { .db = request->db,
			      .model = request->model,
			      .values = &request->settings->values,
			      .truncate = input_is_true(member(
				      run, input, "truncate_before_insert")),
			      .skip_unknown = input_is_true(
				      member(run, input, "skip_unknown")) },
		.progress = tell,
		.context = run,
	};
	struct json_object *files;
	struct error *error;

	if (!run->actor->is_administrator && request->model->has_administrator)
		return error_new(request->arena, 403, "forbidden",
				 "only administrators import dumps");
	error = find_files(run, input, &files);
	if (!error)
		error = find_only(run, input, &restore.only);
	for (size_t i = 0; !error && i < json_object_array_length(files); i++)
		error = import_file(run, json_object_array_get_idx(files, i),
				    &restore, reply);
	return error;
}

const struct performer performer_import_data = {
	.name = "__data_import",
	.summary = "Import a dump",
	.pool = "long",
	.spools = true,
	.perform = import_data,
	.is_writer = true,
};
