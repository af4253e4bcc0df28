/*
 * source.c: checks a text before it is read, makes faults that name line and
 * column, and turns numbers into values. Line and column are counted when a
 * fault is made, so reading pays nothing for them.
 */
#include "handlers/formats/source.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define EXCERPT_BYTES 60

static size_t
ascii_prefix(const char *text, size_t length)
{
	size_t i = 0;
	uint64_t word;

	for (; i + sizeof word <= length; i += sizeof word) {
		memcpy(&word, text + i, sizeof word);
		/* A byte beyond ASCII, or one that is zero. */
		if ((word | (word - 0x0101010101010101U)) & 0x8080808080808080U)
			break;
	}
	while (i < length && text[i] && !(text[i] & 0x80))
		i++;
	return i;
}

struct utf8_form {
	unsigned char first_low, first_high;   /* of the first byte */
	unsigned char second_low, second_high; /* of the second */
	size_t length;
};

/* Unicode 15, table 3-7: no overlong forms, no surrogates. */
static const struct utf8_form utf8_forms[] = {
	{ 0xC2, 0xDF, 0x80, 0xBF, 2 }, { 0xE0, 0xE0, 0xA0, 0xBF, 3 },
	{ 0xE1, 0xEC, 0x80, 0xBF, 3 }, { 0xED, 0xED, 0x80, 0x9F, 3 },
	{ 0xEE, 0xEF, 0x80, 0xBF, 3 }, { 0xF0, 0xF0, 0x90, 0xBF, 4 },
	{ 0xF1, 0xF3, 0x80, 0xBF, 4 }, { 0xF4, 0xF4, 0x80, 0x8F, 4 },
};

static size_t
utf8_length(const unsigned char *text, size_t length)
{
	const struct utf8_form *form = utf8_forms;
	const struct utf8_form *end = form + ARRAY_SIZE(utf8_forms);

	while (form < end && text[0] > form->first_high)
		form++;
	if (form == end || text[0] < form->first_low || form->length > length)
		return 0;
	if (text[1] < form->second_low || text[1] > form->second_high)
		return 0;
	for (size_t i = 2; i < form->length; i++)
		if ((text[i] & 0xC0) != 0x80)
			return 0;
	return form->length;
}

/* The offset of the first byte that is not UTF-8 or is NUL, or `length`. */
static size_t
valid_prefix(const char *text, size_t length)
{
	size_t i = 0;

	for (;;) {
		size_t size;

		i += ascii_prefix(text + i, length - i);
		if (i == length || !text[i])
			return i;
		size = utf8_length((const unsigned char *)text + i, length - i);
		if (!size)
			return i;
		i += size;
	}
}

struct error *
source_open(struct source *source, const char *text, size_t length)
{
	size_t valid;

	if (length > source->limits->bytes || length > INT_MAX)
		return error_new(source->arena, source->status, source->code,
				 "the text is longer than %zu bytes",
				 source->limits->bytes);
	if (length >= 3 && !memcmp(text, "\xEF\xBB\xBF", 3)) {
		text += 3;
		length -= 3;
	}
	source->text = text;
	source->length = length;
	source->nodes = 0;
	valid = valid_prefix(text, length);
	if (valid == length)
		return NULL;
	return source_fault(source, valid,
			    text[valid] ? "a byte that is not UTF-8"
					: "a NUL byte");
}

struct error *
source_fault_at(const struct source *source, size_t line, size_t column,
		const char *format, ...)
{
	va_list args;
	const char *message;

	va_start(args, format);
	message = arena_vprintf(source->arena, format, args);
	va_end(args);
	return error_new(source->arena, source->status, source->code,
			 "line %zu, column %zu: %s", line, column, message);
}

struct error *
source_fault(const struct source *source, size_t offset, const char *format,
	     ...)
{
	va_list args;
	const char *message;
	size_t line = 1, column = 1;

	va_start(args, format);
	message = arena_vprintf(source->arena, format, args);
	va_end(args);
	for (size_t i = 0; i < offset; i++) {
		if (source->text[i] == '\n') {
			line++;
			column = 1;
		} else if ((source->text[i] & 0xC0) != 0x80) {
			column++;
		}
	}
	return source_fault_at(source, line, column, "%s", message);
}

struct error *
source_node(struct source *source, size_t offset)
{
	if (++source->nodes <= source->limits->nodes)
		return NULL;
	return source_fault(source, offset, "more than %zu values",
			    source->limits->nodes);
}

struct error *
source_depth(const struct source *source, size_t offset, size_t depth)
{
	if (depth <= source->limits->depth)
		return NULL;
	return source_fault(source, offset, "nested deeper than %zu levels",
			    source->limits->depth);
}

const char *
source_excerpt(struct arena *arena, const char *text, size_t length)
{
	size_t cut = EXCERPT_BYTES;

	if (length <= cut)
		return arena_strndup(arena, text, length);
	while (cut && (text[cut] & 0xC0) == 0x80)
		cut--;
	return arena_printf(arena, "%.*s…", (int)cut, text);
}

static size_t
digits(const char *text, size_t length)
{
	size_t i = 0;

	while (i < length && text[i] >= '0' && text[i] <= '9')
		i++;
	return i;
}

static size_t
exponent_length(const char *text, size_t length)
{
	size_t i = 1;
	size_t count;

	if (!length || (text[0] != 'e' && text[0] != 'E'))
		return 0;
	if (i < length && (text[i] == '+' || text[i] == '-'))
		i++;
	count = digits(text + i, length - i);
	return count ? i + count : 0;
}

size_t
number_length(const char *text, size_t length)
{
	size_t i = length && text[0] == '-';
	size_t whole = digits(text + i, length - i);

	if (!whole || (whole > 1 && text[i] == '0'))
		return 0;
	i += whole;
	if (i < length && text[i] == '.') {
		size_t fraction = digits(text + i + 1, length - i - 1);

		if (fraction)
			i += 1 + fraction;
	}
	return i + exponent_length(text + i, length - i);
}

/* A sign and as many digits as surely fit into 64 bits. */
#define SURE_DIGITS 18

static int64_t
small_integer(const char *text, size_t length)
{
	bool negative = text[0] == '-';
	int64_t value = 0;

	for (size_t i = negative; i < length; i++)
		value = value * 10 + (text[i] - '0');
	return negative ? -value : value;
}

struct json_object *
number_value(struct arena *arena, const char *text, size_t length)
{
	bool negative = text[0] == '-';
	bool whole =
		digits(text + negative, length - negative) == length - negative;
	const char *copy;

	if (whole && length <= SURE_DIGITS)
		return json_object_new_int64(small_integer(text, length));
	copy = arena_strndup(arena, text, length);
	if (whole) {
		errno = 0;
		if (negative) {
			long long value = strtoll(copy, NULL, 10);

			if (!errno)
				return json_object_new_int64(value);
		} else {
			unsigned long long value = strtoull(copy, NULL, 10);

			if (!errno && value <= INT64_MAX)
				return json_object_new_int64((int64_t)value);
			if (!errno)
				return json_object_new_uint64(value);
		}
	}
	return json_object_new_double_s(strtod(copy, NULL), copy);
}

bool
hexadecimal(const char *text, size_t count, uint32_t *value)
{
	*value = 0;
	for (size_t i = 0; i < count; i++) {
		char c = text[i];

		if (c >= '0' && c <= '9')
			*value = *value << 4 | (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			*value = *value << 4 | (uint32_t)(c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			*value = *value << 4 | (uint32_t)(c - 'A' + 10);
		else
			return false;
	}
	return true;
}

void
character_add(struct strbuf *buf, uint32_t c)
{
	if (c < 0x80) {
		strbuf_putc(buf, (char)c);
		return;
	}
	if (c < 0x800) {
		strbuf_putc(buf, (char)(0xC0 | c >> 6));
	} else {
		if (c < 0x10000) {
			strbuf_putc(buf, (char)(0xE0 | c >> 12));
		} else {
			strbuf_putc(buf, (char)(0xF0 | c >> 18));
			strbuf_putc(buf, (char)(0x80 | (c >> 12 & 0x3F)));
		}
		strbuf_putc(buf, (char)(0x80 | (c >> 6 & 0x3F)));
	}
	strbuf_putc(buf, (char)(0x80 | (c & 0x3F)));
}
