/*
 * engine_check.c: what can be said of an action before it runs: whether its
 * outcomes name entities and performers that exist, and references that
 * earlier outcomes declare.
 */
#include <string.h>

#include "handlers/expr.h"
#include "handlers/outcome.h"

struct check {
	struct arena *arena;
	const struct model *model;
	const struct action *action;
	const char *file;
	size_t position; /* of the outcome */
	struct error *errors;
};

static void
fault(struct check *check, const char *member, const char *text)
{
	error_append(&check->errors,
		     error_new(check->arena, 422, "invalid-schema",
			       "%s: Actions[%s].OutFields[%zu].%s: %s",
			       check->file, check->action->name,
			       check->position, member, text));
}

/* Names that every run has. */
static bool
is_given(const struct check *check, const char *name)
{
	static const char *const given[] = { "attributes", "user", "subject" };
	const char *entity = check->action->on_type;
	size_t length = strlen(entity);

	for (size_t i = 0; i < ARRAY_SIZE(given); i++)
		if (!strcmp(given[i], name))
			return true;
	return !strncmp(name, entity, length) && !strcmp(name + length, "_id");
}

static bool
is_input(const struct action *action, const char *name)
{
	for (size_t i = 0; i < action->nin_fields; i++)
		if (!strcmp(action->in_fields[i]->column_name, name))
			return true;
	return false;
}

static bool
is_declared(const struct check *check, const char *name)
{
	const struct outcome *outcomes = check->action->out_fields;

	for (size_t i = 0; i < check->position; i++)
		if (outcomes[i].reference &&
		    !strcmp(outcomes[i].reference, name))
			return true;
	if (outcomes[check->position].for_each &&
	    (!strcmp(name, "item") || !strcmp(name, "index")))
		return true;
	return is_given(check, name) || is_input(check->action, name);
}

static void
check_text(struct check *check, const char *member, const char *text)
{
	const char *name;
	size_t at = 0;

	if (!text)
		return;
	while ((name = expr_next_reference(check->arena, text, &at)))
		if (!is_declared(check, name))
			fault(check, member,
			      arena_printf(check->arena,
					   "no earlier outcome has the "
					   "Reference %s",
					   name));
}

static void
check_template(struct check *check, const char *member,
	       struct json_object *template)
{
	switch (json_object_get_type(template)) {
	case json_type_string:
		check_text(check, member, json_object_get_string(template));
		break;
	case json_type_array:
		for (size_t i = 0; i < json_object_array_length(template); i++)
			check_template(check, member,
				       json_object_array_get_idx(template, i));
		break;
	case json_type_object: {
		json_object_object_foreach(template, key, value) check_template(
			check, arena_printf(check->arena, "%s.%s", member, key),
			value);
		break;
	}
	default:
		break;
	}
}

static void
check_type(struct check *check, const struct outcome *outcome)
{
	enum outcome_target target = outcome_method(outcome)->target;

	if (target == TARGET_ENTITY && !outcome_entity(check->model, outcome))
		fault(check, "Type",
		      arena_printf(check->arena, "there is no entity %s",
				   outcome->type));
	if (target == TARGET_PERFORMER && !performer_find(outcome->type) &&
	    !performer_is_reserved(outcome->type))
		fault(check, "Type",
		      arena_printf(check->arena, "there is no performer %s",
				   outcome->type));
}

static void
check_relations(struct check *check)
{
	const struct action *action = check->action;
	const struct entity *entity =
		model_entity(check->model, action->on_type);

	for (size_t i = 0; entity && i < action->nrequest_subject_relations;
	     i++) {
		const char *name = action->request_subject_relations[i];

		if (entity_relationship(entity, name))
			continue;
		error_append(&check->errors,
			     error_new(check->arena, 422, "invalid-schema",
				       "%s: Actions[%s]."
				       "RequestSubjectRelations[%zu]: there is "
				       "no relation %s of %s",
				       check->file, action->name, i, name,
				       entity->name));
	}
}

struct error *
engine_check(struct arena *arena, const struct model *model,
	     const struct action *action, const char *file)
{
	struct check check = {
		.arena = arena, .model = model, .action = action, .file = file
	};

	check_relations(&check);
	for (size_t i = 0; i < action->nout_fields; i++) {
		const struct outcome *outcome = &action->out_fields[i];

		check.position = i;
		check_type(&check, outcome);
		check_text(&check, "Condition", outcome->condition);
		check_text(&check, "ForEach", outcome->for_each);
		check_template(&check, "Attributes",
			       outcome_attributes(arena, outcome));
	}
	return check.errors;
}
