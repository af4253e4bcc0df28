/*
 * xls_child.c: FreeXL in a process of its own. It is the same program started
 * anew, which finds out here, before main(), that it is to read a file: so
 * nothing of the worker's memory is there for a hostile file to show, and the
 * program needs no other one beside it.
 */
#include <fcntl.h>
#include <freexl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "handlers/formats/xls.h"
#include "handlers/formats/xls_mini.h"

/* A sanitizer's own tables are larger than any limit. */
#if defined(__SANITIZE_ADDRESS__) || defined(ACTD_SANITIZED)
#define CHILD_MEMORY 0
#else
#define CHILD_MEMORY (512 << 20)
#endif
#define CHILD_SECONDS 60
#define CHILD_FILE 65536
#define ROWS_MAX 65536

/* The name that the program has when it is started for this. */
static const char CHILD_NAME[] = "actd: xls";

enum { CHILD_INPUT = 3, CHILD_OUTPUT = 4 };

static void
send_frame(FILE *out, int kind, const char *text, size_t length)
{
	uint32_t size = (uint32_t)length;

	fputc(kind, out);
	fwrite(&size, sizeof size, 1, out);
	fwrite(text, 1, length, out);
}

static NORETURN void
fail(FILE *out, const char *what)
{
	send_frame(out, FRAME_FAULT, what, strlen(what));
	fflush(out);
	_exit(1);
}

/* As people write it; the same digits that xlsx.c gives. */
static void
send_number(FILE *out, double value)
{
	char text[64];

	if (!isfinite(value)) {
		send_frame(out, CELL_ERROR, "#NUM!", 5);
		return;
	}
	if (value == floor(value) && fabs(value) < 1e18)
		snprintf(text, sizeof text, "%.0f", value == 0 ? 0 : value);
	else
		for (int precision = 15; precision <= 17; precision++) {
			snprintf(text, sizeof text, "%.*g", precision, value);
			if (strtod(text, NULL) == value)
				break;
		}
	send_frame(out, CELL_NUMBER, text, strlen(text));
}

static void
send_cell(FILE *out, const FreeXL_CellValue *cell)
{
	const char *text = cell->value.text_value;
	char digits[16];

	switch (cell->type) {
	case FREEXL_CELL_INT:
		snprintf(digits, sizeof digits, "%d", cell->value.int_value);
		send_frame(out, CELL_NUMBER, digits, strlen(digits));
		return;
	case FREEXL_CELL_DOUBLE:
		send_number(out, cell->value.double_value);
		return;
	case FREEXL_CELL_TEXT:
	case FREEXL_CELL_SST_TEXT:
		if (text && *text && strlen(text) <= TABLE_CELL_MAX)
			send_frame(out, CELL_TEXT, text, strlen(text));
		else
			send_frame(out, CELL_EMPTY, "", 0);
		return;
	case FREEXL_CELL_DATE:
	case FREEXL_CELL_DATETIME:
	case FREEXL_CELL_TIME:
		send_frame(out, CELL_MOMENT, text, strlen(text));
		return;
	default:
		send_frame(out, CELL_EMPTY, "", 0);
	}
}

static bool
select_sheet(const void *book, const char *wanted)
{
	unsigned int count = 0;
	char *end = NULL;
	long number;

	if (freexl_get_info(book, FREEXL_BIFF_SHEET_COUNT, &count) != FREEXL_OK)
		return false;
	for (unsigned int i = 0; wanted && *wanted && i < count; i++) {
		const char *name;

		if (freexl_get_worksheet_name(book, (unsigned short)i, &name) ==
			    FREEXL_OK &&
		    name && !strcasecmp(name, wanted))
			return freexl_select_active_worksheet(
				       book, (unsigned short)i) == FREEXL_OK;
	}
	number = wanted && *wanted ? strtol(wanted, &end, 10) : 1;
	return (!end || !*end) && number >= 1 && number <= (long)count &&
	       freexl_select_active_worksheet(
		       book, (unsigned short)(number - 1)) == FREEXL_OK;
}

static void
send_sheet(FILE *out, const void *book)
{
	unsigned int rows;
	unsigned short columns;

	if (freexl_worksheet_dimensions(book, &rows, &columns) != FREEXL_OK)
		fail(out, "its sheet can't be read");
	if (rows > ROWS_MAX || columns > 256)
		fail(out, "its sheet is larger than sheets of XLS are");
	for (unsigned int row = 0; row < rows; row++) {
		for (unsigned short column = 0; column < columns; column++) {
			FreeXL_CellValue cell;

			if (freexl_get_cell_value(book, row, column, &cell) !=
			    FREEXL_OK)
				cell.type = FREEXL_CELL_NULL;
			send_cell(out, &cell);
		}
		send_frame(out, FRAME_ROW, "", 0);
	}
	send_frame(out, FRAME_END, "", 0);
}

static void
limit(int resource, rlim_t most)
{
	const struct rlimit value = { most, most };

	setrlimit(resource, &value);
}

/* Never comes back. */
static NORETURN void
read_file(const char *sheet)
{
	FILE *out = fdopen(CHILD_OUTPUT, "w");
	const void *book;
	int copy;

	if (!out)
		_exit(1);
	copy = xls_mini_copy(CHILD_INPUT);
	if (copy >= 0)
		dup2(copy, CHILD_INPUT);
	if (freexl_open("/proc/self/fd/3", &book) != FREEXL_OK)
		fail(out, "this is no XLS file of Excel 97 or later");
	limit(RLIMIT_NOFILE, 0);
	if (!select_sheet(book, sheet))
		fail(out, "there is no such sheet");
	send_sheet(out, book);
	fflush(out);
	_exit(0);
}

/* glibc hands the arguments to constructors. */
static void __attribute__((constructor))
begin(int argc, char **argv, char **environment UNUSED)
{
	if (argc == 2 && !strcmp(argv[0], CHILD_NAME))
		read_file(argv[1]);
}

/* Starting it. */

/* Nothing but the file and the pipe stays open. */
static void
confine(int file, int out)
{
	file = fcntl(file, F_DUPFD, CHILD_OUTPUT + 1);
	out = fcntl(out, F_DUPFD, CHILD_OUTPUT + 1);
	if (dup2(file, CHILD_INPUT) < 0 || dup2(out, CHILD_OUTPUT) < 0)
		_exit(1);
	close_range(CHILD_OUTPUT + 1, ~0U, 0);
	if (CHILD_MEMORY)
		limit(RLIMIT_AS, CHILD_MEMORY);
	limit(RLIMIT_CPU, CHILD_SECONDS);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_FSIZE, CHILD_FILE);
	limit(RLIMIT_NPROC, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static void
reset_signals(void)
{
	sigset_t none;

	signal(SIGPIPE, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

pid_t
xls_start(int file, int out, const char *sheet)
{
	char name[sizeof CHILD_NAME];
	char *arguments[] = { name, NULL, NULL };
	char *environment[] = { NULL };
	pid_t child;

	memcpy(name, CHILD_NAME, sizeof name);
	arguments[1] = strdup(sheet ? sheet : "");
	child = arguments[1] ? fork() : -1;
	if (child) {
		free(arguments[1]);
		return child;
	}
	confine(file, out);
	reset_signals();
	execve("/proc/self/exe", arguments, environment);
	_exit(1);
}
