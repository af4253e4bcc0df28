/*
 * journal.h: what runs of actions have changed in tables with history, with
 * the rows as they were before, so that it can be undone. Kept in the private
 * table actd_journal; secrets in it are encrypted.
 */
#ifndef ACTD_JOURNAL_H
#define ACTD_JOURNAL_H

#include "db/row.h"

/* Whether changes of rows of the entity are kept: a run makes them, and the
 * entity, or one that it links, has history. */
bool journal_keeps(const struct row_context *context,
		   const struct entity *entity);

/* ", journal AS (INSERT …)": the rows of the expression "new" were made. */
void journal_add_created(struct sql *sql, const struct row_context *context,
			 const struct entity *entity);

/*
 * Keeps the row `id` as it is before it is changed. Locks it; in the caller's
 * transaction. A row that is not there is none of ours.
 */
struct error *journal_update(const struct row_context *context,
			     const struct entity *entity,
			     const char *id) MUST_CHECK;

/*
 * Whether journal_delete() has something to do for rows of the entity: in a
 * run, or since rows with history go along, or are made to point nowhere.
 */
bool journal_needs_delete(const struct row_context *context,
			  const struct entity *entity);

/*
 * The same before it is deleted, with all rows that go with it, or are made to
 * point nowhere; of these it writes the history as well, in a run or not.
 */
struct error *journal_delete(const struct row_context *context,
			     const struct entity *entity,
			     const char *id) MUST_CHECK;

enum journal_operation { JOURNAL_CREATE, JOURNAL_UPDATE, JOURNAL_DELETE };

struct journal_entry {
	const char *id;		     /* of the entry, a number */
	const char *entity_name;     /* of then */
	const struct entity *entity; /* of now, or NULL */
	const char *reference_id;
	enum journal_operation operation;
	int64_t version;   /* of the row, after the change */
	const char *image; /* JSON, before the change; NULL: it was made */
};

/* The entries of a run, newest first. */
struct error *journal_read(const struct row_context *context, const char *run,
			   struct journal_entry **entries,
			   size_t *count) MUST_CHECK;

/* The secrets of an image, decrypted, as a JSON object. */
const char *journal_secrets(const struct row_context *context,
			    const struct journal_entry *entry);

/* What a foreign key does to a row when the one it points to is deleted. */
enum on_delete journal_effect(const struct model *model,
			      const struct entity *entity,
			      const struct column *column);

#endif
