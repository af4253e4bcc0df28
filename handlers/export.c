/*
 * export.c: which entities an export has, in which order, in one snapshot.
 */
#include "handlers/export.h"

#include <string.h>

/* Rows between two calls of progress(). */
#define PROGRESS_ROWS 10000

struct export_reader {
	struct db *db;
	struct arena *arena;
	const struct export *export;
	struct dump_writer *writer;
	size_t next;   /* entity of the model */
	bool is_open;  /* its table is being read */
	bool is_taken; /* the piece of the writer was given away */
	bool is_ended;
	int64_t done; /* rows of the tables before */
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
count(struct export_reader *reader)
{
	const struct model *model = reader->export->wish.model;
	struct error *error = NULL;

	for (size_t i = 0; !error && i < model->nentities; i++) {
		int64_t rows = 0;

		if (!is_wanted(reader->export, model->entities[i]))
			continue;
		error = dump_estimate(reader->db, reader->arena,
				      model->entities[i], &rows);
		reader->total += rows;
	}
	return error;
}

static void
tell(const struct export_reader *reader)
{
	const struct export *export = reader->export;
	int64_t done = reader->done + reader->writer->nrows;

	if (export->progress)
		export->progress(export->context, done,
				 reader->total > done ? reader->total : done);
}

struct error *
export_open(struct db *db, struct arena *arena, const struct export *export,
	    struct answer_file *file, struct export_reader **reader)
{
	struct export_reader *made = ARENA_NEW(arena, struct export_reader);
	struct error *error;

	*made = (struct export_reader){
		.db = db,
		.arena = arena,
		.export = export,
	};
	*reader = made;
	if (export->entity && !dump_may_read(&export->wish, export->entity))
		return permission_refused(arena, export->entity, VERB_READ);
	error = dump_begin(db, arena);
	if (!error && export->progress)
		error = count(made);
	if (!error)
		error = dump_writer_new(arena, export->format, file,
					export->settings,
					export->entity != NULL, &made->writer);
	if (error)
		db_abandon(db);
	return error;
}

/* The next table that is wanted, or the end. */
static struct error *
next_table(struct export_reader *reader)
{
	const struct export *export = reader->export;
	const struct model *model = export->wish.model;
	struct dump_table *table;
	struct error *error;

	while (reader->next < model->nentities &&
	       !is_wanted(export, model->entities[reader->next]))
		reader->next++;
	if (reader->next == model->nentities) {
		reader->is_ended = true;
		return dump_writer_end(reader->writer);
	}
	error = dump_open(reader->db, reader->arena, &export->wish,
			  model->entities[reader->next++], &table);
	reader->is_open = !error;
	return error ? error : dump_writer_table(reader->writer, table);
}

static struct error *
next_row(struct export_reader *reader)
{
	const struct dump_writer *writer = reader->writer;
	struct error *error = dump_writer_row(reader->writer, &reader->is_open);

	if (!reader->is_open || writer->nrows % PROGRESS_ROWS == 0)
		tell(reader);
	if (!reader->is_open)
		reader->done += writer->nrows;
	return error;
}

static struct error *
make_piece(struct export_reader *reader)
{
	struct error *error = NULL;

	if (reader->is_taken)
		dump_writer_piece(reader->writer);
	reader->is_taken = true;
	while (!error && !reader->is_ended &&
	       !dump_writer_is_full(reader->writer))
		error = reader->is_open ? next_row(reader) : next_table(reader);
	if (!error && reader->is_ended)
		error = db_finish(reader->db, reader->arena);
	return error;
}

struct error *
export_next(struct export_reader *reader, const char **data, size_t *size)
{
	const struct strbuf *out = &reader->writer->out;
	struct error *error;

	*data = NULL;
	if (reader->is_ended)
		return NULL;
	error = make_piece(reader);
	if (error) {
		db_abandon(reader->db);
		return error;
	}
	*size = out->length;
	*data = *size ? out->data : NULL;
	return NULL;
}

struct error *
export_run(struct db *db, struct arena *arena, const struct export *export,
	   struct answer_file *file)
{
	struct export_reader *reader;
	struct error *error = export_open(db, arena, export, file, &reader);

	while (!error) {
		const char *data;
		size_t size;

		error = export_next(reader, &data, &size);
		if (!error && !data)
			break;
		if (!error)
			error = answer_file_write(arena, file, data, size);
	}
	if (error)
		db_abandon(db);
	return error;
}
