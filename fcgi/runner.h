/*
 * runner.h: a process that takes background jobs and starts the tasks that
 * are due. What a job does is done by a child with a connection of its own;
 * the runner holds its lease, tells its progress and ends it when it is
 * cancelled.
 */
#ifndef ACTD_RUNNER_H
#define ACTD_RUNNER_H

#include "fcgi/worker.h"

/*
 * Takes jobs until SIGTERM, which lets the job at hand finish, or SIGQUIT,
 * which gives it some seconds and then puts it back. Both must be blocked.
 * Returns the exit status of the process.
 */
int runner_run(const struct worker_settings *settings);

#endif
