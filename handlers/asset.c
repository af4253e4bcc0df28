/*
 * asset.c: GET /asset/{entity}/{id}/{column}: a file of a row, or a Markdown
 * text as HTML (wire/json-api.md section 5.4). Whoever sees the row and the
 * column gets it; nginx reads the content of files (X-Accel-Redirect), parts of
 * it as well.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "db/base/crypto.h"
#include "db/file_list.h"
#include "handlers/asset.h"
#include "handlers/markdown.h"
#include "handlers/media_type.h"
#include "handlers/resource.h"
#include "handlers/route.h"

/* nginx/server.conf.in */
#define INTERNAL "/.files/"

/* Should a browser show it after all. */
static const char POLICY[] =
	"default-src 'none'; img-src 'self'; media-src 'self'; sandbox";

/* Which column. */

bool
asset_is_file(const struct column *column)
{
	return column->kind == VALUE_FILE;
}

bool
asset_is_markdown(const struct column *column)
{
	return column->type && !strcmp(column->type->name, "markdown");
}

static bool
is_readable(const struct column *column)
{
	return asset_is_file(column) || asset_is_markdown(column);
}

static const struct column *
find_column(const struct request *request, const struct entity *entity,
	    asset_kind *is_served, size_t length)
{
	const struct column *column = entity_column(
		entity,
		arena_strndup(request->arena, request->captures[2], length));

	return column && is_served(column) && column_is_visible(column) ? column
									: NULL;
}

struct error *
asset_column(const struct request *request, const struct entity *entity,
	     asset_kind *is_served, const struct column **column)
{
	const char *name = request->captures[2];
	const char *last = strrchr(name, '.');

	*column = find_column(request, entity, is_served, strlen(name));
	if (!*column && last)
		*column = find_column(request, entity, is_served,
				      (size_t)(last - name));
	if (!*column && last)
		*column = find_column(request, entity, is_served,
				      strcspn(name, "."));
	return *column ? NULL : resource_not_found(request, "file column");
}

static struct error *
read_text(const struct request *request, const struct entity *entity,
	  const char *id, const struct column *column, const char **text)
{
	const struct listing listing = {
		.entity = entity,
		.selection = selection_new(request->arena, entity,
					   &column->column_name, 1),
		.id = id,
		.page_number = 1,
		.page_size = 1,
		.total = TOTAL_NONE,
	};
	struct page page;
	struct error *error =
		query_page(request->db, request->arena, request->model,
			   request->actor, &listing, &page);
	size_t i = 0;

	if (error)
		return error;
	if (!rows_count(page.rows))
		return resource_not_found(request, entity->name);
	while (listing.selection->columns[i] != column)
		i++;
	*text = rows_text(page.rows, 0,
			  page.first_column + SELECTION_FIRST + i);
	return *text && **text ? NULL : resource_not_found(request, "file");
}

/* Which file. */

static bool
is_asked_for(const struct request *request, const struct file_entry *entry,
	     size_t at)
{
	const char *name = request_parameter(request, "file");
	const char *index = request_parameter(request, "index");

	if (name)
		return !strcmp(entry->name, name);
	if (!index)
		return !at;
	return *index && strlen(index) < 10 &&
	       strspn(index, "0123456789") == strlen(index) &&
	       strtoul(index, NULL, 10) == at;
}

static struct error *
find_file(const struct request *request, struct json_object *list,
	  struct file_entry *entry)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		*entry = file_entry_of(json_object_array_get_idx(list, i));
		if (!entry->name)
			entry->name = "";
		if (is_asked_for(request, entry, i) &&
		    (entry->sha256 || entry->content))
			return NULL;
	}
	return resource_not_found(request, "file");
}

/* The answer. */

/* For those who can't read filename*. */
static void
add_plain_name(struct strbuf *buf, const char *name)
{
	for (const char *p = name; *p; p++)
		strbuf_putc(buf,
			    isalnum((unsigned char)*p) || strchr(" ._-()", *p)
				    ? *p
				    : '_');
}

/* RFC 6266, RFC 8187 */
static const char *
disposition(const struct request *request, const struct media_type *type,
	    const char *name)
{
	struct strbuf buf;

	strbuf_init(&buf, request->arena);
	strbuf_puts(&buf,
		    type->is_inline && !request_parameter(request, "download")
			    ? "inline; filename=\""
			    : "attachment; filename=\"");
	add_plain_name(&buf, name);
	strbuf_literal(&buf, "\"; filename*=UTF-8''");
	strbuf_percent(&buf, name);
	return buf.data;
}

/* True where the caller has it already. */
static bool
is_known(const struct request *request, struct response *response,
	 const char *sha256)
{
	const char *tag = arena_printf(request->arena, "\"%s\"", sha256);

	response_header(response, "ETag", tag);
	response_header(response, "Content-Security-Policy", POLICY);
	if (!resource_is_not_modified(request, tag))
		return false;
	response->status = 304;
	return true;
}

static bool
begin_answer(const struct request *request, struct response *response,
	     const char *name, const char *sha256)
{
	const struct media_type *type = media_type_of(name);

	if (is_known(request, response, sha256))
		return false;
	response->content_type = type->name;
	response_header(response, "Content-Disposition",
			disposition(request, type, name));
	return true;
}

static struct error *
send_stored(const struct request *request, struct response *response,
	    const struct file_entry *entry)
{
	struct error *error;
	int fd;

	error = file_store_open(request->arena, &request->settings->files,
				entry->sha256, &fd);
	if (error)
		return error;
	if (fd < 0)
		return error_internal(request->arena, "file %s is missing",
				      entry->sha256);
	if (begin_answer(request, response, entry->name, entry->sha256))
		response_header(response, "X-Accel-Redirect",
				arena_printf(request->arena, INTERNAL "%s",
					     file_store_path(request->arena,
							     entry->sha256)));
	return NULL;
}

/* Content that is in the row itself. */
static struct error *
send_own(const struct request *request, struct response *response,
	 const char *name, const char *content)
{
	unsigned char *data;
	size_t size;

	if (!file_content_decode(request->arena, content, &data, &size))
		return resource_not_found(request, "file");
	if (begin_answer(request, response, name,
			 crypto_sha256_hex(request->arena, data, size)))
		strbuf_add(&response->body, data, size);
	return NULL;
}

static struct error *
send_markdown(const struct request *request, struct response *response,
	      const char *text)
{
	size_t length = strlen(text);
	struct strbuf html;

	if (length > MARKDOWN_MAX)
		return error_new(request->arena, 422, "too-long",
				 "The text is too long to be rendered.");
	strbuf_init(&html, request->arena);
	markdown_to_html(&html, text, length);
	if (is_known(request, response,
		     crypto_sha256_hex(request->arena, html.data, html.length)))
		return NULL;
	response->content_type = "text/html; charset=utf-8";
	response->body = html;
	return NULL;
}

struct error *
serve_asset(struct request *request, struct response *response)
{
	const struct entity *entity;
	const struct column *column;
	struct json_object *list;
	struct file_entry entry = { 0 };
	struct error *error;
	const char *text = NULL;
	const char *id;

	error = resource_find_readable_row(request, &entity, &id);
	if (!error)
		error = asset_column(request, entity, is_readable, &column);
	if (!error)
		error = read_text(request, entity, id, column, &text);
	if (error)
		return error;
	if (asset_is_markdown(column))
		return send_markdown(request, response, text);
	list = file_list_parse(request->arena, text);
	if (!list) /* its name is what the URL says */
		return send_own(request, response, request->captures[2], text);
	error = find_file(request, list, &entry);
	if (error)
		return error;
	if (entry.sha256)
		return send_stored(request, response, &entry);
	return send_own(request, response, entry.name, entry.content);
}
