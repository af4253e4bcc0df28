/*
 * error.c: errors as values, and the phrases of HTTP statuses (RFC 9110).
 */
#include "db/base/error.h"

#include <stdio.h>

#include "db/base/crypto.h"
#include "db/base/log.h"

static const struct {
	int status;
	const char *title;
} titles[] = {
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 406, "Not Acceptable" },
	{ 409, "Conflict" },
	{ 412, "Precondition Failed" },
	{ 413, "Content Too Large" },
	{ 415, "Unsupported Media Type" },
	{ 422, "Unprocessable Content" },
	{ 429, "Too Many Requests" },
	{ 500, "Internal Server Error" },
	{ 501, "Not Implemented" },
	{ 502, "Bad Gateway" },
	{ 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" },
};

const char *
error_title(int status)
{
	for (size_t i = 0; i < ARRAY_SIZE(titles); i++)
		if (titles[i].status == status)
			return titles[i].title;
	return "Error";
}

struct error *
error_new(struct arena *arena, int status, const char *code, const char *format,
	  ...)
{
	struct error *error = ARENA_NEW(arena, struct error);
	va_list args;

	error->status = status;
	error->code = code;
	va_start(args, format);
	error->detail = arena_vprintf(arena, format, args);
	va_end(args);
	return error;
}

struct error *
error_at(struct error *error, const char *pointer)
{
	error->pointer = pointer;
	return error;
}

struct error *
error_in(struct error *error, const char *parameter)
{
	error->parameter = parameter;
	return error;
}

void
error_append(struct error **list, struct error *more)
{
	while (*list)
		list = &(*list)->next;
	*list = more;
}

struct error *
error_internal(struct arena *arena, const char *format, ...)
{
	char id[37];
	va_list args;
	char *cause;

	crypto_uuid(id);
	va_start(args, format);
	cause = arena_vprintf(arena, format, args);
	va_end(args);
	log_event(LOG_ERROR, "internal-error", "id", id, "cause", cause, NULL);
	return error_new(arena, 500, "internal-error",
			 "Something went wrong here. The log has it under id "
			 "%s.",
			 id);
}
