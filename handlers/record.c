/*
 * record.c: notes changes of a run, and writes its row of action_run: inputs
 * without secrets and contents of files, and the rows that it touched.
 */
#include "handlers/record.h"

#include <string.h>
#include <strings.h>

#include "db/action_run.h"
#include "db/base/clock.h"
#include "db/base/crypto.h"
#include "db/base/json.h"
#include "handlers/stale.h"

/* Rows that are named in a record; of more only the number is kept. */
#define ROWS_MAX 1000
/* Bytes of an input that are kept. */
#define INPUT_MAX 1000

static void
note_stale(struct run *run, const struct entity *entity)
{
	struct stale stale = { 0 };

	stale_note(run->request->model, entity, NULL, &stale);
	run->access_changed |= stale.access;
	run->model_changed |= stale.model;
	run->definitions_written |= stale.definitions;
}

/* Rows that come and go with any run are not what was asked about. */
bool
record_lists(const struct entity *entity)
{
	return !entity->is_audit_table && strcmp(entity->name, "job") &&
	       strcmp(entity->name, "action_run");
}

static struct json_object *
describe(const struct entity *entity, const char *operation)
{
	struct json_object *change = json_object_new_object();

	json_object_object_add(change, "entity",
			       json_object_new_string(entity->name));
	json_object_object_add(change, "operation",
			       json_object_new_string(operation));
	return change;
}

static void
list(struct run *run, const struct entity *entity, const char *id,
     const char *operation, struct json_object *before,
     struct json_object *after)
{
	struct json_object *change = describe(entity, operation);

	json_object_object_add(change, "id", json_object_new_string(id));
	json_object_object_add(change, "before", json_object_get(before));
	json_object_object_add(change, "after", json_object_get(after));
	json_object_array_add(run->changes, change);
}

static void
touch(struct run *run, struct json_object *change)
{
	if (!run->touched) {
		run->touched = json_object_new_array();
		json_keep(run->request->arena, run->touched);
	}
	run->is_kept = true;
	json_object_array_add(run->touched, change);
}

void
run_changed(struct run *run, const struct entity *entity, const char *id,
	    const char *operation, struct json_object *before,
	    struct json_object *after)
{
	struct json_object *change;

	note_stale(run, entity);
	if (!record_lists(entity))
		return;
	if (run->dry_run) {
		list(run, entity, id, operation, before, after);
		return;
	}
	if (run->ntouched++ >= ROWS_MAX)
		return;
	change = describe(entity, operation);
	json_object_object_add(change, "id", json_object_new_string(id));
	touch(run, change);
}

void
run_changed_many(struct run *run, const struct entity *entity,
		 const char *operation, int64_t count)
{
	struct json_object *change = describe(entity, operation);

	note_stale(run, entity);
	json_object_object_add(change, "count", json_object_new_int64(count));
	run->ntouched += count;
	touch(run, change);
}

/* Inputs. */

/* By its type, or by its name; codes of sign-ins are of type hidden. */
static bool
is_secret(const struct column *field)
{
	static const char *const words[] = { "password",   "secret",
					     "token",	   "_key",
					     "credential", "passphrase" };

	if (field->kind == VALUE_SECRET || field->kind == VALUE_ENCRYPTED ||
	    (field->type && !strcmp(field->type->name, "hidden")))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcasestr(field->column_name, words[i]))
			return true;
	return false;
}

/* Files by their names, and nothing that is long. */
static struct json_object *
kept_input(const struct column *field, struct json_object *value)
{
	struct json_object *names;

	if (field->kind != VALUE_FILE && field->kind != VALUE_BYTES) {
		if (strlen(json_object_to_json_string(value)) > INPUT_MAX)
			return json_object_new_string("...");
		return json_object_get(value);
	}
	names = json_object_new_array();
	for (size_t i = 0; json_object_is_type(value, json_type_array) &&
			   i < json_object_array_length(value);
	     i++)
		json_object_array_add(
			names,
			json_object_get(json_object_object_get(
				json_object_array_get_idx(value, i), "name")));
	return names;
}

static const char *
inputs_text(struct run *run)
{
	const struct action *action = run->action;
	struct json_object *inputs = json_object_new_object();

	json_keep(run->request->arena, inputs);
	for (size_t i = 0; i < action->nin_fields; i++) {
		const struct column *field = action->in_fields[i];
		struct json_object *value = json_object_object_get(
			run->attributes, field->column_name);

		if (value && !is_secret(field))
			json_object_object_add(inputs, field->column_name,
					       kept_input(field, value));
	}
	return json_object_to_json_string_ext(inputs, JSON_C_TO_STRING_PLAIN);
}

/* The record. */

void
record_begin(struct run *run)
{
	crypto_uuid(run->id);
	run->started_us = clock_us(CLOCK_MONOTONIC);
}

struct error *
record_finish(struct run *run)
{
	struct row_context context = request_row_context(run->request, true);
	const struct action_run record = {
		.id = run->id,
		.action_name = run->action->name,
		.entity_name = run->action->on_type,
		.subject = json_object_get_string(
			json_object_object_get(run->subject, "reference_id")),
		.inputs = run->is_kept ? inputs_text(run) : NULL,
		.rows = run->touched
				? json_object_to_json_string_ext(
					  run->touched, JSON_C_TO_STRING_PLAIN)
				: NULL,
		.nrows = run->ntouched,
		.duration_us = clock_us(CLOCK_MONOTONIC) - run->started_us,
	};

	if (!run->is_kept)
		return db_finish(run->request->db, run->request->arena);
	return action_run_finish(&context, &record);
}
