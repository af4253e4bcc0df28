/*
 * xls_mini.h: small XLS files. A workbook of less than 4 KiB is kept within
 * another stream of its file, where FreeXL does not find it.
 */
#ifndef ACTD_XLS_MINI_H
#define ACTD_XLS_MINI_H

/*
 * A new file in memory with the workbook of `file` in a stream of its own; -1
 * where it has one already, or the file is none of this kind. The caller
 * closes it.
 */
int xls_mini_copy(int file);

#endif
