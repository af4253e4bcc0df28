/*
 * import.c: an import in its steps. Its rows are sent from here; the headings
 * are read in import_plan.c, new columns are made in import_schema.c.
 */
#include "handlers/import.h"

#include "handlers/definition.h"
#include "handlers/import_parts.h"

/* Rows between two calls of progress. */
#define PROGRESS_ROWS 2000

static void
release_arena(void *arena)
{
	arena_free(arena);
}

/* The rows. */

static const char *
raw_row(struct import *import, const struct table_row *row)
{
	struct strbuf raw;

	if (!import->options->skip)
		return NULL;
	strbuf_init(&raw, import->scratch);
	for (size_t i = 0; i < row->ncells; i++) {
		if (i)
			strbuf_putc(&raw, ',');
		if (row->cells[i].text)
			bulk_add_quoted(&raw, row->cells[i].text);
	}
	return raw.data;
}

/* Cells as texts for their columns; a fault where one is no value. */
static struct error *
take_row(struct import *import, struct bulk *bulk, const struct table_row *row)
{
	const char **texts =
		ARENA_ARRAY(import->scratch, const char *, import->nfields + 1);

	if (table_is_strict(import->reader) && row->ncells != import->nfields)
		return bulk_bad_row(
			bulk, row->number, NULL, NULL,
			arena_printf(import->scratch,
				     "there are %zu fields, and %zu headings.",
				     row->ncells, import->nfields),
			raw_row(import, row));
	for (size_t i = 0; i < import->nfields && i < row->ncells; i++) {
		const struct field *field = &import->fields[i];
		const struct column *column = field->column;

		if (!column || !row->cells[i].text)
			continue;
		if (row->cells[i].kind == CELL_ERROR)
			return bulk_bad_row(bulk, row->number, field->said.name,
					    row->cells[i].text,
					    "a formula failed here.",
					    raw_row(import, row));
		texts[i] = cell_value(import->scratch, column->kind,
				      column->type ? column->type->name : NULL,
				      field->type.order, row->cells[i].text);
	}
	return bulk_row(bulk, row->number, texts, raw_row(import, row));
}

static void
tell_progress(struct import *import, int64_t rows)
{
	int64_t done, total;

	if (!import->options->progress)
		return;
	table_progress(import->reader, &done, &total);
	import->options->progress(import->options->progress_context, rows, done,
				  total);
}

static struct error *
send_rows(struct import *import, struct bulk *bulk, int64_t *rows)
{
	while (!bulk_is_lost(bulk)) {
		struct table_row row;
		struct error *error = table_next(import->reader, &row);

		if (!error && !row.cells)
			return NULL;
		if (!error)
			error = take_row(import, bulk, &row);
		if (error)
			return error;
		arena_reset(import->scratch);
		if (++*rows % PROGRESS_ROWS == 0)
			tell_progress(import, *rows);
	}
	return NULL;
}

static struct error *
find_update_on(const struct import *import, const struct column **column)
{
	const char *name = import->options->update_on;
	const struct field *field;

	*column = NULL;
	if (!name || !*name)
		return NULL;
	field = import_field_named(import, name);
	*column = field ? field->column : NULL;
	if (*column && !(*column)->target &&
	    ((*column)->is_standard || column_is_searchable(*column)))
		return NULL;
	return error_at(error_new(import->arena, 422, "bad-update-on",
				  "update_on: %s is no column of the file that "
				  "rows can be found by",
				  name),
			"/attributes/update_on");
}

static struct error *
try_rows(struct import *import, bool stage, struct bulk **bulk)
{
	const struct import_options *options = import->options;
	struct bulk_settings settings = {
		.context = import->context,
		.entity = import->entity,
		.ncolumns = import->nfields,
		.stage = stage,
		.skip = options->skip,
		.count_all = options->dry_run,
	};
	const struct column **columns = ARENA_ARRAY(
		import->arena, const struct column *, import->nfields + 1);
	struct error *error;
	int64_t rows = 0;

	for (size_t i = 0; i < import->nfields; i++)
		columns[i] = import->fields[i].column;
	settings.columns = columns;
	error = find_update_on(import, &settings.update_on);
	if (!error)
		error = import_rewind(import);
	if (!error)
		error = bulk_begin(import->arena, &settings, bulk);
	if (error)
		return error;
	error = send_rows(import, *bulk, &rows);
	if (error) {
		bulk_cancel(*bulk);
		return error;
	}
	tell_progress(import, rows);
	error = bulk_end(*bulk, &import->result->counts);
	if (!error && !rows)
		error = import_bad_file(import,
					"there are less than 2 rows in it");
	return error;
}

/* Straight in; and once more with care where a rule of the table broke. */
static struct error *
import_rows(struct import *import, struct bulk **bulk)
{
	struct db *db = import->context->db;
	struct error *undone, *error = db_savepoint(db, import->arena);

	if (error)
		return error;
	error = try_rows(import, false, bulk);
	if (!error)
		return db_release(db, import->arena);
	if (!db_is_up(db))
		return error;
	undone = db_rollback_to(db, import->arena);
	if (undone || !error->constraint)
		return undone ? undone : error;
	error = try_rows(import, true, bulk);
	if (error && error->constraint) {
		error->status = 422;
		error->detail = arena_printf(import->arena, "%s: %s",
					     import->options->table.file,
					     error->detail);
	}
	return error;
}

static struct error *
import_all(struct import *import)
{
	struct bulk *bulk = NULL;
	struct error *error;
	bool changes = false;

	error = import_read_header(import);
	if (!error)
		error = import_find_entity(import);
	if (!error)
		error = import_plan_columns(import, &changes);
	if (!error && changes)
		error = import_find_types(import);
	if (!error && changes)
		error = import_change_schema(import);
	if (!error)
		error = import_settle_columns(import);
	if (!error)
		error = import_rows(import, &bulk);
	return error ? error : import_tell(import, bulk);
}

static struct error *
check_rows(const struct import *import)
{
	const struct model *model = import->context->model;
	const struct entity *entity =
		model_entity(model, import->options->entity_name);

	return entity ? definition_check(import->context->db, import->arena,
					 model, entity, NULL)
		      : NULL;
}

struct error *
import_run(struct row_context *context, int fd,
	   const struct import_options *options, struct import_result *result)
{
	const struct model *model = context->model;
	struct db *db = context->db;
	struct import import = {
		.context = context,
		.options = options,
		.result = result,
		.arena = context->arena,
		.scratch = arena_new(),
		.fd = fd,
	};
	struct error *undone = NULL, *error = NULL;

	arena_defer(context->arena, release_arena, import.scratch);
	*result = (struct import_result){ 0 };
	db_begin(db);
	if (options->dry_run)
		error = db_savepoint(db, context->arena);
	if (error)
		return error;
	error = import_all(&import);
	if (!error)
		error = check_rows(&import);
	if (options->dry_run && db_is_up(db)) {
		undone = db_rollback_to(db, context->arena);
		context->model = model;
		result->is_model_changed = false;
	}
	return error ? error : undone;
}
