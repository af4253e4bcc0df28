/*
 * schema_change.h: the explicit ways in which a schema loses or renames
 * something: what they do to the tree of a schema file, and the log by which
 * files that are read again (those of the schema folder) don't bring it back.
 */
#ifndef ACTD_SCHEMA_CHANGE_H
#define ACTD_SCHEMA_CHANGE_H

#include "db/db.h"
#include "db/model.h"

enum schema_change_kind {
	SCHEMA_REMOVE_COLUMN,
	SCHEMA_RENAME_COLUMN,
	SCHEMA_REMOVE_TABLE
};

struct schema_change {
	enum schema_change_kind kind;
	const char *table;
	const char *column;   /* NULL for a table */
	const char *new_name; /* of a renamed column, else NULL */
};

struct schema_changes {
	struct schema_change *items;
	size_t count;
};

/*
 * Makes the change in the tree of a schema file, in place: columns, rules and
 * keys of the table, and the relation whose key it is; with a table also its
 * relations, actions, streams, tasks and imports.
 */
void schema_change_tree(struct arena *arena, struct json_object *tree,
			const struct schema_change *change);

/* All of them, in order. */
void schema_changes_apply(struct arena *arena, struct json_object *tree,
			  const struct schema_changes *changes);

/* The log, oldest first; empty in an empty database. */
struct error *schema_changes_read(struct db *db, struct arena *arena,
				  struct schema_changes *changes) MUST_CHECK;

struct error *schema_changes_add(struct db *db, struct arena *arena,
				 const struct schema_change *change) MUST_CHECK;

/* What a schema declares again is no longer gone. */
struct error *schema_changes_forget(struct db *db, struct arena *arena,
				    const struct schema *declared) MUST_CHECK;

#endif
