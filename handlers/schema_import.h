/*
 * schema_import.h: the Imports of schema files: files of rows beside them,
 * which are loaded once.
 */
#ifndef ACTD_SCHEMA_IMPORT_H
#define ACTD_SCHEMA_IMPORT_H

#include "handlers/request.h"

/*
 * Loads what `schema` names and is not loaded yet, told by the file's path,
 * entity and digest, in the caller's transaction, after schema_apply(). A path
 * is relative to the schema folder and stays within it. A file that is not
 * there is logged and left for the next time. 422 with the file's name, row
 * and column where one can't be taken: then nothing is.
 */
struct error *schema_import(struct db *db, struct arena *arena,
			    const struct settings *settings,
			    const struct schema *schema) MUST_CHECK;

#endif
