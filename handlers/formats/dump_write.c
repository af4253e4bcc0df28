/*
 * dump_write.c: exports in all formats that are text. XLSX is in dump_xlsx.c.
 */
#include "handlers/formats/dump_write.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "db/base/crypto.h"
#include "db/file_list.h"
#include "db/value.h"

#define PIECE_BYTES 65536

/* Values. */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* What JSON has no number for (NaN, infinity) is a text. */
static bool
is_number(const char *text, size_t length)
{
	return length && is_digit(text[length - 1]) &&
	       (is_digit(*text) ||
		(*text == '-' && length > 1 && is_digit(text[1])));
}

static int
digit_of(char c)
{
	return is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* The bytes of "\x…". */
static char *
bytes_of(struct arena *arena, const struct dump_cell *cell, size_t *size)
{
	char *bytes = arena_alloc_raw(arena, cell->length / 2 + 1);

	*size = cell->length / 2 - 1;
	for (size_t i = 0; i < *size; i++)
		bytes[i] = (char)(digit_of(cell->text[2 * i + 2]) << 4 |
				  digit_of(cell->text[2 * i + 3]));
	bytes[*size] = '\0';
	return bytes;
}

static struct plain
plain_text(const char *text, size_t length)
{
	return (struct plain){ PLAIN_TEXT, text, length };
}

static struct plain
plain_bytes(struct dump_writer *writer, const struct dump_cell *cell)
{
	const char *text;
	char *bytes;
	size_t size;

	bytes = bytes_of(writer->piece, cell, &size);
	text = crypto_base64(writer->piece, bytes, size);
	return plain_text(text, strlen(text));
}

/* With contents, but in cells of sheets, which hold little. */
static struct plain
plain_files(struct dump_writer *writer, const struct dump_cell *cell)
{
	const char *text = cell->text;

	if (writer->format != &dump_xlsx)
		text = file_list_expand(writer->piece, text,
					&writer->settings->files,
					&writer->contents);
	return plain_text(text, strlen(text));
}

static struct plain
plain_timestamp(struct dump_writer *writer, const struct dump_cell *cell)
{
	struct strbuf text;

	if (writer->from->is_binary) /* it is as it should be */
		return (struct plain){ PLAIN_WORD, cell->text, cell->length };
	strbuf_init(&text, writer->piece);
	value_timestamp(&text, cell->text, cell->length);
	return (struct plain){ PLAIN_WORD, text.data, text.length };
}

struct plain
dump_plain(struct dump_writer *writer, size_t i)
{
	const struct dump_column *from = &writer->from->columns[i];
	const struct dump_cell *cell = &writer->from->cells[i];
	struct plain plain = { PLAIN_TEXT, cell->text, cell->length };

	if (!cell->text)
		return (struct plain){ PLAIN_NULL, "", 0 };
	switch (from->column->kind) {
	case VALUE_INTEGER:
	case VALUE_DECIMAL:
	case VALUE_FLOAT:
		if (is_number(cell->text, cell->length))
			plain.kind = PLAIN_NUMBER;
		return plain;
	case VALUE_REFERENCE:
		plain.kind = from->is_id ? PLAIN_NUMBER : PLAIN_WORD;
		return plain;
	case VALUE_BOOLEAN:
		return *cell->text == 't'
			       ? (struct plain){ PLAIN_BOOLEAN, "true", 4 }
			       : (struct plain){ PLAIN_BOOLEAN, "false", 5 };
	case VALUE_TIMESTAMP:
	case VALUE_TIME:
		return plain_timestamp(writer, cell);
	case VALUE_UUID:
		plain.kind = PLAIN_WORD;
		return plain;
	case VALUE_FILE:
		return plain_files(writer, cell);
	case VALUE_BYTES:
		return plain_bytes(writer, cell);
	default:
		return plain;
	}
}

/* Pieces. */

void
dump_writer_piece(struct dump_writer *writer)
{
	arena_reset(writer->piece);
	strbuf_init(&writer->out, writer->piece);
	strbuf_reserve(&writer->out, 2 * PIECE_BYTES);
}

bool
dump_writer_is_full(const struct dump_writer *writer)
{
	return writer->out.length > PIECE_BYTES;
}

/* Prefixes are made once a table, so that a row is mostly copying. */
static void
make_prefixes(struct dump_writer *writer,
	      void (*make)(struct dump_writer *writer, struct strbuf *prefix,
			   const char *name, size_t i))
{
	const struct dump_table *from = writer->from;

	writer->prefixes =
		ARENA_ARRAY(writer->arena, struct strbuf, from->ncolumns);
	for (size_t i = 0; i < from->ncolumns; i++) {
		strbuf_init(&writer->prefixes[i], writer->arena);
		make(writer, &writer->prefixes[i],
		     from->columns[i].column->column_name, i);
	}
}

static void
add_prefix(struct dump_writer *writer, size_t i)
{
	strbuf_add(&writer->out, writer->prefixes[i].data,
		   writer->prefixes[i].length);
}

/* JSON, and JSON lines. */

static void
json_prefix(struct dump_writer *writer, struct strbuf *prefix, const char *name,
	    size_t i)
{
	if (!i) {
		strbuf_literal(prefix, "{\"__type\":");
		strbuf_json_text(prefix, writer->from->entity->name);
	}
	strbuf_putc(prefix, ',');
	strbuf_json_text(prefix, name);
	strbuf_putc(prefix, ':');
}

static void
add_quoted(struct strbuf *out, const struct plain *plain)
{
	char *at;

	strbuf_reserve(out, plain->length + 2);
	at = out->data + out->length;
	*at = '"';
	memcpy(at + 1, plain->text, plain->length);
	memcpy(at + 1 + plain->length, "\"", 2);
	out->length += plain->length + 2;
}

static void
add_json(struct strbuf *out, const struct plain *plain)
{
	switch (plain->kind) {
	case PLAIN_NULL:
		strbuf_literal(out, "null");
		break;
	case PLAIN_TEXT:
		strbuf_json(out, plain->text, plain->length);
		break;
	case PLAIN_WORD:
		add_quoted(out, plain);
		break;
	default:
		strbuf_add(out, plain->text, plain->length);
		break;
	}
}

static void
add_json_row(struct dump_writer *writer)
{
	for (size_t i = 0; i < writer->from->ncolumns; i++) {
		struct plain plain = dump_plain(writer, i);

		add_prefix(writer, i);
		add_json(&writer->out, &plain);
	}
	strbuf_putc(&writer->out, '}');
}

static struct error *
json_begin(struct dump_writer *writer)
{
	strbuf_putc(&writer->out, '{');
	return NULL;
}

static struct error *
json_table(struct dump_writer *writer)
{
	if (writer->ntables)
		strbuf_literal(&writer->out, ",\n");
	strbuf_json_text(&writer->out, writer->from->entity->name);
	strbuf_literal(&writer->out, ":[");
	make_prefixes(writer, json_prefix);
	return NULL;
}

static struct error *
json_row(struct dump_writer *writer)
{
	if (writer->nrows)
		strbuf_literal(&writer->out, ",\n");
	add_json_row(writer);
	return NULL;
}

static struct error *
json_table_end(struct dump_writer *writer)
{
	strbuf_putc(&writer->out, ']');
	return NULL;
}

static struct error *
json_end(struct dump_writer *writer)
{
	strbuf_literal(&writer->out, "}\n");
	return NULL;
}

static struct error *
lines_table(struct dump_writer *writer)
{
	make_prefixes(writer, json_prefix);
	return NULL;
}

static struct error *
lines_row(struct dump_writer *writer)
{
	add_json_row(writer);
	strbuf_putc(&writer->out, '\n');
	return NULL;
}

/* YAML: blocks of flow scalars; every text is quoted as JSON quotes it. */

/*
 * What YAML 1.1 takes for a line end or does not allow bare is escaped as
 * well: controls to U+009F, U+2028, U+2029, U+FEFF, U+FFFE, U+FFFF.
 */
static size_t
special_length(const unsigned char *text, size_t length)
{
	if (length >= 2 && text[0] == 0xC2 && text[1] < 0xA0)
		return 2;
	if (length >= 3 && text[0] == 0xE2 && text[1] == 0x80 &&
	    (text[2] == 0xA8 || text[2] == 0xA9))
		return 3;
	if (length >= 3 && text[0] == 0xEF &&
	    ((text[1] == 0xBB && text[2] == 0xBF) ||
	     (text[1] == 0xBF && text[2] >= 0xBE)))
		return 3;
	return 0;
}

static unsigned
character_of(const unsigned char *text, size_t length)
{
	if (length == 2)
		return (unsigned)(text[0] & 0x1F) << 6 | (text[1] & 0x3F);
	return (unsigned)(text[0] & 0x0F) << 12 |
	       (unsigned)(text[1] & 0x3F) << 6 | (text[2] & 0x3F);
}

static void
add_yaml_text(struct strbuf *out, const char *text, size_t length)
{
	size_t start = out->length;

	strbuf_json(out, text, length);
	/* usually there is none: then what is written stands */
	for (size_t i = start; i < out->length; i++) {
		const unsigned char *at = (unsigned char *)out->data + i;
		size_t special =
			*at >= 0xC2 ? special_length(at, out->length - i) : 0;
		char escape[8];

		if (!special)
			continue;
		snprintf(escape, sizeof escape, "\\u%04X",
			 character_of(at, special));
		strbuf_reserve(out, 6 - special);
		memmove(out->data + i + 6, out->data + i + special,
			out->length - i - special + 1);
		memcpy(out->data + i, escape, 6);
		out->length += 6 - special;
		i += 5;
	}
}

static void
add_yaml(struct strbuf *out, const struct plain *plain)
{
	if (plain->kind == PLAIN_TEXT)
		add_yaml_text(out, plain->text, plain->length);
	else
		add_json(out, plain);
}

static void
yaml_prefix(struct dump_writer *writer, struct strbuf *prefix, const char *name,
	    size_t i)
{
	if (!i) {
		strbuf_literal(prefix, "- __type: ");
		strbuf_json_text(prefix, writer->from->entity->name);
		strbuf_putc(prefix, '\n');
	}
	strbuf_literal(prefix, "  ");
	strbuf_json_text(prefix, name);
	strbuf_literal(prefix, ": ");
}

/* The list begins when there is a first row: an empty one is []. */
static struct error *
yaml_table(struct dump_writer *writer)
{
	strbuf_json_text(&writer->out, writer->from->entity->name);
	strbuf_putc(&writer->out, ':');
	make_prefixes(writer, yaml_prefix);
	return NULL;
}

static struct error *
yaml_row(struct dump_writer *writer)
{
	if (!writer->nrows)
		strbuf_putc(&writer->out, '\n');
	for (size_t i = 0; i < writer->from->ncolumns; i++) {
		struct plain plain = dump_plain(writer, i);

		add_prefix(writer, i);
		add_yaml(&writer->out, &plain);
		strbuf_putc(&writer->out, '\n');
	}
	return NULL;
}

static struct error *
yaml_table_end(struct dump_writer *writer)
{
	if (!writer->nrows)
		strbuf_literal(&writer->out, " []\n");
	return NULL;
}

/* No table at all is an empty mapping. */
static struct error *
yaml_end(struct dump_writer *writer)
{
	if (!writer->ntables)
		strbuf_literal(&writer->out, "{}\n");
	return NULL;
}

/* CSV (RFC 4180). */

bool
dump_looks_like_formula(const char *text, size_t length)
{
	size_t quotes = 0;

	while (quotes < length && text[quotes] == '\'')
		quotes++;
	return quotes < length && text[quotes] &&
	       strchr("=+-@\t\r", text[quotes]);
}

static void
add_csv_text(struct strbuf *out, const char *text, size_t length)
{
	const char *end = text + length;

	strbuf_putc(out, '"');
	if (dump_looks_like_formula(text, length))
		strbuf_putc(out, '\'');
	while (text < end) {
		const char *quote = memchr(text, '"', (size_t)(end - text));
		const char *stop = quote ? quote + 1 : end;

		strbuf_add(out, text, (size_t)(stop - text));
		if (quote)
			strbuf_putc(out, '"');
		text = stop;
	}
	strbuf_putc(out, '"');
}

static bool
needs_quotes(const char *text, size_t length)
{
	if (!length || *text == ' ' || text[length - 1] == ' ' ||
	    dump_looks_like_formula(text, length))
		return true;
	for (size_t i = 0; i < length; i++)
		if (text[i] == ',' || text[i] == '"' || text[i] == '\n' ||
		    text[i] == '\r' || text[i] == ';')
			return true;
	return false;
}

/* No value is nothing, an empty text two quotes. */
static void
add_csv(struct strbuf *out, const struct plain *plain)
{
	if (plain->kind == PLAIN_TEXT &&
	    needs_quotes(plain->text, plain->length))
		add_csv_text(out, plain->text, plain->length);
	else
		strbuf_add(out, plain->text, plain->length);
}

static void
add_csv_name(struct strbuf *out, const char *name)
{
	const struct plain plain = { PLAIN_TEXT, name, strlen(name) };

	add_csv(out, &plain);
}

/* Several tables stand one below the other, each below its name. */
static struct error *
csv_table(struct dump_writer *writer)
{
	const struct dump_table *from = writer->from;

	if (!writer->is_single) {
		if (writer->ntables)
			strbuf_literal(&writer->out, "\r\n");
		add_csv_name(&writer->out, from->entity->name);
		strbuf_literal(&writer->out, "\r\n");
	}
	for (size_t i = 0; i < from->ncolumns; i++) {
		if (i)
			strbuf_putc(&writer->out, ',');
		add_csv_name(&writer->out,
			     from->columns[i].column->column_name);
	}
	strbuf_literal(&writer->out, "\r\n");
	return NULL;
}

static struct error *
csv_row(struct dump_writer *writer)
{
	for (size_t i = 0; i < writer->from->ncolumns; i++) {
		struct plain plain = dump_plain(writer, i);

		if (i)
			strbuf_putc(&writer->out, ',');
		add_csv(&writer->out, &plain);
	}
	strbuf_literal(&writer->out, "\r\n");
	return NULL;
}

/* The table of formats. */

static struct error *
nothing(struct dump_writer *writer UNUSED)
{
	return NULL;
}

static const struct dump_format dump_json = {
	.name = "json",
	.media_type = "application/json",
	.begin = json_begin,
	.table = json_table,
	.row = json_row,
	.table_end = json_table_end,
	.end = json_end,
};
static const struct dump_format dump_lines = {
	.name = "jsonl",
	.media_type = "application/x-ndjson",
	.begin = nothing,
	.table = lines_table,
	.row = lines_row,
	.table_end = nothing,
	.end = nothing,
};
static const struct dump_format dump_yaml = {
	.name = "yaml",
	.media_type = "application/yaml",
	.begin = nothing,
	.table = yaml_table,
	.row = yaml_row,
	.table_end = yaml_table_end,
	.end = yaml_end,
};
static const struct dump_format dump_csv = {
	.name = "csv",
	.media_type = "text/csv",
	.begin = nothing,
	.table = csv_table,
	.row = csv_row,
	.table_end = nothing,
	.end = nothing,
};

static const struct dump_format *const formats[] = {
	&dump_json, &dump_yaml, &dump_lines, &dump_csv, &dump_xlsx,
};

const struct dump_format *
dump_format_named(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		if (!strcasecmp(formats[i]->name, name))
			return formats[i];
	return NULL;
}

/* JSON is what everybody accepts who wants an ordinary answer. */
const struct dump_format *
dump_format_of_media(const char *accept)
{
	for (size_t i = 0; accept && i < ARRAY_SIZE(formats); i++)
		if (formats[i] != &dump_json &&
		    strcasestr(accept, formats[i]->media_type))
			return formats[i];
	return NULL;
}

const char *
dump_format_names(struct arena *arena)
{
	const char *names = formats[0]->name;

	for (size_t i = 1; i < ARRAY_SIZE(formats); i++)
		names = arena_printf(arena, "%s, %s", names, formats[i]->name);
	return names;
}

/* Writing. */

struct error *
dump_writer_new(struct arena *arena, const struct dump_format *format,
		struct answer_file *file, const struct settings *settings,
		bool is_single, struct dump_writer **writer)
{
	struct dump_writer *made = ARENA_NEW(arena, struct dump_writer);

	*made = (struct dump_writer){
		.format = format,
		.arena = arena,
		.file = file,
		.settings = settings,
		.is_single = is_single,
		.piece = arena_new(),
	};
	arena_adopt(arena, made->piece);
	dump_writer_piece(made);
	*writer = made;
	return format->begin(made);
}

struct error *
dump_writer_table(struct dump_writer *writer, struct dump_table *table)
{
	writer->from = table;
	writer->nrows = 0;
	return writer->format->table(writer);
}

static struct error *
end_table(struct dump_writer *writer)
{
	writer->ntables++;
	return writer->format->table_end(writer);
}

struct error *
dump_writer_row(struct dump_writer *writer, bool *more)
{
	struct error *error = dump_next(writer->from, more);

	if (!error && !*more)
		return end_table(writer);
	writer->contents = DUMP_CONTENTS_MAX;
	if (!error)
		error = writer->format->row(writer);
	writer->nrows++;
	return error;
}

struct error *
dump_writer_end(struct dump_writer *writer)
{
	return writer->format->end(writer);
}
