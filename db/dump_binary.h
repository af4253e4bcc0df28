/*
 * dump_binary.h: values in PostgreSQL's binary form as text. Measured, a third
 * of what COPY costs the server is making texts of numbers and times, which is
 * cheaper here.
 */
#ifndef ACTD_DUMP_BINARY_H
#define ACTD_DUMP_BINARY_H

#include "db/base/strbuf.h"

struct dump_cell;

struct dump_decoder {
	const char *type; /* as format_type() has it, without its length */
	/* The most bytes of its text; 0: it is no such value. */
	size_t (*room)(const char *data, size_t size);
	/* Writes the text and gives its length; NULL: the text is the data. */
	size_t (*write)(char *out, const char *data, size_t size);
};

/* For a column of that type; NULL: ask for text in its place. */
const struct dump_decoder *dump_decoder_find(const char *sql_type);

/* Numbers of the wire, the most significant byte first. */
uint16_t dump_number16(const char *data);
uint32_t dump_number32(const char *data);

#endif
