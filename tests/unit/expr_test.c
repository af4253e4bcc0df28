/*
 * expr_test.c: templates of outcome attributes.
 */
#include "tests/unit/support.h"

#include <string.h>

#include "handlers/expr.h"

static const char SCOPE[] =
	"{\"subject\":{\"reference_id\":\"s1\",\"title\":\"Emma\","
	"\"pages\":12,\"open\":true,\"note\":null},"
	"\"name\":\"ann\",\"empty\":null,\"n\":7,"
	"\"list\":[{\"id\":1},{\"id\":2}],"
	"\"file\":[{\"name\":\"a.txt\"}]}";

static void
release(void *object)
{
	json_object_put(object);
}

/* The value of a template as JSON text; "absent", or the code of an error. */
static const char *
evaluated_in(struct arena *arena, const char *scope, const char *template)
{
	struct json_object *value;
	bool absent;
	struct error *error;

	error = expr_evaluate(arena, parsed(arena, template),
			      parsed(arena, scope), NULL, &value, &absent);
	if (error)
		return error->code;
	if (absent)
		return "absent";
	return json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN);
}

static const char *
evaluated(void **state, const char *template)
{
	return evaluated_in(*state, SCOPE, template);
}

static void
a_path_keeps_the_type_of_its_value(void **state)
{
	assert_string_equal(evaluated(state, "\"~name\""), "\"ann\"");
	assert_string_equal(evaluated(state, "\"~n\""), "7");
	assert_string_equal(evaluated(state, "\"~.pages\""), "12");
	assert_string_equal(evaluated(state, "\"~subject.open\""), "true");
	assert_string_equal(evaluated(state, "\"~list[1].id\""), "2");
	assert_string_equal(evaluated(state, "\"~file\""),
			    "[{\"name\":\"a.txt\"}]");
}

static void
a_path_to_nothing_is_absent(void **state)
{
	assert_string_equal(evaluated(state, "\"~empty\""), "absent");
	assert_string_equal(evaluated(state, "\"~other\""), "absent");
	assert_string_equal(evaluated(state, "\"~other.x\""), "absent");
	assert_string_equal(evaluated(state, "\"~name.x\""), "absent");
	assert_string_equal(evaluated(state, "\"~.note\""), "absent");
	assert_string_equal(evaluated(state, "\"~list[9].id\""), "absent");
}

static void
references_in_text_become_text(void **state)
{
	assert_string_equal(evaluated(state, "\"$.title\""), "\"Emma\"");
	assert_string_equal(evaluated(state, "\"$.pages\""), "\"12\"");
	assert_string_equal(
		evaluated(state, "\"Read $.title, $.pages pages. $name\""),
		"\"Read Emma, 12 pages. ann\"");
	assert_string_equal(evaluated(state, "\"$list[0].id-$.title.\""),
			    "\"1-Emma.\"");
}

static void
a_null_in_text_is_empty(void **state)
{
	assert_string_equal(evaluated(state, "\"note: $.note!\""),
			    "\"note: !\"");
	assert_string_equal(evaluated(state, "\"$.note\""), "absent");
	assert_string_equal(evaluated(state, "\"$.missing\""), "absent");
}

static void
a_dollar_that_is_no_reference_stays(void **state)
{
	assert_string_equal(evaluated(state, "\"costs $5.00 or $money\""),
			    "\"costs $5.00 or $money\"");
	assert_string_equal(evaluated(state, "\"a$\""), "\"a$\"");
	assert_string_equal(evaluated(state, "\"$[0]\""), "\"$[0]\"");
}

static void
a_reference_without_container_is_an_error(void **state)
{
	assert_string_equal(evaluated(state, "\"$order.id\""), "bad-reference");
	assert_string_equal(evaluated(state, "\"x $list[2].id\""),
			    "bad-reference");
	assert_string_equal(evaluated(state, "\"$name.x\""), "bad-reference");
	assert_string_equal(evaluated(state, "\"~a b\""), "bad-expression");
}

static void
without_a_subject_its_members_are_null(void **state)
{
	assert_string_equal(evaluated_in(*state, "{}", "\"$.x\""), "absent");
	assert_string_equal(
		evaluated_in(*state, "{\"subject\":null}", "\"~subject.x\""),
		"absent");
	assert_string_equal(evaluated_in(*state, "{}", "\"at $.x\""),
			    "\"at \"");
}

static void
objects_and_arrays_are_walked(void **state)
{
	assert_string_equal(
		evaluated(state, "{\"a\":[\"~n\",3,true,null,\"~empty\"],"
				 "\"b\":{\"c\":\"$name.\",\"d\":\"~other\"}}"),
		"{\"a\":[7,3,true,null],\"b\":{\"c\":\"ann.\"}}");
	assert_string_equal(evaluated(state, "4"), "4");
	assert_string_equal(evaluated(state, "\"\""), "\"\"");
}

static void
a_script_that_is_a_path_needs_no_evaluator(void **state)
{
	assert_string_equal(evaluated(state, "\"!subject.title\""), "\"Emma\"");
	assert_string_equal(evaluated(state, "\"! n \""), "7");
	assert_string_equal(evaluated(state, "\"js:list[1].id\""), "2");
	assert_string_equal(evaluated(state, "\"{{ name }}\""), "\"ann\"");
	assert_string_equal(evaluated(state, "\"!true\""), "true");
	assert_string_equal(evaluated(state, "\"!n + 1\""), "no-evaluator");
	assert_string_equal(evaluated(state, "\"!undeclared\""),
			    "no-evaluator");
}

static struct error *
length_of_script(void *context, struct arena *arena, const char *script,
		 struct json_object *scope UNUSED, struct json_object **value)
{
	assert_ptr_equal(context, length_of_script);
	*value = json_object_new_int((int)strlen(script));
	arena_defer(arena, release, *value);
	return NULL;
}

static void
a_script_goes_to_the_evaluator(void **state)
{
	struct arena *arena = *state;
	struct evaluator evaluator = { .evaluate = length_of_script,
				       .context = length_of_script };
	struct json_object *value;
	bool absent;

	assert_null(expr_evaluate(arena, parsed(arena, "[\"!n + 1\"]"),
				  parsed(arena, SCOPE), &evaluator, &value,
				  &absent));
	assert_string_equal(
		json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN),
		"[5]");
}

/* A blank text hides the word that `hidden` is. */
static struct error *
show_hidden(void *hidden, struct arena *arena, struct json_object *shown,
	    struct json_object **value)
{
	*value = shown;
	if (!json_object_is_type(shown, json_type_string) ||
	    json_object_get_string_len(shown))
		return NULL;
	*value = hidden ? json_object_new_string(hidden) : NULL;
	if (hidden)
		arena_defer(arena, release, *value);
	return NULL;
}

static void
what_a_value_hides_is_for_references_alone(void **state)
{
	struct arena *arena = *state;
	struct evaluator evaluator = { .reveal = show_hidden,
				       .hidden = "word" };
	struct json_object *scope =
		parsed(arena, "{\"row\":{\"code\":\"\",\"name\":\"n\"}}");
	const char *template =
		"[\"~row.code\",\"<$row.code> $row.name\",\"~row\",\"!row.code\"]";
	struct json_object *value;
	bool absent;

	assert_null(expr_evaluate(arena, parsed(arena, template), scope,
				  &evaluator, &value, &absent));
	assert_string_equal(
		json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN),
		"[\"word\",\"<word> n\",{\"code\":\"\",\"name\":\"n\"},\"\"]");
	evaluator.hidden = NULL;
	assert_null(expr_evaluate(arena, parsed(arena, "\"~row.code\""), scope,
				  &evaluator, &value, &absent));
	assert_true(absent);
}

static void
only_true_and_one_hold(void **state)
{
	struct arena *arena = *state;
	static const struct {
		const char *condition;
		bool holds;
	} cases[] = {
		{ "!subject.open", true },
		{ " TRUE ", true },
		{ "1", true },
		{ "~.open", true },
		{ "0", false },
		{ "yes", false },
		{ "~empty", false },
		{ "~n", false },
		{ "~list", false },
		{ "$order.id", false },
		{ "", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		bool holds;

		assert_null(expr_condition(arena, cases[i].condition,
					   parsed(arena, SCOPE), NULL, &holds));
		assert_int_equal(holds, cases[i].holds);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_keeps_the_type_of_its_value),
		cmocka_unit_test(a_path_to_nothing_is_absent),
		cmocka_unit_test(references_in_text_become_text),
		cmocka_unit_test(a_null_in_text_is_empty),
		cmocka_unit_test(a_dollar_that_is_no_reference_stays),
		cmocka_unit_test(a_reference_without_container_is_an_error),
		cmocka_unit_test(without_a_subject_its_members_are_null),
		cmocka_unit_test(objects_and_arrays_are_walked),
		cmocka_unit_test(a_script_that_is_a_path_needs_no_evaluator),
		cmocka_unit_test(a_script_goes_to_the_evaluator),
		cmocka_unit_test(what_a_value_hides_is_for_references_alone),
		cmocka_unit_test(only_true_and_one_hold),
	};

	return cmocka_run_group_tests(tests, arena_setup, arena_teardown);
}
