/*
 * json_text.c: the grammar of RFC 8259, as a walk over the text. json-c is
 * more generous (NaN, 00), and would give back another text.
 */
#include "db/json_text.h"

#include <stddef.h>
#include <string.h>

static const char *value(const char *p, unsigned depth);

static const char *
blanks(const char *p)
{
	return p + strspn(p, " \t\r\n");
}

static const char *
digits(const char *p)
{
	size_t count = strspn(p, "0123456789");

	return count ? p + count : NULL;
}

static const char *
number(const char *p)
{
	if (*p == '-')
		p++;
	p = *p == '0' ? p + 1 : digits(p);
	if (p && *p == '.')
		p = digits(p + 1);
	if (p && (*p == 'e' || *p == 'E')) {
		p++;
		p = digits(*p == '+' || *p == '-' ? p + 1 : p);
	}
	return p;
}

static const char *
escape(const char *p)
{
	if (*p == 'u')
		return strspn(p + 1, "0123456789abcdefABCDEF") >= 4 ? p + 5
								    : NULL;
	return *p && strchr("\"\\/bfnrt", *p) ? p + 1 : NULL;
}

static const char *
string(const char *p)
{
	if (*p++ != '"')
		return NULL;
	while (p && *p != '"') {
		if ((unsigned char)*p < 0x20)
			return NULL;
		p = *p == '\\' ? escape(p + 1) : p + 1;
	}
	return p ? p + 1 : NULL;
}

static const char *
member(const char *p, unsigned depth)
{
	p = string(p);
	if (!p)
		return NULL;
	p = blanks(p);
	return *p == ':' ? value(p + 1, depth) : NULL;
}

/* Members or items after the opening bracket, to behind the closing one. */
static const char *
list(const char *p, unsigned depth, char end,
     const char *(*item)(const char *, unsigned))
{
	p = blanks(p);
	if (*p == end)
		return p + 1;
	for (;;) {
		p = item(blanks(p), depth + 1);
		if (!p)
			return NULL;
		p = blanks(p);
		if (*p == end)
			return p + 1;
		if (*p++ != ',')
			return NULL;
	}
}

static const char *
word(const char *p)
{
	static const char *const words[] = { "true", "false", "null" };

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (!strncmp(p, words[i], strlen(words[i])))
			return p + strlen(words[i]);
	return NULL;
}

static const char *
value(const char *p, unsigned depth)
{
	if (depth > JSON_TEXT_DEPTH)
		return NULL;
	p = blanks(p);
	if (*p == '{')
		return list(p + 1, depth, '}', member);
	if (*p == '[')
		return list(p + 1, depth, ']', value);
	if (*p == '"')
		return string(p);
	if (*p == '-' || (*p >= '0' && *p <= '9'))
		return number(p);
	return word(p);
}

bool
json_text_is_valid(const char *text)
{
	const char *end = value(text, 0);

	return end && !*blanks(end);
}
