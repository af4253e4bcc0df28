/*
 * dump_run.h: `actd export` and `actd import-dump`: an operator's backup and
 * its way back, without a server.
 */
#ifndef ACTD_DUMP_RUN_H
#define ACTD_DUMP_RUN_H

#include "fcgi/config.h"

/*
 * `words`: FILE and, in any order, --format NAME (else by the end of FILE,
 * else JSON), --table ENTITY, --include-secrets. The file is there when it is
 * complete, and nothing before. 400 "usage" for other words.
 */
struct error *dump_export(struct arena *arena, const char *config_file,
			  int nwords, char *const *words,
			  struct strbuf *text) MUST_CHECK;

/*
 * `words`: FILE and, in any order, --truncate, --skip-unknown, --table ENTITY,
 * --dry-run. Adds what was done to `text`.
 */
struct error *dump_import(struct arena *arena, const char *config_file,
			  int nwords, char *const *words,
			  struct strbuf *text) MUST_CHECK;

#endif
