/*
 * reply.h: the items that an action answers: [{"ResponseType":…,
 * "Attributes":…}, …] (wire/actions.md 1.2).
 */
#ifndef ACTD_REPLY_H
#define ACTD_REPLY_H

#include <json-c/json.h>

#include "db/base/arena.h"
#include "db/base/strbuf.h"

struct reply_item {
	const char *type;
	struct json_object *attributes; /* owned by the arena */
	struct json_object *beside; /* members written after Attributes, or
				       NULL; owned by the arena */
};

struct reply {
	struct arena *arena;
	struct reply_item *items;
	size_t nitems;
	struct json_object *result; /* for references, or NULL */
};

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

/* Takes over the items of `other`, in order. */
void reply_append(struct reply *reply, const struct reply *other);

/*
 * The array as text: ResponseType first, keys within Attributes sorted, and
 * & < > as \u0026 \u003c \u003e.
 */
void reply_write(struct strbuf *buf, const struct reply *reply);

#endif
