/*
 * schema.h: schema files from the schema folder, from uploads and the one
 * compiled in, applied to the database (wire/schema.md sections 1 and 8).
 */
#ifndef ACTD_SCHEMA_H
#define ACTD_SCHEMA_H

#include "db/migrate.h"
#include "handlers/reply.h"
#include "db/model.h"

/* Adds the system's own schema (sql/system.yaml, compiled in). */
struct error *schema_add_system(struct arena *arena,
				struct schema *schema) MUST_CHECK;

/* Adds one file by name and content; the name's end decides the format. */
struct error *schema_add_file(struct arena *arena, const char *name,
			      const char *content, size_t length,
			      struct schema *schema) MUST_CHECK;

/*
 * Adds every schema_*.* of the folder, in name order; none is no error. What
 * `changes` removed and renamed is left out and renamed in them.
 */
struct error *schema_add_folder(struct arena *arena, const char *folder,
				const struct schema_changes *changes,
				struct schema *schema) MUST_CHECK;

/*
 * Checks what concerns handlers (performers, references, tags), then
 * migrate(). Leaves the transaction open unless `dry_run`.
 */
struct error *schema_apply(struct db *db, struct arena *arena,
			   const struct schema *schema, bool dry_run,
			   struct migration **migration) MUST_CHECK;

/*
 * Whether there is an account for each AsUserEmail of the schema's tasks. Where
 * an instance starts nobody asks: such a task waits, inactive.
 */
struct error *schema_check_users(struct db *db, struct arena *arena,
				 const struct schema *schema) MUST_CHECK;

/* Whether the attributes of an action have dry_run: it may stand among them
 * as well as beside them. */
bool schema_is_dry_run(struct json_object *attributes);

/* Adds the statements that a dry run would run. */
void schema_reply_statements(struct reply *reply,
			     const struct migration *migration);

#endif
