/*
 * main.c: the command line. Finds the command in the table and runs it.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "fcgi/command.h"
#include "fcgi/title.h"

/* A command and its arguments, as it is written. */
static void
print_words(FILE *out, const struct command *command)
{
	fprintf(out, "%s%s%s\n", command->name, *command->arguments ? " " : "",
		command->arguments);
}

static void
print_help(void)
{
	size_t count;
	const struct command *table = commands(&count);

	puts("usage: actd [-c FILE] COMMAND\n\nCommands:");
	for (size_t i = 0; i < count; i++) {
		printf("  ");
		print_words(stdout, &table[i]);
		printf("        %s\n", table[i].summary);
	}
	puts("\nOptions:\n"
	     "  -c, --config FILE  configuration, default "
	     "/etc/actd/actd.yaml or $ACTD_CONFIG\n"
	     "  -h, --help         this text; behind a COMMAND: only its own\n"
	     "  -V, --version      the version\n\n"
	     "Each key of the configuration can be set in the environment: "
	     "ACTD_WORKERS=8.\n"
	     "See actd(8) and actd.conf(5).");
}

static void
print_usage(FILE *out, const struct command *command)
{
	fputs("usage: actd [-c FILE] ", out);
	print_words(out, command);
}

/* `argv` begins with the command's name. */
static int
run_command(const struct command *command, const char *config_file, int argc,
	    char **argv)
{
	int status;

	if (argc > 1 &&
	    (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		print_usage(stdout, command);
		printf("%s; see actd(8)\n", command->summary);
		return EX_OK;
	}
	status = command->run(config_file, argc, argv);
	if (status == EX_USAGE)
		print_usage(stderr, command);
	return status;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	static const char *config_file; /* as long as the process */
	const struct command *command;
	int option;

	title_init(argc, argv);
	config_file = getenv("ACTD_CONFIG");
	while ((option = getopt_long(argc, argv, "+c:hV", options, NULL)) !=
	       -1) {
		switch (option) {
		case 'c':
			config_file = strdup(optarg); /* titles overwrite it */
			break;
		case 'h':
			print_help();
			return EX_OK;
		case 'V':
			puts("actd " ACTD_VERSION);
			return EX_OK;
		default:
			return EX_USAGE;
		}
	}
	command = optind < argc ? command_find(argv[optind]) : NULL;
	if (!command) {
		fprintf(stderr, "actd: %s See actd --help.\n",
			optind < argc ? "There is no such command."
				      : "Which command?");
		return EX_USAGE;
	}
	return run_command(command, config_file, argc - optind, argv + optind);
}
