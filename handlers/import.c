/*
 * import.c: an import in its steps: the header, the plan of columns, types
 * where columns are new, the schema, and the rows.
 */
#include "handlers/import.h"

#include <string.h>

#include "db/schema_file.h"
#include "handlers/definition.h"
#include "handlers/guess.h"
#include "handlers/schema.h"

/* Rows between two calls of progress. */
#define PROGRESS_ROWS 2000

/* A field of the file. */
struct field {
	struct import_column said;   /* for the report */
	const struct column *column; /* where it is there already */
	struct guess *guess;	     /* of a new one whose type is not told */
	struct guess_result type;
	bool is_new;
};

struct import {
	struct row_context *context;
	const struct import_options *options;
	struct import_result *result;
	struct arena *arena;
	struct arena *scratch; /* of a row */
	int fd;
	struct table_reader *reader;
	struct field *fields;
	size_t nfields;
	const struct entity *entity; /* NULL: to be made */
	const char *entity_name;
};

static void
release_arena(void *arena)
{
	arena_free(arena);
}

static struct error *
bad_file(const struct import *import, const char *what)
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

static struct error *
read_header(struct import *import)
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
		return bad_file(import, "there is nothing in it");
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

static struct error *
rewind_file(struct import *import)
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

static struct error *
find_entity(struct import *import)
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

static struct field *
field_named(const struct import *import, const char *name)
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
		struct field *field = field_named(import, name);
		const char *type = json_object_get_string(value);

		if (!field)
			return bad_type(import, name,
					"is no column of the file");
		if (!type || !guess_declared(type, &field->type))
			return bad_type(import, name, "has no known type");
	}
	return NULL;
}

static struct error *
plan_columns(struct import *import, bool *changes)
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

static struct error *
find_types(struct import *import)
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
		return bad_file(import, "there are less than 2 rows in it");
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

static struct error *
change_schema(struct import *import)
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
static struct error *
settle_columns(struct import *import)
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

/* The rows. */

static const char *
raw_row(struct import *import, const struct table_row *row)
{
	struct strbuf raw;

	if (!import->options->skip)
		return NULL;
	strbuf_init(&raw, import->scratch);
	for (size_t i = 0; i < row->ncells; i++) {
		if (i)
			strbuf_putc(&raw, ',');
		if (row->cells[i].text)
			bulk_add_quoted(&raw, row->cells[i].text);
	}
	return raw.data;
}

/* Cells as texts for their columns; a fault where one is no value. */
static struct error *
take_row(struct import *import, struct bulk *bulk, const struct table_row *row)
{
	const char **texts =
		ARENA_ARRAY(import->scratch, const char *, import->nfields + 1);

	if (table_is_strict(import->reader) && row->ncells != import->nfields)
		return bulk_bad_row(
			bulk, row->number, NULL, NULL,
			arena_printf(import->scratch,
				     "there are %zu fields, and %zu headings.",
				     row->ncells, import->nfields),
			raw_row(import, row));
	for (size_t i = 0; i < import->nfields && i < row->ncells; i++) {
		const struct field *field = &import->fields[i];
		const struct column *column = field->column;

		if (!column || !row->cells[i].text)
			continue;
		if (row->cells[i].kind == CELL_ERROR)
			return bulk_bad_row(bulk, row->number, field->said.name,
					    row->cells[i].text,
					    "a formula failed here.",
					    raw_row(import, row));
		texts[i] = cell_value(import->scratch, column->kind,
				      column->type ? column->type->name : NULL,
				      field->type.order, row->cells[i].text);
	}
	return bulk_row(bulk, row->number, texts, raw_row(import, row));
}

static void
tell_progress(struct import *import, int64_t rows)
{
	int64_t done, total;

	if (!import->options->progress)
		return;
	table_progress(import->reader, &done, &total);
	import->options->progress(import->options->progress_context, rows, done,
				  total);
}

static struct error *
send_rows(struct import *import, struct bulk *bulk, int64_t *rows)
{
	while (!bulk_is_lost(bulk)) {
		struct table_row row;
		struct error *error = table_next(import->reader, &row);

		if (!error && !row.cells)
			return NULL;
		if (!error)
			error = take_row(import, bulk, &row);
		if (error)
			return error;
		arena_reset(import->scratch);
		if (++*rows % PROGRESS_ROWS == 0)
			tell_progress(import, *rows);
	}
	return NULL;
}

static struct error *
find_update_on(const struct import *import, const struct column **column)
{
	const char *name = import->options->update_on;
	const struct field *field;

	*column = NULL;
	if (!name || !*name)
		return NULL;
	field = field_named(import, name);
	*column = field ? field->column : NULL;
	if (*column && !(*column)->target &&
	    ((*column)->is_standard || column_is_searchable(*column)))
		return NULL;
	return error_at(error_new(import->arena, 422, "bad-update-on",
				  "update_on: %s is no column of the file that "
				  "rows can be found by",
				  name),
			"/attributes/update_on");
}

static struct error *
try_rows(struct import *import, bool stage, struct bulk **bulk)
{
	const struct import_options *options = import->options;
	struct bulk_settings settings = {
		.context = import->context,
		.entity = import->entity,
		.ncolumns = import->nfields,
		.stage = stage,
		.skip = options->skip,
		.count_all = options->dry_run,
	};
	const struct column **columns = ARENA_ARRAY(
		import->arena, const struct column *, import->nfields + 1);
	struct error *error;
	int64_t rows = 0;

	for (size_t i = 0; i < import->nfields; i++)
		columns[i] = import->fields[i].column;
	settings.columns = columns;
	error = find_update_on(import, &settings.update_on);
	if (!error)
		error = rewind_file(import);
	if (!error)
		error = bulk_begin(import->arena, &settings, bulk);
	if (error)
		return error;
	error = send_rows(import, *bulk, &rows);
	if (error) {
		bulk_cancel(*bulk);
		return error;
	}
	tell_progress(import, rows);
	error = bulk_end(*bulk, &import->result->counts);
	if (!error && !rows)
		error = bad_file(import, "there are less than 2 rows in it");
	return error;
}

/* Straight in; and once more with care where a rule of the table broke. */
static struct error *
import_rows(struct import *import, struct bulk **bulk)
{
	struct db *db = import->context->db;
	struct error *undone, *error = db_savepoint(db, import->arena);

	if (error)
		return error;
	error = try_rows(import, false, bulk);
	if (!error)
		return db_release(db, import->arena);
	if (!db_is_up(db))
		return error;
	undone = db_rollback_to(db, import->arena);
	if (undone || !error->constraint)
		return undone ? undone : error;
	error = try_rows(import, true, bulk);
	if (error && error->constraint) {
		error->status = 422;
		error->detail = arena_printf(import->arena, "%s: %s",
					     import->options->table.file,
					     error->detail);
	}
	return error;
}

/* What was found. */

static struct error *
fault_error(const struct import *import, const struct bulk_fault *fault)
{
	struct strbuf text;

	strbuf_init(&text, import->arena);
	strbuf_printf(&text, "%s: row %lld", import->options->table.file,
		      (long long)fault->row);
	if (fault->column)
		strbuf_printf(&text, ", column %s", fault->column);
	if (fault->value)
		strbuf_printf(&text, ", value \"%s\"", fault->value);
	strbuf_printf(&text, ": %s", fault->expected);
	return error_new(import->arena, 422, "bad-row", "%s", text.data);
}

static void
add_bad_rows(struct import *import, const struct bulk *bulk)
{
	const struct strbuf *lines = bulk_bad_rows(bulk);
	struct strbuf *whole = ARENA_NEW(import->arena, struct strbuf);

	if (!import->options->skip || !lines->length)
		return;
	strbuf_init(whole, import->arena);
	strbuf_literal(whole, "row,reason");
	for (size_t i = 0; i < import->nfields; i++) {
		strbuf_putc(whole, ',');
		bulk_add_quoted(whole, import->fields[i].said.heading);
	}
	strbuf_literal(whole, "\r\n");
	strbuf_add(whole, lines->data, lines->length);
	import->result->bad_rows = whole;
}

static struct error *
report(struct import *import, const struct bulk *bulk)
{
	struct import_result *result = import->result;
	struct import_column *columns = ARENA_ARRAY(
		import->arena, struct import_column, import->nfields + 1);
	struct error *errors = NULL;

	for (size_t i = 0; i < import->nfields; i++)
		columns[i] = import->fields[i].said;
	result->entity = import->entity_name;
	result->columns = columns;
	result->ncolumns = import->nfields;
	result->faults = bulk_faults(bulk, &result->nfaults);
	add_bad_rows(import, bulk);
	if (import->options->skip || import->options->dry_run)
		return NULL;
	for (size_t i = 0; i < result->nfaults; i++)
		error_append(&errors, fault_error(import, &result->faults[i]));
	return errors;
}

static struct error *
import_all(struct import *import)
{
	struct bulk *bulk = NULL;
	struct error *error;
	bool changes = false;

	error = read_header(import);
	if (!error)
		error = find_entity(import);
	if (!error)
		error = plan_columns(import, &changes);
	if (!error && changes)
		error = find_types(import);
	if (!error && changes)
		error = change_schema(import);
	if (!error)
		error = settle_columns(import);
	if (!error)
		error = import_rows(import, &bulk);
	return error ? error : report(import, bulk);
}

static struct error *
check_rows(const struct import *import)
{
	const struct model *model = import->context->model;
	const struct entity *entity =
		model_entity(model, import->options->entity_name);

	return entity ? definition_check(import->context->db, import->arena,
					 model, entity, NULL)
		      : NULL;
}

struct error *
import_run(struct row_context *context, int fd,
	   const struct import_options *options, struct import_result *result)
{
	const struct model *model = context->model;
	struct db *db = context->db;
	struct import import = {
		.context = context,
		.options = options,
		.result = result,
		.arena = context->arena,
		.scratch = arena_new(),
		.fd = fd,
	};
	struct error *undone = NULL, *error = NULL;

	arena_defer(context->arena, release_arena, import.scratch);
	*result = (struct import_result){ 0 };
	db_begin(db);
	if (options->dry_run)
		error = db_savepoint(db, context->arena);
	if (error)
		return error;
	error = import_all(&import);
	if (!error)
		error = check_rows(&import);
	if (options->dry_run && db_is_up(db)) {
		undone = db_rollback_to(db, context->arena);
		context->model = model;
		result->is_model_changed = false;
	}
	return error ? error : undone;
}

/* For clients. */

static struct json_object *
columns_object(const struct import_result *result)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < result->ncolumns; i++) {
		const struct import_column *column = &result->columns[i];
		struct json_object *one = json_object_new_object();

		set_text(one, "heading", column->heading);
		json_object_object_add(
			one, "name",
			column->name ? json_object_new_string(column->name)
				     : NULL);
		json_object_object_add(
			one, "is_new",
			json_object_new_boolean(column->column_type != NULL));
		if (column->column_type) {
			set_text(one, "column_type", column->column_type);
			set_text(one, "data_type", column->data_type);
		}
		json_object_array_add(list, one);
	}
	return list;
}

static struct json_object *
faults_object(const struct import_result *result)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < result->nfaults; i++) {
		const struct bulk_fault *fault = &result->faults[i];
		struct json_object *one = json_object_new_object();

		json_object_object_add(one, "row",
				       json_object_new_int64(fault->row));
		if (fault->column)
			set_text(one, "column", fault->column);
		if (fault->value)
			set_text(one, "value", fault->value);
		set_text(one, "expected", fault->expected);
		json_object_array_add(list, one);
	}
	return list;
}

struct json_object *
import_report(const struct import_result *result)
{
	struct json_object *object = json_object_new_object();
	const struct bulk_counts *counts = &result->counts;

	set_text(object, "entity", result->entity);
	json_object_object_add(object, "is_new",
			       json_object_new_boolean(result->is_entity_new));
	json_object_object_add(object, "rows",
			       json_object_new_int64(counts->rows));
	json_object_object_add(object, "created",
			       json_object_new_int64(counts->created));
	json_object_object_add(object, "updated",
			       json_object_new_int64(counts->updated));
	json_object_object_add(object, "bad",
			       json_object_new_int64(counts->bad));
	json_object_object_add(object, "columns", columns_object(result));
	json_object_object_add(object, "faults", faults_object(result));
	return object;
}
