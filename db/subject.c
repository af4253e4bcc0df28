/*
 * subject.c: the Execute bit of a row. Whether it may be seen was decided
 * when it was read.
 */
#include "db/subject.h"

struct error *
subject_is_executable(const struct row_context *context,
		      const struct entity *entity, const char *id,
		      bool *executable)
{
	struct sql sql;
	struct rows *rows;
	struct error *error;

	*executable = context->actor->is_administrator;
	if (*executable)
		return NULL;
	sql_init(&sql, context->arena);
	sql_add(&sql, "SELECT ");
	permission_where(&sql, context->actor, context->model, entity, "t",
			 VERB_EXECUTE);
	sql_add(&sql, " FROM ");
	sql_name(&sql, entity->table);
	sql_add(&sql, " AS t WHERE t.reference_id = ");
	sql_value_as(&sql, id, "uuid");
	error = sql_run(&sql, context->db, &rows);
	if (error)
		return error;
	*executable = rows_count(rows) && rows_boolean(rows, 0, 0);
	return NULL;
}
