/*
 * json_schema.c: keeps uploaded schema files. What they say is in force by
 * the migration; these rows tell where it came from.
 */
#include "db/json_schema.h"

#include "db/base/crypto.h"
#include "db/permission.h"

static const char UPDATE_FILE[] =
	"UPDATE json_schema SET json_schema = $2, version = version + 1,"
	" updated_at = current_timestamp WHERE schema_name = $1";

static const char INSERT_FILE[] =
	"INSERT INTO json_schema (reference_id, permission, user_account_id,"
	" schema_name, json_schema) VALUES ($1, $2, $3, $4, $5)";

struct error *
json_schema_store(struct db *db, struct arena *arena, const char *name,
		  const char *content, int64_t owner)
{
	char reference_id[37];
	struct rows *rows;
	struct error *error =
		db_query(db, arena, UPDATE_FILE, PARAMS(name, content), &rows);

	if (error || rows_affected(rows))
		return error;
	crypto_uuid(reference_id);
	return db_query(db, arena, INSERT_FILE,
			PARAMS(reference_id,
			       arena_integer(arena, PERMISSION_DEFAULT),
			       owner ? arena_integer(arena, owner) : NULL, name,
			       content),
			NULL);
}

static const char READ_FILES[] =
	"SELECT id, schema_name, json_schema FROM json_schema"
	" WHERE schema_name IS NOT NULL AND json_schema IS NOT NULL"
	" ORDER BY id FOR UPDATE";

struct error *
json_schema_read(struct db *db, struct arena *arena,
		 struct json_schema_file **files, size_t *count)
{
	struct rows *rows;
	struct error *error = db_query(db, arena, READ_FILES, NO_PARAMS, &rows);

	if (error)
		return error;
	*count = rows_count(rows);
	*files = ARENA_ARRAY(arena, struct json_schema_file, *count);
	for (size_t i = 0; i < *count; i++)
		(*files)[i] =
			(struct json_schema_file){ rows_text(rows, i, 0),
						   rows_text(rows, i, 1),
						   rows_text(rows, i, 2) };
	return NULL;
}

static const char REPLACE_FILE[] =
	"UPDATE json_schema SET schema_name = $2, json_schema = $3,"
	" version = version + 1, updated_at = current_timestamp"
	" WHERE id = $1::bigint";

struct error *
json_schema_replace(struct db *db, struct arena *arena,
		    const struct json_schema_file *file, const char *name,
		    const char *content)
{
	return db_query(db, arena, REPLACE_FILE,
			PARAMS(file->id, name, content), NULL);
}
