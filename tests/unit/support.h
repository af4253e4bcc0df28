/*
 * support.h: what tests in C have in common: cmocka, an arena a test, texts
 * as JSON and as files, and an empty or a filled database. Include it first.
 */
#ifndef ACTD_TESTS_SUPPORT_H
#define ACTD_TESTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "db/base/arena.h"
#include "db/base/error.h"
#include "db/base/strbuf.h"
#include "db/db.h"

/* Setup and teardown of tests whose state is an arena. */
static inline int
arena_setup(void **state)
{
	*state = arena_new();
	return 0;
}

static inline int
arena_teardown(void **state)
{
	arena_free(*state);
	return 0;
}

/* The test fails, and shows the error, where there is one. */
static inline void
expect_success(const struct error *error)
{
	if (error)
		fail_msg("%d %s: %s", error->status, error->code,
			 error->detail);
}

/* The test fails where it is another error, or none. */
static inline void
expect_error(const struct error *error, int status, const char *code)
{
	if (!error)
		fail_msg("no error, instead of %d %s", status, code);
	if (error->status != status || strcmp(error->code, code) != 0)
		fail_msg("%d %s: %s, instead of %d %s", error->status,
			 error->code, error->detail, status, code);
}

static inline void
support_put(void *object)
{
	json_object_put(object);
}

/* A text as JSON; the test fails where it is none. Lives with the arena. */
static inline struct json_object *
parsed(struct arena *arena, const char *text)
{
	struct json_object *value = NULL;
	enum json_tokener_error error;

	value = json_tokener_parse_verbose(text, &error);
	if (error != json_tokener_success)
		fail_msg("no JSON: %s", text);
	arena_defer(arena, support_put, value);
	return value;
}

/* The whole of a file; the test fails where it is missing. */
static inline char *
file_text(struct arena *arena, const char *path, size_t *length)
{
	FILE *file = fopen(path, "rb");
	struct strbuf buf;
	char block[4096];
	size_t got;

	if (!file)
		fail_msg("%s can't be opened", path);
	strbuf_init(&buf, arena);
	while ((got = fread(block, 1, sizeof block, file)) > 0)
		strbuf_add(&buf, block, got);
	fclose(file);
	if (length)
		*length = buf.length;
	return buf.data;
}

static inline void
support_close(void *file)
{
	fclose(file);
}

/* A file with that content, open at its beginning; closed with the arena. */
static inline int
file_of(struct arena *arena, const void *data, size_t size)
{
	FILE *file = tmpfile();

	assert_non_null(file);
	arena_defer(arena, support_close, file);
	assert_int_equal(fwrite(data, 1, size, file), size);
	rewind(file);
	return fileno(file);
}

/* Processor time of this process so far. */
static inline double
cpu_milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* How the tests connect to the database that $ACTD_DATABASE names. */
static inline struct db_settings
database_settings(void)
{
	struct db_settings settings = { .conninfo = getenv("ACTD_DATABASE"),
					.application = "unit test",
					.prepared_statements = 100 };

	if (!settings.conninfo)
		fail_msg("run me as tests/with-postgres PROGRAM");
	return settings;
}

/* A database without tables. */
static inline void
empty_database(struct db *db, struct arena *arena)
{
	expect_success(db_execute(
		db, arena, "DROP SCHEMA public CASCADE; CREATE SCHEMA public"));
}

/* The first column of the first row; NULL: no row, or SQL's NULL. */
static inline const char *
query_text(struct db *db, struct arena *arena, const char *sql)
{
	struct rows *rows;

	expect_success(db_query(db, arena, sql, NO_PARAMS, &rows));
	return rows_count(rows) ? rows_text(rows, 0, 0) : NULL;
}

#endif
