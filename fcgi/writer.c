/*
 * writer.c: header blocks. Any origin may call with a bearer token, so the
 * usual answer is the constant "*" (wire/decisions.md, "Tokens and
 * passwords"); only origins on the configured list get credentials.
 */
#include "fcgi/writer.h"

#include <strings.h>

#include "handlers/answer_file.h"

static const char CORS_REQUEST_HEADERS[] =
	"Accept, Accept-Language, Authorization, Content-Type, "
	"Idempotency-Key, If-Match, If-None-Match, Prefer, X-Requested-With";
static const char CORS_RESPONSE_HEADERS[] =
	"ETag, Location, Preference-Applied, Retry-After, X-Request-Id";

bool
cors_is_preflight(const struct request *request)
{
	return request->method == METHOD_OPTIONS &&
	       request_variable(request, "HTTP_ORIGIN") &&
	       request_variable(request, "HTTP_ACCESS_CONTROL_REQUEST_METHOD");
}

void
cors_preflight(struct response *response, const char *allow)
{
	response->status = 204;
	response_header(response, "Access-Control-Allow-Methods", allow);
	response_header(response, "Access-Control-Allow-Headers",
			CORS_REQUEST_HEADERS);
	response_header(response, "Access-Control-Max-Age", "7200");
}

static bool
is_listed(const char *const *origins, const char *origin)
{
	for (; origin && origins && *origins; origins++)
		if (!strcasecmp(*origins, origin))
			return true;
	return false;
}

static void
add_line(struct strbuf *buf, const char *name, const char *value)
{
	strbuf_puts(buf, name);
	strbuf_literal(buf, ": ");
	strbuf_puts(buf, value);
	strbuf_literal(buf, "\r\n");
}

static void
add_cors(struct strbuf *buf, const struct request *request)
{
	const char *const *origins = request->settings->cors_origins;
	const char *origin = request_variable(request, "HTTP_ORIGIN");

	if (is_listed(origins, origin)) {
		add_line(buf, "Access-Control-Allow-Origin", origin);
		add_line(buf, "Access-Control-Allow-Credentials", "true");
	} else {
		add_line(buf, "Access-Control-Allow-Origin", "*");
	}
	if (origins && *origins)
		add_line(buf, "Vary", "Origin");
	add_line(buf, "Access-Control-Expose-Headers", CORS_RESPONSE_HEADERS);
}

static bool
has_header(const struct response *response, const char *name)
{
	for (size_t i = 0; i < response->nheaders; i++)
		if (!strcasecmp(response->headers[i].name, name))
			return true;
	return false;
}

/* RFC 9110, section 15; refusals have theirs in error_title(). */
static const char *
reason(int status)
{
	static const struct {
		int status;
		const char *phrase;
	} phrases[] = {
		{ 200, "OK" },
		{ 201, "Created" },
		{ 202, "Accepted" },
		{ 204, "No Content" },
		{ 206, "Partial Content" },
		{ 301, "Moved Permanently" },
		{ 302, "Found" },
		{ 303, "See Other" },
		{ 304, "Not Modified" },
		{ 307, "Temporary Redirect" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(phrases); i++)
		if (phrases[i].status == status)
			return phrases[i].phrase;
	return error_title(status);
}

bool
writer_sends_body(const struct request *request,
		  const struct response *response)
{
	return request->method != METHOD_HEAD && response->content_type &&
	       !response->hand_over && response->status != 204 &&
	       response->status != 304;
}

void
writer_header(struct strbuf *buf, const struct request *request,
	      const struct response *response)
{
	if (response->hand_over) {
		strbuf_printf(buf, "X-Accel-Redirect: @%s\r\n\r\n",
			      response->hand_over);
		return;
	}
	strbuf_printf(buf, "Status: %d %s\r\n", response->status,
		      reason(response->status));
	if (response->content_type) {
		add_line(buf, "Content-Type", response->content_type);
		if (!response->stream)
			strbuf_printf(buf, "Content-Length: %zu\r\n",
				      response->file
					      ? (size_t)response->file->size
					      : response->body.length);
	}
	for (size_t i = 0; i < response->nheaders; i++)
		add_line(buf, response->headers[i].name,
			 response->headers[i].value);
	add_line(buf, "X-Request-Id", request->id);
	add_line(buf, "X-Content-Type-Options", "nosniff");
	if (response->file ||
	    response->stream) /* should a browser show it after all */
		add_line(buf, "Content-Security-Policy",
			 "default-src 'none'; sandbox");
	if (!has_header(response, "Cache-Control"))
		add_line(buf, "Cache-Control", "private, no-cache");
	add_cors(buf, request);
	strbuf_literal(buf, "\r\n");
}
