/*
 * schema_run.h: applies the system's schema and the schema folder to the
 * database: for `actd migrate`, `actd check`, and the master's child process.
 */
#ifndef ACTD_SCHEMA_RUN_H
#define ACTD_SCHEMA_RUN_H

#include "db/migrate.h"
#include "fcgi/config.h"

/*
 * Reads the schema files, applies them in one transaction and commits, unless
 * `dry_run`. With a change of the database, tells the nodes: the others if
 * `node` is the caller's, all if it is NULL. `*migration` has the statements.
 */
struct error *schema_run(struct arena *arena, const struct config *config,
			 const char *node, bool dry_run,
			 struct migration **migration) MUST_CHECK;

#endif
