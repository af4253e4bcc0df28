/*
 * format.h: YAML, JSON, TOML and HCL become one json-c tree, under the same
 * limits, checked while parsing.
 */
#ifndef ACTD_FORMAT_H
#define ACTD_FORMAT_H

#include <json-c/json.h>

#include "db/base/arena.h"
#include "db/base/error.h"

struct format_limits {
	size_t bytes; /* of the text */
	size_t depth; /* of nesting */
	size_t nodes; /* after expansion of aliases */
};

/* For schema files: 1 MiB, 64 deep, 100,000 nodes. */
extern const struct format_limits format_schema_limits;

struct format {
	const char *name;	   /* "yaml" */
	const char *extensions[3]; /* "yaml", "yml", NULL */
	/*
	 * Parses `length` bytes; `*tree` is released with the arena. 422
	 * "bad-yaml" and so on, whose detail has line and column. The caller
	 * prefixes the file's name.
	 */
	struct error *(*parse)(struct arena *arena, const char *text,
			       size_t length,
			       const struct format_limits *limits,
			       struct json_object **tree);
};

extern const struct format format_json, format_yaml, format_toml, format_hcl;

/* By the end of a file's name, dot or not, in any case; NULL if unknown. */
const struct format *format_of(const char *file_name);

/*
 * format_of(), parse, and the file's name in front of the detail:
 * "schema_x.yaml: line 3, column 7: …". 422 "unknown-format" otherwise.
 */
struct error *format_read(struct arena *arena, const char *file_name,
			  const char *text, size_t length,
			  const struct format_limits *limits,
			  struct json_object **tree) MUST_CHECK;

/*
 * Strict JSON (RFC 8259; UTF-8; no NUL, no lone surrogates, no duplicate
 * keys; numbers exact: integers beyond 64 bits and fractions keep their
 * text). `status` is that of the error: 400 for bodies, 422 for files.
 */
struct error *json_read(struct arena *arena, const char *text, size_t length,
			const struct format_limits *limits, int status,
			struct json_object **value) MUST_CHECK;

/* json_object_put() as a deferred release for an arena. */
void json_release(void *object);

#endif
