/*
 * script_test.c: JavaScript values, with a real evaluator, which is in the
 * build folder where its library is; else there is nothing to test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <dirent.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "db/base/log.h"
#include "db/base/strbuf.h"
#include "handlers/script.h"

struct fixture {
	struct arena *arena;
	struct script_host host;
	struct evaluator run; /* the newest */
	struct json_object *scope;
	char program[PATH_MAX + 64];
};

static const char SCOPE[] =
	"{\"n\":3,\"user\":{\"name\":\"Ann\",\"email\":\"ann@example.com\"},"
	"\"subject\":{\"tags\":[\"b\",\"a\"],\"title\":\"caf\u00e9\"},"
	"\"none\":null}";

static void
begin(struct fixture *t)
{
	t->run = script_evaluator(t->arena, &t->host);
}

static int
set_up(void **state)
{
	struct fixture *t = calloc(1, sizeof *t);
	ssize_t length = readlink("/proc/self/exe", t->program, PATH_MAX);

	if (length < 0)
		return -1;
	for (int up = 0; up < 3; up++)
		*strrchr(t->program, '/') = '\0';
	strcat(t->program, "/actd-evaluator");
	log_set_level(LOG_ERROR);
	t->arena = arena_new();
	t->scope = json_tokener_parse(SCOPE);
	script_host_init(&t->host, t->program, 100);
	begin(t);
	*state = t;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *t = *state;

	script_host_release(&t->host);
	json_object_put(t->scope);
	arena_free(t->arena);
	free(t);
	return 0;
}

static struct error *
attempt(struct fixture *t, const char *script, struct json_object **value)
{
	if (access(t->program, X_OK))
		skip();
	return t->run.evaluate(t->run.context, t->arena, script, t->scope,
			       value);
}

/* The value as JSON, or the error as "code: detail". */
static const char *
evaluated(struct fixture *t, const char *script)
{
	struct json_object *value;
	struct error *error = attempt(t, script, &value);

	if (error)
		return arena_printf(t->arena, "%d %s: %s", error->status,
				    error->code, error->detail);
	return json_object_to_json_string_ext(
		value, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
}

#define EXPECT(script, json) assert_string_equal(evaluated(t, script), json)

static void
expect_error(struct fixture *t, const char *script, const char *code)
{
	struct json_object *value;
	struct error *error = attempt(t, script, &value);

	if (!error)
		fail_msg("%.200s gave %.200s", script,
			 json_object_to_json_string(value));
	assert_int_equal(error->status, 422);
	assert_string_equal(error->code, code);
	assert_null(strchr(error->detail, '/'));
}

static long
elapsed_ms(const struct timespec *since)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - since->tv_sec) * 1000 +
	       (now.tv_nsec - since->tv_nsec) / 1000000;
}

/* The language. */

static void
the_language_is_a_modern_one(void **state)
{
	struct fixture *t = *state;

	EXPECT("n + 1", "4");
	EXPECT("`Hello ${user.name}!`", "\"Hello Ann!\"");
	EXPECT("[1, 2].map((x) => x * n)", "[3,6]");
	EXPECT("subject.title.toUpperCase().padStart(6, '*')",
	       "\"**CAF\u00c9\"");
	EXPECT("subject?.missing?.deeper ?? 'x'", "\"x\"");
	EXPECT("({...user, n})",
	       "{\"name\":\"Ann\",\"email\":\"ann@example.com\",\"n\":3}");
	EXPECT("const a = 1; a + 1 // comment", "2");
	EXPECT("if (n > 2) 'many'; else 'few'", "\"many\"");
	EXPECT("new Date(0).toISOString()", "\"1970-01-01T00:00:00.000Z\"");
	EXPECT("1.5 * 2 === 3 && none === null", "true");
}

static void
what_is_no_json_is_null(void **state)
{
	struct fixture *t = *state;

	EXPECT("undefined", "null");
	EXPECT("(() => 1)", "null");
	EXPECT("Symbol('x')", "null");
	EXPECT("0 / 0", "null");
	EXPECT("", "null");
	EXPECT("({a: undefined, b: () => 1, c: 1})", "{\"c\":1}");
}

static void
the_functions_of_daptin_are_there(void **state)
{
	struct fixture *t = *state;

	EXPECT("btoa('hello')", "\"aGVsbG8=\"");
	EXPECT("btoa('caf\u00e9')", "\"Y2Fmw6k=\"");
	EXPECT("btoa([104, 105])", "\"aGk=\"");
	EXPECT("btoa('')", "\"\"");
	EXPECT("atob('aGVsbG8')", "\"hello\"");
	EXPECT("atob('Y2Fm\\nw6k=')", "\"caf\u00e9\"");
	EXPECT("atob('/w==').charCodeAt(0)", "255");
	EXPECT("['', 'a', 'ab', 'abc', '\u20ac'].every("
	       "(x) => atob(btoa(x)) === x)",
	       "true");
	EXPECT("/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-"
	       "[0-9a-f]{12}$/.test(uuid()) && uuid() !== uuid()",
	       "true");
	EXPECT("[ToString(1), ToString('a'), ToString({a: 1}), ToString(null),"
	       " ToString(Uint8Array.from([104, 105]))]",
	       "[\"1\",\"a\",\"{\\\"a\\\":1}\",\"\",\"hi\"]");
	EXPECT("Object.keys(globalThis)",
	       "[\"n\",\"user\",\"subject\",\"none\"]");
	expect_error(t, "atob('!')", "script-failed");
	expect_error(t, "btoa()", "script-failed");
	expect_error(t, "btoa([256])", "script-failed");
	expect_error(t, "btoa({toString() { throw 1 }})", "script-failed");
}

static void
a_failing_script_says_why(void **state)
{
	struct fixture *t = *state;

	EXPECT("missing.x", "422 script-failed: the script failed: "
			    "ReferenceError: Can't find variable: missing");
	EXPECT("throw new Error('no such book')",
	       "422 script-failed: the script failed: Error: no such book");
	EXPECT("throw 'plain'", "422 script-failed: the script failed: plain");
	EXPECT("throw {toString() { throw 1 }}",
	       "422 script-failed: the script failed: it says no more");
	expect_error(t, "n +", "script-failed");
	expect_error(t, "throw 'x'.repeat(1e6)", "script-failed");
	expect_error(t, "throw '\\ud800'", "script-failed");
	EXPECT("n", "3");
}

/* Runs. */

static void
a_run_sees_names_as_they_are_now(void **state)
{
	struct fixture *t = *state;

	EXPECT("typeof item", "\"undefined\"");
	json_object_object_add(t->scope, "item", json_object_new_int(7));
	EXPECT("item + n", "10");
	json_object_object_add(t->scope, "item", json_object_new_int(8));
	json_object_object_add(t->scope, "n", json_object_new_int(1));
	EXPECT("item + n", "9");
	json_object_object_del(t->scope, "item");
	EXPECT("typeof item", "\"undefined\"");
}

static void
a_script_may_stand_in_a_loop(void **state)
{
	struct fixture *t = *state;

	for (int i = 0; i < 3; i++)
		EXPECT("const a = n; let b = 1; class C {} function f() {} "
		       "a + b",
		       "4");
}

static void
a_run_leaves_nothing_to_the_next(void **state)
{
	struct fixture *t = *state;
	pid_t process;

	EXPECT("leak = 1; globalThis.other = 2; var third = 3;"
	       "Object.prototype.fourth = 4; Array.prototype.map = () => 5;"
	       "JSON.parse = () => 6; user.fifth = 7;"
	       "globalThis.constructor.seventh = 8; /(x)/.test('x')",
	       "true");
	process = t->host.process;
	usleep(10000); /* it makes the next context now */
	begin(t);
	EXPECT("[typeof leak, typeof other, typeof third, {}.fourth ?? 0,"
	       " [1].map((x) => x)[0], JSON.parse('1'), user.fifth ?? 0,"
	       " globalThis.constructor.seventh ?? 0, RegExp.$1]",
	       "[\"undefined\",\"undefined\",\"undefined\",0,1,1,0,0,\"\"]");
	assert_int_equal(t->host.process, process);
}

static void
runs_may_take_turns(void **state)
{
	struct fixture *t = *state;
	struct evaluator first = t->run;
	struct evaluator second;

	EXPECT("secret = 1", "1");
	begin(t);
	second = t->run;
	EXPECT("typeof secret + n", "\"undefined3\"");
	t->run = first;
	EXPECT("typeof secret + n", "\"undefined3\"");
	t->run = second;
	EXPECT("typeof secret + user.name", "\"undefinedAnn\"");
}

static void
an_evaluator_that_died_is_replaced(void **state)
{
	struct fixture *t = *state;
	siginfo_t info;

	EXPECT("n", "3");
	kill(t->host.process, SIGKILL);
	waitid(P_PID, (id_t)t->host.process, &info, WEXITED | WNOWAIT);
	expect_error(t, "n", "script-memory"); /* where the run had state */
	EXPECT("n + user.name", "\"3Ann\"");
	kill(t->host.process, SIGKILL);
	waitid(P_PID, (id_t)t->host.process, &info, WEXITED | WNOWAIT);
	begin(t);
	EXPECT("n + user.name", "\"3Ann\"");
}

static void
a_missing_evaluator_says_so(void **state)
{
	struct fixture *t = *state;
	struct json_object *value;

	EXPECT("n", "3");
	script_host_release(&t->host);
	t->host.program = "/nonexistent/evaluator";
	begin(t);
	assert_string_equal(attempt(t, "n", &value)->code, "no-evaluator");
	t->host.program = "/bin/false";
	log_set_level(LOG_ERROR + 1);
	assert_int_equal(attempt(t, "n", &value)->status, 500);
}

/* I01: time. */

static void
runaways_are_stopped(void **state)
{
	static const char *const scripts[] = {
		"while (1);",
		"for (;;) try { while (1); } catch (e) {} finally { while (1); }",
		"(function f() { try { f() } finally { f() } })()",
		"(async () => { for (;;) await 1 })()",
		"const f = () => Promise.resolve().then(f); f(); 1",
		"/^(a+)+$/.test('a'.repeat(40) + 'b')",
		"({toJSON() { for (;;); }})",
		"throw {toString() { for (;;); }}",
		"new Proxy({}, {ownKeys() { for (;;); }})",
		"Array.from({length: 1e9}, (x, i) => i % 2).sort()",
	};
	struct fixture *t = *state;

	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
		struct json_object *value;
		struct timespec since;
		struct error *error;

		clock_gettime(CLOCK_MONOTONIC, &since);
		error = attempt(t, scripts[i], &value);
		if (!error || strcmp(error->code, "script-timeout") != 0)
			fail_msg("%s: %s", scripts[i],
				 error ? error->detail
				       : json_object_to_json_string(value));
		assert_true(elapsed_ms(&since) < 1500);
		EXPECT("n", "3");
		begin(t);
	}
}

static void
deep_recursion_is_an_ordinary_failure(void **state)
{
	struct fixture *t = *state;

	expect_error(t, "(function f() { f() })()", "script-failed");
	EXPECT("try { (function f() { f() })() } catch (e) { e.name }",
	       "\"RangeError\"");
}

/* I02: memory. */

static void
memory_is_bounded(void **state)
{
	static const char *const scripts[] = {
		"'x'.repeat(2 ** 30) + 'y'",
		"new Array(2 ** 31).fill(1)",
		"const a = []; for (;;) a.push('x'.repeat(1e6) + a.length)",
		"const a = []; for (;;) a.push(a.slice(), {a})",
		"2n ** (2n ** 40n)",
		"new Uint8Array(2 ** 31 - 1).fill(1).length",
		"let s = 'x'; for (;;) { s += s; s.charCodeAt(0); }",
		"const a = []; for (;;) a.push(new ArrayBuffer(1e7))",
		"const m = new Map(); for (let i = 0;; i++) m.set(i, [i])",
		"Array.from({length: 300}, () => new ArrayBuffer(1e6)).length",
	};
	struct fixture *t = *state;

	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
		struct json_object *value;
		struct error *error = attempt(t, scripts[i], &value);

		if (!error || error->status != 422)
			fail_msg("%s: %s", scripts[i],
				 error ? error->detail
				       : json_object_to_json_string(value));
		begin(t);
		EXPECT("[n, 'x'.repeat(1e5).length]", "[3,100000]");
		begin(t);
	}
}

static long
peak_kib(pid_t process)
{
	char name[64];
	char line[256];
	long kib = -1;
	FILE *status;

	snprintf(name, sizeof name, "/proc/%d/status", (int)process);
	status = fopen(name, "re");
	assert_non_null(status);
	while (fgets(line, sizeof line, status))
		if (sscanf(line, "VmHWM: %ld", &kib) == 1)
			break;
	fclose(status);
	return kib;
}

static void
an_evaluator_that_grew_is_replaced(void **state)
{
	struct fixture *t = *state;
	pid_t process;
	long before;

	EXPECT("n", "3");
	process = t->host.process;
	before = peak_kib(process);
	EXPECT("keep = Array.from({length: 100},"
	       " (x, i) => new Uint8Array(1e6).fill(i)); keep.length",
	       "100");
	assert_true(peak_kib(process) < before + 160 * 1024);
	EXPECT("keep.length", "100"); /* the run goes on in it */
	assert_int_equal(t->host.process, process);
	begin(t);
	EXPECT("typeof keep", "\"undefined\"");
	assert_true(t->host.process != process);
}

static void
memory_of_runs_comes_back(void **state)
{
	struct fixture *t = *state;
	pid_t process;

	EXPECT("n", "3");
	process = t->host.process;
	for (int i = 0; i < 1000; i++) {
		begin(t);
		EXPECT("x = 'x'.repeat(1000).split(''); n", "3");
	}
	assert_int_equal(t->host.process, process);
	assert_true(peak_kib(process) < 80 * 1024);
}

/* I03, I05: what there is. */

static void
nothing_of_the_machine_is_there(void **state)
{
	struct fixture *t = *state;

	EXPECT("['require', 'process', 'std', 'os', 'load', 'read', 'readFile',"
	       " 'print', 'quit', 'fetch', 'XMLHttpRequest', 'WebSocket',"
	       " 'setTimeout', 'Worker', 'WebAssembly', 'Atomics', 'console',"
	       " 'SharedArrayBuffer', 'imports', 'gc', 'Deno', 'Bun', '$vm',"
	       " 'jscOptions', 'createGlobalObject', 'loadFile']"
	       ".filter((name) => name in globalThis)",
	       "[]");
	EXPECT("Object.keys(constructor.constructor('return this')())",
	       "[\"n\",\"user\",\"subject\",\"none\"]");
	EXPECT("import('fs'); eval('n')", "3");
	expect_error(t, "import fs from 'fs'", "script-failed");
	expect_error(t, "require('fs')", "script-failed");
	EXPECT("user.password ?? 'none'", "\"none\"");
	EXPECT("Error('x').stack.includes('evaluator')", "false");
	EXPECT("Intl.DateTimeFormat().resolvedOptions().timeZone", "\"UTC\"");
}

/* What the engine opens for itself. */
static bool
is_of_the_engine(const char *target, pid_t process)
{
	char own[64];

	snprintf(own, sizeof own, "/proc/%d/", (int)process);
	return !strcmp(target, "/dev/null") ||
	       !strcmp(target, "/dev/urandom") ||
	       !strncmp(target, "anon_inode:", 11) || /* to wake itself */
	       !strncmp(target, own, strlen(own));
}

static int
sockets_of(pid_t process)
{
	char name[64];
	int sockets = 0;
	DIR *folder;

	snprintf(name, sizeof name, "/proc/%d/fd", (int)process);
	folder = opendir(name);
	assert_non_null(folder);
	for (struct dirent *entry; (entry = readdir(folder));) {
		char target[256];
		ssize_t length = readlinkat(dirfd(folder), entry->d_name,
					    target, sizeof target - 1);

		if (length < 0)
			continue;
		target[length] = '\0';
		if (is_of_the_engine(target, process))
			continue;
		if (strncmp(target, "socket:", 7) != 0)
			fail_msg("it has %s", target);
		sockets++;
	}
	closedir(folder);
	return sockets;
}

static void
the_evaluator_has_one_socket_and_no_environment(void **state)
{
	struct fixture *t = *state;
	char name[64];
	char text[4096];
	FILE *environment;
	int pipes[2];

	setenv("ACTD_SECRET", "of the worker", 1);
	assert_int_equal(pipe(pipes), 0); /* which exec would keep */
	EXPECT("n", "3");
	close(pipes[0]);
	close(pipes[1]);
	snprintf(name, sizeof name, "/proc/%d/environ", (int)t->host.process);
	environment = fopen(name, "re");
	if (geteuid() != 0) { /* it can't be looked into */
		assert_null(environment);
		return;
	}
	assert_non_null(environment);
	assert_int_equal(sockets_of(t->host.process), 1);
	size_t size = fread(text, 1, sizeof text, environment);

	fclose(environment);
	assert_true(size > 0);
	assert_null(memmem(text, size, "ACTD", 4));
}

static void
an_evaluator_ends_with_its_worker(void **state)
{
	struct fixture *t = *state;
	pid_t process = 0;
	pid_t worker;
	int pipes[2];

	EXPECT("n", "3");
	script_host_release(&t->host);
	assert_int_equal(pipe(pipes), 0);
	worker = fork();
	if (worker == 0) {
		begin(t);
		evaluated(t, "n");
		if (write(pipes[1], &t->host.process, sizeof process) < 0)
			_exit(1);
		pause();
		_exit(0);
	}
	assert_int_equal(read(pipes[0], &process, sizeof process),
			 sizeof process);
	assert_true(process > 0);
	assert_int_equal(kill(process, 0), 0);
	kill(worker, SIGKILL);
	waitpid(worker, NULL, 0);
	/* where nobody reaps orphans it stays as a zombie, without memory */
	for (int i = 0; i < 100 && kill(process, 0) == 0; i++) {
		char name[64];
		char line[8] = "";
		FILE *memory;

		snprintf(name, sizeof name, "/proc/%d/statm", (int)process);
		memory = fopen(name, "re");
		if (!memory || !fgets(line, sizeof line, memory) ||
		    line[0] == '0')
			process = 0;
		if (memory)
			fclose(memory);
		if (!process)
			break;
		usleep(10000);
	}
	if (process)
		assert_int_not_equal(kill(process, 0), 0);
	close(pipes[0]);
	close(pipes[1]);
}

/* I04: results. */

static void
results_are_bounded_json(void **state)
{
	struct fixture *t = *state;

	expect_error(t, "const a = {}; a.a = a; a", "script-failed");
	expect_error(t, "'x'.repeat(10 * 2 ** 20)", "script-failed");
	expect_error(t, "'\u20ac'.repeat(400000)", "script-failed");
	expect_error(t, "10n", "script-failed");
	expect_error(t, "'\\ud800'", "script-failed");
	expect_error(t, "'a\\0b'", "script-failed");
	expect_error(t, "let a = 1; for (let i = 0; i < 100; i++) a = [a]; a",
		     "script-failed");
	expect_error(t, "({get x() { throw new Error('x') }})",
		     "script-failed");
	EXPECT("'x'.repeat(1000000).length", "1000000");
	assert_int_equal(strlen(evaluated(t, "'x'.repeat(1000000)")), 1000002);
	EXPECT("'\\u{1f600}'", "\"\U0001f600\"");
}

static void
large_scopes_come_through(void **state)
{
	struct fixture *t = *state;
	struct strbuf big;

	strbuf_init(&big, t->arena);
	while (big.length < (3 << 20))
		strbuf_literal(&big, "0123456789abcdef");
	json_object_object_add(t->scope, "big",
			       json_object_new_string(big.data));
	EXPECT("big.length", "3145728");
	while (big.length < (17 << 20))
		strbuf_literal(&big, "0123456789abcdef");
	json_object_object_add(t->scope, "big",
			       json_object_new_string(big.data));
	expect_error(t, "n", "script-failed");
	json_object_object_del(t->scope, "big");
	EXPECT("n", "3");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(the_language_is_a_modern_one),
		TEST(what_is_no_json_is_null),
		TEST(the_functions_of_daptin_are_there),
		TEST(a_failing_script_says_why),
		TEST(a_run_sees_names_as_they_are_now),
		TEST(a_script_may_stand_in_a_loop),
		TEST(a_run_leaves_nothing_to_the_next),
		TEST(runs_may_take_turns),
		TEST(an_evaluator_that_died_is_replaced),
		TEST(a_missing_evaluator_says_so),
		TEST(runaways_are_stopped),
		TEST(deep_recursion_is_an_ordinary_failure),
		TEST(memory_is_bounded),
		TEST(an_evaluator_that_grew_is_replaced),
		TEST(memory_of_runs_comes_back),
		TEST(nothing_of_the_machine_is_there),
		TEST(the_evaluator_has_one_socket_and_no_environment),
		TEST(an_evaluator_ends_with_its_worker),
		TEST(results_are_bounded_json),
		TEST(large_scopes_come_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
