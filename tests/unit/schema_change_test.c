/*
 * schema_change_test.c: what removing and renaming does to the tree of a
 * schema file.
 */
#include "tests/unit/support.h"

#include "db/schema_change.h"

static const char BOOKS[] =
	"{\"tables\":[{\"tablename\":\"Book\",\"columns\":["
	"{\"Name\":\"Page Count\"},{\"ColumnName\":\"title\",\"Name\":\"T\"}],"
	"\"validations\":[{\"columnname\":\"title\",\"tags\":\"required\"}],"
	"\"CompositeKeys\":[[\"title\",\"isbn\"]],"
	"\"DefaultOrder\":\"-title,subtitle\","
	"\"Relations\":[{\"Relation\":\"has_one\",\"Object\":\"author\"}]},"
	"{\"TableName\":\"author\",\"Columns\":[{\"ColumnName\":\"title\"}]}],"
	"\"Relations\":[{\"Subject\":\"book\",\"Relation\":\"Belongs_To\","
	"\"Object\":\"shop\",\"ObjectName\":\"seller\"},{\"Subject\":\"shop\","
	"\"Relation\":\"has_many\",\"Object\":\"book\"}],"
	"\"Actions\":[{\"Name\":\"lend\",\"OnType\":\"book\"},"
	"{\"Name\":\"open\",\"OnType\":\"shop\"}],"
	"\"Streams\":[{\"StreamName\":\"s\",\"RootEntityName\":\"Book\"}],"
	"\"Imports\":{\"Entity\":\"book\",\"FilePath\":\"x.csv\"}}";

/* The tree after a change, as text. */
static const char *
changed(void **state, const char *text, struct schema_change change)
{
	struct json_object *tree = parsed(*state, text);

	schema_change_tree(*state, tree, &change);
	return json_object_to_json_string_ext(tree, JSON_C_TO_STRING_PLAIN);
}

static void
assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no %s in %s", part, text);
}

static void
assert_lacks(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("%s in %s", part, text);
}

static void
a_removed_column_takes_its_rules_along(void **state)
{
	const char *text =
		changed(state, BOOKS,
			(struct schema_change){ SCHEMA_REMOVE_COLUMN, "book",
						"title", NULL });

	assert_lacks(text, "\"T\"");
	assert_has(text, "\"validations\":[]");
	assert_has(text, "\"Page Count\"");
	assert_has(text, "{\"TableName\":\"author\",\"Columns\":["
			 "{\"ColumnName\":\"title\"}]}");
}

static void
a_column_is_found_by_its_name_alone(void **state)
{
	assert_lacks(
		changed(state, BOOKS,
			(struct schema_change){ SCHEMA_REMOVE_COLUMN, "book",
						"page_count", NULL }),
		"Page Count");
	assert_has(changed(state, BOOKS,
			   (struct schema_change){ SCHEMA_RENAME_COLUMN, "book",
						   "page_count", "pages" }),
		   "{\"Name\":\"Page Count\",\"ColumnName\":\"pages\"}");
}

static void
a_removed_key_takes_its_relation_along(void **state)
{
	const char *text =
		changed(state, BOOKS,
			(struct schema_change){ SCHEMA_REMOVE_COLUMN, "book",
						"seller", NULL });

	assert_lacks(text, "Belongs_To");
	assert_has(text, "has_many");
	assert_lacks(
		changed(state, BOOKS,
			(struct schema_change){ SCHEMA_REMOVE_COLUMN, "book",
						"author_id", NULL }),
		"has_one");
}

static void
a_renamed_column_is_renamed_where_it_is_named(void **state)
{
	const char *text =
		changed(state, BOOKS,
			(struct schema_change){ SCHEMA_RENAME_COLUMN, "book",
						"title", "name" });

	assert_has(text, "{\"ColumnName\":\"name\",\"Name\":\"T\"}");
	assert_has(text, "{\"columnname\":\"name\",\"tags\":\"required\"}");
	assert_has(text, "[\"name\",\"isbn\"]");
	assert_has(text, "\"-name,subtitle\"");
	assert_has(text, "{\"TableName\":\"author\",\"Columns\":["
			 "{\"ColumnName\":\"title\"}]}");
}

static void
a_renamed_key_gives_its_relation_a_name(void **state)
{
	assert_has(changed(state, BOOKS,
			   (struct schema_change){ SCHEMA_RENAME_COLUMN, "book",
						   "author_id", "writer" }),
		   "\"Object\":\"author\",\"ObjectName\":\"writer\"");
}

static void
a_removed_table_leaves_nothing_behind(void **state)
{
	const char *text =
		changed(state, BOOKS,
			(struct schema_change){ SCHEMA_REMOVE_TABLE, "book",
						NULL, NULL });

	assert_string_equal(text,
			    "{\"tables\":[{\"TableName\":\"author\","
			    "\"Columns\":[{\"ColumnName\":\"title\"}]}],"
			    "\"Relations\":[],\"Actions\":[{\"Name\":\"open\","
			    "\"OnType\":\"shop\"}],\"Streams\":[]}");
}

static void
blocks_of_hcl_are_lists_of_one(void **state)
{
	static const char text[] =
		"[{\"Tables\":[[{\"TableName\":\"book\",\"Columns\":"
		"[[{\"ColumnName\":\"title\"}],[{\"ColumnName\":\"isbn\"}]]}]]"
		"}]";

	assert_string_equal(
		changed(state, text,
			(struct schema_change){ SCHEMA_REMOVE_COLUMN, "book",
						"title", NULL }),
		"[{\"Tables\":[[{\"TableName\":\"book\",\"Columns\":"
		"[[{\"ColumnName\":\"isbn\"}]]}]]}]");
}

static void
what_is_no_schema_stays_as_it_is(void **state)
{
	static const char *const texts[] = {
		"null", "[]", "1", "{\"Tables\":1}",
		"{\"Tables\":[1,null,{\"Columns\":[null]}]}"
	};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		for (int kind = SCHEMA_REMOVE_COLUMN;
		     kind <= SCHEMA_RENAME_COLUMN; kind++)
			assert_string_equal(
				changed(state, texts[i],
					(struct schema_change){
						(enum schema_change_kind)kind,
						"book", "title", "name" }),
				texts[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_removed_column_takes_its_rules_along, arena_setup,
			arena_teardown),
		cmocka_unit_test_setup_teardown(
			a_column_is_found_by_its_name_alone, arena_setup,
			arena_teardown),
		cmocka_unit_test_setup_teardown(
			a_removed_key_takes_its_relation_along, arena_setup,
			arena_teardown),
		cmocka_unit_test_setup_teardown(
			a_renamed_column_is_renamed_where_it_is_named,
			arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(
			a_renamed_key_gives_its_relation_a_name, arena_setup,
			arena_teardown),
		cmocka_unit_test_setup_teardown(
			a_removed_table_leaves_nothing_behind, arena_setup,
			arena_teardown),
		cmocka_unit_test_setup_teardown(blocks_of_hcl_are_lists_of_one,
						arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(
			what_is_no_schema_stays_as_it_is, arena_setup,
			arena_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
