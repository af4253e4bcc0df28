/*
 * table_fuzz.h: the body that the fuzz targets of tables share. Whatever the
 * bytes are, they are refused or become rows of text in UTF-8 within limits.
 */
#ifndef ACTD_TABLE_FUZZ_H
#define ACTD_TABLE_FUZZ_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "db/base/utf8.h"
#include "handlers/formats/table_parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void
table_fuzz_rows(struct table_reader *reader)
{
	int64_t last = 0;

	for (;;) {
		struct table_row row;

		if (table_next(reader, &row) || !row.cells)
			return;
		if (row.number <= last || row.ncells > TABLE_COLUMNS_MAX)
			abort();
		last = row.number;
		for (size_t i = 0; i < row.ncells; i++) {
			const struct cell *cell = &row.cells[i];

			if (cell->text &&
			    (strlen(cell->text) != cell->length ||
			     cell->length > TABLE_CELL_MAX ||
			     !utf8_is_text(cell->text, cell->length)))
				abort();
		}
	}
}

static inline void
table_fuzz(const struct table_format *format, const uint8_t *data, size_t size)
{
	const struct table_options options = { .file = "fuzz",
					       .format = format->name };
	struct arena *arena = arena_new();
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct table_reader *reader;

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	if (!table_open(arena, fd, &options, &reader))
		table_fuzz_rows(reader);
	arena_free(arena);
	close(fd);
}

#endif
