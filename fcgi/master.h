/*
 * master.h: the process that owns the pools: starts, replaces, rolls and
 * drains workers, applies schema files, hears of changes on other nodes.
 */
#ifndef ACTD_MASTER_H
#define ACTD_MASTER_H

/*
 * Runs the instance whose configuration is in `config_file` (NULL: the
 * default) until SIGTERM or SIGQUIT. Returns the exit status.
 */
int master_run(const char *config_file);

#endif
