/*
 * dump_in.c: rows of a dump, checked and sent to temporary tables by COPY.
 */
#include "db/dump_parts.h"

#include <stdlib.h>
#include <string.h>

#include "db/base/crypto.h"
#include "db/base/utf8.h"
#include "db/file_list.h"
#include "db/sql.h"

#define FAULTS_MAX 100
#define PIECE_BYTES 65536
/* No permission of seven bits for each of three is larger. */
#define PERMISSION_BITS_MAX 4194303

static void
begin_piece(struct dump_in *in)
{
	arena_reset(in->scratch);
	strbuf_init(&in->out, in->scratch);
	strbuf_reserve(&in->out, 2 * PIECE_BYTES);
}

struct dump_in *
dump_in_new(struct arena *arena, const struct dump_in_settings *settings)
{
	struct dump_in *in = ARENA_NEW(arena, struct dump_in);

	in->settings = *settings;
	in->arena = arena;
	in->scratch = arena_new();
	arena_adopt(arena, in->scratch);
	begin_piece(in);
	db_begin(settings->db);
	return in;
}

struct stage *
dump_stage(const struct dump_in *in, const struct entity *entity)
{
	for (size_t i = 0; i < in->nstages; i++)
		if (in->stages[i]->entity == entity)
			return in->stages[i];
	return NULL;
}

/* Faults. */

static void
fault(struct dump_in *in, const char *text)
{
	if (in->nfaults++ < FAULTS_MAX)
		error_append(&in->faults,
			     error_new(in->arena, 422, "bad-dump", "%s", text));
}

static void
note_unknown(struct dump_in *in, const char *what)
{
	for (size_t i = 0; i < in->nunknowns; i++)
		if (!strcmp(in->unknowns[i], what))
			return;
	ARENA_PUSH(in->arena, in->unknowns, in->nunknowns,
		   arena_strdup(in->arena, what));
	if (!in->settings.skip_unknown)
		fault(in, arena_printf(in->arena,
				       "%s is not known here; skip_unknown "
				       "leaves out what is not",
				       what));
}

/* Tables. */

/* Names of 2018 are those of accounts without "_account". */
static const struct entity *
find_entity(const struct dump_in *in, const char *name)
{
	const struct model *model = in->settings.model;
	const struct entity *entity = model_entity(model, name);

	if (entity || strncmp(name, "user", 4) != 0)
		return entity;
	if (!name[4])
		return model->user_account;
	if (!strcmp(name, "user_user_id_has_usergroup_usergroup_id"))
		return model->membership;
	return NULL;
}

static void
add_stage_columns(struct sql *sql, const struct entity *entity, bool types)
{
	for (size_t i = 0; i < entity->ncolumns; i++) {
		sql_add(sql, ", ");
		sql_name(sql, entity->columns[i]->sql_name);
		if (!types)
			continue;
		sql_add(sql, " ");
		strbuf_puts(&sql->text, entity->columns[i]->sql_type);
	}
}

static struct error *
make_stage(struct dump_in *in, const struct entity *entity)
{
	struct stage *stage = ARENA_NEW(in->arena, struct stage);
	struct sql sql;

	stage->entity = entity;
	stage->table =
		arena_printf(in->arena, "actd_dump_%zu", in->nstages + 1);
	stage->natural = natural_of(in->arena, in->settings.model, entity);
	stage->seen = ARENA_ARRAY(in->arena, bool, entity->ncolumns);
	stage->deferred = ARENA_ARRAY(in->arena, bool, entity->ncolumns);
	stage->count.entity = entity->name;
	ARENA_PUSH(in->arena, in->stages, in->nstages, stage);
	in->open = stage;
	sql_init(&sql, in->arena);
	sql_add(&sql, "CREATE TEMP TABLE ");
	sql_name(&sql, stage->table);
	sql_add(&sql, " (actd_row bigint, actd_id bigint,"
		      " actd_met boolean NOT NULL DEFAULT false,"
		      " actd_old uuid");
	add_stage_columns(&sql, entity, true);
	sql_add(&sql, ") ON COMMIT DROP");
	return db_execute(in->settings.db, in->arena, sql.text.data);
}

static struct error *
begin_copy(struct dump_in *in)
{
	struct sql sql;
	struct error *error;

	sql_init(&sql, in->arena);
	sql_add(&sql, "COPY ");
	sql_name(&sql, in->open->table);
	sql_add(&sql, " (actd_row");
	add_stage_columns(&sql, in->open->entity, false);
	sql_add(&sql, ") FROM STDIN");
	error = db_copy_in(in->settings.db, in->arena, sql.text.data);
	in->is_copying = !error;
	return error;
}

static struct error *
send_piece(struct dump_in *in)
{
	struct error *error = db_copy_send(in->settings.db, in->arena,
					   in->out.data, in->out.length);

	begin_piece(in);
	return error;
}

/* What COPY refuses is a value; its line is not the dump's row. */
static struct error *
end_copy(struct dump_in *in)
{
	struct error *error;

	if (!in->is_copying)
		return NULL;
	error = send_piece(in);
	if (error)
		return error;
	in->is_copying = false;
	error = db_copy_end(in->settings.db, in->arena, NULL);
	if (error && error->status == 422)
		error->detail =
			arena_printf(in->arena, "%s: %s",
				     in->open->entity->name, error->detail);
	return error;
}

struct error *
dump_in_table(struct dump_in *in, const char *name)
{
	const struct entity *entity = find_entity(in, name);
	struct error *error = end_copy(in);

	if (error)
		return error;
	in->open = NULL;
	in->unknown = NULL;
	if (!entity) {
		in->unknown = arena_strdup(in->arena, name);
		return NULL;
	}
	if (file_list_has(entity))
		error = file_list_lock(in->settings.db, in->arena);
	if (error)
		return error;
	in->open = dump_stage(in, entity);
	if (!in->open)
		error = make_stage(in, entity);
	return error ? error : begin_copy(in);
}

/* Values. */

static const char *
plain_json(struct arena *arena, struct json_object *value)
{
	return arena_strdup(
		arena, json_object_to_json_string_ext(
			       value, JSON_C_TO_STRING_PLAIN |
					      JSON_C_TO_STRING_NOSLASHESCAPE));
}

static const char *
text_of(struct arena *arena, struct json_object *value)
{
	return json_object_is_type(value, json_type_string)
		       ? json_object_get_string(value)
		       : plain_json(arena, value);
}

static bool
is_hash(const char *text)
{
	return !strncmp(text, "$2", 2) || !strncmp(text, "$y$", 3);
}

static bool
is_md5(const char *text)
{
	return strlen(text) == 32 &&
	       text[strspn(text, "0123456789abcdef")] == '\0';
}

/* As an export has it, or a password as a person writes it. */
static bool
is_stored_secret(struct dump_in *in, const struct column *column,
		 const char *text)
{
	char *plain;

	if (column->kind == VALUE_ENCRYPTED)
		return !strncmp(text, "g1:", 3) ||
		       crypto_decrypt(in->scratch,
				      in->settings.values->encryption_key, text,
				      &plain);
	return is_hash(text) || (column->type && is_md5(text) &&
				 !strcmp(column->type->name, "md5"));
}

/* Contents are stored as they come; the lock was taken before. */
static struct error *
read_files(struct dump_in *in, const struct column *column,
	   struct json_object *value, const char **text)
{
	const struct file_context context = {
		.arena = in->scratch,
		.store = in->settings.values->files,
		.takes_known = true,
	};

	if (!file_list_is(value)) {
		*text = text_of(in->scratch, value);
		return NULL;
	}
	return file_list_store(&context, column, value, NULL, text);
}

/* What JSON has no number for is a word in exports. */
static bool
is_word(const char *text)
{
	static const char *const words[] = { "NaN", "Infinity", "-Infinity",
					     "infinity", "-infinity" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(text, words[i]))
			return true;
	return false;
}

static struct error *
bad_value(struct dump_in *in, const struct column *column, const char *what)
{
	return error_new(in->scratch, 422, "bad-dump", "%s must be %s",
			 column->column_name, what);
}

static struct error *
read_key(struct dump_in *in, const struct column *column,
	 struct json_object *value, const char **text)
{
	*text = text_of(in->scratch, value);
	if (**text && strspn(*text, "0123456789") == strlen(*text))
		return NULL;
	if (!**text) {
		*text = NULL;
		return NULL;
	}
	return bad_value(in, column, "the id of a row, a number");
}

static struct error *
read_text(struct dump_in *in, const struct column *column,
	  struct json_object *value, const char **text)
{
	*text = text_of(in->scratch, value);
	if (column->max_length && strlen(*text) > (size_t)column->max_length &&
	    utf8_characters(*text) > (size_t)column->max_length)
		return bad_value(in, column,
				 arena_printf(in->scratch,
					      "at most %d characters long",
					      column->max_length));
	return NULL;
}

static struct error *
read_secret(struct dump_in *in, const struct column *column,
	    struct json_object *value, const char **text)
{
	*text = text_of(in->scratch, value);
	if (!**text)
		*text = NULL;
	else if (!is_stored_secret(in, column, *text))
		return value_from_json(in->scratch, column, value,
				       in->settings.values, text);
	return NULL;
}

/* A permission that is no bits says of which age the dump is. */
static void
look_at_permission(struct dump_in *in, const struct column *column,
		   const char *text)
{
	if (strstr(column->column_name, "permission") &&
	    strtoll(text, NULL, 10) > PERMISSION_BITS_MAX)
		in->is_decimal = true;
}

static struct error *
read_plain(struct dump_in *in, const struct column *column,
	   struct json_object *value, const char **text)
{
	struct json_object *as_number = NULL;
	struct error *error;

	if (json_object_is_type(value, json_type_string) &&
	    is_word(json_object_get_string(value))) {
		*text = json_object_get_string(value);
		return NULL;
	}
	if (column->kind != VALUE_BOOLEAN &&
	    json_object_is_type(value, json_type_boolean))
		value = as_number =
			json_object_new_int(json_object_get_boolean(value));
	error = value_from_json(in->scratch, column, value, NULL, text);
	json_object_put(as_number);
	if (!error && column->kind == VALUE_INTEGER)
		look_at_permission(in, column, *text);
	return error;
}

static struct error *
read_value(struct dump_in *in, const struct column *column,
	   struct json_object *value, const char **text)
{
	*text = NULL;
	if (!value)
		return NULL;
	switch (column->kind) {
	case VALUE_REFERENCE:
		return read_key(in, column, value, text);
	case VALUE_TEXT:
	case VALUE_ENUM:
	case VALUE_JSON:
		return read_text(in, column, value, text);
	case VALUE_SECRET:
	case VALUE_ENCRYPTED:
		return read_secret(in, column, value, text);
	case VALUE_FILE:
		return read_files(in, column, value, text);
	default:
		return read_plain(in, column, value, text);
	}
}

/* Rows. */

static size_t
find_column(const struct entity *entity, const char *name)
{
	size_t i = 0;

	while (i < entity->ncolumns &&
	       strcmp(entity->columns[i]->column_name, name) != 0)
		i++;
	if (i == entity->ncolumns && !strcmp(name, "user_id"))
		return find_column(entity, "user_account_id");
	return i;
}

static void
row_fault(struct dump_in *in, int64_t number, const char *what)
{
	fault(in,
	      arena_printf(in->arena, "%s, row %lld: %s",
			   in->open->entity->name, (long long)number, what));
}

/* The names of 2018 among the rows of world. */
static const char *
world_name(const struct dump_in *in, const struct column *column,
	   const char *text)
{
	const struct entity *entity;

	if (in->open->entity != in->settings.model->world || !text ||
	    strcmp(column->column_name, "table_name") != 0)
		return text;
	entity = find_entity(in, text);
	return entity ? entity->name : text;
}

static void
add_copy_text(struct strbuf *out, const char *text)
{
	for (;;) {
		size_t plain = strcspn(text, "\\\t\n\r");

		strbuf_add(out, text, plain);
		text += plain;
		if (!*text)
			return;
		strbuf_putc(out, '\\');
		strbuf_putc(out, *text == '\t'	 ? 't'
				 : *text == '\n' ? 'n'
				 : *text == '\r' ? 'r'
						 : '\\');
		text++;
	}
}

/* Whether a row must bring the value itself. */
static bool
is_required(const struct stage *stage, const struct column *column)
{
	return !column->is_nullable && !column->is_standard &&
	       !column->default_sql && !stage->natural;
}

static void
add_row(struct dump_in *in, int64_t number, const char *const *texts,
	const bool *given)
{
	const struct entity *entity = in->open->entity;

	strbuf_integer(&in->out, number);
	for (size_t i = 0; i < entity->ncolumns; i++) {
		const struct column *column = entity->columns[i];
		const char *text = given[i] ? texts[i] : column->default_text;

		strbuf_putc(&in->out, '\t');
		if (text)
			add_copy_text(&in->out, text);
		else
			strbuf_literal(&in->out, "\\N");
		if (!text && is_required(in->open, column))
			row_fault(in, number,
				  arena_printf(in->scratch, "%s is required",
					       column->column_name));
	}
	strbuf_putc(&in->out, '\n');
}

static void
read_row(struct dump_in *in, int64_t number, struct json_object *row)
{
	const struct entity *entity = in->open->entity;
	const char **texts =
		ARENA_ARRAY(in->scratch, const char *, entity->ncolumns);
	bool *given = ARENA_ARRAY(in->scratch, bool, entity->ncolumns);

	json_object_object_foreach(row, name, value)
	{
		size_t i = find_column(entity, name);
		struct error *error;

		if (i == entity->ncolumns) {
			if (value && strcmp(name, "__type") != 0)
				note_unknown(in,
					     arena_printf(in->scratch, "%s.%s",
							  entity->name, name));
			continue;
		}
		given[i] = in->open->seen[i] = true;
		error = read_value(in, entity->columns[i], value, &texts[i]);
		if (error)
			row_fault(in, number, error->detail);
		texts[i] = world_name(in, entity->columns[i], texts[i]);
	}
	if (!in->nfaults)
		add_row(in, number, texts, given);
}

struct error *
dump_in_row(struct dump_in *in, int64_t number, struct json_object *row)
{
	if (in->unknown) {
		note_unknown(in, in->unknown);
		return NULL;
	}
	if (!json_object_is_type(row, json_type_object)) {
		row_fault(in, number, "a row must be an object");
		return NULL;
	}
	in->open->rows++;
	read_row(in, number, row);
	return in->out.length > PIECE_BYTES || in->nfaults ? send_piece(in)
							   : NULL;
}

void
dump_in_cancel(struct dump_in *in)
{
	struct error *error;

	if (!in->is_copying)
		return;
	in->is_copying = false;
	error = db_copy_end(in->settings.db, in->arena, NULL);
	if (error) /* the caller rolls back in any case */
		in->faults = in->faults ? in->faults : error;
}

/* The end. */

/* Without them accounts would be there that nobody can use. */
static void
check_secrets(struct dump_in *in)
{
	for (size_t i = 0; in->settings.truncate && i < in->nstages; i++) {
		const struct stage *stage = in->stages[i];
		const struct entity *entity = stage->entity;

		for (size_t j = 0; stage->rows && j < entity->ncolumns; j++) {
			const struct column *column = entity->columns[j];

			if ((column->kind == VALUE_SECRET ||
			     column->kind == VALUE_ENCRYPTED) &&
			    !stage->seen[j])
				fault(in, arena_printf(
						  in->arena,
						  "%s: the dump has no %s, and "
						  "truncate_before_insert "
						  "would lose it; export with "
						  "include_secrets, or import "
						  "without truncating",
						  entity->name,
						  column->column_name));
		}
	}
}

static void
make_report(const struct dump_in *in, struct dump_report *report)
{
	const struct model *model = in->settings.model;

	*report = (struct dump_report){ .unknown = in->unknowns,
					.nunknown = in->nunknowns };
	for (size_t i = 0; i < in->nstages; i++) {
		const struct stage *stage = in->stages[i];

		ARENA_PUSH(in->arena, report->counts, report->ncounts,
			   stage->count);
		report->rows += stage->count.created + stage->count.updated;
		report->is_model_touched |=
			stage->rows && (stage->entity == model->world ||
					stage->entity == model->action ||
					!strcmp(stage->entity->name, "smd"));
	}
}

struct error *
dump_in_finish(struct dump_in *in, struct dump_report *report)
{
	struct error *error = end_copy(in);

	if (error)
		return error;
	check_secrets(in);
	if (in->faults)
		return in->faults;
	error = dump_store(in);
	if (!error)
		make_report(in, report);
	return error;
}
