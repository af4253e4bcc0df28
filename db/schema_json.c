/*
 * schema_json.c: members of JSON objects, appended to a text.
 */
#include "db/schema_json.h"

void
json_separate(struct strbuf *buf)
{
	char last = buf->length ? buf->data[buf->length - 1] : '{';

	if (last != '{' && last != '[')
		strbuf_putc(buf, ',');
}

void
json_add_key(struct strbuf *buf, const char *key)
{
	json_separate(buf);
	strbuf_json_text(buf, key);
	strbuf_putc(buf, ':');
}

void
json_add_text(struct strbuf *buf, const char *key, const char *text)
{
	json_add_key(buf, key);
	strbuf_json_text(buf, text ? text : "");
}

void
json_add_boolean(struct strbuf *buf, const char *key, bool value)
{
	json_add_key(buf, key);
	strbuf_puts(buf, value ? "true" : "false");
}

void
json_add_mark(struct strbuf *buf, const char *key, bool value)
{
	if (value)
		json_add_boolean(buf, key, true);
}

void
json_add_integer(struct strbuf *buf, const char *key, int64_t value)
{
	json_add_key(buf, key);
	strbuf_integer(buf, value);
}

void
json_add_value(struct strbuf *buf, const char *key, const char *json)
{
	json_add_key(buf, key);
	strbuf_puts(buf, json ? json : "null");
}

void
json_add_null(struct strbuf *buf, const char *key)
{
	json_add_key(buf, key);
	strbuf_literal(buf, "null");
}

void
json_add_texts(struct strbuf *buf, const char *key, const char *const *texts,
	       size_t count)
{
	json_add_key(buf, key);
	strbuf_putc(buf, '[');
	for (size_t i = 0; i < count; i++) {
		json_separate(buf);
		strbuf_json_text(buf, texts[i]);
	}
	strbuf_putc(buf, ']');
}
