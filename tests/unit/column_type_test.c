/*
 * column_type_test.c: the table of column types, and which SQL types a
 * schema may name.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "db/base/compiler.h"
#include "db/column_type.h"

static void
types_are_found_in_any_case(void **state)
{
	(void)state;
	assert_string_equal(column_type_find("LABEL")->name, "label");
	assert_string_equal(column_type_find("md5-bcrypt")->name, "md5-bcrypt");
	assert_null(column_type_find("textarea"));
	assert_null(column_type_find("vendor"));
	assert_null(column_type_find(""));
	assert_null(column_type_find(NULL));
	assert_null(column_type_find("lab"));
}

static void
the_part_before_a_dot_decides(void **state)
{
	(void)state;
	assert_string_equal(column_type_find("image.png|jpg")->name, "image");
	assert_string_equal(column_type_find("file.*")->name, "file");
	assert_string_equal(column_type_find("location.latitude")->name,
			    "location.latitude");
	assert_null(column_type_find("unheard.of"));
}

struct expected_type {
	const char *name;
	const char *data_type;
	const char *sql_type;
	enum value_kind kind;
	const char *recline;
};

#define ZONED "timestamp with time zone"

static const struct expected_type expected_types[] = {
	{ "id", "varchar(20)", "character varying(20)", VALUE_TEXT, "string" },
	{ "alias", "varchar(100)", "character varying(100)", VALUE_TEXT,
	  "string" },
	{ "label", "varchar(100)", "character varying(100)", VALUE_TEXT,
	  "string" },
	{ "name", "varchar(100)", "character varying(100)", VALUE_TEXT,
	  "string" },
	{ "namespace", "varchar(200)", "character varying(200)", VALUE_TEXT,
	  "string" },
	{ "hidden", "varchar(100)", "character varying(100)", VALUE_TEXT,
	  "string" },
	{ "value", "varchar(100)", "character varying(100)", VALUE_TEXT,
	  "string" },
	{ "content", "text", "text", VALUE_TEXT, "string" },
	{ "html", "text", "text", VALUE_TEXT, "string" },
	{ "markdown", "text", "text", VALUE_TEXT, "string" },
	{ "json", "text", "text", VALUE_JSON, "string" },
	{ "email", "varchar(100)", "character varying(100)", VALUE_TEXT,
	  "string" },
	{ "url", "varchar(500)", "character varying(500)", VALUE_TEXT,
	  "string" },
	{ "color", "varchar(50)", "character varying(50)", VALUE_TEXT,
	  "string" },
	{ "enum", "varchar(50)", "character varying(50)", VALUE_ENUM,
	  "string" },
	{ "password", "varchar(200)", "character varying(200)", VALUE_SECRET,
	  "string" },
	{ "bcrypt", "varchar(200)", "character varying(200)", VALUE_SECRET,
	  "string" },
	{ "md5", "varchar(200)", "character varying(200)", VALUE_SECRET,
	  "string" },
	{ "md5-bcrypt", "varchar(200)", "character varying(200)", VALUE_SECRET,
	  "string" },
	{ "encrypted", "varchar(100)", "text", VALUE_ENCRYPTED, "string" },
	{ "truefalse", "boolean", "boolean", VALUE_BOOLEAN, "boolean" },
	{ "measurement", "int(10)", "integer", VALUE_INTEGER, "number" },
	{ "float", "float(7,4)", "double precision", VALUE_FLOAT, "number" },
	{ "rating", "int(4)", "integer", VALUE_INTEGER, "number" },
	{ "minute", "int(4)", "integer", VALUE_INTEGER, "string" },
	{ "hour", "int(4)", "integer", VALUE_INTEGER, "string" },
	{ "day", "varchar(10)", "character varying(10)", VALUE_TEXT, "string" },
	{ "month", "int(4)", "integer", VALUE_INTEGER, "string" },
	{ "year", "int(4)", "integer", VALUE_INTEGER, "string" },
	{ "date", "timestamp", ZONED, VALUE_TIMESTAMP, "date" },
	{ "time", "timestamp", ZONED, VALUE_TIME, "time" },
	{ "datetime", "timestamp", ZONED, VALUE_TIMESTAMP, "date-time" },
	{ "timestamp", "timestamp", ZONED, VALUE_TIMESTAMP, "date-time" },
	{ "location", "varchar(50)", "character varying(50)", VALUE_TEXT,
	  "geo_point" },
	{ "location.latitude", "float(7,4)", "double precision", VALUE_FLOAT,
	  "number" },
	{ "location.longitude", "float(7,4)", "double precision", VALUE_FLOAT,
	  "number" },
	{ "location.altitude", "float(7,4)", "double precision", VALUE_FLOAT,
	  "number" },
	{ "file", "blob", "text", VALUE_FILE, "binary" },
	{ "image", "blob", "text", VALUE_FILE, "binary" },
	{ "video", "blob", "text", VALUE_FILE, "binary" },
	{ "audio", "blob", "text", VALUE_FILE, "binary" },
	{ "gzip", "blob", "text", VALUE_FILE, "binary" },
};

static void
every_type_is_what_the_wire_page_says(void **state)
{
	(void)state;
	assert_int_equal(column_types_count, ARRAY_SIZE(expected_types));
	for (size_t i = 0; i < ARRAY_SIZE(expected_types); i++) {
		const struct expected_type *expected = &expected_types[i];
		const struct column_type *type =
			column_type_find(expected->name);

		assert_ptr_equal(type, &column_types[i]);
		assert_string_equal(type->data_types[0], expected->data_type);
		assert_string_equal(type->sql_type, expected->sql_type);
		assert_int_equal(type->kind, expected->kind);
		assert_string_equal(type->recline_type, expected->recline);
		assert_non_null(type->blueprint_type);
	}
}

static void
validations_of_types_are_told(void **state)
{
	(void)state;
	assert_string_equal(column_type_find("rating")->validations,
			    "min=0,max=10");
	assert_string_equal(column_type_find("email")->conformations, "email");
	assert_string_equal(column_type_find("json")->conformations, "text");
	assert_null(column_type_find("json")->validations);
}

static const char *const sql_types[][2] = {
	{ "int(11)", "integer" },
	{ "INT", "integer" },
	{ "int(1)", "integer" },
	{ "bigint", "bigint" },
	{ "bigint(20) unsigned", "bigint" },
	{ "int unsigned", "bigint" },
	{ "int(10) unsigned", "bigint" },
	{ "tinyint(1)", "smallint" },
	{ "tinyint unsigned zerofill", "smallint" },
	{ "smallint unsigned", "smallint" },
	{ "varchar(500)", "character varying(500)" },
	{ "VarChar ( 500 )", "character varying(500)" },
	{ "varchar", "character varying" },
	{ "char(3)", "character varying(3)" },
	{ "char", "character varying(1)" },
	{ "character  varying(7)", "character varying(7)" },
	{ "mediumtext", "text" },
	{ "longtext", "text" },
	{ "float(7,4)", "double precision" },
	{ "double", "double precision" },
	{ "DOUBLE PRECISION", "double precision" },
	{ "numeric(10,2)", "numeric(10,2)" },
	{ "decimal(10)", "numeric(10,0)" },
	{ "decimal", "numeric" },
	{ "DATETIME", ZONED },
	{ "timestamp(6)", ZONED },
	{ "timestamp (6) with time zone", ZONED },
	{ "date", ZONED },
	{ "longblob", "bytea" },
	{ "bytea", "bytea" },
	{ "json", "text" },
	{ "jsonb", "text" },
	{ "bool", "boolean" },
	{ "uuid", "uuid" },
	{ "varchar(10); drop table x", NULL },
	{ "varchar(10) default 'x'", NULL },
	{ "varchar(0)", NULL },
	{ "varchar(99999999999999999999)", NULL },
	{ "varchar(10", NULL },
	{ "varchar(-1)", NULL },
	{ "varchar(1,2)", NULL },
	{ "varchar(1)(2)", NULL },
	{ "numeric(2,5)", NULL },
	{ "numeric(1,2,3)", NULL },
	{ "enum('a','b')", NULL },
	{ "text--", NULL },
	{ "text/**/", NULL },
	{ "\"text\"", NULL },
	{ "regclass", NULL },
	{ "int[]", NULL },
	{ "", NULL },
	{ "(10)", NULL },
	{ "thisnameislongerthananytypenamethatwearewillingtoreadhereorthere",
	  NULL },
};

static void
sql_types_pass_an_allow_list(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sql_types); i++) {
		char out[64] = "";
		bool is_known =
			column_type_sql(sql_types[i][0], out, sizeof out);

		if (is_known != !!sql_types[i][1])
			fail_msg("'%s' gives '%s'", sql_types[i][0], out);
		if (is_known)
			assert_string_equal(out, sql_types[i][1]);
	}
	assert_false(column_type_sql(NULL, (char[8]){ 0 }, 8));
}

static void
a_canonical_name_is_its_own(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sql_types); i++) {
		char out[64];

		if (!sql_types[i][1])
			continue;
		assert_true(column_type_sql(sql_types[i][1], out, sizeof out));
		assert_string_equal(out, sql_types[i][1]);
	}
}

static void
a_type_that_does_not_fit_is_none(void **state)
{
	char out[8];

	(void)state;
	assert_false(column_type_sql("varchar(100)", out, sizeof out));
	assert_true(column_type_sql("int(100)", out, sizeof out));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_are_found_in_any_case),
		cmocka_unit_test(the_part_before_a_dot_decides),
		cmocka_unit_test(every_type_is_what_the_wire_page_says),
		cmocka_unit_test(validations_of_types_are_told),
		cmocka_unit_test(sql_types_pass_an_allow_list),
		cmocka_unit_test(a_canonical_name_is_its_own),
		cmocka_unit_test(a_type_that_does_not_fit_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
