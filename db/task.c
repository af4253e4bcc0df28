/*
 * task.c: table actd_task (sql/functions.sql). Both rows are locked: whoever
 * comes second sees the new time, not the one before.
 */
#include "db/task.h"

static const char TAKE[] =
	"SELECT t.id, t.name, t.entity_name, t.action_name, t.attributes,"
	" t.schedule, n.schedule = t.schedule, coalesce(u.id, 0),"
	" u.reference_id, floor(extract(epoch FROM now()))::bigint"
	" FROM task t JOIN actd_task n ON n.task = t.id"
	" LEFT JOIN user_account u"
	"  ON u.id = coalesce(t.as_user_id, t.user_account_id)"
	" WHERE t.active AND (n.schedule <> t.schedule OR n.next_run <= now())"
	" ORDER BY n.next_run, t.id LIMIT 100 FOR UPDATE OF t, n SKIP LOCKED";

/* What both statements begin with: what runs when. */
static struct task
task_of(const struct rows *rows, size_t row)
{
	return (struct task){
		.id = rows_integer(rows, row, 0),
		.name = rows_text(rows, row, 1),
		.entity = rows_text(rows, row, 2),
		.action = rows_text(rows, row, 3),
		.attributes = rows_text(rows, row, 4),
		.schedule = rows_text(rows, row, 5),
	};
}

struct error *
task_take(struct db *db, struct arena *arena, struct task **tasks,
	  size_t *count)
{
	struct rows *rows;
	struct error *error = db_query(db, arena, TAKE, NO_PARAMS, &rows);

	if (error)
		return error;
	*count = rows_count(rows);
	*tasks = ARENA_ARRAY(arena, struct task, *count + 1);
	for (size_t i = 0; i < *count; i++) {
		struct task task = task_of(rows, i);

		task.is_due = rows_boolean(rows, i, 6);
		task.user_id = rows_integer(rows, i, 7);
		task.user = rows_text(rows, i, 8);
		task.now = rows_integer(rows, i, 9);
		(*tasks)[i] = task;
	}
	return NULL;
}

static const char TAKE_WRITTEN[] =
	"WITH written AS (UPDATE actd_task SET is_checked = true"
	" WHERE NOT is_checked RETURNING task)"
	" SELECT t.id, t.name, t.entity_name, t.action_name, t.attributes,"
	" t.schedule FROM task t JOIN written w ON w.task = t.id ORDER BY t.id";

struct error *
task_take_written(struct db *db, struct arena *arena, struct task **tasks,
		  size_t *count)
{
	struct rows *rows;
	struct error *error =
		db_query(db, arena, TAKE_WRITTEN, NO_PARAMS, &rows);

	if (error)
		return error;
	*count = rows_count(rows);
	*tasks = ARENA_ARRAY(arena, struct task, *count + 1);
	for (size_t i = 0; i < *count; i++)
		(*tasks)[i] = task_of(rows, i);
	return NULL;
}

static const char HAS_USER[] =
	"SELECT EXISTS (SELECT FROM user_account WHERE lower(email) = lower($1)"
	" OR reference_id::text = lower($1))";

struct error *
task_user_exists(struct db *db, struct arena *arena, const char *user,
		 bool *exists)
{
	struct rows *rows;
	struct error *error =
		db_query(db, arena, HAS_USER, PARAMS(user), &rows);

	if (!error)
		*exists = rows_boolean(rows, 0, 0);
	return error;
}

static const char PLAN[] = "UPDATE actd_task SET schedule = $2,"
			   " next_run = to_timestamp(nullif($3::bigint, -1)),"
			   " is_checked = true WHERE task = $1::bigint";

struct error *
task_plan(struct db *db, struct arena *arena, const struct task *task,
	  int64_t next_run)
{
	return db_query(
		db, arena, PLAN,
		PARAMS(arena_printf(arena, "%lld", (long long)task->id),
		       task->schedule,
		       arena_printf(arena, "%lld", (long long)next_run)),
		NULL);
}
