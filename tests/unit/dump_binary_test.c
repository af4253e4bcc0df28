/*
 * dump_binary_test.c: values in the binary form beside PostgreSQL's own texts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "db/db.h"
#include "db/dump_binary.h"
#include "db/value.h"

struct fixture {
	struct arena *arena;
	struct db *db;
};

static int
setup(void **state)
{
	static struct db_settings settings = { .application = "test" };
	struct fixture *t = malloc(sizeof *t);

	settings.conninfo = getenv("ACTD_DATABASE");
	t->arena = arena_new();
	t->db = db_new(&settings);
	*state = t;
	return db_connect(t->db, t->arena) ? -1 : 0;
}

static int
teardown(void **state)
{
	struct fixture *t = *state;

	db_free(t->db);
	arena_free(t->arena);
	free(t);
	return 0;
}

/* The only field of the only row: behind the header, a count, a length. */
static const char *
decoded(struct fixture *t, const char *type, const char *value)
{
	const struct dump_decoder *decoder = dump_decoder_find(type);
	const char *sql = arena_printf(
		t->arena, "COPY (SELECT (%s)::%s) TO STDOUT (FORMAT binary)",
		value, type);
	const char *data, *field;
	size_t size, length, room;
	char *text;

	assert_non_null(decoder);
	assert_null(db_copy_out(t->db, t->arena, sql));
	assert_null(db_copy_read(t->db, t->arena, &data, &size));
	field = data + 19 + 2 + 4;
	length = dump_number32(field - 4);
	room = decoder->room(field, length);
	assert_true(room > 0);
	text = arena_alloc(t->arena, room + length + 1);
	if (decoder->write)
		length = decoder->write(text, field, length);
	else
		memcpy(text, field, length);
	assert_true(!decoder->write || length <= room);
	text[length] = '\0';
	while (data)
		assert_null(db_copy_read(t->db, t->arena, &data, &size));
	return text;
}

static const char *
printed(struct fixture *t, const char *type, const char *value)
{
	struct rows *rows;

	assert_null(db_query(
		t->db, t->arena,
		arena_printf(t->arena, "SELECT (%s)::%s::text", value, type),
		NO_PARAMS, &rows));
	return rows_text(rows, 0, 0);
}

static void
numbers_and_ids_are_as_postgresql_writes_them(void **state)
{
	static const struct {
		const char *type;
		const char *values[16];
	} cases[] = {
		{ "smallint", { "0", "-1", "32767", "-32768", "99", "100" } },
		{ "integer",
		  { "0", "7", "10", "-10", "2147483647", "-2147483648" } },
		{ "bigint",
		  { "0", "1000000", "9223372036854775807",
		    "-9223372036854775808" } },
		{ "numeric",
		  { "0", "1", "0.10", "-0.00012345", "10000", "9999", "10000.5",
		    "100000000.0001", "1e40", "1e-20", "0.00", "'NaN'",
		    "'-Infinity'", "'Infinity'",
		    "1234567890123456789012345678901234.5678901",
		    "-1000.000100" } },
		{ "numeric(10,2)", { "0.5", "-12345.6", "99999999.99", "0" } },
		{ "boolean", { "'t'", "'f'" } },
		{ "uuid", { "'0189abcd-ef01-7345-8678-90abcdef0123'" } },
		{ "text", { "''", "'a'", "E'tab\\t\\\\N'" } },
		{ "character varying(5)", { "'abc'" } },
	};
	struct fixture *t = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (size_t j = 0; j < 16 && cases[i].values[j]; j++) {
			const char *type = cases[i].type;
			const char *value = cases[i].values[j];
			const char *expected = printed(t, type, value);

			if (!strcmp(type, "boolean"))
				expected = arena_strndup(t->arena, expected, 1);
			assert_string_equal(decoded(t, type, value), expected);
		}
}

static void
times_are_as_the_api_writes_them(void **state)
{
	static const char type[] = "timestamp with time zone";
	static const char *const values[] = {
		"'2000-01-01Z'",
		"'1999-12-31 23:59:59.5Z'",
		"'0001-01-01Z'",
		"'9999-12-31 23:59:59.999999Z'",
		"'2024-02-29 12:00:00.00001Z'",
		"'1970-01-01Z'",
		"'1900-03-01Z'",
		"'1582-10-15 01:02:03Z'",
		"'infinity'",
		"'-infinity'",
		"'12024-03-01Z'",
	};
	struct fixture *t = *state;

	assert_null(db_execute(t->db, t->arena, "SET TimeZone = 'UTC'"));
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		const char *text = printed(t, type, values[i]);
		struct strbuf expected;

		strbuf_init(&expected, t->arena);
		value_timestamp(&expected, text, strlen(text));
		assert_string_equal(decoded(t, type, values[i]), expected.data);
	}
	assert_string_equal(decoded(t, type, "'0044-03-15Z BC'"),
			    "0044-03-15T00:00:00Z BC");
}

static void
fields_of_another_size_are_none(void **state UNUSED)
{
	static const char bytes[32] = { 0, 9 };
	static const struct {
		const char *type;
		size_t size;
	} cases[] = { { "integer", 3 }, { "boolean", 0 },
		      { "uuid", 15 },	{ "timestamp with time zone", 4 },
		      { "numeric", 7 }, { "numeric", 8 } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(dump_decoder_find(cases[i].type)
					 ->room(bytes, cases[i].size),
				 0);
	assert_null(dump_decoder_find("double precision"));
	assert_null(dump_decoder_find("bytea"));
	assert_null(dump_decoder_find("numerical"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			numbers_and_ids_are_as_postgresql_writes_them, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			times_are_as_the_api_writes_them, setup, teardown),
		cmocka_unit_test(fields_of_another_size_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
