/*
 * import_action.h: what the two actions that import tables have in common.
 */
#ifndef ACTD_IMPORT_ACTION_H
#define ACTD_IMPORT_ACTION_H

#include "handlers/engine.h"

/*
 * Imports the files of the input, of either name that Daptin has for it, by
 * the other inputs (wire/actions.md sections 5.8, 5.9 and 12).
 */
struct error *import_action(struct run *run, struct json_object *input,
			    struct reply *reply) MUST_CHECK;

#endif
