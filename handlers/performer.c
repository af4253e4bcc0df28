/*
 * performer.c: the registry of performers, from performers/registry.def.
 */
#include <string.h>

#include "handlers/performer.h"

#define PERFORMER(name) extern const struct performer performer_##name;
#include "handlers/performers/registry.def"
#undef PERFORMER

#define PERFORMER(name) &performer_##name,
static const struct performer *const registry[] = {
#include "handlers/performers/registry.def"
};
#undef PERFORMER

/* Names whose parts are still to come; a last "." stands for all below. */
static const char *const reserved[] = {
	"$network.request",
	"oauth.",
	"mail.",
	"otp.",
};

const struct performer *const *
performers(size_t *count)
{
	*count = ARRAY_SIZE(registry);
	return registry;
}

const struct performer *
performer_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(registry); i++)
		if (!strcmp(registry[i]->name, name))
			return registry[i];
	return NULL;
}

bool
performer_is_reserved(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(reserved); i++) {
		size_t length = strlen(reserved[i]);
		bool is_family = reserved[i][length - 1] == '.';

		if (!strncmp(name, reserved[i], length) &&
		    (is_family || !name[length]))
			return true;
	}
	return false;
}
