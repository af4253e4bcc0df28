/*
 * dump_xlsx.c: exports as a spreadsheet, one sheet a table, with libxlsxwriter
 * in its constant-memory mode. Times, ids and numbers that a double can't hold
 * are text, so that they come back as they were.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xlsxwriter.h>

#include "db/base/utf8.h"
#include "handlers/formats/dump_write.h"

#define ROWS_MAX 1048576
#define CELL_CHARACTERS_MAX 32767
#define SHEET_NAME_MAX 31
/* A decimal number of so many digits is the same after a way by a double. */
#define DOUBLE_DIGITS 15

struct sheet_state {
	lxw_workbook *workbook; /* NULL once it is closed */
	lxw_worksheet *sheet;
	lxw_format *bold;
};

/* Closing writes the file; nobody wants it any more. */
static void
release(void *object)
{
	struct sheet_state *state = object;

	if (state->workbook)
		workbook_close(state->workbook);
}

/* Where the sheets are while they are made; the library's files have names,
 * but only until they are open. */
static const char *
folder_of(const struct dump_writer *writer)
{
	const char *folder = writer->settings->files.folder;

	return folder && !access(folder, W_OK) ? folder : "/tmp";
}

/* The library opens its file by name: a descriptor of ours has one. */
static struct error *
xlsx_begin(struct dump_writer *writer)
{
	struct sheet_state *state =
		ARENA_NEW(writer->arena, struct sheet_state);
	lxw_workbook_options options = {
		.constant_memory = LXW_TRUE,
		.tmpdir = (char *)(uintptr_t)folder_of(writer),
	};

	state->workbook =
		workbook_new_opt(arena_printf(writer->arena, "/proc/self/fd/%d",
					      writer->file->fd),
				 &options);
	if (!state->workbook)
		return error_internal(writer->arena, "no workbook");
	arena_defer(writer->arena, release, state);
	state->bold = workbook_add_format(state->workbook);
	format_set_bold(state->bold);
	writer->state = state;
	return NULL;
}

/* At most 31 characters, and not two of one name in any case. */
static const char *
sheet_name(struct dump_writer *writer)
{
	struct sheet_state *state = writer->state;
	const char *name = writer->from->entity->name;
	char *short_name =
		arena_printf(writer->arena, "%.*s", SHEET_NAME_MAX, name);
	int64_t number = 1;

	while (workbook_get_worksheet_by_name(state->workbook, short_name)) {
		int digits = snprintf(NULL, 0, "~%" PRId64, ++number);

		short_name =
			arena_printf(writer->arena, "%.*s~%" PRId64,
				     SHEET_NAME_MAX - digits, name, number);
	}
	return short_name;
}

static struct error *
xlsx_table(struct dump_writer *writer)
{
	struct sheet_state *state = writer->state;
	const struct dump_table *from = writer->from;

	state->sheet =
		workbook_add_worksheet(state->workbook, sheet_name(writer));
	if (!state->sheet)
		return error_internal(writer->arena, "no worksheet");
	for (size_t i = 0; i < from->ncolumns; i++)
		worksheet_write_string(state->sheet, 0, (lxw_col_t)i,
				       from->columns[i].column->column_name,
				       state->bold);
	worksheet_freeze_panes(state->sheet, 1, 0);
	return NULL;
}

static bool
fits_double(const struct plain *plain)
{
	size_t digits = 0;

	for (size_t i = 0; i < plain->length; i++)
		digits += plain->text[i] >= '0' && plain->text[i] <= '9';
	return digits <= DOUBLE_DIGITS &&
	       !memchr(plain->text, 'e', plain->length);
}

static struct error *
too_long(struct dump_writer *writer, size_t i)
{
	return error_new(writer->arena, 422, "too-long-for-xlsx",
			 "%s, row %" PRId64
			 ", %s: a cell of a spreadsheet holds at most %d "
			 "characters; please choose another format.",
			 writer->from->entity->name, writer->nrows + 1,
			 writer->from->columns[i].column->column_name,
			 CELL_CHARACTERS_MAX);
}

static struct error *
write_cell(struct dump_writer *writer, lxw_row_t row, size_t i)
{
	struct sheet_state *state = writer->state;
	struct plain plain = dump_plain(writer, i);
	lxw_col_t column = (lxw_col_t)i;

	if (plain.kind == PLAIN_NULL)
		return NULL;
	if (plain.kind == PLAIN_BOOLEAN) {
		worksheet_write_boolean(state->sheet, row, column,
					*plain.text == 't', NULL);
		return NULL;
	}
	if (plain.kind == PLAIN_NUMBER && fits_double(&plain)) {
		worksheet_write_number(state->sheet, row, column,
				       strtod(plain.text, NULL), NULL);
		return NULL;
	}
	if (plain.length > CELL_CHARACTERS_MAX &&
	    utf8_characters(plain.text) > CELL_CHARACTERS_MAX)
		return too_long(writer, i);
	worksheet_write_string(state->sheet, row, column, plain.text, NULL);
	return NULL;
}

static struct error *
xlsx_row(struct dump_writer *writer)
{
	lxw_row_t row = (lxw_row_t)writer->nrows + 1;
	struct error *error = NULL;

	if (row >= ROWS_MAX)
		return error_new(writer->arena, 422, "too-many-for-xlsx",
				 "%s has more rows than the %d of a sheet; "
				 "please choose another format.",
				 writer->from->entity->name, ROWS_MAX);
	for (size_t i = 0; !error && i < writer->from->ncolumns; i++)
		error = write_cell(writer, row, i);
	/* nothing is written by way of `out`, but texts may live there */
	if (!(row % 256))
		arena_reset(writer->piece);
	return error;
}

static struct error *
xlsx_table_end(struct dump_writer *writer UNUSED)
{
	return NULL;
}

static struct error *
xlsx_end(struct dump_writer *writer)
{
	struct sheet_state *state = writer->state;
	lxw_error failure = workbook_close(state->workbook);

	state->workbook = NULL;
	strbuf_init(&writer->out, writer->piece);
	if (failure != LXW_NO_ERROR)
		return error_internal(writer->arena, "workbook: %s",
				      lxw_strerror(failure));
	return answer_file_measure(writer->arena, writer->file);
}

const struct dump_format dump_xlsx = {
	.name = "xlsx",
	.media_type = "application/"
		      "vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	.begin = xlsx_begin,
	.table = xlsx_table,
	.row = xlsx_row,
	.table_end = xlsx_table_end,
	.end = xlsx_end,
	.needs_file = true,
};
