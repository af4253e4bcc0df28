/*
 * query_selection.c: the columns of a SELECT: what clients may see of a row,
 * and of the rows that its foreign keys point to.
 */
#include <string.h>

#include "db/query_parts.h"

const char *
builder_alias(struct builder *b)
{
	return arena_printf(b->sql.text.arena, "r%u", ++b->naliases);
}

static bool
is_always_selected(const struct column *column)
{
	return !strcmp(column->column_name, "permission") ||
	       !strcmp(column->column_name, "reference_id") ||
	       !strcmp(column->column_name, "user_account_id");
}

static bool
is_named(const struct column *column, const char *const *fields, size_t nfields)
{
	for (size_t i = 0; i < nfields; i++)
		if (!strcmp(column->column_name, fields[i]))
			return true;
	return false;
}

struct selection *
selection_new(struct arena *arena, const struct entity *entity,
	      const char *const *fields, size_t nfields)
{
	struct selection *selection = ARENA_NEW(arena, struct selection);

	selection->entity = entity;
	selection->columns =
		ARENA_ARRAY(arena, const struct column *, entity->ncolumns);
	for (size_t i = 0; i < entity->ncolumns; i++) {
		const struct column *column = entity->columns[i];

		if (!column_is_visible(column))
			continue;
		if (fields && !is_always_selected(column) &&
		    !is_named(column, fields, nfields))
			continue;
		selection->columns[selection->ncolumns++] = column;
	}
	return selection;
}

/* The reference id of a foreign key's target, NULL where it is not visible. */
void
builder_add_target(struct sql *sql, const struct column *column,
		   const struct actor *actor, const struct model *model,
		   const char *alias)
{
	sql_add(sql, "(SELECT k.reference_id FROM ");
	sql_name(sql, column->target->table);
	sql_add(sql, " k WHERE k.id = ");
	sql_column(sql, alias, column->sql_name);
	if (!permission_everything(actor)) {
		sql_add(sql, " AND ");
		permission_visible(sql, actor, model, column->target, "k");
	}
	sql_add(sql, ")");
}

/* A secret's value never leaves the database; that there is one may. */
static void
add_secret(struct sql *sql, const struct column *column, const char *alias)
{
	sql_add(sql, "CASE WHEN ");
	sql_column(sql, alias, column->sql_name);
	sql_add(sql, " IS NOT NULL THEN '' END");
}

void
builder_add_selected(struct sql *sql, const struct column *column,
		     const struct actor *actor, const struct model *model,
		     const char *alias)
{
	if (column->target)
		builder_add_target(sql, column, actor, model, alias);
	else if (column->kind == VALUE_SECRET ||
		 column->kind == VALUE_ENCRYPTED)
		add_secret(sql, column, alias);
	else
		sql_column(sql, alias, column->sql_name);
}

void
selection_list(struct sql *sql, const struct selection *selection,
	       const struct actor *actor, const struct model *model,
	       const char *alias)
{
	sql_column(sql, alias, "id");
	sql_add(sql, ", ");
	sql_column(sql, alias, "reference_id");
	sql_add(sql, ", ");
	sql_column(sql, alias, "version");
	for (size_t i = 0; i < selection->ncolumns; i++) {
		sql_add(sql, ", ");
		builder_add_selected(sql, selection->columns[i], actor, model,
				     alias);
	}
}

/* The same as text, padded to `width` columns, for UNION ALL. */
void
builder_add_text_list(struct builder *b, const struct selection *selection,
		      const char *alias, size_t width)
{
	struct sql *sql = &b->sql;

	sql_column(sql, alias, "id");
	sql_add(sql, "::text, ");
	sql_column(sql, alias, "reference_id");
	sql_add(sql, "::text, ");
	sql_column(sql, alias, "version");
	sql_add(sql, "::text");
	for (size_t i = 0; i < selection->ncolumns; i++) {
		sql_add(sql, ", ");
		builder_add_selected(sql, selection->columns[i], b->actor,
				     b->model, alias);
		sql_add(sql, "::text");
	}
	for (size_t i = selection->ncolumns; i < width; i++)
		sql_add(sql, ", NULL");
}
/* What a condition or sort key compares: foreign keys by reference id. */
void
builder_add_operand(struct builder *b, const struct column *column,
		    const char *alias)
{
	if (column->target)
		builder_add_target(&b->sql, column, b->actor, b->model, alias);
	else
		sql_column(&b->sql, alias, column->sql_name);
}

void
builder_add_step(struct builder *b, const struct relationship *relationship,
		 const char *alias, const char *next)
{
	sql_add(&b->sql, " FROM ");
	sql_name(&b->sql, relationship->target->table);
	sql_add(&b->sql, " ");
	strbuf_puts(&b->sql.text, next);
	sql_add(&b->sql, " WHERE ");
	sql_column(&b->sql, next, "id");
	sql_add(&b->sql, " = ");
	sql_column(&b->sql, alias, relationship->relation->key->sql_name);
	sql_add(&b->sql, " AND ");
	permission_visible(&b->sql, b->actor, b->model, relationship->target,
			   next);
}
