/*
 * stream.h: one client of the events process: its request as it comes, the
 * job it watches, and what is to be sent to it.
 */
#ifndef ACTD_STREAM_H
#define ACTD_STREAM_H

#include "db/job.h"

/* A longer head is refused; nginx itself takes no more. */
#define STREAM_HEAD_MAX 70000

/* A client that leaves so much unread is let go. */
#define STREAM_OUT_MAX 65536

enum stream_phase {
	STREAM_READING, /* its head */
	STREAM_WATCHING,
	STREAM_ENDING, /* what is left is sent */
	STREAM_DEAD,
};

struct stream {
	struct stream *next;
	int fd;
	enum stream_phase phase;
	char *head; /* NUL-terminated */
	size_t head_length;
	char *out;
	size_t out_length;
	char job_id[37];
	char state[16]; /* the last that was sent; "": none */
	int64_t done;	/* and how far it was */
	int64_t total;
	int64_t account;
	int64_t began_us; /* of the connection */
	int64_t sent_us;  /* of the last bytes */
	bool stale;	  /* its job has changed */
};

/* A client on the connection `fd`, which stream_free() closes. */
struct stream *stream_new(int fd, int64_t now_us);
void stream_free(struct stream *stream);

/* Reads what has come; true when the head is whole. */
bool stream_read(struct stream *stream);

/*
 * The head as CGI variables (NAME=value, NULL-ended), in `arena`; NULL where
 * it is no request.
 */
char **stream_variables(struct arena *arena, const struct stream *stream);

/* Queues bytes and sends what the client takes. */
void stream_send(struct stream *stream, const void *data, size_t size,
		 int64_t now_us);

/* Sends what is queued. */
void stream_flush(struct stream *stream);

/* Sends an event if `state` says anything new; after the last one it ends. */
void stream_tell(struct arena *arena, struct stream *stream,
		 const struct job_state *state, int64_t now_us);

#endif
