/*
 * progress.c: lines on standard error.
 */
#include "fcgi/progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "db/base/clock.h"

#define BAR 30
#define TERMINAL_US 100000
#define PLAIN_US 5000000

void
progress_begin(struct progress *progress)
{
	*progress = (struct progress){
		.terminal = isatty(STDERR_FILENO) == 1,
		.began_us = clock_us(CLOCK_MONOTONIC),
	};
}

static void
show_bar(int64_t done, int64_t total)
{
	static const char full[] = "##############################";
	int filled = (int)((double)done / (double)total * BAR);

	if (filled > BAR)
		filled = BAR;
	fprintf(stderr, "[%-*.*s] ", BAR, filled, full);
}

static void
show_line(int64_t done, int64_t total, const char *unit, double seconds)
{
	double rate = seconds > 0 ? (double)done / seconds : 0;

	fprintf(stderr, "%lld", (long long)done);
	if (total > 0)
		fprintf(stderr, " of %lld", (long long)total);
	fprintf(stderr, "%s%s, %.0f/s", unit ? " " : "", unit ? unit : "",
		rate);
	if (total > done && rate > 0)
		fprintf(stderr, ", %.0f s left", (double)(total - done) / rate);
}

void
progress_show(struct progress *progress, int64_t done, int64_t total,
	      const char *unit)
{
	int64_t now = clock_us(CLOCK_MONOTONIC);
	int64_t since = now - (progress->shown_us ? progress->shown_us
						  : progress->began_us);

	if (since < (progress->terminal ? TERMINAL_US : PLAIN_US))
		return;
	progress->shown_us = now;
	if (progress->terminal)
		fputs("\r\033[K", stderr);
	if (progress->terminal && total > 0)
		show_bar(done, total);
	show_line(done, total, unit, (double)(now - progress->began_us) / 1e6);
	if (!progress->terminal)
		fputc('\n', stderr);
}

void
progress_end(struct progress *progress)
{
	if (progress->terminal && progress->shown_us)
		fputs("\r\033[K", stderr);
}
