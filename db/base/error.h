/*
 * error.h: errors are values. What can fail returns `struct error *`, NULL
 * for success. One place per kind of route turns it into a document.
 */
#ifndef ACTD_ERROR_H
#define ACTD_ERROR_H

#include "db/base/arena.h"

struct error {
	int status;	       /* HTTP status, wire/decisions.md */
	const char *code;      /* stable word for programs: "already-claimed" */
	const char *detail;    /* a sentence for people; no SQL, path, secret */
	const char *pointer;   /* JSON pointer into the request body, or NULL */
	const char *parameter; /* query parameter at fault, or NULL */
	unsigned retry_after;  /* seconds; 0: no Retry-After header */
	const char *sqlstate;  /* what PostgreSQL said, for code; NULL */
	const char *constraint; /* the same: name of a broken constraint */
	struct error *next;	/* further faults of the same request */
};

/*
 * A new error in `arena`. `code` is a literal in kebab case. The detail is
 * made by printf rules and must be fit to be shown to any client.
 */
struct error *error_new(struct arena *arena, int status, const char *code,
			const char *format, ...) PRINTF(4, 5);

/* Sets the JSON pointer ("/data/attributes/title"); gives `error` back. */
struct error *error_at(struct error *error, const char *pointer);

/* Sets the query parameter ("page[size]"); gives `error` back. */
struct error *error_in(struct error *error, const char *parameter);

/* Appends `more` (NULL allowed) to `*list`. */
void error_append(struct error **list, struct error *more);

/*
 * Our own fault: logs `format` with a new id at level error and returns a
 * 500 whose detail names that id and nothing else.
 */
struct error *error_internal(struct arena *arena, const char *format, ...)
	PRINTF(2, 3);

/* The reason phrase of an HTTP status, "Error" where there is none. */
const char *error_title(int status);

#endif
