/*
 * idempotency.h: answers that are kept under a client's Idempotency-Key, so
 * that a request sent again is answered again and does nothing twice. A key
 * lives 24 hours (wire/decisions.md, "Retention") and belongs to one account.
 */
#ifndef ACTD_IDEMPOTENCY_H
#define ACTD_IDEMPOTENCY_H

#include "db/db.h"

/* A kept answer. Texts are NULL where the header or body was absent. */
struct kept_answer {
	int status;
	const char *content_type;
	const char *location;
	const char *entity_tag;
	const char *body;
};

/*
 * Claims `key` for the request whose digest is `request` (method, path and
 * body), in the caller's transaction. `*kept` is NULL where the key is new:
 * the caller does the work and keeps its answer before it commits. Where the
 * same request was done, `*kept` is its answer; a second one at the same time
 * waits here for the first. A key is forgotten after so many `hours`. 422
 * "idempotency-key-reused" where the key came with another request.
 */
struct error *idempotency_claim(struct db *db, struct arena *arena,
				int64_t account, const char *key,
				const char *request, int64_t hours,
				struct kept_answer **kept) MUST_CHECK;

/* Keeps the answer of a claimed key. */
struct error *idempotency_keep(struct db *db, struct arena *arena,
			       int64_t account, const char *key,
			       const struct kept_answer *answer) MUST_CHECK;

#endif
