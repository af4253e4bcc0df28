/*
 * log.h: one line of key=value pairs per event, to standard error. Values
 * with blanks, quotes, or control bytes are quoted and escaped. Secrets never
 * come here: callers pass names and ids, not values of users.
 */
#ifndef ACTD_LOG_H
#define ACTD_LOG_H

#include <stddef.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };

/* Lines below `level` are left out; the default is LOG_INFO. */
void log_set_level(enum log_level level);

/* The level named "debug", "info", "warning" or "error"; -1 if none. */
int log_level_of(const char *name);

/*
 * log_event(LOG_INFO, "worker-start", "pool", "quick", NULL): the event and
 * pairs of key and value; a NULL value is left out with its key. The list
 * ends with a NULL key. Written by one write(2).
 */
void log_event(enum log_level level, const char *event, ...)
	__attribute__((sentinel));

/*
 * Lines below LOG_WARNING wait in a buffer of this process until it is full,
 * a warning comes, or log_flush(): for a worker, which flushes before it
 * sleeps.
 */
void log_buffer(void);
void log_flush(void);

#endif
