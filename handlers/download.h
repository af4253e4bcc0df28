/*
 * download.h: a file of a reply as an answer of its own.
 */
#ifndef ACTD_DOWNLOAD_H
#define ACTD_DOWNLOAD_H

#include "handlers/engine.h"

/*
 * Whether the caller wants the bytes of a file that `action` makes: by the
 * query parameter `download`, by Accept: application/octet-stream, or by the
 * media type of a format other than JSON.
 */
bool download_is_wanted(const struct request *request,
			const struct action *action);

/*
 * Whether such a file can be sent while it is made: to a client of HTTP/1.1
 * or later, who sees where it was cut off.
 */
bool download_is_streamed(const struct request *request,
			  const struct action *action);

/* Answers the file of `item`, to be saved under its name. */
void download_answer(struct response *response, const struct reply_item *item);

#endif
