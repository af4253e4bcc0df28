/*
 * dump_value.c: parts of the statements that store a dump: values of its rows
 * as they are to be stored, with the ids that their keys have here.
 */
#include "db/dump_parts.h"

#include <string.h>

/* Statements. */

struct error *
dump_run_sql(struct dump_in *in, const struct stage *stage, struct sql *sql,
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

void
dump_add_stage(struct sql *sql, const struct dump_in *in,
	       const struct stage *stage)
{
	sql_name(sql, stage->table);
	sql_add(sql, " s");
	add_maps(sql, in, stage);
}

bool
dump_is_permission(const struct column *column)
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
void
dump_add_value(struct sql *sql, const struct dump_in *in,
	       const struct stage *stage, size_t i)
{
	const struct column *column = stage->entity->columns[i];

	if (mapped_stage(in, column)) {
		sql_add(sql, "coalesce(");
		add_map_alias(sql, i);
		sql_add(sql, ".actd_id, ");
		sql_column(sql, "s", column->sql_name);
		sql_add(sql, ")");
	} else if (in->is_decimal && dump_is_permission(column)) {
		add_decimal(sql, column->sql_name);
	} else {
		sql_column(sql, "s", column->sql_name);
	}
}

/* The same in a new row: what must be there gets its default. */
void
dump_add_new_value(struct sql *sql, const struct dump_in *in,
		   const struct stage *stage, size_t i)
{
	const struct entity *entity = stage->entity;
	const struct column *column = entity->columns[i];
	bool is_own = dump_is_permission(column) && column->is_standard;
	int64_t permission = in->settings.model->has_administrator
				     ? PERMISSION_DEFAULT
				     : PERMISSION_ALL;

	if (stage->deferred[i]) {
		sql_add(sql, "NULL");
		return;
	}
	if (column->is_nullable || !(is_own || column->default_sql)) {
		dump_add_value(sql, in, stage, i);
		return;
	}
	sql_add(sql, "coalesce(");
	dump_add_value(sql, in, stage, i);
	sql_add(sql, ", ");
	if (is_own)
		sql_constant(sql, entity->default_permission
					  ? entity->default_permission
					  : permission);
	else
		strbuf_puts(&sql->text, column->default_sql);
	sql_add(sql, ")");
}

void
dump_add_sequence(struct sql *sql, const struct stage *stage)
{
	struct sql name;

	sql_init(&name, sql->text.arena);
	sql_name(&name, stage->entity->table);
	sql_add(sql, "pg_get_serial_sequence(");
	sql_literal(sql, name.text.data);
	sql_add(sql, ", 'id')");
}
