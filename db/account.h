/*
 * account.h: users and groups as the database holds them: who a token's
 * subject is, signing up, claiming a fresh installation, revoking tokens.
 */
#ifndef ACTD_ACCOUNT_H
#define ACTD_ACCOUNT_H

#include "db/db.h"
#include "db/permission.h"

/* An account as signing in needs it. */
struct account {
	int64_t id;
	const char *reference_id;
	const char *name;
	const char *email;
	const char *password_hash; /* or NULL */
	int64_t auth_version;
};

/* By mail address, in any case; `*account` NULL if there is none. */
struct error *account_by_email(struct db *db, struct arena *arena,
			       const char *email,
			       struct account **account) MUST_CHECK;

/*
 * A cache of actors by reference id, emptied when the access generation
 * moves. Holds at most some thousand, then starts again.
 */
struct account_cache;
struct account_cache *account_cache_new(void);
void account_cache_free(struct account_cache *cache);

/*
 * The actor of a verified token: its account, groups and whether it is an
 * administrator. One statement where the cache has nothing of `generation`.
 * 401 "unknown-user" where there is no such account, 401 "token-revoked" where
 * auth_version differs. The actor lives in `arena`.
 */
struct error *account_actor(struct account_cache *cache, struct db *db,
			    struct arena *arena, const struct model *model,
			    uint64_t generation, const char *reference_id,
			    int64_t auth_version,
			    struct actor **actor) MUST_CHECK;

/*
 * The first administrator (wire/permissions.md section 6 as decided): under a
 * lock of the group's row; `*claimed` false if there is one already. Rows
 * without an owner, or of the account of guests, become `account_id`'s (other
 * accounts their own), open permissions become the locked ones, actions close
 * but for signing in; what has a permission of its own keeps it. In the
 * caller's transaction, which must be open and READ COMMITTED.
 */
struct error *account_claim_installation(struct db *db, struct arena *arena,
					 const struct model *model,
					 int64_t account_id,
					 bool *claimed) MUST_CHECK;

/* Stores a new hash and raises auth_version: all tokens are revoked. */
struct error *account_set_password(struct db *db, struct arena *arena,
				   int64_t account_id,
				   const char *hash) MUST_CHECK;

/* The actor of an account as the database has it now: no cache, no token.
 * 404 where there is none. */
struct error *account_actor_now(struct db *db, struct arena *arena,
				const struct model *model,
				const char *reference_id,
				struct actor **actor) MUST_CHECK;

/*
 * The reference id of the member that `administrators` has had longest, NULL
 * while it has none: whom the operator's command line acts as.
 */
struct error *account_oldest_administrator(struct db *db, struct arena *arena,
					   const struct model *model,
					   const char **id) MUST_CHECK;

#endif
