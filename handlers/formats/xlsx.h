/*
 * xlsx.h: the parts of an XLSX file and what is known of the workbook once
 * its small parts are read. Private to handlers/formats/xlsx*.c.
 */
#ifndef ACTD_XLSX_H
#define ACTD_XLSX_H

#include <expat.h>
#include <zip.h>

#include "db/base/strbuf.h"
#include "handlers/formats/table_parts.h"

/* What a number is by its style. */
enum number_kind { NUMBER_PLAIN, NUMBER_DATE, NUMBER_TIME, NUMBER_DATETIME };

/* Texts of the whole workbook, in files that are mapped: not our memory. */
struct shared_strings {
	size_t count;
	const uint32_t *ends; /* of each text in `texts` */
	const char *texts;
};

struct xlsx {
	struct table_reader *reader;
	struct arena *arena;
	zip_t *zip;
	int64_t inflated;	  /* bytes of all parts so far */
	int64_t worth;		  /* of those, what cells account for */
	struct error *error;	  /* of a handler; ends the parsing */
	enum number_kind *styles; /* by index of cellXfs */
	size_t nstyles;
	bool is_1904; /* the epoch */
	struct shared_strings strings;
	const char *sheet; /* name of its part */
};

/* A part that is read piece by piece. */
struct xlsx_part {
	struct xlsx *book;
	zip_file_t *file;
	XML_Parser parser;
	const char *name;
	int64_t read;
	int64_t size; /* as it is declared */
};

/*
 * What a cell or a text of so many bytes may take in a part: a sheet may be of
 * any size as long as it is cells that it consists of.
 */
void xlsx_account(struct xlsx *book, size_t length);

/* xlsx_zip.c: opens the archive and refuses what is no plain one. */
struct error *xlsx_open_archive(struct xlsx *book) MUST_CHECK;

/* Opens a part; `*part` is NULL where there is none of that name. */
struct error *xlsx_open_part(struct xlsx *book, const char *name,
			     struct xlsx_part **part) MUST_CHECK;
/* Parses the next piece; the handlers' error is book->error. */
struct error *xlsx_parse_piece(struct xlsx_part *part, bool *end) MUST_CHECK;

/* xlsx_book.c: reads workbook, styles and shared strings. */
struct error *xlsx_read_book(struct xlsx *book) MUST_CHECK;

/* The name without a prefix: "row" of "x:row". */
const char *xlsx_local_name(const char *name);
/* The attribute of that name, with any prefix or none; NULL. */
const char *xlsx_attribute(const char **attributes, const char *name);
/* Decodes _x000D_ in place; gives the new length. */
size_t xlsx_unescape(char *text, size_t length);

/* The first error stays, and stops the parser. */
void xlsx_stop(struct xlsx_part *part, struct error *error);

#endif
