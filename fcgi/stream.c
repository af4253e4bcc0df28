/*
 * stream.c: bytes of a client of the events process. The peer is nginx, which
 * has checked the form of the request.
 */
#include "fcgi/stream.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "db/base/strbuf.h"

struct stream *
stream_new(int fd, int64_t now_us)
{
	struct stream *stream = calloc(1, sizeof *stream);

	if (!stream)
		abort();
	stream->fd = fd;
	stream->began_us = stream->sent_us = now_us;
	return stream;
}

void
stream_free(struct stream *stream)
{
	close(stream->fd);
	free(stream->head);
	free(stream->out);
	free(stream);
}

static void *
resize(void *old, size_t size)
{
	void *block = realloc(old, size);

	if (!block)
		abort();
	return block;
}

/* After the head nothing is expected but the end. */
static void
read_end(struct stream *stream)
{
	char ignored[512];
	ssize_t got = recv(stream->fd, ignored, sizeof ignored, MSG_DONTWAIT);

	if (!got || (got < 0 && errno != EAGAIN && errno != EINTR))
		stream->phase = STREAM_DEAD;
}

bool
stream_read(struct stream *stream)
{
	const size_t step = 4096;
	ssize_t got;

	if (stream->phase != STREAM_READING) {
		read_end(stream);
		return false;
	}
	stream->head = resize(stream->head, stream->head_length + step + 1);
	got = recv(stream->fd, stream->head + stream->head_length, step,
		   MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (got > 0)
		stream->head_length += (size_t)got;
	stream->head[stream->head_length] = '\0';
	if (got > 0 && strstr(stream->head, "\r\n\r\n"))
		return true;
	if (got <= 0 || stream->head_length > STREAM_HEAD_MAX)
		stream->phase = STREAM_DEAD;
	return false;
}

/* "X-Y: value" is HTTP_X_Y=value. */
static char *
variable_of(struct arena *arena, const char *line, size_t length)
{
	const char *colon = memchr(line, ':', length);
	size_t name = colon ? (size_t)(colon - line) : 0;
	const char *value;
	char *variable;

	if (!name)
		return NULL;
	value = colon + 1 + strspn(colon + 1, " \t");
	variable = arena_printf(arena, "HTTP_%.*s=%.*s", (int)name, line,
				(int)(line + length - value), value);
	for (char *c = variable + strlen("HTTP_"); *c != '='; c++)
		*c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
	if (!strncmp(variable, "HTTP_ACTD_SCHEME=", 17))
		return arena_printf(arena, "REQUEST_SCHEME=%s", variable + 17);
	if (!strncmp(variable, "HTTP_ACTD_", strlen("HTTP_ACTD_")))
		variable += strlen("HTTP_"); /* nginx sets these */
	return variable;
}

char **
stream_variables(struct arena *arena, const struct stream *stream)
{
	const char *line = stream->head;
	size_t method = strcspn(line, " \r\n");
	size_t target = strcspn(line + method + 1, " \r\n");
	char **variables = NULL;
	size_t count = 0;

	if (line[method] != ' ' || line[method + 1 + target] != ' ')
		return NULL;
	ARENA_PUSH(
		arena, variables, count,
		arena_printf(arena, "REQUEST_METHOD=%.*s", (int)method, line));
	ARENA_PUSH(arena, variables, count,
		   arena_printf(arena, "REQUEST_URI=%.*s", (int)target,
				line + method + 1));
	for (;;) {
		size_t length;
		char *variable;

		line = strstr(line, "\r\n") + 2;
		length = (size_t)(strstr(line, "\r\n") - line);
		if (!length)
			break;
		variable = variable_of(arena, line, length);
		if (!variable)
			return NULL;
		ARENA_PUSH(arena, variables, count, variable);
	}
	ARENA_PUSH(arena, variables, count, NULL);
	return variables;
}

void
stream_flush(struct stream *stream)
{
	ssize_t sent;

	while (stream->out_length) {
		sent = send(stream->fd, stream->out, stream->out_length,
			    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0) {
			if (errno != EAGAIN)
				stream->phase = STREAM_DEAD;
			return;
		}
		stream->out_length -= (size_t)sent;
		memmove(stream->out, stream->out + sent, stream->out_length);
	}
	if (stream->phase == STREAM_ENDING)
		stream->phase = STREAM_DEAD;
}

void
stream_send(struct stream *stream, const void *data, size_t size,
	    int64_t now_us)
{
	if (stream->out_length + size > STREAM_OUT_MAX) {
		stream->phase = STREAM_DEAD;
		return;
	}
	stream->out = resize(stream->out, stream->out_length + size);
	memcpy(stream->out + stream->out_length, data, size);
	stream->out_length += size;
	stream->sent_us = now_us;
	stream_flush(stream);
}

/* Events. */

static void
add_event(struct strbuf *buf, const char *event, const struct job_state *state)
{
	strbuf_printf(buf, "id: %lld\nevent: %s\ndata: {\"id\":\"%s\"",
		      (long long)state->version, event, state->reference_id);
	strbuf_printf(buf, ",\"state\":\"%s\",\"done\":%lld", state->state,
		      (long long)state->progress.done);
	strbuf_literal(buf, ",\"total\":");
	if (state->progress.total < 0)
		strbuf_literal(buf, "null");
	else
		strbuf_integer(buf, state->progress.total);
	strbuf_literal(buf, ",\"unit\":");
	if (state->progress.unit)
		strbuf_json_text(buf, state->progress.unit);
	else
		strbuf_literal(buf, "null");
	strbuf_literal(buf, ",\"error\":");
	if (state->error)
		strbuf_json_text(buf, state->error);
	else
		strbuf_literal(buf, "null");
	strbuf_literal(buf, "}\n\n");
}

void
stream_tell(struct arena *arena, struct stream *stream,
	    const struct job_state *state, int64_t now_us)
{
	bool changed = strcmp(stream->state, state->state) != 0;
	bool moved = stream->done != state->progress.done ||
		     stream->total != state->progress.total;
	struct strbuf buf;

	stream->stale = false;
	if (!changed && !moved)
		return;
	snprintf(stream->state, sizeof stream->state, "%s", state->state);
	stream->done = state->progress.done;
	stream->total = state->progress.total;
	if (job_is_over(state->state))
		stream->phase = STREAM_ENDING;
	strbuf_init(&buf, arena);
	add_event(&buf, changed ? "state" : "progress", state);
	stream_send(stream, buf.data, buf.length, now_us);
}
