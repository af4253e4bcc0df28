/*
 * import_claim.c: the table actd_import (sql/functions.sql).
 */
#include "db/import_claim.h"

static const char CLAIM[] =
	"INSERT INTO actd_import (file, entity, digest) VALUES ($1, $2, $3) "
	"ON CONFLICT DO NOTHING";

struct error *
import_claim_file(struct db *db, struct arena *arena, const char *file,
		  const char *entity, const char *digest, bool *is_new)
{
	struct rows *rows;
	struct error *error =
		db_query(db, arena, CLAIM, PARAMS(file, entity, digest), &rows);

	*is_new = !error && rows_affected(rows) == 1;
	return error;
}
