/*
 * reshape.h: what the actions remove_column, rename_column and remove_table
 * have in common: who may, the change, and the schema files that are kept.
 */
#ifndef ACTD_RESHAPE_HANDLER_H
#define ACTD_RESHAPE_HANDLER_H

#include "db/schema_change.h"
#include "handlers/engine.h"

/* The text of an input; 400 where it is none or empty. */
struct error *reshape_input(struct run *run, struct json_object *input,
			    const char *name, const char **text) MUST_CHECK;

/*
 * Makes `change` in the table of the world row `world_id` of the input, for an
 * administrator (403), and answers with `message`; in a dry run with the
 * statements that would be run.
 */
struct error *reshape_run(struct run *run, struct json_object *input,
			  struct schema_change *change, const char *message,
			  struct reply *reply) MUST_CHECK;

#endif
