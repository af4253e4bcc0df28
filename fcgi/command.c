/*
 * command.c: the commands of the program that are not `serve` itself: one
 * function each, around what does the work.
 */
#include "fcgi/command.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "fcgi/action_run.h"
#include "fcgi/dump_run.h"
#include "fcgi/explain.h"
#include "fcgi/keys.h"
#include "fcgi/master.h"
#include "fcgi/router.h"
#include "fcgi/schema_run.h"

/* What an error ends the program with, where its status does not tell. */
static const struct {
	const char *code;
	int status;
} ends[] = {
	{ "usage", EX_USAGE },
	{ "bad-configuration", EX_CONFIG },
	{ "bad-keys", EX_CONFIG },
};

static int
show(const struct error *err)
{
	for (const struct error *one = err; one; one = one->next)
		fprintf(stderr, "actd: %s\n", one->detail);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (!strcmp(ends[i].code, err->code))
			return ends[i].status;
	return err->status == 503 ? EX_TEMPFAIL : EX_DATAERR;
}

static int
serve(const char *config_file, int argc, char **argv UNUSED)
{
	return argc == 1 ? master_run(config_file) : EX_USAGE;
}

static struct error *
check_all(struct arena *arena, const char *config_file)
{
	struct migration *migration = NULL;
	struct config *config;
	struct error *err = config_load(arena, config_file, &config);

	if (!err && !access(config->keys_file, F_OK))
		err = keys_load(arena, config, false);
	if (err)
		return err;
	puts("configuration: ok");
	err = schema_run(arena, config, NULL, true, &migration);
	if (err)
		return err;
	puts("database: ok");
	printf("schema files: ok, %zu statements would change the database\n",
	       migration ? migration->nstatements : 0);
	return NULL;
}

static int
check(const char *config_file, int argc, char **argv UNUSED)
{
	struct arena *arena;
	struct error *err;
	int status;

	if (argc != 1)
		return EX_USAGE;
	arena = arena_new();
	err = check_all(arena, config_file);
	status = err ? show(err) : EX_OK;
	arena_free(arena);
	return status;
}

static int
migrate_database(const char *config_file, int argc, char **argv)
{
	bool dry_run = argc == 2 && !strcmp(argv[1], "--dry-run");
	struct arena *arena;
	struct migration *migration = NULL;
	struct config *config;
	struct error *err;
	int status;

	if (argc > 2 || (argc == 2 && !dry_run))
		return EX_USAGE;
	arena = arena_new();
	err = config_load(arena, config_file, &config);
	if (!err)
		err = schema_run(arena, config, NULL, dry_run, &migration);
	for (size_t i = 0; !err && migration && i < migration->nstatements; i++)
		printf("%s;\n", migration->statements[i]);
	status = err ? show(err) : EX_OK;
	arena_free(arena);
	return status;
}

typedef struct error *text_function(struct arena *arena,
				    const char *config_file, int nwords,
				    char *const *words, struct strbuf *text);

/* Runs what answers with a text, which is shown also where it failed. */
static int
show_text_of(text_function *run, const char *config_file, int argc, char **argv)
{
	struct arena *arena = arena_new();
	struct strbuf text;
	struct error *err;
	int status;

	strbuf_init(&text, arena);
	err = run(arena, config_file, argc - 1, argv + 1, &text);
	fputs(text.data, stdout);
	status = err ? show(err) : EX_OK;
	arena_free(arena);
	return status;
}

static int
run_action(const char *config_file, int argc, char **argv)
{
	return show_text_of(action_run, config_file, argc, argv);
}

static int
run_import(const char *config_file, int argc, char **argv)
{
	return show_text_of(action_import, config_file, argc, argv);
}

static int
run_export(const char *config_file, int argc, char **argv)
{
	return show_text_of(dump_export, config_file, argc, argv);
}

static int
run_import_dump(const char *config_file, int argc, char **argv)
{
	return show_text_of(dump_import, config_file, argc, argv);
}

/*
 * The instance script: beside the sources when the program is in a build
 * folder, else where it was installed.
 */
static int
instance(const char *config_file UNUSED, int argc UNUSED, char **argv)
{
	static const char *const places[] = { "../nginx/instance",
					      "../../nginx/instance",
					      "../libexec/actd/instance" };
	char self[PATH_MAX] = "", script[PATH_MAX + 64];
	const char *folder;

	if (readlink("/proc/self/exe", self, sizeof self - 1) < 0)
		return EX_OSERR;
	setenv("ACTD_PROGRAM", self, 1);
	folder = dirname(self);
	setenv("ACTD_BUILD", folder, 0);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		snprintf(script, sizeof script, "%s/%s", folder, places[i]);
		argv[0] = script;
		if (!access(script, X_OK))
			execv(script, argv);
	}
	argv[0] = (char[]){ ACTD_LIBEXEC "/instance" };
	execv(argv[0], argv);
	fprintf(stderr, "actd: the instance script is not installed: %s\n",
		strerror(errno));
	return EX_UNAVAILABLE;
}

static int
keys(const char *config_file UNUSED, int argc, char **argv)
{
	bool manual = argc == 2 && !strcmp(argv[1], "--roff");
	struct arena *arena;
	struct strbuf buf;

	if (argc > 2 || (argc == 2 && !manual))
		return EX_USAGE;
	arena = arena_new();
	strbuf_init(&buf, arena);
	if (manual)
		config_manual(&buf);
	else
		config_describe(&buf);
	fputs(buf.data, stdout);
	arena_free(arena);
	return EX_OK;
}

/* One route a line, with what OPTIONS would say of it alone. */
static int
routes(const char *config_file UNUSED, int argc, char **argv UNUSED)
{
	struct arena *arena;
	const struct route *list;
	size_t count;

	if (argc > 1)
		return EX_USAGE;
	arena = arena_new();
	list = router_routes(&count);
	for (size_t i = 0; i < count; i++)
		printf("%s\t%s\n", list[i].pattern,
		       router_allow(arena, list[i].methods));
	arena_free(arena);
	return EX_OK;
}

enum { ACCESS_REFUSED = 1 };

static int
explain_access(const char *config_file, int argc, char **argv)
{
	struct arena *arena;
	struct config *config;
	struct strbuf text;
	struct error *err;
	bool allowed = false;
	int status;

	if (argc < 4 || argc > 5)
		return EX_USAGE;
	arena = arena_new();
	strbuf_init(&text, arena);
	err = config_load(arena, config_file, &config);
	if (!err)
		err = explain_run(arena, config, argv + 1, &text, &allowed);
	if (!err)
		fputs(text.data, stdout);
	status = err ? show(err) : allowed ? EX_OK : ACCESS_REFUSED;
	arena_free(arena);
	return status;
}

static const struct command table[] = {
	{ "serve", "", "run master and workers until SIGTERM", serve },
	{ "check", "", "test configuration, database and schema files", check },
	{ "migrate", "[--dry-run]", "bring the database to the schema files",
	  migrate_database },
	{ "action",
	  "ENTITY NAME [KEY=TEXT] [KEY:=JSON] [KEY@=FILE] [--dry-run] "
	  "[--as EMAIL]",
	  "run an action", run_action },
	{ "import",
	  "FILE ENTITY [--create] [--add-columns] [--skip] [--dry-run] "
	  "[--as EMAIL] [KEY=TEXT]",
	  "import CSV, XLSX or XLS into an entity", run_import },
	{ "export",
	  "[--format FORMAT] [--table ENTITY] [--include-secrets] FILE",
	  "write all entities, or one, as json, yaml, jsonl, csv or xlsx",
	  run_export },
	{ "import-dump",
	  "[--table ENTITY] [--truncate] [--skip-unknown] [--dry-run] FILE",
	  "bring an export back", run_import_dump },
	{ "instance", "start|stop|status|run",
	  "a standalone instance with its own nginx and PostgreSQL", instance },
	{ "keys", "[--roff]", "list the keys of the configuration file", keys },
	{ "routes", "", "list the routes and their methods", routes },
	{ "explain-access", "USER VERB ENTITY [ID]",
	  "which rule lets USER do that: exit status 0, refused: 1",
	  explain_access },
};

const struct command *
commands(size_t *count)
{
	*count = ARRAY_SIZE(table);
	return table;
}

const struct command *
command_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (!strcmp(table[i].name, name))
			return &table[i];
	return NULL;
}
