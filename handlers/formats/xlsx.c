/*
 * xlsx.c: rows of a sheet of an XLSX file, parsed 16 KiB at a time: strings
 * of all kinds, numbers, dates by their style in both epochs, booleans, the
 * last values of formulas. Nothing is computed.
 */
#include "handlers/formats/xlsx.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "db/base/utf8.h"

#define ROWS_MAX 1048576
#define COLUMNS_MAX 16384
/* 31 December 9999 */
#define SERIAL_MAX 2958466

struct sheet_reader {
	struct xlsx book;
	struct xlsx_part *part;
	int64_t row; /* number of the open or last row */
	long column; /* of the open or last cell, from 0 */
	char type[16];
	size_t style;
	struct strbuf value;
	bool in_value;
	unsigned skipping; /* within rPh */
};

static struct sheet_reader *
sheet_of(void *data)
{
	struct xlsx_part *part = data;

	return (struct sheet_reader *)part->book;
}

static void
fault(struct sheet_reader *sheet, const char *what)
{
	xlsx_stop(sheet->part,
		  table_fault(sheet->book.reader, sheet->row, "%s", what));
}

/* Numbers and dates. */

/* As people write it, with no more digits than tell it from others. */
static void
print_number(double value, char *out, size_t size)
{
	if (value == floor(value) && fabs(value) < 1e18) {
		snprintf(out, size, "%.0f", value == 0 ? 0 : value);
		return;
	}
	for (int precision = 15; precision <= 17; precision++) {
		snprintf(out, size, "%.*g", precision, value);
		if (strtod(out, NULL) == value)
			return;
	}
}

/* Days from 1970-01-01 as a date of the Gregorian calendar. */
static void
print_date(int64_t days, char *out, size_t size)
{
	time_t seconds = days * 86400;
	struct tm date;

	gmtime_r(&seconds, &date);
	strftime(out, size, "%Y-%m-%d", &date);
}

static void
print_clock(int64_t milliseconds, char *out, size_t size)
{
	int64_t seconds = milliseconds / 1000;
	size_t length;

	snprintf(out, size, "%02d:%02d:%02d", (int)(seconds / 3600),
		 (int)(seconds / 60 % 60), (int)(seconds % 60));
	length = strlen(out);
	if (milliseconds % 1000)
		snprintf(out + length, size - length, ".%03d",
			 (int)(milliseconds % 1000));
}

/*
 * The first day of 1900 is 1, and there was no 29 February, which the format
 * has as day 60. The other epoch begins with 0 on 1 January 1904.
 */
static int64_t
days_of(const struct xlsx *book, int64_t day)
{
	if (book->is_1904)
		return day - 24107;
	return day - (day < 60 ? 25568 : 25569);
}

static enum cell_kind
print_moment(const struct xlsx *book, double serial, enum number_kind kind,
	     char *out, size_t size)
{
	int64_t milliseconds = llround(serial * 86400000);
	int64_t day = milliseconds / 86400000;
	int64_t rest = milliseconds % 86400000;
	size_t length;

	if (kind == NUMBER_TIME) {
		print_clock(milliseconds, out, size);
		return day ? CELL_TEXT : CELL_MOMENT; /* 36:00:00 is none */
	}
	if (day == 60 && !book->is_1904) {
		snprintf(out, size, "1900-02-29");
		return CELL_TEXT;
	}
	print_date(days_of(book, day), out, size);
	length = strlen(out);
	if (kind == NUMBER_DATETIME || rest) {
		out[length++] = ' ';
		print_clock(rest, out + length, size - length);
	}
	return CELL_MOMENT;
}

static void
add_cell(struct sheet_reader *sheet, enum cell_kind kind, const char *text,
	 size_t length)
{
	xlsx_account(&sheet->book, sheet->value.length);
	if (!row_queue_cell_at(&sheet->book.reader->queue,
			       (size_t)sheet->column, kind, text, length))
		fault(sheet, "there are more than 1,600 columns");
}

static void
add_number(struct sheet_reader *sheet)
{
	const struct xlsx *book = &sheet->book;
	enum number_kind style = sheet->style < book->nstyles
					 ? book->styles[sheet->style]
					 : NUMBER_PLAIN;
	enum cell_kind kind = CELL_NUMBER;
	char out[64], *end;
	double value = strtod(sheet->value.data, &end);

	while (*end == ' ' || *end == '\n' || *end == '\r' || *end == '\t')
		end++;
	if (end == sheet->value.data || *end || !isfinite(value)) {
		fault(sheet, "a number is none");
		return;
	}
	if (style != NUMBER_PLAIN && value >= 0 && value < SERIAL_MAX)
		kind = print_moment(book, value, style, out, sizeof out);
	else
		print_number(value, out, sizeof out);
	add_cell(sheet, kind, out, strlen(out));
}

static void
add_shared(struct sheet_reader *sheet)
{
	const struct shared_strings *strings = &sheet->book.strings;
	char *end;
	long index = strtol(sheet->value.data, &end, 10);
	uint32_t start;

	if (end == sheet->value.data || *end || index < 0 ||
	    (size_t)index >= strings->count) {
		fault(sheet, "a text is none of the workbook's");
		return;
	}
	start = index ? strings->ends[index - 1] : 0;
	if (strings->ends[index] > start)
		add_cell(sheet, CELL_TEXT, strings->texts + start,
			 strings->ends[index] - start);
}

static void
add_boolean(struct sheet_reader *sheet)
{
	bool truth = sheet->value.data[0] == '1' || sheet->value.data[0] == 't';

	add_cell(sheet, CELL_BOOLEAN, truth ? "true" : "false", truth ? 4 : 5);
}

static void
add_text(struct sheet_reader *sheet)
{
	size_t length = xlsx_unescape(sheet->value.data, sheet->value.length);

	add_cell(sheet, CELL_TEXT, sheet->value.data, length);
}

static void
add_moment(struct sheet_reader *sheet)
{
	add_cell(sheet, CELL_MOMENT, sheet->value.data, sheet->value.length);
}

static void
add_error(struct sheet_reader *sheet)
{
	add_cell(sheet, CELL_ERROR, sheet->value.data, sheet->value.length);
}

static void
end_cell(struct sheet_reader *sheet)
{
	static const struct {
		const char *type;
		void (*add)(struct sheet_reader *sheet);
	} types[] = {
		{ "", add_number },  { "n", add_number },
		{ "s", add_shared }, { "b", add_boolean },
		{ "str", add_text }, { "inlineStr", add_text },
		{ "d", add_moment }, { "e", add_error },
	};

	if (!sheet->value.length)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (!strcmp(types[i].type, sheet->type)) {
			types[i].add(sheet);
			return;
		}
	fault(sheet, "a cell is of no known type");
}

/* Positions. */

/* "AB12": column 27, row 12; false where it is none. */
static bool
read_reference(const char *text, long *column, int64_t *row)
{
	*column = 0;
	while (*text >= 'A' && *text <= 'Z' && *column <= COLUMNS_MAX)
		*column = *column * 26 + (*text++ - 'A' + 1);
	if (*column < 1 || *column > COLUMNS_MAX || strlen(text) > 7 ||
	    !*text || text[strspn(text, "0123456789")])
		return false;
	--*column;
	*row = strtol(text, NULL, 10);
	return true;
}

static void
begin_row(struct sheet_reader *sheet, const char **attributes)
{
	const char *number = xlsx_attribute(attributes, "r");
	int64_t last = sheet->row;

	sheet->row = number ? strtoll(number, NULL, 10) : last + 1;
	sheet->column = -1;
	if (sheet->row <= last || sheet->row > ROWS_MAX)
		fault(sheet, "the number of a row is none");
}

static void
begin_cell(struct sheet_reader *sheet, const char **attributes)
{
	const char *reference = xlsx_attribute(attributes, "r");
	const char *type = xlsx_attribute(attributes, "t");
	const char *style = xlsx_attribute(attributes, "s");
	long column = sheet->column + 1;
	int64_t row = sheet->row;

	strbuf_cut(&sheet->value, 0);
	snprintf(sheet->type, sizeof sheet->type, "%s", type ? type : "");
	sheet->style = style ? strtoul(style, NULL, 10) : 0;
	if ((reference && !read_reference(reference, &column, &row)) ||
	    column <= sheet->column || column >= COLUMNS_MAX ||
	    row != sheet->row)
		fault(sheet, "the place of a cell is none");
	sheet->column = column;
}

/* Elements. */

static void
begin_element(void *data, const char *name, const char **attributes)
{
	struct sheet_reader *sheet = sheet_of(data);

	name = xlsx_local_name(name);
	if (!strcmp(name, "c"))
		begin_cell(sheet, attributes);
	else if (!strcmp(name, "v") || !strcmp(name, "t"))
		sheet->in_value = !sheet->skipping;
	else if (!strcmp(name, "row"))
		begin_row(sheet, attributes);
	else if (!strcmp(name, "rPh"))
		sheet->skipping++;
}

static void
end_element(void *data, const char *name)
{
	struct sheet_reader *sheet = sheet_of(data);

	name = xlsx_local_name(name);
	if (!strcmp(name, "c"))
		end_cell(sheet);
	else if (!strcmp(name, "v") || !strcmp(name, "t"))
		sheet->in_value = false;
	else if (!strcmp(name, "row"))
		row_queue_end(&sheet->book.reader->queue, sheet->row);
	else if (!strcmp(name, "rPh") && sheet->skipping)
		sheet->skipping--;
}

static void
take_text(void *data, const char *text, int length)
{
	struct sheet_reader *sheet = sheet_of(data);

	if (!sheet->in_value)
		return;
	strbuf_add(&sheet->value, text, (size_t)length);
	if (sheet->value.length > TABLE_CELL_MAX)
		fault(sheet, "a text is longer than 1 MiB");
}

static struct error *
xlsx_fill(struct table_reader *reader, bool *end)
{
	struct sheet_reader *sheet = reader->state;
	struct error *error = xlsx_parse_piece(sheet->part, end);

	/* in proportion: what is unpacked is not what was read */
	reader->done = *end ? reader->size
			    : reader->size * sheet->part->read /
				       (sheet->part->size + 1);
	return error;
}

static struct error *
xlsx_open(struct table_reader *reader)
{
	struct sheet_reader *sheet =
		ARENA_NEW(reader->arena, struct sheet_reader);
	struct xlsx *book = &sheet->book;
	struct error *error;

	reader->state = sheet;
	book->reader = reader;
	book->arena = reader->arena;
	strbuf_init(&sheet->value, reader->arena);
	error = xlsx_open_archive(book);
	if (!error)
		error = xlsx_read_book(book);
	if (!error)
		error = xlsx_open_part(book, book->sheet, &sheet->part);
	if (error)
		return error;
	if (!sheet->part)
		return table_fault(reader, 0, "its sheet is missing");
	XML_SetElementHandler(sheet->part->parser, begin_element, end_element);
	XML_SetCharacterDataHandler(sheet->part->parser, take_text);
	return NULL;
}

const struct table_format table_xlsx = {
	.name = "xlsx",
	.others = { "xlsm" },
	.open = xlsx_open,
	.fill = xlsx_fill,
};
