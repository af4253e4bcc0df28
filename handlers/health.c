/*
 * health.c: what monitors ask: is the process there, can it serve, how much
 * did it do. Figures come from shared memory; nothing here tells of rows,
 * versions, paths or process ids.
 */
#include <time.h>

#include "db/base/clock.h"

#include "handlers/route.h"

#define JSON_TYPE "application/json"

static const struct {
	enum shared_counter counter;
	const char *name;
	const char *help;
	double unit; /* what one of the counter is */
} metrics[] = {
	{ COUNTER_REQUESTS, "actd_requests_total", "Requests served.", 1 },
	{ COUNTER_RESPONSES_2XX, "actd_responses_2xx_total",
	  "Answers with a status of 200 to 299.", 1 },
	{ COUNTER_RESPONSES_3XX, "actd_responses_3xx_total",
	  "Answers with a status of 300 to 399.", 1 },
	{ COUNTER_RESPONSES_4XX, "actd_responses_4xx_total",
	  "Answers with a status of 400 to 499.", 1 },
	{ COUNTER_RESPONSES_5XX, "actd_responses_5xx_total",
	  "Answers with a status of 500 to 599.", 1 },
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

static uint64_t
counter(const struct shared *shared, enum shared_counter which)
{
	return atomic_load_explicit(&shared->counters[which],
				    memory_order_relaxed);
}

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
add_counters(struct strbuf *buf, const struct shared *shared)
{
	for (size_t i = 0; i < ARRAY_SIZE(metrics); i++) {
		double value = (double)counter(shared, metrics[i].counter);

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
	add_gauges(&response->body, request->shared);
	return NULL;
}

static void
add_status_counts(struct strbuf *buf, const struct shared *shared)
{
	static const enum shared_counter classes[] = { COUNTER_RESPONSES_2XX,
						       COUNTER_RESPONSES_3XX,
						       COUNTER_RESPONSES_4XX,
						       COUNTER_RESPONSES_5XX };

	strbuf_literal(buf, ",\"total_status_code_count\":{");
	for (size_t i = 0; i < ARRAY_SIZE(classes); i++)
		strbuf_printf(buf, "%s\"%zuxx\":%llu", i ? "," : "", i + 2,
			      (unsigned long long)counter(shared, classes[i]));
	strbuf_putc(buf, '}');
}

/* Members of Daptin's object that don't tell of the process. */
struct error *
serve_statistics(struct request *request, struct response *response)
{
	const struct shared *shared = request->shared;
	struct strbuf *buf = &response->body;
	int64_t now = clock_us(CLOCK_REALTIME);
	double uptime = (double)(now - atomic_load(&shared->started_us)) / 1e6;
	double seconds =
		(double)counter(shared, COUNTER_REQUEST_MICROSECONDS) / 1e6;
	uint64_t count = counter(shared, COUNTER_REQUESTS);
	uint64_t bytes = counter(shared, COUNTER_RESPONSE_BYTES);
	double each = count ? (double)count : 1;
	char time[40];
	time_t clock = (time_t)(now / 1000000);
	struct tm utc;

	strftime(time, sizeof time, "%Y-%m-%dT%H:%M:%SZ",
		 gmtime_r(&clock, &utc));
	response->content_type = JSON_TYPE;
	strbuf_printf(buf,
		      "{\"uptime\":\"%.0fs\",\"uptime_sec\":%.3f,\"time\":"
		      "\"%s\",\"unixtime\":%lld",
		      uptime, uptime, time, (long long)clock);
	add_status_counts(buf, shared);
	strbuf_printf(buf,
		      ",\"total_count\":%llu,\"total_response_time\":"
		      "\"%.3fs\",\"total_response_time_sec\":%.6f"
		      ",\"total_response_size\":%llu",
		      (unsigned long long)count, seconds, seconds,
		      (unsigned long long)bytes);
	strbuf_printf(buf,
		      ",\"average_response_size\":%.0f"
		      ",\"average_response_time\":\"%.6fs\""
		      ",\"average_response_time_sec\":%.6f}\n",
		      (double)bytes / each, seconds / each, seconds / each);
	return NULL;
}
