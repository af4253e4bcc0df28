/*
 * dump_read.h: a dump, row by row: JSON and YAML of any size in bounded
 * memory, JSON lines, TOML and HCL of at most 1 MiB. An object with a list of
 * rows for each table (wire/actions.md section 13).
 */
#ifndef ACTD_DUMP_READ_H
#define ACTD_DUMP_READ_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "db/base/arena.h"
#include "db/base/error.h"

/* Bytes of one row. */
#define DUMP_ROW_MAX (64 << 20)

struct dump_row {
	const char *table;	 /* NULL: the end */
	int64_t number;		 /* of the row in its table; 0: it begins */
	struct json_object *row; /* valid until the next call */
};

struct dump_reader;

/*
 * Reads `fd` from its beginning; the end of `file` says which format it is,
 * else its first character. 422 "bad-dump" with the file's name, the table
 * and the row; 413 for TOML and HCL that are too large. The reader lives as
 * long as `arena`.
 */
struct error *dump_read_open(struct arena *arena, int fd, const char *file,
			     struct dump_reader **reader) MUST_CHECK;

/* First each table, then its rows. */
struct error *dump_read_next(struct dump_reader *reader,
			     struct dump_row *row) MUST_CHECK;

/* Bytes read so far, and in all. */
void dump_read_progress(const struct dump_reader *reader, int64_t *done,
			int64_t *total);

#endif
