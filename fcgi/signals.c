/*
 * signals.c: what the master's children do with signals.
 */
#include "fcgi/signals.h"

#include <signal.h>

void
signals_of_child(void (*stop)(int signal))
{
	struct sigaction stopping = { .sa_handler = stop };
	struct sigaction ignored = { .sa_handler = SIG_IGN };

	sigemptyset(&stopping.sa_mask);
	sigemptyset(&ignored.sa_mask);
	sigaction(SIGTERM, &stopping, NULL);
	sigaction(SIGQUIT, &stopping, NULL);
	sigaction(SIGINT, &ignored, NULL);
	sigaction(SIGHUP, &ignored, NULL);
	sigaction(SIGPIPE, &ignored, NULL);
}
