/*
 * engine_test.c: actions, from their definition to what they leave in a real
 * PostgreSQL ($ACTD_DATABASE). The schema is applied once; each test makes
 * the rows that it needs.
 */
#include "tests/unit/support.h"

#include <stdlib.h>
#include <string.h>

#include "db/base/crypto.h"
#include "db/migrate.h"
#include "handlers/action_input.h"
#include "handlers/engine.h"
#include "handlers/formats/format.h"
#include "handlers/route.h"
#include "handlers/schema.h"

static const char SCHEMA[] =
	"{\"Tables\":[{\"TableName\":\"shelf\",\"Columns\":["
	" {\"Name\":\"title\",\"ColumnType\":\"label\",\"IsUnique\":true,"
	"  \"DataType\":\"varchar(40)\"},"
	" {\"Name\":\"width\",\"ColumnType\":\"measurement\","
	"  \"DataType\":\"int\",\"IsNullable\":true}]}],"
	"\"Relations\":[{\"Subject\":\"shelf\",\"Relation\":\"has_one\","
	" \"Object\":\"shelf\",\"SubjectName\":\"above\","
	" \"ObjectName\":\"below\"}],"
	"\"Actions\":["
	"{\"Name\":\"stack\",\"Label\":\"Stack\",\"OnType\":\"shelf\","
	" \"OutFields\":[{\"Type\":\"shelf\",\"Method\":\"POST\","
	"  \"Attributes\":{\"title\":\"upper\",\"below\":\"~subject\"}}]},"
	"{\"Name\":\"fill\",\"Label\":\"Fill\",\"OnType\":\"shelf\","
	" \"InstanceOptional\":true,"
	" \"InFields\":[{\"ColumnName\":\"title\",\"ColumnType\":\"label\"},"
	"  {\"ColumnName\":\"width\",\"ColumnType\":\"measurement\"},"
	"  {\"ColumnName\":\"open\",\"ColumnType\":\"truefalse\"},"
	"  {\"ColumnName\":\"user\",\"ColumnType\":\"label\"},"
	"  {\"ColumnName\":\"files\",\"ColumnType\":\"file.*\"}],"
	" \"Conformations\":[{\"ColumnName\":\"title\",\"Tags\":\"trim\"}],"
	" \"Validations\":[{\"ColumnName\":\"title\","
	"  \"Tags\":\"required,min=2\"},"
	"  {\"ColumnName\":\"width\",\"Tags\":\"gte=0\"}],"
	" \"OutFields\":["
	"  {\"Type\":\"shelf\",\"Method\":\"POST\",\"Reference\":\"made\","
	"   \"Attributes\":{\"title\":\"~title\",\"width\":\"~width\"}},"
	"  {\"Type\":\"client.notify\",\"Method\":\"ACTIONRESPONSE\","
	"   \"Condition\":\"~open\",\"Attributes\":{\"title\":\"open\"}},"
	"  {\"Type\":\"said\",\"Method\":\"ACTIONRESPONSE\","
	"   \"Attributes\":{\"made\":\"$made.title\",\"of\":\"~.title\","
	"    \"by\":\"~user.email\",\"raw\":\"~attributes.other\","
	"    \"width\":\"~made.width\"}}]},"
	"{\"Name\":\"rename\",\"Label\":\"Rename\",\"OnType\":\"shelf\","
	" \"InFields\":[{\"ColumnName\":\"title\",\"ColumnType\":\"label\"}],"
	" \"OutFields\":[{\"Type\":\"shelf\",\"Method\":\"UPDATE\","
	"   \"Reference\":\"changed\",\"Attributes\":{"
	"    \"reference_id\":\"$.reference_id\",\"title\":\"~title\"}},"
	"  {\"Type\":\"said\",\"Method\":\"ACTIONRESPONSE\",\"Attributes\":{"
	"    \"text\":\"$.title became $changed.title\"}}]},"
	"{\"Name\":\"twice\",\"Label\":\"Twice\",\"OnType\":\"shelf\","
	" \"InstanceOptional\":true,"
	" \"InFields\":[{\"ColumnName\":\"title\",\"ColumnType\":\"label\"}],"
	" \"OutFields\":["
	"  {\"Type\":\"shelf\",\"Method\":\"POST\",\"Attributes\":"
	"   {\"title\":\"~title\"}},"
	"  {\"Type\":\"shelf\",\"Method\":\"POST\",\"Attributes\":"
	"   {\"title\":\"~title\"}}]},"
	"{\"Name\":\"twice_tolerantly\",\"Label\":\"x\",\"OnType\":\"shelf\","
	" \"InstanceOptional\":true,"
	" \"InFields\":[{\"ColumnName\":\"title\",\"ColumnType\":\"label\"}],"
	" \"OutFields\":["
	"  {\"Type\":\"shelf\",\"Method\":\"POST\",\"Attributes\":"
	"   {\"title\":\"~title\"}},"
	"  {\"Type\":\"shelf\",\"Method\":\"POST\",\"ContinueOnError\":true,"
	"   \"Attributes\":{\"title\":\"~title\"}},"
	"  {\"Type\":\"shelf\",\"Method\":\"POST\",\"Attributes\":"
	"   {\"title\":\"$title too\"}}]},"
	"{\"Name\":\"many\",\"Label\":\"Many\",\"OnType\":\"shelf\","
	" \"InstanceOptional\":true,"
	" \"InFields\":[{\"ColumnName\":\"titles\",\"ColumnType\":\"json\"}],"
	" \"OutFields\":["
	"  {\"Type\":\"shelf\",\"Method\":\"POST\",\"Reference\":\"all\","
	"   \"ForEach\":\"~titles\",\"SkipInResponse\":true,"
	"   \"Attributes\":{\"title\":\"~item\",\"width\":\"1$index\"}},"
	"  {\"Type\":\"said\",\"Method\":\"ACTIONRESPONSE\",\"Attributes\":{"
	"   \"second\":\"$all[1].title\"}}]},"
	"{\"Name\":\"remove\",\"Label\":\"Remove\",\"OnType\":\"shelf\","
	" \"OutFields\":[{\"Type\":\"shelf\",\"Method\":\"DELETE\","
	"  \"Attributes\":{\"reference_id\":\"$.reference_id\"}}]},"
	"{\"Name\":\"look\",\"Label\":\"Look\",\"OnType\":\"shelf\","
	" \"InstanceOptional\":true,"
	" \"InFields\":[{\"ColumnName\":\"title\",\"ColumnType\":\"label\"}],"
	" \"OutFields\":[{\"Type\":\"shelf\",\"Method\":\"GET\","
	"  \"Reference\":\"found\",\"Attributes\":{\"query\":[{"
	"   \"column\":\"title\",\"operator\":\"is\",\"value\":\"~title\"}]}},"
	"  {\"Type\":\"shelf\",\"Method\":\"GET_BY_ID\",\"Attributes\":{"
	"   \"reference_id\":\"$found[0].reference_id\"}}]},"
	"{\"Name\":\"script\",\"Label\":\"Script\",\"OnType\":\"shelf\","
	" \"InstanceOptional\":true,\"OutFields\":[{\"Type\":\"said\","
	"  \"Method\":\"ACTIONRESPONSE\",\"Attributes\":{\"x\":\"!1+1\"}}]},"
	"{\"Name\":\"say\",\"Label\":\"Say\",\"OnType\":\"shelf\","
	" \"InstanceOptional\":true,\"InFields\":[{\"ColumnName\":\"kind\","
	"  \"ColumnType\":\"label\"}],\"OutFields\":[{\"Type\":"
	"  \"response.create\",\"Method\":\"EXECUTE\",\"Attributes\":{"
	"   \"response_type\":\"~kind\",\"a\":1}}]},"
	"{\"Name\":\"mail\",\"Label\":\"Mail\",\"OnType\":\"shelf\","
	" \"InstanceOptional\":true,\"OutFields\":[{\"Type\":\"mail.send\","
	"  \"Method\":\"EXECUTE\"}]},"
	"{\"Name\":\"become\",\"Label\":\"Become\",\"OnType\":\"shelf\","
	" \"InstanceOptional\":true,\"InFields\":[{\"ColumnName\":\"who\","
	"  \"ColumnType\":\"label\"}],\"OutFields\":["
	"  {\"Type\":\"__as_user\",\"Method\":\"SWITCH_USER\",\"Attributes\":{"
	"   \"user_reference_id\":\"~who\"}},"
	"  {\"Type\":\"shelf\",\"Method\":\"POST\",\"Attributes\":{"
	"   \"title\":\"of another\"}}]}]}";

struct fixture {
	struct arena *arena; /* of a test */
	struct db_settings db_settings;
	struct settings settings;
	struct shared shared;
	struct db *db;
	struct account_cache *accounts;
	struct model *model;
	struct request request;
	struct actor actor;
	struct reply reply;
};

static void
apply_schema(struct fixture *t)
{
	struct schema *schema = ARENA_NEW(t->arena, struct schema);

	empty_database(t->db, t->arena);
	expect_success(schema_add_system(t->arena, schema));
	expect_success(schema_add_file(t->arena, "schema_test.json", SCHEMA,
				       strlen(SCHEMA), schema));
	expect_success(schema_apply(t->db, t->arena, schema, false, NULL));
	expect_success(db_finish(t->db, t->arena));
}

static int
group_setup(void **state)
{
	struct fixture *t = calloc(1, sizeof *t);
	static const unsigned char key[32] = "0123456789abcdef0123456789abcde";

	t->arena = arena_new();
	t->db_settings = database_settings();
	t->settings = (struct settings){
		.token_issuer = "test",
		.token_secret = "0123456789abcdef0123456789abcdef",
		.token_seconds = 3600,
		.values = { .hash_cost = 4, .encryption_key = key },
		.json_body_max = 1 << 20,
		.page_size_max = 1000,
		.schema_folder = "/nonexistent",
	};
	t->db = db_new(&t->db_settings);
	t->accounts = account_cache_new();
	atomic_store(&t->shared.generation, 1);
	*state = t;
	expect_success(db_connect(t->db, t->arena));
	apply_schema(t);
	expect_success(model_load(t->db, t->arena, &t->model));
	t->model->generation = 1;
	return 0;
}

static int
group_teardown(void **state)
{
	struct fixture *t = *state;

	db_free(t->db);
	account_cache_free(t->accounts);
	arena_free(t->model->arena);
	arena_free(t->arena);
	free(t);
	return 0;
}

static int
setup(void **state)
{
	struct fixture *t = *state;

	arena_reset(t->arena);
	t->actor = actor_guest;
	t->request = (struct request){
		.arena = t->arena,
		.db = t->db,
		.settings = &t->settings,
		.shared = &t->shared,
		.accounts = t->accounts,
		.model_slot = &t->model,
		.model = t->model,
		.actor = &t->actor,
		.pool = "quick",
		.method = METHOD_POST,
	};
	expect_success(db_execute(t->db, t->arena, "DELETE FROM shelf"));
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *t = *state;

	assert_false(db_in_transaction(t->db));
	return 0;
}

static const struct action *
action(struct fixture *t, const char *entity, const char *name)
{
	const struct action *found = model_action(t->model, entity, name);

	assert_non_null(found);
	return found;
}

static struct error *
run_dry_or_not(struct fixture *t, const char *name, const char *attributes,
	       bool dry_run)
{
	return engine_run(&t->request, action(t, "shelf", name),
			  parsed(t->arena, attributes), dry_run, &t->reply);
}

static struct error *
run(struct fixture *t, const char *name, const char *attributes)
{
	return run_dry_or_not(t, name, attributes, false);
}

static const char *
answer(struct fixture *t)
{
	struct strbuf buf;

	strbuf_init(&buf, t->arena);
	reply_write(&buf, &t->reply);
	return buf.data;
}

static const char *
ask(struct fixture *t, const char *sql)
{
	const char *text = query_text(t->db, t->arena, sql);

	return text ? text : "nothing";
}

/* Attributes that name the only shelf as the subject, and `more`. */
static const char *
on_shelf(struct fixture *t, const char *more)
{
	return arena_printf(t->arena, "{\"shelf_id\":\"%s\"%s}",
			    ask(t, "SELECT reference_id FROM shelf"), more);
}

/* Makes and becomes a new user. */
static void
sign_up(struct fixture *t, const char *name)
{
	struct actor *actor;

	expect_success(engine_run(
		&t->request, action(t, "user_account", "signup"),
		parsed(t->arena,
		       arena_printf(t->arena,
				    "{\"name\":\"%s\",\"email\":"
				    "\"%s@example.com\",\"password\":"
				    "\"12345678\",\"passwordConfirm\":"
				    "\"12345678\"}",
				    name, name)),
		false, &t->reply));
	expect_success(account_actor_now(
		t->db, t->arena, t->model,
		ask(t, arena_printf(t->arena,
				    "SELECT reference_id FROM user_account "
				    "WHERE name = '%s'",
				    name)),
		&actor));
	t->actor = *actor;
}

static void
outcomes_run_in_order_and_see_what_was_made(void **state)
{
	struct fixture *t = *state;

	expect_success(run(t, "fill",
			   "{\"title\":\" Poems \",\"width\":\"80\","
			   "\"open\":1,\"other\":\"o\",\"user\":"
			   "{\"email\":\"forged\"}}"));
	assert_string_equal(
		answer(t),
		"[{\"ResponseType\":\"client.notify\",\"Attributes\":"
		"{\"message\":\"Created shelf\",\"title\":\"Success\","
		"\"type\":\"success\"}},"
		"{\"ResponseType\":\"client.notify\",\"Attributes\":"
		"{\"title\":\"open\"}},"
		"{\"ResponseType\":\"said\",\"Attributes\":{\"made\":\"Poems\","
		"\"of\":\"\",\"raw\":\"o\",\"width\":80}}]");
	assert_string_equal(ask(t, "SELECT width FROM shelf "
				   "WHERE title = 'Poems'"),
			    "80");
}

static void
every_input_at_fault_is_named(void **state)
{
	struct fixture *t = *state;
	struct error *error = run(t, "fill", "{\"title\":\"x\",\"width\":-1}");

	expect_error(error, 400, "validation-failed");
	assert_string_equal(error->pointer, "/attributes/title");
	assert_string_equal(error->next->pointer, "/attributes/width");
	expect_error(run(t, "fill", "{\"title\":\"xx\",\"open\":\"maybe\"}"),
		     400, "bad-input");
	expect_error(run(t, "fill", "{\"title\":\"xx\",\"files\":\"a.txt\"}"),
		     400, "bad-input");
	expect_error(run(t, "fill",
			 "{\"title\":\"xx\",\"files\":"
			 "[{\"name\":\"../a\"}]}"),
		     400, "bad-input");
	expect_error(run(t, "fill",
			 "{\"title\":\"xx\",\"files\":"
			 "[{\"name\":\"a/b\"}]}"),
		     400, "bad-input");
	assert_string_equal(ask(t, "SELECT count(*) FROM shelf"), "0");
}

static void
all_outcomes_happen_or_none(void **state)
{
	struct fixture *t = *state;

	assert_int_equal(run(t, "twice", "{\"title\":\"same\"}")->status, 409);
	assert_string_equal(ask(t, "SELECT count(*) FROM shelf"), "0");
}

static void
continue_on_error_undoes_one_outcome(void **state)
{
	struct fixture *t = *state;

	expect_success(run(t, "twice_tolerantly", "{\"title\":\"same\"}"));
	assert_string_equal(ask(t, "SELECT count(*) FROM shelf"), "2");
	assert_int_equal(t->reply.nitems, 3);
	assert_non_null(strstr(answer(t), "\"title\":\"Failed\""));
}

static void
the_subject_is_read_and_changed(void **state)
{
	struct fixture *t = *state;

	expect_success(run(t, "fill", "{\"title\":\"Poems\"}"));
	expect_success(run(t, "rename", on_shelf(t, ",\"title\":\"Plays\"")));
	assert_string_equal(t->reply.items[0].type, "shelf");
	assert_non_null(strstr(answer(t), "Poems became Plays"));
	assert_string_equal(ask(t, "SELECT title FROM shelf"), "Plays");
	expect_success(run(t, "remove", on_shelf(t, "")));
	assert_non_null(strstr(answer(t), "\"Deleted shelf\""));
	assert_string_equal(ask(t, "SELECT count(*) FROM shelf"), "0");
}

static void
a_row_stands_for_its_reference_id(void **state)
{
	struct fixture *t = *state;

	expect_success(run(t, "fill", "{\"title\":\"lower\"}"));
	expect_success(run(t, "stack", on_shelf(t, "")));
	assert_string_equal(ask(t, "SELECT b.title FROM shelf a "
				   "JOIN shelf b ON b.id = a.below"),
			    "lower");
}

static void
a_subject_that_is_not_there_is_404(void **state)
{
	struct fixture *t = *state;

	expect_error(run(t, "rename", "{\"title\":\"x\"}"), 400,
		     "subject-required");
	expect_error(run(t, "rename", "{\"shelf_id\":\"x\"}"), 404,
		     "not-found");
	expect_error(run(t, "rename", "{\"shelf_id\":7}"), 404, "not-found");
	expect_error(run(t, "rename",
			 "{\"shelf_id\":"
			 "\"6ba7b810-9dad-11d1-80b4-00c04fd430c8\"}"),
		     404, "not-found");
}

static void
an_invisible_subject_is_absent_and_a_locked_one_refused(void **state)
{
	struct fixture *t = *state;

	expect_success(run(t, "fill", "{\"title\":\"Poems\"}"));
	expect_success(
		db_execute(t->db, t->arena, "UPDATE shelf SET permission = 0"));
	expect_error(run(t, "rename", on_shelf(t, ",\"title\":\"x\"")), 404,
		     "not-found");
	expect_success(
		db_execute(t->db, t->arena, "UPDATE shelf SET permission = 3"));
	assert_int_equal(
		run(t, "rename", on_shelf(t, ",\"title\":\"x\""))->status, 403);
	t->actor.is_administrator = true;
	expect_success(run(t, "rename", on_shelf(t, ",\"title\":\"x\"")));
}

static void
without_execute_an_action_is_refused(void **state)
{
	struct fixture *t = *state;
	struct action closed = *action(t, "shelf", "fill");

	closed.permission = 0;
	expect_error(engine_run(&t->request, &closed,
				parsed(t->arena, "{\"title\":\"x\"}"), false,
				&t->reply),
		     403, "forbidden");
}

static void
a_dry_run_lists_changes_and_makes_none(void **state)
{
	struct fixture *t = *state;
	struct json_object *changes;
	struct json_object *change;

	expect_success(run(t, "fill", "{\"title\":\"Poems\"}"));
	expect_success(run_dry_or_not(
		t, "rename", on_shelf(t, ",\"title\":\"Plays\""), true));
	assert_int_equal(t->reply.nitems, 3);
	assert_string_equal(t->reply.items[2].type, "client.dry_run");
	changes = json_object_object_get(t->reply.items[2].beside, "changes");
	assert_int_equal(json_object_array_length(changes), 1);
	change = json_object_array_get_idx(changes, 0);
	assert_string_equal(json_object_get_string(json_object_object_get(
				    change, "operation")),
			    "update");
	assert_non_null(
		strstr(json_object_to_json_string(
			       json_object_object_get(change, "before")),
		       "Poems"));
	assert_non_null(strstr(json_object_to_json_string(
				       json_object_object_get(change, "after")),
			       "Plays"));
	assert_string_equal(ask(t, "SELECT title FROM shelf"), "Poems");
}

static void
for_each_runs_once_for_every_item(void **state)
{
	struct fixture *t = *state;
	struct strbuf many;

	expect_success(run(t, "many", "{\"titles\":[\"aa\",\"bb\"]}"));
	assert_string_equal(answer(t),
			    "[{\"ResponseType\":\"said\",\"Attributes\":"
			    "{\"second\":\"bb\"}}]");
	assert_string_equal(ask(t, "SELECT width FROM shelf "
				   "WHERE title = 'bb'"),
			    "11");
	strbuf_init(&many, t->arena);
	strbuf_puts(&many, "{\"titles\":[0");
	for (int i = 0; i < FOR_EACH_MAX; i++)
		strbuf_puts(&many, ",0");
	strbuf_puts(&many, "]}");
	expect_error(run(t, "many", many.data), 400, "list-too-long");
}

static void
rows_are_found_by_get_outcomes(void **state)
{
	struct fixture *t = *state;

	expect_success(run(t, "many", "{\"titles\":[\"aa\",\"bb\"]}"));
	expect_success(run(t, "look", "{\"title\":\"bb\"}"));
	assert_int_equal(t->reply.nitems, 2);
	assert_string_equal(t->reply.items[0].type, "shelf");
	assert_int_equal(json_object_array_length(t->reply.items[0].attributes),
			 1);
	assert_string_equal(json_object_get_string(json_object_object_get(
				    t->reply.items[1].attributes, "title")),
			    "bb");
	expect_error(run(t, "look", "{\"title\":\"cc\"}"), 400,
		     "bad-reference");
}

static void
a_response_can_have_a_type_that_is_worked_out(void **state)
{
	struct fixture *t = *state;

	expect_success(run(t, "say", "{\"kind\":\"client.x\"}"));
	assert_string_equal(answer(t), "[{\"ResponseType\":\"client.x\","
				       "\"Attributes\":{\"a\":1}}]");
	expect_error(run(t, "say", "{}"), 400, "bad-input");
}

static void
parts_that_are_missing_say_so(void **state)
{
	struct fixture *t = *state;

	expect_error(run(t, "script", "{}"), 501, "no-evaluator");
	expect_error(run(t, "mail", "{}"), 501, "no-performer");
}

static void
sign_up_tells_of_three_rows(void **state)
{
	struct fixture *t = *state;
	uint64_t access = atomic_load(&t->shared.access_generation);

	sign_up(t, "ann");
	assert_int_equal(t->reply.nitems, 5);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(
			strncmp(json_object_get_string(json_object_object_get(
					t->reply.items[i].attributes,
					"message")),
				"Created ", 8),
			0);
	assert_true(atomic_load(&t->shared.access_generation) > access);
	assert_string_equal(ask(t,
				"SELECT count(*) FROM user_account "
				"WHERE name = 'ann' AND password LIKE '$2%'"),
			    "1");
	assert_int_not_equal(t->actor.home_group, 0);
}

static void
sign_up_needs_a_password(void **state)
{
	struct fixture *t = *state;
	const struct action *signup = action(t, "user_account", "signup");

	expect_error(
		engine_run(&t->request, signup,
			   parsed(t->arena, "{\"name\":\"x\","
					    "\"email\":\"x@example.com\"}"),
			   false, &t->reply),
		400, "validation-failed");
	expect_error(
		engine_run(&t->request, signup,
			   parsed(t->arena, "{\"name\":\"x\",\"password\":"
					    "\"12345678\",\"passwordConfirm\":"
					    "\"12345678\"}"),
			   false, &t->reply),
		400, "validation-failed");
}

static void
switch_user_goes_on_as_somebody_else(void **state)
{
	struct fixture *t = *state;
	const char *attributes;

	sign_up(t, "ben");
	attributes = arena_printf(t->arena, "{\"who\":\"%s\"}",
				  t->actor.reference_id);
	sign_up(t, "cleo");
	expect_success(run(t, "become", attributes));
	assert_string_equal(ask(t, "SELECT u.name FROM shelf s "
				   "JOIN user_account u "
				   "ON u.id = s.user_account_id"),
			    "ben");
	assert_ptr_equal(t->request.actor, &t->actor);
	expect_error(run(t, "become",
			 "{\"who\":"
			 "\"6ba7b810-9dad-11d1-80b4-00c04fd430c8\"}"),
		     404, "unknown-user");
}

static void
a_performer_decides_the_pool(void **state)
{
	struct fixture *t = *state;

	assert_string_equal(engine_pool(t->arena, action(t, "user_account", "signin")),
			    "hash");
	assert_string_equal(engine_pool(t->arena, action(t, "user_account", "signup")),
			    "hash");
	assert_string_equal(
		engine_pool(t->arena, action(t, "world", "upload_system_schema")),
		"long");
	assert_null(engine_pool(t->arena, action(t, "shelf", "fill")));
}

static void
an_uploaded_schema_is_applied_and_kept(void **state)
{
	struct fixture *t = *state;
	static const char text[] = "Tables:\n- TableName: box\n  Columns:\n"
				   "  - Name: label\n    ColumnType: label\n";
	const struct action *upload =
		action(t, "world", "upload_system_schema");
	struct json_object *body = parsed(
		t->arena,
		arena_printf(t->arena,
			     "{\"schema_file\":[{\"name\":\"box.yaml\","
			     "\"file\":\"data:text/yaml;base64,%s\"}]}",
			     crypto_base64(t->arena, text, strlen(text))));

	t->actor.is_administrator = true;
	expect_success(engine_run(&t->request, upload, body, true, &t->reply));
	assert_non_null(strstr(answer(t), "CREATE TABLE"));
	assert_string_equal(ask(t, "SELECT to_regclass('box')"), "nothing");
	expect_success(engine_run(&t->request, upload, body, false, &t->reply));
	assert_string_equal(ask(t, "SELECT to_regclass('box')"), "box");
	assert_string_equal(ask(t, "SELECT json_schema FROM json_schema "
				   "WHERE schema_name = 'box.yaml'"),
			    text);
	assert_non_null(model_entity(t->model, "box"));
}

static void
a_schema_with_an_unknown_part_is_refused(void **state)
{
	struct fixture *t = *state;
	struct action bad = *action(t, "shelf", "rename");
	struct outcome outcomes[] = {
		{ .type = "nothing", .method = "POST" },
		{ .type = "__nothing", .method = "EXECUTE" },
		{ .type = "said",
		  .method = "ACTIONRESPONSE",
		  .condition = "$later.x",
		  .attributes = "{\"a\":[\"~user.x $. ok\"],"
				"\"b\":\"see $title.x, $made.id\"}" },
		{ .type = "mail.send", .method = "EXECUTE" },
		{ .type = "said",
		  .method = "ACTIONRESPONSE",
		  .reference = "later" },
	};
	struct error *error;
	size_t count = 0;

	bad.out_fields = outcomes;
	bad.nout_fields = ARRAY_SIZE(outcomes);
	error = engine_check(t->arena, t->model, &bad, "schema_x.yaml");
	expect_error(error, 422, "invalid-schema");
	assert_string_equal(error->detail,
			    "schema_x.yaml: Actions[rename].OutFields[0].Type:"
			    " there is no entity nothing");
	for (; error; error = error->next)
		count++;
	assert_int_equal(count, 4);
	assert_null(engine_check(t->arena, t->model, action(t, "shelf", "fill"),
				 "x"));
}

static void
every_performer_of_the_registry_is_found_by_its_name(void **state UNUSED)
{
	size_t count;
	const struct performer *const *list = performers(&count);

	assert_true(count > 0);
	for (size_t i = 0; i < count; i++) {
		assert_ptr_equal(performer_find(list[i]->name), list[i]);
		assert_non_null(list[i]->summary);
	}
	assert_null(performer_find("__nothing"));
	assert_true(performer_is_reserved("mail.send"));
	assert_true(performer_is_reserved("$network.request"));
	assert_false(performer_is_reserved("$network.requests"));
	assert_false(performer_is_reserved("mailer"));
}

/* Fails the first `failures` inserts as a conflict of transactions does. */
static void
make_inserts_conflict(struct fixture *t, int failures)
{
	expect_success(db_execute(
		t->db, t->arena,
		arena_printf(
			t->arena,
			"DROP SEQUENCE IF EXISTS tries CASCADE;"
			"CREATE SEQUENCE tries;"
			"CREATE OR REPLACE FUNCTION conflict() RETURNS trigger "
			"LANGUAGE plpgsql AS $$BEGIN "
			"IF nextval('tries') <= %d THEN "
			"RAISE 'conflict' USING ERRCODE = '40001'; END IF; "
			"RETURN NEW; END$$;"
			"CREATE OR REPLACE TRIGGER conflict BEFORE INSERT "
			"ON shelf FOR EACH ROW EXECUTE FUNCTION conflict()",
			failures)));
}

static void
a_conflict_runs_the_action_again_three_times_at_most(void **state)
{
	struct fixture *t = *state;

	make_inserts_conflict(t, 2);
	expect_success(run(t, "fill", "{\"title\":\"Poems\"}"));
	assert_int_equal(t->reply.nitems, 2);
	assert_string_equal(ask(t, "SELECT count(*) FROM shelf"), "1");
	make_inserts_conflict(t, 3);
	expect_error(run(t, "fill", "{\"title\":\"Plays\"}"), 409, "retry");
	expect_success(
		db_execute(t->db, t->arena, "DROP TRIGGER conflict ON shelf"));
	assert_string_equal(ask(t, "SELECT count(*) FROM shelf"), "1");
}

#define ENGINE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ENGINE_TEST(outcomes_run_in_order_and_see_what_was_made),
		ENGINE_TEST(every_input_at_fault_is_named),
		ENGINE_TEST(all_outcomes_happen_or_none),
		ENGINE_TEST(continue_on_error_undoes_one_outcome),
		ENGINE_TEST(the_subject_is_read_and_changed),
		ENGINE_TEST(a_row_stands_for_its_reference_id),
		ENGINE_TEST(a_subject_that_is_not_there_is_404),
		ENGINE_TEST(
			an_invisible_subject_is_absent_and_a_locked_one_refused),
		ENGINE_TEST(without_execute_an_action_is_refused),
		ENGINE_TEST(a_dry_run_lists_changes_and_makes_none),
		ENGINE_TEST(
			a_conflict_runs_the_action_again_three_times_at_most),
		ENGINE_TEST(for_each_runs_once_for_every_item),
		ENGINE_TEST(rows_are_found_by_get_outcomes),
		ENGINE_TEST(a_response_can_have_a_type_that_is_worked_out),
		ENGINE_TEST(parts_that_are_missing_say_so),
		ENGINE_TEST(sign_up_tells_of_three_rows),
		ENGINE_TEST(sign_up_needs_a_password),
		ENGINE_TEST(switch_user_goes_on_as_somebody_else),
		ENGINE_TEST(a_performer_decides_the_pool),
		ENGINE_TEST(an_uploaded_schema_is_applied_and_kept),
		ENGINE_TEST(a_schema_with_an_unknown_part_is_refused),
		ENGINE_TEST(
			every_performer_of_the_registry_is_found_by_its_name),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
