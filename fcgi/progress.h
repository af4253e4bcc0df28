/*
 * progress.h: how far long work of the command line is: a bar with rate and
 * time left on a terminal, plain lines now and then otherwise.
 */
#ifndef ACTD_PROGRESS_H
#define ACTD_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	bool terminal; /* standard error is one */
	int64_t began_us;
	int64_t shown_us; /* 0: nothing was */
};

/* Work begins now. */
void progress_begin(struct progress *progress);

/* `done` of `total` (-1: not known) in `unit` ("rows"; NULL: none). */
void progress_show(struct progress *progress, int64_t done, int64_t total,
		   const char *unit);

/* Leaves the terminal's line. */
void progress_end(struct progress *progress);

#endif
