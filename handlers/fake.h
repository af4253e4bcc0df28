/*
 * fake.h: plausible values for the columns of an entity: names, addresses,
 * money, dates, small files. The same seed gives the same values. Knows no
 * database: rows to point to, and where unique numbers begin, are told.
 */
#ifndef ACTD_FAKE_H
#define ACTD_FAKE_H

#include "db/base/strbuf.h"
#include "db/model.h"

struct fake;
struct fake_column;

/* How one column is to be filled. */
struct fake_settings {
	const struct entity *entity; /* whose validations are kept */
	const struct column *column;
	bool is_unique;	   /* no value twice */
	int64_t first;	   /* unique values carry this number or a higher one:
			      timestamps seconds, texts a part of them */
	const char **keys; /* of a foreign key: reference ids to choose from */
	size_t nkeys;
};

/* Lives as long as `arena`. */
struct fake *fake_new(struct arena *arena, uint64_t seed);

/*
 * A column to be filled: what fills it is decided here, by `settings`, which
 * are copied; what they point to must live on.
 */
struct fake_column *fake_column_new(struct fake *fake,
				    const struct fake_settings *settings);

/*
 * Begins the next row: what its columns say fits together (a name and its
 * mail address). Values of the row before are given up.
 */
void fake_next_row(struct fake *fake);

/* The column's value in this row, as text for db/bulk.h; NULL: none. */
const char *fake_value(struct fake *fake, struct fake_column *column);

#endif
