/*
 * json.c: a strict reader of JSON (RFC 8259) that builds json-c values. It
 * reads every request body. json-c's own reader is not used: it keeps the
 * last of duplicate keys, and accepts NaN, 00 and \u0000.
 */
#include "handlers/formats/source.h"
#include "handlers/formats/tree.h"

#include <stdlib.h>
#include <string.h>

struct reader {
	struct source source;
	const char *at;
	const char *end;
	size_t depth;
	struct strbuf unescaped;
};

static struct error *read_value(struct reader *reader,
				struct json_object **value);

static size_t
offset(const struct reader *reader)
{
	return (size_t)(reader->at - reader->source.text);
}

static void
skip_blanks(struct reader *reader)
{
	while (reader->at < reader->end &&
	       (*reader->at == ' ' || *reader->at == '\n' ||
		*reader->at == '\r' || *reader->at == '\t'))
		reader->at++;
}

/* Steps over `c` if it comes next, with blanks before it. */
static bool
take(struct reader *reader, char c)
{
	skip_blanks(reader);
	if (reader->at == reader->end || *reader->at != c)
		return false;
	reader->at++;
	return true;
}

static struct error *
unexpected(const struct reader *reader, const char *wanted)
{
	return source_fault(&reader->source, offset(reader), "%s is missing",
			    wanted);
}

/* The four digits after \u; `at` is on the first. */
static bool
read_unit(struct reader *reader, uint32_t *unit)
{
	if (reader->end - reader->at < 4 || !hexadecimal(reader->at, 4, unit))
		return false;
	reader->at += 4;
	return true;
}

static struct error *
read_unicode(struct reader *reader, size_t start)
{
	const struct source *source = &reader->source;
	uint32_t c, low;

	if (!read_unit(reader, &c))
		return source_fault(source, start,
				    "\\u needs four hexadecimal digits");
	if (!c)
		return source_fault(source, start, "\\u0000 is not allowed");
	if (c >= 0xD800 && c < 0xDC00 && reader->end - reader->at > 2 &&
	    !memcmp(reader->at, "\\u", 2)) {
		reader->at += 2;
		if (!read_unit(reader, &low) || low < 0xDC00 || low > 0xDFFF)
			return source_fault(source, start, "a lone surrogate");
		c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
	}
	if (c >= 0xD800 && c <= 0xDFFF)
		return source_fault(source, start, "a lone surrogate");
	character_add(&reader->unescaped, c);
	return NULL;
}

/* `at` is behind the backslash. */
static struct error *
read_escape(struct reader *reader)
{
	static const char meaning[256] = {
		['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
		['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t',
	};
	size_t start = offset(reader) - 1;
	unsigned char c;

	if (reader->at == reader->end)
		return unexpected(reader, "the closing quote of a string");
	c = (unsigned char)*reader->at++;
	if (c == 'u')
		return read_unicode(reader, start);
	if (!meaning[c])
		return source_fault(&reader->source, start,
				    "an unknown escape in a string");
	strbuf_putc(&reader->unescaped, meaning[c]);
	return NULL;
}

/* Moves over bytes that stand for themselves in a string. */
static void
skip_plain(struct reader *reader)
{
	const char *at = reader->at;

	while (at < reader->end && (unsigned char)*at >= 0x20 && *at != '"' &&
	       *at != '\\')
		at++;
	reader->at = at;
}

/*
 * A string whose opening quote is passed. The result is part of the text if
 * there are no escapes, else of reader->unescaped.
 */
static struct error *
read_string(struct reader *reader, const char **text, size_t *length)
{
	const char *start = reader->at;
	struct error *error;

	skip_plain(reader);
	*text = start;
	*length = (size_t)(reader->at - start);
	if (reader->at < reader->end && *reader->at == '"') {
		reader->at++;
		return NULL;
	}
	strbuf_cut(&reader->unescaped, 0);
	for (;;) {
		strbuf_add(&reader->unescaped, start,
			   (size_t)(reader->at - start));
		if (reader->at == reader->end)
			return unexpected(reader,
					  "the closing quote of a string");
		if (*reader->at == '"')
			break;
		if (*reader->at != '\\')
			return source_fault(&reader->source, offset(reader),
					    "a control character in a string");
		reader->at++;
		error = read_escape(reader);
		if (error)
			return error;
		start = reader->at;
		skip_plain(reader);
	}
	reader->at++;
	*text = reader->unescaped.data;
	*length = reader->unescaped.length;
	return NULL;
}

/*
 * Adds `key` with null, to be filled later: what was built is then released
 * with the tree even after a fault. NULL if the key is there already. The
 * hash is computed once for both, which json_object_object_add() cannot.
 */
static struct lh_entry *
add_key(struct json_object *object, const char *text, size_t length)
{
	struct lh_table *table = json_object_get_object(object);
	char *key = strndup(text, length);
	unsigned long hash = lh_get_hash(table, key);

	if (lh_table_lookup_entry_w_hash(table, key, hash)) {
		free(key);
		return NULL;
	}
	lh_table_insert_w_hash(table, key, NULL, hash, 0);
	return table->tail;
}

static struct error *
read_member(struct reader *reader, struct json_object *object)
{
	struct json_object *value = NULL;
	struct lh_entry *entry;
	const char *text;
	size_t start, length;
	struct error *error;

	skip_blanks(reader);
	start = offset(reader);
	if (!take(reader, '"'))
		return unexpected(reader, "a key in quotes");
	error = read_string(reader, &text, &length);
	if (error)
		return error;
	entry = add_key(object, text, length);
	if (!entry)
		return source_fault(
			&reader->source, start, "duplicate key \"%s\"",
			source_excerpt(reader->source.arena, text, length));
	if (!take(reader, ':'))
		return unexpected(reader, "a colon after a key");
	error = read_value(reader, &value);
	lh_entry_set_val(entry, value);
	return error;
}

static struct error *
read_object(struct reader *reader, struct json_object **value)
{
	struct error *error;

	*value = json_object_new_object();
	if (take(reader, '}')) {
		object_fit(*value);
		return NULL;
	}
	do {
		error = read_member(reader, *value);
		if (error)
			return error;
	} while (take(reader, ','));
	if (!take(reader, '}'))
		return unexpected(reader, "a comma or }");
	object_fit(*value);
	return NULL;
}

static struct error *
read_array(struct reader *reader, struct json_object **value)
{
	struct error *error;

	*value = array_new();
	if (take(reader, ']'))
		return NULL;
	do {
		struct json_object *item = NULL;

		error = read_value(reader, &item);
		json_object_array_add(*value, item);
		if (error)
			return error;
	} while (take(reader, ','));
	return take(reader, ']') ? NULL : unexpected(reader, "a comma or ]");
}

static struct error *
read_container(struct reader *reader, struct json_object **value)
{
	struct error *error;

	error = source_depth(&reader->source, offset(reader), ++reader->depth);
	if (error)
		return error;
	error = *reader->at++ == '{' ? read_object(reader, value)
				     : read_array(reader, value);
	reader->depth--;
	return error;
}

static bool
take_word(struct reader *reader, const char *word)
{
	size_t length = strlen(word);

	if ((size_t)(reader->end - reader->at) < length ||
	    memcmp(reader->at, word, length) != 0)
		return false;
	reader->at += length;
	return true;
}

static struct error *
read_word_or_number(struct reader *reader, struct json_object **value)
{
	size_t length;

	if (take_word(reader, "null"))
		return NULL;
	if (take_word(reader, "true") || take_word(reader, "false")) {
		*value = json_object_new_boolean(reader->at[-2] == 'u');
		return NULL;
	}
	length = number_length(reader->at, (size_t)(reader->end - reader->at));
	if (!length)
		return unexpected(reader, "a value");
	*value = number_value(reader->source.arena, reader->at, length);
	reader->at += length;
	return NULL;
}

static struct error *
read_value(struct reader *reader, struct json_object **value)
{
	struct error *error;
	const char *text;
	size_t length;

	skip_blanks(reader);
	error = source_node(&reader->source, offset(reader));
	if (error)
		return error;
	if (reader->at == reader->end)
		return unexpected(reader, "a value");
	if (*reader->at == '{' || *reader->at == '[')
		return read_container(reader, value);
	if (*reader->at != '"')
		return read_word_or_number(reader, value);
	reader->at++;
	error = read_string(reader, &text, &length);
	if (!error)
		*value = json_object_new_string_len(text, (int)length);
	return error;
}

static struct error *
read_text(struct reader *reader, struct json_object **value)
{
	struct error *error = read_value(reader, value);

	if (error)
		return error;
	skip_blanks(reader);
	if (reader->at < reader->end)
		return source_fault(&reader->source, offset(reader),
				    "text behind the end of the value");
	return NULL;
}

struct error *
json_read(struct arena *arena, const char *text, size_t length,
	  const struct format_limits *limits, int status,
	  struct json_object **value)
{
	struct reader reader = {
		.source = { .arena = arena,
			    .limits = limits,
			    .status = status,
			    .code = "bad-json" },
	};
	struct json_object *tree = NULL;
	struct error *error;

	*value = NULL;
	error = source_open(&reader.source, text, length);
	if (error)
		return error;
	reader.at = reader.source.text;
	reader.end = reader.at + reader.source.length;
	strbuf_init(&reader.unescaped, arena);
	error = read_text(&reader, &tree);
	if (tree)
		arena_defer(arena, json_release, tree);
	if (!error)
		*value = tree;
	return error;
}

static struct error *
parse_json(struct arena *arena, const char *text, size_t length,
	   const struct format_limits *limits, struct json_object **tree)
{
	return json_read(arena, text, length, limits, 422, tree);
}

const struct format format_json = {
	.name = "json",
	.extensions = { "json" },
	.parse = parse_json,
};
