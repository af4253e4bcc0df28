/*
 * row.c: reading one row, and a row as an object. Writing is in row_create.c,
 * row_update.c, row_delete.c and row_link.c.
 */
#include "db/row.h"

#include "db/base/crypto.h"
#include "db/row_parts.h"

struct error *
row_read(const struct row_context *context, const struct entity *entity,
	 const char *id, bool lock, struct row *row)
{
	struct sql sql;

	row->selection = selection_new(context->arena, entity, NULL, 0);
	sql_init(&sql, context->arena);
	sql_add(&sql, "SELECT ");
	selection_list(&sql, row->selection, context->actor, context->model,
		       "t");
	sql_add(&sql, " FROM ");
	sql_name(&sql, entity->table);
	sql_add(&sql, " t WHERE ");
	row_add_visible(&sql, context, entity, id, "t");
	if (lock)
		sql_add(&sql, " FOR NO KEY UPDATE OF t");
	return sql_run(&sql, context->db, &row->rows);
}

struct error *
row_decrypted(const struct row_context *context, const struct entity *entity,
	      const struct column *column, const char *id, const char **text)
{
	struct error *error;
	struct rows *rows;
	struct sql sql;
	char *plain;

	*text = NULL;
	sql_init(&sql, context->arena);
	sql_add(&sql, "SELECT ");
	sql_column(&sql, "t", column->sql_name);
	sql_add(&sql, " FROM ");
	sql_name(&sql, entity->table);
	sql_add(&sql, " t WHERE t.reference_id = ");
	sql_value_as(&sql, id, "uuid");
	error = sql_run(&sql, context->db, &rows);
	if (!error && rows_count(rows) && rows_text(rows, 0, 0) &&
	    crypto_decrypt(context->arena, context->values->encryption_key,
			   rows_text(rows, 0, 0), &plain))
		*text = plain;
	return error;
}

struct json_object *
row_object(const struct row *row, size_t index)
{
	const struct selection *selection = row->selection;
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "__type",
			       json_object_new_string(selection->entity->name));
	for (size_t i = 0; i < selection->ncolumns; i++) {
		const struct column *column = selection->columns[i];
		size_t field = SELECTION_FIRST + i;

		json_object_object_add(
			object, column->column_name,
			value_to_object(column,
					rows_text(row->rows, index, field),
					rows_length(row->rows, index, field)));
	}
	return object;
}
