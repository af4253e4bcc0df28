/*
 * script.c: the worker's side of the evaluator: its process, its socket, its
 * limits, and what of a run's scope it has been told. The evaluator's side is
 * handlers/evaluator/.
 */
#include "handlers/script.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "db/base/log.h"
#include "db/base/strbuf.h"
#include "handlers/evaluator/protocol.h"
#include "handlers/formats/format.h"

/*
 * The evaluator stops a script itself, but not a runaway regular expression.
 * So it is killed when it has used this much processor time beyond the limit,
 * or, on a machine that gives it none, this much time.
 */
#define GRACE_CPU_MS 50
#define GRACE_WALL_MS 2000
#define START_MS 5000

/* Bytes that are read at first. */
#define PIECE 4096

/* A run of an action. */
struct script_run {
	struct script_host *host;
	uint64_t number;
	struct json_object *told; /* name: the value that is known there */
};

/* What came of a message. */
enum outcome {
	OUTCOME_DONE,
	OUTCOME_TIMEOUT,
	OUTCOME_DEAD,
};

/* When to stop waiting for the evaluator. */
struct patience {
	clockid_t clock; /* of its processor time */
	int64_t cpu_end_us;
	int64_t wall_end_us;
	int first_ms; /* both ends are this far away; 0: it was waited for */
};

/* Time. */

static int64_t
clock_us(clockid_t clock)
{
	struct timespec now;

	if (clock_gettime(clock, &now))
		return 0;
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static struct patience
patience_begin(const struct script_host *host, int64_t cpu_ms, int64_t wall_ms)
{
	struct patience patience;

	if (clock_getcpuclockid(host->process, &patience.clock))
		patience.clock = CLOCK_MONOTONIC;
	patience.cpu_end_us = clock_us(patience.clock) + cpu_ms * 1000;
	patience.wall_end_us = clock_us(CLOCK_MONOTONIC) + wall_ms * 1000;
	patience.first_ms = (int)(cpu_ms < wall_ms ? cpu_ms : wall_ms);
	return patience;
}

/* Milliseconds until either end may be reached; 0: it is. */
static int
patience_left(const struct patience *patience)
{
	int64_t cpu = patience->cpu_end_us - clock_us(patience->clock);
	int64_t wall = patience->wall_end_us - clock_us(CLOCK_MONOTONIC);
	int64_t left = cpu < wall ? cpu : wall;

	return left > 0 ? (int)(left / 1000) + 1 : 0;
}

/* The socket. */

static enum outcome
wait_for(const struct script_host *host, short events,
	 struct patience *patience)
{
	struct pollfd wanted = { .fd = host->fd, .events = events };
	int left = patience->first_ms ? patience->first_ms
				      : patience_left(patience);

	patience->first_ms = 0;

	for (;;) {
		int n = poll(&wanted, 1, left);

		if (n > 0)
			return OUTCOME_DONE;
		if (n < 0 && errno != EINTR)
			return OUTCOME_DEAD;
		if (n == 0 && !left)
			return OUTCOME_TIMEOUT;
		left = patience_left(patience);
	}
}

static enum outcome
send_whole(const struct script_host *host, const char *data, size_t size,
	   struct patience *patience)
{
	while (size) {
		ssize_t n =
			send(host->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN) {
			enum outcome outcome =
				wait_for(host, POLLOUT, patience);

			if (outcome != OUTCOME_DONE)
				return outcome;
		} else if (n < 0 && errno != EINTR) {
			return OUTCOME_DEAD;
		}
		data += n > 0 ? n : 0;
		size -= n > 0 ? (size_t)n : 0;
	}
	return OUTCOME_DONE;
}

/* At least one byte, at most `room`. */
static enum outcome
receive_some(const struct script_host *host, struct strbuf *message,
	     size_t room, struct patience *patience)
{
	strbuf_reserve(message, room);
	for (;;) {
		enum outcome outcome = wait_for(host, POLLIN, patience);
		ssize_t n;

		if (outcome != OUTCOME_DONE)
			return outcome;
		n = recv(host->fd, message->data + message->length, room,
			 MSG_DONTWAIT);
		if (n > 0) {
			message->length += (size_t)n;
			return OUTCOME_DONE;
		}
		if (n == 0 || (errno != EINTR && errno != EAGAIN))
			return OUTCOME_DEAD;
	}
}

/* A message without its length. Most come in one piece. */
static enum outcome
receive_message(const struct script_host *host, struct arena *arena,
		struct patience *patience, struct strbuf *message)
{
	enum outcome outcome = OUTCOME_DONE;
	size_t room = PIECE;
	uint32_t length;

	strbuf_init(message, arena);
	while (message->length < sizeof length && outcome == OUTCOME_DONE)
		outcome = receive_some(host, message, room, patience);
	if (outcome != OUTCOME_DONE)
		return outcome;
	memcpy(&length, message->data, sizeof length);
	if (length > EVALUATOR_ANSWER_MAX)
		return OUTCOME_DEAD;
	while (message->length < sizeof length + length) {
		room = sizeof length + length - message->length;
		outcome = receive_some(host, message, room, patience);
		if (outcome != OUTCOME_DONE)
			return outcome;
	}
	message->length = length;
	memmove(message->data, message->data + sizeof length, length);
	message->data[length] = '\0';
	return OUTCOME_DONE;
}

/* The process. */

/* Of a process that is no more. */
static void
clear(struct script_host *host)
{
	close(host->fd);
	host->process = 0;
	host->fd = -1;
	host->held = 0;
	host->worn = false;
}

static void
stop(struct script_host *host)
{
	if (!host->process)
		return;
	kill(host->process, SIGKILL);
	while (waitpid(host->process, NULL, 0) < 0 && errno == EINTR)
		continue;
	clear(host);
}

/*
 * After fork: nothing of the worker goes along but the socket: no other
 * descriptor (one is the database's), no environment, no blocked signal.
 */
static NORETURN void
become_evaluator(const struct script_host *host, int fd, char *limit)
{
	static char name[] = "actd-evaluator";
	/* The cage is gigabytes of addresses, in which RLIMIT_DATA would
	 * hardly bind. */
	static char *const environment[] = {
		"JSC_useJIT=0", "JSC_useConcurrentGC=0", "GIGACAGE_ENABLED=no",
		"TZ=UTC",	"LANG=C.UTF-8",		 NULL
	};
	char *const arguments[] = { name, limit, NULL };
	int null = open("/dev/null", O_RDWR);
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	for (int i = 0; i < EVALUATOR_FD; i++)
		dup2(null, i);
	if (fd == EVALUATOR_FD)
		fcntl(fd, F_SETFD, 0);
	else
		dup2(fd, EVALUATOR_FD);
	if (!close_range(EVALUATOR_FD + 1, ~0U, 0) && !chdir("/"))
		execve(host->program, arguments, environment);
	_exit(127);
}

static struct error *
did_not_start(struct script_host *host, struct arena *arena)
{
	stop(host);
	return error_internal(arena, "the evaluator %s did not start",
			      host->program);
}

static struct error *
start(struct script_host *host, struct arena *arena)
{
	char *limit = arena_printf(arena, "%lld", (long long)host->limit_ms);
	struct patience patience;
	struct strbuf hello;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return error_internal(arena, "socketpair: %s", strerror(errno));
	host->process = fork();
	if (host->process == 0)
		become_evaluator(host, pair[1], limit);
	close(pair[1]);
	host->fd = pair[0];
	if (host->process < 0) {
		host->process = 0;
		close(pair[0]);
		return error_internal(arena, "fork: %s", strerror(errno));
	}
	patience = patience_begin(host, START_MS, START_MS);
	if (receive_message(host, arena, &patience, &hello) != OUTCOME_DONE)
		return did_not_start(host, arena);
	return NULL;
}

/* An evaluator that this run may use. */
static struct error *
ready(struct script_run *run, struct arena *arena)
{
	struct script_host *host = run->host;

	if (host->process && host->held == run->number)
		return NULL;
	if (host->process && waitpid(host->process, NULL, WNOHANG) != 0)
		clear(host); /* it ended while it was idle */
	if (host->worn)
		stop(host);
	if (host->process)
		return NULL;
	if (access(host->program, X_OK))
		return error_new(arena, 501, "no-evaluator",
				 "this action needs JavaScript, which is not "
				 "installed here");
	return start(host, arena);
}

/* Requests. */

static void
add_name(struct strbuf *request, const char *name, bool *first)
{
	if (!*first)
		strbuf_putc(request, ',');
	*first = false;
	strbuf_json_text(request, name);
}

/* Names whose value is another than the one told. */
static void
add_changed(struct strbuf *request, struct script_run *run,
	    struct json_object *scope)
{
	bool first = true;

	json_object_object_foreach(scope, name, value)
	{
		struct json_object *told;

		if (json_object_object_get_ex(run->told, name, &told) &&
		    told == value)
			continue;
		add_name(request, name, &first);
		strbuf_putc(request, ':');
		strbuf_puts(request, json_object_to_json_string_ext(
					     value, JSON_C_TO_STRING_PLAIN));
		json_object_object_add(run->told, name, json_object_get(value));
	}
}

static void
add_gone(struct strbuf *request, struct script_run *run,
	 struct json_object *scope)
{
	struct json_object_iterator next = json_object_iter_begin(run->told);
	struct json_object_iterator end = json_object_iter_end(run->told);
	bool first = true;

	while (!json_object_iter_equal(&next, &end)) {
		const char *name = json_object_iter_peek_name(&next);

		json_object_iter_next(&next); /* before it is deleted */
		if (json_object_object_get_ex(scope, name, NULL))
			continue;
		add_name(request, name, &first);
		json_object_object_del(run->told, name);
	}
}

static void
forget(struct script_run *run, struct arena *arena)
{
	run->told = json_object_new_object();
	arena_defer(arena, json_release, run->told);
}

/* Its length, then JSON, as protocol.h says. */
static void
write_request(struct script_run *run, struct arena *arena, const char *script,
	      struct json_object *scope, struct strbuf *request)
{
	uint32_t length = 0;

	strbuf_init(request, arena);
	strbuf_add(request, &length, sizeof length);
	if (run->host->held != run->number) {
		forget(run, arena);
		strbuf_literal(request, "{\"fresh\":true,\"names\":{");
	} else {
		strbuf_literal(request, "{\"names\":{");
	}
	add_changed(request, run, scope);
	strbuf_literal(request, "},\"gone\":[");
	add_gone(request, run, scope);
	strbuf_literal(request, "],\"script\":");
	strbuf_json_text(request, script);
	strbuf_putc(request, '}');
	length = (uint32_t)(request->length - sizeof length);
	memcpy(request->data, &length, sizeof length);
}

/* Answers. */

static struct error *
script_failed(struct arena *arena, const char *kind, const char *detail)
{
	if (!strcmp(kind, EVALUATOR_RESULT))
		return error_new(arena, 422, "script-failed",
				 "the result of the script can't be used: %s",
				 detail);
	return error_new(arena, 422, "script-failed", "the script failed: %s",
			 *detail ? detail : "it says no more");
}

static struct error *
timed_out(const struct script_host *host, struct arena *arena)
{
	return error_new(arena, 422, "script-timeout",
			 "the script ran longer than %lld ms",
			 (long long)host->limit_ms);
}

static struct error *
died(struct arena *arena)
{
	return error_new(arena, 422, "script-memory",
			 "the script needed more memory than it may have");
}

static struct error *
read_answer(struct script_host *host, struct arena *arena,
	    const struct strbuf *message, struct json_object **value)
{
	static const struct format_limits limits = { EVALUATOR_ANSWER_MAX, 64,
						     1000000 };
	struct json_object *answer;
	struct json_object *kind;
	struct error *error = json_read(arena, message->data, message->length,
					&limits, 422, &answer);

	if (error)
		return script_failed(arena, EVALUATOR_RESULT, error->detail);
	host->worn =
		json_object_get_boolean(json_object_object_get(answer, "worn"));
	kind = json_object_object_get(answer, "error");
	if (!kind) {
		*value = json_object_object_get(answer, "value");
		return NULL;
	}
	if (strcmp(json_object_get_string(kind), EVALUATOR_TIMEOUT) != 0)
		return script_failed(
			arena, json_object_get_string(kind),
			json_object_get_string(
				json_object_object_get(answer, "detail")));
	stop(host); /* jobs of the script may be left in it */
	return timed_out(host, arena);
}

static enum outcome
exchange(struct script_host *host, struct arena *arena,
	 const struct strbuf *request, struct strbuf *answer)
{
	struct patience patience =
		patience_begin(host, host->limit_ms + GRACE_CPU_MS,
			       host->limit_ms + GRACE_WALL_MS);
	enum outcome outcome =
		send_whole(host, request->data, request->length, &patience);

	if (outcome == OUTCOME_DONE)
		outcome = receive_message(host, arena, &patience, answer);
	return outcome;
}

static struct error *
evaluate(void *context, struct arena *arena, const char *script,
	 struct json_object *scope, struct json_object **value)
{
	struct script_run *run = context;
	struct script_host *host = run->host;
	struct strbuf request;
	struct strbuf answer;
	struct error *error = ready(run, arena);
	enum outcome outcome;

	*value = NULL;
	if (error)
		return error;
	write_request(run, arena, script, scope, &request);
	if (request.length > EVALUATOR_REQUEST_MAX) {
		forget(run, arena);
		host->held = 0;
		return error_new(arena, 422, "script-failed",
				 "there is too much data for a script");
	}
	host->held = run->number;
	outcome = exchange(host, arena, &request, &answer);
	if (outcome == OUTCOME_DONE)
		return read_answer(host, arena, &answer, value);
	stop(host);
	log_event(LOG_WARNING, "evaluator-stopped", "cause",
		  outcome == OUTCOME_TIMEOUT ? "time" : "death", NULL);
	return outcome == OUTCOME_TIMEOUT ? timed_out(host, arena)
					  : died(arena);
}

struct evaluator
script_evaluator(struct arena *arena, struct script_host *host)
{
	struct script_run *run;

	if (!host)
		return (struct evaluator){ 0 };
	run = ARENA_NEW(arena, struct script_run);
	run->host = host;
	run->number = ++host->run;
	return (struct evaluator){ .evaluate = evaluate, .context = run };
}

void
script_host_init(struct script_host *host, const char *program,
		 int64_t limit_ms)
{
	*host = (struct script_host){ .program = program,
				      .limit_ms = limit_ms,
				      .fd = -1 };
}

void
script_host_release(struct script_host *host)
{
	stop(host);
}
