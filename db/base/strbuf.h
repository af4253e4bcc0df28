/*
 * strbuf.h: text that grows, in an arena. Always followed by a NUL. The
 * buffer does not bound itself: what enters it was bounded where it came in.
 */
#ifndef ACTD_STRBUF_H
#define ACTD_STRBUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "db/base/arena.h"

struct strbuf {
	struct arena *arena;
	char *data; /* NUL-terminated, never NULL after strbuf_init() */
	size_t length;
	size_t capacity;
};

/* The empty text. */
void strbuf_init(struct strbuf *buf, struct arena *arena);

/* Makes room for `more` bytes beyond length, and the NUL. */
void strbuf_reserve(struct strbuf *buf, size_t more);

/* Appends bytes, a text, a character, by printf(3), a number in decimal. */
void strbuf_add(struct strbuf *buf, const void *data, size_t size);
void strbuf_puts(struct strbuf *buf, const char *text);
void strbuf_putc(struct strbuf *buf, char c);
void strbuf_printf(struct strbuf *buf, const char *format, ...) PRINTF(2, 3);
void strbuf_integer(struct strbuf *buf, int64_t value);

/* A string literal; its length is known when compiling. */
#define strbuf_literal(buf, text)                                              \
	strbuf_add((buf), "" text "", sizeof(text) - 1)

/*
 * The text as a JSON string with its quotes (RFC 8259 section 7). `length`
 * bytes of valid UTF-8.
 */
void strbuf_json(struct strbuf *buf, const char *text, size_t length);
void strbuf_json_text(struct strbuf *buf, const char *text);

/*
 * The text with everything but unreserved characters (RFC 3986 section 2.3)
 * as %XX.
 */
void strbuf_percent(struct strbuf *buf, const char *text);

/* Cuts the text back to `length` bytes, which it must have reached. */
void strbuf_cut(struct strbuf *buf, size_t length);

#endif
