/*
 * row_files.c: the lists of files of a change. Contents are stored only for
 * who may write the row, and before the statement that writes it.
 */
#include "db/file_list.h"
#include "db/row_parts.h"

/* What the columns have; the row stays as it is until the change is done. */
static struct error *
lock_lists(const struct change *change, struct rows **rows)
{
	struct sql sql;

	sql_init(&sql, change->context->arena);
	sql_add(&sql, "SELECT TRUE");
	for (size_t i = 0; i < change->nfiles; i++) {
		sql_add(&sql, ", ");
		sql_column(&sql, "t", change->files[i].column->sql_name);
	}
	sql_add(&sql, " FROM ");
	sql_name(&sql, change->entity->table);
	sql_add(&sql, " t WHERE ");
	row_add_test(&sql, change->context, change->entity, change->id, "t",
		     VERB_UPDATE);
	sql_add(&sql, " FOR NO KEY UPDATE OF t");
	db_begin(change->context->db);
	return sql_run(&sql, change->context->db, rows);
}

static void
set_text(const struct change *change, const struct column *column,
	 const char *text)
{
	for (size_t i = 0; i < change->nassignments; i++)
		if (change->assignments[i].column == column)
			change->assignments[i].text = text;
}

struct error *
change_store_files(const struct change *change, bool *found)
{
	const struct row_context *context = change->context;
	const struct file_context files = {
		.arena = context->arena,
		.store = context->values->files,
		.db = context->db,
		.stored = context->stored,
	};
	struct rows *rows = NULL;
	struct error *error = NULL;

	*found = true;
	if (change->nfiles && change->id) {
		error = lock_lists(change, &rows);
		*found = !error && rows_count(rows);
	}
	for (size_t i = 0; !error && *found && i < change->nfiles; i++) {
		const struct file_wish *wish = &change->files[i];
		const char *before = rows ? rows_text(rows, 0, i + 1) : NULL;
		const char *text;

		error = file_list_store(&files, wish->column, wish->value,
					before, &text);
		if (!error)
			set_text(change, wish->column, text);
	}
	return error;
}
