/*
 * import_parts.h: what the steps of an import share. Private to
 * handlers/import*.c.
 */
#ifndef ACTD_IMPORT_PARTS_H
#define ACTD_IMPORT_PARTS_H

#include "handlers/guess.h"
#include "handlers/import.h"

/* A field of the file. */
struct field {
	struct import_column said;   /* for the report */
	const struct column *column; /* where it is there already */
	struct guess *guess;	     /* of a new one whose type is not told */
	struct guess_result type;
	bool is_new;
};

struct import {
	struct row_context *context;
	const struct import_options *options;
	struct import_result *result;
	struct arena *arena;
	struct arena *scratch; /* of a row */
	int fd;
	struct table_reader *reader;
	struct field *fields;
	size_t nfields;
	const struct entity *entity; /* NULL: to be made */
	const char *entity_name;
};

/* 422 "bad-table": the file's name, and what is wrong with it. */
struct error *import_bad_file(const struct import *import, const char *what);

/* import_plan.c: opens the file and takes its first row for headings. */
struct error *import_read_header(struct import *import) MUST_CHECK;
/* Opens it again, behind the headings. */
struct error *import_rewind(struct import *import) MUST_CHECK;
struct error *import_find_entity(struct import *import) MUST_CHECK;
/* What each heading means; `*changes`: the schema is not enough for them. */
struct error *import_plan_columns(struct import *import,
				  bool *changes) MUST_CHECK;
/* By heading or name; NULL if there is none. */
struct field *import_field_named(const struct import *import, const char *name);

/* import_schema.c: types of new columns from all rows. */
struct error *import_find_types(struct import *import) MUST_CHECK;
/* Makes the entity, or its columns. */
struct error *import_change_schema(struct import *import) MUST_CHECK;
/* Finds entity and columns in the model as it is then. */
struct error *import_settle_columns(struct import *import) MUST_CHECK;

/* import_report.c: fills the result; the faults where they are errors. */
struct error *import_tell(struct import *import,
			  const struct bulk *bulk) MUST_CHECK;

#endif
