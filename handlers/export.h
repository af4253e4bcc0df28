/*
 * export.h: exports of one entity or all, in any format, to a temporary file:
 * for the actions and for the command line.
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

/*
 * Reads by a transaction of its own on `db`, which must have none, so that all
 * tables are as they were at one moment. 403 for an entity that the actor may
 * not read; with all of them, those are left out.
 */
struct error *export_run(struct db *db, struct arena *arena,
			 const struct export *export,
			 struct answer_file *file) MUST_CHECK;

#endif
