/*
 * name_index.h: finds pointers by text in constant time, in an arena. Keys
 * are not copied.
 */
#ifndef ACTD_NAME_INDEX_H
#define ACTD_NAME_INDEX_H

#include <stddef.h>

#include "db/base/arena.h"

struct name_index {
	struct arena *arena;
	struct name_slot *slots;
	size_t capacity; /* a power of two, or 0 */
	size_t count;
};

/* An empty index, which grows in `arena`. */
void name_index_init(struct name_index *index, struct arena *arena);

/* NULL where there is none. */
void *name_index_get(const struct name_index *index, const char *name);

/* Adds `value`, which is not NULL; gives what had the name before, or NULL,
 * and leaves that in place. */
void *name_index_add(struct name_index *index, const char *name, void *value);

#endif
