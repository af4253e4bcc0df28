/*
 * row_stream.h: reads streams: the list of the root entity, as the caller sees
 * it, and what the stream's steps make of each row (wire/schema.md section
 * 7).
 */
#ifndef ACTD_ROW_STREAM_HANDLER_H
#define ACTD_ROW_STREAM_HANDLER_H

#include "db/query.h"
#include "db/row_stream.h"
#include "handlers/request.h"

struct row_stream_page {
	struct listing *listing;
	struct page page;
	/* one for each row of the page, NULL where a filter left it out; the
	 * arena's */
	struct json_object **rows;
};

/*
 * A page of a stream by the given parameters; those that the stream sets come
 * before them. 403 without Peek on the root entity, 400 for parameters.
 */
struct error *row_stream_read(struct request *request,
			      const struct row_stream *stream,
			      const struct parameter *parameters,
			      size_t nparameters,
			      struct row_stream_page *page) MUST_CHECK;

/* GET /api/{stream} */
struct error *row_stream_list(struct request *request,
			      struct response *response,
			      const struct row_stream *stream) MUST_CHECK;

#endif
