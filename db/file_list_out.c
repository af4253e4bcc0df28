/*
 * file_list_out.c: lists of files on their way out: where a file can be had,
 * and its content where that is asked for.
 */
#include "db/file_list.h"

#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "db/base/crypto.h"
#include "db/base/json.h"
#include "db/value.h"

#define PIECE 65536
#define PLAIN (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

struct json_object *
file_list_parse(struct arena *arena, const char *text)
{
	struct json_object *list;

	if (*text != '[')
		return NULL;
	list = json_tokener_parse(text);
	json_keep(arena, list);
	return json_object_is_type(list, json_type_array) ? list : NULL;
}

static const char *
text_member(struct json_object *object, const char *name)
{
	struct json_object *value = json_object_object_get(object, name);

	return json_object_is_type(value, json_type_string)
		       ? json_object_get_string(value)
		       : NULL;
}

struct file_entry
file_entry_of(struct json_object *file)
{
	struct file_entry entry = {
		.name = text_member(file, "name"),
		.type = text_member(file, "type"),
		.sha256 = text_member(file, "sha256"),
		.content = text_member(file, "file"),
		.size = json_object_get_int64(
			json_object_object_get(file, "size")),
	};

	if (!entry.content)
		entry.content = text_member(file, "contents");
	if (entry.sha256 && !file_store_is_hash(entry.sha256))
		entry.sha256 = NULL;
	return entry;
}

bool
file_content_decode(struct arena *arena, const char *content,
		    unsigned char **data, size_t *size)
{
	if (!strncasecmp(content, "data:", 5)) {
		content = strchr(content, ',');
		if (!content++)
			return false;
	}
	return crypto_base64_decode(arena, content, strlen(content), data,
				    size);
}

/* Contents. */

/* Base64 of a content; NULL where it can't be had. */
static const char *
read_content(struct arena *arena, const struct file_store *store,
	     const char *sha256)
{
	struct strbuf data;
	ssize_t got;
	int fd;

	if (file_store_open(arena, store, sha256, &fd) || fd < 0)
		return NULL;
	strbuf_init(&data, arena);
	do {
		strbuf_reserve(&data, PIECE);
		got = read(fd, data.data + data.length, PIECE);
		if (got > 0)
			strbuf_cut(&data, data.length + (size_t)got);
	} while (got > 0);
	return got < 0 ? NULL : crypto_base64(arena, data.data, data.length);
}

/* In an arena of its own: many lists with contents come after another. */
static void
add_content(struct json_object *file, const char *member,
	    const struct file_store *store, int64_t *budget)
{
	struct file_entry entry = file_entry_of(file);
	struct arena *arena;
	const char *content;

	if (!entry.sha256 || entry.size > *budget)
		return;
	arena = arena_new();
	content = read_content(arena, store, entry.sha256);
	if (content) {
		*budget -= entry.size;
		json_object_object_add(file, member,
				       json_object_new_string(content));
	}
	arena_free(arena);
}

static void
add_place(struct json_object *file, const char *path)
{
	const char *name = text_member(file, "name");
	struct arena *arena = arena_new();
	struct strbuf src;

	strbuf_init(&src, arena);
	strbuf_puts(&src, path);
	strbuf_literal(&src, "?file=");
	strbuf_percent(&src, name ? name : "");
	json_object_object_add(file, "path", json_object_new_string(path));
	json_object_object_add(file, "src", json_object_new_string(src.data));
	arena_free(arena);
}

void
file_list_write(struct strbuf *buf, const struct entity *entity, const char *id,
		const struct column *column, const char *text,
		const struct file_store *store, int64_t *budget)
{
	struct arena *arena = text && *text == '[' ? arena_new() : NULL;
	struct json_object *list = arena ? file_list_parse(arena, text) : NULL;
	const char *path;

	if (!list) {
		value_to_json(buf, column, text, text ? strlen(text) : 0);
	} else {
		path = arena_printf(arena, "/asset/%s/%s/%s", entity->name, id,
				    column->column_name);
		for (size_t i = 0; i < json_object_array_length(list); i++) {
			struct json_object *file =
				json_object_array_get_idx(list, i);

			if (!json_object_is_type(file, json_type_object))
				continue;
			add_place(file, path);
			if (store)
				add_content(file, "contents", store, budget);
		}
		strbuf_puts(buf, json_object_to_json_string_ext(list, PLAIN));
	}
	if (arena)
		arena_free(arena);
}

const char *
file_list_expand(struct arena *arena, const char *text,
		 const struct file_store *store, int64_t *budget)
{
	struct json_object *list = file_list_parse(arena, text);

	for (size_t i = 0; list && i < json_object_array_length(list); i++)
		add_content(json_object_array_get_idx(list, i), "file", store,
			    budget);
	return list ? json_object_to_json_string_ext(list, PLAIN) : text;
}
