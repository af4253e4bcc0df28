/*
 * import_claim.h: which files of rows that schemas name were loaded: each once
 * in one state, for each entity. Loading them is handlers/schema_import.h's.
 */
#ifndef ACTD_IMPORT_CLAIM_H
#define ACTD_IMPORT_CLAIM_H

#include "db/db.h"

/*
 * Notes, in the caller's transaction, that `file` (as the schema names it) is
 * loaded into `entity` ("" where the file says which) with the bytes of
 * `digest`, in hexadecimal. `*is_new` is false where it was before. Of two who
 * claim at once the second waits for the first.
 */
struct error *import_claim_file(struct db *db, struct arena *arena,
				const char *file, const char *entity,
				const char *digest, bool *is_new) MUST_CHECK;

#endif
