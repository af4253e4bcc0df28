/*
 * definitions.h: the rows in which the database keeps a schema's definitions,
 * and those without which nothing works. Private to the migration.
 */
#ifndef ACTD_DEFINITIONS_H
#define ACTD_DEFINITIONS_H

#include "db/db.h"
#include "db/model.h"

/*
 * Makes the rows of world, action and their group links those of `model`,
 * and of smd, marketplace, data_exchange, stream and task what `added` says
 * (NULL: nothing). Rows that are there keep permission, owner and label. Into
 * an empty database come the three groups and the user guest. In the
 * caller's transaction.
 */
struct error *definitions_store(struct db *db, struct arena *arena,
				const struct model *model,
				const struct schema *added) MUST_CHECK;

#endif
