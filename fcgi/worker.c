/*
 * worker.c: the loop of a worker: accept, dispatch, send, count, log, and
 * give memory back.
 */
#include "fcgi/worker.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sysexits.h>

#include "db/base/clock.h"
#include "db/base/log.h"
#include "fcgi/dispatch.h"
#include "fcgi/fastcgi.h"
#include "fcgi/reader.h"
#include "fcgi/signals.h"
#include "fcgi/writer.h"
#include "handlers/token_cache.h"
#include "handlers/script.h"
#include "handlers/answer_file.h"

/* An arena larger than this after a request makes the heap shrink. */
#define LARGE_ARENA (1 << 20)

/*
 * An answer that is made while it is sent holds a transaction. nginx takes 2 GB
 * of it at once; beyond, a client must take so many bytes a second, after
 * a time for which it may take none.
 */
#define STREAM_RATE 100000
#define STREAM_PATIENCE_SECONDS 60

/* Set by SIGTERM: there is no other way out of a signal handler. */
static volatile int stop_wanted;

struct worker {
	const struct worker_settings *settings;
	struct fastcgi *fastcgi;
	struct db *db;
	struct account_cache *accounts;
	struct token_cache *tokens;
	struct model *model;
	struct arena *arena;
	struct script_host scripts;
	int64_t cpu_us; /* when the last request ended: waiting costs none */
};

/* What a request cost, for its log line and the counters. */
struct cost {
	int64_t wall_us;
	int64_t cpu_us;
	size_t bytes;
};

static void
want_stop(int signal UNUSED)
{
	stop_wanted = 1;
}

/* Bytes sent, fewer than there are where the client went away. */
static size_t
send_file(struct worker *worker, const struct answer_file *file)
{
	static char piece[65536];
	size_t sent = 0;

	while ((int64_t)sent < file->size) {
		long count = answer_file_read(file, (int64_t)sent, piece,
					      sizeof piece);

		if (count <= 0 ||
		    !fastcgi_write(worker->fastcgi, piece, (size_t)count))
			break;
		sent += (size_t)count;
	}
	return sent;
}

/* What a client kept us waiting for, and what it may. */
struct patience {
	int64_t waited_us;
	size_t sent;
};

static bool
send_piece(struct worker *worker, struct patience *patience, const char *data,
	   size_t size)
{
	int64_t began = clock_us(CLOCK_MONOTONIC);

	if (!fastcgi_write(worker->fastcgi, data, size))
		return false;
	patience->waited_us += clock_us(CLOCK_MONOTONIC) - began;
	patience->sent += size;
	return patience->waited_us / 1000000 <
	       STREAM_PATIENCE_SECONDS +
		       (int64_t)(patience->sent / STREAM_RATE);
}

/* NULL where all was sent; else why not. */
static const char *
send_pieces(struct worker *worker, const struct answer_stream *stream,
	    size_t *sent)
{
	struct patience patience = { 0 };
	const char *data, *failure = NULL;
	struct error *error;
	size_t size;

	/* a write that went on for a part begins to wait anew */
	fastcgi_patience(worker->fastcgi, STREAM_PATIENCE_SECONDS / 2);
	do {
		error = stream->next(stream->context, &data, &size);
		if (error)
			failure = error->detail;
		else if (data && !send_piece(worker, &patience, data, size))
			failure = "the client takes nothing";
	} while (data && !failure);
	*sent += patience.sent;
	return failure;
}

/* A body without its end must not look whole. */
static size_t
send_stream(struct worker *worker, const struct request *request,
	    struct response *response)
{
	size_t sent = 0;
	const char *failure = send_pieces(worker, response->stream, &sent);

	if (!failure)
		return sent;
	log_event(LOG_WARNING, "answer-cut-off", "id", request->id, "cause",
		  failure, NULL);
	fastcgi_abort(worker->fastcgi);
	response->status = 500;
	return sent;
}

static size_t
send_response(struct worker *worker, const struct request *request,
	      struct response *response)
{
	struct strbuf header;
	size_t sent;

	strbuf_init(&header, worker->arena);
	writer_header(&header, request, response);
	sent = header.length;
	if (!fastcgi_write(worker->fastcgi, header.data, header.length))
		return 0;
	if (!writer_sends_body(request, response))
		return sent;
	if (response->file)
		return sent + send_file(worker, response->file);
	if (response->stream)
		return sent + send_stream(worker, request, response);
	if (fastcgi_write(worker->fastcgi, response->body.data,
			  response->body.length))
		sent += response->body.length;
	return sent;
}

static void
count_response(struct shared *shared, struct shared_slot *slot, int status,
	       const struct cost *cost)
{
	shared_count(shared, COUNTER_REQUESTS, 1);
	shared_count_response(shared, status);
	shared_count(shared, COUNTER_REQUEST_MICROSECONDS,
		     (uint64_t)cost->wall_us);
	shared_count(shared, COUNTER_RESPONSE_BYTES, cost->bytes);
	atomic_fetch_add_explicit(&slot->requests, 1, memory_order_relaxed);
}

static const char *
number(struct arena *arena, int64_t value)
{
	struct strbuf digits;

	strbuf_init(&digits, arena);
	strbuf_integer(&digits, value);
	return digits.data;
}

static void
log_request(struct arena *arena, const struct request *request,
	    const struct response *response, const struct cost *cost)
{
	log_event(LOG_INFO, "request", "id", request->id, "method",
		  method_name(request->method), "path", request->path, "status",
		  number(arena, response->status), "us",
		  number(arena, cost->wall_us), "cpu_us",
		  number(arena, cost->cpu_us), "bytes",
		  number(arena, (int64_t)cost->bytes), "pool", request->pool,
		  "to", response->hand_over, "user",
		  request->actor->reference_id, NULL);
}

/* The arena whole; after a large request the heap's free pages as well. */
static void
give_back(struct worker *worker)
{
	bool large = arena_size(worker->arena) > LARGE_ARENA;

	arena_reset(worker->arena);
	if (large)
		malloc_trim(0);
}

static void
serve_one(struct worker *worker)
{
	const struct worker_settings *settings = worker->settings;
	struct request request = {
		.arena = worker->arena,
		.db = worker->db,
		.settings = &settings->config->settings,
		.shared = settings->shared,
		.slot = settings->slot,
		.accounts = worker->accounts,
		.tokens = worker->tokens,
		.model_slot = &worker->model,
		.pool = settings->pool->name,
		.body = { .read = fastcgi_read, .context = worker->fastcgi },
		.scripts = &worker->scripts,
	};
	int64_t wall = clock_us(CLOCK_MONOTONIC);
	int64_t cpu = worker->cpu_us;
	struct response response;
	struct cost cost;

	atomic_store(&settings->slot->busy, 1);
	dispatch(&request, fastcgi_variables(worker->fastcgi), &response);
	cost.bytes = send_response(worker, &request, &response);
	fastcgi_finish(worker->fastcgi);
	cost.wall_us = clock_us(CLOCK_MONOTONIC) - wall;
	worker->cpu_us = clock_us(CLOCK_PROCESS_CPUTIME_ID);
	cost.cpu_us = worker->cpu_us - cpu;
	count_response(settings->shared, settings->slot, response.status,
		       &cost);
	if (settings->config->log_requests)
		log_request(worker->arena, &request, &response, &cost);
	if (worker->model)
		atomic_store(&settings->slot->generation,
			     worker->model->generation);
	give_back(worker);
	request_release_model(&request);
	atomic_store(&settings->slot->busy, 0);
}

int
worker_run(const struct worker_settings *settings)
{
	char application[64];
	struct db_settings db_settings = {
		.conninfo = settings->config->database,
		.application = application,
		.statement_timeout_ms =
			(unsigned)settings->pool->statement_timeout_ms,
		.prepared_statements =
			(unsigned)settings->config->prepared_statements,
		.node = settings->shared->node,
	};
	struct worker worker = { .settings = settings };

	snprintf(application, sizeof application, "actd %s",
		 settings->pool->name);
	worker.fastcgi = fastcgi_new(settings->listen_fd);
	if (!worker.fastcgi)
		return EX_OSERR;
	signals_of_child(want_stop); /* after libfcgi, which sets its own */
	log_buffer();
	worker.arena = arena_new();
	worker.db = db_new(&db_settings);
	worker.accounts = account_cache_new();
	worker.tokens = token_cache_new();
	script_host_init(&worker.scripts, settings->config->settings.evaluator,
			 settings->config->settings.script_ms);
	worker.cpu_us = clock_us(CLOCK_PROCESS_CPUTIME_ID);
	while (fastcgi_accept(worker.fastcgi, &stop_wanted))
		serve_one(&worker);
	log_flush();
	script_host_release(&worker.scripts);
	fastcgi_free(worker.fastcgi);
	account_cache_free(worker.accounts);
	token_cache_free(worker.tokens);
	db_free(worker.db);
	arena_free(worker.arena);
	if (worker.model)
		arena_free(worker.model->arena);
	return EX_OK;
}
