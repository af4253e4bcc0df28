/*
 * jsonapi.h: rows as JSON:API documents (wire/json-api.md section 1), appended
 * to a buffer straight from results, without a tree in between.
 */
#ifndef ACTD_JSONAPI_H
#define ACTD_JSONAPI_H

#include "db/query.h"
#include "db/row.h"
#include "handlers/request.h"

#define JSONAPI_TYPE "application/vnd.api+json"

/* {"data": …} of one written row. */
void jsonapi_row(struct strbuf *buf, const struct row *row);

/* {"data": {type, id}}: a row that the caller may not read. */
void jsonapi_identifier(struct strbuf *buf, const struct entity *entity,
			const char *id);

/*
 * {"links", "data": [...], "included"} of a page. `path` is that of the
 * request, for page links.
 */
void jsonapi_list(struct response *response, const struct request *request,
		  const struct listing *listing, const struct page *page);

/*
 * The same of resources that are made of the page's rows: `attributes` has an
 * object for each, NULL where the row is left out, and `type` is theirs.
 */
void jsonapi_made_list(struct response *response, const struct request *request,
		       const struct listing *listing, const struct page *page,
		       const char *type, struct json_object *const *attributes);

/* {"data": {...} or null, "included"} of the first row of a page. */
void jsonapi_item(struct response *response, const struct listing *listing,
		  const struct page *page);

/* {"data": linkage}: type and id of the page's rows, one object or null where
 * `to_one`. */
void jsonapi_linkage(struct response *response, const struct listing *listing,
		     const struct page *page, bool to_one);

#endif
