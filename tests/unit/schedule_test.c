/*
 * schedule_test.c: schedules as people write them, and the times they mean.
 */
#include "tests/unit/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "db/base/schedule.h"

/* "2026-03-29 01:59:59" UTC, in seconds since the epoch. */
static int64_t
at(const char *text)
{
	struct tm tm = { 0 };

	assert_non_null(strptime(text, "%Y-%m-%d %H:%M:%S", &tm));
	return timegm(&tm);
}

/* The next times after `after`, NULL-ended. */
static void
expect_times(void **state, const char *schedule, const char *after,
	     const char *const *times)
{
	struct schedule *read;
	struct error *error = schedule_read(*state, schedule, &read);
	int64_t time = at(after);

	if (error)
		fail_msg("%s", error->detail);
	for (; *times; times++) {
		char text[32];
		time_t seconds;

		time = schedule_next(read, time);
		seconds = (time_t)time;
		strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S",
			 gmtime(&seconds));
		assert_string_equal(text, *times);
	}
}

#define EXPECT(schedule, after, ...)                                           \
	expect_times(state, schedule, after,                                   \
		     (const char *const[]){ __VA_ARGS__, NULL })

static void
five_fields_begin_with_the_minute(void **state)
{
	EXPECT("*/20 9-10 * * *", "2026-05-05 09:59:59", "2026-05-05 10:00:00",
	       "2026-05-05 10:20:00", "2026-05-05 10:40:00",
	       "2026-05-06 09:00:00");
	EXPECT("5,3 * * * *", "2026-05-05 09:03:00", "2026-05-05 09:05:00",
	       "2026-05-05 10:03:00");
	EXPECT("  0   12 * * ? ", "2026-05-05 12:00:00", "2026-05-06 12:00:00");
	EXPECT("7/20 3 * * *", "2026-05-05 00:00:00", "2026-05-05 03:07:00",
	       "2026-05-05 03:27:00", "2026-05-05 03:47:00",
	       "2026-05-06 03:07:00");
}

static void
six_fields_begin_with_the_second(void **state)
{
	EXPECT("*/30 * * * * *", "2026-05-05 09:59:29", "2026-05-05 09:59:30",
	       "2026-05-05 10:00:00");
	EXPECT("15 30 8 * * *", "2026-12-31 08:30:15", "2027-01-01 08:30:15");
}

static void
words_stand_for_fields(void **state)
{
	EXPECT("@hourly", "2026-05-05 09:10:11", "2026-05-05 10:00:00");
	EXPECT("@daily", "2026-05-05 00:00:00", "2026-05-06 00:00:00");
	EXPECT("@midnight", "2026-12-31 23:59:59", "2027-01-01 00:00:00");
	EXPECT("@weekly", "2026-05-05 00:00:00", "2026-05-10 00:00:00");
	EXPECT("@monthly", "2026-05-05 00:00:00", "2026-06-01 00:00:00");
	EXPECT("@yearly", "2026-05-05 00:00:00", "2027-01-01 00:00:00");
	EXPECT("@annually", "2026-05-05 00:00:00", "2027-01-01 00:00:00");
	EXPECT("@every 1h30m", "2026-05-05 00:00:01", "2026-05-05 01:30:01",
	       "2026-05-05 03:00:01");
	EXPECT("@every 5s", "2026-05-05 00:00:01", "2026-05-05 00:00:06");
}

static void
months_end_where_they_end(void **state)
{
	EXPECT("0 0 31 * *", "2026-03-31 00:00:00", "2026-05-31 00:00:00",
	       "2026-07-31 00:00:00", "2026-08-31 00:00:00",
	       "2026-10-31 00:00:00");
	EXPECT("0 0 30 JAN-mar *", "2026-01-30 00:00:00", "2026-03-30 00:00:00",
	       "2027-01-30 00:00:00");
}

static void
a_leap_day_comes_in_leap_years(void **state)
{
	EXPECT("0 0 29 2 *", "2026-01-01 00:00:00", "2028-02-29 00:00:00",
	       "2032-02-29 00:00:00");
	EXPECT("0 0 29 2 *", "2096-03-01 00:00:00", "2104-02-29 00:00:00");
}

static void
a_day_that_is_none_never_comes(void **state)
{
	struct schedule *schedule;

	assert_null(schedule_read(*state, "0 0 30 2 *", &schedule));
	assert_int_equal(schedule_next(schedule, at("2026-01-01 00:00:00")),
			 -1);
}

static void
either_of_both_days_makes_a_day(void **state)
{
	/* 2026-05-13 is a Wednesday, Fridays are the 8th and 15th */
	EXPECT("0 0 13 * FRI", "2026-05-05 00:00:00", "2026-05-08 00:00:00",
	       "2026-05-13 00:00:00", "2026-05-15 00:00:00");
	EXPECT("0 0 * * 7", "2026-05-05 00:00:00", "2026-05-10 00:00:00");
	EXPECT("0 0 * * mon-Fri", "2026-05-08 00:00:00", "2026-05-11 00:00:00");
}

static void
a_zone_shifts_the_fields(void **state)
{
	EXPECT("CRON_TZ=Asia/Tokyo 0 9 * * *", "2026-05-05 00:00:00",
	       "2026-05-06 00:00:00");
	EXPECT("TZ=America/New_York 30 20 * * *", "2026-01-01 00:00:00",
	       "2026-01-01 01:30:00", "2026-01-02 01:30:00");
}

static void
a_time_that_is_left_out_is_right_after(void **state)
{
	/* Berlin: 2026-03-29 02:00 is 03:00, 01:00 UTC */
	EXPECT("CRON_TZ=Europe/Berlin 30 2 * * *", "2026-03-28 00:00:00",
	       "2026-03-28 01:30:00", "2026-03-29 01:00:00",
	       "2026-03-30 00:30:00");
	EXPECT("CRON_TZ=Europe/Berlin 30 3 * * *", "2026-03-28 12:00:00",
	       "2026-03-29 01:30:00", "2026-03-30 01:30:00");
	/* Cairo's clock goes from 00:00 to 01:00 on 2026-04-24 */
	EXPECT("CRON_TZ=Africa/Cairo 0 0 * * *", "2026-04-23 00:00:00",
	       "2026-04-23 22:00:00", "2026-04-24 21:00:00");
}

static void
a_time_that_comes_twice_is_taken_once(void **state)
{
	/* Berlin: 2026-10-25 03:00 is 02:00 again, 01:00 UTC */
	EXPECT("CRON_TZ=Europe/Berlin 30 2 * * *", "2026-10-24 12:00:00",
	       "2026-10-25 00:30:00", "2026-10-26 01:30:00");
	EXPECT("CRON_TZ=Europe/Berlin 0 0 * * *", "2026-10-24 12:00:00",
	       "2026-10-24 22:00:00", "2026-10-25 23:00:00");
}

static void
any_hour_goes_by_real_time(void **state)
{
	EXPECT("CRON_TZ=Europe/Berlin 30 * * * *", "2026-10-24 23:45:00",
	       "2026-10-25 00:30:00", "2026-10-25 01:30:00",
	       "2026-10-25 02:30:00");
	EXPECT("CRON_TZ=Europe/Berlin 30 * * * *", "2026-03-28 23:45:00",
	       "2026-03-29 00:30:00", "2026-03-29 01:30:00");
}

static void
the_zone_of_the_process_stays(void **state)
{
	struct schedule *schedule;

	setenv("TZ", "America/Lima", 1);
	tzset();
	assert_null(schedule_read(*state, "CRON_TZ=Asia/Tokyo 0 9 * * *",
				  &schedule));
	schedule_next(schedule, 0);
	assert_string_equal(getenv("TZ"), "America/Lima");
	assert_int_equal(timezone, 5 * 3600);
	unsetenv("TZ");
	tzset();
	schedule_next(schedule, 0);
	assert_null(getenv("TZ"));
}

static void
what_is_no_schedule_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		" ",
		"* * * *",
		"* * * * * * *",
		"60 * * * *",
		"* 24 * * *",
		"* * 0 * *",
		"* * 32 * *",
		"* * * 13 *",
		"* * * 0 *",
		"* * * * 8",
		"*/0 * * * *",
		"*/ * * * *",
		"5-1 * * * *",
		"5- * * * *",
		"-5 * * * *",
		"1,,2 * * * *",
		"1, * * * *",
		"a * * * *",
		"* * * FOO *",
		"1x * * * *",
		"99999999999999999999 * * * *",
		"*/99999999999 * * * *",
		"@every",
		"@every 0s",
		"@every 1",
		"@every 1d",
		"@every -1h",
		"@every 99999999999999h",
		"@every 1h x",
		"@reboot",
		"@",
		"CRON_TZ=Nowhere/At_All * * * * *",
		"CRON_TZ=",
		"CRON_TZ=../../../etc/passwd * * * * *",
		"CRON_TZ=/etc/localtime * * * * *",
		"CRON_TZ=UTC",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct schedule *schedule;
		struct error *error =
			schedule_read(*state, texts[i], &schedule);

		if (!error)
			fail_msg("\"%s\" was taken", texts[i]);
		assert_int_equal(error->status, 422);
		assert_string_equal(error->code, "bad-schedule");
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(five_fields_begin_with_the_minute),
		cmocka_unit_test(six_fields_begin_with_the_second),
		cmocka_unit_test(words_stand_for_fields),
		cmocka_unit_test(months_end_where_they_end),
		cmocka_unit_test(a_leap_day_comes_in_leap_years),
		cmocka_unit_test(a_day_that_is_none_never_comes),
		cmocka_unit_test(either_of_both_days_makes_a_day),
		cmocka_unit_test(a_zone_shifts_the_fields),
		cmocka_unit_test(a_time_that_is_left_out_is_right_after),
		cmocka_unit_test(a_time_that_comes_twice_is_taken_once),
		cmocka_unit_test(any_hour_goes_by_real_time),
		cmocka_unit_test(the_zone_of_the_process_stays),
		cmocka_unit_test(what_is_no_schedule_is_refused),
	};

	return cmocka_run_group_tests(tests, arena_setup, arena_teardown);
}
