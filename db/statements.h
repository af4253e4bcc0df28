/*
 * statements.h: which statements a connection has prepared, the one used
 * longest ago first. Only remembers: the server is told by db.c.
 */
#ifndef ACTD_STATEMENTS_H
#define ACTD_STATEMENTS_H

#include <stddef.h>
#include <stdint.h>

#define STATEMENTS_BUCKETS 1024

/* A statement that the server has prepared under the name "s<number>". */
struct statement {
	struct statement *next; /* in its bucket */
	struct statement *newer, *older;
	uint64_t hash;
	unsigned number; /* never given twice by one connection */
	char text[];
};

/* Zeroed memory is an empty cache. */
struct statements {
	struct statement *buckets[STATEMENTS_BUCKETS];
	struct statement *newest, *oldest;
	size_t count;
	unsigned next_number;
};

/* The statement of a text, which becomes the newest; NULL: none. */
struct statement *statements_find(struct statements *cache, const char *sql);

/* Adds a statement, as the newest, whose text is not there. */
struct statement *statements_remember(struct statements *cache,
				      const char *sql);

/* Frees a statement of the cache, or all of them; numbers go on. */
void statements_forget(struct statements *cache, struct statement *statement);
void statements_forget_all(struct statements *cache);

#endif
