/*
 * router.h: which function serves a method and a path: one table.
 */
#ifndef ACTD_ROUTER_H
#define ACTD_ROUTER_H

#include "fcgi/reader.h"
#include "handlers/route.h"

#define METHOD_BIT(method) (1u << (method))

enum route_flag {
	/* Serve without database, model and caller. */
	ROUTE_BARE = 1,
	/* A token that does not verify makes a guest. */
	ROUTE_IGNORE_BAD_TOKEN = 2,
	/* The first capture is an entity: "user" may mean user_account. */
	ROUTE_ENTITY = 4,
	/* The captures name an action; what guests may run takes bad tokens. */
	ROUTE_ACTION = 8,
};

struct route {
	const char *pattern; /* "/api/{entity}/{id}" */
	unsigned methods;    /* METHOD_BIT()s; HEAD is added where GET is */
	serve_function *serve;
	render_function *render_error;
	unsigned flags;
};

struct match {
	const struct route *route; /* NULL: none for this method */
	unsigned allowed;	   /* methods of all routes of this path */
	const char *captures[CAPTURES_MAX];
	size_t ncaptures;
};

/* All routes; `*count` of them. */
const struct route *router_routes(size_t *count);

/* The route of the path and method; `allowed` is 0 for an unknown path. */
void router_match(const struct url_path *path, enum method method,
		  struct match *match);

/* "GET, HEAD, OPTIONS": the value of an Allow header. */
const char *router_allow(struct arena *arena, unsigned allowed);

#endif
