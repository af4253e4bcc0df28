/*
 * schema_action.c: an action is found again by its entity and name, a state
 * machine by its name; lists of both are replaced whole.
 */
#include <ctype.h>
#include <string.h>

#include "db/schema_column.h"
#include "db/schema_parts.h"

static member_reader read_attributes;
static member_reader read_method;
static member_reader read_outcomes;
static member_reader read_run_as;
static member_reader read_action_permission;
static member_reader read_events;

static const struct member action_members[] = {
	{ "Name", NULL, 0 },
	{ "OnType", NULL, 0 },
	{ "Label", read_text, offsetof(struct action, label) },
	{ "InstanceOptional", read_boolean,
	  offsetof(struct action, instance_optional) },
	{ "RequestSubjectRelations", read_text_list,
	  offsetof(struct action, request_subject_relations) },
	{ "ReferenceId", NULL, 0 },
	{ "Permission", read_action_permission, 0 },
	{ "AccessGroups", read_grants, offsetof(struct action, access_groups) },
	{ "InFields", read_inputs, offsetof(struct action, in_fields) },
	{ "OutFields", read_outcomes, 0 },
	{ "Validations", read_taggings, offsetof(struct action, validations) },
	{ "Conformations", read_taggings,
	  offsetof(struct action, conformations) },
	{ "RunAs", read_run_as, 0 },
	{ "Safe", read_boolean, offsetof(struct action, is_safe) },
	{ "IsSystem", read_boolean, offsetof(struct action, is_system) },
};

static const struct member outcome_members[] = {
	{ "Type", read_text, offsetof(struct outcome, type) },
	{ "Method", read_method, 0 },
	{ "Reference", read_text, offsetof(struct outcome, reference) },
	{ "Condition", read_text, offsetof(struct outcome, condition) },
	{ "ForEach", read_text, offsetof(struct outcome, for_each) },
	{ "SkipInResponse", read_boolean,
	  offsetof(struct outcome, skip_in_response) },
	{ "ContinueOnError", read_boolean,
	  offsetof(struct outcome, continue_on_error) },
	{ "LogToConsole", read_boolean,
	  offsetof(struct outcome, log_to_console) },
	{ "Attributes", read_attributes, 0 },
};

static const struct member machine_members[] = {
	{ "Name", NULL, 0 },
	{ "Label", read_text, offsetof(struct state_machine, label) },
	{ "InitialState", read_text,
	  offsetof(struct state_machine, initial_state) },
	{ "Events", read_events, 0 },
};

static const struct member event_members[] = {
	{ "Name", read_text, offsetof(struct state_event, name) },
	{ "Label", read_text, offsetof(struct state_event, label) },
	{ "Color", read_text, offsetof(struct state_event, color) },
	{ "Src", read_text_list, offsetof(struct state_event, sources) },
	{ "Dst", read_text, offsetof(struct state_event, destination) },
};

static void
read_attributes(struct reader *reader, const struct path *path,
		struct json_object *value, void *field)
{
	struct outcome *outcome = field;

	if (json_object_is_type(value, json_type_object) ||
	    json_object_is_type(value, json_type_array))
		outcome->attributes = tree_json(reader->arena, value);
	else
		reader_fault(reader, path, "expected an object or a list");
}

static void
read_method(struct reader *reader, const struct path *path,
	    struct json_object *value, void *field)
{
	struct outcome *outcome = field;
	const char *text = tree_text(reader, path, value);
	char *upper;

	if (!text)
		return;
	upper = arena_strdup(reader->arena, text);
	for (char *p = upper; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	outcome->method = upper;
}

static const char *
none_if_empty(const char *text)
{
	return text && *text ? text : NULL;
}

static void
read_outcomes(struct reader *reader, const struct path *path,
	      struct json_object *value, void *field)
{
	struct action *action = field;
	size_t count = tree_length(value);

	action->out_fields = ARENA_ARRAY(reader->arena, struct outcome, count);
	action->nout_fields = 0;
	for (size_t i = 0; i < count; i++) {
		struct path here = { path, NULL, i };
		struct outcome outcome = { .method = "" };
		struct json_object *object =
			tree_object(reader, &here, tree_item(value, i));

		if (!object)
			continue;
		read_members(reader, &here, object,
			     MEMBER_TABLE(outcome_members), &outcome);
		if (!outcome.type || !*outcome.type)
			reader_fault(reader, &here, "needs a Type");
		outcome.reference = none_if_empty(outcome.reference);
		outcome.condition = none_if_empty(outcome.condition);
		outcome.for_each = none_if_empty(outcome.for_each);
		action->out_fields[action->nout_fields++] = outcome;
	}
}

static void
read_run_as(struct reader *reader, const struct path *path,
	    struct json_object *value, void *field)
{
	struct action *action = field;
	const char *text = tree_text(reader, path, value);

	if (!text)
		return;
	if (strcmp(text, "caller") != 0 && strcmp(text, "system") != 0)
		reader_fault(reader, path,
			     "expected system or caller, not '%s'", text);
	action->run_as_caller = !strcmp(text, "caller");
}

static void
read_action_permission(struct reader *reader, const struct path *path,
		       struct json_object *value, void *field)
{
	struct action *action = field;

	read_permission(reader, path, value, &action->permission_wanted);
	action->permission_given = true;
}

static struct action *
find_action(struct schema *schema, const char *entity, const char *name)
{
	for (size_t i = 0; i < schema->nactions; i++) {
		struct action *action = schema->actions[i];

		if (!strcmp(action->name, name) &&
		    !strcmp(action->on_type, entity))
			return action;
	}
	return NULL;
}

/* Letters, digits and what Daptin's own names have. */
static const char *
action_name_fault(const char *name)
{
	size_t length = strlen(name);

	if (!length || length > 100)
		return "has no or more than 100 characters";
	if (strspn(name, "abcdefghijklmnopqrstuvwxyz"
			 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") != length)
		return "has more than letters, digits and _ . -";
	return NULL;
}

/* The text of a member that a definition can't be without, or NULL. */
static const char *
required_text(struct reader *reader, const struct path *path,
	      struct json_object *object, const char *name)
{
	struct path here = { path, name, 0 };
	struct json_object *value = tree_member(object, name);
	const char *text;

	if (!value) {
		reader_fault(reader, &here, "is missing");
		return NULL;
	}
	text = tree_text(reader, &here, value);
	if (text && !*text) {
		reader_fault(reader, &here, "is empty");
		return NULL;
	}
	return text;
}

/* The definition of that name: the one there is, or a new one. */
static struct action *
place_action(struct reader *reader, const char *entity, const char *name)
{
	struct schema *schema = reader->schema;
	struct action *action = find_action(schema, entity, name);

	if (action)
		return action;
	action = ARENA_NEW(reader->arena, struct action);
	action->file = arena_strdup(reader->arena, reader->file);
	action->name = name;
	action->on_type = entity;
	action->label = "";
	ARENA_PUSH(reader->arena, schema->actions, schema->nactions, action);
	return action;
}

void
schema_read_action(struct reader *reader, const struct path *path,
		   struct json_object *object)
{
	const char *name = required_text(reader, path, object, "Name");
	const char *entity = required_text(reader, path, object, "OnType");
	struct path here = { path, "Name", 0 };
	struct action *action;

	if (!name || !entity)
		return;
	if (action_name_fault(name))
		reader_fault(reader, &here, "'%s' %s", name,
			     action_name_fault(name));
	action = place_action(reader, entity, name);
	read_members(reader, path, object, MEMBER_TABLE(action_members),
		     action);
	action->is_system |= reader->is_system;
}

static void
read_events(struct reader *reader, const struct path *path,
	    struct json_object *value, void *field)
{
	struct state_machine *machine = field;
	size_t count = tree_length(value);

	machine->events = ARENA_ARRAY(reader->arena, struct state_event, count);
	machine->nevents = 0;
	for (size_t i = 0; i < count; i++) {
		struct path here = { path, NULL, i };
		struct state_event event = { .label = "", .color = "" };
		struct json_object *object =
			tree_object(reader, &here, tree_item(value, i));

		if (!object)
			continue;
		read_members(reader, &here, object, MEMBER_TABLE(event_members),
			     &event);
		if (!event.name || !event.destination || !event.nsources)
			reader_fault(reader, &here, "needs Name, Src and Dst");
		else
			machine->events[machine->nevents++] = event;
	}
}

static struct state_machine *
place_machine(struct reader *reader, const char *name)
{
	struct schema *schema = reader->schema;
	struct state_machine *machine;

	for (size_t i = 0; i < schema->nstate_machines; i++)
		if (!strcmp(schema->state_machines[i]->name, name))
			return schema->state_machines[i];
	machine = ARENA_NEW(reader->arena, struct state_machine);
	machine->name = name;
	machine->label = "";
	ARENA_PUSH(reader->arena, schema->state_machines,
		   schema->nstate_machines, machine);
	return machine;
}

void
schema_read_state_machine(struct reader *reader, const struct path *path,
			  struct json_object *object)
{
	const char *name = required_text(reader, path, object, "Name");
	struct state_machine *machine;

	if (!name)
		return;
	machine = place_machine(reader, name);
	read_members(reader, path, object, MEMBER_TABLE(machine_members),
		     machine);
	if (!machine->initial_state || !*machine->initial_state)
		reader_fault(reader, path, "needs an InitialState");
}
