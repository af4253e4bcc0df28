/*
 * row_test.c: rows are created, changed, linked and deleted under the rules
 * of permissions, in a real PostgreSQL ($ACTD_DATABASE). The installation has
 * an administrator (root) and two users (ann, bob); the library's tables are
 * open, their rows begin with the default permission.
 */
#include "tests/unit/support.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "db/base/crypto.h"
#include "db/migrate.h"
#include "db/row.h"
#include "db/schema_file.h"
#include "handlers/schema.h"

#define NOWHERE "0190163d-8694-739b-aea5-966c26f8ad99"
#define BOOKS_TAGS "book_book_id_has_tag_tag_id"
#define MEMBERS "user_account_user_account_id_has_usergroup_usergroup_id"
#define BOOKS_GROUPS "book_book_id_has_usergroup_usergroup_id"

static const char LIBRARY[] =
	"{\"Tables\": ["
	" {\"TableName\": \"author\", \"Columns\": ["
	"  {\"ColumnName\": \"name\", \"ColumnType\": \"label\"}]},"
	" {\"TableName\": \"tag\", \"Columns\": ["
	"  {\"ColumnName\": \"name\", \"ColumnType\": \"label\"}]},"
	" {\"TableName\": \"book\", \"IsAuditEnabled\": true, \"Columns\": ["
	"  {\"ColumnName\": \"title\", \"ColumnType\": \"label\"},"
	"  {\"ColumnName\": \"isbn\", \"ColumnType\": \"label\","
	"   \"IsNullable\": true, \"IsUnique\": true},"
	"  {\"ColumnName\": \"pages\", \"ColumnType\": \"measurement\","
	"   \"DataType\": \"int(11)\", \"DefaultValue\": \"100\"},"
	"  {\"ColumnName\": \"code\", \"ColumnType\": \"encrypted\","
	"   \"IsNullable\": true},"
	"  {\"ColumnName\": \"inner_note\", \"ColumnType\": \"label\","
	"   \"IsNullable\": true, \"ExcludeFromApi\": true}]},"
	" {\"TableName\": \"loan\", \"Columns\": ["
	"  {\"ColumnName\": \"reader\", \"ColumnType\": \"label\"}]},"
	" {\"TableName\": \"page\", \"Columns\": ["
	"  {\"ColumnName\": \"text\", \"ColumnType\": \"content\"}]},"
	" {\"TableName\": \"shelf\", \"Columns\": ["
	"  {\"ColumnName\": \"place\", \"ColumnType\": \"label\"}]}],"
	"\"Relations\": ["
	" {\"Subject\": \"book\", \"Relation\": \"has_one\","
	"  \"Object\": \"author\"},"
	" {\"Subject\": \"book\", \"Relation\": \"has_many\","
	"  \"Object\": \"tag\"},"
	" {\"Subject\": \"loan\", \"Relation\": \"belongs_to\","
	"  \"Object\": \"book\"},"
	" {\"Subject\": \"page\", \"Relation\": \"belongs_to\","
	"  \"Object\": \"book\", \"OnDelete\": \"cascade\"},"
	" {\"Subject\": \"shelf\", \"Relation\": \"has_one\","
	"  \"Object\": \"book\", \"OnDelete\": \"set_null\"}]}";

/* root administers; ann and bob are in "readers" and nothing else. */
static const char PEOPLE[] =
	"INSERT INTO user_account (name, email, permission)"
	" VALUES ('root', 'root@example.org', 2097057),"
	" ('ann', 'ann@example.org', 2097057),"
	" ('bob', 'bob@example.org', 2097057);"
	"UPDATE user_account SET user_account_id = id;"
	"INSERT INTO usergroup (name, permission) VALUES ('readers', 2097057);"
	"INSERT INTO " MEMBERS " (user_account_id, usergroup_id, permission)"
	" SELECT a.id, g.id, 2097057 FROM user_account a, usergroup g"
	" WHERE (a.name, g.name) IN (('root', 'administrators'),"
	" ('ann', 'readers'), ('bob', 'readers'));"
	"UPDATE world SET permission = 2097057, default_permission = 2097057;"
	"UPDATE world SET permission = 2097151 WHERE table_name IN ('author',"
	" 'tag', 'book', 'loan', 'page', 'shelf', '" BOOKS_TAGS "')";

static const char EMPTY[] =
	"TRUNCATE author, tag, book, book_audit, loan, page, shelf CASCADE";

static struct db_settings settings;

static const struct value_settings values = {
	.hash_cost = 4,
	.encryption_key =
		(const unsigned char *)"0123456789abcdef0123456789abcdef",
};

static struct db *db;
static struct model *model;
static struct arena *arena;
static struct actor root, ann, bob;

static void
run(const char *sql)
{
	expect_success(db_execute(db, arena, sql));
}

static const char *
ask(const char *sql)
{
	return query_text(db, arena, sql);
}

static struct actor
actor_named(struct arena *owner, const char *name, bool is_administrator)
{
	struct actor actor = { .name = name,
			       .is_administrator = is_administrator };
	int64_t *group = ARENA_NEW(owner, int64_t);

	actor.id = strtoll(ask(arena_printf(owner,
					    "SELECT id FROM user_account"
					    " WHERE name = '%s'",
					    name)),
			   NULL, 10);
	actor.reference_id = arena_strdup(
		owner, ask(arena_printf(owner,
					"SELECT reference_id FROM user_account"
					" WHERE name = '%s'",
					name)));
	*group = strtoll(ask("SELECT id FROM usergroup WHERE name = 'readers'"),
			 NULL, 10);
	actor.groups = group;
	actor.ngroups = 1;
	actor.groups_array = arena_printf(owner, "{%lld}", (long long)*group);
	actor.home_group = *group;
	return actor;
}

static int
set_up_installation(void **state UNUSED)
{
	struct schema *schema;

	settings = database_settings();
	arena = arena_new();
	db = db_new(&settings);
	empty_database(db, arena);
	schema = ARENA_NEW(arena, struct schema);
	expect_success(schema_add_system(arena, schema));
	expect_success(schema_add_file(arena, "schema_library.json", LIBRARY,
				       strlen(LIBRARY), schema));
	expect_success(migrate(db, arena, schema, false, NULL));
	expect_success(db_finish(db, arena));
	run(PEOPLE);
	expect_success(model_load(db, arena, &model));
	assert_true(model->has_administrator);
	root = actor_named(model->arena, "root", true);
	ann = actor_named(model->arena, "ann", false);
	bob = actor_named(model->arena, "bob", false);
	arena_free(arena);
	return 0;
}

static int
tear_down_installation(void **state UNUSED)
{
	arena_free(model->arena);
	db_free(db);
	return 0;
}

static int
setup(void **state UNUSED)
{
	arena = arena_new();
	run(EMPTY);
	return 0;
}

static int
teardown(void **state UNUSED)
{
	db_abandon(db);
	arena_free(arena);
	return 0;
}

/* What the worker does at the end of a request. */
static struct error *
finish(struct error *error)
{
	if (!error)
		return db_finish(db, arena);
	db_abandon(db);
	return error;
}

static void
put_json(void *object)
{
	json_object_put(object);
}

/* Single quotes stand for double ones. */
static struct json_object *
json(const char *text)
{
	char *quoted = arena_strdup(arena, text);
	struct json_object *object;

	if (!text || !strcmp(text, "null"))
		return NULL;
	for (char *p = quoted; *p; p++)
		if (*p == '\'')
			*p = '"';
	object = json_tokener_parse(quoted);
	if (!object)
		fail_msg("no JSON: %s", quoted);
	arena_defer(arena, put_json, object);
	return object;
}

static struct row_context
context_of(const struct actor *actor)
{
	return (struct row_context){ .db = db,
				     .arena = arena,
				     .model = model,
				     .actor = actor,
				     .values = &values };
}

static struct row last;

static struct error *
create(const struct actor *actor, const char *entity, const char *attributes,
       const char *relationships)
{
	struct row_context context = context_of(actor);

	return finish(row_create(&context, model_entity(model, entity), NULL,
				 json(attributes), json(relationships), &last));
}

static struct error *
update(const struct actor *actor, const char *entity, const char *id,
       const char *attributes, const char *relationships)
{
	struct row_context context = context_of(actor);

	return finish(row_update(&context, model_entity(model, entity), id,
				 json(attributes), json(relationships), -1,
				 &last));
}

static struct error *delete (const struct actor *actor, const char *entity,
			     const char *id)
{
	struct row_context context = context_of(actor);

	return finish(row_delete(&context, model_entity(model, entity), id));
}

static struct error *
link_rows(const struct actor *actor, const char *entity, const char *id,
	  const char *name, enum link_change change, const char *data)
{
	struct row_context context = context_of(actor);
	const struct entity *subject = model_entity(model, entity);
	const struct relationship *relationship =
		entity_relationship(subject, name);

	assert_non_null(relationship);
	return finish(row_link(&context, subject, id, relationship, change,
			       json(data)));
}

static void
expect(struct error *error, int status, const char *pointer)
{
	if (!error)
		fail_msg("no error, %d was expected", status);
	if (error->status != status)
		fail_msg("%d was expected, not %d: %s", status, error->status,
			 error->detail);
	if (!pointer)
		return;
	if (!error->pointer)
		fail_msg("no pointer: %s", error->detail);
	assert_string_equal(error->pointer, pointer);
}

/* A row of ann's (or another's), by SQL where rights are not the point. */
static const char *
made(const struct actor *actor, const char *entity, const char *attributes)
{
	expect_success(create(actor, entity, attributes, NULL));
	return arena_strdup(arena,
			    rows_text(last.rows, 0, SELECTION_REFERENCE_ID));
}

static void
permit(const char *entity, const char *id, const char *permission)
{
	run(arena_printf(arena,
			 "UPDATE %s SET permission = %s"
			 " WHERE reference_id = '%s'",
			 entity, permission, id));
}

static const char *
field(const char *entity, const char *id, const char *column)
{
	return ask(arena_printf(arena,
				"SELECT %s FROM %s WHERE reference_id = '%s'",
				column, entity, id));
}

static const char *
of(const char *format, const char *id)
{
	struct strbuf buf;
	const char *mark = strchr(format, '$');

	strbuf_init(&buf, arena);
	strbuf_add(&buf, format, (size_t)(mark - format));
	strbuf_puts(&buf, id);
	strbuf_puts(&buf, mark + 1);
	return buf.data;
}

static const char *
answered(const char *name)
{
	for (size_t i = 0; i < last.selection->ncolumns; i++)
		if (!strcmp(last.selection->columns[i]->column_name, name))
			return rows_text(last.rows, 0, SELECTION_FIRST + i);
	fail_msg("no column %s in the answer", name);
	return NULL;
}

/* Create. */

static void
a_new_row_has_its_owner_and_defaults(void **state UNUSED)
{
	const char *id = made(&ann, "book", "{'title':'Emma'}");

	assert_string_equal(answered("title"), "Emma");
	assert_string_equal(answered("pages"), "100");
	assert_string_equal(answered("permission"), "2097057");
	assert_string_equal(answered("user_account_id"), ann.reference_id);
	assert_string_equal(field("book", id, "version"), "1");
	assert_non_null(field("book", id, "updated_at"));
	assert_true(crypto_is_uuid(id));
}

static void
a_plain_create_is_one_statement(void **state UNUSED)
{
	struct row_context context = context_of(&ann);

	expect_success(row_create(&context, model_entity(model, "book"), NULL,
				  json("{'title':'Emma'}"), NULL, &last));
	assert_false(db_in_transaction(db));
}

static void
the_servers_columns_are_not_the_clients(void **state UNUSED)
{
	const char *id =
		made(&ann, "book",
		     of("{'title':'Emma','permission':2097151,"
			"'user_account_id':'$','id':7,'version':9,"
			"'reference_id':'" NOWHERE "','inner_note':'x',"
			"'created_at':'2001-01-01','colour':'blue'}",
			bob.reference_id));

	assert_string_equal(answered("permission"), "2097057");
	assert_string_equal(answered("user_account_id"), ann.reference_id);
	assert_string_not_equal(id, NOWHERE);
	assert_string_equal(field("book", id, "version"), "1");
	assert_string_equal(field("book", id, "created_at > '2002-01-01'"),
			    "t");
	assert_null(field("book", id, "inner_note"));
}

static void
administrators_choose_permission_and_owner(void **state UNUSED)
{
	made(&root, "book",
	     of("{'title':'Emma','permission':3,'user_account_id':'$'}",
		bob.reference_id));
	assert_string_equal(answered("permission"), "3");
	assert_string_equal(answered("user_account_id"), bob.reference_id);
	expect(create(&root, "book", "{'title':'x','permission':127127127}",
		      NULL),
	       422, "/data/attributes/permission");
}

static void
a_guests_row_has_no_owner(void **state UNUSED)
{
	const char *id = made(&actor_guest, "book", "{'title':'Emma'}");

	assert_null(field("book", id, "user_account_id"));
}

static void
all_faulty_values_are_named(void **state UNUSED)
{
	struct error *error =
		create(&ann, "book", "{'title':['x'],'pages':'many'}", NULL);

	expect(error, 422, "/data/attributes/title");
	assert_non_null(error->next);
	assert_string_equal(error->next->pointer, "/data/attributes/pages");
	expect(create(&ann, "book", "{}", NULL), 422, "/data/attributes/title");
	expect(create(&ann, "book", "{'title':null}", NULL), 422,
	       "/data/attributes/title");
	assert_string_equal(ask("SELECT count(*) FROM book"), "0");
}

static void
a_closed_table_takes_no_rows(void **state UNUSED)
{
	expect(create(&ann, "world", "{'table_name':'x'}", NULL), 403, NULL);
	expect(create(&actor_guest, "site", "{'name':'x'}", NULL), 403, NULL);
}

static void
a_trusted_create_passes_the_table(void **state UNUSED)
{
	struct row_context context = context_of(&ann);

	context.trusted = true;
	expect_success(row_create(&context, model->usergroup, NULL,
				  json("{'name':'trusted'}"), NULL, &last));
	expect_success(finish(NULL));
	expect_success(
		delete (&root, "usergroup",
			rows_text(last.rows, 0, SELECTION_REFERENCE_ID)));
}

static struct error *
refuse_all(struct arena *where, const struct entity *entity UNUSED,
	   struct json_object *attributes, bool creating)
{
	json_object_object_add(attributes, "title",
			       json_object_new_string("changed"));
	return creating ? NULL : error_new(where, 422, "no", "No.");
}

static void
the_check_sees_attributes_first(void **state UNUSED)
{
	struct row_context context = context_of(&ann);
	const struct entity *book = model_entity(model, "book");

	context.check = refuse_all;
	expect_success(row_create(&context, book, NULL, json("{'title':'x'}"),
				  NULL, &last));
	assert_string_equal(answered("title"), "changed");
	expect(row_update(&context, book,
			  rows_text(last.rows, 0, SELECTION_REFERENCE_ID),
			  json("{'title':'x'}"), NULL, -1, &last),
	       422, NULL);
}

static void
an_id_is_taken_once(void **state UNUSED)
{
	struct row_context context = context_of(&ann);
	const struct entity *book = model_entity(model, "book");

	expect_success(row_create(&context, book, NOWHERE,
				  json("{'title':'x'}"), NULL, &last));
	assert_string_equal(rows_text(last.rows, 0, SELECTION_REFERENCE_ID),
			    NOWHERE);
	expect(row_create(&context, book, NOWHERE, json("{'title':'x'}"), NULL,
			  &last),
	       409, "/data/id");
	expect(row_create(&context, book, "1 or 1=1", json("{'title':'x'}"),
			  NULL, &last),
	       422, "/data/id");
}

static void
a_unique_value_is_taken_once(void **state UNUSED)
{
	made(&ann, "book", "{'title':'x','isbn':'1'}");
	expect(create(&bob, "book", "{'title':'y','isbn':'1'}", NULL), 409,
	       "/data/attributes/isbn");
}

/* Keys. */

static void
a_key_needs_refer_on_a_visible_row(void **state UNUSED)
{
	const char *author = made(&ann, "author", "{'name':'Jane'}");
	const char *book = of("{'title':'Emma','author_id':'$'}", author);

	expect_success(create(&ann, "book", book, NULL));
	assert_string_equal(answered("author_id"), author);
	expect(create(&bob, "book", book, NULL), 422,
	       "/data/attributes/author_id");
	expect(create(&bob, "book", "{'title':'x','author_id':'" NOWHERE "'}",
		      NULL),
	       422, "/data/attributes/author_id");
	permit("author", author, "2097059");
	expect(create(&bob, "book", book, NULL), 403,
	       "/data/attributes/author_id");
	permit("author", author, "2097123");
	expect_success(create(&bob, "book", book, NULL));
	assert_string_equal(ask("SELECT count(*) FROM book"), "2");
}

static void
absent_and_hidden_targets_look_the_same(void **state UNUSED)
{
	const char *author = made(&ann, "author", "{'name':'Jane'}");
	struct error *hidden =
		create(&bob, "book",
		       of("{'title':'x','author_id':'$'}", author), NULL);
	struct error *absent = create(
		&bob, "book", "{'title':'x','author_id':'" NOWHERE "'}", NULL);
	struct error *malformed = create(
		&bob, "book", "{'title':'x','author_id':'1 or 1=1'}", NULL);

	expect(hidden, 422, NULL);
	assert_string_equal(hidden->detail, absent->detail);
	assert_string_equal(hidden->detail, malformed->detail);
	assert_string_equal(hidden->code, absent->code);
}

static void
an_id_is_not_cut_at_a_nul(void **state UNUSED)
{
	const char *author = made(&ann, "author", "{'name':'Jane'}");
	const char *tag = made(&ann, "tag", "{'name':'fun'}");
	const char *book = made(&ann, "book", "{'title':'Emma'}");

	expect(create(&ann, "book",
		      of("{'title':'x','author_id':'$\\u0000'}", author), NULL),
	       422, "/data/attributes/author_id");
	expect(link_rows(&ann, "book", book, "tag_id", LINK_ADD,
			 of("[{'type':'tag','id':'$\\u0000'}]", tag)),
	       422, "/data");
}

static void
a_key_may_be_a_relationship(void **state UNUSED)
{
	const char *author = made(&ann, "author", "{'name':'Jane'}");
	const char *id;

	expect_success(
		create(&ann, "book", "{'title':'Emma'}",
		       of("{'author_id':{'data':{'type':'author','id':'$'}}}",
			  author)));
	id = rows_text(last.rows, 0, SELECTION_REFERENCE_ID);
	assert_string_equal(answered("author_id"), author);
	expect(update(&ann, "book", id, NULL,
		      "{'author_id':{'data':{'id':'" NOWHERE "'}}}"),
	       422, "/data/relationships/author_id/data");
	expect_success(
		update(&ann, "book", id, NULL, "{'author_id':{'data':null}}"));
	assert_null(answered("author_id"));
}

static void
a_run_may_refer_to_what_it_made(void **state UNUSED)
{
	struct row_context context = context_of(&actor_guest);
	const char *group, *account;

	context.trusted = true;
	db_begin(db);
	expect_success(row_create(&context, model->usergroup, NULL,
				  json("{'name':'home'}"), NULL, &last));
	group = rows_text(last.rows, 0, SELECTION_REFERENCE_ID);
	expect_success(row_create(&context, model->user_account, NULL,
				  json("{'name':'new','email':'n@example.org',"
				       "'password':'secret'}"),
				  NULL, &last));
	account = rows_text(last.rows, 0, SELECTION_REFERENCE_ID);
	expect_success(row_create(&context, model->membership, NULL,
				  json(arena_printf(arena,
						    "{'user_account_id':'%s',"
						    "'usergroup_id':'%s'}",
						    account, group)),
				  NULL, &last));
	/* but to nothing else, whose being there is not told */
	expect(row_create(&context, model->membership, NULL,
			  json(arena_printf(arena,
					    "{'user_account_id':'%s',"
					    "'usergroup_id':'%s'}",
					    ann.reference_id, group)),
			  NULL, &last),
	       422, "/data/attributes/user_account_id");
}

/* Groups and accounts. */

static void
an_account_owns_itself_and_joins_users(void **state UNUSED)
{
	const char *id = made(&root, "user_account",
			      "{'name':'eve','email':'eve@example.org',"
			      "'password':'secret','auth_version':7}");

	assert_string_equal(answered("user_account_id"), id);
	assert_string_equal(answered("password"), "");
	assert_string_equal(field("user_account", id, "auth_version"), "1");
	assert_true(crypto_password_verify(
		"secret", field("user_account", id, "password"), 4));
	assert_string_equal(
		ask("SELECT string_agg(g.name, ',') FROM " MEMBERS
		    " m JOIN usergroup g ON g.id = m.usergroup_id"
		    " JOIN user_account a ON a.id = m.user_account_id"
		    " WHERE a.name = 'eve'"),
		"users");
	expect_success(
		update(&root, "user_account", id, "{'password':''}", NULL));
	assert_string_equal(field("user_account", id, "auth_version"), "1");
	expect_success(update(&root, "user_account", id, "{'password':'other'}",
			      NULL));
	assert_string_equal(field("user_account", id, "auth_version"), "2");
	expect_success(delete (&root, "user_account", id));
}

static void
whoever_makes_a_group_is_in_it(void **state UNUSED)
{
	const char *id = made(&root, "usergroup", "{'name':'club'}");

	assert_string_equal(ask("SELECT a.name FROM " MEMBERS
				" m JOIN usergroup g ON g.id = m.usergroup_id"
				" JOIN user_account a ON a.id ="
				" m.user_account_id WHERE g.name = 'club'"),
			    "root");
	expect_success(delete (&root, "usergroup", id));
}

static const char *
group_id(const char *name)
{
	return ask(arena_printf(arena,
				"SELECT reference_id FROM usergroup"
				" WHERE name = '%s'",
				name));
}

static const char *
identifier(const char *type, const char *id)
{
	return arena_printf(arena, "{'type':'%s','id':'%s'}", type, id);
}

/* Opens tables while `test` runs, as an administrator might. */
static void
with_open_groups(void (*test)(void))
{
	int64_t group = model->usergroup->permission;
	int64_t member = model->membership->permission;
	int64_t shared = model_entity(model, BOOKS_GROUPS)->permission;

	model->usergroup->permission = PERMISSION_ALL;
	model->membership->permission = PERMISSION_ALL;
	model_entity(model, BOOKS_GROUPS)->permission = PERMISSION_ALL;
	test();
	model->usergroup->permission = group;
	model->membership->permission = member;
	model_entity(model, BOOKS_GROUPS)->permission = shared;
}

static void
try_to_join(void)
{
	const char *names[] = { "administrators", "users" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *id = group_id(names[i]);
		const char *link = identifier("usergroup", id);

		permit("usergroup", id, "2097123");
		expect(create(&ann, MEMBERS,
			      arena_printf(arena,
					   "{'user_account_id':'%s',"
					   "'usergroup_id':'%s'}",
					   ann.reference_id, id),
			      NULL),
		       403, "/data/attributes/usergroup_id");
		expect(link_rows(&ann, "user_account", ann.reference_id,
				 "usergroup_id", LINK_ADD, of("[$]", link)),
		       403, NULL);
		expect(update(&ann, "user_account", ann.reference_id, NULL,
			      of("{'usergroup_id':{'data':[$]}}", link)),
		       403, NULL);
		expect(link_rows(&ann, "usergroup", id, "user_account_id",
				 LINK_ADD,
				 of("[$]", identifier("user_account",
						      ann.reference_id))),
		       403, NULL);
		permit("usergroup", id, "2097057");
	}
	assert_string_equal(ask("SELECT count(*) FROM " MEMBERS
				" m JOIN user_account a ON a.id ="
				" m.user_account_id WHERE a.name = 'ann'"),
			    "1");
}

static void
nobody_joins_a_group_by_himself(void **state UNUSED)
{
	with_open_groups(try_to_join);
	expect(create(&ann, MEMBERS,
		      arena_printf(arena,
				   "{'user_account_id':'%s',"
				   "'usergroup_id':'%s'}",
				   ann.reference_id, group_id("users")),
		      NULL),
	       403, NULL);
}

static void
try_even_if_changeable(void)
{
	const char *id = group_id("administrators");

	permit("usergroup", id, "2097151");
	expect(create(&ann, MEMBERS,
		      arena_printf(arena,
				   "{'user_account_id':'%s',"
				   "'usergroup_id':'%s'}",
				   ann.reference_id, id),
		      NULL),
	       403, NULL);
	expect(link_rows(&ann, "user_account", ann.reference_id, "usergroup_id",
			 LINK_ADD, of("[$]", identifier("usergroup", id))),
	       403, NULL);
	permit("usergroup", id, "2097057");
}

static void
only_administrators_make_administrators(void **state UNUSED)
{
	with_open_groups(try_even_if_changeable);
}

static void
try_to_remove_links(void)
{
	const char *readers = group_id("readers");
	const char *others =
		of("[$]", identifier("user_account", bob.reference_id));

	/* not a member's right either, without Update on the group */
	permit("usergroup", readers, "3");
	model->usergroup->default_permission = 1;
	expect(link_rows(&ann, "usergroup", readers, "user_account_id",
			 LINK_REMOVE, others),
	       403, NULL);
	expect(link_rows(&ann, "usergroup", readers, "user_account_id",
			 LINK_REPLACE, "[]"),
	       403, NULL);
	model->usergroup->default_permission = 2097057;
	permit("usergroup", readers, "2097057");
	assert_string_equal(ask("SELECT count(*) FROM " MEMBERS
				" m JOIN usergroup g ON g.id = m.usergroup_id"
				" WHERE g.name = 'readers'"),
			    "2");
}

static void
others_links_stay(void **state UNUSED)
{
	with_open_groups(try_to_remove_links);
}

static void
administrators_change_membership(void **state UNUSED)
{
	const char *users = group_id("users");
	const char *link = of("[$]", identifier("usergroup", users));

	expect_success(link_rows(&root, "user_account", ann.reference_id,
				 "usergroup_id", LINK_ADD, link));
	expect_success(link_rows(&root, "user_account", ann.reference_id,
				 "usergroup_id", LINK_ADD, link));
	assert_string_equal(ask("SELECT count(*) FROM " MEMBERS
				" m JOIN user_account a ON a.id ="
				" m.user_account_id WHERE a.name = 'ann'"),
			    "2");
	expect(create(&root, MEMBERS,
		      arena_printf(arena,
				   "{'user_account_id':'%s',"
				   "'usergroup_id':'%s'}",
				   ann.reference_id, users),
		      NULL),
	       409, "/data/attributes/usergroup_id");
	expect_success(link_rows(&root, "user_account", ann.reference_id,
				 "usergroup_id", LINK_REMOVE, link));
	assert_string_equal(ask("SELECT count(*) FROM " MEMBERS
				" m JOIN user_account a ON a.id ="
				" m.user_account_id WHERE a.name = 'ann'"),
			    "1");
}

static void
the_last_administrator_stays(void **state UNUSED)
{
	const char *membership =
		ask("SELECT m.reference_id FROM " MEMBERS
		    " m JOIN usergroup g ON g.id = m.usergroup_id"
		    " WHERE g.name = 'administrators'");
	const char *administrators = group_id("administrators");
	const char *link = of("[$]", identifier("usergroup", administrators));

	expect(delete (&root, "user_account", root.reference_id), 409, NULL);
	expect(delete (&root, MEMBERS, membership), 409, NULL);
	expect(delete (&root, "usergroup", administrators), 409, NULL);
	expect(link_rows(&root, "user_account", root.reference_id,
			 "usergroup_id", LINK_REMOVE, link),
	       409, NULL);
	expect(link_rows(&root, "usergroup", administrators, "user_account_id",
			 LINK_REPLACE, "[]"),
	       409, NULL);
	assert_string_equal(field(MEMBERS, membership, "count(*)"), "1");
	expect_success(link_rows(&root, "user_account", ann.reference_id,
				 "usergroup_id", LINK_ADD, link));
	expect_success(link_rows(&root, "user_account", ann.reference_id,
				 "usergroup_id", LINK_REMOVE, link));
}

static void
try_to_share(void)
{
	const char *readers = group_id("readers");
	const char *book = made(&ann, "book", "{'title':'Emma'}");
	const char *link = of("[$]", identifier("usergroup", readers));
	const char *attributes = arena_printf(
		arena, "{'book_id':'%s','usergroup_id':'%s'}", book, readers);

	permit("book", book, "2097151");
	expect(create(&bob, BOOKS_GROUPS, attributes, NULL), 403,
	       "/data/attributes/book_id");
	expect(link_rows(&bob, "book", book, "usergroup_id", LINK_ADD, link),
	       403, NULL);
	expect_success(
		link_rows(&ann, "book", book, "usergroup_id", LINK_ADD, link));
	assert_string_equal(ask("SELECT permission FROM " BOOKS_GROUPS),
			    "2097057");
}

static void
only_the_owner_shares_a_row(void **state UNUSED)
{
	with_open_groups(try_to_share);
}

/* Update. */

static void
only_given_attributes_change(void **state UNUSED)
{
	const char *id =
		made(&ann, "book", "{'title':'Emma','isbn':'1','pages':7}");

	expect_success(update(&ann, "book", id, "{'pages':8}", NULL));
	assert_string_equal(answered("title"), "Emma");
	assert_string_equal(answered("pages"), "8");
	assert_string_equal(rows_text(last.rows, 0, SELECTION_VERSION), "2");
	expect_success(update(&ann, "book", id, "{'isbn':null}", NULL));
	assert_null(answered("isbn"));
	expect(update(&ann, "book", id, "{'title':null}", NULL), 422,
	       "/data/attributes/title");
	expect_success(update(&ann, "book", id, "{}", NULL));
	assert_string_equal(rows_text(last.rows, 0, SELECTION_VERSION), "3");
}

static void
an_invisible_row_is_absent_a_visible_one_forbidden(void **state UNUSED)
{
	const char *id = made(&ann, "book", "{'title':'Emma'}");

	expect(update(&bob, "book", id, "{'pages':8}", NULL), 404, NULL);
	expect(update(&bob, "book", NOWHERE, "{'pages':8}", NULL), 404, NULL);
	expect(update(&bob, "book", "1 or 1=1", "{'pages':8}", NULL), 404,
	       NULL);
	expect(delete (&bob, "book", id), 404, NULL);
	expect(delete (&bob, "book", "------------------------------------"),
	       404, NULL);
	permit("book", id, "2097059");
	expect(update(&bob, "book", id, "{'pages':8}", NULL), 403, NULL);
	expect(delete (&bob, "book", id), 403, NULL);
	permit("book", id, "2097083");
	expect_success(update(&bob, "book", id, "{'pages':8}", NULL));
	expect_success(delete (&bob, "book", id));
}

static void
a_version_that_differs_is_refused(void **state UNUSED)
{
	struct row_context context = context_of(&ann);
	const struct entity *book = model_entity(model, "book");
	const char *id = made(&ann, "book", "{'title':'Emma'}");

	expect_success(row_update(&context, book, id, json("{'pages':8}"), NULL,
				  1, &last));
	expect(row_update(&context, book, id, json("{'pages':9}"), NULL, 1,
			  &last),
	       412, NULL);
	expect(row_update(&context, book, NOWHERE, json("{'pages':9}"), NULL, 1,
			  &last),
	       404, NULL);
	assert_string_equal(field("book", id, "pages"), "8");
}

static void
permission_and_owner_are_the_owners(void **state UNUSED)
{
	const char *id = made(&ann, "book", "{'title':'Emma'}");

	permit("book", id, "2097151");
	expect(update(&bob, "book", id, "{'permission':3}", NULL), 403, NULL);
	expect(update(&bob, "book", id, "{'permission':null}", NULL), 403,
	       NULL);
	expect(update(&bob, "book", id, "{'user_account_id':null}", NULL), 403,
	       NULL);
	expect(update(&bob, "book", id,
		      of("{'user_account_id':'$'}", bob.reference_id), NULL),
	       403, NULL);
	/* a whole row that comes back as it was read */
	expect_success(update(
		&bob, "book", id,
		of("{'title':'new','permission':2097151,'user_account_id':'$'}",
		   ann.reference_id),
		NULL));
	assert_string_equal(field("book", id, "title"), "new");
	expect(update(&ann, "book", id, "{'permission':null}", NULL), 422,
	       "/data/attributes/permission");
	expect_success(update(&ann, "book", id, "{'permission':3}", NULL));
	assert_string_equal(answered("permission"), "3");
	expect_success(update(&root, "book", id,
			      of("{'user_account_id':'$'}", bob.reference_id),
			      NULL));
	assert_string_equal(answered("user_account_id"), bob.reference_id);
}

static void
an_unchanged_key_needs_no_right(void **state UNUSED)
{
	const char *author = made(&ann, "author", "{'name':'Jane'}");
	const char *id = made(&ann, "book",
			      of("{'title':'Emma','author_id':'$'}", author));

	permit("book", id, "2097151");
	permit("author", author, "2097059");
	expect_success(update(&bob, "book", id,
			      of("{'pages':1,'author_id':'$'}", author), NULL));
	expect_success(update(&bob, "book", id, "{'author_id':null}", NULL));
	expect(update(&bob, "book", id, of("{'author_id':'$'}", author), NULL),
	       403, "/data/attributes/author_id");
}

static void
blank_secrets_are_unchanged(void **state UNUSED)
{
	const char *id = made(&ann, "book", "{'title':'Emma','code':'secret'}");
	const char *before = field("book", id, "code");

	assert_string_equal(answered("code"), "");
	expect_success(update(&ann, "book", id, "{'code':'','pages':2}", NULL));
	assert_string_equal(field("book", id, "code"), before);
}

static void
history_keeps_rows_as_they_were(void **state UNUSED)
{
	const char *id = made(&ann, "book", "{'title':'one'}");

	assert_string_equal(ask("SELECT count(*) FROM book_audit"), "0");
	expect_success(update(&ann, "book", id, "{'title':'two'}", NULL));
	expect(update(&bob, "book", id, "{'title':'three'}", NULL), 404, NULL);
	expect_success(delete (&ann, "book", id));
	assert_string_equal(
		ask("SELECT string_agg(operation || ':' || title, ','"
		    " ORDER BY id) FROM book_audit"),
		"update:one,delete:two");
	assert_string_equal(ask("SELECT source_reference_id FROM book_audit"),
			    id);
}

/* Another process changes the title, over a connection of its own. */
static pid_t
change_title_elsewhere(const char *id, const char *title)
{
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		struct db *own = db_new(&settings);
		struct row_context context = context_of(&ann);
		struct error *error;

		context.db = own;
		error = row_update(&context, model_entity(model, "book"), id,
				   json(of("{'title':'$'}", title)), NULL, -1,
				   &last);
		_exit(error ? 1 : 0);
	}
	return child;
}

static void
history_misses_no_change_between_two(void **state UNUSED)
{
	const char *id = made(&ann, "book", "{'title':'one'}");
	pid_t child;
	int status;

	db_begin(db);
	run(of("UPDATE book SET title = 'two' WHERE reference_id = '$'", id));
	child = change_title_elsewhere(id, "three");
	usleep(300000); /* it waits for us by then */
	expect_success(db_finish(db, arena));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_string_equal(field("book", id, "title"), "three");
	assert_string_equal(ask("SELECT title FROM book_audit"), "two");
}

static void
own_accounts_can_be_changed_in_a_closed_table(void **state UNUSED)
{
	expect_success(update(&ann, "user_account", ann.reference_id,
			      "{'confirmed':true}", NULL));
	expect(update(&ann, "user_account", bob.reference_id,
		      "{'confirmed':true}", NULL),
	       404, NULL);
	expect(delete (&ann, "user_account", ann.reference_id), 403, NULL);
}

/* Links. */

static void
links_are_added_replaced_and_removed(void **state UNUSED)
{
	const char *book = made(&ann, "book", "{'title':'Emma'}");
	const char *old =
		identifier("tag", made(&ann, "tag", "{'name':'old'}"));
	const char *fun =
		identifier("tag", made(&ann, "tag", "{'name':'fun'}"));
	const char *names = "SELECT string_agg(name, ',' ORDER BY name)"
			    " FROM tag WHERE id IN"
			    " (SELECT tag_id FROM " BOOKS_TAGS ")";

	expect_success(link_rows(&ann, "book", book, "tag_id", LINK_ADD,
				 of("[$]", old)));
	expect_success(link_rows(&ann, "book", book, "tag_id", LINK_ADD,
				 arena_printf(arena, "[%s,%s]", old, fun)));
	assert_string_equal(ask(names), "fun,old");
	expect_success(link_rows(&ann, "book", book, "tag_id", LINK_REPLACE,
				 of("[$]", fun)));
	assert_string_equal(ask(names), "fun");
	expect_success(link_rows(&ann, "book", book, "tag_id", LINK_REMOVE,
				 of("[$]", fun)));
	assert_null(ask(names));
	expect(link_rows(&ann, "book", book, "tag_id", LINK_ADD,
			 "[{'type':'tag','id':'" NOWHERE "'}]"),
	       422, "/data");
	expect(link_rows(&ann, "book", book, "tag_id", LINK_ADD,
			 "[{'type':'author','id':'" NOWHERE "'}]"),
	       422, "/data");
	expect(link_rows(&ann, "book", book, "tag_id", LINK_ADD, "[1]"), 422,
	       "/data");
}

static void
links_need_rights_on_both_ends(void **state UNUSED)
{
	const char *book = made(&ann, "book", "{'title':'Emma'}");
	const char *tag = made(&bob, "tag", "{'name':'fun'}");
	const char *link = of("[$]", identifier("tag", tag));

	expect(link_rows(&bob, "book", book, "tag_id", LINK_ADD, link), 404,
	       NULL);
	permit("book", book, "2097059");
	expect(link_rows(&bob, "book", book, "tag_id", LINK_ADD, link), 403,
	       NULL);
	expect(link_rows(&ann, "book", book, "tag_id", LINK_ADD, link), 422,
	       "/data");
	permit("tag", tag, "2097059");
	expect(link_rows(&ann, "book", book, "tag_id", LINK_ADD, link), 403,
	       "/data");
	permit("tag", tag, "2097123");
	expect_success(link_rows(&ann, "book", book, "tag_id", LINK_ADD, link));
}

static void
a_new_row_may_bring_links(void **state UNUSED)
{
	const char *tag = made(&ann, "tag", "{'name':'fun'}");

	expect_success(
		create(&ann, "book", "{'title':'Emma'}",
		       of("{'tag_id':{'data':[$]}}", identifier("tag", tag))));
	assert_string_equal(ask("SELECT count(*) FROM " BOOKS_TAGS), "1");
	expect(create(&ann, "book", "{'title':'Persuasion'}",
		      "{'tag_id':{'data':[{'type':'tag','id':'" NOWHERE
		      "'}]}}"),
	       422, "/data/relationships/tag_id/data");
	assert_string_equal(ask("SELECT count(*) FROM book"), "1");
	expect_success(update(&ann, "book",
			      ask("SELECT reference_id FROM book"), NULL,
			      "{'tag_id':{'data':[]}}"));
	assert_string_equal(ask("SELECT count(*) FROM " BOOKS_TAGS), "1");
}

static void
links_from_the_other_side_change_those_rows(void **state UNUSED)
{
	const char *author = made(&ann, "author", "{'name':'Jane'}");
	const char *mine = made(&ann, "book", "{'title':'Emma'}");
	const char *other = made(&ann, "book", "{'title':'Persuasion'}");
	const char *bobs = made(&bob, "book", "{'title':'Bobs'}");

	expect_success(link_rows(&ann, "author", author, "book_id", LINK_ADD,
				 of("[$]", identifier("book", mine))));
	assert_string_equal(field("book", mine, "author_id IS NOT NULL"), "t");
	expect(link_rows(&ann, "author", author, "book_id", LINK_ADD,
			 of("[$]", identifier("book", bobs))),
	       422, "/data");
	expect_success(link_rows(&ann, "author", author, "book_id",
				 LINK_REPLACE,
				 of("[$]", identifier("book", other))));
	assert_null(field("book", mine, "author_id"));
	assert_string_equal(field("book", other, "author_id IS NOT NULL"), "t");
	expect_success(link_rows(&ann, "author", author, "book_id", LINK_REMOVE,
				 of("[$]", identifier("book", other))));
	assert_null(field("book", other, "author_id"));
	expect_success(create(
		&ann, "author", "{'name':'Ann'}",
		of("{'book_id':{'data':[$]}}", identifier("book", mine))));
	assert_string_equal(field("book", mine, "author_id IS NOT NULL"), "t");
}

static void
a_to_one_link_is_set_and_cleared(void **state UNUSED)
{
	const char *author = made(&ann, "author", "{'name':'Jane'}");
	const char *book = made(&ann, "book", "{'title':'Emma'}");
	const char *link = identifier("author", author);

	expect_success(
		link_rows(&ann, "book", book, "author_id", LINK_REPLACE, link));
	assert_string_equal(field("book", book, "author_id IS NULL"), "f");
	expect_success(link_rows(&ann, "book", book, "author_id", LINK_REMOVE,
				 identifier("author", NOWHERE)));
	assert_string_equal(field("book", book, "author_id IS NULL"), "f");
	expect_success(
		link_rows(&ann, "book", book, "author_id", LINK_REMOVE, link));
	assert_string_equal(field("book", book, "author_id IS NULL"), "t");
	expect_success(
		link_rows(&ann, "book", book, "author_id", LINK_REPLACE, link));
	expect_success(link_rows(&ann, "book", book, "author_id", LINK_REPLACE,
				 "null"));
	assert_string_equal(field("book", book, "author_id IS NULL"), "t");
}

/* Delete. */

static void
a_delete_follows_on_delete(void **state UNUSED)
{
	const char *book = made(&ann, "book", "{'title':'Emma'}");
	const char *key = of("'book_id':'$'", book);

	made(&ann, "page", arena_printf(arena, "{'text':'x',%s}", key));
	made(&ann, "shelf", arena_printf(arena, "{'place':'x',%s}", key));
	expect_success(delete (&ann, "book", book));
	assert_string_equal(ask("SELECT count(*) FROM page"), "0");
	assert_string_equal(ask("SELECT count(*) FROM shelf"
				" WHERE book_id IS NULL"),
			    "1");
}

static void
rows_in_the_way_are_counted(void **state UNUSED)
{
	const char *book = made(&ann, "book", "{'title':'Emma'}");
	const char *loan = of("{'reader':'x','book_id':'$'}", book);
	struct error *error;

	permit("book", book, "2097151");
	made(&ann, "loan", loan);
	made(&ann, "loan", loan);
	error = delete (&ann, "book", book);
	expect(error, 409, NULL);
	assert_non_null(strstr(error->detail, "2 of loan"));
	/* bob sees none of them, and is not told */
	error = delete (&bob, "book", book);
	expect(error, 409, NULL);
	assert_null(strstr(error->detail, "loan"));
	/* within a transaction too, which stays usable */
	db_begin(db);
	assert_string_equal(ask("SELECT 1"), "1");
	error = delete (&ann, "book", book);
	expect(error, 409, NULL);
	assert_non_null(strstr(error->detail, "2 of loan"));
	assert_string_equal(field("book", book, "count(*)"), "1");
}

static void
a_deleted_account_leaves_its_rows(void **state UNUSED)
{
	const char *account = made(&root, "user_account",
				   "{'name':'eve','email':'eve@example.org',"
				   "'password':'secret'}");
	const char *book =
		made(&root, "book",
		     of("{'title':'Emma','user_account_id':'$'}", account));

	expect_success(delete (&root, "user_account", account));
	assert_null(field("book", book, "user_account_id"));
	assert_string_equal(field("book", book, "count(*)"), "1");
}

/* Read. */

static void
a_row_is_read_by_those_who_may(void **state UNUSED)
{
	struct row_context context = context_of(&ann);
	const struct entity *book = model_entity(model, "book");
	const char *id = made(&ann, "book", "{'title':'Emma'}");
	struct json_object *object;
	struct row row;

	expect_success(row_read(&context, book, id, true, &row));
	assert_int_equal(rows_count(row.rows), 1);
	object = row_object(&row, 0);
	assert_string_equal(json_object_get_string(
				    json_object_object_get(object, "__type")),
			    "book");
	assert_int_equal(
		json_object_get_int(json_object_object_get(object, "pages")),
		100);
	assert_string_equal(json_object_get_string(json_object_object_get(
				    object, "reference_id")),
			    id);
	json_object_put(object);
	context.actor = &bob;
	expect_success(row_read(&context, book, id, false, &row));
	assert_int_equal(rows_count(row.rows), 0);
	expect_success(row_read(&context, book, "x", false, &row));
	assert_int_equal(rows_count(row.rows), 0);
	context.trusted = true;
	expect_success(row_read(&context, book, id, false, &row));
	assert_int_equal(rows_count(row.rows), 1);
}

#define TEST(function)                                                         \
	cmocka_unit_test_setup_teardown(function, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_new_row_has_its_owner_and_defaults),
		TEST(a_plain_create_is_one_statement),
		TEST(the_servers_columns_are_not_the_clients),
		TEST(administrators_choose_permission_and_owner),
		TEST(a_guests_row_has_no_owner),
		TEST(all_faulty_values_are_named),
		TEST(a_closed_table_takes_no_rows),
		TEST(a_trusted_create_passes_the_table),
		TEST(the_check_sees_attributes_first),
		TEST(an_id_is_taken_once),
		TEST(a_unique_value_is_taken_once),
		TEST(a_key_needs_refer_on_a_visible_row),
		TEST(absent_and_hidden_targets_look_the_same),
		TEST(an_id_is_not_cut_at_a_nul),
		TEST(a_key_may_be_a_relationship),
		TEST(a_run_may_refer_to_what_it_made),
		TEST(an_account_owns_itself_and_joins_users),
		TEST(whoever_makes_a_group_is_in_it),
		TEST(nobody_joins_a_group_by_himself),
		TEST(only_administrators_make_administrators),
		TEST(others_links_stay),
		TEST(administrators_change_membership),
		TEST(the_last_administrator_stays),
		TEST(only_the_owner_shares_a_row),
		TEST(only_given_attributes_change),
		TEST(an_invisible_row_is_absent_a_visible_one_forbidden),
		TEST(a_version_that_differs_is_refused),
		TEST(permission_and_owner_are_the_owners),
		TEST(an_unchanged_key_needs_no_right),
		TEST(blank_secrets_are_unchanged),
		TEST(history_keeps_rows_as_they_were),
		TEST(history_misses_no_change_between_two),
		TEST(own_accounts_can_be_changed_in_a_closed_table),
		TEST(links_are_added_replaced_and_removed),
		TEST(links_need_rights_on_both_ends),
		TEST(a_new_row_may_bring_links),
		TEST(links_from_the_other_side_change_those_rows),
		TEST(a_to_one_link_is_set_and_cleared),
		TEST(a_delete_follows_on_delete),
		TEST(rows_in_the_way_are_counted),
		TEST(a_deleted_account_leaves_its_rows),
		TEST(a_row_is_read_by_those_who_may),
	};

	return cmocka_run_group_tests(tests, set_up_installation,
				      tear_down_installation);
}
