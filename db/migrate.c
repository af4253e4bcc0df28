/*
 * migrate.c: the migration's transaction: the lock, what is stored and what
 * is new, the plan, its statements, functions.sql, the rows. What a step
 * consists of is elsewhere: plan.c, definitions.c.
 */
#include "db/migrate.h"

#include <string.h>
#include <time.h>

#include "db/base/crypto.h"
#include "db/base/log.h"
#include "db/catalog.h"
#include "db/definitions.h"
#include "db/plan.h"
#include "db/reshape.h"
#include "db/schema_file.h"

#define ATTEMPTS 5
#define PAUSE_MS 200
#define BATCH_BYTES 65536

extern const char _binary_sql_functions_sql_start[];
extern const char _binary_sql_functions_sql_end[];

/*
 * One migration at a time: the lock waits long, since another node's is
 * finished soon. A busy table is not waited for, lest everyone wait behind
 * us: we give way and try again.
 */
static const char LOCK[] =
	"SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '60s';"
	"SELECT pg_catalog.pg_advisory_xact_lock(6279446104);"
	"SET LOCAL lock_timeout = '2s'";

static const char UNLOCK[] = "SET LOCAL lock_timeout TO DEFAULT";

/* Functions and triggers. */

static struct error *
apply_functions(struct db *db, struct arena *arena,
		const struct catalog *catalog)
{
	/* cppcheck-suppress comparePointers; marks around one text */
	size_t length = (size_t)(_binary_sql_functions_sql_end -
				 _binary_sql_functions_sql_start);
	const char *text =
		arena_strndup(arena, _binary_sql_functions_sql_start, length);
	const char *source = arena_printf(
		arena, "SELECT '%s'", crypto_sha256_hex(arena, text, length));

	if (catalog->functions && !strcmp(catalog->functions, source))
		return NULL;
	return db_execute(db, arena,
			  arena_printf(arena,
				       "%s\nCREATE OR REPLACE FUNCTION "
				       "actd_functions_digest() RETURNS text "
				       "LANGUAGE sql IMMUTABLE AS $$%s$$",
				       text, source));
}

/* Statements, joined so that a thousand tables are not as many trips. */
static struct error *
run_statements(struct db *db, struct arena *arena,
	       const struct migration *migration)
{
	struct error *error = NULL;
	struct strbuf batch;

	strbuf_init(&batch, arena);
	for (size_t i = 0; !error && i < migration->nstatements; i++) {
		strbuf_puts(&batch, migration->statements[i]);
		strbuf_literal(&batch, ";\n");
		if (batch.length < BATCH_BYTES &&
		    i + 1 < migration->nstatements)
			continue;
		error = db_execute(db, arena, batch.data);
		strbuf_cut(&batch, 0);
	}
	return error;
}

/* What is stored, and on top of it what is new. */
static struct error *
wanted_model(struct db *db, struct arena *arena, const struct schema *added,
	     struct model **model)
{
	struct schema *schema = ARENA_NEW(arena, struct schema);
	struct error *error;

	error = schema_load(db, arena, schema);
	if (!error && added)
		error = schema_merge(arena, schema, added);
	if (error)
		return error;
	return model_build(arena, schema, model);
}

/* What is wanted: a schema on top of what is stored, or a change of it. */
struct wish {
	const struct schema *added;
	const struct schema_change *change;
};

/* What the change has done comes before what the plan did. */
static void
prepend_statements(struct arena *arena, const struct migration *before,
		   struct migration *migration)
{
	struct migration all = *before;

	for (size_t i = 0; i < migration->nstatements; i++)
		ARENA_PUSH(arena, all.statements, all.nstatements,
			   migration->statements[i]);
	*migration = all;
}

static struct error *
migrate_once(struct db *db, struct arena *arena, const struct wish *wish,
	     struct migration *migration)
{
	struct plan plan = { .db = db, .arena = arena, .migration = migration };
	struct migration reshaped = { 0 };
	struct catalog *catalog;
	struct model *model;
	struct error *error;

	error = db_execute(db, arena, LOCK);
	if (!error && wish->change)
		error = reshape_apply(db, arena, wish->change, &reshaped);
	if (!error)
		error = wanted_model(db, arena, wish->added, &model);
	if (!error)
		error = catalog_read(db, arena, &catalog);
	if (error)
		return error;
	plan.model = model;
	plan.catalog = catalog;
	error = plan_make(&plan);
	if (!error)
		error = plan.problems;
	if (!error)
		error = run_statements(db, arena, migration);
	if (!error)
		error = apply_functions(db, arena, catalog);
	if (!error)
		error = definitions_store(db, arena, model, wish->added);
	prepend_statements(arena, &reshaped, migration);
	return error ? error : db_execute(db, arena, UNLOCK);
}

/* The transaction around it. */

static bool
has_state(const struct error *error, const char *sqlstate)
{
	return error->sqlstate && !strcmp(error->sqlstate, sqlstate);
}

/* A busy table, or a deadlock with somebody who uses one. */
static bool
is_passing(const struct error *error)
{
	return has_state(error, "55P03") || has_state(error, "40P01");
}

/* The lock table of PostgreSQL bounds what one transaction can make. */
static struct error *
explain(struct arena *arena, struct error *error)
{
	if (!has_state(error, "53200"))
		return error;
	return error_new(arena, 503, "too-many-locks",
			 "PostgreSQL can't lock so many tables in one "
			 "transaction. Raise max_locks_per_transaction "
			 "(1024 is enough for some thousand entities) and "
			 "restart it.");
}

static void
pause_before(unsigned attempt)
{
	long milliseconds = PAUSE_MS * (long)attempt;
	struct timespec pause = { milliseconds / 1000,
				  milliseconds % 1000 * 1000000 };

	nanosleep(&pause, NULL);
}

/* Within a transaction of the caller's only our part is undone. */
static struct error *
undo(struct db *db, struct arena *arena, bool is_nested)
{
	if (is_nested && db_is_up(db))
		return db_rollback_to(db, arena);
	db_abandon(db);
	return NULL;
}

static struct error *
attempt(struct db *db, struct arena *arena, const struct wish *wish,
	bool dry_run, bool is_nested, struct migration *migration)
{
	struct error *undone, *error = NULL;

	*migration = (struct migration){ 0 };
	if (is_nested)
		error = db_savepoint(db, arena);
	else
		db_begin(db);
	if (error)
		return error;
	error = migrate_once(db, arena, wish, migration);
	if (!error && !dry_run)
		return is_nested ? db_release(db, arena) : NULL;
	undone = undo(db, arena, is_nested);
	return error ? error : undone;
}

static struct error *
grant(struct db *db, struct arena *arena, const struct wish *wish, bool dry_run,
      struct migration **migration)
{
	struct migration *done = ARENA_NEW(arena, struct migration);
	bool is_nested = db_in_transaction(db);
	struct error *error = NULL;

	for (unsigned i = 0; i < ATTEMPTS; i++) {
		if (i)
			pause_before(i);
		error = attempt(db, arena, wish, dry_run, is_nested, done);
		if (!error || !is_passing(error))
			break;
		log_event(LOG_WARNING, "migration-waits", "cause",
			  error->detail, NULL);
	}
	if (error)
		return explain(arena, error);
	if (migration)
		*migration = done;
	return NULL;
}

struct error *
migrate(struct db *db, struct arena *arena, const struct schema *added,
	bool dry_run, struct migration **migration)
{
	const struct wish wish = { .added = added };

	return grant(db, arena, &wish, dry_run, migration);
}

struct error *
migrate_reshape(struct db *db, struct arena *arena,
		const struct schema_change *change, bool dry_run,
		struct migration **migration)
{
	const struct wish wish = { .change = change };

	return grant(db, arena, &wish, dry_run, migration);
}

struct error *
migrate_announce(struct db *db, struct arena *arena)
{
	return db_query(db, arena,
			"SELECT pg_catalog.pg_notify('actd_model',"
			" coalesce(pg_catalog.current_setting("
			"'actd.node', true), ''))",
			NO_PARAMS, NULL);
}
