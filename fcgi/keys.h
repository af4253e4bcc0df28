/*
 * keys.h: the secrets of an instance: the key that signs tokens and the key
 * of encrypted columns, in a file of mode 0600.
 */
#ifndef ACTD_KEYS_H
#define ACTD_KEYS_H

#include "fcgi/config.h"

/*
 * Reads config->keys_file into config->settings, texts in `arena`. With
 * `create`, makes the file with random keys where there is none; of several
 * processes that do so at once, all read the same file afterwards. Refuses a
 * file that others can read.
 */
struct error *keys_load(struct arena *arena, struct config *config,
			bool create) MUST_CHECK;

#endif
