/*
 * reader.h: turns the CGI variables of a request into plain data: method,
 * decoded segments of the path, decoded parameters. What is broken is refused
 * here, so that handlers see valid UTF-8 without NUL only.
 */
#ifndef ACTD_READER_H
#define ACTD_READER_H

#include "handlers/request.h"

#define SEGMENTS_MAX 16
#define PARAMETERS_MAX 1000

/* "/api/book/a%2Fb" is { "api", "book", "a/b" }. */
struct url_path {
	const char *segments[SEGMENTS_MAX];
	size_t count;
};

/*
 * Fills method, id, path, parameters, variables and body.length of `request`
 * (whose arena is set) from `variables`, which must outlive it, and `path`.
 * 400 for %00, bad escapes, invalid UTF-8, a doubtful length of the body, or
 * more than PARAMETERS_MAX parameters; 404 for a path of too many segments.
 * Method, id and path are set on error, too.
 */
struct error *reader_read(struct request *request, char *const *variables,
			  struct url_path *path) MUST_CHECK;

/* "GET" and so on; METHOD_OTHER is "OTHER". */
const char *method_name(enum method method);

#endif
