/*
 * model.c: finding things in a built model. Building is in model_build.c.
 */
#include "db/model.h"

#include <ctype.h>
#include <string.h>

struct entity *
model_entity(const struct model *model, const char *name)
{
	size_t low = 0;
	size_t high = model->nentities;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(name, model->entities[middle]->name);

		if (!order)
			return model->entities[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

struct column *
entity_column(const struct entity *entity, const char *name)
{
	for (size_t i = 0; i < entity->ncolumns; i++)
		if (!strcmp(entity->columns[i]->column_name, name))
			return entity->columns[i];
	return NULL;
}

struct relationship *
entity_relationship(const struct entity *entity, const char *name)
{
	size_t low = 0;
	size_t high = entity->nrelationships;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(name, entity->relationships[middle]->name);

		if (!order)
			return entity->relationships[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/* Names that clients of other years use for the same action. */
static const char *const action_aliases[][2] = {
	{ "update_package_list", "publish_package_to_market" },
};

static const char *
todays_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(action_aliases); i++)
		if (!strcmp(name, action_aliases[i][0]))
			return action_aliases[i][1];
	return name;
}

static char
plain_character(char c)
{
	return c == '.' || c == '-' ? '_' : c;
}

/* "oauth.login.begin" and "oauth_login_begin" are one name. */
static bool
is_same_name(const char *a, const char *b)
{
	while (*a && plain_character(*a) == plain_character(*b)) {
		a++;
		b++;
	}
	return !*a && !*b;
}

static struct action *
find_action(const struct entity *entity, const char *name,
	    bool (*is_equal)(const char *, const char *))
{
	for (size_t i = 0; i < entity->nactions; i++)
		if (is_equal(entity->actions[i]->name, name))
			return entity->actions[i];
	return NULL;
}

static bool
is_exact_name(const char *a, const char *b)
{
	return !strcmp(a, b);
}

struct action *
model_action(const struct model *model, const char *entity, const char *name)
{
	const struct entity *found = model_entity(model, entity);
	struct action *action;

	if (!found && !strcmp(entity, "user"))
		found = model->user_account;
	if (!found)
		return NULL;
	action = find_action(found, name, is_exact_name);
	if (!action)
		action = find_action(found, todays_name(name), is_same_name);
	return action;
}

struct state_machine *
model_state_machine(const struct model *model, const char *name)
{
	for (size_t i = 0; i < model->nstate_machines; i++)
		if (!strcmp(model->state_machines[i]->name, name))
			return model->state_machines[i];
	return NULL;
}

static void
release(void *object)
{
	json_object_put(object);
}

struct json_object *
outcome_attributes(struct arena *arena, const struct outcome *outcome)
{
	struct json_object *attributes;

	if (!outcome->attributes)
		return NULL;
	attributes = json_tokener_parse(outcome->attributes);
	arena_defer(arena, release, attributes);
	return attributes;
}

bool
column_is_visible(const struct column *column)
{
	return !column->exclude_from_api;
}

bool
column_is_searchable(const struct column *column)
{
	return column_is_visible(column) && column->kind != VALUE_SECRET &&
	       column->kind != VALUE_ENCRYPTED;
}
