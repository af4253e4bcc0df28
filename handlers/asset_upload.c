/*
 * asset_upload.c: POST /asset/{entity}/{id}/{column}/upload?filename=NAME: the
 * body is the file, as large as nginx takes it, and is never in memory as a
 * whole. The row gets it as by a PATCH.
 */
#include <string.h>

#include "db/base/json.h"
#include "db/file_list.h"
#include "handlers/asset.h"
#include "handlers/jsonapi.h"
#include "handlers/resource.h"
#include "handlers/route.h"
#include "handlers/spool.h"

#define PIECE 65536

static struct error *
read_name(const struct request *request, const char **name)
{
	const char *operation = request_parameter(request, "operation");

	*name = request_parameter(request, "filename");
	if (operation && strcmp(operation, "stream") != 0)
		return error_in(error_new(request->arena, 400, "bad-parameter",
					  "A file is sent at once: stream."),
				"operation");
	if (!*name)
		return error_in(error_new(request->arena, 400, "bad-parameter",
					  "The file needs a name."),
				"filename");
	if (!file_name_is_plain(*name))
		return error_in(error_new(request->arena, 422, "invalid-value",
					  "This can't be a file's name."),
				"filename");
	return NULL;
}

/* To a temporary file, which ends with the request. */
static struct error *
read_body(const struct request *request, int *fd)
{
	const struct body *body = &request->body;
	char *piece = arena_alloc_raw(request->arena, PIECE);
	struct error *error = spool_new(request->arena, request->settings, fd);
	int64_t size = 0;
	long got = 0;

	while (!error && (got = body->read(body->context, piece, PIECE)) > 0) {
		error = spool_write(request->arena, *fd, piece, (size_t)got);
		size += got;
	}
	if (!error && (got < 0 || (body->length >= 0 && size != body->length)))
		error = error_new(request->arena, 400, "body-cut",
				  "The body is not as long as Content-Length "
				  "says.");
	return error;
}

/* Before the body is read: whether the caller may change the row at all. */
static struct error *
check_row(struct request *request, const struct entity *entity, const char *id)
{
	struct row_context context = request_row_context(request, false);
	struct row row;

	return row_update(&context, entity, id, NULL, NULL, -1, &row);
}

static struct error *
store(struct request *request, const char *name, struct json_object **file)
{
	const struct file_context context = {
		.arena = request->arena,
		.store = &request->settings->files,
		.db = request->db,
	};
	struct file_content content = { .fd = -1 };
	struct error *error = read_body(request, &content.fd);

	if (error)
		return error;
	return file_list_put(&context, name,
			     request_variable(request, "CONTENT_TYPE"),
			     &content, file);
}

/* {column: [file]} */
static struct json_object *
attributes_of(struct arena *arena, const struct column *column,
	      struct json_object *file)
{
	struct json_object *attributes =
		json_keep(arena, json_object_new_object());
	struct json_object *list = json_object_new_array();

	json_object_array_add(list, json_object_get(file));
	json_object_object_add(attributes, column->column_name, list);
	return attributes;
}

static struct error *
write_row(struct request *request, const struct entity *entity, const char *id,
	  const struct column *column, struct json_object *file,
	  struct row *row)
{
	struct row_context context = request_row_context(request, false);
	struct error *error;

	context.stored = file;
	resource_begin_checked(request, entity);
	error = row_update(&context, entity, id,
			   attributes_of(request->arena, column, file), NULL,
			   -1, row);
	if (!error)
		error = resource_check_written(request, entity, row);
	return error ? error : resource_finish_write(request, entity, NULL);
}

struct error *
serve_asset_upload(struct request *request, struct response *response)
{
	const struct entity *entity = NULL;
	const struct column *column = NULL;
	struct json_object *file = NULL;
	struct error *error;
	const char *id = NULL, *name = NULL;
	struct row row;

	error = resource_find_writable_row(request, VERB_UPDATE, &entity, &id);
	if (!error)
		error = asset_column(request, entity, asset_is_file, &column);
	if (!error)
		error = read_name(request, &name);
	if (!error)
		error = check_row(request, entity, id);
	if (!error)
		error = store(request, name, &file);
	if (!error)
		error = write_row(request, entity, id, column, file, &row);
	if (error)
		return error;
	response->content_type = JSONAPI_TYPE;
	jsonapi_row(&response->body, &row);
	return NULL;
}
