/*
 * stale.c: which tables are in the model and in the caches of callers.
 */
#include "handlers/stale.h"

#include <string.h>

/*
 * Rows of world say more than what a table is: its icon, who may use it. That
 * is in the model, but can't spoil it.
 */
static bool
changes_definition(struct json_object *attributes)
{
	static const char *const names[] = { "table_name", "world_schema_json",
					     "is_join_table" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!attributes ||
		    json_object_object_get_ex(attributes, names[i], NULL))
			return true;
	return false;
}

/* Groups are there because the built-in ones are looked up by name. */
static bool
is_defining(const struct model *model, const struct entity *entity)
{
	return entity == model->world || entity == model->action ||
	       entity == model->usergroup || !strcmp(entity->name, "smd") ||
	       !strcmp(entity->name, "stream");
}

void
stale_note(const struct model *model, const struct entity *entity,
	   struct json_object *attributes, struct stale *stale)
{
	bool is_definition = is_defining(model, entity);

	stale->access |= entity == model->user_account ||
			 entity == model->usergroup ||
			 entity == model->membership;
	stale->definitions |= is_definition && (entity != model->world ||
						changes_definition(attributes));
	stale->model |=
		is_definition || entity == model->world->group_join ||
		entity == model->action->group_join ||
		(entity == model->membership && !model->has_administrator);
}
