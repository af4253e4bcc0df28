/*
 * download.c: Accept and Content-Disposition (RFC 6266). The file's bytes are
 * sent by the worker.
 */
#include "handlers/download.h"

#include <ctype.h>
#include <string.h>

#include "handlers/formats/dump_write.h"

static bool
makes_file(const struct action *action)
{
	for (size_t i = 0; i < action->nout_fields; i++) {
		const struct performer *performer =
			performer_find(action->out_fields[i].type);

		if (performer && performer->downloads)
			return true;
	}
	return false;
}

bool
download_is_wanted(const struct request *request, const struct action *action)
{
	const char *accept = request_variable(request, "HTTP_ACCEPT");

	if (!makes_file(action))
		return false;
	if (request_parameter(request, "download"))
		return true;
	return accept && (strcasestr(accept, "application/octet-stream") ||
			  dump_format_of_media(accept));
}

bool
download_is_streamed(const struct request *request, const struct action *action)
{
	const char *protocol = request_variable(request, "SERVER_PROTOCOL");

	return protocol && strcmp(protocol, "HTTP/1.0") != 0 &&
	       download_is_wanted(request, action);
}

/* A name that needs no escapes. */
static const char *
plain_name(struct arena *arena, const char *name)
{
	char *plain = arena_strdup(arena, name);

	for (char *p = plain; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("._-", *p))
			*p = '_';
	return plain;
}

void
download_answer(struct response *response, const struct reply_item *item)
{
	const char *name = json_object_get_string(
		json_object_object_get(item->attributes, "name"));
	const char *type = json_object_get_string(
		json_object_object_get(item->attributes, "contentType"));

	response->content_type = type;
	response->file = item->file;
	response->stream = item->stream;
	response_header(response, "Content-Disposition",
			arena_printf(response->arena,
				     "attachment; filename=\"%s\"",
				     plain_name(response->arena, name)));
}
