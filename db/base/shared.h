/*
 * shared.h: the memory that all processes of a node share, made by the master
 * before it forks: generation numbers, counters for /metrics, and a slot per
 * worker. Only atomics; nobody locks but who builds an edition (edition.h).
 */
#ifndef ACTD_SHARED_H
#define ACTD_SHARED_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SHARED_SLOTS 256
#define SHARED_EDITIONS 4
/* HTTP statuses that are counted: 100 to 599 */
#define SHARED_STATUS_FIRST 100
#define SHARED_STATUSES 500

enum shared_counter {
	COUNTER_REQUESTS,
	COUNTER_REQUEST_MICROSECONDS,
	COUNTER_RESPONSE_BYTES,
	COUNTER_DATABASE_RECONNECTS,
	COUNTER_MODEL_RELOADS,
	COUNTER_WORKER_STARTS,
	COUNTER_WORKER_CRASHES,
	COUNTERS
};

/* A process of the node. Written by itself (and its death by the master). */
struct shared_slot {
	_Atomic pid_t pid; /* 0: free */
	_Atomic int pool;  /* index into the pool table */
	_Atomic int busy;  /* 1 while a request is served */
	_Atomic uint64_t requests;
	_Atomic uint64_t generation; /* of the model it holds */
	_Atomic int64_t started_us;  /* since the epoch */
	_Atomic unsigned editions;   /* bits of those in use: edition.h */
};

/* Where an edition is or will be: edition.h. */
struct shared_edition {
	_Atomic uint64_t generation; /* 0: none */
	void *root;
	char *memory; /* at the same address in all processes */
};

struct shared {
	/* The model changed: every worker loads it before its next request. */
	_Atomic uint64_t generation;
	/* Users, groups or memberships changed: cached actors are stale. */
	_Atomic uint64_t access_generation;
	_Atomic int database_up; /* what the last attempt of a worker found */
	/* Schema files were applied once: the system's tables are there. */
	_Atomic int schema_applied;
	_Atomic int64_t started_us;
	_Atomic uint64_t counters[COUNTERS];
	_Atomic uint64_t responses[SHARED_STATUSES]; /* by status */
	struct shared_slot slots[SHARED_SLOTS];
	/* When a process of this node raised a generation for its own change;
	 * microseconds since the epoch. */
	_Atomic int64_t generation_raised_us;
	_Atomic int64_t access_raised_us;
	struct shared_edition editions[SHARED_EDITIONS];
	_Atomic size_t edition_size;  /* 0: there is no room for any */
	pthread_mutex_t edition_lock; /* of who builds one */
	size_t edition_at_work;	      /* the place where he does */
	/* Tells nodes of one database apart. Set once, hexadecimal. */
	char node[33];
};

/*
 * Shared, zeroed memory that children inherit (generations begin at 1, the
 * node has a name). Ends the process with a message if the system refuses.
 */
struct shared *shared_new(void);

/* Raise a generation for what a process of this node has changed. */
void shared_model_changed(struct shared *shared);
void shared_access_changed(struct shared *shared);

/* What a counter has reached. */
uint64_t shared_total(const struct shared *shared, enum shared_counter counter);

/* Counts a response; a status that is none is not counted. */
void shared_count_response(struct shared *shared, int status);

/* Responses of a status from `first` to `last`, both counted ones. */
uint64_t shared_responses(const struct shared *shared, int first, int last);

#define shared_count(shared, counter, amount)                                  \
	atomic_fetch_add_explicit(&(shared)->counters[counter], (amount),      \
				  memory_order_relaxed)

#endif
