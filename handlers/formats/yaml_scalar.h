/*
 * yaml_scalar.h: the type of a plain (unquoted) scalar of YAML. Only for this
 * folder.
 */
#ifndef ACTD_FORMAT_YAML_SCALAR_H
#define ACTD_FORMAT_YAML_SCALAR_H

#include "handlers/formats/source.h"

/*
 * The value of a plain scalar:
 *
 *	(empty) ~ null Null NULL           null
 *	true yes on, false no off          boolean; also True and TRUE
 *	12 -3 +5 0o17 0x1F                 integer; 0x.. beyond 64 bits: text
 *	1.5 .5 1. 1e3                      number that keeps its text
 *	y n 012 12:30 1_000 2001-01-01     text, as everything else
 *
 * False for .inf and .nan, which JSON has no numbers for.
 */
bool yaml_scalar(struct arena *arena, const char *text, size_t length,
		 struct json_object **value);

#endif
