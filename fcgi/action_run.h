/*
 * action_run.h: `actd action`: an operator runs an action by the code that
 * requests are served with, without a server.
 */
#ifndef ACTD_ACTION_RUN_H
#define ACTD_ACTION_RUN_H

#include "fcgi/config.h"

/*
 * `words` are ENTITY, NAME, and in any order key=value (text), key:=value
 * (JSON), key@=file (text), --dry-run, --as EMAIL. They are hidden from other
 * users of the host; `config_file` as config_load() has it. Runs as
 * that account, else as the oldest administrator, else as a guest. Adds the
 * items of the answer to `text`, one a line. 400 "usage" for other words.
 */
struct error *action_run(struct arena *arena, const char *config_file,
			 int nwords, char *const *words,
			 struct strbuf *text) MUST_CHECK;

/*
 * `actd import`: the same for the action that imports a table. `words` are
 * FILE, ENTITY, and in any order the action's other inputs as above, --create
 * and --add-columns for two of them, --dry-run, --as EMAIL. The file is read
 * where it is, whatever its size.
 */
struct error *action_import(struct arena *arena, const char *config_file,
			    int nwords, char *const *words,
			    struct strbuf *text) MUST_CHECK;

#endif
