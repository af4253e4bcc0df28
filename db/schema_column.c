/*
 * schema_column.c: one column: its members, its name, and what type and kind
 * of value follow from ColumnType and DataType.
 */
#include "db/schema_column.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "db/default_value.h"
#include "db/schema_file.h"

struct option_list {
	struct option *items;
	size_t count;
};

static member_reader read_options;
static member_reader read_key_data;

static const struct member column_members[] = {
	{ "Name", read_text, offsetof(struct column, name) },
	{ "ColumnName", read_text, offsetof(struct column, column_name) },
	{ "ColumnDescription", read_text,
	  offsetof(struct column, description) },
	{ "ColumnType", read_text, offsetof(struct column, column_type) },
	{ "DataType", read_text, offsetof(struct column, data_type) },
	{ "DefaultValue", read_text, offsetof(struct column, default_value) },
	{ "IsPrimaryKey", read_boolean,
	  offsetof(struct column, is_primary_key) },
	{ "IsAutoIncrement", read_boolean,
	  offsetof(struct column, is_auto_increment) },
	{ "IsIndexed", read_boolean, offsetof(struct column, is_indexed) },
	{ "IsUnique", read_boolean, offsetof(struct column, is_unique) },
	{ "IsNullable", read_boolean, offsetof(struct column, is_nullable) },
	{ "IsFullText", read_boolean, offsetof(struct column, is_full_text) },
	{ "IsForeignKey", read_boolean,
	  offsetof(struct column, is_foreign_key) },
	{ "ExcludeFromApi", read_boolean,
	  offsetof(struct column, exclude_from_api) },
	{ "Permission", read_permission, offsetof(struct column, permission) },
	{ "ForeignKeyData", read_key_data, 0 },
	{ "Options", read_options, 0 },
};

static const struct member key_members[] = {
	{ "DataSource", read_text, offsetof(struct column, data_source) },
	{ "Namespace", read_text, offsetof(struct column, namespace) },
	{ "KeyName", read_text, offsetof(struct column, key_name) },
};

static const struct member option_members[] = {
	{ "ValueType", read_text, offsetof(struct option, value_type) },
	{ "Value", read_text, offsetof(struct option, value) },
	{ "Label", read_text, offsetof(struct option, label) },
};

static void
read_key_data(struct reader *reader, const struct path *path,
	      struct json_object *value, void *field)
{
	struct json_object *object = tree_object(reader, path, value);

	if (object)
		read_members(reader, path, object, MEMBER_TABLE(key_members),
			     field);
}

static void
check_option(struct reader *reader, const struct path *path,
	     const struct option *option)
{
	if (!option->value)
		reader_fault(reader, path, "needs a Value");
	else if (strpbrk(option->value, "'\"`;\\"))
		reader_fault(reader, path,
			     "an option has no quotes, semicolons or "
			     "backslashes");
}

static void
read_options(struct reader *reader, const struct path *path,
	     struct json_object *value, void *field)
{
	struct column *column = field;
	struct option_list list = { NULL, 0 };

	for (size_t i = 0; i < tree_length(value); i++) {
		struct path here = { path, NULL, i };
		struct json_object *item = tree_item(value, i);
		struct option option = { "string", NULL, NULL };

		if (json_object_is_type(item, json_type_object))
			read_members(reader, &here, item,
				     MEMBER_TABLE(option_members), &option);
		else
			option.value = tree_text(reader, &here, item);
		check_option(reader, &here, &option);
		if (!option.label)
			option.label = option.value;
		ARENA_PUSH(reader->arena, list.items, list.count, option);
	}
	column->options = list.items;
	column->noptions = list.count;
}

struct column *
column_new(struct arena *arena, const char *name)
{
	struct column *column = ARENA_NEW(arena, struct column);

	column->name = name;
	column->column_name = name;
	column->description = "";
	column->column_type = "";
	column->data_type = "";
	column->data_source = "";
	column->namespace = "";
	column->key_name = "";
	return column;
}

static bool
is_textual(const char *sql_type)
{
	return !strcmp(sql_type, "text") ||
	       !strncmp(sql_type, "character varying", 17);
}

static int
length_of(const char *sql_type)
{
	const char *bracket = strchr(sql_type, '(');

	return bracket && is_textual(sql_type)
		       ? (int)strtol(bracket + 1, NULL, 10)
		       : 0;
}

struct sql_kind {
	const char *prefix;
	enum value_kind kind;
	bool is_number;
};

static const struct sql_kind sql_kinds[] = {
	{ "boolean", VALUE_BOOLEAN, false },
	{ "smallint", VALUE_INTEGER, true },
	{ "integer", VALUE_INTEGER, true },
	{ "bigint", VALUE_INTEGER, true },
	{ "double precision", VALUE_FLOAT, true },
	{ "numeric", VALUE_DECIMAL, true },
	{ "timestamp", VALUE_TIMESTAMP, false },
	{ "bytea", VALUE_BYTES, false },
	{ "uuid", VALUE_UUID, false },
	{ "", VALUE_TEXT, false },
};

static const struct sql_kind *
kind_of_sql(const char *sql_type)
{
	const struct sql_kind *row = sql_kinds;

	while (strncmp(sql_type, row->prefix, strlen(row->prefix)) != 0)
		row++;
	return row;
}

/* bcrypt's are the longest hashes that we make. */
#define HASH_LENGTH 60

/* Whether a column of that type may be stored as its DataType says. */
static bool
type_allows(const struct column_type *type, const char *sql_type)
{
	switch (type ? type->kind : VALUE_TEXT) {
	case VALUE_TEXT:
		return true;
	case VALUE_ENUM:
		return is_textual(sql_type);
	case VALUE_SECRET:
		return is_textual(sql_type) &&
		       (!length_of(sql_type) ||
			length_of(sql_type) >= HASH_LENGTH);
	case VALUE_INTEGER:
	case VALUE_DECIMAL:
	case VALUE_FLOAT:
		return kind_of_sql(sql_type)->is_number;
	default:
		return false;
	}
}

static bool
kind_follows_sql(const struct column_type *type)
{
	return !type || type->kind == VALUE_TEXT ||
	       type->kind == VALUE_INTEGER || type->kind == VALUE_FLOAT;
}

bool
column_resolve(struct arena *arena, struct column *column)
{
	char sql_type[64];
	bool is_written = *column->data_type;
	bool is_known =
		is_written &&
		column_type_sql(column->data_type, sql_type, sizeof sql_type);

	column->type = column_type_find(column->column_type);
	if (is_known && type_allows(column->type, sql_type))
		column->sql_type = arena_strdup(arena, sql_type);
	else
		column->sql_type =
			column->type ? column->type->sql_type : "text";
	column->kind = kind_follows_sql(column->type)
			       ? kind_of_sql(column->sql_type)->kind
			       : column->type->kind;
	if (column->kind == VALUE_ENUM && !column->noptions)
		column->kind = VALUE_TEXT;
	column->max_length =
		column->kind == VALUE_TEXT || column->kind == VALUE_ENUM
			? length_of(column->sql_type)
			: 0;
	return is_known || !is_written;
}

const char *
name_fault(const char *name, size_t longest)
{
	size_t length = strlen(name);

	if (!length)
		return "is empty";
	if (length > longest)
		return "is longer than 63 bytes";
	if (isdigit((unsigned char)*name))
		return "begins with a digit";
	if (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != length)
		return "has more than letters, digits and underscores";
	if (!strncmp(name, "pg_", 3))
		return "begins with pg_, which is PostgreSQL's";
	return NULL;
}

static const char *const database_columns[] = {
	"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid",
};

const char *
column_name_fault(const char *name, size_t longest)
{
	for (size_t i = 0; i < ARRAY_SIZE(database_columns); i++)
		if (!strcmp(name, database_columns[i]))
			return "is a name of PostgreSQL's own";
	return name_fault(name, longest);
}

const char *
sql_identifier(struct arena *arena, const char *name)
{
	uint64_t hash = UINT64_C(14695981039346656037);

	if (strlen(name) <= IDENTIFIER_MAX)
		return name;
	for (const char *p = name; *p; p++)
		hash = (hash ^ (unsigned char)*p) * UINT64_C(1099511628211);
	return arena_printf(arena, "%.*s_%012llx", IDENTIFIER_MAX - 13, name,
			    (unsigned long long)(hash & 0xffffffffffff));
}

/* ColumnName, or Name in its place; false with a fault where it is none. */
static bool
name_column(struct reader *reader, const struct path *path,
	    struct column *column)
{
	const char *written = column->column_name;

	if (!written || !*written)
		written = column->name;
	if (!written || !*written) {
		reader_fault(reader, path, "needs a ColumnName or a Name");
		return false;
	}
	column->column_name = schema_snake_case(reader->arena, written);
	if (!column->name || !*column->name)
		column->name = column->column_name;
	column->sql_name = sql_identifier(reader->arena, column->column_name);
	return true;
}

static void
check_column_name(struct reader *reader, const struct path *path,
		  const struct column *column)
{
	bool is_generated = *column->namespace;
	const char *problem = column_name_fault(
		column->column_name,
		is_generated ? GENERATED_NAME_MAX : IDENTIFIER_MAX);
	struct path here = { path, "ColumnName", 0 };

	if (problem)
		reader_fault(reader, &here, "'%s' %s", column->column_name,
			     problem);
}

static void
check_types(struct reader *reader, const struct path *path,
	    struct column *column)
{
	struct path data_type = { path, "DataType", 0 };
	struct path default_value = { path, "DefaultValue", 0 };
	struct path options = { path, "Options", 0 };
	const char *problem;

	if (!column_resolve(reader->arena, column))
		reader_fault(reader, &data_type, "'%s' is no type that we know",
			     column->data_type);
	if (column->type && column->type->kind == VALUE_ENUM &&
	    !column->noptions)
		reader_warn(reader, &options,
			    "an enum without options takes any text");
	problem = default_value_parse(reader->arena, column);
	if (problem)
		reader_fault(reader, &default_value, "'%s' %s",
			     column->default_value, problem);
}

/* Daptin: a timestamp without a default can always be null. */
static bool
is_bare_timestamp(const struct column *column)
{
	return !strcasecmp(column->data_type, "timestamp") &&
	       !column->default_sql;
}

struct column *
schema_read_column(struct reader *reader, const struct path *path,
		   struct json_object *value)
{
	struct json_object *object = tree_object(reader, path, value);
	struct column *column;

	if (!object)
		return NULL;
	column = column_new(reader->arena, NULL);
	read_members(reader, path, object, MEMBER_TABLE(column_members),
		     column);
	if (!name_column(reader, path, column))
		return NULL;
	check_column_name(reader, path, column);
	check_types(reader, path, column);
	if (column->default_value && !*column->default_value)
		column->default_value = NULL;
	column->is_nullable |= is_bare_timestamp(column);
	column->is_system = reader->is_system;
	return column;
}

typedef struct column *read_item(struct reader *reader, const struct path *path,
				 struct json_object *value);

static void
read_list(struct reader *reader, const struct path *path,
	  struct json_object *value, read_item *read, void *field)
{
	struct column_list list = { NULL, 0 };

	for (size_t i = 0; i < tree_length(value); i++) {
		struct path here = { path, NULL, i };
		struct column *column =
			read(reader, &here, tree_item(value, i));

		if (column)
			ARENA_PUSH(reader->arena, list.items, list.count,
				   column);
	}
	memcpy(field, &list, sizeof list);
}

void
read_join_columns(struct reader *reader, const struct path *path,
		  struct json_object *value, void *field)
{
	read_list(reader, path, value, schema_read_column, field);
}

/* Inputs are members of JSON objects and names of expressions, no columns. */
static struct column *
read_input(struct reader *reader, const struct path *path,
	   struct json_object *value)
{
	struct json_object *object = tree_object(reader, path, value);
	struct column *column;

	if (!object)
		return NULL;
	column = column_new(reader->arena, NULL);
	read_members(reader, path, object, MEMBER_TABLE(column_members),
		     column);
	if (!column->column_name && column->name)
		column->column_name =
			schema_snake_case(reader->arena, column->name);
	if (!column->column_name || !*column->column_name) {
		reader_fault(reader, path, "needs a ColumnName or a Name");
		return NULL;
	}
	if (!column->name)
		column->name = column->column_name;
	column->sql_name = column->column_name;
	if (!column_resolve(reader->arena, column))
		reader_warn(reader, path, "'%s' is no type that we know",
			    column->data_type);
	default_value_plain(reader->arena, column);
	return column;
}

void
read_inputs(struct reader *reader, const struct path *path,
	    struct json_object *value, void *field)
{
	read_list(reader, path, value, read_input, field);
}
