/*
 * dump_out.h: the rows of an entity as they are stored, one after the other in
 * bounded memory, for exports. Knows nothing of their formats.
 */
#ifndef ACTD_DUMP_OUT_H
#define ACTD_DUMP_OUT_H

#include "db/dump_binary.h"
#include "db/permission.h"

/*
 * PostgreSQL's text of a value, followed by a NUL; NULL for SQL's NULL. Times
 * of a binary table are as RFC 3339 has them.
 */
struct dump_cell {
	const char *text;
	size_t length;
};

/* A column as an export has it. */
struct dump_column {
	const struct column *column;
	bool is_id; /* a foreign key that comes as its number */
	const struct dump_decoder *decoder; /* NULL: it comes as text */
};

struct dump_table {
	const struct entity *entity;
	struct dump_column *columns;
	size_t ncolumns;
	size_t nhidden;		 /* fields before those of the columns */
	struct dump_cell *cells; /* of the row at hand */
	struct strbuf plain;	 /* their texts where those were made here */
	bool is_binary;
	bool is_begun; /* the header of the binary form was read */
	struct db *db;
	struct arena *arena;
};

struct dump_wish {
	const struct model *model;
	const struct actor *actor;
	bool with_secrets; /* administrators only */
};

/*
 * Begins a transaction in which all tables are read as they are at one
 * moment; the caller ends it.
 */
struct error *dump_begin(struct db *db, struct arena *arena) MUST_CHECK;

/* Whether the actor may get rows of the entity at all. */
bool dump_may_read(const struct dump_wish *wish, const struct entity *entity);

/*
 * Begins to read an entity. An administrator gets all rows in all columns, ids
 * and foreign keys as numbers, secrets only if wished; anybody else the rows
 * and columns that he may see, foreign keys as reference ids.
 */
struct error *dump_open(struct db *db, struct arena *arena,
			const struct dump_wish *wish,
			const struct entity *entity,
			struct dump_table **table) MUST_CHECK;

/* The next row, valid until the next call; `*more` is false at the end. */
struct error *dump_next(struct dump_table *table, bool *more) MUST_CHECK;

/* The number of rows as the planner guesses it, for progress. */
struct error *dump_estimate(struct db *db, struct arena *arena,
			    const struct entity *entity,
			    int64_t *rows) MUST_CHECK;

#endif
