/*
 * script.h: JavaScript values of actions. A worker has a script host, which
 * starts an evaluator (handlers/evaluator/, a program of its own) when a
 * script first needs one, and replaces it when it has run away, worn out or
 * died. Values come and go as JSON; nothing else of the worker is there.
 */
#ifndef ACTD_SCRIPT_H
#define ACTD_SCRIPT_H

#include <stdint.h>
#include <sys/types.h>

#include "handlers/expr.h"

/* Part of a worker, which outlives requests. */
struct script_host {
	const char *program; /* of the evaluator; may be missing */
	int64_t limit_ms;    /* of a script */
	pid_t process;	     /* 0: there is none */
	int fd;
	uint64_t run;  /* number of the newest run that began */
	uint64_t held; /* run whose context the evaluator has; 0: none */
	bool worn;     /* the next run wants a new evaluator */
};

/* Starts nothing. `program` must outlive the host. */
void script_host_init(struct script_host *host, const char *program,
		      int64_t limit_ms);

/* Ends the evaluator, if there is one. */
void script_host_release(struct script_host *host);

/*
 * The evaluator of one run of an action, in a context that no other run sees;
 * lives in `arena`. With NULL it has NULL members, which expr.h understands.
 * Its errors:
 *   501 "no-evaluator"    the program is not installed
 *   422 "script-failed"   the script threw, with its words; or its result is
 *                         no JSON, too long, cyclic
 *   422 "script-timeout"  it ran longer than the limit
 *   422 "script-memory"   it ended the evaluator, which is for want of memory
 * undefined, functions and symbols are NULL, as null is.
 */
struct evaluator script_evaluator(struct arena *arena,
				  struct script_host *host);

#endif
