/*
 * fake_test.c: made-up values: repeatable, in their limits, of their kind.
 */
#include "tests/unit/support.h"

#include <stdlib.h>

#include "handlers/fake.h"

#define ROWS 500

static const struct column_type *
type_of(const char *name)
{
	return column_type_find(name);
}

/* A text column of that type and at most that many characters. */
static struct column *
text_column(struct arena *arena, const char *name, const char *type, int most)
{
	struct column *column = ARENA_NEW(arena, struct column);

	column->name = column->column_name = column->sql_name = name;
	column->column_type = type;
	column->type = type_of(type);
	column->kind = column->type->kind;
	column->sql_type = column->type->sql_type;
	column->max_length = most;
	return column;
}

static const char *
rows_of(struct arena *arena, uint64_t seed, const struct fake_settings *how)
{
	struct fake *fake = fake_new(arena, seed);
	struct fake_column *column = fake_column_new(fake, how);
	struct strbuf all;

	strbuf_init(&all, arena);
	for (int i = 0; i < ROWS; i++) {
		const char *value;

		fake_next_row(fake);
		value = fake_value(fake, column);
		strbuf_printf(&all, "%s\n", value ? value : "");
	}
	return all.data;
}

static void
a_seed_repeats_its_values(void **state)
{
	struct entity entity = { .name = "thing" };
	struct fake_settings how = {
		.entity = &entity,
		.column = text_column(*state, "mail", "email", 100),
	};

	assert_string_equal(rows_of(*state, 1, &how), rows_of(*state, 1, &how));
	assert_string_not_equal(rows_of(*state, 1, &how),
				rows_of(*state, 2, &how));
}

static void
texts_fit_their_column(void **state)
{
	static const char *const names[] = { "title", "city",	 "note",
					     "sku",   "country", "phone" };
	struct entity entity = { .name = "thing" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct fake_settings how = {
			.entity = &entity,
			.column = text_column(*state, names[i], "label", 9),
		};
		const char *p = rows_of(*state, 5, &how);

		for (; *p; p += strcspn(p, "\n") + 1)
			assert_in_range(strcspn(p, "\n"), 1, 9);
	}
}

static void
unique_texts_keep_their_number_when_they_are_cut(void **state)
{
	struct entity entity = { .name = "thing" };
	struct fake_settings how = {
		.entity = &entity,
		.column = text_column(*state, "title", "label", 8),
		.is_unique = true,
		.first = 1000,
	};
	const char *p = rows_of(*state, 5, &how);

	for (long number = 1000; *p; number++, p += strcspn(p, "\n") + 1)
		assert_int_equal(strtol(p + strcspn(p, "0123456789"), NULL, 10),
				 number);
}

static void
validations_bound_numbers(void **state)
{
	struct tagging tags = { "level", "gt=3,lte=5" };
	struct entity entity = { .name = "thing",
				 .validations = &tags,
				 .nvalidations = 1 };
	struct fake_settings how = {
		.entity = &entity,
		.column = text_column(*state, "level", "measurement", 0),
	};
	const char *p = rows_of(*state, 5, &how);

	for (; *p; p += strcspn(p, "\n") + 1)
		assert_in_range(strtol(p, NULL, 10), 4, 5);
}

static void
names_of_columns_decide_what_is_in_them(void **state)
{
	struct entity entity = { .name = "thing" };
	struct fake_settings how = {
		.entity = &entity,
		.column = text_column(*state, "work_phone", "label", 100),
	};
	const char *p = rows_of(*state, 5, &how);

	for (; *p; p += strcspn(p, "\n") + 1)
		assert_memory_equal(p, "+1 ", 3);
}

static void
keys_are_those_that_were_given(void **state)
{
	const char *keys[] = { "a", "b", "c" };
	struct column *column = text_column(*state, "owner", "alias", 0);
	struct entity entity = { .name = "thing" },
		      target = { .name = "other" };
	struct fake_settings how = {
		.entity = &entity, .column = column, .keys = keys, .nkeys = 3
	};
	const char *p;

	column->target = &target;
	column->kind = VALUE_REFERENCE;
	for (p = rows_of(*state, 5, &how); *p; p += 2)
		assert_in_range(*p, 'a', 'c');
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, arena_setup, arena_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_seed_repeats_its_values),
		TEST(texts_fit_their_column),
		TEST(unique_texts_keep_their_number_when_they_are_cut),
		TEST(validations_bound_numbers),
		TEST(names_of_columns_decide_what_is_in_them),
		TEST(keys_are_those_that_were_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
