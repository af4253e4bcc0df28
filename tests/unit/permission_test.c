/*
 * permission_test.c: the predicate of rows and the checks of tables against
 * the rules written down once more: 21 single bits set and cleared and 2,000
 * random masks of row, link and table, five callers, all verbs, in a real
 * PostgreSQL ($ACTD_DATABASE). What explains a decision decides alike.
 */
#include "tests/unit/support.h"

#include <stdlib.h>
#include <string.h>

#include "db/access.h"
#include "db/migrate.h"
#include "handlers/schema.h"

#define SEED UINT64_C(20261124)
#define SINGLE_MASKS 42
#define MASKS (SINGLE_MASKS + 2000)
#define VERBS 7
#define CREW INT64_C(9001)
#define IDLE INT64_C(9002)
#define OWNER INT64_C(9001)

static const char SCHEMA[] =
	"{\"Tables\": [{\"TableName\": \"thing\", \"IsAuditEnabled\": true,"
	" \"Columns\": [{\"ColumnName\": \"number\", \"ColumnType\":"
	" \"measurement\", \"DataType\": \"int(11)\"}]}]}";

static const char PEOPLE[] =
	"INSERT INTO user_account (id, name, email) SELECT 9000 + n, 'n' || n,"
	" n || '@example.org' FROM generate_series(1, 4) n;"
	"INSERT INTO usergroup (id, name, permission) VALUES (9001, 'crew', 0),"
	" (9002, 'idle', 0)";

/* A row: its permission, whether it has an owner, its link to the crew. */
struct row_mask {
	int64_t permission;
	int64_t owner;
	int64_t link; /* -1: none */
};

static const int64_t crew[] = { CREW };
static const int64_t idle[] = { IDLE };

static const struct actor actors[] = {
	{ .id = 9004, .is_administrator = true, .groups_array = "{}" },
	{ .id = OWNER, .groups_array = "{}" },
	{ .id = 9002, .groups = crew, .ngroups = 1, .groups_array = "{9001}" },
	{ .id = 9003, .groups = idle, .ngroups = 1, .groups_array = "{9002}" },
	{ .groups_array = "{}" },
};

static struct db_settings settings;
static struct db *db;
static struct arena *arena;
static struct model *model;
static struct entity *thing;
static struct row_mask masks[MASKS];

/* The rules, once more: wire/permissions.md section 3, an owner needed. */
static bool
oracle(const struct actor *actor, const struct row_mask *row, int verb)
{
	if (actor->is_administrator)
		return true;
	if (row->permission >> verb & 1)
		return true;
	if (actor->id != 0 && actor->id == row->owner &&
	    (row->permission >> (verb + 7) & 1))
		return true;
	return row->link >= 0 && actor->ngroups == 1 &&
	       actor->groups[0] == CREW && (row->link >> (verb + 14) & 1);
}

/* splitmix64 */
static int64_t
random_mask(void)
{
	static uint64_t state = SEED;
	uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (int64_t)((z ^ z >> 31) & (uint64_t)PERMISSION_ALL);
}

static void
make_masks(void)
{
	for (int i = 0; i < SINGLE_MASKS; i++) {
		int64_t bit = INT64_C(1) << i / 2;
		int64_t mask = i % 2 ? PERMISSION_ALL ^ bit : bit;

		masks[i] = (struct row_mask){ mask, OWNER, mask };
	}
	for (int i = SINGLE_MASKS; i < MASKS; i++) {
		int64_t permission = random_mask();
		int64_t link = random_mask();

		masks[i] = (struct row_mask){ permission, i % 8 ? OWNER : 0,
					      i % 5 ? link : -1 };
	}
}

static void
insert_rows(void)
{
	struct strbuf rows, links;

	strbuf_init(&rows, arena);
	strbuf_init(&links, arena);
	strbuf_literal(&rows, "INSERT INTO thing (id, number, reference_id,"
			      " permission, user_account_id) VALUES ");
	strbuf_literal(&links, "INSERT INTO thing_thing_id_has_usergroup_"
			       "usergroup_id (reference_id, permission,"
			       " thing_id, usergroup_id) VALUES ");
	for (int i = 0; i < MASKS; i++) {
		strbuf_printf(&rows,
			      "%s(%d, %d, gen_random_uuid(), %lld,"
			      " nullif(%lld, 0))",
			      i ? "," : "", i, i,
			      (long long)masks[i].permission,
			      (long long)masks[i].owner);
		if (masks[i].link >= 0)
			strbuf_printf(
				&links, "%s(gen_random_uuid(), %lld, %d, 9001)",
				i ? "," : "", (long long)masks[i].link, i);
	}
	expect_success(db_execute(db, arena, rows.data));
	expect_success(db_execute(db, arena, links.data));
}

static int
set_up_installation(void **state UNUSED)
{
	struct schema *schema;

	settings = database_settings();
	print_message("seed %llu\n", (unsigned long long)SEED);
	arena = arena_new();
	db = db_new(&settings);
	empty_database(db, arena);
	schema = ARENA_NEW(arena, struct schema);
	expect_success(schema_add_system(arena, schema));
	expect_success(schema_add_file(arena, "schema_thing.json", SCHEMA,
				       strlen(SCHEMA), schema));
	expect_success(migrate(db, arena, schema, false, NULL));
	expect_success(db_finish(db, arena));
	expect_success(db_execute(db, arena, PEOPLE));
	expect_success(model_load(db, arena, &model));
	thing = model_entity(model, "thing");
	make_masks();
	insert_rows();
	return 0;
}

static int
tear_down_installation(void **state UNUSED)
{
	arena_free(model->arena);
	arena_free(arena);
	db_free(db);
	return 0;
}

/* The table takes the rights of a mask. */
static void
close_table(const struct row_mask *mask)
{
	static struct group_link link = { .group_id = CREW };

	link.permission = mask->link;
	thing->permission = mask->permission;
	thing->owner_id = mask->owner;
	thing->group_links = &link;
	thing->ngroup_links = mask->link >= 0;
}

typedef void predicate(struct sql *sql, const struct actor *actor,
		       const struct model *model, const struct entity *entity,
		       const char *alias, enum verb verb);

static void
read_granted(predicate *add, const struct actor *actor, int verb, bool *granted)
{
	struct arena *own = arena_new();
	struct rows *rows;
	struct sql sql;

	memset(granted, 0, MASKS * sizeof *granted);
	sql_init(&sql, own);
	sql_add(&sql, "SELECT number FROM thing t WHERE ");
	add(&sql, actor, model, thing, "t", (enum verb)verb);
	expect_success(sql_run(&sql, db, &rows));
	for (size_t i = 0; i < rows_count(rows); i++)
		granted[rows_integer(rows, i, 0)] = true;
	arena_free(own);
}

static void
the_predicate_is_the_rules_for_every_mask(void **state UNUSED)
{
	bool granted[MASKS];

	for (size_t a = 0; a < ARRAY_SIZE(actors); a++) {
		for (int verb = 0; verb < VERBS; verb++) {
			read_granted(permission_where, &actors[a], verb,
				     granted);
			for (int i = 0; i < MASKS; i++)
				if (granted[i] !=
				    oracle(&actors[a], &masks[i], verb))
					fail_msg("actor %zu, verb %d, mask %d",
						 a, verb, i);
		}
	}
}

static void
a_table_is_judged_by_the_rules_for_every_mask(void **state UNUSED)
{
	for (int i = 0; i < MASKS; i++) {
		close_table(&masks[i]);
		for (size_t a = 0; a < ARRAY_SIZE(actors); a++)
			for (int verb = 0; verb < VERBS; verb++)
				assert_int_equal(
					permission_table(&actors[a], thing,
							 (enum verb)verb),
					oracle(&actors[a], &masks[i], verb));
	}
}

static void
table_and_row_must_both_allow(void **state UNUSED)
{
	bool granted[MASKS];

	for (int t = 0; t < SINGLE_MASKS; t++) {
		const struct row_mask *table = &masks[t];

		close_table(table);
		for (size_t a = 0; a < ARRAY_SIZE(actors); a++) {
			int verb = t / 2 % VERBS;

			read_granted(permission_granted, &actors[a], verb,
				     granted);
			for (int i = 0; i < MASKS; i++)
				assert_int_equal(
					granted[i],
					oracle(&actors[a], table, verb) &&
						oracle(&actors[a], &masks[i],
						       verb));
		}
	}
}

static const char *
reference_of(int number)
{
	struct rows *rows;

	expect_success(db_query(
		db, arena,
		"SELECT reference_id FROM thing WHERE number = $1::int",
		PARAMS(arena_printf(arena, "%d", number)), &rows));
	return rows_text(rows, 0, 0);
}

/* What is needed besides the verb itself: the row must be visible. */
static bool
is_allowed(const struct actor *actor, const struct row_mask *row, int verb)
{
	bool is_visible = oracle(actor, row, VERB_READ);

	return is_visible && (verb == VERB_PEEK || oracle(actor, row, verb));
}

static void
an_explanation_decides_as_the_rules_do(void **state UNUSED)
{
	static const struct row_mask open = { PERMISSION_ALL, OWNER, -1 };

	close_table(&open);
	for (int i = 0; i < SINGLE_MASKS + 20; i++) {
		const char *id = reference_of(i);

		for (size_t a = 0; a < ARRAY_SIZE(actors); a++) {
			for (int verb = 0; verb < VERBS; verb++) {
				struct access_question question = {
					.actor = &actors[a],
					.verb = (enum verb)verb,
					.entity = thing,
					.id = id,
				};
				struct strbuf text;
				bool allowed;

				if (verb == VERB_CREATE)
					continue;
				strbuf_init(&text, arena);
				expect_success(access_explain(db, arena, model,
							      &question, &text,
							      &allowed));
				assert_int_equal(allowed,
						 is_allowed(&actors[a],
							    &masks[i], verb));
				assert_int_equal(!strstr(text.data, "refused"),
						 allowed);
			}
		}
	}
}

static void
history_is_judged_by_its_source(void **state UNUSED)
{
	static const struct row_mask shut = { 0, 0, -1 };
	static const struct row_mask open = { PERMISSION_ALL, 0, -1 };

	for (size_t a = 0; a < ARRAY_SIZE(actors); a++) {
		close_table(&open);
		assert_true(
			permission_table(&actors[a], thing->audit, VERB_READ));
		close_table(&shut);
		assert_int_equal(
			permission_table(&actors[a], thing->audit, VERB_READ),
			actors[a].is_administrator);
	}
}

#define TEST(name) cmocka_unit_test(name)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_predicate_is_the_rules_for_every_mask),
		TEST(a_table_is_judged_by_the_rules_for_every_mask),
		TEST(table_and_row_must_both_allow),
		TEST(an_explanation_decides_as_the_rules_do),
		TEST(history_is_judged_by_its_source),
	};

	return cmocka_run_group_tests(tests, set_up_installation,
				      tear_down_installation);
}
