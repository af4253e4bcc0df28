/*
 * moment.c: reads dates by a table of patterns. What may be read in two ways
 * (01/02/2026) is not read at all.
 */
#include "db/moment.h"

#include <ctype.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "db/base/compiler.h"

#define MICROSECONDS 1000000
#define DAY_SECONDS INT64_C(86400)

/* 0001-01-01 and 10000-01-01, in seconds since 1970. */
#define FIRST_SECOND INT64_C(-62135596800)
#define END_SECOND INT64_C(253402300800)

struct moment {
	int year, month, day; /* year 0: not given */
	int hour, minute, second, microsecond;
	int offset_minutes; /* east of UTC */
};

/*
 * Y year, M month, D day, b name of a month, a name of a weekday and a comma
 * (neither needed), T a "T" or blanks, c a time of day, z a zone or nothing,
 * blank: blanks; everything else is itself.
 */
static const char *const patterns[] = {
	"Y-M-D",    "Y-M-DTcz",	 "Y/M/D",     "Y/M/D cz",  "D.M.Y",
	"D.M.Y cz", "aD b Y",	 "aD b Y cz", "aD-b-Y",	   "aD-b-Y cz",
	"b D, Y",   "b D, Y cz", "ab D Y",    "ab D Y cz", "ab D cz Y",
};

/* From `low` to `high` digits; NULL if there are fewer. */
static const char *
read_number(const char *p, int low, int high, int *number)
{
	int count = 0;

	*number = 0;
	while (count < high && isdigit((unsigned char)p[count]))
		*number = *number * 10 + (p[count++] - '0');
	return count < low || isdigit((unsigned char)p[count]) ? NULL
							       : p + count;
}

/* A whole name or its first three letters. */
static const char *
read_name(const char *p, const char *const *names, size_t count, int *index)
{
	size_t length = 0;

	while (isalpha((unsigned char)p[length]))
		length++;
	for (size_t i = 0; i < count; i++)
		if ((length == 3 || length == strlen(names[i])) &&
		    !strncasecmp(p, names[i], length)) {
			*index = (int)i;
			return p + length;
		}
	return NULL;
}

static const char *
read_month(const char *p, int *month)
{
	static const char *const names[] = {
		"January",   "February", "March",    "April",
		"May",	     "June",	 "July",     "August",
		"September", "October",	 "November", "December",
	};

	p = read_name(p, names, ARRAY_SIZE(names), month);
	*month += 1;
	return p;
}

static const char *
skip_blanks(const char *p)
{
	while (*p == ' ')
		p++;
	return p;
}

static const char *
skip_weekday(const char *p)
{
	static const char *const names[] = { "Monday",	 "Tuesday", "Wednesday",
					     "Thursday", "Friday",  "Saturday",
					     "Sunday" };
	const char *end;
	int day;

	end = read_name(p, names, ARRAY_SIZE(names), &day);
	if (!end)
		return p;
	return skip_blanks(*end == ',' ? end + 1 : end);
}

/* Digits of a fraction; those beyond microseconds are cut off. */
static const char *
read_fraction(const char *p, int *microsecond)
{
	int unit = 100000;

	if (!isdigit((unsigned char)*p))
		return NULL;
	for (*microsecond = 0; isdigit((unsigned char)*p); p++) {
		*microsecond += (*p - '0') * unit;
		unit /= 10;
	}
	return p;
}

/* 15:04, 15:04:05 or 15:04:05.123 */
static const char *
read_clock(const char *p, struct moment *moment)
{
	p = read_number(p, 1, 2, &moment->hour);
	if (!p || *p != ':')
		return NULL;
	p = read_number(p + 1, 2, 2, &moment->minute);
	if (!p || *p != ':')
		return p;
	p = read_number(p + 1, 2, 2, &moment->second);
	if (!p || *p != '.')
		return p;
	return read_fraction(p + 1, &moment->microsecond);
}

/* +01:00, +0100, +01 */
static const char *
read_offset(const char *p, struct moment *moment)
{
	int sign = *p == '-' ? -1 : 1;
	int hours, minutes = 0;
	const char *end = read_number(p + 1, 4, 4, &hours);

	if (end) {
		minutes = hours % 100;
		hours /= 100;
	} else {
		end = read_number(p + 1, 2, 2, &hours);
		if (end && *end == ':')
			end = read_number(end + 1, 2, 2, &minutes);
	}
	if (!end || hours > 15 || minutes > 59)
		return NULL;
	moment->offset_minutes = sign * (hours * 60 + minutes);
	return end;
}

static const char *
read_zone(const char *start, struct moment *moment)
{
	static const char *const names[] = { "UTC", "GMT", "Z" };
	const char *p = skip_blanks(start);

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strncasecmp(p, names[i], strlen(names[i]))) {
			start = p = p + strlen(names[i]);
			break;
		}
	return *p == '+' || *p == '-' ? read_offset(p, moment) : start;
}

static const char *
read_blanks(const char *p)
{
	return *p == ' ' ? skip_blanks(p) : NULL;
}

static const char *
read_piece(char piece, const char *p, struct moment *moment)
{
	switch (piece) {
	case 'Y':
		return read_number(p, 4, 4, &moment->year);
	case 'M':
		return read_number(p, 1, 2, &moment->month);
	case 'D':
		return read_number(p, 1, 2, &moment->day);
	case 'b':
		return read_month(p, &moment->month);
	case 'a':
		return skip_weekday(p);
	case 'T':
		return *p == 'T' || *p == 't' ? p + 1 : read_blanks(p);
	case 'c':
		return read_clock(p, moment);
	case 'z':
		return read_zone(p, moment);
	case ' ':
		return read_blanks(p);
	default:
		return *p == piece ? p + 1 : NULL;
	}
}

/* What follows the last piece may be blanks, or a zone's name in brackets. */
static bool
is_end(const char *p)
{
	p = skip_blanks(p);
	return !*p || (*p == '(' && strchr(p, ')') == p + strlen(p) - 1);
}

static bool
matches(const char *pattern, const char *text, struct moment *moment)
{
	*moment = (struct moment){ .year = 0 };
	for (; *pattern && text; pattern++)
		text = read_piece(*pattern, text, moment);
	return text && is_end(text);
}

static bool
is_leap_year(int year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int
days_of_month(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30,
				    31, 31, 30, 31, 30, 31 };

	return month == 2 && is_leap_year(year) ? 29 : days[month - 1];
}

static bool
is_time(const struct moment *moment)
{
	return moment->hour < 24 && moment->minute < 60 && moment->second < 60;
}

static bool
is_possible(const struct moment *moment)
{
	return moment->year >= 1 && moment->month >= 1 && moment->month <= 12 &&
	       moment->day >= 1 &&
	       moment->day <= days_of_month(moment->year, moment->month) &&
	       is_time(moment);
}

/* Days from 1970-01-01 in the Gregorian calendar; years begin in March. */
static int64_t
days_since_1970(int64_t year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = y / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year =
		(153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return era * 146097 + year_of_era * 365 + year_of_era / 4 -
	       year_of_era / 100 + day_of_year - 719468;
}

static int64_t
seconds_of(const struct moment *moment)
{
	int64_t days =
		days_since_1970(moment->year, moment->month, moment->day);

	return days * DAY_SECONDS + moment->hour * 3600 + moment->minute * 60 +
	       moment->second - moment->offset_minutes * 60;
}

/* The reverse of days_since_1970(). */
static void
set_date(struct moment *moment, int64_t days)
{
	time_t seconds = days * DAY_SECONDS;
	struct tm date;

	gmtime_r(&seconds, &date);
	moment->day = date.tm_mday;
	moment->month = date.tm_mon + 1;
	moment->year = date.tm_year + 1900;
}

static const char *
print(struct arena *arena, int64_t seconds, int microsecond)
{
	struct moment moment;
	int64_t days = seconds / DAY_SECONDS;
	int64_t rest = seconds % DAY_SECONDS;

	if (seconds < FIRST_SECOND || seconds >= END_SECOND)
		return NULL;
	if (rest < 0) {
		rest += DAY_SECONDS;
		days--;
	}
	set_date(&moment, days);
	return arena_printf(arena, "%04d-%02d-%02d %02d:%02d:%02d.%06d+00",
			    moment.year, moment.month, moment.day,
			    (int)(rest / 3600), (int)(rest / 60 % 60),
			    (int)(rest % 60), microsecond);
}

static bool
read_moment(const char *text, struct moment *moment)
{
	text = skip_blanks(text);
	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++)
		if (matches(patterns[i], text, moment))
			return is_possible(moment);
	return false;
}

const char *
moment_from_text(struct arena *arena, const char *text)
{
	struct moment moment;

	if (!read_moment(text, &moment))
		return NULL;
	return print(arena, seconds_of(&moment), moment.microsecond);
}

/* "-12.5" into whole seconds and microseconds, rounded down. */
static bool
read_seconds(const char *digits, int64_t *seconds, int *microsecond)
{
	char *end;
	double value = strtod(digits, &end);

	if (end == digits || *end || !isfinite(value) ||
	    value >= (double)END_SECOND || value < (double)FIRST_SECOND)
		return false;
	*seconds = (int64_t)value - (value < (double)(int64_t)value);
	*microsecond = (int)((value - (double)*seconds) * MICROSECONDS + 0.5);
	if (*microsecond == MICROSECONDS)
		*microsecond = MICROSECONDS - 1;
	return true;
}

const char *
moment_from_seconds(struct arena *arena, const char *digits)
{
	int64_t seconds;
	int microsecond;

	if (!read_seconds(digits, &seconds, &microsecond))
		return NULL;
	return print(arena, seconds, microsecond);
}

static const char *
print_time(struct arena *arena, int64_t seconds, int microsecond)
{
	seconds %= DAY_SECONDS;
	return print(arena, seconds < 0 ? seconds + DAY_SECONDS : seconds,
		     microsecond);
}

const char *
moment_time_from_text(struct arena *arena, const char *text)
{
	struct moment moment;

	if (matches("cz", skip_blanks(text), &moment)) {
		if (!is_time(&moment))
			return NULL;
		moment.year = 1970;
		moment.month = moment.day = 1;
	} else if (!read_moment(text, &moment)) {
		return NULL;
	}
	return print_time(arena, seconds_of(&moment), moment.microsecond);
}

const char *
moment_time_from_seconds(struct arena *arena, const char *digits)
{
	int64_t seconds;
	int microsecond;

	if (!read_seconds(digits, &seconds, &microsecond))
		return NULL;
	return print_time(arena, seconds, microsecond);
}
