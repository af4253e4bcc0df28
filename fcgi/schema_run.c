/*
 * schema_run.c: one connection, one transaction, no workers.
 */
#include "fcgi/schema_run.h"

#include "handlers/schema.h"
#include "handlers/schema_import.h"

/* Values of rows may be secrets: without keys the files wait. */
static struct error *
load_imports(struct db *db, struct arena *arena, const struct config *config,
	     const struct schema *schema)
{
	if (!config->settings.values.encryption_key)
		return NULL;
	return schema_import(db, arena, &config->settings, schema);
}

static struct error *
apply(struct db *db, struct arena *arena, const struct config *config,
      const struct schema *schema, bool dry_run, struct migration **migration)
{
	struct error *err = schema_apply(db, arena, schema, dry_run, migration);

	if (!err && !dry_run)
		err = load_imports(db, arena, config, schema);
	if (!err && !dry_run && (*migration)->nstatements)
		err = migrate_announce(db, arena);
	if (!err)
		err = db_finish(db, arena);
	else
		db_abandon(db);
	return err;
}

struct error *
schema_run(struct arena *arena, const struct config *config, const char *node,
	   bool dry_run, struct migration **migration)
{
	const struct db_settings settings = {
		.conninfo = config->database,
		.application = "actd schema",
		.node = node,
	};
	struct schema_changes changes;
	struct schema schema = { 0 };
	struct db *db = db_new(&settings);
	struct error *err;

	err = schema_add_system(arena, &schema);
	if (!err)
		err = db_connect(db, arena);
	if (!err)
		err = schema_changes_read(db, arena, &changes);
	if (!err)
		err = schema_add_folder(arena, config->settings.schema_folder,
					&changes, &schema);
	if (!err)
		err = apply(db, arena, config, &schema, dry_run, migration);
	db_free(db);
	return err;
}
