/*
 * table.c: finds the format of a file and hands out its rows one by one.
 */
#include "handlers/formats/table.h"

#include <stdarg.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "handlers/formats/table_parts.h"

static const struct table_format *const formats[] = {
	&table_csv,
	&table_xlsx,
	&table_xls,
};

/* Queues. */

static void
queue_init(struct row_queue *queue, struct arena *arena)
{
	*queue = (struct row_queue){ .owner = arena };
	queue->texts = arena_new();
	arena_adopt(arena, queue->texts);
	queue->spare = arena_new();
	arena_adopt(arena, queue->spare);
}

bool
row_queue_cell(struct row_queue *queue, enum cell_kind kind, const char *text,
	       size_t length)
{
	struct cell cell = { .kind = text ? kind : CELL_EMPTY };

	if (queue->ncells == TABLE_COLUMNS_MAX)
		return false;
	if (text) {
		cell.text = arena_strndup(queue->texts, text, length);
		cell.length = length;
	}
	if (!queue->cells)
		queue->cells = ARENA_ARRAY(queue->owner, struct cell,
					   TABLE_COLUMNS_MAX);
	queue->cells[queue->ncells++] = cell;
	return true;
}

bool
row_queue_cell_at(struct row_queue *queue, size_t column, enum cell_kind kind,
		  const char *text, size_t length)
{
	while (queue->ncells < column)
		if (!row_queue_cell(queue, CELL_EMPTY, NULL, 0))
			return false;
	return queue->ncells == column &&
	       row_queue_cell(queue, kind, text, length);
}

void
row_queue_end(struct row_queue *queue, int64_t number)
{
	struct table_row row = { .number = number, .ncells = queue->ncells };
	size_t size = queue->ncells * sizeof *queue->cells;
	struct cell *cells = arena_alloc_raw(queue->texts, size + 1);

	if (size)
		memcpy(cells, queue->cells, size);
	row.cells = cells;
	queue->ncells = 0;
	ARENA_PUSH(queue->texts, queue->rows, queue->nrows, row);
}

/* Gives back the rows that were taken; the open row moves on. */
static void
queue_turn(struct row_queue *queue)
{
	struct arena *spare = queue->spare;

	for (size_t i = 0; i < queue->ncells; i++)
		if (queue->cells[i].text)
			queue->cells[i].text =
				arena_strndup(spare, queue->cells[i].text,
					      queue->cells[i].length);
	arena_reset(queue->texts);
	queue->spare = queue->texts;
	queue->texts = spare;
	queue->rows = NULL;
	queue->nrows = 0;
	queue->next = 0;
}

/* Readers. */

struct error *
table_fault(const struct table_reader *reader, int64_t row, const char *format,
	    ...)
{
	va_list args;
	char *what;

	va_start(args, format);
	what = arena_vprintf(reader->arena, format, args);
	va_end(args);
	if (!row)
		return error_new(reader->arena, 422, "bad-table", "%s: %s",
				 reader->options->file, what);
	return error_new(reader->arena, 422, "bad-table", "%s: row %lld: %s",
			 reader->options->file, (long long)row, what);
}

static bool
has_end(const char *file, const char *end)
{
	size_t length = strlen(file);
	size_t end_length = strlen(end);

	return length > end_length && file[length - end_length - 1] == '.' &&
	       !strcasecmp(file + length - end_length, end);
}

static bool
is_format(const struct table_format *format, const char *file)
{
	if (has_end(file, format->name))
		return true;
	for (size_t i = 0; format->others[i]; i++)
		if (has_end(file, format->others[i]))
			return true;
	return false;
}

/* By its name, else by the end of the file's name. */
static const struct table_format *
format_find(const struct table_options *options)
{
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		if (options->format
			    ? !strcasecmp(formats[i]->name, options->format)
			    : is_format(formats[i], options->file))
			return formats[i];
	return NULL;
}

bool
table_is_known(const char *file)
{
	const struct table_options options = { .file = file };

	return format_find(&options);
}

/* A spreadsheet is one whatever its name is. */
static const struct table_format *
format_by_content(int fd)
{
	static const struct {
		const struct table_format *format;
		const char *magic;
		size_t length;
	} magics[] = {
		{ &table_xlsx, "PK\x03\x04", 4 },
		{ &table_xls, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8 },
	};
	char head[8] = "";
	ssize_t got = pread(fd, head, sizeof head, 0);

	for (size_t i = 0; i < ARRAY_SIZE(magics); i++)
		if (got >= (ssize_t)magics[i].length &&
		    !memcmp(head, magics[i].magic, magics[i].length))
			return magics[i].format;
	return NULL;
}

struct error *
table_open(struct arena *arena, int fd, const struct table_options *options,
	   struct table_reader **reader)
{
	struct table_reader *made = ARENA_NEW(arena, struct table_reader);
	struct stat status;

	made->arena = arena;
	made->options = options;
	made->fd = fd;
	if (fstat(fd, &status) || !S_ISREG(status.st_mode))
		return table_fault(made, 0, "this is no file");
	made->size = status.st_size;
	made->format = format_by_content(fd);
	if (!made->format)
		made->format = format_find(options);
	if (!made->format)
		return table_fault(made, 0,
				   "a file that ends in .csv, .xlsx or .xls "
				   "is needed");
	queue_init(&made->queue, arena);
	*reader = made;
	return made->format->open(made);
}

static bool
is_blank(const struct table_row *row)
{
	for (size_t i = 0; i < row->ncells; i++)
		if (row->cells[i].text)
			return false;
	return true;
}

struct error *
table_next(struct table_reader *reader, struct table_row *row)
{
	struct row_queue *queue = &reader->queue;
	struct error *error;

	for (;;) {
		while (queue->next < queue->nrows) {
			*row = queue->rows[queue->next++];
			if (!is_blank(row))
				return NULL;
		}
		*row = (struct table_row){ 0 };
		if (reader->at_end)
			return NULL;
		queue_turn(queue);
		error = reader->format->fill(reader, &reader->at_end);
		if (error)
			return error;
	}
}

bool
table_is_strict(const struct table_reader *reader)
{
	return reader->format->is_strict;
}

void
table_progress(const struct table_reader *reader, int64_t *done, int64_t *total)
{
	*done = reader->done;
	*total = reader->size;
}
