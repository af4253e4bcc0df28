/*
 * statistics.c: GET /statistics: counters since the start for anybody, of this
 * node's processes for administrators (wire/json-api.md section 5). Daptin's
 * members of the last second (status_code_count, count) are not kept.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "db/base/clock.h"
#include "handlers/auth.h"
#include "handlers/route.h"

static void
add_times(struct strbuf *buf, const struct shared *shared)
{
	int64_t now = clock_us(CLOCK_REALTIME);
	double uptime = (double)(now - atomic_load(&shared->started_us)) / 1e6;
	time_t clock = (time_t)(now / 1000000);
	char time[40];
	struct tm utc;

	strftime(time, sizeof time, "%Y-%m-%dT%H:%M:%SZ",
		 gmtime_r(&clock, &utc));
	strbuf_printf(buf,
		      "\"uptime\":\"%.0fs\",\"uptime_sec\":%.3f,\"time\":"
		      "\"%s\",\"unixtime\":%lld",
		      uptime, uptime, time, (long long)clock);
}

static void
add_status_counts(struct strbuf *buf, const struct shared *shared)
{
	const char *comma = "";

	strbuf_literal(buf, ",\"total_status_code_count\":{");
	for (int i = 0; i < SHARED_STATUSES; i++) {
		int status = SHARED_STATUS_FIRST + i;
		uint64_t count = shared_responses(shared, status, status);

		if (!count)
			continue;
		strbuf_printf(buf, "%s\"%d\":%llu", comma, status,
			      (unsigned long long)count);
		comma = ",";
	}
	strbuf_putc(buf, '}');
}

static void
add_totals(struct strbuf *buf, const struct shared *shared)
{
	uint64_t count = shared_total(shared, COUNTER_REQUESTS);
	uint64_t bytes = shared_total(shared, COUNTER_RESPONSE_BYTES);
	double seconds =
		(double)shared_total(shared, COUNTER_REQUEST_MICROSECONDS) /
		1e6;
	double each = count ? (double)count : 1;

	strbuf_printf(buf,
		      ",\"total_count\":%llu,\"total_response_time\":"
		      "\"%.3fs\",\"total_response_time_sec\":%.6f"
		      ",\"total_response_size\":%llu",
		      (unsigned long long)count, seconds, seconds,
		      (unsigned long long)bytes);
	strbuf_printf(buf,
		      ",\"average_response_size\":%.0f"
		      ",\"average_response_time\":\"%.6fs\""
		      ",\"average_response_time_sec\":%.6f",
		      (double)bytes / each, seconds / each, seconds / each);
}

/* A process that has just ended is left out. */
static void
add_process(struct strbuf *buf, const char *comma, pid_t pid)
{
	unsigned long long page = (unsigned long long)sysconf(_SC_PAGESIZE);
	unsigned long long resident, shared;
	char path[40];
	FILE *file;

	snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
	file = fopen(path, "re");
	if (!file)
		return;
	if (fscanf(file, "%*u %llu %llu", &resident, &shared) == 2)
		strbuf_printf(buf,
			      "%s{\"pid\":%d,\"resident_memory\":%llu,"
			      "\"private_memory\":%llu}",
			      comma, (int)pid, resident * page,
			      (resident - shared) * page);
	fclose(file);
}

static void
add_processes(struct strbuf *buf, const struct shared *shared)
{
	pid_t master = getppid();

	strbuf_printf(buf, ",\"pid\":%d,\"processes\":[", (int)master);
	add_process(buf, "", master);
	for (int i = 0; i < SHARED_SLOTS; i++) {
		pid_t pid = atomic_load(&shared->slots[i].pid);

		if (pid)
			add_process(buf, ",", pid);
	}
	strbuf_putc(buf, ']');
}

static void
add_load(struct strbuf *buf)
{
	double load[3];

	if (getloadavg(load, 3) == 3)
		strbuf_printf(buf,
			      ",\"load\":{\"load1\":%.2f,\"load5\":%.2f"
			      ",\"load15\":%.2f}",
			      load[0], load[1], load[2]);
}

/* Counters need no database: who shows nothing is not looked up in it. */
static struct error *
find_caller(struct request *request)
{
	struct error *error;

	if (!request_variable(request, "HTTP_AUTHORIZATION") &&
	    !request_variable(request, "HTTP_COOKIE"))
		return NULL;
	if (db_connect(request->db, request->arena))
		return NULL;
	error = request_load_model(request);
	return error ? error : request_authenticate(request, true);
}

struct error *
serve_statistics(struct request *request, struct response *response)
{
	struct strbuf *buf = &response->body;
	struct error *error = find_caller(request);

	if (error)
		return error;
	response->content_type = "application/json";
	strbuf_putc(buf, '{');
	add_times(buf, request->shared);
	add_status_counts(buf, request->shared);
	add_totals(buf, request->shared);
	strbuf_literal(buf, ",\"total_metrics_counts\":{}"
			    ",\"average_metrics_timers\":{}");
	if (request->actor->is_administrator) {
		add_processes(buf, request->shared);
		add_load(buf);
	}
	strbuf_literal(buf, "}\n");
	return NULL;
}
