/*
 * tree.h: small trees. json-c makes room for 16 keys and 32 items at once, so
 * that a text of {},{},… would take 270 times its size. Only for this folder.
 */
#ifndef ACTD_FORMAT_TREE_H
#define ACTD_FORMAT_TREE_H

#include <json-c/json.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An empty array with room for few items. */
struct json_object *array_new(void);

/* Takes room from an object that is complete and small. */
void object_fit(struct json_object *object);

/* A deep copy, as small. */
struct json_object *tree_copy(struct json_object *from);

#ifdef __cplusplus
}
#endif

#endif
