/*
 * reply.c: builds the items that an action answers and writes them as Daptin
 * does: sorted keys, and nothing that a browser could take for markup.
 */
#include <stdlib.h>
#include <string.h>

#include "db/base/crypto.h"
#include "db/base/json.h"
#include "db/base/log.h"
#include "handlers/reply.h"
#include "handlers/answer_file.h"

void
reply_init(struct reply *reply, struct arena *arena)
{
	*reply = (struct reply){ .arena = arena };
}

static void
push(struct reply *reply, struct reply_item item)
{
	ARENA_PUSH(reply->arena, reply->items, reply->nitems, item);
}

void
reply_add(struct reply *reply, const char *type, struct json_object *attributes)
{
	json_keep(reply->arena, attributes);
	push(reply,
	     (struct reply_item){ .type = type, .attributes = attributes });
}

void
reply_append(struct reply *reply, const struct reply *other)
{
	for (size_t i = 0; i < other->nitems; i++)
		push(reply, other->items[i]);
}

static void
add_text(struct json_object *object, const char *key, const char *value)
{
	json_object_object_add(object, key, json_object_new_string(value));
}

void
reply_notify(struct reply *reply, const char *kind, const char *title,
	     const char *message)
{
	struct json_object *attributes = json_object_new_object();

	add_text(attributes, "type", kind);
	add_text(attributes, "title", title);
	add_text(attributes, "message", message);
	reply_add(reply, "client.notify", attributes);
}

void
reply_redirect(struct reply *reply, const char *location, int delay_ms)
{
	struct json_object *attributes = json_object_new_object();

	json_object_object_add(attributes, "delay",
			       json_object_new_int(delay_ms));
	add_text(attributes, "location", location);
	add_text(attributes, "window", "self");
	reply_add(reply, "client.redirect", attributes);
}

static void
add_pair(struct reply *reply, const char *type, const char *key,
	 const char *value)
{
	struct json_object *attributes = json_object_new_object();

	add_text(attributes, "key", key);
	add_text(attributes, "value", value);
	reply_add(reply, type, attributes);
}

void
reply_store(struct reply *reply, const char *key, const char *value)
{
	add_pair(reply, "client.store.set", key, value);
}

void
reply_cookie(struct reply *reply, const char *key, const char *value)
{
	add_pair(reply, "client.cookie.set", key, value);
}

void
reply_download(struct reply *reply, const char *name, const char *content_type,
	       const char *message, const void *content, size_t size)
{
	struct json_object *attributes = json_object_new_object();

	add_text(attributes, "content",
		 crypto_base64(reply->arena, content, size));
	add_text(attributes, "contentType", content_type);
	add_text(attributes, "message", message);
	add_text(attributes, "name", name);
	reply_add(reply, "client.file.download", attributes);
}

static struct reply_item *
add_download(struct reply *reply, const char *name, const char *content_type,
	     const char *message)
{
	struct json_object *attributes = json_object_new_object();

	add_text(attributes, "contentType", content_type);
	add_text(attributes, "message", message);
	add_text(attributes, "name", name);
	reply_add(reply, "client.file.download", attributes);
	return &reply->items[reply->nitems - 1];
}

void
reply_download_file(struct reply *reply, const char *name,
		    const char *content_type, const char *message,
		    const struct answer_file *file)
{
	add_download(reply, name, content_type, message)->file = file;
}

void
reply_download_stream(struct reply *reply, const char *name,
		      const char *content_type, const char *message,
		      const struct answer_stream *stream)
{
	add_download(reply, name, content_type, message)->stream = stream;
}

const struct reply_item *
reply_file(const struct reply *reply)
{
	for (size_t i = reply->nitems; i-- > 0;)
		if (reply->items[i].file || reply->items[i].stream)
			return &reply->items[i];
	return NULL;
}

struct error *
reply_check_files(const struct reply *reply)
{
	int64_t size = 0;

	for (size_t i = 0; i < reply->nitems; i++)
		if (reply->items[i].file)
			size += reply->items[i].file->size;
	if (size <= REPLY_FILES_MAX)
		return NULL;
	return error_new(reply->arena, 413, "too-large-for-base64",
			 "The file has %lld bytes, and at most %d are sent in "
			 "base64. Ask for it with the header Accept: "
			 "application/octet-stream or the query parameter "
			 "download.",
			 (long long)size, REPLY_FILES_MAX);
}

/* A JSON string in which no markup can hide. */
static void
write_string(struct strbuf *buf, const char *text, size_t length)
{
	size_t start = buf->length;
	const char *json;
	size_t json_length;

	strbuf_json(buf, text, length);
	if (!strpbrk(buf->data + start, "&<>"))
		return;
	json_length = buf->length - start;
	json = arena_strndup(buf->arena, buf->data + start, json_length);
	strbuf_cut(buf, start);
	for (const char *p = json; *p; p++) {
		if (*p == '&' || *p == '<' || *p == '>')
			strbuf_printf(buf, "\\u%04x", (unsigned)*p);
		else
			strbuf_putc(buf, *p);
	}
}

static int
compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void write_value(struct strbuf *buf, struct json_object *value);

static void
write_object(struct strbuf *buf, struct json_object *object)
{
	size_t count = (size_t)json_object_object_length(object);
	const char **keys = ARENA_ARRAY(buf->arena, const char *, count);
	size_t n = 0;

	json_object_object_foreach(object, key, unused)
	{
		(void)unused;
		keys[n++] = key;
	}
	if (n)
		qsort(keys, n, sizeof *keys, compare_keys);
	strbuf_putc(buf, '{');
	for (size_t i = 0; i < n; i++) {
		if (i)
			strbuf_putc(buf, ',');
		write_string(buf, keys[i], strlen(keys[i]));
		strbuf_putc(buf, ':');
		write_value(buf, json_object_object_get(object, keys[i]));
	}
	strbuf_putc(buf, '}');
}

static void
write_array(struct strbuf *buf, struct json_object *array)
{
	strbuf_putc(buf, '[');
	for (size_t i = 0; i < json_object_array_length(array); i++) {
		if (i)
			strbuf_putc(buf, ',');
		write_value(buf, json_object_array_get_idx(array, i));
	}
	strbuf_putc(buf, ']');
}

static void
write_value(struct strbuf *buf, struct json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_object:
		write_object(buf, value);
		break;
	case json_type_array:
		write_array(buf, value);
		break;
	case json_type_string:
		write_string(buf, json_object_get_string(value),
			     (size_t)json_object_get_string_len(value));
		break;
	default:
		strbuf_puts(buf, json_object_to_json_string_ext(
					 value, JSON_C_TO_STRING_PLAIN));
	}
}

/* "content" is the first key of the sorted ones. A file that can't be read
 * is empty: its disk is broken, and says so itself. */
static void
write_file(struct strbuf *buf, const struct reply_item *item)
{
	size_t start;

	strbuf_literal(buf, "{\"content\":\"");
	if (answer_file_base64(item->file, buf))
		log_event(LOG_ERROR, "answer-file-unreadable", NULL);
	strbuf_putc(buf, '"');
	start = buf->length;
	write_value(buf, item->attributes);
	buf->data[start] = ',';
}

static void
write_item(struct strbuf *buf, const struct reply_item *item)
{
	strbuf_literal(buf, "{\"ResponseType\":");
	write_string(buf, item->type, strlen(item->type));
	strbuf_literal(buf, ",\"Attributes\":");
	if (item->file)
		write_file(buf, item);
	else
		write_value(buf, item->attributes);
	if (item->beside) {
		json_object_object_foreach(item->beside, key, value)
		{
			strbuf_putc(buf, ',');
			write_string(buf, key, strlen(key));
			strbuf_putc(buf, ':');
			write_value(buf, value);
		}
	}
	strbuf_putc(buf, '}');
}

void
reply_write(struct strbuf *buf, const struct reply *reply)
{
	strbuf_putc(buf, '[');
	for (size_t i = 0; i < reply->nitems; i++) {
		if (i)
			strbuf_putc(buf, ',');
		write_item(buf, &reply->items[i]);
	}
	strbuf_putc(buf, ']');
}
