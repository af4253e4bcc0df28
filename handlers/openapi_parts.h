/*
 * openapi_parts.h: what the files that make the OpenAPI document share: its
 * fixed part, schemas of values and resources, and a way to write trees.
 */
#ifndef ACTD_OPENAPI_PARTS_H
#define ACTD_OPENAPI_PARTS_H

#include <json-c/json.h>

#include "db/base/arena.h"
#include "db/base/error.h"
#include "db/model.h"

/* openapi_object("type", openapi_text("string"), NULL): members in order. */
struct json_object *openapi_object(const char *name, ...)
	__attribute__((sentinel));

/* openapi_list(first, second, NULL) */
struct json_object *openapi_list(struct json_object *first, ...)
	__attribute__((sentinel));

/* A JSON string, owned by the caller. */
struct json_object *openapi_text(const char *text);

/* {"$ref": "#/components/SECTION/NAME"} */
struct json_object *openapi_reference(const char *section, const char *name);

/*
 * The part of the document that is the same for everybody: what is not of an
 * entity or action. `*document` is released with the arena.
 */
struct error *openapi_fixed(struct arena *arena,
			    struct json_object **document) MUST_CHECK;

/* The schema of a column's values, or of an action's input. */
struct json_object *openapi_value(const struct column *column);

/* The schema of a row of `entity`: as it is read, or as a client writes it. */
struct json_object *openapi_resource(const struct entity *entity,
				     bool for_writing);

/* The schema of a submission: attributes, and what may stand beside them. */
struct json_object *openapi_submission(struct arena *arena,
				       const struct action *action);

#endif
