/*
 * db_connection.c: connecting and coming back, what a connection begins with,
 * and what the server says on its own: that it is gone, and notifications.
 */
#include "db/db_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/base/log.h"

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

void
db_disconnect(struct db *db)
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
	statements_forget_all(&db->statements);
}

void
db_free(struct db *db)
{
	if (!db)
		return;
	if (db->copy_row)
		PQfreemem(db->copy_row);
	db_disconnect(db);
	free(db);
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
	db_disconnect(db);
	if (is_wanted) /* nothing of it was done yet: begin over there */
		db->transaction = TRANSACTION_WANTED;
	db->conn = PQconnectdbParams(keys, values, 1);
	PQsetNoticeReceiver(db->conn, ignore_notice, NULL);
	if (PQstatus(db->conn) != CONNECTION_OK || !prepare_session(db)) {
		log_event(LOG_WARNING, "database-away", "cause",
			  PQerrorMessage(db->conn), NULL);
		db_disconnect(db);
		return db_away(arena);
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

void
db_cancel(const struct db *db)
{
	char ignored[256];

	if (db->cancel)
		PQcancel(db->cancel, ignored, sizeof ignored);
}

/* Failures. */

struct error *
db_away(struct arena *arena)
{
	struct error *error =
		error_new(arena, 503, "database-away",
			  "The database does not answer. Nothing was done; "
			  "please try again.");

	error->retry_after = 2;
	return error;
}

struct error *
db_lost(struct db *db, struct arena *arena, const char *sql)
{
	bool is_write = strstr(sql, "INSERT INTO") ||
			strstr(sql, "UPDATE \"") || strstr(sql, "DELETE FROM");
	bool in_transaction = db->transaction != TRANSACTION_NONE;

	log_event(LOG_WARNING, "database-lost", "cause",
		  PQerrorMessage(db->conn), NULL);
	db_disconnect(db);
	if (!strcmp(sql, "COMMIT") || (is_write && !in_transaction))
		return error_new(arena, 504, "outcome-unknown",
				 "The database went away while this was "
				 "written. It may have been done or not: "
				 "please look before you try again.");
	return db_away(arena);
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
