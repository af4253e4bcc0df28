/*
 * db.c: the connection: connecting and coming back, prepared statements,
 * transactions, COPY, results. How SQLSTATE becomes an error is in
 * sqlstate.c.
 */
#include "db/db.h"

#include <assert.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/base/log.h"
#include "db/base/strbuf.h"
#include "db/sqlstate.h"

#define STATEMENT_BUCKETS 1024

/* A statement that the server has prepared under the name "s<number>". */
struct statement {
	struct statement *next; /* in its bucket */
	struct statement *newer, *older;
	uint64_t hash;
	unsigned number;
	char text[];
};

enum transaction { TRANSACTION_NONE, TRANSACTION_WANTED, TRANSACTION_OPEN };

struct db {
	const struct db_settings *settings;
	PGconn *conn;
	PGcancel *cancel; /* of conn */
	enum transaction transaction;
	unsigned savepoints;
	bool copying;
	struct statement *buckets[STATEMENT_BUCKETS];
	struct statement *newest, *oldest;
	size_t nstatements;
	unsigned next_number;
	char *copy_row; /* of libpq, until the next db_copy_read() */
};

struct db *
db_new(const struct db_settings *settings)
{
	struct db *db = calloc(1, sizeof *db);

	if (!db)
		abort();
	db->settings = settings;
	return db;
}

struct db *
db_beside(const struct db *db)
{
	return db_new(db->settings);
}

/* Prepared statements. */

static void
forget_statements(struct db *db)
{
	while (db->oldest) {
		struct statement *statement = db->oldest;

		db->oldest = statement->newer;
		free(statement);
	}
	memset(db->buckets, 0, sizeof db->buckets);
	db->newest = NULL;
	db->nstatements = 0;
}

/* FNV-1a */
static uint64_t
hash_text(const char *text)
{
	uint64_t hash = UINT64_C(14695981039346656037);

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
	return hash;
}

static void
unlink_by_age(struct db *db, struct statement *statement)
{
	if (statement->newer)
		statement->newer->older = statement->older;
	else
		db->newest = statement->older;
	if (statement->older)
		statement->older->newer = statement->newer;
	else
		db->oldest = statement->newer;
}

static void
link_as_newest(struct db *db, struct statement *statement)
{
	statement->newer = NULL;
	statement->older = db->newest;
	if (db->newest)
		db->newest->newer = statement;
	else
		db->oldest = statement;
	db->newest = statement;
}

static struct statement *
find_statement(struct db *db, const char *sql, uint64_t hash)
{
	struct statement *statement;

	for (statement = db->buckets[hash % STATEMENT_BUCKETS]; statement;
	     statement = statement->next)
		if (statement->hash == hash && !strcmp(statement->text, sql))
			break;
	if (statement && statement != db->newest) {
		unlink_by_age(db, statement);
		link_as_newest(db, statement);
	}
	return statement;
}

static void
forget_statement(struct db *db, struct statement *statement)
{
	struct statement **link =
		&db->buckets[statement->hash % STATEMENT_BUCKETS];

	while (*link != statement)
		link = &(*link)->next;
	*link = statement->next;
	unlink_by_age(db, statement);
	db->nstatements--;
	free(statement);
}

static void
deallocate_oldest(struct db *db)
{
	char command[64];

	snprintf(command, sizeof command, "DEALLOCATE s%u", db->oldest->number);
	forget_statement(db, db->oldest);
	PQclear(PQexec(db->conn, command));
}

static struct statement *
remember_statement(struct db *db, const char *sql, uint64_t hash)
{
	size_t length = strlen(sql);
	struct statement *statement = malloc(sizeof *statement + length + 1);

	if (!statement)
		abort();
	memcpy(statement->text, sql, length + 1);
	statement->hash = hash;
	statement->number = db->next_number++;
	statement->next = db->buckets[hash % STATEMENT_BUCKETS];
	db->buckets[hash % STATEMENT_BUCKETS] = statement;
	link_as_newest(db, statement);
	db->nstatements++;
	return statement;
}

/* Connection. */

static void
disconnect(struct db *db)
{
	PGcancel *cancel = db->cancel;

	db->cancel = NULL; /* first: db_cancel() may come in between */
	if (cancel)
		PQfreeCancel(cancel);
	if (db->conn)
		PQfinish(db->conn);
	db->conn = NULL;
	db->transaction = TRANSACTION_NONE;
	db->savepoints = 0;
	db->copying = false;
	forget_statements(db);
}

void
db_free(struct db *db)
{
	if (!db)
		return;
	if (db->copy_row)
		PQfreemem(db->copy_row);
	disconnect(db);
	free(db);
}

static struct error *
away(struct arena *arena)
{
	struct error *error =
		error_new(arena, 503, "database-away",
			  "The database does not answer. Nothing was done; "
			  "please try again.");

	error->retry_after = 2;
	return error;
}

/*
 * What every connection relies on, whatever the server's defaults are. A
 * prepared statement is planned once: with "auto" the server compares costs
 * that leave planning out and plans a list anew each time, ten times longer
 * than it runs.
 */
static bool
prepare_session(struct db *db)
{
	const char *node = db->settings->node;
	char command[600];
	PGresult *result;
	bool ok;

	snprintf(command, sizeof command,
		 "SET timezone = 'UTC'; SET datestyle = 'ISO, YMD';"
		 "SET client_encoding = 'UTF8'; SET bytea_output = 'hex';"
		 "SET search_path = public, pg_catalog;"
		 "SET standard_conforming_strings = on;"
		 "SET client_min_messages = warning; SET jit = off;"
		 "SET plan_cache_mode = force_generic_plan;"
		 "SET statement_timeout = %u; SET actd.node = '%s'",
		 db->settings->statement_timeout_ms, node ? node : "");
	result = PQexec(db->conn, command);
	ok = PQresultStatus(result) == PGRES_COMMAND_OK;
	PQclear(result);
	return ok;
}

static void
ignore_notice(void *context UNUSED, const PGresult *result UNUSED)
{
}

/* Whether the server has closed an idle connection behind our back. */
static bool
is_alive(struct db *db)
{
	return db->conn && PQconsumeInput(db->conn) &&
	       PQstatus(db->conn) == CONNECTION_OK;
}

struct error *
db_connect(struct db *db, struct arena *arena)
{
	const char *const keys[] = { "dbname", "fallback_application_name",
				     "connect_timeout", NULL };
	const char *const values[] = { db->settings->conninfo,
				       db->settings->application, "5", NULL };

	bool is_wanted = db->transaction == TRANSACTION_WANTED;

	if (is_alive(db))
		return NULL;
	disconnect(db);
	if (is_wanted) /* nothing of it was done yet: begin over there */
		db->transaction = TRANSACTION_WANTED;
	db->conn = PQconnectdbParams(keys, values, 1);
	PQsetNoticeReceiver(db->conn, ignore_notice, NULL);
	if (PQstatus(db->conn) != CONNECTION_OK || !prepare_session(db)) {
		log_event(LOG_WARNING, "database-away", "cause",
			  PQerrorMessage(db->conn), NULL);
		disconnect(db);
		return away(arena);
	}
	db->cancel = PQgetCancel(db->conn);
	return NULL;
}

struct error *
db_ping(struct db *db, struct arena *arena)
{
	struct error *error = db_connect(db, arena);

	if (error)
		return error;
	return db_query(db, arena, "SELECT 1", NO_PARAMS, NULL);
}

bool
db_is_up(const struct db *db)
{
	return db->conn && PQstatus(db->conn) == CONNECTION_OK;
}

int
db_socket(const struct db *db)
{
	return db->conn ? PQsocket(db->conn) : -1;
}

/* Running statements. */

static void
release_result(void *result)
{
	PQclear(result);
}

static bool
succeeded(const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK ||
	       status == PGRES_COPY_IN || status == PGRES_COPY_OUT;
}

/*
 * What a lost connection means: a write outside a transaction may have been
 * done or not; within one, and for a read, nothing was.
 */
static struct error *
lost(struct db *db, struct arena *arena, const char *sql)
{
	bool is_write = strstr(sql, "INSERT INTO") ||
			strstr(sql, "UPDATE \"") || strstr(sql, "DELETE FROM");
	bool in_transaction = db->transaction != TRANSACTION_NONE;

	log_event(LOG_WARNING, "database-lost", "cause",
		  PQerrorMessage(db->conn), NULL);
	disconnect(db);
	if (!strcmp(sql, "COMMIT") || (is_write && !in_transaction))
		return error_new(arena, 504, "outcome-unknown",
				 "The database went away while this was "
				 "written. It may have been done or not: "
				 "please look before you try again.");
	return away(arena);
}

/* Takes `result` over: it is released with the arena. */
static struct error *
take_result(struct db *db, struct arena *arena, const char *sql,
	    PGresult *result, struct rows **rows)
{
	if (result)
		arena_defer(arena, release_result, result);
	if (result && succeeded(result)) {
		if (rows)
			*rows = (struct rows *)result;
		return NULL;
	}
	if (PQstatus(db->conn) != CONNECTION_OK)
		return lost(db, arena, sql);
	return sqlstate_error(arena, result, PQerrorMessage(db->conn), sql);
}

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
			forget_statement(db, statement);
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
		    (kept && !succeeded(kept))) {
			PQclear(result);
			continue;
		}
		PQclear(kept);
		kept = result;
		*nsucceeded += succeeded(kept);
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
		forget_statement(db, statement);
	return result;
}

/* The prepared statement of a text; NULL where none are kept. */
static struct statement *
prepared(struct db *db, const char *sql, bool *prepare)
{
	struct statement *statement;
	uint64_t hash;

	*prepare = false;
	if (!db->settings->prepared_statements)
		return NULL;
	hash = hash_text(sql);
	statement = find_statement(db, sql, hash);
	if (statement)
		return statement;
	if (db->transaction != TRANSACTION_OPEN &&
	    db->nstatements >= db->settings->prepared_statements)
		deallocate_oldest(db);
	*prepare = true;
	return remember_statement(db, sql, hash);
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
	forget_statements(db);
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
		forget_statements(db);
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
		return away(arena); /* the transaction died with its session */
	result = run(db, sql, params);
	if (result && !succeeded(result) && is_stale(result))
		result = run_again(db, sql, params, was_open, result);
	return take_result(db, arena, sql, result, rows);
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
		return away(arena); /* the transaction died with its session */
	if (db->transaction == TRANSACTION_WANTED) {
		PGresult *begun = PQexec(db->conn, "BEGIN");

		db->transaction = TRANSACTION_OPEN;
		error = take_result(db, arena, "BEGIN", begun, NULL);
		if (error)
			return error;
	}
	return take_result(db, arena, sql, PQexec(db->conn, sql), NULL);
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
	error = take_result(db, arena, "COMMIT", result, NULL);
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
		forget_statement(db, statement);
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
	if (result && !succeeded(result) && is_stale(result))
		forget_statements(db);
	error = take_result(db, arena, "COMMIT", result, NULL);
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
		disconnect(db);
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

/* COPY. */

struct error *
db_copy_in(struct db *db, struct arena *arena, const char *sql)
{
	struct error *error = db_execute(db, arena, sql);

	db->copying = !error;
	return error;
}

struct error *
db_copy_send(struct db *db, struct arena *arena, const void *data, size_t size)
{
	if (PQputCopyData(db->conn, data, (int)size) == 1)
		return NULL;
	return lost(db, arena, "COPY");
}

struct error *
db_copy_end(struct db *db, struct arena *arena, int64_t *rows)
{
	struct rows *result;
	struct error *error;

	if (PQputCopyEnd(db->conn, NULL) != 1)
		return lost(db, arena, "COPY");
	error = take_result(db, arena, "COPY", PQgetResult(db->conn), &result);
	PQclear(PQgetResult(db->conn));
	db->copying = false;
	if (!error && rows)
		*rows = rows_affected(result);
	return error;
}

struct error *
db_copy_out(struct db *db, struct arena *arena, const char *sql)
{
	struct error *error = db_execute(db, arena, sql);

	db->copying = !error;
	return error;
}

struct error *
db_copy_read(struct db *db, struct arena *arena, const char **data,
	     size_t *size)
{
	struct error *error;
	int length;

	if (db->copy_row)
		PQfreemem(db->copy_row);
	db->copy_row = NULL;
	*data = NULL;
	length = PQgetCopyData(db->conn, &db->copy_row, 0);
	if (length > 0) {
		*data = db->copy_row;
		*size = (size_t)length;
		return NULL;
	}
	if (length < -1)
		return lost(db, arena, "COPY");
	error = take_result(db, arena, "COPY", PQgetResult(db->conn), NULL);
	PQclear(PQgetResult(db->conn));
	db->copying = false;
	return error;
}

void
db_cancel(const struct db *db)
{
	char ignored[256];

	if (db->cancel)
		PQcancel(db->cancel, ignored, sizeof ignored);
}

/* Notifications. */

struct error *
db_listen(struct db *db, struct arena *arena, const char *channel)
{
	return db_execute(db, arena, arena_printf(arena, "LISTEN %s", channel));
}

bool
db_notification(struct db *db, struct arena *arena, const char **channel,
		const char **payload)
{
	PGnotify *notify;

	if (!db->conn || !PQconsumeInput(db->conn))
		return false;
	notify = PQnotifies(db->conn);
	if (!notify)
		return false;
	*channel = arena_strdup(arena, notify->relname);
	*payload = arena_strdup(arena, notify->extra);
	PQfreemem(notify);
	return true;
}

/* Results. */

static const PGresult *
of(const struct rows *rows)
{
	return (const PGresult *)rows;
}

size_t
rows_count(const struct rows *rows)
{
	return (size_t)PQntuples(of(rows));
}

size_t
rows_columns(const struct rows *rows)
{
	return (size_t)PQnfields(of(rows));
}

const char *
rows_text(const struct rows *rows, size_t row, size_t column)
{
	if (PQgetisnull(of(rows), (int)row, (int)column))
		return NULL;
	return PQgetvalue(of(rows), (int)row, (int)column);
}

size_t
rows_length(const struct rows *rows, size_t row, size_t column)
{
	return (size_t)PQgetlength(of(rows), (int)row, (int)column);
}

int64_t
rows_integer(const struct rows *rows, size_t row, size_t column)
{
	const char *text = rows_text(rows, row, column);

	return text ? strtoll(text, NULL, 10) : 0;
}

bool
rows_boolean(const struct rows *rows, size_t row, size_t column)
{
	const char *text = rows_text(rows, row, column);

	return text && *text == 't';
}

int64_t
rows_affected(const struct rows *rows)
{
	return strtoll(PQcmdTuples((PGresult *)(uintptr_t)rows), NULL, 10);
}
