/*
 * dump_in.h: rows of many entities as a dump has them, ids and all, back into
 * the database: everything or nothing. Rows wait in temporary tables until
 * all are there; then they go in, parents first. Knows nothing of the formats
 * of dumps.
 */
#ifndef ACTD_DUMP_IN_H
#define ACTD_DUMP_IN_H

#include <json-c/json.h>

#include "db/permission.h"
#include "db/value.h"

struct dump_in_settings {
	struct db *db;
	const struct model *model;
	const struct value_settings *values;
	bool truncate;	   /* rows that are there go first */
	bool skip_unknown; /* what nobody knows here is left out, and named */
};

struct dump_count {
	const char *entity;
	int64_t created;
	int64_t updated; /* met by their natural key */
};

struct dump_report {
	struct dump_count *counts;
	size_t ncounts;
	int64_t rows;	      /* in all */
	const char **unknown; /* "table" or "table.column", left out */
	size_t nunknown;
	bool is_model_touched; /* rows of world, action or smd */
};

struct dump_in;

/* For one dump, in the caller's transaction, which this begins. */
struct dump_in *dump_in_new(struct arena *arena,
			    const struct dump_in_settings *settings);

/* The rows that follow are of the entity `name`. */
struct error *dump_in_table(struct dump_in *in, const char *name) MUST_CHECK;

/*
 * A row, `number` of its table in the dump, from 1. Values are as exports have
 * them; hashes and encrypted texts are taken as they are, a password that is
 * none is hashed. Faults are noted, not returned.
 */
struct error *dump_in_row(struct dump_in *in, int64_t number,
			  struct json_object *row) MUST_CHECK;

/*
 * Stores everything. Accounts, groups, rows of world, action and the other
 * definitions meet those that are there by name; what points to them follows.
 * 422 with table, row and column for the first 100 faults, unknown tables and
 * columns among them; 409 where a row's id or a unique value is taken, or
 * nobody would administer the instance any more.
 */
struct error *dump_in_finish(struct dump_in *in,
			     struct dump_report *report) MUST_CHECK;

/* Ends what was begun, so that the caller can roll back. */
void dump_in_cancel(struct dump_in *in);

#endif
