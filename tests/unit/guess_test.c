/*
 * guess_test.c: names from headings, and types from values.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "handlers/guess.h"

static void
headings_become_names_by_daptins_rule(void **state)
{
	static const struct {
		const char *heading;
		const char *name;
	} cases[] = {
		{ "First Name", "first_name" },
		{ "FirstName", "firstname" },
		{ "e-mail", "e_mail" },
		{ "my 2nd col", "my2nd_col" },
		{ "Address 1", "address1" },
		{ "u i d", "u_id" },
		{ "my u r l x", "my_url_x" },
		{ "a b c", "a_b_c" },
		{ "Gr\xc3\xb6\xc3\x9f"
		  "e (cm)",
		  "gr_e_cm" },
		{ "1st", "col_1st" },
		{ "name", "name" },
		{ "date", "date" },
		{ "id", "col_id" },
		{ "Created At", "col_created_at" },
		{ "  x  ", "x" },
		{ "???", "" },
	};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(guess_name(arena, cases[i].heading),
				    cases[i].name);
	arena_free(arena);
}

/* The type of the values up to NULL, "type data" in the arena. */
static const char *
type_of(struct arena *arena, const char *name, const char *const *values)
{
	struct guess *guess = guess_new(arena, name);
	struct guess_result result;

	for (int64_t i = 0; values[i]; i++) {
		const struct cell cell = { values[i], strlen(values[i]),
					   CELL_TEXT };

		guess_add(guess, i + 2, &cell);
	}
	if (guess_finish(guess, arena, "t.csv", &result))
		return "doubt";
	return arena_printf(arena, "%s %s", result.column_type,
			    result.data_type);
}

#define VALUES(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void
types_hold_for_all_values(void **state)
{
	static const struct {
		const char *values[5];
		const char *type;
	} cases[] = {
		{ { "1", "2" }, "measurement int(11)" },
		{ { "-5", "2147483647" }, "measurement int(11)" },
		{ { "1", "2147483648" }, "measurement bigint" },
		{ { "1", "99999999999999999999" }, "label varchar(120)" },
		{ { "1", "2.50" }, "float decimal" },
		{ { "1.5", "2e10" }, "float double" },
		{ { "007", "8" }, "label varchar(103)" },
		{ { "0.5", "00.5" }, "label varchar(104)" },
		{ { "1", "0" }, "truefalse boolean" },
		{ { "1", "1" }, "measurement int(11)" },
		{ { "yes", "No" }, "truefalse boolean" },
		{ { "2024-02-29", "2023-01-01" }, "date timestamp" },
		{ { "2023-02-29", "2023-01-01" }, "label varchar(110)" },
		{ { "29.02.2024" }, "date timestamp" },
		{ { "2024-02-29 10:00", "2024-03-01" }, "datetime timestamp" },
		{ { "2024-02-29T10:00:00Z" }, "datetime timestamp" },
		{ { "31/12/2024", "01/02/2024" }, "date timestamp" },
		{ { "01/02/2024", "03/04/2024" }, "label varchar(110)" },
		{ { "15:04", "3:04 PM" }, "time timestamp" },
		{ { "2024", "2025" }, "measurement int(11)" },
		{ { "a@example.com", "b@example.org" }, "email varchar(100)" },
		{ { "a@example.com", "nobody" }, "label varchar(113)" },
		{ { "https://example.com" }, "url varchar(500)" },
		{ { "52.5, 13.4", "[1.5,2.5]" }, "location varchar(50)" },
		{ { "52.5,13.4", "91.0,0" }, "label varchar(109)" },
		{ { "{\"a\": 1}", "[]" }, "json text" },
		{ { "{", "[]" }, "label varchar(102)" },
		{ { "", "" }, "label varchar(100)" },
		{ { "n/a", "5" }, "label varchar(103)" },
	};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(type_of(arena, "x", cases[i].values),
				    cases[i].type);
	arena_free(arena);
}

static void
coordinates_are_told_by_name_and_range(void **state)
{
	struct arena *arena = arena_new();

	(void)state;
	assert_string_equal(type_of(arena, "lat", VALUES("52.5", "-90")),
			    "location.latitude double");
	assert_string_equal(type_of(arena, "lat", VALUES("52.5", "91")),
			    "float decimal");
	assert_string_equal(type_of(arena, "longitude", VALUES("180", "1.5")),
			    "location.longitude double");
	assert_string_equal(type_of(arena, "x", VALUES("52.5", "-90")),
			    "float decimal");
	arena_free(arena);
}

static void
long_texts_are_content(void **state)
{
	struct arena *arena = arena_new();
	char *text = arena_alloc(arena, 600);

	(void)state;
	memset(text, 'x', 500);
	assert_string_equal(type_of(arena, "x", VALUES(text)), "content text");
	text[400] = '\0';
	assert_string_equal(type_of(arena, "x", VALUES(text)),
			    "label varchar(500)");
	arena_free(arena);
}

/* `bad` of `count` values are no numbers. */
static const char *
type_with(struct arena *arena, size_t count, size_t bad)
{
	const char **values = ARENA_ARRAY(arena, const char *, count + 1);

	for (size_t i = 0; i < count; i++)
		values[i] = i < bad ? "?" : "17";
	return type_of(arena, "x", values);
}

static void
one_in_a_thousand_is_doubt_and_more_is_text(void **state)
{
	struct arena *arena = arena_new();

	(void)state;
	assert_string_equal(type_with(arena, 1000, 1), "doubt");
	assert_string_equal(type_with(arena, 999, 1), "label varchar(102)");
	assert_string_equal(type_with(arena, 5000, 5), "doubt");
	assert_string_equal(type_with(arena, 5000, 6), "label varchar(102)");
	arena_free(arena);
}

static void
doubt_names_rows_and_values(void **state)
{
	struct arena *arena = arena_new();
	struct guess *guess = guess_new(arena, "n");
	struct guess_result result;
	struct error *error;

	(void)state;
	for (int64_t row = 2; row < 2002; row++)
		guess_add(guess, row,
			  row == 77 ? &(struct cell){ "x", 1, CELL_TEXT }
				    : &(struct cell){ "5", 1, CELL_TEXT });
	error = guess_finish(guess, arena, "t.csv", &result);
	assert_non_null(error);
	assert_int_equal(error->status, 422);
	assert_non_null(
		strstr(error->detail, "t.csv: row 77, column n: \"x\""));
	assert_null(error->next);
	arena_free(arena);
}

static void
declared_types_are_known_ones(void **state)
{
	struct guess_result result;

	(void)state;
	assert_true(guess_declared("Decimal", &result));
	assert_string_equal(result.column_type, "float");
	assert_true(guess_declared("date", &result));
	assert_string_equal(result.column_type, "date");
	assert_false(guess_declared("blob", &result));
	assert_false(guess_declared("file", &result));
	assert_false(guess_declared("", &result));
}

static void
cells_are_brought_to_what_columns_take(void **state)
{
	struct arena *arena = arena_new();

	(void)state;
	assert_string_equal(cell_boolean("YES"), "true");
	assert_null(cell_boolean("maybe"));
	assert_string_equal(cell_clock(arena, "12:05 am"), "00:05");
	assert_string_equal(cell_clock(arena, "12:05:06PM"), "12:05:06");
	assert_null(cell_clock(arena, "13:05 PM"));
	assert_null(cell_clock(arena, "1:5 PM"));
	assert_string_equal(cell_date(arena, DATE_DAY_FIRST, "1/2/2024"),
			    "2024-02-01");
	assert_string_equal(cell_date(arena, DATE_MONTH_FIRST, "1/2/2024"),
			    "2024-01-02");
	assert_null(cell_date(arena, DATE_MONTH_FIRST, "13/2/2024"));
	assert_null(cell_date(arena, DATE_PLAIN, "1/2/2024"));
	assert_string_equal(cell_location(arena, "52.5,13.4"), "[52.5, 13.4]");
	assert_null(cell_location(arena, "[52.5,13.4"));
	assert_null(cell_location(arena, "52.5,181"));
	arena_free(arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headings_become_names_by_daptins_rule),
		cmocka_unit_test(types_hold_for_all_values),
		cmocka_unit_test(coordinates_are_told_by_name_and_range),
		cmocka_unit_test(long_texts_are_content),
		cmocka_unit_test(one_in_a_thousand_is_doubt_and_more_is_text),
		cmocka_unit_test(doubt_names_rows_and_values),
		cmocka_unit_test(declared_types_are_known_ones),
		cmocka_unit_test(cells_are_brought_to_what_columns_take),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
