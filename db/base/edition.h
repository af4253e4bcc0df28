/*
 * edition.h: what one process builds and all processes of a node read, one
 * edition per generation, in memory that the master reserves before it forks:
 * it is at the same address in all of them, and what an edition consists of
 * may point into it. It can be read only; while somebody builds, he alone can
 * write. Knows nothing of what is in it.
 */
#ifndef ACTD_EDITION_H
#define ACTD_EDITION_H

#include <stdbool.h>

#include "db/base/arena.h"
#include "db/base/shared.h"

/*
 * Reserves room for editions of `size` bytes at most (a multiple of the page
 * size): addresses, not memory. Where the system refuses, there never are
 * any.
 */
void edition_reserve(struct shared *shared, size_t size);

/*
 * The root of the newest edition if that is of `generation` or later, else
 * NULL. It stays until edition_release(), which lets go all that the process
 * holds.
 */
void *edition_hold(struct shared *shared, struct shared_slot *slot,
		   uint64_t generation);
void edition_release(struct shared_slot *slot);

/*
 * The right to build, for one process at a time; false where there is no room
 * or another one takes too long. Whoever has it looks with edition_hold()
 * whether somebody was faster.
 */
bool edition_lock(struct shared *shared);
void edition_unlock(struct shared *shared);

/*
 * An arena in a free place, NULL if all are in use; for who has the lock, and
 * until edition_publish() or edition_abandon().
 */
struct arena *edition_arena(struct shared *shared);

/*
 * Makes `root` known to all. False if a part of it had to be elsewhere: it is
 * too large, and from now on there is no room for any. The arena is freed.
 */
bool edition_publish(struct shared *shared, struct arena *arena, void *root,
		     uint64_t generation);
void edition_abandon(struct shared *shared, struct arena *arena);

#endif
