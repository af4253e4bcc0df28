/*
 * migrate.h: makes the database match a model. Desired minus actual (the
 * catalog) is a list of DDL statements, applied in one transaction under an
 * advisory lock, together with the rows of world, action, smd and the others
 * that a schema describes. Nothing is ever dropped or narrowed, except by
 * migrate_reshape().
 */
#ifndef ACTD_MIGRATE_H
#define ACTD_MIGRATE_H

#include "db/db.h"
#include "db/model.h"
#include "db/schema_change.h"

struct migration {
	const char **statements; /* DDL, in order, without semicolons */
	size_t nstatements;
};

/*
 * Brings database and stored definitions to what is stored there already,
 * merged with `added` (NULL: nothing new). In one transaction, which it opens
 * and, unless `dry_run`, leaves open for the caller to finish (db_finish());
 * with `dry_run` everything is rolled back. Takes the schema lock, waits at
 * most some seconds for busy tables, and tries again a few times.
 * `*migration` (may be NULL) has the DDL. 422 where the data or the existing
 * columns stand in the way: what, how many rows, what to do.
 */
struct error *migrate(struct db *db, struct arena *arena,
		      const struct schema *added, bool dry_run,
		      struct migration **migration) MUST_CHECK;

/*
 * Removes or renames a column, or removes a table: the same transaction, lock
 * and attempts. 400, 403, 404 and 409 as reshape_check() in db/reshape.h says.
 */
struct error *migrate_reshape(struct db *db, struct arena *arena,
			      const struct schema_change *change, bool dry_run,
			      struct migration **migration) MUST_CHECK;

/*
 * Loads the model that the database holds, with permissions, owners, group
 * links and the ids of well known groups, into an arena of its own. A few
 * statements, whatever the number of entities. The caller owns the model and
 * ends it with arena_free(model->arena).
 */
struct error *model_load(struct db *db, struct arena *arena,
			 struct model **model) MUST_CHECK;

/*
 * One row of action by its reference id, as the tree that schema_read() takes;
 * NULL where it is no object. 404 where there is no such row.
 */
struct error *schema_load_action(struct db *db, struct arena *arena,
				 const char *id,
				 struct json_object **tree) MUST_CHECK;

/* As model_load(), into the arena `own`, whatever becomes of it; errors are in
 * `arena`. */
struct error *model_load_into(struct db *db, struct arena *arena,
			      struct arena *own,
			      struct model **model) MUST_CHECK;

/* Reads what the database holds as a schema (no permissions), in `arena`. */
struct error *schema_load(struct db *db, struct arena *arena,
			  struct schema *schema) MUST_CHECK;

/* Tells the other nodes: NOTIFY, part of the transaction if one is open. */
struct error *migrate_announce(struct db *db, struct arena *arena) MUST_CHECK;

/*
 * The name of an index or foreign key: "book.isbn.key" (`kind` "key": unique,
 * "idx", "fts": full text, "fkey"); `columns` with commas between them.
 * Longer than 63 bytes: cut, with a digest. Breaches name it in
 * error->constraint.
 */
char *migrate_object_name(struct arena *arena, const char *table,
			  const char *columns, const char *kind);

#endif
