/*
 * form_test.c: bodies of HTML forms.
 */
#include "tests/unit/support.h"

#include <string.h>

#include "handlers/form.h"

static const char *
result(struct error *error, struct json_object *object)
{
	if (error)
		return error->code;
	return json_object_to_json_string_ext(
		object,
		JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
}

static const char *
urlencoded(void **state, const char *text)
{
	struct json_object *object;
	struct error *error =
		form_read_urlencoded(*state, text, strlen(text), &object);

	return result(error, object);
}

static const char *
multipart(void **state, const char *text)
{
	struct json_object *object;
	struct error *error =
		form_read_multipart(*state, text, strlen(text), "xyz", &object);

	return result(error, object);
}

static void
fields_are_decoded(void **state)
{
	assert_string_equal(urlencoded(state, "a=1+2&b=%C3%A4%26&c&=d"),
			    "{\"a\":\"1 2\",\"b\":\"\xc3\xa4&\",\"c\":\"\","
			    "\"\":\"d\"}");
	assert_string_equal(urlencoded(state, ""), "{}");
	assert_string_equal(urlencoded(state, "&&a=%4&b=%zz&"),
			    "{\"a\":\"%4\",\"b\":\"%zz\"}");
}

static void
a_repeated_field_is_an_array(void **state)
{
	assert_string_equal(urlencoded(state, "a=1&b=2&a=3&a=4"),
			    "{\"a\":[\"1\",\"3\",\"4\"],\"b\":\"2\"}");
}

static void
what_is_no_text_is_refused(void **state)
{
	assert_string_equal(urlencoded(state, "a=%ff"), "bad-form");
	assert_string_equal(urlencoded(state, "a=%00"), "bad-form");
}

static void
parts_become_fields_and_files(void **state)
{
	assert_string_equal(
		multipart(state,
			  "--xyz\r\n"
			  "Content-Disposition: form-data; name=\"a\"\r\n\r\n"
			  "one\r\ntwo\r\n--xyz\r\n"
			  "content-disposition: form-data; name=\"f\"; "
			  "filename=\"x \\\"y\\\".csv\"\r\n"
			  "Content-Type: text/csv\r\n\r\n"
			  "ab\r\n--xyz\r\n"
			  "Content-Disposition: form-data; name=f; "
			  "filename=z\r\n\r\n"
			  "\r\n--xyz--\r\n"),
		"{\"a\":\"one\\r\\ntwo\",\"f\":["
		"{\"name\":\"x \\\"y\\\".csv\",\"type\":\"text/csv\","
		"\"contents\":\"YWI=\"},"
		"{\"name\":\"z\",\"type\":\"text/plain\",\"contents\":\"\"}]}");
}

static void
a_broken_multipart_body_is_refused(void **state)
{
	static const char *const broken[] = {
		"",
		"--xy",
		"--xyz",
		"--xyz\r\n",
		"--xyz\r\nContent-Disposition: form-data; name=a\r\n\r\nb",
		"--xyz\r\nContent-Disposition: form-data; name=a\r\n--xyz--",
		"--xyz\r\nContent-Disposition: form-data\r\n\r\nb\r\n--xyz--",
		"--xyz\r\n\r\nb\r\n--xyz--",
		"--xyzz\r\n\r\nb\r\n--xyz--",
		"--xyz\r\nContent-Disposition: form-data; name=a\r\n\r\n"
		"\xff\r\n--xyz--",
	};

	for (size_t i = 0; i < ARRAY_SIZE(broken); i++)
		assert_string_equal(multipart(state, broken[i]), "bad-form");
	assert_string_equal(multipart(state, "--xyz--"), "{}");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_decoded),
		cmocka_unit_test(a_repeated_field_is_an_array),
		cmocka_unit_test(what_is_no_text_is_refused),
		cmocka_unit_test(parts_become_fields_and_files),
		cmocka_unit_test(a_broken_multipart_body_is_refused),
	};

	return cmocka_run_group_tests(tests, arena_setup, arena_teardown);
}
