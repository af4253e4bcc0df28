/*
 * setting.c: /_config and /_config/{type}/{name}: settings of the server and
 * of its clients, for administrators (wire/json-api.md 5.3). The body is the
 * value, whatever its content type.
 */
#include <string.h>

#include "db/base/utf8.h"
#include "db/setting.h"
#include "handlers/resource.h"
#include "handlers/route.h"

static struct error *
check_caller(const struct request *request)
{
	if (request->actor->is_administrator)
		return NULL;
	return error_new(request->arena, 403, "forbidden",
			 "Settings are for administrators.");
}

static struct error *
no_setting(const struct request *request)
{
	return error_new(request->arena, 404, "not-found",
			 "There is no such setting.");
}

/* The setting of the path, for a caller who may have it. */
static struct error *
find_setting(const struct request *request, struct setting *setting)
{
	static const char *const types[] = { "backend", "web", "mobile" };
	struct error *error = check_caller(request);

	if (error)
		return error;
	*setting =
		(struct setting){ request->captures[0], request->captures[1] };
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (!strcmp(types[i], setting->type))
			return NULL;
	return no_setting(request);
}

struct error *
serve_settings(struct request *request, struct response *response)
{
	struct strbuf *buf = &response->body;
	struct rows *rows;
	struct error *error = check_caller(request);

	if (!error)
		error = setting_list(request->db, request->arena, &rows);
	if (error)
		return error;
	response->content_type = "application/json";
	strbuf_putc(buf, '{');
	for (size_t i = 0; i < rows_count(rows); i++) {
		if (i)
			strbuf_putc(buf, ',');
		strbuf_json_text(buf, rows_text(rows, i, 0));
		strbuf_putc(buf, ':');
		strbuf_json_text(buf, rows_text(rows, i, 1));
	}
	strbuf_putc(buf, '}');
	return NULL;
}

struct error *
serve_setting(struct request *request, struct response *response)
{
	struct setting setting;
	const char *value;
	struct error *error = find_setting(request, &setting);

	if (!error)
		error = setting_read(request->db, request->arena, &setting,
				     &value);
	if (!error && !value)
		error = no_setting(request);
	if (error)
		return error;
	response->content_type = "text/plain; charset=utf-8";
	strbuf_puts(&response->body, value);
	return NULL;
}

static struct error *
read_value(struct request *request, const struct setting *setting,
	   const char **value)
{
	size_t length;
	struct error *error = request_body(request, value, &length);

	if (error)
		return error;
	if (strlen(setting->name) > SETTING_NAME_MAX)
		return error_new(request->arena, 422, "name-too-long",
				 "The name of a setting has at most %d bytes.",
				 SETTING_NAME_MAX);
	if (length > SETTING_VALUE_MAX)
		return error_new(request->arena, 413, "body-too-large",
				 "The value of a setting has at most %d bytes.",
				 SETTING_VALUE_MAX);
	if (!utf8_is_text(*value, length))
		return error_new(request->arena, 400, "not-utf-8",
				 "The value must be text in UTF-8.");
	return setting_check(request->arena, setting, *value);
}

/* Commits; this node follows at once, the others as they are told. */
static struct error *
finish(struct request *request, struct response *response)
{
	const struct stale stale = { .model = true };

	response->content_type = "text/plain; charset=utf-8";
	return resource_finish(request, &stale);
}

struct error *
serve_setting_store(struct request *request, struct response *response)
{
	struct setting setting;
	const char *value;
	struct error *error = find_setting(request, &setting);

	if (!error)
		error = read_value(request, &setting, &value);
	if (!error)
		error = setting_store(request->db, request->arena, &setting,
				      value,
				      request->settings->values.encryption_key);
	return error ? error : finish(request, response);
}

struct error *
serve_setting_delete(struct request *request, struct response *response)
{
	struct setting setting;
	bool was_there;
	struct error *error = find_setting(request, &setting);

	if (!error)
		error = setting_delete(request->db, request->arena, &setting,
				       &was_there);
	if (!error && !was_there)
		error = no_setting(request);
	return error ? error : finish(request, response);
}
