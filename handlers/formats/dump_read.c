/*
 * dump_read.c: JSON is cut into rows by counting brackets, and each row is
 * read by the strict reader; YAML comes from yaml.c item by item; TOML and
 * HCL are read whole.
 */
#include "handlers/formats/dump_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "handlers/formats/format.h"
#include "handlers/formats/yaml_rows.h"

#define PIECE_BYTES 65536

static const struct format_limits row_limits = {
	.bytes = DUMP_ROW_MAX,
	.depth = 64,
	.nodes = 1000000,
};
static const struct format_limits tree_limits = {
	.bytes = (size_t)1 << 20,
	.depth = 64,
	.nodes = 1000000,
};

struct dump_reader {
	struct arena *arena;
	struct arena *scratch; /* of a row */
	const char *file;
	int fd;
	int64_t offset; /* of what was taken from the file */
	int64_t size;
	struct error *(*next)(struct dump_reader *reader, struct dump_row *row);
	const char *table; /* whose rows are read, or NULL */
	int64_t number;
	/* JSON: what was taken and not read yet */
	char *buffer;
	size_t start, end, capacity;
	bool is_begun;
	/* YAML */
	struct yaml_rows *yaml;
	/* TOML, HCL */
	struct json_object *tree;
	struct json_object_iterator at;
};

static void
release_buffer(void *object)
{
	struct dump_reader *reader = object;

	free(reader->buffer);
}

/* Where a fault is, in front of what it is. */
static struct error *
place(const struct dump_reader *reader, struct error *error)
{
	struct arena *arena = reader->arena;
	const char *where = "";

	if (reader->table && reader->number)
		where = arena_printf(arena, "%s, row %lld: ", reader->table,
				     (long long)reader->number);
	else if (reader->table)
		where = arena_printf(arena, "%s: ", reader->table);
	return error_new(arena, error->status, "bad-dump", "%s: %s%s",
			 reader->file, where, error->detail);
}

static struct error *
bad(const struct dump_reader *reader, const char *what)
{
	return place(reader,
		     error_new(reader->arena, 422, "bad-dump", "%s", what));
}

static long
take_bytes(void *context, void *buffer, size_t size)
{
	struct dump_reader *reader = context;
	ssize_t count;

	do
		count = pread(reader->fd, buffer, size, reader->offset);
	while (count < 0 && errno == EINTR);
	if (count > 0)
		reader->offset += count;
	return count;
}

/* JSON. */

/* More bytes behind those that are there; false at the end. */
static bool
refill(struct dump_reader *reader)
{
	long count;

	if (reader->start) {
		memmove(reader->buffer, reader->buffer + reader->start,
			reader->end - reader->start);
		reader->end -= reader->start;
		reader->start = 0;
	}
	if (reader->capacity - reader->end < PIECE_BYTES) {
		size_t capacity = reader->capacity * 2 + PIECE_BYTES;

		reader->buffer = realloc(reader->buffer, capacity);
		if (!reader->buffer)
			abort();
		reader->capacity = capacity;
	}
	count = take_bytes(reader, reader->buffer + reader->end,
			   reader->capacity - reader->end);
	if (count > 0)
		reader->end += (size_t)count;
	return count > 0;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* The next character that is no blank, not taken; 0 at the end. */
static char
peek(struct dump_reader *reader)
{
	for (;;) {
		while (reader->start < reader->end &&
		       is_blank(reader->buffer[reader->start]))
			reader->start++;
		if (reader->start < reader->end)
			return reader->buffer[reader->start];
		if (!refill(reader))
			return '\0';
	}
}

static bool
take(struct dump_reader *reader, char c)
{
	if (peek(reader) != c)
		return false;
	reader->start++;
	return true;
}

/* How far a value reaches, whatever it is. */
struct extent {
	size_t length;
	size_t depth;
	bool in_string;
	bool is_escaped;
};

static void
see(struct extent *extent, char c)
{
	if (extent->is_escaped) {
		extent->is_escaped = false;
	} else if (extent->in_string) {
		extent->is_escaped = c == '\\';
		extent->in_string = c != '"';
	} else if (c == '"') {
		extent->in_string = true;
	} else if (c == '{' || c == '[') {
		extent->depth++;
	} else if ((c == '}' || c == ']') && extent->depth) {
		extent->depth--;
	}
}

/* A bare word or number ends where something else begins. */
static bool
ends_before(const struct extent *extent, char c)
{
	return !extent->depth && !extent->in_string &&
	       (c == ',' || c == '}' || c == ']' || c == ':' || is_blank(c));
}

static bool
scan(struct dump_reader *reader, struct extent *extent)
{
	const char *data = reader->buffer + reader->start;
	size_t length = reader->end - reader->start;

	while (extent->length < length) {
		char c = data[extent->length];
		bool is_bare = !extent->depth && !extent->in_string;

		if (ends_before(extent, c))
			return true;
		see(extent, c);
		extent->length++;
		if (!extent->depth && !extent->in_string &&
		    (!is_bare || c == '"') &&
		    (c == '"' || c == '}' || c == ']'))
			return true;
	}
	return false;
}

static struct error *
read_value(struct dump_reader *reader, struct json_object **value)
{
	struct extent extent = { 0 };
	struct error *error;

	peek(reader);
	while (!scan(reader, &extent)) {
		if (extent.length > DUMP_ROW_MAX)
			return bad(reader, "a row is longer than 64 MiB");
		if (!refill(reader))
			break;
	}
	error = json_read(reader->scratch, reader->buffer + reader->start,
			  extent.length, &row_limits, 422, value);
	reader->start += extent.length;
	return error ? place(reader, error) : NULL;
}

static struct error *
begin_table(struct dump_reader *reader, struct dump_row *row)
{
	struct json_object *name = NULL;
	struct error *error = NULL;

	if (peek(reader) != '"')
		return bad(reader, "the name of a table in quotes is missing");
	error = read_value(reader, &name);
	if (error)
		return error;
	reader->table =
		arena_strdup(reader->arena, json_object_get_string(name));
	reader->number = 0;
	if (!take(reader, ':') || !take(reader, '['))
		return bad(reader, "a list of rows is missing");
	row->table = reader->table;
	return NULL;
}

static struct error *
end_json(struct dump_reader *reader)
{
	reader->table = NULL;
	if (peek(reader))
		return bad(reader, "text behind the end");
	return NULL;
}

static struct error *
next_json_table(struct dump_reader *reader, struct dump_row *row)
{
	bool is_first = !reader->is_begun;

	if (is_first && !take(reader, '{'))
		return bad(reader, "an object of tables is missing");
	reader->is_begun = true;
	if (take(reader, '}'))
		return end_json(reader);
	if (!is_first && !take(reader, ','))
		return bad(reader, "a comma or } is missing");
	return begin_table(reader, row);
}

static struct error *
next_json(struct dump_reader *reader, struct dump_row *row)
{
	if (!reader->table)
		return next_json_table(reader, row);
	if (take(reader, ']')) {
		reader->table = NULL;
		return next_json_table(reader, row);
	}
	if (reader->number && !take(reader, ','))
		return bad(reader, "a comma or ] is missing");
	row->table = reader->table;
	row->number = ++reader->number;
	return read_value(reader, &row->row);
}

/* JSON lines: each row says by __type where it belongs. */

static struct error *
next_line(struct dump_reader *reader, struct dump_row *row)
{
	struct json_object *type;
	const char *name;
	struct error *error;

	if (!peek(reader))
		return NULL;
	error = read_value(reader, &row->row);
	if (error)
		return error;
	type = json_object_object_get(row->row, "__type");
	name = json_object_is_type(type, json_type_string)
		       ? json_object_get_string(type)
		       : NULL;
	if (!name)
		return bad(reader, "a row without __type, the name of its "
				   "table");
	if (!reader->table || strcmp(reader->table, name) != 0) {
		reader->number = 0;
		reader->table = arena_strdup(reader->arena, name);
	}
	row->table = reader->table;
	row->number = ++reader->number;
	return NULL;
}

/* YAML. */

static struct error *
next_yaml(struct dump_reader *reader, struct dump_row *row)
{
	bool is_key;
	struct error *error = yaml_rows_next(reader->yaml, reader->scratch,
					     &row->table, &is_key, &row->row);

	if (is_key || !row->table)
		reader->number = 0;
	else
		reader->number++;
	reader->table = row->table;
	row->number = reader->number;
	return error ? place(reader, error) : NULL;
}

/* TOML and HCL. */

static struct error *
next_of_tree(struct dump_reader *reader, struct dump_row *row)
{
	struct json_object_iterator end = json_object_iter_end(reader->tree);
	struct json_object *list;

	if (json_object_iter_equal(&reader->at, &end))
		return NULL;
	list = json_object_iter_peek_value(&reader->at);
	row->table = json_object_iter_peek_name(&reader->at);
	if (reader->table != row->table) {
		reader->table = row->table;
		reader->number = 0;
		if (!json_object_is_type(list, json_type_array))
			return bad(reader, "a list of rows is missing");
		return NULL;
	}
	if ((size_t)reader->number < json_object_array_length(list)) {
		row->row =
			json_object_array_get_idx(list, (size_t)reader->number);
		row->number = ++reader->number;
		return NULL;
	}
	json_object_iter_next(&reader->at);
	row->table = NULL;
	return next_of_tree(reader, row);
}

static struct error *
read_tree(struct dump_reader *reader)
{
	char *text;
	long count;
	struct error *error;

	if (reader->size > (int64_t)tree_limits.bytes)
		return error_new(reader->arena, 413, "dump-too-large",
				 "%s: TOML and HCL are read up to 1 MiB; a "
				 "dump in JSON or YAML may be of any size",
				 reader->file);
	text = arena_alloc_raw(reader->arena, (size_t)reader->size + 1);
	count = take_bytes(reader, text, (size_t)reader->size);
	error = format_read(reader->arena, reader->file, text,
			    count > 0 ? (size_t)count : 0, &tree_limits,
			    &reader->tree);
	if (error)
		return error;
	if (!json_object_is_type(reader->tree, json_type_object))
		return bad(reader, "lists of rows by tables are missing");
	reader->at = json_object_iter_begin(reader->tree);
	return NULL;
}

/* Opening. */

static bool
ends_in(const char *file, const char *end)
{
	size_t length = strlen(file), size = strlen(end);

	return length >= size && !strcasecmp(file + length - size, end);
}

static bool
begins_as_json(struct dump_reader *reader)
{
	return peek(reader) == '{' ||
	       (reader->end - reader->start >= 3 &&
		!memcmp(reader->buffer + reader->start, "\xEF\xBB\xBF", 3));
}

static void
skip_mark(struct dump_reader *reader)
{
	if (peek(reader) == '\xEF' && reader->end - reader->start >= 3 &&
	    !memcmp(reader->buffer + reader->start, "\xEF\xBB\xBF", 3))
		reader->start += 3;
}

static struct error *
choose(struct dump_reader *reader)
{
	const struct format *format = format_of(reader->file);

	if (format == &format_toml || format == &format_hcl) {
		reader->next = next_of_tree;
		return read_tree(reader);
	}
	if (ends_in(reader->file, ".jsonl") ||
	    ends_in(reader->file, ".ndjson")) {
		reader->next = next_line;
		skip_mark(reader);
		return NULL;
	}
	if (format != &format_yaml &&
	    (format == &format_json || begins_as_json(reader))) {
		reader->next = next_json;
		skip_mark(reader);
		return NULL;
	}
	reader->offset = 0;
	reader->next = next_yaml;
	return yaml_rows_new(reader->arena, take_bytes, reader, &row_limits,
			     &reader->yaml);
}

struct error *
dump_read_open(struct arena *arena, int fd, const char *file,
	       struct dump_reader **reader)
{
	struct dump_reader *made = ARENA_NEW(arena, struct dump_reader);
	struct stat status;

	made->arena = arena;
	made->scratch = arena_new();
	arena_adopt(arena, made->scratch);
	arena_defer(arena, release_buffer, made);
	made->file = file;
	made->fd = fd;
	if (fstat(fd, &status))
		return error_internal(arena, "%s: %s", file, strerror(errno));
	made->size = status.st_size;
	*reader = made;
	return choose(made);
}

struct error *
dump_read_next(struct dump_reader *reader, struct dump_row *row)
{
	arena_reset(reader->scratch);
	*row = (struct dump_row){ 0 };
	return reader->next(reader, row);
}

void
dump_read_progress(const struct dump_reader *reader, int64_t *done,
		   int64_t *total)
{
	*done = reader->offset - (int64_t)(reader->end - reader->start);
	*total = reader->size;
}
