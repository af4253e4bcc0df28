/*
 * guess.h: from headings to names, and from the values of a column to its
 * type (wire/actions.md section 12, wire/decisions.md "Data in and out").
 */
#ifndef ACTD_GUESS_H
#define ACTD_GUESS_H

#include "handlers/cell.h"
#include "handlers/formats/table.h"

/*
 * A heading as the name of a column or table: "First Name" is first_name, "my
 * 2nd col" my2nd_col. "" where it has no letter or digit of ASCII; "col_" goes
 * before a digit and before the names of standard columns.
 */
char *guess_name(struct arena *arena, const char *heading);

struct guess; /* of one column */

struct guess_result {
	const char *column_type; /* "measurement" */
	const char *data_type;	 /* "int(11)" */
	bool has_blanks;
	enum date_order order;
};

/* `name` is the cleaned one; it tells a latitude from other numbers. */
struct guess *guess_new(struct arena *arena, const char *name);

/* Looks at a value; the row's number is for messages. */
void guess_add(struct guess *guess, int64_t row, const struct cell *cell);

/*
 * The type that holds for all values. Where only a few (at most 0.1 %)
 * disagree with one, the first of them as errors, 422 "doubtful-type".
 */
struct error *guess_finish(struct guess *guess, struct arena *arena,
			   const char *file,
			   struct guess_result *result) MUST_CHECK;

/*
 * A type that somebody named: one of the column types, or "integer",
 * "decimal", "text" and such. False where there is none of that name.
 */
bool guess_declared(const char *type, struct guess_result *result);

#endif
