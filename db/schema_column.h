/*
 * schema_column.h: columns of tables, join tables and inputs of actions, as
 * schema files write them. For the schema_*.c files and model_*.c only.
 */
#ifndef ACTD_SCHEMA_COLUMN_H
#define ACTD_SCHEMA_COLUMN_H

#include "db/schema_tree.h"

/* PostgreSQL cuts identifiers there. */
#define IDENTIFIER_MAX 63
/* Generated names may be longer on the wire, up to here. */
#define GENERATED_NAME_MAX 400

struct column_list {
	struct column **items;
	size_t count;
};

/* A column without any attribute; its texts are "". */
struct column *column_new(struct arena *arena, const char *name);

/*
 * Sets type, sql_type, kind and max_length from column_type and data_type.
 * False where data_type is no type; sql_type is the column type's own then.
 */
bool column_resolve(struct arena *arena, struct column *column);

/* A column of a table from an object; NULL with a fault. */
struct column *schema_read_column(struct reader *reader,
				  const struct path *path,
				  struct json_object *value);

member_reader read_inputs;	 /* InFields; field: struct column_list */
member_reader read_join_columns; /* of a relation; the same field */

/*
 * What is wrong with a name of an entity or column, as the end of a sentence,
 * or NULL.
 */
const char *name_fault(const char *name, size_t longest);
const char *column_name_fault(const char *name, size_t longest);

/* A name that fits into PostgreSQL: itself, or its beginning and a digest. */
const char *sql_identifier(struct arena *arena, const char *name);

#endif
