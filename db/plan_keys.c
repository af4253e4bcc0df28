/*
 * plan_keys.c: indexes, unique ones, and foreign keys. Their names tell table,
 * columns and kind ("book.isbn.key"), so whether one is there is a question
 * of its name.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "db/base/crypto.h"
#include "db/plan.h"

#define IDENTIFIER_MAX 63
#define DIGEST_DIGITS 12

char *
migrate_object_name(struct arena *arena, const char *table, const char *columns,
		    const char *kind)
{
	char *name = arena_printf(arena, "%s.%s.%s", table, columns, kind);
	size_t length = strlen(name);
	size_t keep = IDENTIFIER_MAX - DIGEST_DIGITS - strlen(kind) - 2;

	if (length <= IDENTIFIER_MAX)
		return name;
	while (((unsigned char)name[keep] & 0xC0) == 0x80)
		keep--; /* not in the middle of a character */
	return arena_printf(arena, "%.*s.%.*s.%s", (int)keep, name,
			    DIGEST_DIGITS,
			    crypto_sha256_hex(arena, name, length), kind);
}

/* Rules of foreign keys. */

static int
compare_rules(const void *left, const void *right)
{
	uintptr_t a = (uintptr_t)((const struct key_rule *)left)->column;
	uintptr_t b = (uintptr_t)((const struct key_rule *)right)->column;

	return (a > b) - (a < b);
}

static char
deletion_of(enum on_delete on_delete)
{
	static const char letters[] = {
		[ON_DELETE_RESTRICT] = 'a',
		[ON_DELETE_CASCADE] = 'c',
		[ON_DELETE_SET_NULL] = 'n',
	};

	return letters[on_delete];
}

static void
add_rule(struct plan *plan, const struct column *column, char on_delete,
	 bool is_covered)
{
	ARENA_PUSH(plan->arena, plan->rules, plan->nrules,
		   ((struct key_rule){ column, on_delete, is_covered }));
}

static void
make_rules(struct plan *plan)
{
	for (size_t i = 0; i < plan->model->nrelations; i++) {
		const struct relation *relation = plan->model->relations[i];

		if (relation->key)
			add_rule(plan, relation->key,
				 deletion_of(relation->on_delete), false);
		if (relation->join) {
			add_rule(plan, relation->join_subject_key, 'c', true);
			add_rule(plan, relation->join_object_key, 'c', false);
		}
	}
	if (plan->nrules)
		qsort(plan->rules, plan->nrules, sizeof *plan->rules,
		      compare_rules);
}

/* NULL for a foreign key that no relation made. */
static const struct key_rule *
find_rule(const struct plan *plan, const struct column *column)
{
	const struct key_rule key = { .column = column };

	if (!plan->nrules)
		return NULL;
	return bsearch(&key, plan->rules, plan->nrules, sizeof *plan->rules,
		       compare_rules);
}

/* Indexes. */

struct index {
	const struct entity *entity;
	const struct column **columns;
	size_t ncolumns;
	const char *kind;    /* "key" unique, "idx", "fts" full text */
	bool has_permission; /* INCLUDE (permission) */
};

static char *
index_name(struct arena *arena, const struct index *index)
{
	struct strbuf columns;

	strbuf_init(&columns, arena);
	for (size_t i = 0; i < index->ncolumns; i++) {
		if (i)
			strbuf_putc(&columns, ',');
		strbuf_puts(&columns, index->columns[i]->sql_name);
	}
	return migrate_object_name(arena, index->entity->table, columns.data,
				   index->kind);
}

static void
add_index_columns(struct sql *sql, const struct index *index)
{
	if (!strcmp(index->kind, "fts")) {
		sql_add(sql, "to_tsvector('simple'::regconfig, ");
		sql_name(sql, index->columns[0]->sql_name);
		sql_add(sql, "::text)");
		return;
	}
	for (size_t i = 0; i < index->ncolumns; i++) {
		if (i)
			sql_add(sql, ", ");
		sql_name(sql, index->columns[i]->sql_name);
	}
	/* lists break ties by id: with it the index alone gives their order */
	if (!strcmp(index->kind, "idx") && !index->columns[0]->is_foreign_key)
		sql_add(sql, ", id");
}

static bool
is_unique(const struct index *index)
{
	return !strcmp(index->kind, "key");
}

static void
plan_create_index(struct plan *plan, const struct index *index,
		  const char *name)
{
	struct sql sql;

	sql_init(&sql, plan->arena);
	if (is_unique(index))
		sql_add(&sql, "CREATE UNIQUE INDEX ");
	else
		sql_add(&sql, "CREATE INDEX ");
	sql_name(&sql, name);
	sql_add(&sql, " ON ");
	sql_name(&sql, index->entity->table);
	if (!strcmp(index->kind, "fts"))
		sql_add(&sql, " USING gin");
	sql_add(&sql, " (");
	add_index_columns(&sql, index);
	sql_add(&sql, ")");
	if (index->has_permission)
		sql_add(&sql, " INCLUDE (permission)");
	plan_statement(plan, sql.text.data);
}

/* Whether the table has all the columns already, so that values exist. */
static bool
columns_exist(const struct plan *plan, const struct index *index)
{
	for (size_t i = 0; i < index->ncolumns; i++)
		if (!catalog_column(plan->catalog, index->entity->table,
				    index->columns[i]->sql_name))
			return false;
	return true;
}

/* Values that occur more than once, of those without NULL in them. */
static struct error *
count_duplicates(struct plan *plan, const struct index *index, int64_t *count)
{
	struct sql query;

	sql_init(&query, plan->arena);
	sql_add(&query, "SELECT count(*) FROM (SELECT 1 FROM ");
	sql_name(&query, index->entity->table);
	sql_add(&query, " WHERE num_nulls(");
	add_index_columns(&query, index);
	sql_add(&query, ") = 0 GROUP BY ");
	add_index_columns(&query, index);
	sql_add(&query, " HAVING count(*) > 1) AS repeated");
	return plan_count(plan, &query, count);
}

static struct error *
check_duplicates(struct plan *plan, const struct index *index)
{
	struct error *error;
	int64_t count;

	if (!is_unique(index) || !columns_exist(plan, index))
		return NULL;
	error = count_duplicates(plan, index, &count);
	if (error || !count)
		return error;
	plan_problem(
		plan,
		error_new(plan->arena, 422, "values-not-unique",
			  "%s.%s can't become unique%s: %lld values occur "
			  "more than once.",
			  index->entity->name, index->columns[0]->column_name,
			  index->ncolumns > 1 ? " together with others" : "",
			  (long long)count));
	return NULL;
}

static struct error *
want_index(struct plan *plan, const struct index *index)
{
	const char *name = index_name(plan->arena, index);
	struct error *error;

	if (catalog_has_index(plan->catalog, name))
		return NULL;
	error = check_duplicates(plan, index);
	if (!error)
		plan_create_index(plan, index, name);
	return error;
}

static struct error *
want_column_index(struct plan *plan, const struct entity *entity,
		  const struct column *column, const char *kind)
{
	struct index index = { .entity = entity,
			       .columns = (const struct column *[]){ column },
			       .ncolumns = 1,
			       .kind = kind };

	return want_index(plan, &index);
}

/*
 * The first key of a join table leads its unique index. Links are written
 * with every row and hardly ever sorted by time: an index less for each.
 */
static bool
needs_index(const struct plan *plan, const struct entity *entity,
	    const struct column *column)
{
	const struct key_rule *rule = find_rule(plan, column);

	if (rule && rule->is_covered)
		return false;
	if (entity->is_join_table && column->is_standard)
		return false;
	return column->is_indexed || column->is_foreign_key;
}

static struct error *
plan_column_indexes(struct plan *plan, const struct entity *entity,
		    const struct column *column)
{
	struct error *error = NULL;

	if (column->is_unique)
		error = want_column_index(plan, entity, column, "key");
	else if (needs_index(plan, entity, column))
		error = want_column_index(plan, entity, column, "idx");
	if (!error && column->is_full_text)
		error = want_column_index(plan, entity, column, "fts");
	return error;
}

static struct error *
plan_composite_key(struct plan *plan, const struct entity *entity,
		   const char *const *names)
{
	struct index index = { .entity = entity, .kind = "key" };

	for (size_t i = 0; names[i]; i++) {
		const struct column *column = entity_column(entity, names[i]);

		if (!column) {
			plan_problem(plan,
				     error_new(plan->arena, 422,
					       "unknown-column",
					       "%s has no column %s, which "
					       "its CompositeKeys name.",
					       entity->name, names[i]));
			return NULL;
		}
		ARENA_PUSH(plan->arena, index.columns, index.ncolumns, column);
	}
	return index.ncolumns ? want_index(plan, &index) : NULL;
}

/* A pair of a join table occurs once; of a group link the permission is at
 * hand, which every row check reads. */
static struct error *
plan_join_index(struct plan *plan, const struct relation *relation)
{
	struct index index = {
		.entity = relation->join,
		.columns =
			(const struct column *[]){ relation->join_subject_key,
						   relation->join_object_key },
		.ncolumns = 2,
		.kind = "key",
		.has_permission =
			relation->object_entity == plan->model->usergroup,
	};

	return want_index(plan, &index);
}

static struct error *
plan_entity_indexes(struct plan *plan, const struct entity *entity)
{
	struct error *error = NULL;

	for (size_t i = 0; !error && i < entity->ncolumns; i++)
		if (!entity->columns[i]->is_primary_key)
			error = plan_column_indexes(plan, entity,
						    entity->columns[i]);
	for (size_t i = 0; !error && i < entity->ncomposite_keys; i++)
		error = plan_composite_key(plan, entity,
					   entity->composite_keys[i]);
	return error;
}

struct error *
plan_indexes(struct plan *plan)
{
	const struct model *model = plan->model;
	struct error *error = NULL;

	make_rules(plan);
	for (size_t i = 0; !error && i < model->nentities; i++)
		error = plan_entity_indexes(plan, model->entities[i]);
	for (size_t i = 0; !error && i < model->nrelations; i++)
		if (model->relations[i]->join)
			error = plan_join_index(plan, model->relations[i]);
	return error;
}

/* Foreign keys. */

static char
wanted_deletion(const struct plan *plan, const struct entity *entity,
		const struct column *column)
{
	const struct key_rule *rule = find_rule(plan, column);

	if (entity->has_owner &&
	    !strcmp(column->column_name, "user_account_id"))
		return 'n';
	return rule ? rule->on_delete : 'a';
}

static struct error *
check_orphans(struct plan *plan, const struct entity *entity,
	      const struct column *column)
{
	struct error *error;
	struct sql query;
	int64_t count;

	if (!catalog_column(plan->catalog, entity->table, column->sql_name) ||
	    !catalog_has_table(plan->catalog, column->target->table))
		return NULL;
	sql_init(&query, plan->arena);
	sql_add(&query, "SELECT count(*) FROM ");
	sql_name(&query, entity->table);
	sql_add(&query, " AS r WHERE ");
	sql_column(&query, "r", column->sql_name);
	sql_add(&query, " IS NOT NULL AND NOT EXISTS (SELECT FROM ");
	sql_name(&query, column->target->table);
	sql_add(&query, " AS t WHERE t.id = ");
	sql_column(&query, "r", column->sql_name);
	sql_add(&query, ")");
	error = plan_count(plan, &query, &count);
	if (error || !count)
		return error;
	plan_problem(plan, error_new(plan->arena, 422, "rows-point-nowhere",
				     "%s.%s can't refer to %s: %lld rows hold "
				     "a value that is not there.",
				     entity->name, column->column_name,
				     column->target->name, (long long)count));
	return NULL;
}

static void
plan_add_foreign_key(struct plan *plan, const struct entity *entity,
		     const struct column *column, const char *name,
		     bool replace, char on_delete)
{
	struct sql sql;

	sql_init(&sql, plan->arena);
	sql_add(&sql, "ALTER TABLE ");
	sql_name(&sql, entity->table);
	if (replace) {
		sql_add(&sql, " DROP CONSTRAINT ");
		sql_name(&sql, name);
		sql_add(&sql, ",");
	}
	sql_add(&sql, " ADD CONSTRAINT ");
	sql_name(&sql, name);
	sql_add(&sql, " FOREIGN KEY (");
	sql_name(&sql, column->sql_name);
	sql_add(&sql, ") REFERENCES ");
	sql_name(&sql, column->target->table);
	sql_add(&sql, " (id)");
	if (on_delete == 'c')
		sql_add(&sql, " ON DELETE CASCADE");
	else if (on_delete == 'n')
		sql_add(&sql, " ON DELETE SET NULL");
	plan_statement(plan, sql.text.data);
}

static struct error *
want_foreign_key(struct plan *plan, const struct entity *entity,
		 const struct column *column)
{
	const char *name = migrate_object_name(plan->arena, entity->table,
					       column->sql_name, "fkey");
	const struct catalog_foreign_key *actual =
		catalog_foreign_key(plan->catalog, name);
	char on_delete = wanted_deletion(plan, entity, column);
	struct error *error = NULL;

	if (actual && actual->on_delete == on_delete)
		return NULL;
	if (!actual)
		error = check_orphans(plan, entity, column);
	if (!error)
		plan_add_foreign_key(plan, entity, column, name, actual,
				     on_delete);
	return error;
}

struct error *
plan_foreign_keys(struct plan *plan)
{
	struct error *error = NULL;

	for (size_t i = 0; i < plan->model->nentities; i++) {
		const struct entity *entity = plan->model->entities[i];

		for (size_t j = 0; !error && j < entity->ncolumns; j++)
			if (entity->columns[j]->is_foreign_key &&
			    entity->columns[j]->target)
				error = want_foreign_key(plan, entity,
							 entity->columns[j]);
	}
	return error;
}
