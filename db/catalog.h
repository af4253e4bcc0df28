/*
 * catalog.h: what PostgreSQL's catalog says of the tables of the schema that
 * the instance uses. Private to the migration.
 */
#ifndef ACTD_CATALOG_H
#define ACTD_CATALOG_H

#include <stdbool.h>

#include "db/db.h"

struct catalog_column {
	const char *table;
	const char *name;
	const char *type;	 /* as format_type() writes it */
	const char *default_sql; /* as pg_get_expr() writes it, or NULL */
	bool is_not_null;
};

struct catalog_foreign_key {
	const char *table;
	const char *name;
	char on_delete; /* as pg_constraint.confdeltype: 'a', 'c', 'n' … */
};

struct catalog {
	struct catalog_column *columns; /* sorted by table and name */
	size_t ncolumns;
	const char **indexes; /* sorted */
	size_t nindexes;
	struct catalog_foreign_key *foreign_keys; /* sorted by name */
	size_t nforeign_keys;
	const char *functions; /* digest of sql/functions.sql, or NULL */
};

/* Reads it with a few statements; lives in `arena`. */
struct error *catalog_read(struct db *db, struct arena *arena,
			   struct catalog **catalog) MUST_CHECK;

/* What there is, by name. */
bool catalog_has_table(const struct catalog *catalog, const char *table);
bool catalog_has_index(const struct catalog *catalog, const char *name);

/* NULL where there is none. */
const struct catalog_column *catalog_column(const struct catalog *catalog,
					    const char *table,
					    const char *name);
const struct catalog_foreign_key *
catalog_foreign_key(const struct catalog *catalog, const char *name);

#endif
