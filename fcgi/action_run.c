/*
 * action_run.c: from words to a request of nobody's, and from the reply to
 * lines.
 */
#include "fcgi/action_run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "db/base/json.h"
#include "db/migrate.h"
#include "fcgi/keys.h"
#include "fcgi/progress.h"
#include "fcgi/title.h"
#include "handlers/engine.h"
#include "handlers/formats/format.h"
#include "handlers/script.h"

struct order {
	const char *entity;
	const char *name;
	const char *as; /* mail address, or NULL */
	bool dry_run;
	struct json_object *attributes;
	int file; /* that the attributes name as spool 0 */
	size_t nfiles;
};

static struct error *
misused(struct arena *arena, const char *word)
{
	return error_new(arena, 400, "usage", "not understood: %s", word);
}

static const struct format_limits limits = { 1 << 24, 64, 1000000 };

/* What is in a file, but for the line's end; "-" is standard input. */
static struct error *
read_text(struct arena *arena, const char *path, const char **text)
{
	FILE *file = strcmp(path, "-") ? fopen(path, "re") : stdin;
	struct strbuf buf;
	char part[4096];
	size_t got;
	bool failed = !file;

	strbuf_init(&buf, arena);
	while (!failed && buf.length <= limits.bytes &&
	       (got = fread(part, 1, sizeof part, file)))
		strbuf_add(&buf, part, got);
	failed = failed || ferror(file) || buf.length > limits.bytes;
	if (file && file != stdin)
		fclose(file);
	if (failed)
		return error_new(arena, 422, "unreadable-file",
				 "%s can't be read", path);
	if (buf.length && buf.data[buf.length - 1] == '\n')
		strbuf_cut(&buf, buf.length - 1);
	*text = buf.data;
	return NULL;
}

static struct error *
from_text(struct arena *arena, const char *text, struct json_object **value)
{
	*value = json_object_new_string(text);
	json_keep(arena, *value);
	return NULL;
}

static struct error *
from_json(struct arena *arena, const char *text, struct json_object **value)
{
	return json_read(arena, text, strlen(text), &limits, 400, value);
}

static struct error *
from_file(struct arena *arena, const char *path, struct json_object **value)
{
	const char *text;
	struct error *error = read_text(arena, path, &text);

	return error ? error : from_text(arena, text, value);
}

/* By the sign before "=". */
static const struct {
	char sign;
	struct error *(*read)(struct arena *arena, const char *text,
			      struct json_object **value);
} ways[] = {
	{ ':', from_json },
	{ '@', from_file },
};

/* key=text, key:=JSON, or key@=file. */
static struct error *
read_attribute(struct arena *arena, const char *word, struct order *order)
{
	const char *equals = strchr(word, '=');
	struct error *(*read)(struct arena *, const char *,
			      struct json_object **) = from_text;
	struct json_object *value = NULL;
	struct error *error;
	size_t length;

	if (!equals || equals == word || *word == '-')
		return misused(arena, word);
	length = (size_t)(equals - word);
	for (size_t i = 0; length > 1 && i < ARRAY_SIZE(ways); i++)
		if (equals[-1] == ways[i].sign)
			read = ways[i].read;
	if (read != from_text)
		length--;
	error = read(arena, equals + 1, &value);
	if (!error)
		json_object_object_add(order->attributes,
				       arena_strndup(arena, word, length),
				       json_object_get(value));
	return error;
}

static struct error *
read_words(struct arena *arena, int nwords, char *const *words,
	   struct order *order)
{
	struct error *error = NULL;
	int names = 0;

	order->attributes = json_object_new_object();
	json_keep(arena, order->attributes);
	for (int i = 0; i < nwords && !error; i++) {
		if (!strcmp(words[i], "--dry-run"))
			order->dry_run = true;
		else if (!strcmp(words[i], "--as") && i + 1 < nwords)
			order->as = words[++i];
		else if (names < 2 && *words[i] != '-')
			*(names++ ? &order->name : &order->entity) = words[i];
		else
			error = read_attribute(arena, words[i], order);
	}
	if (!error && names < 2)
		error = error_new(arena, 400, "usage",
				  "an entity and an action are needed");
	return error;
}

static struct error *
find_reference(struct request *request, const char *email, const char **id)
{
	struct arena *arena = request->arena;
	struct account *account;
	struct error *error;

	*id = NULL;
	if (email) {
		error = account_by_email(request->db, arena, email, &account);
		if (!error && !account)
			error = error_new(arena, 404, "not-found",
					  "there is no account %s", email);
		if (!error)
			*id = account->reference_id;
		return error;
	}
	return account_oldest_administrator(request->db, arena, request->model,
					    id);
}

static struct error *
become(struct request *request, const char *email)
{
	struct actor *actor;
	const char *id;
	struct error *error = find_reference(request, email, &id);

	if (error || !id)
		return error;
	error = account_actor_now(request->db, request->arena, request->model,
				  id, &actor);
	if (!error)
		request->actor = actor;
	return error;
}

static void
add_item(struct strbuf *text, const struct reply_item *item)
{
	if (!strcmp(item->type, "client.notify"))
		strbuf_printf(text, "%s: %s\n",
			      json_member_text(item->attributes, "title"),
			      json_member_text(item->attributes, "message"));
	else
		strbuf_printf(
			text, "%s %s\n", item->type,
			json_object_to_json_string_ext(
				item->beside ? item->beside : item->attributes,
				JSON_C_TO_STRING_PLAIN));
}

static void
show_progress(struct run *run, int64_t done, int64_t total, const char *unit)
{
	progress_show(run->hooks->context, done, total, unit);
}

static struct error *
run_order(struct request *request, const struct order *order,
	  struct strbuf *text)
{
	struct progress progress;
	const struct run_hooks hooks = {
		.context = &progress,
		.progress = show_progress,
	};
	const struct action *action =
		model_action(request->model, order->entity, order->name);
	struct reply reply;
	struct error *error;

	if (!action || !action->entity)
		return error_new(request->arena, 404, "unknown-action",
				 "there is no action %s on %s", order->name,
				 order->entity);
	error = become(request, order->as);
	if (error)
		return error;
	progress_begin(&progress);
	error = engine_run_with(request, action, order->attributes,
				order->dry_run, &hooks, NULL, &reply);
	progress_end(&progress);
	for (size_t i = 0; !error && i < reply.nitems; i++)
		add_item(text, &reply.items[i]);
	return error;
}

static long
no_body(void *context UNUSED, void *buffer UNUSED, size_t size UNUSED)
{
	return 0;
}

static struct error *
run_alone(struct arena *arena, const struct config *config,
	  const struct order *order, struct strbuf *text)
{
	const struct db_settings db_settings = {
		.conninfo = config->database,
		.application = "actd action",
	};
	struct db *db = db_new(&db_settings);
	struct account_cache *accounts = account_cache_new();
	struct script_host scripts;
	struct model *model = NULL;
	struct request request = {
		.arena = arena,
		.db = db,
		.settings = &config->settings,
		.shared = shared_new(),
		.accounts = accounts,
		.model_slot = &model,
		.actor = &actor_guest,
		.id = "command",
		.pool = "command",
		.method = METHOD_POST,
		.path = "",
		.body = { .read = no_body },
		.scripts = &scripts,
		.spools = (int[]){ order->file },
		.nspools = order->nfiles,
	};
	struct error *error = db_connect(db, arena);

	script_host_init(&scripts, config->settings.evaluator,
			 config->settings.script_ms);
	if (!error)
		error = request_load_model(&request);
	if (!error)
		error = run_order(&request, order, text);
	script_host_release(&scripts);
	account_cache_free(accounts);
	db_free(db);
	if (model)
		arena_free(model->arena);
	return error;
}

static struct error *
run_configured(struct arena *arena, const char *config_file,
	       const struct order *order, struct strbuf *text)
{
	struct config *config;
	struct error *error = config_load(arena, config_file, &config);

	if (!error)
		error = keys_load(arena, config, false);
	return error ? error : run_alone(arena, config, order, text);
}

/* Others see the words of a command, some of which may be secrets. */
static char **
hide_words(struct arena *arena, int nwords, char *const *words,
	   const char **config_file)
{
	char **hidden = ARENA_ARRAY(arena, char *, (size_t)nwords + 1);

	for (int i = 0; i < nwords; i++)
		hidden[i] = arena_strdup(arena, words[i]);
	if (*config_file)
		*config_file = arena_strdup(arena, *config_file);
	title_set("command");
	return hidden;
}

struct error *
action_run(struct arena *arena, const char *config_file, int nwords,
	   char *const *words, struct strbuf *text)
{
	struct order order = { 0 };
	struct error *error = read_words(
		arena, nwords, hide_words(arena, nwords, words, &config_file),
		&order);

	return error ? error : run_configured(arena, config_file, &order, text);
}

/* Imports. */

/* Long options for the inputs that are most in use. */
static const struct {
	const char *option;
	char *words;
} import_options[] = {
	{ "--create", "create_if_not_exists=true" },
	{ "--add-columns", "add_missing_columns=true" },
	{ "--skip", "on_error=skip" },
};

static char *
import_word(char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(import_options); i++)
		if (!strcmp(import_options[i].option, word))
			return import_options[i].words;
	return word;
}

/* The file as the action has it where it came with a body. */
static struct error *
open_file(struct arena *arena, const char *path, struct order *order)
{
	const char *slash = strrchr(path, '/');
	struct json_object *list = json_object_new_array();
	struct json_object *file = json_object_new_object();

	json_object_array_add(list, file);
	json_object_object_add(
		file, "name", json_object_new_string(slash ? slash + 1 : path));
	json_object_object_add(file, "spool", json_object_new_int(0));
	json_object_object_add(order->attributes, "data_csv_file", list);
	order->file = open(path, O_RDONLY | O_CLOEXEC);
	order->nfiles = 1;
	return order->file >= 0 ? NULL
				: error_new(arena, 422, "unreadable-file",
					    "%s: %s", path, strerror(errno));
}

struct error *
action_import(struct arena *arena, const char *config_file, int nwords,
	      char *const *words, struct strbuf *text)
{
	struct order order = { 0 };
	struct error *error;
	char **changed;

	if (nwords < 2)
		return error_new(arena, 400, "usage",
				 "a file and an entity are needed");
	words = hide_words(arena, nwords, words, &config_file);
	changed = ARENA_ARRAY(arena, char *, (size_t)nwords);
	changed[0] = (char[]){ "world" };
	changed[1] = (char[]){ "upload_csv_to_system_schema" };
	for (int i = 2; i < nwords; i++)
		changed[i] = import_word(words[i]);
	error = read_words(arena, nwords, changed, &order);
	if (error)
		return error;
	json_object_object_add(order.attributes, "entity_name",
			       json_object_new_string(words[1]));
	error = open_file(arena, words[0], &order);
	if (error)
		return error;
	error = run_configured(arena, config_file, &order, text);
	close(order.file);
	return error;
}
