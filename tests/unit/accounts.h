/*
 * accounts.h: a small installation for the tests of accounts and tokens: the
 * system's tables with three groups, two users, and a table "todo", in a
 * database of its own beside the one that $ACTD_DATABASE names. Without that
 * variable, `db` is NULL and tests that need it are skipped.
 */
#ifndef ACTD_TEST_ACCOUNTS_H
#define ACTD_TEST_ACCOUNTS_H

#include <stdlib.h>
#include <string.h>

#include "db/account.h"
#include "db/base/crypto.h"

#define ANN "0190163d-8694-739b-aea5-966c26f8ad91"
#define BOB "0190163d-8694-739b-aea5-966c26f8ad92"
#define NOBODY "0190163d-8694-739b-aea5-966c26f8ad93"
#define ANN_ID 2
#define BOB_ID 3

struct accounts {
	struct arena *arena;
	struct db_settings settings;
	struct db *db;
	struct account_cache *cache;
	struct model model;
};

#define STANDARD                                                               \
	" (id bigserial PRIMARY KEY, version bigint NOT NULL DEFAULT 1,"       \
	" created_at timestamptz NOT NULL DEFAULT clock_timestamp(),"          \
	" updated_at timestamptz, reference_id uuid NOT NULL UNIQUE"           \
	" DEFAULT gen_random_uuid(), permission bigint NOT NULL"               \
	" DEFAULT 2097151"
#define OWNED STANDARD ", user_account_id bigint"

static const char ACCOUNTS_TABLES[] =
	"DROP SCHEMA IF EXISTS public CASCADE; CREATE SCHEMA public;"
	"CREATE TABLE user_account" OWNED ", name text, email text UNIQUE,"
	" password text, confirmed boolean, auth_version bigint DEFAULT 1);"
	"CREATE TABLE usergroup" STANDARD ", name text UNIQUE);"
	"CREATE TABLE user_account_user_account_id_has_usergroup_usergroup_id" STANDARD
	", user_account_id bigint NOT NULL REFERENCES user_account,"
	" usergroup_id bigint NOT NULL REFERENCES usergroup,"
	" UNIQUE (user_account_id, usergroup_id));"
	"CREATE TABLE world" OWNED ", table_name text,"
	" default_permission bigint DEFAULT 2097151);"
	"CREATE TABLE oauth_connect" STANDARD ");"
	"CREATE TABLE action" OWNED ", action_name text);"
	"CREATE TABLE todo" OWNED ", title text);"
	"CREATE TABLE todo_audit" STANDARD ", title text);"
	"INSERT INTO usergroup (name) VALUES ('guests'), ('administrators'),"
	" ('users'), ('Home group for Ann'), ('Home group for Bob');"
	"INSERT INTO user_account (name, email) VALUES ('guest', 'guest@cms.go')"
	";"
	"INSERT INTO user_account (name, email, reference_id, auth_version)"
	" VALUES ('Ann', 'Ann@example.org', '" ANN "', 7),"
	" ('Bob', 'bob@example.org', '" BOB "', 1);"
	"INSERT INTO user_account_user_account_id_has_usergroup_usergroup_id"
	" (user_account_id, usergroup_id) VALUES (2, 3), (2, 4), (2, 5),"
	" (3, 3), (3, 5);"
	"INSERT INTO world (table_name) VALUES ('todo'), ('todo_audit'),"
	" ('user_account');"
	"INSERT INTO world (table_name, permission, default_permission)"
	" VALUES ('usergroup', 5, 6);"
	"INSERT INTO action (action_name) VALUES ('signup'), ('signin'),"
	" ('oauth.login.begin');"
	"INSERT INTO action (action_name, permission) VALUES ('own', 3);"
	"INSERT INTO todo (title) VALUES ('nobody''s');"
	"INSERT INTO todo (title, user_account_id) VALUES ('a guest''s', 1),"
	" ('bob''s', 3);"
	"INSERT INTO todo (title, permission) VALUES ('own', 16258);"
	"INSERT INTO todo_audit (title) VALUES ('before');";

static struct column accounts_owner = {
	.name = "user_account_id",
	.column_name = "user_account_id",
	.sql_name = "user_account_id",
};
static struct column *accounts_columns[] = { &accounts_owner };

#define ACCOUNTS_ENTITY(text, owned)                                           \
	{                                                                      \
		.name = text, .table = text, .has_owner = owned,               \
		.columns = accounts_columns, .ncolumns = owned                 \
	}

static struct entity accounts_entities[] = {
	ACCOUNTS_ENTITY("action", true),
	ACCOUNTS_ENTITY("oauth_connect", false),
	ACCOUNTS_ENTITY("todo", true),
	ACCOUNTS_ENTITY("todo_audit", false),
	ACCOUNTS_ENTITY("user_account", true),
	ACCOUNTS_ENTITY(
		"user_account_user_account_id_has_usergroup_usergroup_id",
		false),
	ACCOUNTS_ENTITY("usergroup", false),
	ACCOUNTS_ENTITY("world", true),
};

static struct action accounts_actions[] = {
	{ .name = "oauth.login.begin",
	  .on_type = "oauth_connect",
	  .entity = &accounts_entities[1],
	  .id = 3 },
	{ .name = "signin",
	  .on_type = "user_account",
	  .entity = &accounts_entities[4],
	  .id = 2 },
	{ .name = "signup",
	  .on_type = "user_account",
	  .entity = &accounts_entities[4],
	  .id = 1 },
};

static struct action *accounts_of_oauth[] = { &accounts_actions[0] };
static struct action *accounts_of_users[] = { &accounts_actions[1],
					      &accounts_actions[2] };

static void
accounts_model(struct accounts *t)
{
	struct entity *all = accounts_entities;
	size_t n = ARRAY_SIZE(accounts_entities);
	struct entity **entities = ARENA_ARRAY(t->arena, struct entity *, n);

	for (size_t i = 0; i < n; i++)
		entities[i] = &all[i];
	all[1].actions = accounts_of_oauth;
	all[1].nactions = ARRAY_SIZE(accounts_of_oauth);
	all[3].is_audit_table = true;
	all[3].world_id = 2;
	all[4].actions = accounts_of_users;
	all[4].nactions = ARRAY_SIZE(accounts_of_users);
	t->model = (struct model){
		.arena = t->arena,
		.entities = entities,
		.nentities = n,
		.action = &all[0],
		.user_account = &all[4],
		.membership = &all[5],
		.usergroup = &all[6],
		.world = &all[7],
		.guests_id = 1,
		.administrators_id = 2,
		.users_id = 3,
	};
}

/* Made anew by each test program; its tables, by each test. */
static struct error *
accounts_database(struct accounts *t, const char *conninfo)
{
	static bool made;
	struct db_settings settings = { .conninfo = conninfo,
					.application = "test" };
	struct db *db;
	struct error *error;

	if (made)
		return NULL;
	made = true;
	db = db_new(&settings);
	error = db_connect(db, t->arena);
	if (!error)
		error = db_execute(db, t->arena,
				   "DROP DATABASE IF EXISTS actd_accounts");
	if (!error)
		error = db_execute(db, t->arena,
				   "CREATE DATABASE actd_accounts");
	db_free(db);
	return error;
}

static int
accounts_setup(void **state)
{
	struct arena *arena = arena_new();
	struct accounts *t = ARENA_NEW(arena, struct accounts);
	const char *conninfo = getenv("ACTD_DATABASE");

	t->arena = arena;
	t->cache = account_cache_new();
	accounts_model(t);
	*state = t;
	if (!conninfo)
		return 0;
	if (accounts_database(t, conninfo))
		return -1;
	t->settings = (struct db_settings){
		.conninfo = arena_printf(arena, "%s dbname=actd_accounts",
					 conninfo),
		.application = "test",
		.statement_timeout_ms = 20000,
		.prepared_statements = 100,
	};
	t->db = db_new(&t->settings);
	return db_connect(t->db, arena) ||
	       db_execute(t->db, arena, ACCOUNTS_TABLES);
}

static int
accounts_teardown(void **state)
{
	struct accounts *t = *state;
	struct arena *arena = t->arena;

	account_cache_free(t->cache);
	if (t->db) {
		db_abandon(t->db);
		db_free(t->db);
	}
	arena_free(arena);
	return 0;
}

#endif
