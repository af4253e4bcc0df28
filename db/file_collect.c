/*
 * file_collect.c: first notes what is old enough, while nobody writes beside
 * it: whoever put it before has committed or failed then. What rows refer to
 * by now is struck out. The rest goes, unless it was put again meanwhile,
 * while nobody can.
 */
#include "db/file_collect.h"

#include <time.h>

#include "db/file_lock.h"
#include "db/sql.h"

struct collecting {
	struct db *db;
	struct arena *arena;   /* of all of it */
	struct arena *scratch; /* of a bucket */
	const struct file_store *store;
	int64_t before; /* seconds since 1970 */
	struct file_collection *collection;
};

/* Candidates. */

static const char MAKE_TABLE[] =
	"CREATE TEMP TABLE actd_old_file (hash text PRIMARY KEY) ON COMMIT DROP";
static const char ADD_FILES[] =
	"INSERT INTO actd_old_file SELECT unnest($1::text[])";

/* Hexadecimal digits need no quotes. */
static const char *
array_of(struct arena *arena, const char **hashes, size_t count)
{
	struct strbuf text;

	strbuf_init(&text, arena);
	strbuf_putc(&text, '{');
	for (size_t i = 0; i < count; i++) {
		if (i)
			strbuf_putc(&text, ',');
		strbuf_puts(&text, hashes[i]);
	}
	strbuf_putc(&text, '}');
	return text.data;
}

static struct error *
note_old(struct collecting *collecting, unsigned bucket)
{
	struct arena *arena = collecting->scratch;
	const char **hashes;
	struct error *error;
	size_t count;
	bool taken;

	error = file_lock_take(collecting->db, arena, bucket, &taken);
	if (error || !taken)
		return error;
	error = file_store_list(arena, collecting->store, bucket,
				collecting->before, &hashes, &count);
	if (!error)
		error = file_lock_leave(collecting->db, arena);
	if (error || !count)
		return error;
	return db_query(collecting->db, arena, ADD_FILES,
			PARAMS(array_of(arena, hashes, count)), NULL);
}

/* References: also in texts of JSON within JSON, with their backslashes. */

#define HASHES                                                                 \
	"regexp_matches(r.list, 'sha256\\\\*\": ?\\\\*\"([0-9a-f]{64})', 'g')"

static void
begin_strike(struct sql *sql)
{
	sql_add(sql, "DELETE FROM actd_old_file o USING (SELECT (" HASHES
		     ")[1] AS hash FROM (SELECT ");
}

static struct error *
end_strike(struct sql *sql, struct collecting *collecting)
{
	sql_add(sql, ") r) u WHERE o.hash = u.hash");
	return sql_run(sql, collecting->db, NULL);
}

static struct error *
strike_column(struct collecting *collecting, const struct entity *entity,
	      const struct column *column)
{
	struct sql sql;

	sql_init(&sql, collecting->scratch);
	begin_strike(&sql);
	sql_column(&sql, "t", column->sql_name);
	sql_add(&sql, " AS list FROM ");
	sql_name(&sql, entity->table);
	sql_add(&sql, " t WHERE ");
	sql_column(&sql, "t", column->sql_name);
	sql_add(&sql, " LIKE '[%'");
	return end_strike(&sql, collecting);
}

/* Rows as they were, which undoing a run brings back. */
static struct error *
strike_journal(struct collecting *collecting)
{
	struct sql sql;

	sql_init(&sql, collecting->scratch);
	begin_strike(&sql);
	sql_add(&sql, "image::text AS list FROM actd_journal");
	return end_strike(&sql, collecting);
}

static struct error *
strike_entity(struct collecting *collecting, const struct entity *entity)
{
	struct error *error = NULL;

	for (size_t i = 0; i < entity->ncolumns && !error; i++)
		if (entity->columns[i]->kind == VALUE_FILE)
			error = strike_column(collecting, entity,
					      entity->columns[i]);
	return error;
}

static struct error *
strike_all(struct collecting *collecting, const struct model *model)
{
	struct error *error = strike_journal(collecting);

	for (size_t i = 0; i < model->nentities && !error; i++)
		error = strike_entity(collecting, model->entities[i]);
	return error;
}

/* Removing. */

static const char LIST_BUCKET[] =
	"SELECT hash FROM actd_old_file WHERE left(hash, 2) = $1";

static void
remove_files(struct collecting *collecting, const struct rows *rows)
{
	struct file_collection *collection = collecting->collection;

	for (size_t i = 0; i < rows_count(rows); i++) {
		int64_t size = file_store_remove(
			collecting->scratch, collecting->store,
			rows_text(rows, i, 0), collecting->before);

		if (size < 0)
			continue;
		collection->files++;
		collection->bytes += size;
	}
}

static struct error *
empty_bucket(struct collecting *collecting, unsigned bucket)
{
	struct arena *arena = collecting->scratch;
	struct error *error;
	struct rows *rows;
	bool taken;

	error = db_query(collecting->db, arena, LIST_BUCKET,
			 PARAMS(arena_printf(arena, "%02x", bucket)), &rows);
	if (error || !rows_count(rows))
		return error;
	error = file_lock_take(collecting->db, arena, bucket, &taken);
	if (error || !taken)
		return error;
	remove_files(collecting, rows);
	return file_lock_leave(collecting->db, arena);
}

static struct error *
each_bucket(struct collecting *collecting,
	    struct error *(*handle)(struct collecting *, unsigned bucket))
{
	struct error *error = NULL;

	for (unsigned bucket = 0; bucket < FILE_BUCKETS && !error; bucket++) {
		error = handle(collecting, bucket);
		if (error) /* it is in the arena that goes */
			error = error_new(collecting->arena, error->status,
					  error->code, "%s", error->detail);
		arena_reset(collecting->scratch);
	}
	return error;
}

struct error *
file_collect(struct db *db, struct arena *arena, const struct model *model,
	     const struct file_store *store, int64_t age,
	     struct file_collection *collection)
{
	struct collecting collecting = {
		.db = db,
		.arena = arena,
		.scratch = arena_adopt(arena, arena_new()),
		.store = store,
		.before = (int64_t)time(NULL) - age,
		.collection = collection,
	};
	struct error *error;

	*collection = (struct file_collection){ 0 };
	db_begin(db);
	error = db_query(db, arena, MAKE_TABLE, NO_PARAMS, NULL);
	if (!error)
		error = each_bucket(&collecting, note_old);
	if (!error)
		error = strike_all(&collecting, model);
	if (!error)
		error = each_bucket(&collecting, empty_bucket);
	file_store_sweep(arena, store, collecting.before);
	return error;
}

static const char DUE[] = "UPDATE actd_housework SET done_at = now()"
			  " WHERE name = 'collect_files'"
			  " AND done_at < now() - interval '1 day'"
			  " RETURNING TRUE";

struct error *
file_collect_due(struct db *db, struct arena *arena, bool *due)
{
	struct rows *rows;
	struct error *error = db_query(db, arena, DUE, NO_PARAMS, &rows);

	*due = !error && rows_count(rows);
	return error;
}
