/*
 * media_type.h: what a file is served as: by the end of its name and by
 * nothing that its uploader says.
 */
#ifndef ACTD_MEDIA_TYPE_H
#define ACTD_MEDIA_TYPE_H

#include <stdbool.h>

struct media_type {
	const char *extension; /* lower case */
	const char *name;      /* "image/png" */
	bool is_inline;	       /* a browser may show it: nothing in it runs */
};

/* By the name's end in any case; application/octet-stream for others. */
const struct media_type *media_type_of(const char *file_name);

#endif
