/*
 * yaml_write.h: a json-c tree as YAML, in block style, that yaml.c reads back
 * as the same tree.
 */
#ifndef ACTD_FORMAT_YAML_WRITE_H
#define ACTD_FORMAT_YAML_WRITE_H

#include <json-c/json.h>

#include "db/base/strbuf.h"

/* Appends `value` as one YAML document without markers. */
void yaml_write(struct strbuf *buf, struct json_object *value);

#endif
