/*
 * import_schema.c: entities and columns that an import makes, of types that
 * are found in all rows of the file.
 */
#include <string.h>

#include "db/schema_file.h"
#include "handlers/import_parts.h"
#include "handlers/schema.h"

static void
release_arena(void *arena)
{
	arena_free(arena);
}

/* Types. */

static struct error *
guess_rows(struct import *import, int64_t *count)
{
	for (;;) {
		struct table_row row;
		struct error *error = table_next(import->reader, &row);

		if (error || !row.cells)
			return error;
		++*count;
		for (size_t i = 0; i < import->nfields && i < row.ncells; i++)
			if (import->fields[i].guess)
				guess_add(import->fields[i].guess, row.number,
					  &row.cells[i]);
		for (size_t i = row.ncells; i < import->nfields; i++)
			import->fields[i].type.has_blanks = true;
	}
}

struct error *
import_find_types(struct import *import)
{
	struct error *errors;
	int64_t count = 0;

	for (size_t i = 0; i < import->nfields; i++) {
		struct field *field = &import->fields[i];

		if (field->is_new && !field->type.column_type)
			field->guess =
				guess_new(import->arena, field->said.name);
	}
	errors = guess_rows(import, &count);
	if (errors)
		return errors;
	if (!count)
		return import_bad_file(import,
				       "there are less than 2 rows in it");
	for (size_t i = 0; i < import->nfields; i++) {
		struct field *field = &import->fields[i];
		bool blanks = field->type.has_blanks || !field->guess;

		if (field->guess)
			error_append(&errors,
				     guess_finish(field->guess, import->arena,
						  import->options->table.file,
						  &field->type));
		field->type.has_blanks |= blanks;
	}
	return errors;
}

/* The schema. */

static void
set_text(struct json_object *object, const char *name, const char *value)
{
	json_object_object_add(object, name, json_object_new_string(value));
}

static struct json_object *
column_definition(const struct import *import, const struct field *field)
{
	struct json_object *column = json_object_new_object();

	set_text(column, "Name", field->said.heading);
	set_text(column, "ColumnName", field->said.name);
	set_text(column, "ColumnType", field->type.column_type);
	set_text(column, "DataType", field->type.data_type);
	json_object_object_add(column, "IsNullable",
			       json_object_new_boolean(import->entity ||
						       field->type.has_blanks));
	return column;
}

static struct json_object *
schema_tree(struct import *import)
{
	struct json_object *tree = json_object_new_object();
	struct json_object *tables = json_object_new_array();
	struct json_object *table = json_object_new_object();
	struct json_object *columns = json_object_new_array();

	json_object_object_add(tree, "Tables", tables);
	json_object_array_add(tables, table);
	set_text(table, "TableName", import->entity_name);
	json_object_object_add(table, "Columns", columns);
	for (size_t i = 0; i < import->nfields; i++) {
		struct field *field = &import->fields[i];

		if (!field->is_new)
			continue;
		field->said.column_type = field->type.column_type;
		field->said.data_type = field->type.data_type;
		json_object_array_add(columns,
				      column_definition(import, field));
	}
	return tree;
}

static void
release_object(void *object)
{
	json_object_put(object);
}

static struct error *
load_model(struct import *import)
{
	struct row_context *context = import->context;
	struct model *model;
	struct error *error = model_load(context->db, context->arena, &model);

	if (error)
		return error;
	model->generation = context->model->generation;
	arena_defer(context->arena, release_arena, model->arena);
	context->model = model;
	return NULL;
}

struct error *
import_change_schema(struct import *import)
{
	struct row_context *context = import->context;
	struct schema *schema = ARENA_NEW(context->arena, struct schema);
	struct json_object *tree = schema_tree(import);
	struct error *error;

	arena_defer(context->arena, release_object, tree);
	error = schema_read(context->arena, tree, import->options->table.file,
			    false, schema);
	if (!error)
		error = schema_apply(context->db, context->arena, schema, false,
				     NULL);
	if (!error)
		error = load_model(import);
	if (error)
		return error;
	import->result->is_entity_new = !import->entity;
	import->result->is_model_changed = true;
	return NULL;
}

/* The model may be another one by now: everything is found by name. */
struct error *
import_settle_columns(struct import *import)
{
	import->entity =
		model_entity(import->context->model, import->entity_name);
	if (!import->entity)
		return error_internal(import->arena, "no entity %s",
				      import->entity_name);
	for (size_t i = 0; i < import->nfields; i++)
		if (import->fields[i].said.name)
			import->fields[i].column = entity_column(
				import->entity, import->fields[i].said.name);
	return NULL;
}
