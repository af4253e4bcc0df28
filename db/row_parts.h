/*
 * row_parts.h: what creating, changing, deleting and linking rows share: the
 * values to be written, the keys among them with the right that they need,
 * history, and what is said when a statement found nothing. Private to
 * db/row*.c, db/state.c, db/journal.c and db/undo.c.
 */
#ifndef ACTD_ROW_PARTS_H
#define ACTD_ROW_PARTS_H

#include "db/row.h"

/* What the caller must be allowed to do with a row in order to point to it. */
enum key_right {
	KEY_REFER, /* Refer on the row */
	KEY_SHARE, /* to give a group rights on it: Update, and be its owner */
	KEY_ADMIT  /* to make somebody a member of it: Update */
};

/* A row that is pointed to. */
struct key {
	const struct entity *target;
	const char *id; /* as the client wrote it; no UUID: no such row */
	enum key_right right;
	const char *pointer;
	const struct column *holder; /* the column that gets its id */
};

/* A column and what it becomes: the key's id, or text (NULL: SQL's NULL). */
struct assignment {
	const struct column *column;
	const char *text;
	struct key *key;
};

/* A relationship whose linkage is elsewhere: join rows, or others' keys. */
struct link_wish {
	const struct relationship *relationship;
	struct json_object *data;
	const char *pointer;
};

/* A column that gets a list of files, with its assignment already there. */
struct file_wish {
	const struct column *column;
	struct json_object *value;
};

struct change {
	const struct row_context *context;
	const struct entity *entity;
	const char *id; /* of the row that changes; NULL: it is new */
	struct assignment *assignments;
	size_t nassignments;
	struct link_wish *links;
	size_t nlinks;
	struct file_wish *files;
	size_t nfiles;
	struct error *errors; /* all values that can't be taken */
};

/* row_change.c: reads attributes and relationships; faults go to errors. */
void change_read(struct change *change, struct json_object *attributes,
		 struct json_object *relationships);

/* NULL where the column gets no value. */
const struct assignment *change_find(const struct change *change,
				     const char *column_name);

/* Whether the permission or the owner of an existing row is given. */
bool change_touches_access(const struct change *change);

/*
 * row_files.c: stores the contents of files before the statement that names
 * them. The row of an update is locked first; `*found` is false where the
 * caller may not change it, and nothing is stored then.
 */
struct error *change_store_files(const struct change *change,
				 bool *found) MUST_CHECK;

/* The right that pointing from `holder` of `entity` needs. */
enum key_right key_right(const struct model *model, const struct entity *entity,
			 const struct column *holder);

/* row_parts.c. The test for a key's row `alias`: visible and with the right. */
void key_test(struct sql *sql, const struct row_context *context,
	      const struct key *key, const char *alias);

/*
 * Common table expressions k0, k1 … for the keys of a change, each with a
 * comma behind it, and as items of a FROM list, each with a comma before it.
 */
void change_add_keys(struct sql *sql, const struct change *change);
void change_add_key_sources(struct sql *sql, const struct change *change);
/* The value of assignment `i`: a parameter, or "k0.id". */
void change_add_value(struct sql *sql, const struct change *change, size_t i);

/* What is wrong with the keys of a change; NULL if nothing is (any more). */
struct error *change_explain_keys(const struct change *change) MUST_CHECK;

/* Tests of a row by its reference id, visible, with `verb`, unless trusted. */
void row_add_test(struct sql *sql, const struct row_context *context,
		  const struct entity *entity, const char *id,
		  const char *alias, enum verb verb);
/* Visible alone, unless trusted. */
void row_add_visible(struct sql *sql, const struct row_context *context,
		     const struct entity *entity, const char *id,
		     const char *alias);
/* Whether the caller owns the row or is an administrator. */
void row_add_owned(struct sql *sql, const struct row_context *context,
		   const struct entity *entity, const char *alias);

/*
 * ", history AS (INSERT …)": the rows of the expression "old" go into the
 * history of `entity`, if the expression `done` has a row.
 */
void row_add_history(struct sql *sql, const struct row_context *context,
		     const struct entity *entity, const char *operation,
		     const char *done);

/* The value of a column of the history table for the row "o". */
void row_add_history_column(struct sql *sql, const struct row_context *context,
			    const struct entity *entity,
			    const struct column *column, const char *operation);

/* The permission of a new row. In row_create.c. */
int64_t row_default_permission(const struct row_context *context,
			       const struct entity *entity);

/* 404. */
struct error *row_not_found(struct arena *arena, const struct entity *entity);

/* The same error with the pointer of the column whose rule was broken. */
struct error *row_constraint_error(const struct row_context *context,
				   const struct entity *entity,
				   struct error *error);

/* Reads a row that the caller may see since he wrote it. */
struct error *row_reread(const struct row_context *context,
			 const struct entity *entity, const char *id,
			 struct row *row) MUST_CHECK;

/*
 * Before and after anything that may take members from administrators: locks
 * the group for the rest of the transaction, 409 if nobody is left.
 */
struct error *
row_lock_administrators(const struct row_context *context) MUST_CHECK;
struct error *
row_check_administrators(const struct row_context *context) MUST_CHECK;

/* row_link.c: the links of a change, for its row, which is there. */
struct error *change_store_links(const struct change *change,
				 const char *id) MUST_CHECK;

#endif
