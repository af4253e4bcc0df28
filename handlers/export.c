/*
 * export.c: which entities an export has, in which order, in one snapshot.
 */
#include "handlers/export.h"

#include <string.h>

/* Rows between two calls of progress(). */
#define PROGRESS_ROWS 10000

struct state {
	struct db *db;
	struct arena *arena;
	const struct export *export;
	struct dump_writer *writer;
	int64_t done;
	int64_t total;
};

static bool
is_wanted(const struct export *export, const struct entity *entity)
{
	if (export->entity)
		return entity == export->entity;
	return dump_may_read(&export->wish, entity);
}

static struct error *
count(struct state *state)
{
	const struct model *model = state->export->wish.model;
	struct error *error = NULL;

	for (size_t i = 0; !error && i < model->nentities; i++) {
		int64_t rows = 0;

		if (!is_wanted(state->export, model->entities[i]))
			continue;
		error = dump_estimate(state->db, state->arena,
				      model->entities[i], &rows);
		state->total += rows;
	}
	return error;
}

static void
tell(struct state *state)
{
	const struct export *export = state->export;

	if (export->progress)
		export->progress(export->context, state->done,
				 state->total > state->done ? state->total
							    : state->done);
}

static struct error *
write_table(struct state *state, const struct entity *entity)
{
	struct dump_table *table;
	struct error *error = dump_open(state->db, state->arena,
					&state->export->wish, entity, &table);

	if (!error)
		error = dump_writer_table(state->writer, table);
	state->done += state->writer->nrows;
	if (!error)
		tell(state);
	return error;
}

static struct error *
write_all(struct state *state)
{
	const struct model *model = state->export->wish.model;
	struct error *error = NULL;

	for (size_t i = 0; !error && i < model->nentities; i++)
		if (is_wanted(state->export, model->entities[i]))
			error = write_table(state, model->entities[i]);
	return error ? error : dump_writer_end(state->writer);
}

static void
tell_row(void *context, int64_t rows)
{
	struct state *state = context;

	if (rows % PROGRESS_ROWS)
		return;
	state->done += rows;
	tell(state);
	state->done -= rows;
}

struct error *
export_run(struct db *db, struct arena *arena, const struct export *export,
	   struct answer_file *file)
{
	struct state state = { .db = db, .arena = arena, .export = export };
	struct error *error;

	if (export->entity && !dump_may_read(&export->wish, export->entity))
		return permission_refused(arena, export->entity, VERB_READ);
	error = dump_begin(db, arena);
	if (!error && export->progress)
		error = count(&state);
	if (!error)
		error = dump_writer_new(arena, export->format, file,
					export->settings,
					export->entity != NULL, &state.writer);
	if (!error) {
		state.writer->progress = tell_row;
		state.writer->context = &state;
		error = write_all(&state);
	}
	if (error)
		db_abandon(db);
	else
		error = db_finish(db, arena);
	return error;
}
