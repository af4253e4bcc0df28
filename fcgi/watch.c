/*
 * watch.c: listens to actd_model and actd_access. What this node announced
 * itself comes back to it, but its process has raised the generation already,
 * or does so in a moment: such a notification counts only if nobody did.
 */
#include "fcgi/watch.h"

#include <stdlib.h>

#include "db/base/log.h"

#define PAUSE_FIRST_US INT64_C(500000)
#define PAUSE_MOST_US INT64_C(10000000)

/* Between a commit and its process raising the generation, at most. */
#define OWN_GRACE_US INT64_C(200000)

/* A channel, and the generation that its notifications raise. */
struct channel {
	const char *name;
	_Atomic uint64_t *generation;
	_Atomic int64_t *raised_us; /* by ourselves */
	int64_t own_us; /* when one of our own was first heard; 0: none open */
};

struct watch {
	struct db_settings settings;
	struct shared *shared;
	struct db *db;
	struct arena *arena;
	struct channel channels[2];
	bool listening;
	int64_t pause_us;
	int64_t not_before_us;
};

struct watch *
watch_new(const struct config *config, struct shared *shared)
{
	struct watch *watch = calloc(1, sizeof *watch);

	if (!watch)
		abort();
	watch->settings = (struct db_settings){ .conninfo = config->database,
						.application = "actd master" };
	watch->shared = shared;
	watch->channels[0] = (struct channel){
		.name = "actd_model",
		.generation = &shared->generation,
		.raised_us = &shared->generation_raised_us,
	};
	watch->channels[1] = (struct channel){
		.name = "actd_access",
		.generation = &shared->access_generation,
		.raised_us = &shared->access_raised_us,
	};
	watch->arena = arena_new();
	watch->db = db_new(&watch->settings);
	return watch;
}

void
watch_free(struct watch *watch)
{
	db_free(watch->db);
	arena_free(watch->arena);
	free(watch);
}

int
watch_socket(const struct watch *watch)
{
	return db_socket(watch->db);
}

bool
watch_waits(const struct watch *watch)
{
	for (size_t i = 0; i < ARRAY_SIZE(watch->channels); i++)
		if (watch->channels[i].own_us)
			return true;
	return false;
}

static void
raise_all(struct watch *watch)
{
	for (size_t i = 0; i < ARRAY_SIZE(watch->channels); i++)
		atomic_fetch_add(watch->channels[i].generation, 1);
}

static void
start_listening(struct watch *watch, int64_t now_us)
{
	struct error *err = db_connect(watch->db, watch->arena);

	for (size_t i = 0; !err && i < ARRAY_SIZE(watch->channels); i++)
		err = db_listen(watch->db, watch->arena,
				watch->channels[i].name);
	watch->listening = !err;
	if (err) {
		watch->pause_us =
			watch->pause_us ? watch->pause_us * 2 : PAUSE_FIRST_US;
		if (watch->pause_us > PAUSE_MOST_US)
			watch->pause_us = PAUSE_MOST_US;
		watch->not_before_us = now_us + watch->pause_us;
		return;
	}
	watch->pause_us = 0;
	raise_all(watch);
	log_event(LOG_INFO, "database-listening", NULL);
}

static void
take(struct channel *channel, bool is_own, int64_t now_us)
{
	if (!is_own)
		atomic_fetch_add(channel->generation, 1);
	else if (!channel->own_us)
		channel->own_us = now_us;
}

static void
take_notifications(struct watch *watch, int64_t now_us)
{
	const char *name, *node;

	while (db_notification(watch->db, watch->arena, &name, &node))
		for (size_t i = 0; i < ARRAY_SIZE(watch->channels); i++)
			if (!strcmp(name, watch->channels[i].name))
				take(&watch->channels[i],
				     !strcmp(node, watch->shared->node),
				     now_us);
	watch->listening = db_is_up(watch->db);
}

/* A change that its process told nobody of is heard all the same. */
static void
settle_own(struct channel *channel, int64_t now_us)
{
	if (!channel->own_us || now_us < channel->own_us + OWN_GRACE_US)
		return;
	if (atomic_load(channel->raised_us) < channel->own_us - OWN_GRACE_US)
		atomic_fetch_add(channel->generation, 1);
	channel->own_us = 0;
}

void
watch_turn(struct watch *watch, int64_t now_us)
{
	if (watch->listening)
		take_notifications(watch, now_us);
	else if (now_us >= watch->not_before_us)
		start_listening(watch, now_us);
	for (size_t i = 0; i < ARRAY_SIZE(watch->channels); i++)
		settle_own(&watch->channels[i], now_us);
	arena_reset(watch->arena);
}
