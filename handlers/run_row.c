/*
 * run_row.c: which blank text of which row hides an encrypted value. It is
 * read and decrypted when a reference asks for it, and not before.
 */
#include "handlers/run_row.h"

#include "db/base/json.h"

struct hidden_value {
	struct json_object *shown;
	const struct entity *entity;
	const struct column *column;
	const char *id;
	struct hidden_value *next;
};

static void
hide(struct run *run, const struct entity *entity, struct json_object *row)
{
	const char *id = json_object_get_string(
		json_object_object_get(row, "reference_id"));

	for (size_t i = 0; id && i < entity->ncolumns; i++) {
		const struct column *column = entity->columns[i];
		struct hidden_value *hidden;

		if (column->kind != VALUE_ENCRYPTED)
			continue;
		hidden = ARENA_NEW(run->request->arena, struct hidden_value);
		*hidden = (struct hidden_value){
			.shown = json_object_object_get(row,
							column->column_name),
			.entity = entity,
			.column = column,
			.id = id,
			.next = run->hidden,
		};
		if (hidden->shown)
			run->hidden = hidden;
	}
}

struct json_object *
run_row(struct run *run, const struct row *row, size_t index)
{
	struct json_object *object = row_object(row, index);

	json_keep(run->request->arena, object);
	hide(run, row->selection->entity, object);
	return object;
}

static struct error *
read_hidden(const struct run *run, struct arena *arena,
	    const struct hidden_value *hidden, struct json_object **value)
{
	struct row_context context = request_row_context(run->request, true);
	const char *text;
	struct error *error = row_decrypted(&context, hidden->entity,
					    hidden->column, hidden->id, &text);

	*value = NULL;
	if (!error && text)
		*value = json_keep(arena, json_object_new_string(text));
	return error;
}

struct error *
run_row_reveal(void *context, struct arena *arena, struct json_object *shown,
	       struct json_object **value)
{
	const struct run *run = context;
	const struct hidden_value *hidden = run->hidden;

	while (hidden && hidden->shown != shown)
		hidden = hidden->next;
	if (hidden)
		return read_hidden(run, arena, hidden, value);
	*value = shown;
	return NULL;
}
