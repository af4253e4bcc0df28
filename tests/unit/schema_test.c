/*
 * schema_test.c: reading schema files: what is accepted, what each fault
 * says, and how one file comes on top of another.
 */
#include "tests/unit/support.h"

#include "tests/unit/schemas.h"

static struct schema *
read_text_schema(struct arena *arena, const char *text)
{
	struct schema *schema = ARENA_NEW(arena, struct schema);
	struct error *error = read_schema(arena, text, false, schema);

	if (error)
		fail_msg("%s", error->detail);
	return schema;
}

static struct column *
only_column(struct arena *arena, const char *column)
{
	const struct schema *schema = read_text_schema(
		arena, arena_printf(arena,
				    "{\"Tables\":[{\"TableName\":\"t1\","
				    "\"Columns\":[%s]}]}",
				    column));

	assert_int_equal(schema->entities[0]->ncolumns, 1);
	return schema->entities[0]->columns[0];
}

static void
names_become_snake_case(void **state)
{
	static const char *const names[][2] = {
		{ "BookCopy", "book_copy" },
		{ "book_copy", "book_copy" },
		{ "Item Order", "item_order" },
		{ "Target_cost", "target_cost" },
		{ "HTTPServer", "http_server" },
		{ "userID", "user_id" },
		{ "e-mail", "e_mail" },
		{ "Address1", "address1" },
		{ "a1B", "a1_b" },
		{ "", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_string_equal(schema_snake_case(*state, names[i][0]),
				    names[i][1]);
}

static void
keys_are_read_in_any_case(void **state)
{
	const struct schema *schema = read_text_schema(
		*state,
		"{\"tables\":[{\"TABLENAME\":\"t1\",\"columns\":[{"
		"\"columnName\":\"a\",\"columntype\":\"label\"}],"
		"\"validations\":[{\"columnname\":\"a\",\"TAGS\":\"x\"}]}]}");

	assert_string_equal(schema->entities[0]->columns[0]->column_name, "a");
	assert_string_equal(schema->entities[0]->validations[0].tags, "x");
	assert_int_equal(schema->nwarnings, 0);
}

static void
blocks_may_be_lists_of_one(void **state)
{
	const struct schema *schema = read_text_schema(
		*state, "{\"Tables\":{\"TableName\":[\"t1\"],\"Columns\":[[{"
			"\"Name\":\"a\",\"ForeignKeyData\":[{\"DataSource\":"
			"\"cloud_store\",\"Namespace\":\"x\"}]}]]},"
			"\"Actions\":[{\"Name\":\"n\",\"OnType\":\"t1\","
			"\"OutFields\":{\"Type\":\"a\",\"Attributes\":[{"
			"\"k\":\"v\"}]}}]}");

	assert_string_equal(schema->entities[0]->columns[0]->data_source,
			    "cloud_store");
	assert_int_equal(schema->actions[0]->nout_fields, 1);
}

static void
numbers_and_texts_stand_for_each_other(void **state)
{
	const struct column *column = only_column(
		*state, "{\"Name\":\"a\",\"ColumnType\":\"measurement\","
			"\"DefaultValue\":0,\"IsNullable\":\"true\","
			"\"IsIndexed\":1,\"IsUnique\":\"no\"}");

	assert_string_equal(column->default_value, "0");
	assert_string_equal(column->default_text, "0");
	assert_string_equal(column->default_sql, "'0'::integer");
	assert_true(column->is_nullable);
	assert_true(column->is_indexed);
	assert_false(column->is_unique);
}

static void
unknown_members_are_warnings(void **state)
{
	const struct schema *schema = read_text_schema(
		*state, "{\"Tables\":[{\"TableName\":\"t1\",\"Colums\":[]}],"
			"\"Tabels\":[],\"EnableGraphQL\":true}");

	assert_int_equal(schema->nwarnings, 2);
	assert_string_equal(schema->warnings[0],
			    "t.json: Tabels: unknown member, ignored");
	assert_string_equal(schema->warnings[1],
			    "t.json: Tables[0].Colums: unknown member, "
			    "ignored");
}

static void
aliases_of_sections_are_read(void **state)
{
	const struct schema *schema = read_text_schema(
		*state, "{\"Exchanges\":[{\"name\":\"e\",\"sourcetype\":"
			"\"self\"}],\"ExchangeContracts\":[{\"Name\":\"f\"}],"
			"\"DataImports\":[{\"FilePath\":\"x.csv\"}],"
			"\"Streams\":[{\"StreamName\":\"s\"}],"
			"\"Tasks\":[{\"Name\":\"t\"}],"
			"\"Marketplaces\":[{\"Name\":\"m\"}]}");

	assert_int_equal(schema->nexchanges, 2);
	assert_string_equal(json_object_get_string(json_object_object_get(
				    schema->exchanges[1], "SourceType")),
			    "self");
	assert_int_equal(schema->nimports, 1);
	assert_int_equal(schema->nstreams, 1);
	assert_int_equal(schema->ntasks, 1);
	assert_int_equal(schema->nmarketplaces, 1);
}

static void
options_may_be_a_bare_list(void **state)
{
	const struct column *column = only_column(
		*state,
		"{\"Name\":\"a\",\"ColumnType\":\"enum\","
		"\"DefaultValue\":\"'Good'\",\"Options\":[\"good\",1]}");

	assert_int_equal(column->kind, VALUE_ENUM);
	assert_int_equal(column->noptions, 2);
	assert_string_equal(column->options[1].value, "1");
	assert_string_equal(column->options[0].label, "good");
	assert_string_equal(column->default_text, "good");
}

static void
groups_are_names_or_objects(void **state)
{
	const struct schema *schema = read_text_schema(
		*state, "{\"Tables\":[{\"TableName\":\"t1\","
			"\"DefaultGroups\":[\"users\"],\"AccessGroups\":[{"
			"\"Name\":\"users\",\"Permission\":32768}]}]}");
	const struct entity *entity = schema->entities[0];

	assert_string_equal(entity->default_groups[0].group, "users");
	assert_int_equal(entity->default_groups[0].permission, 0);
	assert_int_equal(entity->access_groups[0].permission, 32768);
}

static void
permissions_of_2018_are_converted(void **state)
{
	const struct schema *schema =
		read_text_schema(*state, "{\"Tables\":[{\"TableName\":\"t1\","
					 "\"Permission\":127127067,"
					 "\"DefaultPermission\":2097057}]}");

	assert_int_equal(schema->entities[0]->permission_wanted, 2097091);
	assert_int_equal(schema->entities[0]->default_permission_wanted,
			 2097057);
}

struct column_case {
	const char *type;
	const char *data_type;
	const char *sql_type;
	enum value_kind kind;
	int max_length;
};

#define ZONED "timestamp with time zone"

static const struct column_case column_cases[] = {
	{ "label", "", "character varying(100)", VALUE_TEXT, 100 },
	{ "label", "varchar(500)", "character varying(500)", VALUE_TEXT, 500 },
	{ "label", "text", "text", VALUE_TEXT, 0 },
	{ "label", "int(11)", "integer", VALUE_INTEGER, 0 },
	{ "content", "longblob", "bytea", VALUE_BYTES, 0 },
	{ "", "", "text", VALUE_TEXT, 0 },
	{ "", "varchar(9)", "character varying(9)", VALUE_TEXT, 9 },
	{ "", "numeric(10,2)", "numeric(10,2)", VALUE_DECIMAL, 0 },
	{ "", "DATETIME", ZONED, VALUE_TIMESTAMP, 0 },
	{ "", "uuid", "uuid", VALUE_UUID, 0 },
	{ "rating5", "int(4)", "integer", VALUE_INTEGER, 0 },
	{ "value", "int(11)", "integer", VALUE_INTEGER, 0 },
	{ "value", "varchar(10)", "character varying(10)", VALUE_TEXT, 10 },
	{ "measurement", "", "integer", VALUE_INTEGER, 0 },
	{ "measurement", "float", "double precision", VALUE_FLOAT, 0 },
	{ "measurement", "decimal(9,3)", "numeric(9,3)", VALUE_DECIMAL, 0 },
	{ "measurement", "bigint", "bigint", VALUE_INTEGER, 0 },
	{ "measurement", "varchar(20)", "integer", VALUE_INTEGER, 0 },
	{ "location.latitude", "float(11)", "double precision", VALUE_FLOAT,
	  0 },
	{ "truefalse", "int(1)", "boolean", VALUE_BOOLEAN, 0 },
	{ "truefalse", "varchar(5)", "boolean", VALUE_BOOLEAN, 0 },
	{ "date", "varchar(50)", ZONED, VALUE_TIMESTAMP, 0 },
	{ "date", "date", ZONED, VALUE_TIMESTAMP, 0 },
	{ "time", "time", ZONED, VALUE_TIME, 0 },
	{ "json", "jsonb", "text", VALUE_JSON, 0 },
	{ "enum", "varchar(20)", "character varying(20)", VALUE_TEXT, 20 },
	{ "enum", "int(1)", "character varying(50)", VALUE_TEXT, 50 },
	{ "password", "varchar(100)", "character varying(100)", VALUE_SECRET,
	  0 },
	{ "password", "varchar(20)", "character varying(200)", VALUE_SECRET,
	  0 },
	{ "encrypted", "varchar(100)", "text", VALUE_ENCRYPTED, 0 },
	{ "image.png|jpg", "blob", "text", VALUE_FILE, 0 },
	{ "gzip", "blob", "text", VALUE_FILE, 0 },
};

static void
column_type_and_data_type_give_kind_and_sql(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(column_cases); i++) {
		const struct column_case *wanted = &column_cases[i];
		const struct column *column = only_column(
			*state,
			arena_printf(*state,
				     "{\"Name\":\"a\",\"ColumnType\":\"%s\","
				     "\"DataType\":\"%s\"}",
				     wanted->type, wanted->data_type));

		if (strcmp(column->sql_type, wanted->sql_type) ||
		    column->kind != wanted->kind ||
		    column->max_length != wanted->max_length)
			fail_msg("%s %s: %s, kind %d, %d", wanted->type,
				 wanted->data_type, column->sql_type,
				 (int)column->kind, column->max_length);
	}
}

static void
columns_are_required_unless_told(void **state)
{
	assert_false(only_column(*state, "{\"Name\":\"a\"}")->is_nullable);
	assert_true(only_column(*state, "{\"Name\":\"a\",\"ColumnType\":"
					"\"datetime\",\"DataType\":"
					"\"timestamp\"}")
			    ->is_nullable);
	assert_false(only_column(*state, "{\"Name\":\"a\",\"ColumnType\":"
					 "\"datetime\",\"DataType\":"
					 "\"timestamp\",\"DefaultValue\":"
					 "\"current_timestamp\"}")
			     ->is_nullable);
}

struct default_case {
	const char *type;
	const char *data_type;
	const char *value; /* as JSON */
	const char *sql;   /* NULL: none */
	const char *text;
};

static const struct default_case default_cases[] = {
	{ "label", "varchar(9)", "\"'draft'\"", "'draft'::character varying(9)",
	  "draft" },
	{ "label", "text", "\"bare text\"", "'bare text'::text", "bare text" },
	{ "label", "text", "\"'it''s'\"", "'it''s'::text", "it's" },
	{ "label", "text", "\"it's\"", "'it''s'::text", "it's" },
	{ "label", "text", "\"'a;b'\"", "'a;b'::text", "a;b" },
	{ "label", "text", "\"a\\\\b\"", "E'a\\\\b'::text", "a\\b" },
	{ "label", "text", "\"''\"", "''::text", "" },
	{ "label", "text", "\"\\\"x\\\"\"", "'x'::text", "x" },
	{ "label", "text", "\"current_timestamp\"", "'current_timestamp'::text",
	  "current_timestamp" },
	{ "label", "text", "\"null\"", NULL, NULL },
	{ "label", "text", "\"\"", NULL, NULL },
	{ "measurement", "int(4)", "\"'10'\"", "'10'::integer", "10" },
	{ "measurement", "int(4)", "\"007\"", "'7'::integer", "7" },
	{ "measurement", "int(4)", "-1", "'-1'::integer", "-1" },
	{ "measurement", "decimal(9,2)", "\"1.50\"", "'1.50'::numeric(9,2)",
	  "1.50" },
	{ "float", "", "1.5", "'1.5'::double precision", "1.5" },
	{ "truefalse", "int(1)", "\"0\"", "'false'::boolean", "false" },
	{ "truefalse", "bool", "true", "'true'::boolean", "true" },
	{ "datetime", "", "\"now()\"", "CURRENT_TIMESTAMP", NULL },
	{ "datetime", "", "\"CURRENT_TIMESTAMP\"", "CURRENT_TIMESTAMP", NULL },
	{ "date", "", "\"2030-01-31\"", "'2030-01-31'::" ZONED, "2030-01-31" },
	{ "datetime", "", "\"2030-01-31 10:00\"", "'2030-01-31 10:00Z'::" ZONED,
	  "2030-01-31 10:00Z" },
	{ "datetime", "", "\"2030-01-31T10:00:00.5+01:00\"",
	  "'2030-01-31T10:00:00.5+01:00'::" ZONED,
	  "2030-01-31T10:00:00.5+01:00" },
	{ "time", "", "\"10:30\"", "'1970-01-01 10:30Z'::" ZONED,
	  "1970-01-01 10:30Z" },
	{ "json", "", "\"'{}'\"", "'{}'::text", "{}" },
};

static const char *
default_column(struct arena *arena, const struct default_case *wanted)
{
	return arena_printf(arena,
			    "{\"Name\":\"a\",\"ColumnType\":\"%s\","
			    "\"DataType\":\"%s\",\"DefaultValue\":%s}",
			    wanted->type, wanted->data_type, wanted->value);
}

static void
defaults_are_quoted_anew(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(default_cases); i++) {
		const struct default_case *wanted = &default_cases[i];
		const struct column *column =
			only_column(*state, default_column(*state, wanted));

		if (!wanted->sql) {
			assert_null(column->default_sql);
			continue;
		}
		assert_string_equal(column->default_sql, wanted->sql);
		if (wanted->text)
			assert_string_equal(column->default_text, wanted->text);
		else
			assert_null(column->default_text);
	}
}

/* Each text, and what the first fault's detail must contain. */
static const char *const faults[][2] = {
	{ "[1]", "t.yaml: expected an object" },
	{ "{\"Tables\":[1]}", "t.json: Tables[0]: expected an object" },
	{ "{\"Tables\":[{}]}", "t.json: Tables[0].TableName: '' is empty" },
	{ "{\"Tables\":[{\"TableName\":\"a\"}]}", "less than 2 characters" },
	{ "{\"Tables\":[{\"TableName\":\"pg_x\"}]}", "begins with pg_" },
	{ "{\"Tables\":[{\"TableName\":\"9a\"}]}", "begins with a digit" },
	{ "{\"Tables\":[{\"TableName\":\"_config\"}]}",
	  "begins with an underscore" },
	{ "{\"Tables\":[{\"TableName\":\"a;b\"}]}",
	  "'a;b' has more than letters" },
	{ "{\"Tables\":[{\"TableName\":\"a\\\"b\"}]}", "more than letters" },
	{ "{\"Tables\":[{\"TableName\":\"a\\u0001b\"}]}", "more than letters" },
	{ "{\"Tables\":[{\"TableName\":\"\xc3\xa4pfel\"}]}",
	  "more than letters" },
	{ "{\"Tables\":[{\"TableName\":\"t123456789012345678901234567890123"
	  "456789012345678901234567890123\"}]}",
	  "longer than 63 bytes" },
	{ "{\"Tables\":[{\"TableName\":{}}]}", "expected a text" },
	{ "{\"Tables\":[{\"TableName\":\"t1\",\"Permission\":-1}]}",
	  "Tables[0].Permission: '-1' is no permission" },
	{ "{\"Tables\":[{\"TableName\":\"t1\",\"Permission\":999127127}]}",
	  "is no permission" },
	{ "{\"Tables\":[{\"TableName\":\"t1\",\"IsHidden\":\"maybe\"}]}",
	  "Tables[0].IsHidden: expected true or false, not 'maybe'" },
	{ "{\"Tables\":[{\"TableName\":\"t1\",\"Validations\":[{\"Tags\":"
	  "\"x\"}]}]}",
	  "Tables[0].Validations[0]: needs ColumnName and Tags" },
	{ "{\"Tables\":[{\"TableName\":\"t1\",\"DefaultGroups\":[{}]}]}",
	  "Tables[0].DefaultGroups[0]: needs a group's name" },
	{ "{\"Tables\":[{\"TableName\":\"t1\",\"CompositeKeys\":[[]]}]}",
	  "Tables[0].CompositeKeys[0]: has no columns" },
	{ "{\"Relations\":[{\"Subject\":\"a\",\"Object\":\"b\"}]}",
	  "Relations[0]: needs Subject, Relation and Object" },
	{ "{\"Relations\":[{\"Subject\":\"a\",\"Object\":\"b\",\"Relation\":"
	  "\"likes\"}]}",
	  "Relations[0].Relation: 'likes' is none of" },
	{ "{\"Relations\":[{\"Subject\":\"aa\",\"Object\":\"bb\",\"Relation\":"
	  "\"has_one\",\"OnDelete\":\"explode\"}]}",
	  "Relations[0].OnDelete: 'explode' is none of" },
	{ "{\"Relations\":[{\"Subject\":\"aa\",\"Object\":\"bb\",\"Relation\":"
	  "\"has_one\",\"ObjectName\":\"xmin\"}]}",
	  "Relations[0].ObjectName: 'xmin' is a name of PostgreSQL's own" },
	{ "{\"Actions\":[{\"OnType\":\"t\"}]}", "Actions[0].Name: is missing" },
	{ "{\"Actions\":[{\"Name\":\"n\",\"OnType\":\"\"}]}",
	  "Actions[0].OnType: is empty" },
	{ "{\"Actions\":[{\"Name\":\"a b\",\"OnType\":\"t\"}]}",
	  "Actions[0].Name: 'a b' has more than letters" },
	{ "{\"Actions\":[{\"Name\":\"n\",\"OnType\":\"t\",\"OutFields\":[{}]}"
	  "]}",
	  "Actions[0].OutFields[0]: needs a Type" },
	{ "{\"Actions\":[{\"Name\":\"n\",\"OnType\":\"t\",\"OutFields\":[{"
	  "\"Type\":\"x\",\"Attributes\":1}]}]}",
	  "Actions[0].OutFields[0].Attributes: expected an object or a list" },
	{ "{\"Actions\":[{\"Name\":\"n\",\"OnType\":\"t\",\"InFields\":[{}]}]"
	  "}",
	  "Actions[0].InFields[0]: needs a ColumnName or a Name" },
	{ "{\"Actions\":[{\"Name\":\"n\",\"OnType\":\"t\",\"RunAs\":\"root\"}"
	  "]}",
	  "Actions[0].RunAs: expected system or caller, not 'root'" },
	{ "{\"StateMachineDescriptions\":[{\"Name\":\"m\"}]}",
	  "StateMachineDescriptions[0]: needs an InitialState" },
	{ "{\"StateMachineDescriptions\":[{\"Name\":\"m\",\"InitialState\":"
	  "\"a\",\"Events\":[{\"Name\":\"e\"}]}]}",
	  "StateMachineDescriptions[0].Events[0]: needs Name, Src and Dst" },
	{ "{\"Tasks\":[{}]}", "Tasks[0]: needs a Name" },
	{ "{\"Streams\":[{}]}", "Streams[0]: needs a StreamName" },
};

static void
every_fault_says_where(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		struct schema schema = { .nentities = 0 };
		const struct error *error =
			read_schema(*state, faults[i][0], false, &schema);

		if (!error)
			fail_msg("%s: no fault", faults[i][0]);
		assert_int_equal(error->status, 422);
		assert_string_equal(error->code, "invalid-schema");
		if (!strstr(error->detail, faults[i][1]))
			fail_msg("%s: %s", faults[i][0], error->detail);
	}
}

/* Columns of a table and what the fault says. */
static const char *const column_faults[][2] = {
	{ "{}", "Columns[0]: needs a ColumnName or a Name" },
	{ "{\"Name\":\"ctid\"}", "ColumnName: 'ctid' is a name of" },
	{ "{\"Name\":\"tableoid\"}", "PostgreSQL's own" },
	{ "{\"Name\":\"a\\\"b\"}", "more than letters" },
	{ "{\"Name\":\"a\",\"DataType\":\"varchar(10); drop table x\"}",
	  "Columns[0].DataType: 'varchar(10); drop table x' is no type" },
	{ "{\"Name\":\"a\"},{\"Name\":\"A\"}",
	  "Columns[1]: a second column with the name a" },
	{ "{\"Name\":\"id\",\"DataType\":\"varchar(9)\"}",
	  "id is a standard column and can't be character varying(9)" },
	{ "{\"Name\":\"reference_id\",\"DataType\":\"int(11)\"}",
	  "reference_id is a standard column" },
	{ "{\"Name\":\"version\",\"DataType\":\"text\"}",
	  "version is a standard column" },
	{ "{\"Name\":\"a\",\"ColumnType\":\"enum\",\"Options\":[\"x'y\"]}",
	  "Columns[0].Options[0]: an option has no quotes" },
	{ "{\"Name\":\"a\",\"ColumnType\":\"enum\",\"Options\":[{}]}",
	  "Columns[0].Options[0]: needs a Value" },
	{ "{\"Name\":\"a\",\"ColumnType\":\"enum\",\"Options\":[\"x\"],"
	  "\"DefaultValue\":\"y\"}",
	  "Columns[0].DefaultValue: 'y' is none of the Options" },
	{ "{\"Name\":\"a\",\"DefaultValue\":\"(select 1)\"}",
	  "Columns[0].DefaultValue: '(select 1)' is an expression" },
	{ "{\"Name\":\"a\",\"DefaultValue\":\"x; drop table y\"}",
	  "is an expression" },
	{ "{\"Name\":\"a\",\"DefaultValue\":\"pg_sleep(9)\"}",
	  "is an expression" },
	{ "{\"Name\":\"a\",\"DefaultValue\":\"'x' || (select 1)\"}",
	  "a quote that is not closed" },
	{ "{\"Name\":\"a\",\"DefaultValue\":\"'x\"}",
	  "a quote that is not closed" },
	{ "{\"Name\":\"a\",\"DataType\":\"varchar(2)\",\"DefaultValue\":"
	  "\"abc\"}",
	  "is longer than the column" },
	{ "{\"Name\":\"a\",\"DataType\":\"int\",\"DefaultValue\":\"abc\"}",
	  "'abc' is no whole number" },
	{ "{\"Name\":\"a\",\"DataType\":\"int\",\"DefaultValue\":"
	  "\"2147483648\"}",
	  "is out of range" },
	{ "{\"Name\":\"a\",\"DataType\":\"smallint\",\"DefaultValue\":"
	  "\"-32769\"}",
	  "is out of range" },
	{ "{\"Name\":\"a\",\"DataType\":\"float\",\"DefaultValue\":\"nan\"}",
	  "is no number" },
	{ "{\"Name\":\"a\",\"ColumnType\":\"truefalse\",\"DefaultValue\":"
	  "\"2\"}",
	  "is neither true nor false" },
	{ "{\"Name\":\"a\",\"ColumnType\":\"date\",\"DefaultValue\":"
	  "\"soon\"}",
	  "is no date" },
	{ "{\"Name\":\"a\",\"ColumnType\":\"datetime\",\"DefaultValue\":"
	  "\"2030-01-31 10:00'; x\"}",
	  "is an expression" },
	{ "{\"Name\":\"a\",\"ColumnType\":\"json\",\"DefaultValue\":\"{\"}",
	  "is no JSON" },
	{ "{\"Name\":\"a\",\"DataType\":\"uuid\",\"DefaultValue\":\"1\"}",
	  "is no UUID" },
	{ "{\"Name\":\"a\",\"ColumnType\":\"password\",\"DefaultValue\":"
	  "\"1\"}",
	  "is not possible for a column of this type" },
};

static void
every_fault_of_a_column_says_where(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(column_faults); i++) {
		struct schema schema = { .nentities = 0 };
		const char *text = arena_printf(
			*state,
			"{\"Tables\":[{\"TableName\":\"t1\",\"Columns\":[%s]}]"
			"}",
			column_faults[i][0]);
		const struct error *error =
			read_schema(*state, text, false, &schema);

		if (!error)
			fail_msg("%s: no fault", text);
		if (!strstr(error->detail, column_faults[i][1]))
			fail_msg("%s: %s", text, error->detail);
	}
}

static void
all_faults_are_told_at_once(void **state)
{
	struct schema schema = { .nentities = 0 };
	const struct error *error = read_schema(
		*state,
		"{\"Tables\":[{\"TableName\":\"t1\",\"Columns\":[{\"Name\":"
		"\"a\",\"DataType\":\"x\"},{\"Name\":\"b\",\"DataType\":\"y\"}"
		"]}],\"Relations\":[{}]}",
		false, &schema);
	size_t count = 0;

	for (; error; error = error->next)
		count++;
	assert_int_equal(count, 3);
}

static void
standard_columns_are_left_to_us(void **state)
{
	const struct schema *schema = read_text_schema(
		*state, "{\"Tables\":[{\"TableName\":\"t1\",\"Columns\":[{"
			"\"Name\":\"id\",\"DataType\":\"INTEGER\"},{\"Name\":"
			"\"reference_id\",\"DataType\":\"varchar(40)\"},{"
			"\"Name\":\"created_at\",\"DataType\":\"timestamp\"},"
			"{\"Name\":\"permission\",\"DataType\":\"int(11)\"}]"
			"}]}");

	assert_int_equal(schema->entities[0]->ncolumns, 0);
}

static void
a_second_file_refreshes_what_it_names(void **state)
{
	struct schema *schema = read_text_schema(
		*state, "{\"Tables\":[{\"TableName\":\"t1\",\"Icon\":\"i\","
			"\"IsHidden\":true,\"Columns\":[{\"Name\":\"a\","
			"\"DataType\":\"int\"},{\"Name\":\"b\"}],"
			"\"Validations\":[{\"ColumnName\":\"a\",\"Tags\":\"x\""
			"}]}]}");

	assert_null(read_schema(*state,
				"{\"Tables\":[{\"TableName\":\"T1\","
				"\"IsHidden\":false,\"Columns\":[{\"Name\":"
				"\"a\",\"DataType\":\"bigint\"},{\"Name\":"
				"\"c\"}]}]}",
				false, schema));
	const struct entity *entity = schema->entities[0];

	assert_int_equal(schema->nentities, 1);
	assert_int_equal(entity->ncolumns, 3);
	assert_string_equal(entity->columns[0]->sql_type, "bigint");
	assert_string_equal(entity->columns[2]->column_name, "c");
	assert_string_equal(entity->icon, "i");
	assert_false(entity->is_hidden);
	assert_int_equal(entity->nvalidations, 1);
	assert_null(read_schema(*state,
				"{\"Tables\":[{\"TableName\":\"t1\","
				"\"Validations\":[]}]}",
				false, schema));
	assert_int_equal(entity->nvalidations, 0);
}

static void
a_repeated_relation_is_one(void **state)
{
	const struct schema *schema = read_text_schema(
		*state,
		"{\"Tables\":[{\"TableName\":\"book\",\"Relations\":[{"
		"\"Relation\":\"belongs_to\",\"Object\":\"author\"}]}],"
		"\"Relations\":[{\"Subject\":\"book\",\"Relation\":"
		"\"has_one\",\"Object\":\"author\",\"OnDelete\":\"cascade\"},"
		"{\"Subject\":\"book\",\"Relation\":\"has_many\","
		"\"Object\":\"author\",\"ObjectName\":\"others\"},"
		"{\"Subject\":\"book\",\"Relation\":\"has_many\","
		"\"Object\":\"author\"}]}");

	assert_int_equal(schema->nrelations, 3);
	assert_int_equal(schema->relations[0]->kind, RELATION_HAS_ONE);
	assert_int_equal(schema->relations[0]->on_delete, ON_DELETE_CASCADE);
	assert_string_equal(schema->relations[0]->subject_name, "book_id");
	assert_string_equal(schema->relations[1]->object_name, "others");
}

static void
an_action_is_refreshed_by_entity_and_name(void **state)
{
	struct schema *schema = read_text_schema(
		*state, "{\"Actions\":[{\"Name\":\"n\",\"OnType\":\"t\","
			"\"Label\":\"L\",\"InFields\":[{\"Name\":\"The name\"}"
			"]},{\"Name\":\"n\",\"OnType\":\"u\"}]}");

	assert_null(read_schema(*state,
				"{\"Actions\":[{\"Name\":\"n\",\"OnType\":"
				"\"t\",\"Safe\":true,\"RunAs\":\"caller\","
				"\"OutFields\":[{\"Type\":\"x\",\"Method\":"
				"\"post\",\"Reference\":\"\"}]}]}",
				false, schema));
	assert_int_equal(schema->nactions, 2);
	assert_string_equal(schema->actions[0]->label, "L");
	assert_true(schema->actions[0]->is_safe);
	assert_true(schema->actions[0]->run_as_caller);
	assert_false(schema->actions[0]->permission_given);
	assert_string_equal(schema->actions[0]->in_fields[0]->column_name,
			    "the_name");
	assert_string_equal(schema->actions[0]->out_fields[0].method, "POST");
	assert_null(schema->actions[0]->out_fields[0].reference);
}

static void
events_of_one_name_may_have_many_sources(void **state)
{
	const struct schema *schema = read_text_schema(
		*state, "{\"StateMachineDescriptions\":[{\"Name\":\"m\","
			"\"InitialState\":\"a\",\"Events\":[{\"Name\":\"calm\""
			",\"Src\":[\"a\"],\"Dst\":\"b\"},{\"Name\":\"calm\","
			"\"Src\":\"b\",\"Dst\":\"c\"}]}]}");

	assert_int_equal(schema->state_machines[0]->nevents, 2);
	assert_string_equal(schema->state_machines[0]->events[1].sources[0],
			    "b");
}

static void
the_systems_columns_stay_as_they_are(void **state)
{
	struct schema *schema = system_schema(*state);
	const struct error *error;

	assert_null(read_schema(*state,
				"{\"Tables\":[{\"TableName\":\"user_account\","
				"\"Icon\":\"mine\",\"Columns\":[{\"Name\":"
				"\"email\",\"ColumnType\":\"email\","
				"\"DataType\":\"varchar(9)\"},{\"Name\":"
				"\"phone\"}]}]}",
				false, schema));
	const struct entity *entity = schema->entities[1];

	assert_string_equal(entity->name, "user_account");
	assert_string_equal(entity->icon, "mine");
	assert_string_equal(entity->columns[1]->sql_type,
			    "character varying(80)");
	assert_string_equal(entity->columns[entity->ncolumns - 1]->column_name,
			    "phone");
	error = read_schema(*state,
			    "{\"Tables\":[{\"TableName\":\"user_account\","
			    "\"Columns\":[{\"Name\":\"email\",\"ColumnType\":"
			    "\"measurement\"}]}]}",
			    false, schema);
	assert_non_null(error);
	assert_non_null(strstr(error->detail,
			       "Tables[0].Columns[0]: email is a column of "
			       "the system's own"));
}

static void
rules_for_missing_columns_are_warnings(void **state)
{
	const struct schema *schema = read_text_schema(
		*state,
		"{\"Tables\":[{\"TableName\":\"t1\",\"Columns\":[{\"Name\":"
		"\"Order\",\"ColumnName\":\"item_order\"}],\"Validations\":[{"
		"\"ColumnName\":\"order\",\"Tags\":\"x\"},{\"ColumnName\":"
		"\"nobody\",\"Tags\":\"x\"},{\"ColumnName\":\"t2_id\","
		"\"Tags\":\"x\"}]}],\"Relations\":[{\"Subject\":\"t1\","
		"\"Object\":\"t2\",\"Relation\":\"has_one\"}]}");

	assert_int_equal(schema->nwarnings, 1);
	assert_string_equal(schema->warnings[0],
			    "t.json: Tables[0].Validations[1]: t1 has no "
			    "column nobody, ignored");
}

static void
a_schema_merges_with_another_by_its_sources(void **state)
{
	struct schema *stored = read_text_schema(
		*state, "{\"Tables\":[{\"TableName\":\"t1\",\"Icon\":\"i\"}]}");
	const struct schema *added = read_text_schema(
		*state, "{\"Tables\":[{\"TableName\":\"t1\",\"Columns\":[{"
			"\"Name\":\"a\"}]}]}");

	assert_null(schema_merge(*state, stored, added));
	assert_int_equal(stored->nentities, 1);
	assert_string_equal(stored->entities[0]->icon, "i");
	assert_int_equal(stored->entities[0]->ncolumns, 1);
}

static void
an_empty_file_says_nothing(void **state)
{
	struct schema schema = { .nentities = 0 };

	assert_null(schema_read(*state, NULL, "x.yaml", false, &schema));
	assert_int_equal(schema.nentities, 0);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, arena_setup, arena_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(names_become_snake_case),
		TEST(keys_are_read_in_any_case),
		TEST(blocks_may_be_lists_of_one),
		TEST(numbers_and_texts_stand_for_each_other),
		TEST(unknown_members_are_warnings),
		TEST(aliases_of_sections_are_read),
		TEST(options_may_be_a_bare_list),
		TEST(groups_are_names_or_objects),
		TEST(permissions_of_2018_are_converted),
		TEST(column_type_and_data_type_give_kind_and_sql),
		TEST(columns_are_required_unless_told),
		TEST(defaults_are_quoted_anew),
		TEST(every_fault_says_where),
		TEST(every_fault_of_a_column_says_where),
		TEST(all_faults_are_told_at_once),
		TEST(standard_columns_are_left_to_us),
		TEST(a_second_file_refreshes_what_it_names),
		TEST(a_repeated_relation_is_one),
		TEST(an_action_is_refreshed_by_entity_and_name),
		TEST(events_of_one_name_may_have_many_sources),
		TEST(the_systems_columns_stay_as_they_are),
		TEST(rules_for_missing_columns_are_warnings),
		TEST(a_schema_merges_with_another_by_its_sources),
		TEST(an_empty_file_says_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
