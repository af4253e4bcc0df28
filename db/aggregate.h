/*
 * aggregate.h: sums, counts and groups over the visible rows of an entity, as
 * one SELECT. Names and functions were checked by handlers/aggregate.c.
 */
#ifndef ACTD_AGGREGATE_H
#define ACTD_AGGREGATE_H

#include "db/query.h"

/* What a value is, for checks and for JSON. */
enum expression_class {
	CLASS_TEXT,
	CLASS_NUMBER,
	CLASS_TIME,
	CLASS_BOOLEAN,
	CLASS_OTHER
};

struct expression;
struct aggregate;

/* A function that clients may name. The table is in aggregate_function.c. */
struct aggregate_function {
	const char *name;
	bool is_aggregate;
	unsigned nleast, nmost;	     /* arguments */
	enum expression_class takes; /* CLASS_OTHER: anything */
	enum expression_class gives; /* CLASS_OTHER: what it takes */
	/* Appends the call; arguments by expression_add(). */
	void (*add)(struct sql *sql, const struct expression *call,
		    const struct aggregate *aggregate);
};

/* By its name, in lower case as clients write it; NULL: none. */
const struct aggregate_function *aggregate_function_find(const char *name);

enum expression_kind {
	EXPRESSION_COLUMN,
	EXPRESSION_CALL,
	EXPRESSION_NUMBER, /* text of a number */
	EXPRESSION_TEXT
};

struct expression {
	enum expression_kind kind;
	const char *alias;	     /* SQL alias of the table: "t", "j0" */
	const struct entity *entity; /* that `path` and `column` belong to */
	struct path path;
	const struct column *column; /* NULL in a call of count: the rows */
	const struct aggregate_function *function;
	struct expression **arguments;
	size_t narguments;
	const char *text;
	enum expression_class class;
	bool has_aggregate;
};

/* An expression in the answer. */
struct aggregate_output {
	const char *name;
	struct expression *expression;
	bool is_group;
};

/* left <comparison> values; only those of plain comparison, IN and IS. */
struct aggregate_test {
	struct expression *left;
	enum comparison comparison;
	struct expression **right;
	size_t nright;
};

struct aggregate_join {
	const struct entity *entity;
	const char *alias;
	struct aggregate_test *tests;
	size_t ntests;
};

struct aggregate_order {
	struct expression *expression;
	bool descending;
};

#define AGGREGATE_ROWS_MAX 10000

struct aggregate {
	const struct model *model;
	const struct actor *actor;
	const struct entity *entity;
	struct aggregate_output *outputs;
	size_t noutputs;
	struct aggregate_join *joins;
	size_t njoins;
	struct aggregate_test *filters;
	size_t nfilters;
	struct aggregate_test *having;
	size_t nhaving;
	struct aggregate_order *order;
	size_t norder;
};

/* Adds the SQL of an expression. */
void expression_add(struct sql *sql, const struct expression *expression,
		    const struct aggregate *aggregate);

/* Runs it: a result column per output, in order. */
struct error *aggregate_run(struct db *db, struct arena *arena,
			    const struct aggregate *aggregate,
			    struct rows **rows) MUST_CHECK;

#endif
