/*
 * column_type.h: the table of column types (wire/schema.md section 4.2): name,
 * SQL type, what a value is on the wire, and what /meta says of it.
 */
#ifndef ACTD_COLUMN_TYPE_H
#define ACTD_COLUMN_TYPE_H

#include <stdbool.h>
#include <stddef.h>

/* What a value of a column is, on the wire and in SQL. */
enum value_kind {
	VALUE_TEXT,	 /* JSON string */
	VALUE_INTEGER,	 /* JSON number, bigint or smaller */
	VALUE_DECIMAL,	 /* JSON number, numeric: exact */
	VALUE_FLOAT,	 /* JSON number, double precision */
	VALUE_BOOLEAN,	 /* JSON boolean */
	VALUE_TIMESTAMP, /* JSON string, RFC 3339 in UTC; timestamptz */
	VALUE_TIME,	 /* as VALUE_TIMESTAMP, on 1970-01-01 */
	VALUE_JSON,	 /* JSON string holding JSON; kept as text, exactly */
	VALUE_ENUM,	 /* JSON string out of the column's options */
	VALUE_SECRET, /* password, bcrypt, md5, md5-bcrypt: never comes out */
	VALUE_ENCRYPTED, /* never comes out; only actions can read it */
	VALUE_REFERENCE, /* reference id of another row; bigint foreign key */
	VALUE_UUID,	 /* reference_id */
	VALUE_FILE,	 /* JSON array of file objects, or a string as sent */
	VALUE_BYTES	 /* base64 string; bytea */
};

struct column_type {
	const char *name;	    /* "label"; for "file.*" "file" */
	const char *blueprint_type; /* /meta: "string", "number", "boolean" … */
	const char *recline_type;   /* /recline_model */
	const char *data_types[3]; /* as Daptin lists them, first is default */
	const char *sql_type;	   /* PostgreSQL type without a DataType */
	enum value_kind kind;
	const char *validations;   /* tags, comma separated, or NULL */
	const char *conformations; /* the same */
};

/* All types, in the order of the wire page. */
extern const struct column_type column_types[];
extern const size_t column_types_count;

/*
 * The type of that name without regard to case; the part before a dot decides
 * for file types ("image.png|jpg"). NULL if there is none: plain text then.
 */
const struct column_type *column_type_find(const char *name);

/*
 * The PostgreSQL type for a DataType as written in a schema, by an allow-list
 * that understands MySQL's, SQLite's and PostgreSQL's names ("int(11)",
 * "varchar(500)", "DATETIME", "tinyint(1)", "numeric(10,2)", "mediumtext").
 * False for anything else. `out` holds the canonical text that
 * format_type() of the catalog gives for it ("integer", "character
 * varying(500)", "timestamp with time zone").
 */
bool column_type_sql(const char *data_type, char *out, size_t size);

#endif
