/*
 * performer.h: C code that an outcome of method EXECUTE names. One file in
 * handlers/performers/ and one line in registry.def.
 */
#ifndef ACTD_PERFORMER_H
#define ACTD_PERFORMER_H

#include "handlers/reply.h"
#include "handlers/request.h"

struct run; /* handlers/engine.h */

struct performer {
	const char *name;    /* as outcomes write it: "__become_admin" */
	const char *summary; /* one line, for the manual page */
	const char *pool;    /* NULL: bounded work, any pool; "hash", "long" */
	bool spools; /* its files may be on disk: see handlers/spool.h */
	/*
	 * `input`: the evaluated attributes of the outcome. Adds items to
	 * `reply`; what later outcomes may refer to goes to reply->result.
	 */
	struct error *(*perform)(struct run *run, struct json_object *input,
				 struct reply *reply);
	/* It writes without telling by run_changed(): its runs are kept. */
	bool is_writer;
	bool downloads; /* adds a file, which may be all that is answered */
};

/* All performers, by the registry; `*count` of them. */
const struct performer *const *performers(size_t *count);

/* By name; NULL if there is none. */
const struct performer *performer_find(const char *name);

/*
 * Whether the name is reserved for parts still to come: an outcome may name
 * it, a run answers 501 (wire/decisions.md, "Actions").
 */
bool performer_is_reserved(const char *name);

#endif
