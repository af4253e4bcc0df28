/*
 * schema_json.h: appends members and items of JSON text, the comma before them
 * where one is due. The brackets around them are the caller's.
 */
#ifndef ACTD_SCHEMA_JSON_H
#define ACTD_SCHEMA_JSON_H

#include <stdbool.h>

#include "db/base/strbuf.h"

/* The comma between members and items. */
void json_separate(struct strbuf *buf);

/* "key": and, but for the first, its value. NULL texts are "". */
void json_add_key(struct strbuf *buf, const char *key);
void json_add_text(struct strbuf *buf, const char *key, const char *text);
void json_add_boolean(struct strbuf *buf, const char *key, bool value);
void json_add_integer(struct strbuf *buf, const char *key, int64_t value);
/* `json` is the value's text; NULL: null. */
void json_add_value(struct strbuf *buf, const char *key, const char *json);
void json_add_null(struct strbuf *buf, const char *key);
void json_add_texts(struct strbuf *buf, const char *key,
		    const char *const *texts, size_t count);

/* "key":true, or nothing. */
void json_add_mark(struct strbuf *buf, const char *key, bool value);

#endif
