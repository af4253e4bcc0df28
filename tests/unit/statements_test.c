/*
 * statements_test.c: the cache of prepared statements: found by text, given up
 * by age.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "db/statements.h"

static void
a_statement_is_found_by_its_text(void **state)
{
	struct statements cache = { 0 };
	struct statement *first = statements_remember(&cache, "SELECT 1");
	struct statement *second = statements_remember(&cache, "SELECT 2");

	(void)state;
	assert_ptr_equal(statements_find(&cache, "SELECT 1"), first);
	assert_ptr_equal(statements_find(&cache, "SELECT 2"), second);
	assert_null(statements_find(&cache, "SELECT 3"));
	assert_int_not_equal(first->number, second->number);
	statements_forget_all(&cache);
}

static void
the_oldest_is_the_one_used_longest_ago(void **state)
{
	struct statements cache = { 0 };
	struct statement *first = statements_remember(&cache, "SELECT 1");
	struct statement *second = statements_remember(&cache, "SELECT 2");

	(void)state;
	assert_ptr_equal(cache.oldest, first);
	statements_find(&cache, "SELECT 1");
	assert_ptr_equal(cache.oldest, second);
	assert_ptr_equal(cache.newest, first);
	statements_forget_all(&cache);
}

static void
a_forgotten_statement_leaves_no_gap(void **state)
{
	struct statements cache = { 0 };
	struct statement *first = statements_remember(&cache, "SELECT 1");
	struct statement *second = statements_remember(&cache, "SELECT 2");
	struct statement *third = statements_remember(&cache, "SELECT 3");

	(void)state;
	statements_forget(&cache, second);
	assert_int_equal(cache.count, 2);
	assert_null(statements_find(&cache, "SELECT 2"));
	assert_ptr_equal(first->newer, third);
	assert_ptr_equal(third->older, first);
	statements_forget_all(&cache);
}

/* The server still knows what was prepared under the old ones. */
static void
numbers_are_never_given_twice(void **state)
{
	struct statements cache = { 0 };
	unsigned number = statements_remember(&cache, "SELECT 1")->number;

	(void)state;
	statements_forget_all(&cache);
	assert_int_equal(cache.count, 0);
	assert_null(cache.oldest);
	assert_true(statements_remember(&cache, "SELECT 1")->number > number);
	statements_forget_all(&cache);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_statement_is_found_by_its_text),
		cmocka_unit_test(the_oldest_is_the_one_used_longest_ago),
		cmocka_unit_test(a_forgotten_statement_leaves_no_gap),
		cmocka_unit_test(numbers_are_never_given_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
