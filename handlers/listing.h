/*
 * listing.h: the parameters of a read: page, sort, filter, query, fields,
 * included_relations (wire/json-api.md section 3), checked against the model.
 */
#ifndef ACTD_LISTING_H
#define ACTD_LISTING_H

#include "db/query.h"
#include "handlers/request.h"

/* Limits of one request, each named in its 400. */
#define LISTING_CONDITIONS_MAX 100
#define LISTING_VALUES_MAX 1000
#define LISTING_SORT_MAX 10
#define LISTING_PATH_MAX 4
#define LISTING_INCLUDES_MAX 20

/* The caller's view that names are checked against. */
struct listing_context {
	struct arena *arena;
	const struct model *model;
	const struct actor *actor;
	int64_t page_size_max;
	const struct file_store *files;
	const struct parameter *parameters;
	size_t nparameters;
};

/*
 * A listing of `entity` by the context's parameters. 400 that names parameter
 * and column for what can't be read; hidden and unknown columns answer alike.
 */
struct error *listing_read(const struct listing_context *context,
			   const struct entity *entity,
			   struct listing **listing) MUST_CHECK;

/* The context of a request. */
struct listing_context listing_context_of(const struct request *request);

/*
 * The same from an object of parameters, as GET outcomes of actions have it:
 * {"query": [...], "page[size]": 5, "sort": "-title"}.
 */
struct error *listing_from_object(const struct listing_context *context,
				  const struct entity *entity,
				  struct json_object *parameters,
				  struct listing **listing) MUST_CHECK;

/*
 * Conditions by the JSON of `query`, appended to `listing`; `parameter` names
 * it in errors.
 */
struct error *listing_add_query(const struct listing_context *context,
				struct json_object *query,
				struct listing *listing) MUST_CHECK;

/* One value: the pattern of LIKE for a text that contains `text` as it is. */
const char **listing_contains(struct arena *arena, const char *text);

/* A dotted name: to-one relationships and a column that may be searched. */
struct error *listing_path(const struct listing_context *context,
			   const struct entity *entity, const char *name,
			   const char *parameter, struct path *path,
			   const struct column **column) MUST_CHECK;

#endif
