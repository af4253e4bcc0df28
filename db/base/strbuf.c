/*
 * strbuf.c: growing text in an arena, and JSON string quoting.
 */
#include "db/base/strbuf.h"

#include <stdio.h>

void
strbuf_init(struct strbuf *buf, struct arena *arena)
{
	buf->arena = arena;
	buf->capacity = 64;
	buf->data = arena_alloc_raw(arena, buf->capacity);
	buf->data[0] = '\0';
	buf->length = 0;
}

void
strbuf_reserve(struct strbuf *buf, size_t more)
{
	size_t needed = buf->length + more + 1;
	size_t capacity = buf->capacity;

	if (needed <= capacity)
		return;
	while (capacity < needed)
		capacity *= 2;
	buf->data =
		arena_grow(buf->arena, buf->data, buf->length + 1, capacity);
	buf->capacity = capacity;
}

void
strbuf_add(struct strbuf *buf, const void *data, size_t size)
{
	strbuf_reserve(buf, size);
	memcpy(buf->data + buf->length, data, size);
	buf->length += size;
	buf->data[buf->length] = '\0';
}

void
strbuf_puts(struct strbuf *buf, const char *text)
{
	strbuf_add(buf, text, strlen(text));
}

void
strbuf_putc(struct strbuf *buf, char c)
{
	strbuf_add(buf, &c, 1);
}

void
strbuf_printf(struct strbuf *buf, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (length <= 0)
		return;
	strbuf_reserve(buf, (size_t)length);
	va_start(args, format);
	vsnprintf(buf->data + buf->length, (size_t)length + 1, format, args);
	va_end(args);
	buf->length += (size_t)length;
}

void
strbuf_integer(struct strbuf *buf, int64_t value)
{
	char digits[24];
	char *end = digits + sizeof digits;
	char *p = end;
	uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;

	do {
		*--p = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest);
	if (value < 0)
		*--p = '-';
	strbuf_add(buf, p, (size_t)(end - p));
}

static void
add_escape(struct strbuf *buf, unsigned char c)
{
	switch (c) {
	case '"':
		strbuf_literal(buf, "\\\"");
		break;
	case '\\':
		strbuf_literal(buf, "\\\\");
		break;
	case '\n':
		strbuf_literal(buf, "\\n");
		break;
	case '\r':
		strbuf_literal(buf, "\\r");
		break;
	case '\t':
		strbuf_literal(buf, "\\t");
		break;
	default:
		strbuf_printf(buf, "\\u%04x", c);
	}
}

#define EACH_BYTE UINT64_C(0x0101010101010101)
#define HIGH_BITS UINT64_C(0x8080808080808080)

/* Bytes whose high bit is set where those of `word` are zero (and perhaps in
 * some above those). */
static uint64_t
zeros(uint64_t word)
{
	return (word - EACH_BYTE) & ~word & HIGH_BITS;
}

/* Eight bytes at once: whether one of them needs an escape. */
static bool
needs_escape(uint64_t word)
{
	return ((word - EACH_BYTE * 0x20) & ~word & HIGH_BITS) |
	       zeros(word ^ EACH_BYTE * '"') | zeros(word ^ EACH_BYTE * '\\') |
	       zeros(word ^ EACH_BYTE * 0x7f);
}

/* How many bytes can be copied as they are. */
static size_t
plain_length(const char *text, size_t length)
{
	size_t i = 0;
	uint64_t word;

	for (; i + sizeof word <= length; i += sizeof word) {
		memcpy(&word, text + i, sizeof word);
		if (needs_escape(word))
			break;
	}
	for (; i < length; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c < 0x20 || c == '"' || c == '\\' || c == 0x7f)
			break;
	}
	return i;
}

void
strbuf_json(struct strbuf *buf, const char *text, size_t length)
{
	const char *end = text + length;

	strbuf_reserve(buf, length + 2);
	buf->data[buf->length++] = '"';
	for (;;) {
		size_t plain = plain_length(text, (size_t)(end - text));

		strbuf_add(buf, text, plain);
		text += plain;
		if (text == end)
			break;
		add_escape(buf, (unsigned char)*text++);
	}
	strbuf_putc(buf, '"');
}

void
strbuf_json_text(struct strbuf *buf, const char *text)
{
	strbuf_json(buf, text, strlen(text));
}

void
strbuf_percent(struct strbuf *buf, const char *text)
{
	static const char hex[] = "0123456789ABCDEF";

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') || strchr("-._~", c)) {
			strbuf_putc(buf, (char)c);
		} else {
			strbuf_putc(buf, '%');
			strbuf_putc(buf, hex[c >> 4]);
			strbuf_putc(buf, hex[c & 15]);
		}
	}
}

void
strbuf_cut(struct strbuf *buf, size_t length)
{
	buf->length = length;
	buf->data[length] = '\0';
}
