/*
 * remove_table: drops a table with its rows, their history and states, its
 * links, and its actions.
 */
#include "handlers/reshape.h"

static struct error *
remove_table(struct run *run, struct json_object *input, struct reply *reply)
{
	struct schema_change change = { .kind = SCHEMA_REMOVE_TABLE };

	return reshape_run(run, input, &change, "Table deleted", reply);
}

const struct performer performer_remove_table = {
	.name = "world.delete",
	.summary = "Drop a table",
	.pool = "long",
	.perform = remove_table,
	.is_writer = true,
};
