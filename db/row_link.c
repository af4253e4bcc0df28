/*
 * row_link.c: adds, replaces and removes links. Through a join table they are
 * rows of it; where the other side holds the key, those rows are changed as
 * any row is, with the rights and the history of that.
 */
#include <string.h>
#include <strings.h>

#include "db/base/crypto.h"
#include "db/row_linkage.h"

/* One request can't name more; each may cost a statement. */
#define LINKS_MAX 1000

/* Linkage. */

static struct error *
bad_linkage(const struct linkage *linkage, const char *detail)
{
	return error_at(error_new(linkage->context->arena, 422,
				  "invalid-linkage", "%s", detail),
			linkage->pointer);
}

static bool
is_known(const struct linkage *linkage, const char *id)
{
	for (size_t i = 0; i < linkage->count; i++)
		if (!strcasecmp(linkage->ids[i], id))
			return true;
	return false;
}

static struct error *
read_identifier(struct linkage *linkage, struct json_object *item)
{
	struct json_object *type = json_object_object_get(item, "type");
	struct json_object *id = json_object_object_get(item, "id");
	const char *name = linkage->relationship->target->name;
	const char *text;

	if (!json_object_is_type(id, json_type_string))
		return bad_linkage(linkage, "A link must be {\"type\", "
					    "\"id\"}.");
	if (type && strcmp(json_object_get_string(type), name) != 0)
		return bad_linkage(linkage,
				   arena_printf(linkage->context->arena,
						"The type of these links is "
						"%s.",
						name));
	text = arena_strdup(linkage->context->arena,
			    json_object_get_string(id));
	if (strlen(text) != (size_t)json_object_get_string_len(id))
		return bad_linkage(linkage, "An id has no U+0000.");
	if (is_known(linkage, text))
		return NULL;
	linkage->attributes[linkage->count] =
		json_object_object_get(item, "attributes");
	linkage->ids[linkage->count++] = text;
	return NULL;
}

/* An array, one identifier, or null for none. */
static struct error *
read_linkage(struct linkage *linkage, struct json_object *data)
{
	struct arena *arena = linkage->context->arena;
	bool is_array = json_object_is_type(data, json_type_array);
	size_t count = is_array ? json_object_array_length(data) : 1;
	struct error *error = NULL;

	if (!data)
		return NULL;
	if (count > LINKS_MAX)
		return bad_linkage(linkage,
				   arena_printf(arena,
						"At most %d links can be "
						"changed at once.",
						LINKS_MAX));
	linkage->ids = ARENA_ARRAY(arena, const char *, count + 1);
	linkage->attributes =
		ARENA_ARRAY(arena, struct json_object *, count + 1);
	for (size_t i = 0; !error && i < count; i++)
		error = read_identifier(
			linkage,
			is_array ? json_object_array_get_idx(data, i) : data);
	return error;
}

const char *
linkage_array(const struct linkage *linkage)
{
	struct strbuf buf;

	strbuf_init(&buf, linkage->context->arena);
	strbuf_putc(&buf, '{');
	for (size_t i = 0; i < linkage->count; i++) {
		if (!crypto_is_uuid(linkage->ids[i]))
			continue;
		if (buf.length > 1)
			strbuf_putc(&buf, ',');
		strbuf_puts(&buf, linkage->ids[i]);
	}
	strbuf_putc(&buf, '}');
	return buf.data;
}

/*
 * Links to rows that the caller can't see stay in a replacement: he does not
 * know of them.
 */
void
linkage_add_visible(struct sql *sql, const struct linkage *linkage)
{
	const struct row_context *context = linkage->context;

	if (context->trusted || permission_everything(context->actor))
		return;
	sql_add(sql, " AND ");
	permission_visible(sql, context->actor, context->model,
			   linkage->relationship->target, "r");
}

/* Keys of the far rows. */

/* Points the row `id` of the far side here, or, with `here` NULL, nowhere. */
static struct error *
point(const struct linkage *linkage, const char *id, const char *here)
{
	const struct column *key = linkage->relationship->relation->key;
	struct json_object *attributes = json_object_new_object();
	struct row_context context = *linkage->context;
	struct error *error;
	struct row row;

	json_object_object_add(attributes, key->column_name,
			       here ? json_object_new_string(here) : NULL);
	context.check = NULL;
	error = row_update(&context, linkage->relationship->target, id,
			   attributes, NULL, -1, &row);
	json_object_put(attributes);
	if (error && error->status == 404)
		error = error_new(context.arena, 422, "no-such-row",
				  "There is no such %s.",
				  linkage->relationship->target->name);
	return error ? error_at(error, linkage->pointer) : NULL;
}

/* Reference ids of visible far rows that point here: those named or others. */
static struct error *
find_pointing(const struct linkage *linkage, bool all_others,
	      struct rows **rows)
{
	const struct row_context *context = linkage->context;
	struct sql sql;

	sql_init(&sql, context->arena);
	sql_add(&sql, "SELECT r.reference_id FROM ");
	sql_name(&sql, linkage->relationship->target->table);
	sql_add(&sql, " r JOIN ");
	sql_name(&sql, linkage->entity->table);
	sql_add(&sql, " t ON ");
	sql_column(&sql, "r", linkage->relationship->relation->key->sql_name);
	sql_add(&sql, " = t.id WHERE ");
	row_add_visible(&sql, context, linkage->entity, linkage->id, "t");
	sql_add(&sql, " AND ");
	if (all_others)
		sql_add(&sql, "NOT ");
	sql_add(&sql, "r.reference_id = ANY (");
	sql_value_as(&sql, linkage_array(linkage), "uuid[]");
	sql_add(&sql, ")");
	linkage_add_visible(&sql, linkage);
	return sql_run(&sql, context->db, rows);
}

static struct error *
unpoint(const struct linkage *linkage, bool all_others)
{
	struct rows *rows;
	struct error *error = find_pointing(linkage, all_others, &rows);

	for (size_t i = 0; !error && i < rows_count(rows); i++)
		error = point(linkage, rows_text(rows, i, 0), NULL);
	return error;
}

/* The row itself must be there for the caller. */
static struct error *
check_near(const struct linkage *linkage)
{
	struct error *error;
	struct row row;

	if (linkage->is_new)
		return NULL;
	error = row_read(linkage->context, linkage->entity, linkage->id, false,
			 &row);
	if (!error && !rows_count(row.rows))
		error = row_not_found(linkage->context->arena, linkage->entity);
	return error;
}

static struct error *
change_pointing(const struct linkage *linkage, enum link_change change)
{
	struct error *error;

	db_begin(linkage->context->db);
	error = check_near(linkage);
	if (!error && change != LINK_ADD)
		error = unpoint(linkage, change == LINK_REPLACE);
	for (size_t i = 0;
	     !error && change != LINK_REMOVE && i < linkage->count; i++)
		error = point(linkage, linkage->ids[i], linkage->id);
	return error;
}

/* The own key. */

/* Whether the own key points to one of the named rows now. */
static struct error *
points_to(const struct linkage *linkage, bool *does)
{
	struct error *error;
	struct rows *rows;
	struct sql sql;

	sql_init(&sql, linkage->context->arena);
	sql_add(&sql, "SELECT EXISTS (SELECT FROM ");
	sql_name(&sql, linkage->relationship->target->table);
	sql_add(&sql, " r WHERE r.id = ");
	sql_column(&sql, "t", linkage->relationship->relation->key->sql_name);
	sql_add(&sql, " AND r.reference_id = ANY (");
	sql_value_as(&sql, linkage_array(linkage), "uuid[]");
	sql_add(&sql, ")");
	linkage_add_visible(&sql, linkage);
	sql_add(&sql, ") FROM ");
	sql_name(&sql, linkage->entity->table);
	sql_add(&sql, " t WHERE ");
	row_add_visible(&sql, linkage->context, linkage->entity, linkage->id,
			"t");
	error = sql_run(&sql, linkage->context->db, &rows);
	if (!error && !rows_count(rows))
		error = row_not_found(linkage->context->arena, linkage->entity);
	if (!error)
		*does = rows_boolean(rows, 0, 0);
	return error;
}

static struct error *
change_own_key(const struct linkage *linkage, enum link_change change)
{
	const char *id = linkage->count ? linkage->ids[0] : NULL;
	struct json_object *attributes = json_object_new_object();
	bool does = true;
	struct error *error = NULL;
	struct row row;

	if (change == LINK_REMOVE)
		error = points_to(linkage, &does);
	else if (linkage->count > 1)
		error = bad_linkage(linkage, "This relationship has one link.");
	json_object_object_add(
		attributes, linkage->relationship->relation->key->column_name,
		change == LINK_REMOVE || !id ? NULL
					     : json_object_new_string(id));
	if (!error && does)
		error = row_update(linkage->context, linkage->entity,
				   linkage->id, attributes, NULL, -1, &row);
	json_object_put(attributes);
	return error;
}

static struct error *
change_links(const struct linkage *linkage, enum link_change change)
{
	if (linkage->relationship->relation->join)
		return row_change_join(linkage, change);
	if (linkage->relationship->from_subject)
		return change_own_key(linkage, change);
	return change_pointing(linkage, change);
}

struct error *
row_link(const struct row_context *context, const struct entity *entity,
	 const char *id, const struct relationship *relationship,
	 enum link_change change, struct json_object *data)
{
	struct linkage linkage = { .context = context,
				   .entity = entity,
				   .id = id,
				   .relationship = relationship,
				   .pointer = "/data" };
	struct error *error = read_linkage(&linkage, data);

	return error ? error : change_links(&linkage, change);
}

struct error *
change_store_links(const struct change *change, const char *id)
{
	struct error *error = NULL;

	for (size_t i = 0; !error && i < change->nlinks; i++) {
		const struct link_wish *wish = &change->links[i];
		struct linkage linkage = {
			.context = change->context,
			.entity = change->entity,
			.id = id,
			.relationship = wish->relationship,
			.pointer = wish->pointer,
			.is_new = !change->id,
		};

		error = read_linkage(&linkage, wish->data);
		if (!error)
			error = change_links(&linkage, change->id ? LINK_REPLACE
								  : LINK_ADD);
	}
	return error;
}
