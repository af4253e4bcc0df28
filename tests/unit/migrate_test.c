/*
 * migrate_test.c: schemas against a real PostgreSQL ($ACTD_DATABASE). Each
 * test begins with an empty database.
 */
#include "tests/unit/support.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "db/base/edition.h"
#include "db/db.h"
#include "db/migrate.h"
#include "db/model_share.h"
#include "db/permission.h"
#include "db/schema_file.h"
#include "handlers/schema.h"

struct fixture {
	struct db_settings settings;
	struct arena *arena;
	struct db *db;
};

static void
run(struct fixture *t, const char *sql)
{
	expect_success(db_execute(t->db, t->arena, sql));
}

static const char *
ask(struct fixture *t, const char *sql)
{
	return query_text(t->db, t->arena, sql);
}

static int
setup(void **state)
{
	struct fixture *t = calloc(1, sizeof *t);

	t->settings = database_settings();
	t->arena = arena_new();
	t->db = db_new(&t->settings);
	empty_database(t->db, t->arena);
	*state = t;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *t = *state;

	db_abandon(t->db);
	db_free(t->db);
	arena_free(t->arena);
	free(t);
	return 0;
}

/* The system's schema and, where not NULL, a JSON text on top of it. */
static struct schema *
read_schema(struct fixture *t, const char *text)
{
	struct schema *schema = ARENA_NEW(t->arena, struct schema);

	expect_success(schema_add_system(t->arena, schema));
	if (text)
		expect_success(schema_add_file(t->arena, "schema_test.json",
					       text, strlen(text), schema));
	return schema;
}

static struct error *
try_migrate(struct fixture *t, const char *text, struct migration **migration)
{
	struct error *error = migrate(t->db, t->arena, read_schema(t, text),
				      false, migration);

	return error ? error : db_finish(t->db, t->arena);
}

static struct migration *
apply(struct fixture *t, const char *text)
{
	struct migration *migration;

	expect_success(try_migrate(t, text, &migration));
	return migration;
}

static void
expect_no_statements(struct fixture *t, const char *text)
{
	struct migration *migration = apply(t, text);

	if (migration->nstatements)
		fail_msg("%s", migration->statements[0]);
}

static void
expect_refusal(struct fixture *t, const char *text, const char *code,
	       const char *part)
{
	struct error *error = try_migrate(t, text, NULL);

	assert_non_null(error);
	assert_int_equal(error->status, 422);
	assert_string_equal(error->code, code);
	if (!strstr(error->detail, part))
		fail_msg("no \"%s\" in \"%s\"", part, error->detail);
	assert_false(db_in_transaction(t->db));
}

/* A table `note` with one column besides the generated ones. */
static const char *
note(struct fixture *t, const char *column)
{
	return arena_printf(t->arena,
			    "{\"Tables\": [{\"TableName\": \"note\","
			    " \"Columns\": [{\"Name\": \"title\","
			    " \"ColumnName\": \"title\","
			    " \"ColumnType\": \"label\", %s}]}]}",
			    column);
}

/* Everything that the catalog says of tables, in a stable order. */
static const char *
dump_catalog(struct fixture *t)
{
	return ask(
		t,
		"SELECT string_agg(line, E'\\n' ORDER BY line COLLATE \"C\")"
		" FROM (SELECT format('%s.%s %s %s %s', c.relname, a.attname,"
		" format_type(a.atttypid, a.atttypmod), a.attnotnull,"
		" pg_get_expr(d.adbin, d.adrelid)) AS line FROM pg_class c"
		" JOIN pg_attribute a ON a.attrelid = c.oid"
		" LEFT JOIN pg_attrdef d ON d.adrelid = c.oid"
		" AND d.adnum = a.attnum"
		" WHERE c.relnamespace = 'public'::regnamespace"
		" AND c.relkind = 'r' AND a.attnum > 0"
		" UNION ALL SELECT pg_get_indexdef(oid) FROM pg_class"
		" WHERE relnamespace = 'public'::regnamespace"
		" AND relkind = 'i'"
		" UNION ALL SELECT conrelid::regclass::text || conname ||"
		" pg_get_constraintdef(oid) FROM pg_constraint"
		" WHERE connamespace = 'public'::regnamespace"
		" UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger"
		" WHERE NOT tgisinternal) AS lines");
}

static int64_t
count_tables(struct fixture *t)
{
	return strtoll(ask(t, "SELECT count(*) FROM pg_class"
			      " WHERE relnamespace = 'public'::regnamespace"
			      " AND relkind = 'r'"),
		       NULL, 10);
}

static void
an_empty_database_gets_everything(void **state)
{
	struct fixture *t = *state;
	struct migration *migration = apply(t, note(t, "\"IsIndexed\": true"));

	assert_true(migration->nstatements > 100);
	assert_string_equal(ask(t, "SELECT string_agg(id || name, ' ' ORDER BY"
				   " id) FROM usergroup"),
			    "1guests 2administrators 3users");
	assert_string_equal(ask(t, "SELECT u.name FROM user_account u JOIN"
				   " user_account_user_account_id_has_usergroup"
				   "_usergroup_id m ON m.user_account_id = u.id"
				   " WHERE m.usergroup_id = 3"),
			    "guest");
	assert_string_equal(ask(t, "SELECT permission FROM world"
				   " WHERE table_name = 'note'"),
			    "2097151");
	assert_string_equal(ask(t, "SELECT permission FROM action"
				   " WHERE action_name = 'signin'"),
			    "2097151");
	assert_string_equal(ask(t, "INSERT INTO usergroup (name)"
				   " VALUES ('next') RETURNING id"),
			    "4");
	assert_string_equal(ask(t, "INSERT INTO note (title) VALUES ('a')"
				   " RETURNING permission"),
			    "2097057");
}

static void
a_second_run_makes_no_statements(void **state)
{
	struct fixture *t = *state;
	const char *text = note(t, "\"DefaultValue\": \"'it''s'\"");
	const char *before, *versions = "SELECT sum(version) FROM world";
	const char *sum;

	apply(t, text);
	before = dump_catalog(t);
	sum = ask(t, versions);
	expect_no_statements(t, text);
	expect_no_statements(t, NULL);
	assert_string_equal(dump_catalog(t), before);
	assert_string_equal(ask(t, versions), sum);
}

static void
a_dry_run_shows_statements_and_changes_nothing(void **state)
{
	struct fixture *t = *state;
	struct migration *migration;

	expect_success(migrate(t->db, t->arena, read_schema(t, NULL), true,
			       &migration));
	assert_false(db_in_transaction(t->db));
	assert_true(migration->nstatements > 100);
	assert_int_equal(count_tables(t), 0);
}

static void
within_a_transaction_only_its_own_part_is_undone(void **state)
{
	struct fixture *t = *state;

	apply(t, note(t, "\"DataType\": \"varchar(20)\""));
	db_begin(t->db);
	run(t, "INSERT INTO note (title) VALUES ('kept')");
	assert_non_null(migrate(t->db, t->arena,
				read_schema(t, note(t, "\"DataType\":"
						       " \"varchar(3)\"")),
				false, NULL));
	expect_success(migrate(t->db, t->arena,
			       read_schema(t, note(t, "\"DataType\":"
						      " \"text\"")),
			       true, NULL));
	expect_success(db_finish(t->db, t->arena));
	assert_string_equal(ask(t, "SELECT title FROM note"), "kept");
	assert_string_equal(ask(t, "SELECT format_type(atttypid, atttypmod)"
				   " FROM pg_attribute WHERE attname = 'title'"
				   " AND attrelid = 'note'::regclass"),
			    "character varying(20)");
}

static void
a_column_is_added_and_filled_by_its_default(void **state)
{
	struct fixture *t = *state;

	apply(t, note(t, "\"IsIndexed\": true"));
	run(t, "INSERT INTO note (title) VALUES ('a')");
	apply(t, "{\"Tables\": [{\"TableName\": \"note\", \"Columns\": [{"
		 "\"Name\": \"stars\", \"ColumnType\": \"rating\","
		 "\"DataType\": \"int(4)\", \"DefaultValue\": \"-1\"}]}]}");
	assert_string_equal(ask(t, "SELECT stars FROM note"), "-1");
	expect_no_statements(t, NULL);
}

static void
types_are_widened(void **state)
{
	struct fixture *t = *state;
	static const char *const types[] = { "varchar(20)", "varchar(40)",
					     "text" };

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		apply(t, note(t, arena_printf(t->arena,
					      "\"DataType\": \"%s\","
					      "\"DefaultValue\": \"'x'\"",
					      types[i])));
		run(t, "INSERT INTO note DEFAULT VALUES");
	}
	assert_string_equal(ask(t, "SELECT pg_typeof(title) FROM note"),
			    "text");
	assert_string_equal(ask(t, "SELECT count(*) FROM note"
				   " WHERE title = 'x'"),
			    "3");
}

static void
narrowing_is_refused_and_nothing_changed(void **state)
{
	struct fixture *t = *state;
	const char *before;

	apply(t, note(t, "\"DataType\": \"varchar(20)\""));
	run(t, "INSERT INTO note (title) VALUES ('short'), ('rather long')");
	before = dump_catalog(t);
	expect_refusal(t, note(t, "\"DataType\": \"varchar(5)\""),
		       "type-not-wider", "concerned: 1)");
	assert_string_equal(dump_catalog(t), before);
	expect_no_statements(t, NULL);
}

static void
not_null_is_refused_where_rows_stand_in_the_way(void **state)
{
	struct fixture *t = *state;

	apply(t, note(t, "\"IsNullable\": true"));
	run(t, "INSERT INTO note (title) VALUES (NULL), (NULL), ('a')");
	expect_refusal(t, note(t, "\"IsNullable\": false"), "column-has-nulls",
		       "2 rows");
	expect_refusal(t,
		       "{\"Tables\": [{\"TableName\": \"note\","
		       " \"Columns\": [{\"Name\": \"more\","
		       " \"ColumnType\": \"label\"}]}]}",
		       "column-needs-default", "3 rows");
	run(t, "UPDATE note SET title = ''");
	apply(t, note(t, "\"IsNullable\": false"));
	assert_non_null(db_execute(t->db, t->arena,
				   "INSERT INTO note (title) VALUES (NULL)"));
	apply(t, note(t, "\"IsNullable\": true"));
	run(t, "INSERT INTO note (title) VALUES (NULL)");
}

static void
defaults_are_changed_and_taken_away(void **state)
{
	struct fixture *t = *state;

	apply(t, note(t, "\"DefaultValue\": \"'a'\""));
	apply(t, note(t, "\"DefaultValue\": \"'b'\""));
	assert_string_equal(ask(t, "INSERT INTO note DEFAULT VALUES"
				   " RETURNING title"),
			    "b");
}

static void
a_unique_index_is_refused_on_duplicates(void **state)
{
	struct fixture *t = *state;

	apply(t, note(t, "\"IsNullable\": true"));
	run(t, "INSERT INTO note (title)"
	       " VALUES ('a'), ('a'), ('b'), ('b'), ('c'), (NULL), (NULL)");
	expect_refusal(t, note(t, "\"IsNullable\": true, \"IsUnique\": true"),
		       "values-not-unique", "2 values");
	run(t, "DELETE FROM note WHERE title < 'c'");
	apply(t, note(t, "\"IsNullable\": true, \"IsUnique\": true"));
	assert_string_equal(ask(t, "SELECT count(*) FROM pg_indexes"
				   " WHERE indexname = 'note.title.key'"),
			    "1");
}

static void
on_delete_becomes_what_the_schema_says(void **state)
{
	static const char relation[] =
		"{\"Tables\": [{\"TableName\": \"page\", \"Columns\": ["
		"{\"Name\": \"text\", \"ColumnType\": \"label\"}]},"
		"{\"TableName\": \"volume\", \"Columns\": ["
		"{\"Name\": \"text\", \"ColumnType\": \"label\"}]}],"
		"\"Relations\": [{\"Subject\": \"page\", \"Object\": \"volume\","
		"\"Relation\": \"belongs_to\", \"OnDelete\": \"%s\"}]}";
	struct fixture *t = *state;
	char text[sizeof relation + 20];

	snprintf(text, sizeof text, relation, "restrict");
	apply(t, text);
	run(t, "INSERT INTO volume (text) VALUES ('a');"
	       "INSERT INTO page (text, volume_id) SELECT 'b', id FROM volume");
	assert_non_null(db_execute(t->db, t->arena, "DELETE FROM volume"));
	snprintf(text, sizeof text, relation, "cascade");
	apply(t, text);
	run(t, "DELETE FROM volume");
	assert_string_equal(ask(t, "SELECT count(*) FROM page"), "0");
	expect_no_statements(t, text);
}

static void
group_links_are_indexed_with_their_permission(void **state)
{
	struct fixture *t = *state;

	apply(t, note(t, "\"IsFullText\": true"));
	assert_string_equal(ask(t, "SELECT count(*) FROM pg_indexes WHERE"
				   " tablename = 'note_note_id_has_usergroup_"
				   "usergroup_id' AND indexdef LIKE 'CREATE"
				   " UNIQUE INDEX % USING btree (note_id,"
				   " usergroup_id) INCLUDE (permission)'"),
			    "1");
	assert_string_equal(ask(t, "SELECT count(*) FROM pg_indexes"
				   " WHERE indexname = 'note.title.fts'"
				   " AND indexdef LIKE '%USING gin%'"),
			    "1");
}

static void
long_names_are_cut_with_a_digest(void **state)
{
	struct fixture *t = *state;
	char *a = migrate_object_name(t->arena, "t", "c", "key");
	char table[80];
	char *b, *c;

	assert_string_equal(a, "t.c.key");
	memset(table, 'x', sizeof table);
	table[79] = '\0';
	b = migrate_object_name(t->arena, table, "column", "fkey");
	c = migrate_object_name(t->arena, table, "colum", "fkey");
	assert_true(strlen(b) <= 63);
	assert_string_not_equal(b, c);
	assert_string_equal(b + strlen(b) - 5, ".fkey");
}

static void
after_lock_down_new_tables_and_actions_are_closed(void **state)
{
	static const char text[] =
		"{\"Tables\": [{\"TableName\": \"note\", \"IsAuditEnabled\":"
		" true, \"AccessGroups\": [{\"Name\": \"users\","
		" \"Permission\": 32768}], \"Columns\": [{\"Name\": \"text\","
		" \"ColumnType\": \"label\"}]}, {\"TableName\": \"wall\","
		" \"Permission\": 2097061, \"Columns\": [{\"Name\": \"text\","
		" \"ColumnType\": \"label\"}]}], \"Actions\": [{\"Name\":"
		" \"pin\", \"OnType\": \"note\", \"Label\": \"Pin\","
		" \"OutFields\": []}]}";
	struct fixture *t = *state;

	apply(t, NULL);
	run(t, "INSERT INTO user_account (name, email) VALUES ('a', 'a@b.c');"
	       "INSERT INTO user_account_user_account_id_has_usergroup_"
	       "usergroup_id (user_account_id, usergroup_id)"
	       " SELECT id, 2 FROM user_account WHERE name = 'a'");
	apply(t, text);
	assert_string_equal(
		ask(t, "SELECT string_agg(concat_ws(' ', table_name,"
		       " permission, default_permission), ', ' ORDER BY"
		       " table_name) FROM world WHERE table_name IN ('note',"
		       " 'wall', 'note_audit')"),
		"note 2097057 2097057, note_audit 66052 33026,"
		" wall 2097061 2097057");
	assert_string_equal(ask(t, "SELECT permission FROM action"
				   " WHERE action_name = 'pin'"),
			    "2085120");
	assert_string_equal(ask(t, "SELECT u.name FROM world w JOIN"
				   " user_account u ON u.id = w.user_account_id"
				   " WHERE w.table_name = 'note'"),
			    "a");
	assert_string_equal(ask(t,
				"SELECT l.permission FROM"
				" world_world_id_has_usergroup_usergroup_id l"
				" JOIN world w ON w.id = l.world_id"
				" WHERE w.table_name = 'note'"
				" AND l.usergroup_id = 3"),
			    "32768");
}

static void
a_new_version_keeps_permission_and_label(void **state)
{
	static const char action[] =
		"{\"Actions\": [{\"Name\": \"pin\", \"OnType\": \"world\","
		" \"Label\": \"%s\", \"InstanceOptional\": %s,"
		" \"OutFields\": []}]}";
	struct fixture *t = *state;
	struct model *model;
	char text[sizeof action + 20];

	snprintf(text, sizeof text, action, "Pin", "true");
	apply(t, text);
	run(t, "UPDATE action SET permission = 7, label = 'Ours'"
	       " WHERE action_name = 'pin'");
	snprintf(text, sizeof text, action, "Pin it", "false");
	apply(t, text);
	assert_string_equal(ask(t, "SELECT concat_ws(' ', permission, label,"
				   " instance_optional) FROM action"
				   " WHERE action_name = 'pin'"),
			    "7 Ours f");
	expect_success(model_load(t->db, t->arena, &model));
	assert_string_equal(model_action(model, "world", "pin")->label, "Ours");
	arena_free(model->arena);
}

static void
rows_of_other_definitions_are_found_by_name(void **state)
{
	static const char text[] =
		"{\"StateMachineDescriptions\": [{\"Name\": \"life\","
		" \"Label\": \"%s\", \"InitialState\": \"born\", \"Events\":"
		" [{\"Name\": \"die\", \"Label\": \"Die\", \"Src\": [\"born\"],"
		" \"Dst\": \"dead\"}]}], \"ExchangeContracts\": [{\"Name\":"
		" \"out\", \"SourceType\": \"self\", \"SourceAttributes\":"
		" {\"name\": \"note\"}, \"TargetType\": \"rest\"}],"
		" \"Tasks\": [{\"Name\": \"nightly\", \"Schedule\": \"@daily\","
		" \"Active\": true, \"EntityName\": \"world\", \"ActionName\":"
		" \"pin\", \"Attributes\": {\"a\": \"%s\"},"
		" \"AsUserEmail\": \"guest@cms.go\"}],"
		" \"Marketplaces\": [{\"Name\": \"m\", \"Endpoint\":"
		" \"https://example.com/m.git\", \"RootPath\": \"%s\"}]}";
	struct fixture *t = *state;
	char filled[sizeof text + 20];

	snprintf(filled, sizeof filled, text, "a", "a", "a");
	apply(t, filled);
	snprintf(filled, sizeof filled, text, "b", "b", "b");
	apply(t, filled);
	assert_string_equal(ask(t, "SELECT concat_ws(' ', count(*), max(label),"
				   " max(events::json->0->>'Dst')) FROM smd"
				   " WHERE name = 'life'"),
			    "1 b dead");
	assert_string_equal(ask(t, "SELECT source_attributes"
				   " FROM data_exchange WHERE name = 'out'"),
			    "{\"name\":\"note\"}");
	assert_string_equal(
		ask(t, "SELECT concat_ws(' ', k.active, k.attributes, u.name)"
		       " FROM task k JOIN user_account u"
		       " ON u.id = k.as_user_id WHERE k.name = 'nightly'"),
		"t {\"a\":\"b\"} guest");
	assert_string_equal(ask(t, "SELECT concat_ws(' ', count(*),"
				   " max(root_path)) FROM marketplace"
				   " WHERE name = 'm'"),
			    "1 b");
}

static void
one_broken_definition_does_not_take_the_others_with_it(void **state)
{
	struct fixture *t = *state;
	struct model *model;

	apply(t, note(t, "\"IsIndexed\": true"));
	run(t, "UPDATE world SET world_schema_json = '{\"TableName'"
	       " WHERE table_name = 'note'");
	expect_success(model_load(t->db, t->arena, &model));
	assert_null(model_entity(model, "note"));
	assert_non_null(model_entity(model, "world"));
	arena_free(model->arena);
}

static void
apply_library(struct fixture *t)
{
	const char *name = "tests/http/schemas/schema_library.yaml";
	struct schema *schema = read_schema(t, NULL);
	const char *text = file_text(t->arena, name, NULL);

	expect_success(schema_add_file(t->arena, "schema_library.yaml", text,
				       strlen(text), schema));
	expect_success(migrate(t->db, t->arena, schema, false, NULL));
	expect_success(db_finish(t->db, t->arena));
}

static void
what_is_stored_makes_no_statements(void **state)
{
	struct fixture *t = *state;
	const char *versions = "SELECT sum(version) FROM world";
	const char *sum;

	apply_library(t);
	sum = ask(t, versions);
	expect_no_statements(t, NULL);
	assert_string_equal(ask(t, versions), sum);
}

static void
columns_of_a_join_table_are_loaded(void **state)
{
	struct fixture *t = *state;
	struct entity *join;
	struct model *model;

	apply(t, "{\"Tables\": [{\"TableName\": \"user_account_user_account_id"
		 "_has_usergroup_usergroup_id\", \"Columns\": [{\"Name\":"
		 " \"role\", \"ColumnType\": \"label\", \"IsNullable\":"
		 " true}]}]}");
	expect_success(model_load(t->db, t->arena, &model));
	join = model->membership;
	assert_non_null(entity_column(join, "role"));
	assert_true(join->is_join_table);
	assert_true(join->world_id > 0);
	arena_free(model->arena);
	expect_no_statements(t, NULL);
}

static void
a_model_is_loaded_with_what_its_rows_say(void **state)
{
	struct fixture *t = *state;
	struct entity *book;
	struct model *model;

	apply_library(t);
	run(t, "UPDATE world SET permission = 99, default_permission = 98,"
	       " user_account_id = 1 WHERE table_name = 'book';"
	       "INSERT INTO world_world_id_has_usergroup_usergroup_id"
	       " (world_id, usergroup_id, permission) SELECT id, 3, 97"
	       " FROM world WHERE table_name = 'book'");
	expect_success(model_load(t->db, t->arena, &model));
	book = model_entity(model, "book");
	assert_int_equal(book->permission, 99);
	assert_int_equal(book->default_permission, 98);
	assert_int_equal(book->owner_id, 1);
	assert_int_equal(book->ngroup_links, 1);
	assert_int_equal(book->group_links[0].group_id, 3);
	assert_int_equal(book->group_links[0].permission, 97);
	assert_false(book->is_system);
	assert_true(model->world->is_system);
	assert_true(model->world->world_id > 0);
	assert_int_equal(model->administrators_id, 2);
	assert_int_equal(model->users_id, 3);
	assert_int_equal(model->guests_id, 1);
	assert_false(model->has_administrator);
	assert_true(model_action(model, "book", "lend_book")->id > 0);
	assert_non_null(model_state_machine(model, "loan_life"));
	arena_free(model->arena);
}

static void
a_download_makes_an_equal_database(void **state)
{
	struct fixture *t = *state;
	const char *before, *text;
	struct strbuf buf;
	struct model *model;

	apply_library(t);
	before = dump_catalog(t);
	expect_success(model_load(t->db, t->arena, &model));
	strbuf_init(&buf, t->arena);
	schema_write_model(&buf, model);
	arena_free(model->arena);
	run(t, "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
	text = buf.data;
	apply(t, text);
	assert_string_equal(dump_catalog(t), before);
}

/* A child that migrates over a connection of its own. */
static pid_t
fork_migration(struct fixture *t, const char *text, bool finish, int ready)
{
	pid_t pid = fork();
	struct error *error;
	struct db *db;

	if (pid)
		return pid;
	db = db_new(&t->settings);
	error = migrate(db, t->arena, read_schema(t, text), false, NULL);
	if (error) {
		print_error("%s: %s\n", error->code, error->detail);
		_exit(1);
	}
	if (ready >= 0 && write(ready, "x", 1) != 1)
		_exit(1);
	if (!finish)
		pause();
	_exit(db_finish(db, t->arena) ? 1 : 0);
}

static void
two_at_once_both_succeed(void **state)
{
	struct fixture *t = *state;
	pid_t pids[2];

	pids[0] = fork_migration(t, note(t, "\"IsIndexed\": true"), true, -1);
	pids[1] = fork_migration(t,
				 "{\"Tables\": [{\"TableName\": \"card\","
				 " \"Columns\": [{\"Name\": \"text\","
				 " \"ColumnType\": \"label\"}]}]}",
				 true, -1);
	for (int i = 0; i < 2; i++) {
		int status;

		waitpid(pids[i], &status, 0);
		assert_int_equal(status, 0);
	}
	assert_string_equal(ask(t, "SELECT count(*) FROM world WHERE"
				   " table_name IN ('note', 'card')"),
			    "2");
	assert_string_equal(ask(t, "SELECT count(*) FROM usergroup"), "3");
}

static void
a_busy_table_is_waited_for_a_few_times(void **state)
{
	struct fixture *t = *state;
	struct db *other = db_new(&t->settings);
	pid_t pid;
	int status;

	apply(t, note(t, "\"IsIndexed\": true"));
	db_begin(other);
	expect_success(db_execute(other, t->arena, "LOCK TABLE note"));
	pid = fork_migration(t, note(t, "\"IsFullText\": true"), true, -1);
	usleep(2500000); /* longer than one wait for a lock */
	db_abandon(other);
	db_free(other);
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

static void
a_kill_in_the_middle_leaves_nothing(void **state)
{
	struct fixture *t = *state;
	int ready[2];
	pid_t pid;
	char byte;

	assert_int_equal(pipe(ready), 0);
	pid = fork_migration(t, NULL, false, ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(ready[0]);
	close(ready[1]);
	assert_int_equal(count_tables(t), 0);
	apply(t, NULL); /* the lock is free again */
}

static void
other_hands_are_noticed(void **state)
{
	struct fixture *t = *state;
	struct db *other = db_new(&t->settings);
	const char *channel, *payload;

	apply(t, NULL);
	expect_success(db_execute(other, t->arena,
				  "LISTEN actd_model; LISTEN actd_access"));
	run(t, "UPDATE user_account SET auth_version = auth_version;"
	       "UPDATE user_account SET confirmed = true");
	run(t, "UPDATE world SET permission = 1 WHERE table_name = 'action'");
	expect_success(db_execute(other, t->arena, "SELECT 1"));
	assert_true(db_notification(other, t->arena, &channel, &payload));
	assert_string_equal(channel, "actd_access");
	assert_true(db_notification(other, t->arena, &channel, &payload));
	assert_string_equal(channel, "actd_model");
	apply(t, NULL); /* changes no row */
	expect_success(db_execute(other, t->arena, "SELECT 1"));
	assert_false(db_notification(other, t->arena, &channel, &payload));
	db_free(other);
}

/* Size. */

#define MANY 1000

static const char *
many_tables(struct fixture *t)
{
	struct strbuf buf;

	strbuf_init(&buf, t->arena);
	strbuf_literal(&buf, "{\"Tables\": [");
	for (int i = 0; i < MANY; i++)
		strbuf_printf(
			&buf,
			"%s{\"TableName\": \"thing_%d\", \"Columns\": ["
			"{\"Name\": \"title\", \"ColumnType\": \"label\","
			" \"IsIndexed\": true},"
			"{\"Name\": \"price\", \"ColumnType\": \"float\","
			" \"DefaultValue\": \"0\"},"
			"{\"Name\": \"seen\", \"ColumnType\":"
			" \"datetime\", \"IsNullable\": true},"
			"{\"Name\": \"text\", \"ColumnType\": \"content\","
			" \"IsNullable\": true}]}",
			i ? "," : "", i);
	strbuf_literal(&buf, "]}");
	return buf.data;
}

/* Of our own processor time: what PostgreSQL takes depends on its disk. */
static double
seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void
a_thousand_entities_take_seconds(void **state)
{
	struct fixture *t = *state;
	const char *text = many_tables(t);
	double start = seconds(), made, again, loaded;
	struct model *model;

	apply(t, text);
	made = seconds() - start;
	start = seconds();
	expect_no_statements(t, NULL);
	again = seconds() - start;
	start = seconds();
	expect_success(model_load(t->db, t->arena, &model));
	loaded = seconds() - start;
	print_message("made in %.2f s, again %.2f s, loaded in %.3f s, "
		      "%zu KB\n",
		      made, again, loaded, arena_size(model->arena) / 1024);
	assert_true(model->nentities > 2 * MANY);
	arena_free(model->arena);
	assert_true(made < 5);
	assert_true(again < 5);
	assert_true(loaded < 1);
}

/* All that a model holds, as text. */
static const char *
written(struct fixture *t, const struct model *model)
{
	struct strbuf buf;

	strbuf_init(&buf, t->arena);
	schema_write_model(&buf, model);
	for (size_t i = 0; i < model->nentities; i++) {
		const struct entity *entity = model->entities[i];

		schema_write_entity(&buf, model, entity);
		strbuf_printf(&buf, "%s %lld %zu\n", entity->world_reference_id,
			      (long long)entity->permission,
			      entity->ngroup_links);
	}
	for (size_t i = 0; i < model->nactions; i++) {
		schema_write_action(&buf, model->actions[i], false);
		strbuf_printf(&buf, "%s\n", model->actions[i]->reference_id);
	}
	return buf.data;
}

/* A process whose own memory is gone when others read what it loaded. */
static void
load_elsewhere(struct fixture *t, struct shared *shared)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		struct db *db = db_new(&t->settings);
		struct arena *arena = arena_new();
		struct model *model;
		bool loaded;
		struct error *error = model_hold(
			db, arena, shared, &shared->slots[1], &model, &loaded);

		_exit(!error && loaded && !model->arena ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
workers_share_one_model(void **state)
{
	struct fixture *t = *state;
	struct shared *shared = shared_new();
	struct model *own, *model;
	bool loaded;

	model_share_reserve(shared);
	apply(t, "{\"Tables\": [{\"TableName\": \"note\", \"Metering\": {},"
		 " \"IsAuditEnabled\": true, \"Columns\": [{\"ColumnName\":"
		 " \"title\", \"ColumnType\": \"label\"}]}],"
		 " \"Actions\": [{\"Name\": \"pin\", \"OnType\": \"note\","
		 " \"OutFields\": [{\"Type\": \"note\", \"Method\":"
		 " \"POST\", \"Attributes\": {\"title\": \"~x\"}}]}]}");
	load_elsewhere(t, shared);
	expect_success(model_hold(t->db, t->arena, shared, &shared->slots[0],
				  &model, &loaded));
	assert_false(loaded);
	assert_null(model->arena);
	expect_success(model_load(t->db, t->arena, &own));
	assert_string_equal(written(t, model), written(t, own));
	assert_non_null(model_entity(model, "note_audit"));
	arena_free(own->arena);
	edition_release(&shared->slots[0]);
	shared_model_changed(shared);
	expect_success(model_hold(t->db, t->arena, shared, &shared->slots[0],
				  &model, &loaded));
	assert_true(loaded);
	assert_int_equal(model->generation, 2);
}

static void
a_model_in_a_transaction_is_shared_with_nobody(void **state)
{
	struct fixture *t = *state;
	struct shared *shared = shared_new();
	struct model *model;
	bool loaded;

	model_share_reserve(shared);
	apply(t, NULL);
	db_begin(t->db);
	expect_success(model_hold(t->db, t->arena, shared, &shared->slots[0],
				  &model, &loaded));
	db_abandon(t->db);
	assert_true(loaded);
	assert_non_null(model->arena);
	assert_null(edition_hold(shared, &shared->slots[0], 1));
	arena_free(model->arena);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_empty_database_gets_everything),
		TEST(a_second_run_makes_no_statements),
		TEST(a_dry_run_shows_statements_and_changes_nothing),
		TEST(within_a_transaction_only_its_own_part_is_undone),
		TEST(a_column_is_added_and_filled_by_its_default),
		TEST(types_are_widened),
		TEST(narrowing_is_refused_and_nothing_changed),
		TEST(not_null_is_refused_where_rows_stand_in_the_way),
		TEST(defaults_are_changed_and_taken_away),
		TEST(a_unique_index_is_refused_on_duplicates),
		TEST(on_delete_becomes_what_the_schema_says),
		TEST(group_links_are_indexed_with_their_permission),
		TEST(long_names_are_cut_with_a_digest),
		TEST(after_lock_down_new_tables_and_actions_are_closed),
		TEST(a_new_version_keeps_permission_and_label),
		TEST(rows_of_other_definitions_are_found_by_name),
		TEST(one_broken_definition_does_not_take_the_others_with_it),
		TEST(what_is_stored_makes_no_statements),
		TEST(columns_of_a_join_table_are_loaded),
		TEST(a_model_is_loaded_with_what_its_rows_say),
		TEST(a_download_makes_an_equal_database),
		TEST(two_at_once_both_succeed),
		TEST(a_busy_table_is_waited_for_a_few_times),
		TEST(a_kill_in_the_middle_leaves_nothing),
		TEST(other_hands_are_noticed),
		TEST(a_thousand_entities_take_seconds),
		TEST(workers_share_one_model),
		TEST(a_model_in_a_transaction_is_shared_with_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
