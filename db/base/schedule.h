/*
 * schedule.h: times that come again, as cron(8) writes them, and when the next
 * one is.
 */
#ifndef ACTD_SCHEDULE_H
#define ACTD_SCHEDULE_H

#include <stdint.h>

#include "db/base/error.h"

struct schedule;

/*
 * Five fields (minute, hour, day of month, month, day of week), or six with
 * the second first; `*` or `?`, numbers, names (JAN, MON), ranges, lists and
 * steps. Where both days are given, either makes a day. Or @hourly, @daily,
 * @midnight, @weekly, @monthly, @yearly, @annually, or "@every 1h30m". Fields
 * mean UTC, or the zone of a prefix CRON_TZ=Europe/Berlin. 422 "bad-schedule"
 * with what is wrong.
 */
struct error *schedule_read(struct arena *arena, const char *text,
			    struct schedule **schedule) MUST_CHECK;

/*
 * The first time after `after`, in seconds since the epoch; -1 where there is
 * none within some years. A time of day that a change of the clock leaves
 * out is right after the change; one that comes twice is the first of both;
 * with any hour, every hour counts as it comes. Changes the process' time zone
 * while it runs: not for threads.
 */
int64_t schedule_next(const struct schedule *schedule, int64_t after);

#endif
