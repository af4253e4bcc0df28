/*
 * db_rows.c: results: taken from libpq or turned into errors, and read. How
 * SQLSTATE becomes an error is in sqlstate.c.
 */
#include "db/db_parts.h"

#include <stdlib.h>

#include "db/sqlstate.h"

static void
release_result(void *result)
{
	PQclear(result);
}

bool
db_succeeded(const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK ||
	       status == PGRES_COPY_IN || status == PGRES_COPY_OUT;
}

struct error *
db_take_result(struct db *db, struct arena *arena, const char *sql,
	       PGresult *result, struct rows **rows)
{
	if (result)
		arena_defer(arena, release_result, result);
	if (result && db_succeeded(result)) {
		if (rows)
			*rows = (struct rows *)result;
		return NULL;
	}
	if (PQstatus(db->conn) != CONNECTION_OK)
		return db_lost(db, arena, sql);
	return sqlstate_error(arena, result, PQerrorMessage(db->conn), sql);
}

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
