/*
 * idempotency.h: the header Idempotency-Key on POST: a request that is sent
 * again gets the first one's answer again (db/idempotency.h).
 */
#ifndef ACTD_HANDLER_IDEMPOTENCY_H
#define ACTD_HANDLER_IDEMPOTENCY_H

#include "handlers/request.h"

/*
 * Before the work: nothing without the header. `*replayed` is true where the
 * answer is in `response` already and the work must not be done. 400 for a
 * key that is longer than 255 bytes, or a guest's.
 */
struct error *idempotency_begin(struct request *request,
				struct response *response,
				bool *replayed) MUST_CHECK;

/* After the work and before the commit: keeps what `response` says. */
struct error *idempotency_end(struct request *request,
			      const struct response *response) MUST_CHECK;

#endif
