/*
 * account_test.c: looking accounts up, the cache of actors, new passwords and
 * the claim of a fresh installation, against a real PostgreSQL.
 */
#include "tests/unit/support.h"

#include <sys/wait.h>
#include <unistd.h>

#include "db/migrate.h"
#include "handlers/schema.h"
#include "tests/unit/accounts.h"

/* The text of the first column of the first row. */
static const char *
ask(struct accounts *t, const char *sql)
{
	return query_text(t->db, t->arena, sql);
}

static void
tell(struct accounts *t, const char *sql)
{
	expect_success(db_execute(t->db, t->arena, sql));
}

static struct error *
find_actor(struct accounts *t, uint64_t generation, const char *reference_id,
	   int64_t auth_version, struct actor **actor)
{
	return account_actor(t->cache, t->db, t->arena, &t->model, generation,
			     reference_id, auth_version, actor);
}

static void
an_address_is_found_in_any_case(void **state)
{
	struct accounts *t = *state;
	struct account *account;

	assert_null(
		account_by_email(t->db, t->arena, "aNN@EXAMPLE.org", &account));
	assert_non_null(account);
	assert_int_equal(account->id, ANN_ID);
	assert_string_equal(account->reference_id, ANN);
	assert_string_equal(account->email, "Ann@example.org");
	assert_string_equal(account->name, "Ann");
	assert_null(account->password_hash);
	assert_int_equal(account->auth_version, 7);
}

static void
the_address_as_written_wins(void **state)
{
	struct accounts *t = *state;
	struct account *account;

	tell(t, "INSERT INTO user_account (name, email)"
		" VALUES ('Other', 'ann@example.org')");
	assert_null(
		account_by_email(t->db, t->arena, "ann@example.org", &account));
	assert_string_equal(account->name, "Other");
	assert_null(
		account_by_email(t->db, t->arena, "Ann@example.org", &account));
	assert_string_equal(account->name, "Ann");
}

static void
an_unknown_address_is_no_account(void **state)
{
	struct accounts *t = *state;
	struct account *account;

	assert_null(
		account_by_email(t->db, t->arena, "a%@example.org", &account));
	assert_null(account);
}

static void
an_actor_has_groups_and_a_home(void **state)
{
	struct accounts *t = *state;
	struct actor *actor;

	assert_null(find_actor(t, 1, ANN, 7, &actor));
	assert_int_equal(actor->id, ANN_ID);
	assert_string_equal(actor->reference_id, ANN);
	assert_string_equal(actor->email, "Ann@example.org");
	assert_string_equal(actor->name, "Ann");
	assert_string_equal(actor->groups_array, "{3,4,5}");
	assert_int_equal(actor->ngroups, 3);
	assert_int_equal(actor->groups[0], 3);
	assert_int_equal(actor->groups[2], 5);
	assert_int_equal(actor->home_group, 4);
	assert_false(actor->is_administrator);
}

static void
a_home_is_what_sign_up_made(void **state)
{
	struct accounts *t = *state;
	struct actor *actor;

	tell(t, "INSERT INTO usergroup (name) VALUES ('team')");
	tell(t, "INSERT INTO"
		" user_account_user_account_id_has_usergroup_usergroup_id"
		" (user_account_id, usergroup_id, created_at)"
		" VALUES (3, 6, '2001-01-01')");
	assert_null(find_actor(t, 1, BOB, 1, &actor));
	assert_string_equal(actor->groups_array, "{3,5,6}");
	assert_int_equal(actor->home_group, 5);
}

static void
an_actor_without_groups_has_no_home(void **state)
{
	struct accounts *t = *state;
	struct actor *actor;

	tell(t, "DELETE FROM"
		" user_account_user_account_id_has_usergroup_usergroup_id");
	assert_null(find_actor(t, 1, BOB, 1, &actor));
	assert_string_equal(actor->groups_array, "{}");
	assert_int_equal(actor->ngroups, 0);
	assert_int_equal(actor->home_group, 0);
}

static void
every_member_of_administrators_administers(void **state)
{
	struct accounts *t = *state;
	struct actor *actor;

	tell(t, "INSERT INTO"
		" user_account_user_account_id_has_usergroup_usergroup_id"
		" (user_account_id, usergroup_id) VALUES (2, 2), (3, 2)");
	assert_null(find_actor(t, 1, ANN, 7, &actor));
	assert_true(actor->is_administrator);
	assert_null(find_actor(t, 1, BOB, 1, &actor));
	assert_true(actor->is_administrator);
}

static void
a_deleted_account_is_unknown(void **state)
{
	struct accounts *t = *state;
	struct actor *actor;

	expect_error(find_actor(t, 1, NOBODY, 1, &actor), 401, "unknown-user");
}

static void
the_cache_answers_until_the_generation_moves(void **state)
{
	struct accounts *t = *state;
	struct actor *actor;

	assert_null(find_actor(t, 1, ANN, 7, &actor));
	tell(t, "UPDATE user_account SET name = 'Anna' WHERE id = 2");
	assert_null(find_actor(t, 1, ANN, 7, &actor));
	assert_string_equal(actor->name, "Ann");
	assert_string_equal(actor->groups_array, "{3,4,5}");
	assert_int_equal(actor->groups[1], 4);
	assert_null(find_actor(t, 2, ANN, 7, &actor));
	assert_string_equal(actor->name, "Anna");
}

static void
an_old_token_is_revoked_cached_or_not(void **state)
{
	struct accounts *t = *state;
	struct actor *actor;

	expect_error(find_actor(t, 1, ANN, 6, &actor), 401, "token-revoked");
	expect_error(find_actor(t, 1, ANN, 6, &actor), 401, "token-revoked");
	expect_error(find_actor(t, 1, ANN, 8, &actor), 401, "token-revoked");
	assert_null(find_actor(t, 1, ANN, 7, &actor));
	/* without asking: the database would say yes now */
	tell(t, "UPDATE user_account SET auth_version = 6 WHERE id = 2");
	expect_error(find_actor(t, 1, ANN, 6, &actor), 401, "token-revoked");
}

static void
a_token_newer_than_the_cache_is_looked_up(void **state)
{
	struct accounts *t = *state;
	struct actor *actor;

	assert_null(find_actor(t, 1, ANN, 7, &actor));
	tell(t, "UPDATE user_account SET auth_version = 8 WHERE id = 2");
	assert_null(find_actor(t, 1, ANN, 8, &actor));
	expect_error(find_actor(t, 1, ANN, 7, &actor), 401, "token-revoked");
	assert_null(find_actor(t, 1, ANN, 8, &actor));
}

static void
the_cache_stays_small(void **state)
{
	struct accounts *t = *state;
	struct arena *scratch = arena_new();
	struct actor *actor;
	struct rows *rows;

	tell(t, "INSERT INTO user_account (name, email)"
		" SELECT 'u', 'u' || i FROM generate_series(1, 5000) i");
	assert_null(db_query(t->db, t->arena,
			     "SELECT reference_id FROM user_account"
			     " WHERE name = 'u'",
			     NO_PARAMS, &rows));
	for (size_t i = 0; i < rows_count(rows); i++) {
		arena_reset(scratch);
		assert_null(account_actor(t->cache, t->db, scratch, &t->model,
					  1, rows_text(rows, i, 0), 1, &actor));
	}
	assert_string_equal(actor->reference_id, rows_text(rows, 4999, 0));
	arena_free(scratch);
}

static void
a_new_password_revokes(void **state)
{
	struct accounts *t = *state;
	struct actor *actor;

	assert_null(account_set_password(t->db, t->arena, ANN_ID, "$2b$x"));
	assert_string_equal(
		ask(t, "SELECT password FROM user_account WHERE id = 2"),
		"$2b$x");
	expect_error(find_actor(t, 2, ANN, 7, &actor), 401, "token-revoked");
	assert_null(find_actor(t, 2, ANN, 8, &actor));
	expect_error(account_set_password(t->db, t->arena, 99, "$2b$x"), 401,
		     "unknown-user");
}

static bool
claim(struct accounts *t, int64_t account_id)
{
	bool claimed;

	db_begin(t->db);
	assert_null(account_claim_installation(t->db, t->arena, &t->model,
					       account_id, &claimed));
	assert_null(db_finish(t->db, t->arena));
	return claimed;
}

static void
the_first_claim_wins_and_no_other(void **state)
{
	struct accounts *t = *state;
	struct actor *actor;

	assert_true(claim(t, ANN_ID));
	assert_false(claim(t, BOB_ID));
	assert_false(claim(t, ANN_ID));
	assert_null(find_actor(t, 1, ANN, 7, &actor));
	assert_true(actor->is_administrator);
	assert_null(find_actor(t, 1, BOB, 1, &actor));
	assert_false(actor->is_administrator);
}

static void
a_claim_closes_tables_and_actions(void **state)
{
	struct accounts *t = *state;

	assert_true(claim(t, ANN_ID));
	assert_string_equal(
		ask(t, "SELECT string_agg(concat_ws(' ', table_name,"
		       " permission, default_permission), ', ' ORDER BY id)"
		       " FROM world"),
		"todo 2097057 2097057, todo_audit 66052 33026,"
		" user_account 2097057 2097057, usergroup 5 6");
	assert_string_equal(
		ask(t, "SELECT string_agg(concat_ws(' ', action_name,"
		       " permission), ', ' ORDER BY id) FROM action"),
		"signup 2085120, signin 561441, oauth.login.begin 561441,"
		" own 3");
}

static void
a_claim_takes_what_nobody_owns(void **state)
{
	struct accounts *t = *state;

	assert_true(claim(t, ANN_ID));
	assert_string_equal(
		ask(t, "SELECT string_agg(concat_ws(' ', title,"
		       " user_account_id, permission), ', ' ORDER BY id)"
		       " FROM todo"),
		"nobody's 2 2097057, a guest's 2 2097057, bob's 3 2097057,"
		" own 2 16258");
	assert_string_equal(ask(t, "SELECT permission FROM todo_audit"),
			    "33026");
	assert_string_equal(
		ask(t, "SELECT count(*) FROM world WHERE user_account_id = 2"),
		"4");
}

static void
accounts_own_themselves_after_a_claim(void **state)
{
	struct accounts *t = *state;

	tell(t, "UPDATE user_account SET user_account_id = 1 WHERE id = 3");
	assert_true(claim(t, ANN_ID));
	assert_string_equal(ask(t, "SELECT string_agg(user_account_id::text,"
				   " ' ' ORDER BY id) FROM user_account"),
			    "1 2 3");
}

/* Two claims at once, each on a connection of its own. */
static void
claim_and_exit(struct accounts *t, int64_t account_id)
{
	struct db *db = db_new(&t->settings);
	struct arena *arena = arena_new();
	bool claimed = false;

	if (db_connect(db, arena))
		_exit(2);
	db_begin(db);
	if (account_claim_installation(db, arena, &t->model, account_id,
				       &claimed) ||
	    db_query(db, arena, "SELECT pg_sleep(0.2)", NO_PARAMS, NULL) ||
	    db_finish(db, arena))
		_exit(2);
	_exit(claimed ? 1 : 0);
}

static void
of_two_claims_at_once_one_wins(void **state)
{
	struct accounts *t = *state;
	int wins = 0;

	for (int i = 0; i < 2; i++)
		if (fork() == 0)
			claim_and_exit(t, i ? ANN_ID : BOB_ID);
	for (int i = 0; i < 2; i++) {
		int status;

		assert_true(wait(&status) > 0);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
		wins += WEXITSTATUS(status);
	}
	assert_int_equal(wins, 1);
	assert_string_equal(
		ask(t, "SELECT count(*) FROM"
		       " user_account_user_account_id_has_usergroup_usergroup_"
		       "id WHERE usergroup_id = 2"),
		"1");
}

/* The same on what migrate() makes, in place of the small installation. */

static const char AUDITED[] =
	"{\"Tables\":[{\"TableName\":\"todo\",\"IsAuditEnabled\":true,"
	"\"Columns\":[{\"Name\":\"title\",\"ColumnType\":\"label\"}]}]}";

static const char TWO_USERS[] =
	"INSERT INTO user_account (name, email, reference_id, permission)"
	" VALUES ('Ann', 'ann@example.org', '" ANN "', 2097151),"
	" ('Bob', 'bob@example.org', '" BOB "', 2097151);"
	"INSERT INTO todo (title, permission, reference_id)"
	" VALUES ('first', 2097151, gen_random_uuid())";

static int
migrated_setup(void **state)
{
	struct schema schema = { 0 };
	struct accounts *t;
	struct model *model;

	if (accounts_setup(state))
		return -1;
	t = *state;
	tell(t, "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
	assert_null(schema_add_system(t->arena, &schema));
	assert_null(schema_add_file(t->arena, "schema_todo.json", AUDITED,
				    strlen(AUDITED), &schema));
	assert_null(migrate(t->db, t->arena, &schema, false, NULL));
	assert_null(db_finish(t->db, t->arena));
	tell(t, TWO_USERS);
	assert_null(model_load(t->db, t->arena, &model));
	arena_defer(t->arena, (void (*)(void *))arena_free, model->arena);
	t->model = *model;
	return 0;
}

static int64_t
account_id(struct accounts *t, const char *email)
{
	struct account *account;

	assert_null(account_by_email(t->db, t->arena, email, &account));
	assert_non_null(account);
	return account->id;
}

static void
a_migrated_installation_is_claimed_whole(void **state)
{
	struct accounts *t = *state;
	struct model *model;
	struct actor *actor;

	assert_true(claim(t, account_id(t, "ann@example.org")));
	assert_null(find_actor(t, 1, ANN, 1, &actor));
	assert_true(actor->is_administrator);
	assert_string_equal(ask(t, "SELECT count(*) FROM world WHERE"
				   " 2097151 IN (permission,"
				   " default_permission)"),
			    "0");
	assert_string_equal(ask(t, "SELECT concat_ws(' ', permission,"
				   " default_permission) FROM world"
				   " WHERE table_name = 'todo_audit'"),
			    "66052 33026");
	assert_string_equal(ask(t,
				"SELECT string_agg(DISTINCT permission::text,"
				" ' ') FROM action WHERE action_name NOT IN"
				" ('signin', 'oauth.login.begin',"
				" 'oauth.login.response', 'change_password',"
				" 'cancel_job', 'undo_action_run')"),
			    "2085120");
	/* what everybody may do with what is his own, as system.yaml says */
	assert_string_equal(ask(t, "SELECT string_agg(permission::text, ' ')"
				   " FROM action WHERE action_name IN"
				   " ('change_password', 'cancel_job',"
				   " 'undo_action_run')"),
			    "2085152 2085152 2085152");
	assert_string_equal(ask(t, "SELECT permission FROM action"
				   " WHERE action_name = 'signin'"),
			    "561441");
	assert_string_equal(ask(t,
				"SELECT count(*) FROM todo JOIN"
				" user_account u ON u.id = todo.user_account_id"
				" WHERE u.email = 'ann@example.org'"
				" AND todo.permission = 2097057"),
			    "1");
	assert_null(model_load(t->db, t->arena, &model));
	assert_true(model->has_administrator);
	assert_false(permission_table(&actor_guest, model_entity(model, "todo"),
				      VERB_READ));
	arena_free(model->arena);
}

/* A10 */
static void
a_password_set_in_any_way_revokes(void **state)
{
	struct accounts *t = *state;
	int64_t ann = account_id(t, "ann@example.org");
	struct actor *actor;

	assert_null(find_actor(t, 1, ANN, 1, &actor));
	tell(t, "UPDATE user_account SET password = 'x'");
	expect_error(find_actor(t, 2, ANN, 1, &actor), 401, "token-revoked");
	assert_null(find_actor(t, 2, ANN, 2, &actor));
	tell(t, "UPDATE user_account SET password = 'x', name = 'Anna'");
	assert_null(find_actor(t, 3, ANN, 2, &actor));
	assert_null(account_set_password(t->db, t->arena, ann, "y"));
	assert_null(find_actor(t, 4, ANN, 3, &actor));
}

/* A16 */
static void
an_address_in_another_case_is_taken(void **state)
{
	struct accounts *t = *state;
	struct error *error =
		db_query(t->db, t->arena,
			 "INSERT INTO user_account (name, email, reference_id,"
			 " permission) VALUES ('x', 'ANN@example.org',"
			 " gen_random_uuid(), 0)",
			 NO_PARAMS, NULL);

	assert_non_null(error);
	assert_int_equal(error->status, 409);
}

#define MIGRATED(function)                                                     \
	cmocka_unit_test_setup_teardown(function, migrated_setup,              \
					accounts_teardown)
#define TEST(function)                                                         \
	cmocka_unit_test_setup_teardown(function, accounts_setup,              \
					accounts_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_address_is_found_in_any_case),
		TEST(the_address_as_written_wins),
		TEST(an_unknown_address_is_no_account),
		TEST(an_actor_has_groups_and_a_home),
		TEST(a_home_is_what_sign_up_made),
		TEST(an_actor_without_groups_has_no_home),
		TEST(every_member_of_administrators_administers),
		TEST(a_deleted_account_is_unknown),
		TEST(the_cache_answers_until_the_generation_moves),
		TEST(an_old_token_is_revoked_cached_or_not),
		TEST(a_token_newer_than_the_cache_is_looked_up),
		TEST(the_cache_stays_small),
		TEST(a_new_password_revokes),
		TEST(the_first_claim_wins_and_no_other),
		TEST(a_claim_closes_tables_and_actions),
		TEST(a_claim_takes_what_nobody_owns),
		TEST(accounts_own_themselves_after_a_claim),
		TEST(of_two_claims_at_once_one_wins),
		MIGRATED(a_migrated_installation_is_claimed_whole),
		MIGRATED(a_password_set_in_any_way_revokes),
		MIGRATED(an_address_in_another_case_is_taken),
	};

	if (!getenv("ACTD_DATABASE")) {
		print_message("account_test: no ACTD_DATABASE, skipped\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
