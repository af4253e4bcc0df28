/*
 * model_share.c: one load for all workers. Loading takes a tenth of a second
 * and tens of megabytes where there are a thousand entities.
 */
#include "db/model_share.h"

#include "db/base/edition.h"
#include "db/migrate.h"

/* Addresses; thirty kilobytes of them are used for an entity. */
#define ROOM ((size_t)256 << 20)

void
model_share_reserve(struct shared *shared)
{
	if (sizeof(void *) >= 8)
		edition_reserve(shared, ROOM);
}

static struct error *
load_own(struct db *db, struct arena *arena, const struct shared *shared,
	 struct model **model)
{
	uint64_t generation = atomic_load(&shared->generation);
	struct error *error = model_load(db, arena, model);

	if (!error)
		(*model)->generation = generation;
	return error;
}

/* Under the lock. `*model` stays NULL where it can't be shared. */
static struct error *
load_for_all(struct db *db, struct arena *arena, struct shared *shared,
	     struct shared_slot *slot, struct model **model)
{
	uint64_t generation = atomic_load(&shared->generation);
	struct arena *place = edition_arena(shared);
	struct error *error;
	struct model *made;

	if (!place)
		return NULL;
	error = model_load_into(db, arena, place, &made);
	if (error) {
		edition_abandon(shared, place);
		return error;
	}
	made->arena = NULL;
	made->generation = generation;
	if (edition_publish(shared, place, made, generation))
		*model = edition_hold(shared, slot, generation);
	return NULL;
}

static struct error *
hold_shared(struct db *db, struct arena *arena, struct shared *shared,
	    struct shared_slot *slot, struct model **model, bool *loaded)
{
	uint64_t generation = atomic_load(&shared->generation);
	struct error *error = NULL;

	*model = edition_hold(shared, slot, generation);
	if (*model || !edition_lock(shared))
		return NULL;
	*model = edition_hold(shared, slot, generation);
	if (!*model) { /* nobody was faster */
		error = load_for_all(db, arena, shared, slot, model);
		*loaded = true;
	}
	edition_unlock(shared);
	return error;
}

struct error *
model_hold(struct db *db, struct arena *arena, struct shared *shared,
	   struct shared_slot *slot, struct model **model, bool *loaded)
{
	struct error *error = NULL;

	*loaded = false;
	*model = NULL;
	if (slot && !db_in_transaction(db))
		error = hold_shared(db, arena, shared, slot, model, loaded);
	if (error || *model)
		return error;
	*loaded = true;
	return load_own(db, arena, shared, model);
}
