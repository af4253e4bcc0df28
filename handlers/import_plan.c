/*
 * import_plan.c: what the headings of a file mean: columns that are there,
 * columns that are to be made, or nothing.
 */
#include <string.h>

#include "handlers/import_parts.h"

struct error *
import_bad_file(const struct import *import, const char *what)
{
	return error_new(import->arena, 422, "bad-table", "%s: %s",
			 import->options->table.file, what);
}

/* The header. */

static bool
is_white(const char *text)
{
	return !text || !text[strspn(text, " \t\r\n")];
}

static const char *
trimmed(struct arena *arena, const char *text)
{
	size_t length;

	text += strspn(text, " \t\r\n");
	length = strlen(text);
	while (length && strchr(" \t\r\n", text[length - 1]))
		length--;
	return arena_strndup(arena, text, length);
}

struct error *
import_read_header(struct import *import)
{
	struct table_row row;
	struct error *error =
		table_open(import->arena, import->fd, &import->options->table,
			   &import->reader);

	if (!error)
		error = table_next(import->reader, &row);
	if (error)
		return error;
	if (!row.cells)
		return import_bad_file(import, "there is nothing in it");
	import->fields = ARENA_ARRAY(import->arena, struct field, row.ncells);
	for (size_t i = 0; i < row.ncells; i++) {
		struct field *field = &import->fields[i];

		if (is_white(row.cells[i].text)) {
			if (!table_is_strict(import->reader) && i)
				break;
			return error_new(import->arena, 422, "bad-table",
					 "%s: row %lld: column %zu has no "
					 "heading",
					 import->options->table.file,
					 (long long)row.number, i + 1);
		}
		field->said.heading = trimmed(import->arena, row.cells[i].text);
		import->nfields++;
	}
	return NULL;
}

struct error *
import_rewind(struct import *import)
{
	struct table_row row;
	struct error *error =
		table_open(import->arena, import->fd, &import->options->table,
			   &import->reader);

	return error ? error : table_next(import->reader, &row);
}

/* The plan. */

static bool
may_change_schema(const struct import *import)
{
	return import->context->actor->is_administrator ||
	       !import->context->model->has_administrator;
}

struct error *
import_find_entity(struct import *import)
{
	const struct model *model = import->context->model;
	const char *name = import->options->entity_name;
	const char *clean;

	if (!name || !*name)
		return error_at(error_new(import->arena, 400, "required",
					  "entity_name is required"),
				"/attributes/entity_name");
	clean = guess_name(import->arena, name);
	import->entity = model_entity(model, name);
	if (!import->entity)
		import->entity = model_entity(model, clean);
	import->entity_name = import->entity ? import->entity->name : clean;
	if (import->entity)
		return NULL;
	if (!import->options->create_if_not_exists)
		return error_new(import->arena, 404, "unknown-entity",
				 "there is no entity %s; "
				 "create_if_not_exists makes it",
				 name);
	if (!*clean)
		return error_new(import->arena, 422, "bad-name",
				 "%s is no name of an entity", name);
	return NULL;
}

static bool
is_administrators_own(const struct column *column)
{
	return !strcmp(column->column_name, "permission") ||
	       !strcmp(column->column_name, "user_account_id");
}

/* By the name on the wire, the cleaned heading, or the label. */
static const struct column *
find_column(const struct import *import, const char *heading)
{
	const struct entity *entity = import->entity;
	const struct column *column = entity_column(entity, heading);

	if (!column)
		column = entity_column(entity,
				       guess_name(import->arena, heading));
	for (size_t i = 0; !column && i < entity->ncolumns; i++)
		if (entity->columns[i]->name &&
		    !strcasecmp(entity->columns[i]->name, heading))
			column = entity->columns[i];
	return column;
}

/* Columns of the server are left out, like in a create. */
static struct error *
plan_existing(struct import *import, struct field *field,
	      const struct column *column)
{
	bool is_id = column->is_standard &&
		     !strcmp(column->column_name, "reference_id");
	bool is_theirs = (column->is_standard ||
			  !strcmp(column->column_name, "user_account_id")) &&
			 is_administrators_own(column);

	if (is_theirs && !import->context->actor->is_administrator)
		return error_new(import->arena, 422, "bad-table",
				 "%s: row 1: the column %s is for "
				 "administrators only",
				 import->options->table.file,
				 column->column_name);
	if (column->is_standard && !is_id && !is_theirs)
		return NULL;
	if (column->exclude_from_api)
		return NULL;
	field->column = column;
	field->said.name = column->column_name;
	return NULL;
}

static const char *
new_name(const struct import *import, size_t i)
{
	const char *name =
		guess_name(import->arena, import->fields[i].said.heading);

	return *name ? name : arena_printf(import->arena, "col_%zu", i + 1);
}

static struct error *
plan_field(struct import *import, size_t i)
{
	const struct import_options *options = import->options;
	struct field *field = &import->fields[i];
	const struct column *column =
		import->entity ? find_column(import, field->said.heading)
			       : NULL;

	if (column)
		return plan_existing(import, field, column);
	if (import->entity && !options->add_missing_columns &&
	    !options->create_if_not_exists)
		return NULL;
	field->is_new = true;
	field->said.name = new_name(import, i);
	return NULL;
}

static struct error *
check_names(const struct import *import)
{
	for (size_t i = 0; i < import->nfields; i++)
		for (size_t j = 0; import->fields[i].said.name && j < i; j++)
			if (import->fields[j].said.name &&
			    !strcmp(import->fields[i].said.name,
				    import->fields[j].said.name))
				return error_new(
					import->arena, 422, "bad-table",
					"%s: row 1: Multiple indices with the "
					"same name '%s'",
					import->options->table.file,
					import->fields[i].said.heading);
	return NULL;
}

struct field *
import_field_named(const struct import *import, const char *name)
{
	for (size_t i = 0; i < import->nfields; i++) {
		struct field *field = &import->fields[i];

		if (!strcmp(field->said.heading, name) ||
		    (field->said.name && !strcmp(field->said.name, name)))
			return field;
	}
	return NULL;
}

static struct error *
bad_type(const struct import *import, const char *name, const char *what)
{
	return error_at(error_new(import->arena, 422, "bad-column-type",
				  "column_types: %s %s", name, what),
			"/attributes/column_types");
}

static struct error *
read_types(struct import *import)
{
	if (!import->options->column_types)
		return NULL;
	json_object_object_foreach(import->options->column_types, name, value)
	{
		struct field *field = import_field_named(import, name);
		const char *type = json_object_get_string(value);

		if (!field)
			return bad_type(import, name,
					"is no column of the file");
		if (!type || !guess_declared(type, &field->type))
			return bad_type(import, name, "has no known type");
	}
	return NULL;
}

struct error *
import_plan_columns(struct import *import, bool *changes)
{
	struct error *errors = NULL;

	*changes = !import->entity;
	for (size_t i = 0; i < import->nfields; i++) {
		error_append(&errors, plan_field(import, i));
		*changes |= import->fields[i].is_new;
	}
	if (!errors)
		errors = check_names(import);
	if (!errors)
		errors = read_types(import);
	if (!errors && *changes && !may_change_schema(import))
		errors = error_new(import->arena, 403, "forbidden",
				   "only administrators may make entities and "
				   "columns");
	return errors;
}
