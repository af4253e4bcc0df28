/*
 * expr.h: values of outcome attributes: "~path", "$path in text", "!script"
 * (wire/actions.md 2.3). Knows no database and no request.
 */
#ifndef ACTD_EXPR_H
#define ACTD_EXPR_H

#include <json-c/json.h>
#include <stdbool.h>

#include "db/base/arena.h"
#include "db/base/error.h"

/*
 * Evaluates scripts; NULL where there is no evaluator. What a value that a
 * path leads to hides is told by `reveal`; NULL: nothing is hidden.
 */
struct evaluator {
	struct error *(*evaluate)(void *context, struct arena *arena,
				  const char *script, struct json_object *scope,
				  struct json_object **value);
	void *context;
	struct error *(*reveal)(void *hidden, struct arena *arena,
				struct json_object *shown,
				struct json_object **value);
	void *hidden;
};

/*
 * The value of `template` (any JSON; strings are expressions, objects and
 * arrays are walked) in `scope`, an object of names; `subject` stands for the
 * empty name. `*value` is new and owned by the arena; NULL with `*absent` true
 * where a "~path" leads nowhere or to null. 400 "bad-reference" for a "$path"
 * whose container is missing.
 */
struct error *expr_evaluate(struct arena *arena, struct json_object *template,
			    struct json_object *scope,
			    const struct evaluator *evaluator,
			    struct json_object **value,
			    bool *absent) MUST_CHECK;

/* A condition: boolean true, "1" or "true" hold, all else doesn't. */
struct error *expr_condition(struct arena *arena, const char *condition,
			     struct json_object *scope,
			     const struct evaluator *evaluator,
			     bool *holds) MUST_CHECK;

/*
 * The first name of the next reference that leads into something, in a
 * template's text: "order" of "~order.id" and of "for $order.id", "subject"
 * of "$.id". Begins at `*at` and moves it on; NULL: there is no more. Scripts
 * and "~name" have none.
 */
const char *expr_next_reference(struct arena *arena, const char *text,
				size_t *at);

#endif
