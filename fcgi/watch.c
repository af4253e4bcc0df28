/*
 * watch.c: LISTEN actd_model and actd_access.
 */
#include "fcgi/watch.h"

#include <stdlib.h>

#include "db/base/log.h"

#define PAUSE_FIRST_US INT64_C(500000)
#define PAUSE_MOST_US INT64_C(10000000)

struct watch {
	struct db_settings settings;
	struct shared *shared;
	struct db *db;
	struct arena *arena;
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

static void
start_listening(struct watch *watch, int64_t now_us)
{
	struct error *err = db_connect(watch->db, watch->arena);

	if (!err)
		err = db_execute(watch->db, watch->arena,
				 "LISTEN actd_model; LISTEN actd_access");
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
	atomic_fetch_add(&watch->shared->generation, 1);
	atomic_fetch_add(&watch->shared->access_generation, 1);
	log_event(LOG_INFO, "database-listening", NULL);
}

static void
take_notifications(struct watch *watch)
{
	const char *channel, *payload;

	while (db_notification(watch->db, watch->arena, &channel, &payload)) {
		if (!strcmp(channel, "actd_model"))
			atomic_fetch_add(&watch->shared->generation, 1);
		else
			atomic_fetch_add(&watch->shared->access_generation, 1);
	}
	watch->listening = db_is_up(watch->db);
}

void
watch_turn(struct watch *watch, int64_t now_us)
{
	if (watch->listening)
		take_notifications(watch);
	else if (now_us >= watch->not_before_us)
		start_listening(watch, now_us);
	arena_reset(watch->arena);
}
