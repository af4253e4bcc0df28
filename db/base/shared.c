/*
 * shared.c: makes the memory that a node's processes share, and raises its
 * generations.
 */
#include "db/base/shared.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "db/base/clock.h"
#include "db/base/crypto.h"

static void
name_node(struct shared *shared)
{
	unsigned char bytes[(sizeof shared->node - 1) / 2];

	crypto_random(bytes, sizeof bytes);
	for (size_t i = 0; i < sizeof bytes; i++)
		snprintf(shared->node + 2 * i, 3, "%02x", bytes[i]);
}

struct shared *
shared_new(void)
{
	struct shared *shared =
		mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (shared == MAP_FAILED) {
		perror("actd: shared memory");
		exit(71); /* EX_OSERR of sysexits.h */
	}
	atomic_store(&shared->generation, 1);
	atomic_store(&shared->access_generation, 1);
	name_node(shared);
	return shared;
}

void
shared_model_changed(struct shared *shared)
{
	atomic_fetch_add(&shared->generation, 1);
	atomic_store(&shared->generation_raised_us, clock_us(CLOCK_REALTIME));
}

void
shared_access_changed(struct shared *shared)
{
	atomic_fetch_add(&shared->access_generation, 1);
	atomic_store(&shared->access_raised_us, clock_us(CLOCK_REALTIME));
}

uint64_t
shared_total(const struct shared *shared, enum shared_counter counter)
{
	return atomic_load_explicit(&shared->counters[counter],
				    memory_order_relaxed);
}

void
shared_count_response(struct shared *shared, int status)
{
	int i = status - SHARED_STATUS_FIRST;

	if (i >= 0 && i < SHARED_STATUSES)
		atomic_fetch_add_explicit(&shared->responses[i], 1,
					  memory_order_relaxed);
}

uint64_t
shared_responses(const struct shared *shared, int first, int last)
{
	uint64_t sum = 0;

	for (int status = first; status <= last; status++)
		sum += atomic_load_explicit(
			&shared->responses[status - SHARED_STATUS_FIRST],
			memory_order_relaxed);
	return sum;
}
