/*
 * row_join.c: links that are rows of a join table. Membership of groups and
 * what is shared with them have rules of their own.
 */
#include <string.h>

#include "db/base/crypto.h"
#include "db/row_linkage.h"

static const struct relation *
relation_of(const struct linkage *linkage)
{
	return linkage->relationship->relation;
}

static const struct column *
near_key(const struct linkage *linkage)
{
	return linkage->relationship->from_subject
		       ? relation_of(linkage)->join_subject_key
		       : relation_of(linkage)->join_object_key;
}

static const struct column *
far_key(const struct linkage *linkage)
{
	return linkage->relationship->from_subject
		       ? relation_of(linkage)->join_object_key
		       : relation_of(linkage)->join_subject_key;
}

static bool
is_membership(const struct linkage *linkage)
{
	return relation_of(linkage)->join &&
	       relation_of(linkage)->join ==
		       linkage->context->model->membership;
}

/* Sharing and membership: groups that one can't see may be left, and what is
 * one's own may be taken back from them. */
static bool
is_with_groups(const struct linkage *linkage)
{
	return relation_of(linkage)->object_entity ==
	       linkage->context->model->usergroup;
}

/* The near row. */

/* The right that the near row must give: to share, admit, or Update. */
static void
add_near_right(struct sql *sql, const struct linkage *linkage,
	       const struct key *near)
{
	const struct row_context *context = linkage->context;

	if (linkage->is_new || context->trusted)
		sql_add(sql, "TRUE");
	else if (near->right != KEY_REFER)
		key_test(sql, context, near, "t");
	else if (is_membership(linkage))
		row_add_owned(sql, context, linkage->entity, "t");
	else
		permission_granted(sql, context->actor, context->model,
				   linkage->entity, "t", VERB_UPDATE);
}

static struct key
near_row(const struct linkage *linkage)
{
	return (struct key){
		.target = linkage->entity,
		.id = linkage->id,
		.right = key_right(linkage->context->model,
				   relation_of(linkage)->join,
				   near_key(linkage)),
		.pointer = linkage->pointer,
		.holder = near_key(linkage),
	};
}

static struct error *
refuse_near(const struct linkage *linkage)
{
	return error_new(linkage->context->arena, 403, "forbidden",
			 "You may not change %s of this %s.",
			 linkage->relationship->name, linkage->entity->name);
}

/*
 * Locks the row whose links change; 404 or 403. A caller who lacks the right
 * may still change links that the far side lets him change: membership.
 */
static struct error *
lock_near(const struct linkage *linkage, bool *is_allowed, const char **row_id)
{
	struct key near = near_row(linkage);
	struct error *error;
	struct rows *rows;
	struct sql sql;

	sql_init(&sql, linkage->context->arena);
	sql_add(&sql, "SELECT t.id, ");
	add_near_right(&sql, linkage, &near);
	sql_add(&sql, " FROM ");
	sql_name(&sql, linkage->entity->table);
	sql_add(&sql, " t WHERE ");
	if (linkage->is_new) {
		struct row_context maker = *linkage->context;

		maker.trusted = true;
		row_add_visible(&sql, &maker, linkage->entity, linkage->id,
				"t");
	} else {
		row_add_visible(&sql, linkage->context, linkage->entity,
				linkage->id, "t");
	}
	sql_add(&sql, " FOR NO KEY UPDATE OF t");
	error = sql_run(&sql, linkage->context->db, &rows);
	if (error)
		return error;
	if (!rows_count(rows))
		return row_not_found(linkage->context->arena, linkage->entity);
	*row_id = rows_text(rows, 0, 0);
	*is_allowed = rows_boolean(rows, 0, 1);
	return NULL;
}

/* The far rows. */

/* The far row of link `i`, as a key with its right. */
static struct key
far_row(const struct linkage *linkage, size_t i)
{
	return (struct key){
		.target = linkage->relationship->target,
		.id = linkage->ids[i],
		.right =
			key_right(linkage->context->model,
				  relation_of(linkage)->join, far_key(linkage)),
		.pointer = linkage->pointer,
		.holder = far_key(linkage),
	};
}

/* Checks a far row by the rules for keys, and gives its number. */
static struct error *
find_far(const struct linkage *linkage, size_t i, const char **row_id)
{
	struct arena *arena = linkage->context->arena;
	struct key *far = ARENA_NEW(arena, struct key);
	struct assignment assignment = { .column = far_key(linkage),
					 .key = far };
	struct change change = { .context = linkage->context,
				 .entity = relation_of(linkage)->join,
				 .assignments = &assignment,
				 .nassignments = 1 };
	struct error *error;
	struct rows *rows;
	struct sql sql;

	*far = far_row(linkage, i);
	sql_init(&sql, arena);
	sql_add(&sql, "SELECT r.id FROM ");
	sql_name(&sql, far->target->table);
	sql_add(&sql, " r WHERE ");
	key_test(&sql, linkage->context, far, "r");
	error = sql_run(&sql, linkage->context->db, &rows);
	if (error)
		return error;
	if (rows_count(rows)) {
		*row_id = rows_text(rows, 0, 0);
		return NULL;
	}
	error = change_explain_keys(&change);
	return error ? error
		     : error_new(arena, 409, "retry",
				 "Another change came in between. Please try "
				 "again.");
}

/* The join table's own columns, from the link's attributes. */
static struct error *
read_own_columns(const struct linkage *linkage, size_t i, struct change *change)
{
	struct json_object *attributes = linkage->attributes[i];
	const struct relation *relation = relation_of(linkage);

	change->context = linkage->context;
	change->entity = relation->join;
	if (!json_object_is_type(attributes, json_type_object))
		return NULL;
	json_object_object_foreach(attributes, name, value)
	{
		struct json_object *one;

		for (size_t k = 0; k < relation->ncolumns; k++) {
			if (strcmp(relation->columns[k]->column_name, name))
				continue;
			one = json_object_new_object();
			json_object_object_add(one, name,
					       json_object_get(value));
			change_read(change, one, NULL);
			json_object_put(one);
		}
	}
	return change->errors;
}

static struct error *
insert_link(const struct linkage *linkage, size_t i, const char *near,
	    const char *far)
{
	struct arena *arena = linkage->context->arena;
	const struct entity *join = relation_of(linkage)->join;
	struct change change = { .context = linkage->context };
	char *id = arena_alloc(arena, 37);
	struct error *error = read_own_columns(linkage, i, &change);
	struct sql sql;

	if (error)
		return error;
	crypto_uuid(id);
	sql_init(&sql, arena);
	sql_add(&sql, "INSERT INTO ");
	sql_name(&sql, join->table);
	sql_add(&sql, " (reference_id, permission, ");
	sql_name(&sql, near_key(linkage)->sql_name);
	sql_add(&sql, ", ");
	sql_name(&sql, far_key(linkage)->sql_name);
	for (size_t k = 0; k < change.nassignments; k++) {
		sql_add(&sql, ", ");
		sql_name(&sql, change.assignments[k].column->sql_name);
	}
	sql_add(&sql, ") VALUES (");
	sql_value_as(&sql, id, "uuid");
	sql_add(&sql, ", ");
	sql_constant(&sql, PERMISSION_DEFAULT);
	sql_add(&sql, ", ");
	sql_value_as(&sql, near, "bigint");
	sql_add(&sql, ", ");
	sql_value_as(&sql, far, "bigint");
	for (size_t k = 0; k < change.nassignments; k++) {
		sql_add(&sql, ", ");
		change_add_value(&sql, &change, k);
	}
	/* a link that is there already is as it should be */
	sql_add(&sql, ") ON CONFLICT (");
	sql_name(&sql, relation_of(linkage)->join_subject_key->sql_name);
	sql_add(&sql, ", ");
	sql_name(&sql, relation_of(linkage)->join_object_key->sql_name);
	sql_add(&sql, ") DO NOTHING");
	error = sql_run(&sql, linkage->context->db, NULL);
	return error ? row_constraint_error(linkage->context, join, error)
		     : NULL;
}

static struct error *
insert_links(const struct linkage *linkage, const char *near)
{
	struct error *error = NULL;
	const char *far = NULL;

	for (size_t i = 0; !error && i < linkage->count; i++) {
		error = find_far(linkage, i, &far);
		if (!error)
			error = insert_link(linkage, i, near, far);
	}
	return error;
}

/* Leaving a group is the member's own affair. */
static void
add_may_remove(struct sql *sql, const struct linkage *linkage)
{
	const struct row_context *context = linkage->context;
	const struct model *model = context->model;

	sql_add(sql, "(");
	permission_granted(sql, context->actor, model, model->usergroup,
			   linkage->relationship->from_subject ? "r" : "t",
			   VERB_UPDATE);
	sql_add(sql, " OR ");
	sql_column(sql, "j", relation_of(linkage)->join_subject_key->sql_name);
	sql_add(sql, " = ");
	sql_integer(sql, context->actor->id);
	sql_add(sql, ")");
}

/* DELETE of the named links, or of all others; those the caller may remove. */
static void
add_delete(struct sql *sql, const struct linkage *linkage, const char *near,
	   bool all_others)
{
	sql_add(sql, "DELETE FROM ");
	sql_name(sql, relation_of(linkage)->join->table);
	sql_add(sql, " j USING ");
	sql_name(sql, linkage->relationship->target->table);
	sql_add(sql, " r, ");
	sql_name(sql, linkage->entity->table);
	sql_add(sql, " t WHERE t.id = ");
	sql_value_as(sql, near, "bigint");
	sql_add(sql, " AND ");
	sql_column(sql, "j", near_key(linkage)->sql_name);
	sql_add(sql, " = t.id AND ");
	sql_column(sql, "j", far_key(linkage)->sql_name);
	sql_add(sql, " = r.id AND ");
	if (all_others)
		sql_add(sql, "NOT ");
	sql_add(sql, "r.reference_id = ANY (");
	sql_value_as(sql, linkage_array(linkage), "uuid[]");
	sql_add(sql, ")");
}

/* Whether links would be touched that the caller may not remove. */
static struct error *
check_removal(const struct linkage *linkage, const char *near, bool all_others)
{
	const struct row_context *context = linkage->context;
	struct error *error;
	struct rows *rows;
	struct sql sql;

	if (!is_membership(linkage) || context->trusted ||
	    permission_everything(context->actor))
		return NULL;
	sql_init(&sql, context->arena);
	sql_add(&sql, "SELECT FROM ");
	sql_name(&sql, relation_of(linkage)->join->table);
	sql_add(&sql, " j, ");
	sql_name(&sql, linkage->relationship->target->table);
	sql_add(&sql, " r, ");
	sql_name(&sql, linkage->entity->table);
	sql_add(&sql, " t WHERE t.id = ");
	sql_value_as(&sql, near, "bigint");
	sql_add(&sql, " AND ");
	sql_column(&sql, "j", near_key(linkage)->sql_name);
	sql_add(&sql, " = t.id AND ");
	sql_column(&sql, "j", far_key(linkage)->sql_name);
	sql_add(&sql, " = r.id AND ");
	if (all_others)
		sql_add(&sql, "NOT ");
	sql_add(&sql, "r.reference_id = ANY (");
	sql_value_as(&sql, linkage_array(linkage), "uuid[]");
	sql_add(&sql, ")");
	if (all_others)
		linkage_add_visible(&sql, linkage);
	sql_add(&sql, " AND NOT ");
	add_may_remove(&sql, linkage);
	sql_add(&sql, " LIMIT 1");
	error = sql_run(&sql, context->db, &rows);
	if (!error && rows_count(rows))
		error = refuse_near(linkage);
	return error;
}

static struct error *
delete_links(const struct linkage *linkage, const char *near, bool all_others)
{
	struct error *error = check_removal(linkage, near, all_others);
	struct sql sql;

	if (!error && is_membership(linkage))
		error = row_lock_administrators(linkage->context);
	if (error)
		return error;
	sql_init(&sql, linkage->context->arena);
	add_delete(&sql, linkage, near, all_others);
	if (all_others || !is_with_groups(linkage))
		linkage_add_visible(&sql, linkage);
	error = sql_run(&sql, linkage->context->db, NULL);
	if (!error && is_membership(linkage))
		error = row_check_administrators(linkage->context);
	return error;
}

struct error *
row_change_join(const struct linkage *linkage, enum link_change change)
{
	struct error *error;
	const char *near = NULL;
	bool is_allowed = false;

	db_begin(linkage->context->db);
	error = lock_near(linkage, &is_allowed, &near);
	/* a membership's removal is decided link by link */
	if (!error && !is_allowed &&
	    (change != LINK_REMOVE || !is_membership(linkage)))
		error = refuse_near(linkage);
	if (!error && change != LINK_ADD)
		error = delete_links(linkage, near, change == LINK_REPLACE);
	if (!error && change != LINK_REMOVE)
		error = insert_links(linkage, near);
	return error;
}
