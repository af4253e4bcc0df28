/*
 * schema_parts.h: the parts of a schema file, each of which adds to, or
 * refreshes, what reader->schema has. For the schema_*.c files only.
 */
#ifndef ACTD_SCHEMA_PARTS_H
#define ACTD_SCHEMA_PARTS_H

#include "db/schema_tree.h"

/* One element of Tables. */
void schema_read_table(struct reader *reader, const struct path *path,
		       struct json_object *object);
/* One of Relations; `subject` is the table it stands in, NULL at the top level.
 */
void schema_read_relation(struct reader *reader, const struct path *path,
			  struct json_object *object, const char *subject);
/* One of Actions, and of StateMachineDescriptions. */
void schema_read_action(struct reader *reader, const struct path *path,
			struct json_object *object);
void schema_read_state_machine(struct reader *reader, const struct path *path,
			       struct json_object *object);

/* Warnings of validations and conformations in the list `tables` for columns
 * that there are not, once relations are read too. */
void schema_warn_of_rules(struct reader *reader, struct json_object *tables);

#endif
