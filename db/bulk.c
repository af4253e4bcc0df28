/*
 * bulk.c: rows on their way into COPY: conversion, ids, faults. What is done
 * with a temporary table in between is in bulk_stage.c.
 */
#include <stdlib.h>
#include <string.h>

#include "db/base/crypto.h"
#include "db/base/json.h"
#include "db/base/utf8.h"
#include "db/bulk_parts.h"
#include "db/file_list.h"
#include "db/row_parts.h"

/* Bytes that are sent at once. */
#define PIECE 65536
/* Bytes of converted values after which they are given back. */
#define SCRATCH_MAX (256 * 1024)
#define VALUE_SHOWN 80

/* Faults. */

/* Cut at a character, with dots. */
static const char *
shown(struct arena *arena, const char *text)
{
	size_t length;

	if (!text || strlen(text) <= VALUE_SHOWN)
		return arena_strdup(arena, text);
	length = VALUE_SHOWN;
	while (length && ((unsigned char)text[length] & 0xc0) == 0x80)
		length--;
	return arena_printf(arena, "%.*s...", (int)length, text);
}

void
bulk_note(struct bulk *bulk, int64_t row, const char *column, const char *value,
	  const char *expected)
{
	struct bulk_fault fault = { .row = row };

	bulk->failed = true;
	if (bulk->nfaults == BULK_FAULTS_MAX)
		return;
	fault.column = arena_strdup(bulk->arena, column);
	fault.value = shown(bulk->arena, value);
	fault.expected = arena_strdup(bulk->arena, expected);
	ARENA_PUSH(bulk->arena, bulk->faults, bulk->nfaults, fault);
}

/* A field of CSV, quoted wherever it could need it. */
void
bulk_add_quoted(struct strbuf *buf, const char *text)
{
	strbuf_putc(buf, '"');
	for (; *text; text++) {
		if (*text == '"')
			strbuf_putc(buf, '"');
		strbuf_putc(buf, *text);
	}
	strbuf_putc(buf, '"');
}

struct error *
bulk_keep_bad(struct bulk *bulk, int64_t row, const char *reason,
	      const char *raw)
{
	if (!raw)
		return NULL;
	strbuf_integer(&bulk->bad_rows, row);
	strbuf_putc(&bulk->bad_rows, ',');
	bulk_add_quoted(&bulk->bad_rows, reason);
	strbuf_putc(&bulk->bad_rows, ',');
	strbuf_puts(&bulk->bad_rows, raw);
	strbuf_literal(&bulk->bad_rows, "\r\n");
	if (bulk->bad_rows.length <= BULK_BAD_MAX)
		return NULL;
	return error_new(bulk->arena, 422, "too-many-bad-rows",
			 "The bad rows are more than %d MiB: nothing was "
			 "imported.",
			 BULK_BAD_MAX >> 20);
}

struct error *
bulk_bad_row(struct bulk *bulk, int64_t row, const char *column,
	     const char *value, const char *expected, const char *raw)
{
	bulk->counts.rows++;
	bulk->counts.bad++;
	bulk_note(bulk, row, column, value, expected);
	return bulk_keep_bad(bulk, row, expected, raw);
}

bool
bulk_is_lost(const struct bulk *bulk)
{
	return bulk->failed && !bulk->settings.skip &&
	       !bulk->settings.count_all && bulk->nfaults == BULK_FAULTS_MAX;
}

/* Beginning. */

static bool
is_given(const struct bulk *bulk, const struct column *column)
{
	for (size_t i = 0; i < bulk->settings.ncolumns; i++)
		if (bulk->settings.columns[i] == column)
			return true;
	return false;
}

static struct error *
check_entity(const struct bulk *bulk)
{
	const struct row_context *context = bulk->settings.context;
	const struct entity *entity = bulk->settings.entity;
	const struct model *model = context->model;

	if (!permission_table(context->actor, entity, VERB_CREATE))
		return permission_refused(bulk->arena, entity, VERB_CREATE);
	if (entity != model->user_account && entity != model->usergroup &&
	    entity != model->world && entity != model->action &&
	    !entity->is_join_table && !entity->is_audit_table &&
	    !entity->is_state_table && strcmp(entity->name, "job") != 0 &&
	    strcmp(entity->name, "action_run") != 0)
		return NULL;
	return error_new(bulk->arena, 422, "not-in-bulk",
			 "Rows of %s can't be made from a table of values.",
			 entity->name);
}

static bool
is_required(const struct column *column)
{
	return !column->is_standard && !column->is_nullable &&
	       !column->default_sql && !column->is_auto_increment;
}

static struct error *
check_required(const struct bulk *bulk)
{
	const struct entity *entity = bulk->settings.entity;
	struct error *errors = NULL;

	for (size_t i = 0; i < entity->ncolumns; i++)
		if (is_required(entity->columns[i]) &&
		    !is_given(bulk, entity->columns[i]))
			error_append(
				&errors,
				error_new(bulk->arena, 422, "required",
					  "There is no column %s, which "
					  "is required.",
					  entity->columns[i]->column_name));
	return errors;
}

static bool
is_stage_needed(const struct bulk *bulk)
{
	const struct bulk_settings *settings = &bulk->settings;
	const struct entity *entity = settings->entity;

	if (settings->stage || settings->skip || settings->update_on ||
	    (entity->group_join && entity->ndefault_links))
		return true;
	for (size_t i = 0; i < settings->ncolumns; i++)
		if (settings->columns[i] && settings->columns[i]->target)
			return true;
	return false;
}

/* The values that the server itself gives, once for all rows. */
static struct error *
read_defaults(struct bulk *bulk)
{
	const struct bulk_settings *settings = &bulk->settings;
	struct error *error;
	struct rows *rows;
	struct sql sql;

	sql_init(&sql, bulk->arena);
	sql_add(&sql, "SELECT now()::text");
	for (size_t i = 0; i < settings->ncolumns; i++) {
		const struct column *column = settings->columns[i];

		sql_add(&sql, ", (");
		if (column && !column->is_standard && column->default_sql)
			strbuf_puts(&sql.text, column->default_sql);
		else
			sql_add(&sql, "NULL");
		sql_add(&sql, ")::text");
	}
	error = sql_run(&sql, settings->context->db, &rows);
	if (error)
		return error;
	bulk->now = rows_text(rows, 0, 0);
	for (size_t i = 0; i < settings->ncolumns; i++)
		bulk->defaults[i] = rows_text(rows, 0, i + 1);
	return NULL;
}

static void
find_special(struct bulk *bulk)
{
	const struct bulk_settings *settings = &bulk->settings;

	bulk->id_field = bulk->permission_field = bulk->owner_field = -1;
	for (size_t i = 0; i < settings->ncolumns; i++) {
		const struct column *column = settings->columns[i];
		const char *name = column ? column->column_name : "";

		if (column && column->is_standard &&
		    !strcmp(name, "reference_id"))
			bulk->id_field = (int)i;
		if (column && column->is_standard &&
		    !strcmp(name, "permission"))
			bulk->permission_field = (int)i;
		if (settings->entity->has_owner &&
		    !strcmp(name, "user_account_id"))
			bulk->owner_field = (int)i;
	}
}

/* COPY straight into the entity's table. */
static struct error *
copy_begin(struct bulk *bulk)
{
	const struct bulk_settings *settings = &bulk->settings;
	struct sql sql;

	sql_init(&sql, bulk->arena);
	sql_add(&sql, "COPY ");
	sql_name(&sql, settings->entity->table);
	sql_add(&sql, " (reference_id, version, updated_at");
	if (bulk->permission_field < 0)
		sql_add(&sql, ", permission");
	if (bulk->sets_owner)
		sql_add(&sql, ", user_account_id");
	for (size_t i = 0; i < settings->ncolumns; i++)
		if (bulk_is_sent(bulk, i)) {
			sql_add(&sql, ", ");
			sql_name(&sql, settings->columns[i]->sql_name);
		}
	sql_add(&sql, ") FROM STDIN");
	return db_copy_in(settings->context->db, bulk->arena, sql.text.data);
}

struct error *
bulk_begin(struct arena *arena, const struct bulk_settings *settings,
	   struct bulk **result)
{
	struct bulk *bulk = ARENA_NEW(arena, struct bulk);
	struct error *error;

	bulk->arena = arena;
	bulk->settings = *settings;
	bulk->scratch = arena_new();
	arena_adopt(arena, bulk->scratch);
	bulk->defaults =
		ARENA_ARRAY(arena, const char *, settings->ncolumns + 1);
	bulk->values = ARENA_ARRAY(arena, const char *, settings->ncolumns + 1);
	strbuf_init(&bulk->bad_rows, arena);
	strbuf_init(&bulk->out, arena);
	strbuf_reserve(&bulk->out, 2 * PIECE);
	find_special(bulk);
	bulk->sets_owner = settings->entity->has_owner &&
			   bulk->owner_field < 0 &&
			   settings->context->actor->id;
	*result = bulk;
	error = check_entity(bulk);
	if (!error)
		error = check_required(bulk);
	if (!error)
		error = read_defaults(bulk);
	if (error)
		return error;
	if (file_list_has(settings->entity))
		error = file_list_lock(settings->context->db, arena);
	if (error)
		return error;
	bulk->is_staged = is_stage_needed(bulk);
	bulk->owner = settings->context->actor->id;
	bulk->permission =
		row_default_permission(settings->context, settings->entity);
	return bulk->is_staged ? bulk_stage_begin(bulk) : copy_begin(bulk);
}

bool
bulk_is_sent(const struct bulk *bulk, size_t field)
{
	return bulk->settings.columns[field] && (int)field != bulk->id_field;
}

/* Rows. */

static const char *
empty_value(const struct bulk *bulk, size_t field)
{
	const struct column *column = bulk->settings.columns[field];

	if (bulk->defaults[field])
		return bulk->defaults[field];
	/* CSV can't tell an empty text from none */
	if (!column->is_nullable && column->kind == VALUE_TEXT &&
	    !column->is_standard)
		return "";
	return NULL;
}

/* Contents are stored as they come; the lock was taken before. */
static struct error *
store_files(struct bulk *bulk, const struct column *column, const char *text,
	    const char **value)
{
	const struct file_context context = {
		.arena = bulk->scratch,
		.store = bulk->settings.context->values->files,
	};
	struct json_object *list = json_object_new_string(text);

	json_keep(bulk->scratch, list);
	return file_list_store(&context, column, list, NULL, value);
}

static struct error *
convert(struct bulk *bulk, size_t field, const char *text, const char **value)
{
	const struct column *column = bulk->settings.columns[field];
	struct error *error;
	long long bits;

	if (!text || (!*text && column->kind != VALUE_TEXT)) {
		*value = empty_value(bulk, field);
		if (!*value && !column->is_nullable && !column->is_standard)
			return error_new(bulk->scratch, 422, "required",
					 "%s is required.",
					 column->column_name);
		if (!*value || **value)
			return NULL;
		text = *value;
	}
	if (column->target) {
		*value = text;
		return crypto_is_uuid(text)
			       ? NULL
			       : error_new(bulk->scratch, 422, "invalid-value",
					   "%s must be a reference id.",
					   column->column_name);
	}
	if (column->kind == VALUE_FILE && file_list_is_text(text))
		return store_files(bulk, column, text, value);
	error = value_from_text(bulk->scratch, column, text,
				bulk->settings.context->values, value);
	if (error || (int)field != bulk->permission_field)
		return error;
	bits = strtoll(*value, NULL, 10);
	return bits >= 0 && bits <= PERMISSION_ALL
		       ? NULL
		       : error_new(bulk->scratch, 422, "invalid-value",
				   "permission must be from 0 to 2097151.");
}

/* The field of the column that an error points to; -1: none. */
static int
field_of(const struct bulk *bulk, const struct error *error)
{
	const char *name = error->pointer ? strrchr(error->pointer, '/') : NULL;

	for (size_t i = 0; name && i < bulk->settings.ncolumns; i++)
		if (bulk->settings.columns[i] &&
		    !strcmp(bulk->settings.columns[i]->column_name, name + 1))
			return (int)i;
	return -1;
}

/* The table's own rules, which want an object. */
static struct error *
check_row(struct bulk *bulk, const char *const *texts, const char **changed)
{
	const struct bulk_settings *settings = &bulk->settings;
	struct json_object *object = json_object_new_object();
	struct error *error;

	json_keep(bulk->scratch, object);
	for (size_t i = 0; i < settings->ncolumns; i++)
		if (settings->columns[i])
			json_object_object_add(
				object, settings->columns[i]->column_name,
				texts[i] ? json_object_new_string(texts[i])
					 : NULL);
	error = settings->context->check(bulk->scratch, settings->entity,
					 object, true);
	for (size_t i = 0; i < settings->ncolumns; i++)
		changed[i] =
			settings->columns[i]
				? json_object_get_string(json_object_object_get(
					  object,
					  settings->columns[i]->column_name))
				: NULL;
	return error;
}

static struct error *
take_faults(struct bulk *bulk, int64_t row, const struct error *errors,
	    const char *const *texts, const char *raw)
{
	struct strbuf reasons;

	strbuf_init(&reasons, bulk->scratch);
	for (const struct error *one = errors; one; one = one->next) {
		int field = field_of(bulk, one);

		bulk_note(bulk, row,
			  field < 0
				  ? NULL
				  : bulk->settings.columns[field]->column_name,
			  field < 0 ? NULL : texts[field], one->detail);
		if (one != errors)
			strbuf_literal(&reasons, "; ");
		strbuf_puts(&reasons, one->detail);
	}
	bulk->counts.bad++;
	return bulk_keep_bad(bulk, row, reasons.data, raw);
}

/* As COPY's text format wants it. */
static void
add_value(struct strbuf *out, const char *value)
{
	const char *p = value;

	if (!value) {
		strbuf_literal(out, "\\N");
		return;
	}
	for (;;) {
		size_t plain = strcspn(p, "\\\t\n\r");

		strbuf_add(out, p, plain);
		p += plain;
		if (!*p)
			return;
		strbuf_putc(out, '\\');
		strbuf_putc(out, *p == '\t'   ? 't'
				 : *p == '\n' ? 'n'
				 : *p == '\r' ? 'r'
					      : '\\');
		p++;
	}
}

static void
add_id(struct bulk *bulk)
{
	const char *given =
		bulk->id_field < 0 ? NULL : bulk->values[bulk->id_field];
	char made[37];

	if (!given)
		crypto_uuid(made);
	strbuf_add(&bulk->out, given ? given : made, 36);
}

static void
add_row(struct bulk *bulk, int64_t row, const char *raw)
{
	struct strbuf *out = &bulk->out;

	if (bulk->is_staged) {
		strbuf_integer(out, row);
		strbuf_putc(out, '\t');
		add_value(out, raw);
		strbuf_putc(out, '\t');
		add_id(bulk);
	} else {
		add_id(bulk);
		strbuf_literal(out, "\t1\t");
		strbuf_puts(out, bulk->now);
		if (bulk->permission_field < 0) {
			strbuf_putc(out, '\t');
			strbuf_integer(out, bulk->permission);
		}
		if (bulk->sets_owner) {
			strbuf_putc(out, '\t');
			strbuf_integer(out, bulk->owner);
		}
	}
	for (size_t i = 0; i < bulk->settings.ncolumns; i++)
		if (bulk_is_sent(bulk, i)) {
			strbuf_putc(out, '\t');
			add_value(out, bulk->values[i]);
		}
	strbuf_putc(out, '\n');
}

static struct error *
flush(struct bulk *bulk)
{
	struct error *error = NULL;

	if (bulk->out.length)
		error = db_copy_send(bulk->settings.context->db, bulk->arena,
				     bulk->out.data, bulk->out.length);
	strbuf_cut(&bulk->out, 0);
	return error;
}

static void
fill_in_permission(struct bulk *bulk)
{
	int field = bulk->permission_field;

	if (field >= 0 && !bulk->values[field])
		bulk->values[field] = arena_printf(bulk->scratch, "%lld",
						   (long long)bulk->permission);
}

/* All faults of a row at once. */
static struct error *
convert_row(struct bulk *bulk, const char *const *texts)
{
	struct error *errors = NULL;

	for (size_t i = 0; i < bulk->settings.ncolumns; i++) {
		const struct column *column = bulk->settings.columns[i];
		struct error *error;

		if (!column)
			continue;
		error = convert(bulk, i, texts[i], &bulk->values[i]);
		if (error)
			error_append(
				&errors,
				error_at(error,
					 arena_printf(bulk->scratch, "/%s",
						      column->column_name)));
	}
	fill_in_permission(bulk);
	return errors;
}

struct error *
bulk_row(struct bulk *bulk, int64_t row, const char *const *texts,
	 const char *raw)
{
	const struct bulk_settings *settings = &bulk->settings;
	const struct entity *entity = settings->entity;
	const char *const *taken = texts;
	struct error *errors = NULL;

	bulk->counts.rows++;
	if (settings->context->check &&
	    (entity->nvalidations || entity->nconformations)) {
		const char **changed = ARENA_ARRAY(bulk->scratch, const char *,
						   settings->ncolumns + 1);

		errors = check_row(bulk, texts, changed);
		taken = changed;
	}
	error_append(&errors, convert_row(bulk, taken));
	if (errors)
		errors = take_faults(bulk, row, errors, texts, raw);
	else if (!bulk->failed || settings->skip)
		add_row(bulk, row, raw);
	if (!errors && bulk->out.length >= PIECE)
		errors = flush(bulk);
	if (arena_size(bulk->scratch) > SCRATCH_MAX)
		arena_reset(bulk->scratch);
	return errors;
}

/* The end. */

struct error *
bulk_end(struct bulk *bulk, struct bulk_counts *counts)
{
	struct db *db = bulk->settings.context->db;
	struct error *error = flush(bulk);
	int64_t sent = 0;

	if (!error)
		error = db_copy_end(db, bulk->arena, &sent);
	/* what the server thinks of rows before a fault does not matter */
	if (bulk->failed && !bulk->settings.skip && !bulk->is_staged) {
		*counts = bulk->counts;
		return error && error->status >= 500 ? error : NULL;
	}
	if (!error && bulk->is_staged)
		error = bulk_stage_end(bulk);
	else
		bulk->counts.created = sent;
	*counts = bulk->counts;
	return error ? row_constraint_error(bulk->settings.context,
					    bulk->settings.entity, error)
		     : NULL;
}

void
bulk_cancel(struct bulk *bulk)
{
	struct error *error UNUSED;

	error = db_copy_end(bulk->settings.context->db, bulk->arena, NULL);
}

const struct bulk_fault *
bulk_faults(const struct bulk *bulk, size_t *count)
{
	*count = bulk->nfaults;
	return bulk->faults;
}

const struct strbuf *
bulk_bad_rows(const struct bulk *bulk)
{
	return &bulk->bad_rows;
}
