/*
 * labour.h: the child of a runner: it does the work of one job after the
 * other over a connection of its own, so that the runner stays free to hold
 * the lease and to end it.
 */
#ifndef ACTD_LABOUR_H
#define ACTD_LABOUR_H

#include "fcgi/worker.h"

/* From the runner: the job to do. */
struct labour_order {
	int64_t id;
	int64_t attempt;
};

/* To the runner: progress, or the end of the job. */
struct labour_report {
	bool ended;
	int status; /* of the error that ended it; 0: it succeeded */
	int64_t done;
	int64_t total;
	char unit[48]; /* "": none */
	char code[64];
	char text[1024];
};

struct labour {
	pid_t pid; /* 0: there is none */
	int fd;	   /* a SOCK_SEQPACKET pair */
};

/*
 * Starts the child for jobs of `worker`; it closes `control_fd`, the runner's
 * connection. False where the system refuses.
 */
bool labour_start(struct labour *labour, const struct worker_settings *settings,
		  const char *worker, int control_fd);

/* False where the child is gone. */
bool labour_send(const struct labour *labour, const struct labour_order *order);

/* Takes a report that has come; `*gone` where the child has ended. */
bool labour_receive(const struct labour *labour, struct labour_report *report,
		    bool *gone);

/* Asks the child to end its job: the statement that runs is cancelled. */
void labour_cancel(const struct labour *labour);

/* Ends the child. What it had not committed is rolled back by the server. */
void labour_end(struct labour *labour);

#endif
