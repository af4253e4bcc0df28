/*
 * query.h: the SELECT statements behind the JSON:API: one statement per read,
 * with permission, filter, sort, page, total and includes in it.
 */
#ifndef ACTD_QUERY_H
#define ACTD_QUERY_H

#include "db/permission.h"
#include "db/sql.h"

struct file_store;

/* The columns of a result, in order: the row's id, reference_id and version
 * come first, always. */
enum {
	SELECTION_ID,
	SELECTION_REFERENCE_ID,
	SELECTION_VERSION,
	SELECTION_FIRST
};

struct selection {
	const struct entity *entity;
	const struct column *
		*columns; /* columns[i] is result column SELECTION_FIRST + i */
	size_t ncolumns;
};

/*
 * All visible columns of the entity, or those named by `fields` (NULL: all);
 * permission, reference_id and the owner always come.
 */
struct selection *selection_new(struct arena *arena,
				const struct entity *entity,
				const char *const *fields, size_t nfields);

/*
 * Adds the select list for a selection: id, reference_id, version, columns.
 * Foreign keys come as the target's reference id, NULL where the caller may not
 * see the target. `alias` names the row.
 */
void selection_list(struct sql *sql, const struct selection *selection,
		    const struct actor *actor, const struct model *model,
		    const char *alias);

/* To-one relationships to follow from a row, in order. */
struct path {
	const struct relationship **steps;
	size_t nsteps;
};

enum comparison {
	COMPARE_EQUAL,
	COMPARE_NOT_EQUAL, /* NULL counts as different */
	COMPARE_LESS,
	COMPARE_LESS_OR_EQUAL,
	COMPARE_GREATER,
	COMPARE_GREATER_OR_EQUAL,
	COMPARE_LIKE, /* a pattern of SQL's LIKE, escaped by the caller */
	COMPARE_NOT_LIKE,
	COMPARE_ILIKE,
	COMPARE_NOT_ILIKE,
	COMPARE_REGEXP, /* a pattern of POSIX, as PostgreSQL has them */
	COMPARE_NOT_REGEXP,
	COMPARE_IREGEXP, /* in any case */
	COMPARE_NOT_IREGEXP,
	COMPARE_IN,
	COMPARE_NOT_IN,
	COMPARE_BETWEEN, /* two values */
	COMPARE_NOT_BETWEEN,
	COMPARE_IS_NULL,
	COMPARE_IS_NOT_NULL,
	COMPARE_IS_EMPTY,
	COMPARE_IS_NOT_EMPTY,
	COMPARE_IS_TRUE,
	COMPARE_IS_FALSE,
	COMPARE_FULL_TEXT /* words, for columns that are declared for it */
};

/* column <comparison> values. Values are texts that fit the column's type;
 * for a foreign key they are reference ids. */
struct condition {
	struct path path;
	const struct column *column;
	enum comparison comparison;
	const char **values;
	size_t nvalues;
	/* in place of a column: a many-relation of which a visible row has
	 * values[0] as its id, by a link for which `link_conditions`
	 * (all of them) hold */
	const struct relationship *link;
	struct condition *link_conditions;
	size_t nlink_conditions;
};

/* Conditions of which one must hold; all groups of a listing must. */
struct condition_group {
	const char *name; /* logical_group, or NULL */
	struct condition *conditions;
	size_t nconditions;
};

struct sort_key {
	struct path path;
	const struct column *column;
	bool descending;
};

/*
 * A relation to be included. `parent` is the index of the include whose rows
 * it starts from, -1 for the page itself. To-many relations give at most
 * INCLUDE_MAX rows per parent, newest first.
 */
struct include {
	const struct relationship *relationship;
	int parent;
	struct selection *selection;
};

#define INCLUDE_MAX 50

enum total { TOTAL_BOUNDED, TOTAL_EXACT, TOTAL_NONE };

/* Counting stops here unless TOTAL_EXACT; beyond it is an estimate. */
#define TOTAL_EXACT_MAX 10000

/* A read, checked against the model. */
struct listing {
	const struct entity *entity;
	struct selection *selection;
	const char *id; /* one row by reference id; NULL: a list */
	struct condition_group *groups;
	size_t ngroups;
	struct sort_key *sort;
	size_t nsort;
	int64_t page_number; /* from 1 */
	int64_t page_size;
	int64_t offset;
	const char *after; /* reference ids of keyset pages, or NULL */
	const char *before;
	enum total total;
	struct include *includes;
	size_t nincludes;
	/* columns of the page's rows whose files come with their contents */
	const struct column **files;
	size_t nfiles;
	const struct file_store *store; /* that has them */
	/* rows that `relationship` leads to from the row `parent_id` */
	const struct entity *parent;
	const struct relationship *relationship;
	const char *parent_id;
};

/*
 * The answer. Without includes: a row per row of the page, in the columns of
 * the selection, from column 0. With includes a tag and the parent's id come
 * first: tag 0 is the page, tag 1 + i include i; all columns are text then.
 */
struct page {
	struct rows *rows;
	size_t first_column; /* 0 or 2 */
	int64_t total;	     /* -1: not asked for */
	bool total_is_estimate;
	/* of related rows through a join table: the join row's columns, from
	 * result column join_column on in the order of JOIN_…; else NULL */
	const struct selection *join;
	size_t join_column;
	/* an encrypted column that the caller may read, and its value in the
	 * first row; else NULL */
	const struct column *opened;
	const char *opened_text;
};

enum { PAGE_TAG, PAGE_PARENT };

/* Columns of a join row: join->columns[i] is JOIN_FIRST + i. */
enum { JOIN_REFERENCE_ID, JOIN_PERMISSION, JOIN_FIRST };

/*
 * Runs a listing: one statement, one snapshot, only visible rows. A second
 * one only for the total of a page beyond the end, or to tell an empty
 * related list from a parent that is not visible (404).
 */
struct error *query_page(struct db *db, struct arena *arena,
			 const struct model *model, const struct actor *actor,
			 const struct listing *listing,
			 struct page *page) MUST_CHECK;

#endif
