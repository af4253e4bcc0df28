/*
 * xls.h: what goes between a worker and the process that reads an XLS file
 * for it. Private to handlers/formats/xls*.c and its fuzzer.
 */
#ifndef ACTD_XLS_H
#define ACTD_XLS_H

#include <sys/types.h>

#include "handlers/formats/table_parts.h"

/*
 * What goes through the pipe: a frame is its kind, four bytes of length in
 * the machine's order, and so many bytes. Cells are those of enum cell_kind.
 */
enum {
	FRAME_ROW = 100, /* the open row is complete */
	FRAME_END,	 /* the sheet is; without it the child died */
	FRAME_FAULT,	 /* a sentence */
	FRAME_HEAD = 5	 /* bytes before the text */
};

/* Starts a process that reads `file` and writes frames to `out`; -1: none. */
pid_t xls_start(int file, int out, const char *sheet);

/* Makes the reader's state; it takes over pipe and child (0: there is none). */
void xls_attach(struct table_reader *reader, int pipe, pid_t child);

#endif
