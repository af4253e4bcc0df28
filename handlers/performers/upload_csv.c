/*
 * upload_csv: imports CSV files into an entity, which it makes or widens where
 * the inputs say so. The work is import_action()'s.
 */
#include "handlers/import_action.h"

const struct performer performer_upload_csv = {
	.name = "__upload_csv_file_to_entity",
	.summary = "Import CSV files into an entity",
	.pool = "long",
	.spools = true,
	.perform = import_action,
};
