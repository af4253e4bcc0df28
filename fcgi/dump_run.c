/*
 * dump_run.c: one connection, as an administrator who is nobody, and a file.
 */
#include "fcgi/dump_run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "db/migrate.h"
#include "fcgi/keys.h"
#include "fcgi/progress.h"
#include "handlers/export.h"
#include "handlers/restore.h"

struct order {
	const char *file;
	const char *format;
	const char *table;
	bool include_secrets;
	bool truncate;
	bool skip_unknown;
	bool dry_run;
};

/* What an order is carried out with. */
struct site {
	struct arena *arena;
	struct config *config;
	struct db *db;
	struct model *model;
	const struct entity *entity; /* of --table, or NULL */
	struct progress progress;
};

static const struct actor operator_actor = { .is_administrator = true,
					     .groups_array = "{}" };

/* Words. */

enum option_kind { OPTION_FLAG, OPTION_TEXT };

struct option_word {
	const char *word;
	enum option_kind kind;
	size_t offset;
};

static const struct option_word export_words[] = {
	{ "--format", OPTION_TEXT, offsetof(struct order, format) },
	{ "--table", OPTION_TEXT, offsetof(struct order, table) },
	{ "--include-secrets", OPTION_FLAG,
	  offsetof(struct order, include_secrets) },
	{ NULL, OPTION_FLAG, 0 },
};

static const struct option_word import_words[] = {
	{ "--table", OPTION_TEXT, offsetof(struct order, table) },
	{ "--truncate", OPTION_FLAG, offsetof(struct order, truncate) },
	{ "--skip-unknown", OPTION_FLAG, offsetof(struct order, skip_unknown) },
	{ "--dry-run", OPTION_FLAG, offsetof(struct order, dry_run) },
	{ NULL, OPTION_FLAG, 0 },
};

static struct error *
misused(struct arena *arena, const char *word)
{
	return error_new(arena, 400, "usage", "not understood: %s", word);
}

static const struct option_word *
find_word(const struct option_word *known, const char *word)
{
	while (known->word && strcmp(known->word, word) != 0)
		known++;
	return known->word ? known : NULL;
}

static struct error *
read_words(struct arena *arena, const struct option_word *known, int nwords,
	   char *const *words, struct order *order)
{
	for (int i = 0; i < nwords; i++) {
		const struct option_word *option = find_word(known, words[i]);
		char *member = option ? (char *)order + option->offset : NULL;

		if (!option && *words[i] != '-' && !order->file)
			order->file = words[i];
		else if (option && option->kind == OPTION_FLAG)
			*(bool *)member = true;
		else if (option && i + 1 < nwords)
			*(const char **)member = words[++i];
		else
			return misused(arena, words[i]);
	}
	return order->file ? NULL
			   : error_new(arena, 400, "usage", "a file is needed");
}

/* The instance. */

static struct error *
open_site(struct arena *arena, const char *config_file,
	  const struct order *order, struct site *site)
{
	static struct db_settings settings = { .application = "actd dump" };
	struct error *error = config_load(arena, config_file, &site->config);

	site->arena = arena;
	if (!error)
		error = keys_load(arena, site->config, false);
	if (error)
		return error;
	settings.conninfo = site->config->database;
	site->db = db_new(&settings);
	error = db_connect(site->db, arena);
	if (!error)
		error = model_load(site->db, arena, &site->model);
	if (error || !order->table)
		return error;
	site->entity = model_entity(site->model, order->table);
	return site->entity ? NULL
			    : error_new(arena, 404, "unknown-entity",
					"there is no entity %s", order->table);
}

static void
close_site(struct site *site)
{
	if (site->db)
		db_free(site->db);
	if (site->model)
		arena_free(site->model->arena);
}

/* Exports. */

static void
show_rows(void *context, int64_t done, int64_t total)
{
	progress_show(context, done, total, "rows");
}

static struct error *
choose_format(struct arena *arena, const struct order *order,
	      struct export *export)
{
	const char *dot = strrchr(order->file, '.');

	export->format = order->format ? dump_format_named(order->format)
			 : dot	       ? dump_format_named(dot + 1)
				       : NULL;
	if (!export->format && !order->format)
		export->format = dump_format_named("json");
	if (export->format)
		return NULL;
	return error_new(arena, 400, "usage", "--format must be one of %s",
			 dump_format_names(arena));
}

static struct error *
failed(struct arena *arena, const char *path)
{
	return error_new(arena, 422, "unusable-file", "%s: %s", path,
			 strerror(errno));
}

/* Beside its place until it is whole. Secrets may be in it. */
static struct error *
write_file(struct site *site, const struct order *order, struct export *export)
{
	struct arena *arena = site->arena;
	const char *part = arena_printf(arena, "%s.part", order->file);
	struct answer_file file = { 0 };
	struct error *error;

	file.fd = open(part, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (file.fd < 0)
		return failed(arena, part);
	error = export_run(site->db, arena, export, &file);
	if (!error && (fsync(file.fd) || rename(part, order->file)))
		error = failed(arena, order->file);
	close(file.fd);
	if (error)
		unlink(part);
	return error;
}

static struct error *
export_site(struct site *site, const struct order *order, struct strbuf *text)
{
	struct export export = {
		.entity = site->entity,
		.wish = { site->model, &operator_actor,
			  order->include_secrets },
		.settings = &site->config->settings,
		.progress = show_rows,
		.context = &site->progress,
	};
	struct error *error = choose_format(site->arena, order, &export);

	if (error)
		return error;
	progress_begin(&site->progress);
	error = write_file(site, order, &export);
	progress_end(&site->progress);
	if (!error)
		strbuf_printf(text, "exported to %s\n", order->file);
	return error;
}

struct error *
dump_export(struct arena *arena, const char *config_file, int nwords,
	    char *const *words, struct strbuf *text)
{
	struct order order = { 0 };
	struct site site = { 0 };
	struct error *error =
		read_words(arena, export_words, nwords, words, &order);

	if (!error)
		error = open_site(arena, config_file, &order, &site);
	if (!error)
		error = export_site(&site, &order, text);
	close_site(&site);
	return error;
}

/* Imports. */

static void
show_bytes(void *context, int64_t rows UNUSED, int64_t done, int64_t total)
{
	progress_show(context, done, total, "bytes");
}

static void
tell(struct strbuf *text, const struct dump_report *report)
{
	for (size_t i = 0; i < report->ncounts; i++)
		if (report->counts[i].created || report->counts[i].updated)
			strbuf_printf(text, "%s: %lld created, %lld updated\n",
				      report->counts[i].entity,
				      (long long)report->counts[i].created,
				      (long long)report->counts[i].updated);
	for (size_t i = 0; i < report->nunknown; i++)
		strbuf_printf(text, "not known here: %s\n", report->unknown[i]);
	strbuf_printf(text, "%lld rows\n", (long long)report->rows);
}

/* Running workers load the model again where it is another one. */
static struct error *
finish(struct site *site, const struct order *order,
       const struct dump_report *report)
{
	struct error *error = NULL;

	if (order->dry_run) {
		db_abandon(site->db);
		return NULL;
	}
	if (report->is_model_touched)
		error = migrate_announce(site->db, site->arena);
	return error ? error : db_finish(site->db, site->arena);
}

static struct error *
import_file(struct site *site, const struct order *order, int fd,
	    struct strbuf *text)
{
	const char *slash = strrchr(order->file, '/');
	const struct restore restore = {
		.settings = { .db = site->db,
			      .model = site->model,
			      .values = &site->config->settings.values,
			      .truncate = order->truncate,
			      .skip_unknown = order->skip_unknown },
		.only = site->entity,
		.progress = show_bytes,
		.context = &site->progress,
	};
	struct dump_report report;
	struct error *error;

	progress_begin(&site->progress);
	error = restore_run(site->arena, &restore, fd,
			    slash ? slash + 1 : order->file, &report);
	progress_end(&site->progress);
	if (!error)
		error = finish(site, order, &report);
	else
		db_abandon(site->db);
	if (!error)
		tell(text, &report);
	return error;
}

static struct error *
import_site(struct site *site, const struct order *order, struct strbuf *text)
{
	int fd = open(order->file, O_RDONLY | O_CLOEXEC);
	struct error *error;

	if (fd < 0)
		return failed(site->arena, order->file);
	error = import_file(site, order, fd, text);
	close(fd);
	return error;
}

struct error *
dump_import(struct arena *arena, const char *config_file, int nwords,
	    char *const *words, struct strbuf *text)
{
	struct order order = { 0 };
	struct site site = { 0 };
	struct error *error =
		read_words(arena, import_words, nwords, words, &order);

	if (!error)
		error = open_site(arena, config_file, &order, &site);
	if (!error)
		error = import_site(&site, &order, text);
	close_site(&site);
	return error;
}
