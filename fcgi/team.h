/*
 * team.h: the worker processes of all pools, as their parent sees them.
 * Starts what is missing, replaces what dies, rolls and drains. Never waits.
 */
#ifndef ACTD_TEAM_H
#define ACTD_TEAM_H

#include "fcgi/config.h"
#include "fcgi/listen.h"

#define TEAM_PRIVATE_FDS 4

struct member {
	pid_t pid; /* 0: free; its slot has the same index */
	int pool;
	uint64_t round; /* of the roll that started it */
	int64_t started_us;
	bool leaving; /* was told to finish */
};

struct team {
	const struct config *config;
	struct shared *shared;
	struct listener *listeners;	   /* POOLS of them */
	int private_fds[TEAM_PRIVATE_FDS]; /* closed in workers; -1: none */
	struct member members[SHARED_SLOTS];
	uint64_t round;
	bool stopping;
	int64_t backoff_us[POOLS]; /* 0: none */
	int64_t not_before_us[POOLS];
};

/* Starts the workers that are missing, unless one that just died says wait. */
void team_fill(struct team *team, int64_t now_us);

/* Takes a child that ended; false if it was no worker. */
bool team_reaped(struct team *team, pid_t pid, int status, int64_t now_us);

/*
 * New workers for all, with team->config as it is now; the old ones finish
 * their request and go.
 */
void team_roll(struct team *team, int64_t now_us);

/* Tells all workers to finish; with `kill_them`, ends them. */
void team_stop(struct team *team, bool kill_them);

/* Workers that have not ended, old generations included. */
size_t team_count(const struct team *team);

/* Whether a pool waits before it starts a worker again. */
bool team_waits(const struct team *team, int64_t now_us);

#endif
