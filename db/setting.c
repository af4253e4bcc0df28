/*
 * setting.c: the table _config, and the few settings of it that this server
 * follows: how long tokens live, and which origins may send credentials.
 */
#include "db/setting.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "db/base/crypto.h"
#include "db/base/json.h"
#include "db/base/log.h"

#define BACKEND "backend"
#define TOKEN_HOURS_MAX 87600

bool
setting_is_secret(const char *name)
{
	static const char *const words[] = { "secret", "password",
					     "private_key", "credential",
					     "api_key" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcasestr(name, words[i]))
			return true;
	return false;
}

/* Checks. */

static bool
token_seconds_of(const char *text, int64_t *seconds)
{
	char *end;
	long long hours;

	errno = 0;
	hours = strtoll(text, &end, 10);
	if (errno || end == text || *end || hours < 1 ||
	    hours > TOKEN_HOURS_MAX)
		return false;
	*seconds = hours * 3600;
	return true;
}

/* The texts of a list, NULL-ended; false where one is none. */
static bool
texts_of(struct arena *arena, struct json_object *list,
	 const char *const **texts)
{
	const char **found = NULL;
	size_t count = 0;

	if (list && !json_object_is_type(list, json_type_array))
		return false;
	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		struct json_object *item = json_object_array_get_idx(list, i);

		if (!json_object_is_type(item, json_type_string))
			return false;
		ARENA_PUSH(arena, found, count,
			   arena_strdup(arena, json_object_get_string(item)));
	}
	if (count)
		ARENA_PUSH(arena, found, count, NULL);
	*texts = found;
	return true;
}

/*
 * The origins of Daptin's cors.config that may send credentials, NULL where
 * none does: without allow_credentials, since any origin may do the rest.
 */
static bool
origins_of(struct arena *arena, const char *text, const char *const **origins)
{
	struct json_object *object = json_tokener_parse(text);
	bool is_read =
		json_object_is_type(object, json_type_object) &&
		texts_of(arena,
			 json_object_object_get(object, "allowed_origins"),
			 origins);

	if (is_read && !json_object_get_boolean(json_object_object_get(
			       object, "allow_credentials")))
		*origins = NULL;
	json_object_put(object);
	return is_read;
}

static const char *
check_token_hours(struct arena *arena UNUSED, const char *value)
{
	int64_t seconds;

	return token_seconds_of(value, &seconds)
		       ? NULL
		       : "A whole number of hours from 1 to 87600 is needed.";
}

static const char *
check_cors(struct arena *arena, const char *value)
{
	const char *const *origins;

	return origins_of(arena, value, &origins)
		       ? NULL
		       : "A JSON object whose allowed_origins is a list of "
			 "texts is needed.";
}

static const char *
check_kept_in_file(struct arena *arena UNUSED, const char *value UNUSED)
{
	return "This is not kept in the database: it is in the instance's "
	       "files, see keys_file and token_issuer in actd.conf(5).";
}

/* Settings of `backend` that mean something to this server. */
static const struct {
	const char *name;
	const char *(*fault)(struct arena *arena, const char *value);
} checks[] = {
	{ "jwt.token.life.hours", check_token_hours },
	{ "cors.config", check_cors },
	{ "jwt.secret", check_kept_in_file },
	{ "jwt.token.issuer", check_kept_in_file },
	{ "encryption.secret", check_kept_in_file },
};

struct error *
setting_check(struct arena *arena, const struct setting *setting,
	      const char *value)
{
	const char *fault = NULL;

	if (strcmp(setting->type, BACKEND) != 0)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		if (!strcmp(checks[i].name, setting->name))
			fault = checks[i].fault(arena, value);
	if (!fault)
		return NULL;
	return error_new(arena, 422, "bad-setting", "%s: %s", setting->name,
			 fault);
}

/* The table. */

static const char LIST_SETTINGS[] =
	"SELECT DISTINCT ON (name COLLATE \"C\") name,"
	" CASE valuetype WHEN 'secret' THEN '' ELSE value END"
	" FROM _config WHERE configstate = 'enabled'"
	" AND configenv = 'release'"
	" ORDER BY name COLLATE \"C\", configtype = 'backend' DESC, configtype";

struct error *
setting_list(struct db *db, struct arena *arena, struct rows **rows)
{
	return db_query(db, arena, LIST_SETTINGS, NO_PARAMS, rows);
}

static const char READ_SETTING[] =
	"SELECT CASE valuetype WHEN 'secret' THEN '' ELSE value END"
	" FROM _config WHERE configtype = $1 AND name = $2"
	" AND configstate = 'enabled' AND configenv = 'release'";

struct error *
setting_read(struct db *db, struct arena *arena, const struct setting *setting,
	     const char **value)
{
	struct rows *rows;
	struct error *error =
		db_query(db, arena, READ_SETTING,
			 PARAMS(setting->type, setting->name), &rows);

	if (!error)
		*value = rows_count(rows) ? rows_text(rows, 0, 0) : NULL;
	return error;
}

static const char STORE_SETTING[] =
	"INSERT INTO _config AS c (configtype, name, value, valuetype)"
	" VALUES ($1, $2, $3, $4)"
	" ON CONFLICT (name, configtype, configstate, configenv)"
	" DO UPDATE SET previousvalue = c.value, value = excluded.value,"
	" valuetype = excluded.valuetype, updated_at = now()";

struct error *
setting_store(struct db *db, struct arena *arena, const struct setting *setting,
	      const char *value, const unsigned char *key)
{
	bool is_secret = setting_is_secret(setting->name);

	return db_query(
		db, arena, STORE_SETTING,
		PARAMS(setting->type, setting->name,
		       is_secret ? crypto_encrypt(arena, key, value) : value,
		       is_secret ? "secret" : "text"),
		NULL);
}

static const char DELETE_SETTING[] =
	"DELETE FROM _config WHERE configtype = $1 AND name = $2"
	" AND configstate = 'enabled' AND configenv = 'release'";

struct error *
setting_delete(struct db *db, struct arena *arena,
	       const struct setting *setting, bool *was_there)
{
	struct rows *rows;
	struct error *error =
		db_query(db, arena, DELETE_SETTING,
			 PARAMS(setting->type, setting->name), &rows);

	if (!error)
		*was_there = rows_affected(rows) > 0;
	return error;
}

/* Their effect. */

static const char LOAD_SETTINGS[] =
	"SELECT name, value FROM _config WHERE configtype = 'backend'"
	" AND configstate = 'enabled' AND configenv = 'release'"
	" AND name IN ('jwt.token.life.hours', 'cors.config')";

/* Whoever wrote it into the table: what can't be read has no effect. */
static void
take_setting(struct model *model, const char *name, const char *value)
{
	bool is_read =
		strcmp(name, "cors.config")
			? token_seconds_of(value, &model->token_seconds)
			: origins_of(model->arena, value, &model->cors_origins);

	if (!is_read)
		log_event(LOG_WARNING, "bad-setting", "name", name, NULL);
}

struct error *
setting_load(struct db *db, struct arena *scratch, struct model *model)
{
	struct rows *rows;
	struct error *error =
		db_query(db, scratch, LOAD_SETTINGS, NO_PARAMS, &rows);

	for (size_t i = 0; !error && i < rows_count(rows); i++)
		take_setting(model, rows_text(rows, i, 0),
			     rows_text(rows, i, 1));
	return error;
}
