/*
 * value_out.c: values on their way out: the text of a result becomes JSON.
 * Lists spend their time here, so nothing but the buffer is allocated.
 */
#include "db/value.h"

#include <stdlib.h>
#include <string.h>

#include "db/base/crypto.h"

/* Numbers go as they are; what JSON has no number for (NaN) is a string. */
static bool
is_number(const char *text, size_t length)
{
	if (!length || (*text != '-' && (*text < '0' || *text > '9')))
		return false;
	for (size_t i = 1; i < length; i++)
		if ((text[i] < '0' || text[i] > '9') && text[i] != '.' &&
		    text[i] != 'e' && text[i] != '+' && text[i] != '-')
			return false;
	return text[length - 1] != '-';
}

static void
write_text(struct strbuf *buf, const char *text, size_t length)
{
	strbuf_json(buf, text, length);
}

static void
write_number(struct strbuf *buf, const char *text, size_t length)
{
	if (is_number(text, length))
		strbuf_add(buf, text, length);
	else
		strbuf_json(buf, text, length);
}

static void
write_boolean(struct strbuf *buf, const char *text, size_t length)
{
	if (length && *text == 't')
		strbuf_literal(buf, "true");
	else
		strbuf_literal(buf, "false");
}

static void
write_timestamp(struct strbuf *buf, const char *text, size_t length)
{
	strbuf_putc(buf, '"');
	value_timestamp(buf, text, length);
	strbuf_putc(buf, '"');
}

static void
write_secret(struct strbuf *buf, const char *text UNUSED, size_t length UNUSED)
{
	strbuf_literal(buf, "\"\"");
}

/* Letters, digits and hyphens: nothing to escape. */
static void
write_uuid(struct strbuf *buf, const char *text, size_t length)
{
	strbuf_reserve(buf, length + 2);
	strbuf_putc(buf, '"');
	strbuf_add(buf, text, length);
	strbuf_putc(buf, '"');
}

/* Bytes of "\x…"; false for anything else. */
static bool
decode_bytea(const char *text, size_t length, char *out, size_t *size)
{
	if (length < 2 || text[0] != '\\' || text[1] != 'x' || length % 2)
		return false;
	*size = length / 2 - 1;
	for (size_t i = 0; i < *size; i++) {
		char pair[3] = { text[2 * i + 2], text[2 * i + 3], '\0' };

		out[i] = (char)strtol(pair, NULL, 16);
	}
	return true;
}

static void
write_file_text(struct strbuf *buf, const char *text, size_t length)
{
	if (length && *text == '[')
		strbuf_add(buf, text, length);
	else
		strbuf_json(buf, text, length);
}

static void
write_file(struct strbuf *buf, const char *text, size_t length)
{
	char *plain;
	size_t size;

	if (length < 2 || text[0] != '\\' || text[1] != 'x') {
		write_file_text(buf, text, length);
		return;
	}
	plain = arena_alloc_raw(buf->arena, length);
	if (decode_bytea(text, length, plain, &size))
		write_file_text(buf, plain, size);
	else
		strbuf_json(buf, text, length);
}

static void
write_bytes(struct strbuf *buf, const char *text, size_t length)
{
	char *plain = arena_alloc_raw(buf->arena, length + 1);
	size_t size;

	if (decode_bytea(text, length, plain, &size))
		strbuf_json_text(buf, crypto_base64(buf->arena, plain, size));
	else
		strbuf_json(buf, text, length);
}

static void (*const writers[])(struct strbuf *buf, const char *text,
			       size_t length) = {
	[VALUE_TEXT] = write_text,	  [VALUE_INTEGER] = write_number,
	[VALUE_DECIMAL] = write_number,	  [VALUE_FLOAT] = write_number,
	[VALUE_BOOLEAN] = write_boolean,  [VALUE_TIMESTAMP] = write_timestamp,
	[VALUE_TIME] = write_timestamp,	  [VALUE_JSON] = write_text,
	[VALUE_ENUM] = write_text,	  [VALUE_SECRET] = write_secret,
	[VALUE_ENCRYPTED] = write_secret, [VALUE_REFERENCE] = write_uuid,
	[VALUE_UUID] = write_uuid,	  [VALUE_FILE] = write_file,
	[VALUE_BYTES] = write_bytes,
};

void
value_to_json(struct strbuf *buf, const struct column *column, const char *text,
	      size_t length)
{
	if (text)
		writers[column->kind](buf, text, length);
	else
		strbuf_literal(buf, "null");
}

void
value_timestamp(struct strbuf *buf, const char *text, size_t length)
{
	const char *blank = memchr(text, ' ', length);
	size_t day = blank ? (size_t)(blank - text) : length;

	if (!blank || length < day + 4) {
		strbuf_add(buf, text, length); /* infinity */
		return;
	}
	if (!memcmp(text + length - 3, "+00", 3))
		length -= 3;
	strbuf_reserve(buf, length + 1);
	strbuf_add(buf, text, length);
	buf->data[buf->length - length + day] = 'T';
	strbuf_putc(buf, 'Z');
}

/* A number keeps its text, so that it comes out again as it was. */
static struct json_object *
number_object(const char *text, bool is_integer)
{
	if (is_integer)
		return json_object_new_int64(strtoll(text, NULL, 10));
	return json_object_new_double_s(strtod(text, NULL), text);
}

/* By way of the JSON text, for kinds that are rare in actions. */
static struct json_object *
object_by_json(const struct column *column, const char *text, size_t length)
{
	struct arena *arena = arena_new();
	struct json_object *object;
	struct strbuf buf;

	strbuf_init(&buf, arena);
	value_to_json(&buf, column, text, length);
	object = json_tokener_parse(buf.data);
	arena_free(arena);
	return object;
}

struct json_object *
value_to_object(const struct column *column, const char *text, size_t length)
{
	if (!text)
		return NULL;
	switch (column->kind) {
	case VALUE_INTEGER:
	case VALUE_DECIMAL:
	case VALUE_FLOAT:
		if (is_number(text, length))
			return number_object(text,
					     column->kind == VALUE_INTEGER);
		break;
	case VALUE_BOOLEAN:
		return json_object_new_boolean(*text == 't');
	case VALUE_TIMESTAMP:
	case VALUE_TIME:
	case VALUE_FILE:
	case VALUE_BYTES:
		return object_by_json(column, text, length);
	case VALUE_SECRET:
	case VALUE_ENCRYPTED:
		return json_object_new_string("");
	default:
		break;
	}
	return json_object_new_string_len(text, (int)length);
}
