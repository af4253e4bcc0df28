/*
 * schema_tree.c: objects, lists and scalars of a schema file's tree. Accepts
 * what the many writers of schema files write: any case of keys, numbers for
 * texts and texts for numbers, one-element lists for blocks.
 */
#include "db/schema_tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "db/base/json.h"
#include "db/base/strbuf.h"
#include "db/schema_file.h"

static void
add_path(struct strbuf *buf, const struct path *path)
{
	if (!path)
		return;
	add_path(buf, path->parent);
	if (!path->key) {
		strbuf_printf(buf, "[%zu]", path->index);
		return;
	}
	if (path->parent)
		strbuf_putc(buf, '.');
	strbuf_puts(buf, path->key);
}

static char *
located(struct reader *reader, const struct path *path, const char *format,
	va_list args)
{
	struct strbuf buf;

	strbuf_init(&buf, reader->arena);
	strbuf_puts(&buf, reader->file);
	strbuf_literal(&buf, ": ");
	if (path) {
		add_path(&buf, path);
		strbuf_literal(&buf, ": ");
	}
	strbuf_puts(&buf, arena_vprintf(reader->arena, format, args));
	return buf.data;
}

void
reader_fault(struct reader *reader, const struct path *path, const char *format,
	     ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = located(reader, path, format, args);
	va_end(args);
	error_append(&reader->faults, error_new(reader->arena, 422,
						"invalid-schema", "%s", text));
}

void
reader_warn(struct reader *reader, const struct path *path, const char *format,
	    ...)
{
	struct schema *schema = reader->schema;
	va_list args;
	char *text;

	va_start(args, format);
	text = located(reader, path, format, args);
	va_end(args);
	ARENA_PUSH(reader->arena, schema->warnings, schema->nwarnings, text);
}

/* Also true for a few others; a quick look before a comparison. */
static bool
is_same_letter(char a, char b)
{
	return !((a ^ b) & ~('a' ^ 'A'));
}

static const struct member *
find_member(struct member_table table, const char *name)
{
	for (size_t i = 0; i < table.count; i++) {
		const char *known = table.members[i].name;

		if (is_same_letter(*known, *name) && !strcasecmp(known, name))
			return &table.members[i];
	}
	return NULL;
}

void
read_members(struct reader *reader, const struct path *path,
	     struct json_object *object, struct member_table table,
	     void *record)
{
	json_object_object_foreach(object, key, value)
	{
		const struct member *member = find_member(table, key);
		struct path here = { path, key, 0 };

		if (!member)
			reader_warn(reader, &here, "unknown member, ignored");
		else if (member->read && value)
			member->read(reader, &here, value,
				     (char *)record + member->offset);
	}
}

struct json_object *
tree_member(struct json_object *object, const char *name)
{
	if (!json_object_is_type(object, json_type_object))
		return NULL;
	json_object_object_foreach(object, key, value)
	{
		if (value && !strcasecmp(key, name))
			return value;
	}
	return NULL;
}

static struct json_object *
open_block(struct json_object *value)
{
	if (json_object_is_type(value, json_type_array) &&
	    json_object_array_length(value) == 1)
		return json_object_array_get_idx(value, 0);
	return value;
}

struct json_object *
tree_object(struct reader *reader, const struct path *path,
	    struct json_object *value)
{
	value = open_block(value);
	if (json_object_is_type(value, json_type_object))
		return value;
	reader_fault(reader, path, "expected an object");
	return NULL;
}

size_t
tree_length(struct json_object *value)
{
	if (!value)
		return 0;
	return json_object_is_type(value, json_type_array)
		       ? json_object_array_length(value)
		       : 1;
}

struct json_object *
tree_item(struct json_object *value, size_t index)
{
	return json_object_is_type(value, json_type_array)
		       ? json_object_array_get_idx(value, index)
		       : value;
}

struct json_object *
tree_keep(struct arena *arena, struct json_object *value)
{
	json_keep(arena, json_object_get(value));
	return value;
}

const char *
tree_json(struct arena *arena, struct json_object *value)
{
	return arena_strdup(
		arena, json_object_to_json_string_ext(
			       value, JSON_C_TO_STRING_PLAIN |
					      JSON_C_TO_STRING_NOSLASHESCAPE));
}

const char *
tree_text(struct reader *reader, const struct path *path,
	  struct json_object *value)
{
	const char *text;

	value = open_block(value);
	if (!value || json_object_is_type(value, json_type_object) ||
	    json_object_is_type(value, json_type_array)) {
		reader_fault(reader, path, "expected a text");
		return NULL;
	}
	text = json_object_get_string(value);
	if (json_object_is_type(value, json_type_string) &&
	    strlen(text) != (size_t)json_object_get_string_len(value)) {
		reader_fault(reader, path, "has a NUL byte");
		return NULL;
	}
	return arena_strdup(reader->arena, text);
}

void
read_text(struct reader *reader, const struct path *path,
	  struct json_object *value, void *field)
{
	const char *text = tree_text(reader, path, value);

	if (text)
		*(const char **)field = text;
}

void
read_name_snake_case(struct reader *reader, const struct path *path,
		     struct json_object *value, void *field)
{
	const char *text = tree_text(reader, path, value);

	if (text)
		*(const char **)field = schema_snake_case(reader->arena, text);
}

static bool
boolean_of(const char *text, bool *out)
{
	static const char *const words[][2] = {
		{ "false", "true" }, { "0", "1" },   { "no", "yes" },
		{ "off", "on" },     { "", "true" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		for (size_t j = 0; j < 2; j++)
			if (!strcasecmp(words[i][j], text)) {
				*out = j;
				return true;
			}
	return false;
}

void
read_boolean(struct reader *reader, const struct path *path,
	     struct json_object *value, void *field)
{
	const char *text = tree_text(reader, path, value);

	if (text && !boolean_of(text, field))
		reader_fault(reader, path, "expected true or false, not '%s'",
			     text);
}

/* Values above all bits can only be 2018's: owner, group, guest times 1000. */
#define PERMISSION_BITS_MAX INT64_C(4194303)
#define PERMISSION_DECIMAL_MAX INT64_C(127127127)

static bool
permission_of(const char *text, int64_t *out)
{
	int64_t number;
	char *end;

	errno = 0;
	number = strtoll(text, &end, 10);
	if (errno || end == text || *end || number < 0)
		return false;
	if (number > PERMISSION_BITS_MAX) {
		int64_t owner = number / 1000000;
		int64_t group = number / 1000 % 1000;
		int64_t guest = number % 1000;

		if (owner > 127 || group > 127 || guest > 127)
			return false;
		number = guest + owner * 128 + group * 16384;
	}
	*out = number;
	return true;
}

void
read_permission(struct reader *reader, const struct path *path,
		struct json_object *value, void *field)
{
	const char *text = tree_text(reader, path, value);

	if (text && !permission_of(text, field))
		reader_fault(reader, path, "'%s' is no permission", text);
}

void
read_text_list(struct reader *reader, const struct path *path,
	       struct json_object *value, void *field)
{
	struct text_list list = { NULL, 0 };

	for (size_t i = 0; i < tree_length(value); i++) {
		struct path here = { path, NULL, i };
		const char *text =
			tree_text(reader, &here, tree_item(value, i));

		if (text)
			ARENA_PUSH(reader->arena, list.items, list.count, text);
	}
	memcpy(field, &list, sizeof list);
}

static const struct member tagging_members[] = {
	{ "ColumnName", read_text, offsetof(struct tagging, column_name) },
	{ "Tags", read_text, offsetof(struct tagging, tags) },
};

void
read_taggings(struct reader *reader, const struct path *path,
	      struct json_object *value, void *field)
{
	struct tagging_list list = { NULL, 0 };

	for (size_t i = 0; i < tree_length(value); i++) {
		struct path here = { path, NULL, i };
		struct tagging tagging = { NULL, NULL };
		struct json_object *object =
			tree_object(reader, &here, tree_item(value, i));

		if (!object)
			continue;
		read_members(reader, &here, object,
			     MEMBER_TABLE(tagging_members), &tagging);
		if (!tagging.column_name || !tagging.tags)
			reader_fault(reader, &here,
				     "needs ColumnName and Tags");
		else
			ARENA_PUSH(reader->arena, list.items, list.count,
				   tagging);
	}
	memcpy(field, &list, sizeof list);
}

static const struct member grant_members[] = {
	{ "Name", read_text, offsetof(struct group_grant, group) },
	{ "Permission", read_permission,
	  offsetof(struct group_grant, permission) },
};

void
read_grants(struct reader *reader, const struct path *path,
	    struct json_object *value, void *field)
{
	struct grant_list list = { NULL, 0 };

	for (size_t i = 0; i < tree_length(value); i++) {
		struct path here = { path, NULL, i };
		struct json_object *item = open_block(tree_item(value, i));
		struct group_grant grant = { NULL, 0 };

		if (json_object_is_type(item, json_type_object))
			read_members(reader, &here, item,
				     MEMBER_TABLE(grant_members), &grant);
		else
			grant.group = tree_text(reader, &here, item);
		if (grant.group && *grant.group)
			ARENA_PUSH(reader->arena, list.items, list.count,
				   grant);
		else
			reader_fault(reader, &here, "needs a group's name");
	}
	memcpy(field, &list, sizeof list);
}
