/*
 * permission.c: the bits of wire/permissions.md section 1 under the rules of
 * wire/decisions.md. Everything that asks "may he?" ends here.
 */
#include "db/permission.h"

#include <string.h>

const struct actor actor_guest = { .groups_array = "{}" };

static const char *const verb_names[] = {
	[VERB_PEEK] = "peek",	  [VERB_READ] = "read",
	[VERB_CREATE] = "create", [VERB_UPDATE] = "update",
	[VERB_DELETE] = "delete", [VERB_EXECUTE] = "execute",
	[VERB_REFER] = "refer",
};

const char *
verb_name(enum verb verb)
{
	return verb_names[verb];
}

bool
verb_named(const char *name, enum verb *verb)
{
	for (size_t i = 0; i < ARRAY_SIZE(verb_names); i++) {
		if (strcmp(verb_names[i], name) != 0)
			continue;
		*verb = (enum verb)i;
		return true;
	}
	return false;
}

bool
permission_everything(const struct actor *actor)
{
	return actor->is_administrator;
}

static bool
is_member(const struct actor *actor, int64_t group)
{
	for (size_t i = 0; i < actor->ngroups; i++)
		if (actor->groups[i] == group)
			return true;
	return false;
}

enum permission_rule
permission_rule(const struct actor *actor, const struct permission_facts *facts,
		enum verb verb, size_t *link)
{
	if (actor->is_administrator)
		return RULE_ADMINISTRATOR;
	if (facts->permission & PERMISSION_GUEST(verb))
		return RULE_GUEST;
	if (actor->id && actor->id == facts->owner_id &&
	    facts->permission & PERMISSION_OWNER(verb))
		return RULE_OWNER;
	for (size_t i = 0; i < facts->nlinks; i++) {
		if (!(facts->links[i].permission & PERMISSION_GROUP(verb)) ||
		    !is_member(actor, facts->links[i].group_id))
			continue;
		if (link)
			*link = i;
		return RULE_GROUP;
	}
	return RULE_NOTHING;
}

const struct entity *
permission_judged(const struct entity *entity, enum verb verb)
{
	return entity->source && (verb == VERB_READ || verb == VERB_PEEK)
		       ? entity->source
		       : entity;
}

bool
permission_table(const struct actor *actor, const struct entity *entity,
		 enum verb verb)
{
	const struct entity *judged = permission_judged(entity, verb);
	const struct permission_facts facts = { judged->permission,
						judged->owner_id,
						judged->group_links,
						judged->ngroup_links };

	return permission_rule(actor, &facts, verb, NULL) != RULE_NOTHING;
}

bool
permission_action(const struct actor *actor, const struct action *action)
{
	const struct permission_facts facts = { action->permission,
						action->owner_id,
						action->group_links,
						action->ngroup_links };

	return permission_table(actor, action->entity, VERB_EXECUTE) &&
	       permission_rule(actor, &facts, VERB_EXECUTE, NULL) !=
		       RULE_NOTHING;
}

const struct column *
permission_owner_column(const struct model *model, const struct entity *entity)
{
	if (entity->has_owner || entity == model->membership)
		return entity_column(entity, "user_account_id");
	return NULL;
}

static void
add_bit_test(struct sql *sql, const char *alias, int64_t bit)
{
	sql_add(sql, "(");
	sql_column(sql, alias, "permission");
	sql_add(sql, " & ");
	sql_constant(sql, bit);
	sql_add(sql, ") <> 0");
}

static void
add_owner_test(struct sql *sql, const struct actor *actor,
	       const struct column *owner, const char *alias, enum verb verb)
{
	sql_add(sql, " OR (");
	sql_column(sql, alias, owner->sql_name);
	sql_add(sql, " = ");
	sql_integer(sql, actor->id);
	sql_add(sql, " AND ");
	add_bit_test(sql, alias, PERMISSION_OWNER(verb));
	sql_add(sql, ")");
}

/*
 * OFFSET 0 keeps the EXISTS correlated: an index look-up per row instead of
 * reading the whole link table for each page.
 */
static void
add_group_test(struct sql *sql, const struct actor *actor,
	       const struct entity *entity, const char *alias, enum verb verb)
{
	sql_add(sql, " OR EXISTS (SELECT FROM ");
	sql_name(sql, entity->group_join->table);
	sql_add(sql, " l WHERE ");
	sql_column(sql, "l",
		   entity->group_relation->join_subject_key->sql_name);
	sql_add(sql, " = ");
	sql_column(sql, alias, "id");
	sql_add(sql, " AND ");
	sql_column(sql, "l", entity->group_relation->join_object_key->sql_name);
	sql_add(sql, " = ANY (");
	sql_value_as(sql, actor->groups_array, "bigint[]");
	sql_add(sql, ") AND ");
	add_bit_test(sql, "l", PERMISSION_GROUP(verb));
	sql_add(sql, " OFFSET 0)");
}

/* A group is linked to itself with the default permission of its table. */
static void
add_self_group_test(struct sql *sql, const struct actor *actor,
		    const struct entity *usergroup, const char *alias,
		    enum verb verb)
{
	int64_t link = usergroup->default_permission;

	if (!(link & PERMISSION_GROUP(verb)))
		return;
	sql_add(sql, " OR ");
	sql_column(sql, alias, "id");
	sql_add(sql, " = ANY (");
	sql_value_as(sql, actor->groups_array, "bigint[]");
	sql_add(sql, ")");
}

void
permission_where(struct sql *sql, const struct actor *actor,
		 const struct model *model, const struct entity *entity,
		 const char *alias, enum verb verb)
{
	const struct column *owner = permission_owner_column(model, entity);

	if (permission_everything(actor)) {
		sql_add(sql, "TRUE");
		return;
	}
	sql_add(sql, "(");
	add_bit_test(sql, alias, PERMISSION_GUEST(verb));
	if (actor->id && owner)
		add_owner_test(sql, actor, owner, alias, verb);
	if (actor->ngroups && entity->group_join)
		add_group_test(sql, actor, entity, alias, verb);
	if (actor->ngroups && entity == model->usergroup)
		add_self_group_test(sql, actor, entity, alias, verb);
	sql_add(sql, ")");
}

/* The caller's own account may be read and changed, whatever its table says. */
static bool
is_own_account(const struct actor *actor, const struct model *model,
	       const struct entity *entity, enum verb verb)
{
	return entity == model->user_account && actor->id &&
	       (verb == VERB_READ || verb == VERB_PEEK || verb == VERB_UPDATE);
}

static void
add_id_test(struct sql *sql, const char *alias, int64_t id)
{
	sql_column(sql, alias, "id");
	sql_add(sql, " = ");
	sql_integer(sql, id);
}

/* Rows of `world` whose tables the caller may read. */
static void
add_readable_tables(struct sql *sql, const struct actor *actor,
		    const struct model *model, const char *alias)
{
	struct strbuf ids;

	strbuf_init(&ids, sql->text.arena);
	strbuf_putc(&ids, '{');
	for (size_t i = 0; i < model->nentities; i++) {
		const struct entity *entity = model->entities[i];

		if (!permission_table(actor, entity, VERB_READ))
			continue;
		if (ids.length > 1)
			strbuf_putc(&ids, ',');
		strbuf_integer(&ids, entity->world_id);
	}
	strbuf_putc(&ids, '}');
	sql_column(sql, alias, "id");
	sql_add(sql, " = ANY (");
	sql_value_as(sql, ids.data, "bigint[]");
	sql_add(sql, ")");
}

/* Read on the row that a row of history is of, while there is one. */
static void
add_source_test(struct sql *sql, const struct actor *actor,
		const struct model *model, const struct entity *audit,
		const char *alias)
{
	const char *source = arena_printf(sql->text.arena, "%s_source", alias);

	sql_add(sql, "EXISTS (SELECT FROM ");
	sql_name(sql, audit->source->table);
	sql_add(sql, " ");
	strbuf_puts(&sql->text, source);
	sql_add(sql, " WHERE ");
	sql_column(sql, source, "reference_id");
	sql_add(sql, " = ");
	sql_column(sql, alias, "source_reference_id");
	sql_add(sql, " AND ");
	permission_granted(sql, actor, model, audit->source, source, VERB_READ);
	sql_add(sql, ")");
}

void
permission_granted(struct sql *sql, const struct actor *actor,
		   const struct model *model, const struct entity *entity,
		   const char *alias, enum verb verb)
{
	if (permission_judged(entity, verb) != entity &&
	    !permission_everything(actor)) {
		add_source_test(sql, actor, model, entity, alias);
	} else if (permission_table(actor, entity, verb)) {
		if (!is_own_account(actor, model, entity, verb)) {
			permission_where(sql, actor, model, entity, alias,
					 verb);
			return;
		}
		sql_add(sql, "(");
		permission_where(sql, actor, model, entity, alias, verb);
		sql_add(sql, " OR ");
		add_id_test(sql, alias, actor->id);
		sql_add(sql, ")");
	} else if (is_own_account(actor, model, entity, verb)) {
		add_id_test(sql, alias, actor->id);
	} else if (entity == model->world && verb == VERB_READ) {
		add_readable_tables(sql, actor, model, alias);
	} else {
		sql_add(sql, "FALSE");
	}
}

void
permission_visible(struct sql *sql, const struct actor *actor,
		   const struct model *model, const struct entity *entity,
		   const char *alias)
{
	permission_granted(sql, actor, model, entity, alias, VERB_READ);
}

struct error *
permission_refused(struct arena *arena, const struct entity *entity,
		   enum verb verb)
{
	return error_new(arena, 403, "forbidden",
			 "You may not %s rows of %s here.", verb_name(verb),
			 entity->name);
}
