/*
 * router.c: the table of routes. The first row that fits wins.
 */
#include "fcgi/router.h"

#define GET METHOD_BIT(METHOD_GET)
#define POST METHOD_BIT(METHOD_POST)
#define PUT METHOD_BIT(METHOD_PUT)
#define PATCH METHOD_BIT(METHOD_PATCH)
#define DELETE METHOD_BIT(METHOD_DELETE)
#define OPTIONS METHOD_BIT(METHOD_OPTIONS)

#define OPEN ROUTE_IGNORE_BAD_TOKEN
#define BARE ROUTE_BARE
#define ENTITY ROUTE_ENTITY

static const struct route routes[] = {
	{ "/api/operations", POST, serve_operations, render_errors, 0 },
	{ "/api/{entity}", GET, serve_list, render_errors, ENTITY },
	{ "/api/{entity}", POST, serve_create, render_errors, ENTITY },
	{ "/api/{entity}/{id}", GET, serve_item, render_errors, ENTITY },
	{ "/api/{entity}/{id}", PATCH, serve_update, render_errors, ENTITY },
	{ "/api/{entity}/{id}", DELETE, serve_delete, render_errors, ENTITY },
	{ "/api/{entity}/{id}/{relationship}", GET, serve_related,
	  render_errors, ENTITY },
	{ "/api/{entity}/{id}/relationships/{relationship}", GET, serve_linkage,
	  render_errors, ENTITY },
	{ "/api/{entity}/{id}/relationships/{relationship}", POST,
	  serve_link_add, render_errors, ENTITY },
	{ "/api/{entity}/{id}/relationships/{relationship}", PATCH,
	  serve_link_replace, render_errors, ENTITY },
	{ "/api/{entity}/{id}/relationships/{relationship}", DELETE,
	  serve_link_remove, render_errors, ENTITY },
	{ "/action/{entity}/{action}", GET | POST | PUT | PATCH | DELETE,
	  serve_action, render_action_errors, ENTITY | ROUTE_ACTION },
	{ "/aggregate/{entity}", GET | POST, serve_aggregate, render_errors,
	  ENTITY },
	{ "/stats/{entity}", GET, serve_stats, render_errors, ENTITY },
	{ "/asset/{entity}/{id}/{column}", GET, serve_asset, render_errors,
	  ENTITY },
	{ "/asset/{entity}/{id}/{column}/upload", POST, serve_asset_upload,
	  render_errors, ENTITY },
	{ "/track/start/{machine}", POST, serve_track_start, render_errors, 0 },
	{ "/track/event/{entity}/{state}/{event}", POST, serve_track_event,
	  render_errors, ENTITY },
	{ "/feed/{name}", GET, serve_feed, render_errors, 0 },
	{ "/_config", GET, serve_settings, render_errors, 0 },
	{ "/_config/{type}/{name}", GET, serve_setting, render_errors, 0 },
	{ "/_config/{type}/{name}", POST | PUT | PATCH, serve_setting_store,
	  render_errors, 0 },
	{ "/_config/{type}/{name}", DELETE, serve_setting_delete, render_errors,
	  0 },
	{ "/openapi.yaml", GET, serve_openapi, render_errors, OPEN },
	{ "/meta", GET, serve_meta, render_errors, OPEN },
	{ "/jsmodel/{entity}", GET, serve_jsmodel, render_errors, OPEN },
	{ "/actions", GET, serve_actions, render_errors, OPEN },
	{ "/recline_model", GET, serve_recline_model, render_errors, OPEN },
	{ "/health", GET, serve_health, render_errors, BARE },
	{ "/ready", GET, serve_ready, render_errors, BARE },
	{ "/ping", GET, serve_ping, render_errors, BARE },
	{ "/metrics", GET, serve_metrics, render_errors, BARE },
	{ "/statistics", GET, serve_statistics, render_errors, BARE },
	{ "/system", GET, serve_statistics, render_errors, BARE },
};

const struct route *
router_routes(size_t *count)
{
	*count = ARRAY_SIZE(routes);
	return routes;
}

/* Walks a pattern along the segments; a capture takes one, never empty. */
static bool
fits(const char *pattern, const struct url_path *path, struct match *match)
{
	match->ncaptures = 0;
	for (size_t i = 0; i < path->count; i++) {
		const char *segment = path->segments[i];
		size_t length;

		if (*pattern++ != '/')
			return false;
		length = strcspn(pattern, "/");
		if (*pattern == '{') {
			if (!*segment)
				return false;
			match->captures[match->ncaptures++] = segment;
		} else if (strlen(segment) != length ||
			   memcmp(segment, pattern, length)) {
			return false;
		}
		pattern += length;
	}
	return !*pattern;
}

/* HEAD is GET without a body. */
static unsigned
methods_of(const struct route *route)
{
	return route->methods |
	       (route->methods & GET ? METHOD_BIT(METHOD_HEAD) : 0);
}

void
router_match(const struct url_path *path, enum method method,
	     struct match *match)
{
	*match = (struct match){ 0 };
	for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
		struct match found = { 0 };

		if (!fits(routes[i].pattern, path, &found))
			continue;
		match->allowed |= methods_of(&routes[i]) | OPTIONS;
		if (match->route ||
		    !(methods_of(&routes[i]) & METHOD_BIT(method)))
			continue;
		found.route = &routes[i];
		found.allowed = match->allowed;
		*match = found;
	}
}

const char *
router_allow(struct arena *arena, unsigned allowed)
{
	struct strbuf list;

	strbuf_init(&list, arena);
	for (int i = 0; i < METHOD_OTHER; i++) {
		if (!(allowed & METHOD_BIT(i)))
			continue;
		if (list.length)
			strbuf_literal(&list, ", ");
		strbuf_puts(&list, method_name((enum method)i));
	}
	return list.data;
}
