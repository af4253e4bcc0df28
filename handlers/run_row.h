/*
 * run_row.h: rows as the expressions of an action see them. Encrypted values
 * are blank in them, as by every door; only a reference that leads to one
 * gets what it hides (wire/decisions.md "JSON:API").
 */
#ifndef ACTD_RUN_ROW_H
#define ACTD_RUN_ROW_H

#include "handlers/engine.h"

/* As row_object(), for the names of the run; it lives as long as the run. */
struct json_object *run_row(struct run *run, const struct row *row,
			    size_t index);

/*
 * What `shown`, a value of such a row, hides: the plain text of an encrypted
 * value, NULL where the row has none any more, else `shown` itself. For the
 * arena's life.
 */
struct error *run_row_reveal(void *run, struct arena *arena,
			     struct json_object *shown,
			     struct json_object **value) MUST_CHECK;

#endif
