/*
 * csv.c: reads CSV (RFC 4180 and its relatives with semicolons, tabs and
 * bars) through libcsv, 64 KiB at a time. Texts in UTF-16 or Windows-1252
 * are made UTF-8 on the way.
 */
#include <csv.h>
#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "db/base/utf8.h"
#include "handlers/formats/table_parts.h"

#define PIECE 65536

struct csv_state {
	struct csv_parser parser;
	struct table_reader *reader;
	int64_t row;	    /* of the open row */
	int64_t offset;	    /* in the file */
	iconv_t conversion; /* (iconv_t)-1: the file is in UTF-8 */
	char raw[PIECE];
	size_t nraw;	      /* bytes that the conversion left over */
	char text[3 * PIECE]; /* the piece in UTF-8 */
	struct error *error;
};

struct encoding {
	const char *name;
	const char *iconv_name; /* NULL: UTF-8 */
};

static const struct encoding encodings[] = {
	{ "utf-8", NULL },	    { "utf8", NULL },
	{ "utf-16", "UTF-16LE" },   { "utf-16le", "UTF-16LE" },
	{ "utf-16be", "UTF-16BE" }, { "windows-1252", "CP1252" },
	{ "cp1252", "CP1252" },	    { "iso-8859-1", "CP1252" },
	{ "latin1", "CP1252" },	    { "us-ascii", NULL },
};

static const struct {
	const char *bytes;
	size_t length;
	const char *iconv_name;
} marks[] = {
	{ "\xef\xbb\xbf", 3, NULL },
	{ "\xff\xfe", 2, "UTF-16LE" },
	{ "\xfe\xff", 2, "UTF-16BE" },
};

static void
release(void *object)
{
	struct csv_state *state = object;

	csv_free(&state->parser);
	if (state->conversion != (iconv_t)-1)
		iconv_close(state->conversion);
}

/* Blanks belong to the text. */
static int
is_no_space(unsigned char c UNUSED)
{
	return 0;
}

/* Encodings. */

static const struct encoding *
encoding_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(encodings); i++)
		if (!strcasecmp(encodings[i].name, name))
			return &encodings[i];
	return NULL;
}

/* What the file says itself comes first; its mark is skipped. */
static struct error *
choose_encoding(struct csv_state *state, const char **iconv_name)
{
	const struct table_reader *reader = state->reader;
	const char *declared = reader->options->encoding;
	const struct encoding *encoding;
	char head[3];
	ssize_t got = pread(reader->fd, head, sizeof head, 0);

	*iconv_name = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		if (got < (ssize_t)marks[i].length ||
		    memcmp(head, marks[i].bytes, marks[i].length) != 0)
			continue;
		state->offset = (int64_t)marks[i].length;
		*iconv_name = marks[i].iconv_name;
		return NULL;
	}
	if (!declared || !*declared)
		return NULL;
	encoding = encoding_find(declared);
	if (!encoding)
		return table_fault(reader, 0,
				   "the encoding must be utf-8, utf-16 or "
				   "windows-1252");
	*iconv_name = encoding->iconv_name;
	return NULL;
}

static struct error *
bad_text(const struct csv_state *state)
{
	return table_fault(state->reader, state->row,
			   state->conversion == (iconv_t)-1
				   ? "this is not in UTF-8, or has a NUL in "
				     "it; the input encoding names another "
				     "encoding"
				   : "this is not in the encoding that was "
				     "declared");
}

/* The next bytes as UTF-8 in state->text. */
static struct error *
read_piece(struct csv_state *state, size_t *length, bool *end)
{
	struct table_reader *reader = state->reader;
	ssize_t got = pread(reader->fd, state->raw + state->nraw,
			    PIECE - state->nraw, state->offset);
	char *from = state->raw, *to = state->text;
	size_t left, room = sizeof state->text;

	if (got < 0)
		return error_internal(reader->arena, "reading a table: %s",
				      strerror(errno));
	state->offset += got;
	reader->done = state->offset;
	*end = got == 0;
	left = state->nraw + (size_t)got;
	if (state->conversion == (iconv_t)-1) {
		memcpy(state->text, state->raw, left);
		*length = left;
		return NULL;
	}
	if (iconv(state->conversion, &from, &left, &to, &room) == (size_t)-1 &&
	    (errno != EINVAL || *end))
		return bad_text(state);
	memmove(state->raw, from, left);
	state->nraw = left;
	*length = (size_t)(to - state->text);
	return *end && left ? bad_text(state) : NULL;
}

/* Delimiters. */

static struct error *
declared_delimiter(const struct table_reader *reader, char *delimiter)
{
	static const struct {
		const char *name;
		char delimiter;
	} names[] = {
		{ ",", ',' },	  { ";", ';' },		{ "|", '|' },
		{ "\t", '\t' },	  { "\\t", '\t' },	{ "tab", '\t' },
		{ "comma", ',' }, { "semicolon", ';' }, { "bar", '|' },
	};
	const char *wanted = reader->options->delimiter;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcasecmp(names[i].name, wanted)) {
			*delimiter = names[i].delimiter;
			return NULL;
		}
	return table_fault(reader, 0,
			   "the delimiter must be a comma, a semicolon, tab or "
			   "a bar");
}

/* The candidate that the first line has most of, outside of quotes. */
static char
guess_delimiter(const char *text, size_t length)
{
	static const char candidates[] = ",;\t|";
	size_t counts[sizeof candidates] = { 0 };
	bool quoted = false;
	size_t best = 0;

	for (size_t i = 0; i < length; i++) {
		const char *found;

		if (text[i] == '"')
			quoted = !quoted;
		if (quoted)
			continue;
		if (text[i] == '\n' || text[i] == '\r')
			break;
		found = strchr(candidates, text[i]);
		if (found && text[i])
			counts[found - candidates]++;
	}
	for (size_t i = 1; i < sizeof candidates - 1; i++)
		if (counts[i] > counts[best])
			best = i;
	return candidates[best];
}

/* Fields and rows. */

/*
 * An export puts a quote before a text that a spreadsheet would take for a
 * formula; here it is taken off again.
 */
static bool
is_neutralized(const char *text, size_t length)
{
	size_t quotes = 0;

	while (quotes < length && text[quotes] == '\'')
		quotes++;
	return quotes && quotes < length && strchr("=+-@\t\r", text[quotes]);
}

static void
take_field(void *data, size_t length, void *context)
{
	struct csv_state *state = context;
	struct table_reader *reader = state->reader;
	const char *text = data;

	if (state->error)
		return;
	if (text && length > TABLE_CELL_MAX) {
		state->error = table_fault(reader, state->row,
					   "a field is longer than 1 MiB");
		return;
	}
	if (text && !utf8_is_text(text, length)) {
		state->error = bad_text(state);
		return;
	}
	if (text && *text == '\'' && is_neutralized(text, length)) {
		text++;
		length--;
	}
	if (!row_queue_cell(&reader->queue, CELL_TEXT, text, length))
		state->error = table_fault(reader, state->row,
					   "there are more than %d columns",
					   TABLE_COLUMNS_MAX);
}

static void
take_row(int end UNUSED, void *context)
{
	struct csv_state *state = context;

	if (state->error)
		return;
	row_queue_end(&state->reader->queue, state->row++);
}

static struct error *
syntax_fault(const struct csv_state *state)
{
	return table_fault(state->reader, state->row,
			   "a quote is not closed, or stands within a field "
			   "that is not quoted");
}

static struct error *
csv_fill(struct table_reader *reader, bool *end)
{
	struct csv_state *state = reader->state;
	struct error *error;
	size_t length;

	error = read_piece(state, &length, end);
	if (error)
		return error;
	if (csv_parse(&state->parser, state->text, length, take_field, take_row,
		      state) < length ||
	    (*end && csv_fini(&state->parser, take_field, take_row, state)))
		return state->error ? state->error : syntax_fault(state);
	if (state->error)
		return state->error;
	/* a quote that was never closed takes in the rest of the file */
	if (csv_get_buffer_size(&state->parser) > 2 * TABLE_CELL_MAX)
		return syntax_fault(state);
	return NULL;
}

static struct error *
set_delimiter(struct csv_state *state)
{
	struct table_reader *reader = state->reader;
	const char *wanted = reader->options->delimiter;
	char delimiter = ',';
	struct error *error = NULL;

	if (wanted && *wanted) {
		error = declared_delimiter(reader, &delimiter);
	} else {
		int64_t offset = state->offset;
		size_t length = 0;
		bool end;

		error = read_piece(state, &length, &end);
		state->offset = offset;
		state->nraw = 0;
		if (state->conversion != (iconv_t)-1)
			iconv(state->conversion, NULL, NULL, NULL, NULL);
		if (!error)
			delimiter = guess_delimiter(state->text, length);
	}
	csv_set_delim(&state->parser, (unsigned char)delimiter);
	return error;
}

static struct error *
csv_open(struct table_reader *reader)
{
	struct csv_state *state = ARENA_NEW(reader->arena, struct csv_state);
	const char *iconv_name;
	struct error *error;

	reader->state = state;
	state->reader = reader;
	state->row = 1;
	state->conversion = (iconv_t)-1;
	if (csv_init(&state->parser, CSV_STRICT | CSV_STRICT_FINI |
					     CSV_APPEND_NULL |
					     CSV_EMPTY_IS_NULL))
		return error_internal(reader->arena, "libcsv has no memory");
	arena_defer(reader->arena, release, state);
	csv_set_space_func(&state->parser, is_no_space);
	error = choose_encoding(state, &iconv_name);
	if (error)
		return error;
	if (iconv_name) {
		state->conversion = iconv_open("UTF-8", iconv_name);
		if (state->conversion == (iconv_t)-1)
			return error_internal(reader->arena,
					      "iconv can't read %s",
					      iconv_name);
	}
	return set_delimiter(state);
}

const struct table_format table_csv = {
	.name = "csv",
	.others = { "tsv", "txt" },
	.is_strict = true,
	.open = csv_open,
	.fill = csv_fill,
};
