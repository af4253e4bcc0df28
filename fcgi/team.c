/*
 * team.c: forking workers and keeping count of them.
 */
#include "fcgi/team.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "db/base/edition.h"
#include "db/base/log.h"
#include "fcgi/events.h"
#include "fcgi/runner.h"
#include "fcgi/title.h"
#include "fcgi/worker.h"

/* A worker that lives shorter than this makes its pool wait. */
#define SHORT_LIFE_US INT64_C(1000000)
#define BACKOFF_FIRST_US INT64_C(100000)
#define BACKOFF_MOST_US INT64_C(10000000)

/* What the processes of a pool do, and how the end of all is told to them. */
static const struct {
	int (*run)(const struct worker_settings *settings);
	const char *title;
	int stop_signal;
} kinds[POOLS] = {
	[POOL_QUICK] = { worker_run, "quick worker", SIGTERM },
	[POOL_HASH] = { worker_run, "hash worker", SIGTERM },
	[POOL_LONG] = { worker_run, "long worker", SIGTERM },
	[POOL_RUNNER] = { runner_run, "runner", SIGQUIT },
	[POOL_EVENTS] = { events_run, "events", SIGTERM },
};

static void NORETURN
be_worker(struct team *team, int index, int pool, pid_t parent)
{
	const struct worker_settings settings = {
		.config = team->config,
		.pool = &team->config->pools[pool],
		.shared = team->shared,
		.slot = &team->shared->slots[index],
		.listen_fd = team->listeners[pool].fd,
	};

	/* SIGTERM stays blocked until the worker waits for a request. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		exit(EX_OK);
	for (int i = 0; i < TEAM_PRIVATE_FDS; i++)
		if (team->private_fds[i] >= 0)
			close(team->private_fds[i]);
	for (int i = 0; i < POOLS; i++)
		if (i != pool && team->listeners[i].fd >= 0)
			close(team->listeners[i].fd);
	if (settings.pool->nice && nice((int)settings.pool->nice) < 0)
		log_event(LOG_WARNING, "nice-failed", NULL);
	title_set("%s [%s]", kinds[pool].title,
		  team->config->settings.instance);
	exit(kinds[pool].run(&settings));
}

static int
free_index(const struct team *team)
{
	for (int i = 0; i < SHARED_SLOTS; i++)
		if (!team->members[i].pid)
			return i;
	return -1;
}

static void
take_slot(struct shared_slot *slot, pid_t pid, int pool, int64_t now_us)
{
	atomic_store(&slot->pool, pool);
	atomic_store(&slot->busy, 0);
	atomic_store(&slot->requests, 0);
	atomic_store(&slot->generation, 0);
	edition_release(slot);
	atomic_store(&slot->started_us, now_us);
	atomic_store(&slot->pid, pid);
}

static bool
start_worker(struct team *team, int pool, int64_t now_us)
{
	pid_t parent = getpid();
	int index = free_index(team);
	pid_t pid;

	if (index < 0)
		return false;
	pid = fork();
	if (pid < 0) {
		log_event(LOG_ERROR, "fork-failed", "pool",
			  team->config->pools[pool].name, NULL);
		team->not_before_us[pool] = now_us + SHORT_LIFE_US;
		return false;
	}
	if (!pid)
		be_worker(team, index, pool, parent);
	team->members[index] = (struct member){ .pid = pid,
						.pool = pool,
						.round = team->round,
						.started_us = now_us };
	take_slot(&team->shared->slots[index], pid, pool, now_us);
	shared_count(team->shared, COUNTER_WORKER_STARTS, 1);
	return true;
}

static int64_t
current_members(const struct team *team, int pool)
{
	int64_t count = 0;

	for (int i = 0; i < SHARED_SLOTS; i++) {
		const struct member *member = &team->members[i];

		count += member->pid && member->pool == pool &&
			 !member->leaving && member->round == team->round;
	}
	return count;
}

void
team_fill(struct team *team, int64_t now_us)
{
	for (int pool = 0; pool < POOLS && !team->stopping; pool++) {
		int64_t missing = team->config->pools[pool].processes -
				  current_members(team, pool);

		if (now_us < team->not_before_us[pool])
			continue;
		while (missing-- > 0)
			if (!start_worker(team, pool, now_us))
				break;
	}
}

/* A pool whose workers die young waits longer each time. */
static void
back_off(struct team *team, const struct member *member, int64_t now_us)
{
	int64_t *wait = &team->backoff_us[member->pool];

	if (now_us - member->started_us >= SHORT_LIFE_US) {
		*wait = 0;
		return;
	}
	*wait = *wait ? *wait * 2 : BACKOFF_FIRST_US;
	if (*wait > BACKOFF_MOST_US)
		*wait = BACKOFF_MOST_US;
	team->not_before_us[member->pool] = now_us + *wait;
}

static void
log_death(const struct team *team, const struct member *member, int status)
{
	char pid[16], how[48];

	snprintf(pid, sizeof pid, "%d", (int)member->pid);
	if (WIFSIGNALED(status))
		snprintf(how, sizeof how, "signal %d", WTERMSIG(status));
	else
		snprintf(how, sizeof how, "exit %d", WEXITSTATUS(status));
	log_event(member->leaving ? LOG_DEBUG : LOG_ERROR,
		  member->leaving ? "worker-left" : "worker-died", "pool",
		  team->config->pools[member->pool].name, "pid", pid, "how",
		  how, NULL);
}

bool
team_reaped(struct team *team, pid_t pid, int status, int64_t now_us)
{
	for (int i = 0; i < SHARED_SLOTS; i++) {
		struct member *member = &team->members[i];

		if (member->pid != pid)
			continue;
		log_death(team, member, status);
		if (!member->leaving) {
			shared_count(team->shared, COUNTER_WORKER_CRASHES, 1);
			back_off(team, member, now_us);
		}
		atomic_store(&team->shared->slots[i].pid, 0);
		atomic_store(&team->shared->slots[i].busy, 0);
		edition_release(&team->shared->slots[i]);
		*member = (struct member){ 0 };
		return true;
	}
	return false;
}

static void
dismiss(struct member *member, int signal)
{
	member->leaving = true;
	kill(member->pid, signal);
}

void
team_roll(struct team *team, int64_t now_us)
{
	team->round++;
	memset(team->not_before_us, 0, sizeof team->not_before_us);
	team_fill(team, now_us);
	for (int i = 0; i < SHARED_SLOTS; i++)
		if (team->members[i].pid &&
		    team->members[i].round != team->round)
			dismiss(&team->members[i], SIGTERM);
}

void
team_stop(struct team *team, bool kill_them)
{
	team->stopping = true;
	for (int i = 0; i < SHARED_SLOTS; i++)
		if (team->members[i].pid)
			dismiss(&team->members[i],
				kill_them ? SIGKILL
					  : kinds[team->members[i].pool]
						    .stop_signal);
}

size_t
team_count(const struct team *team)
{
	size_t count = 0;

	for (int i = 0; i < SHARED_SLOTS; i++)
		count += team->members[i].pid != 0;
	return count;
}

bool
team_waits(const struct team *team, int64_t now_us)
{
	for (int pool = 0; pool < POOLS; pool++)
		if (team->not_before_us[pool] > now_us)
			return true;
	return false;
}
