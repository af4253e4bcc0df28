/*
 * reshape_check.c: what stands in the way of removing or renaming a column or
 * a table. All of it is said at once.
 */
#include "db/reshape.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "db/schema_column.h"
#include "db/schema_file.h"
#include "db/schema_tree.h"

struct checking {
	struct db *db;
	struct arena *arena;
	const struct model *model;
	const struct schema_change *change;
	const struct entity *entity;
	struct error *conflicts;
};

static struct error *
refuse(struct checking *checking, int status, const char *code,
       const char *text)
{
	return error_new(checking->arena, status, code, "%s", text);
}

/* Something that would speak of what is not there any more. */
static void
conflict(struct checking *checking, const char *kind, const char *name)
{
	const struct schema_change *change = checking->change;

	error_append(&checking->conflicts,
		     error_new(checking->arena, 409, "still-used",
			       "%s%s%s is used by the %s %s: change that "
			       "first.",
			       change->table, change->column ? "." : "",
			       change->column ? change->column : "", kind,
			       name));
}

/* Names in texts. */

static bool
is_name_character(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* Whether `word` stands in the text, behind one of `before` ("" any). */
static bool
has_word(const char *text, const char *word, const char *before)
{
	size_t length = strlen(word);

	for (const char *at = text; (at = strstr(at, word)); at++) {
		char left = at > text ? at[-1] : '\0';

		if (is_name_character(at[length]) || is_name_character(left))
			continue;
		if (!*before || (left && strchr(before, left)))
			return true;
	}
	return false;
}

/* "$book.title", "~subject.title"; in a script also row["title"]. */
static bool
refers_to(const char *text, const char *column)
{
	bool is_script = text[0] == '!' || !strncmp(text, "js:", 3);

	return has_word(text, column, is_script ? ".\"'`" : ".");
}

/* Members of outcomes whose texts name columns. */
static bool
names_columns(const char *member)
{
	static const char *const members[] = {
		"query",
		"sort",
		"fields",
		"filter",
		"column",
		"include",
		"included_relations",
	};

	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		if (!strcasecmp(members[i], member))
			return true;
	return false;
}

/*
 * Whether the attributes of an outcome speak of the column: `is_own` if they
 * are values of the table, `is_name` where texts are names of columns.
 */
static bool
attributes_use(struct json_object *value, const char *column, bool is_own,
	       bool is_name)
{
	if (json_object_is_type(value, json_type_string)) {
		const char *text = json_object_get_string(value);

		return refers_to(text, column) ||
		       (is_name && has_word(text, column, ""));
	}
	if (json_object_is_type(value, json_type_array))
		for (size_t i = 0; i < json_object_array_length(value); i++)
			if (attributes_use(json_object_array_get_idx(value, i),
					   column, is_own, is_name))
				return true;
	if (json_object_is_type(value, json_type_object)) {
		json_object_object_foreach(value, key, member)
		{
			if ((is_own && !strcmp(key, column)) ||
			    attributes_use(
				    member, column, is_own,
				    is_name || (is_own && names_columns(key))))
				return true;
		}
	}
	return false;
}

static bool
is_of_entity(const struct checking *checking, const struct outcome *outcome)
{
	return !strcmp(outcome->type, checking->entity->name);
}

static bool
outcome_uses(const struct checking *checking, const struct outcome *outcome)
{
	const char *column = checking->change->column;

	return (outcome->condition && refers_to(outcome->condition, column)) ||
	       (outcome->for_each && refers_to(outcome->for_each, column)) ||
	       attributes_use(outcome_attributes(checking->arena, outcome),
			      column, is_of_entity(checking, outcome), false);
}

/* Actions that have to do with the table, and speak of the column. */
static bool
action_uses_column(const struct checking *checking, const struct action *action)
{
	bool concerns = action->entity == checking->entity;

	for (size_t i = 0; i < action->nout_fields; i++)
		concerns |= is_of_entity(checking, &action->out_fields[i]);
	if (!concerns)
		return false;
	for (size_t i = 0; i < action->nrequest_subject_relations; i++)
		if (!strcmp(action->request_subject_relations[i],
			    checking->change->column))
			return true;
	for (size_t i = 0; i < action->nout_fields; i++)
		if (outcome_uses(checking, &action->out_fields[i]))
			return true;
	return false;
}

/* Its own actions go with a table. */
static bool
action_uses_table(const struct checking *checking, const struct action *action)
{
	if (action->entity == checking->entity)
		return false;
	for (size_t i = 0; i < action->nout_fields; i++)
		if (is_of_entity(checking, &action->out_fields[i]))
			return true;
	return false;
}

static void
check_actions(struct checking *checking)
{
	const struct model *model = checking->model;

	for (size_t i = 0; i < model->nactions; i++) {
		const struct action *action = model->actions[i];
		bool uses = checking->change->column
				    ? action_uses_column(checking, action)
				    : action_uses_table(checking, action);

		if (uses)
			conflict(checking, "action",
				 arena_printf(checking->arena, "%s of %s",
					      action->name, action->on_type));
	}
}

/* Rows that speak of tables. */

static const char READ_STREAMS[] =
	"SELECT stream_name, stream_contract, stream_contract FROM stream"
	" ORDER BY id";

static const char READ_EXCHANGES[] =
	"SELECT name, source_attributes,"
	" concat_ws(' ', source_attributes, attributes, target_attributes)"
	" FROM data_exchange WHERE source_type = 'self' ORDER BY id";

static const struct {
	const char *kind;
	const char *sql;    /* name, JSON with the table, text with columns */
	const char *member; /* which names the table */
} row_kinds[] = {
	{ "stream", READ_STREAMS, "RootEntityName" },
	{ "exchange", READ_EXCHANGES, "name" },
};

static bool
row_uses(const struct checking *checking, size_t kind, const char *json,
	 const char *text)
{
	struct json_object *object = json_tokener_parse(json ? json : "");
	const char *table = json_object_get_string(
		tree_member(object, row_kinds[kind].member));
	bool is_it = table && !strcmp(schema_snake_case(checking->arena, table),
				      checking->entity->name);

	json_object_put(object);
	return is_it && (!checking->change->column ||
			 has_word(text, checking->change->column, ""));
}

static struct error *
check_rows(struct checking *checking, size_t kind)
{
	struct rows *rows;
	struct error *error = db_query(checking->db, checking->arena,
				       row_kinds[kind].sql, NO_PARAMS, &rows);

	for (size_t i = 0; !error && i < rows_count(rows); i++)
		if (row_uses(checking, kind, rows_text(rows, i, 1),
			     rows_text(rows, i, 2)))
			conflict(checking, row_kinds[kind].kind,
				 rows_text(rows, i, 0));
	return error;
}

static const char READ_TASKS[] =
	"SELECT name FROM task WHERE entity_name = $1 ORDER BY id";

static struct error *
check_tasks(struct checking *checking)
{
	struct rows *rows;
	struct error *error =
		db_query(checking->db, checking->arena, READ_TASKS,
			 PARAMS(checking->entity->name), &rows);

	for (size_t i = 0; !error && i < rows_count(rows); i++)
		conflict(checking, "task", rows_text(rows, i, 0));
	return error;
}

/* What other tables hold. */

/* Links go with the table; a key of another table would lose its meaning. */
static void
check_keys(struct checking *checking)
{
	const struct model *model = checking->model;

	for (size_t i = 0; i < model->nrelations; i++) {
		const struct relation *relation = model->relations[i];

		if (relation->key &&
		    relation->object_entity == checking->entity &&
		    relation->subject_entity != checking->entity &&
		    relation->subject_entity != checking->entity->state)
			conflict(checking, "column",
				 arena_printf(checking->arena, "%s.%s",
					      relation->subject,
					      relation->key->column_name));
	}
}

/* What the table itself says of the column, beside the column's own. */
static void
check_table(struct checking *checking)
{
	const struct entity *entity = checking->entity;
	const char *column = checking->change->column;

	for (size_t i = 0; i < entity->ncomposite_keys; i++)
		for (const char **name = entity->composite_keys[i]; *name;
		     name++)
			if (!strcmp(*name, column))
				conflict(checking, "composite key of",
					 entity->name);
	if (entity->default_order &&
	    has_word(entity->default_order, column, ""))
		conflict(checking, "default order of", entity->name);
}

/* Rules of other columns compare with it: "eqfield=title". */
static void
check_rules(struct checking *checking, const struct tagging *rules,
	    size_t nrules)
{
	for (size_t i = 0; i < nrules; i++)
		if (strcmp(rules[i].column_name, checking->change->column) &&
		    has_word(rules[i].tags, checking->change->column, ""))
			conflict(checking, "rule of", rules[i].column_name);
}

/* The change itself. */

static struct error *
check_entity(struct checking *checking)
{
	const struct entity *entity = checking->entity;

	if (!entity)
		return refuse(checking, 404, "not-found",
			      "There is no such table.");
	if (entity->is_system)
		return refuse(checking, 403, "system-table",
			      "Tables of the system stay as they are.");
	if (entity->is_join_table || entity->is_audit_table ||
	    entity->is_state_table)
		return refuse(checking, 403, "generated-table",
			      "This table is made of another one's relations, "
			      "history or states.");
	return NULL;
}

static struct error *
check_column(struct checking *checking)
{
	const struct column *column =
		entity_column(checking->entity, checking->change->column);

	if (!column)
		return refuse(checking, 400, "no-column", "no such column");
	if (column->is_standard ||
	    !strcmp(column->column_name, "user_account_id"))
		return refuse(checking, 403, "standard-column",
			      "Standard columns stay as they are.");
	return NULL;
}

/* A join's other end, say, may have the name already. */
static struct error *
check_new_name(struct checking *checking)
{
	const char *name = checking->change->new_name;
	const char *fault = column_name_fault(name, IDENTIFIER_MAX);

	if (fault)
		return error_new(checking->arena, 400, "bad-name", "'%s' %s",
				 name, fault);
	if (!entity_column(checking->entity, name) &&
	    !entity_relationship(checking->entity, name) &&
	    (!checking->entity->audit ||
	     !entity_column(checking->entity->audit, name)))
		return NULL;
	return error_new(checking->arena, 409, "name-taken",
			 "%s has a column or relation %s already.",
			 checking->entity->name, name);
}

static struct error *
check_uses(struct checking *checking)
{
	const struct entity *entity = checking->entity;
	struct error *error = NULL;

	check_actions(checking);
	for (size_t i = 0; !error && i < ARRAY_SIZE(row_kinds); i++)
		error = check_rows(checking, i);
	if (error)
		return error;
	if (!checking->change->column) {
		check_keys(checking);
		return check_tasks(checking);
	}
	if (checking->change->kind == SCHEMA_REMOVE_COLUMN)
		check_table(checking);
	check_rules(checking, entity->validations, entity->nvalidations);
	check_rules(checking, entity->conformations, entity->nconformations);
	return NULL;
}

struct error *
reshape_check(struct db *db, struct arena *arena, const struct model *model,
	      const struct schema_change *change)
{
	struct checking checking = { .db = db,
				     .arena = arena,
				     .model = model,
				     .change = change,
				     .entity = model_entity(model,
							    change->table) };
	struct error *error = check_entity(&checking);

	if (!error && change->column)
		error = check_column(&checking);
	if (!error && change->new_name)
		error = check_new_name(&checking);
	if (!error)
		error = check_uses(&checking);
	return error ? error : checking.conflicts;
}
