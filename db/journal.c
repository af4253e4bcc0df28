/*
 * journal.c: entries are written by the statements that change rows, or right
 * before them in the same transaction.
 */
#include "db/journal.h"

#include <string.h>

#include "db/base/crypto.h"
#include "db/base/json.h"
#include "db/name_index.h"
#include "db/row_parts.h"

/* A row takes others along, those again others: so far and no further. */
#define DEPTH_MAX 32

static const char *const operation_names[] = {
	[JOURNAL_CREATE] = "create",
	[JOURNAL_UPDATE] = "update",
	[JOURNAL_DELETE] = "delete",
};

/* Which rows. */

static bool
joins_history(const struct model *model, const struct entity *join)
{
	for (size_t i = 0; i < model->nrelations; i++) {
		const struct relation *relation = model->relations[i];

		if (relation->join == join)
			return relation->subject_entity->audit ||
			       relation->object_entity->audit;
	}
	return false;
}

bool
journal_keeps(const struct row_context *context, const struct entity *entity)
{
	return context->run &&
	       (entity->audit || (entity->is_join_table &&
				  joins_history(context->model, entity)));
}

enum on_delete
journal_effect(const struct model *model, const struct entity *entity,
	       const struct column *column)
{
	if (entity->has_owner &&
	    !strcmp(column->column_name, "user_account_id"))
		return ON_DELETE_SET_NULL;
	for (size_t i = 0; i < model->nrelations; i++) {
		const struct relation *relation = model->relations[i];

		if (relation->key == column)
			return relation->on_delete;
		if (relation->join && (relation->join_subject_key == column ||
				       relation->join_object_key == column))
			return ON_DELETE_CASCADE;
	}
	return ON_DELETE_RESTRICT;
}

/* Writing. */

static void
begin_entry(struct sql *sql, const struct row_context *context,
	    const struct entity *entity, enum journal_operation operation)
{
	sql_add(sql, "INSERT INTO actd_journal (run, entity, operation, "
		     "reference_id, version, image) SELECT ");
	sql_value_as(sql, context->run, "uuid");
	sql_add(sql, ", ");
	sql_value_as(sql, entity->name, "text");
	sql_add(sql, ", ");
	sql_value_as(sql, operation_names[operation], "text");
	sql_add(sql, ", t.reference_id, t.version");
}

void
journal_add_created(struct sql *sql, const struct row_context *context,
		    const struct entity *entity)
{
	sql_add(sql, ", journal AS (");
	begin_entry(sql, context, entity, JOURNAL_CREATE);
	sql_add(sql, ", NULL FROM new t)");
}

static bool
has_secrets(const struct entity *entity)
{
	for (size_t i = 0; i < entity->ncolumns; i++)
		if (entity->columns[i]->kind == VALUE_SECRET)
			return true;
	return false;
}

static void
add_row(struct sql *sql, const struct entity *entity, const char *id)
{
	sql_add(sql, " FROM ");
	sql_name(sql, entity->table);
	sql_add(sql, " t WHERE t.reference_id = ");
	sql_value_as(sql, id, "uuid");
	sql_add(sql, " FOR UPDATE OF t");
}

static struct error *
select_secrets(const struct row_context *context, const struct entity *entity,
	       const char *id, struct rows **rows)
{
	struct sql sql;

	sql_init(&sql, context->arena);
	sql_add(&sql, "SELECT TRUE");
	for (size_t i = 0; i < entity->ncolumns; i++)
		if (entity->columns[i]->kind == VALUE_SECRET) {
			sql_add(&sql, ", ");
			sql_column(&sql, "t", entity->columns[i]->sql_name);
		}
	add_row(&sql, entity, id);
	return sql_run(&sql, context->db, rows);
}

/* Hashes are as good as secrets to whoever finds a copy of the journal. */
static struct error *
encrypt_secrets(const struct row_context *context, const struct entity *entity,
		const char *id, const char **text)
{
	struct json_object *object;
	struct error *error;
	struct rows *rows;
	size_t field = 1;

	*text = "{}";
	if (!has_secrets(entity))
		return NULL;
	error = select_secrets(context, entity, id, &rows);
	if (error || !rows_count(rows))
		return error;
	object = json_object_new_object();
	json_keep(context->arena, object);
	for (size_t i = 0; i < entity->ncolumns; i++) {
		const char *secret;

		if (entity->columns[i]->kind != VALUE_SECRET)
			continue;
		secret = rows_text(rows, 0, field++);
		json_object_object_add(
			object, entity->columns[i]->sql_name,
			secret ? json_object_new_string(crypto_encrypt(
					 context->arena,
					 context->values->encryption_key,
					 secret))
			       : NULL);
	}
	*text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN);
	return NULL;
}

/* The version that the row will have counts `step` more than it has. */
static struct error *
keep(const struct row_context *context, const struct entity *entity,
     const char *id, enum journal_operation operation, int64_t step)
{
	const char *secrets = NULL;
	struct error *error = encrypt_secrets(context, entity, id, &secrets);
	struct sql sql;

	if (error)
		return error;
	sql_init(&sql, context->arena);
	begin_entry(&sql, context, entity, operation);
	sql_add(&sql, " + ");
	sql_constant(&sql, step);
	sql_add(&sql, ", to_jsonb(t) || ");
	sql_value_as(&sql, secrets, "jsonb");
	add_row(&sql, entity, id);
	return sql_run(&sql, context->db, NULL);
}

struct error *
journal_update(const struct row_context *context, const struct entity *entity,
	       const char *id)
{
	return crypto_is_uuid(id) ? keep(context, entity, id, JOURNAL_UPDATE, 1)
				  : NULL;
}

/* Deleting. */

/* A deletion, with the rows that were met: some are pointed from twice. */
struct going {
	const struct row_context *context;
	struct name_index seen;
	bool is_kept;
};

static struct error *keep_deleted(struct going *going,
				  const struct entity *entity, const char *id,
				  unsigned depth) MUST_CHECK;

/* What becomes of rows of `child` when the one that `key` points to goes. */
static enum on_delete
effect_of(const struct model *model, const struct entity *child,
	  const struct column *key)
{
	if (!key->is_foreign_key ||
	    (child->has_owner && !strcmp(key->column_name, "user_account_id")))
		return ON_DELETE_RESTRICT;
	return journal_effect(model, child, key);
}

static struct error *
find_pointing(const struct row_context *context, const struct entity *child,
	      const struct column *key, const char *id, struct rows **rows)
{
	struct sql sql;

	sql_init(&sql, context->arena);
	sql_add(&sql, "SELECT c.reference_id FROM ");
	sql_name(&sql, child->table);
	sql_add(&sql, " c JOIN ");
	sql_name(&sql, key->target->table);
	sql_add(&sql, " t ON t.id = ");
	sql_column(&sql, "c", key->sql_name);
	sql_add(&sql, " WHERE t.reference_id = ");
	sql_value_as(&sql, id, "uuid");
	sql_add(&sql, " ORDER BY c.id");
	return sql_run(&sql, context->db, rows);
}

/* History of what the database changes by itself. */
static struct error *
write_history(const struct row_context *context, const struct entity *entity,
	      const char *id, const char *operation)
{
	struct sql sql;

	if (!entity->audit)
		return NULL;
	sql_init(&sql, context->arena);
	sql_add(&sql, "WITH old AS MATERIALIZED (SELECT t.*");
	add_row(&sql, entity, id);
	sql_add(&sql, ")");
	row_add_history(&sql, context, entity, operation, "old");
	sql_add(&sql, " SELECT FROM old");
	return sql_run(&sql, context->db, NULL);
}

/* Its key is made to point nowhere, which counts no version. */
static struct error *
keep_loosened(const struct going *going, const struct entity *entity,
	      const char *id)
{
	const struct row_context *context = going->context;
	struct error *error = NULL;

	if (going->is_kept)
		error = keep(context, entity, id, JOURNAL_UPDATE, 0);
	return error ? error : write_history(context, entity, id, "update");
}

static struct error *
keep_pointing(struct going *going, const struct entity *child,
	      const struct column *key, const char *id, unsigned depth)
{
	const struct row_context *context = going->context;
	enum on_delete effect = effect_of(context->model, child, key);
	struct error *error;
	struct rows *rows;

	if (effect == ON_DELETE_RESTRICT)
		return NULL;
	error = find_pointing(context, child, key, id, &rows);
	for (size_t i = 0; !error && i < rows_count(rows); i++) {
		const char *one = rows_text(rows, i, 0);

		error = effect == ON_DELETE_CASCADE
				? keep_deleted(going, child, one, depth + 1)
				: keep_loosened(going, child, one);
	}
	return error;
}

static bool
is_met(struct going *going, const struct entity *entity, const char *id)
{
	const char *name =
		arena_printf(going->context->arena, "%s/%s", entity->name, id);

	return name_index_add(&going->seen, name, going) != NULL;
}

/* Others first: undone in the reverse order, they find this one again. */
static struct error *
keep_deleted(struct going *going, const struct entity *entity, const char *id,
	     unsigned depth)
{
	const struct row_context *context = going->context;
	const struct model *model = context->model;
	struct error *error = NULL;

	if (is_met(going, entity, id))
		return NULL;
	if (depth > DEPTH_MAX)
		return error_new(context->arena, 409, "too-deep",
				 "Too many rows go with this %s.",
				 entity->name);
	for (size_t i = 0; !error && i < model->nentities; i++) {
		const struct entity *child = model->entities[i];

		for (size_t j = 0; !error && j < child->ncolumns; j++)
			if (child->columns[j]->target == entity)
				error = keep_pointing(going, child,
						      child->columns[j], id,
						      depth);
	}
	if (!error && going->is_kept)
		error = keep(context, entity, id, JOURNAL_DELETE, 0);
	if (!error && depth)
		error = write_history(context, entity, id, "delete");
	return error;
}

/* Whether rows with history go along with one of the entity, or lose it. */
static bool
takes_history(const struct model *model, const struct entity *entity,
	      struct name_index *seen)
{
	if (name_index_add(seen, entity->name, seen))
		return false;
	for (size_t i = 0; i < model->nentities; i++) {
		const struct entity *child = model->entities[i];

		for (size_t j = 0; j < child->ncolumns; j++) {
			enum on_delete effect = ON_DELETE_RESTRICT;

			if (child->columns[j]->target == entity)
				effect = effect_of(model, child,
						   child->columns[j]);
			if (effect == ON_DELETE_RESTRICT)
				continue;
			if (child->audit || (effect == ON_DELETE_CASCADE &&
					     takes_history(model, child, seen)))
				return true;
		}
	}
	return false;
}

bool
journal_needs_delete(const struct row_context *context,
		     const struct entity *entity)
{
	struct name_index seen;

	if (journal_keeps(context, entity))
		return true;
	name_index_init(&seen, context->arena);
	return takes_history(context->model, entity, &seen);
}

struct error *
journal_delete(const struct row_context *context, const struct entity *entity,
	       const char *id)
{
	struct going going = { .context = context,
			       .is_kept = context->run != NULL };

	name_index_init(&going.seen, context->arena);
	return crypto_is_uuid(id) ? keep_deleted(&going, entity, id, 0) : NULL;
}

/* Reading. */

static const char READ[] =
	"SELECT id, entity, reference_id, operation, version, image "
	"FROM actd_journal WHERE run = $1::uuid ORDER BY id DESC";

enum {
	READ_ID,
	READ_ENTITY,
	READ_REFERENCE_ID,
	READ_OPERATION,
	READ_VERSION,
	READ_IMAGE
};

static enum journal_operation
operation_named(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(operation_names); i++)
		if (!strcmp(operation_names[i], name))
			return (enum journal_operation)i;
	return JOURNAL_UPDATE;
}

struct error *
journal_read(const struct row_context *context, const char *run,
	     struct journal_entry **entries, size_t *count)
{
	struct rows *rows;
	struct error *error =
		db_query(context->db, context->arena, READ, PARAMS(run), &rows);

	if (error)
		return error;
	*count = rows_count(rows);
	*entries =
		ARENA_ARRAY(context->arena, struct journal_entry, *count + 1);
	for (size_t i = 0; i < *count; i++) {
		const char *name = rows_text(rows, i, READ_ENTITY);

		(*entries)[i] = (struct journal_entry){
			.id = rows_text(rows, i, READ_ID),
			.entity_name = name,
			.entity = model_entity(context->model, name),
			.reference_id = rows_text(rows, i, READ_REFERENCE_ID),
			.operation = operation_named(
				rows_text(rows, i, READ_OPERATION)),
			.version = rows_integer(rows, i, READ_VERSION),
			.image = rows_text(rows, i, READ_IMAGE),
		};
	}
	return NULL;
}

const char *
journal_secrets(const struct row_context *context,
		const struct journal_entry *entry)
{
	const struct entity *entity = entry->entity;
	struct json_object *object = json_object_new_object();
	struct json_object *image =
		entry->image ? json_tokener_parse(entry->image) : NULL;

	json_keep(context->arena, object);
	json_keep(context->arena, image);
	for (size_t i = 0; i < entity->ncolumns; i++) {
		const struct column *column = entity->columns[i];
		const char *secret;
		char *plain;

		if (column->kind != VALUE_SECRET)
			continue;
		secret = json_object_get_string(
			json_object_object_get(image, column->sql_name));
		if (secret && crypto_decrypt(context->arena,
					     context->values->encryption_key,
					     secret, &plain))
			json_object_object_add(object, column->sql_name,
					       json_object_new_string(plain));
	}
	return json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN);
}
