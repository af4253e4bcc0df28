/*
 * dump_out.c: exports read by COPY: measured, it is the cheapest way out of
 * PostgreSQL, and the server sends while we write. Bare tables come in the
 * binary form, which costs the server less, rows that are chosen by their
 * permission in the text form. COPY takes no parameters, so the few of a
 * permission test are written into the statement.
 */
#include "db/dump_out.h"

#include <string.h>

#include "db/query.h"

struct error *
dump_begin(struct db *db, struct arena *arena)
{
	db_begin(db);
	return db_execute(db, arena,
			  "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, "
			  "READ ONLY");
}

static bool
gets_everything(const struct dump_wish *wish)
{
	return permission_everything(wish->actor);
}

bool
dump_may_read(const struct dump_wish *wish, const struct entity *entity)
{
	const struct model *model = wish->model;

	if (permission_table(wish->actor, entity, VERB_READ))
		return true;
	/* of these some rows are visible in any case (permission.h) */
	return wish->actor->id &&
	       (entity == model->user_account || entity == model->world);
}

static bool
is_secret(const struct column *column)
{
	return column->kind == VALUE_SECRET || column->kind == VALUE_ENCRYPTED;
}

static struct dump_column *
add_column(struct dump_table *table, const struct column *column, bool is_id)
{
	struct dump_column *added = &table->columns[table->ncolumns++];

	*added = (struct dump_column){ .column = column,
				       .is_id = is_id && column->target };
	return added;
}

/* Types that we can't read in the binary form come as text within it. */
static void
select_column(struct sql *sql, struct dump_column *column)
{
	column->decoder = dump_decoder_find(column->column->sql_type);
	sql_name(sql, column->column->sql_name);
	if (column->decoder)
		return;
	column->decoder = dump_decoder_find("text");
	sql_add(sql, "::text");
}

/* Every column as it is stored. */
static void
select_all(struct dump_table *table, const struct dump_wish *wish,
	   struct sql *sql)
{
	const struct entity *entity = table->entity;

	table->is_binary = true;
	sql_add(sql, "COPY (SELECT ");
	for (size_t i = 0; i < entity->ncolumns; i++) {
		const struct column *column = entity->columns[i];

		if (is_secret(column) && !wish->with_secrets)
			continue;
		if (table->ncolumns)
			sql_add(sql, ", ");
		select_column(sql, add_column(table, column, true));
	}
	sql_add(sql, " FROM ");
	sql_name(sql, entity->table);
	sql_add(sql, ") TO STDOUT (FORMAT binary)");
}

/* What the API would show, but for secrets, which are not even blank. */
static void
select_visible(struct dump_table *table, const struct dump_wish *wish,
	       struct sql *sql)
{
	const struct entity *entity = table->entity;
	struct selection *all = selection_new(table->arena, entity, NULL, 0);
	struct selection shown = *all;

	table->nhidden = SELECTION_FIRST;
	shown.ncolumns = 0;
	for (size_t i = 0; i < all->ncolumns; i++) {
		if (is_secret(all->columns[i]))
			continue;
		shown.columns[shown.ncolumns++] = all->columns[i];
		add_column(table, all->columns[i], false);
	}
	sql_add(sql, "COPY (SELECT ");
	selection_list(sql, &shown, wish->actor, wish->model, "t");
	sql_add(sql, " FROM ");
	sql_name(sql, entity->table);
	sql_add(sql, " t WHERE ");
	permission_visible(sql, wish->actor, wish->model, entity, "t");
	sql_add(sql, ") TO STDOUT");
}

struct error *
dump_open(struct db *db, struct arena *arena, const struct dump_wish *wish,
	  const struct entity *entity, struct dump_table **table)
{
	struct dump_table *made = ARENA_NEW(arena, struct dump_table);
	struct sql sql;

	made->entity = entity;
	made->db = db;
	made->arena = arena;
	made->columns =
		ARENA_ARRAY(arena, struct dump_column, entity->ncolumns);
	sql_init(&sql, arena);
	if (gets_everything(wish))
		select_all(made, wish, &sql);
	else
		select_visible(made, wish, &sql);
	made->cells = ARENA_ARRAY(arena, struct dump_cell,
				  made->ncolumns + SELECTION_FIRST);
	strbuf_init(&made->plain, arena);
	*table = made;
	return db_copy_out(db, arena, sql_inline(&sql));
}

/* Rows in COPY's text format: fields between tabs, escapes, \N for NULL. */

static char
unescaped(char c)
{
	static const char meaning[256] = {
		['b'] = '\b', ['f'] = '\f', ['n'] = '\n',
		['r'] = '\r', ['t'] = '\t', ['v'] = '\v',
	};

	return meaning[(unsigned char)c] ? meaning[(unsigned char)c] : c;
}

/* `buf` has room for all of it: texts never move. */
static void
unescape(struct strbuf *buf, struct dump_cell *cell)
{
	const char *end = cell->text + cell->length;
	char *start = buf->data + buf->length;
	char *out = start;

	for (const char *p = cell->text; p < end; p++)
		*out++ = *p == '\\' && p + 1 < end ? unescaped(*++p) : *p;
	*out = '\0';
	cell->text = start;
	cell->length = (size_t)(out - start);
	buf->length += cell->length + 1;
}

/* The tab behind a field becomes its NUL. */
static void
take_cell(struct dump_table *table, struct dump_cell *cell, char *start,
	  char *end)
{
	*end = '\0';
	*cell = (struct dump_cell){ start, (size_t)(end - start) };
	if (!memchr(start, '\\', cell->length))
		return;
	if (!strcmp(start, "\\N"))
		*cell = (struct dump_cell){ NULL, 0 };
	else
		unescape(&table->plain, cell);
}

static void
split(struct dump_table *table, size_t first, char *data, size_t size)
{
	char *end = data + size - 1; /* the line end */
	size_t total = first + table->ncolumns;

	strbuf_cut(&table->plain, 0);
	strbuf_reserve(&table->plain, size + total);
	for (size_t i = 0; i < total; i++) {
		char *tab = memchr(data, '\t', (size_t)(end - data));

		take_cell(table, &table->cells[i], data, tab ? tab : end);
		data = tab ? tab + 1 : end;
	}
	if (first)
		memmove(table->cells, table->cells + first,
			table->ncolumns * sizeof *table->cells);
}

/*
 * Rows in the binary form: the number of fields, then each with its length
 * before it; the first one behind a header, -1 fields behind the last one.
 */

#define HEADER_BYTES 19

static struct error *
bad_row(struct dump_table *table)
{
	return error_internal(table->arena, "COPY of %s is not as it should be",
			      table->entity->table);
}

/* Finds the fields, and the room that their texts take. */
static bool
find_fields(struct dump_table *table, char *data, const char *end, size_t *room)
{
	for (size_t i = 0; i < table->ncolumns; i++) {
		struct dump_cell *cell = &table->cells[i];
		size_t length, needed;

		if (end - data < 4)
			return false;
		length = dump_number32(data);
		data += 4;
		*cell = (struct dump_cell){ NULL, 0 };
		if (length == UINT32_MAX)
			continue;
		if (length > (size_t)(end - data))
			return false;
		*cell = (struct dump_cell){ data, length };
		needed = table->columns[i].decoder->room(data, length);
		*room += needed + 1;
		data += length;
		if (!needed)
			return false;
	}
	return data == end;
}

/* What is behind a text was read already, and becomes its NUL. */
static void
decode(struct dump_table *table, const struct dump_decoder *decoder,
       struct dump_cell *cell)
{
	struct strbuf *plain = &table->plain;
	char *text = (char *)(uintptr_t)cell->text;

	if (decoder->write) {
		text = plain->data + plain->length;
		cell->length = decoder->write(text, cell->text, cell->length);
		plain->length += cell->length + 1;
		cell->text = text;
	}
	text[cell->length] = '\0';
}

static struct error *
read_fields(struct dump_table *table, char *data, size_t size, bool *more)
{
	const char *end = data + size;
	size_t room = 0;

	if (!table->is_begun && size < HEADER_BYTES + 2)
		return bad_row(table);
	data += table->is_begun ? 0 : HEADER_BYTES;
	table->is_begun = true;
	*more = dump_number16(data) != UINT16_MAX;
	if (!*more)
		return NULL;
	if (dump_number16(data) != table->ncolumns ||
	    !find_fields(table, data + 2, end, &room))
		return bad_row(table);
	strbuf_cut(&table->plain, 0);
	strbuf_reserve(&table->plain, room);
	for (size_t i = 0; i < table->ncolumns; i++)
		if (table->cells[i].text)
			decode(table, table->columns[i].decoder,
			       &table->cells[i]);
	return NULL;
}

struct error *
dump_next(struct dump_table *table, bool *more)
{
	const char *data;
	size_t size;
	struct error *error =
		db_copy_read(table->db, table->arena, &data, &size);

	*more = !error && data;
	if (!*more)
		return error;
	/* libpq's buffer is ours until the next row */
	if (table->is_binary)
		error = read_fields(table, (char *)(uintptr_t)data, size, more);
	else
		split(table, table->nhidden, (char *)(uintptr_t)data, size);
	if (error || *more)
		return error;
	return db_copy_read(table->db, table->arena, &data, &size);
}

static const char ESTIMATE[] =
	"SELECT greatest(reltuples, 0)::bigint FROM pg_class"
	" WHERE oid = $1::regclass";

struct error *
dump_estimate(struct db *db, struct arena *arena, const struct entity *entity,
	      int64_t *rows)
{
	struct rows *result;
	struct sql name;
	struct error *error;

	sql_init(&name, arena);
	sql_name(&name, entity->table);
	error = db_query(db, arena, ESTIMATE, PARAMS(name.text.data), &result);
	if (!error)
		*rows = rows_integer(result, 0, 0);
	return error;
}
