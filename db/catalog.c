/*
 * catalog.c: reads tables, columns, indexes and foreign keys out of
 * pg_catalog. Names are compared as PostgreSQL's collation "C" and strcmp(3)
 * do, so the server's order is the order of the searches here.
 */
#include "db/catalog.h"

#include <stdlib.h>
#include <string.h>

static const char READ_COLUMNS[] =
	"SELECT c.relname, a.attname,"
	" pg_catalog.format_type(a.atttypid, a.atttypmod),"
	" pg_catalog.pg_get_expr(d.adbin, d.adrelid), a.attnotnull"
	" FROM pg_catalog.pg_class c"
	" JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid"
	" LEFT JOIN pg_catalog.pg_attrdef d"
	" ON d.adrelid = c.oid AND d.adnum = a.attnum"
	" WHERE c.relnamespace = current_schema()::regnamespace"
	" AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped"
	" ORDER BY c.relname COLLATE \"C\", a.attname COLLATE \"C\"";

static const char READ_INDEXES[] =
	"SELECT relname FROM pg_catalog.pg_class"
	" WHERE relnamespace = current_schema()::regnamespace"
	" AND relkind IN ('i', 'I') ORDER BY relname COLLATE \"C\"";

static const char READ_FOREIGN_KEYS[] =
	"SELECT k.conname, c.relname, k.confdeltype"
	" FROM pg_catalog.pg_constraint k"
	" JOIN pg_catalog.pg_class c ON c.oid = k.conrelid"
	" WHERE k.connamespace = current_schema()::regnamespace"
	" AND k.contype = 'f' ORDER BY k.conname COLLATE \"C\"";

static const char READ_FUNCTIONS[] =
	"SELECT prosrc FROM pg_catalog.pg_proc"
	" WHERE pronamespace = current_schema()::regnamespace"
	" AND proname = 'actd_functions_digest'";

static struct error *
read_columns(struct db *db, struct arena *arena, struct catalog *catalog)
{
	struct error *error;
	struct rows *rows;

	error = db_query(db, arena, READ_COLUMNS, NO_PARAMS, &rows);
	if (error)
		return error;
	catalog->ncolumns = rows_count(rows);
	catalog->columns =
		ARENA_ARRAY(arena, struct catalog_column, catalog->ncolumns);
	for (size_t i = 0; i < catalog->ncolumns; i++)
		catalog->columns[i] = (struct catalog_column){
			.table = rows_text(rows, i, 0),
			.name = rows_text(rows, i, 1),
			.type = rows_text(rows, i, 2),
			.default_sql = rows_text(rows, i, 3),
			.is_not_null = rows_boolean(rows, i, 4),
		};
	return NULL;
}

static struct error *
read_indexes(struct db *db, struct arena *arena, struct catalog *catalog)
{
	struct error *error;
	struct rows *rows;

	error = db_query(db, arena, READ_INDEXES, NO_PARAMS, &rows);
	if (error)
		return error;
	catalog->nindexes = rows_count(rows);
	catalog->indexes = ARENA_ARRAY(arena, const char *, catalog->nindexes);
	for (size_t i = 0; i < catalog->nindexes; i++)
		catalog->indexes[i] = rows_text(rows, i, 0);
	return NULL;
}

static struct error *
read_foreign_keys(struct db *db, struct arena *arena, struct catalog *catalog)
{
	struct error *error;
	struct rows *rows;

	error = db_query(db, arena, READ_FOREIGN_KEYS, NO_PARAMS, &rows);
	if (error)
		return error;
	catalog->nforeign_keys = rows_count(rows);
	catalog->foreign_keys = ARENA_ARRAY(arena, struct catalog_foreign_key,
					    catalog->nforeign_keys);
	for (size_t i = 0; i < catalog->nforeign_keys; i++)
		catalog->foreign_keys[i] = (struct catalog_foreign_key){
			.name = rows_text(rows, i, 0),
			.table = rows_text(rows, i, 1),
			.on_delete = *rows_text(rows, i, 2),
		};
	return NULL;
}

static struct error *
read_functions(struct db *db, struct arena *arena, struct catalog *catalog)
{
	struct error *error;
	struct rows *rows;

	error = db_query(db, arena, READ_FUNCTIONS, NO_PARAMS, &rows);
	if (!error && rows_count(rows))
		catalog->functions = rows_text(rows, 0, 0);
	return error;
}

struct error *
catalog_read(struct db *db, struct arena *arena, struct catalog **catalog)
{
	struct error *error;

	*catalog = ARENA_NEW(arena, struct catalog);
	error = read_columns(db, arena, *catalog);
	if (!error)
		error = read_indexes(db, arena, *catalog);
	if (!error)
		error = read_foreign_keys(db, arena, *catalog);
	if (!error)
		error = read_functions(db, arena, *catalog);
	return error;
}

static int
compare_tables(const void *table, const void *column)
{
	return strcmp(table, ((const struct catalog_column *)column)->table);
}

static int
compare_columns(const void *left, const void *right)
{
	const struct catalog_column *a = left, *b = right;
	int order = strcmp(a->table, b->table);

	return order ? order : strcmp(a->name, b->name);
}

static int
compare_names(const void *name, const void *index)
{
	return strcmp(name, *(const char *const *)index);
}

static int
compare_keys(const void *name, const void *key)
{
	return strcmp(name, ((const struct catalog_foreign_key *)key)->name);
}

bool
catalog_has_table(const struct catalog *catalog, const char *table)
{
	return catalog->ncolumns &&
	       bsearch(table, catalog->columns, catalog->ncolumns,
		       sizeof *catalog->columns, compare_tables);
}

const struct catalog_column *
catalog_column(const struct catalog *catalog, const char *table,
	       const char *name)
{
	const struct catalog_column key = { .table = table, .name = name };

	if (!catalog->ncolumns)
		return NULL;
	return bsearch(&key, catalog->columns, catalog->ncolumns,
		       sizeof *catalog->columns, compare_columns);
}

bool
catalog_has_index(const struct catalog *catalog, const char *name)
{
	return catalog->nindexes &&
	       bsearch(name, catalog->indexes, catalog->nindexes,
		       sizeof *catalog->indexes, compare_names);
}

const struct catalog_foreign_key *
catalog_foreign_key(const struct catalog *catalog, const char *name)
{
	if (!catalog->nforeign_keys)
		return NULL;
	return bsearch(name, catalog->foreign_keys, catalog->nforeign_keys,
		       sizeof *catalog->foreign_keys, compare_keys);
}
