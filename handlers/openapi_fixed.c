/*
 * openapi_fixed.c: the part of the OpenAPI document that is the same for
 * everybody (openapi.yaml), and the words in which trees are written.
 */
#include <stdarg.h>
#include <stdio.h>

#include "handlers/formats/format.h"
#include "handlers/openapi_parts.h"

struct json_object *
openapi_text(const char *text)
{
	return json_object_new_string(text);
}

struct json_object *
openapi_object(const char *name, ...)
{
	struct json_object *result = json_object_new_object();
	va_list members;

	va_start(members, name);
	while (name) {
		json_object_object_add(result, name,
				       va_arg(members, struct json_object *));
		name = va_arg(members, const char *);
	}
	va_end(members);
	return result;
}

struct json_object *
openapi_list(struct json_object *first, ...)
{
	struct json_object *result = json_object_new_array();
	va_list elements;

	va_start(elements, first);
	while (first) {
		json_object_array_add(result, first);
		first = va_arg(elements, struct json_object *);
	}
	va_end(elements);
	return result;
}

struct json_object *
openapi_reference(const char *section, const char *name)
{
	char text[512]; /* names are at most four of 63 bytes */

	snprintf(text, sizeof text, "#/components/%s/%s", section, name);
	return openapi_object("$ref", openapi_text(text), NULL);
}

/* handlers/openapi.yaml, compiled in */
extern const char _binary_handlers_openapi_yaml_start[];
extern const char _binary_handlers_openapi_yaml_end[];

struct error *
openapi_fixed(struct arena *arena, struct json_object **document)
{
	const char *text = _binary_handlers_openapi_yaml_start;
	size_t length = (size_t)(_binary_handlers_openapi_yaml_end - text);
	struct error *error = format_yaml.parse(
		arena, text, length, &format_schema_limits, document);

	if (!error)
		json_object_object_add(
			json_object_object_get(*document, "info"), "version",
			openapi_text(ACTD_VERSION));
	return error;
}
