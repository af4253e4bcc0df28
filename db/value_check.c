/*
 * value_check.c: mail addresses, URLs, colours, ranges, base64: one function
 * per tag.
 */
#include "db/value_check.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "db/base/compiler.h"
#include "db/base/crypto.h"

#define MAIL_MAX 254	  /* RFC 5321 section 4.5.3.1.3 */
#define MAIL_LOCAL_MAX 64 /* section 4.5.3.1.1 */
#define DOMAIN_LABEL_MAX 63

/* Letters, digits, hyphens inside; bytes beyond ASCII are letters. */
static bool
is_label(const char *text, size_t length)
{
	if (!length || length > DOMAIN_LABEL_MAX || text[0] == '-' ||
	    text[length - 1] == '-')
		return false;
	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)text[i]) && text[i] != '-' &&
		    !((unsigned char)text[i] & 0x80))
			return false;
	return true;
}

static bool
is_domain(const char *text)
{
	for (;;) {
		size_t length = strcspn(text, ".");

		if (!is_label(text, length))
			return false;
		if (!text[length])
			return true;
		text += length + 1;
	}
}

/* dot-atom of RFC 5322, with letters of other scripts. */
static bool
is_mail_local(const char *text, size_t length)
{
	static const char others[] = "!#$%&'*+-/=?^_`{|}~.";

	if (!length || length > MAIL_LOCAL_MAX || text[0] == '.' ||
	    text[length - 1] == '.')
		return false;
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];

		if (!isalnum(c) && c < 0x80 && !strchr(others, c))
			return false;
		if (c == '.' && text[i + 1] == '.')
			return false;
	}
	return true;
}

static bool
is_mail(const char *text, const char *argument UNUSED)
{
	const char *at = strrchr(text, '@');

	return at && strlen(text) <= MAIL_MAX &&
	       is_mail_local(text, (size_t)(at - text)) && is_domain(at + 1);
}

/* A scheme and something after it, without blanks and control bytes. */
static bool
is_url(const char *text, const char *argument UNUSED)
{
	size_t scheme = 0;

	if (!isalpha((unsigned char)*text))
		return false;
	while (isalnum((unsigned char)text[scheme]) ||
	       (text[scheme] && strchr("+-.", text[scheme])))
		scheme++;
	if (text[scheme] != ':' || !text[scheme + 1])
		return false;
	if (!strncmp(text + scheme, "://", 3) && !text[scheme + 3])
		return false;
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return false;
	return true;
}

/* rgb(…), rgba(…), hsl(…), hsla(…): numbers, percentages, commas. */
static bool
is_color_function(const char *text)
{
	static const char *const names[] = { "rgb(", "rgba(", "hsl(", "hsla(" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		size_t length = strlen(names[i]);
		size_t inside;

		if (strncasecmp(text, names[i], length))
			continue;
		inside = strspn(text + length, "0123456789.,%/- ");
		return inside && !strcmp(text + length + inside, ")");
	}
	return false;
}

static bool
is_color(const char *text, const char *argument UNUSED)
{
	size_t length = strlen(text);

	if (*text != '#')
		return is_color_function(text);
	return strspn(text + 1, "0123456789abcdefABCDEF") == length - 1 &&
	       (length == 4 || length == 5 || length == 7 || length == 9);
}

static bool
is_at_least(const char *text, const char *argument)
{
	return strtod(text, NULL) >= strtod(argument, NULL);
}

static bool
is_at_most(const char *text, const char *argument)
{
	return strtod(text, NULL) <= strtod(argument, NULL);
}

static bool
is_latitude(const char *text, const char *argument UNUSED)
{
	return is_at_least(text, "-90") && is_at_most(text, "90");
}

static bool
is_longitude(const char *text, const char *argument UNUSED)
{
	return is_at_least(text, "-180") && is_at_most(text, "180");
}

/* With or without "data:image/png;base64," before it. */
static bool
is_base64(const char *text, const char *argument UNUSED)
{
	const char *comma = strchr(text, ',');
	struct arena *arena;
	unsigned char *data;
	size_t size;
	bool is_valid;

	if (comma && !strncmp(text, "data:", 5))
		text = comma + 1;
	arena = arena_new();
	is_valid =
		crypto_base64_decode(arena, text, strlen(text), &data, &size);
	arena_free(arena);
	return is_valid;
}

static bool
is_given(const char *text, const char *argument UNUSED)
{
	return *text;
}

static const struct {
	const char *tag;
	bool (*holds)(const char *text, const char *argument);
	const char *expected;
} checks[] = {
	{ "required", is_given, "something" },
	{ "email", is_mail, "a mail address" },
	{ "url", is_url, "a URL" },
	{ "iscolor", is_color, "a colour such as #3366cc" },
	{ "min", is_at_least, "at least" },
	{ "max", is_at_most, "at most" },
	{ "latitude", is_latitude, "a latitude from -90 to 90" },
	{ "longitude", is_longitude, "a longitude from -180 to 180" },
	{ "base64", is_base64, "base64" },
};

/* One tag, "min=0"; what was expected, or NULL. */
static const char *
check_tag(struct arena *arena, const char *tag, const char *text)
{
	size_t length = strcspn(tag, "=");
	const char *argument = tag[length] ? tag + length + 1 : "";

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		if (strlen(checks[i].tag) != length ||
		    strncmp(checks[i].tag, tag, length))
			continue;
		if (checks[i].holds(text, argument))
			return NULL;
		return arena_printf(arena, "%s%s%s", checks[i].expected,
				    *argument ? " " : "", argument);
	}
	return NULL;
}

const char *
value_check(struct arena *arena, const char *tags, const char *text)
{
	while (tags && *tags) {
		size_t length = strcspn(tags, ",");
		const char *expected = check_tag(
			arena, arena_strndup(arena, tags, length), text);

		if (expected)
			return expected;
		tags += length + (tags[length] == ',');
	}
	return NULL;
}

bool
value_check_location(const char *text)
{
	double latitude, longitude;
	int end = 0;

	return sscanf(text, " [ %lf , %lf ] %n", &latitude, &longitude, &end) ==
		       2 &&
	       end && !text[end] && latitude >= -90 && latitude <= 90 &&
	       longitude >= -180 && longitude <= 180;
}
