/*
 * yaml_write.c: YAML through libyaml's emitter. Text that a reader would take
 * for something else is quoted.
 */
#include "handlers/formats/yaml_write.h"

#include <string.h>
#include <yaml.h>

#include "handlers/formats/format.h"
#include "handlers/formats/yaml_scalar.h"

static int
append(void *data, unsigned char *buffer, size_t size)
{
	strbuf_add(data, buffer, size);
	return 1;
}

static void
emit(yaml_emitter_t *emitter, yaml_event_t *event)
{
	yaml_emitter_emit(emitter, event);
}

/* Whether the text, unquoted, is read as a text. */
static bool
is_plain(struct arena *arena, const char *text)
{
	struct json_object *value = NULL;
	bool plain;

	if (!*text || !yaml_scalar(arena, text, strlen(text), &value))
		return false;
	plain = json_object_is_type(value, json_type_string);
	json_object_put(value);
	return plain;
}

static void
write_scalar(yaml_emitter_t *emitter, const char *text, bool plain)
{
	yaml_scalar_style_t style =
		plain ? YAML_ANY_SCALAR_STYLE : YAML_DOUBLE_QUOTED_SCALAR_STYLE;
	yaml_event_t event;

	if (plain && strchr(text, '\n'))
		style = YAML_LITERAL_SCALAR_STYLE;
	yaml_scalar_event_initialize(&event, NULL, NULL,
				     (const yaml_char_t *)text,
				     (int)strlen(text), plain, 1, style);
	emit(emitter, &event);
}

static void write_value(yaml_emitter_t *emitter, struct arena *arena,
			struct json_object *value);

static void
write_sequence(yaml_emitter_t *emitter, struct arena *arena,
	       struct json_object *value)
{
	size_t count = json_object_array_length(value);
	yaml_event_t event;

	yaml_sequence_start_event_initialize(&event, NULL, NULL, 1,
					     count ? YAML_BLOCK_SEQUENCE_STYLE
						   : YAML_FLOW_SEQUENCE_STYLE);
	emit(emitter, &event);
	for (size_t i = 0; i < count; i++)
		write_value(emitter, arena,
			    json_object_array_get_idx(value, i));
	yaml_sequence_end_event_initialize(&event);
	emit(emitter, &event);
}

static void
write_mapping(yaml_emitter_t *emitter, struct arena *arena,
	      struct json_object *value)
{
	bool any = json_object_object_length(value) > 0;
	yaml_event_t event;

	yaml_mapping_start_event_initialize(&event, NULL, NULL, 1,
					    any ? YAML_BLOCK_MAPPING_STYLE
						: YAML_FLOW_MAPPING_STYLE);
	emit(emitter, &event);
	json_object_object_foreach(value, name, member)
	{
		write_scalar(emitter, name, is_plain(arena, name));
		write_value(emitter, arena, member);
	}
	yaml_mapping_end_event_initialize(&event);
	emit(emitter, &event);
}

static void
write_value(yaml_emitter_t *emitter, struct arena *arena,
	    struct json_object *value)
{
	const char *text;

	switch (json_object_get_type(value)) {
	case json_type_object:
		write_mapping(emitter, arena, value);
		break;
	case json_type_array:
		write_sequence(emitter, arena, value);
		break;
	case json_type_string:
		text = json_object_get_string(value);
		write_scalar(emitter, text, is_plain(arena, text));
		break;
	case json_type_null:
		write_scalar(emitter, "null", true);
		break;
	default:
		write_scalar(emitter, json_object_to_json_string(value), true);
	}
}

void
yaml_write(struct strbuf *buf, struct json_object *value)
{
	yaml_emitter_t emitter;
	yaml_event_t event;

	yaml_emitter_initialize(&emitter);
	yaml_emitter_set_output(&emitter, append, buf);
	yaml_emitter_set_unicode(&emitter, 1);
	yaml_emitter_set_width(&emitter, -1);
	yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING);
	emit(&emitter, &event);
	yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1);
	emit(&emitter, &event);
	write_value(&emitter, buf->arena, value);
	yaml_document_end_event_initialize(&event, 1);
	emit(&emitter, &event);
	yaml_stream_end_event_initialize(&event);
	emit(&emitter, &event);
	yaml_emitter_delete(&emitter);
}
