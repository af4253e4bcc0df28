/*
 * file_lock.c: advisory locks of PostgreSQL, of two numbers: ours and the
 * bucket's. They end with the transaction, however that ends.
 */
#include "db/file_lock.h"

/* "file" */
#define CLASS "1718185061"

static const char SHARE[] =
	"SELECT pg_advisory_xact_lock_shared(" CLASS ", $1::int)";

struct error *
file_lock_share(struct db *db, struct arena *arena, unsigned bucket)
{
	db_begin(db);
	return db_query(db, arena, SHARE,
			PARAMS(arena_printf(arena, "%u", bucket)), NULL);
}

static const char TAKE[] =
	"SELECT pg_try_advisory_xact_lock(" CLASS ", $1::int)"
	" AND pg_try_advisory_xact_lock(" CLASS ", $2::int)";

/* A lock goes with the savepoint that it was taken in. */
struct error *
file_lock_take(struct db *db, struct arena *arena, unsigned bucket, bool *taken)
{
	struct rows *rows;
	struct error *error = db_savepoint(db, arena);

	if (!error)
		error = db_query(
			db, arena, TAKE,
			PARAMS(arena_printf(arena, "%u", bucket),
			       arena_printf(arena, "%u", FILE_LOCK_ALL)),
			&rows);
	if (error)
		return error;
	*taken = rows_boolean(rows, 0, 0);
	return *taken ? NULL : db_rollback_to(db, arena);
}

struct error *
file_lock_leave(struct db *db, struct arena *arena)
{
	return db_rollback_to(db, arena);
}
