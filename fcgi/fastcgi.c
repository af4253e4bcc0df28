/*
 * fastcgi.c: the accept loop over libfcgi. A worker first takes what waits in
 * the queue; only an empty queue makes it sleep in epoll, where a connection
 * wakes one worker (EPOLLEXCLUSIVE) and signals may come.
 */
#include "fcgi/fastcgi.h"

#include <errno.h>
#include <fcgiapp.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "db/base/log.h"

struct fastcgi {
	FCGX_Request request;
	int epoll;
};

struct fastcgi *
fastcgi_new(int fd)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLEXCLUSIVE };
	struct fastcgi *fastcgi = calloc(1, sizeof *fastcgi);

	if (!fastcgi)
		return NULL;
	fastcgi->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (fastcgi->epoll < 0 || FCGX_Init() ||
	    FCGX_InitRequest(&fastcgi->request, fd, FCGI_FAIL_ACCEPT_ON_INTR) ||
	    epoll_ctl(fastcgi->epoll, EPOLL_CTL_ADD, fd, &event)) {
		free(fastcgi);
		return NULL;
	}
	return fastcgi;
}

void
fastcgi_free(struct fastcgi *fastcgi)
{
	FCGX_Free(&fastcgi->request, 1);
	close(fastcgi->epoll);
	free(fastcgi);
}

/* Lets a stop that came during a request reach its handler. */
static void
take_stop(const sigset_t *none)
{
	struct timespec now = { 0 };
	sigset_t pending;

	if (!sigpending(&pending) && sigismember(&pending, SIGTERM) == 1)
		ppoll(NULL, 0, &now, none);
}

bool
fastcgi_accept(struct fastcgi *fastcgi, const volatile int *stop)
{
	struct epoll_event event;
	sigset_t none;

	sigemptyset(&none);
	for (;;) {
		take_stop(&none);
		if (*stop)
			return false;
		if (!FCGX_Accept_r(&fastcgi->request)) {
			/* nginx asks to keep it, see nginx/fastcgi.conf */
			fastcgi->request.keepConnection = 0;
			return true;
		}
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			continue;
		log_flush();
		epoll_pwait(fastcgi->epoll, &event, 1, -1, &none);
	}
}

char **
fastcgi_variables(struct fastcgi *fastcgi)
{
	return fastcgi->request.envp;
}

long
fastcgi_read(void *context, void *buffer, size_t size)
{
	struct fastcgi *fastcgi = context;
	int count = FCGX_GetStr(buffer, size > INT_MAX ? INT_MAX : (int)size,
				fastcgi->request.in);

	return FCGX_GetError(fastcgi->request.in) ? -1 : count;
}

bool
fastcgi_write(struct fastcgi *fastcgi, const void *data, size_t size)
{
	const char *next = data;

	while (size) {
		int part = size > INT_MAX ? INT_MAX : (int)size;

		if (FCGX_PutStr(next, part, fastcgi->request.out) < part)
			return false;
		next += part;
		size -= (size_t)part;
	}
	return true;
}

void
fastcgi_patience(struct fastcgi *fastcgi, unsigned seconds)
{
	struct timeval time = { .tv_sec = seconds };

	setsockopt(fastcgi->request.ipcFd, SOL_SOCKET, SO_SNDTIMEO, &time,
		   sizeof time);
}

/*
 * A body that nobody read is drained by libfcgi, after the end of the answer
 * and for a bounded time: nginx stops sending once it has an answer, so that
 * waiting for the rest before would last until its time-out.
 */
void
fastcgi_finish(struct fastcgi *fastcgi)
{
	FCGX_Finish_r(&fastcgi->request);
}

void
fastcgi_abort(struct fastcgi *fastcgi)
{
	FCGX_Free(&fastcgi->request, 1);
}
