/*
 * feed.c: GET /feed/{name}.{rss|atom|json}: a stream's newest rows for feed
 * readers (wire/json-api.md 5.5): RSS 2.0, Atom (RFC 4287), JSON Feed 1.
 */
#include "db/feed.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "handlers/route.h"
#include "handlers/row_stream.h"

/* One entry, all texts "" where the row has none. */
struct entry {
	const char *id;
	const char *title;
	const char *link;
	const char *description;
	const char *author_name;
	const char *author_email;
	const char *created_at;
};

struct document {
	struct request *request;
	struct strbuf *buf;
	const struct feed *feed;
	struct entry *entries;
	size_t nentries;
};

/* XML. */

/* Text as XML 1.0 can have it: five entities, no control characters. */
static void
add_escaped(struct strbuf *buf, const char *text)
{
	static const struct {
		char character;
		const char *entity;
	} entities[] = { { '&', "&amp;" },
			 { '<', "&lt;" },
			 { '>', "&gt;" },
			 { '"', "&quot;" },
			 { '\'', "&#39;" } };

	for (; text && *text; text++) {
		const char *entity = NULL;

		for (size_t i = 0; i < ARRAY_SIZE(entities); i++)
			if (entities[i].character == *text)
				entity = entities[i].entity;
		if (entity)
			strbuf_puts(buf, entity);
		else if ((unsigned char)*text >= ' ' || strchr("\t\n\r", *text))
			strbuf_putc(buf, *text);
	}
}

static void
add_element(struct strbuf *buf, const char *name, const char *text)
{
	strbuf_printf(buf, "<%s>", name);
	add_escaped(buf, text);
	strbuf_printf(buf, "</%s>", name);
}

/* "2026-01-25T10:00:00Z" as RFC 822 has it; "" where it is no time. */
static const char *
mail_date(struct arena *arena, const char *text)
{
	struct tm tm = { 0 };
	char date[64];

	if (sscanf(text, "%d-%d-%dT%d:%d:%d", &tm.tm_year, &tm.tm_mon,
		   &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec) != 6)
		return "";
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	timegm(&tm); /* finds the day of the week */
	strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
	return arena_strdup(arena, date);
}

/* The newest entry's time: those of an entry sort as texts do. */
static const char *
last_change(const struct document *d)
{
	const char *newest = "1970-01-01T00:00:00Z";

	for (size_t i = 0; i < d->nentries; i++)
		if (strcmp(d->entries[i].created_at, newest) > 0)
			newest = d->entries[i].created_at;
	return newest;
}

static void
add_mail_author(struct strbuf *buf, const char *element, const char *email,
		const char *name)
{
	if (!email || !*email)
		return;
	strbuf_printf(buf, "<%s>", element);
	add_escaped(buf, email);
	if (name && *name) {
		strbuf_literal(buf, " (");
		add_escaped(buf, name);
		strbuf_putc(buf, ')');
	}
	strbuf_printf(buf, "</%s>", element);
}

static void
write_rss_entry(const struct document *d, const struct entry *entry)
{
	struct strbuf *buf = d->buf;

	strbuf_literal(buf, "<item>");
	add_element(buf, "title", entry->title);
	add_element(buf, "link", entry->link);
	add_element(buf, "description", entry->description);
	add_mail_author(buf, "author", entry->author_email, entry->author_name);
	strbuf_literal(buf, "<guid isPermaLink=\"false\">");
	add_escaped(buf, entry->id);
	strbuf_literal(buf, "</guid>");
	add_element(buf, "pubDate", mail_date(buf->arena, entry->created_at));
	strbuf_literal(buf, "</item>");
}

static void
write_rss(const struct document *d)
{
	struct strbuf *buf = d->buf;

	strbuf_literal(buf, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
			    "<rss version=\"2.0\"><channel>");
	add_element(buf, "title", d->feed->title);
	add_element(buf, "link", d->feed->link);
	add_element(buf, "description", d->feed->description);
	add_mail_author(buf, "managingEditor", d->feed->author_email,
			d->feed->author_name);
	add_element(buf, "pubDate", mail_date(buf->arena, last_change(d)));
	for (size_t i = 0; i < d->nentries; i++)
		write_rss_entry(d, &d->entries[i]);
	strbuf_literal(buf, "</channel></rss>");
}

static void
add_atom_author(struct strbuf *buf, const char *name, const char *email)
{
	if (!name || !*name)
		name = email;
	if (!name || !*name)
		return;
	strbuf_literal(buf, "<author>");
	add_element(buf, "name", name);
	if (email && *email)
		add_element(buf, "email", email);
	strbuf_literal(buf, "</author>");
}

static void
add_atom_link(struct strbuf *buf, const char *link)
{
	if (!link || !*link)
		return;
	strbuf_literal(buf, "<link href=\"");
	add_escaped(buf, link);
	strbuf_literal(buf, "\"/>");
}

static void
write_atom_entry(const struct document *d, const struct entry *entry)
{
	struct strbuf *buf = d->buf;

	strbuf_literal(buf, "<entry>");
	add_element(buf, "title", entry->title);
	strbuf_literal(buf, "<id>urn:uuid:");
	add_escaped(buf, entry->id);
	strbuf_literal(buf, "</id>");
	add_element(buf, "updated", entry->created_at);
	add_atom_link(buf, entry->link);
	strbuf_literal(buf, "<summary type=\"html\">");
	add_escaped(buf, entry->description);
	strbuf_literal(buf, "</summary>");
	add_atom_author(buf, entry->author_name, entry->author_email);
	strbuf_literal(buf, "</entry>");
}

static void
write_atom(const struct document *d)
{
	struct strbuf *buf = d->buf;

	strbuf_literal(buf, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
			    "<feed xmlns=\"http://www.w3.org/2005/Atom\">");
	add_element(buf, "title", d->feed->title);
	add_element(buf, "id",
		    d->feed->link && *d->feed->link ? d->feed->link
						    : d->request->path);
	add_element(buf, "updated", last_change(d));
	add_element(buf, "subtitle", d->feed->description);
	add_atom_link(buf, d->feed->link);
	add_atom_author(buf,
			d->feed->author_name && *d->feed->author_name
				? d->feed->author_name
				: d->feed->title,
			d->feed->author_email);
	for (size_t i = 0; i < d->nentries; i++)
		write_atom_entry(d, &d->entries[i]);
	strbuf_literal(buf, "</feed>");
}

/* JSON. */

static void
add_member(struct strbuf *buf, const char *name, const char *text)
{
	if (buf->data[buf->length - 1] != '{')
		strbuf_putc(buf, ',');
	strbuf_json_text(buf, name);
	strbuf_putc(buf, ':');
	strbuf_json_text(buf, text ? text : "");
}

static void
add_json_author(struct strbuf *buf, const char *name)
{
	if (!name || !*name)
		return;
	strbuf_literal(buf, ",\"author\":{");
	add_member(buf, "name", name);
	strbuf_putc(buf, '}');
}

static void
write_json(const struct document *d)
{
	struct strbuf *buf = d->buf;

	strbuf_putc(buf, '{');
	add_member(buf, "version", "https://jsonfeed.org/version/1");
	add_member(buf, "title", d->feed->title);
	add_member(buf, "home_page_url", d->feed->link);
	add_member(buf, "description", d->feed->description);
	add_json_author(buf, d->feed->author_name);
	strbuf_literal(buf, ",\"items\":[");
	for (size_t i = 0; i < d->nentries; i++) {
		const struct entry *entry = &d->entries[i];

		strbuf_puts(buf, i ? ",{" : "{");
		add_member(buf, "id", entry->id);
		add_member(buf, "url", entry->link);
		add_member(buf, "title", entry->title);
		add_member(buf, "summary", entry->description);
		add_member(buf, "content_text", entry->description);
		add_member(buf, "date_published", entry->created_at);
		add_json_author(buf, entry->author_name);
		strbuf_putc(buf, '}');
	}
	strbuf_literal(buf, "]}");
}

/* Entries. */

static const struct {
	const char *name;
	size_t offset;
} members[] = {
	{ "title", offsetof(struct entry, title) },
	{ "link", offsetof(struct entry, link) },
	{ "description", offsetof(struct entry, description) },
	{ "author_name", offsetof(struct entry, author_name) },
	{ "author_email", offsetof(struct entry, author_email) },
	{ "created_at", offsetof(struct entry, created_at) },
};

static struct entry
entry_of(struct json_object *row, const char *id)
{
	struct entry entry = { .id = id };

	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		const char *text = json_object_get_string(
			json_object_object_get(row, members[i].name));

		*(const char **)((char *)&entry + members[i].offset) =
			text ? text : "";
	}
	return entry;
}

/* The feed's page size is what the stream is asked for. */
static struct error *
read_entries(struct document *d, const struct row_stream *stream)
{
	struct arena *arena = d->request->arena;
	const struct parameter parameters[] = {
		{ "page[size]",
		  arena_printf(arena, "%lld",
			       (long long)(d->feed->page_size > 0
						   ? d->feed->page_size
						   : 1)) },
		{ "page[total]", "none" },
		{ "sort", "-created_at" },
	};
	struct row_stream_page page;
	struct error *error = row_stream_read(d->request, stream, parameters,
					      ARRAY_SIZE(parameters), &page);

	for (size_t i = 0; !error && i < rows_count(page.page.rows); i++)
		if (page.rows[i])
			ARENA_PUSH(arena, d->entries, d->nentries,
				   entry_of(page.rows[i],
					    rows_text(page.page.rows, i,
						      SELECTION_REFERENCE_ID)));
	return error;
}

/* The route. */

static const struct {
	const char *extension;
	enum feed_format format;
	const char *content_type;
	void (*write)(const struct document *d);
} formats[] = {
	{ "rss", FEED_RSS, "application/xml", write_rss },
	{ "atom", FEED_ATOM, "application/xml", write_atom },
	{ "json", FEED_JSON, "application/json", write_json },
};

/* By what follows the last dot; what is unknown is RSS. */
static struct error *
split_name(const struct request *request, const char **name, size_t *format)
{
	const char *given = request->captures[0];
	const char *dot = strrchr(given, '.');

	if (!dot)
		return error_new(request->arena, 400, "no-extension",
				 "A feed's name ends in .rss, .atom or .json.");
	*name = arena_strndup(request->arena, given, (size_t)(dot - given));
	*format = 0;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		if (!strcmp(formats[i].extension, dot + 1))
			*format = i;
	return NULL;
}

struct error *
serve_feed(struct request *request, struct response *response)
{
	struct row_context context = request_row_context(request, false);
	struct document d = { .request = request, .buf = &response->body };
	const struct row_stream *stream;
	const char *name = NULL;
	size_t format = 0;
	struct error *error = split_name(request, &name, &format);

	if (!error)
		error = feed_read(&context, name, formats[format].format,
				  &d.feed);
	if (error)
		return error;
	stream = d.feed ? model_stream(request->model, d.feed->stream) : NULL;
	if (!stream)
		return error_new(request->arena, 404, "not-found",
				 "There is no such feed.");
	error = read_entries(&d, stream);
	if (error)
		return error;
	response->content_type = formats[format].content_type;
	formats[format].write(&d);
	return NULL;
}
