/*
 * yaml_rows.h: a mapping of lists in YAML, an item at a time: for texts that
 * are too large for memory. In yaml.c. Only for this folder.
 */
#ifndef ACTD_FORMAT_YAML_ROWS_H
#define ACTD_FORMAT_YAML_ROWS_H

#include <stdbool.h>

#include "handlers/formats/format.h"

struct yaml_rows;

/*
 * `read` gives bytes as read(2) does. The limits hold for each item, whose
 * aliases must lead to anchors within it. Released with `arena`.
 */
struct error *yaml_rows_new(struct arena *arena,
			    long (*read)(void *context, void *buffer,
					 size_t size),
			    void *context, const struct format_limits *limits,
			    struct yaml_rows **rows) MUST_CHECK;

/*
 * The next key, or the next item of its list in `*value`, which lives as long
 * as `scratch`. `*key` is NULL at the end; `*is_key` where a list begins.
 */
struct error *yaml_rows_next(struct yaml_rows *rows, struct arena *scratch,
			     const char **key, bool *is_key,
			     struct json_object **value) MUST_CHECK;

#endif
