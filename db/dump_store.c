/*
 * dump_store.c: from the temporary tables of a dump to the entities: which
 * rows are there already by name, in which order the tables go, what happens
 * to keys that point to rows with other ids. Statements work on whole tables.
 */
#include "db/dump_parts.h"

#include <string.h>

#include "db/sql.h"

static const struct natural naturals[] = {
	{ .entity = "user_account",
	  .columns = { "email" },
	  .is_caseless = true },
	{ .entity = "usergroup", .columns = { "name" } },
	{ .entity = "world",
	  .columns = { "table_name" },
	  .is_permanent = true,
	  .is_fixed = true,
	  .kept = { "world_schema_json", "is_top_level", "is_hidden",
		    "is_join_table", "is_state_tracking_enabled",
		    "default_order", "icon" } },
	{ .entity = "action",
	  .columns = { "world_id", "action_name" },
	  .is_permanent = true,
	  .kept = { "action_schema", "instance_optional" } },
	{ .entity = "smd", .columns = { "name" } },
	{ .entity = "marketplace", .columns = { "endpoint" } },
	{ .entity = "data_exchange", .columns = { "name" } },
	{ .entity = "stream", .columns = { "stream_name" } },
	{ .entity = "task", .columns = { "name" } },
	{ .entity = "json_schema", .columns = { "schema_name" } },
	{ .entity = "job",
	  .columns = { "reference_id" },
	  .is_permanent = true },
};

/* Every instance writes its own: numbers mean nothing there. */
static const struct natural record = { .columns = { "reference_id" } };

/* A link is the same where its two ends are. */
static const struct natural *
natural_of_join(struct arena *arena, const struct model *model,
		const struct entity *entity)
{
	for (size_t i = 0; i < model->nrelations; i++) {
		const struct relation *relation = model->relations[i];
		struct natural *natural;

		if (relation->join != entity)
			continue;
		natural = ARENA_NEW(arena, struct natural);
		natural->entity = entity->name;
		natural->columns[0] = relation->join_subject_key->column_name;
		natural->columns[1] = relation->join_object_key->column_name;
		return natural;
	}
	return NULL;
}

const struct natural *
natural_of(struct arena *arena, const struct model *model,
	   const struct entity *entity)
{
	for (size_t i = 0; i < ARRAY_SIZE(naturals); i++)
		if (!strcmp(naturals[i].entity, entity->name))
			return &naturals[i];
	if (entity->is_audit_table || !strcmp(entity->name, "action_run"))
		return &record;
	return entity->is_join_table ? natural_of_join(arena, model, entity)
				     : NULL;
}

/* Statements. */

static struct error *
run(struct dump_in *in, const struct stage *stage, struct sql *sql,
    int64_t *count)
{
	struct rows *rows;
	struct error *error = sql_run(sql, in->settings.db, &rows);

	if (!error && count)
		*count += rows_affected(rows);
	if (error && error->status < 500)
		error->detail = arena_printf(
			in->arena, "%s%s%s%s: %s", stage->entity->name,
			error->constraint ? " (" : "",
			error->constraint ? error->constraint : "",
			error->constraint ? ")" : "", error->detail);
	return error;
}

/* The stage whose rows a key points to, where their ids may be others. */
static const struct stage *
mapped_stage(const struct dump_in *in, const struct column *column)
{
	const struct stage *target =
		column->target ? dump_stage(in, column->target) : NULL;

	return target && target->is_remapped ? target : NULL;
}

static void
add_map_alias(struct sql *sql, size_t i)
{
	sql_add(sql, "m");
	sql_constant(sql, (int64_t)i);
}

/* LEFT JOINs that find the new ids of what the rows of `s` point to. */
static void
add_maps(struct sql *sql, const struct dump_in *in, const struct stage *stage)
{
	for (size_t i = 0; i < stage->entity->ncolumns; i++) {
		const struct column *column = stage->entity->columns[i];
		const struct stage *target = mapped_stage(in, column);

		if (!target)
			continue;
		sql_add(sql, " LEFT JOIN ");
		sql_name(sql, target->table);
		sql_add(sql, " ");
		add_map_alias(sql, i);
		sql_add(sql, " ON ");
		add_map_alias(sql, i);
		sql_add(sql, ".id = ");
		sql_column(sql, "s", column->sql_name);
	}
}

static void
add_stage(struct sql *sql, const struct dump_in *in, const struct stage *stage)
{
	sql_name(sql, stage->table);
	sql_add(sql, " s");
	add_maps(sql, in, stage);
}

static bool
is_permission(const struct column *column)
{
	return !strcmp(column->column_name, "permission") ||
	       !strcmp(column->column_name, "default_permission");
}

/* owner * 1000000 + group * 1000 + guest (wire/permissions.md section 2) */
static void
add_decimal(struct sql *sql, const char *name)
{
	sql_add(sql, "(");
	sql_column(sql, "s", name);
	sql_add(sql, " % 1000 + ");
	sql_column(sql, "s", name);
	sql_add(sql, " / 1000000 * 128 + ");
	sql_column(sql, "s", name);
	sql_add(sql, " / 1000 % 1000 * 16384)");
}

/* The value of column `i` of a row of the stage `s`, as it is to be stored. */
static void
add_value(struct sql *sql, const struct dump_in *in, const struct stage *stage,
	  size_t i)
{
	const struct column *column = stage->entity->columns[i];

	if (mapped_stage(in, column)) {
		sql_add(sql, "coalesce(");
		add_map_alias(sql, i);
		sql_add(sql, ".actd_id, ");
		sql_column(sql, "s", column->sql_name);
		sql_add(sql, ")");
	} else if (in->is_decimal && is_permission(column)) {
		add_decimal(sql, column->sql_name);
	} else {
		sql_column(sql, "s", column->sql_name);
	}
}

/* The same in a new row: what must be there gets its default. */
static void
add_new_value(struct sql *sql, const struct dump_in *in,
	      const struct stage *stage, size_t i)
{
	const struct entity *entity = stage->entity;
	const struct column *column = entity->columns[i];
	bool is_own = is_permission(column) && column->is_standard;
	int64_t permission = in->settings.model->has_administrator
				     ? PERMISSION_DEFAULT
				     : PERMISSION_ALL;

	if (stage->deferred[i]) {
		sql_add(sql, "NULL");
		return;
	}
	if (column->is_nullable || !(is_own || column->default_sql)) {
		add_value(sql, in, stage, i);
		return;
	}
	sql_add(sql, "coalesce(");
	add_value(sql, in, stage, i);
	sql_add(sql, ", ");
	if (is_own)
		sql_constant(sql, entity->default_permission
					  ? entity->default_permission
					  : permission);
	else
		strbuf_puts(&sql->text, column->default_sql);
	sql_add(sql, ")");
}

static void
add_sequence(struct sql *sql, const struct stage *stage)
{
	struct sql name;

	sql_init(&name, sql->text.arena);
	sql_name(&name, stage->entity->table);
	sql_add(sql, "pg_get_serial_sequence(");
	sql_literal(sql, name.text.data);
	sql_add(sql, ", 'id')");
}

/* Order: parents first. */

static bool
must_wait(const struct dump_in *in, const struct stage *stage,
	  bool not_null_only)
{
	for (size_t i = 0; i < stage->entity->ncolumns; i++) {
		const struct column *column = stage->entity->columns[i];
		const struct stage *target =
			column->target ? dump_stage(in, column->target) : NULL;

		if (target && target != stage && !target->is_placed &&
		    !(not_null_only && column->is_nullable))
			return true;
	}
	return false;
}

/* Keys to tables that come later are set at the end. */
static void
place(struct dump_in *in, struct stage *stage)
{
	for (size_t i = 0; i < stage->entity->ncolumns; i++) {
		const struct column *column = stage->entity->columns[i];
		const struct stage *target =
			column->target ? dump_stage(in, column->target) : NULL;

		stage->deferred[i] =
			target && target != stage && !target->is_placed;
	}
	stage->is_placed = true;
}

static struct stage *
next_stage(const struct dump_in *in)
{
	for (int not_null_only = 0; not_null_only < 2; not_null_only++)
		for (size_t i = 0; i < in->nstages; i++)
			if (!in->stages[i]->is_placed &&
			    !must_wait(in, in->stages[i], not_null_only))
				return in->stages[i];
	return NULL;
}

static struct error *
sort_stages(struct dump_in *in)
{
	struct stage **sorted =
		ARENA_ARRAY(in->arena, struct stage *, in->nstages + 1);

	for (size_t i = 0; i < in->nstages; i++) {
		sorted[i] = next_stage(in);
		if (!sorted[i])
			return error_new(in->arena, 422, "bad-dump",
					 "tables need rows of each other to "
					 "have rows: there is no order to "
					 "store them");
		place(in, sorted[i]);
	}
	in->stages = sorted;
	return NULL;
}

/* Rows that are there already. */

static const struct column *
natural_column(const struct stage *stage, size_t i)
{
	const char *name =
		i < NATURAL_COLUMNS ? stage->natural->columns[i] : NULL;

	return name ? entity_column(stage->entity, name) : NULL;
}

static size_t
column_index(const struct entity *entity, const struct column *column)
{
	size_t i = 0;

	while (entity->columns[i] != column)
		i++;
	return i;
}

static void
add_key_side(struct sql *sql, const struct dump_in *in,
	     const struct stage *stage, const struct column *column,
	     bool is_ours)
{
	if (stage->natural->is_caseless)
		sql_add(sql, "lower(");
	if (is_ours)
		sql_column(sql, "t", column->sql_name);
	else
		add_value(sql, in, stage, column_index(stage->entity, column));
	if (stage->natural->is_caseless)
		sql_add(sql, ")");
}

static void
add_key_list(struct sql *sql, const struct dump_in *in,
	     const struct stage *stage, bool is_ours)
{
	const struct column *column;

	for (size_t i = 0; (column = natural_column(stage, i)); i++) {
		if (i)
			sql_add(sql, ", ");
		add_key_side(sql, in, stage, column, is_ours);
		sql_add(sql, " AS k");
		sql_constant(sql, (int64_t)i);
	}
}

static void
add_distinct(struct sql *sql, const struct dump_in *in,
	     const struct stage *stage, bool is_ours)
{
	size_t count = natural_column(stage, 1) ? 2 : 1;

	sql_add(sql, "(SELECT DISTINCT ON (k0");
	if (count > 1)
		sql_add(sql, ", k1");
	sql_add(sql, ") * FROM (SELECT ");
	add_key_list(sql, in, stage, is_ours);
	if (is_ours) {
		sql_add(sql, ", t.id, t.reference_id FROM ");
		sql_name(sql, stage->entity->table);
		sql_add(sql, " t) x ORDER BY k0");
	} else {
		sql_add(sql, ", s.actd_row FROM ");
		add_stage(sql, in, stage);
		sql_add(sql, ") x ORDER BY k0");
	}
	if (count > 1)
		sql_add(sql, ", k1");
	if (is_ours)
		sql_add(sql, ", id)");
	else
		sql_add(sql, ", actd_row)");
}

/* Which rows of the stage are there by name; each of them once. */
static struct error *
meet(struct dump_in *in, struct stage *stage)
{
	struct sql sql;

	sql_init(&sql, in->arena);
	sql_add(&sql, "UPDATE ");
	sql_name(&sql, stage->table);
	sql_add(&sql, " u SET actd_id = o.id, actd_met = true,"
		      " actd_old = o.reference_id FROM ");
	add_distinct(&sql, in, stage, false);
	sql_add(&sql, " d JOIN ");
	add_distinct(&sql, in, stage, true);
	sql_add(&sql, " o USING (k0");
	if (natural_column(stage, 1))
		sql_add(&sql, ", k1");
	sql_add(&sql, ") WHERE u.actd_row = d.actd_row");
	return run(in, stage, &sql, NULL);
}

/* Rows of tables that nobody knows here, and what points to them. */
static struct error *
refuse_unmet(struct dump_in *in, struct stage *stage)
{
	struct sql sql;
	struct rows *rows;
	struct error *error;

	sql_init(&sql, in->arena);
	sql_add(&sql, "SELECT string_agg(");
	sql_column(&sql, "s", stage->natural->columns[0]);
	sql_add(&sql, ", ', ') FROM ");
	sql_name(&sql, stage->table);
	sql_add(&sql, " s WHERE NOT s.actd_met");
	error = sql_run(&sql, in->settings.db, &rows);
	if (error || !rows_text(rows, 0, 0))
		return error;
	return error_new(in->arena, 422, "bad-dump",
			 "%s: not known here: %.500s; skip_unknown leaves out "
			 "what is not",
			 stage->entity->name, rows_text(rows, 0, 0));
}

static struct error *
drop_unmet(struct dump_in *in, struct stage *stage)
{
	int64_t count = 0;
	struct sql sql;
	struct error *error;

	sql_init(&sql, in->arena);
	sql_add(&sql, "DELETE FROM ");
	sql_name(&sql, stage->table);
	sql_add(&sql, " WHERE NOT actd_met");
	error = run(in, stage, &sql, &count);
	stage->is_thinned = count > 0;
	return error;
}

/* Rows whose key leads to one that was left out. */
static struct error *
drop_orphans(struct dump_in *in, struct stage *stage)
{
	struct error *error = NULL;

	for (size_t i = 0; !error && i < stage->entity->ncolumns; i++) {
		const struct column *column = stage->entity->columns[i];
		const struct stage *target =
			column->target ? dump_stage(in, column->target) : NULL;
		int64_t count = 0;
		struct sql sql;

		if (!target || !target->is_thinned || column->is_nullable)
			continue;
		sql_init(&sql, in->arena);
		sql_add(&sql, "DELETE FROM ");
		sql_name(&sql, stage->table);
		sql_add(&sql, " s WHERE NOT EXISTS (SELECT FROM ");
		sql_name(&sql, target->table);
		sql_add(&sql, " m WHERE m.id = ");
		sql_column(&sql, "s", column->sql_name);
		sql_add(&sql, ")");
		error = run(in, stage, &sql, &count);
		stage->is_thinned |= count > 0;
	}
	return error;
}

static struct error *
settle_unmet(struct dump_in *in, struct stage *stage)
{
	bool is_skipped = in->settings.skip_unknown &&
			  stage->natural->is_permanent &&
			  strcmp(stage->entity->name, "job") != 0;

	if (is_skipped)
		return drop_unmet(in, stage);
	return stage->natural->is_fixed ? refuse_unmet(in, stage) : NULL;
}

static struct error *
find_remapped(struct dump_in *in, struct stage *stage)
{
	struct sql sql;
	struct rows *rows;
	struct error *error;

	sql_init(&sql, in->arena);
	sql_add(&sql, "SELECT EXISTS (SELECT FROM ");
	sql_name(&sql, stage->table);
	sql_add(&sql, " WHERE actd_id IS NOT NULL AND actd_id <> id)");
	error = sql_run(&sql, in->settings.db, &rows);
	if (!error)
		stage->is_remapped = rows_boolean(rows, 0, 0);
	return error;
}

/* Whether rows that are there stay, to be met. */
static bool
meets(const struct dump_in *in, const struct stage *stage)
{
	return stage->natural && stage->rows &&
	       !(in->settings.truncate && stage->entity->is_join_table);
}

/* Definitions are the same in every instance; links follow their ends. */
static bool
has_name(const struct stage *stage)
{
	const struct column *column;

	for (size_t i = 0; (column = natural_column(stage, i)); i++)
		if (!stage->seen[column_index(stage->entity, column)])
			return false;
	return true;
}

static struct error *
nameless(struct dump_in *in, const struct stage *stage)
{
	return error_new(in->arena, 422, "bad-dump",
			 "%s: the rows have no %s, by which they are found",
			 stage->entity->name, stage->natural->columns[0]);
}

/* Ids. */

static struct error *
move_sequence(struct dump_in *in, const struct stage *stage)
{
	struct sql sql;

	if (!stage->rows)
		return NULL;
	sql_init(&sql, in->arena);
	sql_add(&sql, "SELECT setval(");
	add_sequence(&sql, stage);
	sql_add(&sql, ", m) FROM (SELECT greatest((SELECT max(id) FROM ");
	sql_name(&sql, stage->entity->table);
	sql_add(&sql, "), (SELECT max(id) FROM ");
	sql_name(&sql, stage->table);
	sql_add(&sql, "), nextval(");
	add_sequence(&sql, stage);
	sql_add(&sql, ") - 1) AS m) x WHERE m > 0");
	return run(in, stage, &sql, NULL);
}

static bool
has_deferred(const struct stage *stage)
{
	for (size_t i = 0; i < stage->entity->ncolumns; i++)
		if (stage->deferred[i])
			return true;
	return false;
}

/* Of rows that are new: the dump's, unless it is taken or there is none. */
static struct error *
give_ids(struct dump_in *in, struct stage *stage)
{
	struct sql sql;

	if (!stage->rows)
		return NULL;
	sql_init(&sql, in->arena);
	sql_add(&sql, "UPDATE ");
	sql_name(&sql, stage->table);
	sql_add(&sql, " s SET actd_id = ");
	if (stage->natural) {
		sql_add(&sql, "CASE WHEN s.id IS NULL OR EXISTS (SELECT FROM ");
		sql_name(&sql, stage->entity->table);
		sql_add(&sql, " t WHERE t.id = s.id) THEN nextval(");
		add_sequence(&sql, stage);
		sql_add(&sql, ") ELSE s.id END WHERE NOT s.actd_met");
	} else {
		sql_add(&sql, "coalesce(s.id, nextval(");
		add_sequence(&sql, stage);
		sql_add(&sql, "))");
		if (!has_deferred(stage))
			sql_add(&sql, " WHERE s.id IS NULL");
	}
	return run(in, stage, &sql, NULL);
}

/* Rows go, children first. */

static struct error *
clear_deferred(struct dump_in *in, const struct stage *stage)
{
	struct error *error = NULL;

	for (size_t i = 0; !error && i < stage->entity->ncolumns; i++) {
		const char *name = stage->entity->columns[i]->sql_name;
		struct sql sql;

		if (!stage->deferred[i])
			continue;
		sql_init(&sql, in->arena);
		sql_add(&sql, "UPDATE ");
		sql_name(&sql, stage->entity->table);
		sql_add(&sql, " SET ");
		sql_name(&sql, name);
		sql_add(&sql, " = NULL WHERE ");
		sql_name(&sql, name);
		sql_add(&sql, " IS NOT NULL");
		error = run(in, stage, &sql, NULL);
	}
	return error;
}

static struct error *
clear(struct dump_in *in, const struct stage *stage)
{
	struct sql sql;
	struct error *error;

	if (stage->natural && stage->natural->is_permanent)
		return NULL;
	error = clear_deferred(in, stage);
	if (error)
		return error;
	sql_init(&sql, in->arena);
	sql_add(&sql, "DELETE FROM ");
	sql_name(&sql, stage->entity->table);
	sql_add(&sql, " t WHERE true");
	if (meets(in, stage)) {
		sql_add(&sql, " AND NOT EXISTS (SELECT FROM ");
		sql_name(&sql, stage->table);
		sql_add(&sql, " s WHERE s.actd_met AND s.actd_id = t.id)");
	}
	if (stage->entity == in->settings.model->usergroup)
		sql_add(&sql, " AND t.name NOT IN ('guests', "
			      "'administrators', 'users')");
	return run(in, stage, &sql, NULL);
}

/* Rows come. */

/* The column's value is given by some row, or every row needs one. */
static bool
is_inserted(const struct stage *stage, size_t i)
{
	const struct column *column = stage->entity->columns[i];

	if (column->is_primary_key)
		return false;
	return stage->seen[i] || (is_permission(column) && column->is_standard);
}

static struct error *
insert_new(struct dump_in *in, struct stage *stage)
{
	const struct entity *entity = stage->entity;
	struct sql sql;

	sql_init(&sql, in->arena);
	sql_add(&sql, "INSERT INTO ");
	sql_name(&sql, entity->table);
	sql_add(&sql, " (id");
	for (size_t i = 0; i < entity->ncolumns; i++)
		if (is_inserted(stage, i)) {
			sql_add(&sql, ", ");
			sql_name(&sql, entity->columns[i]->sql_name);
		}
	sql_add(&sql, ") SELECT coalesce(s.actd_id, s.id)");
	for (size_t i = 0; i < entity->ncolumns; i++)
		if (is_inserted(stage, i)) {
			sql_add(&sql, ", ");
			add_new_value(&sql, in, stage, i);
		}
	sql_add(&sql, " FROM ");
	add_stage(&sql, in, stage);
	sql_add(&sql, " WHERE NOT s.actd_met");
	return run(in, stage, &sql, &stage->count.created);
}

static bool
is_kept(const struct natural *natural, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(natural->kept) && natural->kept[i];
	     i++)
		if (!strcmp(natural->kept[i], name))
			return true;
	return false;
}

static bool
is_updated(const struct stage *stage, size_t i)
{
	const struct column *column = stage->entity->columns[i];

	return !column->is_primary_key && stage->seen[i] &&
	       !stage->deferred[i] &&
	       !is_kept(stage->natural, column->column_name);
}

/*
 * A met account's tokens must not come to life again: unless it becomes
 * another one, its auth_version only grows.
 */
static void
add_met_value(struct sql *sql, const struct dump_in *in,
	      const struct stage *stage, size_t i)
{
	const struct column *column = stage->entity->columns[i];

	if (stage->entity != in->settings.model->user_account ||
	    strcmp(column->column_name, "auth_version") != 0) {
		add_value(sql, in, stage, i);
		return;
	}
	sql_add(sql, "CASE WHEN s.actd_old IS DISTINCT FROM s.reference_id "
		     "THEN s.auth_version ELSE greatest(s.auth_version, "
		     "t.auth_version) END");
}

static void
add_met_values(struct sql *sql, const struct dump_in *in,
	       const struct stage *stage, bool is_ours)
{
	const char *comma = "";

	for (size_t i = 0; i < stage->entity->ncolumns; i++) {
		if (!is_updated(stage, i))
			continue;
		strbuf_puts(&sql->text, comma);
		comma = ", ";
		if (is_ours)
			sql_column(sql, "t",
				   stage->entity->columns[i]->sql_name);
		else
			add_met_value(sql, in, stage, i);
	}
}

static void
add_met_names(struct sql *sql, const struct stage *stage)
{
	const char *comma = "";

	for (size_t i = 0; i < stage->entity->ncolumns; i++) {
		if (!is_updated(stage, i))
			continue;
		strbuf_puts(&sql->text, comma);
		comma = ", ";
		sql_name(sql, stage->entity->columns[i]->sql_name);
	}
}

/* Only rows that differ, so that triggers have nothing to tell. */
static struct error *
update_met(struct dump_in *in, struct stage *stage)
{
	struct sql sql;

	sql_init(&sql, in->arena);
	sql_add(&sql, "UPDATE ");
	sql_name(&sql, stage->entity->table);
	sql_add(&sql, " t SET (");
	add_met_names(&sql, stage);
	sql_add(&sql, ") = ROW(");
	add_met_values(&sql, in, stage, false);
	sql_add(&sql, ") FROM ");
	add_stage(&sql, in, stage);
	sql_add(&sql, " WHERE s.actd_met AND s.actd_id = t.id AND ROW(");
	add_met_values(&sql, in, stage, true);
	sql_add(&sql, ") IS DISTINCT FROM ROW(");
	add_met_values(&sql, in, stage, false);
	sql_add(&sql, ")");
	return run(in, stage, &sql, &stage->count.updated);
}

/* The trigger that revokes tokens has raised it: nobody has such tokens. */
static struct error *
restore_auth_versions(struct dump_in *in, const struct stage *stage)
{
	const struct column *column =
		entity_column(stage->entity, "auth_version");
	struct sql sql;

	if (stage->entity != in->settings.model->user_account || !column ||
	    !stage->seen[column_index(stage->entity, column)])
		return NULL;
	sql_init(&sql, in->arena);
	sql_add(&sql, "UPDATE user_account t SET auth_version = s.auth_version"
		      " FROM ");
	sql_name(&sql, stage->table);
	sql_add(&sql, " s WHERE s.actd_met AND s.actd_id = t.id"
		      " AND s.actd_old IS DISTINCT FROM s.reference_id"
		      " AND t.auth_version IS DISTINCT FROM s.auth_version");
	return run(in, stage, &sql, NULL);
}

static struct error *
set_deferred(struct dump_in *in, const struct stage *stage)
{
	struct error *error = NULL;

	for (size_t i = 0; !error && i < stage->entity->ncolumns; i++) {
		const char *name = stage->entity->columns[i]->sql_name;
		struct sql sql;

		if (!stage->deferred[i] || !stage->seen[i])
			continue;
		sql_init(&sql, in->arena);
		sql_add(&sql, "UPDATE ");
		sql_name(&sql, stage->entity->table);
		sql_add(&sql, " t SET ");
		sql_name(&sql, name);
		sql_add(&sql, " = ");
		add_value(&sql, in, stage, i);
		sql_add(&sql, " FROM ");
		add_stage(&sql, in, stage);
		sql_add(&sql, " WHERE t.id = s.actd_id AND ");
		sql_column(&sql, "s", name);
		sql_add(&sql, " IS NOT NULL");
		error = run(in, stage, &sql, NULL);
	}
	return error;
}

/* Jobs of another instance are not to be run here. */
static struct error *
end_jobs(struct dump_in *in, const struct stage *stage)
{
	struct sql sql;

	if (strcmp(stage->entity->name, "job") != 0)
		return NULL;
	sql_init(&sql, in->arena);
	sql_add(&sql, "UPDATE ");
	sql_name(&sql, stage->table);
	sql_add(&sql, " SET state = 'cancelled' WHERE state IN "
		      "('queued', 'running')");
	return run(in, stage, &sql, NULL);
}

/* Steps. */

static struct error *
analyze(struct dump_in *in, const struct stage *stage)
{
	struct sql sql;

	sql_init(&sql, in->arena);
	sql_add(&sql, "ANALYZE ");
	sql_name(&sql, stage->table);
	return db_execute(in->settings.db, in->arena, sql.text.data);
}

/* What is there already; keys of a name need the maps of parents. */
static struct error *
find_met(struct dump_in *in, struct stage *stage)
{
	struct error *error = analyze(in, stage);

	if (!error)
		error = end_jobs(in, stage);
	if (!error)
		error = drop_orphans(in, stage);
	if (error || !meets(in, stage))
		return error;
	if (!has_name(stage))
		return nameless(in, stage);
	error = meet(in, stage);
	if (!error)
		error = settle_unmet(in, stage);
	return error ? error : find_remapped(in, stage);
}

static struct error *
store_stage(struct dump_in *in, struct stage *stage)
{
	struct error *error = insert_new(in, stage);

	if (!error && meets(in, stage))
		error = update_met(in, stage);
	if (!error && meets(in, stage))
		error = restore_auth_versions(in, stage);
	return error;
}

static struct error *
each_stage(struct dump_in *in,
	   struct error *(*step)(struct dump_in *in, struct stage *stage))
{
	struct error *error = NULL;

	for (size_t i = 0; !error && i < in->nstages; i++)
		error = step(in, in->stages[i]);
	return error;
}

static struct error *
settle_ids(struct dump_in *in, struct stage *stage)
{
	struct error *error = move_sequence(in, stage);

	if (!error)
		error = give_ids(in, stage);
	return error ? error : find_remapped(in, stage);
}

static struct error *
finish_stage(struct dump_in *in, struct stage *stage)
{
	return set_deferred(in, stage);
}

static struct error *
clear_all(struct dump_in *in)
{
	struct error *error = NULL;

	for (size_t i = in->nstages; !error && i-- > 0;)
		error = clear(in, in->stages[i]);
	return error;
}

static const char ADMINISTRATORS[] =
	"SELECT EXISTS (SELECT FROM"
	" user_account_user_account_id_has_usergroup_usergroup_id m"
	" JOIN usergroup g ON g.id = m.usergroup_id"
	" WHERE g.name = 'administrators')";

/* Nobody would administer it, and anybody could claim it. */
static struct error *
check_administrators(struct dump_in *in)
{
	struct rows *rows;
	struct error *error;

	if (!in->settings.model->has_administrator)
		return NULL;
	error = db_query(in->settings.db, in->arena, ADMINISTRATORS, NO_PARAMS,
			 &rows);
	if (error || rows_boolean(rows, 0, 0))
		return error;
	return error_new(in->arena, 409, "last-administrator",
			 "The dump has no administrator.");
}

struct error *
dump_store(struct dump_in *in)
{
	struct error *error = sort_stages(in);

	if (!error)
		error = each_stage(in, find_met);
	if (!error && in->settings.truncate)
		error = clear_all(in);
	if (!error)
		error = each_stage(in, settle_ids);
	if (!error)
		error = each_stage(in, store_stage);
	if (!error)
		error = each_stage(in, finish_stage);
	return error ? error : check_administrators(in);
}
