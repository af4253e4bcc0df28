/*
 * form.c: reads the two kinds of HTML forms, from memory and no more than
 * was said to be in it.
 */
#include <ctype.h>
#include <string.h>

#include "db/base/crypto.h"
#include "db/base/json.h"
#include "db/base/utf8.h"
#include "handlers/form.h"

static struct error *
bad_form(struct arena *arena, const char *what)
{
	return error_new(arena, 400, "bad-form", "the form %s", what);
}

struct error *
form_add_field(struct arena *arena, struct json_object *object,
	       const char *name, struct json_object *value)
{
	struct json_object *old;
	struct json_object *list;

	if (!json_object_object_get_ex(object, name, &old)) {
		json_object_object_add(object, name, value);
		return json_object_object_length(object) > FORM_FIELDS_MAX
			       ? bad_form(arena, "has too many fields")
			       : NULL;
	}
	if (json_object_is_type(old, json_type_array)) {
		json_object_array_add(old, value);
		return json_object_array_length(old) > FORM_FIELDS_MAX
			       ? bad_form(arena, "has too many values")
			       : NULL;
	}
	list = json_object_new_array();
	json_object_array_add(list, json_object_get(old));
	json_object_array_add(list, value);
	json_object_object_add(object, name, list);
	return NULL;
}

static struct json_object *
new_form(struct arena *arena)
{
	struct json_object *object = json_object_new_object();

	json_keep(arena, object);
	return object;
}

/* application/x-www-form-urlencoded. */

static int
hexadecimal(char c)
{
	if (isdigit((unsigned char)c))
		return c - '0';
	return tolower((unsigned char)c) - 'a' + 10;
}

/* Decodes "+" and %XX; NULL where the result is no text. */
static const char *
decode(struct arena *arena, const char *text, size_t length)
{
	char *out = arena_strndup(arena, text, length);
	size_t n = 0;

	for (size_t i = 0; i < length; i++) {
		char c = text[i];

		if (c == '+') {
			c = ' ';
		} else if (c == '%' && i + 2 < length &&
			   isxdigit((unsigned char)text[i + 1]) &&
			   isxdigit((unsigned char)text[i + 2])) {
			c = (char)(hexadecimal(text[i + 1]) << 4 |
				   hexadecimal(text[i + 2]));
			i += 2;
		}
		out[n++] = c;
	}
	out[n] = '\0';
	return utf8_is_text(out, n) ? out : NULL;
}

static struct error *
add_pair(struct arena *arena, struct json_object *object, const char *pair,
	 size_t length)
{
	const char *sign = memchr(pair, '=', length);
	size_t name_length = sign ? (size_t)(sign - pair) : length;
	const char *name = decode(arena, pair, name_length);
	const char *value =
		sign ? decode(arena, sign + 1, length - name_length - 1) : "";

	if (!name || !value)
		return bad_form(arena, "is not in UTF-8");
	return form_add_field(arena, object, name,
			      json_object_new_string(value));
}

struct error *
form_read_urlencoded(struct arena *arena, const char *text, size_t length,
		     struct json_object **object)
{
	const char *end = text + length;

	*object = new_form(arena);
	while (text < end) {
		const char *stop = memchr(text, '&', (size_t)(end - text));
		struct error *error = NULL;

		stop = stop ? stop : end;
		if (stop > text)
			error = add_pair(arena, *object, text,
					 (size_t)(stop - text));
		if (error)
			return error;
		text = stop + 1;
	}
	return NULL;
}

/* multipart/form-data. */

/* name="x", with \" for quotes. */
const char *
form_header_parameter(struct arena *arena, const char *header,
		      const char *parameter)
{
	size_t length = strlen(parameter);

	for (const char *p = strchr(header, ';'); p; p = strchr(p, ';')) {
		struct strbuf value;

		p += 1 + strspn(p + 1, " \t");
		if (strncasecmp(p, parameter, length) || p[length] != '=')
			continue;
		p += length + 1;
		if (*p != '"')
			return arena_strndup(arena, p, strcspn(p, "; \t"));
		strbuf_init(&value, arena);
		for (p++; *p && *p != '"'; p++) {
			if (*p == '\\' && p[1] == '"')
				p++;
			strbuf_putc(&value, *p);
		}
		return value.data;
	}
	return NULL;
}

static void
read_header(struct arena *arena, const char *line, struct form_part *part)
{
	static const char disposition[] = "content-disposition:";
	static const char type[] = "content-type:";

	if (!strncasecmp(line, disposition, sizeof disposition - 1)) {
		part->name = form_header_parameter(arena, line, "name");
		part->file_name =
			form_header_parameter(arena, line, "filename");
	} else if (!strncasecmp(line, type, sizeof type - 1)) {
		line += sizeof type - 1;
		part->type = line + strspn(line, " \t");
	}
}

/* Headers up to an empty line, then the content. */
bool
form_read_headers(struct arena *arena, const char *data, size_t length,
		  struct form_part *part)
{
	const char *end = data + length;

	*part = (struct form_part){ .type = "text/plain" };
	for (;;) {
		const char *stop =
			memmem(data, (size_t)(end - data), "\r\n", 2);

		if (!stop)
			return false;
		if (stop == data)
			break;
		read_header(arena,
			    arena_strndup(arena, data, (size_t)(stop - data)),
			    part);
		data = stop + 2;
	}
	part->content = data + 2;
	part->length = (size_t)(end - part->content);
	return part->name && utf8_is_text(part->name, strlen(part->name)) &&
	       utf8_is_text(part->type, strlen(part->type)) &&
	       (!part->file_name ||
		utf8_is_text(part->file_name, strlen(part->file_name)));
}

static struct json_object *
file_object(struct arena *arena, const struct form_part *part)
{
	struct json_object *file = json_object_new_object();

	json_object_object_add(file, "name",
			       json_object_new_string(part->file_name));
	json_object_object_add(file, "type",
			       json_object_new_string(part->type));
	json_object_object_add(file, "contents",
			       json_object_new_string(crypto_base64(
				       arena, part->content, part->length)));
	return file;
}

static struct error *
add_part(struct arena *arena, struct json_object *object,
	 const struct form_part *part)
{
	struct json_object *list;

	if (!part->file_name) {
		if (!utf8_is_text(part->content, part->length))
			return bad_form(arena, "is not in UTF-8");
		return form_add_field(
			arena, object, part->name,
			json_object_new_string_len(part->content,
						   (int)part->length));
	}
	if (!*part->file_name && !part->length) /* no file was chosen */
		return NULL;
	list = json_object_object_get(object, part->name);
	if (json_object_is_type(list, json_type_array)) {
		json_object_array_add(list, file_object(arena, part));
		return json_object_array_length(list) > FORM_FIELDS_MAX
			       ? bad_form(arena, "has too many files")
			       : NULL;
	}
	list = json_object_new_array();
	json_object_array_add(list, file_object(arena, part));
	return form_add_field(arena, object, part->name, list);
}

struct error *
form_read_multipart(struct arena *arena, const char *data, size_t length,
		    const char *boundary, struct json_object **object)
{
	const char *mark = arena_printf(arena, "\r\n--%s", boundary);
	size_t mark_length = strlen(mark);
	const char *end = data + length;
	const char *at = data;

	*object = new_form(arena);
	if (length < mark_length - 2 || memcmp(data, mark + 2, mark_length - 2))
		return bad_form(arena, "does not begin with its boundary");
	at += mark_length - 2;
	for (;;) {
		struct error *error;
		struct form_part part;
		const char *stop;

		if (end - at >= 2 && !memcmp(at, "--", 2))
			return NULL;
		if (end - at < 2 || memcmp(at, "\r\n", 2))
			return bad_form(arena, "has a broken boundary");
		at += 2;
		stop = memmem(at, (size_t)(end - at), mark, mark_length);
		if (!stop)
			return bad_form(arena, "has no end");
		if (!form_read_headers(arena, at, (size_t)(stop - at), &part))
			return bad_form(arena, "has a part without a name");
		error = add_part(arena, *object, &part);
		if (error)
			return error;
		at = stop + mark_length;
	}
}
