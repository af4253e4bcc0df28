/*
 * fake_time.c: generators of moments, dates and times of day, in UTC.
 */
#include "handlers/fake_parts.h"

#include <time.h>

#define DAY_SECONDS INT64_C(86400)

static struct tm
calendar(int64_t seconds)
{
	time_t moment = (time_t)seconds;
	struct tm tm;

	gmtime_r(&moment, &tm);
	return tm;
}

static void
add_date(struct strbuf *out, int64_t seconds)
{
	struct tm tm = calendar(seconds);

	strbuf_printf(out, "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1,
		      tm.tm_mday);
}

static void
add_clock(struct strbuf *out, int64_t seconds)
{
	struct tm tm = calendar(seconds);

	strbuf_printf(out, "%02d:%02d:%02d", tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* All moments of a row are within some days of each other. */
static int64_t
moment_of(struct fake *fake, const struct fake_column *column)
{
	if (column->settings.is_unique)
		return fake_number_of(fake, column);
	return fake->theme.moment + fake_between(fake, 0, 30 * DAY_SECONDS);
}

void
fake_make_datetime(struct fake *fake, const struct fake_column *column,
		   struct strbuf *out)
{
	int64_t moment = moment_of(fake, column);

	add_date(out, moment);
	strbuf_putc(out, 'T');
	add_clock(out, moment);
	strbuf_putc(out, 'Z');
}

void
fake_make_date(struct fake *fake, const struct fake_column *column,
	       struct strbuf *out)
{
	if (column->settings.is_unique)
		fake_make_datetime(fake, column, out);
	else
		add_date(out, moment_of(fake, column));
}

void
fake_make_birthday(struct fake *fake, const struct fake_column *column,
		   struct strbuf *out)
{
	if (column->settings.is_unique)
		fake_make_datetime(fake, column, out);
	else
		add_date(out,
			 fake_between(fake, -631152000, FAKE_MOMENT_FIRST));
}

void
fake_make_time(struct fake *fake, const struct fake_column *column UNUSED,
	       struct strbuf *out)
{
	add_clock(out, fake_between(fake, 0, DAY_SECONDS - 1));
}
