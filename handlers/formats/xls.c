/*
 * xls.c: rows of a sheet of an XLS file (BIFF8), which FreeXL reads. It holds
 * the whole file and was not made for hostile ones: it runs in a child
 * process without privileges, with little memory and time, that sends the
 * cells through a pipe. When the child dies, the file was bad.
 */
#include <errno.h>
#include <fcntl.h>
#include <freexl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "db/base/utf8.h"
#include "handlers/formats/table_parts.h"
#include "handlers/formats/xls_mini.h"

#define FILE_MAX (16 << 20)
/* A sanitizer's own tables are larger than any limit. */
#if defined(__SANITIZE_ADDRESS__) || defined(ACTD_SANITIZED)
#define CHILD_MEMORY 0
#else
#define CHILD_MEMORY (512 << 20)
#endif
#define CHILD_SECONDS 60
#define WAIT_MS 60000
#define PIECE 65536
#define ROWS_MAX 65536

/*
 * What goes through the pipe: a frame is its kind, four bytes of length in
 * the machine's order, and so many bytes. Cells are those of enum cell_kind.
 */
enum {
	FRAME_ROW = 100, /* the open row is complete */
	FRAME_END,	 /* the sheet is; without it the child died */
	FRAME_FAULT,	 /* a sentence */
	FRAME_HEAD = 5	 /* bytes before the text */
};

struct xls_state {
	pid_t child;
	int pipe;
	int64_t row;
	char data[PIECE + TABLE_CELL_MAX + FRAME_HEAD];
	size_t length;
};

/* The child. */

static void
send_frame(FILE *out, int kind, const char *text, size_t length)
{
	uint32_t size = (uint32_t)length;

	fputc(kind, out);
	fwrite(&size, sizeof size, 1, out);
	fwrite(text, 1, length, out);
}

static void
fail(FILE *out, const char *what)
{
	send_frame(out, FRAME_FAULT, what, strlen(what));
	fflush(out);
	_exit(1);
}

static void
limit(int resource, rlim_t most)
{
	const struct rlimit value = { most, most };

	setrlimit(resource, &value);
}

/* Nothing but the file and the pipe stays open. */
static void
confine(int file, int out)
{
	file = fcntl(file, F_DUPFD, 5);
	out = fcntl(out, F_DUPFD, 5);
	if (dup2(file, 3) < 0 || dup2(out, 4) < 0)
		_exit(1);
	close_range(5, ~0U, 0);
	if (CHILD_MEMORY)
		limit(RLIMIT_AS, CHILD_MEMORY);
	limit(RLIMIT_CPU, CHILD_SECONDS);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_FSIZE, PIECE);
	limit(RLIMIT_NPROC, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
}

/* As people write it; the same digits that xlsx.c gives. */
static void
send_number(FILE *out, double value)
{
	char text[64];

	if (!isfinite(value)) {
		send_frame(out, CELL_ERROR, "#NUM!", 5);
		return;
	}
	if (value == floor(value) && fabs(value) < 1e18)
		snprintf(text, sizeof text, "%.0f", value == 0 ? 0 : value);
	else
		for (int precision = 15; precision <= 17; precision++) {
			snprintf(text, sizeof text, "%.*g", precision, value);
			if (strtod(text, NULL) == value)
				break;
		}
	send_frame(out, CELL_NUMBER, text, strlen(text));
}

static void
send_cell(FILE *out, const FreeXL_CellValue *cell)
{
	const char *text = cell->value.text_value;
	char digits[16];

	switch (cell->type) {
	case FREEXL_CELL_INT:
		snprintf(digits, sizeof digits, "%d", cell->value.int_value);
		send_frame(out, CELL_NUMBER, digits, strlen(digits));
		return;
	case FREEXL_CELL_DOUBLE:
		send_number(out, cell->value.double_value);
		return;
	case FREEXL_CELL_TEXT:
	case FREEXL_CELL_SST_TEXT:
		if (text && *text && strlen(text) <= TABLE_CELL_MAX)
			send_frame(out, CELL_TEXT, text, strlen(text));
		else
			send_frame(out, CELL_EMPTY, "", 0);
		return;
	case FREEXL_CELL_DATE:
	case FREEXL_CELL_DATETIME:
	case FREEXL_CELL_TIME:
		send_frame(out, CELL_MOMENT, text, strlen(text));
		return;
	default:
		send_frame(out, CELL_EMPTY, "", 0);
	}
}

static bool
select_sheet(const void *book, const char *wanted)
{
	unsigned int count = 0;
	char *end = NULL;
	long number;

	if (freexl_get_info(book, FREEXL_BIFF_SHEET_COUNT, &count) != FREEXL_OK)
		return false;
	for (unsigned int i = 0; wanted && *wanted && i < count; i++) {
		const char *name;

		if (freexl_get_worksheet_name(book, (unsigned short)i, &name) ==
			    FREEXL_OK &&
		    name && !strcasecmp(name, wanted))
			return freexl_select_active_worksheet(
				       book, (unsigned short)i) == FREEXL_OK;
	}
	number = wanted && *wanted ? strtol(wanted, &end, 10) : 1;
	return (!end || !*end) && number >= 1 && number <= (long)count &&
	       freexl_select_active_worksheet(
		       book, (unsigned short)(number - 1)) == FREEXL_OK;
}

static void
send_sheet(FILE *out, const void *book)
{
	unsigned int rows;
	unsigned short columns;

	if (freexl_worksheet_dimensions(book, &rows, &columns) != FREEXL_OK)
		fail(out, "its sheet can't be read");
	if (rows > ROWS_MAX || columns > 256)
		fail(out, "its sheet is larger than sheets of XLS are");
	for (unsigned int row = 0; row < rows; row++) {
		for (unsigned short column = 0; column < columns; column++) {
			FreeXL_CellValue cell;

			if (freexl_get_cell_value(book, row, column, &cell) !=
			    FREEXL_OK)
				cell.type = FREEXL_CELL_NULL;
			send_cell(out, &cell);
		}
		send_frame(out, FRAME_ROW, "", 0);
	}
	send_frame(out, FRAME_END, "", 0);
}

static NORETURN void
run_child(int file, int pipe, const char *sheet)
{
	const void *book;
	FILE *out;
	int copy;

	confine(file, pipe);
	out = fdopen(4, "w");
	if (!out)
		_exit(1);
	copy = xls_mini_copy(3);
	if (copy >= 0)
		dup2(copy, 3);
	if (freexl_open("/proc/self/fd/3", &book) != FREEXL_OK)
		fail(out, "this is no XLS file of Excel 97 or later");
	limit(RLIMIT_NOFILE, 0);
	if (!select_sheet(book, sheet))
		fail(out, "there is no such sheet");
	send_sheet(out, book);
	fflush(out);
	_exit(0);
}

/* The parent. */

static void
release(void *object)
{
	struct xls_state *state = object;

	close(state->pipe);
	kill(state->child, SIGKILL);
	while (waitpid(state->child, NULL, 0) < 0 && errno == EINTR)
		;
}

static struct error *
died(const struct table_reader *reader)
{
	return table_fault(reader, 0, "it is damaged, or too much to read");
}

static struct error *
take_frame(struct table_reader *reader, int kind, const char *text,
	   size_t length, bool *end)
{
	struct xls_state *state = reader->state;
	bool added = true;

	if (kind == FRAME_ROW)
		row_queue_end(&reader->queue, ++state->row);
	else if (kind == FRAME_END)
		*end = true;
	else if (!utf8_is_text(text, length))
		return died(reader);
	else if (kind == FRAME_FAULT)
		return table_fault(reader, 0, "%.*s", (int)length, text);
	else if (kind > CELL_ERROR)
		return died(reader);
	else
		added = row_queue_cell(&reader->queue, (enum cell_kind)kind,
				       kind == CELL_EMPTY ? NULL : text,
				       length);
	return added ? NULL : died(reader);
}

static struct error *
read_more(struct table_reader *reader)
{
	struct xls_state *state = reader->state;
	struct pollfd wanted = { .fd = state->pipe, .events = POLLIN };
	ssize_t got = 0;

	if (poll(&wanted, 1, WAIT_MS) > 0)
		got = read(state->pipe, state->data + state->length,
			   sizeof state->data - state->length);
	if (got <= 0)
		return died(reader);
	state->length += (size_t)got;
	return NULL;
}

static struct error *
xls_fill(struct table_reader *reader, bool *end)
{
	struct xls_state *state = reader->state;
	struct error *error = read_more(reader);
	size_t at = 0;

	while (!error && !*end && state->length - at >= FRAME_HEAD) {
		uint32_t size;

		memcpy(&size, state->data + at + 1, sizeof size);
		if (size > TABLE_CELL_MAX)
			return died(reader);
		if (state->length - at - FRAME_HEAD < size)
			break;
		error = take_frame(reader, state->data[at],
				   state->data + at + FRAME_HEAD, size, end);
		at += FRAME_HEAD + size;
	}
	state->length -= at;
	memmove(state->data, state->data + at, state->length);
	reader->done = *end ? reader->size : reader->size / 2;
	return error;
}

static struct error *
xls_open(struct table_reader *reader)
{
	struct xls_state *state = ARENA_NEW(reader->arena, struct xls_state);
	int ends[2];

	if (reader->size > FILE_MAX)
		return error_new(reader->arena, 413, "file-too-large",
				 "%s: an XLS file holds at most 16 MiB here; "
				 "save it as XLSX or CSV",
				 reader->options->file);
	if (pipe2(ends, O_CLOEXEC))
		return error_internal(reader->arena, "no pipe: %s",
				      strerror(errno));
	reader->state = state;
	state->pipe = ends[0];
	state->child = fork();
	if (!state->child)
		run_child(reader->fd, ends[1], reader->options->sheet);
	close(ends[1]);
	if (state->child < 0) {
		close(ends[0]);
		return error_internal(reader->arena, "no process: %s",
				      strerror(errno));
	}
	arena_defer(reader->arena, release, state);
	return NULL;
}

const struct table_format table_xls = {
	.name = "xls",
	.open = xls_open,
	.fill = xls_fill,
};
