/*
 * value_test.c: every kind of value, in and out, and what is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "db/base/crypto.h"
#include "db/value.h"

static struct arena *arena;

static const struct value_settings settings = {
	.hash_cost = 4,
	.encryption_key =
		(const unsigned char *)"0123456789abcdef0123456789abcdef",
};

static int
setup(void **state UNUSED)
{
	arena = arena_new();
	return 0;
}

static int
teardown(void **state UNUSED)
{
	arena_free(arena);
	return 0;
}

/* A column of a type, as model_build() fills it. */
static struct column
column_of(const char *type_name, const char *sql_type)
{
	const struct column_type *type = column_type_find(type_name);
	struct column column = { .name = "Field",
				 .column_name = "field",
				 .sql_name = "field",
				 .column_type = type_name,
				 .type = type,
				 .kind = type ? type->kind : VALUE_TEXT };

	column.sql_type = sql_type ? sql_type : type->sql_type;
	sscanf(column.sql_type, "character varying(%d)", &column.max_length);
	return column;
}

static struct error *
convert(const struct column *column, const char *json, const char **text)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *value =
		json_tokener_parse_ex(tokener, json, (int)strlen(json) + 1);
	struct error *error;

	assert_int_equal(json_tokener_get_error(tokener), json_tokener_success);
	error = value_from_json(arena, column, value, &settings, text);
	*text = arena_strdup(arena, *text);
	json_object_put(value);
	json_tokener_free(tokener);
	return error;
}

static void
becomes(const struct column *column, const char *json, const char *expected)
{
	const char *text;
	struct error *error = convert(column, json, &text);

	if (error)
		fail_msg("%s: %s", json, error->detail);
	if (!expected)
		assert_null(text);
	else
		assert_string_equal(text, expected);
}

static void
is_refused(const struct column *column, const char *json)
{
	const char *text;
	struct error *error = convert(column, json, &text);

	if (!error)
		fail_msg("%s was accepted as %s", json, text);
	assert_int_equal(error->status, 422);
	assert_string_equal(error->pointer, "/data/attributes/field");
	assert_non_null(strstr(error->detail, "field"));
}

static void
comes_out(const struct column *column, const char *text, const char *expected)
{
	struct strbuf buf;

	strbuf_init(&buf, arena);
	value_to_json(&buf, column, text, text ? strlen(text) : 0);
	assert_string_equal(buf.data, expected);
}

static void
null_is_null_for_every_type(void **state UNUSED)
{
	for (size_t i = 0; i < column_types_count; i++) {
		struct column column = column_of(column_types[i].name, NULL);

		becomes(&column, "null", NULL);
		comes_out(&column, NULL, "null");
	}
}

static void
text_is_counted_in_characters(void **state UNUSED)
{
	struct column column = column_of("label", "character varying(4)");

	becomes(&column, "\"äöü€\"", "äöü€");
	is_refused(&column, "\"äöü€x\"");
	becomes(&column, "12", "12");
	is_refused(&column, "[\"a\"]");
	is_refused(&column, "{}");
	is_refused(&column, "true");
}

static void
text_that_the_database_cannot_hold_is_refused(void **state UNUSED)
{
	struct column column = column_of("content", NULL);

	is_refused(&column, "\"a\\u0000b\"");
	is_refused(&column, "\"\xc3(\"");
	is_refused(&column, "\"\xed\xa0\x80\"");
	is_refused(&column, "\"\xc0\xaf\"");
	becomes(&column, "\"\\ud83d\\ude00\"", "😀");
}

static void
integers_are_exact_to_their_range(void **state UNUSED)
{
	struct column small = column_of("measurement", "smallint");
	struct column column = column_of("measurement", "integer");
	struct column big = column_of("measurement", "bigint");

	becomes(&small, "32767", "32767");
	is_refused(&small, "32768");
	is_refused(&small, "-32769");
	becomes(&column, "-2147483648", "-2147483648");
	is_refused(&column, "2147483648");
	becomes(&big, "9007199254740993", "9007199254740993");
	becomes(&big, "\"9223372036854775807\"", "9223372036854775807");
	is_refused(&big, "9223372036854775808");
	is_refused(&big, "18446744073709551615");
	becomes(&column, "-0", "0");
	becomes(&column, "5.0", "5");
	is_refused(&column, "5.5");
	is_refused(&column, "1e3");
	is_refused(&column, "\"\"");
	is_refused(&column, "\"12a\"");
	is_refused(&column, "\"+1\"");
	is_refused(&column, "\" 1\"");
	is_refused(&column, "true");
	is_refused(&column, "[1]");
}

static void
decimals_keep_their_text(void **state UNUSED)
{
	struct column column = column_of("measurement", "numeric(10,2)");
	struct column wide = column_of("measurement", "numeric");

	column.kind = wide.kind = VALUE_DECIMAL;
	becomes(&column, "0.10", "0.10");
	becomes(&column, "12345678.90", "12345678.90");
	becomes(&column, "\"-3.5\"", "-3.5");
	becomes(&column, "0.5e-1", "0.5e-1");
	is_refused(&column, "123456789");
	is_refused(&column, "1e8");
	is_refused(&column, "\"-\"");
	is_refused(&column, "\"\"");
	is_refused(&column, "\"1.\"");
	is_refused(&column, "\"NaN\"");
	becomes(&wide, "12345678901234567890.123456789012345",
		"12345678901234567890.123456789012345");
	becomes(&wide, "1e400", "1e400");
	is_refused(&wide, "1e4000");
	is_refused(&wide, "1e-4000");
}

static void
computed_numbers_are_short(void **state UNUSED)
{
	struct column column = column_of("measurement", "numeric");
	struct json_object *value = json_object_new_double(0.1);
	const char *text;

	column.kind = VALUE_DECIMAL;
	assert_null(value_from_json(arena, &column, value, &settings, &text));
	assert_string_equal(text, "0.1");
	json_object_put(value);
}

static void
floats_are_finite(void **state UNUSED)
{
	struct column column = column_of("float", NULL);

	becomes(&column, "3.25", "3.25");
	becomes(&column, "\"-1e-3\"", "-1e-3");
	is_refused(&column, "1e400");
	is_refused(&column, "1e-400");
	is_refused(&column, "\"nan\"");
	is_refused(&column, "\"Infinity\"");
	is_refused(&column, "\"0x10\"");
	is_refused(&column, "false");
}

static void
booleans_have_six_spellings(void **state UNUSED)
{
	struct column column = column_of("truefalse", NULL);

	becomes(&column, "true", "true");
	becomes(&column, "\"False\"", "false");
	becomes(&column, "1", "true");
	becomes(&column, "\"0\"", "false");
	is_refused(&column, "2");
	is_refused(&column, "\"yes\"");
	is_refused(&column, "\"\"");
	is_refused(&column, "[true]");
}

static void
dates_have_many_forms(void **state UNUSED)
{
	struct column column = column_of("datetime", NULL);
	const char *same[] = {
		"\"2026-01-25T10:00:00Z\"",
		"\"2026-01-25t10:00:00z\"",
		"\"2026-01-25 10:00:00\"",
		"\"2026-01-25 10:00\"",
		"\"2026-01-25T11:00:00+01:00\"",
		"\"2026-01-25 04:30:00-0530\"",
		"\"2026-01-25 10:00:00 +0000\"",
		"\"2026/1/25 10:00:00\"",
		"\"25.01.2026 10:00:00\"",
		"\"Sun, 25 Jan 2026 10:00:00 GMT\"",
		"\"25 January 2026 10:00:00\"",
		"\"Sunday, 25-Jan-2026 10:00:00 UTC\"",
		"\"Jan 25, 2026 10:00\"",
		"\"Sun Jan 25 10:00:00 2026\"",
		"\"Sun Jan 25 10:00:00 UTC 2026\"",
		"\"Sun Jan 25 2026 11:00:00 GMT+0100 (Central European Time)\"",
		"1769335200",
		"1769335200.0",
	};

	for (size_t i = 0; i < ARRAY_SIZE(same); i++)
		becomes(&column, same[i], "2026-01-25 10:00:00.000000+00");
	becomes(&column, "\"2024-02-29\"", "2024-02-29 00:00:00.000000+00");
	becomes(&column, "\"2026-01-25T10:00:00.123456789Z\"",
		"2026-01-25 10:00:00.123456+00");
	becomes(&column, "1769335200.123", "2026-01-25 10:00:00.123000+00");
	becomes(&column, "-1", "1969-12-31 23:59:59.000000+00");
	becomes(&column, "-0.25", "1969-12-31 23:59:59.750000+00");
	becomes(&column, "\"0001-01-01\"", "0001-01-01 00:00:00.000000+00");
	becomes(&column, "\"9999-12-31T23:59:59Z\"",
		"9999-12-31 23:59:59.000000+00");
}

static void
days_that_do_not_exist_are_refused(void **state UNUSED)
{
	struct column column = column_of("date", NULL);
	const char *bad[] = {
		"\"2026-02-29\"",
		"\"2026-13-01\"",
		"\"2026-00-01\"",
		"\"2026-04-31\"",
		"\"1900-02-29\"",
		"\"0000-01-01\"",
		"\"10000-01-01\"",
		"\"99999-01-01\"",
		"\"0001-01-01T00:00:00+01:00\"",
		"\"9999-12-31T23:59:59-01:00\"",
		"\"2016-12-31T23:59:60Z\"",
		"\"2026-01-25T24:00:00Z\"",
		"\"2026-01-25T10:60:00Z\"",
		"\"2026-01-25T10:00:00+25:00\"",
		"\"01/02/2026\"",
		"\"tomorrow\"",
		"\"infinity\"",
		"\"\"",
		"\"2026-01-25x\"",
		"true",
		"1e300",
		"253402300800",
		"[]",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		is_refused(&column, bad[i]);
}

static void
times_are_on_the_first_of_january_1970(void **state UNUSED)
{
	struct column column = column_of("time", NULL);

	becomes(&column, "\"15:04:05\"", "1970-01-01 15:04:05.000000+00");
	becomes(&column, "\"15:04\"", "1970-01-01 15:04:00.000000+00");
	becomes(&column, "54245", "1970-01-01 15:04:05.000000+00");
	becomes(&column, "\"2026-01-25T15:04:05Z\"",
		"1970-01-01 15:04:05.000000+00");
	becomes(&column, "\"1970-01-01T15:04:05Z\"",
		"1970-01-01 15:04:05.000000+00");
	is_refused(&column, "\"25:00\"");
	is_refused(&column, "\"noon\"");
	is_refused(&column, "false");
}

static void
enums_are_lower_case_and_an_option(void **state UNUSED)
{
	static const struct option options[] = { { "string", "draft", "" },
						 { "string", "done", "" } };
	struct column column = column_of("enum", NULL);
	const char *text;
	struct error *error;

	column.options = options;
	column.noptions = ARRAY_SIZE(options);
	becomes(&column, "\"DRAFT\"", "draft");
	is_refused(&column, "\"open\"");
	is_refused(&column, "\"\"");
	is_refused(&column, "[\"draft\"]");
	error = convert(&column, "\"open\"", &text);
	assert_non_null(strstr(error->detail, "draft, done"));
}

static void
no_measurement_is_zero_in_texts_only(void **state UNUSED)
{
	struct column column = column_of("measurement", NULL);
	const char *words[] = { "", "-", "na", "NA" };
	const char *text;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		assert_null(value_from_text(arena, &column, words[i], &settings,
					    &text));
		assert_string_equal(text, "0");
	}
	is_refused(&column, "\"na\"");
}

static void
json_is_kept_as_it_is(void **state UNUSED)
{
	struct column column = column_of("json", NULL);

	becomes(&column, "\" {\\\"b\\\": 1.50,\\\"a\\\":[]}\"",
		" {\"b\": 1.50,\"a\":[]}");
	becomes(&column, "{\"b\":1.50,\"a\":[9007199254740993]}",
		"{\"b\":1.50,\"a\":[9007199254740993]}");
	becomes(&column, "[1,\"x/y\"]", "[1,\"x/y\"]");
	is_refused(&column, "\"{\"");
	is_refused(&column, "\"NaN\"");
	is_refused(&column, "\"[01]\"");
	is_refused(&column, "\"[1] 2\"");
	is_refused(&column, "\"'a'\"");
	is_refused(&column, "\"[1,]\"");
	comes_out(&column, "{\"a\":1}", "\"{\\\"a\\\":1}\"");
}

static void
deep_json_is_refused(void **state UNUSED)
{
	struct column column = column_of("json", NULL);
	char text[200] = "";
	const char *out;

	memset(text, '[', 60);
	memset(text + 60, ']', 60);
	assert_null(value_from_text(arena, &column, text, &settings, &out));
	memset(text, '[', 80);
	memset(text + 80, ']', 80);
	assert_non_null(value_from_text(arena, &column, text, &settings, &out));
}

static void
column_types_check_their_form(void **state UNUSED)
{
	static const struct {
		const char *type, *good, *bad;
	} cases[] = {
		{ "email", "\"ann@example.com\"", "\"ann\"" },
		{ "email", "\"o'neil+x@localhost\"", "\"a b@example.com\"" },
		{ "email", "\"ä@bücher.example\"", "\"a@-x.com\"" },
		{ "email", "\"a.b@c\"", "\"a..b@c\"" },
		{ "url", "\"https://example.com/?q=1\"", "\"example\"" },
		{ "url", "\"mailto:a@b.c\"", "\"https://\"" },
		{ "color", "\"#a1B2c3\"", "\"red\"" },
		{ "color", "\"rgb(1, 2, 3)\"", "\"#12\"" },
		{ "rating", "10", "11" },
		{ "rating", "0", "-1" },
		{ "minute", "59", "60" },
		{ "month", "1", "0" },
		{ "year", "2100", "99" },
		{ "location.latitude", "-90", "90.01" },
		{ "location.longitude", "180", "-180.5" },
		{ "location", "\"[48.1, 11.5]\"", "\"48.1, 11.5\"" },
		{ "location", "[48.1,11.5]", "[48.1]" },
		{ "file.png", "\"aGVsbG8=\"", "\"%%%\"" },
		{ "image.png", "[{\"name\":\"a\"}]", "[1]" },
		{ "file", "\"data:text/plain;base64,aGVsbG8=\"", "{}" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct column column = column_of(cases[i].type, NULL);
		const char *text;
		struct error *error = convert(&column, cases[i].good, &text);

		if (error)
			fail_msg("%s: %s", cases[i].good, error->detail);
		is_refused(&column, cases[i].bad);
	}
}

static void
blank_text_passes_where_null_does(void **state UNUSED)
{
	struct column column = column_of("url", NULL);

	is_refused(&column, "\"\"");
	column.is_nullable = true;
	becomes(&column, "\"\"", "");
}

static void
filters_compare_any_text(void **state UNUSED)
{
	struct column column = column_of("email", "character varying(5)");
	const char *text;

	assert_null(value_from_text(arena, &column, "%@example", NULL, &text));
	assert_string_equal(text, "%@example");
	assert_non_null(
		value_from_text(arena, &column, "%@example", &settings, &text));
}

static void
passwords_are_hashed_and_come_out_blank(void **state UNUSED)
{
	struct column column = column_of("password", NULL);
	const char *text;
	char long_one[90];

	assert_null(convert(&column, "\"secret\"", &text));
	assert_true(crypto_password_verify("secret", text, 4));
	comes_out(&column, text, "\"\"");
	is_refused(&column, "\"\"");
	is_refused(&column, "[\"x\"]");
	memset(long_one, 'x', sizeof long_one);
	long_one[0] = long_one[80] = '"';
	long_one[81] = '\0';
	is_refused(&column, long_one);
	column = column_of("md5", NULL);
	becomes(&column, "\"secret\"", "5ebe2294ecd0e0f08eab7690d2a6ee69");
	column = column_of("md5-bcrypt", NULL);
	assert_null(convert(&column, "\"secret\"", &text));
	assert_true(crypto_password_verify("5ebe2294ecd0e0f08eab7690d2a6ee69",
					   text, 4));
}

static void
encrypted_values_come_out_blank(void **state UNUSED)
{
	struct column column = column_of("encrypted", NULL);
	const char *text;
	char *plain;

	assert_null(convert(&column, "\"token\"", &text));
	assert_null(strstr(text, "token"));
	assert_true(
		crypto_decrypt(arena, settings.encryption_key, text, &plain));
	assert_string_equal(plain, "token");
	comes_out(&column, text, "\"\"");
}

static void
bytes_are_base64_outside(void **state UNUSED)
{
	struct column column = column_of("file", "bytea");

	becomes(&column, "\"aGVsbG8=\"", "\\x614756736247383d");
	comes_out(&column, "\\x614756736247383d", "\"aGVsbG8=\"");
	column.kind = VALUE_BYTES;
	becomes(&column, "\"aGVsbG8=\"", "\\x68656c6c6f");
	comes_out(&column, "\\x68656c6c6f", "\"aGVsbG8=\"");
	is_refused(&column, "\"%\"");
}

static void
results_become_json(void **state UNUSED)
{
	struct column column = column_of("label", NULL);

	comes_out(&column, "a\"b\n", "\"a\\\"b\\n\"");
	column = column_of("measurement", NULL);
	comes_out(&column, "-42", "-42");
	column = column_of("float", NULL);
	comes_out(&column, "1.5e-07", "1.5e-07");
	comes_out(&column, "NaN", "\"NaN\"");
	comes_out(&column, "-Infinity", "\"-Infinity\"");
	column = column_of("truefalse", NULL);
	comes_out(&column, "t", "true");
	comes_out(&column, "f", "false");
	column = column_of("datetime", NULL);
	comes_out(&column, "2026-01-25 10:00:00.123+00",
		  "\"2026-01-25T10:00:00.123Z\"");
	comes_out(&column, "2026-01-25 10:00:00+00",
		  "\"2026-01-25T10:00:00Z\"");
	comes_out(&column, "infinity", "\"infinity\"");
	column = column_of("file", NULL);
	comes_out(&column, "[{\"name\":\"a\"}]", "[{\"name\":\"a\"}]");
	comes_out(&column, "aGVsbG8=", "\"aGVsbG8=\"");
}

static void
results_become_objects(void **state UNUSED)
{
	static const struct {
		const char *type, *text, *json;
	} cases[] = {
		{ "label", "x", "\"x\"" },
		{ "measurement", "7", "7" },
		{ "float", "0.10", "0.10" },
		{ "truefalse", "t", "true" },
		{ "datetime", "2026-01-25 10:00:00+00",
		  "\"2026-01-25T10:00:00Z\"" },
		{ "password", "$2b$", "\"\"" },
		{ "file", "[{\"name\":\"a\"}]", "[{\"name\":\"a\"}]" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct column column = column_of(cases[i].type, NULL);
		struct json_object *object = value_to_object(
			&column, cases[i].text, strlen(cases[i].text));

		assert_string_equal(json_object_to_json_string_ext(
					    object, JSON_C_TO_STRING_PLAIN),
				    cases[i].json);
		json_object_put(object);
	}
}

#define TEST(function)                                                         \
	cmocka_unit_test_setup_teardown(function, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(null_is_null_for_every_type),
		TEST(text_is_counted_in_characters),
		TEST(text_that_the_database_cannot_hold_is_refused),
		TEST(integers_are_exact_to_their_range),
		TEST(decimals_keep_their_text),
		TEST(computed_numbers_are_short),
		TEST(floats_are_finite),
		TEST(booleans_have_six_spellings),
		TEST(dates_have_many_forms),
		TEST(days_that_do_not_exist_are_refused),
		TEST(times_are_on_the_first_of_january_1970),
		TEST(enums_are_lower_case_and_an_option),
		TEST(no_measurement_is_zero_in_texts_only),
		TEST(json_is_kept_as_it_is),
		TEST(deep_json_is_refused),
		TEST(column_types_check_their_form),
		TEST(blank_text_passes_where_null_does),
		TEST(filters_compare_any_text),
		TEST(passwords_are_hashed_and_come_out_blank),
		TEST(encrypted_values_come_out_blank),
		TEST(bytes_are_base64_outside),
		TEST(results_become_json),
		TEST(results_become_objects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
