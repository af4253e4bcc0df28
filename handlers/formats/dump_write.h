/*
 * dump_write.h: rows of entities as a file: JSON (Daptin's dump,
 * wire/actions.md section 13), JSON lines, YAML, CSV, XLSX. Made piece by
 * piece: memory does not grow with the rows.
 */
#ifndef ACTD_DUMP_WRITE_H
#define ACTD_DUMP_WRITE_H

#include "db/dump_out.h"
#include "handlers/answer_file.h"

/* The most bytes of files' contents in a row: larger ones come without. */
#define DUMP_CONTENTS_MAX (40 << 20)

struct dump_writer;

struct dump_format {
	const char *name; /* also the end of the file's name */
	const char *media_type;
	struct error *(*begin)(struct dump_writer *writer);
	struct error *(*table)(struct dump_writer *writer);
	struct error *(*row)(struct dump_writer *writer);
	struct error *(*table_end)(struct dump_writer *writer);
	struct error *(*end)(struct dump_writer *writer);
	bool needs_file; /* which it fills itself; no pieces come of it */
};

struct dump_writer {
	const struct dump_format *format;
	struct arena *arena;
	struct answer_file *file;	 /* NULL unless the format needs it */
	const struct settings *settings; /* say where temporary files are */
	bool is_single;			 /* one table only */
	struct dump_table *from;
	int64_t ntables;	 /* begun so far */
	int64_t nrows;		 /* of the table at hand, so far */
	struct strbuf out;	 /* the piece at hand; in `piece` */
	struct arena *piece;	 /* begun anew with each piece */
	struct strbuf *prefixes; /* what stands before each value of a row */
	int64_t contents; /* bytes of files that the row may still have */
	void *state;	  /* of the format */
};

/* The format of that name or media type; NULL if there is none. */
const struct dump_format *dump_format_named(const char *name);
const struct dump_format *dump_format_of_media(const char *accept);
/* Their names with commas between them, for messages. */
const char *dump_format_names(struct arena *arena);

/*
 * Begins a dump: of one table only, where `is_single` and the format has a
 * form for that. `file` (NULL: none) is for a format that needs one.
 */
struct error *dump_writer_new(struct arena *arena,
			      const struct dump_format *format,
			      struct answer_file *file,
			      const struct settings *settings, bool is_single,
			      struct dump_writer **writer) MUST_CHECK;

/* Begins a table. */
struct error *dump_writer_table(struct dump_writer *writer,
				struct dump_table *table) MUST_CHECK;

/* Adds its next row; without one the table ends, and `*more` is false. */
struct error *dump_writer_row(struct dump_writer *writer,
			      bool *more) MUST_CHECK;

/* Ends the dump, after the last table; what is left is in `out`. */
struct error *dump_writer_end(struct dump_writer *writer) MUST_CHECK;

/* Whether there is enough in `out` to be sent. */
bool dump_writer_is_full(const struct dump_writer *writer);

/* Begins a new piece: what was in `out` is gone. */
void dump_writer_piece(struct dump_writer *writer);

/* What a value is once it is text. */
enum plain_kind {
	PLAIN_NULL,
	PLAIN_TEXT,   /* needs escapes and quotes */
	PLAIN_WORD,   /* needs quotes alone: times, ids */
	PLAIN_NUMBER, /* digits, as JSON has them */
	PLAIN_BOOLEAN /* true, false */
};

struct plain {
	enum plain_kind kind;
	const char *text;
	size_t length;
};

/* Value `i` of the row at hand as text; lives until the piece is written. */
struct plain dump_plain(struct dump_writer *writer, size_t i);

/*
 * Whether a spreadsheet would take the text for a formula, or the reader
 * would take its first quote for one that was put there for that reason.
 */
bool dump_looks_like_formula(const char *text, size_t length);

extern const struct dump_format dump_xlsx;

#endif
