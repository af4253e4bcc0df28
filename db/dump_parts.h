/*
 * dump_parts.h: what reading a dump's rows (dump_in.c) and storing them
 * (dump_store.c) share. Private to them.
 */
#ifndef ACTD_DUMP_PARTS_H
#define ACTD_DUMP_PARTS_H

#include "db/dump_in.h"

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

/* dump_store.c: from the temporary tables to the entities. */
struct error *dump_store(struct dump_in *in) MUST_CHECK;

#endif
