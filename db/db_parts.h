/*
 * db_parts.h: what the files of db.h share: the connection itself, and what
 * becomes of libpq's results.
 */
#ifndef ACTD_DB_PARTS_H
#define ACTD_DB_PARTS_H

#include <libpq-fe.h>

#include "db/db.h"
#include "db/statements.h"

enum transaction { TRANSACTION_NONE, TRANSACTION_WANTED, TRANSACTION_OPEN };

struct db {
	const struct db_settings *settings;
	PGconn *conn;
	PGcancel *cancel; /* of conn */
	enum transaction transaction;
	unsigned savepoints;
	bool copying;
	struct statements statements;
	char *copy_row; /* of libpq, until the next db_copy_read() */
};

/* Whether a statement did what it should. */
bool db_succeeded(const PGresult *result);

/*
 * The rows of `result`, which is taken over: it is released with `arena`; or
 * the error that it is, `sql` being what was run.
 */
struct error *db_take_result(struct db *db, struct arena *arena,
			     const char *sql, PGresult *result,
			     struct rows **rows) MUST_CHECK;

/*
 * The connection broke while `sql` ran: closes it. A write outside a
 * transaction may have been done or not; within one, and for a read, nothing
 * was.
 */
struct error *db_lost(struct db *db, struct arena *arena,
		      const char *sql) MUST_CHECK;

/* 503 "database-away": nothing was done. */
struct error *db_away(struct arena *arena) MUST_CHECK;

/* Closes the connection and forgets all that belonged to it. */
void db_disconnect(struct db *db);

#endif
