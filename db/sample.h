/*
 * sample.h: what of the existing rows somebody must know who makes up new
 * ones: rows to point to, and the numbers that are taken.
 */
#ifndef ACTD_SAMPLE_H
#define ACTD_SAMPLE_H

#include "db/row.h"

/*
 * Reference ids of at most `limit` rows that the column `key` of `entity` may
 * point to: visible to the caller, with Refer. With `unused`, only of rows
 * that no row of `entity` points to by it.
 */
struct error *sample_keys(const struct row_context *context,
			  const struct entity *entity, const struct column *key,
			  bool unused, size_t limit, const char ***ids,
			  size_t *count) MUST_CHECK;

/*
 * A number above all that the column holds: of timestamps in seconds since
 * 1970, of texts the number of the newest row. 1 where there is nothing.
 */
struct error *sample_next_number(const struct row_context *context,
				 const struct entity *entity,
				 const struct column *column,
				 int64_t *number) MUST_CHECK;

#endif
