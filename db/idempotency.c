/*
 * idempotency.c: table actd_idempotency (sql/functions.sql). The claim is an
 * INSERT: the unique index makes a second request wait for the first.
 */
#include "db/idempotency.h"

#include <string.h>

/* A key that is over its time is as good as new. */
static const char CLAIM[] =
	"INSERT INTO actd_idempotency AS k (account, key, request) "
	"VALUES ($1::bigint, $2, $3) ON CONFLICT (account, key) DO UPDATE "
	"SET request = EXCLUDED.request, created_at = now(), status = NULL, "
	"content_type = NULL, location = NULL, entity_tag = NULL, body = NULL "
	"WHERE k.created_at < now() - make_interval(hours => $4::integer) "
	"RETURNING 1";

static const char READ[] =
	"SELECT request, status, content_type, location, entity_tag, body "
	"FROM actd_idempotency WHERE account = $1::bigint AND key = $2";

static const char KEEP[] =
	"UPDATE actd_idempotency SET status = $3::integer, "
	"content_type = $4, location = $5, entity_tag = $6, body = $7 "
	"WHERE account = $1::bigint AND key = $2";

static struct error *
read_kept(struct db *db, struct arena *arena, const char *account,
	  const char *key, const char *request, struct kept_answer **kept)
{
	struct rows *rows;
	struct error *error;

	error = db_query(db, arena, READ, PARAMS(account, key), &rows);
	if (error)
		return error;
	if (!rows_count(rows))
		return error_new(arena, 409, "retry",
				 "Another request with this Idempotency-Key "
				 "came in between. Please try again.");
	if (strcmp(rows_text(rows, 0, 0), request))
		return error_new(arena, 422, "idempotency-key-reused",
				 "This Idempotency-Key came with another "
				 "request before.");
	*kept = ARENA_NEW(arena, struct kept_answer);
	(*kept)->status = (int)rows_integer(rows, 0, 1);
	(*kept)->content_type = rows_text(rows, 0, 2);
	(*kept)->location = rows_text(rows, 0, 3);
	(*kept)->entity_tag = rows_text(rows, 0, 4);
	(*kept)->body = rows_text(rows, 0, 5);
	return NULL;
}

struct error *
idempotency_claim(struct db *db, struct arena *arena, int64_t account,
		  const char *key, const char *request, int64_t hours,
		  struct kept_answer **kept)
{
	const char *owner = arena_integer(arena, account);
	struct rows *rows;
	struct error *error;

	*kept = NULL;
	db_begin(db);
	error = db_query(
		db, arena, CLAIM,
		PARAMS(owner, key, request, arena_integer(arena, hours)),
		&rows);
	if (error || rows_count(rows))
		return error;
	return read_kept(db, arena, owner, key, request, kept);
}

struct error *
idempotency_keep(struct db *db, struct arena *arena, int64_t account,
		 const char *key, const struct kept_answer *answer)
{
	return db_query(db, arena, KEEP,
			PARAMS(arena_integer(arena, account), key,
			       arena_integer(arena, answer->status),
			       answer->content_type, answer->location,
			       answer->entity_tag, answer->body),
			NULL);
}
