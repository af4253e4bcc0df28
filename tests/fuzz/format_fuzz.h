/*
 * format_fuzz.h: the body that the fuzz targets of formats share. A text is
 * refused, or its tree prints as JSON that our own reader takes and prints
 * the same again: nothing gets into a tree that could not come out.
 */
#ifndef ACTD_FORMAT_FUZZ_H
#define ACTD_FORMAT_FUZZ_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "handlers/formats/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void
format_fuzz(const struct format *format, const uint8_t *data, size_t size)
{
	/* Printing takes room for escapes, and levels of blocks. */
	const struct format_limits limits = { 64 * 1024, 64, 20000 };
	const struct format_limits more = { 16 * 1024 * 1024, 64, 20000 };
	struct arena *arena = arena_new();
	struct json_object *tree, *again;
	const char *printed;

	if (format->parse(arena, (const char *)data, size, &limits, &tree)) {
		if (tree)
			abort();
	} else {
		printed = json_object_to_json_string_ext(
			tree, JSON_C_TO_STRING_PLAIN);
		if (json_read(arena, printed, strlen(printed), &more, 400,
			      &again))
			abort();
		if (strcmp(json_object_to_json_string_ext(
				   again, JSON_C_TO_STRING_PLAIN),
			   printed) != 0)
			abort();
	}
	arena_free(arena);
}

#endif
