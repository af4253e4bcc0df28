/*
 * config_test.c: defaults, the file, the environment, and the keys file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fcgi/keys.h"

struct fixture {
	struct arena *arena;
	char folder[32];
	const char *file;
	struct config *config;
};

static int
setup(void **state)
{
	struct arena *arena = arena_new();
	struct fixture *t = ARENA_NEW(arena, struct fixture);

	t->arena = arena;
	strcpy(t->folder, "/tmp/config_test.XXXXXX");
	assert_non_null(mkdtemp(t->folder));
	t->file = arena_printf(arena, "%s/actd.yaml", t->folder);
	*state = t;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *t = *state;

	unlink(t->file);
	unlink(arena_printf(t->arena, "%s/keys", t->folder));
	rmdir(t->folder);
	arena_free(t->arena);
	unsetenv("ACTD_WORKERS");
	unsetenv("ACTD_CORS_ORIGINS");
	return 0;
}

static void
write_text(const char *file, const char *text)
{
	FILE *stream = fopen(file, "w");

	assert_non_null(stream);
	fputs(text, stream);
	fclose(stream);
}

static struct error *
load(struct fixture *t, const char *text)
{
	write_text(t->file, text);
	return config_load(t->arena, t->file, &t->config);
}

static void
every_key_has_a_default(void **state)
{
	struct fixture *t = *state;
	int64_t cores = sysconf(_SC_NPROCESSORS_ONLN);

	assert_null(load(t, ""));
	assert_string_equal(t->config->database, "dbname=actd");
	assert_int_equal(t->config->pools[POOL_QUICK].processes, 4 * cores);
	assert_int_equal(t->config->pools[POOL_HASH].processes, cores);
	assert_int_equal(t->config->pools[POOL_LONG].processes, 4);
	assert_int_equal(t->config->pools[POOL_HASH].nice, 10);
	assert_int_equal(t->config->pools[POOL_QUICK].statement_timeout_ms,
			 10000);
	assert_int_equal(t->config->pools[POOL_LONG].statement_timeout_ms, 0);
	assert_string_equal(t->config->pools[POOL_LONG].listen,
			    "/run/actd/long.sock");
	assert_int_equal(t->config->socket_mode, 0660);
	assert_int_equal(t->config->settings.values.hash_cost, 11);
	assert_null(t->config->settings.cors_origins[0]);
}

static void
the_file_wins_over_defaults(void **state)
{
	struct fixture *t = *state;

	assert_null(load(t, "# comment\nworkers: 3\nsocket_mode: \"0600\"\n"
			    "metrics_public: true\n"
			    "cors_origins: [https://a, https://b]\n"));
	assert_int_equal(t->config->pools[POOL_QUICK].processes, 3);
	assert_int_equal(t->config->socket_mode, 0600);
	assert_true(t->config->settings.metrics_public);
	assert_string_equal(t->config->settings.cors_origins[1], "https://b");
	assert_null(t->config->settings.cors_origins[2]);
}

static void
the_environment_wins_over_the_file(void **state)
{
	struct fixture *t = *state;

	setenv("ACTD_WORKERS", "7", 1);
	setenv("ACTD_CORS_ORIGINS", "https://c, https://d", 1);
	assert_null(load(t, "workers: 3\n"));
	assert_int_equal(t->config->pools[POOL_QUICK].processes, 7);
	assert_string_equal(t->config->settings.cors_origins[1], "https://d");
}

static void
assert_refused(struct fixture *t, const char *text, const char *word)
{
	struct error *err = load(t, text);

	assert_non_null(err);
	assert_non_null(strstr(err->detail, word));
}

static void
what_is_wrong_is_named(void **state)
{
	struct fixture *t = *state;

	assert_refused(t, "wrkers: 3\n", "wrkers");
	assert_refused(t, "workers: many\n", "workers");
	assert_refused(t, "workers: 129\n", "from 0 to 128");
	assert_refused(t, "workers: -1\n", "workers");
	assert_refused(t, "log_level: loud\n", "log_level");
	assert_refused(t, "socket_mode: \"0999\"\n", "socket_mode");
	assert_refused(t, "cors_origins: x\n", "list");
	assert_refused(t, "metrics_public: 1\n", "true or false");
	assert_refused(t, "- a\n", "key: value");
	assert_refused(t, "workers: [\n", t->file);
	setenv("ACTD_WORKERS", "x", 1);
	assert_refused(t, "", "ACTD_WORKERS");
}

static void
a_named_file_must_be_there(void **state)
{
	struct fixture *t = *state;

	assert_non_null(config_load(t->arena, t->file, &t->config));
}

static void
every_key_is_documented(void **state)
{
	struct fixture *t = *state;
	size_t count;
	const struct config_key *keys = config_keys(&count);
	struct strbuf text;

	strbuf_init(&text, t->arena);
	config_manual(&text);
	for (size_t i = 0; i < count; i++) {
		assert_true(strlen(keys[i].help) > 10);
		assert_non_null(
			strstr(text.data, arena_printf(t->arena, ".BR %s \"",
						       keys[i].name)));
	}
}

static void
keys_are_made_once_and_kept(void **state)
{
	struct fixture *t = *state;
	struct stat status;
	const char *secret;

	assert_null(load(t, ""));
	t->config->keys_file = arena_printf(t->arena, "%s/keys", t->folder);
	assert_non_null(keys_load(t->arena, t->config, false));
	assert_null(keys_load(t->arena, t->config, true));
	secret = t->config->settings.token_secret;
	assert_int_equal(strlen(secret), 64);
	assert_null(keys_load(t->arena, t->config, true));
	assert_string_equal(t->config->settings.token_secret, secret);
	assert_int_equal(stat(t->config->keys_file, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
}

static void
keys_that_others_can_read_or_that_are_short_are_refused(void **state)
{
	struct fixture *t = *state;
	const char *file = arena_printf(t->arena, "%s/keys", t->folder);

	assert_null(load(t, ""));
	t->config->keys_file = file;
	assert_null(keys_load(t->arena, t->config, true));
	chmod(file, 0640);
	assert_non_null(keys_load(t->arena, t->config, false));
	chmod(file, 0600);
	assert_null(keys_load(t->arena, t->config, false));
	write_text(file, "token_secret=short\nencryption_key=00\n");
	assert_non_null(keys_load(t->arena, t->config, false));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(every_key_has_a_default),
		TEST(the_file_wins_over_defaults),
		TEST(the_environment_wins_over_the_file),
		TEST(what_is_wrong_is_named),
		TEST(a_named_file_must_be_there),
		TEST(every_key_is_documented),
		TEST(keys_are_made_once_and_kept),
		TEST(keys_that_others_can_read_or_that_are_short_are_refused),
	};

	unsetenv("ACTD_DATABASE"); /* of tests/with-postgres */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
