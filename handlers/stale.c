/*
 * stale.c: which tables are in the model and in the caches of callers.
 */
#include "handlers/stale.h"

#include <string.h>

/* Groups are there because the built-in ones are looked up by name. */
static bool
is_definition(const struct model *model, const struct entity *entity)
{
	return entity == model->world || entity == model->action ||
	       entity == model->usergroup || !strcmp(entity->name, "smd") ||
	       !strcmp(entity->name, "stream");
}

void
stale_note(const struct model *model, const struct entity *entity,
	   struct stale *stale)
{
	bool is_definition_here = is_definition(model, entity);

	stale->access |= entity == model->user_account ||
			 entity == model->usergroup ||
			 entity == model->membership;
	stale->definitions |= is_definition_here;
	stale->model |=
		is_definition_here || entity == model->world->group_join ||
		entity == model->action->group_join ||
		(entity == model->membership && !model->has_administrator);
}
