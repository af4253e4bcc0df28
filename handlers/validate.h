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
 * Tags and what they are about: a tagging finds its column by column_name, or
 * by label where no column_name fits; a member needs no column.
 */
struct tag_rules {
	const struct tagging *tags;
	size_t ntags;
	struct column *const *columns; /* NULL where there are none */
	size_t ncolumns;
};

/* The column that a tagging of the rules is about, or NULL. */
const struct column *tag_rules_column(const struct tag_rules *rules,
				      const struct tagging *tagging);

/*
 * Applies conformations to the string members of `values` (an object that is
 * changed in place).
 */
void conform(struct arena *arena, const struct tag_rules *rules,
	     struct json_object *values);

/* What is validated, and so how a failure is told. */
struct validation_target {
	int status;
	const char *pointer; /* what stands before the column's name */
	bool only_present;   /* columns without a value are not checked */
};

extern const struct validation_target validation_of_row;    /* 422 */
extern const struct validation_target validation_of_action; /* 400 */

/* All failing tags, one error per column. */
struct error *validate(struct arena *arena, const struct tag_rules *rules,
		       const struct validation_target *target,
		       struct json_object *values) MUST_CHECK;

/* Whether the tag text has a known grammar; else the first unknown tag. */
const char *validate_unknown_tag(struct arena *arena, const char *tags);
const char *conform_unknown_tag(struct arena *arena, const char *tags);

#endif
