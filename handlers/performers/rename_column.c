/*
 * rename_column: gives a column of a table another name, also in its history.
 * Blanks in the name become underscores; a name that stays does nothing.
 */
#include <string.h>

#include "db/schema_file.h"
#include "handlers/reshape.h"

static struct error *
rename_column(struct run *run, struct json_object *input, struct reply *reply)
{
	struct schema_change change = { .kind = SCHEMA_RENAME_COLUMN };
	struct error *error =
		reshape_input(run, input, "column_name", &change.column);

	if (!error)
		error = reshape_input(run, input, "new_column_name",
				      &change.new_name);
	if (error)
		return error;
	change.new_name =
		schema_snake_case(run->request->arena, change.new_name);
	if (!strcmp(change.column, change.new_name))
		return NULL;
	return reshape_run(run, input, &change, "Column renamed", reply);
}

const struct performer performer_rename_column = {
	.name = "world.column.rename",
	.summary = "Rename a column of a table",
	.pool = "long",
	.perform = rename_column,
	.is_writer = true,
};
