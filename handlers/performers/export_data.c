/*
 * export_data: one entity or all as a file. Administrators get everything, and
 * secrets where they ask for a full backup; others what they may read.
 */
#include <string.h>

#include "db/base/crypto.h"
#include "handlers/download.h"
#include "handlers/engine.h"
#include "handlers/export.h"
#include "handlers/input.h"

static const char *
text_of(struct json_object *input, const char *name)
{
	const char *text =
		json_object_get_string(json_object_object_get(input, name));

	return text && *text ? text : NULL;
}

static struct error *
bad_input(struct run *run, int status, const char *name, const char *what)
{
	struct arena *arena = run->request->arena;

	return error_at(
		error_new(arena, status, "bad-input", "%s: %s", name, what),
		arena_printf(arena, "/attributes/%s", name));
}

/* table_name, or the table that the subject describes, or all. */
static struct error *
find_entity(struct run *run, struct json_object *input, struct export *export)
{
	const char *name = text_of(input, "table_name");

	if (!name && run->subject)
		name = text_of(run->subject, "table_name");
	if (!name)
		return NULL;
	export->entity = model_entity(run->request->model, name);
	if (!export->entity && !strcmp(name, "user"))
		export->entity = run->request->model->user_account;
	if (export->entity)
		return NULL;
	return bad_input(run, 404, "table_name",
			 arena_printf(run->request->arena,
				      "there is no entity %s", name));
}

static struct error *
find_format(struct run *run, struct json_object *input, struct export *export)
{
	const char *name = text_of(input, "format");

	if (!name) {
		export->format = dump_format_of_media(
			request_variable(run->request, "HTTP_ACCEPT"));
		name = "json";
	}
	if (!export->format)
		export->format = dump_format_named(name);
	if (export->format)
		return NULL;
	return bad_input(run, 400, "format",
			 arena_printf(run->request->arena, "must be one of %s",
				      dump_format_names(run->request->arena)));
}

static struct error *
find_wish(struct run *run, struct json_object *input, struct export *export)
{
	struct request *request = run->request;

	export->wish = (struct dump_wish){
		.model = request->model,
		.actor = run->actor,
		.with_secrets = input_is_true(
			json_object_object_get(input, "include_secrets")),
	};
	if (export->wish.with_secrets && !run->actor->is_administrator)
		return error_new(request->arena, 403, "forbidden",
				 "only administrators get secrets");
	return NULL;
}

static void
tell(void *context, int64_t done, int64_t total)
{
	run_progress(context, done, total, "rows");
}

static void
release_connection(void *db)
{
	db_free(db);
}

/* On a connection of its own: the run's transaction has its own snapshot. */
static struct error *
connect(struct run *run, struct db **db)
{
	struct arena *arena = run->request->arena;

	*db = db_beside(run->request->db);
	arena_defer(arena, release_connection, *db);
	return db_connect(*db, arena);
}

static struct error *
export_to_file(struct run *run, struct export *export,
	       struct answer_file **file)
{
	struct arena *arena = run->request->arena;
	struct db *db;
	struct error *error = connect(run, &db);

	export->progress = tell;
	export->context = run;
	if (!error)
		error = answer_file_new(arena, export->settings, file);
	return error ? error : export_run(db, arena, export, *file);
}

/* An export whose first piece was made, to see that it can be made. */
struct download {
	struct answer_stream stream;
	struct export export;
	struct export_reader *reader;
	const char *first;
	size_t first_size;
	bool is_begun;
};

static struct error *
next_piece(void *context, const char **data, size_t *size)
{
	struct download *download = context;

	if (download->is_begun)
		return export_next(download->reader, data, size);
	download->is_begun = true;
	*data = download->first;
	*size = download->first_size;
	return NULL;
}

static struct error *
export_to_stream(struct run *run, const struct export *export,
		 const struct answer_stream **stream)
{
	struct arena *arena = run->request->arena;
	struct download *download = ARENA_NEW(arena, struct download);
	struct db *db;
	struct error *error = connect(run, &db);

	download->stream = (struct answer_stream){ next_piece, download };
	download->export = *export;
	*stream = &download->stream;
	if (!error)
		error = export_open(db, arena, &download->export, NULL,
				    &download->reader);
	if (!error)
		error = export_next(download->reader, &download->first,
				    &download->first_size);
	return error;
}

static struct error *
make_file(struct run *run, struct export *export, struct reply *reply)
{
	const struct dump_format *format = export->format;
	struct arena *arena = run->request->arena;
	bool is_csv = !strcmp(format->name, "csv");
	const char *name =
		arena_printf(arena, "daptin_dump_%s.%s",
			     export->entity ? export->entity->name : "complete",
			     format->name);
	const char *type = is_csv ? "application/csv" : format->media_type;
	const char *message = is_csv ? "Downloading csv " : "Downloading data";
	const struct answer_stream *stream;
	struct answer_file *file;
	struct error *error;

	if (!format->needs_file &&
	    download_is_streamed(run->request, run->action)) {
		error = export_to_stream(run, export, &stream);
		if (!error)
			reply_download_stream(reply, name, type, message,
					      stream);
		return error;
	}
	error = export_to_file(run, export, &file);
	if (!error)
		reply_download_file(reply, name, type, message, file);
	return error;
}

static struct error *
export_data(struct run *run, struct json_object *input, struct reply *reply)
{
	struct export export = { .settings = run->request->settings };
	struct error *error = find_entity(run, input, &export);

	if (!error)
		error = find_format(run, input, &export);
	if (!error)
		error = find_wish(run, input, &export);
	return error ? error : make_file(run, &export, reply);
}

const struct performer performer_export_data = {
	.name = "__data_export",
	.summary = "Export an entity, or all, as a file",
	.pool = "long",
	.perform = export_data,
	.downloads = true,
};
