/*
 * access.c: reads what the rules look at, asks the rules, and asks the very
 * predicate that statements carry; should the two differ, that is an error.
 */
#include "db/access.h"

#include <stdlib.h>
#include <string.h>

/* What a verb needs, of the table and of the row, in the order of checking. */
static const struct {
	enum verb table[2];
	size_t ntable;
	enum verb row[2];
	size_t nrow;
} needs[] = {
	[VERB_PEEK] = { { VERB_PEEK }, 1, { VERB_READ }, 1 },
	[VERB_READ] = { { VERB_PEEK, VERB_READ }, 2, { VERB_READ }, 1 },
	[VERB_CREATE] = { { VERB_CREATE }, 1, { 0 }, 0 },
	[VERB_UPDATE] = { { VERB_READ, VERB_UPDATE },
			  2,
			  { VERB_READ, VERB_UPDATE },
			  2 },
	[VERB_DELETE] = { { VERB_READ, VERB_DELETE },
			  2,
			  { VERB_READ, VERB_DELETE },
			  2 },
	[VERB_EXECUTE] = { { VERB_EXECUTE },
			   1,
			   { VERB_READ, VERB_EXECUTE },
			   2 },
	[VERB_REFER] = { { VERB_READ }, 1, { VERB_READ, VERB_REFER }, 2 },
};

/* What was found of a row. */
struct row_facts {
	int64_t id;
	struct permission_facts facts;
	const char **groups; /* names, beside facts.links */
};

struct explanation {
	struct db *db;
	struct arena *arena;
	const struct model *model;
	const struct access_question *question;
	struct strbuf *text;
	bool allowed;
};

/* Words. */

static void
add_facts(struct strbuf *text, const struct permission_facts *facts)
{
	strbuf_printf(text, "permission %lld, owner ",
		      (long long)facts->permission);
	if (facts->owner_id)
		strbuf_printf(text, "%lld", (long long)facts->owner_id);
	else
		strbuf_literal(text, "none");
	strbuf_printf(text, ", %zu group links", facts->nlinks);
}

static void
add_rule(struct strbuf *text, enum permission_rule rule,
	 const struct permission_facts *facts, enum verb verb,
	 const struct group_link *link, const char *group)
{
	switch (rule) {
	case RULE_NOTHING:
		strbuf_literal(text, "refused: no rule grants it (");
		add_facts(text, facts);
		strbuf_putc(text, ')');
		break;
	case RULE_ADMINISTRATOR:
		strbuf_literal(text, "allowed: member of administrators");
		break;
	case RULE_GUEST:
		strbuf_printf(text,
			      "allowed: guest bit %lld of permission %lld",
			      (long long)PERMISSION_GUEST(verb),
			      (long long)facts->permission);
		break;
	case RULE_OWNER:
		strbuf_printf(text,
			      "allowed: owner, bit %lld of permission %lld",
			      (long long)PERMISSION_OWNER(verb),
			      (long long)facts->permission);
		break;
	case RULE_GROUP:
		strbuf_printf(text,
			      "allowed: group %s, bit %lld of its link %lld",
			      group, (long long)PERMISSION_GROUP(verb),
			      (long long)link->permission);
		break;
	case RULE_OWN_ACCOUNT:
		strbuf_literal(text, "allowed: own account");
		break;
	case RULE_TABLE_READER:
		strbuf_literal(text, "allowed: may read the table that it is "
				     "the row of");
		break;
	case RULE_SOURCE:
		strbuf_literal(text, "allowed: may read the row that it is the "
				     "history of");
		break;
	}
	strbuf_putc(text, '\n');
}

static const char GROUP_NAME[] =
	"SELECT name FROM usergroup WHERE id = $1::bigint";

static struct error *
group_name(const struct explanation *e, int64_t id, const char **name)
{
	struct rows *rows;
	struct error *error = db_query(
		e->db, e->arena, GROUP_NAME,
		PARAMS(arena_printf(e->arena, "%lld", (long long)id)), &rows);

	if (error)
		return error;
	*name = rows_count(rows) ? rows_text(rows, 0, 0) : "?";
	return NULL;
}

/* Tables and actions. */

/* One line; `exception` is a rule of the row's that passes the table by. */
static struct error *
explain_definition(struct explanation *e, const char *kind, const char *name,
		   const struct permission_facts *facts, enum verb verb,
		   enum permission_rule exception)
{
	size_t link = 0;
	enum permission_rule rule =
		permission_rule(e->question->actor, facts, verb, &link);
	const char *group = NULL;
	struct error *error = NULL;

	if (rule == RULE_NOTHING)
		rule = exception;
	if (rule == RULE_NOTHING)
		e->allowed = false;
	if (rule == RULE_GROUP)
		error = group_name(e, facts->links[link].group_id, &group);
	if (error)
		return error;
	strbuf_printf(e->text, "%s %s, %s: ", kind, name, verb_name(verb));
	add_rule(e->text, rule, facts, verb, facts->links + link, group);
	return NULL;
}

static struct error *
explain_table(struct explanation *e, const struct entity *entity,
	      enum permission_rule exception)
{
	enum verb verb = e->question->verb;
	struct error *error = NULL;

	for (size_t i = 0; !error && i < needs[verb].ntable; i++) {
		const struct entity *judged =
			permission_judged(entity, needs[verb].table[i]);
		const struct permission_facts facts = { judged->permission,
							judged->owner_id,
							judged->group_links,
							judged->ngroup_links };

		error = explain_definition(e, "table", judged->name, &facts,
					   needs[verb].table[i], exception);
	}
	return error;
}

static struct error *
explain_action(struct explanation *e)
{
	const struct action *action = e->question->action;
	const struct permission_facts facts = { action->permission,
						action->owner_id,
						action->group_links,
						action->ngroup_links };

	return explain_definition(e, "action", action->name, &facts,
				  VERB_EXECUTE, RULE_NOTHING);
}

/* Rows. */

static void
add_links(struct sql *sql, const struct entity *entity)
{
	const struct relation *relation = entity->group_relation;

	sql_add(sql, " LEFT JOIN ");
	sql_name(sql, entity->group_join->table);
	sql_add(sql, " l ON ");
	sql_column(sql, "l", relation->join_subject_key->sql_name);
	sql_add(sql, " = t.id LEFT JOIN usergroup g ON g.id = ");
	sql_column(sql, "l", relation->join_object_key->sql_name);
}

enum { ROW_ID, ROW_PERMISSION, ROW_OWNER, ROW_GROUP, ROW_LINK, ROW_GROUP_NAME };

static void
add_row_query(struct sql *sql, const struct explanation *e)
{
	const struct entity *entity = e->question->entity;
	const struct column *owner = permission_owner_column(e->model, entity);
	bool is_linked = entity->group_join != NULL;

	sql_add(sql, "SELECT t.id, t.permission, ");
	if (owner)
		sql_column(sql, "t", owner->sql_name);
	else
		sql_add(sql, "NULL");
	if (is_linked)
		sql_add(sql, ", g.id, l.permission, g.name");
	sql_add(sql, " FROM ");
	sql_name(sql, entity->table);
	sql_add(sql, " t");
	if (is_linked)
		add_links(sql, entity);
	sql_add(sql, " WHERE t.reference_id = ");
	sql_value_as(sql, e->question->id, "uuid");
	if (is_linked)
		sql_add(sql, " ORDER BY g.id");
}

/* Group links, or of a group itself the link that it has to itself. */
static void
read_links(const struct explanation *e, const struct rows *rows,
	   struct row_facts *row)
{
	struct group_link *links =
		ARENA_ARRAY(e->arena, struct group_link, rows_count(rows));
	const struct entity *entity = e->question->entity;

	row->groups = ARENA_ARRAY(e->arena, const char *, rows_count(rows));
	row->facts.links = links;
	if (entity == e->model->usergroup) {
		links[0].group_id = row->id;
		links[0].permission = entity->default_permission;
		row->groups[0] = "itself";
		row->facts.nlinks = 1;
		return;
	}
	for (size_t i = 0; entity->group_join && i < rows_count(rows); i++) {
		if (!rows_text(rows, i, ROW_GROUP))
			continue;
		links[row->facts.nlinks].group_id =
			rows_integer(rows, i, ROW_GROUP);
		links[row->facts.nlinks].permission =
			rows_integer(rows, i, ROW_LINK);
		row->groups[row->facts.nlinks++] =
			rows_text(rows, i, ROW_GROUP_NAME);
	}
}

static struct error *
read_row(const struct explanation *e, struct row_facts *row)
{
	struct error *error;
	struct rows *rows;
	struct sql sql;

	sql_init(&sql, e->arena);
	add_row_query(&sql, e);
	error = sql_run(&sql, e->db, &rows);
	if (error)
		return error;
	if (!rows_count(rows))
		return error_new(e->arena, 404, "not-found",
				 "there is no such %s",
				 e->question->entity->name);
	memset(row, 0, sizeof *row);
	row->id = rows_integer(rows, 0, ROW_ID);
	row->facts.permission = rows_integer(rows, 0, ROW_PERMISSION);
	if (rows_text(rows, 0, ROW_OWNER))
		row->facts.owner_id = rows_integer(rows, 0, ROW_OWNER);
	read_links(e, rows, row);
	return NULL;
}

/* Refer and Execute are asked of the row alone; the others of the table, too:
 * as the statements do. */
static struct error *
ask_predicate(const struct explanation *e, enum verb verb, bool *granted)
{
	const struct access_question *q = e->question;
	struct error *error;
	struct rows *rows;
	struct sql sql;

	sql_init(&sql, e->arena);
	sql_add(&sql, "SELECT ");
	if (verb == VERB_REFER || verb == VERB_EXECUTE)
		permission_where(&sql, q->actor, e->model, q->entity, "t",
				 verb);
	else
		permission_granted(&sql, q->actor, e->model, q->entity, "t",
				   verb);
	sql_add(&sql, " FROM ");
	sql_name(&sql, q->entity->table);
	sql_add(&sql, " t WHERE t.reference_id = ");
	sql_value_as(&sql, q->id, "uuid");
	error = sql_run(&sql, e->db, &rows);
	if (!error)
		*granted = rows_count(rows) && rows_boolean(rows, 0, 0);
	return error;
}

/* What passes table and row by (wire/decisions.md "Permissions"). */
static enum permission_rule
exception_of(const struct explanation *e, const struct row_facts *row,
	     enum verb verb)
{
	const struct actor *actor = e->question->actor;
	const struct entity *entity = e->question->entity;

	if (entity == e->model->user_account && actor->id == row->id &&
	    (verb == VERB_READ || verb == VERB_PEEK || verb == VERB_UPDATE))
		return RULE_OWN_ACCOUNT;
	if (entity != e->model->world || verb != VERB_READ)
		return RULE_NOTHING;
	for (size_t i = 0; i < e->model->nentities; i++)
		if (e->model->entities[i]->world_id == row->id &&
		    permission_table(actor, e->model->entities[i], VERB_READ))
			return RULE_TABLE_READER;
	return RULE_NOTHING;
}

static struct error *
rules_disagree(const struct explanation *e, enum verb verb)
{
	return error_new(e->arena, 500, "rules-disagree",
			 "the predicate for %s on %s decides otherwise than "
			 "the rules",
			 verb_name(verb), e->question->entity->name);
}

static struct error *
explain_right(struct explanation *e, const struct row_facts *row,
	      enum verb verb, bool is_table_refused)
{
	size_t link = 0;
	enum permission_rule rule =
		permission_rule(e->question->actor, &row->facts, verb, &link);
	bool granted;
	struct error *error = ask_predicate(e, verb, &granted);

	if (error)
		return error;
	if (permission_judged(e->question->entity, verb) !=
		    e->question->entity &&
	    rule != RULE_ADMINISTRATOR)
		rule = granted ? RULE_SOURCE : RULE_NOTHING;
	if (rule == RULE_NOTHING)
		rule = exception_of(e, row, verb);
	if (granted != (rule != RULE_NOTHING) && !is_table_refused)
		return rules_disagree(e, verb);
	if (rule == RULE_NOTHING)
		e->allowed = false;
	strbuf_printf(e->text, "row %s, %s: ", e->question->id,
		      verb_name(verb));
	add_rule(e->text, rule, &row->facts, verb, row->facts.links + link,
		 row->groups[link]);
	return NULL;
}

static struct error *
explain_row(struct explanation *e)
{
	enum verb verb = e->question->verb;
	struct row_facts row;
	struct error *error = read_row(e, &row);

	if (error)
		return error;
	error = explain_table(e, e->question->entity,
			      exception_of(e, &row, verb));
	if (!error && e->question->action)
		error = explain_action(e);
	for (size_t i = 0; !error && i < needs[verb].nrow; i++)
		error = explain_right(e, &row, needs[verb].row[i], !e->allowed);
	return error;
}

struct error *
access_explain(struct db *db, struct arena *arena, const struct model *model,
	       const struct access_question *question, struct strbuf *text,
	       bool *allowed)
{
	struct explanation e = {
		.db = db,
		.arena = arena,
		.model = model,
		.question = question,
		.text = text,
		.allowed = true,
	};
	struct error *error = NULL;

	if (question->id) {
		error = explain_row(&e);
	} else {
		error = explain_table(&e, question->entity, RULE_NOTHING);
		if (!error && question->action)
			error = explain_action(&e);
	}
	*allowed = e.allowed;
	return error;
}
