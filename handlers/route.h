/*
 * route.h: what the router (fcgi/) needs of a handler. Each URL is one line
 * of the table in fcgi/router.c.
 */
#ifndef ACTD_ROUTE_H
#define ACTD_ROUTE_H

#include "handlers/request.h"

typedef struct error *serve_function(struct request *request,
				     struct response *response);
typedef void render_function(struct response *response,
			     const struct error *error);

/* Errors as documents: JSON:API's, and Daptin's array on action routes. */
render_function render_errors;
render_function render_action_errors;

/* handlers/resource.c: entities over JSON:API. Captures: entity, id, name. */
serve_function serve_list, serve_create, serve_item, serve_update, serve_delete,
	serve_related, serve_linkage, serve_link_add, serve_link_replace,
	serve_link_remove;

/* handlers/operations.c: POST /api/operations */
serve_function serve_operations;

/* handlers/openapi.c */
serve_function serve_openapi;

/* handlers/aggregate.c: captures: entity */
serve_function serve_aggregate, serve_stats;

/* handlers/action.c: captures: entity, action */
serve_function serve_action;

/* handlers/asset.c: captures: entity, id, column */
serve_function serve_asset, serve_asset_upload;

/* handlers/track.c: captures: smd id; entity, state id, event */
serve_function serve_track_start, serve_track_event;

/* handlers/setting.c: captures: type, name */
serve_function serve_settings, serve_setting, serve_setting_store,
	serve_setting_delete;

/* handlers/feed.c: capture: name and extension */
serve_function serve_feed;

/* handlers/discovery.c */
serve_function serve_meta, serve_jsmodel, serve_actions, serve_recline_model;

/* handlers/health.c */
serve_function serve_health, serve_ready, serve_metrics, serve_ping;

/* handlers/statistics.c */
serve_function serve_statistics;

#endif
