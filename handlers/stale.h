/*
 * stale.h: what a written row makes stale: the caches of callers, the model,
 * and whether the new model must be looked at before the commit.
 */
#ifndef ACTD_STALE_H
#define ACTD_STALE_H

#include <json-c/json.h>

#include "db/model.h"

struct stale {
	bool model;
	bool access;	  /* users, groups or memberships */
	bool definitions; /* what a model is made of, and could be no longer */
};

/*
 * Adds what a write to `entity` makes stale. `attributes`: all that it changes
 * of a row's columns; NULL where that is not known, or the row comes or goes.
 */
void stale_note(const struct model *model, const struct entity *entity,
		struct json_object *attributes, struct stale *stale);

#endif
