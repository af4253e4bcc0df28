/*
 * schema_import.c: dumps go by restore.h, tables by import.h, both as an
 * administrator who is nobody.
 */
#include "handlers/schema_import.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "db/base/crypto.h"
#include "db/base/json.h"
#include "db/base/log.h"
#include "db/import_claim.h"
#include "db/migrate.h"
#include "handlers/import.h"
#include "handlers/restore.h"

struct source {
	const char *path; /* below the schema folder */
	const char *entity;
	const char *type;
	const char *digest;
	int fd;
};

struct state {
	struct db *db;
	struct arena *arena;
	const struct settings *settings;
	struct model *model; /* as the transaction has it */
};

static const struct actor nobody = { .is_administrator = true,
				     .groups_array = "{}" };

static void
close_file(void *fd)
{
	close((int)(intptr_t)fd);
}

static struct error *
bad(const struct state *state, const char *path, const char *what)
{
	return error_new(state->arena, 422, "bad-import", "Imports: %s: %s",
			 path, what);
}

/* No way out of the folder, but by links that its owner has made. */
static bool
is_within(const char *path)
{
	if (!*path || *path == '/')
		return false;
	for (const char *part = path; part; part = strchr(part, '/')) {
		part += *part == '/';
		if (!strncmp(part, "..", 2) && (part[2] == '/' || !part[2]))
			return false;
	}
	return true;
}

static struct error *
find_digest(const struct state *state, struct source *source)
{
	struct crypto_digest *digest = crypto_digest_new(state->arena);
	char piece[65536];
	ssize_t count;

	while ((count = read(source->fd, piece, sizeof piece)) > 0)
		crypto_digest_add(digest, piece, (size_t)count);
	if (count < 0 || lseek(source->fd, 0, SEEK_SET))
		return bad(state, source->path, strerror(errno));
	source->digest = crypto_digest_hex(digest, state->arena);
	return NULL;
}

/* `source->fd` is -1 where there is no such file. */
static struct error *
open_source(const struct state *state, struct source *source)
{
	struct stat status;

	if (!is_within(source->path))
		return bad(state, source->path,
			   "FilePath must lead into the schema folder");
	source->fd =
		open(arena_printf(state->arena, "%s/%s",
				  state->settings->schema_folder, source->path),
		     O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (source->fd < 0 && errno == ENOENT) {
		log_event(LOG_WARNING, "import-missing", "file", source->path,
			  NULL);
		return NULL;
	}
	if (source->fd < 0)
		return bad(state, source->path, strerror(errno));
	arena_defer(state->arena, close_file, (void *)(intptr_t)source->fd);
	if (fstat(source->fd, &status) || !S_ISREG(status.st_mode))
		return bad(state, source->path, "this is no file");
	return find_digest(state, source);
}

/* Loading. */

static struct error *
load_table(struct state *state, const struct source *source)
{
	const struct import_options options = {
		.table = { .file = source->path, .format = source->type },
		.entity_name = source->entity,
		.create_if_not_exists = true,
	};
	struct row_context context = {
		.db = state->db,
		.arena = state->arena,
		.model = state->model,
		.actor = &nobody,
		.values = &state->settings->values,
	};
	struct import_result result;

	return import_run(&context, source->fd, &options, &result);
}

static struct error *
load_dump(struct state *state, const struct source *source)
{
	const struct restore restore = {
		.settings = { .db = state->db,
			      .model = state->model,
			      .values = &state->settings->values },
		.only = *source->entity
				? model_entity(state->model, source->entity)
				: NULL,
	};
	struct dump_report report;

	if (*source->entity && !restore.only)
		return bad(state, source->path,
			   arena_printf(state->arena, "there is no entity %s",
					source->entity));
	return restore_run(state->arena, &restore, source->fd, source->path,
			   &report);
}

/* The type says more than the end of the name. */
static bool
is_table(const struct state *state, const struct source *source)
{
	return table_is_known(
		source->type ? arena_printf(state->arena, ".%s", source->type)
			     : source->path);
}

static struct error *
load_model(struct state *state)
{
	struct error *error =
		model_load(state->db, state->arena, &state->model);

	if (!error)
		arena_adopt(state->arena, state->model->arena);
	return error;
}

static struct error *
load(struct state *state, struct source *source)
{
	bool is_new;
	struct error *error = open_source(state, source);

	if (error || source->fd < 0)
		return error;
	error = import_claim_file(state->db, state->arena, source->path,
				  source->entity, source->digest, &is_new);
	if (error || !is_new)
		return error;
	/* an import before may have made entities */
	error = load_model(state);
	if (!error)
		error = is_table(state, source) ? load_table(state, source)
						: load_dump(state, source);
	if (!error)
		log_event(LOG_INFO, "imported", "file", source->path, "entity",
			  source->entity, NULL);
	return error;
}

struct error *
schema_import(struct db *db, struct arena *arena,
	      const struct settings *settings, const struct schema *schema)
{
	struct state state = { .db = db, .arena = arena, .settings = settings };
	struct error *error = NULL;

	for (size_t i = 0; !error && i < schema->nimports; i++) {
		const char *type =
			json_member_text(schema->imports[i], "FileType");
		struct source source = {
			.path = json_member_text(schema->imports[i],
						 "FilePath"),
			.entity =
				json_member_text(schema->imports[i], "Entity"),
			.type = *type ? type : NULL,
		};

		error = load(&state, &source);
	}
	return error;
}
