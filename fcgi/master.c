/*
 * master.c: one loop over signals, the LISTEN connection and a clock. Work
 * that may take long (schema files) is done in a child, so that the master
 * stays small and answers signals at once.
 */
#include "fcgi/master.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "db/base/clock.h"
#include "db/base/log.h"
#include "db/model_share.h"
#include "fcgi/keys.h"
#include "fcgi/listen.h"
#include "fcgi/schema_run.h"
#include "fcgi/team.h"
#include "fcgi/title.h"
#include "fcgi/watch.h"

#define TICK_MS 1000
#define SHORT_TICK_MS 50
#define RETRY_FIRST_US INT64_C(500000)
#define RETRY_MOST_US INT64_C(5000000)

/* A configuration and the arena that it lives in. */
struct loaded {
	struct arena *arena;
	struct config *config;
};

struct master {
	const char *config_file;
	struct loaded loaded;
	struct loaded next;  /* of a reload that is under way; else empty */
	struct arena *arena; /* lives as long as the master */
	struct listener listeners[POOLS];
	struct shared *shared;
	struct watch *watch;
	struct team team;
	int lock_fd;
	int signal_fd;
	pid_t schema_pid;	 /* the child that applies schema files */
	bool serving;		 /* workers were started */
	int64_t schema_retry_us; /* when to try again; 0: no need */
	int64_t schema_pause_us;
	bool reload_wanted;
	bool stopping;
	int64_t kill_at_us;
	int status; /* of our exit */
};

static struct error *
load(struct master *master, struct loaded *loaded)
{
	struct error *err;

	loaded->arena = arena_new();
	err = config_load(loaded->arena, master->config_file, &loaded->config);
	return err ? err : keys_load(loaded->arena, loaded->config, true);
}

static void
unload(struct loaded *loaded)
{
	if (loaded->arena)
		arena_free(loaded->arena);
	*loaded = (struct loaded){ 0 };
}

static void
begin_stop(struct master *master, int status)
{
	bool again = master->stopping;

	if (!again) {
		log_event(LOG_INFO, "stopping", NULL);
		master->status = status;
		master->kill_at_us =
			clock_us(CLOCK_REALTIME) +
			master->loaded.config->drain_seconds * 1000000;
	}
	master->stopping = true;
	master->schema_retry_us = 0;
	if (master->schema_pid)
		kill(master->schema_pid, SIGTERM);
	team_stop(&master->team, again);
}

/* The child that applies schema files. */

static int
report(const struct error *err)
{
	for (const struct error *one = err; one; one = one->next) {
		log_event(LOG_ERROR, "schema-failed", "detail", one->detail,
			  NULL);
		if (one->status != 503)
			fprintf(stderr, "actd: %s\n", one->detail);
	}
	return err->status == 503 ? EX_TEMPFAIL : EX_DATAERR;
}

static void NORETURN
be_schema_child(const struct master *master, const struct config *config)
{
	struct arena *arena = arena_new();
	struct migration *migration = NULL;
	struct error *err;
	int status = EX_OK;
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	close(master->lock_fd);
	title_set("schema [%s]", config->settings.instance);
	err = schema_run(arena, config, master->shared->node, false,
			 &migration);
	if (err)
		status = report(err);
	for (size_t i = 0; !err && migration && i < migration->nstatements; i++)
		log_event(LOG_INFO, "schema-statement", "sql",
			  migration->statements[i], NULL);
	arena_free(arena);
	exit(status);
}

static void
start_schema_child(struct master *master)
{
	const struct config *config = master->next.config
					      ? master->next.config
					      : master->loaded.config;
	pid_t pid = fork();

	master->schema_retry_us = 0;
	if (!pid)
		be_schema_child(master, config);
	if (pid < 0)
		master->schema_retry_us =
			clock_us(CLOCK_REALTIME) + RETRY_FIRST_US;
	else
		master->schema_pid = pid;
}

static void
retry_schema(struct master *master)
{
	int64_t pause = master->schema_pause_us ? master->schema_pause_us * 2
						: RETRY_FIRST_US;

	master->schema_pause_us = pause < RETRY_MOST_US ? pause : RETRY_MOST_US;
	master->schema_retry_us =
		clock_us(CLOCK_REALTIME) + master->schema_pause_us;
}

/* A configuration that was read and whose schema fits becomes ours. */
static void
adopt_next(struct master *master)
{
	struct loaded old = master->loaded;
	const int watch_index = 2;

	master->loaded = master->next;
	master->next = (struct loaded){ 0 };
	log_set_level(
		(enum log_level)log_level_of(master->loaded.config->log_level));
	watch_free(master->watch);
	master->watch = watch_new(master->loaded.config, master->shared);
	master->team.private_fds[watch_index] = -1;
	master->team.config = master->loaded.config;
	team_roll(&master->team, clock_us(CLOCK_REALTIME));
	unload(&old);
	log_event(LOG_INFO, "reloaded", NULL);
}

static void
schema_child_ended(struct master *master, int status)
{
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : EX_TEMPFAIL;

	master->schema_pid = 0;
	if (master->stopping)
		return;
	if (code == EX_OK) {
		atomic_store(&master->shared->schema_applied, 1);
		master->schema_pause_us = 0;
		shared_model_changed(master->shared);
		shared_access_changed(master->shared);
	} else if (code == EX_TEMPFAIL) {
		retry_schema(master);
	} else if (!atomic_load(&master->shared->schema_applied)) {
		begin_stop(master, code);
		return;
	} else if (master->next.config) {
		log_event(LOG_ERROR, "reload-refused", NULL);
		unload(&master->next);
		return;
	}
	if (master->next.config)
		adopt_next(master);
	master->serving = true;
}

static void
begin_reload(struct master *master)
{
	struct error *err;

	if (master->schema_pid || master->stopping)
		return; /* reload_wanted stays until the child has ended */
	master->reload_wanted = false;
	err = load(master, &master->next);
	if (err) {
		log_event(LOG_ERROR, "reload-refused", "detail", err->detail,
			  NULL);
		unload(&master->next);
		return;
	}
	start_schema_child(master);
}

/* Signals. */

static void
reap(struct master *master)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == master->schema_pid)
			schema_child_ended(master, status);
		else
			team_reaped(&master->team, pid, status,
				    clock_us(CLOCK_REALTIME));
	}
}

static void
take_signals(struct master *master)
{
	struct signalfd_siginfo info;

	while (read(master->signal_fd, &info, sizeof info) == sizeof info) {
		if (info.ssi_signo == SIGCHLD)
			reap(master);
		else if (info.ssi_signo == SIGHUP)
			master->reload_wanted = true;
		else
			begin_stop(master, EX_OK);
	}
}

static int
signals_open(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

/* The loop. */

static void
wait_for_events(struct master *master)
{
	bool soon = team_waits(&master->team, clock_us(CLOCK_REALTIME)) ||
		    watch_waits(master->watch) || master->schema_retry_us;
	struct pollfd fds[] = {
		{ .fd = master->signal_fd, .events = POLLIN },
		{ .fd = watch_socket(master->watch), .events = POLLIN },
	};

	poll(fds, ARRAY_SIZE(fds), soon ? SHORT_TICK_MS : TICK_MS);
}

static void
turn(struct master *master)
{
	const int watch_index = 2;

	wait_for_events(master);
	take_signals(master);
	if (master->stopping) {
		if (clock_us(CLOCK_REALTIME) > master->kill_at_us)
			team_stop(&master->team, true);
		return;
	}
	if (atomic_load(&master->shared->schema_applied))
		watch_turn(master->watch, clock_us(CLOCK_REALTIME));
	master->team.private_fds[watch_index] = watch_socket(master->watch);
	if (master->schema_retry_us &&
	    clock_us(CLOCK_REALTIME) >= master->schema_retry_us)
		start_schema_child(master);
	if (master->reload_wanted)
		begin_reload(master);
	if (master->serving)
		team_fill(&master->team, clock_us(CLOCK_REALTIME));
}

static int
fail(const struct error *err)
{
	fprintf(stderr, "actd: %s\n", err->detail);
	return err->status == 422 ? EX_CONFIG : EX_UNAVAILABLE;
}

static struct error *
open_instance(struct master *master)
{
	const struct config *config = master->loaded.config;
	struct arena *arena = master->arena;
	struct error *err;

	if (mkdir(config->socket_folder, 0750) && errno != EEXIST)
		return error_new(arena, 503, "no-folder",
				 "can't make the folder %s: %s",
				 config->socket_folder, strerror(errno));
	err = listen_lock(arena, config->lock_file, &master->lock_fd);
	return err ? err : listen_open(arena, config, master->listeners);
}

static void
close_instance(struct master *master)
{
	listen_close(master->listeners);
	watch_free(master->watch);
	close(master->signal_fd);
	close(master->lock_fd);
	unload(&master->next);
	unload(&master->loaded);
	arena_free(master->arena);
}

int
master_run(const char *config_file)
{
	static struct master master; /* large: a member per slot */
	struct error *err;

	master.config_file = config_file;
	master.arena = arena_new();
	err = load(&master, &master.loaded);
	if (!err)
		err = open_instance(&master);
	if (err)
		return fail(err);
	log_set_level(
		(enum log_level)log_level_of(master.loaded.config->log_level));
	title_set("master [%s]", master.loaded.config->settings.instance);
	master.signal_fd = signals_open();
	master.shared = shared_new();
	model_share_reserve(master.shared);
	atomic_store(&master.shared->started_us, clock_us(CLOCK_REALTIME));
	master.watch = watch_new(master.loaded.config, master.shared);
	master.team = (struct team){
		.config = master.loaded.config,
		.shared = master.shared,
		.listeners = master.listeners,
		.private_fds = { master.lock_fd, master.signal_fd, -1, -1 },
	};
	log_event(LOG_INFO, "started", "version", ACTD_VERSION, "node",
		  master.shared->node, NULL);
	start_schema_child(&master);
	do
		turn(&master);
	while (!master.stopping || team_count(&master.team) ||
	       master.schema_pid);
	close_instance(&master);
	log_event(LOG_INFO, "stopped", NULL);
	return master.status;
}
