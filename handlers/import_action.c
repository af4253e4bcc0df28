/*
 * import_action.c: from the inputs of an action to imports, and from their
 * results to items of the answer.
 */
#include "handlers/import_action.h"

#include <string.h>

#include "handlers/formats/format.h"
#include "handlers/import.h"
#include "handlers/input.h"
#include "handlers/record.h"
#include "handlers/spool.h"

static struct json_object *
member(struct run *run, struct json_object *input, const char *name)
{
	struct json_object *value;

	/* what stands beside the declared inputs counts as well */
	if (json_object_object_get_ex(input, name, &value) && value)
		return value;
	return json_object_object_get(run->attributes, name);
}

static const char *
text(struct run *run, struct json_object *input, const char *name)
{
	struct json_object *value = member(run, input, name);
	const char *found = json_object_get_string(value);

	return found && *found ? found : NULL;
}

static struct error *
bad_input(struct run *run, const char *name, const char *what)
{
	struct arena *arena = run->request->arena;

	return error_at(error_new(arena, 400, "bad-input", "%s %s", name, what),
			arena_printf(arena, "/attributes/%s", name));
}

/* An object, also as its text: forms have nothing else. */
static struct error *
read_types(struct run *run, struct json_object *input,
	   struct json_object **types)
{
	static const struct format_limits limits = { .bytes = 1 << 20,
						     .depth = 4,
						     .nodes = 10000 };
	struct json_object *value = member(run, input, "column_types");
	const char *written = json_object_get_string(value);
	struct error *error = NULL;

	*types = NULL;
	if (json_object_is_type(value, json_type_string) && *written) {
		error = json_read(run->request->arena, written, strlen(written),
				  &limits, 400, &value);
		if (error)
			return error;
	} else if (json_object_is_type(value, json_type_string)) {
		return NULL;
	}
	if (value && !json_object_is_type(value, json_type_object))
		return bad_input(run, "column_types",
				 "must be an object of columns and types");
	*types = value;
	return NULL;
}

static struct error *
read_on_error(struct run *run, struct json_object *input, bool *skip)
{
	const char *wanted = text(run, input, "on_error");

	*skip = wanted && !strcasecmp(wanted, "skip");
	if (!wanted || *skip || !strcasecmp(wanted, "fail"))
		return NULL;
	return bad_input(run, "on_error", "must be fail or skip");
}

static void
tell_progress(void *context, int64_t rows UNUSED, int64_t bytes,
	      int64_t bytes_total)
{
	run_progress(context, bytes, bytes_total, "bytes");
}

static struct error *
read_options(struct run *run, struct json_object *input,
	     struct import_options *options)
{
	struct error *error;

	*options = (struct import_options){
		.table = { .sheet = text(run, input, "sheet"),
			   .delimiter = text(run, input, "delimiter"),
			   .encoding = text(run, input, "encoding") },
		.entity_name = text(run, input, "entity_name"),
		.create_if_not_exists = input_is_true(
			member(run, input, "create_if_not_exists")),
		.add_missing_columns = input_is_true(
			member(run, input, "add_missing_columns")),
		.dry_run = run->dry_run ||
			   input_is_true(member(run, input, "dry_run")),
		.update_on = text(run, input, "update_on"),
		.progress = tell_progress,
		.progress_context = run,
	};
	error = read_on_error(run, input, &options->skip);
	return error ? error : read_types(run, input, &options->column_types);
}

static struct error *
find_files(struct run *run, struct json_object *input,
	   struct json_object **files, const char **name)
{
	static const char *const names[] = { "data_csv_file", "data_xls_file" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		*name = names[i];
		*files = member(run, input, names[i]);
		if (json_object_is_type(*files, json_type_array) &&
		    json_object_array_length(*files))
			return NULL;
	}
	return bad_input(run, names[0], "is required: a list of files");
}

/* The answer. */

static void
add_items(struct reply *reply, const struct import_result *result, bool is_dry)
{
	if (result->bad_rows)
		reply_download(reply, "bad_rows.csv", "text/csv",
			       "Rows that were not imported",
			       result->bad_rows->data,
			       result->bad_rows->length);
	if (!is_dry && result->counts.bad)
		reply_notify(reply, "message", "Skipped",
			     arena_printf(reply->arena,
					  "%lld rows of %lld were not "
					  "imported",
					  (long long)result->counts.bad,
					  (long long)result->counts.rows));
	reply_add(reply, "action.response", import_report(result));
}

static void
name_ignored(struct reply *reply, const struct import_result *result)
{
	for (size_t i = 0; i < result->ncolumns; i++)
		if (!result->columns[i].name)
			reply_notify(reply, "message", "Ignored",
				     arena_printf(reply->arena,
						  "the column %s of the file "
						  "is none of %s",
						  result->columns[i].heading,
						  result->entity));
}

static void
tell_changes(struct run *run, const struct model *model,
	     const struct import_result *result)
{
	const struct entity *entity = model_entity(model, result->entity);

	if (entity && result->counts.created)
		run_changed_many(run, entity, "create", result->counts.created);
	if (entity && result->counts.updated)
		run_changed_many(run, entity, "update", result->counts.updated);
}

static struct error *
import_file(struct run *run, struct json_object *file, const char *input,
	    struct row_context *context, struct import_options *options,
	    struct reply *reply)
{
	struct import_result result;
	struct error *error;
	int fd;

	error = spool_open(run->request, file, input, &options->table.file,
			   &fd);
	if (!error)
		error = import_run(context, fd, options, &result);
	if (error)
		return error;
	run->model_changed |= result.is_model_changed;
	if (!options->dry_run)
		tell_changes(run, context->model, &result);
	add_items(reply, &result, options->dry_run);
	name_ignored(reply, &result);
	return NULL;
}

static struct error *
import_files(struct run *run, struct json_object *input,
	     struct import_options *options, struct reply *reply)
{
	struct row_context context = request_row_context(run->request, false);
	struct json_object *files;
	const char *name;
	struct error *error = find_files(run, input, &files, &name);

	context.actor = run->actor;
	context.run = run->id;
	for (size_t i = 0; !error && i < json_object_array_length(files); i++)
		error = import_file(run, json_object_array_get_idx(files, i),
				    name, &context, options, reply);
	return error;
}

struct error *
import_action(struct run *run, struct json_object *input, struct reply *reply)
{
	struct import_options options;
	struct error *error = read_options(run, input, &options);

	if (error)
		return error;
	if (!options.dry_run)
		reply_notify(reply, "success", "Success",
			     "Initiating system update.");
	error = import_files(run, input, &options, reply);
	if (!error && !options.dry_run)
		reply_redirect(reply, "/", 0);
	return error;
}
