/*
 * action_run.c: rows of action_run are written here and nowhere else.
 */
#include "db/action_run.h"

static const char STORE[] =
	"INSERT INTO action_run (reference_id, version, updated_at, permission,"
	" user_account_id, action_name, entity_name, subject_reference_id,"
	" outcome, attributes, changed_rows, changed, duration_us)"
	" VALUES ($1::uuid, 1, now(), $2::integer, $3::bigint, $4, $5,"
	" $6::uuid, 'succeeded', $7, $8, $9::bigint, $10::bigint)";

static const char *
permission_of(const struct row_context *context)
{
	const struct entity *entity =
		model_entity(context->model, "action_run");

	return arena_integer(context->arena,
			     entity->default_permission
				     ? entity->default_permission
				     : PERMISSION_DEFAULT);
}

struct error *
action_run_finish(const struct row_context *context,
		  const struct action_run *run)
{
	struct arena *arena = context->arena;
	const struct actor *actor = context->actor;

	return db_finish_with(
		context->db, arena, STORE,
		PARAMS(run->id, permission_of(context),
		       actor->id ? arena_integer(arena, actor->id) : NULL,
		       run->action_name, run->entity_name, run->subject,
		       run->inputs, run->rows, arena_integer(arena, run->nrows),
		       arena_integer(arena, run->duration_us)));
}

static const char MARK[] =
	"UPDATE action_run SET undone_at = now(), updated_at = now(), "
	"version = version + 1 WHERE reference_id = $1::uuid "
	"AND undone_at IS NULL";

struct error *
action_run_mark_undone(const struct row_context *context, const char *id,
		       bool *is_first)
{
	struct rows *rows;
	struct error *error =
		db_query(context->db, context->arena, MARK, PARAMS(id), &rows);

	if (!error)
		*is_first = rows_affected(rows) == 1;
	return error;
}
