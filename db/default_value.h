/*
 * default_value.h: DefaultValue of a column, which schemas write as SQL text:
 * checked by a small grammar, and built anew with safe quoting.
 */
#ifndef ACTD_DEFAULT_VALUE_H
#define ACTD_DEFAULT_VALUE_H

#include "db/base/arena.h"
#include "db/model.h"

/*
 * Sets default_sql and default_text of `column` from its default_value; kind,
 * sql_type, options and max_length are known by then. A literal in quotes,
 * bare text, a number, a boolean, current_timestamp, now() and null are
 * understood. NULL, or what is wrong with the value as the end of a sentence.
 */
const char *default_value_parse(struct arena *arena, struct column *column);

/* The same for an input of an action: its plain text, unchecked. */
void default_value_plain(struct arena *arena, struct column *column);

#endif
