/*
 * value_check.h: the column types' own validations (column_type.h), as far as
 * they are a matter of form. Private to db/value.c.
 */
#ifndef ACTD_VALUE_CHECK_H
#define ACTD_VALUE_CHECK_H

#include <stdbool.h>

#include "db/base/arena.h"

/*
 * Applies tags such as "min=0,max=10" or "email" to a text that was converted
 * already. NULL if it passes, else what was expected ("a mail address").
 */
const char *value_check(struct arena *arena, const char *tags,
			const char *text);

/* Whether the text is "[latitude, longitude]". */
bool value_check_location(const char *text);

#endif
