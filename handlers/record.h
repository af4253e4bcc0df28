/*
 * record.h: what a run of an action has changed: told to caches, listed by a
 * dry run, kept in action_run with who ran what on which inputs.
 */
#ifndef ACTD_RECORD_H
#define ACTD_RECORD_H

#include "handlers/engine.h"

/*
 * A row was created, updated or deleted ("create" …) by the run. `before` and
 * `after` are for a dry run's list, NULL where there is no such row.
 */
void run_changed(struct run *run, const struct entity *entity, const char *id,
		 const char *operation, struct json_object *before,
		 struct json_object *after);

/* Many rows were, in one go. */
void run_changed_many(struct run *run, const struct entity *entity,
		      const char *operation, int64_t count);

/* Whether changes of the entity are told at all: not those of history. */
bool record_lists(const struct entity *entity);

/* Gives the run its id and notes when it began. */
void record_begin(struct run *run);

/* Commits, with the record of the run if it changed anything. */
struct error *record_finish(struct run *run) MUST_CHECK;

#endif
