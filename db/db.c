/*
 * db.c: running statements, prepared or not, and transactions. Connecting is
 * in db_connection.c, COPY in db_copy.c, results in db_rows.c.
 */
#include "db/db_parts.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* Running statements. */

static PGresult *
run_plainly(struct db *db, struct statement *statement, const char *sql,
	    bool prepare, struct params params)
{
	char name[16];
	PGresult *result;

	if (!statement)
		return PQexecParams(db->conn, sql, (int)params.count, NULL,
				    params.values, NULL, NULL, 0);
	snprintf(name, sizeof name, "s%u", statement->number);
	if (prepare) {
		result =
			PQprepare(db->conn, name, sql, (int)params.count, NULL);
		if (PQresultStatus(result) != PGRES_COMMAND_OK) {
			statements_forget(&db->statements, statement);
			return result;
		}
		PQclear(result);
	}
	return PQexecPrepared(db->conn, name, (int)params.count, params.values,
			      NULL, NULL, 0);
}

static void
send_statement(struct db *db, const struct statement *statement,
	       const char *sql, bool prepare, struct params params)
{
	char name[16];

	if (!statement) {
		PQsendQueryParams(db->conn, sql, (int)params.count, NULL,
				  params.values, NULL, NULL, 0);
		return;
	}
	snprintf(name, sizeof name, "s%u", statement->number);
	if (prepare)
		PQsendPrepare(db->conn, name, sql, (int)params.count, NULL);
	PQsendQueryPrepared(db->conn, name, (int)params.count, params.values,
			    NULL, NULL, 0);
}

static void
send_command(struct db *db, const char *command)
{
	PQsendQueryParams(db->conn, command, 0, NULL, NULL, NULL, NULL, 0);
}

/*
 * The last result before the sync, or the first that failed; `*nsucceeded`
 * counts those before it.
 */
static PGresult *
collect_pipeline(struct db *db, unsigned *nsucceeded)
{
	PGresult *kept = NULL;

	for (*nsucceeded = 0;;) {
		PGresult *result = PQgetResult(db->conn);

		if (!result) {
			if (PQstatus(db->conn) != CONNECTION_OK)
				return kept;
			continue; /* the end of one statement's results */
		}
		if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
			PQclear(result);
			return kept;
		}
		if (PQresultStatus(result) == PGRES_PIPELINE_ABORTED ||
		    (kept && !db_succeeded(kept))) {
			PQclear(result);
			continue;
		}
		PQclear(kept);
		kept = result;
		*nsucceeded += db_succeeded(kept);
	}
}

/* BEGIN and the statement in one round trip. */
static PGresult *
run_with_begin(struct db *db, struct statement *statement, const char *sql,
	       bool prepare, struct params params)
{
	unsigned nsucceeded;
	PGresult *result;

	db->transaction = TRANSACTION_OPEN;
	if (!PQenterPipelineMode(db->conn))
		return NULL;
	send_command(db, "BEGIN");
	send_statement(db, statement, sql, prepare, params);
	PQpipelineSync(db->conn);
	result = collect_pipeline(db, &nsucceeded);
	PQexitPipelineMode(db->conn);
	if (prepare && nsucceeded < 2) /* BEGIN or Parse failed */
		statements_forget(&db->statements, statement);
	return result;
}

static void
deallocate_oldest(struct db *db)
{
	struct statement *oldest = db->statements.oldest;
	char command[64];

	snprintf(command, sizeof command, "DEALLOCATE s%u", oldest->number);
	statements_forget(&db->statements, oldest);
	PQclear(PQexec(db->conn, command));
}

/* The prepared statement of a text; NULL where none are kept. */
static struct statement *
prepared(struct db *db, const char *sql, bool *prepare)
{
	struct statement *statement;

	*prepare = false;
	if (!db->settings->prepared_statements)
		return NULL;
	statement = statements_find(&db->statements, sql);
	if (statement)
		return statement;
	if (db->transaction != TRANSACTION_OPEN &&
	    db->statements.count >= db->settings->prepared_statements)
		deallocate_oldest(db);
	*prepare = true;
	return statements_remember(&db->statements, sql);
}

static PGresult *
run(struct db *db, const char *sql, struct params params)
{
	bool prepare;
	struct statement *statement = prepared(db, sql, &prepare);

	if (db->transaction == TRANSACTION_WANTED)
		return run_with_begin(db, statement, sql, prepare, params);
	return run_plainly(db, statement, sql, prepare, params);
}

/* Whether the failure lies in the prepared form, not in the statement. */
static bool
is_stale(const PGresult *result)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *message =
		PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

	if (!state)
		return false;
	if (!strcmp(state, "26000"))
		return true;
	return !strcmp(state, "0A000") && message &&
	       strstr(message, "cached plan");
}

/* Forgets every prepared statement, here and on the server. */
static void
start_statements_anew(struct db *db)
{
	statements_forget_all(&db->statements);
	if (db->transaction == TRANSACTION_NONE)
		PQclear(PQexec(db->conn, "DEALLOCATE ALL"));
}

/*
 * Once more with newly prepared statements, unless an earlier statement of
 * the transaction would be lost: then `failed` is the answer.
 */
static PGresult *
run_again(struct db *db, const char *sql, struct params params, bool was_open,
	  PGresult *failed)
{
	bool was_begun = db->transaction == TRANSACTION_OPEN;

	if (was_open) {
		statements_forget_all(&db->statements);
		return failed;
	}
	PQclear(failed);
	if (was_begun)
		PQclear(PQexec(db->conn, "ROLLBACK"));
	db->transaction = TRANSACTION_NONE;
	start_statements_anew(db);
	if (was_begun)
		db->transaction = TRANSACTION_WANTED;
	return run(db, sql, params);
}

/*
 * Without asking the socket: that is db_connect()'s, once before a request.
 */
static struct error *
connect_if_down(struct db *db, struct arena *arena)
{
	return db_is_up(db) ? NULL : db_connect(db, arena);
}

struct error *
db_query(struct db *db, struct arena *arena, const char *sql,
	 struct params params, struct rows **rows)
{
	bool was_open = db->transaction == TRANSACTION_OPEN;
	struct error *error;
	PGresult *result;

	error = connect_if_down(db, arena);
	if (error)
		return error;
	if (was_open && db->transaction != TRANSACTION_OPEN)
		return db_away(
			arena); /* the transaction died with its session */
	result = run(db, sql, params);
	if (result && !db_succeeded(result) && is_stale(result))
		result = run_again(db, sql, params, was_open, result);
	return db_take_result(db, arena, sql, result, rows);
}

struct error *
db_execute(struct db *db, struct arena *arena, const char *sql)
{
	bool was_open = db->transaction == TRANSACTION_OPEN;
	struct error *error;

	error = connect_if_down(db, arena);
	if (error)
		return error;
	if (was_open && db->transaction != TRANSACTION_OPEN)
		return db_away(
			arena); /* the transaction died with its session */
	if (db->transaction == TRANSACTION_WANTED) {
		PGresult *begun = PQexec(db->conn, "BEGIN");

		db->transaction = TRANSACTION_OPEN;
		error = db_take_result(db, arena, "BEGIN", begun, NULL);
		if (error)
			return error;
	}
	return db_take_result(db, arena, sql, PQexec(db->conn, sql), NULL);
}

/* Transactions. */

void
db_begin(struct db *db)
{
	if (db->transaction == TRANSACTION_NONE)
		db->transaction = TRANSACTION_WANTED;
}

bool
db_in_transaction(const struct db *db)
{
	return db->transaction != TRANSACTION_NONE;
}

struct error *
db_finish(struct db *db, struct arena *arena)
{
	struct error *error;
	PGresult *result;
	bool rolled_back;

	if (db->transaction != TRANSACTION_OPEN) {
		db->transaction = TRANSACTION_NONE;
		return NULL;
	}
	result = PQexec(db->conn, "COMMIT");
	/* a failed transaction answers COMMIT with ROLLBACK */
	rolled_back = !strcmp(PQcmdStatus(result), "ROLLBACK");
	error = db_take_result(db, arena, "COMMIT", result, NULL);
	db->transaction = TRANSACTION_NONE;
	db->savepoints = 0;
	if (!error && rolled_back)
		return error_internal(arena, "COMMIT of a failed transaction");
	return error;
}

/* The statement and COMMIT in one round trip. */
static PGresult *
run_with_commit(struct db *db, const char *sql, struct params params)
{
	bool prepare;
	struct statement *statement = prepared(db, sql, &prepare);
	unsigned nsucceeded;
	PGresult *result;

	if (!PQenterPipelineMode(db->conn))
		return NULL;
	send_statement(db, statement, sql, prepare, params);
	send_command(db, "COMMIT");
	PQpipelineSync(db->conn);
	result = collect_pipeline(db, &nsucceeded);
	PQexitPipelineMode(db->conn);
	if (prepare && nsucceeded < 1) /* Parse failed */
		statements_forget(&db->statements, statement);
	return result;
}

struct error *
db_finish_with(struct db *db, struct arena *arena, const char *sql,
	       struct params params)
{
	struct error *error;
	PGresult *result;

	if (db->transaction != TRANSACTION_OPEN) {
		error = db_query(db, arena, sql, params, NULL);
		return error ? error : db_finish(db, arena);
	}
	result = run_with_commit(db, sql, params);
	if (result && !db_succeeded(result) && is_stale(result))
		statements_forget_all(&db->statements);
	error = db_take_result(db, arena, "COMMIT", result, NULL);
	if (error)
		return error;
	db->transaction = TRANSACTION_NONE;
	db->savepoints = 0;
	return NULL;
}

void
db_abandon(struct db *db)
{
	if (db->copying || (db->conn && PQstatus(db->conn) != CONNECTION_OK)) {
		db_disconnect(db);
		return;
	}
	if (db->transaction == TRANSACTION_OPEN)
		PQclear(PQexec(db->conn, "ROLLBACK"));
	db->transaction = TRANSACTION_NONE;
	db->savepoints = 0;
}

static struct error *
savepoint_command(struct db *db, struct arena *arena, const char *verb,
		  unsigned number)
{
	return db_execute(db, arena,
			  arena_printf(arena, "%s p%u", verb, number));
}

struct error *
db_savepoint(struct db *db, struct arena *arena)
{
	db_begin(db);
	return savepoint_command(db, arena, "SAVEPOINT", ++db->savepoints);
}

struct error *
db_release(struct db *db, struct arena *arena)
{
	assert(db->savepoints);
	return savepoint_command(db, arena, "RELEASE SAVEPOINT",
				 db->savepoints--);
}

struct error *
db_rollback_to(struct db *db, struct arena *arena)
{
	struct error *error;

	assert(db->savepoints);
	error = savepoint_command(db, arena, "ROLLBACK TO SAVEPOINT",
				  db->savepoints);
	if (error)
		return error;
	return db_release(db, arena);
}
