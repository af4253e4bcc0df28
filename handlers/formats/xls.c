/*
 * xls.c: rows of a sheet of an XLS file (BIFF8), which FreeXL reads. It holds
 * the whole file and was not made for hostile ones: it runs in a process of
 * its own (xls_child.c), without privileges, with little memory and time, that
 * sends the cells through a pipe. When it dies, the file was bad.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "db/base/utf8.h"
#include "handlers/formats/xls.h"

#define FILE_MAX (16 << 20)
#define WAIT_MS 60000
#define PIECE 65536

struct xls_state {
	pid_t child;
	int pipe;
	int64_t row;
	char data[PIECE + TABLE_CELL_MAX + FRAME_HEAD];
	size_t length;
};

static void
release(void *object)
{
	struct xls_state *state = object;

	close(state->pipe);
	if (!state->child)
		return;
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

void
xls_attach(struct table_reader *reader, int pipe, pid_t child)
{
	struct xls_state *state = ARENA_NEW(reader->arena, struct xls_state);

	state->pipe = pipe;
	state->child = child;
	reader->state = state;
	arena_defer(reader->arena, release, state);
}

static struct error *
xls_open(struct table_reader *reader)
{
	int ends[2];
	pid_t child;

	if (reader->size > FILE_MAX)
		return error_new(reader->arena, 413, "file-too-large",
				 "%s: an XLS file holds at most 16 MiB here; "
				 "save it as XLSX or CSV",
				 reader->options->file);
	if (pipe2(ends, O_CLOEXEC))
		return error_internal(reader->arena, "no pipe: %s",
				      strerror(errno));
	child = xls_start(reader->fd, ends[1], reader->options->sheet);
	close(ends[1]);
	if (child < 0) {
		close(ends[0]);
		return error_internal(reader->arena, "no process: %s",
				      strerror(errno));
	}
	xls_attach(reader, ends[0], child);
	return NULL;
}

const struct table_format table_xls = {
	.name = "xls",
	.open = xls_open,
	.fill = xls_fill,
};
