/*
 * listen.c: opens, inherits and removes listening sockets. They are set not
 * to block: workers wait with epoll and take what is there.
 */
#include "fcgi/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define FIRST_INHERITED 3 /* SD_LISTEN_FDS_START of sd_listen_fds(3) */

static struct error *
fail(struct arena *arena, const char *what, const char *address)
{
	return error_new(arena, 503, "no-socket", "can't %s %s: %s", what,
			 address, strerror(errno));
}

struct error *
listen_lock(struct arena *arena, const char *file, int *fd)
{
	char holder[32] = "";
	char *text;
	size_t length;

	*fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (*fd < 0)
		return fail(arena, "open the lock file", file);
	if (flock(*fd, LOCK_EX | LOCK_NB)) {
		if (read(*fd, holder, sizeof holder - 1) < 0)
			holder[0] = '\0';
		holder[strcspn(holder, "\n")] = '\0';
		close(*fd);
		return error_new(arena, 409, "already-running",
				 "another actd (process %s) runs this "
				 "instance: it holds %s",
				 *holder ? holder : "unknown", file);
	}
	text = arena_printf(arena, "%d\n", (int)getpid());
	length = strlen(text);
	if (ftruncate(*fd, 0) || pwrite(*fd, text, length, 0) < 0)
		return fail(arena, "write the lock file", file);
	return NULL;
}

static struct error *
open_unix(struct arena *arena, const char *path, mode_t mode, int *fd)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof address.sun_path)
		return error_new(arena, 503, "no-socket",
				 "the path of a socket may have %zu bytes, "
				 "this one has more: %s",
				 sizeof address.sun_path - 1, path);
	strcpy(address.sun_path, path);
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		return fail(arena, "make a socket for", path);
	unlink(path); /* of a master that was killed: we hold the lock */
	if (bind(*fd, (struct sockaddr *)&address, sizeof address) ||
	    chmod(path, mode)) {
		close(*fd);
		return fail(arena, "listen at", path);
	}
	return NULL;
}

static int
bind_tcp(const struct addrinfo *info)
{
	static const int on = 1;
	int fd = socket(info->ai_family, info->ai_socktype | SOCK_CLOEXEC,
			info->ai_protocol);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (!bind(fd, info->ai_addr, info->ai_addrlen))
		return fd;
	close(fd);
	return -1;
}

static struct error *
open_tcp(struct arena *arena, const char *address, int *fd)
{
	static const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
					       .ai_flags = AI_PASSIVE };
	const char *colon = strrchr(address, ':');
	struct addrinfo *info = NULL;
	char *host;
	int code;

	if (!colon)
		return error_new(arena, 503, "no-socket",
				 "%s is neither a path nor HOST:PORT", address);
	host = arena_strndup(arena, address, (size_t)(colon - address));
	if (*host == '[' && host[strlen(host) - 1] == ']') {
		host[strlen(host) - 1] = '\0';
		host++;
	}
	code = getaddrinfo(*host ? host : NULL, colon + 1, &hints, &info);
	if (code)
		return error_new(arena, 503, "no-socket",
				 "can't listen at %s: %s", address,
				 gai_strerror(code));
	*fd = bind_tcp(info);
	freeaddrinfo(info);
	return *fd < 0 ? fail(arena, "listen at", address) : NULL;
}

static struct error *
open_listener(struct arena *arena, const struct config *config,
	      const struct pool *pool, struct listener *listener)
{
	struct error *err;

	if (strchr(pool->listen, '/')) {
		err = open_unix(arena, pool->listen,
				(mode_t)config->socket_mode, &listener->fd);
		if (!err)
			listener->unlink_path =
				arena_strdup(arena, pool->listen);
	} else {
		err = open_tcp(arena, pool->listen, &listener->fd);
	}
	if (err)
		return err;
	if (listen(listener->fd, (int)config->backlog))
		return fail(arena, "listen at", pool->listen);
	return NULL;
}

/* Assigns the descriptors of LISTEN_FDS to the pools they name. */
static void
inherit(struct arena *arena, const struct config *config,
	struct listener listeners[POOLS])
{
	const char *pid = getenv("LISTEN_PID");
	const char *fds = getenv("LISTEN_FDS");
	const char *names = getenv("LISTEN_FDNAMES");

	if (!pid || !fds || !names || strtol(pid, NULL, 10) != (long)getpid())
		return;
	for (int i = 0; i < strtol(fds, NULL, 10); i++) {
		size_t length = strcspn(names, ":");
		const char *name = arena_strndup(arena, names, length);

		for (int pool = 0; pool < POOLS; pool++)
			if (!strcmp(name, config->pools[pool].name))
				listeners[pool].fd = FIRST_INHERITED + i;
		names += length + (names[length] == ':');
	}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
}

struct error *
listen_open(struct arena *arena, const struct config *config,
	    struct listener listeners[POOLS])
{
	for (int i = 0; i < POOLS; i++)
		listeners[i] = (struct listener){ .fd = -1 };
	inherit(arena, config, listeners);
	for (int i = 0; i < POOLS; i++) {
		struct error *err = NULL;

		if (!*config->pools[i].listen)
			continue;
		if (listeners[i].fd < 0)
			err = open_listener(arena, config, &config->pools[i],
					    &listeners[i]);
		if (!err && (fcntl(listeners[i].fd, F_SETFL, O_NONBLOCK) ||
			     fcntl(listeners[i].fd, F_SETFD, FD_CLOEXEC)))
			err = fail(arena, "use the socket of",
				   config->pools[i].name);
		if (err) {
			listen_close(listeners);
			return err;
		}
	}
	return NULL;
}

void
listen_close(struct listener listeners[POOLS])
{
	for (int i = 0; i < POOLS; i++) {
		if (listeners[i].fd >= 0)
			close(listeners[i].fd);
		if (listeners[i].unlink_path)
			unlink(listeners[i].unlink_path);
		listeners[i] = (struct listener){ .fd = -1 };
	}
}
