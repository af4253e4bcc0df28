/*
 * request.h: a request and its response as plain data. Handlers know no
 * sockets and no FastCGI: fcgi/ fills the one and sends the other, a unit
 * test builds both on the stack.
 */
#ifndef ACTD_REQUEST_H
#define ACTD_REQUEST_H

#include <json-c/json.h>

#include "db/account.h"
#include "db/base/shared.h"
#include "db/base/strbuf.h"
#include "db/db.h"
#include "db/model.h"
#include "db/permission.h"
#include "db/retention.h"
#include "db/row.h"
#include "db/value.h"

struct script_host;
struct answer_file; /* handlers/answer_file.h */

/* What the configuration says, as far as handlers need it. */
struct settings {
	const char *token_issuer;
	const char *token_secret;	 /* text, at least 32 bytes */
	int64_t token_seconds;		 /* lifetime, 72 h */
	struct value_settings values;	 /* bcrypt cost, encryption key */
	int64_t json_body_max;		 /* bytes of a JSON body in memory */
	int64_t page_size_max;		 /* 1000 */
	const char *const *cors_origins; /* with credentials; NULL-ended */
	const char *schema_folder;	 /* schema_*.* are read here */
	struct file_store files;	 /* uploads by content hash */
	const char *sites_folder;
	const char *evaluator; /* path of the JavaScript evaluator */
	const char *instance;  /* name, for logs */
	bool metrics_public;   /* /metrics for clients elsewhere too */
	int64_t script_ms;     /* longest run of a JavaScript value */
	struct retention retention;
};

enum method {
	METHOD_GET,
	METHOD_HEAD,
	METHOD_POST,
	METHOD_PUT,
	METHOD_PATCH,
	METHOD_DELETE,
	METHOD_OPTIONS,
	METHOD_OTHER
};

/* A decoded query parameter, in the order of the URL. */
struct parameter {
	const char *name;
	const char *value;
};

#define CAPTURES_MAX 6

/*
 * The bytes of a body, read once, from the front. `read` gives the number of
 * bytes put into `buffer`, 0 at the end, -1 when the client went away.
 */
struct body {
	long (*read)(void *context, void *buffer, size_t size);
	void *context;
	int64_t length; /* -1: unknown */
};

struct request {
	struct arena *arena;
	struct db *db;
	const struct settings *settings;
	struct shared *shared;
	struct shared_slot *slot; /* of the worker; NULL: none */
	struct account_cache *accounts;
	struct token_cache *tokens; /* or NULL */
	struct model **model_slot;  /* the worker's model; see request_reload */
	const struct model *model;
	const struct actor *actor;

	const char *id;	  /* nginx' request id, for logs and errors */
	const char *pool; /* name of the pool that serves it */
	enum method method;
	const char *path;		    /* as sent, without query string */
	const char *captures[CAPTURES_MAX]; /* decoded parts of the path */
	size_t ncaptures;
	const struct parameter *parameters;
	size_t nparameters;
	/* CGI meta-variables (RFC 3875) as NAME=value, NULL-ended */
	const char *const *variables;
	struct body body;
	struct script_host *scripts; /* the worker's; NULL: no scripts */
	const char *body_text;	     /* what request_body() has read, or NULL */
	size_t body_length;
	int *spools; /* files that came with the body (handlers/spool.h) */
	size_t nspools;
	int64_t body_max; /* for request_body(); 0: settings->json_body_max */
};

struct header {
	const char *name;
	const char *value;
};

/*
 * A body that is made while it is sent. `next` gives the next bytes, valid
 * until it is called again; `*data` is NULL at the end. After an error the
 * answer is cut off, so that nobody takes it for whole.
 */
struct answer_stream {
	struct error *(*next)(void *context, const char **data, size_t *size);
	void *context;
};

#define RESPONSE_HEADERS_MAX 16

struct response {
	struct arena *arena;
	int status;		  /* 200 unless set */
	const char *content_type; /* NULL: no body */
	struct strbuf body;
	/* sent as the body in its place, or NULL */
	const struct answer_file *file;
	const struct answer_stream *stream;
	struct header headers[RESPONSE_HEADERS_MAX];
	size_t nheaders;
	const char *hand_over; /* pool that shall serve it instead, or NULL */
};

/* 200 without a body. */
void response_init(struct response *response, struct arena *arena);

/* Adds a header; control characters in the value are taken out. */
void response_header(struct response *response, const char *name,
		     const char *value);

/* A CGI variable ("HTTP_IF_MATCH"), NULL if it is not there or empty. */
const char *request_variable(const struct request *request, const char *name);

/* First value of a query parameter ("page[size]"), NULL if absent. */
const char *request_parameter(const struct request *request, const char *name);

/*
 * The whole body, at most settings->json_body_max bytes (413 "body-too-large"),
 * checked to be UTF-8 without NUL (400). Reads it at the first call.
 */
struct error *request_body(struct request *request, const char **data,
			   size_t *length) MUST_CHECK;

/*
 * The body as strictly read JSON, released with the arena; 415 unless the
 * content type is JSON:API, JSON or none; 400 with what is wrong and where.
 */
struct error *request_json(struct request *request,
			   struct json_object **value) MUST_CHECK;

/*
 * Where the request can't be served by this pool: asks for the other pool and
 * returns true, if it is not in it already. The handler then returns NULL at
 * once, having done nothing.
 */
bool request_hand_over(const struct request *request, struct response *response,
		       const char *pool);

/*
 * Sets request->model to the newest model: loads it if the generation has
 * moved since a worker did. An older one lives until the request ends.
 */
struct error *request_load_model(struct request *request) MUST_CHECK;

/* At the end, after the arena: lets go a model that others may replace. */
void request_release_model(struct request *request);

/*
 * Makes request->settings those of actd.conf with what the model's settings
 * change in them.
 */
void request_apply_settings(struct request *request, const struct model *model);

/*
 * Raises the node's model generation, announces it to the others and loads
 * the new model for the rest of this request. After the commit.
 */
struct error *request_reload(struct request *request) MUST_CHECK;

/*
 * Whether what the open transaction has written to the rows of definitions
 * still makes a model, which has every entity that there is: 422 if not. 409
 * where a group that rights hang on would be another one.
 */
struct error *request_check_model(struct request *request) MUST_CHECK;

/* Raises the access generation: users, groups or memberships changed. */
void request_access_changed(struct request *request);

/* The context of db/row.h for this request. */
struct row_context request_row_context(const struct request *request,
				       bool trusted);

#endif
