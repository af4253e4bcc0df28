/*
 * fake_words.c: the lists of fake_words.def.
 */
#include "handlers/fake_parts.h"

#define FAKE_LIST(name, ...)                                                   \
	static const char *const name[] = { __VA_ARGS__ };                     \
	const struct fake_list fake_##name = { name, ARRAY_SIZE(name) };
#include "handlers/fake_words.def"
