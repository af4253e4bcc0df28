/*
 * error_document.c: errors as documents: JSON:API's `errors` on its routes,
 * Daptin's array of items on action routes. The status of the response is
 * that of the first error.
 */
#include "handlers/jsonapi.h"
#include "handlers/reply.h"
#include "handlers/route.h"

static void
set_headers(struct response *response, const struct error *error)
{
	response->status = error->status;
	strbuf_cut(&response->body, 0);
	if (error->status == 401)
		response_header(response, "WWW-Authenticate", "Bearer");
	if (error->retry_after)
		response_header(response, "Retry-After",
				arena_printf(response->arena, "%u",
					     error->retry_after));
}

static void
add_member(struct strbuf *buf, const char *name, const char *value)
{
	if (!value)
		return;
	strbuf_putc(buf, ',');
	strbuf_json_text(buf, name);
	strbuf_putc(buf, ':');
	strbuf_json_text(buf, value);
}

static void
add_source(struct strbuf *buf, const struct error *error)
{
	const char *name = error->pointer ? "pointer" : "parameter";
	const char *value = error->pointer ? error->pointer : error->parameter;

	if (!value)
		return;
	strbuf_literal(buf, ",\"source\":{");
	strbuf_json_text(buf, name);
	strbuf_putc(buf, ':');
	strbuf_json_text(buf, value);
	strbuf_putc(buf, '}');
}

void
render_errors(struct response *response, const struct error *error)
{
	struct strbuf *buf = &response->body;

	set_headers(response, error);
	response->content_type = JSONAPI_TYPE;
	strbuf_literal(buf, "{\"errors\":[");
	for (const struct error *one = error; one; one = one->next) {
		if (one != error)
			strbuf_putc(buf, ',');
		strbuf_printf(buf, "{\"status\":\"%d\"", one->status);
		add_member(buf, "title", error_title(one->status));
		add_member(buf, "code", one->code);
		add_member(buf, "detail", one->detail);
		add_source(buf, one);
		strbuf_putc(buf, '}');
	}
	strbuf_literal(buf, "]}");
}

void
render_action_errors(struct response *response, const struct error *error)
{
	struct reply reply;

	set_headers(response, error);
	response->content_type = "application/json; charset=utf-8";
	reply_init(&reply, response->arena);
	for (const struct error *one = error; one; one = one->next)
		reply_notify(&reply, "error", "failed", one->detail);
	reply_write(&response->body, &reply);
}
