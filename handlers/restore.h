/*
 * restore.h: dumps back into the instance, whatever their format: for the
 * action, for the Imports of schemas and for the command line.
 */
#ifndef ACTD_RESTORE_H
#define ACTD_RESTORE_H

#include "db/dump_in.h"
#include "handlers/formats/dump_read.h"

struct restore {
	struct dump_in_settings settings;
	const struct entity *only; /* other tables are passed over; or NULL */
	/* Called now and then with bytes of the file, or NULL. */
	void (*progress)(void *context, int64_t rows, int64_t done,
			 int64_t total);
	void *context;
};

/*
 * Reads the dump `fd`, whose name is `file`, in the caller's transaction. On
 * error the caller rolls back. Checks that the model can still be loaded where
 * definitions changed.
 */
struct error *restore_run(struct arena *arena, const struct restore *restore,
			  int fd, const char *file,
			  struct dump_report *report) MUST_CHECK;

#endif
