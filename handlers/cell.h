/*
 * cell.h: what people write into cells, brought to what columns take: yes and
 * no, 3:04 PM, 31/12/2026, coordinates. Nothing that could mean two things is
 * taken for one.
 */
#ifndef ACTD_CELL_H
#define ACTD_CELL_H

#include <stdbool.h>

#include "db/model.h"

/* In which order the numbers of a date with slashes come. */
enum date_order {
	DATE_PLAIN, /* none has been found: such dates are not read */
	DATE_DAY_FIRST,
	DATE_MONTH_FIRST
};

/*
 * The text for value_from_text() of a `kind`; `text` itself where there is
 * nothing to do. `type` is the column type's name or NULL.
 */
const char *cell_value(struct arena *arena, enum value_kind kind,
		       const char *type, enum date_order order,
		       const char *text);

/* "2026-12-31" for "31/12/2026" or "12/31/2026"; NULL if it is none. */
const char *cell_date(struct arena *arena, enum date_order order,
		      const char *text);

/* true and false for the words and digits that mean them; NULL otherwise. */
const char *cell_boolean(const char *text);

/* "15:04:05" for "3:04:05 PM"; NULL if it is none. */
const char *cell_clock(struct arena *arena, const char *text);

/* "[52.5, 13.4]" for "52.5, 13.4", with or without brackets; NULL. */
const char *cell_location(struct arena *arena, const char *text);

#endif
