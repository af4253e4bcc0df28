/*
 * moment.h: dates and times as people and programs write them, as PostgreSQL
 * reads them. Years 1 to 9999, days that exist, no leap seconds; a text
 * without a zone is UTC.
 */
#ifndef ACTD_MOMENT_H
#define ACTD_MOMENT_H

#include <stdbool.h>

#include "db/base/arena.h"

/*
 * "2026-01-25 10:00:00.123456+00" for a date, or date and time: RFC 3339, RFC
 * 1123, "2006-01-02", "2006-01-02 15:04", "25 Jan 2026", "Jan 25, 2026",
 * "25.01.2026" … NULL where it is none.
 */
const char *moment_from_text(struct arena *arena, const char *text);

/* The same for seconds since 1970, digits with or without a fraction. */
const char *moment_from_seconds(struct arena *arena, const char *digits);

/*
 * A time of day, as a moment of 1970-01-01: "15:04:05", "15:04", seconds, or
 * the time of anything that moment_from_text() reads.
 */
const char *moment_time_from_text(struct arena *arena, const char *text);
const char *moment_time_from_seconds(struct arena *arena, const char *digits);

#endif
