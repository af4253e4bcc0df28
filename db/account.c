/*
 * account.c: who a token's subject is, what groups he is in, and the changes
 * to accounts that no plain write may make: a new password with all tokens
 * revoked, and the claim of a fresh installation. Hashing is the caller's.
 */
#include "db/account.h"

#include <stdlib.h>
#include <string.h>

#include "db/base/crypto.h"

enum {
	CACHE_BUCKETS = 2048, /* a power of two */
	CACHE_ENTRIES_MAX = 4096,
};

/* An actor as the cache keeps it, all of it in the cache's arena. */
struct entry {
	struct entry *next; /* in the same bucket */
	struct actor actor;
	int64_t auth_version;
};

struct account_cache {
	struct arena *arena;
	uint64_t generation; /* of which the entries are */
	size_t nentries;
	struct entry *buckets[CACHE_BUCKETS];
};

/* The mail address is unique as written; in any case there may be several in
 * data that came from elsewhere: then the one as written counts. */
static const char ACCOUNT_BY_EMAIL[] =
	"SELECT id, reference_id, name, email, password,"
	" coalesce(auth_version, 0)"
	" FROM user_account WHERE lower(email) = lower($1)"
	" ORDER BY email = $1 DESC, id LIMIT 1";

struct error *
account_by_email(struct db *db, struct arena *arena, const char *email,
		 struct account **account)
{
	struct rows *rows;
	struct error *error =
		db_query(db, arena, ACCOUNT_BY_EMAIL, PARAMS(email), &rows);

	*account = NULL;
	if (error || rows_count(rows) == 0)
		return error;

	struct account *found = ARENA_NEW(arena, struct account);
	found->id = rows_integer(rows, 0, 0);
	found->reference_id = rows_text(rows, 0, 1);
	found->name = rows_text(rows, 0, 2);
	found->email = rows_text(rows, 0, 3);
	found->password_hash = rows_text(rows, 0, 4);
	found->auth_version = rows_integer(rows, 0, 5);
	*account = found;
	return NULL;
}

struct account_cache *
account_cache_new(void)
{
	struct account_cache *cache = calloc(1, sizeof *cache);

	if (!cache)
		abort();
	cache->arena = arena_new();
	return cache;
}

void
account_cache_free(struct account_cache *cache)
{
	if (!cache)
		return;
	arena_free(cache->arena);
	free(cache);
}

static void
cache_empty(struct account_cache *cache, uint64_t generation)
{
	arena_reset(cache->arena);
	memset(cache->buckets, 0, sizeof cache->buckets);
	cache->nentries = 0;
	cache->generation = generation;
}

/* FNV-1a: ids are random, nobody chooses them to collide. */
static struct entry **
cache_bucket(struct account_cache *cache, const char *reference_id)
{
	uint32_t hash = 2166136261u;

	for (const char *at = reference_id; *at; at++)
		hash = (hash ^ (unsigned char)*at) * 16777619u;
	return &cache->buckets[hash & (CACHE_BUCKETS - 1)];
}

static const struct entry *
cache_find(struct account_cache *cache, const char *reference_id)
{
	struct entry *entry = *cache_bucket(cache, reference_id);

	while (entry && strcmp(entry->actor.reference_id, reference_id))
		entry = entry->next;
	return entry;
}

/* A copy in an arena that lives as long as its user. */
static struct actor
actor_copy(struct arena *arena, const struct actor *actor)
{
	struct actor copy = *actor;
	int64_t *groups = ARENA_ARRAY(arena, int64_t, actor->ngroups + 1);

	if (actor->ngroups > 0)
		memcpy(groups, actor->groups, actor->ngroups * sizeof *groups);
	copy.groups = groups;
	copy.reference_id = arena_strdup(arena, actor->reference_id);
	copy.email = arena_strdup(arena, actor->email);
	copy.name = arena_strdup(arena, actor->name);
	copy.groups_array = arena_strdup(arena, actor->groups_array);
	return copy;
}

static void
cache_add(struct account_cache *cache, const struct actor *actor,
	  int64_t auth_version)
{
	if (cache->nentries >= CACHE_ENTRIES_MAX)
		cache_empty(cache, cache->generation);

	struct entry *entry = ARENA_NEW(cache->arena, struct entry);
	struct entry **bucket = cache_bucket(cache, actor->reference_id);
	entry->actor = actor_copy(cache->arena, actor);
	entry->auth_version = auth_version;
	entry->next = *bucket;
	*bucket = entry;
	cache->nentries++;
}

/*
 * The home group is the oldest membership in a group that sign-up named; a
 * later one is the home of an account that this one made.
 */
static const char ACTOR_BY_REFERENCE_ID[] =
	"SELECT u.id, u.reference_id, u.email, u.name,"
	" coalesce(u.auth_version, 0),"
	" coalesce(array_agg(m.usergroup_id ORDER BY m.usergroup_id)"
	"  FILTER (WHERE m.id IS NOT NULL), '{}'),"
	" coalesce(bool_or(m.usergroup_id = $2), false),"
	" coalesce((array_agg(g.id ORDER BY m.created_at, m.id)"
	"  FILTER (WHERE g.name LIKE 'Home group %'"
	"   AND g.id NOT IN ($2, $3, $4)))[1], 0)"
	" FROM user_account u"
	" LEFT JOIN user_account_user_account_id_has_usergroup_usergroup_id m"
	"  ON m.user_account_id = u.id"
	" LEFT JOIN usergroup g ON g.id = m.usergroup_id"
	" WHERE u.reference_id = $1 GROUP BY u.id";

/* The numbers of an array literal of PostgreSQL's: "{3,17}". */
static size_t
read_groups(struct arena *arena, const char *text, const int64_t **groups)
{
	int64_t *ids = NULL;
	size_t nids = 0;

	for (const char *at = text; *at && at[1] != '}' && *at != '}';) {
		char *end;

		ARENA_PUSH(arena, ids, nids, strtoll(at + 1, &end, 10));
		at = end;
	}
	*groups = ids;
	return nids;
}

/* 401 where there is no such account. */
static struct error *
load_actor(struct db *db, struct arena *arena, const struct model *model,
	   const char *reference_id, struct actor *actor, int64_t *auth_version)
{
	struct rows *rows;
	struct error *error =
		db_query(db, arena, ACTOR_BY_REFERENCE_ID,
			 PARAMS(reference_id,
				arena_integer(arena, model->administrators_id),
				arena_integer(arena, model->users_id),
				arena_integer(arena, model->guests_id)),
			 &rows);

	if (error)
		return error;
	if (rows_count(rows) == 0)
		return error_new(arena, 401, "unknown-user",
				 "There is no account for this token.");
	actor->id = rows_integer(rows, 0, 0);
	actor->reference_id = rows_text(rows, 0, 1);
	actor->email = rows_text(rows, 0, 2);
	actor->name = rows_text(rows, 0, 3);
	*auth_version = rows_integer(rows, 0, 4);
	actor->groups_array = rows_text(rows, 0, 5);
	actor->ngroups =
		read_groups(arena, actor->groups_array, &actor->groups);
	actor->is_administrator = rows_boolean(rows, 0, 6);
	actor->home_group = rows_integer(rows, 0, 7);
	return NULL;
}

static struct error *
token_revoked(struct arena *arena)
{
	return error_new(arena, 401, "token-revoked",
			 "This token was revoked: sign in again.");
}

/*
 * A token that is newer than what the cache holds was made on another node a
 * moment ago: then the database is asked. An older one is revoked for good.
 */
struct error *
account_actor(struct account_cache *cache, struct db *db, struct arena *arena,
	      const struct model *model, uint64_t generation,
	      const char *reference_id, int64_t auth_version,
	      struct actor **actor)
{
	struct actor loaded = { 0 };
	int64_t current = 0;
	struct error *error;

	if (cache->generation != generation)
		cache_empty(cache, generation);

	const struct entry *entry = cache_find(cache, reference_id);
	if (entry && auth_version < entry->auth_version)
		return token_revoked(arena);
	*actor = ARENA_NEW(arena, struct actor);
	if (entry && auth_version == entry->auth_version) {
		**actor = actor_copy(arena, &entry->actor);
		return NULL;
	}

	error = load_actor(db, arena, model, reference_id, &loaded, &current);
	if (error)
		return error;
	/* One that the cache held is shadowed by the newer one. */
	if (!entry || current != entry->auth_version)
		cache_add(cache, &loaded, current);
	if (auth_version != current)
		return token_revoked(arena);
	**actor = loaded;
	return NULL;
}

static const char SET_PASSWORD[] =
	"UPDATE user_account SET password = $2,"
	" auth_version = coalesce(auth_version, 0) + 1,"
	" version = version + 1, updated_at = current_timestamp"
	" WHERE id = $1";

struct error *
account_set_password(struct db *db, struct arena *arena, int64_t account_id,
		     const char *hash)
{
	struct rows *rows;
	struct error *error =
		db_query(db, arena, SET_PASSWORD,
			 PARAMS(arena_integer(arena, account_id), hash), &rows);

	if (error)
		return error;
	if (rows_affected(rows) == 0)
		return error_new(arena, 401, "unknown-user",
				 "There is no such account any more.");
	return NULL;
}

/* The lock makes a second claimant wait, and then see the first one. */
static const char LOCK_ADMINISTRATORS[] =
	"SELECT id FROM usergroup WHERE id = $1 FOR UPDATE";
static const char ANY_ADMINISTRATOR[] =
	"SELECT FROM user_account_user_account_id_has_usergroup_usergroup_id"
	" WHERE usergroup_id = $1 LIMIT 1";
static const char ADD_ADMINISTRATOR[] =
	"INSERT INTO user_account_user_account_id_has_usergroup_usergroup_id"
	" (reference_id, permission, user_account_id, usergroup_id)"
	" VALUES ($1, $2, $3, $4)";

/* False in `*added` if the group has a member already. */
static struct error *
add_first_administrator(struct db *db, struct arena *arena,
			const struct model *model, int64_t account_id,
			bool *added)
{
	const char *group = arena_integer(arena, model->administrators_id);
	char reference_id[37];
	struct rows *rows;
	struct error *error;

	*added = false;
	error = db_query(db, arena, LOCK_ADMINISTRATORS, PARAMS(group), NULL);
	if (error)
		return error;
	error = db_query(db, arena, ANY_ADMINISTRATOR, PARAMS(group), &rows);
	if (error || rows_count(rows) > 0)
		return error;
	*added = true;
	crypto_uuid(reference_id);
	return db_query(db, arena, ADD_ADMINISTRATOR,
			PARAMS(reference_id,
			       arena_integer(arena, PERMISSION_DEFAULT),
			       arena_integer(arena, account_id), group),
			NULL);
}

/* "CASE WHEN column = open THEN closed ELSE column END" */
static void
add_closed(struct sql *sql, const char *column, int64_t closed)
{
	sql_name(sql, column);
	sql_add(sql, " = CASE WHEN ");
	sql_name(sql, column);
	sql_add(sql, " = ");
	sql_constant(sql, PERMISSION_ALL);
	sql_add(sql, " THEN ");
	sql_constant(sql, closed);
	sql_add(sql, " ELSE ");
	sql_name(sql, column);
	sql_add(sql, " END");
}

/* Rows without an owner, and those of the account that guests stand for. */
static void
add_unclaimed(struct sql *sql, const char *owner)
{
	sql_name(sql, owner);
	sql_add(sql, " IS NULL OR ");
	sql_name(sql, owner);
	sql_add(sql, " IN (SELECT id FROM user_account"
		     " WHERE email = 'guest@cms.go')");
}

/*
 * The new owner of what nobody owns; accounts come to own themselves. Only
 * where the entity has an owner.
 */
static void
add_new_owner(struct sql *sql, const struct model *model,
	      const struct entity *entity, int64_t account_id)
{
	const char *owner = entity_column(entity, "user_account_id")->sql_name;

	sql_name(sql, owner);
	sql_add(sql, " = CASE WHEN ");
	add_unclaimed(sql, owner);
	sql_add(sql, " THEN ");
	if (entity == model->user_account)
		sql_name(sql, "id");
	else
		sql_integer(sql, account_id);
	sql_add(sql, " ELSE ");
	sql_name(sql, owner);
	sql_add(sql, " END");
}

/* What an open permission of a row of `entity` becomes. */
static int64_t
closed_permission(const struct model *model, const struct entity *entity)
{
	if (entity == model->action)
		return PERMISSION_ACTION_LOCKED;
	if (entity->is_audit_table)
		return PERMISSION_AUDIT_ROW;
	return PERMISSION_DEFAULT;
}

/* Closes and hands over the rows of one table, in one statement. */
static struct error *
lock_rows(struct db *db, struct arena *arena, const struct model *model,
	  const struct entity *entity, int64_t account_id)
{
	struct sql sql;

	sql_init(&sql, arena);
	sql_add(&sql, "UPDATE ");
	sql_name(&sql, entity->table);
	sql_add(&sql, " SET ");
	add_closed(&sql, "permission", closed_permission(model, entity));
	if (entity->has_owner) {
		sql_add(&sql, ", ");
		add_new_owner(&sql, model, entity, account_id);
	}
	if (entity == model->world) {
		sql_add(&sql, ", ");
		add_closed(&sql, "default_permission", PERMISSION_DEFAULT);
	}
	sql_add(&sql, " WHERE permission = ");
	sql_constant(&sql, PERMISSION_ALL);
	if (entity->has_owner) {
		sql_add(&sql, " OR ");
		add_unclaimed(
			&sql,
			entity_column(entity, "user_account_id")->sql_name);
	}
	if (entity == model->world) {
		sql_add(&sql, " OR default_permission = ");
		sql_constant(&sql, PERMISSION_ALL);
	}
	return sql_run(&sql, db, NULL);
}

/* Before their table is locked as a whole: what is no longer open stays. */
static const char LOCK_ACTION[] =
	"UPDATE action SET permission = $2 WHERE id = $1 AND permission = $3";
static const char LOCK_AUDIT_TABLE[] =
	"UPDATE world SET"
	" permission = CASE WHEN permission = $4 THEN $2 ELSE permission END,"
	" default_permission = CASE WHEN default_permission = $4 THEN $3"
	"  ELSE default_permission END"
	" WHERE id = $1";

/* The doors that stay open, so that somebody can sign in at all. */
static const struct {
	const char *entity;
	const char *action;
} sign_in_actions[] = {
	{ "user_account", "signin" },
	{ "oauth_connect", "oauth.login.begin" },
	{ "oauth_connect", "oauth.login.response" },
};

static struct error *
lock_sign_in(struct db *db, struct arena *arena, const struct model *model)
{
	for (size_t i = 0; i < ARRAY_SIZE(sign_in_actions); i++) {
		const struct action *action =
			model_action(model, sign_in_actions[i].entity,
				     sign_in_actions[i].action);
		struct error *error;

		if (!action)
			continue;
		error = db_query(db, arena, LOCK_ACTION,
				 PARAMS(arena_integer(arena, action->id),
					arena_integer(arena, PERMISSION_SIGNIN),
					arena_integer(arena, PERMISSION_ALL)),
				 NULL);
		if (error)
			return error;
	}
	return NULL;
}

static struct error *
lock_audit_tables(struct db *db, struct arena *arena, const struct model *model)
{
	for (size_t i = 0; i < model->nentities; i++) {
		const struct entity *entity = model->entities[i];
		struct error *error;

		if (!entity->is_audit_table)
			continue;
		error = db_query(
			db, arena, LOCK_AUDIT_TABLE,
			PARAMS(arena_integer(arena, entity->world_id),
			       arena_integer(arena, PERMISSION_AUDIT_TABLE),
			       arena_integer(arena, PERMISSION_AUDIT_ROW),
			       arena_integer(arena, PERMISSION_ALL)),
			NULL);
		if (error)
			return error;
	}
	return NULL;
}

/* The tables may be large, and a claim that never gets through is none. */
static const char TAKE_YOUR_TIME[] =
	"SELECT set_config('statement_timeout', '0', true)";

struct error *
account_claim_installation(struct db *db, struct arena *arena,
			   const struct model *model, int64_t account_id,
			   bool *claimed)
{
	struct error *error =
		add_first_administrator(db, arena, model, account_id, claimed);

	if (error || !*claimed)
		return error;
	error = db_query(db, arena, TAKE_YOUR_TIME, NO_PARAMS, NULL);
	if (error)
		return error;
	error = lock_sign_in(db, arena, model);
	if (error)
		return error;
	error = lock_audit_tables(db, arena, model);
	if (error)
		return error;
	for (size_t i = 0; i < model->nentities; i++) {
		error = lock_rows(db, arena, model, model->entities[i],
				  account_id);
		if (error)
			return error;
	}
	return NULL;
}

struct error *
account_actor_now(struct db *db, struct arena *arena, const struct model *model,
		  const char *reference_id, struct actor **actor)
{
	struct actor *loaded = ARENA_NEW(arena, struct actor);
	int64_t auth_version;
	struct error *error;

	*actor = loaded;
	error = load_actor(db, arena, model, reference_id, loaded,
			   &auth_version);
	if (error && error->status == 401)
		return error_new(arena, 404, "unknown-user",
				 "there is no such account");
	return error;
}

static const char OLDEST_ADMINISTRATOR[] =
	"SELECT u.reference_id FROM user_account u"
	" JOIN user_account_user_account_id_has_usergroup_usergroup_id m"
	" ON m.user_account_id = u.id WHERE m.usergroup_id = $1::bigint"
	" ORDER BY m.created_at, m.id LIMIT 1";

struct error *
account_oldest_administrator(struct db *db, struct arena *arena,
			     const struct model *model, const char **id)
{
	const char *group = arena_printf(arena, "%lld",
					 (long long)model->administrators_id);
	struct rows *rows;
	struct error *error;

	*id = NULL;
	error = db_query(db, arena, OLDEST_ADMINISTRATOR, PARAMS(group), &rows);
	if (!error && rows_count(rows))
		*id = rows_text(rows, 0, 0);
	return error;
}
