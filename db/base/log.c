/*
 * log.c: builds a line of key=value pairs and writes it at once.
 */
#include "db/base/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096

struct line {
	char text[LINE_MAX_BYTES];
	size_t length;
};

static const char *const level_names[] = { "debug", "info", "warning",
					   "error" };
static enum log_level lowest = LOG_INFO;

/* Whole lines that wait to be written. */
static struct {
	bool is_on;
	size_t length;
	char text[4 * LINE_MAX_BYTES];
} waiting;

void
log_set_level(enum log_level level)
{
	lowest = level;
}

int
log_level_of(const char *name)
{
	for (int i = 0; i < 4; i++)
		if (!strcmp(level_names[i], name))
			return i;
	return -1;
}

/* What does not fit is cut: one byte stays free for the line end. */
static void
add(struct line *line, const char *text, size_t size)
{
	size_t room = sizeof line->text - 1 - line->length;

	if (size > room)
		size = room;
	memcpy(line->text + line->length, text, size);
	line->length += size;
}

static bool
needs_quotes(const char *value)
{
	if (!*value)
		return true;
	for (; *value; value++) {
		unsigned char c = (unsigned char)*value;

		if (c <= ' ' || c == '"' || c == '\\' || c == '=' || c == 0x7f)
			return true;
	}
	return false;
}

static void
add_quoted(struct line *line, const char *value)
{
	add(line, "\"", 1);
	for (; *value; value++) {
		unsigned char c = (unsigned char)*value;
		char escape[5];

		if (c == '"' || c == '\\') {
			escape[0] = '\\';
			escape[1] = (char)c;
			add(line, escape, 2);
		} else if (c < ' ' || c == 0x7f) {
			snprintf(escape, sizeof escape, "\\x%02x", c);
			add(line, escape, 4);
		} else {
			add(line, value, 1);
		}
	}
	add(line, "\"", 1);
}

static void
add_pair(struct line *line, const char *key, const char *value)
{
	add(line, " ", 1);
	add(line, key, strlen(key));
	add(line, "=", 1);
	if (needs_quotes(value))
		add_quoted(line, value);
	else
		add(line, value, strlen(value));
}

/* The second's text is made once a second. */
static void
add_second(struct line *line, time_t second)
{
	static time_t last = -1;
	static char text[40];

	if (second != last) {
		struct tm tm;

		gmtime_r(&second, &tm);
		strftime(text, sizeof text, "time=%Y-%m-%dT%H:%M:%S", &tm);
		last = second;
	}
	add(line, text, strlen(text));
}

static void
add_head(struct line *line, enum log_level level, const char *event)
{
	struct timespec now;
	char text[64];

	clock_gettime(CLOCK_REALTIME, &now);
	line->length = 0;
	add_second(line, now.tv_sec);
	snprintf(text, sizeof text, ".%03ldZ level=%s pid=%d",
		 now.tv_nsec / 1000000, level_names[level], (int)getpid());
	add(line, text, strlen(text));
	add_pair(line, "event", event);
}

static void
write_out(const char *text, size_t length)
{
	if (write(STDERR_FILENO, text, length) < 0)
		return; /* nobody is left to be told */
}

void
log_buffer(void)
{
	waiting.is_on = true;
}

void
log_flush(void)
{
	if (waiting.length)
		write_out(waiting.text, waiting.length);
	waiting.length = 0;
}

static void
put(const struct line *line, bool may_wait)
{
	if (!may_wait || waiting.length + line->length > sizeof waiting.text)
		log_flush();
	if (!may_wait) {
		write_out(line->text, line->length);
		return;
	}
	memcpy(waiting.text + waiting.length, line->text, line->length);
	waiting.length += line->length;
}

void
log_event(enum log_level level, const char *event, ...)
{
	struct line line;
	va_list args;
	const char *key;

	if (level < lowest)
		return;
	add_head(&line, level, event);
	va_start(args, event);
	while ((key = va_arg(args, const char *))) {
		const char *value = va_arg(args, const char *);

		if (value)
			add_pair(&line, key, value);
	}
	va_end(args);
	line.text[line.length++] = '\n';
	put(&line, waiting.is_on && level < LOG_WARNING);
}
