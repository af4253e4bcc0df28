/*
 * source.h: what the readers of all formats share: the text with its limits,
 * faults with line and column, numbers and escapes. Only for this folder.
 */
#ifndef ACTD_FORMAT_SOURCE_H
#define ACTD_FORMAT_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "db/base/strbuf.h"
#include "handlers/formats/format.h"

struct source {
	struct arena *arena;
	const char *text; /* valid UTF-8 without a byte order mark or NUL */
	size_t length;
	const struct format_limits *limits;
	int status;	  /* of faults */
	const char *code; /* the same: "bad-json" */
	size_t nodes;	  /* counted so far */
};

/*
 * Fills `source`, all of whose members but text, length and nodes the caller
 * has set. A fault if the text is too long, is not UTF-8 or has a NUL. A byte
 * order mark is skipped.
 */
struct error *source_open(struct source *source, const char *text,
			  size_t length) MUST_CHECK;

/* "line 3, column 7: …" for the byte at `offset`; columns are characters. */
struct error *source_fault(const struct source *source, size_t offset,
			   const char *format, ...) PRINTF(3, 4);

/* The same where line and column (both from 1) are known already. */
struct error *source_fault_at(const struct source *source, size_t line,
			      size_t column, const char *format, ...)
	PRINTF(4, 5);

/* Counts a node at `offset`; a fault where it is one too many. */
struct error *source_node(struct source *source, size_t offset) MUST_CHECK;

/* A fault where `depth` is beyond the limit. */
struct error *source_depth(const struct source *source, size_t offset,
			   size_t depth) MUST_CHECK;

/* The beginning of a text, for a fault: cut to 60 bytes, whole characters. */
const char *source_excerpt(struct arena *arena, const char *text,
			   size_t length);

/* The length of the JSON number (RFC 8259 section 6) at `text`; 0: none. */
size_t number_length(const char *text, size_t length);

/*
 * A value for a JSON number. What fits into 64 bits, signed or not, is an
 * integer; everything else keeps its text.
 */
struct json_object *number_value(struct arena *arena, const char *text,
				 size_t length);

/* `count` hexadecimal digits at `text`; false if they are not. */
bool hexadecimal(const char *text, size_t count, uint32_t *value);

/* Appends a character, which is not a surrogate, as UTF-8. */
void character_add(struct strbuf *buf, uint32_t character);

#endif
