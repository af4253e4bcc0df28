/*
 * import_report.c: what an import did, and what was wrong with the file.
 */
#include "handlers/import_parts.h"

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

struct error *
import_tell(struct import *import, const struct bulk *bulk)
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

static void
set_text(struct json_object *object, const char *name, const char *value)
{
	json_object_object_add(object, name, json_object_new_string(value));
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
