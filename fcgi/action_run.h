/*
 * action_run.h: `actd action`: an operator runs an action by the code that
 * requests are served with, without a server.
 */
#ifndef ACTD_ACTION_RUN_H
#define ACTD_ACTION_RUN_H

#include "fcgi/config.h"

/*
 * `words` are ENTITY, NAME, and in any order key=value (text), key:=value
 * (JSON), --dry-run, --as EMAIL; `config_file` as config_load() has it. Runs as
 * that account, else as the oldest administrator, else as a guest. Adds the
 * items of the answer to `text`, one a line. 400 "usage" for other words.
 */
struct error *action_run(struct arena *arena, const char *config_file,
			 int nwords, char *const *words,
			 struct strbuf *text) MUST_CHECK;

#endif
