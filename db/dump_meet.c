/*
 * dump_meet.c: rows of a dump that are there already, by what they are called
 * and not by their ids, and what becomes of rows that nobody knows here.
 */
#include "db/dump_parts.h"

#include <string.h>

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

/* Rows that are there already. */

static const struct column *
natural_column(const struct stage *stage, size_t i)
{
	const char *name =
		i < NATURAL_COLUMNS ? stage->natural->columns[i] : NULL;

	return name ? entity_column(stage->entity, name) : NULL;
}

size_t
dump_column_index(const struct entity *entity, const struct column *column)
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
		dump_add_value(sql, in, stage,
			       dump_column_index(stage->entity, column));
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
		dump_add_stage(sql, in, stage);
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
struct error *
dump_meet(struct dump_in *in, struct stage *stage)
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
	return dump_run_sql(in, stage, &sql, NULL);
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
	error = dump_run_sql(in, stage, &sql, &count);
	stage->is_thinned = count > 0;
	return error;
}

/* Rows whose key leads to one that was left out. */
struct error *
dump_drop_orphans(struct dump_in *in, struct stage *stage)
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
		error = dump_run_sql(in, stage, &sql, &count);
		stage->is_thinned |= count > 0;
	}
	return error;
}

struct error *
dump_settle_unmet(struct dump_in *in, struct stage *stage)
{
	bool is_skipped = in->settings.skip_unknown &&
			  stage->natural->is_permanent &&
			  strcmp(stage->entity->name, "job") != 0;

	if (is_skipped)
		return drop_unmet(in, stage);
	return stage->natural->is_fixed ? refuse_unmet(in, stage) : NULL;
}

struct error *
dump_find_remapped(struct dump_in *in, struct stage *stage)
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
bool
dump_meets(const struct dump_in *in, const struct stage *stage)
{
	return stage->natural && stage->rows &&
	       !(in->settings.truncate && stage->entity->is_join_table);
}

/* Definitions are the same in every instance; links follow their ends. */
bool
dump_has_name(const struct stage *stage)
{
	const struct column *column;

	for (size_t i = 0; (column = natural_column(stage, i)); i++)
		if (!stage->seen[dump_column_index(stage->entity, column)])
			return false;
	return true;
}

struct error *
dump_nameless(struct dump_in *in, const struct stage *stage)
{
	return error_new(in->arena, 422, "bad-dump",
			 "%s: the rows have no %s, by which they are found",
			 stage->entity->name, stage->natural->columns[0]);
}
