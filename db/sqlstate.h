/*
 * sqlstate.h: the one place where SQLSTATE becomes an HTTP status. Private to
 * db/db.c.
 */
#ifndef ACTD_SQLSTATE_H
#define ACTD_SQLSTATE_H

#include <libpq-fe.h>

#include "db/base/error.h"

/*
 * The error for a failed result (NULL: only `message` is known). Ours are
 * logged with the statement's text, without its parameters.
 */
struct error *sqlstate_error(struct arena *arena, const PGresult *result,
			     const char *message, const char *sql);

#endif
