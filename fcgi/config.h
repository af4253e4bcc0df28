/*
 * config.h: the configuration: one YAML file, each key with a default and a
 * line of documentation in one table, and for each key an environment
 * variable (ACTD_ and the key in capitals) that wins.
 */
#ifndef ACTD_CONFIG_H
#define ACTD_CONFIG_H

#include "handlers/request.h"

#define CONFIG_DEFAULT_FILE "/etc/actd/actd.yaml"

enum {
	POOL_QUICK,
	POOL_HASH,
	POOL_LONG,
	POOL_RUNNER, /* no socket: it takes jobs */
	POOL_EVENTS, /* one process for all who watch jobs */
	POOLS
};

/* A kind of worker, with a socket and an accept queue of its own. */
struct pool {
	const char *name;
	const char *listen; /* path of a unix socket, or HOST:PORT; "": none */
	int64_t processes;
	int64_t nice;
	int64_t statement_timeout_ms; /* 0: none */
};

struct config {
	const char *database; /* libpq connection string */
	int64_t prepared_statements;
	const char *socket_folder;
	int64_t socket_mode; /* permission bits of our unix sockets */
	int64_t backlog;
	const char *lock_file;
	const char *keys_file;
	int64_t drain_seconds;
	int64_t hash_cost;
	const char *log_level;
	bool log_requests;
	int64_t event_streams; /* open at the same time */
	struct pool pools[POOLS];
	struct settings settings;
};

enum key_type { KEY_TEXT, KEY_INTEGER, KEY_MODE, KEY_BOOLEAN, KEY_LIST };

/* A key of the file. */
struct config_key {
	const char *name;
	enum key_type type;
	const char *fallback; /* the default, as text */
	int64_t lowest;	      /* of KEY_INTEGER */
	int64_t highest;
	size_t offset; /* of the member in struct config */
	const char *help;
};

/* All keys; `*count` of them. */
const struct config_key *config_keys(size_t *count);

/*
 * Defaults, then `file` (NULL: the default file, if it is there), then the
 * environment. `*config` and all its texts live in `arena`. The error's
 * detail names the file or the variable, the key, and what was expected.
 */
struct error *config_load(struct arena *arena, const char *file,
			  struct config **config) MUST_CHECK;

/* The keys as text for people, or as roff for the manual page. */
void config_describe(struct strbuf *buf);
void config_manual(struct strbuf *buf);

#endif
