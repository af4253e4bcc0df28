/*
 * idempotency.c: which request a key stands for, and answers again.
 */
#include "handlers/idempotency.h"

#include <string.h>

#include "db/base/crypto.h"
#include "db/idempotency.h"

static const char *
key_of(const struct request *request)
{
	return request_variable(request, "HTTP_IDEMPOTENCY_KEY");
}

static struct error *
digest_of(struct request *request, const char **digest)
{
	struct strbuf text;
	struct error *error;
	const char *body;
	size_t length;

	error = request_body(request, &body, &length);
	if (error)
		return error;
	strbuf_init(&text, request->arena);
	strbuf_puts(&text, request->path);
	strbuf_putc(&text, '\n');
	strbuf_add(&text, body, length);
	*digest = crypto_sha256_hex(request->arena, text.data, text.length);
	return NULL;
}

/* Answers may have secrets, such as tokens: they are kept encrypted. */
static struct error *
replay(const struct request *request, struct response *response,
       const struct kept_answer *kept)
{
	char *body = NULL;

	if (kept->body &&
	    !crypto_decrypt(request->arena,
			    request->settings->values.encryption_key,
			    kept->body, &body))
		return error_internal(request->arena,
				      "an answer was kept with another key");
	response->status = kept->status;
	response->content_type = kept->content_type;
	if (kept->location)
		response_header(response, "Location", kept->location);
	if (kept->entity_tag)
		response_header(response, "ETag", kept->entity_tag);
	if (body)
		strbuf_puts(&response->body, body);
	return NULL;
}

struct error *
idempotency_begin(struct request *request, struct response *response,
		  bool *replayed)
{
	const char *key = key_of(request);
	struct kept_answer *kept = NULL;
	struct error *error;
	const char *digest;

	*replayed = false;
	if (!key)
		return NULL;
	if (strlen(key) > 255 || !request->actor->id)
		return error_new(request->arena, 400, "bad-idempotency-key",
				 "An Idempotency-Key has at most 255 bytes, "
				 "and needs a signed-in caller.");
	error = digest_of(request, &digest);
	if (!error)
		error = idempotency_claim(
			request->db, request->arena, request->actor->id, key,
			digest, request->settings->retention.idempotency_hours,
			&kept);
	if (error || !kept)
		return error;
	*replayed = true;
	return replay(request, response, kept);
}

static const char *
header_of(const struct response *response, const char *name)
{
	for (size_t i = 0; i < response->nheaders; i++)
		if (!strcmp(response->headers[i].name, name))
			return response->headers[i].value;
	return NULL;
}

struct error *
idempotency_end(struct request *request, const struct response *response)
{
	struct kept_answer answer = {
		.status = response->status,
		.content_type = response->content_type,
		.location = header_of(response, "Location"),
		.entity_tag = header_of(response, "ETag"),
	};
	const char *key = key_of(request);

	if (!key)
		return NULL;
	if (response->body.length)
		answer.body =
			crypto_encrypt(request->arena,
				       request->settings->values.encryption_key,
				       response->body.data);
	return idempotency_keep(request->db, request->arena, request->actor->id,
				key, &answer);
}
