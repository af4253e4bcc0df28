/*
 * db.h: one connection to PostgreSQL: statements with parameters, prepared
 * once per connection, at most one transaction at a time. Reconnects by
 * itself between requests. The only module that knows libpq, and the only
 * place where SQLSTATE becomes an HTTP status.
 */
#ifndef ACTD_DB_H
#define ACTD_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "db/base/arena.h"
#include "db/base/error.h"

struct db;
struct rows; /* a result; lives as long as the arena it was asked for */

struct db_settings {
	const char *conninfo;	       /* libpq connection string */
	const char *application;       /* application_name, "actd quick" */
	unsigned statement_timeout_ms; /* 0: none */
	unsigned prepared_statements;  /* most kept per connection; 0: none,
					  for pgbouncer */
	const char *node; /* name of the node, letters and digits: goes with
			     its notifications; NULL: none */
};

/* Text parameters; a NULL value is SQL's NULL. */
struct params {
	const char *const *values;
	size_t count;
};

#define PARAMS(...)                                                            \
	((struct params){ (const char *const[]){ __VA_ARGS__ },                \
			  sizeof((const char *const[]){ __VA_ARGS__ }) /       \
				  sizeof(const char *) })
#define NO_PARAMS ((struct params){ NULL, 0 })

/* Makes the object; connects at the first use. `settings` must outlive it. */
struct db *db_new(const struct db_settings *settings);
void db_free(struct db *db);

/* Another connection like `db`, for what must not be in its transaction. */
struct db *db_beside(const struct db *db);

/*
 * Connects, or connects again after a loss; nothing if connected. 503
 * "database-away" with Retry-After where PostgreSQL does not answer.
 */
struct error *db_connect(struct db *db, struct arena *arena) MUST_CHECK;

/* Connects where needed and has PostgreSQL answer once: for monitors. */
struct error *db_ping(struct db *db, struct arena *arena) MUST_CHECK;

/* Whether the connection is up, as far as is known without asking. */
bool db_is_up(const struct db *db);

/* The socket, for poll(2); -1 when not connected. */
int db_socket(const struct db *db);

/*
 * Runs one statement. Prepared on first use, under the text as key; a cached
 * plan that no longer fits is prepared again. `*rows` (may be NULL where no
 * rows are wanted) is released with `arena`.
 *
 * Errors by SQLSTATE: 23505 and 23503 -> 409, 23502, 23514 and class 22 -> 422,
 * 57014 -> 503 "statement-timeout", 40001 and 40P01 -> 409 "retry",
 * 08 and 57P -> 503 "database-away" (in the middle of a COMMIT: 504),
 * everything else 500. sqlstate and constraint are set in the error.
 */
struct error *db_query(struct db *db, struct arena *arena, const char *sql,
		       struct params params, struct rows **rows) MUST_CHECK;

/* As db_query(), never prepared, several statements allowed: for DDL. */
struct error *db_execute(struct db *db, struct arena *arena,
			 const char *sql) MUST_CHECK;

/*
 * Transactions. db_begin() only notes the wish: BEGIN travels with the next
 * statement in one round trip. db_finish() commits if anything was begun;
 * db_abandon() rolls back and never fails. Between requests none is open.
 */
void db_begin(struct db *db);
bool db_in_transaction(const struct db *db);
struct error *db_finish(struct db *db, struct arena *arena) MUST_CHECK;
void db_abandon(struct db *db);

/*
 * Runs a last statement, whose rows nobody wants, and commits, in one round
 * trip. On error the caller abandons the transaction.
 */
struct error *db_finish_with(struct db *db, struct arena *arena,
			     const char *sql, struct params params) MUST_CHECK;

/*
 * Savepoints within a transaction, one level per call; db_rollback_to() undoes
 * to the newest one and leaves the transaction usable.
 */
struct error *db_savepoint(struct db *db, struct arena *arena) MUST_CHECK;
struct error *db_release(struct db *db, struct arena *arena) MUST_CHECK;
struct error *db_rollback_to(struct db *db, struct arena *arena) MUST_CHECK;

/*
 * COPY … FROM STDIN: begin with the COPY statement, send bytes, end. COPY …
 * TO STDOUT: db_copy_read() gives a row at a time, `*data` NULL at the end
 * (valid until the next call). The error texts' context ("COPY t, line 3,
 * column c") is in the error's detail only where it names a line.
 */
struct error *db_copy_in(struct db *db, struct arena *arena,
			 const char *sql) MUST_CHECK;
struct error *db_copy_send(struct db *db, struct arena *arena, const void *data,
			   size_t size) MUST_CHECK;
struct error *db_copy_end(struct db *db, struct arena *arena,
			  int64_t *rows) MUST_CHECK;
struct error *db_copy_out(struct db *db, struct arena *arena,
			  const char *sql) MUST_CHECK;
struct error *db_copy_read(struct db *db, struct arena *arena,
			   const char **data, size_t *size) MUST_CHECK;

/*
 * Asks the server to end the statement that runs; it fails with 503
 * "statement-timeout". May be called from a signal handler.
 */
void db_cancel(const struct db *db);

/*
 * LISTEN/NOTIFY. db_listen() asks for a channel's notifications (again is
 * harmless; a connection that was lost forgets it). db_notification(): true if
 * one was taken; channel and payload are in the arena.
 */
struct error *db_listen(struct db *db, struct arena *arena,
			const char *channel) MUST_CHECK;
bool db_notification(struct db *db, struct arena *arena, const char **channel,
		     const char **payload);

/* Results. Row and column from 0; text is NULL for SQL's NULL. */
size_t rows_count(const struct rows *rows);
size_t rows_columns(const struct rows *rows);
const char *rows_text(const struct rows *rows, size_t row, size_t column);
size_t rows_length(const struct rows *rows, size_t row, size_t column);
int64_t rows_integer(const struct rows *rows, size_t row, size_t column);
bool rows_boolean(const struct rows *rows, size_t row, size_t column);
/* Rows touched by INSERT, UPDATE, DELETE. */
int64_t rows_affected(const struct rows *rows);

#endif
