/*
 * table_parts.h: what the readers of the single formats share: a queue of
 * rows that a push parser fills piece by piece. Private to
 * handlers/formats/.
 */
#ifndef ACTD_TABLE_PARTS_H
#define ACTD_TABLE_PARTS_H

#include "handlers/formats/table.h"

/* Rows that were parsed and not yet taken, and the one that is open. */
struct row_queue {
	struct arena *texts; /* of the rows in the queue */
	struct arena *spare; /* the other one, empty */
	struct table_row *rows;
	size_t nrows;
	size_t next;
	struct arena *owner; /* of the vector of the open row */
	struct cell *cells;
	size_t ncells;
};

struct table_format {
	const char *name;      /* also the end of file names */
	const char *others[3]; /* further ends, NULL-ended */
	bool is_strict;
	/* Makes reader->state. */
	struct error *(*open)(struct table_reader *reader);
	/* Parses a piece into reader->queue; `*end` after the last one. */
	struct error *(*fill)(struct table_reader *reader, bool *end);
};

struct table_reader {
	const struct table_format *format;
	const struct table_options *options;
	struct arena *arena;
	int fd;
	int64_t size;
	int64_t done;
	struct row_queue queue;
	bool at_end;
	void *state; /* of the format */
};

extern const struct table_format table_csv, table_xlsx, table_xls;

/* Adds a cell to the open row; the text is copied. False: too many. */
bool row_queue_cell(struct row_queue *queue, enum cell_kind kind,
		    const char *text, size_t length);
/* Puts a cell at `column` of the open row, with empty ones before it. */
bool row_queue_cell_at(struct row_queue *queue, size_t column,
		       enum cell_kind kind, const char *text, size_t length);
/* Ends the open row. */
void row_queue_end(struct row_queue *queue, int64_t number);

/* 422 "bad-table": file, row unless it is 0, and `what`. */
struct error *table_fault(const struct table_reader *reader, int64_t row,
			  const char *format, ...) PRINTF(3, 4);

#endif
