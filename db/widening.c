/*
 * widening.c: which changes of a column's type lose nothing. Everything that
 * is not found here is narrowing, and refused.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/plan.h"

struct type {
	char base[40];
	long first; /* length or precision; -1: none given */
	long scale;
};

/* "numeric(10,2)" into its parts; what follows the bracket is base too. */
static struct type
parse_type(const char *text)
{
	struct type type = { .first = -1 };
	const char *open = strchr(text, '(');
	const char *close = open ? strchr(open, ')') : NULL;

	if (!close) {
		snprintf(type.base, sizeof type.base, "%s", text);
		return type;
	}
	snprintf(type.base, sizeof type.base, "%.*s%s", (int)(open - text),
		 text, close + 1);
	type.first = strtol(open + 1, NULL, 10);
	if (strchr(open, ','))
		type.scale = strtol(strchr(open, ',') + 1, NULL, 10);
	return type;
}

/* Decimal digits before the point; -1: not a whole number. */
static long
integer_digits(const char *base)
{
	if (!strcmp(base, "smallint"))
		return 5;
	if (!strcmp(base, "integer"))
		return 10;
	if (!strcmp(base, "bigint"))
		return 19;
	return -1;
}

static bool
numeric_is_wider(const struct type *from, const struct type *to)
{
	if (to->first < 0)
		return true;
	if (integer_digits(from->base) > 0)
		return to->first - to->scale >= integer_digits(from->base);
	return !strcmp(from->base, "numeric") && from->first >= 0 &&
	       to->scale >= from->scale &&
	       to->first - to->scale >= from->first - from->scale;
}

static bool
varchar_is_wider(const struct type *from, const struct type *to)
{
	return from->first >= 0 && (to->first < 0 || to->first >= from->first);
}

static bool
is_unlimited(const struct type *from UNUSED, const struct type *to)
{
	return to->first < 0;
}

/* Changes of the base type that lose nothing. */
static const struct {
	const char *from, *to;
	const char *using;
	bool (*condition)(const struct type *from, const struct type *to);
} widenings[] = {
	{ "smallint", "integer", "", NULL },
	{ "smallint", "bigint", "", NULL },
	{ "integer", "bigint", "", NULL },
	{ "smallint", "numeric", "", numeric_is_wider },
	{ "integer", "numeric", "", numeric_is_wider },
	{ "bigint", "numeric", "", numeric_is_wider },
	{ "numeric", "numeric", "", numeric_is_wider },
	{ "smallint", "real", "", NULL },
	{ "smallint", "double precision", "", NULL },
	{ "integer", "double precision", "", NULL },
	{ "real", "double precision", "", NULL },
	{ "character varying", "character varying", "", varchar_is_wider },
	{ "character varying", "text", "", NULL },
	{ "character", "text", "", NULL },
	{ "character", "character varying", "", varchar_is_wider },
	{ "text", "character varying", "", is_unlimited },
	{ "smallint", "text", "%s::text", NULL },
	{ "integer", "text", "%s::text", NULL },
	{ "bigint", "text", "%s::text", NULL },
	{ "numeric", "text", "%s::text", NULL },
	{ "boolean", "text", "%s::text", NULL },
	{ "uuid", "text", "%s::text", NULL },
	{ "date", "timestamp with time zone",
	  "%s::timestamp AT TIME ZONE 'UTC'", NULL },
	{ "timestamp without time zone", "timestamp with time zone",
	  "%s AT TIME ZONE 'UTC'", NULL },
};

bool
type_is_wider(const char *from_text, const char *to_text, const char **using)
{
	struct type from = parse_type(from_text);
	struct type to = parse_type(to_text);

	for (size_t i = 0; i < ARRAY_SIZE(widenings); i++) {
		if (strcmp(widenings[i].from, from.base) ||
		    strcmp(widenings[i].to, to.base))
			continue;
		*using = widenings[i].using;
		return !widenings[i].condition ||
		       widenings[i].condition(&from, &to);
	}
	return false;
}

long
type_varchar_length(const char *text)
{
	struct type type = parse_type(text);

	return strcmp(type.base, "character varying") || type.first < 0
		       ? 0
		       : type.first;
}
