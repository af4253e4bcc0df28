/*
 * stale.h: what a written row makes stale: the caches of callers, the model,
 * and whether the new model must be looked at before the commit.
 */
#ifndef ACTD_STALE_H
#define ACTD_STALE_H

#include "db/model.h"

struct stale {
	bool model;
	bool access;	  /* users, groups or memberships */
	bool definitions; /* what a model is made of, and could be no longer */
};

/* Adds what a write to `entity` makes stale. */
void stale_note(const struct model *model, const struct entity *entity,
		struct stale *stale);

#endif
