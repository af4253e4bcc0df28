/*
 * dump_parts.h: what reading a dump's rows (dump_in.c) and storing them
 * (dump_store.c, dump_meet.c, dump_value.c) share. Private to them.
 */
#ifndef ACTD_DUMP_PARTS_H
#define ACTD_DUMP_PARTS_H

#include "db/dump_in.h"
#include "db/sql.h"

#define NATURAL_COLUMNS 2

/* Rows of an entity that are the same where these columns are. */
struct natural {
	const char *entity;
	const char *columns[NATURAL_COLUMNS];
	bool is_caseless;
	bool is_permanent;   /* rows are never deleted */
	bool is_fixed;	     /* and never added */
	const char *kept[8]; /* columns that stay as they are here */
};

/* A temporary table with the rows of an entity. */
struct stage {
	const struct entity *entity;
	const char *table;
	const struct natural *natural; /* or NULL */
	bool *seen;		       /* of each column: some row has it */
	bool *deferred; /* keys that are set after all rows are there */
	int64_t rows;
	bool is_placed;
	bool is_remapped; /* some row gets another id than the dump's */
	bool is_thinned;  /* rows of things unknown here were left out */
	struct dump_count count;
};

struct dump_in {
	struct dump_in_settings settings;
	struct arena *arena;
	struct arena *scratch; /* of a piece */
	struct strbuf out;     /* rows for COPY, in scratch */
	struct stage **stages;
	size_t nstages;
	struct stage *open;  /* the one that rows go to, or NULL */
	const char *unknown; /* the table that is not known, or NULL */
	bool is_copying;
	bool is_decimal; /* permissions of 2018 */
	const char **unknowns;
	size_t nunknowns;
	struct error *faults;
	size_t nfaults;
};

/* The natural key of an entity's rows, NULL where they have none. */
const struct natural *natural_of(struct arena *arena, const struct model *model,
				 const struct entity *entity);

/* The stage of an entity, NULL where the dump has no such table. */
struct stage *dump_stage(const struct dump_in *in, const struct entity *entity);

/*
 * dump_value.c: runs a statement about a stage; the rows that it touched are
 * added to `*count`, which may be NULL.
 */
struct error *dump_run_sql(struct dump_in *in, const struct stage *stage,
			   struct sql *sql, int64_t *count) MUST_CHECK;
/* Behind FROM: the stage's table as s, with what finds new ids of its keys. */
void dump_add_stage(struct sql *sql, const struct dump_in *in,
		    const struct stage *stage);
/* The value of column `i` as it is to be stored. */
void dump_add_value(struct sql *sql, const struct dump_in *in,
		    const struct stage *stage, size_t i);
/* The same in a new row: what must be there gets its default. */
void dump_add_new_value(struct sql *sql, const struct dump_in *in,
			const struct stage *stage, size_t i);
void dump_add_sequence(struct sql *sql, const struct stage *stage);
bool dump_is_permission(const struct column *column);

/* dump_meet.c: whether rows that are there stay, to be met. */
bool dump_meets(const struct dump_in *in, const struct stage *stage);
/* Whether its rows have the names by which they are met; the fault if not. */
bool dump_has_name(const struct stage *stage);
struct error *dump_nameless(struct dump_in *in,
			    const struct stage *stage) MUST_CHECK;
/* Which rows of the stage are there by name; each of them once. */
struct error *dump_meet(struct dump_in *in, struct stage *stage) MUST_CHECK;
/* Refuses or leaves out rows of things that nobody knows here. */
struct error *dump_settle_unmet(struct dump_in *in,
				struct stage *stage) MUST_CHECK;
/* Rows whose key leads to one that was left out. */
struct error *dump_drop_orphans(struct dump_in *in,
				struct stage *stage) MUST_CHECK;
/* Whether a row has another id here than in the dump. */
struct error *dump_find_remapped(struct dump_in *in,
				 struct stage *stage) MUST_CHECK;
size_t dump_column_index(const struct entity *entity,
			 const struct column *column);

/* dump_store.c: from the temporary tables to the entities. */
struct error *dump_store(struct dump_in *in) MUST_CHECK;

#endif
