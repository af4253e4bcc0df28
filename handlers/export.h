/*
 * export.h: exports of one entity or all, in any format, to a file or piece by
 * piece: for the actions and for the command line.
 */
#ifndef ACTD_EXPORT_H
#define ACTD_EXPORT_H

#include "handlers/formats/dump_write.h"

struct export
{
	const struct dump_format *format;
	const struct entity *entity; /* NULL: all */
	struct dump_wish wish;
	const struct settings *settings;
	/* Called now and then, or NULL; `total` is a guess. */
	void (*progress)(void *context, int64_t done, int64_t total);
	void *context;
};

struct export_reader;

/*
 * Begins an export by a transaction of its own on `db`, which must have none,
 * so that all tables are as they were at one moment. 403 for an entity that
 * the actor may not read; with all of them, those are left out. `file` is for
 * formats that can't be made piece by piece (dump_format.needs_file), else
 * NULL. `export` must outlive the reader.
 */
struct error *export_open(struct db *db, struct arena *arena,
			  const struct export *export, struct answer_file *file,
			  struct export_reader **reader) MUST_CHECK;

/*
 * The next bytes, valid until the next call; `*data` is NULL at the end, or
 * where all is in the file. The transaction ends with the last ones, or with
 * an error.
 */
struct error *export_next(struct export_reader *reader, const char **data,
			  size_t *size) MUST_CHECK;

/* The whole of an export into `file`. */
struct error *export_run(struct db *db, struct arena *arena,
			 const struct export *export,
			 struct answer_file *file) MUST_CHECK;

#endif
