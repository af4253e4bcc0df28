/*
 * fastcgi.c: the accept loop over libfcgi. A worker first takes what waits in
 * the queue; only an empty queue makes it sleep in epoll, where a connection
 * wakes one worker (EPOLLEXCLUSIVE) and signals may come.
 */
#include "fcgi/fastcgi.h"

#include <errno.h>
#include <fastcgi.h>
#include <fcgiapp.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "db/base/log.h"

/* From so many bytes on libfcgi's buffer is a detour. */
#define LARGE_WRITE 16384

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

static bool
write_whole(int fd, struct iovec *parts, int nparts)
{
	while (nparts) {
		ssize_t done = writev(fd, parts, nparts);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return false;
		while (nparts && (size_t)done >= parts->iov_len) {
			done -= (ssize_t)parts->iov_len;
			parts++;
			nparts--;
		}
		if (nparts) {
			parts->iov_base = (char *)parts->iov_base + done;
			parts->iov_len -= (size_t)done;
		}
	}
	return true;
}

/* A record of its own: libfcgi would copy it, and write 8 KB at a time. */
static bool
write_record(const FCGX_Request *request, const char *data, size_t size)
{
	unsigned char header[FCGI_HEADER_LEN] = {
		FCGI_VERSION_1,
		FCGI_STDOUT,
		(unsigned char)(request->requestId >> 8),
		(unsigned char)request->requestId,
		(unsigned char)(size >> 8),
		(unsigned char)size,
	};
	struct iovec parts[] = { { header, sizeof header },
				 { (char *)(uintptr_t)data, size } };

	return write_whole(request->ipcFd, parts, 2);
}

bool
fastcgi_write(struct fastcgi *fastcgi, const void *data, size_t size)
{
	FCGX_Request *request = &fastcgi->request;
	const char *next = data;

	if (size < LARGE_WRITE)
		return FCGX_PutStr(next, (int)size, request->out) == (int)size;
	if (FCGX_FFlush(request->out))
		return false;
	while (size) {
		size_t part = size > FCGI_MAX_LENGTH ? FCGI_MAX_LENGTH : size;

		if (!write_record(request, next, part))
			return false;
		next += part;
		size -= part;
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
