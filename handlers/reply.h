/*
 * reply.h: the items that an action answers: [{"ResponseType":…,
 * "Attributes":…}, …] (wire/actions.md 1.2).
 */
#ifndef ACTD_REPLY_H
#define ACTD_REPLY_H

#include <json-c/json.h>

#include "db/base/arena.h"
#include "db/base/strbuf.h"

struct answer_file;   /* handlers/answer_file.h */
struct answer_stream; /* handlers/request.h */

struct reply_item {
	const char *type;
	struct json_object *attributes; /* owned by the arena */
	struct json_object *beside;	/* members written after Attributes, or
					   NULL; owned by the arena */
	const struct answer_file *file; /* written in base64 as the attribute
				     content, or NULL */
	const struct answer_stream *stream; /* the same, which can't be
					       written: see reply_file() */
};

/* Bytes of files that a reply holds in base64. */
#define REPLY_FILES_MAX (16 << 20)

struct reply {
	struct arena *arena;
	struct reply_item *items;
	size_t nitems;
	struct json_object *result; /* for references, or NULL */
};

/* A reply without items. */
void reply_init(struct reply *reply, struct arena *arena);

/* Adds an item; takes `attributes` over. */
void reply_add(struct reply *reply, const char *type,
	       struct json_object *attributes);

/* client.notify: `kind` is "success", "error" or "message". */
void reply_notify(struct reply *reply, const char *kind, const char *title,
		  const char *message);
/* client.redirect to a path of this host, window "self". Milliseconds. */
void reply_redirect(struct reply *reply, const char *location, int delay_ms);
/* client.store.set, and client.cookie.set */
void reply_store(struct reply *reply, const char *key, const char *value);
void reply_cookie(struct reply *reply, const char *key, const char *value);
/* client.file.download; `content` is encoded in base64. */
void reply_download(struct reply *reply, const char *name,
		    const char *content_type, const char *message,
		    const void *content, size_t size);

/* The same for a file, which may be sent by itself in place of the reply. */
void reply_download_file(struct reply *reply, const char *name,
			 const char *content_type, const char *message,
			 const struct answer_file *file);

/* The same for bytes that are made while they are sent, by themselves. */
void reply_download_stream(struct reply *reply, const char *name,
			   const char *content_type, const char *message,
			   const struct answer_stream *stream);

/* The last item that is a file or a stream, NULL if there is none. */
const struct reply_item *reply_file(const struct reply *reply);

/* Takes over the items of `other`, in order. */
void reply_append(struct reply *reply, const struct reply *other);

/*
 * The array as text: ResponseType first, keys within Attributes sorted, and
 * & < > as \u0026 \u003c \u003e.
 */
void reply_write(struct strbuf *buf, const struct reply *reply);

/*
 * Whether reply_write() can hold its files in memory; else 413 that names the
 * other way.
 */
struct error *reply_check_files(const struct reply *reply) MUST_CHECK;

#endif
