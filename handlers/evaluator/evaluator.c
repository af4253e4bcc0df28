/*
 * evaluator.c: the program that evaluates the JavaScript of actions. It has
 * one descriptor, its worker's socket, speaks protocol.h over it, and ends
 * with its worker. Scripts see the language, the functions of functions.c,
 * and the names handed in; each run has a context that no other run shares.
 *
 * The engine's own limits (time, stack) come first, RLIMIT_DATA next, and the
 * worker's SIGKILL last.
 */
#include <JavaScriptCore/JavaScript.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "db/base/compiler.h"
#include "handlers/evaluator/functions.h"
#include "handlers/evaluator/protocol.h"

/* Beyond what the engine itself takes, in bytes. */
#define MEMORY_MAX ((rlim_t)128 << 20)
/* A run that takes more than this, in KiB, leaves a worn evaluator. */
#define WORN_KIB (48L << 10)
/* After so long without a request there is leisure. */
#define LEISURE_MS 2
/* Bytes that are read at first. */
#define PIECE 16384
/* Characters of a thrown text that are told. */
#define DETAIL_MAX 300

/* Exported by the library, missing in its headers. */
void JSContextGroupSetExecutionTimeLimit(
	JSContextGroupRef group, double seconds,
	bool (*terminates)(JSContextRef context, void *data), void *data);

struct evaluator {
	JSContextGroupRef group;
	JSGlobalContextRef context; /* of the run, or NULL */
	JSGlobalContextRef spare;   /* for the next run, or NULL */
	bool timed_out;
	long resident_kib; /* when it had started */
};

/* An answer as it grows. */
struct text {
	char *data;
	size_t length;
	size_t room;
};

/* The socket. */

static bool
read_whole(void *data, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n =
			read(EVALUATOR_FD, (char *)data + done, size - done);

		if (n == 0 || (n < 0 && errno != EINTR))
			return false;
		done += n > 0 ? (size_t)n : 0;
	}
	return true;
}

static bool
write_whole(const void *data, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = write(EVALUATOR_FD, (const char *)data + done,
				  size - done);

		if (n < 0 && errno != EINTR)
			return false;
		done += n > 0 ? (size_t)n : 0;
	}
	return true;
}

/*
 * NULL at the end of the worker. The caller frees it. As nothing follows a
 * request before its answer, most are read at once, length and all.
 */
static char *
read_message(void)
{
	char piece[PIECE];
	uint32_t length;
	size_t size;
	ssize_t n;
	char *message;

	do
		n = read(EVALUATOR_FD, piece, sizeof piece);
	while (n < 0 && errno == EINTR);
	if (n < (ssize_t)sizeof length)
		return NULL;
	size = (size_t)n - sizeof length;
	memcpy(&length, piece, sizeof length);
	if (length > EVALUATOR_REQUEST_MAX || size > length)
		return NULL;
	message = malloc((size_t)length + 1);
	if (!message)
		return NULL;
	memcpy(message, piece + sizeof length, size);
	if (!read_whole(message + size, length - size)) {
		free(message);
		return NULL;
	}
	message[length] = '\0';
	return message;
}

/* Answers: begun with room for the length, which is filled in last. */

static void
text_add(struct text *text, const char *data, size_t size)
{
	if (text->length + size > text->room) {
		text->room = (text->length + size) * 2;
		text->data = realloc(text->data, text->room);
		if (!text->data)
			_Exit(EXIT_FAILURE);
	}
	memcpy(text->data + text->length, data, size);
	text->length += size;
}

static void
text_puts(struct text *text, const char *data)
{
	text_add(text, data, strlen(data));
}

static void
answer_begin(struct text *answer)
{
	*answer = (struct text){ 0 };
	text_add(answer, "\0\0\0", sizeof(uint32_t));
}

static bool
answer_send(struct text *answer)
{
	uint32_t length = (uint32_t)(answer->length - sizeof length);
	bool sent;

	memcpy(answer->data, &length, sizeof length);
	sent = write_whole(answer->data, answer->length);
	free(answer->data);
	return sent;
}

/* Values. */

static JSValueRef
member(JSContextRef context, JSObjectRef object, const char *name)
{
	JSStringRef key = JSStringCreateWithUTF8CString(name);
	JSValueRef value = JSObjectGetProperty(context, object, key, NULL);

	JSStringRelease(key);
	return value;
}

/* Adds JSON, unless it is longer than `limit`. */
static bool
add_json(struct text *text, JSStringRef json, size_t limit)
{
	size_t room = JSStringGetMaximumUTF8CStringSize(json);
	size_t size;
	char *copy;

	if (JSStringGetLength(json) > limit)
		return false;
	copy = malloc(room);
	if (!copy)
		_Exit(EXIT_FAILURE);
	size = JSStringGetUTF8CString(json, copy, room);
	if (size > 0 && size - 1 <= limit)
		text_add(text, copy, size - 1);
	free(copy);
	return size > 0 && size - 1 <= limit;
}

static void
add_text(JSContextRef context, struct text *text, JSStringRef string)
{
	size_t length = JSStringGetLength(string);
	JSStringRef cut = JSStringCreateWithCharacters(
		JSStringGetCharactersPtr(string),
		length > DETAIL_MAX ? DETAIL_MAX : length);
	JSStringRef json = JSValueCreateJSONString(
		context, JSValueMakeString(context, cut), 0, NULL);

	JSStringRelease(cut);
	if (!json || !add_json(text, json, 8 * DETAIL_MAX))
		text_puts(text, "\"\"");
	if (json)
		JSStringRelease(json);
}

/* The answer to a script that failed; `thrown` may be NULL. */
static void
add_failure(struct evaluator *evaluator, struct text *answer, const char *kind,
	    JSValueRef thrown)
{
	JSContextRef context = evaluator->context;
	JSStringRef detail = NULL;

	if (thrown && !evaluator->timed_out)
		detail = JSValueToStringCopy(context, thrown, NULL);
	if (evaluator->timed_out)
		kind = EVALUATOR_TIMEOUT;
	text_puts(answer, "{\"error\":\"");
	text_puts(answer, kind);
	text_puts(answer, "\",\"detail\":");
	if (detail)
		add_text(context, answer, detail);
	else
		text_puts(answer, "\"\"");
	if (detail)
		JSStringRelease(detail);
}

static void
add_result(struct evaluator *evaluator, struct text *answer, JSValueRef result)
{
	JSValueRef thrown = NULL;
	JSStringRef json =
		JSValueCreateJSONString(evaluator->context, result, 0, &thrown);
	size_t begin = answer->length;

	if (thrown) {
		add_failure(evaluator, answer, EVALUATOR_RESULT, thrown);
		return;
	}
	text_puts(answer, "{\"value\":");
	if (!json) { /* undefined, a function, a symbol */
		text_puts(answer, "null");
		return;
	}
	if (!add_json(answer, json, EVALUATOR_RESULT_MAX)) {
		answer->length = begin;
		text_puts(answer, "{\"error\":\"" EVALUATOR_RESULT "\","
				  "\"detail\":\"it is too long\"");
	}
	JSStringRelease(json);
}

/* Contexts. */

static bool
note_timeout(JSContextRef context UNUSED, void *data)
{
	((struct evaluator *)data)->timed_out = true;
	return true;
}

static void
remove_name(JSContextRef context, JSStringRef name)
{
	JSObjectDeleteProperty(context, JSContextGetGlobalObject(context), name,
			       NULL);
}

/* What could wait, share memory, or make code by another way. */
static void
remove_dangers(JSContextRef context)
{
	static const char *const names[] = { "Atomics", "SharedArrayBuffer",
					     "WebAssembly", "console" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		JSStringRef name = JSStringCreateWithUTF8CString(names[i]);

		remove_name(context, name);
		JSStringRelease(name);
	}
}

static JSGlobalContextRef
new_context(JSContextGroupRef group)
{
	JSGlobalContextRef context = JSGlobalContextCreateInGroup(group, NULL);

	remove_dangers(context);
	functions_define(context);
	return context;
}

static void
begin_run(struct evaluator *evaluator)
{
	if (evaluator->context)
		JSGlobalContextRelease(evaluator->context);
	evaluator->context = evaluator->spare ? evaluator->spare
					      : new_context(evaluator->group);
	evaluator->spare = NULL;
}

/* Makes the next run's context while there is nothing else to do. */
static void
use_leisure(struct evaluator *evaluator)
{
	struct pollfd worker = { .fd = EVALUATOR_FD, .events = POLLIN };

	if (!evaluator->spare && poll(&worker, 1, LEISURE_MS) == 0)
		evaluator->spare = new_context(evaluator->group);
}

static void
set_names(JSContextRef context, JSValueRef names)
{
	JSObjectRef object = (JSObjectRef)names;
	JSPropertyNameArrayRef keys =
		JSObjectCopyPropertyNames(context, object);
	JSObjectRef global = JSContextGetGlobalObject(context);

	for (size_t i = 0; i < JSPropertyNameArrayGetCount(keys); i++) {
		JSStringRef key = JSPropertyNameArrayGetNameAtIndex(keys, i);

		JSObjectSetProperty(
			context, global, key,
			JSObjectGetProperty(context, object, key, NULL),
			kJSPropertyAttributeNone, NULL);
	}
	JSPropertyNameArrayRelease(keys);
}

static void
remove_names(JSContextRef context, JSValueRef names)
{
	JSObjectRef list = (JSObjectRef)names;
	double count =
		JSValueToNumber(context, member(context, list, "length"), NULL);

	for (unsigned i = 0; i < count; i++) {
		JSStringRef name = JSValueToStringCopy(
			context,
			JSObjectGetPropertyAtIndex(context, list, i, NULL),
			NULL);

		remove_name(context, name);
		JSStringRelease(name);
	}
}

/*
 * A script is a block, so that the `const` of one is not in the way of the
 * next one in the run; the block's value is the script's.
 */
static JSStringRef
block_of(JSContextRef context, JSValueRef script)
{
	JSStringRef text = JSValueToStringCopy(context, script, NULL);
	size_t length = JSStringGetLength(text);
	JSChar *block = malloc((length + 3) * sizeof *block);
	JSStringRef string;

	if (!block)
		_Exit(EXIT_FAILURE);
	block[0] = '{';
	memcpy(block + 1, JSStringGetCharactersPtr(text),
	       length * sizeof *block);
	block[length + 1] = '\n'; /* ends a comment */
	block[length + 2] = '}';
	string = JSStringCreateWithCharacters(block, length + 3);
	free(block);
	JSStringRelease(text);
	return string;
}

static void
evaluate(struct evaluator *evaluator, JSValueRef script, struct text *answer)
{
	JSStringRef block = block_of(evaluator->context, script);
	JSValueRef thrown = NULL;
	JSValueRef result = JSEvaluateScript(evaluator->context, block, NULL,
					     NULL, 1, &thrown);

	JSStringRelease(block);
	if (thrown || evaluator->timed_out)
		add_failure(evaluator, answer, EVALUATOR_THROWN, thrown);
	else
		add_result(evaluator, answer, result);
}

static bool
is_worn(const struct evaluator *evaluator)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss > evaluator->resident_kib + WORN_KIB;
}

/* False when there is nobody to answer to. */
static bool
serve(struct evaluator *evaluator, const char *message)
{
	/* The worker writes it first: no need to read all of it for this. */
	static const char FRESH[] = "{\"fresh\":true";
	struct text answer;
	JSStringRef json;
	JSValueRef request;

	if (!strncmp(message, FRESH, sizeof FRESH - 1) || !evaluator->context)
		begin_run(evaluator);
	json = JSStringCreateWithUTF8CString(message);
	request = JSValueMakeFromJSONString(evaluator->context, json);
	JSStringRelease(json);
	if (!request)
		return false;
	evaluator->timed_out = false;
	set_names(evaluator->context,
		  member(evaluator->context, (JSObjectRef)request, "names"));
	remove_names(evaluator->context,
		     member(evaluator->context, (JSObjectRef)request, "gone"));
	answer_begin(&answer);
	evaluate(evaluator,
		 member(evaluator->context, (JSObjectRef)request, "script"),
		 &answer);
	text_puts(&answer,
		  is_worn(evaluator) ? ",\"worn\":true}" : ",\"worn\":false}");
	return answer_send(&answer);
}

/* The process. */

static void
give_up_rights(void)
{
	const struct rlimit none = { 0, 0 };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_DUMPABLE, 0);
	setrlimit(RLIMIT_CORE, &none);
	setrlimit(RLIMIT_FSIZE, &none);
}

/* In bytes, of the line "VmData:  1234 kB". */
static rlim_t
data_size(void)
{
	FILE *status = fopen("/proc/self/status", "re");
	unsigned long kib = 0;
	char line[256];

	if (!status)
		return 0;
	while (fgets(line, sizeof line, status))
		if (sscanf(line, "VmData: %lu", &kib) == 1)
			break;
	fclose(status);
	return (rlim_t)kib << 10;
}

/*
 * After the warm-up: the engine aborts when it can't reserve its heap, and
 * later turns a refusal into a RangeError.
 */
static bool
limit_memory(void)
{
	rlim_t size = data_size();
	struct rlimit limit = { size + MEMORY_MAX, size + MEMORY_MAX };

	return size && !setrlimit(RLIMIT_DATA, &limit);
}

/* Uses what is set up at its first use. */
static void
warm_up(struct evaluator *evaluator)
{
	static const char SCRIPT[] =
		"JSON.stringify([Math.random(), new Date().toISOString(),"
		" /a+/.exec('aa'), 'é'.normalize().toUpperCase(),"
		" (1234.5).toLocaleString(), [3, 1].sort(), `${1}`]);"
		"Promise.resolve().then(() => new Map())";
	JSStringRef script = JSStringCreateWithUTF8CString(SCRIPT);
	struct rusage usage;

	begin_run(evaluator);
	JSEvaluateScript(evaluator->context, script, NULL, NULL, 1, NULL);
	JSStringRelease(script);
	JSGlobalContextRelease(evaluator->context);
	evaluator->context = NULL;
	getrusage(RUSAGE_SELF, &usage);
	evaluator->resident_kib = usage.ru_maxrss;
}

static bool
say_hello(void)
{
	struct text answer;

	answer_begin(&answer);
	text_puts(&answer, "{}");
	return answer_send(&answer);
}

int
main(int count, char **arguments)
{
	struct evaluator evaluator = { .group = JSContextGroupCreate() };
	long limit_ms = count == 2 ? strtol(arguments[1], NULL, 10) : 0;
	char *message;
	bool served = true;

	if (limit_ms <= 0) {
		fputs("usage: evaluator MILLISECONDS\n"
		      "It is started by workers of actd.\n",
		      stderr);
		return 64;
	}
	give_up_rights();
	warm_up(&evaluator);
	JSContextGroupSetExecutionTimeLimit(evaluator.group,
					    (double)limit_ms / 1000,
					    note_timeout, &evaluator);
	if (!limit_memory() || !say_hello())
		return EXIT_FAILURE;
	while (served) {
		use_leisure(&evaluator);
		message = read_message();
		served = message && serve(&evaluator, message);
		free(message);
	}
	_Exit(EXIT_SUCCESS);
}
