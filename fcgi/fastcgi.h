/*
 * fastcgi.h: FastCGI connections of a worker: waiting for one, its variables,
 * its body, its answer. The only user of libfcgi. Connections are not kept:
 * each free worker takes the next request of its pool's one queue.
 */
#ifndef ACTD_FASTCGI_H
#define ACTD_FASTCGI_H

#include <stdbool.h>
#include <stddef.h>

struct fastcgi;

/* Serves the listening socket `fd`, which must not block. NULL: no memory
 * or no epoll. */
struct fastcgi *fastcgi_new(int fd);
void fastcgi_free(struct fastcgi *fastcgi);

/*
 * Waits for a request; false when `*stop` is set. Signals are blocked but
 * while it waits, so that none can take a request away that was accepted.
 */
bool fastcgi_accept(struct fastcgi *fastcgi, const volatile int *stop);

/* CGI variables of the request, NAME=value, NULL-ended. */
char **fastcgi_variables(struct fastcgi *fastcgi);

/* Bytes of the body, as body.read of handlers/request.h has it. */
long fastcgi_read(void *fastcgi, void *buffer, size_t size);

/* Writes to the answer; false when the client went away. */
bool fastcgi_write(struct fastcgi *fastcgi, const void *data, size_t size);

/* A write fails, from now on, that can't go on for so long. */
void fastcgi_patience(struct fastcgi *fastcgi, unsigned seconds);

/* Ends the request and its connection. */
void fastcgi_finish(struct fastcgi *fastcgi);

/*
 * Ends the connection in the middle of the answer: nginx then closes the
 * client's as well, without the mark of the body's end.
 */
void fastcgi_abort(struct fastcgi *fastcgi);

#endif
