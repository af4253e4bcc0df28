/*
 * json_schema.h: the rows of json_schema: uploaded schema files as they came.
 */
#ifndef ACTD_JSON_SCHEMA_H
#define ACTD_JSON_SCHEMA_H

#include "db/db.h"

/* Stores a file under its name, in place of an earlier one. `owner` is the id
 * of an account, 0: none. */
struct error *json_schema_store(struct db *db, struct arena *arena,
				const char *name, const char *content,
				int64_t owner) MUST_CHECK;

struct json_schema_file {
	const char *id;
	const char *name;
	const char *content;
};

struct error *json_schema_read(struct db *db, struct arena *arena,
			       struct json_schema_file **files,
			       size_t *count) MUST_CHECK;

/* Gives a stored file another name and content. */
struct error *json_schema_replace(struct db *db, struct arena *arena,
				  const struct json_schema_file *file,
				  const char *name,
				  const char *content) MUST_CHECK;

#endif
