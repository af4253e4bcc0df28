/*
 * definition.c: a task is looked at by its row, or by its object in a file; an
 * action by its definition alone, the way a schema file is.
 */
#include "handlers/definition.h"

#include <string.h>

#include "db/base/json.h"
#include "db/base/schedule.h"
#include "db/migrate.h"
#include "db/row_stream.h"
#include "db/schema_file.h"
#include "db/task.h"
#include "handlers/engine.h"
#include "handlers/formats/format.h"

static const struct format_limits attribute_limits = {
	.bytes = 1 << 20,
	.depth = 64,
	.nodes = 100000,
};

bool
definition_is_checked(const struct model *model, const struct entity *entity)
{
	return entity == model->action || !strcmp(entity->name, "task") ||
	       !strcmp(entity->name, "stream");
}

/* Tasks. */

struct task_check {
	struct arena *arena;
	const struct model *model;
	const struct task *task;
	const char *const *names; /* of the members, in the order below */
	const char *where;	  /* before a name in a detail */
	struct error *faults;
};

enum { MEMBER_SCHEDULE, MEMBER_ENTITY, MEMBER_ACTION, MEMBER_ATTRIBUTES };

static void
fault(struct task_check *check, int member, const char *text)
{
	const char *name = check->names[member];
	struct error *error = error_new(check->arena, 422, "bad-task",
					"%s%s: %s", check->where, name, text);

	error_append(
		&check->faults,
		error_at(error, arena_printf(check->arena,
					     "/data/attributes/%s", name)));
}

static void
check_schedule(struct task_check *check)
{
	struct schedule *schedule;
	struct error *error =
		schedule_read(check->arena, check->task->schedule, &schedule);

	if (error)
		fault(check, MEMBER_SCHEDULE, error->detail);
}

static void
check_target(struct task_check *check)
{
	const struct task *task = check->task;
	struct arena *arena = check->arena;

	if (model_action(check->model, task->entity, task->action))
		return;
	if (model_entity(check->model, task->entity) ||
	    !strcmp(task->entity, "user"))
		fault(check, MEMBER_ACTION,
		      arena_printf(arena, "there is no action %.100s on %.100s",
				   task->action, task->entity));
	else
		fault(check, MEMBER_ENTITY,
		      arena_printf(arena, "there is no entity %.100s",
				   task->entity));
}

static void
check_attributes(struct task_check *check)
{
	const char *text = check->task->attributes;
	struct json_object *object = NULL;
	struct error *error = NULL;

	if (!text || !*text)
		return;
	error = json_read(check->arena, text, strlen(text), &attribute_limits,
			  422, &object);
	if (error)
		fault(check, MEMBER_ATTRIBUTES, error->detail);
	else if (object && !json_object_is_type(object, json_type_object))
		fault(check, MEMBER_ATTRIBUTES, "an object is needed");
}

static struct error *
check_task(struct task_check *check)
{
	check_schedule(check);
	check_target(check);
	check_attributes(check);
	return check->faults;
}

static struct error *
check_written_tasks(struct db *db, struct arena *arena,
		    const struct model *model)
{
	static const char *const names[] = { "schedule", "entity_name",
					     "action_name", "attributes" };
	struct error *error, *faults = NULL;
	struct task *tasks;
	size_t count = 0;

	error = task_take_written(db, arena, &tasks, &count);
	for (size_t i = 0; !error && i < count; i++) {
		struct task_check check = {
			.arena = arena,
			.model = model,
			.task = &tasks[i],
			.names = names,
			.where = arena_printf(arena, "task %.100s, ",
					      tasks[i].name),
		};

		error_append(&faults, check_task(&check));
	}
	return error ? error : faults;
}

/* Before the name of a member. */
static const char *
place_of(struct arena *arena, const char *file, struct json_object *task)
{
	return arena_printf(arena, "%s: Tasks[%.100s].", file,
			    json_member_text(task, "Name"));
}

struct error *
definition_check_task(struct arena *arena, const struct model *model,
		      const char *file, struct json_object *object)
{
	static const char *const names[] = { "Schedule", "EntityName",
					     "ActionName", "Attributes" };
	const struct task task = {
		.entity = json_member_text(object, "EntityName"),
		.action = json_member_text(object, "ActionName"),
		.schedule = json_member_text(object, "Schedule"),
		.attributes = json_member_text(object, "Attributes"),
	};
	struct task_check check = {
		.arena = arena,
		.model = model,
		.task = &task,
		.names = names,
		.where = place_of(arena, file, object),
	};

	return check_task(&check);
}

struct error *
definition_check_task_user(struct db *db, struct arena *arena, const char *file,
			   struct json_object *task)
{
	const char *user = json_member_text(task, "AsUserEmail");
	bool is_there = true;
	struct error *error = NULL;

	if (*user)
		error = task_user_exists(db, arena, user, &is_there);
	if (error || is_there)
		return error;
	return error_new(arena, 422, "bad-task",
			 "%sAsUserEmail: there is no account %.100s",
			 place_of(arena, file, task), user);
}

/* Actions. */

static struct error *
check_definition(struct arena *arena, const struct model *model,
		 struct json_object *tree)
{
	static const char column[] = "action_schema";
	struct schema alone = { 0 };
	struct error *error;

	if (!tree)
		return error_new(arena, 422, "invalid-schema",
				 "%s: a JSON object is needed", column);
	error = schema_read(arena, tree, column, false, &alone);
	for (size_t i = 0; !error && i < alone.nactions; i++)
		error = engine_check(arena, model, alone.actions[i], column);
	return error;
}

static struct error *
check_written_action(struct db *db, struct arena *arena,
		     const struct model *model, const char *id)
{
	struct json_object *tree;
	struct error *error = schema_load_action(db, arena, id, &tree);

	if (error)
		return error;
	error = check_definition(arena, model, tree);
	for (struct error *one = error; one; one = one->next)
		error_at(one, "/data/attributes/action_schema");
	return error;
}

/* Streams. */

static struct error *
check_written_stream(struct db *db, struct arena *arena,
		     const struct model *model, const char *id)
{
	struct json_object *contract;
	struct row_stream *stream;
	const char *name;
	struct error *error =
		row_stream_written(db, arena, id, &name, &contract);

	if (error)
		return error;
	if (model_entity(model, name))
		return error_at(error_new(arena, 422, "name-taken",
					  "stream_name: an entity has that "
					  "name"),
				"/data/attributes/stream_name");
	error = row_stream_parse(arena, model, name, contract, &stream);
	return error ? error_at(error, "/data/attributes/stream_contract")
		     : NULL;
}

struct error *
definition_check(struct db *db, struct arena *arena, const struct model *model,
		 const struct entity *entity, const char *id)
{
	if (!strcmp(entity->name, "task"))
		return check_written_tasks(db, arena, model);
	if (entity == model->action && id)
		return check_written_action(db, arena, model, id);
	if (!strcmp(entity->name, "stream") && id)
		return check_written_stream(db, arena, model, id);
	return NULL;
}
