/*
 * router_test.c: paths and parameters as plain data, and the table of routes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "fcgi/router.h"
#include "fcgi/writer.h"

struct fixture {
	struct arena *arena;
	struct settings settings;
	struct request request;
	struct url_path path;
	struct match match;
};

static int
setup(void **state)
{
	struct arena *arena = arena_new();
	struct fixture *t = ARENA_NEW(arena, struct fixture);

	t->arena = arena;
	t->request.arena = arena;
	t->request.settings = &t->settings;
	*state = t;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *t = *state;

	arena_free(t->arena);
	return 0;
}

/* Reads a request of this method and URL; more variables may follow. */
static struct error *
read_url(struct fixture *t, const char *method, const char *url,
	 const char *more)
{
	char **variables = ARENA_ARRAY(t->arena, char *, 4);
	struct error *err;

	variables[0] = arena_printf(t->arena, "REQUEST_METHOD=%s", method);
	variables[1] = arena_printf(t->arena, "REQUEST_URI=%s", url);
	variables[2] = arena_strdup(t->arena, more);
	err = reader_read(&t->request, variables, &t->path);
	if (!err)
		router_match(&t->path, t->request.method, &t->match);
	return err;
}

static void
assert_status(const struct error *err, int status)
{
	assert_non_null(err);
	assert_int_equal(err->status, status);
}

static void
segments_are_decoded_one_by_one(void **state)
{
	struct fixture *t = *state;

	assert_null(read_url(t, "GET", "/api/b%6fok/a%2Fb+c%C3%A9?x=1", NULL));
	assert_int_equal(t->path.count, 3);
	assert_string_equal(t->path.segments[1], "book");
	assert_string_equal(t->path.segments[2], "a/b+c\xc3\xa9");
	assert_string_equal(t->request.path, "/api/b%6fok/a%2Fb+c%C3%A9");
	assert_ptr_equal(t->match.route->serve, serve_item);
	assert_string_equal(t->match.captures[0], "book");
	assert_string_equal(t->match.captures[1], "a/b+c\xc3\xa9");
}

static void
broken_escapes_are_refused(void **state)
{
	static const char *const urls[] = {
		"/api/%",	 "/api/%4",	   "/api/%zz",
		"/api/%00",	 "/api/a%00b",	   "/api/%ff",
		"/api/%c0%a7",	 "/api/%ed%a0%80", "/api/%f4%90%80%80",
		"/api/%e2%82",	 "/api/b?x=%00",   "/api/b?x=%e0%80%80",
		"/api/b?%zz=1",	 "api/b",	   "*",
		"/api/\x80\x80",
	};

	for (size_t i = 0; i < ARRAY_SIZE(urls); i++)
		assert_status(read_url(*state, "GET", urls[i], NULL), 400);
}

static void
parameters_keep_their_order_and_plus_is_a_blank(void **state)
{
	struct fixture *t = *state;

	assert_null(read_url(t, "GET", "/api/b?b=1+2%2B3&&a&page[size]=5&b=%26",
			     NULL));
	assert_int_equal(t->request.nparameters, 4);
	assert_string_equal(t->request.parameters[0].value, "1 2+3");
	assert_string_equal(t->request.parameters[1].name, "a");
	assert_string_equal(t->request.parameters[1].value, "");
	assert_string_equal(t->request.parameters[2].name, "page[size]");
	assert_string_equal(t->request.parameters[3].value, "&");
}

static void
more_than_a_thousand_parameters_are_refused(void **state)
{
	struct fixture *t = *state;
	struct strbuf url;

	strbuf_init(&url, t->arena);
	strbuf_literal(&url, "/api/b?a=1");
	for (int i = 1; i < PARAMETERS_MAX; i++)
		strbuf_literal(&url, "&a=1");
	assert_null(read_url(t, "GET", url.data, NULL));
	assert_int_equal(t->request.nparameters, PARAMETERS_MAX);
	strbuf_literal(&url, "&a=1");
	assert_status(read_url(t, "GET", url.data, NULL), 400);
}

static void
very_deep_paths_are_unknown(void **state)
{
	assert_status(read_url(*state, "GET",
			       "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17",
			       NULL),
		      404);
}

static void
doubtful_content_lengths_are_refused(void **state)
{
	struct fixture *t = *state;

	assert_null(read_url(t, "POST", "/api/b", "CONTENT_LENGTH=12"));
	assert_int_equal(t->request.body.length, 12);
	assert_null(read_url(t, "POST", "/api/b", "CONTENT_LENGTH="));
	assert_int_equal(t->request.body.length, -1);
	assert_status(read_url(t, "POST", "/api/b", "CONTENT_LENGTH=-1"), 400);
	assert_status(read_url(t, "POST", "/api/b", "CONTENT_LENGTH=1x"), 400);
	assert_status(read_url(t, "POST", "/api/b",
			       "CONTENT_LENGTH=99999999999999999999"),
		      400);
}

static void
forged_request_ids_are_replaced(void **state)
{
	struct fixture *t = *state;

	assert_null(read_url(t, "GET", "/ping", "ACTD_REQUEST_ID=abc-1"));
	assert_string_equal(t->request.id, "abc-1");
	assert_null(read_url(t, "GET", "/ping", "ACTD_REQUEST_ID=a b\n"));
	assert_int_equal(strlen(t->request.id), 36);
}

static void
each_route_is_found_by_its_own_pattern(void **state)
{
	struct fixture *t = *state;
	size_t count;
	const struct route *routes = router_routes(&count);

	for (size_t i = 0; i < count; i++) {
		for (int m = 0; m < METHOD_OTHER; m++) {
			if (!(routes[i].methods & METHOD_BIT(m)))
				continue;
			assert_null(read_url(t, method_name((enum method)m),
					     routes[i].pattern, NULL));
			assert_ptr_equal(t->match.route, &routes[i]);
		}
	}
}

static void
relationships_are_not_related_lists(void **state)
{
	struct fixture *t = *state;

	assert_null(read_url(t, "GET", "/api/b/1/author_id", NULL));
	assert_ptr_equal(t->match.route->serve, serve_related);
	assert_null(read_url(t, "GET", "/api/b/1/relationships/x", NULL));
	assert_ptr_equal(t->match.route->serve, serve_linkage);
	assert_int_equal(t->match.ncaptures, 3);
	assert_string_equal(t->match.captures[2], "x");
}

static void
paths_that_only_look_alike_are_unknown(void **state)
{
	static const char *const urls[] = {
		"/",
		"/api",
		"/api/",
		"/api//x",
		"//api/x",
		"/API/x",
		"/api/x/",
		"/health/",
		"/healthy",
		"/action/a",
		"/healt",
		"/action/a/b/c",
		"/api/b/1/relationships/x/y",
	};
	struct fixture *t = *state;

	for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
		assert_null(read_url(t, "GET", urls[i], NULL));
		assert_null(t->match.route);
		assert_int_equal(t->match.allowed, 0);
	}
}

static void
a_known_path_says_which_methods_it_takes(void **state)
{
	struct fixture *t = *state;

	assert_null(read_url(t, "PUT", "/api/b/1", NULL));
	assert_null(t->match.route);
	assert_string_equal(router_allow(t->arena, t->match.allowed),
			    "GET, HEAD, PATCH, DELETE, OPTIONS");
	assert_null(read_url(t, "BREW", "/ping", NULL));
	assert_null(t->match.route);
	assert_string_equal(router_allow(t->arena, t->match.allowed),
			    "GET, HEAD, OPTIONS");
}

static void
head_is_served_like_get_without_a_body(void **state)
{
	struct fixture *t = *state;
	struct response response;

	assert_null(read_url(t, "HEAD", "/ping", NULL));
	assert_ptr_equal(t->match.route->serve, serve_ping);
	response_init(&response, t->arena);
	response.content_type = "text/plain";
	assert_false(writer_sends_body(&t->request, &response));
}

static const char *
header_of(struct fixture *t, struct response *response)
{
	struct strbuf buf;

	strbuf_init(&buf, t->arena);
	writer_header(&buf, &t->request, response);
	return buf.data;
}

static void
only_listed_origins_get_credentials(void **state)
{
	static const char *const origins[] = { "https://a.example", NULL };
	struct fixture *t = *state;
	struct response response;
	const char *header;

	response_init(&response, t->arena);
	t->settings.cors_origins = origins;
	assert_null(
		read_url(t, "GET", "/ping", "HTTP_ORIGIN=https://a.example"));
	header = header_of(t, &response);
	assert_non_null(strstr(header, "Allow-Origin: https://a.example\r\n"));
	assert_non_null(strstr(header, "Allow-Credentials: true\r\n"));
	assert_non_null(strstr(header, "Vary: Origin\r\n"));
	assert_null(read_url(t, "GET", "/ping",
			     "HTTP_ORIGIN=https://a.example.evil"));
	header = header_of(t, &response);
	assert_non_null(strstr(header, "Allow-Origin: *\r\n"));
	assert_null(strstr(header, "Credentials"));
}

static void
a_hand_over_is_nothing_but_its_header(void **state)
{
	struct fixture *t = *state;
	struct response response;

	assert_null(read_url(t, "GET", "/ping", NULL));
	response_init(&response, t->arena);
	response.hand_over = "long";
	assert_string_equal(header_of(t, &response),
			    "X-Accel-Redirect: @long\r\n\r\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(segments_are_decoded_one_by_one),
		TEST(broken_escapes_are_refused),
		TEST(parameters_keep_their_order_and_plus_is_a_blank),
		TEST(more_than_a_thousand_parameters_are_refused),
		TEST(very_deep_paths_are_unknown),
		TEST(doubtful_content_lengths_are_refused),
		TEST(forged_request_ids_are_replaced),
		TEST(each_route_is_found_by_its_own_pattern),
		TEST(relationships_are_not_related_lists),
		TEST(paths_that_only_look_alike_are_unknown),
		TEST(a_known_path_says_which_methods_it_takes),
		TEST(head_is_served_like_get_without_a_body),
		TEST(only_listed_origins_get_credentials),
		TEST(a_hand_over_is_nothing_but_its_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
