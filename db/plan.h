/*
 * plan.h: the list of DDL statements that lead from a catalog to a model, and
 * what stands in the way. Private to the migration.
 */
#ifndef ACTD_PLAN_H
#define ACTD_PLAN_H

#include "db/catalog.h"
#include "db/migrate.h"
#include "db/sql.h"

/* Which columns follow which rule; made by plan_rules(). */
struct key_rule {
	const struct column *column;
	char on_delete;	 /* as in struct catalog_foreign_key */
	bool is_covered; /* the first key of a join table's unique index */
};

/* A default that the catalog words differently: perhaps only that. */
struct doubtful_default {
	const struct entity *entity;
	const struct column *column;
	const char *actual;
	const char *wanted;
};

struct plan {
	struct db *db;
	struct arena *arena;
	const struct model *model;
	const struct catalog *catalog;
	struct migration *migration;
	struct key_rule *rules; /* sorted by address of the column */
	size_t nrules;
	struct doubtful_default *doubtful;
	size_t ndoubtful;
	struct error *problems; /* all of them: nothing is done then */
};

/*
 * Fills `plan->migration` and `plan->problems` for the members set before
 * (db, arena, model, catalog, migration). Counts rows where a step depends
 * on them; changes nothing.
 */
struct error *plan_make(struct plan *plan) MUST_CHECK;

/* Adds one statement; the text is taken over. */
void plan_statement(struct plan *plan, const char *text);

/* Notes what stands in the way. */
void plan_problem(struct plan *plan, struct error *problem);

/* The number that a query gives in its first field. */
struct error *plan_count(struct plan *plan, const struct sql *query,
			 int64_t *count) MUST_CHECK;
struct error *plan_count_rows(struct plan *plan, const char *table,
			      int64_t *count) MUST_CHECK;

/* Existing and new columns of an existing table: plan_columns.c. */
struct error *plan_alter_table(struct plan *plan,
			       const struct entity *entity) MUST_CHECK;
/* Settles the doubtful defaults, after all tables. */
struct error *plan_settle_defaults(struct plan *plan) MUST_CHECK;
/* The default that the database is to have, or NULL. */
const char *plan_default_sql(const struct column *column);
/* "name" type NOT NULL DEFAULT …, as CREATE TABLE and ADD COLUMN have it. */
void plan_add_definition(struct sql *sql, const struct column *column);

/* Indexes and foreign keys of all tables: plan_keys.c. */
struct error *plan_indexes(struct plan *plan) MUST_CHECK;
struct error *plan_foreign_keys(struct plan *plan) MUST_CHECK;

/*
 * Whether every value of type `from` fits into `to`, both as format_type()
 * writes them; `*using` is the conversion where plain ALTER has none ("" for
 * none; "%s" stands for the quoted column). In widening.c.
 */
bool type_is_wider(const char *from, const char *to, const char **using);
/* The n of "character varying(n)", 0 if it is no such type. */
long type_varchar_length(const char *type);

#endif
