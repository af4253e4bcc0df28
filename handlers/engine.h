/*
 * engine.h: runs an action: inputs, validations, conformations, subject, and
 * its outcomes in order, in one transaction (wire/actions.md sections 1 to 3,
 * wire/decisions.md "Actions").
 */
#ifndef ACTD_ENGINE_H
#define ACTD_ENGINE_H

#include "handlers/expr.h"
#include "handlers/performer.h"

/* The most items of an outcome's ForEach, whose items are the names `item`
 * and `index` to its expressions. */
#define FOR_EACH_MAX 1000

struct run;
struct hidden_value; /* run_row.c */

/*
 * What surrounds a run beside its request. Members may be NULL. `begin` and
 * `finish` are in the run's transaction: the one first, where `*skip` leaves
 * the outcomes out, the other before the commit, with the whole reply; both
 * again where the run is made again. `progress` may be called at any time.
 */
struct run_hooks {
	void *context;
	struct error *(*begin)(struct run *run, bool *skip);
	struct error *(*finish)(struct run *run, struct reply *reply);
	void (*progress)(struct run *run, int64_t done, int64_t total,
			 const char *unit);
};

/* One execution of an action. */
struct run {
	struct request *request;
	const struct action *action;
	struct json_object *attributes; /* as sent */
	struct json_object *scope;	/* names visible to expressions */
	struct json_object *subject;	/* row, or NULL */
	struct json_object *templates;	/* of the outcome at hand, or NULL */
	struct actor *actor;		/* SWITCH_USER changes it */
	bool dry_run;
	struct json_object *changes; /* of a dry run, or NULL */
	bool model_changed; /* a performer asks for request_reload() after */
	bool definitions_written;    /* rows that make the model, by outcomes */
	bool access_changed;	     /* … and for request_access_changed() */
	struct json_object *effects; /* of a dry run: what would happen outside
					the database, as performers tell it */
	struct evaluator evaluator;  /* of the scripts of this run */
	struct hidden_value *hidden; /* encrypted values of its rows */
	const struct run_hooks *hooks;
	const char *job_id; /* of the background job that it is, or NULL */
	char id[37];	    /* of its record in action_run */
	int64_t started_us;
	bool is_kept;		     /* it changed something */
	struct json_object *touched; /* rows that it changed, or NULL */
	int64_t ntouched;
};

/*
 * Runs `action` with `attributes` and fills `reply`. Commits. Serialization
 * failures run it again, up to three times. On error nothing has happened.
 */
struct error *engine_run(struct request *request, const struct action *action,
			 struct json_object *attributes, bool dry_run,
			 struct reply *reply) MUST_CHECK;

/* As engine_run(), with hooks, which must outlive it; `job_id` is NULL where
 * it is not a background job. */
struct error *engine_run_with(struct request *request,
			      const struct action *action,
			      struct json_object *attributes, bool dry_run,
			      const struct run_hooks *hooks, const char *job_id,
			      struct reply *reply) MUST_CHECK;

/*
 * A performer tells how far it is: `done` of `total` (-1: not known) in `unit`
 * ("rows"), as often as it likes. Nothing where nobody looks.
 */
void run_progress(struct run *run, int64_t done, int64_t total,
		  const char *unit);

/* The pool that the action's performers ask for; NULL: any. */
const char *engine_pool(struct arena *arena, const struct action *action);

/* The input that takes files which are on disk; NULL: none does. */
const char *engine_spools(const struct action *action);

/*
 * What an uploaded schema's action must satisfy beyond its form: known
 * performers, references that earlier outcomes declare. 422 with key path.
 */
struct error *engine_check(struct arena *arena, const struct model *model,
			   const struct action *action,
			   const char *file) MUST_CHECK;

#endif
