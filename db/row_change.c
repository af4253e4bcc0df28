/*
 * row_change.c: reads the attributes and relationships that a client gave
 * into values for columns, and notes everything that can't be taken. Knows
 * which columns are not for clients at all.
 */
#include "db/row_parts.h"

#include <stdlib.h>
#include <string.h>

#include "db/file_list.h"

/* The relation that made a join table, NULL for other tables. */
static const struct relation *
relation_of_join(const struct model *model, const struct entity *entity)
{
	for (size_t i = 0; entity->is_join_table && i < model->nrelations; i++)
		if (model->relations[i]->join == entity)
			return model->relations[i];
	return NULL;
}

enum key_right
key_right(const struct model *model, const struct entity *entity,
	  const struct column *holder)
{
	const struct relation *relation = relation_of_join(model, entity);

	if (!relation || relation->object_entity != model->usergroup)
		return KEY_REFER;
	if (entity == model->membership)
		return holder == relation->join_object_key ? KEY_ADMIT
							   : KEY_REFER;
	return holder == relation->join_subject_key ? KEY_SHARE : KEY_REFER;
}

/* Who is in which group, and what is shared with it, is settled by making and
 * deleting links, where the rights for it are checked. */
static bool
is_settled(const struct change *change, const struct column *column)
{
	const struct model *model = change->context->model;
	const struct relation *relation =
		relation_of_join(model, change->entity);

	return change->id && relation &&
	       relation->object_entity == model->usergroup &&
	       (column == relation->join_subject_key ||
		column == relation->join_object_key);
}

static bool
is_owner(const struct entity *entity, const struct column *column)
{
	return entity->has_owner &&
	       !strcmp(column->column_name, "user_account_id");
}

static bool
is_permission(const struct column *column)
{
	return column->is_standard &&
	       !strcmp(column->column_name, "permission");
}

/* Columns that are the server's, or not this caller's, are left out. */
static bool
is_ignored(const struct change *change, const struct column *column)
{
	const struct row_context *context = change->context;

	if (is_permission(column) || is_owner(change->entity, column))
		return !change->id && !context->actor->is_administrator;
	if (column->is_standard)
		return true;
	return column->exclude_from_api && !context->trusted;
}

static const char *
attribute_pointer(const struct change *change, const struct column *column)
{
	return arena_printf(change->context->arena, "/data/attributes/%s",
			    column->column_name);
}

static void
fault(struct change *change, const char *pointer, const char *code,
      const char *detail)
{
	error_append(&change->errors,
		     error_at(error_new(change->context->arena, 422, code, "%s",
					detail),
			      pointer));
}

static void
assign(struct change *change, struct assignment assignment)
{
	struct arena *arena = change->context->arena;

	for (size_t i = 0; i < change->nassignments; i++)
		if (change->assignments[i].column == assignment.column) {
			change->assignments[i] = assignment;
			return;
		}
	ARENA_PUSH(arena, change->assignments, change->nassignments,
		   assignment);
}

/* In a create the column is left out, so that its default acts. */
static void
assign_null(struct change *change, const struct column *column,
	    const char *pointer)
{
	if (!change->id)
		return;
	if (column->is_nullable)
		assign(change, (struct assignment){ .column = column });
	else
		fault(change, pointer, "required",
		      arena_printf(change->context->arena, "%s can't be null.",
				   column->column_name));
}

static void
assign_key(struct change *change, const struct column *column, const char *id,
	   const char *pointer)
{
	struct key *key = ARENA_NEW(change->context->arena, struct key);

	key->target = column->target;
	key->id = id;
	key->right = key_right(change->context->model, change->entity, column);
	key->pointer = pointer;
	key->holder = column;
	assign(change, (struct assignment){ .column = column, .key = key });
}

/* Text that a NUL would cut is no id. */
static const char *
reference_text(struct arena *arena, struct json_object *value)
{
	const char *text = json_object_get_string(value);

	if (text && strlen(text) != (size_t)json_object_get_string_len(value))
		return "?";
	return arena_strdup(arena, text);
}

/* A reference id, or a resource identifier. */
static void
read_key(struct change *change, const struct column *column,
	 struct json_object *value, const char *pointer)
{
	struct arena *arena = change->context->arena;
	bool is_object = json_object_is_type(value, json_type_object);
	const char *id;

	if (is_object)
		value = json_object_object_get(value, "id");
	if (value ? !json_object_is_type(value, json_type_string) : is_object) {
		fault(change, pointer, "invalid-value",
		      arena_printf(arena, "%s must be a reference id.",
				   column->column_name));
		return;
	}
	id = reference_text(arena, value);
	if (id && *id)
		assign_key(change, column, id, pointer);
	else
		assign_null(change, column, pointer);
}

/* Bits of wire/permissions.md section 1 and no others. */
static bool
is_possible_permission(const struct column *column, const char *text)
{
	int64_t bits = strtoll(text, NULL, 10);

	return !is_permission(column) || (bits >= 0 && bits <= PERMISSION_ALL);
}

/* Its text comes when the contents are stored. */
static void
assign_files(struct change *change, const struct column *column,
	     struct json_object *value)
{
	struct file_wish wish = { column, value };

	assign(change, (struct assignment){ .column = column });
	ARENA_PUSH(change->context->arena, change->files, change->nfiles, wish);
}

static void
read_value(struct change *change, const struct column *column,
	   struct json_object *value)
{
	const struct row_context *context = change->context;
	struct error *error;
	const char *text;

	if (column->kind == VALUE_FILE && file_list_is(value)) {
		assign_files(change, column, value);
		return;
	}
	error = value_from_json(context->arena, column, value, context->values,
				&text);
	if (error)
		error_append(&change->errors, error);
	else if (!is_possible_permission(column, text))
		fault(change, attribute_pointer(change, column),
		      "invalid-value", "permission must be from 0 to 2097151.");
	else
		assign(change,
		       (struct assignment){
			       .column = column,
			       .text = arena_strdup(context->arena, text) });
}

/* Secrets come out blank; what comes back blank was not changed. */
static bool
is_blank_secret(const struct change *change, const struct column *column,
		struct json_object *value)
{
	return change->id &&
	       (column->kind == VALUE_SECRET ||
		column->kind == VALUE_ENCRYPTED) &&
	       json_object_is_type(value, json_type_string) &&
	       json_object_get_string_len(value) == 0;
}

static void
read_attribute(struct change *change, const char *name,
	       struct json_object *value)
{
	const struct column *column = entity_column(change->entity, name);

	if (!column || is_ignored(change, column) ||
	    is_blank_secret(change, column, value))
		return;
	if (is_settled(change, column))
		fault(change, attribute_pointer(change, column), "read-only",
		      "A link to a group can't be moved. Make a new one.");
	else if (!value)
		assign_null(change, column, attribute_pointer(change, column));
	else if (column->target)
		read_key(change, column, value,
			 attribute_pointer(change, column));
	else
		read_value(change, column, value);
}

/* Relationships. */

/* Older clients send a to-one link as an array of one. */
static struct json_object *
single(struct json_object *data)
{
	if (json_object_is_type(data, json_type_array) &&
	    json_object_array_length(data) <= 1)
		return json_object_array_get_idx(data, 0);
	return data;
}

static void
read_to_one(struct change *change, const struct relationship *relationship,
	    struct json_object *data, const char *pointer)
{
	const struct column *column = relationship->relation->key;

	data = single(data);
	if (is_ignored(change, column))
		return;
	if (!data)
		assign_null(change, column, pointer);
	else if (json_object_is_type(data, json_type_object) &&
		 json_object_object_get(data, "id"))
		read_key(change, column, data, pointer);
	else
		fault(change, pointer, "invalid-linkage",
		      "A link must be {\"type\", \"id\"} or null.");
}

/*
 * Links of a row that changes are only replaced by a list that names some: an
 * empty list is also what a row shows whose links were not asked for, and
 * clients send back what they got.
 */
static void
read_to_many(struct change *change, const struct relationship *relationship,
	     struct json_object *data, const char *pointer)
{
	struct link_wish wish = { relationship, data, pointer };

	if (!data || (json_object_is_type(data, json_type_array) &&
		      json_object_array_length(data) == 0))
		return;
	ARENA_PUSH(change->context->arena, change->links, change->nlinks, wish);
}

static void
read_relationship(struct change *change, const char *name,
		  struct json_object *member)
{
	const struct relationship *relationship =
		entity_relationship(change->entity, name);
	const char *pointer;
	struct json_object *data;

	if (!relationship || !member)
		return;
	pointer = arena_printf(change->context->arena,
			       "/data/relationships/%s/data", name);
	if (!json_object_is_type(member, json_type_object)) {
		fault(change, pointer, "invalid-linkage",
		      "A relationship is an object with the member data.");
		return;
	}
	if (!json_object_object_get_ex(member, "data", &data))
		return;
	if (relationship->relation->key && relationship->from_subject)
		read_to_one(change, relationship, data, pointer);
	else
		read_to_many(change, relationship, data, pointer);
}

void
change_read(struct change *change, struct json_object *attributes,
	    struct json_object *relationships)
{
	if (attributes) {
		json_object_object_foreach(attributes, name, value)
			read_attribute(change, name, value);
	}
	if (relationships) {
		json_object_object_foreach(relationships, key, member)
			read_relationship(change, key, member);
	}
}

const struct assignment *
change_find(const struct change *change, const char *column_name)
{
	for (size_t i = 0; i < change->nassignments; i++)
		if (!strcmp(change->assignments[i].column->column_name,
			    column_name))
			return &change->assignments[i];
	return NULL;
}

bool
change_touches_access(const struct change *change)
{
	for (size_t i = 0; i < change->nassignments; i++) {
		const struct column *column = change->assignments[i].column;

		if (is_permission(column) || is_owner(change->entity, column))
			return true;
	}
	return false;
}
