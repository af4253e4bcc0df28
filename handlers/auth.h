/*
 * auth.h: bearer tokens: JWT with HS256, checked whole (wire/decisions.md,
 * "Tokens and passwords"). The only user of libjwt.
 */
#ifndef ACTD_AUTH_H
#define ACTD_AUTH_H

#include "handlers/request.h"

struct token_claims {
	const char *subject;  /* reference id of the account, a UUID */
	int64_t auth_version; /* 0 if the claim is missing */
	double expires;	      /* seconds since 1970 */
};

/*
 * Verifies signature (HS256 only), iss, exp, nbf, iat, sub. 401 "bad-token"
 * for anything else, the same text whatever is wrong.
 */
struct error *token_verify(struct arena *arena, const struct settings *settings,
			   const char *token,
			   struct token_claims *claims) MUST_CHECK;

/* A new token for an account: claims email, name, picture, sub, iss, iat, nbf,
 * exp, jti, auth_version. */
struct error *token_issue(struct arena *arena, const struct settings *settings,
			  const struct account *account,
			  const char **token) MUST_CHECK;

/*
 * Who is calling: reads Authorization, else the cookie `token`, and sets
 * request->actor. "Bearer", "Bearer null" and "Bearer undefined" are no token,
 * and a guest: beside a header the cookie is not looked at. A token that does
 * not verify, or whose account is gone or has revoked it, is 401, but where
 * `ignore_bad` it makes a guest. Two headers are 400.
 *
 * The cookie counts for reads unless they come from another site (listed
 * origins may read), for writes only with Sec-Fetch-Site or Origin saying that
 * our own pages ask: 403 "cross-site" otherwise, where the sign is foreign
 * also with `ignore_bad`.
 */
struct error *request_authenticate(struct request *request,
				   bool ignore_bad) MUST_CHECK;

#endif
