/*
 * yaml.c: reads YAML with libyaml's events. Aliases are copied, but only
 * after their size was charged to the limits; merge keys are applied; tags
 * other than those of YAML's own types are refused.
 */
#include "handlers/formats/yaml_scalar.h"
#include "handlers/formats/tree.h"
#include "handlers/formats/yaml_rows.h"

#include <string.h>
#include <yaml.h>

#define TAG_PREFIX "tag:yaml.org,2002:"

/* A node with an anchor. Registered when complete: no alias is in itself. */
struct anchor {
	struct json_object *node;
	size_t nodes; /* what a copy costs */
	size_t bytes;
	size_t height; /* levels of containers */
};

struct reader {
	struct source source;
	yaml_parser_t parser;
	yaml_event_t event; /* the one that is read next */
	struct lh_table *anchors;
	size_t depth;
	size_t bytes;  /* of scalars, with those in copies */
	size_t copied; /* bytes of copies alone */
};

/* Keys that wait for the end of their mapping. */
struct merge {
	bool seen;
	struct json_object *sources; /* array of objects */
};

static struct error *read_node(struct reader *reader,
			       struct json_object **value, size_t *height);

static struct error *
fault(const struct reader *reader, yaml_mark_t mark, const char *message)
{
	return source_fault_at(&reader->source, mark.line + 1, mark.column + 1,
			       "%s", message);
}

static struct error *
syntax_fault(struct reader *reader)
{
	const yaml_parser_t *parser = &reader->parser;
	const char *context = parser->context ? parser->context : "";

	if (parser->error == YAML_READER_ERROR && reader->source.text)
		return source_fault(&reader->source, parser->problem_offset,
				    "%s", parser->problem);
	if (parser->error == YAML_MEMORY_ERROR)
		return error_internal(reader->source.arena,
				      "libyaml is out of memory");
	return source_fault_at(&reader->source, parser->problem_mark.line + 1,
			       parser->problem_mark.column + 1, "%s%s%s",
			       context, *context ? ": " : "", parser->problem);
}

static struct error *
next_event(struct reader *reader)
{
	yaml_event_delete(&reader->event);
	if (yaml_parser_parse(&reader->parser, &reader->event))
		return NULL;
	return syntax_fault(reader);
}

static struct error *
count_node(struct reader *reader, size_t nodes, size_t bytes)
{
	struct source *source = &reader->source;

	source->nodes += nodes;
	reader->bytes += bytes;
	if (source->nodes <= source->limits->nodes)
		return NULL;
	return source_fault_at(source, reader->event.start_mark.line + 1,
			       reader->event.start_mark.column + 1,
			       "more than %zu values", source->limits->nodes);
}

static struct error *
check_depth(const struct reader *reader, size_t depth)
{
	const struct source *source = &reader->source;

	if (depth <= source->limits->depth)
		return NULL;
	return source_fault_at(source, reader->event.start_mark.line + 1,
			       reader->event.start_mark.column + 1,
			       "nested deeper than %zu levels",
			       source->limits->depth);
}

/* `tag` is NULL, or one of YAML's own for the type named. */
static bool
is_tag(const yaml_char_t *tag, const char *type)
{
	const char *text = (const char *)tag;

	return !text || (!strncmp(text, TAG_PREFIX, strlen(TAG_PREFIX)) &&
			 !strcmp(text + strlen(TAG_PREFIX), type));
}

static struct error *
tag_fault(const struct reader *reader, const yaml_char_t *tag)
{
	const char *text = (const char *)tag;

	return source_fault_at(
		&reader->source, reader->event.start_mark.line + 1,
		reader->event.start_mark.column + 1,
		"tag %s is not supported here; a value that begins with ! "
		"needs quotes",
		source_excerpt(reader->source.arena, text, strlen(text)));
}

static struct error *
check_no_nul(const struct reader *reader)
{
	const yaml_event_t *event = &reader->event;

	if (!memchr(event->data.scalar.value, 0, event->data.scalar.length))
		return NULL;
	return fault(reader, event->start_mark, "a NUL character");
}

static void
register_anchor(struct reader *reader, char *name, const struct anchor *found)
{
	struct arena *arena = reader->source.arena;
	struct anchor *anchor;
	struct lh_entry *entry;

	if (!name)
		return;
	anchor = ARENA_NEW(arena, struct anchor);
	*anchor = *found;
	/* Kept even if its holder goes, as a merged mapping does. */
	if (anchor->node)
		arena_defer(arena, json_release, json_object_get(anchor->node));
	entry = lh_table_lookup_entry(reader->anchors, name);
	if (entry)
		lh_entry_set_val(entry, anchor);
	else
		lh_table_insert(reader->anchors, name, anchor);
}

static struct error *
read_alias(struct reader *reader, struct json_object **value, size_t *height)
{
	const struct source *source = &reader->source;
	const char *name = (const char *)reader->event.data.alias.anchor;
	struct anchor *anchor;
	struct error *error;
	void *found;

	if (!lh_table_lookup_ex(reader->anchors, name, &found))
		return source_fault_at(
			source, reader->event.start_mark.line + 1,
			reader->event.start_mark.column + 1,
			"unknown alias *%s",
			source_excerpt(source->arena, name, strlen(name)));
	anchor = found;
	error = count_node(reader, anchor->nodes, anchor->bytes);
	if (!error)
		error = check_depth(reader, reader->depth + anchor->height);
	if (error)
		return error;
	reader->copied += anchor->bytes;
	if (reader->copied > source->limits->bytes)
		return fault(reader, reader->event.start_mark,
			     "aliases make the text too long");
	*height = anchor->height;
	*value = tree_copy(anchor->node);
	return next_event(reader);
}

static struct error *
plain_value(struct reader *reader, struct json_object **value)
{
	const yaml_event_t *event = &reader->event;

	if (!yaml_scalar(reader->source.arena,
			 (const char *)event->data.scalar.value,
			 event->data.scalar.length, value))
		return fault(reader, event->start_mark,
			     "infinity and NaN are no values; text needs "
			     "quotes");
	return NULL;
}

/* !!int and so on: the plain value must have that type already. */
static struct error *
tagged_value(struct reader *reader, struct json_object **value)
{
	static const struct {
		const char *name;
		enum json_type types[2];
	} tags[] = {
		{ "int", { json_type_int, json_type_int } },
		{ "float", { json_type_double, json_type_int } },
		{ "bool", { json_type_boolean, json_type_boolean } },
		{ "null", { json_type_null, json_type_null } },
	};
	const yaml_char_t *tag = reader->event.data.scalar.tag;
	struct error *error;

	for (size_t i = 0; i < ARRAY_SIZE(tags); i++) {
		enum json_type type;

		if (!is_tag(tag, tags[i].name))
			continue;
		error = plain_value(reader, value);
		if (error)
			return error;
		type = json_object_get_type(*value);
		if (type == tags[i].types[0] || type == tags[i].types[1])
			return NULL;
		return fault(reader, reader->event.start_mark,
			     "the value is not of the type that its tag says");
	}
	return tag_fault(reader, tag);
}

static struct error *
read_scalar(struct reader *reader, struct json_object **value)
{
	const yaml_event_t *event = &reader->event;
	const yaml_char_t *tag = event->data.scalar.tag;
	size_t length = event->data.scalar.length;
	struct error *error = check_no_nul(reader);

	if (!error)
		error = count_node(reader, 1, length);
	if (error)
		return error;
	if (!tag && event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
		error = plain_value(reader, value);
	else if (is_tag(tag, "str"))
		*value = json_object_new_string_len(
			(const char *)event->data.scalar.value, (int)length);
	else
		error = tagged_value(reader, value);
	return error ? error : next_event(reader);
}

static struct error *
read_sequence(struct reader *reader, struct json_object **value, size_t *height)
{
	struct error *error = next_event(reader);

	*value = array_new();
	while (!error && reader->event.type != YAML_SEQUENCE_END_EVENT) {
		struct json_object *item = NULL;
		size_t below = 0;

		error = read_node(reader, &item, &below);
		/* Even of a fault: what was built goes with the tree. */
		json_object_array_add(*value, item);
		if (below > *height)
			*height = below;
	}
	return error ? error : next_event(reader);
}

static struct error *
read_key(struct reader *reader, const char **key, bool *merges)
{
	const yaml_event_t *event = &reader->event;
	const yaml_char_t *tag = event->data.scalar.tag;
	struct error *error;

	if (event->type != YAML_SCALAR_EVENT)
		return fault(reader, event->start_mark, "a key must be text");
	if (event->data.scalar.anchor)
		return fault(reader, event->start_mark,
			     "an anchor on a key is not supported");
	if (!is_tag(tag, "str"))
		return tag_fault(reader, tag);
	error = check_no_nul(reader);
	if (error)
		return error;
	*key = arena_strndup(reader->source.arena,
			     (const char *)event->data.scalar.value,
			     event->data.scalar.length);
	reader->bytes += event->data.scalar.length;
	*merges = !tag && !strcmp(*key, "<<") &&
		  event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	return NULL;
}

/* The value of a merge key: a mapping or a sequence of mappings. */
static struct error *
read_merge(struct reader *reader, struct merge *merge, size_t *height)
{
	yaml_mark_t mark = reader->event.start_mark;
	struct json_object *value = NULL;
	struct error *error = read_node(reader, &value, height);

	merge->sources = value;
	if (error)
		return error;
	if (json_object_is_type(value, json_type_object)) {
		merge->sources = json_object_new_array();
		json_object_array_add(merge->sources, value);
		return NULL;
	}
	for (size_t i = 0; json_object_is_type(value, json_type_array) &&
			   i < json_object_array_length(value);
	     i++)
		if (!json_object_is_type(json_object_array_get_idx(value, i),
					 json_type_object))
			return fault(reader, mark,
				     "a merge key needs mappings");
	if (json_object_is_type(value, json_type_array))
		return NULL;
	return fault(reader, mark, "a merge key needs a mapping");
}

static struct error *
read_member(struct reader *reader, struct json_object *object,
	    struct merge *merge, size_t *height)
{
	yaml_mark_t mark = reader->event.start_mark;
	struct json_object *value = NULL;
	const char *key = NULL;
	bool merges = false;
	struct error *error = read_key(reader, &key, &merges);

	if (error)
		return error;
	if (merges ? merge->seen : json_object_object_get_ex(object, key, NULL))
		return source_fault_at(
			&reader->source, mark.line + 1, mark.column + 1,
			"duplicate key \"%s\"",
			source_excerpt(reader->source.arena, key, strlen(key)));
	error = next_event(reader);
	if (error)
		return error;
	if (merges) {
		merge->seen = true;
		return read_merge(reader, merge, height);
	}
	error = read_node(reader, &value, height);
	json_object_object_add_ex(object, key, value,
				  JSON_C_OBJECT_ADD_KEY_IS_NEW);
	return error;
}

/* Never over a key that is there; of several sources the first wins. */
static void
apply_merge(struct json_object *object, const struct merge *merge)
{
	for (size_t i = 0; i < json_object_array_length(merge->sources); i++) {
		struct json_object *source =
			json_object_array_get_idx(merge->sources, i);

		json_object_object_foreach(source, key, value)
		{
			if (!json_object_object_get_ex(object, key, NULL))
				json_object_object_add(object, key,
						       json_object_get(value));
		}
	}
}

static struct error *
read_mapping(struct reader *reader, struct json_object **value, size_t *height)
{
	struct merge merge = { 0 };
	struct error *error = next_event(reader);

	*value = json_object_new_object();
	while (!error && reader->event.type != YAML_MAPPING_END_EVENT) {
		size_t below = 0;

		error = read_member(reader, *value, &merge, &below);
		if (below > *height)
			*height = below;
	}
	if (!error && merge.sources)
		apply_merge(*value, &merge);
	json_object_put(merge.sources);
	object_fit(*value);
	return error ? error : next_event(reader);
}

static struct error *
read_container(struct reader *reader, struct json_object **value,
	       size_t *height)
{
	bool mapping = reader->event.type == YAML_MAPPING_START_EVENT;
	const yaml_char_t *tag =
		mapping ? reader->event.data.mapping_start.tag
			: reader->event.data.sequence_start.tag;
	struct error *error = check_depth(reader, ++reader->depth);

	if (!error)
		error = count_node(reader, 1, 0);
	if (!error && !is_tag(tag, mapping ? "map" : "seq"))
		error = tag_fault(reader, tag);
	if (error)
		return error;
	error = mapping ? read_mapping(reader, value, height)
			: read_sequence(reader, value, height);
	++*height;
	reader->depth--;
	return error;
}

static char *
anchor_of(const struct reader *reader)
{
	const yaml_event_t *event = &reader->event;
	const yaml_char_t *name = NULL;

	if (event->type == YAML_SCALAR_EVENT)
		name = event->data.scalar.anchor;
	else if (event->type == YAML_SEQUENCE_START_EVENT)
		name = event->data.sequence_start.anchor;
	else if (event->type == YAML_MAPPING_START_EVENT)
		name = event->data.mapping_start.anchor;
	return arena_strdup(reader->source.arena, (const char *)name);
}

static struct error *
read_node(struct reader *reader, struct json_object **value, size_t *height)
{
	struct anchor anchor = { .nodes = reader->source.nodes,
				 .bytes = reader->bytes };
	char *name = anchor_of(reader);
	struct error *error;

	*height = 0;
	if (reader->event.type == YAML_ALIAS_EVENT)
		return read_alias(reader, value, height);
	if (reader->event.type == YAML_SCALAR_EVENT)
		error = read_scalar(reader, value);
	else
		error = read_container(reader, value, height);
	if (error)
		return error;
	anchor.node = *value;
	anchor.nodes = reader->source.nodes - anchor.nodes;
	anchor.bytes = reader->bytes - anchor.bytes;
	anchor.height = *height;
	register_anchor(reader, name, &anchor);
	return NULL;
}

/* From the first event to the end; an empty text is null. */
static struct error *
read_stream(struct reader *reader, struct json_object **value)
{
	struct error *error = next_event(reader);
	size_t height;

	if (!error)
		error = next_event(reader); /* STREAM-START */
	if (error || reader->event.type == YAML_STREAM_END_EVENT)
		return error;
	error = next_event(reader); /* DOCUMENT-START */
	if (!error)
		error = read_node(reader, value, &height);
	if (!error)
		error = next_event(reader); /* DOCUMENT-END */
	if (error || reader->event.type == YAML_STREAM_END_EVENT)
		return error;
	return fault(reader, reader->event.start_mark,
		     "a second document; one is allowed");
}

static struct error *
parse_yaml(struct arena *arena, const char *text, size_t length,
	   const struct format_limits *limits, struct json_object **tree)
{
	struct reader reader = {
		.source = { .arena = arena,
			    .limits = limits,
			    .status = 422,
			    .code = "bad-yaml" },
	};
	struct json_object *value = NULL;
	struct error *error;

	*tree = NULL;
	error = source_open(&reader.source, text, length);
	if (error)
		return error;
	if (!yaml_parser_initialize(&reader.parser))
		return error_internal(arena, "cannot start libyaml");
	yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&reader.parser,
				     (const unsigned char *)reader.source.text,
				     reader.source.length);
	reader.anchors = lh_kchar_table_new(16, NULL);
	error = read_stream(&reader, &value);
	lh_table_free(reader.anchors);
	yaml_event_delete(&reader.event);
	yaml_parser_delete(&reader.parser);
	if (value)
		arena_defer(arena, json_release, value);
	if (!error)
		*tree = value;
	return error;
}

/* Item by item. */

struct yaml_rows {
	struct reader reader;
	long (*read)(void *context, void *buffer, size_t size);
	void *context;
	const char *key; /* whose list is read, or NULL */
	struct arena *arena;
	size_t unparsed; /* bytes taken since the last item */
	enum { ROWS_NEW, ROWS_OPEN, ROWS_ENDED } state;
};

/* An item that is too long ends as a read that fails. */
static int
read_bytes(void *context, unsigned char *buffer, size_t size, size_t *count)
{
	struct yaml_rows *rows = context;
	long taken = rows->read(rows->context, buffer, size);

	*count = taken > 0 ? (size_t)taken : 0;
	rows->unparsed += *count;
	return taken >= 0 &&
	       rows->unparsed <= rows->reader.source.limits->bytes;
}

static void
release_rows(void *object)
{
	struct yaml_rows *rows = object;

	lh_table_free(rows->reader.anchors);
	yaml_event_delete(&rows->reader.event);
	yaml_parser_delete(&rows->reader.parser);
}

struct error *
yaml_rows_new(struct arena *arena,
	      long (*read)(void *context, void *buffer, size_t size),
	      void *context, const struct format_limits *limits,
	      struct yaml_rows **rows)
{
	struct yaml_rows *made = ARENA_NEW(arena, struct yaml_rows);

	made->reader.source = (struct source){ .limits = limits,
					       .status = 422,
					       .code = "bad-yaml" };
	made->read = read;
	made->context = context;
	made->arena = arena;
	if (!yaml_parser_initialize(&made->reader.parser))
		return error_internal(arena, "cannot start libyaml");
	made->reader.anchors = lh_kchar_table_new(16, NULL);
	arena_defer(arena, release_rows, made);
	yaml_parser_set_encoding(&made->reader.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input(&made->reader.parser, read_bytes, made);
	*rows = made;
	return NULL;
}

/* Anchors and counts are those of one item. */
static void
begin_item(struct yaml_rows *rows, struct arena *scratch)
{
	struct reader *reader = &rows->reader;
	while (reader->anchors->head)
		lh_table_delete_entry(reader->anchors, reader->anchors->head);
	reader->source.arena = scratch;
	reader->source.nodes = 0;
	reader->bytes = 0;
	reader->copied = 0;
	rows->unparsed = 0;
}

static struct error *
begin_rows(struct yaml_rows *rows)
{
	struct reader *reader = &rows->reader;
	struct error *error = next_event(reader);

	if (!error)
		error = next_event(reader); /* STREAM-START */
	if (!error && reader->event.type == YAML_STREAM_END_EVENT) {
		rows->state = ROWS_ENDED;
		return NULL;
	}
	if (!error)
		error = next_event(reader); /* DOCUMENT-START */
	if (!error && reader->event.type != YAML_MAPPING_START_EVENT)
		error = fault(reader, reader->event.start_mark,
			      "a mapping of tables is missing");
	rows->state = ROWS_OPEN;
	return error ? error : next_event(reader);
}

static struct error *
begin_list(struct yaml_rows *rows)
{
	struct reader *reader = &rows->reader;
	const char *key = NULL;
	bool merges = false;
	struct error *error = read_key(reader, &key, &merges);

	if (!error)
		error = next_event(reader);
	if (!error && reader->event.type != YAML_SEQUENCE_START_EVENT)
		error = fault(reader, reader->event.start_mark,
			      "a list of rows is missing");
	if (error)
		return error;
	rows->key = arena_strdup(rows->arena, key);
	return next_event(reader);
}

static struct error *
end_rows(struct yaml_rows *rows)
{
	struct reader *reader = &rows->reader;
	struct error *error = next_event(reader); /* MAPPING-END */

	rows->state = ROWS_ENDED;
	if (!error)
		error = next_event(reader); /* DOCUMENT-END */
	if (error || reader->event.type == YAML_STREAM_END_EVENT)
		return error;
	return fault(reader, reader->event.start_mark,
		     "a second document; one is allowed");
}

static struct error *
read_item(struct yaml_rows *rows, struct arena *scratch,
	  struct json_object **value)
{
	struct json_object *item = NULL;
	size_t height;
	struct error *error = read_node(&rows->reader, &item, &height);

	if (item)
		arena_defer(scratch, json_release, item);
	*value = item;
	return error;
}

struct error *
yaml_rows_next(struct yaml_rows *rows, struct arena *scratch, const char **key,
	       bool *is_key, struct json_object **value)
{
	struct reader *reader = &rows->reader;
	struct error *error = NULL;

	*key = NULL;
	*is_key = false;
	*value = NULL;
	begin_item(rows, scratch);
	if (rows->state == ROWS_NEW)
		error = begin_rows(rows);
	if (!error && rows->key &&
	    reader->event.type == YAML_SEQUENCE_END_EVENT) {
		rows->key = NULL;
		error = next_event(reader);
	}
	if (error || rows->state == ROWS_ENDED)
		return error;
	if (!rows->key && reader->event.type == YAML_MAPPING_END_EVENT)
		return end_rows(rows);
	if (rows->key) {
		error = read_item(rows, scratch, value);
	} else {
		*is_key = true;
		error = begin_list(rows);
	}
	*key = rows->key;
	return error;
}

const struct format format_yaml = {
	.name = "yaml",
	.extensions = { "yaml", "yml" },
	.parse = parse_yaml,
};
