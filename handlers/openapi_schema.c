/*
 * openapi_schema.c: what values, rows and submissions look like, as schemas
 * of the OpenAPI document.
 */
#include <string.h>

#include "handlers/openapi_parts.h"

#define object openapi_object
#define text openapi_text

static const struct {
	enum value_kind kind;
	const char *type;
	const char *format;
} kinds[] = {
	{ VALUE_INTEGER, "integer", NULL },
	{ VALUE_DECIMAL, "number", NULL },
	{ VALUE_FLOAT, "number", "double" },
	{ VALUE_BOOLEAN, "boolean", NULL },
	{ VALUE_TIMESTAMP, "string", "date-time" },
	{ VALUE_TIME, "string", "date-time" },
	{ VALUE_REFERENCE, "string", "uuid" },
	{ VALUE_UUID, "string", "uuid" },
	{ VALUE_SECRET, "string", "password" },
};

static void
put_options(struct json_object *schema, const struct column *column)
{
	struct json_object *list;

	if (column->kind != VALUE_ENUM || !column->noptions)
		return;
	list = json_object_new_array();
	for (size_t i = 0; i < column->noptions; i++)
		json_object_array_add(list, text(column->options[i].value));
	if (column->is_nullable)
		json_object_array_add(list, NULL);
	json_object_object_add(schema, "enum", list);
}

static void
put_type(struct json_object *schema, const struct column *column)
{
	const char *type = "string";
	const char *format = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].kind == column->kind) {
			type = kinds[i].type;
			format = kinds[i].format;
		}
	json_object_object_add(
		schema, "type",
		column->is_nullable
			? openapi_list(text(type), text("null"), NULL)
			: text(type));
	if (format)
		json_object_object_add(schema, "format", text(format));
	if (column->max_length && column->kind == VALUE_TEXT)
		json_object_object_add(schema, "maxLength",
				       json_object_new_int(column->max_length));
}

struct json_object *
openapi_value(const struct column *column)
{
	struct json_object *schema = json_object_new_object();

	/* files and JSON may be anything */
	if (column->kind != VALUE_FILE && column->kind != VALUE_JSON)
		put_type(schema, column);
	if (column->description && *column->description)
		json_object_object_add(schema, "description",
				       text(column->description));
	put_options(schema, column);
	return schema;
}

/* What is read: a key to a row that the caller may not see is null. */
static struct json_object *
read_value(const struct column *column)
{
	struct column shown = *column;
	struct json_object *schema;

	shown.is_nullable |= column->kind == VALUE_REFERENCE;
	schema = openapi_value(&shown);
	if (column->is_standard)
		json_object_object_add(schema, "readOnly",
				       json_object_new_boolean(1));
	return schema;
}

/* Attributes: as read, or as a client writes them. */
static struct json_object *
attributes(const struct entity *entity, bool for_writing)
{
	struct json_object *properties = json_object_new_object();

	if (!for_writing)
		json_object_object_add(
			properties, "__type",
			object("const", text(entity->name), NULL));
	for (size_t i = 0; i < entity->ncolumns; i++) {
		const struct column *column = entity->columns[i];

		if (!column_is_visible(column) ||
		    (for_writing && column->is_standard))
			continue;
		json_object_object_add(properties, column->column_name,
				       for_writing ? openapi_value(column)
						   : read_value(column));
	}
	return object("type", text("object"), "properties", properties, NULL);
}

static struct json_object *
relationships(const struct entity *entity)
{
	struct json_object *properties = json_object_new_object();

	for (size_t i = 0; i < entity->nrelationships; i++) {
		const struct relationship *r = entity->relationships[i];
		bool many = r->to_many || !r->from_subject;

		json_object_object_add(
			properties, r->name,
			openapi_reference("schemas",
					  many ? "ToMany" : "ToOne"));
	}
	return object("type", text("object"), "properties", properties, NULL);
}

struct json_object *
openapi_resource(const struct entity *entity, bool for_writing)
{
	struct json_object *required = openapi_list(text("type"), NULL);
	struct json_object *id =
		object("type", text("string"), "format", text("uuid"), NULL);

	if (!for_writing)
		json_object_array_add(required, text("id"));
	return object(
		"type", text("object"), "required", required, "properties",
		object("type", object("const", text(entity->name), NULL), "id",
		       id, "attributes", attributes(entity, for_writing),
		       "relationships", relationships(entity), NULL),
		NULL);
}

/* Submissions of actions. */

/* Whether `tags` has the tag `required` among its commas. */
static bool
tags_require(const char *tags)
{
	static const char word[] = "required";

	while (*tags) {
		size_t length = strcspn(tags, ",");

		if (length == strlen(word) && !memcmp(tags, word, length))
			return true;
		tags += length + (tags[length] == ',');
	}
	return false;
}

static bool
is_required(const struct action *action, const struct column *field)
{
	for (size_t i = 0; i < action->nvalidations; i++)
		if (!strcmp(action->validations[i].column_name,
			    field->column_name) &&
		    tags_require(action->validations[i].tags))
			return true;
	return false;
}

static struct json_object *
inputs(struct arena *arena, const struct action *action)
{
	struct json_object *properties = json_object_new_object();
	struct json_object *required = json_object_new_array();
	const char *subject = arena_printf(arena, "%s_id", action->on_type);

	for (size_t i = 0; i < action->nin_fields; i++) {
		struct column field = *action->in_fields[i];

		field.is_nullable = true;
		json_object_object_add(properties, field.column_name,
				       openapi_value(&field));
		if (is_required(action, &field))
			json_object_array_add(required,
					      text(field.column_name));
	}
	json_object_object_add(properties, subject,
			       object("type", text("string"), "format",
				      text("uuid"), "description",
				      text("The subject"), NULL));
	if (!action->instance_optional)
		json_object_array_add(required, text(subject));
	return object("type", text("object"), "properties", properties,
		      "required", required, NULL);
}

struct json_object *
openapi_submission(struct arena *arena, const struct action *action)
{
	return object("type", text("object"), "properties",
		      object("attributes", inputs(arena, action), "dry_run",
			     object("type", text("boolean"), NULL), NULL),
		      NULL);
}
