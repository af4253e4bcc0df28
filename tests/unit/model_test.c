/*
 * model_test.c: what a schema becomes: columns, keys, join tables, history,
 * states, relationships; and that a model written and read is the same.
 */
#include "tests/unit/support.h"

#include <time.h>

#include "tests/unit/schemas.h"

#define LIBRARY                                                                \
	"Tables:\n"                                                            \
	"  - TableName: author\n"                                              \
	"    DefaultOrder: \"+name\"\n"                                        \
	"    Columns:\n"                                                       \
	"      - {Name: name, ColumnType: label, DataType: varchar(200)}\n"    \
	"      - {Name: country, IsNullable: true}\n"                          \
	"    Validations: [{ColumnName: name, Tags: required}]\n"              \
	"  - TableName: book\n"                                                \
	"    IsAuditEnabled: true\n"                                           \
	"    CompositeKeys: [[title, author_id]]\n"                            \
	"    Columns:\n"                                                       \
	"      - {Name: title, ColumnType: label, IsIndexed: true}\n"          \
	"      - {Name: condition, ColumnName: copy_condition,\n"              \
	"         ColumnType: enum, Options: [new, good],\n"                   \
	"         DefaultValue: \"'good'\"}\n"                                 \
	"      - {Name: pages, ColumnType: measurement, DefaultValue: 0}\n"    \
	"      - {Name: code, ColumnType: encrypted, IsNullable: true}\n"      \
	"      - {Name: scan, ColumnType: image.png, IsNullable: true}\n"      \
	"    Conformations: [{ColumnName: condition, Tags: trim}]\n"           \
	"  - TableName: loan\n"                                                \
	"    IsStateTrackingEnabled: true\n"                                   \
	"    Columns:\n"                                                       \
	"      - {Name: note, ColumnType: content, IsNullable: true}\n"        \
	"Relations:\n"                                                         \
	"  - {Subject: book, SubjectName: books, Relation: belongs_to,\n"      \
	"     Object: author, ObjectName: author_id}\n"                        \
	"  - {Subject: book, SubjectName: coauthored_books,\n"                 \
	"     Relation: has_many, Object: author, ObjectName: coauthors,\n"    \
	"     Columns: [{Name: share, ColumnType: measurement,\n"              \
	"     IsNullable: true}]}\n"                                           \
	"  - {Subject: loan, SubjectName: loans, Relation: belongs_to,\n"      \
	"     Object: book, ObjectName: book_id, OnDelete: cascade}\n"         \
	"  - {Subject: loan, SubjectName: borrowed, Relation: has_one,\n"      \
	"     Object: user_account, ObjectName: borrower_id}\n"                \
	"Actions:\n"                                                           \
	"  - {Name: lend_book, Label: Lend, OnType: book,\n"                   \
	"     InFields: [{Name: Note, ColumnName: note}],\n"                   \
	"     OutFields: [{Type: loan, Method: POST, Reference: new_loan,\n"   \
	"     Attributes: {book_id: $.reference_id, deep: [1, {a: b}]}}]}\n"   \
	"StateMachineDescriptions:\n"                                          \
	"  - {Name: loan_life, Label: Life, InitialState: requested,\n"        \
	"     Events: [{Name: hand_out, Src: [requested], Dst: lent}]}\n"

static const struct column *
column_of(const struct model *model, const char *entity, const char *column)
{
	const struct entity *found = model_entity(model, entity);

	if (!found)
		fail_msg("no entity %s", entity);
	if (!entity_column(found, column))
		fail_msg("no column %s.%s", entity, column);
	return entity_column(found, column);
}

static void
standard_columns_come_first(void **state)
{
	static const char *const names[][2] = {
		{ "id", "bigint" },
		{ "version", "integer" },
		{ "created_at", "timestamp with time zone" },
		{ "updated_at", "timestamp with time zone" },
		{ "reference_id", "uuid" },
		{ "permission", "integer" },
	};
	const struct model *model = built(*state, LIBRARY);

	for (size_t i = 0; i < model->nentities; i++)
		for (size_t j = 0; j < ARRAY_SIZE(names); j++) {
			const struct column *column =
				model->entities[i]->columns[j];

			assert_string_equal(column->column_name, names[j][0]);
			assert_string_equal(column->sql_type, names[j][1]);
			assert_true(column->is_standard);
		}
	assert_true(column_of(model, "book", "id")->is_auto_increment);
	assert_true(column_of(model, "book", "id")->is_primary_key);
	assert_int_equal(column_of(model, "book", "id")->kind, VALUE_INTEGER);
	assert_int_equal(column_of(model, "book", "reference_id")->kind,
			 VALUE_UUID);
	assert_int_equal(column_of(model, "book", "permission")->kind,
			 VALUE_INTEGER);
	assert_false(column_is_visible(column_of(model, "book", "version")));
	assert_true(column_of(model, "book", "updated_at")->is_nullable);
}

static void
the_well_known_entities_are_there(void **state)
{
	const struct model *model = built(*state, LIBRARY);

	assert_string_equal(model->world->name, "world");
	assert_string_equal(model->user_account->name, "user_account");
	assert_string_equal(model->usergroup->name, "usergroup");
	assert_string_equal(model->action->name, "action");
	assert_string_equal(
		model->membership->name,
		"user_account_user_account_id_has_usergroup_usergroup_id");
	assert_true(model->membership->is_join_table);
	assert_true(model->membership->is_system);
	assert_false(model_entity(model, "book")->is_system);
	assert_false(column_of(model, "user_account", "auth_version")->kind !=
		     VALUE_INTEGER);
	assert_true(column_of(model, "user_account", "auth_version")
			    ->exclude_from_api);
	assert_string_equal(
		column_of(model, "user_account", "auth_version")->default_sql,
		"'1'::integer");
}

static void
a_schema_without_the_systems_is_refused(void **state)
{
	struct schema schema = { .nentities = 0 };
	struct model *model;
	const struct error *error;

	assert_null(read_schema(*state, LIBRARY, false, &schema));
	error = model_build(*state, &schema, &model);
	assert_non_null(error);
	assert_int_equal(error->status, 422);
	assert_non_null(strstr(error->detail, "world"));
}

static void
every_table_has_owner_and_groups_but_some(void **state)
{
	const struct model *model = built(*state, LIBRARY);

	for (size_t i = 0; i < model->nentities; i++) {
		const struct entity *entity = model->entities[i];
		bool expected = !entity->is_join_table &&
				!entity->is_audit_table &&
				entity != model->usergroup;

		assert_int_equal(entity->has_owner, expected);
		assert_int_equal(!!entity->group_join, expected);
		assert_int_equal(!!entity->group_relation, expected);
		if (!expected)
			continue;
		const struct column *owner =
			entity_column(entity, "user_account_id");

		assert_ptr_equal(owner->target, model->user_account);
		assert_int_equal(owner->kind, VALUE_REFERENCE);
		assert_true(owner->is_nullable);
		assert_true(owner->is_foreign_key);
		assert_ptr_equal(
			entity_column(entity->group_join, "usergroup_id")
				->target,
			model->usergroup);
	}
	assert_string_equal(model_entity(model, "book")->group_join->name,
			    "book_book_id_has_usergroup_usergroup_id");
}

static void
to_one_relations_make_keys(void **state)
{
	const struct model *model = built(*state, LIBRARY);
	const struct column *author = column_of(model, "book", "author_id");
	const struct column *borrower = column_of(model, "loan", "borrower_id");

	assert_ptr_equal(author->target, model_entity(model, "author"));
	assert_int_equal(author->kind, VALUE_REFERENCE);
	assert_string_equal(author->sql_type, "bigint");
	assert_string_equal(author->data_source, "self");
	assert_string_equal(author->namespace, "author");
	assert_true(author->is_indexed);
	assert_false(author->is_nullable);
	assert_true(borrower->is_nullable);
}

static void
to_many_relations_make_join_tables(void **state)
{
	const struct model *model = built(*state, LIBRARY);
	const struct entity *join = model_entity(
		model, "book_coauthored_books_has_author_coauthors");

	assert_true(join->is_join_table);
	assert_false(join->is_top_level);
	assert_int_equal(join->ncolumns, 6 + 3);
	const struct relation *relation =
		entity_relationship(model_entity(model, "book"), "coauthors")
			->relation;

	assert_ptr_equal(relation->join, join);
	assert_string_equal(relation->join_subject_key->column_name,
			    "coauthored_books");
	assert_ptr_equal(relation->join_subject_key->target,
			 model_entity(model, "book"));
	assert_string_equal(relation->join_object_key->column_name,
			    "coauthors");
	assert_false(relation->join_object_key->is_nullable);
	assert_int_equal(entity_column(join, "share")->kind, VALUE_INTEGER);
}

struct expected_relationship {
	const char *entity;
	const char *name;
	const char *target;
	bool from_subject;
	bool to_many;
};

static const struct expected_relationship expected_relationships[] = {
	{ "book", "author_id", "author", true, false },
	{ "author", "books", "book", false, true },
	{ "book", "coauthors", "author", true, true },
	{ "author", "coauthored_books", "book", false, true },
	{ "loan", "borrower_id", "user_account", true, false },
	{ "user_account", "borrowed", "loan", false, true },
	{ "user_account", "book_id", "book", false, true },
	{ "usergroup", "book_id", "book", false, true },
	{ "book", "usergroup_id", "usergroup", true, true },
	{ "book", "user_account_id", "user_account", true, false },
	{ "user_account", "user_account_id", "user_account", true, false },
	{ "loan_state", "is_state_of_loan", "loan", true, false },
	{ "loan", "loan_has_state", "loan_state", false, true },
	{ "loan_state", "loan_smd", "smd", true, false },
	{ "smd", "loan_status", "loan_state", false, true },
	{ "world", "smd_id", "smd", true, true },
	{ "user_account", "task_executed", "task", false, true },
};

static void
relations_are_seen_from_both_ends(void **state)
{
	const struct model *model = built(*state, LIBRARY);

	for (size_t i = 0; i < ARRAY_SIZE(expected_relationships); i++) {
		const struct expected_relationship *wanted =
			&expected_relationships[i];
		const struct relationship *found = entity_relationship(
			model_entity(model, wanted->entity), wanted->name);

		if (!found)
			fail_msg("%s.%s", wanted->entity, wanted->name);
		assert_string_equal(found->target->name, wanted->target);
		assert_int_equal(found->from_subject, wanted->from_subject);
		assert_int_equal(found->to_many, wanted->to_many);
	}
	assert_null(entity_relationship(model->world, "nobody"));
}

static void
deletion_is_what_is_written_or_restricted(void **state)
{
	const struct model *model = built(*state, LIBRARY);
	const struct entity *loan = model_entity(model, "loan");
	const struct entity *book = model_entity(model, "book");

	assert_int_equal(
		entity_relationship(loan, "book_id")->relation->on_delete,
		ON_DELETE_CASCADE);
	assert_int_equal(
		entity_relationship(book, "author_id")->relation->on_delete,
		ON_DELETE_RESTRICT);
	assert_int_equal(entity_relationship(book, "user_account_id")
				 ->relation->on_delete,
			 ON_DELETE_SET_NULL);
}

static void
history_has_values_but_no_secrets_and_no_rules(void **state)
{
	const struct model *model = built(*state, LIBRARY);
	const struct entity *audit = model_entity(model, "book_audit");
	const struct column *author = entity_column(audit, "author_id");

	assert_ptr_equal(model_entity(model, "book")->audit, audit);
	assert_true(audit->is_audit_table);
	assert_false(audit->has_owner);
	assert_non_null(entity_column(audit, "source_reference_id"));
	assert_non_null(entity_column(audit, "operation"));
	assert_true(entity_column(audit, "action_run")->is_nullable);
	assert_int_equal(entity_column(audit, "action_run")->max_length, 40);
	assert_false(entity_column(audit, "title")->is_indexed);
	assert_true(entity_column(audit, "title")->is_nullable);
	assert_null(entity_column(audit, "copy_condition")->default_sql);
	assert_null(entity_column(audit, "code"));
	assert_null(entity_column(audit, "scan"));
	assert_null(entity_column(audit, "user_account_id"));
	assert_false(author->is_foreign_key);
	assert_int_equal(author->kind, VALUE_REFERENCE);
	assert_ptr_equal(author->target, model_entity(model, "author"));
	assert_int_equal(audit->nrelationships, 0);
}

static void
state_tracking_makes_a_table(void **state)
{
	const struct model *model = built(*state, LIBRARY);
	const struct entity *states = model_entity(model, "loan_state");

	assert_ptr_equal(model_entity(model, "loan")->state, states);
	assert_true(states->is_state_table);
	assert_ptr_equal(states->audit,
			 model_entity(model, "loan_state_audit"));
	assert_true(states->has_owner);
	assert_false(entity_column(states, "current_state")->is_nullable);
	assert_false(entity_column(states, "is_state_of_loan")->is_nullable);
	assert_true(entity_column(states, "loan_smd")->is_nullable);
}

static void
rules_name_columns_by_their_column_name(void **state)
{
	const struct model *model = built(*state, LIBRARY);
	const struct entity *book = model_entity(model, "book");

	assert_int_equal(book->nconformations, 1);
	assert_string_equal(book->conformations[0].column_name,
			    "copy_condition");
	assert_string_equal(book->composite_keys[0][1], "author_id");
	assert_null(book->composite_keys[0][2]);
}

static void
secrets_can_not_be_searched(void **state)
{
	const struct model *model = built(*state, LIBRARY);

	assert_false(column_is_searchable(
		column_of(model, "user_account", "password")));
	assert_false(column_is_searchable(column_of(model, "book", "code")));
	assert_true(column_is_searchable(column_of(model, "book", "title")));
	assert_false(column_is_searchable(column_of(model, "book", "id")));
}

static void
actions_are_found_by_the_names_of_every_era(void **state)
{
	const struct model *model =
		built(*state, LIBRARY "  - {Name: m2, InitialState: a}\n"
				      "Exchanges: []\n");
	struct model *other = built(
		*state, "Actions:\n"
			"  - {Name: oauth.login.begin, OnType: oauth_connect}\n"
			"  - {Name: publish_package_to_market,\n"
			"     OnType: marketplace}\n"
			"  - {Name: greet, OnType: user}\n");

	assert_string_equal(model_action(model, "book", "lend_book")->label,
			    "Lend");
	assert_null(model_action(model, "loan", "lend_book"));
	assert_null(model_action(model, "nobody", "lend_book"));
	assert_string_equal(model_action(model, "user", "signin")->on_type,
			    "user_account");
	assert_non_null(
		model_action(other, "oauth_connect", "oauth_login_begin"));
	assert_non_null(
		model_action(other, "oauth_connect", "oauth.login.begin"));
	assert_non_null(
		model_action(other, "marketplace", "update_package_list"));
	assert_string_equal(model_action(other, "user", "greet")->on_type,
			    "user_account");
}

static void
lists_are_sorted(void **state)
{
	const struct model *model = built(*state, LIBRARY);

	for (size_t i = 1; i < model->nentities; i++)
		assert_true(strcmp(model->entities[i - 1]->name,
				   model->entities[i]->name) < 0);
	for (size_t i = 0; i < model->nentities; i++)
		assert_ptr_equal(model_entity(model, model->entities[i]->name),
				 model->entities[i]);
	assert_null(model_entity(model, "nobody"));
	assert_null(model_entity(model, ""));
	assert_string_equal(model_state_machine(model, "loan_life")->label,
			    "Life");
	assert_null(model_state_machine(model, "nobody"));
}

/* Reads and builds what was written, without the system's file. */
static struct model *
rebuilt(struct arena *arena, const struct model *model)
{
	struct schema *schema = ARENA_NEW(arena, struct schema);
	struct model *again;
	struct strbuf buf;
	struct error *error;

	strbuf_init(&buf, arena);
	strbuf_puts(&buf, "{\"Tables\":[");
	for (size_t i = 0; i < model->nentities; i++) {
		if (i)
			strbuf_putc(&buf, ',');
		schema_write_entity(&buf, model, model->entities[i]);
	}
	strbuf_puts(&buf, "],\"Actions\":[");
	for (size_t i = 0; i < model->nactions; i++) {
		if (i)
			strbuf_putc(&buf, ',');
		schema_write_action(&buf, model->actions[i], false);
	}
	strbuf_puts(&buf, "],\"StateMachineDescriptions\":[");
	for (size_t i = 0; i < model->nstate_machines; i++) {
		if (i)
			strbuf_putc(&buf, ',');
		schema_write_state_machine(&buf, model->state_machines[i]);
	}
	strbuf_puts(&buf, "]}");
	error = read_schema(arena, buf.data, false, schema);
	if (!error)
		error = model_build(arena, schema, &again);
	if (error)
		fail_msg("%s", error->detail);
	if (schema->nwarnings)
		fail_msg("%s", schema->warnings[0]);
	return again;
}

static void
assert_equal_deletion(const struct model *left, const struct model *right)
{
	for (size_t i = 0; i < left->nentities; i++) {
		const struct entity *a = left->entities[i];
		const struct entity *b = right->entities[i];

		for (size_t j = 0; j < a->nrelationships; j++)
			assert_int_equal(
				a->relationships[j]->relation->on_delete,
				b->relationships[j]->relation->on_delete);
	}
}

static void
definitions_read_again_give_the_same_model(void **state)
{
	const struct model *model = built(*state, LIBRARY);
	const char *definitions = all_definitions(*state, model);
	const struct model *again = rebuilt(*state, model);

	assert_string_equal(all_definitions(*state, again), definitions);
	assert_string_equal(all_definitions(*state, rebuilt(*state, again)),
			    definitions);
	assert_int_equal(again->nrelations, model->nrelations);
	assert_equal_deletion(model, again);
	assert_false(
		model_action(again, "book", "lend_book")->permission_given);
}

static void
building_twice_gives_the_same_model(void **state)
{
	struct schema *schema = system_schema(*state);
	struct model *first, *second;
	const char *definitions;

	assert_null(read_schema(*state, LIBRARY, false, schema));
	assert_null(model_build(*state, schema, &first));
	definitions = all_definitions(*state, first);
	assert_null(model_build(*state, schema, &second));
	assert_string_equal(all_definitions(*state, second), definitions);
}

static void
stored_definitions_merge_with_the_files_they_came_from(void **state)
{
	const struct model *model = built(*state, LIBRARY);
	const char *definitions = all_definitions(*state, model);
	struct schema *stored = ARENA_NEW(*state, struct schema);
	struct schema *files = system_schema(*state);
	struct model *merged;
	struct strbuf buf;

	strbuf_init(&buf, *state);
	strbuf_puts(&buf, "{\"Tables\":[");
	for (size_t i = 0; i < model->nentities; i++) {
		if (i)
			strbuf_putc(&buf, ',');
		schema_write_entity(&buf, model, model->entities[i]);
	}
	strbuf_puts(&buf, "]}");
	assert_null(read_schema(*state, buf.data, false, stored));
	assert_null(read_schema(*state, LIBRARY, false, files));
	assert_null(schema_merge(*state, stored, files));
	assert_null(model_build(*state, stored, &merged));
	assert_string_equal(all_definitions(*state, merged), definitions);
	assert_int_equal(merged->nrelations, model->nrelations);
}

static void
a_downloaded_model_makes_the_same_instance(void **state)
{
	const struct model *model = built(*state, LIBRARY);
	const char *definitions = all_definitions(*state, model);
	struct strbuf buf;

	strbuf_init(&buf, *state);
	schema_write_model(&buf, model);
	assert_null(strstr(buf.data, "_has_usergroup_usergroup_id\",\n"
				     "      \"TableDescription"));
	assert_null(strstr(buf.data, "book_audit"));
	assert_non_null(strstr(buf.data, "\n  \"Tables\": [\n    {\n      "
					 "\"TableName\": \"action\","));
	assert_string_equal(all_definitions(*state, built(*state, buf.data)),
			    definitions);
}

static void
clients_see_no_outcomes(void **state)
{
	const struct model *model = built(*state, LIBRARY);
	struct strbuf buf;

	strbuf_init(&buf, *state);
	schema_write_action(&buf, model_action(model, "book", "lend_book"),
			    true);
	assert_non_null(strstr(buf.data, "\"OutFields\":null"));
	assert_non_null(strstr(buf.data, "\"Validations\":null"));
	assert_non_null(strstr(buf.data, "\"InFields\":[{\"Name\":\"Note\""));
	strbuf_cut(&buf, 0);
	schema_write_action(&buf, model_action(model, "book", "lend_book"),
			    false);
	assert_non_null(strstr(
		buf.data, "\"Attributes\":{\"book_id\":"
			  "\"$.reference_id\",\"deep\":[1,{\"a\":\"b\"}]}"));
}

struct expected_columns {
	const char *entity;
	const char *columns; /* behind the standard ones */
};

static const struct expected_columns library_columns[] = {
	{ "author", "name country born_on user_account_id" },
	{ "book", "title isbn pages copy_condition on_shelf blurb author_id "
		  "user_account_id" },
	{ "loan", "due_at note book_id borrower_id user_account_id" },
	{ "loan_state", "current_state is_state_of_loan loan_smd "
			"user_account_id" },
	{ "loan_state_audit", "source_reference_id operation action_run "
			      "current_state is_state_of_loan loan_smd" },
	{ "book_audit", "source_reference_id operation action_run title isbn "
			"pages copy_condition on_shelf blurb author_id" },
	{ "book_coauthored_books_has_author_coauthors",
	  "coauthored_books coauthors" },
	{ "author_author_id_has_usergroup_usergroup_id",
	  "author_id usergroup_id" },
	{ "book_book_id_has_usergroup_usergroup_id", "book_id usergroup_id" },
	{ "loan_loan_id_has_usergroup_usergroup_id", "loan_id usergroup_id" },
	{ "loan_state_loan_state_id_has_usergroup_usergroup_id",
	  "loan_state_id usergroup_id" },
};

static const char *
own_columns(struct arena *arena, const struct entity *entity)
{
	struct strbuf buf;

	strbuf_init(&buf, arena);
	for (size_t i = 0; i < entity->ncolumns; i++)
		if (!entity->columns[i]->is_standard)
			strbuf_printf(&buf, "%s%s", buf.length ? " " : "",
				      entity->columns[i]->column_name);
	return buf.data;
}

static void
the_library_has_the_tables_that_its_file_lists(void **state)
{
	size_t length, system_count = built(*state, "Tasks: []\n")->nentities;
	const struct model *model =
		built(*state, file_text(*state,
					"tests/http/schemas/"
					"schema_library.yaml",
					&length));

	assert_int_equal(model->nentities,
			 system_count + ARRAY_SIZE(library_columns));
	for (size_t i = 0; i < ARRAY_SIZE(library_columns); i++) {
		const struct entity *entity =
			model_entity(model, library_columns[i].entity);

		if (!entity)
			fail_msg("no %s", library_columns[i].entity);
		assert_string_equal(own_columns(*state, entity),
				    library_columns[i].columns);
	}
}

/* The habits of packages that many hands wrote for another database. */
static void
packages_of_many_hands_load_as_they_are(void **state)
{
	const struct model *model = built(
		*state,
		"Tables:\n"
		"  - TableName: errand\n"
		"    Columns:\n"
		"      - {Name: title, DataType: varchar(500),\n"
		"         ColumnType: label}\n"
		"      - {Name: finished, DataType: int(1),\n"
		"         ColumnType: truefalse, DefaultValue: '0'}\n"
		"      - {Name: when, DataType: DATETIME, ColumnType: date}\n"
		"      - {Name: order, columnName: place_in_line,\n"
		"         DataType: int(4), DefaultValue: '10'}\n"
		"      - {Name: Total_cost, DataType: int(11),\n"
		"         ColumnType: measurement}\n"
		"    Conformations: [{ColumnName: order, Tags: numeric},\n"
		"      {ColumnName: nobody, Tags: trim}]\n"
		"    validations: [{ColumnName: title, Tags: required}]\n"
		"  - {TableName: shop}\n"
		"Relations:\n"
		"  - {Subject: errand, Relation: has_many, Object: shop}\n"
		"Actions:\n"
		"  - Name: finish\n"
		"    Label: Done\n"
		"    OnType: errand\n"
		"    InFields: [{ColumnName: shopUrl, Name: Shop,\n"
		"      ColumnType: shop}, {Name: How}]\n"
		"    OutFields:\n"
		"      - {Type: errand, Method: UPDATE,\n"
		"         Attributes: {finished: '1'}}\n"
		"      - {Type: errand_errand_id_has_shop_shop_id,\n"
		"         Method: POST, Attributes: {shop_id: ~shopUrl}}\n"
		"      - {Type: error, Method: ACTIONRESPONSE}\n"
		"Exchanges:\n"
		"  - {Name: to sheet, SourceType: self, Attributes: []}\n");
	const struct entity *errand = model_entity(model, "errand");
	const struct action *finish = model_action(model, "errand", "finish");

	assert_string_equal(own_columns(*state, errand),
			    "title finished when place_in_line total_cost "
			    "user_account_id");
	assert_string_equal(entity_column(errand, "finished")->default_sql,
			    "'false'::boolean");
	assert_int_equal(entity_column(errand, "when")->kind, VALUE_TIMESTAMP);
	assert_int_equal(entity_column(errand, "place_in_line")->kind,
			 VALUE_INTEGER);
	assert_int_equal(errand->nconformations, 1);
	assert_string_equal(errand->conformations[0].column_name,
			    "place_in_line");
	assert_int_equal(errand->nvalidations, 1);
	assert_string_equal(finish->in_fields[0]->column_name, "shopUrl");
	assert_int_equal(finish->in_fields[0]->kind, VALUE_TEXT);
	assert_string_equal(finish->out_fields[0].method, "UPDATE");
	assert_non_null(
		model_entity(model, "errand_errand_id_has_shop_shop_id"));
}

#define FORTY "a234567890123456789012345678901234567890"

static void
long_names_are_short_in_the_database_only(void **state)
{
	const struct model *model = built(
		*state, "Tables:\n"
			"  - {TableName: " FORTY "x, IsAuditEnabled: true}\n"
			"  - {TableName: " FORTY "y,\n"
			"     IsStateTrackingEnabled: true}\n"
			"Relations:\n"
			"  - {Subject: " FORTY "x, Object: " FORTY "y,\n"
			"     Relation: has_many}\n");
	const struct entity *join = model_entity(
		model, FORTY "x_" FORTY "x_id_has_" FORTY "y_" FORTY "y_id");
	const struct entity *group = model_entity(
		model, FORTY "x_" FORTY "x_id_has_usergroup_usergroup_id");
	const char *definitions = all_definitions(*state, model);

	assert_non_null(join);
	assert_int_equal(strlen(join->table), 63);
	assert_int_equal(strlen(group->table), 63);
	assert_string_not_equal(join->table, group->table);
	assert_memory_equal(join->table, FORTY, 40);
	assert_string_equal(model_entity(model, FORTY "x")->table, FORTY "x");
	assert_string_equal(all_definitions(*state, rebuilt(*state, model)),
			    definitions);
	assert_string_equal(
		model_entity(
			built(*state, "Tables: [{TableName: " FORTY "x}]\n"),
			group->name)
			->table,
		group->table);
}

static void
a_generated_name_gives_way_to_a_written_one(void **state)
{
	const struct model *model = built(
		*state, "Tables: [{TableName: book}]\n"
			"Relations: [{Subject: book, Relation: has_one,\n"
			"  Object: user_account, ObjectName: borrower_id}]\n");
	const struct relationship *written =
		entity_relationship(model->user_account, "book_id");
	const struct relationship *generated = entity_relationship(
		model->user_account, "book_user_account_id");

	assert_string_equal(written->relation->object_name, "borrower_id");
	assert_string_equal(generated->relation->object_name,
			    "user_account_id");
}

static void
an_owner_relation_may_be_written(void **state)
{
	const struct model *model = built(
		*state, "Tables: [{TableName: book}]\n"
			"Relations: [{Subject: book, Relation: belongs_to,\n"
			"  Object: user, OnDelete: cascade}]\n");
	const struct entity *book = model_entity(model, "book");

	assert_int_equal(book->ncolumns, 7);
	assert_true(entity_column(book, "user_account_id")->is_nullable);
	assert_int_equal(entity_relationship(book, "user_account_id")
				 ->relation->on_delete,
			 ON_DELETE_CASCADE);
}

static void
a_key_may_be_written_as_a_column(void **state)
{
	const struct model *model = built(
		*state,
		"Tables:\n"
		"  - TableName: author\n"
		"  - TableName: book\n"
		"    Columns:\n"
		"      - {Name: writer, IsForeignKey: true, IsNullable: true,\n"
		"         ForeignKeyData: {DataSource: self,\n"
		"         Namespace: author, KeyName: id}}\n"
		"      - {Name: cover, ColumnType: image.png,\n"
		"         IsForeignKey: true, IsNullable: true,\n"
		"         ForeignKeyData: {DataSource: cloud_store,\n"
		"         Namespace: localstore, KeyName: covers}}\n");
	const struct column *writer = column_of(model, "book", "writer");
	const struct column *cover = column_of(model, "book", "cover");

	assert_ptr_equal(writer->target, model_entity(model, "author"));
	assert_true(writer->is_nullable);
	assert_string_equal(entity_relationship(model_entity(model, "author"),
						"book_writer")
				    ->target->name,
			    "book");
	assert_null(cover->target);
	assert_int_equal(cover->kind, VALUE_FILE);
	assert_string_equal(cover->namespace, "localstore");
}

static void
a_join_table_may_be_given_columns(void **state)
{
	const struct model *model = built(*state, LIBRARY "Streams: []\n");
	struct schema *schema = system_schema(*state);
	struct model *extended;
	struct strbuf buf;
	const char *definitions;

	assert_null(read_schema(*state, LIBRARY, false, schema));
	assert_null(read_schema(
		*state,
		"Tables:\n"
		"  - TableName: book_coauthored_books_has_author_coauthors\n"
		"    Columns: [{Name: since, ColumnType: date}]\n",
		false, schema));
	assert_null(model_build(*state, schema, &extended));
	assert_int_equal(extended->nentities, model->nentities);
	assert_non_null(column_of(extended,
				  "book_coauthored_books_has_author_coauthors",
				  "since"));
	definitions = all_definitions(*state, extended);
	strbuf_init(&buf, *state);
	schema_write_model(&buf, extended);
	assert_string_equal(all_definitions(*state, built(*state, buf.data)),
			    definitions);
}

/* Each schema, and what the fault says. */
static const char *const faults[][2] = {
	{ "Relations: [{Subject: book, Relation: has_one, Object: author}]\n",
	  "Relations: book has_one author: there is no entity book" },
	{ "Tables: [{TableName: book}]\n"
	  "Relations: [{Subject: book, Relation: has_many, Object: author}]\n",
	  "book has_many author: there is no entity author" },
	{ "Tables: [{TableName: book}, {TableName: author}]\n"
	  "Relations:\n"
	  "  - {Subject: book, Relation: has_one, Object: author}\n"
	  "  - {Subject: book, Relation: has_many, Object: author,\n"
	  "     ObjectName: others}\n",
	  "book has_one author and book has_many author are both book_id for "
	  "author" },
	{ "Tables: [{TableName: book}]\n"
	  "Relations: [{Subject: book, Relation: has_one, Object: book}]\n",
	  "are both book_id for book" },
	{ "Tables: [{TableName: book}]\n"
	  "Relations: [{Subject: book, Relation: has_many, Object: book}]\n",
	  "SubjectName and ObjectName are both book_id" },
	{ "Tables: [{TableName: book}, {TableName: author}]\n"
	  "Relations: [{Subject: book, Relation: belongs_to, Object: author,\n"
	  "  OnDelete: set_null}]\n",
	  "OnDelete set_null is not possible, author_id can't be null" },
	{ "Actions: [{Name: n, OnType: nobody}]\n",
	  "Actions: n: OnType names the unknown entity nobody" },
	{ "Tables: [{TableName: book, CompositeKeys: [[x]]}]\n",
	  "book: CompositeKeys names the unknown column x" },
	{ "Tables: [{TableName: book, IsAuditEnabled: true,\n"
	  "  Columns: [{Name: operation}]}]\n",
	  "book.operation: IsAuditEnabled needs that name" },
	{ "Tables: [{TableName: book, Columns: [{Name: a, IsForeignKey: true,\n"
	  "  ForeignKeyData: {DataSource: self, Namespace: nobody}}]}]\n",
	  "book.a: ForeignKeyData names the unknown entity nobody" },
};

static void
what_can_not_be_built_is_told(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		struct model *model;
		const struct error *error =
			build_schema(*state, faults[i][0], &model);

		if (!error)
			fail_msg("%s: no fault", faults[i][0]);
		assert_int_equal(error->status, 422);
		if (!strstr(error->detail, faults[i][1]))
			fail_msg("%s: %s", faults[i][0], error->detail);
	}
}

static void
self_relations_work_with_names(void **state)
{
	const struct model *model =
		built(*state, "Tables: [{TableName: page}]\n"
			      "Relations:\n"
			      "  - {Subject: page, SubjectName: children,\n"
			      "     Relation: has_one, Object: page,\n"
			      "     ObjectName: parent_id}\n"
			      "  - {Subject: page, SubjectName: linked_from,\n"
			      "     Relation: has_many, Object: page,\n"
			      "     ObjectName: links_to}\n");
	const struct entity *page = model_entity(model, "page");

	assert_false(entity_relationship(page, "parent_id")->to_many);
	assert_true(entity_relationship(page, "children")->to_many);
	assert_true(entity_relationship(page, "links_to")->from_subject);
	assert_false(entity_relationship(page, "linked_from")->from_subject);
}

/* 1,000 entities of 10 columns, each belonging to the one before. */
static const char *
large_schema(struct arena *arena)
{
	struct strbuf buf;

	strbuf_init(&buf, arena);
	strbuf_puts(&buf, "{\"Tables\":[{\"TableName\":\"big\"}");
	for (int i = 0; i < 1000; i++) {
		strbuf_printf(&buf, ",{\"TableName\":\"big%d\",\"Columns\":[",
			      i);
		for (int j = 0; j < 10; j++)
			strbuf_printf(&buf, "%s{\"Name\":\"c%d\"}",
				      j ? "," : "", j);
		strbuf_printf(&buf,
			      "],\"Relations\":[{\"Relation\":\"has_one\","
			      "\"Object\":\"big%.0d\"}]}",
			      i ? i - 1 : 0);
	}
	strbuf_puts(&buf, "]}");
	return buf.data;
}

static void
a_thousand_entities_build_in_well_under_50_ms(void **state)
{
	struct schema *schema = system_schema(*state);
	struct model *model;
	double began, took;

	assert_null(read_schema(*state, large_schema(*state), false, schema));
	began = cpu_milliseconds();
	assert_null(model_build(*state, schema, &model));
	took = cpu_milliseconds() - began;
	assert_true(model->nentities > 2000);
	print_message("1,000 entities: %.1f ms\n", took);
#ifndef __SANITIZE_ADDRESS__
	assert_true(took < 50);
#endif
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, arena_setup, arena_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(standard_columns_come_first),
		TEST(the_well_known_entities_are_there),
		TEST(a_schema_without_the_systems_is_refused),
		TEST(every_table_has_owner_and_groups_but_some),
		TEST(to_one_relations_make_keys),
		TEST(to_many_relations_make_join_tables),
		TEST(relations_are_seen_from_both_ends),
		TEST(deletion_is_what_is_written_or_restricted),
		TEST(history_has_values_but_no_secrets_and_no_rules),
		TEST(state_tracking_makes_a_table),
		TEST(rules_name_columns_by_their_column_name),
		TEST(secrets_can_not_be_searched),
		TEST(actions_are_found_by_the_names_of_every_era),
		TEST(lists_are_sorted),
		TEST(definitions_read_again_give_the_same_model),
		TEST(building_twice_gives_the_same_model),
		TEST(stored_definitions_merge_with_the_files_they_came_from),
		TEST(a_downloaded_model_makes_the_same_instance),
		TEST(clients_see_no_outcomes),
		TEST(the_library_has_the_tables_that_its_file_lists),
		TEST(packages_of_many_hands_load_as_they_are),
		TEST(long_names_are_short_in_the_database_only),
		TEST(a_generated_name_gives_way_to_a_written_one),
		TEST(an_owner_relation_may_be_written),
		TEST(a_key_may_be_written_as_a_column),
		TEST(a_join_table_may_be_given_columns),
		TEST(what_can_not_be_built_is_told),
		TEST(self_relations_work_with_names),
		TEST(a_thousand_entities_build_in_well_under_50_ms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
