/*
 * table.h: files of rows and cells (CSV, XLSX, XLS) behind one reader, a row
 * at a time in bounded memory, from a file descriptor that can be rewound.
 * Knows nothing of entities.
 */
#ifndef ACTD_TABLE_H
#define ACTD_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "db/base/arena.h"
#include "db/base/error.h"

/* PostgreSQL has 1,600 columns at most. */
#define TABLE_COLUMNS_MAX 1600
/* Bytes of one cell. */
#define TABLE_CELL_MAX (1 << 20)

enum cell_kind {
	CELL_EMPTY,
	CELL_TEXT,
	CELL_NUMBER,  /* digits, as JSON writes numbers */
	CELL_BOOLEAN, /* "true" or "false" */
	CELL_MOMENT,  /* "2006-01-02", "2006-01-02 15:04:05" or "15:04:05" */
	CELL_ERROR    /* what a spreadsheet shows for a failed formula */
};

/* Text in UTF-8 without NUL, followed by a NUL; NULL where it is empty. */
struct cell {
	const char *text;
	size_t length;
	enum cell_kind kind;
};

/* A row and its number as a person counts, the first of the file being 1. */
struct table_row {
	int64_t number;
	const struct cell *cells;
	size_t ncells;
};

struct table_options {
	const char *file;      /* its name, for messages; the end of it is the
				  format unless `format` says so */
	const char *format;    /* "csv", "xlsx", "xls" or NULL */
	const char *sheet;     /* name or number from 1; NULL: the first */
	const char *delimiter; /* ",", ";", "tab", "|"; NULL: found out */
	const char *encoding;  /* "utf-8", "utf-16", "windows-1252"; NULL:
				  UTF-8, or what a byte order mark says */
};

struct table_reader;

/*
 * Opens the file `fd`, which stays the caller's and must be a regular file.
 * The reader and what it holds are released with `arena`. 422 "bad-table"
 * with the file's name and, where there is one, the row; 413 for an XLS of
 * more than 16 MiB.
 */
struct error *table_open(struct arena *arena, int fd,
			 const struct table_options *options,
			 struct table_reader **reader) MUST_CHECK;

/*
 * The next row that has a cell with something in it; `row->cells` is NULL at
 * the end. Valid until the next call. Trailing empty cells of spreadsheets
 * are left out, those of CSV are there.
 */
struct error *table_next(struct table_reader *reader,
			 struct table_row *row) MUST_CHECK;

/* Whether rows of this format have a fixed number of fields (CSV). */
bool table_is_strict(const struct table_reader *reader);

/* Bytes read so far and in all, for progress; 0 of 0 where unknown. */
void table_progress(const struct table_reader *reader, int64_t *done,
		    int64_t *total);

/* Whether the end of a file's name is that of a format. */
bool table_is_known(const char *file);

#endif
