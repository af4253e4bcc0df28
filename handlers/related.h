/*
 * related.h: the rows that an action wants beside its subject
 * (RequestSubjectRelations), as its caller sees them.
 */
#ifndef ACTD_RELATED_H
#define ACTD_RELATED_H

#include "handlers/engine.h"

/*
 * Adds a member of its name to run->subject for each relation that the action
 * asks for: an array of rows, FOR_EACH_MAX at most, or the one row in place
 * of its id. `id` is the subject's.
 */
struct error *related_add(struct run *run, const char *id) MUST_CHECK;

#endif
