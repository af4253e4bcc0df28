/*
 * config.c: the table of keys, and reading it from YAML and environment. What
 * the keys of an instance are (secrets) is in fcgi/keys.c.
 */
#include "fcgi/config.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "db/base/log.h"
#include "handlers/formats/format.h"

#define FILE_BYTES_MAX (256 * 1024)

#define KEY(member) offsetof(struct config, member)

static const struct config_key keys[] = {
	{ "database", KEY_TEXT, "dbname=actd", 0, 0, KEY(database),
	  "Connection string of PostgreSQL, as libpq takes it. Several hosts and "
	  "target_session_attrs are understood." },
	{ "prepared_statements", KEY_INTEGER, "256", 0, 10000,
	  KEY(prepared_statements),
	  "Prepared statements kept per connection. 0 behind pgbouncer in "
	  "transaction mode." },
	{ "workers", KEY_INTEGER, "0", 0, 128, KEY(pools[POOL_QUICK].processes),
	  "Processes of the quick pool, which does bounded work. 0: four a "
	  "processor core." },
	{ "hash_workers", KEY_INTEGER, "0", 0, 64,
	  KEY(pools[POOL_HASH].processes),
	  "Processes of the hash pool, which signs people in and up. 0: one a "
	  "processor core." },
	{ "long_workers", KEY_INTEGER, "4", 1, 64,
	  KEY(pools[POOL_LONG].processes),
	  "Processes of the long pool: imports, exports, packages." },
	{ "runners", KEY_INTEGER, "2", 0, 32, KEY(pools[POOL_RUNNER].processes),
	  "Background jobs that this node runs at the same time. They also "
	  "start the tasks that are due. 0: other nodes do it." },
	{ "event_streams", KEY_INTEGER, "256", 1, 10000, KEY(event_streams),
	  "Clients that may watch background jobs at the same time, at "
	  "/job/ID/events." },
	{ "hash_nice", KEY_INTEGER, "10", 0, 19, KEY(pools[POOL_HASH].nice),
	  "Niceness of the hash pool, so that sign-ins don't slow reads." },
	{ "quick_statement_timeout_ms", KEY_INTEGER, "10000", 0, 86400000,
	  KEY(pools[POOL_QUICK].statement_timeout_ms),
	  "Longest statement of a quick worker, in milliseconds. 0: no limit." },
	{ "hash_statement_timeout_ms", KEY_INTEGER, "10000", 0, 86400000,
	  KEY(pools[POOL_HASH].statement_timeout_ms),
	  "The same for the hash pool." },
	{ "long_statement_timeout_ms", KEY_INTEGER, "0", 0, 86400000,
	  KEY(pools[POOL_LONG].statement_timeout_ms),
	  "The same for the long pool." },
	{ "socket_folder", KEY_TEXT, "/run/actd", 0, 0, KEY(socket_folder),
	  "Folder of the sockets quick.sock, hash.sock, long.sock and "
	  "events.sock." },
	{ "quick_listen", KEY_TEXT, "", 0, 0, KEY(pools[POOL_QUICK].listen),
	  "Another address of the quick pool: a path or HOST:PORT." },
	{ "hash_listen", KEY_TEXT, "", 0, 0, KEY(pools[POOL_HASH].listen),
	  "The same for the hash pool." },
	{ "long_listen", KEY_TEXT, "", 0, 0, KEY(pools[POOL_LONG].listen),
	  "The same for the long pool." },
	{ "events_listen", KEY_TEXT, "", 0, 0, KEY(pools[POOL_EVENTS].listen),
	  "The same for the process that sends events." },
	{ "socket_mode", KEY_MODE, "0660", 0, 0777, KEY(socket_mode),
	  "Permission bits of the sockets, octal. nginx must be able to write "
	  "to them, nobody else should." },
	{ "backlog", KEY_INTEGER, "4096", 1, 65535, KEY(backlog),
	  "Connections that may wait for a free worker. The kernel's "
	  "net.core.somaxconn bounds it." },
	{ "lock_file", KEY_TEXT, "", 0, 0, KEY(lock_file),
	  "Held while the instance runs; has the master's process id. Default: "
	  "actd.lock in the socket folder." },
	{ "drain_seconds", KEY_INTEGER, "30", 1, 3600, KEY(drain_seconds),
	  "How long workers may finish their requests at a stop." },
	{ "keys_file", KEY_TEXT, "/var/lib/actd/keys", 0, 0, KEY(keys_file),
	  "File of mode 0600 with the signing and the encryption key, made at "
	  "the first start. Equal on all nodes." },
	{ "instance", KEY_TEXT, "actd", 0, 0, KEY(settings.instance),
	  "Name of the instance, for logs and process titles." },
	{ "schema_folder", KEY_TEXT, "/etc/actd/schema", 0, 0,
	  KEY(settings.schema_folder),
	  "Folder whose files schema_*.* are applied at start and reload." },
	{ "files_folder", KEY_TEXT, "/var/lib/actd/files", 0, 0,
	  KEY(settings.files.folder),
	  "Folder of uploads, by the hash of their contents. Shared by all "
	  "nodes, and readable for nginx. Contents that no row refers to go "
	  "after a day." },
	{ "sites_folder", KEY_TEXT, "/var/lib/actd/sites", 0, 0,
	  KEY(settings.sites_folder), "Folder of installed sites." },
	{ "evaluator", KEY_TEXT, "", 0, 0, KEY(settings.evaluator),
	  "Program that evaluates JavaScript in actions. Default: "
	  "actd-evaluator beside actd, else evaluator in its libexec "
	  "folder." },
	{ "script_ms", KEY_INTEGER, "100", 10, 1000, KEY(settings.script_ms),
	  "Longest run of a JavaScript value of an action, in milliseconds of "
	  "processor time." },
	{ "token_issuer", KEY_TEXT, "daptin", 0, 0, KEY(settings.token_issuer),
	  "Claim iss of tokens. Tokens of another issuer are refused." },
	{ "token_seconds", KEY_INTEGER, "259200", 60, 315360000,
	  KEY(settings.token_seconds), "Lifetime of a token." },
	{ "hash_cost", KEY_INTEGER, "11", 4, 16, KEY(hash_cost),
	  "Cost of bcrypt for new passwords; one more doubles the time." },
	{ "json_body_max", KEY_INTEGER, "1048576", 1024, 1073741824,
	  KEY(settings.json_body_max), "Largest JSON body, in bytes." },
	{ "page_size_max", KEY_INTEGER, "1000", 1, 100000,
	  KEY(settings.page_size_max), "Largest page of a list." },
	{ "idempotency_hours", KEY_INTEGER, "24", 1, 8760,
	  KEY(settings.retention.idempotency_hours),
	  "How long the answer to a request with an Idempotency-Key is given "
	  "again." },
	{ "job_days", KEY_INTEGER, "30", 1, 36500,
	  KEY(settings.retention.job_days),
	  "How long background jobs are kept after their end." },
	{ "run_days", KEY_INTEGER, "365", 0, 36500,
	  KEY(settings.retention.run_days),
	  "How long runs of actions are kept, and can be undone. 0: for "
	  "ever." },
	{ "history_days", KEY_INTEGER, "0", 0, 36500,
	  KEY(settings.retention.history_days),
	  "How long the history of rows is kept. 0: for ever." },
	{ "cors_origins", KEY_LIST, "", 0, 0, KEY(settings.cors_origins),
	  "Origins whose pages may call with credentials, such as "
	  "https://app.example.org. Any page may call with a bearer token." },
	{ "metrics_public", KEY_BOOLEAN, "false", 0, 0,
	  KEY(settings.metrics_public),
	  "Whether /metrics answers clients that are not on this host." },
	{ "log_level", KEY_TEXT, "info", 0, 0, KEY(log_level),
	  "Least level that is logged: debug, info, warning or error." },
	{ "log_requests", KEY_BOOLEAN, "true", 0, 0, KEY(log_requests),
	  "Whether each request has a line in the log." },
};

const struct config_key *
config_keys(size_t *count)
{
	*count = ARRAY_SIZE(keys);
	return keys;
}

static struct error *
refuse(struct arena *arena, const char *where, const struct config_key *key)
{
	switch (key->type) {
	case KEY_INTEGER:
		return error_new(arena, 422, "bad-configuration",
				 "%s: %s must be a whole number from %lld to "
				 "%lld",
				 where, key->name, (long long)key->lowest,
				 (long long)key->highest);
	case KEY_MODE:
		return error_new(arena, 422, "bad-configuration",
				 "%s: %s must be octal permission bits such "
				 "as \"0660\"",
				 where, key->name);
	case KEY_BOOLEAN:
		return error_new(arena, 422, "bad-configuration",
				 "%s: %s must be true or false", where,
				 key->name);
	case KEY_LIST:
		return error_new(arena, 422, "bad-configuration",
				 "%s: %s must be a list of texts", where,
				 key->name);
	case KEY_TEXT:
		break;
	}
	return error_new(arena, 422, "bad-configuration",
			 "%s: %s must be a text", where, key->name);
}

static bool
read_number(const char *text, int base, const struct config_key *key,
	    int64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoll(text, &end, base);
	return *text && !*end && !errno && *number >= key->lowest &&
	       *number <= key->highest;
}

static bool
read_boolean(const char *text, bool *value)
{
	*value = !strcmp(text, "true");
	return *value || !strcmp(text, "false");
}

/* "a, b" and "a b" are two items. */
static const char *const *
split_list(struct arena *arena, const char *text)
{
	const char **items = NULL;
	size_t count = 0;

	while (*(text += strspn(text, ", \t"))) {
		size_t length = strcspn(text, ", \t");

		ARENA_PUSH(arena, items, count,
			   arena_strndup(arena, text, length));
		text += length;
	}
	ARENA_PUSH(arena, items, count, NULL);
	return items;
}

/* Sets a key from text: a default, or a variable of the environment. */
static struct error *
set_text(struct arena *arena, struct config *config,
	 const struct config_key *key, const char *text, const char *where)
{
	void *member = (char *)config + key->offset;
	bool good = true;

	switch (key->type) {
	case KEY_TEXT:
		*(const char **)member = arena_strdup(arena, text);
		break;
	case KEY_INTEGER:
		good = read_number(text, 10, key, member);
		break;
	case KEY_MODE:
		good = read_number(text, 8, key, member);
		break;
	case KEY_BOOLEAN:
		good = read_boolean(text, member);
		break;
	case KEY_LIST:
		*(const char *const **)member = split_list(arena, text);
		break;
	}
	return good ? NULL : refuse(arena, where, key);
}

static struct error *
set_list(struct arena *arena, struct config *config,
	 const struct config_key *key, struct json_object *value,
	 const char *where)
{
	const char **items = NULL;
	size_t count = 0;

	for (size_t i = 0; i < json_object_array_length(value); i++) {
		struct json_object *item = json_object_array_get_idx(value, i);

		if (!json_object_is_type(item, json_type_string))
			return refuse(arena, where, key);
		ARENA_PUSH(arena, items, count,
			   arena_strdup(arena, json_object_get_string(item)));
	}
	ARENA_PUSH(arena, items, count, NULL);
	*(const char ***)((char *)config + key->offset) = items;
	return NULL;
}

/* Sets a key from the file: the type must be the key's, or a text of it. */
static struct error *
set_json(struct arena *arena, struct config *config,
	 const struct config_key *key, struct json_object *value,
	 const char *where)
{
	static const enum json_type wanted[] = {
		[KEY_TEXT] = json_type_string,
		[KEY_INTEGER] = json_type_int,
		[KEY_MODE] = json_type_string,
		[KEY_BOOLEAN] = json_type_boolean,
		[KEY_LIST] = json_type_array,
	};

	if (!json_object_is_type(value, wanted[key->type]))
		return refuse(arena, where, key);
	if (key->type == KEY_LIST)
		return set_list(arena, config, key, value, where);
	return set_text(arena, config, key, json_object_get_string(value),
			where);
}

static const struct config_key *
find_key(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (!strcmp(keys[i].name, name))
			return &keys[i];
	return NULL;
}

static struct error *
apply_tree(struct arena *arena, struct config *config, struct json_object *tree,
	   const char *file)
{
	if (!tree) /* an empty file */
		return NULL;
	if (!json_object_is_type(tree, json_type_object))
		return error_new(arena, 422, "bad-configuration",
				 "%s: expected lines of \"key: value\"", file);
	json_object_object_foreach(tree, name, value)
	{
		const struct config_key *key = find_key(name);
		struct error *err;

		if (!key)
			return error_new(arena, 422, "bad-configuration",
					 "%s: unknown key \"%s\"", file, name);
		err = set_json(arena, config, key, value, file);
		if (err)
			return err;
	}
	return NULL;
}

static struct error *
read_text(struct arena *arena, const char *file, char **text, size_t *length)
{
	FILE *stream = fopen(file, "re");

	if (!stream)
		return error_new(arena, 422, "bad-configuration", "%s: %s",
				 file, strerror(errno));
	*text = arena_alloc_raw(arena, FILE_BYTES_MAX + 1);
	*length = fread(*text, 1, FILE_BYTES_MAX + 1, stream);
	fclose(stream);
	if (*length > FILE_BYTES_MAX)
		return error_new(arena, 422, "bad-configuration",
				 "%s: larger than %d bytes", file,
				 FILE_BYTES_MAX);
	return NULL;
}

static struct error *
apply_file(struct arena *arena, struct config *config, const char *file)
{
	struct json_object *tree = NULL;
	size_t length = 0;
	char *text = NULL;
	struct error *err;

	if (!file && access(CONFIG_DEFAULT_FILE, F_OK))
		return NULL;
	if (!file)
		file = CONFIG_DEFAULT_FILE;
	err = read_text(arena, file, &text, &length);
	if (err || strspn(text, " \t\r\n") == length)
		return err;
	err = format_yaml.parse(arena, text, length, &format_schema_limits,
				&tree);
	if (err)
		return error_new(arena, 422, "bad-configuration", "%s: %s",
				 file, err->detail);
	return apply_tree(arena, config, tree, file);
}

/* "workers" is ACTD_WORKERS. */
static const char *
variable_of(struct arena *arena, const struct config_key *key)
{
	char *name = arena_printf(arena, "ACTD_%s", key->name);

	for (char *c = name; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	return name;
}

static struct error *
apply_environment(struct arena *arena, struct config *config)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const char *name = variable_of(arena, &keys[i]);
		const char *value = getenv(name);
		struct error *err;

		if (!value)
			continue;
		err = set_text(arena, config, &keys[i], value, name);
		if (err)
			return err;
	}
	return NULL;
}

static struct error *
apply_defaults(struct arena *arena, struct config *config)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		struct error *err = set_text(arena, config, &keys[i],
					     keys[i].fallback, "default");

		if (err)
			return err;
	}
	return NULL;
}

/* The one beside this program, of a build; else the one installed. */
static const char *
default_evaluator(struct arena *arena)
{
	char program[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", program, sizeof program);
	const char *slash =
		length > 0 ? memrchr(program, '/', (size_t)length) : NULL;
	const char *beside;

	if (!slash)
		return ACTD_LIBEXEC "/evaluator";
	beside = arena_printf(arena, "%.*s/actd-evaluator",
			      (int)(slash - program), program);
	return access(beside, X_OK) ? ACTD_LIBEXEC "/evaluator" : beside;
}

/* Names, numbers and addresses of the pools; their processes in `*total`. */
static void
complete_pools(struct arena *arena, struct config *config, int64_t *total)
{
	static const struct {
		const char *name;
		int64_t per_core; /* where the number is 0 */
		int64_t fixed;
	} rows[POOLS] = {
		[POOL_QUICK] = { "quick", 4, 0 },
		[POOL_HASH] = { "hash", 1, 0 },
		[POOL_LONG] = { "long", 1, 0 },
		[POOL_RUNNER] = { "runner", 0, 0 },
		[POOL_EVENTS] = { "events", 0, 1 },
	};
	int64_t cores = sysconf(_SC_NPROCESSORS_ONLN);

	*total = 0;
	for (int i = 0; i < POOLS; i++) {
		struct pool *pool = &config->pools[i];

		pool->name = rows[i].name;
		if (!pool->processes)
			pool->processes =
				rows[i].per_core * cores + rows[i].fixed;
		if (i == POOL_RUNNER)
			pool->listen = "";
		else if (!*pool->listen)
			pool->listen =
				arena_printf(arena, "%s/%s.sock",
					     config->socket_folder, pool->name);
		*total += pool->processes;
	}
}

/* Fills what follows from other keys or from the machine. */
static struct error *
complete(struct arena *arena, struct config *config)
{
	int64_t total;

	complete_pools(arena, config, &total);
	/* A rolling restart needs slots for old and new workers. */
	if (total > SHARED_SLOTS / 2)
		return error_new(arena, 422, "bad-configuration",
				 "workers: %lld processes in all; at most %d "
				 "are possible",
				 (long long)total, SHARED_SLOTS / 2);
	if (!*config->settings.evaluator)
		config->settings.evaluator = default_evaluator(arena);
	if (!*config->lock_file)
		config->lock_file = arena_printf(arena, "%s/actd.lock",
						 config->socket_folder);
	if (log_level_of(config->log_level) < 0)
		return error_new(arena, 422, "bad-configuration",
				 "log_level must be debug, info, warning or "
				 "error");
	config->settings.values.hash_cost = (unsigned)config->hash_cost;
	config->settings.values.files = &config->settings.files;
	return NULL;
}

struct error *
config_load(struct arena *arena, const char *file, struct config **config)
{
	struct config *loaded = ARENA_NEW(arena, struct config);
	struct error *err = apply_defaults(arena, loaded);

	if (!err)
		err = apply_file(arena, loaded, file);
	if (!err)
		err = apply_environment(arena, loaded);
	if (!err)
		err = complete(arena, loaded);
	if (!err)
		*config = loaded;
	return err;
}

void
config_describe(struct strbuf *buf)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		strbuf_printf(buf, "  %s (default: %s)\n      %s\n",
			      keys[i].name,
			      *keys[i].fallback ? keys[i].fallback : "none",
			      keys[i].help);
}

void
config_manual(struct strbuf *buf)
{
	static const char *const types[] = {
		[KEY_TEXT] = "text",	      [KEY_INTEGER] = "whole number",
		[KEY_MODE] = "text",	      [KEY_BOOLEAN] = "true or false",
		[KEY_LIST] = "list of texts",
	};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		strbuf_printf(buf, ".TP\n.BR %s \" (%s, default: %s)\"\n%s\n",
			      keys[i].name, types[keys[i].type],
			      *keys[i].fallback ? keys[i].fallback : "none",
			      keys[i].help);
}
