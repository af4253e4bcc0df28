/*
 * file_list.h: values of file columns. A client writes a list of files with
 * their contents in base64; the contents go to the file store, the column
 * keeps [{name, type, size, md5, sha256}]. A text in such a column stays what
 * it is (wire/schema.md section 4.2), and so do lists of older rows, which
 * hold the contents themselves.
 */
#ifndef ACTD_FILE_LIST_H
#define ACTD_FILE_LIST_H

#include <json-c/json.h>

#include "db/base/file_store.h"
#include "db/base/strbuf.h"
#include "db/db.h"
#include "db/model.h"

/* The most files of a value, and bytes of a file's name. */
#define FILE_LIST_MAX 100
#define FILE_NAME_MAX 255

/* A file of a list. Texts live as long as the list; NULL where missing. */
struct file_entry {
	const char *name;
	const char *type;
	const char *sha256;  /* of a content in the store */
	const char *content; /* base64, or a data URL */
	int64_t size;
};

struct file_entry file_entry_of(struct json_object *file);

/* Whether rows of the entity may have files. */
bool file_list_has(const struct entity *entity);

/* Whether the value is a list of files, be it as a text. */
bool file_list_is(struct json_object *value);
bool file_list_is_text(const char *text);

/* The list of a stored text, for the arena's life; NULL where it is none. */
struct json_object *file_list_parse(struct arena *arena, const char *text);

/* Bytes of base64, or of a data URL; false where it is neither. */
bool file_content_decode(struct arena *arena, const char *content,
			 unsigned char **data, size_t *size);

/*
 * Whether it names a file and nothing else: no path, no control characters, no
 * leading dot, at most FILE_NAME_MAX bytes.
 */
bool file_name_is_plain(const char *name);

/* Storing. */

struct file_context {
	struct arena *arena;
	const struct file_store *store;
	/* the transaction that it belongs to, which this begins; NULL where
	 * file_list_lock() was called in it */
	struct db *db;
	/* of the list that is given: file_list_put() has made it, in the same
	 * transaction; or NULL */
	struct json_object *stored;
	bool takes_known; /* also files that are in the store already */
};

/*
 * Before contents are stored while the connection is busy with a COPY: keeps
 * the collector away until the transaction, which this begins, ends.
 */
struct error *file_list_lock(struct db *db, struct arena *arena) MUST_CHECK;

/* Stores a content; `*file` is what a column keeps of it, for the arena's
 * life. A type that is none becomes application/octet-stream. */
struct error *file_list_put(const struct file_context *context,
			    const char *name, const char *type,
			    const struct file_content *content,
			    struct json_object **file) MUST_CHECK;

/*
 * The list that the column gets: `before` (what it has, NULL: nothing) with
 * the files of `value` added, or in the place of those of the same name. A
 * file without content is one of `before`; where the content is null it is
 * taken away. An empty list has no files at all. 422 with the column's pointer
 * for a bad name, no content, no base64.
 */
struct error *file_list_store(const struct file_context *context,
			      const struct column *column,
			      struct json_object *value, const char *before,
			      const char **text) MUST_CHECK;

/* Reading. */

/*
 * As value_to_json(), but each file with `path` and `src`, by which it can be
 * had. `id` is the row's reference id. With `store` files that are not larger
 * than `*budget` bring their `contents`, which takes from it.
 */
void file_list_write(struct strbuf *buf, const struct entity *entity,
		     const char *id, const struct column *column,
		     const char *text, const struct file_store *store,
		     int64_t *budget);

/* The stored list with the contents that fit into `*budget`, as clients send
 * it. */
const char *file_list_expand(struct arena *arena, const char *text,
			     const struct file_store *store, int64_t *budget);

#endif
