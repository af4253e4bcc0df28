/*
 * schema_action.h: actions and state machines of a schema file. For
 * schema_read.c only.
 */
#ifndef ACTD_SCHEMA_ACTION_H
#define ACTD_SCHEMA_ACTION_H

#include "db/schema_tree.h"

/* Both add to, or refresh, what reader->schema has. */
void schema_read_action(struct reader *reader, const struct path *path,
			struct json_object *object);
void schema_read_state_machine(struct reader *reader, const struct path *path,
			       struct json_object *object);

#endif
