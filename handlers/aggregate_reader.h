/*
 * aggregate_reader.h: from the parameters of /aggregate and /stats
 * (wire/json-api.md section 6) to an aggregation whose names and types are
 * checked. Nothing of a client's text becomes SQL.
 */
#ifndef ACTD_AGGREGATE_READER_H
#define ACTD_AGGREGATE_READER_H

#include "db/aggregate.h"
#include "handlers/listing.h"

/*
 * Reads all parameters of `context` into `*aggregate`, an aggregation of
 * `entity` in the context's arena. 400 "invalid_aggregation_query" with the
 * parameter that is wrong.
 */
struct error *aggregate_read(const struct listing_context *context,
			     const struct entity *entity,
			     struct aggregate *aggregate) MUST_CHECK;

/* A text that is being read, for one parameter. The rest is for its readers. */
struct aggregate_reader {
	const struct listing_context *context;
	struct aggregate *aggregate;
	const char *parameter;
	const char *whole;
	const char *at;
	unsigned depth;
	const struct aggregate_join *join; /* whose columns need no table */
};

/* 400: `complaint`, then `about`, in what is read. */
struct error *aggregate_bad(const struct aggregate_reader *r,
			    const char *complaint, const char *about);

/* Nothing but blanks is left; else 400. */
struct error *aggregate_expect_end(struct aggregate_reader *r) MUST_CHECK;

/* Goes on to what is no blank. */
void aggregate_skip_blanks(struct aggregate_reader *r);

/* Whether `c` is next, blanks aside; it is taken then. */
bool aggregate_take(struct aggregate_reader *r, char c);

/* A run of letters, digits, underscores and points, or NULL. */
const char *aggregate_take_word(struct aggregate_reader *r);

/* The table that is joined under a name of `length` bytes, or NULL. */
const struct aggregate_join *
aggregate_find_join(const struct aggregate_reader *r, const char *name,
		    size_t length);

/* Whether a text is a unit of date_trunc and of timesample. */
bool aggregate_is_unit(const char *text);

/* column, table.column or relation.column: `name`, which was read. */
struct error *aggregate_read_column(struct aggregate_reader *r,
				    const char *name,
				    struct expression *expression) MUST_CHECK;

/* A text in quotes, at which the reader is. */
struct error *aggregate_read_text(struct aggregate_reader *r,
				  struct expression *expression) MUST_CHECK;

/* Digits with at most one point, a sign before them; false: no number. */
bool aggregate_read_number(struct aggregate_reader *r,
			   struct expression *expression);

/* A column, a literal, or a function with its arguments. */
struct error *
aggregate_read_expression(struct aggregate_reader *r,
			  struct expression **expression) MUST_CHECK;

/* op(left,right); on the right may be columns where that is said. */
struct error *aggregate_read_test(struct aggregate_reader *r,
				  bool may_be_column,
				  struct aggregate_test *test) MUST_CHECK;

#endif
