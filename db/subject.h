/*
 * subject.h: whether a row may be the subject of an action.
 */
#ifndef ACTD_SUBJECT_H
#define ACTD_SUBJECT_H

#include "db/row.h"

/* Whether the row `id` grants Execute to the context's actor. */
struct error *subject_is_executable(const struct row_context *context,
				    const struct entity *entity, const char *id,
				    bool *executable) MUST_CHECK;

#endif
