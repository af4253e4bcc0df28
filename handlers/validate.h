/*
 * validate.h: validations and conformations by tags (wire/schema.md section
 * 5, wire/actions.md 2.5). Conformations run before validations.
 */
#ifndef ACTD_VALIDATE_H
#define ACTD_VALIDATE_H

#include <json-c/json.h>

#include "db/base/error.h"
#include "db/model.h"

/*
 * Applies conformations to the string members of `values` (an object that is
 * changed in place). A tagging finds its member by column_name; `columns`
 * (may be NULL) maps labels to column names where no column_name fits.
 */
void conform(struct arena *arena, const struct tagging *tags, size_t ntags,
	     struct column *const *columns, size_t ncolumns,
	     struct json_object *values);

/*
 * All failing tags, one error per column, `status` 400 (actions) or 422 (rows);
 * pointer is `prefix` and the column ("/data/attributes/" "title"). With
 * `only_present`, columns that are not in `values` are not checked.
 */
struct error *validate(struct arena *arena, const struct tagging *tags,
		       size_t ntags, struct column *const *columns,
		       size_t ncolumns, struct json_object *values,
		       bool only_present, int status,
		       const char *prefix) MUST_CHECK;

/* Whether the tag text has a known grammar; else the first unknown tag. */
const char *validate_unknown_tag(struct arena *arena, const char *tags);
const char *conform_unknown_tag(struct arena *arena, const char *tags);

#endif
