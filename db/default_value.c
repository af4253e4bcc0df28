/*
 * default_value.c: the grammar of default values. No text of a schema comes
 * out of here unquoted: what is no literal is one of a few known words.
 */
#include "db/default_value.h"

#include <ctype.h>
#include <errno.h>
#include <json-c/json.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "db/base/crypto.h"
#include "db/base/strbuf.h"

static const char *const clock_words[] = {
	"current_timestamp", "current_timestamp()", "now()",
	"localtimestamp",    "current_date",	    "transaction_timestamp()",
};

static bool
is_word_of(const char *text, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strcasecmp(text, words[i]))
			return true;
	return false;
}

/* "name(…)": a call, not a value. */
static bool
is_call(const char *text)
{
	size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz"
				     "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.");

	return length && text[length] == '(' && text[strlen(text) - 1] == ')';
}

/* A literal in quotes, the quote inside it doubled. NULL: no such literal. */
static char *
unquoted(struct arena *arena, const char *text)
{
	struct strbuf buf;
	char quote = *text;

	strbuf_init(&buf, arena);
	for (const char *p = text + 1; *p; p++) {
		if (*p == quote && p[1] != quote)
			return p[1] ? NULL : buf.data;
		if (*p == quote)
			p++;
		strbuf_putc(&buf, *p);
	}
	return NULL;
}

static const char *
check_integer(struct arena *arena, const struct column *column,
	      const char **value)
{
	long long least = INT64_MIN, most = INT64_MAX, number;
	char *end;

	if (!strcmp(column->sql_type, "smallint"))
		least = INT16_MIN, most = INT16_MAX;
	else if (!strcmp(column->sql_type, "integer"))
		least = INT32_MIN, most = INT32_MAX;
	errno = 0;
	number = strtoll(*value, &end, 10);
	if (end == *value || *end)
		return "is no whole number";
	if (errno || number < least || number > most)
		return "is out of range";
	*value = arena_printf(arena, "%lld", number);
	return NULL;
}

static const char *
check_number(struct arena *arena UNUSED, const struct column *column UNUSED,
	     const char **value)
{
	char *end;

	if (strspn(*value, "0123456789+-.eE") != strlen(*value))
		return "is no number";
	if (!isfinite(strtod(*value, &end)) || end == *value || *end)
		return "is no number";
	return NULL;
}

static const char *
check_boolean(struct arena *arena UNUSED, const struct column *column UNUSED,
	      const char **value)
{
	static const char *const words[][2] = {
		{ "false", "true" }, { "f", "t" },    { "0", "1" },
		{ "no", "yes" },     { "off", "on" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		for (size_t j = 0; j < 2; j++)
			if (!strcasecmp(*value, words[i][j])) {
				*value = words[0][j];
				return NULL;
			}
	return "is neither true nor false";
}

/*
 * Whether `text` has the shape of `pattern`: '9' is a digit, ' ' a blank or
 * T, the rest itself. Gives the rest behind it, or NULL.
 */
static const char *
match_shape(const char *text, const char *pattern)
{
	for (; *pattern; pattern++, text++) {
		bool fits = *pattern == '9'   ? isdigit((unsigned char)*text)
			    : *pattern == ' ' ? *text == ' ' || *text == 'T'
					      : *text == *pattern;

		if (!fits)
			return NULL;
	}
	return text;
}

static bool
is_zone(const char *text)
{
	if (*text == '+' || *text == '-')
		return isdigit((unsigned char)text[1]) && strlen(text) <= 6 &&
		       strspn(text + 1, "0123456789:") == strlen(text + 1);
	return !*text || !strcmp(text, "Z");
}

static const char *
check_time(struct arena *arena, const struct column *column, const char **value)
{
	const char *text = *value;
	const char *rest;

	if (column->kind == VALUE_TIME && match_shape(text, "99:99"))
		text = arena_printf(arena, "1970-01-01 %s", text);
	rest = match_shape(text, "9999-99-99");
	if (rest && match_shape(rest, " 99:99"))
		rest = match_shape(rest, " 99:99");
	if (rest && match_shape(rest, ":99"))
		rest = match_shape(rest, ":99");
	if (rest && *rest == '.')
		rest += 1 + strspn(rest + 1, "0123456789");
	if (!rest || !is_zone(rest))
		return "is no date, such as 2030-01-31 or "
		       "2030-01-31T12:00:00Z";
	*value = *rest || !strpbrk(text, " T")
			 ? text
			 : arena_printf(arena, "%sZ", text);
	return NULL;
}

static const char *
check_text(struct arena *arena UNUSED, const struct column *column,
	   const char **value)
{
	size_t characters = 0;

	for (const char *p = *value; *p; p++)
		characters += ((unsigned char)*p & 0xc0) != 0x80;
	if (column->max_length && characters > (size_t)column->max_length)
		return "is longer than the column";
	return NULL;
}

static const char *
check_option(struct arena *arena UNUSED, const struct column *column,
	     const char **value)
{
	for (size_t i = 0; i < column->noptions; i++)
		if (!strcasecmp(column->options[i].value, *value)) {
			*value = column->options[i].value;
			return NULL;
		}
	return "is none of the Options";
}

static const char *
check_json(struct arena *arena UNUSED, const struct column *column UNUSED,
	   const char **value)
{
	struct json_tokener *tokener = json_tokener_new_ex(32);
	enum json_tokener_error outcome;

	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	json_object_put(json_tokener_parse_ex(tokener, *value,
					      (int)strlen(*value) + 1));
	outcome = json_tokener_get_error(tokener);
	json_tokener_free(tokener);
	return outcome == json_tokener_success ? NULL : "is no JSON";
}

static const char *
check_uuid(struct arena *arena UNUSED, const struct column *column UNUSED,
	   const char **value)
{
	return crypto_is_uuid(*value) ? NULL : "is no UUID";
}

static const char *
check_none(struct arena *arena UNUSED, const struct column *column UNUSED,
	   const char **value UNUSED)
{
	return "is not possible for a column of this type";
}

static const char *(*const checks[])(struct arena *, const struct column *,
				     const char **) = {
	[VALUE_TEXT] = check_text,	 [VALUE_INTEGER] = check_integer,
	[VALUE_DECIMAL] = check_number,	 [VALUE_FLOAT] = check_number,
	[VALUE_BOOLEAN] = check_boolean, [VALUE_TIMESTAMP] = check_time,
	[VALUE_TIME] = check_time,	 [VALUE_JSON] = check_json,
	[VALUE_ENUM] = check_option,	 [VALUE_SECRET] = check_none,
	[VALUE_ENCRYPTED] = check_none,	 [VALUE_REFERENCE] = check_none,
	[VALUE_UUID] = check_uuid,	 [VALUE_FILE] = check_text,
	[VALUE_BYTES] = check_none,
};

/* 'text'::type, by the rules of standard_conforming_strings. */
static const char *
literal(struct arena *arena, const char *text, const char *sql_type)
{
	struct strbuf buf;
	bool has_backslash = strchr(text, '\\');

	strbuf_init(&buf, arena);
	if (has_backslash)
		strbuf_putc(&buf, 'E');
	strbuf_putc(&buf, '\'');
	for (const char *p = text; *p; p++) {
		if (*p == '\'' || *p == '\\')
			strbuf_putc(&buf, *p);
		strbuf_putc(&buf, *p);
	}
	strbuf_literal(&buf, "'::");
	strbuf_puts(&buf, sql_type);
	return buf.data;
}

static char *
trimmed(struct arena *arena, const char *text)
{
	size_t length;

	text += strspn(text, " \t\r\n");
	length = strlen(text);
	while (length && isspace((unsigned char)text[length - 1]))
		length--;
	return arena_strndup(arena, text, length);
}

static bool
has_control(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 && !strchr("\t\r\n", *text))
			return true;
	return false;
}

/* The value of what is written; NULL with `*problem` where it is none. */
static const char *
plain_value(struct arena *arena, const char *text, const char **problem)
{
	const char *value = text;

	*problem = NULL;
	if (*text == '\'' || *text == '"') {
		value = unquoted(arena, text);
		if (!value)
			*problem = "has a quote that is not closed";
	} else if (strchr(text, ';') || strcasestr(text, "(select") ||
		   is_call(text))
		*problem = "is an expression; a default is a value, "
			   "current_timestamp or null";
	if (value && has_control(value))
		*problem = "has control characters";
	return value;
}

const char *
default_value_parse(struct arena *arena, struct column *column)
{
	const char *problem;
	const char *value;
	char *text;

	column->default_sql = NULL;
	column->default_text = NULL;
	if (!column->default_value)
		return NULL;
	text = trimmed(arena, column->default_value);
	if (!*text || !strcasecmp(text, "null"))
		return NULL;
	if ((column->kind == VALUE_TIMESTAMP || column->kind == VALUE_TIME) &&
	    is_word_of(text, clock_words, ARRAY_SIZE(clock_words))) {
		column->default_sql = "CURRENT_TIMESTAMP";
		return NULL;
	}
	value = plain_value(arena, text, &problem);
	if (!problem)
		problem = checks[column->kind](arena, column, &value);
	if (problem)
		return problem;
	column->default_text = value;
	column->default_sql = literal(arena, value, column->sql_type);
	return NULL;
}

void
default_value_plain(struct arena *arena, struct column *column)
{
	const char *problem;
	char *text;

	if (!column->default_value)
		return;
	text = trimmed(arena, column->default_value);
	if (*text && strcasecmp(text, "null"))
		column->default_text = plain_value(arena, text, &problem);
}
