/*
 * bulk_parts.h: what the two halves of bulk.h share. Private to db/bulk*.c.
 */
#ifndef ACTD_BULK_PARTS_H
#define ACTD_BULK_PARTS_H

#include "db/bulk.h"

struct bulk {
	struct arena *arena;
	struct arena *scratch; /* values of the last rows */
	struct bulk_settings settings;
	const char **defaults; /* by field, NULL: none */
	const char **values;   /* of the row at hand, by field */
	int id_field, permission_field, owner_field; /* -1: not in the file */
	bool is_staged;
	bool sets_owner;
	int64_t owner;
	int64_t permission; /* of rows that name none */
	const char *now;
	struct strbuf out; /* on its way to COPY */
	bool failed;	   /* a fault was found */
	struct bulk_fault *faults;
	size_t nfaults;
	struct strbuf bad_rows;
	struct bulk_counts counts;
};

/* Whether the field is a column of its own in COPY; the id comes first. */
bool bulk_is_sent(const struct bulk *bulk, size_t field);

/*
 * Notes a fault: in `row` of the file, `column` has `value` where `expected`
 * should be; NULL where one says nothing. Beyond BULK_FAULTS_MAX only that
 * there are faults is kept.
 */
void bulk_note(struct bulk *bulk, int64_t row, const char *column,
	       const char *value, const char *expected);

/* Gives a row that is left out back as it was in the file, with the reason. */
struct error *bulk_keep_bad(struct bulk *bulk, int64_t row, const char *reason,
			    const char *raw) MUST_CHECK;

/* Makes the temporary table and begins COPY into it. */
struct error *bulk_stage_begin(struct bulk *bulk) MUST_CHECK;
/* Looks for faults between rows, and moves the good ones on. */
struct error *bulk_stage_end(struct bulk *bulk) MUST_CHECK;

#endif
