/*
 * file_collect.h: contents in the file store that no row refers to any more.
 */
#ifndef ACTD_FILE_COLLECT_H
#define ACTD_FILE_COLLECT_H

#include "db/base/file_store.h"
#include "db/db.h"
#include "db/model.h"

struct file_collection {
	int64_t files; /* removed */
	int64_t bytes;
};

/*
 * Removes contents that were put more than `age` seconds ago and that no row
 * and no journal of a run refers to. Makes nobody wait for long: what lies
 * beside something that is being written is left for the next time. In the
 * caller's transaction, which must be READ COMMITTED.
 */
struct error *file_collect(struct db *db, struct arena *arena,
			   const struct model *model,
			   const struct file_store *store, int64_t age,
			   struct file_collection *collection) MUST_CHECK;

/*
 * Whether nobody on any node has collected for a day: then it is for the
 * caller to do it now, in the same transaction.
 */
struct error *file_collect_due(struct db *db, struct arena *arena,
			       bool *due) MUST_CHECK;

#endif
