/*
 * writer.h: a response as the bytes of a CGI answer: status, headers, those
 * for other origins (CORS), and where the body begins.
 */
#ifndef ACTD_WRITER_H
#define ACTD_WRITER_H

#include "handlers/request.h"

/*
 * Appends the header block of the response, up to and with the empty line.
 * The body follows it, except for HEAD, 204, 304 and a hand-over.
 */
void writer_header(struct strbuf *buf, const struct request *request,
		   const struct response *response);

/* Whether the body is sent after the header block. */
bool writer_sends_body(const struct request *request,
		       const struct response *response);

/* Whether the request is a CORS preflight (Fetch standard, 4.8). */
bool cors_is_preflight(const struct request *request);

/* The headers that answer a preflight; `allow` is the list of methods. */
void cors_preflight(struct response *response, const char *allow);

#endif
