/*
 * events.c: one poll loop over clients and the connection that LISTENs. A
 * statement is asked for a client's token and job when it comes, and then one
 * for all clients whose jobs have changed.
 */
#include "fcgi/events.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "db/base/clock.h"
#include "db/base/crypto.h"
#include "db/base/log.h"
#include "fcgi/reader.h"
#include "fcgi/signals.h"
#include "fcgi/stream.h"
#include "fcgi/writer.h"
#include "handlers/auth.h"
#include "handlers/route.h"

#define TICK_MS 1000
#define HEAD_US INT64_C(10000000)   /* time for a client's head */
#define QUIET_US INT64_C(15000000)  /* then a comment is sent */
#define LIFE_US INT64_C(3600000000) /* then it must ask again */
#define ACCOUNT_STREAMS_MAX 32	    /* of one account */
#define WAITING_MAX 64		    /* whose head has not come */

static volatile sig_atomic_t stop_wanted;

struct events {
	const struct worker_settings *settings;
	struct db *db;
	struct account_cache *accounts;
	struct model *model;
	struct arena *arena; /* of a turn */
	struct stream *streams;
	int64_t nstreams;
	int64_t looked_us;
};

static void
want_stop(int signal UNUSED)
{
	stop_wanted = 1;
}

/* A client's request. */

static struct error *
check_room(const struct events *events, struct request *request)
{
	int64_t watching = 0, own = 0;
	struct error *error = NULL;

	for (const struct stream *s = events->streams; s; s = s->next) {
		watching += s->phase == STREAM_WATCHING;
		own += s->phase == STREAM_WATCHING && request->actor->id &&
		       s->account == request->actor->id;
	}
	if (watching >= events->settings->config->event_streams)
		error = error_new(request->arena, 503, "too-many-streams",
				  "Too many clients watch jobs: please ask for "
				  "the job itself, or try again.");
	else if (own >= ACCOUNT_STREAMS_MAX)
		error = error_new(request->arena, 429, "too-many-streams",
				  "You watch %d jobs already.",
				  ACCOUNT_STREAMS_MAX);
	if (error)
		error->retry_after = 10;
	return error;
}

static struct error *
not_found(struct request *request)
{
	return error_new(request->arena, 404, "not-found",
			 "There is no such job.");
}

static struct error *
find_job(struct request *request, const struct url_path *path)
{
	const struct entity *entity = model_entity(request->model, "job");
	struct row_context context = request_row_context(request, false);
	struct error *error;
	struct row row;

	if (path->count != 3 || strcmp(path->segments[0], "job") != 0 ||
	    strcmp(path->segments[2], "events") != 0 || !entity ||
	    !crypto_is_uuid(path->segments[1]))
		return not_found(request);
	error = row_read(&context, entity, path->segments[1], false, &row);
	if (error)
		return error;
	return rows_count(row.rows) ? NULL : not_found(request);
}

static struct error *
admit(struct events *events, struct request *request,
      const struct url_path *path)
{
	struct error *error;

	if (request->method != METHOD_GET)
		return error_new(request->arena, 405, "method-not-allowed",
				 "Events are read with GET.");
	error = db_connect(request->db, request->arena);
	if (!error)
		error = request_load_model(request);
	if (!error)
		error = request_authenticate(request, false);
	if (!error)
		error = find_job(request, path);
	return error ? error : check_room(events, request);
}

/* The header block of a worker, as HTTP has it. */
static void
answer(struct stream *stream, const struct request *request,
       const struct response *response)
{
	static const char status[] = "Status: ";
	struct strbuf buf;

	strbuf_init(&buf, request->arena);
	strbuf_literal(&buf, "HTTP/1.1 ");
	writer_header(&buf, request, response);
	memmove(buf.data + strlen("HTTP/1.1 "),
		buf.data + strlen("HTTP/1.1 ") + sizeof status - 1,
		buf.length - strlen("HTTP/1.1 ") - sizeof status + 1);
	strbuf_cut(&buf, buf.length - sizeof status + 1);
	if (writer_sends_body(request, response))
		strbuf_add(&buf, response->body.data, response->body.length);
	stream_send(stream, buf.data, buf.length, clock_us(CLOCK_MONOTONIC));
}

/* A client that has seen the end asks no more after 204. */
static bool
has_seen_the_end(const struct request *request, const struct job_state *state)
{
	const char *last = request_variable(request, "HTTP_LAST_EVENT_ID");

	return job_is_over(state->state) && last &&
	       strtoll(last, NULL, 10) == state->version;
}

static struct error *
begin_stream(struct stream *stream, struct request *request,
	     struct response *response, const char *id)
{
	struct job_state *states;
	struct error *error;
	size_t count;

	error = job_states(request->db, request->arena,
			   arena_printf(request->arena, "{%s}", id), &states,
			   &count);
	if (!error && !count)
		error = not_found(request);
	if (error)
		return error;
	response_header(response, "Cache-Control", "no-store");
	if (has_seen_the_end(request, &states[0])) {
		response->status = 204;
		answer(stream, request, response);
		return NULL;
	}
	response_header(response, "Content-Type", "text/event-stream");
	stream->phase = STREAM_WATCHING;
	stream->account = request->actor->id;
	strcpy(stream->job_id, states[0].reference_id);
	answer(stream, request, response);
	stream_tell(request->arena, stream, &states[0],
		    clock_us(CLOCK_MONOTONIC));
	return NULL;
}

static long
no_body(void *context UNUSED, void *buffer UNUSED, size_t size UNUSED)
{
	return 0;
}

/* Reads the head of a client's request and answers it, or begins to. */
static void
serve(struct events *events, struct stream *stream)
{
	struct request request = {
		.arena = events->arena,
		.db = events->db,
		.settings = &events->settings->config->settings,
		.shared = events->settings->shared,
		.slot = events->settings->slot,
		.accounts = events->accounts,
		.model_slot = &events->model,
		.actor = &actor_guest,
		.pool = events->settings->pool->name,
		.body = { .read = no_body },
	};
	char **variables = stream_variables(events->arena, stream);
	struct response response;
	struct url_path path;
	struct error *error;

	stream->phase = STREAM_ENDING; /* unless it will watch */
	if (!variables) {
		stream->phase = STREAM_DEAD;
		return;
	}
	response_init(&response, events->arena);
	error = reader_read(&request, variables, &path);
	if (!error && cors_is_preflight(&request)) {
		cors_preflight(&response, "GET, OPTIONS");
		answer(stream, &request, &response);
		return;
	}
	if (!error)
		error = admit(events, &request, &path);
	request_release_model(&request);
	if (!error)
		error = begin_stream(stream, &request, &response,
				     path.segments[1]);
	if (!error)
		return;
	render_errors(&response, error);
	answer(stream, &request, &response);
}

/* Jobs. */

static void
mark(struct events *events, const char *id)
{
	for (struct stream *s = events->streams; s; s = s->next)
		s->stale |= !id || !strcmp(s->job_id, id);
}

static void
take_notifications(struct events *events)
{
	const char *channel, *payload;

	while (db_notification(events->db, events->arena, &channel, &payload))
		mark(events, payload);
}

/* Notifications may be lost with a connection: all are looked at then. */
static struct error *
listen_again(struct events *events)
{
	mark(events, NULL);
	return db_listen(events->db, events->arena, "actd_job_event");
}

static const char *
stale_jobs(struct events *events)
{
	struct strbuf ids;

	strbuf_init(&ids, events->arena);
	for (const struct stream *s = events->streams; s; s = s->next)
		if (s->stale && s->phase == STREAM_WATCHING) {
			strbuf_putc(&ids, ids.length ? ',' : '{');
			strbuf_puts(&ids, s->job_id);
		}
	if (!ids.length)
		return NULL;
	strbuf_putc(&ids, '}');
	return ids.data;
}

static void
tell(struct events *events, const struct job_state *state)
{
	for (struct stream *s = events->streams; s; s = s->next)
		if (s->stale && s->phase == STREAM_WATCHING &&
		    !strcmp(s->job_id, state->reference_id))
			stream_tell(events->arena, s, state,
				    clock_us(CLOCK_MONOTONIC));
}

static void
end_stale(struct events *events)
{
	for (struct stream *s = events->streams; s; s = s->next)
		if (s->stale && s->phase == STREAM_WATCHING)
			s->phase = STREAM_DEAD; /* the job is forgotten */
}

static void
look(struct events *events)
{
	struct job_state *states = NULL;
	struct error *error = NULL;
	const char *ids;
	size_t count = 0;

	if (!events->streams)
		return;
	if (clock_us(CLOCK_MONOTONIC) - events->looked_us >= TICK_MS * 1000) {
		events->looked_us = clock_us(CLOCK_MONOTONIC);
		error = listen_again(events);
	}
	ids = stale_jobs(events);
	if (error || !ids)
		return;
	error = job_states(events->db, events->arena, ids, &states, &count);
	for (size_t i = 0; !error && i < count; i++)
		tell(events, &states[i]);
	if (!error)
		end_stale(events);
}

/* Clients. */

static bool
has_room(const struct events *events)
{
	return events->nstreams <
	       events->settings->config->event_streams + WAITING_MAX;
}

static void
accept_clients(struct events *events)
{
	while (has_room(events)) {
		int fd = accept4(events->settings->listen_fd, NULL, NULL,
				 SOCK_CLOEXEC | SOCK_NONBLOCK);
		struct stream *stream;

		if (fd < 0)
			return;
		stream = stream_new(fd, clock_us(CLOCK_MONOTONIC));
		stream->next = events->streams;
		events->streams = stream;
		events->nstreams++;
	}
}

/* Lets those go whose time is over, and keeps the others' line open. */
static void
tend(struct stream *stream)
{
	static const char comment[] = ": still there\n\n";
	int64_t now = clock_us(CLOCK_MONOTONIC);

	if (stream->phase != STREAM_WATCHING) {
		if (now - stream->began_us > HEAD_US &&
		    now - stream->sent_us > HEAD_US)
			stream->phase = STREAM_DEAD;
	} else if (now - stream->began_us > LIFE_US) {
		stream->phase = STREAM_DEAD;
	} else if (now - stream->sent_us > QUIET_US) {
		stream_send(stream, comment, sizeof comment - 1, now);
	}
}

static void
sweep(struct events *events)
{
	struct stream **link = &events->streams;

	while (*link) {
		struct stream *stream = *link;

		tend(stream);
		if (stream->phase != STREAM_DEAD) {
			link = &stream->next;
			continue;
		}
		*link = stream->next;
		events->nstreams--;
		stream_free(stream);
	}
}

/* The loop. */

static void
take_clients(struct events *events, const struct pollfd *fds)
{
	for (struct stream *s = events->streams; s; s = s->next, fds++) {
		if (fds->revents & POLLOUT)
			stream_flush(s);
		if (fds->revents & (POLLIN | POLLHUP | POLLERR) &&
		    stream_read(s))
			serve(events, s);
	}
}

static void
turn(struct events *events, const sigset_t *none)
{
	size_t count = (size_t)events->nstreams;
	struct pollfd *fds =
		ARENA_ARRAY(events->arena, struct pollfd, count + 2);
	struct timespec tick = { .tv_sec = TICK_MS / 1000 };
	struct pollfd *next = fds + 2;

	fds[0] = (struct pollfd){ has_room(events) ? events->settings->listen_fd
						   : -1,
				  POLLIN, 0 };
	fds[1] = (struct pollfd){ db_socket(events->db), POLLIN, 0 };
	for (const struct stream *s = events->streams; s; s = s->next)
		*next++ = (struct pollfd){
			s->fd, (short)(POLLIN | (s->out_length ? POLLOUT : 0)),
			0
		};
	if (ppoll(fds, count + 2, &tick, none) > 0)
		take_clients(events, fds + 2);
	take_notifications(events);
	look(events);
	sweep(events);
	accept_clients(events);
	atomic_store(&events->settings->slot->busy, events->streams != NULL);
}

int
events_run(const struct worker_settings *settings)
{
	const struct db_settings db_settings = {
		.conninfo = settings->config->database,
		.application = "actd events",
		.statement_timeout_ms = 10000,
		.prepared_statements =
			(unsigned)settings->config->prepared_statements,
	};
	struct events events = { .settings = settings };
	sigset_t none;

	sigemptyset(&none);
	signals_of_child(want_stop);
	events.arena = arena_new();
	events.db = db_new(&db_settings);
	events.accounts = account_cache_new();
	while (!stop_wanted) {
		turn(&events, &none);
		arena_reset(events.arena);
	}
	for (struct stream *s = events.streams; s;) {
		struct stream *next = s->next;

		stream_free(s);
		s = next;
	}
	account_cache_free(events.accounts);
	db_free(events.db);
	arena_free(events.arena);
	if (events.model)
		arena_free(events.model->arena);
	return EX_OK;
}
