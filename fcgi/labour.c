/*
 * labour.c: both ends of the socket between a runner and its child. The child
 * dies with the runner: nobody else may hold its job then.
 */
#include "fcgi/labour.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "db/base/clock.h"
#include "db/base/log.h"
#include "fcgi/title.h"
#include "handlers/background.h"
#include "handlers/script.h"

/* Reports of progress come no faster. */
#define REPORT_US 100000

/* The child. Signal handlers reach only what is here. */
static struct db *work;
static volatile sig_atomic_t cancel_wanted;

struct child {
	const struct worker_settings *settings;
	const char *worker;
	int fd;
	struct arena *arena;
	struct account_cache *accounts;
	struct model *model;
	struct script_host scripts;
	int64_t reported_us;
};

static void
want_cancel(int signal UNUSED)
{
	int saved = errno;

	cancel_wanted = 1;
	if (work)
		db_cancel(work);
	errno = saved;
}

static void
send_report(const struct child *child, const struct labour_report *report)
{
	if (send(child->fd, report, sizeof *report, MSG_NOSIGNAL) < 0)
		_exit(EX_IOERR); /* the runner is gone */
}

static void
report_progress(struct background *background)
{
	struct child *child = background->context;
	const struct job_progress *progress = &background->progress;
	struct labour_report report = {
		.done = progress->done,
		.total = progress->total,
	};
	int64_t now = clock_us(CLOCK_MONOTONIC);

	if (now - child->reported_us < REPORT_US)
		return;
	child->reported_us = now;
	snprintf(report.unit, sizeof report.unit, "%s",
		 progress->unit ? progress->unit : "");
	send_report(child, &report);
}

static void
report_end(const struct child *child, const struct error *error)
{
	struct labour_report report = { .ended = true };

	if (error) {
		report.status = error->status;
		snprintf(report.code, sizeof report.code, "%s", error->code);
		snprintf(report.text, sizeof report.text, "%s", error->detail);
	}
	send_report(child, &report);
}

static long
no_body(void *context UNUSED, void *buffer UNUSED, size_t size UNUSED)
{
	return 0;
}

static struct error *
perform(struct child *child, const struct labour_order *order)
{
	struct request request = {
		.arena = child->arena,
		.db = work,
		.settings = &child->settings->config->settings,
		.shared = child->settings->shared,
		.accounts = child->accounts,
		.model_slot = &child->model,
		.actor = &actor_guest,
		.pool = child->settings->pool->name,
		.method = METHOD_POST,
		.path = "",
		.body = { .read = no_body },
		.scripts = &child->scripts,
	};
	struct background background = {
		.progress = { .total = -1 },
		.report = report_progress,
		.context = child,
	};
	struct job *job;
	struct error *error;

	error = db_connect(work, child->arena);
	if (!error)
		error = request_load_model(&request);
	if (!error)
		error = job_held(work, child->arena, order->id, child->worker,
				 order->attempt, &job);
	if (!error && (!job || cancel_wanted))
		error = error_new(child->arena, 409, "job-lost",
				  "The job was cancelled or taken away.");
	if (error)
		return error;
	background.job = job;
	request.id = job->reference_id;
	return background_perform(&request, &background);
}

static void NORETURN
be_child(struct child *child)
{
	const struct worker_settings *settings = child->settings;
	struct db_settings db_settings = {
		.conninfo = settings->config->database,
		.application = "actd job",
		.node = settings->shared->node,
		.prepared_statements =
			(unsigned)settings->config->prepared_statements,
	};
	struct labour_order order;

	child->arena = arena_new();
	child->accounts = account_cache_new();
	script_host_init(&child->scripts, settings->config->settings.evaluator,
			 settings->config->settings.script_ms);
	work = db_new(&db_settings);
	while (recv(child->fd, &order, sizeof order, 0) == sizeof order) {
		struct error *error = perform(child, &order);

		report_end(child, error);
		arena_reset(child->arena);
		malloc_trim(0);
	}
	script_host_release(&child->scripts);
	db_free(work);
	_exit(EX_OK);
}

static void
catch_signals(void)
{
	struct sigaction cancel = { .sa_handler = want_cancel,
				    .sa_flags = SA_RESTART };
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t none;

	sigemptyset(&cancel.sa_mask);
	sigemptyset(&ignore.sa_mask);
	sigaction(SIGUSR1, &cancel, NULL);
	sigaction(SIGTERM, &ignore, NULL); /* the runner says when */
	sigaction(SIGQUIT, &ignore, NULL);
	sigaction(SIGINT, &ignore, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The runner's end. */

bool
labour_start(struct labour *labour, const struct worker_settings *settings,
	     const char *worker, int control_fd)
{
	struct child child = { .settings = settings, .worker = worker };
	pid_t parent = getpid();
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return false;
	labour->pid = fork();
	if (labour->pid < 0) {
		close(pair[0]);
		close(pair[1]);
		labour->pid = 0;
		return false;
	}
	if (!labour->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(EX_OK);
		close(pair[0]);
		if (control_fd >= 0)
			close(control_fd);
		child.fd = pair[1];
		catch_signals();
		title_set("job [%s]", settings->config->settings.instance);
		be_child(&child);
	}
	close(pair[1]);
	labour->fd = pair[0];
	return true;
}

bool
labour_send(const struct labour *labour, const struct labour_order *order)
{
	return send(labour->fd, order, sizeof *order, MSG_NOSIGNAL) ==
	       sizeof *order;
}

bool
labour_receive(const struct labour *labour, struct labour_report *report,
	       bool *gone)
{
	ssize_t got = recv(labour->fd, report, sizeof *report, MSG_DONTWAIT);

	*gone = !got || (got < 0 && errno != EAGAIN && errno != EINTR);
	return got == sizeof *report;
}

void
labour_cancel(const struct labour *labour)
{
	kill(labour->pid, SIGUSR1);
}

void
labour_end(struct labour *labour)
{
	if (!labour->pid)
		return;
	kill(labour->pid, SIGKILL);
	close(labour->fd);
	while (waitpid(labour->pid, NULL, 0) < 0 && errno == EINTR)
		;
	*labour = (struct labour){ .fd = -1 };
}
