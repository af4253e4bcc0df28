/*
 * file_list.c: lists of files as clients send them and as columns keep them. A
 * content is in the store before the row that names it commits; the lock that
 * goes with it keeps the collector (file_collect.c) away until then.
 */
#include "db/file_list.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "db/base/json.h"
#include "db/file_lock.h"
#include "db/json_text.h"

#define MEDIA_TYPE_MAX 100
#define ANY_TYPE "application/octet-stream"
#define PLAIN (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

bool
file_list_is_text(const char *text)
{
	return *text == '[' && json_text_is_valid(text);
}

bool
file_list_is(struct json_object *value)
{
	return json_object_is_type(value, json_type_array) ||
	       (json_object_is_type(value, json_type_string) &&
		file_list_is_text(json_object_get_string(value)));
}

bool
file_list_has(const struct entity *entity)
{
	for (size_t i = 0; i < entity->ncolumns; i++)
		if (entity->columns[i]->kind == VALUE_FILE)
			return true;
	return false;
}

/* Names. */

/* A dot, slash or backslash in percent signs, however often they were so. */
static bool
hides_path(const char *name)
{
	for (const char *p = strchr(name, '%'); p; p = strchr(p + 1, '%')) {
		const char *code = p + 1;

		while (!strncmp(code, "25", 2))
			code += 2;
		if (!strncasecmp(code, "2e", 2) ||
		    !strncasecmp(code, "2f", 2) || !strncasecmp(code, "5c", 2))
			return true;
	}
	return false;
}

/* C0, DEL, and C1 in UTF-8. */
static bool
has_control(const char *name)
{
	for (const unsigned char *p = (const unsigned char *)name; *p; p++)
		if (*p < ' ' || *p == 0x7f || (*p == 0xc2 && p[1] < 0xa0))
			return true;
	return false;
}

bool
file_name_is_plain(const char *name)
{
	return *name && *name != '.' && strlen(name) <= FILE_NAME_MAX &&
	       !strpbrk(name, "/\\") && !has_control(name) && !hides_path(name);
}

/* "image/png" */
static bool
is_media_type(const char *type)
{
	size_t length = strlen(type);
	size_t slashes = 0;

	for (const char *p = type; *p; p++) {
		slashes += *p == '/';
		if (!isalnum((unsigned char)*p) && !strchr("/!#$&-^_.+", *p))
			return false;
	}
	return slashes == 1 && *type != '/' && type[length - 1] != '/' &&
	       length <= MEDIA_TYPE_MAX;
}

/* Storing. */

struct error *
file_list_lock(struct db *db, struct arena *arena)
{
	return file_lock_share(db, arena, FILE_LOCK_ALL);
}

/* What the column keeps; the caller owns it. */
static struct json_object *
entry_of(const char *name, const char *type, const struct file_digest *digest)
{
	struct json_object *file = json_object_new_object();

	json_object_object_add(file, "name", json_object_new_string(name));
	json_object_object_add(file, "type", json_object_new_string(type));
	json_object_object_add(file, "size",
			       json_object_new_int64(digest->size));
	json_object_object_add(file, "md5",
			       json_object_new_string(digest->md5));
	json_object_object_add(file, "sha256",
			       json_object_new_string(digest->sha256));
	return file;
}

struct error *
file_list_put(const struct file_context *context, const char *name,
	      const char *type, const struct file_content *content,
	      struct json_object **file)
{
	struct file_digest digest;
	struct error *error =
		file_store_measure(context->arena, content, &digest);

	if (!error && context->db)
		error = file_lock_share(context->db, context->arena,
					file_store_bucket(digest.sha256));
	if (!error)
		error = file_store_put(context->arena, context->store, content,
				       &digest);
	if (error)
		return error;
	if (!type || !is_media_type(type))
		type = ANY_TYPE;
	*file = entry_of(name, type, &digest);
	json_keep(context->arena, *file);
	return NULL;
}

struct storing {
	const struct file_context *context;
	const struct column *column;
	struct json_object *before; /* what the column has, or NULL */
	struct json_object *after;
};

static struct error *
fault(const struct storing *storing, const char *name, const char *what)
{
	struct arena *arena = storing->context->arena;
	const char *column = storing->column->column_name;

	return error_at(error_new(arena, 422, "invalid-value", "%s: %s %s.",
				  column, name, what),
			arena_printf(arena, "/data/attributes/%s", column));
}

/* The file of that name; its place, which is behind the list for none. */
static size_t
find(struct json_object *list, const char *name)
{
	size_t count = json_object_array_length(list);
	size_t i = 0;

	for (; i < count; i++) {
		struct file_entry entry =
			file_entry_of(json_object_array_get_idx(list, i));

		if (entry.name && !strcmp(entry.name, name))
			break;
	}
	return i;
}

static struct error *
store_content(const struct storing *storing, const char *name,
	      const struct file_entry *entry, struct json_object **file)
{
	struct file_content content = { .fd = -1 };
	unsigned char *data;

	if (!file_content_decode(storing->context->arena, entry->content, &data,
				 &content.size))
		return fault(storing, name, "is not in base64");
	content.data = data;
	return file_list_put(storing->context, name, entry->type, &content,
			     file);
}

/* A file that is kept: by its content, else by its name. */
static struct json_object *
find_kept(const struct storing *storing, const struct file_entry *wanted)
{
	struct json_object *list = storing->before;

	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		struct json_object *file = json_object_array_get_idx(list, i);
		struct file_entry entry = file_entry_of(file);

		if (wanted->sha256
			    ? entry.sha256 &&
				      !strcmp(entry.sha256, wanted->sha256)
			    : entry.name && !strcmp(entry.name, wanted->name))
			return file;
	}
	return NULL;
}

/* Of a dump whose contents came another way. */
static struct error *
take_known(const struct storing *storing, const struct file_entry *entry,
	   struct json_object **file)
{
	const struct file_context *context = storing->context;
	struct file_content content = { .fd = -1 };
	struct error *error = file_store_open(context->arena, context->store,
					      entry->sha256, &content.fd);

	if (error)
		return error;
	if (content.fd < 0)
		return fault(storing, entry->name, "has no content");
	return file_list_put(context, entry->name, entry->type, &content, file);
}

static struct error *
keep(const struct storing *storing, const struct file_entry *wanted,
     struct json_object **file)
{
	struct json_object *kept = find_kept(storing, wanted);
	struct file_entry entry;

	if (!kept && wanted->sha256 && storing->context->takes_known)
		return take_known(storing, wanted, file);
	if (!kept)
		return fault(storing, wanted->name, "has no content");
	entry = file_entry_of(kept);
	if (!entry.sha256 && !entry.content)
		return fault(storing, wanted->name, "has no content");
	if (!entry.sha256)
		return store_content(storing, wanted->name, &entry, file);
	*file = json_tokener_parse(json_object_to_json_string(kept));
	json_keep(storing->context->arena, *file);
	json_object_object_add(*file, "name",
			       json_object_new_string(wanted->name));
	return NULL;
}

static bool
is_taken_away(struct json_object *file)
{
	struct json_object *content = NULL;

	return (json_object_object_get_ex(file, "file", &content) ||
		json_object_object_get_ex(file, "contents", &content)) &&
	       !content;
}

static bool
has_plain_name(struct json_object *file)
{
	struct json_object *name = json_object_object_get(file, "name");
	const char *text = json_object_get_string(name);

	return json_object_is_type(name, json_type_string) &&
	       strlen(text) == (size_t)json_object_get_string_len(name) &&
	       file_name_is_plain(text);
}

/* It may stand behind the list: then it is added. */
static void
put_at(struct json_object *list, size_t at, struct json_object *file)
{
	json_object_array_put_idx(list, at, json_object_get(file));
}

static struct error *
take_file(const struct storing *storing, struct json_object *given)
{
	struct file_entry entry = file_entry_of(given);
	struct json_object *file = given;
	struct error *error = NULL;
	size_t at;

	if (!json_object_is_type(given, json_type_object) ||
	    !has_plain_name(given))
		return fault(storing, "each file",
			     "must be an object with a plain name and a file");
	at = find(storing->after, entry.name);
	if (is_taken_away(given)) {
		if (at < json_object_array_length(storing->after))
			json_object_array_del_idx(storing->after, at, 1);
		return NULL;
	}
	if (at >= FILE_LIST_MAX)
		return fault(storing, "at most 100 files",
			     "are in one attribute");
	if (entry.content)
		error = store_content(storing, entry.name, &entry, &file);
	else if (given != storing->context->stored)
		error = keep(storing, &entry, &file);
	if (!error)
		put_at(storing->after, at, file);
	return error;
}

/* Those that stay as they are. */
static void
begin_with(struct storing *storing, const char *before)
{
	struct json_object *list =
		file_list_parse(storing->context->arena, before);

	storing->before = list;
	for (size_t i = 0; list && i < json_object_array_length(list); i++)
		put_at(storing->after, i, json_object_array_get_idx(list, i));
}

static struct json_object *
list_of(struct arena *arena, struct json_object *value)
{
	if (json_object_is_type(value, json_type_string))
		return file_list_parse(arena, json_object_get_string(value));
	return value;
}

struct error *
file_list_store(const struct file_context *context, const struct column *column,
		struct json_object *value, const char *before,
		const char **text)
{
	struct storing storing = { .context = context, .column = column };
	struct json_object *list = list_of(context->arena, value);
	size_t count = list ? json_object_array_length(list) : 0;
	struct error *error = NULL;

	if (!list)
		return fault(&storing, "the value", "is no list of files");
	storing.after = json_object_new_array();
	json_keep(context->arena, storing.after);
	if (before && count)
		begin_with(&storing, before);
	for (size_t i = 0; i < count && !error; i++)
		error = take_file(&storing, json_object_array_get_idx(list, i));
	if (!error)
		*text = arena_strdup(
			context->arena,
			json_object_to_json_string_ext(storing.after, PLAIN));
	return error;
}
