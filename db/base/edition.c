/*
 * edition.c: places for editions, who uses them, and who builds. A place is
 * used by those whose slot has its bit; they look at its generation again
 * after they have set the bit, and who builds looks at the bits after he has
 * cleared the generation: so one of both sees the other.
 */
#include "db/base/edition.h"

#include <errno.h>
#include <sys/mman.h>
#include <time.h>

/* Who waits longer than that builds one for himself. */
#define PATIENCE_SECONDS 10

static bool
init_lock(struct shared *shared)
{
	pthread_mutexattr_t attributes;
	bool done;

	if (pthread_mutexattr_init(&attributes))
		return false;
	done = !pthread_mutexattr_setpshared(&attributes,
					     PTHREAD_PROCESS_SHARED) &&
	       !pthread_mutexattr_setrobust(&attributes,
					    PTHREAD_MUTEX_ROBUST) &&
	       !pthread_mutex_init(&shared->edition_lock, &attributes);
	pthread_mutexattr_destroy(&attributes);
	return done;
}

void
edition_reserve(struct shared *shared, size_t size)
{
	char *memory;

	if (!init_lock(shared))
		return;
	memory = mmap(NULL, SHARED_EDITIONS * size, PROT_READ,
		      MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		return;
	for (size_t i = 0; i < SHARED_EDITIONS; i++)
		shared->editions[i].memory = memory + i * size;
	shared->edition_size = size;
}

static struct shared_edition *
newest(struct shared *shared)
{
	struct shared_edition *found = &shared->editions[0];

	for (size_t i = 1; i < SHARED_EDITIONS; i++)
		if (atomic_load(&shared->editions[i].generation) >
		    atomic_load(&found->generation))
			found = &shared->editions[i];
	return found;
}

void *
edition_hold(struct shared *shared, struct shared_slot *slot,
	     uint64_t generation)
{
	for (;;) {
		struct shared_edition *edition = newest(shared);
		unsigned bit = 1u << (edition - shared->editions);
		uint64_t there = atomic_load(&edition->generation);
		unsigned before;

		if (!there || there < generation)
			return NULL;
		before = atomic_fetch_or(&slot->editions, bit);
		if (atomic_load(&edition->generation) == there)
			return edition->root;
		if (!(before & bit))
			atomic_fetch_and(&slot->editions, ~bit);
	}
}

void
edition_release(struct shared_slot *slot)
{
	atomic_store(&slot->editions, 0);
}

bool
edition_lock(struct shared *shared)
{
	struct timespec until;
	int failure;

	if (!shared->edition_size)
		return false;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_SECONDS;
	failure = pthread_mutex_timedlock(&shared->edition_lock, &until);
	if (failure == EOWNERDEAD) /* what he had begun is not published */
		failure = pthread_mutex_consistent(&shared->edition_lock);
	return !failure;
}

void
edition_unlock(struct shared *shared)
{
	pthread_mutex_unlock(&shared->edition_lock);
}

static unsigned
used_places(const struct shared *shared)
{
	unsigned used = 0;

	for (size_t i = 0; i < SHARED_SLOTS; i++)
		used |= atomic_load(&shared->slots[i].editions);
	return used;
}

/* Takes the edition away, unless somebody uses it. */
static bool
withdraw(struct shared *shared, size_t place)
{
	struct shared_edition *edition = &shared->editions[place];
	uint64_t generation = atomic_exchange(&edition->generation, 0);

	if (!(used_places(shared) & 1u << place))
		return true;
	atomic_store(&edition->generation, generation);
	return false;
}

struct arena *
edition_arena(struct shared *shared)
{
	const struct shared_edition *last = newest(shared);

	for (size_t i = 0; i < SHARED_EDITIONS; i++) {
		struct shared_edition *edition = &shared->editions[i];
		bool is_last =
			edition == last && atomic_load(&edition->generation);

		if (is_last || !withdraw(shared, i))
			continue;
		if (mprotect(edition->memory, shared->edition_size,
			     PROT_READ | PROT_WRITE))
			return NULL;
		madvise(edition->memory, shared->edition_size, MADV_REMOVE);
		shared->edition_at_work = i;
		return arena_new_within(edition->memory, shared->edition_size);
	}
	return NULL;
}

void
edition_abandon(struct shared *shared, struct arena *arena)
{
	char *memory = shared->editions[shared->edition_at_work].memory;

	arena_free(arena);
	madvise(memory, shared->edition_size, MADV_REMOVE);
	mprotect(memory, shared->edition_size, PROT_READ);
}

bool
edition_publish(struct shared *shared, struct arena *arena, void *root,
		uint64_t generation)
{
	struct shared_edition *edition =
		&shared->editions[shared->edition_at_work];

	if (!arena_is_within(arena)) {
		edition_abandon(shared, arena);
		shared->edition_size = 0;
		return false;
	}
	arena_free(arena);
	mprotect(edition->memory, shared->edition_size, PROT_READ);
	/* Pages that nobody needs who only reads are not ours to hold. */
	madvise(edition->memory, shared->edition_size, MADV_DONTNEED);
	edition->root = root;
	atomic_store(&edition->generation, generation);
	return true;
}
