/*
 * row.h: creates, changes and deletes one row under the rules of
 * permissions.md and decisions.md, one round trip each where the row is
 * simple. Used by the JSON:API and by the action engine alike.
 */
#ifndef ACTD_ROW_H
#define ACTD_ROW_H

#include <json-c/json.h>

#include "db/query.h"
#include "db/value.h"

struct row_context {
	struct db *db;
	struct arena *arena;
	const struct model *model;
	const struct actor *actor;
	const struct value_settings *values;
	const char *run; /* id of the run of an action that changes the rows,
			    for their history, or NULL */
	struct json_object *stored; /* a file in a list of attributes whose
				       content is stored already, or NULL */
	bool trusted; /* table and row checks are passed (RunAs: system);
			 Refer on foreign keys is still the actor's */
	/*
	 * The table's own conformations and validations, which live above
	 * db/; NULL: none. Called on the attributes before conversion.
	 */
	struct error *(*check)(struct arena *arena, const struct entity *entity,
			       struct json_object *attributes, bool creating);
};

/* A written row in the columns of `selection`: row 0 of `rows`. */
struct row {
	const struct selection *selection;
	struct rows *rows;
};

/*
 * Creates a row. `attributes` (object or NULL) has values by column name and
 * reference ids for foreign keys; `relationships` (object or NULL) is that
 * member of a JSON:API resource: to-one sets the key, to-many makes link
 * rows. Unknown attributes are ignored; permission, owner, times, id, version
 * are ignored unless the actor is an administrator (permission, owner).
 * `id` (NULL: a new one) becomes the reference id; 409 if it is taken.
 * 403 create, 403 refer, 409 unique, 422 value, each with a pointer; 422 also
 * for a key to a row that is not there or not visible. One statement, but for
 * accounts and to-many relationships; the latter begin a transaction, which
 * the caller finishes.
 */
struct error *row_create(const struct row_context *context,
			 const struct entity *entity, const char *id,
			 struct json_object *attributes,
			 struct json_object *relationships,
			 struct row *row) MUST_CHECK;

/*
 * Changes the given attributes of the row `id`; 404 if not visible, 403 if
 * visible without Update, 412 if `version` (-1: any) is not the row's. Null
 * clears; a secret that comes back blank is left as it is; permission and owner
 * need ownership (403). A to-many relationship is replaced by the links that
 * are named, and left alone where none is.
 */
struct error *row_update(const struct row_context *context,
			 const struct entity *entity, const char *id,
			 struct json_object *attributes,
			 struct json_object *relationships, int64_t version,
			 struct row *row) MUST_CHECK;

/*
 * Deletes the row `id`, its link rows, and what OnDelete says. 404, 403; 409
 * with the number of rows in the way, of those entities that are visible, and
 * for the last administrator.
 */
struct error *row_delete(const struct row_context *context,
			 const struct entity *entity,
			 const char *id) MUST_CHECK;

/*
 * Changes of a relationship: `data` is its linkage (object, array, null).
 * Needs Update here and Refer there; where the other side holds the key,
 * Update there and Refer here. Who is in a group is for those to decide who
 * may change the group, what is shared with it for the row's owner; members
 * may leave. To-many changes begin a transaction, which the caller finishes.
 */
enum link_change { LINK_ADD, LINK_REPLACE, LINK_REMOVE };
struct error *row_link(const struct row_context *context,
		       const struct entity *entity, const char *id,
		       const struct relationship *relationship,
		       enum link_change change,
		       struct json_object *data) MUST_CHECK;

/*
 * Reads one row by reference id; `row->rows` has no row if it is not there or
 * not visible. With `lock`, FOR NO KEY UPDATE.
 */
struct error *row_read(const struct row_context *context,
		       const struct entity *entity, const char *id, bool lock,
		       struct row *row) MUST_CHECK;

/*
 * An encrypted value of a row in plain text, NULL where it is null, the row is
 * gone or another key encrypted it. No check of permissions: for the action
 * engine only.
 */
struct error *row_decrypted(const struct row_context *context,
			    const struct entity *entity,
			    const struct column *column, const char *id,
			    const char **text) MUST_CHECK;

/*
 * A written or read row as an object for the action engine: __type, every
 * selected column by name. The caller owns it.
 */
struct json_object *row_object(const struct row *row, size_t index);

#endif
