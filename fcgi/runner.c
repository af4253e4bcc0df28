/*
 * runner.c: the loop of a runner: signals, notifications, its child's reports,
 * and a clock.
 */
#include "fcgi/runner.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "db/base/clock.h"
#include "db/base/crypto.h"
#include "db/base/log.h"
#include "db/migrate.h"
#include "fcgi/labour.h"
#include "fcgi/signals.h"
#include "handlers/background.h"

#define TICK_MS 1000
#define BUSY_TICK_MS 100
#define BEAT_US INT64_C(500000)
#define NEWS_BEAT_US INT64_C(100000) /* where there is progress to tell */
#define LOOK_US INT64_C(1000000)

/* Between two times that what is over its time is forgotten. */
#define FORGET_US INT64_C(600000000)

/* Whether there is something that is done once a day. */
#define HOUSEWORK_US INT64_C(600000000)

/* Further pause after a look that failed. */
#define FAILED_US INT64_C(2000000)

/* A cancelled job that does not end by itself by then is killed. */
#define CANCEL_PATIENCE_US INT64_C(1000000)

/* How long a job may go on when the instance stops. */
#define STOP_PATIENCE_US INT64_C(5000000)

static volatile sig_atomic_t stop_wanted;
static volatile sig_atomic_t quit_wanted;

enum wish { WISH_NONE, WISH_CANCEL, WISH_PUT_BACK };

struct runner {
	const struct worker_settings *settings;
	struct db *control;
	struct arena *arena;	 /* of a turn */
	struct arena *job_arena; /* of a job */
	char worker[64];
	struct labour labour;
	struct job *job; /* at hand, or NULL */
	struct job_progress progress;
	char unit[48];
	bool has_news; /* progress that the database does not know */
	bool ended;    /* its work is; the database may not know yet */
	struct labour_report end;
	enum wish wish;
	int64_t wish_us;  /* when it came */
	int64_t beat_us;  /* the last one */
	int64_t began_us; /* the job at hand */
	int64_t quit_us;  /* when SIGQUIT came; 0: it did not */
	int64_t looked_us;
	int64_t forget_us;    /* when to forget again */
	int64_t housework_us; /* when it was looked for; 0: not yet */
	bool woken;
};

static void
want_stop(int signal)
{
	stop_wanted = 1;
	if (signal == SIGQUIT)
		quit_wanted = 1;
}

static void
note(const struct error *error)
{
	if (error && error->status != 503)
		log_event(LOG_WARNING, "runner-failed", "detail", error->detail,
			  NULL);
}

/* The job at hand. */

static void
log_end(const struct runner *runner, const char *state, const char *text)
{
	const struct job *job = runner->job;
	char us[24];

	snprintf(us, sizeof us, "%lld",
		 (long long)(clock_us(CLOCK_MONOTONIC) - runner->began_us));
	log_event(LOG_INFO, "job", "id", job->reference_id, "entity",
		  job->entity, "action", job->action, "performer",
		  job->performer, "state", state, "us", us, "detail", text,
		  NULL);
}

static void
forget_job(struct runner *runner, const char *state, const char *text)
{
	log_end(runner, state, text);
	if (runner->wish != WISH_NONE)
		labour_end(&runner->labour); /* a late cancel hits no other */
	runner->job = NULL;
	runner->wish = WISH_NONE;
	runner->woken = true;
	atomic_store(&runner->settings->slot->busy, 0);
	atomic_fetch_add(&runner->settings->slot->requests, 1);
}

/* Its work has ended without success: tells the database, until it hears. */
static void
settle(struct runner *runner)
{
	const struct labour_report *end = &runner->end;
	const struct job *job = runner->job;
	int64_t pause = background_pause(job, end->status, end->code);
	const char *state = "failed", *text = end->text;
	struct error *error;

	if (runner->wish == WISH_CANCEL) {
		state = "cancelled";
		text = "The job was cancelled.";
		error = job_end(runner->control, runner->arena, job, state,
				text);
	} else if (runner->wish == WISH_PUT_BACK || pause >= 0) {
		state = "queued";
		error = job_retry(runner->control, runner->arena, job,
				  runner->wish == WISH_PUT_BACK ? 0 : pause,
				  text);
	} else {
		error = job_end(runner->control, runner->arena, job, state,
				text);
	}
	note(error);
	if (!error)
		forget_job(runner, state, text);
}

static void
end_work(struct runner *runner, const struct labour_report *report)
{
	runner->ended = true;
	runner->end = *report;
	if (!report->status)
		forget_job(runner, "succeeded", NULL);
}

/* The child died under its job: another attempt may do better. */
static void
lose_child(struct runner *runner)
{
	static const struct labour_report died = {
		.ended = true,
		.status = 503,
		.code = "process-died",
		.text = "The process that ran it died.",
	};

	labour_end(&runner->labour);
	if (runner->job && !runner->ended)
		end_work(runner, &died);
}

static void
take_reports(struct runner *runner)
{
	struct labour_report report;
	bool gone = false;

	while (runner->labour.pid &&
	       labour_receive(&runner->labour, &report, &gone)) {
		if (!runner->job || runner->ended)
			continue;
		if (report.ended) {
			end_work(runner, &report);
			continue;
		}
		memcpy(runner->unit, report.unit, sizeof runner->unit);
		runner->progress =
			(struct job_progress){ report.done, report.total,
					       *runner->unit ? runner->unit
							     : NULL };
	}
	if (runner->labour.pid && gone)
		lose_child(runner);
}

static void
wish(struct runner *runner, enum wish wish)
{
	if (runner->wish == WISH_NONE)
		runner->wish_us = clock_us(CLOCK_MONOTONIC);
	runner->wish = wish;
}

static void
beat(struct runner *runner)
{
	enum job_hold hold = JOB_HELD;
	struct error *error;

	if (!runner->woken &&
	    clock_us(CLOCK_MONOTONIC) - runner->beat_us <
		    (runner->has_news ? NEWS_BEAT_US : BEAT_US))
		return;
	runner->woken = runner->has_news = false;
	runner->beat_us = clock_us(CLOCK_MONOTONIC);
	error = job_beat(runner->control, runner->arena, runner->job,
			 &runner->progress, &hold);
	note(error);
	if (error)
		return;
	if (hold == JOB_CANCEL_WANTED) {
		wish(runner, WISH_CANCEL);
		return;
	}
	if (hold != JOB_LOST)
		return;
	take_reports(runner); /* it may have just succeeded */
	if (!runner->job)
		return;
	labour_end(&runner->labour);
	forget_job(runner, "lost", NULL);
}

/* A child that is to end is asked again and again, then killed. */
static void
press(struct runner *runner)
{
	if (runner->quit_us && runner->wish == WISH_NONE &&
	    clock_us(CLOCK_MONOTONIC) - runner->quit_us > STOP_PATIENCE_US)
		wish(runner, WISH_PUT_BACK);
	if (runner->wish == WISH_NONE)
		return;
	if (clock_us(CLOCK_MONOTONIC) - runner->wish_us > CANCEL_PATIENCE_US)
		lose_child(runner);
	else
		labour_cancel(&runner->labour);
}

/* Looking for work. */

static void
start_job(struct runner *runner)
{
	struct labour_order order = { runner->job->id, runner->job->attempt };

	runner->ended = runner->has_news = false;
	runner->wish = WISH_NONE;
	runner->progress = (struct job_progress){ .total = -1 };
	runner->began_us = runner->beat_us = clock_us(CLOCK_MONOTONIC);
	atomic_store(&runner->settings->slot->busy, 1);
	if (!runner->labour.pid &&
	    !labour_start(&runner->labour, runner->settings, runner->worker,
			  db_socket(runner->control))) {
		log_event(LOG_ERROR, "fork-failed", "pool", "runner", NULL);
		lose_child(runner);
	} else if (!labour_send(&runner->labour, &order)) {
		lose_child(runner);
	}
}

/* What one of all runners does each second. */
static struct error *
keep_house(struct runner *runner)
{
	struct error *error;

	error = db_listen(runner->control, runner->arena, "actd_job");
	if (!error)
		error = job_recover(runner->control, runner->arena);
	return error;
}

static struct error *
forget(struct runner *runner)
{
	struct db *db = runner->control;
	struct model *model;
	struct error *error;
	bool is_done;

	if (clock_us(CLOCK_MONOTONIC) < runner->forget_us)
		return NULL;
	error = model_load(db, runner->arena, &model);
	if (error)
		return error;
	error = retention_apply(db, runner->arena, model,
				&runner->settings->config->settings.retention,
				&is_done);
	arena_free(model->arena);
	if (!error && is_done)
		runner->forget_us = clock_us(CLOCK_MONOTONIC) + FORGET_US;
	return error;
}

static struct error *
start_tasks(struct runner *runner)
{
	struct request request = {
		.arena = runner->arena,
		.db = runner->control,
		.settings = &runner->settings->config->settings,
	};
	struct error *error = NULL;

	if (!runner->housework_us ||
	    clock_us(CLOCK_MONOTONIC) - runner->housework_us >= HOUSEWORK_US) {
		runner->housework_us = clock_us(CLOCK_MONOTONIC);
		error = background_start_housework(&request);
	}
	return error ? error : background_start_tasks(&request);
}

static void
look(struct runner *runner)
{
	struct error *error = NULL;

	if (!atomic_load(&runner->settings->shared->schema_applied))
		return;
	if (!runner->woken &&
	    clock_us(CLOCK_MONOTONIC) - runner->looked_us < LOOK_US)
		return;
	if (clock_us(CLOCK_MONOTONIC) - runner->looked_us >= LOOK_US) {
		runner->looked_us = clock_us(CLOCK_MONOTONIC);
		error = keep_house(runner);
		if (!error)
			error = forget(runner);
	}
	runner->woken = false;
	arena_reset(runner->job_arena);
	if (!error)
		error = start_tasks(runner);
	if (!error)
		error = job_take(runner->control, runner->job_arena,
				 runner->worker, &runner->job);
	note(error);
	if (error)
		runner->looked_us = clock_us(CLOCK_MONOTONIC) + FAILED_US;
	else if (runner->job)
		start_job(runner);
}

/* The loop. */

static void
wait_for_events(struct runner *runner, const sigset_t *none)
{
	bool busy = runner->job || runner->woken;
	struct timespec tick = {
		.tv_sec = busy ? 0 : TICK_MS / 1000,
		.tv_nsec = busy && !runner->woken ? BUSY_TICK_MS * 1000000L : 0,
	};
	struct pollfd fds[] = {
		{ .fd = db_socket(runner->control), .events = POLLIN },
		{ .fd = runner->labour.fd, .events = POLLIN },
	};
	const char *channel, *payload;

	ppoll(fds, ARRAY_SIZE(fds), &tick, none);
	while (db_notification(runner->control, runner->arena, &channel,
			       &payload))
		runner->woken = true;
}

static void
turn(struct runner *runner, const sigset_t *none)
{
	arena_reset(runner->arena);
	wait_for_events(runner, none);
	if (quit_wanted && !runner->quit_us)
		runner->quit_us = clock_us(CLOCK_MONOTONIC);
	take_reports(runner);
	if (runner->job && runner->ended) {
		settle(runner);
	} else if (runner->job) {
		beat(runner);
		if (runner->job)
			press(runner);
	} else if (!stop_wanted) {
		look(runner);
	}
}

static void
catch_signals(void)
{
	sigset_t both;

	sigemptyset(&both);
	sigaddset(&both, SIGTERM);
	sigaddset(&both, SIGQUIT);
	sigprocmask(SIG_BLOCK, &both, NULL);
	signals_of_child(want_stop);
}

/* A name that no other process has, on any host and at any time. */
static void
name_worker(struct runner *runner)
{
	char host[24] = "", id[37];

	gethostname(host, sizeof host - 1);
	crypto_uuid(id);
	snprintf(runner->worker, sizeof runner->worker, "%.22s/%s", host, id);
}

int
runner_run(const struct worker_settings *settings)
{
	const struct db_settings control = {
		.conninfo = settings->config->database,
		.application = "actd runner",
		.statement_timeout_ms = 10000,
		.prepared_statements =
			(unsigned)settings->config->prepared_statements,
	};
	struct runner runner = { .settings = settings, .labour = { .fd = -1 } };
	sigset_t none;

	sigemptyset(&none);
	catch_signals();
	name_worker(&runner);
	runner.arena = arena_new();
	runner.job_arena = arena_new();
	runner.control = db_new(&control);
	while (!stop_wanted || runner.job)
		turn(&runner, &none);
	labour_end(&runner.labour);
	db_free(runner.control);
	arena_free(runner.job_arena);
	arena_free(runner.arena);
	return EX_OK;
}
