/*
 * column_type.c: the constant table of column types, and the grammar of SQL
 * types that a schema may write. Whatever is not in these tables does not
 * reach a statement.
 */
#include "db/column_type.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "db/base/compiler.h"

#define TIMESTAMP "timestamp with time zone"
#define VARCHAR(n) "character varying(" #n ")"

#define TEXT_TYPE(type_name, size, checks, changes)                            \
	{                                                                      \
		.name = type_name, .blueprint_type = "string",                 \
		.recline_type = "string",                                      \
		.data_types = { "varchar(" #size ")" },                        \
		.sql_type = VARCHAR(size), .kind = VALUE_TEXT,                 \
		.validations = checks, .conformations = changes                \
	}
#define LONG_TYPE(type_name)                                                   \
	{                                                                      \
		.name = type_name, .blueprint_type = "string",                 \
		.recline_type = "string", .data_types = { "text" },            \
		.sql_type = "text", .kind = VALUE_TEXT                         \
	}
#define SECRET_TYPE(type_name)                                                 \
	{                                                                      \
		.name = type_name, .blueprint_type = "string",                 \
		.recline_type = "string", .data_types = { "varchar(200)" },    \
		.sql_type = VARCHAR(200), .kind = VALUE_SECRET,                \
		.validations = "required"                                      \
	}
#define INTEGER_TYPE(type_name, data_type, recline, checks)                    \
	{                                                                      \
		.name = type_name, .blueprint_type = "number",                 \
		.recline_type = recline, .data_types = { data_type },          \
		.sql_type = "integer", .kind = VALUE_INTEGER,                  \
		.validations = checks                                          \
	}
#define FLOAT_TYPE(type_name, checks)                                          \
	{                                                                      \
		.name = type_name, .blueprint_type = "number",                 \
		.recline_type = "number", .data_types = { "float(7,4)" },      \
		.sql_type = "double precision", .kind = VALUE_FLOAT,           \
		.validations = checks                                          \
	}
#define TIME_TYPE(type_name, recline, value_kind)                              \
	{                                                                      \
		.name = type_name, .blueprint_type = "string",                 \
		.recline_type = recline, .data_types = { "timestamp" },        \
		.sql_type = TIMESTAMP, .kind = value_kind                      \
	}
#define FILE_TYPE(type_name)                                                   \
	{                                                                      \
		.name = type_name, .blueprint_type = "string",                 \
		.recline_type = "binary", .data_types = { "blob" },            \
		.sql_type = "text", .kind = VALUE_FILE,                        \
		.validations = "base64"                                        \
	}

const struct column_type column_types[] = {
	TEXT_TYPE("id", 20, NULL, NULL),
	TEXT_TYPE("alias", 100, NULL, NULL),
	TEXT_TYPE("label", 100, NULL, NULL),
	TEXT_TYPE("name", 100, "required", "name"),
	TEXT_TYPE("namespace", 200, NULL, NULL),
	TEXT_TYPE("hidden", 100, NULL, NULL),
	TEXT_TYPE("value", 100, NULL, NULL),
	LONG_TYPE("content"),
	LONG_TYPE("html"),
	LONG_TYPE("markdown"),
	{ .name = "json",
	  .blueprint_type = "string",
	  .recline_type = "string",
	  .data_types = { "text", "JSON" },
	  .sql_type = "text",
	  .kind = VALUE_JSON,
	  .conformations = "text" },
	TEXT_TYPE("email", 100, "email", "email"),
	TEXT_TYPE("url", 500, "url", NULL),
	TEXT_TYPE("color", 50, "iscolor", NULL),
	{ .name = "enum",
	  .blueprint_type = "string",
	  .recline_type = "string",
	  .data_types = { "varchar(50)" },
	  .sql_type = VARCHAR(50),
	  .kind = VALUE_ENUM },
	SECRET_TYPE("password"),
	SECRET_TYPE("bcrypt"),
	SECRET_TYPE("md5"),
	SECRET_TYPE("md5-bcrypt"),
	{ .name = "encrypted",
	  .blueprint_type = "string",
	  .recline_type = "string",
	  .data_types = { "varchar(100)" },
	  .sql_type = "text",
	  .kind = VALUE_ENCRYPTED },
	{ .name = "truefalse",
	  .blueprint_type = "boolean",
	  .recline_type = "boolean",
	  .data_types = { "boolean" },
	  .sql_type = "boolean",
	  .kind = VALUE_BOOLEAN },
	INTEGER_TYPE("measurement", "int(10)", "number", NULL),
	FLOAT_TYPE("float", NULL),
	INTEGER_TYPE("rating", "int(4)", "number", "min=0,max=10"),
	INTEGER_TYPE("minute", "int(4)", "string", "min=0,max=59"),
	INTEGER_TYPE("hour", "int(4)", "string", NULL),
	TEXT_TYPE("day", 10, NULL, NULL),
	INTEGER_TYPE("month", "int(4)", "string", "min=1,max=12"),
	INTEGER_TYPE("year", "int(4)", "string", "min=100,max=2100"),
	TIME_TYPE("date", "date", VALUE_TIMESTAMP),
	TIME_TYPE("time", "time", VALUE_TIME),
	TIME_TYPE("datetime", "date-time", VALUE_TIMESTAMP),
	TIME_TYPE("timestamp", "date-time", VALUE_TIMESTAMP),
	{ .name = "location",
	  .blueprint_type = "string",
	  .recline_type = "geo_point",
	  .data_types = { "varchar(50)" },
	  .sql_type = VARCHAR(50),
	  .kind = VALUE_TEXT },
	FLOAT_TYPE("location.latitude", "latitude"),
	FLOAT_TYPE("location.longitude", "longitude"),
	FLOAT_TYPE("location.altitude", NULL),
	FILE_TYPE("file"),
	FILE_TYPE("image"),
	FILE_TYPE("video"),
	FILE_TYPE("audio"),
	FILE_TYPE("gzip"),
};

const size_t column_types_count = ARRAY_SIZE(column_types);

static const struct column_type *
find_name(const char *name, size_t length)
{
	for (size_t i = 0; i < column_types_count; i++) {
		const char *candidate = column_types[i].name;

		/* a quick look at the first letter, whatever its case */
		if (!((*candidate ^ *name) & ~('a' ^ 'A')) &&
		    !strncasecmp(candidate, name, length) && !candidate[length])
			return &column_types[i];
	}
	return NULL;
}

const struct column_type *
column_type_find(const char *name)
{
	const struct column_type *type;
	size_t length;

	if (!name || !*name)
		return NULL;
	length = strlen(name);
	type = find_name(name, length);
	if (type)
		return type;
	length = strcspn(name, ".");
	return length && name[length] ? find_name(name, length) : NULL;
}

/* What brackets after a type's name mean. */
enum arguments {
	ARGUMENTS_IGNORED, /* a width for display, a precision we don't cut */
	ARGUMENTS_LENGTH,  /* characters */
	ARGUMENTS_DECIMAL  /* digits, digits after the point */
};

struct sql_type_name {
	const char *name;
	const char *canonical;
	enum arguments arguments;
};

static const struct sql_type_name sql_type_names[] = {
	{ "bool", "boolean", ARGUMENTS_IGNORED },
	{ "boolean", "boolean", ARGUMENTS_IGNORED },
	{ "tinyint", "smallint", ARGUMENTS_IGNORED },
	{ "smallint", "smallint", ARGUMENTS_IGNORED },
	{ "int2", "smallint", ARGUMENTS_IGNORED },
	{ "smallserial", "smallint", ARGUMENTS_IGNORED },
	{ "int", "integer", ARGUMENTS_IGNORED },
	{ "integer", "integer", ARGUMENTS_IGNORED },
	{ "int4", "integer", ARGUMENTS_IGNORED },
	{ "mediumint", "integer", ARGUMENTS_IGNORED },
	{ "serial", "integer", ARGUMENTS_IGNORED },
	{ "year", "integer", ARGUMENTS_IGNORED },
	{ "int unsigned", "bigint", ARGUMENTS_IGNORED },
	{ "integer unsigned", "bigint", ARGUMENTS_IGNORED },
	{ "bigint", "bigint", ARGUMENTS_IGNORED },
	{ "int8", "bigint", ARGUMENTS_IGNORED },
	{ "bigserial", "bigint", ARGUMENTS_IGNORED },
	{ "float", "double precision", ARGUMENTS_IGNORED },
	{ "float4", "double precision", ARGUMENTS_IGNORED },
	{ "float8", "double precision", ARGUMENTS_IGNORED },
	{ "real", "double precision", ARGUMENTS_IGNORED },
	{ "double", "double precision", ARGUMENTS_IGNORED },
	{ "double precision", "double precision", ARGUMENTS_IGNORED },
	{ "numeric", "numeric", ARGUMENTS_DECIMAL },
	{ "decimal", "numeric", ARGUMENTS_DECIMAL },
	{ "dec", "numeric", ARGUMENTS_DECIMAL },
	{ "number", "numeric", ARGUMENTS_DECIMAL },
	{ "money", "numeric", ARGUMENTS_IGNORED },
	{ "varchar", "character varying", ARGUMENTS_LENGTH },
	{ "varchar2", "character varying", ARGUMENTS_LENGTH },
	{ "nvarchar", "character varying", ARGUMENTS_LENGTH },
	{ "character varying", "character varying", ARGUMENTS_LENGTH },
	{ "char", "character varying", ARGUMENTS_LENGTH },
	{ "nchar", "character varying", ARGUMENTS_LENGTH },
	{ "character", "character varying", ARGUMENTS_LENGTH },
	{ "text", "text", ARGUMENTS_IGNORED },
	{ "tinytext", "text", ARGUMENTS_IGNORED },
	{ "mediumtext", "text", ARGUMENTS_IGNORED },
	{ "longtext", "text", ARGUMENTS_IGNORED },
	{ "clob", "text", ARGUMENTS_IGNORED },
	{ "citext", "text", ARGUMENTS_IGNORED },
	{ "json", "text", ARGUMENTS_IGNORED },
	{ "jsonb", "text", ARGUMENTS_IGNORED },
	{ "date", TIMESTAMP, ARGUMENTS_IGNORED },
	{ "time", TIMESTAMP, ARGUMENTS_IGNORED },
	{ "datetime", TIMESTAMP, ARGUMENTS_IGNORED },
	{ "timestamp", TIMESTAMP, ARGUMENTS_IGNORED },
	{ "timestamptz", TIMESTAMP, ARGUMENTS_IGNORED },
	{ "timestamp with time zone", TIMESTAMP, ARGUMENTS_IGNORED },
	{ "timestamp without time zone", TIMESTAMP, ARGUMENTS_IGNORED },
	{ "time with time zone", TIMESTAMP, ARGUMENTS_IGNORED },
	{ "time without time zone", TIMESTAMP, ARGUMENTS_IGNORED },
	{ "blob", "bytea", ARGUMENTS_IGNORED },
	{ "tinyblob", "bytea", ARGUMENTS_IGNORED },
	{ "mediumblob", "bytea", ARGUMENTS_IGNORED },
	{ "longblob", "bytea", ARGUMENTS_IGNORED },
	{ "binary", "bytea", ARGUMENTS_IGNORED },
	{ "varbinary", "bytea", ARGUMENTS_IGNORED },
	{ "bytea", "bytea", ARGUMENTS_IGNORED },
	{ "uuid", "uuid", ARGUMENTS_IGNORED },
};

/* PostgreSQL's own limits. */
#define LENGTH_MAX 10485760
#define PRECISION_MAX 1000

/* A type as written, in pieces: words, at most two numbers, more words. */
struct written_type {
	char words[64];
	long arguments[2];
	size_t narguments;
};

static const char *
skip_blanks(const char *p)
{
	while (*p == ' ' || *p == '\t')
		p++;
	return p;
}

/* Appends the words at `p`, in lower case, one blank between them. */
static const char *
read_words(const char *p, struct written_type *type)
{
	size_t length = strlen(type->words);

	for (p = skip_blanks(p); isalnum((unsigned char)*p);
	     p = skip_blanks(p)) {
		if (length && length + 1 < sizeof type->words)
			type->words[length++] = ' ';
		while (isalnum((unsigned char)*p) &&
		       length + 1 < sizeof type->words)
			type->words[length++] =
				(char)tolower((unsigned char)*p++);
		if (length + 1 >= sizeof type->words)
			return NULL;
		type->words[length] = '\0';
	}
	return p;
}

/* The numbers after an opening bracket, to behind the closing one. */
static const char *
read_arguments(const char *p, struct written_type *type)
{
	for (;;) {
		char *end;

		p = skip_blanks(p);
		if (!isdigit((unsigned char)*p) ||
		    type->narguments == ARRAY_SIZE(type->arguments))
			return NULL;
		type->arguments[type->narguments++] = strtol(p, &end, 10);
		p = skip_blanks(end);
		if (*p == ')')
			return p + 1;
		if (*p++ != ',')
			return NULL;
	}
}

/* Attributes of numbers that change nothing we store. */
static void
drop_attributes(char *words)
{
	static const char *const attributes[] = { " zerofill", " unsigned",
						  " signed" };

	for (size_t i = 0; i < ARRAY_SIZE(attributes); i++) {
		size_t length = strlen(words);
		size_t cut = strlen(attributes[i]);

		if (length > cut &&
		    !strcmp(words + length - cut, attributes[i]))
			words[length - cut] = '\0';
	}
}

static bool
parse_type(const char *text, struct written_type *type)
{
	const char *p = read_words(text, type);

	if (p && *p == '(') {
		p = read_arguments(p + 1, type);
		if (p)
			p = read_words(p, type);
	}
	if (!p || *p || !type->words[0])
		return false;
	return true;
}

static const struct sql_type_name *
find_sql_type(const char *words)
{
	for (size_t i = 0; i < ARRAY_SIZE(sql_type_names); i++)
		if (*sql_type_names[i].name == *words &&
		    !strcmp(sql_type_names[i].name, words))
			return &sql_type_names[i];
	return NULL;
}

static bool
print_type(const struct sql_type_name *name, const struct written_type *type,
	   char *out, size_t size)
{
	long first = type->arguments[0];
	long second = type->arguments[1];
	bool bare = !type->narguments || name->arguments == ARGUMENTS_IGNORED;
	int length;

	if (bare && name->arguments == ARGUMENTS_LENGTH &&
	    strstr(name->name, "char") && !strstr(name->name, "var"))
		length = snprintf(out, size, "%s(1)", name->canonical);
	else if (bare)
		length = snprintf(out, size, "%s", name->canonical);
	else if (name->arguments == ARGUMENTS_LENGTH) {
		if (type->narguments != 1 || first < 1 || first > LENGTH_MAX)
			return false;
		length = snprintf(out, size, "%s(%ld)", name->canonical, first);
	} else {
		if (first < 1 || first > PRECISION_MAX || second > first)
			return false;
		length = snprintf(out, size, "%s(%ld,%ld)", name->canonical,
				  first, second);
	}
	return length > 0 && (size_t)length < size;
}

bool
column_type_sql(const char *data_type, char *out, size_t size)
{
	struct written_type type = { .words = "" };
	const struct sql_type_name *name;

	if (!data_type || !parse_type(data_type, &type))
		return false;
	name = find_sql_type(type.words);
	if (!name) {
		drop_attributes(type.words);
		name = find_sql_type(type.words);
	}
	return name && print_type(name, &type, out, size);
}
