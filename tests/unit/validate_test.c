/*
 * validate_test.c: validations and conformations by tags.
 */
#include "tests/unit/support.h"

#include <string.h>

#include "handlers/validate.h"

/* What validating `values` says of column x, "" if it holds. */
static const char *
fault_of(void **state, const char *tags, const char *values,
	 enum value_kind kind)
{
	struct arena *arena = *state;
	struct tagging tagging = { "x", tags };
	struct column column = { .name = "X",
				 .column_name = "x",
				 .kind = kind };
	struct column *columns[] = { &column };
	const struct tag_rules rules = { &tagging, 1, columns, 1 };
	struct error *error = validate(arena, &rules, &validation_of_action,
				       parsed(arena, values));

	return error ? error->detail : "";
}

struct tag_case {
	const char *tags;
	const char *good;
	const char *bad;
};

static const struct tag_case cases[] = {
	{ "required", "\"a\"", "\"\"" },
	{ "required", "0", "null" },
	{ "required", "[1]", "[]" },
	{ "email", "\"ann@example.com\"", "\"ann@example\"" },
	{ "email", "\"a.b+c@mail.example.co\"", "\" ann@example.com\"" },
	{ "email", "\"j\xc3\xbcrgen@b\xc3\xbc\x63her.de\"", "\"a..b@x.de\"" },
	{ "email", "\"o'neil@x.org\"", "\"a@-x.org\"" },
	{ "url", "\"https://a.example/x?y=1\"", "\"/x\"" },
	{ "uri", "\"/x\"", "\"x y\"" },
	{ "min=8", "\"12345678\"", "\"1234567\"" },
	{ "min=3", "\"\xc3\xa4\xc3\xb6\xc3\xbc\"", "\"\xc3\xa4\xc3\xb6\"" },
	{ "min=3", "3", "2.5" },
	{ "max=2", "[1,2]", "[1,2,3]" },
	{ "len=2", "\"ab\"", "\"abc\"" },
	{ "gt=0", "1", "0" },
	{ "gte=0", "0", "-1" },
	{ "lt=10", "9.9", "10" },
	{ "lte=10", "10", "10.1" },
	{ "eq=a", "\"a\"", "\"b\"" },
	{ "ne=a", "\"b\"", "\"a\"" },
	{ "oneof=red green", "\"green\"", "\"gre\"" },
	{ "oneof='dark red' green", "\"dark red\"", "\"dark\"" },
	{ "alpha", "\"abc\"", "\"ab1\"" },
	{ "alphanum", "\"ab1\"", "\"ab-\"" },
	{ "numeric", "\"-1.5\"", "\"1.\"" },
	{ "numeric", "12", "\"a\"" },
	{ "number", "\"15\"", "\"1.5\"" },
	{ "hexadecimal", "\"0fA\"", "\"g\"" },
	{ "iscolor", "\"#fff\"", "\"fff\"" },
	{ "hexcolor", "\"#a0b1c2\"", "\"#a0b1c\"" },
	{ "rgb", "\"rgb(1, 2,255)\"", "\"rgb(1,2,256)\"" },
	{ "rgba", "\"rgba(1,2,3,0.5)\"", "\"rgba(1,2,3)\"" },
	{ "hsl", "\"hsl(360,100%,0%)\"", "\"hsl(361,1%,1%)\"" },
	{ "hsla", "\"hsla(1,1%,1%,1)\"", "\"hsla(1,1%,1%,2)\"" },
	{ "latitude", "-90", "90.5" },
	{ "longitude", "\"180\"", "\"180.1\"" },
	{ "ip", "\"::1\"", "\"1.2.3\"" },
	{ "ipv4", "\"1.2.3.4\"", "\"::1\"" },
	{ "ipv6", "\"::1\"", "\"1.2.3.4\"" },
	{ "cidr", "\"10.0.0.0/8\"", "\"10.0.0.0/33\"" },
	{ "mac", "\"00:11:22:33:44:5f\"", "\"00:11\"" },
	{ "hostname", "\"a.b-c\"", "\"a_b\"" },
	{ "fqdn", "\"a.example\"", "\"a\"" },
	{ "uuid", "\"6ba7b810-9dad-11d1-80b4-00c04fd430c8\"", "\"6ba7\"" },
	{ "uuid4", "\"6ba7b810-9dad-41d1-80b4-00c04fd430c8\"",
	  "\"6ba7b810-9dad-11d1-80b4-00c04fd430c8\"" },
	{ "base64", "\"YWI=\"", "\"YWI\"" },
	{ "base64url", "\"_-I=\"", "\"+/I=\"" },
	{ "datauri", "\"data:text/plain;base64,YQ==\"", "\"data:,a\"" },
	{ "json", "\"{\\\"a\\\":[1]}\"", "\"{a}\"" },
	{ "datetime=2006-01-02", "\"2020-02-28\"", "\"28.2.2020\"" },
	{ "lowercase", "\"ab1\"", "\"aB\"" },
	{ "uppercase", "\"AB1\"", "\"Ab\"" },
	{ "boolean", "\"true\"", "\"yes\"" },
	{ "ascii", "\"a\"", "\"\xc3\xa4\"" },
	{ "contains=b", "\"abc\"", "\"ac\"" },
	{ "excludes=b", "\"ac\"", "\"abc\"" },
	{ "startswith=a", "\"ab\"", "\"ba\"" },
	{ "endswith=a", "\"ba\"", "\"ab\"" },
	{ "containsany=xy", "\"ay\"", "\"ab\"" },
	{ "excludesall=xy", "\"ab\"", "\"ay\"" },
	{ "e164", "\"+4930123456\"", "\"030\"" },
	{ "semver", "\"1.2.3-a\"", "\"1.2\"" },
	{ "rgb|hexcolor", "\"#fff\"", "\"white\"" },
	{ "required,min=2", "\"ab\"", "\"a\"" },
	{ "omitempty,email", "\"\"", "\"a\"" },
	{ "contains=0x2C", "\"a,b\"", "\"ab\"" },
	{ "eqfield=other", "\"same\"", "\"else\"" },
	{ "eqfield=InnerStructField[other]", "\"same\"", "\"else\"" },
	{ "nefield=other", "\"else\"", "\"same\"" },
};

static void
each_tag_tells_good_from_bad(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct tag_case *c = &cases[i];

		for (int bad = 0; bad < 2; bad++) {
			const char *values = arena_printf(
				*state, "{\"x\":%s,\"other\":\"same\"}",
				bad ? c->bad : c->good);
			const char *fault =
				fault_of(state, c->tags, values, VALUE_TEXT);

			if ((*fault != '\0') != bad)
				fail_msg("%s of %s: \"%s\"", c->tags, values,
					 fault);
		}
	}
}

static void
each_tag_of_the_cases_is_known(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_null(validate_unknown_tag(*state, cases[i].tags));
	assert_string_equal(validate_unknown_tag(*state, "required,minn=8"),
			    "minn=8");
	assert_string_equal(validate_unknown_tag(*state, "rgb|rgbx"), "rgbx");
	assert_string_equal(validate_unknown_tag(*state, "min="), "min=");
	assert_null(validate_unknown_tag(*state, "omitempty, email"));
	assert_null(conform_unknown_tag(*state, "trim,!html, lower"));
	assert_string_equal(conform_unknown_tag(*state, "trim,trimm"), "trimm");
}

static void
a_missing_value_fails_only_what_needs_one(void **state)
{
	assert_string_equal(fault_of(state, "email,min=3", "{}", VALUE_TEXT),
			    "");
	assert_string_equal(fault_of(state, "required", "{}", VALUE_TEXT),
			    "x must not be empty");
	assert_string_equal(
		fault_of(state, "eqfield=y", "{\"y\":1}", VALUE_TEXT),
		"x must be equal to y");
}

static void
numeric_text_of_a_number_column_is_a_number(void **state)
{
	assert_string_equal(
		fault_of(state, "gte=10", "{\"x\":\"9\"}", VALUE_INTEGER),
		"x must be at least 10");
	assert_string_equal(
		fault_of(state, "gte=10", "{\"x\":\"12\"}", VALUE_INTEGER), "");
	assert_string_equal(
		fault_of(state, "min=3", "{\"x\":\"99\"}", VALUE_TEXT),
		"x must be at least 3 characters long");
}

static void
every_failing_column_is_named_once(void **state)
{
	struct arena *arena = *state;
	const struct tagging tags[] = {
		{ "a", "required" }, { "Label of b", "email" },
		{ "c", "max=3" },    { "a", "min=2" },
		{ "d", "required" },
	};
	struct column b = { .name = "Label of b", .column_name = "b" };
	struct column *columns[] = { &b };
	struct json_object *values =
		parsed(arena, "{\"a\":\"\",\"b\":\"x\",\"c\":\"abc\"}");
	const struct tag_rules rules = { tags, 5, columns, 1 };
	struct error *error =
		validate(arena, &rules, &validation_of_row, values);

	assert_int_equal(error->status, 422);
	assert_string_equal(error->pointer, "/data/attributes/a");
	assert_string_equal(error->next->pointer, "/data/attributes/b");
	assert_null(error->next->next);
}

/* Text `text` after the conformations `tags`. */
static const char *
conformed(void **state, const char *tags, const char *text)
{
	struct arena *arena = *state;
	struct tagging tagging = { "x", tags };
	const struct tag_rules rules = { .tags = &tagging, .ntags = 1 };
	struct json_object *values = parsed(arena, "{}");

	json_object_object_add(values, "x", json_object_new_string(text));
	conform(arena, &rules, values);
	return json_object_get_string(json_object_object_get(values, "x"));
}

static void
each_conformation_changes_text_as_it_says(void **state)
{
	static const struct {
		const char *tags;
		const char *before;
		const char *after;
	} changes[] = {
		{ "trim", "\t a b \n", "a b" },
		{ "ltrim", "  a ", "a " },
		{ "rtrim", " a  ", " a" },
		{ "lower", "AB\xc3\x84", "ab\xc3\xa4" },
		{ "upper", "ab\xc3\xa4", "AB\xc3\x84" },
		{ "title", "war and peace", "War And Peace" },
		{ "camel", "this is it", "thisIsIt" },
		{ "snake", "ThisIs it", "this_is_it" },
		{ "slug", "War & Peace, 2", "war-peace-2" },
		{ "ucfirst", "\xc3\xa4 b", "\xc3\x84 b" },
		{ "name", "  mary-JANE  o'neil 3rd", "Mary-Jane O'Neil Rd" },
		{ "name", "ann", "Ann" },
		{ "email", " Ann.B@EXAMPLE.Com ", "Ann.B@example.com" },
		{ "email", "ann", "ann@" },
		{ "num", "a1b2", "12" },
		{ "!num", "a1b2", "ab" },
		{ "alpha", "a1 b", "ab" },
		{ "!alpha", "a1 b", "1 " },
		{ "!html", "<a href='x'>&", "&lt;a href=&#39;x&#39;&gt;&amp;" },
		{ "!js", "a='\\", "a\\u003D\\'\\\\" },
		{ "trim, lower", " A ", "a" },
		{ "unknown", " A ", " A " },
		{ "trim", "\xf0\x9f\x99\x82 ", "\xf0\x9f\x99\x82" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(changes); i++)
		assert_string_equal(
			conformed(state, changes[i].tags, changes[i].before),
			changes[i].after);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_tag_tells_good_from_bad),
		cmocka_unit_test(each_tag_of_the_cases_is_known),
		cmocka_unit_test(a_missing_value_fails_only_what_needs_one),
		cmocka_unit_test(numeric_text_of_a_number_column_is_a_number),
		cmocka_unit_test(every_failing_column_is_named_once),
		cmocka_unit_test(each_conformation_changes_text_as_it_says),
	};

	return cmocka_run_group_tests(tests, arena_setup, arena_teardown);
}
