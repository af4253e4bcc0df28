/*
 * dump_store.c: from the temporary tables of a dump to the entities: in which
 * order the tables go, which ids new rows get, and what is done in which
 * order. Statements work on whole tables.
 */
#include "db/dump_parts.h"

#include <string.h>

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

/* Ids. */

static struct error *
move_sequence(struct dump_in *in, const struct stage *stage)
{
	struct sql sql;

	if (!stage->rows)
		return NULL;
	sql_init(&sql, in->arena);
	sql_add(&sql, "SELECT setval(");
	dump_add_sequence(&sql, stage);
	sql_add(&sql, ", m) FROM (SELECT greatest((SELECT max(id) FROM ");
	sql_name(&sql, stage->entity->table);
	sql_add(&sql, "), (SELECT max(id) FROM ");
	sql_name(&sql, stage->table);
	sql_add(&sql, "), nextval(");
	dump_add_sequence(&sql, stage);
	sql_add(&sql, ") - 1) AS m) x WHERE m > 0");
	return dump_run_sql(in, stage, &sql, NULL);
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
		dump_add_sequence(&sql, stage);
		sql_add(&sql, ") ELSE s.id END WHERE NOT s.actd_met");
	} else {
		sql_add(&sql, "coalesce(s.id, nextval(");
		dump_add_sequence(&sql, stage);
		sql_add(&sql, "))");
		if (!has_deferred(stage))
			sql_add(&sql, " WHERE s.id IS NULL");
	}
	return dump_run_sql(in, stage, &sql, NULL);
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
		error = dump_run_sql(in, stage, &sql, NULL);
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
	if (dump_meets(in, stage)) {
		sql_add(&sql, " AND NOT EXISTS (SELECT FROM ");
		sql_name(&sql, stage->table);
		sql_add(&sql, " s WHERE s.actd_met AND s.actd_id = t.id)");
	}
	if (stage->entity == in->settings.model->usergroup)
		sql_add(&sql, " AND t.name NOT IN ('guests', "
			      "'administrators', 'users')");
	return dump_run_sql(in, stage, &sql, NULL);
}

/* Rows come. */

/* The column's value is given by some row, or every row needs one. */
static bool
is_inserted(const struct stage *stage, size_t i)
{
	const struct column *column = stage->entity->columns[i];

	if (column->is_primary_key)
		return false;
	return stage->seen[i] ||
	       (dump_is_permission(column) && column->is_standard);
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
			dump_add_new_value(&sql, in, stage, i);
		}
	sql_add(&sql, " FROM ");
	dump_add_stage(&sql, in, stage);
	sql_add(&sql, " WHERE NOT s.actd_met");
	return dump_run_sql(in, stage, &sql, &stage->count.created);
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
		dump_add_value(sql, in, stage, i);
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
	dump_add_stage(&sql, in, stage);
	sql_add(&sql, " WHERE s.actd_met AND s.actd_id = t.id AND ROW(");
	add_met_values(&sql, in, stage, true);
	sql_add(&sql, ") IS DISTINCT FROM ROW(");
	add_met_values(&sql, in, stage, false);
	sql_add(&sql, ")");
	return dump_run_sql(in, stage, &sql, &stage->count.updated);
}

/* The trigger that revokes tokens has raised it: nobody has such tokens. */
static struct error *
restore_auth_versions(struct dump_in *in, const struct stage *stage)
{
	const struct column *column =
		entity_column(stage->entity, "auth_version");
	struct sql sql;

	if (stage->entity != in->settings.model->user_account || !column ||
	    !stage->seen[dump_column_index(stage->entity, column)])
		return NULL;
	sql_init(&sql, in->arena);
	sql_add(&sql, "UPDATE user_account t SET auth_version = s.auth_version"
		      " FROM ");
	sql_name(&sql, stage->table);
	sql_add(&sql, " s WHERE s.actd_met AND s.actd_id = t.id"
		      " AND s.actd_old IS DISTINCT FROM s.reference_id"
		      " AND t.auth_version IS DISTINCT FROM s.auth_version");
	return dump_run_sql(in, stage, &sql, NULL);
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
		dump_add_value(&sql, in, stage, i);
		sql_add(&sql, " FROM ");
		dump_add_stage(&sql, in, stage);
		sql_add(&sql, " WHERE t.id = s.actd_id AND ");
		sql_column(&sql, "s", name);
		sql_add(&sql, " IS NOT NULL");
		error = dump_run_sql(in, stage, &sql, NULL);
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
	return dump_run_sql(in, stage, &sql, NULL);
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
		error = dump_drop_orphans(in, stage);
	if (error || !dump_meets(in, stage))
		return error;
	if (!dump_has_name(stage))
		return dump_nameless(in, stage);
	error = dump_meet(in, stage);
	if (!error)
		error = dump_settle_unmet(in, stage);
	return error ? error : dump_find_remapped(in, stage);
}

static struct error *
store_stage(struct dump_in *in, struct stage *stage)
{
	struct error *error = insert_new(in, stage);

	if (!error && dump_meets(in, stage))
		error = update_met(in, stage);
	if (!error && dump_meets(in, stage))
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
	return error ? error : dump_find_remapped(in, stage);
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
