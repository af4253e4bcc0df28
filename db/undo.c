/*
 * undo.c: first every row that the run changed is locked and compared with
 * what the run left; only then they are changed back, the last change first.
 */
#include "db/undo.h"

#include <string.h>

#include "db/base/json.h"
#include "db/journal.h"
#include "db/name_index.h"
#include "db/row_parts.h"

struct undoing {
	const struct row_context *context;
	struct row_context system; /* the same, with all rights */
	bool show;
	struct journal_entry *entries;
	size_t nentries;
	struct undo_change *changes;
	size_t nchanges;
};

/* What is in the way. */

static struct error *
in_the_way(const struct undoing *undoing, const struct journal_entry *entry,
	   const char *what)
{
	return error_new(undoing->context->arena, 409, "later-edits",
			 "The %s %s %s.", entry->entity_name,
			 entry->reference_id, what);
}

/* The right that undoing needs on the row as it is. */
static void
add_right(struct sql *sql, const struct undoing *undoing,
	  const struct journal_entry *entry)
{
	const struct row_context *context = undoing->context;
	enum verb verb =
		entry->operation == JOURNAL_CREATE ? VERB_DELETE : VERB_UPDATE;

	sql_add(sql, "(");
	permission_visible(sql, context->actor, context->model, entry->entity,
			   "t");
	sql_add(sql, " AND ");
	permission_granted(sql, context->actor, context->model, entry->entity,
			   "t", verb);
	sql_add(sql, ")");
}

/* Owner and permission are the owner's to change back. */
static void
add_access_right(struct sql *sql, const struct undoing *undoing,
		 const struct journal_entry *entry)
{
	sql_add(sql, "(");
	row_add_owned(sql, undoing->context, entry->entity, "t");
	sql_add(sql, " OR (SELECT j.image IS NULL OR "
		     "(j.image -> 'permission' = to_jsonb(t.permission)");
	if (entry->entity->has_owner)
		sql_add(sql, " AND j.image -> 'user_account_id' = "
			     "coalesce(to_jsonb(t.user_account_id), 'null')");
	sql_add(sql, ") FROM actd_journal j WHERE j.id = ");
	sql_value_as(sql, entry->id, "bigint");
	sql_add(sql, "))");
}

enum { ROW_VERSION, ROW_GRANTED, ROW_ACCESS_GRANTED };

static struct error *
lock_row(const struct undoing *undoing, const struct journal_entry *entry,
	 struct rows **rows)
{
	struct sql sql;

	sql_init(&sql, undoing->context->arena);
	sql_add(&sql, "SELECT t.version, ");
	add_right(&sql, undoing, entry);
	sql_add(&sql, ", ");
	add_access_right(&sql, undoing, entry);
	sql_add(&sql, " FROM ");
	sql_name(&sql, entry->entity->table);
	sql_add(&sql, " t WHERE t.reference_id = ");
	sql_value_as(&sql, entry->reference_id, "uuid");
	sql_add(&sql, " FOR UPDATE OF t");
	return sql_run(&sql, undoing->context->db, rows);
}

/* Links to groups share rows: that is for administrators to bring back. */
static bool
shares(const struct model *model, const struct entity *entity)
{
	for (size_t i = 0; entity->is_join_table && i < model->nrelations; i++)
		if (model->relations[i]->join == entity)
			return model->relations[i]->object_entity ==
			       model->usergroup;
	return false;
}

static struct error *
check_right(const struct undoing *undoing, const struct journal_entry *entry,
	    const struct rows *row)
{
	const struct row_context *context = undoing->context;
	const struct entity *entity = entry->entity;
	bool is_granted;

	if (permission_everything(context->actor))
		return NULL;
	if (entry->operation == JOURNAL_DELETE)
		is_granted =
			permission_table(context->actor, entity, VERB_CREATE);
	else
		is_granted = !rows_count(row) ||
			     (rows_boolean(row, 0, ROW_GRANTED) &&
			      rows_boolean(row, 0, ROW_ACCESS_GRANTED));
	if (is_granted && !shares(context->model, entity))
		return NULL;
	return error_new(context->arena, 403, "forbidden",
			 "You may not change this %s back.", entity->name);
}

/* The newest entry of a row: what the run left. */
static struct error *
check_unchanged(const struct undoing *undoing,
		const struct journal_entry *entry, const struct rows *row)
{
	bool is_there = rows_count(row) != 0;

	if (entry->operation == JOURNAL_DELETE)
		return is_there ? in_the_way(undoing, entry, "is there again")
				: NULL;
	if (!is_there)
		return in_the_way(undoing, entry, "was deleted since");
	if (rows_integer(row, 0, ROW_VERSION) != entry->version)
		return in_the_way(undoing, entry, "was changed since");
	return NULL;
}

static struct error *
check_entry(const struct undoing *undoing, const struct journal_entry *entry,
	    struct name_index *seen, struct error **conflicts)
{
	const char *name =
		arena_printf(undoing->context->arena, "%s/%s",
			     entry->entity_name, entry->reference_id);
	struct error *error;
	struct rows *row;

	if (!entry->entity) {
		error_append(conflicts, in_the_way(undoing, entry,
						   "has no table any more"));
		return NULL;
	}
	error = lock_row(undoing, entry, &row);
	if (!error)
		error = check_right(undoing, entry, row);
	if (!error && !name_index_add(seen, name, &undoing->entries[0]))
		error_append(conflicts, check_unchanged(undoing, entry, row));
	return error;
}

static struct error *
check_entries(const struct undoing *undoing)
{
	struct error *error = NULL, *conflicts = NULL;
	struct name_index seen;

	name_index_init(&seen, undoing->context->arena);
	for (size_t i = 0; !error && i < undoing->nentries; i++)
		error = check_entry(undoing, &undoing->entries[i], &seen,
				    &conflicts);
	return error ? error : conflicts;
}

/* Changing back. */

/* Columns that an image has a value for, and that are still there. */
static bool
is_restored(const struct journal_entry *entry, struct json_object *image,
	    const struct column *column)
{
	static const char *const own[] = { "id", "version", "created_at",
					   "updated_at", "reference_id" };

	if (!json_object_object_get_ex(image, column->sql_name, NULL))
		return false;
	for (size_t i = 0; column->is_standard && i < ARRAY_SIZE(own); i++)
		if (!strcmp(own[i], column->column_name))
			return false;
	/* tokens that were revoked stay so */
	return strcmp(entry->entity->name, "user_account") != 0 ||
	       strcmp(column->column_name, "auth_version") != 0;
}

static struct json_object *
parse_image(const struct undoing *undoing, const struct journal_entry *entry)
{
	struct json_object *image = json_tokener_parse(entry->image);

	json_keep(undoing->context->arena, image);
	return image;
}

/* "actd_journal j, LATERAL jsonb_populate_record(…) i" */
static void
add_image(struct sql *sql, const struct undoing *undoing,
	  const struct journal_entry *entry)
{
	sql_add(sql, "actd_journal j, LATERAL jsonb_populate_record(NULL::");
	sql_name(sql, entry->entity->table);
	sql_add(sql, ", j.image || ");
	sql_value_as(sql, journal_secrets(undoing->context, entry), "jsonb");
	sql_add(sql, ") i");
}

static void
add_image_test(struct sql *sql, const struct journal_entry *entry)
{
	sql_add(sql, " WHERE j.id = ");
	sql_value_as(sql, entry->id, "bigint");
}

static void
add_assignments(struct sql *sql, const struct undoing *undoing,
		const struct journal_entry *entry)
{
	struct json_object *image = parse_image(undoing, entry);

	for (size_t i = 0; i < entry->entity->ncolumns; i++) {
		const struct column *column = entry->entity->columns[i];

		if (!is_restored(entry, image, column))
			continue;
		sql_add(sql, ", ");
		sql_name(sql, column->sql_name);
		sql_add(sql, " = ");
		sql_column(sql, "i", column->sql_name);
	}
}

static struct error *
change_back(const struct undoing *undoing, const struct journal_entry *entry)
{
	const struct row_context *context = &undoing->system;
	const struct entity *entity = entry->entity;
	struct error *error;
	struct sql sql;

	error = journal_update(context, entity, entry->reference_id);
	if (error)
		return error;
	sql_init(&sql, context->arena);
	sql_add(&sql, "WITH old AS MATERIALIZED (SELECT t.* FROM ");
	sql_name(&sql, entity->table);
	sql_add(&sql, " t WHERE t.reference_id = ");
	sql_value_as(&sql, entry->reference_id, "uuid");
	sql_add(&sql, "), new AS (UPDATE ");
	sql_name(&sql, entity->table);
	sql_add(&sql, " t SET version = t.version + 1, updated_at = now()");
	add_assignments(&sql, undoing, entry);
	sql_add(&sql, " FROM old, ");
	add_image(&sql, undoing, entry);
	add_image_test(&sql, entry);
	sql_add(&sql, " AND t.id = old.id RETURNING t.id)");
	if (entity->audit)
		row_add_history(&sql, context, entity, "update", "new");
	sql_add(&sql, " SELECT FROM new");
	return sql_run(&sql, context->db, NULL);
}

static void
add_columns(struct sql *sql, const struct undoing *undoing,
	    const struct journal_entry *entry, const char *alias)
{
	struct json_object *image = parse_image(undoing, entry);

	for (size_t i = 0; i < entry->entity->ncolumns; i++) {
		const struct column *column = entry->entity->columns[i];

		if (!is_restored(entry, image, column))
			continue;
		sql_add(sql, ", ");
		if (alias)
			sql_column(sql, alias, column->sql_name);
		else
			sql_name(sql, column->sql_name);
	}
}

/* With the number and the id that it had, so that others can find it. */
static struct error *
bring_back(const struct undoing *undoing, const struct journal_entry *entry)
{
	const struct row_context *context = &undoing->system;
	struct sql sql;

	sql_init(&sql, context->arena);
	sql_add(&sql, "WITH new AS (INSERT INTO ");
	sql_name(&sql, entry->entity->table);
	sql_add(&sql, " (id, reference_id, created_at, version, updated_at");
	add_columns(&sql, undoing, entry, NULL);
	sql_add(&sql, ") SELECT i.id, i.reference_id, i.created_at, "
		      "i.version + 1, now()");
	add_columns(&sql, undoing, entry, "i");
	sql_add(&sql, " FROM ");
	add_image(&sql, undoing, entry);
	add_image_test(&sql, entry);
	sql_add(&sql, " RETURNING *)");
	if (journal_keeps(context, entry->entity))
		journal_add_created(&sql, context, entry->entity);
	sql_add(&sql, " SELECT FROM new");
	return sql_run(&sql, context->db, NULL);
}

/* Rows that would go with this one, or would no longer point to it. */
static struct error *
find_later(const struct undoing *undoing, const struct journal_entry *entry,
	   const struct entity *child, const struct column *key)
{
	struct error *error;
	struct rows *rows;
	struct sql sql;

	sql_init(&sql, undoing->context->arena);
	sql_add(&sql, "SELECT count(*) FROM ");
	sql_name(&sql, child->table);
	sql_add(&sql, " c JOIN ");
	sql_name(&sql, entry->entity->table);
	sql_add(&sql, " t ON t.id = ");
	sql_column(&sql, "c", key->sql_name);
	sql_add(&sql, " WHERE t.reference_id = ");
	sql_value_as(&sql, entry->reference_id, "uuid");
	sql_add(&sql, " AND c.reference_id <> t.reference_id");
	error = sql_run(&sql, undoing->context->db, &rows);
	if (error || !rows_integer(rows, 0, 0))
		return error;
	return in_the_way(undoing, entry,
			  arena_printf(undoing->context->arena,
				       "is pointed to by rows of %s",
				       child->name));
}

static bool
would_be_lost(const struct model *model, const struct entity *child,
	      const struct column *key, const struct entity *entity)
{
	return key->target == entity && key->is_foreign_key &&
	       !shares(model, child) &&
	       !(child->has_owner &&
		 !strcmp(key->column_name, "user_account_id")) &&
	       journal_effect(model, child, key) != ON_DELETE_RESTRICT;
}

static struct error *
take_away(const struct undoing *undoing, const struct journal_entry *entry)
{
	const struct model *model = undoing->context->model;
	struct error *error = NULL;

	for (size_t i = 0; !error && i < model->nentities; i++) {
		const struct entity *child = model->entities[i];

		for (size_t j = 0; !error && j < child->ncolumns; j++)
			if (would_be_lost(model, child, child->columns[j],
					  entry->entity))
				error = find_later(undoing, entry, child,
						   child->columns[j]);
	}
	return error ? error
		     : row_delete(&undoing->system, entry->entity,
				  entry->reference_id);
}

static const struct {
	const char *operation;
	struct error *(*perform)(const struct undoing *undoing,
				 const struct journal_entry *entry);
} opposites[] = {
	[JOURNAL_CREATE] = { "delete", take_away },
	[JOURNAL_UPDATE] = { "update", change_back },
	[JOURNAL_DELETE] = { "create", bring_back },
};

static struct error *
show_row(const struct undoing *undoing, const struct journal_entry *entry,
	 struct json_object **shown)
{
	struct error *error;
	struct row row;

	*shown = NULL;
	if (!undoing->show)
		return NULL;
	error = row_read(&undoing->system, entry->entity, entry->reference_id,
			 false, &row);
	if (error || !rows_count(row.rows))
		return error;
	*shown = row_object(&row, 0);
	json_keep(undoing->context->arena, *shown);
	return NULL;
}

static struct error *
undo_entry(struct undoing *undoing, const struct journal_entry *entry)
{
	struct undo_change change = {
		.entity = entry->entity,
		.id = entry->reference_id,
		.operation = opposites[entry->operation].operation,
	};
	struct error *error = show_row(undoing, entry, &change.before);

	if (!error)
		error = opposites[entry->operation].perform(undoing, entry);
	if (!error)
		error = show_row(undoing, entry, &change.after);
	if (error)
		return row_constraint_error(undoing->context, entry->entity,
					    error);
	ARENA_PUSH(undoing->context->arena, undoing->changes, undoing->nchanges,
		   change);
	return NULL;
}

/* Whether administrators might lose their last member. */
static bool
touches_members(const struct undoing *undoing)
{
	const struct model *model = undoing->context->model;

	for (size_t i = 0; i < undoing->nentries; i++)
		if (undoing->entries[i].entity == model->user_account ||
		    undoing->entries[i].entity == model->usergroup ||
		    undoing->entries[i].entity == model->membership)
			return true;
	return false;
}

struct error *
undo_run(const struct row_context *context, const char *run, bool show,
	 struct undo_change **changes, size_t *count)
{
	struct undoing undoing = {
		.context = context,
		.system = *context,
		.show = show,
	};
	struct error *error;
	bool is_guarded;

	undoing.system.trusted = true;
	undoing.system.check = NULL;
	error = journal_read(context, run, &undoing.entries, &undoing.nentries);
	if (!error && !undoing.nentries)
		error = error_new(context->arena, 409, "nothing-to-undo",
				  "The run changed nothing in tables with "
				  "history.");
	is_guarded = touches_members(&undoing);
	if (!error && is_guarded)
		error = row_lock_administrators(context);
	if (!error)
		error = check_entries(&undoing);
	for (size_t i = 0; !error && i < undoing.nentries; i++)
		error = undo_entry(&undoing, &undoing.entries[i]);
	if (!error && is_guarded)
		error = row_check_administrators(context);
	*changes = undoing.changes;
	*count = undoing.nchanges;
	return error;
}
