/*
 * worker.h: a process of a pool: one connection to PostgreSQL, one request
 * at a time.
 */
#ifndef ACTD_WORKER_H
#define ACTD_WORKER_H

#include "fcgi/config.h"

struct worker_settings {
	const struct config *config;
	const struct pool *pool;
	struct shared *shared;
	struct shared_slot *slot;
	int listen_fd;
};

/*
 * Serves until SIGTERM, which lets the request at hand finish. SIGTERM must
 * be blocked. Returns the exit status of the process.
 */
int worker_run(const struct worker_settings *settings);

#endif
