/*
 * events.h: the process behind GET /job/{id}/events: server-sent events of
 * background jobs for any number of clients, so that none of them holds a
 * worker. nginx speaks plain HTTP to it (nginx/server.conf.in).
 */
#ifndef ACTD_EVENTS_H
#define ACTD_EVENTS_H

#include "fcgi/worker.h"

/*
 * Serves until SIGTERM, which must be blocked; clients then ask again. Returns
 * the exit status of the process.
 */
int events_run(const struct worker_settings *settings);

#endif
