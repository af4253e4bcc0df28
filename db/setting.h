/*
 * setting.h: the settings that administrators keep in the database (/_config,
 * wire/json-api.md 5.3). The model holds those that have an effect here, so
 * that all nodes follow them. Secrets are encrypted, and never read back.
 */
#ifndef ACTD_SETTING_H
#define ACTD_SETTING_H

#include "db/db.h"
#include "db/model.h"

#define SETTING_NAME_MAX 100
#define SETTING_VALUE_MAX 65536

/* Where a setting is: "backend", "web" or "mobile", and its name. */
struct setting {
	const char *type;
	const char *name;
};

/* Whether the name is that of a secret ("smtp.password"). */
bool setting_is_secret(const char *name);

/*
 * 422 for a value that a setting with an effect can't have, and for the ones
 * that an instance keeps in its files alone.
 */
struct error *setting_check(struct arena *arena, const struct setting *setting,
			    const char *value) MUST_CHECK;

/* Names and values of all, sorted; of those that occur in several types the
 * one of `backend`. Secrets are blank. */
struct error *setting_list(struct db *db, struct arena *arena,
			   struct rows **rows) MUST_CHECK;

/* NULL where there is none; "" for a secret. */
struct error *setting_read(struct db *db, struct arena *arena,
			   const struct setting *setting,
			   const char **value) MUST_CHECK;

/* `key` (32 bytes) encrypts secrets. */
struct error *setting_store(struct db *db, struct arena *arena,
			    const struct setting *setting, const char *value,
			    const unsigned char *key) MUST_CHECK;

/* Whether there was one. */
struct error *setting_delete(struct db *db, struct arena *arena,
			     const struct setting *setting,
			     bool *was_there) MUST_CHECK;

/* Sets the members of the model that come from settings, in its arena. */
struct error *setting_load(struct db *db, struct arena *scratch,
			   struct model *model) MUST_CHECK;

#endif
