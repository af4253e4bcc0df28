/*
 * jsonapi.h: rows as JSON:API documents (wire/json-api.md section 1), appended
 * to a buffer straight from results.
 */
#ifndef ACTD_JSONAPI_H
#define ACTD_JSONAPI_H

#include "db/query.h"
#include "db/row.h"
#include "handlers/request.h"

#define JSONAPI_TYPE "application/vnd.api+json"

/* One resource object of row `index` of a result of `selection`. */
void jsonapi_resource(struct strbuf *buf, const struct selection *selection,
		      const struct rows *rows, size_t index);

/* {"data": …} of one written row. */
void jsonapi_document(struct response *response, int status,
		      const struct row *row);

#endif
