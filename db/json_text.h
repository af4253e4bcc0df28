/*
 * json_text.h: whether a text is JSON, without building it: for columns that
 * keep JSON as the text that it is.
 */
#ifndef ACTD_JSON_TEXT_H
#define ACTD_JSON_TEXT_H

#include <stdbool.h>

/* Deeper nesting is refused. */
#define JSON_TEXT_DEPTH 64

/* One value of RFC 8259, with blanks around it. `text` is UTF-8. */
bool json_text_is_valid(const char *text);

#endif
