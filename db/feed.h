/*
 * feed.h: rows of the table `feed`: streams that are published as RSS, Atom
 * and JSON (wire/json-api.md 5.5).
 */
#ifndef ACTD_FEED_H
#define ACTD_FEED_H

#include "db/row.h"

enum feed_format { FEED_RSS, FEED_ATOM, FEED_JSON };

struct feed {
	const char *title;
	const char *description;
	const char *link;
	const char *author_name;
	const char *author_email;
	const char *stream; /* its name */
	int64_t page_size;
};

/*
 * The feed of that name, NULL where there is none that is on in this format
 * and open to the actor. As sites are, feeds are open to who may execute or
 * read their row; what is in them is the actor's view of the stream.
 */
struct error *feed_read(const struct row_context *context, const char *name,
			enum feed_format format,
			const struct feed **feed) MUST_CHECK;

#endif
