/*
 * health.c: what monitors ask: is the process there, can it serve, how much
 * did it do. Figures come from shared memory; nothing here tells of rows,
 * versions, paths or process ids.
 */
#include "handlers/route.h"

#define JSON_TYPE "application/json"

static const struct {
	enum shared_counter counter;
	const char *name;
	const char *help;
	double unit; /* what one of the counter is */
} metrics[] = {
	{ COUNTER_REQUESTS, "actd_requests_total", "Requests served.", 1 },
	{ COUNTER_REQUEST_MICROSECONDS, "actd_request_seconds_total",
	  "Time spent in requests.", 1e-6 },
	{ COUNTER_RESPONSE_BYTES, "actd_response_bytes_total",
	  "Bytes of answers, headers included.", 1 },
	{ COUNTER_DATABASE_RECONNECTS, "actd_database_reconnects_total",
	  "Connections to the database that were made again.", 1 },
	{ COUNTER_MODEL_RELOADS, "actd_model_reloads_total",
	  "Times that a worker loaded the model.", 1 },
	{ COUNTER_WORKER_STARTS, "actd_worker_starts_total",
	  "Workers that were started.", 1 },
	{ COUNTER_WORKER_CRASHES, "actd_worker_crashes_total",
	  "Workers that ended without being told to.", 1 },
};

/* Responses by the first digit of their status. */
static const struct {
	int first; /* status of the class */
	const char *name;
	const char *help;
} response_metrics[] = {
	{ 200, "actd_responses_2xx_total",
	  "Answers with a status of 200 to 299." },
	{ 300, "actd_responses_3xx_total",
	  "Answers with a status of 300 to 399." },
	{ 400, "actd_responses_4xx_total",
	  "Answers with a status of 400 to 499." },
	{ 500, "actd_responses_5xx_total",
	  "Answers with a status of 500 to 599." },
};

struct error *
serve_health(struct request *request UNUSED, struct response *response)
{
	response->content_type = JSON_TYPE;
	strbuf_literal(&response->body, "{\"status\":\"ok\"}\n");
	return NULL;
}

struct error *
serve_ping(struct request *request UNUSED, struct response *response)
{
	response->content_type = "text/plain; charset=utf-8";
	strbuf_literal(&response->body, "pong");
	return NULL;
}

/* Ready: the database answers and has a model to serve. */
struct error *
serve_ready(struct request *request, struct response *response)
{
	struct error *err = db_ping(request->db, request->arena);

	atomic_store(&request->shared->database_up, !err);
	if (!err)
		err = request_load_model(request);
	if (err)
		return err;
	response->content_type = JSON_TYPE;
	strbuf_literal(&response->body, "{\"status\":\"ready\"}\n");
	return NULL;
}

/* From this host: nginx passes the address of the client's connection. */
static bool
is_local(const struct request *request)
{
	const char *address = request_variable(request, "REMOTE_ADDR");

	return !address || !strncmp(address, "127.", 4) ||
	       !strcmp(address, "::1") || !strncmp(address, "unix:", 5);
}

static void
add_head(struct strbuf *buf, const char *name, const char *type,
	 const char *help)
{
	strbuf_printf(buf, "# HELP %s %s\n# TYPE %s %s\n%s ", name, help, name,
		      type, name);
}

static void
add_gauge(struct strbuf *buf, const char *name, const char *help,
	  uint64_t value)
{
	add_head(buf, name, "gauge", help);
	strbuf_printf(buf, "%llu\n", (unsigned long long)value);
}

static void
add_responses(struct strbuf *buf, const struct shared *shared)
{
	for (size_t i = 0; i < ARRAY_SIZE(response_metrics); i++) {
		int first = response_metrics[i].first;

		add_head(buf, response_metrics[i].name, "counter",
			 response_metrics[i].help);
		strbuf_printf(buf, "%llu\n",
			      (unsigned long long)shared_responses(
				      shared, first, first + 99));
	}
}

static void
add_counters(struct strbuf *buf, const struct shared *shared)
{
	for (size_t i = 0; i < ARRAY_SIZE(metrics); i++) {
		double value = (double)shared_total(shared, metrics[i].counter);

		add_head(buf, metrics[i].name, "counter", metrics[i].help);
		strbuf_printf(buf, "%.*f\n", metrics[i].unit < 1 ? 6 : 0,
			      value * metrics[i].unit);
	}
}

static void
add_gauges(struct strbuf *buf, struct shared *shared)
{
	uint64_t workers = 0, busy = 0;

	for (int i = 0; i < SHARED_SLOTS; i++) {
		struct shared_slot *slot = &shared->slots[i];

		workers += atomic_load(&slot->pid) != 0;
		busy += atomic_load(&slot->busy) != 0;
	}
	add_gauge(buf, "actd_workers", "Workers that run.", workers);
	add_gauge(buf, "actd_workers_busy", "Workers that serve a request now.",
		  busy);
	add_gauge(buf, "actd_database_up",
		  "1 if the last request that needed the database had it.",
		  (uint64_t)atomic_load(&shared->database_up));
	add_gauge(buf, "actd_model_generation",
		  "Rises with each change of the model.",
		  atomic_load(&shared->generation));
}

/* The text format of Prometheus, version 0.0.4. */
struct error *
serve_metrics(struct request *request, struct response *response)
{
	if (!request->settings->metrics_public && !is_local(request))
		return error_new(request->arena, 403, "local-only",
				 "Metrics are answered to this host only.");
	response->content_type = "text/plain; version=0.0.4; charset=utf-8";
	add_counters(&response->body, request->shared);
	add_responses(&response->body, request->shared);
	add_gauges(&response->body, request->shared);
	return NULL;
}
