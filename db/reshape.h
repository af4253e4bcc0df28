/*
 * reshape.h: removing and renaming what a schema has: the only ways in which
 * anything is ever dropped. Private to the migration, whose transaction and
 * lock it works in.
 */
#ifndef ACTD_RESHAPE_H
#define ACTD_RESHAPE_H

#include "db/migrate.h"
#include "db/schema_change.h"

/*
 * Whether the change can be made in the model: 404 for a table and 400 for a
 * column that there is not, 403 for those of the system and for what is made
 * of relations, 400 and 409 for a new name, 409 for each thing that mentions
 * what would go: composite keys, orders, rules, actions, streams, exchanges,
 * tasks, keys of other tables.
 */
struct error *reshape_check(struct db *db, struct arena *arena,
			    const struct model *model,
			    const struct schema_change *change) MUST_CHECK;

/*
 * Checks, and changes tables, stored definitions, journal and log. What it
 * executed is added to `migration`. The definitions need a migration
 * afterwards, which finds nothing to do in tables.
 */
struct error *reshape_apply(struct db *db, struct arena *arena,
			    const struct schema_change *change,
			    struct migration *migration) MUST_CHECK;

#endif
