/*
 * access.h: why somebody may or may not do something: the rules of
 * db/permission.h, told in words. Decides nothing itself.
 */
#ifndef ACTD_ACCESS_H
#define ACTD_ACCESS_H

#include "db/db.h"
#include "db/permission.h"

/* Who wants to do what. */
struct access_question {
	const struct actor *actor;
	enum verb verb;
	const struct entity *entity;
	const struct action *action; /* VERB_EXECUTE: or NULL */
	const char *id; /* a row's reference id, or NULL: the table */
};

/*
 * Adds a line for each right that is needed, with the rule that gives it or
 * what there is instead. `*allowed` is what the server itself would decide: the
 * row's part comes from the predicate of permission_granted(). 404 where there
 * is no such row at all.
 */
struct error *access_explain(struct db *db, struct arena *arena,
			     const struct model *model,
			     const struct access_question *question,
			     struct strbuf *text, bool *allowed) MUST_CHECK;

#endif
