/*
 * watch.h: the master's connection that LISTENs for changes made on other
 * nodes and raises this node's generations. A process of this node raises
 * them itself for what it changes.
 */
#ifndef ACTD_WATCH_H
#define ACTD_WATCH_H

#include "fcgi/config.h"

struct watch;

/* Connects at the first watch_turn(). `config` must outlive it. */
struct watch *watch_new(const struct config *config, struct shared *shared);
void watch_free(struct watch *watch);

/* The socket for poll(2); -1 while there is no connection. */
int watch_socket(const struct watch *watch);

/* Whether a watch_turn() is due soon, without anything to read. */
bool watch_waits(const struct watch *watch);

/*
 * Takes notifications; connects again after a loss, with growing pauses. As
 * anything may have been missed meanwhile, a new connection raises both
 * generations.
 */
void watch_turn(struct watch *watch, int64_t now_us);

#endif
