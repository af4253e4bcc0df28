/*
 * upload_schema: applies schema files that come with the request, all of
 * them or none, and keeps them in json_schema. With `dry_run` it answers the
 * statements that would be run.
 */
#include <string.h>

#include "db/base/crypto.h"
#include "db/base/utf8.h"
#include "db/json_schema.h"
#include "handlers/action_input.h"
#include "handlers/engine.h"
#include "handlers/schema.h"
#include "handlers/schema_import.h"

struct upload {
	const char *name;
	const char *content;
	size_t length;
};

static struct error *
bad_file(struct run *run, const char *name, const char *what)
{
	return error_at(error_new(run->request->arena, 400, "bad-input",
				  "schema_file: %s %s", name, what),
			"/attributes/schema_file");
}

static const char *
text_member(struct json_object *object, const char *name)
{
	struct json_object *value = json_object_object_get(object, name);

	return json_object_is_type(value, json_type_string)
		       ? json_object_get_string(value)
		       : NULL;
}

/* A data URL ("file") or base64 ("contents", or "file" without a comma). */
static struct error *
read_upload(struct run *run, struct json_object *file, struct upload *upload)
{
	const char *content = text_member(file, "file");
	const char *comma;
	unsigned char *bytes;

	upload->name = text_member(file, "name");
	if (!upload->name)
		return bad_file(run, "a file", "has no name");
	if (!content)
		content = text_member(file, "contents");
	if (!content)
		return bad_file(run, upload->name, "has no content");
	comma = strchr(content, ',');
	content = comma ? comma + 1 : content;
	if (!crypto_base64_decode(run->request->arena, content, strlen(content),
				  &bytes, &upload->length))
		return bad_file(run, upload->name, "is not in base64");
	upload->content = (const char *)bytes;
	if (!utf8_is_text(upload->content, upload->length))
		return bad_file(run, upload->name, "is not in UTF-8");
	return NULL;
}

static struct error *
read_uploads(struct run *run, struct json_object *input,
	     struct upload **uploads, size_t *count)
{
	struct json_object *files;

	if (!json_object_object_get_ex(input, "json_schema", &files))
		files = json_object_object_get(input, "schema_file");
	*uploads = NULL;
	*count = 0;
	if (!json_object_is_type(files, json_type_array) ||
	    !json_object_array_length(files))
		return bad_file(run, "a list of files", "is needed");
	for (size_t i = 0; i < json_object_array_length(files); i++) {
		struct upload upload;
		struct error *error = read_upload(
			run, json_object_array_get_idx(files, i), &upload);

		if (error)
			return error;
		ARENA_PUSH(run->request->arena, *uploads, *count, upload);
	}
	return NULL;
}

/* The faults of all files, not only of the first that has some. */
static struct error *
add_files(struct run *run, const struct upload *uploads, size_t count,
	  struct schema *schema)
{
	struct error *errors = NULL;

	for (size_t i = 0; i < count; i++)
		error_append(&errors,
			     schema_add_file(run->request->arena,
					     uploads[i].name,
					     uploads[i].content,
					     uploads[i].length, schema));
	return errors;
}

static struct error *
store_files(struct run *run, const struct upload *uploads, size_t count)
{
	struct error *error = NULL;

	for (size_t i = 0; i < count && !error; i++)
		error = json_schema_store(run->request->db, run->request->arena,
					  uploads[i].name, uploads[i].content,
					  run->actor->id);
	return error;
}

static void
add_items(struct reply *reply, const struct schema *schema)
{
	reply_notify(reply, "success", "Success", "Initiating system update.");
	for (size_t i = 0; i < schema->nwarnings; i++)
		reply_notify(reply, "message", "Warning", schema->warnings[i]);
	reply_redirect(reply, "/", 0);
}

static struct error *
upload_schema(struct run *run, struct json_object *input, struct reply *reply)
{
	struct request *request = run->request;
	struct schema *schema = ARENA_NEW(request->arena, struct schema);
	bool is_dry = run->dry_run || schema_is_dry_run(run->attributes);
	struct migration *migration;
	struct upload *uploads;
	size_t count;
	struct error *error = read_uploads(run, input, &uploads, &count);

	if (!error)
		error = add_files(run, uploads, count, schema);
	if (!error)
		error = schema_check_users(request->db, request->arena, schema);
	if (!error)
		error = schema_apply(request->db, request->arena, schema,
				     is_dry, &migration);
	if (!error && !is_dry)
		error = store_files(run, uploads, count);
	if (!error && !is_dry)
		error = schema_import(request->db, request->arena,
				      request->settings, schema);
	if (error)
		return error;
	run->model_changed = !is_dry;
	if (is_dry)
		schema_reply_statements(reply, migration);
	add_items(reply, schema);
	return NULL;
}

const struct performer performer_upload_schema = {
	.name = "system_json_schema_update",
	.summary = "Apply uploaded schema files",
	.pool = "long",
	.perform = upload_schema,
	.is_writer = true,
};
