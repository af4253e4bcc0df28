/*
 * hcl.c: a reader of HCL 1. Nothing is evaluated: ${…} stays text. A block is
 * an element of a list and each label one more level, so that
 * `t "a" { x = 1 }` is {"t": [{"a": [{"x": 1}]}]}. `key = { … }` is an object.
 */
#include "handlers/formats/source.h"
#include "handlers/formats/tree.h"

#include <string.h>

struct reader {
	struct source source;
	const char *at;
	const char *end;
	size_t depth;
};

static struct error *read_value(struct reader *reader,
				struct json_object **value);
static struct error *read_body(struct reader *reader, char closing,
			       struct json_object *object);

static size_t
offset(const struct reader *reader)
{
	return (size_t)(reader->at - reader->source.text);
}

static struct error *
fault(const struct reader *reader, const char *message)
{
	return source_fault(&reader->source, offset(reader), "%s", message);
}

static bool
next_is(const struct reader *reader, const char *text)
{
	size_t length = strlen(text);

	return (size_t)(reader->end - reader->at) >= length &&
	       !memcmp(reader->at, text, length);
}

static const char *
find(const struct reader *reader, const char *from, const char *text)
{
	return memmem(from, (size_t)(reader->end - from), text, strlen(text));
}

/* Blanks, line ends and comments. */
static struct error *
skip_blanks(struct reader *reader)
{
	while (reader->at < reader->end) {
		if (strchr(" \t\r\n", *reader->at)) {
			reader->at++;
		} else if (*reader->at == '#' || next_is(reader, "//")) {
			const char *line = find(reader, reader->at, "\n");

			reader->at = line ? line : reader->end;
		} else if (next_is(reader, "/*")) {
			const char *close = find(reader, reader->at + 2, "*/");

			if (!close)
				return fault(reader, "a comment without end");
			reader->at = close + 2;
		} else {
			break;
		}
	}
	return NULL;
}

static char
peek(const struct reader *reader)
{
	return reader->at < reader->end ? *reader->at : '\0';
}

static bool
is_word_byte(char c, bool first)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	    (c & 0x80))
		return true;
	return !first && ((c >= '0' && c <= '9') || c == '-' || c == '.');
}

static const char *
read_word(struct reader *reader)
{
	const char *start = reader->at;

	while (reader->at < reader->end &&
	       is_word_byte(*reader->at, reader->at == start))
		reader->at++;
	return arena_strndup(reader->source.arena, start,
			     (size_t)(reader->at - start));
}

/* Steps over ${…} with the braces and strings in it. */
static struct error *
skip_interpolation(struct reader *reader)
{
	const char *start = reader->at;
	size_t braces = 0;
	bool quoted = false;

	for (reader->at++; reader->at < reader->end; reader->at++) {
		if (*reader->at == '"')
			quoted = !quoted;
		else if (quoted && *reader->at == '\\' &&
			 reader->at + 1 < reader->end)
			reader->at++;
		else if (!quoted && *reader->at == '{')
			braces++;
		else if (!quoted && *reader->at == '}' && --braces == 0)
			break;
	}
	if (reader->at < reader->end) {
		reader->at++;
		return NULL;
	}
	reader->at = start;
	return fault(reader, "${ without its }");
}

/* `at` is on the backslash. */
static struct error *
read_escape(struct reader *reader, struct strbuf *text)
{
	static const char meaning[256] = {
		['"'] = '"',  ['\\'] = '\\', ['a'] = '\a',
		['b'] = '\b', ['f'] = '\f',  ['n'] = '\n',
		['r'] = '\r', ['t'] = '\t',  ['v'] = '\v',
	};
	char c = reader->end - reader->at > 1 ? reader->at[1] : '\0';
	size_t count = c == 'u' ? 4 : c == 'U' ? 8 : 0;
	uint32_t character;

	if (!count) {
		if (!meaning[(unsigned char)c])
			return fault(reader, "an unknown escape in a string");
		strbuf_putc(text, meaning[(unsigned char)c]);
		reader->at += 2;
		return NULL;
	}
	if ((size_t)(reader->end - reader->at) < 2 + count ||
	    !hexadecimal(reader->at + 2, count, &character) || !character ||
	    character > 0x10FFFF || (character & 0xFFFFF800) == 0xD800)
		return fault(reader, "an escape that is no character");
	character_add(text, character);
	reader->at += 2 + count;
	return NULL;
}

/* A string in quotes; `at` is on the opening one. */
static struct error *
read_string(struct reader *reader, struct strbuf *text)
{
	const char *opening = reader->at++;
	struct error *error = NULL;

	strbuf_init(text, reader->source.arena);
	while (!error && reader->at < reader->end && *reader->at != '"') {
		const char *start = reader->at;

		if (*reader->at == '\n')
			return fault(reader, "a line end in a string");
		if (*reader->at == '\\') {
			error = read_escape(reader, text);
			continue;
		}
		if (next_is(reader, "${"))
			error = skip_interpolation(reader);
		else
			reader->at++;
		if (!error)
			strbuf_add(text, start, (size_t)(reader->at - start));
	}
	if (error)
		return error;
	if (reader->at == reader->end) {
		reader->at = opening;
		return fault(reader, "a string without its closing quote");
	}
	reader->at++;
	return NULL;
}

struct heredoc {
	const char *marker;
	size_t marker_length;
	const char *first; /* line of the text */
	const char *last;  /* line, that of the closing marker */
	bool unindent;
};

static size_t
indent_of(const char *line, const char *end)
{
	size_t indent = 0;

	while (line + indent < end &&
	       (line[indent] == ' ' || line[indent] == '\t'))
		indent++;
	return indent;
}

static const char *
line_after(const char *line, const char *end)
{
	const char *feed = memchr(line, '\n', (size_t)(end - line));

	return feed ? feed + 1 : end;
}

/* Whether the marker is all that is on the line, which ends before `end`. */
static bool
is_marker(const struct heredoc *doc, const char *line, const char *end)
{
	line += indent_of(line, end);
	if ((size_t)(end - line) < doc->marker_length ||
	    memcmp(line, doc->marker, doc->marker_length) != 0)
		return false;
	for (line += doc->marker_length; line < end; line++)
		if (!strchr("\r\n", *line))
			return false;
	return true;
}

/* `at` is on <<; passes the closing marker. */
static struct error *
find_heredoc(struct reader *reader, struct heredoc *doc)
{
	const char *opening = reader->at;
	const char *next;

	reader->at += 2;
	doc->unindent = peek(reader) == '-';
	reader->at += doc->unindent;
	doc->marker = reader->at;
	doc->marker_length = strlen(read_word(reader));
	if (peek(reader) == '\r')
		reader->at++;
	if (!doc->marker_length || peek(reader) != '\n')
		return fault(reader, "<< needs a marker and a line end");
	doc->first = reader->at + 1;
	for (doc->last = doc->first; doc->last < reader->end;
	     doc->last = next) {
		next = line_after(doc->last, reader->end);
		if (is_marker(doc, doc->last, next)) {
			reader->at = doc->last + indent_of(doc->last, next) +
				     doc->marker_length;
			return NULL;
		}
	}
	reader->at = opening;
	return fault(reader, "a heredoc without its closing marker");
}

/* The least indent of the lines that are not blank. */
static size_t
common_indent(const struct heredoc *doc)
{
	size_t common = SIZE_MAX;
	const char *next;

	for (const char *line = doc->first; line < doc->last; line = next) {
		size_t indent = indent_of(line, doc->last);

		next = line_after(line, doc->last);
		if (!strchr("\r\n", line[indent]) && indent < common)
			common = indent;
	}
	return common;
}

static struct error *
read_heredoc(struct reader *reader, struct strbuf *text)
{
	struct heredoc doc = { 0 };
	size_t common = 0;
	const char *next;
	struct error *error = find_heredoc(reader, &doc);

	strbuf_init(text, reader->source.arena);
	if (error)
		return error;
	if (doc.unindent)
		common = common_indent(&doc);
	for (const char *line = doc.first; line < doc.last; line = next) {
		size_t indent = indent_of(line, doc.last);

		next = line_after(line, doc.last);
		line += indent < common ? indent : common;
		strbuf_add(text, line, (size_t)(next - line));
	}
	return NULL;
}

static struct error *
read_hexadecimal(struct reader *reader, struct json_object **value)
{
	const char *start = reader->at + 2;
	size_t length = 0;
	uint32_t high, low;
	uint64_t number;

	while (start + length < reader->end &&
	       hexadecimal(start + length, 1, &low))
		length++;
	if (!length || length > 16)
		return fault(reader, "a hexadecimal number has 1 to 16 digits");
	hexadecimal(start, length > 8 ? length - 8 : 0, &high);
	hexadecimal(start + (length > 8 ? length - 8 : 0),
		    length > 8 ? 8 : length, &low);
	number = (uint64_t)high << 32 | low;
	*value = number <= INT64_MAX ? json_object_new_int64((int64_t)number)
				     : json_object_new_uint64(number);
	reader->at = start + length;
	return NULL;
}

static struct error *
read_number(struct reader *reader, struct json_object **value)
{
	size_t length;

	if (next_is(reader, "0x") || next_is(reader, "0X"))
		return read_hexadecimal(reader, value);
	length = number_length(reader->at, (size_t)(reader->end - reader->at));
	if (!length)
		return fault(reader, "a value is missing");
	*value = number_value(reader->source.arena, reader->at, length);
	reader->at += length;
	if (is_word_byte(peek(reader), false))
		return fault(reader, "a number ends in something else");
	return NULL;
}

static struct error *
read_constant(struct reader *reader, struct json_object **value)
{
	const char *start = reader->at;
	const char *word = read_word(reader);

	if (!strcmp(word, "true") || !strcmp(word, "false")) {
		*value = json_object_new_boolean(word[0] == 't');
		return NULL;
	}
	if (!strcmp(word, "null"))
		return NULL;
	reader->at = start;
	return fault(reader, "text needs quotes");
}

static struct error *
enter(struct reader *reader, size_t levels)
{
	reader->depth += levels;
	return source_depth(&reader->source, offset(reader), reader->depth);
}

static struct error *
read_list(struct reader *reader, struct json_object **value)
{
	struct error *error = enter(reader, 1);

	*value = array_new();
	reader->at++;
	if (!error)
		error = skip_blanks(reader);
	while (!error && peek(reader) != ']') {
		struct json_object *item = NULL;

		error = read_value(reader, &item);
		/* Even of a fault: what was built goes with the tree. */
		json_object_array_add(*value, item);
		if (!error)
			error = skip_blanks(reader);
		if (error || peek(reader) == ']')
			break;
		if (peek(reader) != ',')
			return fault(reader, "a comma or ] is missing");
		reader->at++;
		error = skip_blanks(reader);
	}
	if (error)
		return error;
	reader->at++;
	reader->depth--;
	return NULL;
}

static struct error *
read_object(struct reader *reader, struct json_object **value)
{
	struct error *error = enter(reader, 1);

	*value = json_object_new_object();
	reader->at++;
	if (!error)
		error = read_body(reader, '}', *value);
	object_fit(*value);
	reader->depth--;
	return error;
}

static struct error *
read_value(struct reader *reader, struct json_object **value)
{
	struct strbuf text;
	struct error *error = source_node(&reader->source, offset(reader));

	if (error)
		return error;
	if (peek(reader) == '{')
		return read_object(reader, value);
	if (peek(reader) == '[')
		return read_list(reader, value);
	if (is_word_byte(peek(reader), true))
		return read_constant(reader, value);
	if (peek(reader) != '"' && !next_is(reader, "<<"))
		return read_number(reader, value);
	error = peek(reader) == '"' ? read_string(reader, &text)
				    : read_heredoc(reader, &text);
	if (!error)
		*value =
			json_object_new_string_len(text.data, (int)text.length);
	return error;
}

/* A word, or text in quotes: keys and labels. */
static struct error *
read_name(struct reader *reader, const char **name)
{
	struct strbuf text;
	struct error *error;

	if (peek(reader) != '"') {
		*name = read_word(reader);
		return **name ? NULL : fault(reader, "a key is missing");
	}
	error = read_string(reader, &text);
	*name = text.data;
	return error;
}

static struct error *
duplicate(const struct reader *reader, size_t start, const char *key)
{
	return source_fault(
		&reader->source, start, "duplicate key \"%s\"",
		source_excerpt(reader->source.arena, key, strlen(key)));
}

static struct error *
read_assignment(struct reader *reader, struct json_object *object,
		const char *key, size_t start)
{
	struct json_object *value = NULL;
	struct error *error;

	reader->at++;
	if (json_object_object_get_ex(object, key, NULL))
		return duplicate(reader, start, key);
	error = skip_blanks(reader);
	if (!error)
		error = read_value(reader, &value);
	json_object_object_add_ex(object, key, value,
				  JSON_C_OBJECT_ADD_KEY_IS_NEW);
	return error;
}

/*
 * The list of blocks named `key`, made if it is not there. `blocks` holds
 * the names of lists that blocks made, which others may join.
 */
static struct error *
block_list(struct reader *reader, struct json_object *object,
	   struct json_object *blocks, const char *key, size_t start,
	   struct json_object **list)
{
	if (json_object_object_get_ex(object, key, list)) {
		if (json_object_object_get_ex(blocks, key, NULL))
			return NULL;
		return duplicate(reader, start, key);
	}
	*list = array_new();
	json_object_object_add(object, key, *list);
	json_object_object_add(blocks, key, NULL);
	return source_node(&reader->source, start);
}

/* Labels, each an object with a list in it, up to the brace. */
static struct error *
read_labels(struct reader *reader, struct json_object **list)
{
	struct error *error;
	const char *label;

	while (peek(reader) == '"' || is_word_byte(peek(reader), true)) {
		struct json_object *level, *inner;

		error = enter(reader, 2);
		if (!error)
			error = source_node(&reader->source, offset(reader));
		if (!error)
			error = source_node(&reader->source, offset(reader));
		if (!error)
			error = read_name(reader, &label);
		if (!error)
			error = skip_blanks(reader);
		if (error)
			return error;
		level = json_object_new_object();
		inner = array_new();
		json_object_object_add(level, label, inner);
		object_fit(level);
		json_object_array_add(*list, level);
		*list = inner;
	}
	if (peek(reader) == '{')
		return NULL;
	return fault(reader, "= or { is missing after a key");
}

static struct error *
read_block(struct reader *reader, struct json_object *list)
{
	size_t depth = reader->depth;
	struct json_object *block = NULL;
	struct error *error = enter(reader, 1);

	if (!error)
		error = read_labels(reader, &list);
	if (!error)
		error = source_node(&reader->source, offset(reader));
	if (error)
		return error;
	error = read_object(reader, &block);
	json_object_array_add(list, block);
	reader->depth = depth;
	return error;
}

static struct error *
read_item(struct reader *reader, struct json_object *object,
	  struct json_object *blocks)
{
	size_t start = offset(reader);
	struct json_object *list;
	const char *key;
	struct error *error = read_name(reader, &key);

	if (!error)
		error = skip_blanks(reader);
	if (error)
		return error;
	if (peek(reader) == '=')
		return read_assignment(reader, object, key, start);
	error = block_list(reader, object, blocks, key, start, &list);
	return error ? error : read_block(reader, list);
}

/*
 * Assignments and blocks up to `closing`, which is passed; it is NUL for the
 * end of the text.
 */
static struct error *
read_body(struct reader *reader, char closing, struct json_object *object)
{
	struct json_object *blocks = json_object_new_object();
	struct error *error = skip_blanks(reader);

	while (!error && reader->at < reader->end && *reader->at != closing) {
		error = read_item(reader, object, blocks);
		if (!error)
			error = skip_blanks(reader);
		if (!error && closing && peek(reader) == ',') {
			reader->at++;
			error = skip_blanks(reader);
		}
	}
	json_object_put(blocks);
	if (error || !closing)
		return error;
	if (reader->at == reader->end)
		return fault(reader, "} is missing");
	reader->at++;
	return NULL;
}

static struct error *
parse_hcl(struct arena *arena, const char *text, size_t length,
	  const struct format_limits *limits, struct json_object **tree)
{
	struct reader reader = {
		.source = { .arena = arena,
			    .limits = limits,
			    .status = 422,
			    .code = "bad-hcl" },
	};
	struct json_object *root;
	struct error *error;

	*tree = NULL;
	error = source_open(&reader.source, text, length);
	if (error)
		return error;
	reader.at = reader.source.text;
	reader.end = reader.at + reader.source.length;
	reader.depth = 1;
	root = json_object_new_object();
	arena_defer(arena, json_release, root);
	error = source_node(&reader.source, 0);
	if (!error)
		error = read_body(&reader, '\0', root);
	if (!error)
		*tree = root;
	return error;
}

const struct format format_hcl = {
	.name = "hcl",
	.extensions = { "hcl" },
	.parse = parse_hcl,
};
