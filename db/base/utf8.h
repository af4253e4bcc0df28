/*
 * utf8.h: whether bytes are UTF-8, and how many characters they are.
 */
#ifndef ACTD_UTF8_H
#define ACTD_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Well-formed UTF-8 (RFC 3629) without a NUL. */
bool utf8_is_text(const char *text, size_t length);

/* Characters of well-formed UTF-8. */
size_t utf8_characters(const char *text);

#endif
