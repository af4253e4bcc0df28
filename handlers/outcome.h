/*
 * outcome.h: one outcome of an action: its condition, its attributes, and
 * what its method does. Private to the engine.
 */
#ifndef ACTD_OUTCOME_H
#define ACTD_OUTCOME_H

#include "handlers/engine.h"

/*
 * What an outcome's method does with its evaluated `input`. Items go to
 * `items`; `*result` (owned by the arena, NULL: none) is what references see.
 */
typedef struct error *method_function(struct run *run,
				      const struct outcome *outcome,
				      struct json_object *input,
				      struct reply *items,
				      struct json_object **result);

enum outcome_target {
	TARGET_NONE,
	TARGET_ENTITY,	  /* Type names an entity */
	TARGET_PERFORMER, /* Type names a performer */
};

struct outcome_method {
	const char *name;
	method_function *perform;
	enum outcome_target target;
	bool is_response; /* what is absent is empty text, not left out */
};

/* The method of an outcome; an unknown one runs the performer in Type. */
const struct outcome_method *outcome_method(const struct outcome *outcome);

/* The entity that Type names, also by its name of 2018; NULL: none. */
struct entity *outcome_entity(const struct model *model,
			      const struct outcome *outcome);

/*
 * Runs an outcome of the run's action: for each item of ForEach, if its
 * Condition holds. With ContinueOnError what fails is undone and told in the
 * reply.
 */
struct error *outcome_run(struct run *run, const struct outcome *outcome,
			  struct reply *reply) MUST_CHECK;

#endif
