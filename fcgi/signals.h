/*
 * signals.h: what the master's children do with signals: those that are meant
 * for the master alone, from a terminal, pass them by.
 */
#ifndef ACTD_SIGNALS_H
#define ACTD_SIGNALS_H

/*
 * SIGTERM and SIGQUIT call `stop`, and break off what waits in the kernel;
 * SIGINT, SIGHUP and SIGPIPE are ignored.
 */
void signals_of_child(void (*stop)(int signal));

#endif
