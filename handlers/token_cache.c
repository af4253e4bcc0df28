/*
 * token_cache.c: tokens that were verified already, one slot per hash: what
 * falls on the same slot replaces it. The whole token is compared, so a hit
 * says as much as a verification, but for the expiry, which is looked at
 * again each time.
 */
#include "handlers/token_cache.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SLOTS 128 /* 2 to the power of 64 - 57 */

struct slot {
	char token[TOKEN_CACHE_MAX + 1]; /* "": empty */
	char subject[37];
	int64_t auth_version;
	double expires;
};

struct token_cache {
	struct slot slots[SLOTS];
};

struct token_cache *
token_cache_new(void)
{
	struct token_cache *cache = calloc(1, sizeof *cache);

	if (!cache)
		abort();
	return cache;
}

void
token_cache_free(struct token_cache *cache)
{
	free(cache);
}

/* The end of a token is its signature: as good as random. */
static struct slot *
slot_of(struct token_cache *cache, const char *token, size_t length)
{
	uint64_t hash;

	memcpy(&hash, token + length - sizeof hash, sizeof hash);
	return &cache->slots[(hash * UINT64_C(0x9e3779b97f4a7c15)) >> 57];
}

bool
token_cache_get(struct token_cache *cache, struct arena *arena,
		const char *token, struct token_claims *claims)
{
	size_t length = strlen(token);
	const struct slot *slot;

	if (!cache || length < sizeof(uint64_t) || length > TOKEN_CACHE_MAX)
		return false;
	slot = slot_of(cache, token, length);
	if (strcmp(slot->token, token) != 0 ||
	    slot->expires <= (double)time(NULL))
		return false;
	claims->subject = arena_strdup(arena, slot->subject);
	claims->auth_version = slot->auth_version;
	claims->expires = slot->expires;
	return true;
}

void
token_cache_put(struct token_cache *cache, const char *token,
		const struct token_claims *claims)
{
	size_t length = strlen(token);
	struct slot *slot;

	if (!cache || length < sizeof(uint64_t) || length > TOKEN_CACHE_MAX ||
	    strlen(claims->subject) >= sizeof slot->subject)
		return;
	slot = slot_of(cache, token, length);
	memcpy(slot->token, token, length + 1);
	strcpy(slot->subject, claims->subject);
	slot->auth_version = claims->auth_version;
	slot->expires = claims->expires;
}
