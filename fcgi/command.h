/*
 * command.h: the commands of the program: one table, from which `actd --help`
 * comes too.
 */
#ifndef ACTD_COMMAND_H
#define ACTD_COMMAND_H

#include <stddef.h>

struct command {
	const char *name;
	const char *arguments; /* all of them, for the help text */
	const char *summary;
	/*
	 * `argv` begins with the command's name. Returns an exit status of
	 * sysexits.h; EX_USAGE where the arguments are not such: the caller
	 * says which would be.
	 */
	int (*run)(const char *config_file, int argc, char **argv);
};

/* All commands; `*count` of them. */
const struct command *commands(size_t *count);

/* NULL if there is none of that name. */
const struct command *command_find(const char *name);

#endif
