/*
 * auth_test.c: what is a token and what is not, whose cookie counts, and the
 * performers that give tokens out. Tokens are forged here with OpenSSL alone,
 * so that a mistake in our use of libjwt can't hide in the test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <time.h>

#include "handlers/auth.h"
#include "handlers/engine.h"
#include "handlers/formats/format.h"
#include "tests/unit/accounts.h"

#define SECRET "a secret of the tests, of more than 32 bytes"
#define HS256 "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"

extern const struct performer performer_signin, performer_become_admin,
	performer_change_password;

static const char *const listed_origins[] = { "https://console.example.org",
					      NULL };

static const struct settings SETTINGS = {
	.token_issuer = "actd-test",
	.token_secret = SECRET,
	.token_seconds = 3600,
	.values = { .hash_cost = 4 },
	.cors_origins = listed_origins,
};

/* base64url without padding */
static const char *
encode(struct arena *arena, const void *data, size_t size)
{
	char *text = crypto_base64(arena, data, size);

	for (char *c = text; *c; c++) {
		if (*c == '+')
			*c = '-';
		else if (*c == '/')
			*c = '_';
		else if (*c == '=')
			*c = '\0';
	}
	return text;
}

static const char *
forge_with(struct arena *arena, const EVP_MD *digest, const char *key,
	   const char *head, const char *payload)
{
	const char *text =
		arena_printf(arena, "%s.%s", encode(arena, head, strlen(head)),
			     encode(arena, payload, strlen(payload)));
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned size;

	HMAC(digest, key, (int)strlen(key), (const unsigned char *)text,
	     strlen(text), mac, &size);
	return arena_printf(arena, "%s.%s", text, encode(arena, mac, size));
}

static const char *
forge(struct arena *arena, const char *payload)
{
	return forge_with(arena, EVP_sha256(), SECRET, HS256, payload);
}

/* A good payload but for `more` ("" or members with a comma in front). */
static const char *
payload_with(struct arena *arena, const char *more)
{
	return arena_printf(arena,
			    "{\"iss\":\"actd-test\",\"sub\":\"" ANN
			    "\",\"exp\":%lld%s}",
			    (long long)time(NULL) + 600, more);
}

static bool
verifies(struct accounts *t, const char *token)
{
	struct token_claims claims;
	struct error *error = token_verify(t->arena, &SETTINGS, token, &claims);

	if (!error)
		return true;
	assert_int_equal(error->status, 401);
	assert_string_equal(error->code, "bad-token");
	return false;
}

static bool
payload_verifies(struct accounts *t, const char *more)
{
	return verifies(t, forge(t->arena, payload_with(t->arena, more)));
}

static const struct account ANN_ACCOUNT = {
	.id = ANN_ID,
	.reference_id = ANN,
	.name = "Ann \"Q\" \xc3\x96",
	.email = "Ann@Example.org",
	.auth_version = 7,
};

static void
an_issued_token_verifies(void **state)
{
	struct accounts *t = *state;
	struct token_claims claims;
	const char *token;

	assert_null(token_issue(t->arena, &SETTINGS, &ANN_ACCOUNT, &token));
	assert_null(token_verify(t->arena, &SETTINGS, token, &claims));
	assert_string_equal(claims.subject, ANN);
	assert_int_equal(claims.auth_version, 7);
}

static struct json_object *
payload_of(struct accounts *t, const char *token)
{
	static const struct format_limits limits = { 8192, 8, 100 };
	const char *start = strchr(token, '.') + 1;
	char *part = arena_strndup(t->arena, start, strcspn(start, "."));
	struct json_object *payload;
	unsigned char *text;
	size_t size;

	for (char *c = part; *c; c++) {
		if (*c == '-')
			*c = '+';
		else if (*c == '_')
			*c = '/';
	}
	assert_true(crypto_base64_decode(t->arena, part, strlen(part), &text,
					 &size));
	assert_null(json_read(t->arena, (char *)text, size, &limits, 400,
			      &payload));
	return payload;
}

static const char *
claim_text(struct json_object *payload, const char *name)
{
	struct json_object *value = json_object_object_get(payload, name);

	assert_true(json_object_is_type(value, json_type_string));
	return json_object_get_string(value);
}

static int64_t
claim_number(struct json_object *payload, const char *name)
{
	struct json_object *value = json_object_object_get(payload, name);

	assert_true(json_object_is_type(value, json_type_int));
	return json_object_get_int64(value);
}

static void
an_issued_token_has_all_claims(void **state)
{
	struct accounts *t = *state;
	struct json_object *payload;
	const char *token;

	assert_null(token_issue(t->arena, &SETTINGS, &ANN_ACCOUNT, &token));
	payload = payload_of(t, token);
	assert_int_equal(json_object_object_length(payload), 10);
	assert_string_equal(claim_text(payload, "email"), "Ann@Example.org");
	assert_string_equal(claim_text(payload, "name"), ANN_ACCOUNT.name);
	assert_string_equal(claim_text(payload, "picture"),
			    "https://www.gravatar.com/avatar/"
			    "8b5a6a28fc840441be692d74a81ccd1a&d=monsterid");
	assert_string_equal(claim_text(payload, "sub"), ANN);
	assert_string_equal(claim_text(payload, "iss"), "actd-test");
	assert_true(crypto_is_uuid(claim_text(payload, "jti")));
	assert_int_equal(claim_number(payload, "exp") -
				 claim_number(payload, "iat"),
			 3600);
	assert_int_equal(claim_number(payload, "nbf"),
			 claim_number(payload, "iat"));
	assert_int_equal(claim_number(payload, "auth_version"), 7);
}

static void
a_plain_token_verifies(void **state)
{
	assert_true(payload_verifies(*state, ""));
	assert_true(payload_verifies(*state, ",\"auth_version\":3"));
	assert_true(payload_verifies(*state, ",\"x\":[1,{\"y\":null}]"));
}

/* A01 */
static void
no_spelling_of_none_is_an_algorithm(void **state)
{
	static const char *const names[] = { "none", "None", "nOnE", "" };
	struct accounts *t = *state;
	const char *payload = payload_with(t->arena, "");

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *head = arena_printf(
			t->arena, "{\"alg\":\"%s\",\"typ\":\"JWT\"}", names[i]);
		const char *token = forge_with(t->arena, EVP_sha256(), SECRET,
					       head, payload);
		char *bare = arena_strdup(t->arena, token);

		assert_false(verifies(t, token));
		strrchr(bare, '.')[1] = '\0';
		assert_false(verifies(t, bare));
		*strrchr(bare, '.') = '\0';
		assert_false(verifies(t, bare));
	}
}

/* A02, A03 */
static void
only_hs256_with_our_key_is_accepted(void **state)
{
	static const char *const heads[] = {
		"{\"alg\":\"HS384\"}",
		"{\"alg\":\"HS512\"}",
		"{\"alg\":\"RS256\"}",
		"{\"alg\":\"ES256\"}",
		"{\"alg\":\"hs256\"}",
		"{\"typ\":\"JWT\"}",
		"{\"alg\":[\"HS256\"]}",
		"{\"alg\":\"RS256\",\"alg\":\"HS256\"}",
		"{\"alg\":\"HS256\",\"alg\":\"HS256\"}",
		"{\"alg\":\"HS256\",\"crit\":[\"exp\"]}",
		"[]",
		"",
	};
	struct accounts *t = *state;
	const char *payload = payload_with(t->arena, "");

	for (size_t i = 0; i < ARRAY_SIZE(heads); i++)
		assert_false(
			verifies(t, forge_with(t->arena, EVP_sha256(), SECRET,
					       heads[i], payload)));
	assert_false(verifies(t, forge_with(t->arena, EVP_sha384(), SECRET,
					    "{\"alg\":\"HS384\"}", payload)));
	assert_false(verifies(t, forge_with(t->arena, EVP_sha512(), SECRET,
					    "{\"alg\":\"HS512\"}", payload)));
	assert_false(verifies(t, forge_with(t->arena, EVP_sha256(), SECRET "x",
					    HS256, payload)));
	assert_false(verifies(
		t, forge_with(t->arena, EVP_sha256(), "", HS256, payload)));
}

/* A04: there is one key, so no header chooses another. */
static void
headers_that_name_keys_change_nothing(void **state)
{
	struct accounts *t = *state;
	const char *payload = payload_with(t->arena, "");
	const char *head = "{\"alg\":\"HS256\",\"kid\":\"../../dev/null\","
			   "\"jku\":\"http://127.0.0.1:1/\"}";

	assert_false(verifies(
		t, forge_with(t->arena, EVP_sha256(), "", head, payload)));
	assert_true(verifies(
		t, forge_with(t->arena, EVP_sha256(), SECRET, head, payload)));
}

/* A05 */
static void
an_expiry_is_needed_and_must_be_ahead(void **state)
{
	static const char *const broken[] = {
		"",
		",\"exp\":null",
		",\"exp\":\"99999999999\"",
		",\"exp\":-1",
		",\"exp\":1e308",
		",\"exp\":99999999999999999999",
		",\"exp\":true",
		",\"exp\":[1]",
		",\"exp\":1500000000",
	};
	struct accounts *t = *state;
	long long now = time(NULL);

	for (size_t i = 0; i < ARRAY_SIZE(broken); i++)
		assert_false(
			verifies(t, forge(t->arena,
					  arena_printf(t->arena,
						       "{\"iss\":\"actd-test\","
						       "\"sub\":\"" ANN "\"%s}",
						       broken[i]))));
	for (int late = 0; late < 2; late++)
		assert_int_equal(
			verifies(t,
				 forge(t->arena,
				       arena_printf(t->arena,
						    "{\"iss\":\"actd-test\","
						    "\"sub\":\"" ANN
						    "\",\"exp\":%lld.5}",
						    now - (late ? 62 : 55)))),
			!late);
}

static void
assert_times(struct accounts *t, const char *form, bool good)
{
	assert_int_equal(payload_verifies(t, form), good);
}

static void
a_token_from_the_future_is_refused(void **state)
{
	struct accounts *t = *state;
	long long now = time(NULL);

	for (int i = 0; i < 2; i++) {
		const char *name = i ? "iat" : "nbf";

		assert_times(t,
			     arena_printf(t->arena, ",\"%s\":%lld", name,
					  now + 3600),
			     false);
		assert_times(
			t,
			arena_printf(t->arena, ",\"%s\":%lld", name, now + 50),
			true);
		assert_times(t,
			     arena_printf(t->arena, ",\"%s\":%lld", name,
					  now - 3600),
			     true);
		assert_times(t, arena_printf(t->arena, ",\"%s\":null", name),
			     false);
	}
	assert_times(t, ",\"nbf\":\"2018-04-21T10:00:00Z\"", false);
}

static void
daptins_textual_iat_is_read(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
		{ "2018-04-21T10:00:00Z", true },
		{ "2018-04-21T15:30:00.123456789+05:30", true },
		{ "2018-04-21T10:00:00.1-07:00", true },
		{ "2199-04-21T10:00:00Z", false },
		{ "2018-04-21T10:00:00", false },
		{ "2018-04-21T10:00:00.Z", false },
		{ "2018-04-21", false },
		{ "yesterday", false },
		{ "", false },
		{ "2018-04-21T10:00:00Z ", false },
	};
	struct accounts *t = *state;
	char text[64];
	time_t soon = time(NULL) + 1800;
	struct tm tm;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_times(t,
			     arena_printf(t->arena, ",\"iat\":\"%s\"",
					  cases[i].text),
			     cases[i].good);
	/* half an hour ahead, or behind if one reads over the zone */
	gmtime_r(&soon, &tm);
	strftime(text, sizeof text, ",\"iat\":\"%Y-%m-%dT%H:%M:%S", &tm);
	assert_times(t, arena_printf(t->arena, "%sZ\"", text), false);
	assert_times(t, arena_printf(t->arena, "%s+01:00\"", text), true);
	assert_times(t, arena_printf(t->arena, "%s-01:00\"", text), false);
}

/* A06 */
static void
issuer_and_subject_must_be_ours(void **state)
{
	static const char *const payloads[] = {
		"{\"exp\":99999999999,\"sub\":\"" ANN "\"}",
		"{\"exp\":99999999999,\"sub\":\"" ANN "\",\"iss\":\"other\"}",
		"{\"exp\":99999999999,\"sub\":\"" ANN
		"\",\"iss\":[\"actd-test\"]}",
		"{\"exp\":99999999999,\"iss\":\"actd-test\"}",
		"{\"exp\":99999999999,\"iss\":\"actd-test\",\"sub\":\"ann\"}",
		"{\"exp\":99999999999,\"iss\":\"actd-test\",\"sub\":[\"" ANN
		"\"]}",
		"{\"exp\":99999999999,\"iss\":\"actd-test\",\"sub\":\"" ANN
		" \"}",
		"{\"exp\":99999999999,\"iss\":\"actd-test\",\"sub\":\"" ANN
		"\",\"aud\":\"other\"}",
		"{\"exp\":99999999999,\"iss\":\"actd-test\",\"sub\":\"" ANN
		"\",\"auth_version\":\"1\"}",
		"{\"exp\":99999999999,\"iss\":\"actd-test\",\"sub\":\"" BOB
		"\",\"sub\":\"" ANN "\"}",
		"{\"exp\":1,\"exp\":99999999999,\"iss\":\"actd-test\",\"sub\":"
		"\"" ANN "\"}",
		"[]",
		"null",
		"{",
		"",
	};
	struct accounts *t = *state;

	assert_true(verifies(t, forge(t->arena,
				      "{\"exp\":99999999999,\"sub\":\"" ANN
				      "\",\"iss\":\"actd-test\"}")));
	for (size_t i = 0; i < ARRAY_SIZE(payloads); i++)
		assert_false(verifies(t, forge(t->arena, payloads[i])));
}

/* A07 */
static void
a_broken_form_is_refused(void **state)
{
	static const char *const forms[] = {
		"%s=",	"%s.",	    ".%s", "%s ", " %s",  "%s.a",
		"%s..", "%s.a.b.c", "%s+", "%s/", "%s\n", "%s%%",
	};
	struct accounts *t = *state;
	const char *good = forge(t->arena, payload_with(t->arena, ""));
	char *cut;

	assert_true(verifies(t, good));
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		struct strbuf buf;
		const char *place = strstr(forms[i], "%s");

		strbuf_init(&buf, t->arena);
		strbuf_add(&buf, forms[i], (size_t)(place - forms[i]));
		strbuf_puts(&buf, good);
		strbuf_puts(&buf, place + 2);
		assert_false(verifies(t, buf.data));
	}
	for (size_t length = 0; length < strlen(good); length++) {
		cut = arena_strndup(t->arena, good, length);
		assert_false(verifies(t, cut));
	}
}

/* Two texts for one signature would make two tokens of one. */
static void
spare_bits_of_the_signature_must_be_nought(void **state)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnop"
		"qrstuvwxyz0123456789-_";
	struct accounts *t = *state;
	char *token = arena_strdup(t->arena,
				   forge(t->arena, payload_with(t->arena, "")));
	char *last = token + strlen(token) - 1;

	*last = digits[(strchr(digits, *last) - digits) | 1];
	assert_false(verifies(t, token));
}

static void
any_changed_byte_breaks_a_token(void **state)
{
	struct accounts *t = *state;
	const char *good = forge(t->arena, payload_with(t->arena, ""));

	for (size_t i = 0; i < strlen(good); i++) {
		char *bad = arena_strdup(t->arena, good);

		bad[i] = bad[i] == 'A' ? 'B' : 'A';
		assert_false(verifies(t, bad));
	}
}

static void
a_long_token_is_refused_at_once(void **state)
{
	struct accounts *t = *state;
	size_t size = 1 << 20;
	char *filler = arena_alloc(t->arena, size + 1);
	clock_t start;

	memset(filler, 'a', size);
	start = clock();
	assert_false(verifies(t, filler));
	assert_true(clock() - start < CLOCKS_PER_SEC / 100);
	filler[7000] = '\0';
	assert_false(payload_verifies(
		t, arena_printf(t->arena, ",\"x\":\"%s\"", filler)));
	filler[1000] = '\0';
	assert_true(payload_verifies(
		t, arena_printf(t->arena, ",\"x\":\"%s\"", filler)));
}

/* Requests. Variables are given as a list that ends with NULL. */
static struct request *
request_of(struct accounts *t, enum method method, const char *const *variables)
{
	struct request *request = ARENA_NEW(t->arena, struct request);

	*request = (struct request){
		.arena = t->arena,
		.db = t->db,
		.settings = &SETTINGS,
		.shared = ARENA_NEW(t->arena, struct shared),
		.accounts = t->cache,
		.model = &t->model,
		.method = method,
		.variables = variables,
	};
	return request;
}

#define VARIABLES(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* A signature that fails shows that a credential was looked at. */
static int
status_of(struct accounts *t, enum method method, const char *const *variables,
	  bool ignore_bad)
{
	struct request *request = request_of(t, method, variables);
	struct error *error = request_authenticate(request, ignore_bad);

	assert_ptr_equal(request->actor, &actor_guest);
	return error ? error->status : 200;
}

static void
no_token_makes_a_guest(void **state)
{
	static const char *const values[] = {
		"Bearer",	    "Bearer ", "bearer null",
		"BEARER undefined", "",	       "Bearer  null",
	};
	struct accounts *t = *state;

	assert_int_equal(status_of(t, METHOD_POST, VARIABLES("A=b"), false),
			 200);
	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		assert_int_equal(
			status_of(t, METHOD_POST,
				  VARIABLES(arena_printf(
					  t->arena, "HTTP_AUTHORIZATION=%s",
					  values[i])),
				  false),
			200);
}

static void
a_bad_header_is_401_unless_ignored(void **state)
{
	static const char *const values[] = {
		"Bearer x",   "Bearer nul",   "Basic YTpi",
		"Bearernull", "Bearer a.b.c", "Bearer a b",
		"x",	      "Bearer\tnull", "Bearer null null",
	};
	struct accounts *t = *state;

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		const char *variable = arena_printf(
			t->arena, "HTTP_AUTHORIZATION=%s", values[i]);

		assert_int_equal(
			status_of(t, METHOD_GET, VARIABLES(variable), false),
			401);
		assert_int_equal(
			status_of(t, METHOD_GET, VARIABLES(variable), true),
			200);
	}
}

/* A08 */
static void
two_authorizations_are_400(void **state)
{
	struct accounts *t = *state;

	assert_int_equal(status_of(t, METHOD_GET,
				   VARIABLES("HTTP_AUTHORIZATION=Bearer null",
					     "HTTP_AUTHORIZATION=Bearer null"),
				   true),
			 400);
}

static void
the_header_alone_counts_beside_a_cookie(void **state)
{
	struct accounts *t = *state;

	assert_int_equal(status_of(t, METHOD_GET,
				   VARIABLES("HTTP_AUTHORIZATION=Bearer null",
					     "HTTP_COOKIE=token=bad"),
				   false),
			 200);
	assert_int_equal(status_of(t, METHOD_GET,
				   VARIABLES("HTTP_COOKIE=token=bad"), false),
			 401);
}

static void
only_the_cookie_called_token_is_read(void **state)
{
	static const struct {
		const char *cookie;
		int status;
	} cases[] = {
		{ "a=b; token=bad", 401 }, { "token=bad; a=b", 401 },
		{ "a=b;token=bad", 401 },  { "token=; a=b", 200 },
		{ "token=null", 200 },	   { "token=undefined", 200 },
		{ "xtoken=bad", 200 },	   { "Token=bad", 200 },
		{ "a=token=bad", 200 },	   { "token", 200 },
		{ ";;token=bad", 401 },
	};
	struct accounts *t = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(status_of(t, METHOD_GET,
					   VARIABLES(arena_printf(
						   t->arena, "HTTP_COOKIE=%s",
						   cases[i].cookie)),
					   false),
				 cases[i].status);
}

/* H01, H02. 401: the cookie counted (and was bad); 200: it did not. */
static void
a_cookie_counts_for_our_own_pages_only(void **state)
{
	static const struct {
		const char *site, *origin;
		int read, write, ignoring_write;
	} cases[] = {
		{ NULL, NULL, 401, 403, 200 },
		{ "same-origin", NULL, 401, 401, 200 },
		{ "none", NULL, 401, 401, 200 },
		{ "same-site", NULL, 200, 403, 403 },
		{ "cross-site", NULL, 200, 403, 403 },
		{ NULL, "https://here.org:8443", 401, 401, 200 },
		{ NULL, "https://HERE.org:8443", 401, 401, 200 },
		{ NULL, "http://here.org:8443", 200, 403, 403 },
		{ NULL, "https://here.org", 200, 403, 403 },
		{ NULL, "https://here.org:8443.evil.org", 200, 403, 403 },
		{ NULL, "null", 200, 403, 403 },
		{ "same-origin", "https://evil.org", 200, 403, 403 },
		{ "cross-site", "https://here.org:8443", 200, 403, 403 },
		{ "cross-site", "https://console.example.org", 401, 403, 403 },
		{ NULL, "https://console.example.org.evil", 200, 403, 403 },
	};
	struct accounts *t = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *site = cases[i].site, *origin = cases[i].origin;
		const char *const *variables = VARIABLES(
			"HTTP_COOKIE=token=bad", "REQUEST_SCHEME=https",
			"HTTP_HOST=here.org:8443",
			site ? arena_printf(t->arena, "HTTP_SEC_FETCH_SITE=%s",
					    site)
			     : "A=b",
			origin ? arena_printf(t->arena, "HTTP_ORIGIN=%s",
					      origin)
			       : "A=b");

		assert_int_equal(status_of(t, METHOD_GET, variables, false),
				 cases[i].read);
		assert_int_equal(status_of(t, METHOD_HEAD, variables, false),
				 cases[i].read);
		assert_int_equal(status_of(t, METHOD_GET, variables, true),
				 200);
		assert_int_equal(status_of(t, METHOD_DELETE, variables, false),
				 cases[i].write);
		assert_int_equal(status_of(t, METHOD_POST, variables, true),
				 cases[i].ignoring_write);
	}
}

static void
a_bearer_token_works_from_any_site(void **state)
{
	struct accounts *t = *state;
	const char *const *variables = VARIABLES(
		"HTTP_AUTHORIZATION=Bearer bad", "HTTP_COOKIE=token=bad",
		"HTTP_SEC_FETCH_SITE=cross-site", "HTTP_ORIGIN=https://x.org");

	assert_int_equal(status_of(t, METHOD_POST, variables, false), 401);
}

/* With PostgreSQL */

static const char *
bearer(struct accounts *t, const char *token)
{
	return arena_printf(t->arena, "HTTP_AUTHORIZATION=bEARER %s", token);
}

static const char *
token_of(struct accounts *t, const char *subject, int auth_version)
{
	return forge(t->arena,
		     arena_printf(t->arena,
				  "{\"iss\":\"actd-test\",\"sub\":\"%s\","
				  "\"exp\":99999999999,\"auth_version\":%d}",
				  subject, auth_version));
}

static void
a_good_token_makes_its_account_the_actor(void **state)
{
	struct accounts *t = *state;
	const char *token = token_of(t, ANN, 7);
	struct request *request =
		request_of(t, METHOD_POST, VARIABLES(bearer(t, token)));

	assert_null(request_authenticate(request, false));
	assert_int_equal(request->actor->id, ANN_ID);

	request = request_of(
		t, METHOD_POST,
		VARIABLES(arena_printf(t->arena, "HTTP_COOKIE=token=%s", token),
			  "HTTP_SEC_FETCH_SITE=same-origin"));
	assert_null(request_authenticate(request, false));
	assert_int_equal(request->actor->id, ANN_ID);
}

static void
tokens_of_nobody_and_revoked_ones_are_401(void **state)
{
	struct accounts *t = *state;
	const char *const *nobody =
		VARIABLES(bearer(t, token_of(t, NOBODY, 1)));
	const char *const *revoked = VARIABLES(bearer(t, token_of(t, ANN, 6)));

	assert_int_equal(status_of(t, METHOD_GET, nobody, false), 401);
	assert_int_equal(status_of(t, METHOD_GET, nobody, true), 200);
	assert_int_equal(status_of(t, METHOD_GET, revoked, false), 401);
	assert_int_equal(status_of(t, METHOD_GET, revoked, true), 200);
}

/* A run of one performer, by the account of `auth_version`, or a guest. */
static struct error *
perform(struct accounts *t, const struct performer *performer,
	const char *subject, int auth_version, const char *input,
	struct run *run, struct reply *reply)
{
	static const struct format_limits limits = { 8192, 8, 100 };
	struct request *request =
		request_of(t, METHOD_POST,
			   VARIABLES(subject ? bearer(t, token_of(t, subject,
								  auth_version))
					     : "A=b"));
	struct json_object *value;

	atomic_store(&request->shared->access_generation,
		     (uint64_t)auth_version);
	assert_null(request_authenticate(request, false));
	assert_null(json_read(t->arena, input, strlen(input), &limits, 400,
			      &value));
	*run = (struct run){ .request = request };
	reply_init(reply, t->arena);
	return performer->perform(run, value, reply);
}

static void
give_password(struct accounts *t, const char *password)
{
	char *hash;

	assert_null(crypto_password_hash(t->arena, password, 4, &hash));
	assert_null(db_query(t->db, t->arena,
			     "UPDATE user_account SET password = $1"
			     " WHERE id = 2",
			     PARAMS(hash), NULL));
}

static const char *
item_text(const struct reply *reply, size_t index, const char *name)
{
	assert_true(index < reply->nitems);
	return json_object_get_string(
		json_object_object_get(reply->items[index].attributes, name));
}

static void
signing_in_gives_a_token_that_works(void **state)
{
	struct accounts *t = *state;
	struct token_claims claims;
	struct reply reply;
	struct run run;

	give_password(t, "correct horse");
	assert_null(perform(t, &performer_signin, NULL, 0,
			    "{\"email\":\"ANN@example.org\","
			    "\"password\":\"correct horse\"}",
			    &run, &reply));
	assert_int_equal(reply.nitems, 4);
	assert_string_equal(reply.items[0].type, "client.store.set");
	assert_string_equal(item_text(&reply, 0, "key"), "token");
	assert_null(token_verify(t->arena, &SETTINGS,
				 item_text(&reply, 0, "value"), &claims));
	assert_string_equal(claims.subject, ANN);
	assert_int_equal(claims.auth_version, 7);
	assert_string_equal(reply.items[1].type, "client.cookie.set");
	assert_string_equal(item_text(&reply, 1, "value"),
			    item_text(&reply, 0, "value"));
	assert_string_equal(item_text(&reply, 2, "message"), "Logged in");
	assert_string_equal(reply.items[3].type, "client.redirect");
	assert_string_equal(item_text(&reply, 3, "delay"), "2000");
}

static struct error *
sign_in(struct accounts *t, const char *input)
{
	struct reply reply;
	struct run run;
	struct error *error =
		perform(t, &performer_signin, NULL, 0, input, &run, &reply);

	assert_int_equal(reply.nitems, 0);
	assert_non_null(error);
	return error;
}

static void
wrong_and_unknown_have_one_answer(void **state)
{
	static const char *const inputs[] = {
		"{\"email\":\"ann@example.org\",\"password\":\"wrong\"}",
		"{\"email\":\"nobody@example.org\",\"password\":\"wrong\"}",
		/* has no password */
		"{\"email\":\"guest@cms.go\",\"password\":\"x\"}",
	};
	struct accounts *t = *state;

	give_password(t, "correct horse");
	for (size_t i = 0; i < ARRAY_SIZE(inputs); i++) {
		struct error *error = sign_in(t, inputs[i]);

		assert_int_equal(error->status, 401);
		assert_string_equal(error->code, "wrong-credentials");
		assert_string_equal(error->detail,
				    "Invalid username or password");
	}
}

/* A15 */
static void
what_can_be_no_password_is_400(void **state)
{
	static const char *const passwords[] = {
		"\"\"",
		"null",
		"1234",
		"[\"x\"]",
		"\"1234567890123456789012345678901234567890"
		"123456789012345678901234567890123\"",
	};
	struct accounts *t = *state;

	for (size_t i = 0; i < ARRAY_SIZE(passwords); i++)
		assert_int_equal(
			sign_in(t, arena_printf(t->arena,
						"{\"email\":\"ann@example."
						"org\",\"password\":%s}",
						passwords[i]))
				->status,
			400);
	assert_int_equal(sign_in(t, "{\"password\":\"x\"}")->status, 400);
	assert_int_equal(sign_in(t, "{\"email\":\"x\"}")->status, 400);
}

static void
claiming_works_once_and_not_for_guests(void **state)
{
	struct accounts *t = *state;
	struct reply reply;
	struct error *error;
	struct run run;

	error = perform(t, &performer_become_admin, NULL, 0, "{}", &run,
			&reply);
	assert_int_equal(error->status, 403);
	assert_null(perform(t, &performer_become_admin, ANN, 7, "{}", &run,
			    &reply));
	assert_true(run.model_changed && run.access_changed);
	assert_int_equal(reply.nitems, 1);
	assert_string_equal(reply.items[0].type, "client.redirect");
	assert_string_equal(item_text(&reply, 0, "location"), "/");
	assert_string_equal(item_text(&reply, 0, "delay"), "0");
	error = perform(t, &performer_become_admin, BOB, 1, "{}", &run, &reply);
	assert_int_equal(error->status, 403);
	assert_string_equal(error->code, "already-claimed");
	assert_false(run.model_changed || run.access_changed);
}

static void
a_changed_password_revokes_and_keeps_the_caller_in(void **state)
{
	struct accounts *t = *state;
	struct token_claims claims;
	struct reply reply;
	struct run run;

	give_password(t, "correct horse");
	assert_null(perform(t, &performer_change_password, ANN, 7,
			    "{\"current_password\":\"correct horse\","
			    "\"password\":\"battery staple\"}",
			    &run, &reply));
	assert_true(run.access_changed);
	assert_int_equal(reply.nitems, 3);
	assert_null(token_verify(t->arena, &SETTINGS,
				 item_text(&reply, 0, "value"), &claims));
	assert_int_equal(claims.auth_version, 8);
	assert_null(perform(t, &performer_signin, ANN, 8,
			    "{\"email\":\"ann@example.org\","
			    "\"password\":\"battery staple\"}",
			    &run, &reply));
	assert_int_equal(status_of(t, METHOD_GET,
				   VARIABLES(bearer(t, token_of(t, ANN, 7))),
				   false),
			 401);
}

static void
a_password_changes_only_with_the_current_one(void **state)
{
	struct accounts *t = *state;
	struct error *error;
	struct reply reply;
	struct run run;

	give_password(t, "correct horse");
	error = perform(t, &performer_change_password, ANN, 7,
			"{\"current_password\":\"wrong horse\","
			"\"password\":\"battery staple\"}",
			&run, &reply);
	assert_int_equal(error->status, 401);
	assert_int_equal(reply.nitems, 0);
	error = perform(t, &performer_change_password, NULL, 0,
			"{\"current_password\":\"correct horse\","
			"\"password\":\"battery staple\"}",
			&run, &reply);
	assert_int_equal(error->status, 403);
	assert_null(perform(t, &performer_signin, NULL, 0,
			    "{\"email\":\"ann@example.org\","
			    "\"password\":\"correct horse\"}",
			    &run, &reply));
}

#define TEST(function)                                                         \
	cmocka_unit_test_setup_teardown(function, accounts_setup,              \
					accounts_teardown)

static const struct CMUnitTest plain_tests[] = {
	TEST(an_issued_token_verifies),
	TEST(an_issued_token_has_all_claims),
	TEST(a_plain_token_verifies),
	TEST(no_spelling_of_none_is_an_algorithm),
	TEST(only_hs256_with_our_key_is_accepted),
	TEST(headers_that_name_keys_change_nothing),
	TEST(an_expiry_is_needed_and_must_be_ahead),
	TEST(a_token_from_the_future_is_refused),
	TEST(daptins_textual_iat_is_read),
	TEST(issuer_and_subject_must_be_ours),
	TEST(a_broken_form_is_refused),
	TEST(spare_bits_of_the_signature_must_be_nought),
	TEST(any_changed_byte_breaks_a_token),
	TEST(a_long_token_is_refused_at_once),
	TEST(no_token_makes_a_guest),
	TEST(a_bad_header_is_401_unless_ignored),
	TEST(two_authorizations_are_400),
	TEST(the_header_alone_counts_beside_a_cookie),
	TEST(only_the_cookie_called_token_is_read),
	TEST(a_cookie_counts_for_our_own_pages_only),
	TEST(a_bearer_token_works_from_any_site),
};

static const struct CMUnitTest database_tests[] = {
	TEST(a_good_token_makes_its_account_the_actor),
	TEST(tokens_of_nobody_and_revoked_ones_are_401),
	TEST(signing_in_gives_a_token_that_works),
	TEST(wrong_and_unknown_have_one_answer),
	TEST(what_can_be_no_password_is_400),
	TEST(claiming_works_once_and_not_for_guests),
	TEST(a_changed_password_revokes_and_keeps_the_caller_in),
	TEST(a_password_changes_only_with_the_current_one),
};

int
main(void)
{
	int failed = cmocka_run_group_tests(plain_tests, NULL, NULL);

	if (getenv("ACTD_DATABASE"))
		failed += cmocka_run_group_tests(database_tests, NULL, NULL);
	return failed;
}
