/*
 * format.c: finds the reader of a file by its name. The readers themselves
 * are json.c, yaml.c, toml.c and hcl.c.
 */
#include "handlers/formats/format.h"

#include <string.h>
#include <strings.h>

const struct format_limits format_schema_limits = {
	.bytes = (size_t)1024 * 1024,
	.depth = 64,
	.nodes = 100000,
};

static const struct format *const formats[] = {
	&format_yaml,
	&format_json,
	&format_toml,
	&format_hcl,
};

void
json_release(void *object)
{
	json_object_put(object);
}

const struct format *
format_of(const char *file_name)
{
	const char *dot = strrchr(file_name, '.');
	const char *extension = dot ? dot + 1 : file_name;

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		for (const char *const *e = formats[i]->extensions; *e; e++)
			if (!strcasecmp(*e, extension))
				return formats[i];
	return NULL;
}

struct error *
format_read(struct arena *arena, const char *file_name, const char *text,
	    size_t length, const struct format_limits *limits,
	    struct json_object **tree)
{
	const struct format *format = format_of(file_name);
	struct error *error;

	*tree = NULL;
	if (!format)
		return error_new(arena, 422, "unknown-format",
				 "%s: its name ends in none of .yaml, .yml, "
				 ".json, .toml and .hcl",
				 file_name);
	error = format->parse(arena, text, length, limits, tree);
	if (error)
		error->detail =
			arena_printf(arena, "%s: %s", file_name, error->detail);
	return error;
}
