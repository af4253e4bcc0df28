/*
 * token_cache.h: a worker's memory of tokens that it has verified, so that a
 * client's next request costs no HMAC. Which accounts are in force is not
 * cached here: that is db/account.h's.
 */
#ifndef ACTD_TOKEN_CACHE_H
#define ACTD_TOKEN_CACHE_H

#include "handlers/auth.h"

#define TOKEN_CACHE_MAX 1023 /* bytes; longer ones are verified each time */

/* An empty cache; it belongs to the caller. */
struct token_cache *token_cache_new(void);
void token_cache_free(struct token_cache *cache);

/*
 * Whether exactly this token was verified before and has not expired; then
 * `claims`, in the arena. A NULL cache holds nothing.
 */
bool token_cache_get(struct token_cache *cache, struct arena *arena,
		     const char *token, struct token_claims *claims);

/* Remembers a token that has just been verified. */
void token_cache_put(struct token_cache *cache, const char *token,
		     const struct token_claims *claims);

#endif
