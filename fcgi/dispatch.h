/*
 * dispatch.h: one request from CGI variables to a response: read, route,
 * authenticate, serve, commit or roll back, render errors.
 */
#ifndef ACTD_DISPATCH_H
#define ACTD_DISPATCH_H

#include "handlers/request.h"

/*
 * Serves the request that `variables` describe. The caller has set arena,
 * db, settings, shared, accounts, model_slot, pool and body.read of
 * `request`. Always fills `response`. Leaves no transaction open.
 */
void dispatch(struct request *request, char *const *variables,
	      struct response *response);

#endif
