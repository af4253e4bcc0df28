/*
 * json.h: json-c's values in arenas, and members of objects as texts.
 */
#ifndef ACTD_JSON_H
#define ACTD_JSON_H

#include <json-c/json.h>

#include "db/base/arena.h"

/*
 * Hands `object` (may be NULL, which is JSON's null) over to `arena`, with
 * which it is released, and gives it back.
 */
struct json_object *json_keep(struct arena *arena, struct json_object *object);

/* A member as a text, numbers too; "" where there is none. */
const char *json_member_text(struct json_object *object, const char *name);

#endif
