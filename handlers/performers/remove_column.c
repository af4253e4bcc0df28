/*
 * remove_column: drops a column of a table, with its values and their
 * history.
 */
#include "handlers/reshape.h"

static struct error *
remove_column(struct run *run, struct json_object *input, struct reply *reply)
{
	struct schema_change change = { .kind = SCHEMA_REMOVE_COLUMN };
	struct error *error =
		reshape_input(run, input, "column_name", &change.column);

	if (error)
		return error;
	return reshape_run(run, input, &change, "Column deleted", reply);
}

const struct performer performer_remove_column = {
	.name = "world.column.delete",
	.summary = "Drop a column of a table",
	.pool = "long",
	.perform = remove_column,
	.is_writer = true,
};
