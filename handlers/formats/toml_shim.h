/*
 * toml_shim.h: the C face of toml++. No exception leaves it. Only for this
 * folder.
 */
#ifndef ACTD_TOML_SHIM_H
#define ACTD_TOML_SHIM_H

#include <stddef.h>

#include <json-c/json.h>

#ifdef __cplusplus
extern "C" {
#endif

struct toml_shim_fault {
	size_t line, column; /* from 1 */
	char message[200];   /* UTF-8 */
};

/*
 * Reads TOML into a new tree, which the caller owns, keys in the order of the
 * text. NULL with `fault` filled if it is no TOML or beyond the limits. The
 * text must be UTF-8 and its dotted keys short: toml++ recurses on them.
 */
struct json_object *toml_shim_read(const char *text, size_t length,
				   size_t depth, size_t nodes,
				   struct toml_shim_fault *fault);

#ifdef __cplusplus
}
#endif

#endif
