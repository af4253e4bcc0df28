/*
 * reply_test.c: items of actions, and errors, as documents.
 */
#include "tests/unit/support.h"

#include <string.h>

#include "handlers/reply.h"
#include "handlers/route.h"

static const char *
written(const struct reply *reply)
{
	struct strbuf buf;

	strbuf_init(&buf, reply->arena);
	reply_write(&buf, reply);
	return buf.data;
}

static void
no_items_are_an_empty_array(void **state)
{
	struct reply reply;

	reply_init(&reply, *state);
	assert_string_equal(written(&reply), "[]");
}

static void
items_have_the_keys_that_clients_know(void **state)
{
	struct reply reply;

	reply_init(&reply, *state);
	reply_notify(&reply, "success", "Success", "Logged in");
	reply_redirect(&reply, "/", 2000);
	reply_store(&reply, "token", "t");
	reply_cookie(&reply, "token", "t");
	reply_download(&reply, "a.json", "application/json", "Here", "ab", 2);
	assert_string_equal(
		written(&reply),
		"[{\"ResponseType\":\"client.notify\",\"Attributes\":"
		"{\"message\":\"Logged in\",\"title\":\"Success\","
		"\"type\":\"success\"}},"
		"{\"ResponseType\":\"client.redirect\",\"Attributes\":"
		"{\"delay\":2000,\"location\":\"/\",\"window\":\"self\"}},"
		"{\"ResponseType\":\"client.store.set\",\"Attributes\":"
		"{\"key\":\"token\",\"value\":\"t\"}},"
		"{\"ResponseType\":\"client.cookie.set\",\"Attributes\":"
		"{\"key\":\"token\",\"value\":\"t\"}},"
		"{\"ResponseType\":\"client.file.download\",\"Attributes\":"
		"{\"content\":\"YWI=\",\"contentType\":\"application/json\","
		"\"message\":\"Here\",\"name\":\"a.json\"}}]");
}

static void
keys_are_sorted_at_every_depth(void **state)
{
	struct reply reply;

	reply_init(&reply, *state);
	reply_add(&reply, "x",
		  json_tokener_parse("{\"b\":[{\"d\":1,\"c\":null}],"
				     "\"a\":1.50,\"B\":true}"));
	assert_string_equal(written(&reply),
			    "[{\"ResponseType\":\"x\",\"Attributes\":"
			    "{\"B\":true,\"a\":1.50,"
			    "\"b\":[{\"c\":null,\"d\":1}]}}]");
}

static void
markup_is_escaped(void **state)
{
	struct reply reply;

	reply_init(&reply, *state);
	reply_add(&reply, "error",
		  json_object_new_string("<a href=\"x?a&b\">\n"));
	assert_string_equal(written(&reply),
			    "[{\"ResponseType\":\"error\",\"Attributes\":"
			    "\"\\u003ca href=\\\"x?a\\u0026b\\\"\\u003e\\n\""
			    "}]");
}

static void
members_beside_the_attributes_follow_them(void **state)
{
	struct reply reply;
	struct json_object *beside =
		json_tokener_parse("{\"changes\":[],\"effects\":[]}");

	reply_init(&reply, *state);
	reply_add(&reply, "client.dry_run", json_object_new_object());
	reply.items[0].beside = beside;
	assert_string_equal(written(&reply),
			    "[{\"ResponseType\":\"client.dry_run\","
			    "\"Attributes\":{},\"changes\":[],"
			    "\"effects\":[]}]");
	json_object_put(beside);
}

static void
errors_become_a_json_api_document(void **state)
{
	struct arena *arena = *state;
	struct response response;
	struct error *error =
		error_at(error_new(arena, 422, "validation-failed", "a \"b\""),
			 "/data/attributes/a");

	error_append(
		&error,
		error_in(error_new(arena, 400, "bad-parameter", "no"), "sort"));
	error->retry_after = 7;
	response_init(&response, arena);
	strbuf_puts(&response.body, "half an answer");
	render_errors(&response, error);
	assert_int_equal(response.status, 422);
	assert_string_equal(
		response.body.data,
		"{\"errors\":[{\"status\":\"422\","
		"\"title\":\"Unprocessable Content\","
		"\"code\":\"validation-failed\",\"detail\":\"a \\\"b\\\"\","
		"\"source\":{\"pointer\":\"/data/attributes/a\"}},"
		"{\"status\":\"400\",\"title\":\"Bad Request\","
		"\"code\":\"bad-parameter\",\"detail\":\"no\","
		"\"source\":{\"parameter\":\"sort\"}}]}");
	assert_int_equal(response.nheaders, 1);
	assert_string_equal(response.headers[0].name, "Retry-After");
	assert_string_equal(response.headers[0].value, "7");
}

static void
errors_of_actions_are_one_notify_each(void **state)
{
	struct arena *arena = *state;
	struct response response;
	struct error *error = error_new(arena, 401, "bad-token", "one");

	error_append(&error, error_new(arena, 400, "x", "two"));
	response_init(&response, arena);
	render_action_errors(&response, error);
	assert_int_equal(response.status, 401);
	assert_string_equal(
		response.body.data,
		"[{\"ResponseType\":\"client.notify\",\"Attributes\":"
		"{\"message\":\"one\",\"title\":\"failed\","
		"\"type\":\"error\"}},"
		"{\"ResponseType\":\"client.notify\",\"Attributes\":"
		"{\"message\":\"two\",\"title\":\"failed\","
		"\"type\":\"error\"}}]");
	assert_string_equal(response.headers[0].name, "WWW-Authenticate");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_items_are_an_empty_array),
		cmocka_unit_test(items_have_the_keys_that_clients_know),
		cmocka_unit_test(keys_are_sorted_at_every_depth),
		cmocka_unit_test(markup_is_escaped),
		cmocka_unit_test(members_beside_the_attributes_follow_them),
		cmocka_unit_test(errors_become_a_json_api_document),
		cmocka_unit_test(errors_of_actions_are_one_notify_each),
	};

	return cmocka_run_group_tests(tests, arena_setup, arena_teardown);
}
