/*
 * import.h: a table of values (CSV, XLSX, XLS) into an entity: what its
 * headings mean, the entity or columns that are to be made, and its rows. The
 * actions and the command line share it.
 */
#ifndef ACTD_IMPORT_H
#define ACTD_IMPORT_H

#include "db/bulk.h"
#include "handlers/formats/table.h"

struct import_options {
	struct table_options table;
	const char *entity_name;
	bool create_if_not_exists;
	bool add_missing_columns;
	bool skip;			  /* on_error: skip */
	bool dry_run;			  /* everything is undone at the end */
	const char *update_on;		  /* column, or NULL */
	struct json_object *column_types; /* {"column": "type"} or NULL */
	/* called now and then; bytes are those of the file; may be NULL */
	void (*progress)(void *context, int64_t rows, int64_t bytes,
			 int64_t bytes_total);
	void *progress_context;
};

/* What became of a heading. */
struct import_column {
	const char *heading;
	const char *name;	 /* of the column; NULL: not taken */
	const char *column_type; /* of columns that are new, else NULL */
	const char *data_type;
};

struct import_result {
	const char *entity;
	bool is_entity_new;
	bool is_model_changed;
	const struct import_column *columns;
	size_t ncolumns;
	struct bulk_counts counts;
	const struct bulk_fault *faults; /* the first; none was imported
					    unless `skip` */
	size_t nfaults;
	const struct strbuf *bad_rows; /* CSV with a header; NULL: none */
};

/*
 * Imports the file `fd` in the caller's transaction. `context` gets the model
 * that holds where the entity or columns are made; only administrators make
 * them. 422 where the file or a cell can't be taken: file, row, column,
 * value and what was expected, for the first BULK_FAULTS_MAX; with `dry_run`
 * or `skip` they are in `result`. On error the caller rolls back.
 */
struct error *import_run(struct row_context *context, int fd,
			 const struct import_options *options,
			 struct import_result *result) MUST_CHECK;

/* The result as an object for clients; the caller owns it. */
struct json_object *import_report(const struct import_result *result);

#endif
