/*
 * listen.h: the listening sockets of the pools: inherited (systemd's
 * LISTEN_FDS) or opened here, and the lock that keeps a second master away.
 */
#ifndef ACTD_LISTEN_H
#define ACTD_LISTEN_H

#include "fcgi/config.h"

struct listener {
	int fd;
	const char *unlink_path; /* a unix socket of our own, or NULL */
};

/*
 * Takes the lock of the instance; `*fd` holds it until it is closed in every
 * process that has it. An error says which process holds it.
 */
struct error *listen_lock(struct arena *arena, const char *file,
			  int *fd) MUST_CHECK;

/*
 * A listening socket for each pool that has an address, by name from the
 * environment's LISTEN_FDNAMES, else opened at the pool's address. `arena` must
 * live as long as the listeners.
 */
struct error *listen_open(struct arena *arena, const struct config *config,
			  struct listener listeners[POOLS]) MUST_CHECK;

/* Closes them and removes the paths that were made here. */
void listen_close(struct listener listeners[POOLS]);

#endif
