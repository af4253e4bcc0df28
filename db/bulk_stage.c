/*
 * bulk_stage.c: rows in a temporary table: keys to other rows, values that
 * must be unique, rows that are there already. One statement a question,
 * whatever the number of rows.
 */
#include <string.h>

#include "db/bulk_parts.h"
#include "db/row_parts.h"

static const char MAKE_BAD[] =
	"CREATE TEMPORARY TABLE actd_import_bad (row bigint, field integer, "
	"value text, expected text) ON COMMIT DROP";

static const char DROP[] =
	"DROP TABLE IF EXISTS pg_temp.actd_import, pg_temp.actd_import_bad";

static const char FIND_BAD[] =
	"SELECT b.row, b.field, left(b.value, 200), b.expected "
	"FROM pg_temp.actd_import_bad b ORDER BY 1, 2 LIMIT 101";

static const char COUNT_BAD[] =
	"SELECT count(DISTINCT b.row), coalesce(sum(octet_length(s.raw)), 0) "
	"FROM pg_temp.actd_import_bad b JOIN pg_temp.actd_import s USING (row)";

static const char LIST_BAD[] =
	"SELECT s.row, string_agg(b.expected, '; ' ORDER BY b.field), s.raw "
	"FROM pg_temp.actd_import_bad b JOIN pg_temp.actd_import s USING (row) "
	"GROUP BY s.row, s.raw ORDER BY 1";

/* The table. */

static void
add_field_name(struct sql *sql, size_t field)
{
	sql_add(sql, "c");
	sql_constant(sql, (int64_t)field);
}

/* "s.c3", or the id of the row. */
static void
add_field(struct sql *sql, const struct bulk *bulk, size_t field)
{
	sql_add(sql, "s.");
	if ((int)field == bulk->id_field)
		sql_add(sql, "reference_id");
	else
		add_field_name(sql, field);
}

/* A cast to varchar(n) would cut; a key is a reference id as yet. */
static const char *
stage_type(const struct column *column)
{
	if (column->target)
		return "uuid";
	return strncmp(column->sql_type, "character", 9) ? column->sql_type
							 : "text";
}

static struct error *
make_table(struct bulk *bulk)
{
	const struct bulk_settings *settings = &bulk->settings;
	struct db *db = settings->context->db;
	struct error *error;
	struct sql sql;

	sql_init(&sql, bulk->arena);
	sql_add(&sql, "CREATE TEMPORARY TABLE actd_import (row bigint, "
		      "raw text, reference_id uuid, target_id bigint");
	for (size_t i = 0; i < settings->ncolumns; i++) {
		if (!bulk_is_sent(bulk, i))
			continue;
		sql_add(&sql, ", ");
		add_field_name(&sql, i);
		sql_add(&sql, " ");
		strbuf_puts(&sql.text, stage_type(settings->columns[i]));
	}
	sql_add(&sql, ") ON COMMIT DROP");
	error = db_execute(db, bulk->arena, DROP);
	if (!error)
		error = db_execute(db, bulk->arena, sql.text.data);
	if (!error)
		error = db_execute(db, bulk->arena, MAKE_BAD);
	return error;
}

struct error *
bulk_stage_begin(struct bulk *bulk)
{
	struct error *error = make_table(bulk);
	struct sql sql;

	if (error)
		return error;
	sql_init(&sql, bulk->arena);
	sql_add(&sql, "COPY pg_temp.actd_import (row, raw, reference_id");
	for (size_t i = 0; i < bulk->settings.ncolumns; i++)
		if (bulk_is_sent(bulk, i)) {
			sql_add(&sql, ", ");
			add_field_name(&sql, i);
		}
	sql_add(&sql, ") FROM STDIN");
	return db_copy_in(bulk->settings.context->db, bulk->arena,
			  sql.text.data);
}

/* Faults. */

/*
 * Begins a statement that notes rows of "s" as bad; the caller adds the rest
 * of FROM and WHERE, then end_note().
 */
static void
begin_note(struct sql *sql, struct bulk *bulk, size_t field,
	   const char *expected)
{
	sql_init(sql, bulk->arena);
	sql_add(sql, "INSERT INTO pg_temp.actd_import_bad (row, field, value, "
		     "expected) SELECT s.row, ");
	sql_constant(sql, (int64_t)field);
	sql_add(sql, ", ");
	add_field(sql, bulk, field);
	sql_add(sql, "::text, ");
	sql_value_as(sql, expected, "text");
}

static struct error *
end_note(struct sql *sql, struct bulk *bulk)
{
	if (!bulk->settings.skip && !bulk->settings.count_all)
		sql_add(sql, " LIMIT 101");
	return sql_run(sql, bulk->settings.context->db, NULL);
}

static const char *
sentence(struct bulk *bulk, const char *format, size_t field)
{
	return arena_printf(bulk->arena, "%s %s",
			    bulk->settings.columns[field]->column_name, format);
}

/* Keys: the row is there and visible, and may be pointed to. */
static struct error *
check_key(struct bulk *bulk, size_t field, bool is_visible_only)
{
	const struct row_context *context = bulk->settings.context;
	const struct entity *target = bulk->settings.columns[field]->target;
	struct sql sql;

	begin_note(&sql, bulk, field,
		   sentence(bulk,
			    is_visible_only
				    ? "must be the reference id of a row that "
				      "is there."
				    : "must be a row that you may refer to.",
			    field));
	sql_add(&sql, " FROM pg_temp.actd_import s WHERE ");
	add_field(&sql, bulk, field);
	sql_add(&sql, " IS NOT NULL AND NOT EXISTS (SELECT FROM ");
	sql_name(&sql, target->table);
	sql_add(&sql, " r WHERE r.reference_id = ");
	add_field(&sql, bulk, field);
	sql_add(&sql, " AND ");
	if (is_visible_only)
		permission_visible(&sql, context->actor, context->model, target,
				   "r");
	else
		permission_where(&sql, context->actor, context->model, target,
				 "r", VERB_REFER);
	sql_add(&sql, ")");
	if (!is_visible_only)
		sql_add(&sql, " AND s.row NOT IN (SELECT b.row FROM "
			      "pg_temp.actd_import_bad b)");
	return end_note(&sql, bulk);
}

/* Values that come twice in the file: all but the first are bad. */
static struct error *
check_repeated(struct bulk *bulk, size_t field)
{
	struct sql sql;

	begin_note(&sql, bulk, field,
		   sentence(bulk,
			    "must be there once, and an earlier row has "
			    "this value.",
			    field));
	sql_add(&sql, " FROM (SELECT s.*, row_number() OVER (PARTITION BY ");
	add_field(&sql, bulk, field);
	sql_add(&sql, " ORDER BY s.row) AS turn FROM pg_temp.actd_import s "
		      "WHERE ");
	add_field(&sql, bulk, field);
	sql_add(&sql, " IS NOT NULL) s WHERE s.turn > 1");
	return end_note(&sql, bulk);
}

static struct error *
check_taken(struct bulk *bulk, size_t field)
{
	const struct bulk_settings *settings = &bulk->settings;
	struct sql sql;

	begin_note(&sql, bulk, field,
		   arena_printf(bulk->arena,
				"There is a %s with this %s already.",
				settings->entity->name,
				settings->columns[field]->column_name));
	sql_add(&sql, " FROM pg_temp.actd_import s WHERE EXISTS (SELECT FROM ");
	sql_name(&sql, settings->entity->table);
	sql_add(&sql, " t WHERE ");
	sql_column(&sql, "t", settings->columns[field]->sql_name);
	sql_add(&sql, " = ");
	add_field(&sql, bulk, field);
	sql_add(&sql, " AND t.id IS DISTINCT FROM s.target_id)");
	return end_note(&sql, bulk);
}

static bool
is_unique(const struct bulk *bulk, size_t field)
{
	const struct column *column = bulk->settings.columns[field];

	return column && !column->target &&
	       (column->is_unique || (int)field == bulk->id_field);
}

static struct error *
check_values(struct bulk *bulk)
{
	const struct bulk_settings *settings = &bulk->settings;
	struct error *error = NULL;

	for (size_t i = 0; !error && i < settings->ncolumns; i++) {
		const struct column *column = settings->columns[i];

		if (column && column->target) {
			error = check_key(bulk, i, true);
			if (!error &&
			    !permission_everything(settings->context->actor))
				error = check_key(bulk, i, false);
		} else if (is_unique(bulk, i)) {
			if (column != settings->update_on)
				error = check_repeated(bulk, i);
			if (!error)
				error = check_taken(bulk, i);
		}
	}
	return error;
}

/* Rows that are there already. */

static int
update_field(const struct bulk *bulk)
{
	for (size_t i = 0; i < bulk->settings.ncolumns; i++)
		if (bulk->settings.columns[i] &&
		    bulk->settings.columns[i] == bulk->settings.update_on)
			return (int)i;
	return -1;
}

static void
add_match(struct sql *sql, const struct bulk *bulk, size_t field)
{
	const struct row_context *context = bulk->settings.context;
	const struct entity *entity = bulk->settings.entity;

	sql_column(sql, "t", bulk->settings.columns[field]->sql_name);
	sql_add(sql, " = ");
	add_field(sql, bulk, field);
	sql_add(sql, " AND ");
	permission_visible(sql, context->actor, context->model, entity, "t");
}

static struct error *
find_targets(struct bulk *bulk, size_t field)
{
	const struct bulk_settings *settings = &bulk->settings;
	struct sql sql;

	sql_init(&sql, bulk->arena);
	sql_add(&sql, "UPDATE pg_temp.actd_import s SET target_id = t.id "
		      "FROM ");
	sql_name(&sql, settings->entity->table);
	sql_add(&sql, " t WHERE ");
	add_match(&sql, bulk, field);
	return sql_run(&sql, settings->context->db, NULL);
}

static struct error *
check_ambiguous(struct bulk *bulk, size_t field)
{
	const struct bulk_settings *settings = &bulk->settings;
	struct sql sql;

	begin_note(&sql, bulk, field,
		   sentence(bulk, "must name one row, and several have it.",
			    field));
	sql_add(&sql, " FROM pg_temp.actd_import s WHERE s.row IN (SELECT "
		      "s.row FROM pg_temp.actd_import s JOIN ");
	sql_name(&sql, settings->entity->table);
	sql_add(&sql, " t ON ");
	add_match(&sql, bulk, field);
	sql_add(&sql, " GROUP BY s.row HAVING count(*) > 1)");
	return end_note(&sql, bulk);
}

static struct error *
check_changeable(struct bulk *bulk, size_t field)
{
	const struct row_context *context = bulk->settings.context;
	const struct entity *entity = bulk->settings.entity;
	struct sql sql;

	if (permission_everything(context->actor))
		return NULL;
	begin_note(
		&sql, bulk, field,
		sentence(bulk, "names a row that you may not change.", field));
	sql_add(&sql, " FROM pg_temp.actd_import s JOIN ");
	sql_name(&sql, entity->table);
	sql_add(&sql, " t ON t.id = s.target_id WHERE NOT ");
	permission_granted(&sql, context->actor, context->model, entity, "t",
			   VERB_UPDATE);
	return end_note(&sql, bulk);
}

static struct error *
match_rows(struct bulk *bulk)
{
	int field = update_field(bulk);
	struct error *error;

	if (field < 0)
		return NULL;
	error = check_repeated(bulk, (size_t)field);
	if (!error && !bulk->settings.update_on->is_unique &&
	    field != bulk->id_field)
		error = check_ambiguous(bulk, (size_t)field);
	if (!error)
		error = find_targets(bulk, (size_t)field);
	if (!error)
		error = check_changeable(bulk, (size_t)field);
	return error;
}

/* Moving on. */

static void
add_good(struct sql *sql)
{
	sql_add(sql, "NOT EXISTS (SELECT FROM pg_temp.actd_import_bad b WHERE "
		     "b.row = s.row)");
}

static void
add_key_joins(struct sql *sql, const struct bulk *bulk)
{
	for (size_t i = 0; i < bulk->settings.ncolumns; i++) {
		const struct column *column = bulk->settings.columns[i];

		if (!column || !column->target)
			continue;
		sql_add(sql, " LEFT JOIN ");
		sql_name(sql, column->target->table);
		sql_add(sql, " k");
		sql_constant(sql, (int64_t)i);
		sql_add(sql, " ON k");
		sql_constant(sql, (int64_t)i);
		sql_add(sql, ".reference_id = ");
		add_field(sql, bulk, i);
	}
}

static void
add_stored(struct sql *sql, const struct bulk *bulk, size_t field)
{
	if (!bulk->settings.columns[field]->target) {
		add_field(sql, bulk, field);
		return;
	}
	sql_add(sql, "k");
	sql_constant(sql, (int64_t)field);
	sql_add(sql, ".id");
}

static void
add_links(struct sql *sql, const struct bulk *bulk)
{
	const struct entity *entity = bulk->settings.entity;
	const struct relation *relation = entity->group_relation;

	for (size_t i = 0; entity->group_join && i < entity->ndefault_links;
	     i++) {
		const struct group_link *link = &entity->default_links[i];
		int64_t group =
			link->group_id == -1
				? bulk->settings.context->actor->home_group
				: link->group_id;

		if (!group)
			continue;
		sql_add(sql, ", g");
		sql_constant(sql, (int64_t)i);
		sql_add(sql, " AS (INSERT INTO ");
		sql_name(sql, relation->join->table);
		sql_add(sql, " (reference_id, permission, ");
		sql_name(sql, relation->join_subject_key->sql_name);
		sql_add(sql, ", ");
		sql_name(sql, relation->join_object_key->sql_name);
		sql_add(sql, ") SELECT gen_random_uuid(), ");
		sql_constant(sql, link->permission ? link->permission
						   : PERMISSION_DEFAULT);
		sql_add(sql, ", n.id, ");
		sql_integer(sql, group);
		sql_add(sql, " FROM new n ON CONFLICT DO NOTHING)");
	}
}

static void
add_insert_columns(struct sql *sql, const struct bulk *bulk)
{
	sql_add(sql, " (reference_id, version, updated_at");
	if (bulk->permission_field < 0)
		sql_add(sql, ", permission");
	if (bulk->sets_owner)
		sql_add(sql, ", user_account_id");
	for (size_t i = 0; i < bulk->settings.ncolumns; i++)
		if (bulk_is_sent(bulk, i)) {
			sql_add(sql, ", ");
			sql_name(sql, bulk->settings.columns[i]->sql_name);
		}
	sql_add(sql, ") SELECT s.reference_id, 1, now()");
	if (bulk->permission_field < 0) {
		sql_add(sql, ", ");
		sql_constant(sql, bulk->permission);
	}
	if (bulk->sets_owner) {
		sql_add(sql, ", ");
		sql_integer(sql, bulk->owner);
	}
	for (size_t i = 0; i < bulk->settings.ncolumns; i++)
		if (bulk_is_sent(bulk, i)) {
			sql_add(sql, ", ");
			add_stored(sql, bulk, i);
		}
}

static struct error *
insert_rows(struct bulk *bulk)
{
	const struct entity *entity = bulk->settings.entity;
	struct error *error;
	struct rows *rows;
	struct sql sql;

	sql_init(&sql, bulk->arena);
	sql_add(&sql, "WITH new AS (INSERT INTO ");
	sql_name(&sql, entity->table);
	add_insert_columns(&sql, bulk);
	sql_add(&sql, " FROM pg_temp.actd_import s");
	add_key_joins(&sql, bulk);
	sql_add(&sql, " WHERE s.target_id IS NULL AND ");
	add_good(&sql);
	sql_add(&sql, " RETURNING id)");
	add_links(&sql, bulk);
	sql_add(&sql, " SELECT count(*) FROM new");
	error = sql_run(&sql, bulk->settings.context->db, &rows);
	if (!error)
		bulk->counts.created = rows_integer(rows, 0, 0);
	return error;
}

/* The rows as they were, for their history. */
static struct error *
keep_history(struct bulk *bulk)
{
	const struct entity *entity = bulk->settings.entity;
	const struct entity *audit = entity->audit;
	struct sql sql;

	sql_init(&sql, bulk->arena);
	sql_add(&sql, "INSERT INTO ");
	sql_name(&sql, audit->table);
	sql_add(&sql, " (reference_id, permission");
	for (size_t i = 0; i < audit->ncolumns; i++)
		if (!audit->columns[i]->is_standard) {
			sql_add(&sql, ", ");
			sql_name(&sql, audit->columns[i]->sql_name);
		}
	sql_add(&sql, ") SELECT gen_random_uuid(), ");
	sql_constant(&sql, audit->default_permission ? audit->default_permission
						     : PERMISSION_AUDIT_ROW);
	for (size_t i = 0; i < audit->ncolumns; i++)
		if (!audit->columns[i]->is_standard) {
			sql_add(&sql, ", ");
			row_add_history_column(&sql, bulk->settings.context,
					       entity, audit->columns[i],
					       "update");
		}
	sql_add(&sql, " FROM pg_temp.actd_import s JOIN ");
	sql_name(&sql, entity->table);
	sql_add(&sql, " o ON o.id = s.target_id WHERE ");
	add_good(&sql);
	return sql_run(&sql, bulk->settings.context->db, NULL);
}

static struct error *
update_rows(struct bulk *bulk)
{
	const struct bulk_settings *settings = &bulk->settings;
	struct error *error;
	struct rows *rows;
	struct sql sql;

	sql_init(&sql, bulk->arena);
	sql_add(&sql, "UPDATE ");
	sql_name(&sql, settings->entity->table);
	sql_add(&sql, " t SET version = t.version + 1, updated_at = now()");
	for (size_t i = 0; i < settings->ncolumns; i++) {
		if (!bulk_is_sent(bulk, i) ||
		    settings->columns[i] == settings->update_on)
			continue;
		sql_add(&sql, ", ");
		sql_name(&sql, settings->columns[i]->sql_name);
		sql_add(&sql, " = ");
		add_stored(&sql, bulk, i);
	}
	sql_add(&sql, " FROM pg_temp.actd_import s");
	add_key_joins(&sql, bulk);
	sql_add(&sql, " WHERE t.id = s.target_id AND ");
	add_good(&sql);
	error = sql_run(&sql, settings->context->db, &rows);
	if (!error)
		bulk->counts.updated = rows_affected(rows);
	return error;
}

/* What was found goes to where the faults of values are. */
static struct error *
take_bad(struct bulk *bulk)
{
	const struct bulk_settings *settings = &bulk->settings;
	struct db *db = settings->context->db;
	struct error *error;
	struct rows *rows;

	error = db_query(db, bulk->arena, FIND_BAD, NO_PARAMS, &rows);
	for (size_t i = 0; !error && i < rows_count(rows); i++)
		bulk_note(bulk, rows_integer(rows, i, 0),
			  settings->columns[rows_integer(rows, i, 1)]
				  ->column_name,
			  rows_text(rows, i, 2), rows_text(rows, i, 3));
	if (!error)
		error = db_query(db, bulk->arena, COUNT_BAD, NO_PARAMS, &rows);
	if (error)
		return error;
	bulk->counts.bad += rows_integer(rows, 0, 0);
	if (!settings->skip)
		return NULL;
	if (rows_integer(rows, 0, 1) > BULK_BAD_MAX)
		return bulk_keep_bad(
			bulk, 0, "",
			memset(arena_alloc(bulk->arena, BULK_BAD_MAX + 1), ' ',
			       BULK_BAD_MAX));
	error = db_query(db, bulk->arena, LIST_BAD, NO_PARAMS, &rows);
	for (size_t i = 0; !error && i < rows_count(rows); i++)
		error = bulk_keep_bad(bulk, rows_integer(rows, i, 0),
				      rows_text(rows, i, 1),
				      rows_text(rows, i, 2));
	return error;
}

struct error *
bulk_stage_end(struct bulk *bulk)
{
	struct db *db = bulk->settings.context->db;
	struct error *error =
		db_execute(db, bulk->arena, "ANALYZE pg_temp.actd_import");

	if (!error)
		error = match_rows(bulk);
	if (!error)
		error = check_values(bulk);
	if (!error)
		error = take_bad(bulk);
	if (error || (bulk->failed && !bulk->settings.skip))
		return error;
	if (bulk->settings.update_on && bulk->settings.entity->audit)
		error = keep_history(bulk);
	if (!error && bulk->settings.update_on)
		error = update_rows(bulk);
	return error ? error : insert_rows(bulk);
}
