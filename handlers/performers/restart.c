/*
 * restart: reads the schema folder again and applies it. Nothing stops: all
 * workers take the new model before their next request.
 */
#include "handlers/engine.h"
#include "handlers/schema.h"
#include "handlers/schema_import.h"

static struct error *
restart(struct run *run, struct json_object *input UNUSED, struct reply *reply)
{
	struct request *request = run->request;
	struct schema *schema = ARENA_NEW(request->arena, struct schema);
	struct schema_changes changes;
	struct error *error;

	error = schema_changes_read(request->db, request->arena, &changes);
	if (!error)
		error = schema_add_folder(request->arena,
					  request->settings->schema_folder,
					  &changes, schema);
	if (!error)
		error = schema_apply(request->db, request->arena, schema, false,
				     NULL);
	if (!error)
		error = schema_import(request->db, request->arena,
				      request->settings, schema);
	if (error)
		return error;
	run->model_changed = true;
	reply_notify(reply, "success", "Success", "Initiating system update.");
	reply_redirect(reply, "/", 0);
	return NULL;
}

const struct performer performer_restart = {
	.name = "__restart",
	.summary = "Read and apply the schema folder again",
	.pool = "long",
	.perform = restart,
};
