/*
 * auth.c: who is calling. libjwt checks the signature and nothing else; the
 * algorithm, the form of the token and its claims are checked here, on the
 * text that was signed. Why a token is bad is nobody's business: one answer.
 */
#include "handlers/auth.h"

#include <jwt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "db/base/crypto.h"
#include "handlers/formats/format.h"
#include "handlers/token_cache.h"

enum {
	TOKEN_MAX = 8192, /* bytes */
	LEEWAY_S = 60,	  /* how far the clocks of nodes may differ */
};

/* Times beyond it (the year 9999) are no times. */
static const double TIME_MAX_S = 253402300799.0;

static const char BASE64_URL[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static struct error *
bad_token(struct arena *arena)
{
	return error_new(arena, 401, "bad-token",
			 "The token is not valid: sign in again.");
}

/* One part of a token (RFC 7515 section 2): base64url, no padding. */
static bool
part_decode(struct arena *arena, const char *part, size_t length,
	    unsigned char **out, size_t *out_size)
{
	char *standard = arena_strndup(arena, part, length);

	if (length == 0 || strspn(standard, BASE64_URL) != length)
		return false;
	for (char *c = standard; *c; c++) {
		if (*c == '-')
			*c = '+';
		else if (*c == '_')
			*c = '/';
	}
	return crypto_base64_decode(arena, standard, length, out, out_size);
}

/* A part as a JSON object, in which no member is given twice. */
static bool
part_read(struct arena *arena, const char *part, size_t length,
	  struct json_object **object)
{
	static const struct format_limits limits = {
		.bytes = TOKEN_MAX,
		.depth = 8,
		.nodes = 200,
	};
	unsigned char *text;
	size_t size;

	return part_decode(arena, part, length, &text, &size) &&
	       !json_read(arena, (const char *)text, size, &limits, 401,
			  object) &&
	       json_object_is_type(*object, json_type_object);
}

/* The member as text without NUL, or NULL. */
static const char *
text_member(struct json_object *object, const char *name)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, name, &value) ||
	    !json_object_is_type(value, json_type_string))
		return NULL;

	const char *text = json_object_get_string(value);
	if (strlen(text) != (size_t)json_object_get_string_len(value))
		return NULL;
	return text;
}

static bool
member_is(struct json_object *object, const char *name, const char *text)
{
	const char *value = text_member(object, name);

	return value && !strcmp(value, text);
}

/*
 * Three parts; "HS256" and no other spelling; no extension that would have to
 * be understood (RFC 7515 section 4.1.11). "kid", "jku" and the like are not
 * even read: there is one key.
 */
static bool
token_split(struct arena *arena, const char *token,
	    struct json_object **payload)
{
	const char *first = strchr(token, '.');
	const char *second = first ? strchr(first + 1, '.') : NULL;
	struct json_object *head;
	unsigned char *signature;
	size_t size;

	return second &&
	       part_read(arena, token, (size_t)(first - token), &head) &&
	       member_is(head, "alg", "HS256") &&
	       !json_object_object_get_ex(head, "crit", NULL) &&
	       part_read(arena, first + 1, (size_t)(second - first - 1),
			 payload) &&
	       part_decode(arena, second + 1, strlen(second + 1), &signature,
			   &size);
}

/* A key is always passed: without one libjwt takes "none" for an answer. */
static bool
signature_is_ours(const struct settings *settings, const char *token)
{
	jwt_t *jwt;

	if (jwt_decode(&jwt, token,
		       (const unsigned char *)settings->token_secret,
		       (int)strlen(settings->token_secret)))
		return false;

	bool ours = jwt_get_alg(jwt) == JWT_ALG_HS256;
	jwt_free(jwt);
	return ours;
}

static bool
read_digits(const char **at, int count, int *value)
{
	*value = 0;
	for (int i = 0; i < count; i++, (*at)++) {
		if (**at < '0' || **at > '9')
			return false;
		*value = *value * 10 + (**at - '0');
	}
	return true;
}

static bool
read_literal(const char **at, char c)
{
	if (**at != c)
		return false;
	(*at)++;
	return true;
}

/* "Z", "+02:00": seconds east of Greenwich. */
static bool
read_zone(const char **at, int *seconds)
{
	int sign = **at == '-' ? -1 : 1, hours, minutes;

	*seconds = 0;
	if (read_literal(at, 'Z'))
		return true;
	if (!read_literal(at, '+') && !read_literal(at, '-'))
		return false;
	if (!read_digits(at, 2, &hours) || !read_literal(at, ':') ||
	    !read_digits(at, 2, &minutes))
		return false;
	*seconds = sign * (hours * 3600 + minutes * 60);
	return true;
}

/* RFC 3339, as Daptin writes "iat". Fractions are read over. */
static bool
read_time(const char *text, double *seconds)
{
	const char *at = text;
	struct tm tm = { 0 };
	int zone;

	if (!read_digits(&at, 4, &tm.tm_year) || !read_literal(&at, '-') ||
	    !read_digits(&at, 2, &tm.tm_mon) || !read_literal(&at, '-') ||
	    !read_digits(&at, 2, &tm.tm_mday) || !read_literal(&at, 'T') ||
	    !read_digits(&at, 2, &tm.tm_hour) || !read_literal(&at, ':') ||
	    !read_digits(&at, 2, &tm.tm_min) || !read_literal(&at, ':') ||
	    !read_digits(&at, 2, &tm.tm_sec))
		return false;
	if (read_literal(&at, '.')) {
		size_t digits = strspn(at, "0123456789");

		if (digits == 0)
			return false;
		at += digits;
	}
	if (!read_zone(&at, &zone) || *at)
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	*seconds = (double)(timegm(&tm) - zone);
	return true;
}

/* NumericDate of RFC 7519; with `allow_text` also Daptin's text. */
static bool
time_read(struct json_object *value, bool allow_text, double *seconds)
{
	if (allow_text && json_object_is_type(value, json_type_string))
		return read_time(json_object_get_string(value), seconds);
	if (!json_object_is_type(value, json_type_int) &&
	    !json_object_is_type(value, json_type_double))
		return false;
	*seconds = json_object_get_double(value);
	return isfinite(*seconds) && *seconds >= 0 && *seconds <= TIME_MAX_S;
}

/* exp must be there and not over; nbf and iat, where given, have come. */
static bool
times_hold(struct json_object *payload, double *expires)
{
	double now = (double)time(NULL), seconds;
	struct json_object *value;

	if (!json_object_object_get_ex(payload, "exp", &value) ||
	    !time_read(value, false, expires) || *expires + LEEWAY_S <= now)
		return false;
	if (json_object_object_get_ex(payload, "nbf", &value) &&
	    (!time_read(value, false, &seconds) || seconds > now + LEEWAY_S))
		return false;
	if (json_object_object_get_ex(payload, "iat", &value) &&
	    (!time_read(value, true, &seconds) || seconds > now + LEEWAY_S))
		return false;
	return true;
}

/* A token for an audience (RFC 7519 section 4.1.3) is for somebody else. */
static bool
claims_hold(const struct settings *settings, struct json_object *payload,
	    struct token_claims *claims)
{
	struct json_object *version;

	claims->auth_version = 0;
	if (json_object_object_get_ex(payload, "auth_version", &version)) {
		if (!json_object_is_type(version, json_type_int))
			return false;
		claims->auth_version = json_object_get_int64(version);
	}
	claims->subject = text_member(payload, "sub");
	return claims->subject && crypto_is_uuid(claims->subject) &&
	       member_is(payload, "iss", settings->token_issuer) &&
	       !json_object_object_get_ex(payload, "aud", NULL) &&
	       times_hold(payload, &claims->expires);
}

struct error *
token_verify(struct arena *arena, const struct settings *settings,
	     const char *token, struct token_claims *claims)
{
	struct json_object *payload;

	if (strnlen(token, TOKEN_MAX + 1) > TOKEN_MAX ||
	    !token_split(arena, token, &payload) ||
	    !signature_is_ours(settings, token) ||
	    !claims_hold(settings, payload, claims))
		return bad_token(arena);
	return NULL;
}

/* Daptin's picture: its first separator really is "&". */
static char *
picture_of(struct arena *arena, const char *email)
{
	char *lower = arena_strdup(arena, email);

	for (char *c = lower; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	return arena_printf(arena,
			    "https://www.gravatar.com/avatar/%s&d=monsterid",
			    crypto_md5_hex(arena, lower, strlen(lower)));
}

static void
add_text(struct json_object *claims, const char *name, const char *value)
{
	json_object_object_add(claims, name,
			       json_object_new_string(value ? value : ""));
}

static void
add_integer(struct json_object *claims, const char *name, int64_t value)
{
	json_object_object_add(claims, name, json_object_new_int64(value));
}

static struct json_object *
claims_of(struct arena *arena, const struct settings *settings,
	  const struct account *account)
{
	struct json_object *claims = json_object_new_object();
	int64_t now = (int64_t)time(NULL);
	char id[37];

	arena_defer(arena, json_release, claims);
	crypto_uuid(id);
	add_text(claims, "email", account->email);
	add_text(claims, "name", account->name);
	add_text(claims, "picture",
		 picture_of(arena, account->email ? account->email : ""));
	add_text(claims, "sub", account->reference_id);
	add_text(claims, "iss", settings->token_issuer);
	add_integer(claims, "iat", now);
	add_integer(claims, "nbf", now);
	add_integer(claims, "exp", now + settings->token_seconds);
	add_text(claims, "jti", id);
	add_integer(claims, "auth_version", account->auth_version);
	return claims;
}

/* The signed text in the arena, NULL where libjwt fails. */
static const char *
sign(struct arena *arena, const struct settings *settings,
     struct json_object *claims)
{
	const char *secret = settings->token_secret;
	char *signed_text = NULL;
	const char *token;
	jwt_t *jwt;

	if (jwt_new(&jwt))
		return NULL;
	if (!jwt_set_alg(jwt, JWT_ALG_HS256, (const unsigned char *)secret,
			 (int)strlen(secret)) &&
	    !jwt_add_grants_json(jwt, json_object_to_json_string(claims)))
		signed_text = jwt_encode_str(jwt);
	token = arena_strdup(arena, signed_text);
	free(signed_text);
	jwt_free(jwt);
	return token;
}

struct error *
token_issue(struct arena *arena, const struct settings *settings,
	    const struct account *account, const char **token)
{
	*token = sign(arena, settings, claims_of(arena, settings, account));
	if (!*token)
		return error_internal(arena, "can't sign a token");
	return NULL;
}

/* What a request brings to say who sends it. */
enum credential_kind {
	CREDENTIAL_NONE,
	CREDENTIAL_TOKEN,
	CREDENTIAL_BAD,	      /* a scheme that is not ours */
	CREDENTIAL_UNPROVEN,  /* a write by cookie, without a sign whose */
	CREDENTIAL_CROSS_SITE /* a write by cookie, from another site */
};

struct credential {
	enum credential_kind kind;
	const char *token;
};

static bool
is_no_token(const char *token)
{
	return !*token || !strcmp(token, "null") || !strcmp(token, "undefined");
}

/* RFC 9110 section 11.1: the scheme in any case, then blanks, then ours. */
static struct credential
credential_of_header(const char *header)
{
	static const char scheme[] = "bearer";
	size_t length = strcspn(header, " ");
	const char *token = header + length + strspn(header + length, " ");

	if (length != sizeof scheme - 1 || strncasecmp(header, scheme, length))
		return (struct credential){ CREDENTIAL_BAD, NULL };
	if (is_no_token(token))
		return (struct credential){ CREDENTIAL_NONE, NULL };
	return (struct credential){ CREDENTIAL_TOKEN, token };
}

/* The first cookie `token` (RFC 6265 section 4.2.1), NULL if there is none. */
static const char *
cookie_token(const struct request *request)
{
	static const char name[] = "token=";
	const char *at = request_variable(request, "HTTP_COOKIE");

	while (at) {
		at += strspn(at, " \t");
		if (!strncmp(at, name, sizeof name - 1)) {
			at += sizeof name - 1;
			return arena_strndup(request->arena, at,
					     strcspn(at, "; \t"));
		}
		at = strchr(at, ';');
		if (at)
			at++;
	}
	return NULL;
}

enum provenance { PROVENANCE_UNKNOWN, PROVENANCE_OURS, PROVENANCE_FOREIGN };

static enum provenance
provenance_by_site(const char *site)
{
	if (!site)
		return PROVENANCE_UNKNOWN;
	if (!strcmp(site, "same-origin") || !strcmp(site, "none"))
		return PROVENANCE_OURS;
	return PROVENANCE_FOREIGN;
}

/* Scheme and host that the request came to, as a browser writes an origin. */
static const char *
own_origin(const struct request *request)
{
	const char *scheme = request_variable(request, "REQUEST_SCHEME");
	const char *https = request_variable(request, "HTTPS");
	const char *host = request_variable(request, "HTTP_HOST");

	if (!host)
		return "";
	if (!scheme)
		scheme = https && !strcasecmp(https, "on") ? "https" : "http";
	return arena_printf(request->arena, "%s://%s", scheme, host);
}

static enum provenance
provenance_by_origin(const struct request *request, const char *origin)
{
	if (!origin)
		return PROVENANCE_UNKNOWN;
	return strcasecmp(origin, own_origin(request)) ? PROVENANCE_FOREIGN
						       : PROVENANCE_OURS;
}

/* Both signs are the browser's; one that says "foreign" is enough. */
static enum provenance
provenance_of(const struct request *request)
{
	enum provenance site = provenance_by_site(
		request_variable(request, "HTTP_SEC_FETCH_SITE"));
	enum provenance origin = provenance_by_origin(
		request, request_variable(request, "HTTP_ORIGIN"));

	if (site == PROVENANCE_FOREIGN || origin == PROVENANCE_FOREIGN)
		return PROVENANCE_FOREIGN;
	return site == PROVENANCE_OURS ? site : origin;
}

/* An origin that the configuration trusts with credentials. */
static bool
is_listed_origin(const struct request *request)
{
	const char *origin = request_variable(request, "HTTP_ORIGIN");
	const char *const *listed = request->settings->cors_origins;

	for (; origin && listed && *listed; listed++)
		if (!strcasecmp(*listed, origin))
			return true;
	return false;
}

static bool
method_is_safe(enum method method)
{
	return method == METHOD_GET || method == METHOD_HEAD ||
	       method == METHOD_OPTIONS;
}

/*
 * A browser sends the cookie whoever made it ask. So a write needs a sign
 * that our own pages did; a read only must not have come from others, since
 * browsers send no sign with plain reads over http.
 */
static struct credential
credential_of_cookie(const struct request *request)
{
	const char *token = cookie_token(request);
	enum provenance provenance = provenance_of(request);
	bool safe = method_is_safe(request->method);

	if (!token || is_no_token(token))
		return (struct credential){ CREDENTIAL_NONE, NULL };
	if (provenance == PROVENANCE_OURS ||
	    (safe &&
	     (provenance == PROVENANCE_UNKNOWN || is_listed_origin(request))))
		return (struct credential){ CREDENTIAL_TOKEN, token };
	if (safe)
		return (struct credential){ CREDENTIAL_NONE, NULL };
	if (provenance == PROVENANCE_UNKNOWN)
		return (struct credential){ CREDENTIAL_UNPROVEN, NULL };
	return (struct credential){ CREDENTIAL_CROSS_SITE, NULL };
}

static size_t
count_authorizations(const struct request *request)
{
	static const char name[] = "HTTP_AUTHORIZATION=";
	const char *const *variable = request->variables;
	size_t count = 0;

	for (; variable && *variable; variable++)
		count += !strncmp(*variable, name, sizeof name - 1);
	return count;
}

static struct error *
authenticate(struct request *request, const char *token)
{
	struct token_claims claims;
	struct actor *actor;
	struct error *error;

	if (!token_cache_get(request->tokens, request->arena, token, &claims)) {
		error = token_verify(request->arena, request->settings, token,
				     &claims);
		if (error)
			return error;
		token_cache_put(request->tokens, token, &claims);
	}
	error = account_actor(request->accounts, request->db, request->arena,
			      request->model,
			      atomic_load(&request->shared->access_generation),
			      claims.subject, claims.auth_version, &actor);
	if (error)
		return error;
	request->actor = actor;
	return NULL;
}

static struct error *
cross_site(struct request *request)
{
	return error_new(request->arena, 403, "cross-site",
			 "The cookie is not accepted for a change that another "
			 "site asks for: send the token in Authorization.");
}

struct error *
request_authenticate(struct request *request, bool ignore_bad)
{
	const char *header = request_variable(request, "HTTP_AUTHORIZATION");
	struct credential credential;
	struct error *error = NULL;

	request->actor = &actor_guest;
	if (count_authorizations(request) > 1)
		return error_new(request->arena, 400, "two-authorizations",
				 "There is more than one Authorization.");
	credential = header ? credential_of_header(header)
			    : credential_of_cookie(request);
	switch (credential.kind) {
	case CREDENTIAL_NONE:
		return NULL;
	case CREDENTIAL_UNPROVEN:
		return ignore_bad ? NULL : cross_site(request);
	case CREDENTIAL_CROSS_SITE:
		return cross_site(request);
	case CREDENTIAL_BAD:
		error = bad_token(request->arena);
		break;
	case CREDENTIAL_TOKEN:
		error = authenticate(request, credential.token);
		break;
	}
	return ignore_bad && error && error->status == 401 ? NULL : error;
}
