/*
 * listing.h: the parameters of a read: page, sort, filter, query, fields,
 * included_relations (wire/json-api.md section 3), checked against the model.
 */
#ifndef ACTD_LISTING_H
#define ACTD_LISTING_H

#include "db/query.h"
#include "handlers/request.h"

/* The parameters of the request for a list of `entity`; 400 otherwise. */
struct error *listing_read(struct request *request, const struct entity *entity,
			   struct listing **listing) MUST_CHECK;

#endif
