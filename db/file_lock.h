/*
 * file_lock.h: locks between those who store contents of files and the
 * collector of those that nobody refers to, on all nodes. By bucket, so that
 * the collector finds a moment without writers. Private to db/file_*.c.
 */
#ifndef ACTD_FILE_LOCK_H
#define ACTD_FILE_LOCK_H

#include "db/base/file_store.h"
#include "db/db.h"

/* The bucket that stands for all of them. */
#define FILE_LOCK_ALL FILE_BUCKETS

/* A writer's, which others share, until its transaction ends; begins it. */
struct error *file_lock_share(struct db *db, struct arena *arena,
			      unsigned bucket) MUST_CHECK;

/*
 * The collector's, which nobody shares, in a transaction; not `*taken` where a
 * writer is there. Leaving it undoes all statements since.
 */
struct error *file_lock_take(struct db *db, struct arena *arena,
			     unsigned bucket, bool *taken) MUST_CHECK;
struct error *file_lock_leave(struct db *db, struct arena *arena) MUST_CHECK;

#endif
