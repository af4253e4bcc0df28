/*
 * bulk.h: many rows into one entity, through COPY: with ids, owner,
 * permission, group links, and keys to other rows, under the rules that hold
 * for single rows (row.h). All of them or none, or the good ones, in memory
 * that does not grow with their number.
 */
#ifndef ACTD_BULK_H
#define ACTD_BULK_H

#include "db/row.h"

/* The most faults that are kept. */
#define BULK_FAULTS_MAX 100

struct bulk_settings {
	const struct row_context *context;
	const struct entity *entity;
	/* the column of each field; NULL: the field is not taken */
	const struct column *const *columns;
	size_t ncolumns;
	/*
	 * Rows go through a temporary table, so that faults between rows
	 * (a value that must be unique) are found for all rows. Set where the
	 * fast way met such a fault; where it is needed anyway it is done
	 * anyway.
	 */
	bool stage;
	bool skip;	/* bad rows are left out, and kept as `raw` */
	bool count_all; /* goes on after BULK_FAULTS_MAX faults */
	const struct column *update_on; /* of rows that are changed instead of
					   made; NULL: all are made */
};

/* What is wrong with one cell, or (column NULL) with a whole row. */
struct bulk_fault {
	int64_t row;
	const char *column;   /* its name */
	const char *value;    /* cut where it is long; NULL: none */
	const char *expected; /* "age must be a whole number …" */
};

struct bulk_counts {
	int64_t rows; /* seen */
	int64_t created;
	int64_t updated;
	int64_t bad; /* rows with a fault */
};

struct bulk;

/* Bytes of bad rows that `skip` keeps; more are 422. */
#define BULK_BAD_MAX (4 << 20)

/*
 * Begins, in the caller's transaction. 403 where the caller may not create
 * rows of the entity; 422 where a column that must have a value is missing,
 * or the entity's rows can't be made in bulk (accounts, groups, links,
 * tables, history). The object lives as long as `arena`.
 */
struct error *bulk_begin(struct arena *arena,
			 const struct bulk_settings *settings,
			 struct bulk **bulk) MUST_CHECK;

/*
 * A row: one text a column, NULL where it is empty. `raw` is the row as it
 * came, for `skip` (else NULL). Faults are noted, not returned.
 */
struct error *bulk_row(struct bulk *bulk, int64_t row, const char *const *texts,
		       const char *raw) MUST_CHECK;

/* A row that is bad before its values are looked at. */
struct error *bulk_bad_row(struct bulk *bulk, int64_t row, const char *column,
			   const char *value, const char *expected,
			   const char *raw) MUST_CHECK;

/* Whether more rows would change nothing: there are faults enough. */
bool bulk_is_lost(const struct bulk *bulk);

/*
 * Makes the rows. Where there are faults and not `skip`, nothing is made and
 * the caller rolls back. An error with `constraint` set asks for a new
 * attempt with `stage`, after a rollback to before bulk_begin().
 */
struct error *bulk_end(struct bulk *bulk,
		       struct bulk_counts *counts) MUST_CHECK;

/* Ends what was begun, so that the caller can roll back. */
void bulk_cancel(struct bulk *bulk);

/* The first faults, in order of rows as far as they were found in order. */
const struct bulk_fault *bulk_faults(const struct bulk *bulk, size_t *count);

/* Appends a field of CSV, in quotes. */
void bulk_add_quoted(struct strbuf *buf, const char *text);

/* Bad rows of `skip`: lines of row, reason, raw; the arena's. */
const struct strbuf *bulk_bad_rows(const struct bulk *bulk);

#endif
