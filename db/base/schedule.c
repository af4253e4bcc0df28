/*
 * schedule.c: fields are sets of bits; the next time is found by walking local
 * time, a day, an hour, a minute or a second at a time, over what does not
 * fit. Time zones are the C library's.
 */
#include "db/base/schedule.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define DAY_SECONDS 86400

/* 29 February comes after eight years at most. */
#define SEARCH_SECONDS (INT64_C(9) * 366 * DAY_SECONDS)
#define EVERY_MOST (INT64_C(366) * DAY_SECONDS)

enum field {
	FIELD_SECOND,
	FIELD_MINUTE,
	FIELD_HOUR,
	FIELD_DAY,
	FIELD_MONTH,
	FIELD_WEEKDAY,
	FIELDS
};

struct schedule {
	int64_t every; /* seconds; 0: by fields */
	uint64_t sets[FIELDS];
	bool any_day; /* the field is `*` */
	bool any_weekday;
	const char *zone;
};

static const char *const months[] = { "JAN", "FEB", "MAR", "APR", "MAY",
				      "JUN", "JUL", "AUG", "SEP", "OCT",
				      "NOV", "DEC", NULL };
static const char *const weekdays[] = { "SUN", "MON", "TUE", "WED",
					"THU", "FRI", "SAT", NULL };

static const struct {
	const char *name;
	int lowest, highest;
	const char *const *words; /* the first is the lowest */
} fields[FIELDS] = {
	[FIELD_SECOND] = { "second", 0, 59, NULL },
	[FIELD_MINUTE] = { "minute", 0, 59, NULL },
	[FIELD_HOUR] = { "hour", 0, 23, NULL },
	[FIELD_DAY] = { "day of month", 1, 31, NULL },
	[FIELD_MONTH] = { "month", 1, 12, months },
	[FIELD_WEEKDAY] = { "day of week", 0, 7, weekdays },
};

static const struct {
	const char *word;
	const char *fields;
} words[] = {
	{ "@yearly", "0 0 0 1 1 *" },  { "@annually", "0 0 0 1 1 *" },
	{ "@monthly", "0 0 0 1 * *" }, { "@weekly", "0 0 0 * * 0" },
	{ "@daily", "0 0 0 * * *" },   { "@midnight", "0 0 0 * * *" },
	{ "@hourly", "0 0 * * * *" },
};

/* Reading. */

static struct error *
bad(struct arena *arena, const char *what, const char *text)
{
	return error_new(arena, 422, "bad-schedule", "%s is no schedule: %s",
			 text, what);
}

/* A number or a name; -1 where it is none. Moves `*at` behind it. */
static int
read_value(const char **at, enum field field)
{
	const char *const *word = fields[field].words;
	char *end;
	long value;

	if (isdigit((unsigned char)**at)) {
		value = strtol(*at, &end, 10);
		*at = end;
		return value <= fields[field].highest ? (int)value : -1;
	}
	for (int i = 0; word && word[i]; i++)
		if (!strncasecmp(*at, word[i], 3)) {
			*at += 3;
			return fields[field].lowest + i;
		}
	return -1;
}

/* One item of a list: a, a-b, *, each with or without a step. */
static bool
read_item(const char **at, enum field field, uint64_t *set)
{
	int first = fields[field].lowest, last = fields[field].highest;
	long step = 1;
	bool single = false;
	char *end;

	if (**at == '*' || **at == '?') {
		last -= field == FIELD_WEEKDAY; /* 7 is 0 */
		++*at;
	} else {
		first = last = read_value(at, field);
		single = **at != '-';
		if (!single) {
			++*at;
			last = read_value(at, field);
		}
	}
	if (**at == '/') {
		step = isdigit((unsigned char)*++*at) ? strtol(*at, &end, 10)
						      : 0;
		if (step < 1 || step > 1000)
			return false;
		*at = end;
		if (single)
			last = fields[field].highest;
	}
	if (first < fields[field].lowest || last < first)
		return false;
	for (int i = first; i <= last; i += (int)step)
		*set |= UINT64_C(1) << i;
	return true;
}

static struct error *
read_field(struct arena *arena, const char *text, const char **at,
	   enum field field, uint64_t *set)
{
	*set = 0;
	do {
		*at += *set != 0; /* the comma */
		if (!read_item(at, field, set))
			return bad(arena, fields[field].name, text);
	} while (**at == ',');
	if (**at && !isspace((unsigned char)**at))
		return bad(arena, fields[field].name, text);
	return NULL;
}

static bool
is_any(const char *at)
{
	return (*at == '*' || *at == '?') &&
	       (!at[1] || isspace((unsigned char)at[1]));
}

static const char *
skip_blanks(const char *at)
{
	while (isspace((unsigned char)*at))
		at++;
	return at;
}

static int
count_fields(const char *at)
{
	int count = 0;

	for (at = skip_blanks(at); *at; at = skip_blanks(at)) {
		count++;
		while (*at && !isspace((unsigned char)*at))
			at++;
	}
	return count;
}

static struct error *
read_fields(struct arena *arena, const char *text, const char *at,
	    struct schedule *schedule)
{
	int count = count_fields(at);
	struct error *error = NULL;

	if (count != 5 && count != 6)
		return bad(arena, "it has neither five nor six fields", text);
	schedule->sets[FIELD_SECOND] = 1;
	for (int field = count == 5; field < FIELDS && !error; field++) {
		at = skip_blanks(at);
		if (field == FIELD_DAY)
			schedule->any_day = is_any(at);
		if (field == FIELD_WEEKDAY)
			schedule->any_weekday = is_any(at);
		error = read_field(arena, text, &at, (enum field)field,
				   &schedule->sets[field]);
	}
	if (schedule->sets[FIELD_WEEKDAY] & 1 << 7)
		schedule->sets[FIELD_WEEKDAY] |= 1;
	return error;
}

/* "1h30m" in seconds; -1 where it is none. */
static int64_t
read_duration(const char *at)
{
	static const char units[] = "hms";
	static const int64_t seconds[] = { 3600, 60, 1 };
	int64_t total = 0;

	at = skip_blanks(at);
	while (isdigit((unsigned char)*at)) {
		char *end;
		long value = strtol(at, &end, 10);
		const char *unit = *end ? strchr(units, *end) : NULL;

		if (!unit || value > EVERY_MOST)
			return -1;
		total += value * seconds[unit - units];
		at = end + 1;
	}
	return *skip_blanks(at) || total < 1 || total > EVERY_MOST ? -1 : total;
}

static struct error *
read_word(struct arena *arena, const char *text, const char *at,
	  struct schedule *schedule)
{
	if (!strncasecmp(at, "@every ", 7)) {
		schedule->every = read_duration(at + 7);
		return schedule->every > 0
			       ? NULL
			       : bad(arena,
				     "@every is followed by a time such as "
				     "1h30m, from 1s to a year",
				     text);
	}
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcasecmp(at, words[i].word))
			return read_fields(arena, text, words[i].fields,
					   schedule);
	return bad(arena, "there is no such word", text);
}

static bool
is_zone(struct arena *arena, const char *name)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz"
				      "0123456789_+-/";

	return *name && *name != '/' && strspn(name, allowed) == strlen(name) &&
	       !access(arena_printf(arena, "/usr/share/zoneinfo/%s", name),
		       R_OK);
}

static struct error *
read_zone(struct arena *arena, const char *text, const char **at,
	  struct schedule *schedule)
{
	static const char *const prefixes[] = { "CRON_TZ=", "TZ=" };

	schedule->zone = "UTC";
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		size_t length = strlen(prefixes[i]);
		size_t name;

		if (strncmp(*at, prefixes[i], length) != 0)
			continue;
		name = strcspn(*at + length, " \t");
		schedule->zone = arena_strndup(arena, *at + length, name);
		*at = skip_blanks(*at + length + name);
		if (!is_zone(arena, schedule->zone))
			return bad(arena, "there is no such time zone", text);
	}
	return NULL;
}

struct error *
schedule_read(struct arena *arena, const char *text, struct schedule **schedule)
{
	const char *at = skip_blanks(text);
	struct error *error;

	*schedule = ARENA_NEW(arena, struct schedule);
	error = read_zone(arena, text, &at, *schedule);
	if (error)
		return error;
	return *at == '@' ? read_word(arena, text, at, *schedule)
			  : read_fields(arena, text, at, *schedule);
}

/* Finding. */

static bool
has(const struct schedule *schedule, enum field field, int value)
{
	return schedule->sets[field] >> value & 1;
}

static bool
is_day(const struct schedule *schedule, const struct tm *tm)
{
	bool day = has(schedule, FIELD_DAY, tm->tm_mday);
	bool weekday = has(schedule, FIELD_WEEKDAY, tm->tm_wday);

	if (!has(schedule, FIELD_MONTH, tm->tm_mon + 1))
		return false;
	if (schedule->any_day || schedule->any_weekday)
		return day && weekday;
	return day || weekday;
}

static bool
is_any_hour(const struct schedule *schedule)
{
	return schedule->sets[FIELD_HOUR] == (1 << 24) - 1;
}

static struct tm
local(int64_t time)
{
	time_t seconds = (time_t)time;
	struct tm tm;

	localtime_r(&seconds, &tm);
	return tm;
}

static int
second_of_day(const struct tm *tm)
{
	return tm->tm_hour * 3600 + tm->tm_min * 60 + tm->tm_sec;
}

/* Whether the clock, going forward to `time`, left out a time that fits. */
static bool
was_left_out(const struct schedule *schedule, int64_t time)
{
	struct tm before = local(time - 1), now = local(time);

	if (is_any_hour(schedule) || before.tm_gmtoff >= now.tm_gmtoff)
		return false;
	for (long i = 0; i < now.tm_gmtoff - before.tm_gmtoff; i++) {
		/* what the old clock would show */
		time_t shown = (time_t)(time + before.tm_gmtoff + i);
		struct tm tm;

		gmtime_r(&shown, &tm);
		if (is_day(schedule, &tm) &&
		    has(schedule, FIELD_HOUR, tm.tm_hour) &&
		    has(schedule, FIELD_MINUTE, tm.tm_min) &&
		    has(schedule, FIELD_SECOND, tm.tm_sec))
			return true;
	}
	return false;
}

/* Whether the clock, put back, shows a time that it has shown before. */
static bool
is_second_time(const struct schedule *schedule, int64_t time,
	       const struct tm *tm)
{
	static const int shifts[] = { 1800, 3600, 7200 };

	if (is_any_hour(schedule))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(shifts); i++) {
		struct tm earlier = local(time - shifts[i]);

		if (earlier.tm_mday == tm->tm_mday &&
		    second_of_day(&earlier) == second_of_day(tm))
			return true;
	}
	return false;
}

/* The beginning of the next local day: by the clock, if it was not changed. */
static int64_t
next_day(int64_t time, const struct tm *tm)
{
	int64_t next = time + DAY_SECONDS - second_of_day(tm);
	struct tm then = local(next);
	int64_t start;

	if (then.tm_mday == tm->tm_mday) /* the day was longer */
		return next;
	start = next - second_of_day(&then); /* or shorter */
	return start > time && local(start).tm_mday == then.tm_mday ? start
								    : next;
}

/* The next time to look at; `time` itself if it fits. */
static int64_t
step(const struct schedule *schedule, int64_t time, const struct tm *tm)
{
	if (!is_day(schedule, tm))
		return next_day(time, tm);
	if (!has(schedule, FIELD_HOUR, tm->tm_hour))
		return time + 3600 - tm->tm_min * 60 - tm->tm_sec;
	if (!has(schedule, FIELD_MINUTE, tm->tm_min))
		return time + 60 - tm->tm_sec;
	return time + !has(schedule, FIELD_SECOND, tm->tm_sec);
}

static int64_t
find(const struct schedule *schedule, int64_t after)
{
	int64_t time = after + 1;

	while (time - after < SEARCH_SECONDS) {
		struct tm tm = local(time);
		int64_t next;

		if (was_left_out(schedule, time))
			return time;
		next = step(schedule, time, &tm);
		if (next != time)
			time = next;
		else if (is_second_time(schedule, time, &tm))
			time++;
		else
			return time;
	}
	return -1;
}

int64_t
schedule_next(const struct schedule *schedule, int64_t after)
{
	const char *zone = getenv("TZ");
	char *saved;
	int64_t next;

	if (schedule->every)
		return after + schedule->every;
	saved = zone ? strdup(zone) : NULL;
	setenv("TZ", schedule->zone, 1);
	tzset();
	next = find(schedule, after);
	if (saved)
		setenv("TZ", saved, 1);
	else
		unsetenv("TZ");
	tzset();
	free(saved);
	return next;
}
