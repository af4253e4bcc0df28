/*
 * name_index.c: a hash table with linear probing that is never more than
 * half full.
 */
#include "db/name_index.h"

#include <stdint.h>
#include <string.h>

struct name_slot {
	const char *name; /* NULL: free */
	void *value;
};

#define FIRST_CAPACITY 64

void
name_index_init(struct name_index *index, struct arena *arena)
{
	*index = (struct name_index){ .arena = arena };
}

static size_t
hash_of(const char *name)
{
	uint64_t hash = UINT64_C(14695981039346656037);

	for (const char *p = name; *p; p++)
		hash = (hash ^ (unsigned char)*p) * UINT64_C(1099511628211);
	return (size_t)(hash ^ hash >> 32);
}

/* Where the name is, or the free place where it belongs. */
static struct name_slot *
slot_of(const struct name_index *index, const char *name)
{
	size_t mask = index->capacity - 1;
	size_t i = hash_of(name) & mask;

	while (index->slots[i].name && strcmp(index->slots[i].name, name) != 0)
		i = (i + 1) & mask;
	return &index->slots[i];
}

void *
name_index_get(const struct name_index *index, const char *name)
{
	return index->capacity ? slot_of(index, name)->value : NULL;
}

static void
grow(struct name_index *index)
{
	struct name_index old = *index;

	index->capacity = old.capacity ? old.capacity * 2 : FIRST_CAPACITY;
	index->slots =
		ARENA_ARRAY(index->arena, struct name_slot, index->capacity);
	for (size_t i = 0; i < old.capacity; i++)
		if (old.slots[i].name)
			*slot_of(index, old.slots[i].name) = old.slots[i];
}

void *
name_index_add(struct name_index *index, const char *name, void *value)
{
	struct name_slot *slot;

	if (index->count * 2 >= index->capacity)
		grow(index);
	slot = slot_of(index, name);
	if (slot->name)
		return slot->value;
	*slot = (struct name_slot){ name, value };
	index->count++;
	return NULL;
}
