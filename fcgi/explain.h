/*
 * explain.h: `actd explain-access`: who may do what, and by which rule, asked
 * of the database without a server.
 */
#ifndef ACTD_EXPLAIN_H
#define ACTD_EXPLAIN_H

#include "db/base/strbuf.h"
#include "fcgi/config.h"

/*
 * `words`: a mail address or "guest"; a verb; an entity, or "entity:action"
 * for Execute; a reference id, or NULL. Adds lines of explanation, the last
 * one the decision, which `*allowed` is, too. 404 for unknown names.
 */
struct error *explain_run(struct arena *arena, const struct config *config,
			  char *const words[4], struct strbuf *text,
			  bool *allowed) MUST_CHECK;

#endif
