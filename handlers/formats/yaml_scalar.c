/*
 * yaml_scalar.c: libyaml types nothing, so the rules are here: YAML 1.2's
 * core schema, with the booleans of 1.1 that Go's readers accept too. What
 * people write without meaning a number (012, 12:30, 1_000, dates) is text.
 */
#include "handlers/formats/yaml_scalar.h"

#include <stdlib.h>
#include <string.h>

enum word { WORD_NULL, WORD_FALSE, WORD_TRUE, WORD_NOT_A_NUMBER };

static const struct {
	const char *text;
	enum word word;
} words[] = {
	{ "", WORD_NULL },
	{ "~", WORD_NULL },
	{ "null", WORD_NULL },
	{ "Null", WORD_NULL },
	{ "NULL", WORD_NULL },
	{ "true", WORD_TRUE },
	{ "True", WORD_TRUE },
	{ "TRUE", WORD_TRUE },
	{ "yes", WORD_TRUE },
	{ "Yes", WORD_TRUE },
	{ "YES", WORD_TRUE },
	{ "on", WORD_TRUE },
	{ "On", WORD_TRUE },
	{ "ON", WORD_TRUE },
	{ "false", WORD_FALSE },
	{ "False", WORD_FALSE },
	{ "FALSE", WORD_FALSE },
	{ "no", WORD_FALSE },
	{ "No", WORD_FALSE },
	{ "NO", WORD_FALSE },
	{ "off", WORD_FALSE },
	{ "Off", WORD_FALSE },
	{ "OFF", WORD_FALSE },
	{ ".inf", WORD_NOT_A_NUMBER },
	{ ".Inf", WORD_NOT_A_NUMBER },
	{ ".INF", WORD_NOT_A_NUMBER },
	{ "+.inf", WORD_NOT_A_NUMBER },
	{ "+.Inf", WORD_NOT_A_NUMBER },
	{ "+.INF", WORD_NOT_A_NUMBER },
	{ "-.inf", WORD_NOT_A_NUMBER },
	{ "-.Inf", WORD_NOT_A_NUMBER },
	{ "-.INF", WORD_NOT_A_NUMBER },
	{ ".nan", WORD_NOT_A_NUMBER },
	{ ".NaN", WORD_NOT_A_NUMBER },
	{ ".NAN", WORD_NOT_A_NUMBER },
};

#define LONGEST_WORD 5

/* 0o17 and 0x1F, up to 64 bits. */
static struct json_object *
based_number(const char *text, size_t length)
{
	static const char hexadecimal_digits[] = "0123456789abcdefABCDEF";
	static const char octal_digits[] = "01234567";
	bool octal = length > 2 && !memcmp(text, "0o", 2);

	if (!octal && !(length > 2 && !memcmp(text, "0x", 2)))
		return NULL;
	/* 16 digits, or 21: what surely fits. */
	if (length > (octal ? 2U + 21 : 2U + 16) ||
	    strspn(text + 2, octal ? octal_digits : hexadecimal_digits) !=
		    length - 2)
		return NULL;

	uint64_t value = strtoull(text + 2, NULL, octal ? 8 : 16);

	return value <= INT64_MAX ? json_object_new_int64((int64_t)value)
				  : json_object_new_uint64(value);
}

/*
 * Decimal numbers in JSON's grammar: +5 is 5, .5 is 0.5, 1. is 1.0. NULL if
 * it is no number.
 */
static struct json_object *
decimal_number(struct arena *arena, const char *text)
{
	const char *sign = *text == '-' ? "-" : "";
	const char *rest = text + (*text == '-' || *text == '+');
	const char *point = strchr(rest, '.');
	const char *zero = *rest == '.' ? "0" : "";
	const char *number;
	size_t length;

	if (!*rest || !strcmp(rest, ".") || *rest == '-' || *rest == '+')
		return NULL;
	if (point && point != rest && strspn(point + 1, "0123456789") == 0)
		number = arena_printf(arena, "%s%.*s.0%s", sign,
				      (int)(point - rest), rest, point + 1);
	else
		number = arena_printf(arena, "%s%s%s", sign, zero, rest);
	length = strlen(number);
	if (number_length(number, length) != length)
		return NULL;
	return number_value(arena, number, length);
}

bool
yaml_scalar(struct arena *arena, const char *text, size_t length,
	    struct json_object **value)
{
	*value = NULL;
	for (size_t i = 0; length <= LONGEST_WORD && i < ARRAY_SIZE(words);
	     i++) {
		if (strcmp(words[i].text, text) != 0)
			continue;
		if (words[i].word == WORD_TRUE || words[i].word == WORD_FALSE)
			*value = json_object_new_boolean(words[i].word ==
							 WORD_TRUE);
		return words[i].word != WORD_NOT_A_NUMBER;
	}
	if (strchr("+-.0123456789", *text)) {
		*value = based_number(text, length);
		if (!*value)
			*value = decimal_number(arena, text);
	}
	if (!*value)
		*value = json_object_new_string_len(text, (int)length);
	return true;
}
