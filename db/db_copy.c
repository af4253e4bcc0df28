/*
 * db_copy.c: COPY in both directions.
 */
#include "db/db_parts.h"

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
	return db_lost(db, arena, "COPY");
}

struct error *
db_copy_end(struct db *db, struct arena *arena, int64_t *rows)
{
	struct rows *result;
	struct error *error;

	if (PQputCopyEnd(db->conn, NULL) != 1)
		return db_lost(db, arena, "COPY");
	error = db_take_result(db, arena, "COPY", PQgetResult(db->conn),
			       &result);
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
		return db_lost(db, arena, "COPY");
	error = db_take_result(db, arena, "COPY", PQgetResult(db->conn), NULL);
	PQclear(PQgetResult(db->conn));
	db->copying = false;
	return error;
}
