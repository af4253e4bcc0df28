/*
 * model_share.h: the model of a request: the one that all workers of a node
 * share, or one of the worker's own where that can't be.
 */
#ifndef ACTD_MODEL_SHARE_H
#define ACTD_MODEL_SHARE_H

#include "db/base/shared.h"
#include "db/db.h"
#include "db/model.h"

/*
 * Room for models of thousands of entities each. Before the master forks.
 */
void model_share_reserve(struct shared *shared);

/*
 * A model of the current generation or later. If another process of the node
 * has one it is that, else it is loaded, for all. A shared one has no arena
 * and stays until edition_release(slot); any other is the caller's, who ends
 * it with arena_free(model->arena). It is his in a transaction, which may see
 * what nobody else does, and with `slot` NULL. `*loaded`: it came from the
 * database.
 */
struct error *model_hold(struct db *db, struct arena *arena,
			 struct shared *shared, struct shared_slot *slot,
			 struct model **model, bool *loaded) MUST_CHECK;

#endif
