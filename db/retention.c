/*
 * retention.c: one short statement per table, so that nobody waits for locks
 * of many rows; what another process is deleting is skipped.
 */
#include "db/retention.h"

#include <string.h>

#include "db/sql.h"

#define ROWS_MAX 1000

struct keeping {
	const char *table;
	const char *since; /* the column that says how old a row is */
	const char *unit;  /* of make_interval() */
	int64_t amount;	   /* 0: for ever */
};

/* DELETE … the oldest rows that are over their time. */
static struct error *
forget(struct db *db, struct arena *arena, const struct keeping *keeping,
       bool *is_done)
{
	struct rows *rows;
	struct error *error;
	struct sql sql;

	if (!keeping->amount)
		return NULL;
	sql_init(&sql, arena);
	sql_add(&sql, "DELETE FROM ");
	sql_name(&sql, keeping->table);
	sql_add(&sql, " WHERE ctid = ANY (ARRAY(SELECT ctid FROM ");
	sql_name(&sql, keeping->table);
	sql_add(&sql, " WHERE ");
	sql_name(&sql, keeping->since);
	sql_add(&sql, " < now() - make_interval(");
	strbuf_puts(&sql.text, keeping->unit);
	sql_add(&sql, " => ");
	sql_constant(&sql, keeping->amount);
	sql_add(&sql, ") ORDER BY ");
	sql_name(&sql, keeping->since);
	sql_add(&sql, " LIMIT ");
	sql_constant(&sql, ROWS_MAX);
	sql_add(&sql, " FOR UPDATE SKIP LOCKED))");
	error = sql_run(&sql, db, &rows);
	if (!error && rows_affected(rows) == ROWS_MAX)
		*is_done = false;
	return error;
}

struct error *
retention_apply(struct db *db, struct arena *arena, const struct model *model,
		const struct retention *retention, bool *is_done)
{
	const struct keeping kept[] = {
		{ "actd_idempotency", "created_at", "hours",
		  retention->idempotency_hours },
		{ "job", "finished_at", "days", retention->job_days },
		{ "action_run", "created_at", "days", retention->run_days },
	};
	struct error *error = NULL;

	*is_done = true;
	for (size_t i = 0; !error && i < ARRAY_SIZE(kept); i++)
		error = forget(db, arena, &kept[i], is_done);
	for (size_t i = 0; !error && i < model->nentities; i++) {
		const struct keeping history = { model->entities[i]->table,
						 "created_at", "days",
						 retention->history_days };

		if (model->entities[i]->is_audit_table)
			error = forget(db, arena, &history, is_done);
	}
	return error;
}
