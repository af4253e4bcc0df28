/*
 * clock.h: the time in microseconds.
 */
#ifndef ACTD_CLOCK_H
#define ACTD_CLOCK_H

#include <stdint.h>
#include <time.h>

/*
 * CLOCK_REALTIME: since 1970, and jumps when somebody sets the clock.
 * CLOCK_MONOTONIC: since some moment, for how long something takes. The
 * clocks of clock_getres(2) for processor time do as well.
 */
int64_t clock_us(clockid_t clock);

#endif
