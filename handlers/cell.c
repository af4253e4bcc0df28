/*
 * cell.c: small readers, each for one way of writing a value.
 */
#include "handlers/cell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *
cell_boolean(const char *text)
{
	static const struct {
		const char *word;
		const char *value;
	} words[] = {
		{ "true", "true" }, { "false", "false" }, { "t", "true" },
		{ "f", "false" },   { "yes", "true" },	  { "no", "false" },
		{ "1", "true" },    { "0", "false" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcasecmp(text, words[i].word))
			return words[i].value;
	return NULL;
}

/* One or two digits before `separator`; 0 if there are none. */
static int
read_part(const char **text, char separator)
{
	size_t digits = strspn(*text, "0123456789");
	int number = 0;

	if (!digits || digits > 2 || (*text)[digits] != separator)
		return 0;
	for (size_t i = 0; i < digits; i++)
		number = number * 10 + ((*text)[i] - '0');
	*text += digits + 1;
	return number;
}

const char *
cell_date(struct arena *arena, enum date_order order, const char *text)
{
	int first = read_part(&text, '/');
	int second = first ? read_part(&text, '/') : 0;
	int month = order == DATE_DAY_FIRST ? second : first;
	int day = order == DATE_DAY_FIRST ? first : second;
	size_t digits = strspn(text, "0123456789");

	if (order == DATE_PLAIN || !month || !day || month > 12 || day > 31 ||
	    digits != 4 || (text[4] && text[4] != ' '))
		return NULL;
	return arena_printf(arena, "%.4s-%02d-%02d%s", text, month, day,
			    text + 4);
}

/* "pm" at the end, with or without a blank before it. */
static size_t
length_without(const char *text, const char *end)
{
	size_t length = strlen(text);

	if (length < 3 || strcasecmp(text + length - 2, end) != 0)
		return 0;
	length -= 2;
	while (length && text[length - 1] == ' ')
		length--;
	return length;
}

const char *
cell_clock(struct arena *arena, const char *text)
{
	size_t morning = length_without(text, "am");
	size_t length = morning ? morning : length_without(text, "pm");
	const char *rest = text;
	int hour = length ? read_part(&rest, ':') : 0;

	if (hour < 1 || hour > 12)
		return NULL;
	length -= (size_t)(rest - text);
	if ((length != 2 && length != 5) ||
	    strspn(rest, "0123456789:") < length)
		return NULL;
	hour = hour % 12 + (morning ? 0 : 12);
	return arena_printf(arena, "%02d:%.*s", hour, (int)length, rest);
}

const char *
cell_location(struct arena *arena, const char *text)
{
	bool bracket = *text == '[';
	double latitude, longitude;
	char *end;

	text += bracket;
	if (!*text || text[strspn(text, "0123456789+-., ]")])
		return NULL;
	latitude = strtod(text, &end);
	if (end == text || *end != ',' || latitude < -90 || latitude > 90)
		return NULL;
	text = end + 1;
	longitude = strtod(text, &end);
	if (end == text || longitude < -180 || longitude > 180 ||
	    strcmp(end, bracket ? "]" : "") != 0)
		return NULL;
	return arena_printf(arena, "[%.10g, %.10g]", latitude, longitude);
}

const char *
cell_value(struct arena *arena, enum value_kind kind, const char *type,
	   enum date_order order, const char *text)
{
	const char *value = NULL;

	if (kind == VALUE_BOOLEAN)
		value = cell_boolean(text);
	else if (kind == VALUE_TIMESTAMP && order != DATE_PLAIN)
		value = cell_date(arena, order, text);
	else if (kind == VALUE_TIME)
		value = cell_clock(arena, text);
	else if (kind == VALUE_TEXT && type && !strcmp(type, "location"))
		value = cell_location(arena, text);
	return value ? value : text;
}
