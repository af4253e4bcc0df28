/*
 * restore.c: from the rows of a reader to the database.
 */
#include "handlers/restore.h"

#include <string.h>

#include "db/migrate.h"
#include "handlers/definition.h"

/* Rows between two calls of progress(). */
#define PROGRESS_ROWS 2000

static bool
is_wanted(const struct restore *restore, const char *table)
{
	const struct entity *only = restore->only;

	if (!only || !strcmp(only->name, table))
		return true;
	return !strcmp(table, "user") &&
	       only == restore->settings.model->user_account;
}

static void
tell(const struct restore *restore, const struct dump_reader *reader,
     int64_t rows)
{
	int64_t done, total;

	if (!restore->progress)
		return;
	dump_read_progress(reader, &done, &total);
	restore->progress(restore->context, rows, done, total);
}

static struct error *
send_rows(const struct restore *restore, struct dump_reader *reader,
	  struct dump_in *in)
{
	const char *table = NULL;
	bool wanted = false;
	int64_t rows = 0;

	for (;;) {
		struct dump_row row;
		struct error *error = dump_read_next(reader, &row);

		if (error || !row.table)
			return error;
		if (row.table != table) {
			table = row.table;
			wanted = is_wanted(restore, table);
			if (wanted)
				error = dump_in_table(in, table);
		}
		if (!error && wanted && row.number)
			error = dump_in_row(in, row.number, row.row);
		if (error)
			return error;
		if (row.number && !(++rows % PROGRESS_ROWS))
			tell(restore, reader, rows);
	}
}

/* A definition that can't be read would stop the instance. */
static struct error *
check_model(struct arena *arena, const struct restore *restore)
{
	struct db *db = restore->settings.db;
	struct model *model;
	struct error *error = model_load(db, arena, &model);

	if (!error) {
		error = definition_check(db, arena, model,
					 model_entity(model, "task"), NULL);
		arena_free(model->arena);
		return error;
	}
	if (error->status == 500)
		return error;
	return error_new(arena, 422, "bad-dump",
			 "with the definitions of the dump there would be no "
			 "model: %s",
			 error->detail);
}

struct error *
restore_run(struct arena *arena, const struct restore *restore, int fd,
	    const char *file, struct dump_report *report)
{
	struct dump_in *in = dump_in_new(arena, &restore->settings);
	struct dump_reader *reader;
	struct error *error = dump_read_open(arena, fd, file, &reader);

	if (!error)
		error = send_rows(restore, reader, in);
	if (error) {
		dump_in_cancel(in);
		return error;
	}
	tell(restore, reader, 0);
	error = dump_in_finish(in, report);
	if (!error)
		error = check_model(arena, restore);
	return error;
}
