/*
 * statements.c: a hash table by text, and a list by age.
 */
#include "db/statements.h"

#include <stdlib.h>
#include <string.h>

void
statements_forget_all(struct statements *cache)
{
	while (cache->oldest) {
		struct statement *statement = cache->oldest;

		cache->oldest = statement->newer;
		free(statement);
	}
	memset(cache->buckets, 0, sizeof cache->buckets);
	cache->newest = NULL;
	cache->count = 0;
}

/* FNV-1a */
static uint64_t
hash_text(const char *text)
{
	uint64_t hash = UINT64_C(14695981039346656037);

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
	return hash;
}

static void
unlink_by_age(struct statements *cache, struct statement *statement)
{
	if (statement->newer)
		statement->newer->older = statement->older;
	else
		cache->newest = statement->older;
	if (statement->older)
		statement->older->newer = statement->newer;
	else
		cache->oldest = statement->newer;
}

static void
link_as_newest(struct statements *cache, struct statement *statement)
{
	statement->newer = NULL;
	statement->older = cache->newest;
	if (cache->newest)
		cache->newest->newer = statement;
	else
		cache->oldest = statement;
	cache->newest = statement;
}

struct statement *
statements_find(struct statements *cache, const char *sql)
{
	uint64_t hash = hash_text(sql);
	struct statement *statement;

	for (statement = cache->buckets[hash % STATEMENTS_BUCKETS]; statement;
	     statement = statement->next)
		if (statement->hash == hash && !strcmp(statement->text, sql))
			break;
	if (statement && statement != cache->newest) {
		unlink_by_age(cache, statement);
		link_as_newest(cache, statement);
	}
	return statement;
}

void
statements_forget(struct statements *cache, struct statement *statement)
{
	struct statement **link =
		&cache->buckets[statement->hash % STATEMENTS_BUCKETS];

	while (*link != statement)
		link = &(*link)->next;
	*link = statement->next;
	unlink_by_age(cache, statement);
	cache->count--;
	free(statement);
}

struct statement *
statements_remember(struct statements *cache, const char *sql)
{
	uint64_t hash = hash_text(sql);
	size_t length = strlen(sql);
	struct statement *statement = malloc(sizeof *statement + length + 1);

	if (!statement)
		abort();
	memcpy(statement->text, sql, length + 1);
	statement->hash = hash;
	statement->number = cache->next_number++;
	statement->next = cache->buckets[hash % STATEMENTS_BUCKETS];
	cache->buckets[hash % STATEMENTS_BUCKETS] = statement;
	link_as_newest(cache, statement);
	cache->count++;
	return statement;
}
