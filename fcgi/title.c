/*
 * title.c: writes titles over the memory of arguments and environment, which
 * is what the kernel shows; the environment is moved elsewhere first.
 */
#include "fcgi/title.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The memory behind /proc/self/cmdline: there is one per process. */
static char *room;
static size_t room_size;

/* Copies the strings of environ; `*end` moves to where they ended. */
static char **
move_environment(char **end)
{
	size_t count = 0;
	char **copy;

	while (environ[count])
		count++;
	copy = calloc(count + 1, sizeof *copy);
	if (!copy)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		copy[i] = strdup(environ[i]);
		if (!copy[i])
			return NULL;
		if (environ[i] == *end)
			*end += strlen(environ[i]) + 1;
	}
	return copy;
}

void
title_init(int argc, char **argv)
{
	char *end = argv[0];
	char **copy;

	for (int i = 0; i < argc; i++)
		if (argv[i] == end)
			end += strlen(argv[i]) + 1;
	copy = move_environment(&end);
	if (!copy)
		return;
	environ = copy;
	room = argv[0];
	room_size = (size_t)(end - room);
}

void
title_set(const char *format, ...)
{
	char text[256];
	va_list args;

	if (!room)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	memset(room, 0, room_size);
	snprintf(room, room_size, "actd: %s", text);
}
