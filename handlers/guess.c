/*
 * guess.c: names and types. Every type that is known has a test, and every
 * value takes all tests that have not failed too often; what is left at the
 * end, in the order of the table, is the type.
 */
#include "handlers/guess.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "db/base/strbuf.h"
#include "db/base/utf8.h"
#include "db/json_text.h"
#include "db/moment.h"
#include "db/value_check.h"

/* One in so many values may disagree before it is just another type. */
#define DOUBT 1000
/* A test that failed so often can't be in doubt in any file we take. */
#define MISSES_MAX 100000
/* Values in doubt that are named. */
#define NOTED_MAX 20
#define NOTED_LENGTH 60

/* Names. */

/* Letters that stay together where they come one by one. */
static const char *const initialisms[] = {
	"api",	"ascii", "cpu", "css", "dns",  "eof", "guid", "html",
	"http", "https", "id",	"ip",  "json", "qps", "ram",  "rpc",
	"sla",	"smtp",	 "sql", "ssh", "tcp",  "tls", "ttl",  "udp",
	"ui",	"uid",	 "uri", "url", "uuid", "vm",  "xml",  "xss",
};

static const char *const standard_names[] = {
	"id",	      "version",      "created_at",	 "updated_at",
	"permission", "reference_id", "user_account_id",
};

/* The next run of letters and digits from `p`; its length, 0 at the end. */
static size_t
next_run(const char **p)
{
	size_t length = 0;

	while (**p && !isalnum((unsigned char)**p))
		++*p;
	while ((*p)[length] && isalnum((unsigned char)(*p)[length]))
		length++;
	return length;
}

/* How many runs of one letter from `p` spell an initialism; 0: none do. */
static size_t
spelled(const char *p)
{
	char letters[6] = "";
	size_t count = 0, best = 0;

	for (size_t length = next_run(&p);
	     length == 1 && isalpha((unsigned char)*p) && count < 5;
	     length = next_run(&p)) {
		letters[count++] = (char)tolower((unsigned char)*p++);
		letters[count] = '\0';
		for (size_t i = 0; i < ARRAY_SIZE(initialisms); i++)
			if (count > 1 && !strcmp(letters, initialisms[i]))
				best = count;
	}
	return best;
}

static void
add_run(struct strbuf *name, const char *run, size_t length)
{
	for (size_t i = 0; i < length; i++)
		strbuf_putc(name, (char)tolower((unsigned char)run[i]));
}

char *
guess_name(struct arena *arena, const char *heading)
{
	struct strbuf name;
	size_t together = 0; /* runs that follow without a sign between */
	size_t length;
	bool prefix;

	strbuf_init(&name, arena);
	while ((length = next_run(&heading))) {
		if (together) {
			together--;
		} else if (name.length && isalpha((unsigned char)*heading)) {
			strbuf_putc(&name, '_');
			together = spelled(heading);
			together -= together > 0;
		}
		add_run(&name, heading, length);
		heading += length;
	}
	prefix = isdigit((unsigned char)*name.data);
	for (size_t i = 0; i < ARRAY_SIZE(standard_names); i++)
		prefix |= !strcmp(name.data, standard_names[i]);
	return prefix ? arena_printf(arena, "col_%s", name.data) : name.data;
}

/* Tests. */

struct value {
	const char *name; /* of the column */
	const char *text;
	struct arena *scratch;
};

static bool
is_boolean(const struct value *value)
{
	return cell_boolean(value->text);
}

/* Digits with a sign; zeros in front are no number but a code. */
static const char *
after_digits(const char *text)
{
	size_t digits;

	text += *text == '-';
	digits = strspn(text, "0123456789");
	if (!digits || (*text == '0' && digits > 1))
		return NULL;
	return text + digits;
}

static bool
is_integer_of(const char *text, size_t digits_max, const char *limit)
{
	const char *end = after_digits(text);
	size_t digits;

	if (!end || *end)
		return false;
	text += *text == '-';
	digits = (size_t)(end - text);
	return digits < digits_max ||
	       (digits == digits_max && strcmp(text, limit) <= 0);
}

static bool
is_integer(const struct value *value)
{
	return is_integer_of(value->text, 10, "2147483647");
}

static bool
is_long(const struct value *value)
{
	return is_integer_of(value->text, 19, "9223372036854775807");
}

static bool
is_decimal(const struct value *value)
{
	const char *end = after_digits(value->text);
	size_t digits;

	if (!end)
		return false;
	if (!*end)
		return is_long(value);
	digits = *end == '.' ? strspn(end + 1, "0123456789") : 0;
	return digits && !end[1 + digits] && strlen(value->text) <= 40;
}

static bool
is_double(const struct value *value)
{
	const char *end = after_digits(value->text);
	size_t digits;

	if (!end)
		return false;
	if (*end == '.') {
		digits = strspn(end + 1, "0123456789");
		end += 1 + digits;
		if (!digits)
			return false;
	}
	if (*end == 'e' || *end == 'E') {
		end += 1 + (end[1] == '-' || end[1] == '+');
		digits = strspn(end, "0123456789");
		if (!digits || digits > 3 || labs(strtol(end, NULL, 10)) > 300)
			return false;
		end += digits;
	}
	return !*end && (strpbrk(value->text, ".eE") || is_long(value));
}

static bool
has_name(const struct value *value, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(value->name, names[i]))
			return true;
	return false;
}

static bool
is_latitude(const struct value *value)
{
	static const char *const names[] = { "lat", "latitude" };

	return has_name(value, names, ARRAY_SIZE(names)) && is_double(value) &&
	       strtod(value->text, NULL) >= -90 &&
	       strtod(value->text, NULL) <= 90;
}

static bool
is_longitude(const struct value *value)
{
	static const char *const names[] = { "lon", "lng", "long",
					     "longitude" };

	return has_name(value, names, ARRAY_SIZE(names)) && is_double(value) &&
	       strtod(value->text, NULL) >= -180 &&
	       strtod(value->text, NULL) <= 180;
}

/* Cheap: most texts are no dates. */
static bool
may_be_moment(const char *text)
{
	size_t length = strlen(text);

	return length >= 4 && length <= 45 && strpbrk(text, "0123456789") &&
	       text[strspn(text, "0123456789.")];
}

static bool
is_datetime(const struct value *value)
{
	return may_be_moment(value->text) &&
	       moment_from_text(value->scratch, value->text);
}

static bool
is_date(const struct value *value)
{
	/* 25.01.2026 is one, but is all digits and dots */
	if (strchr(value->text, ':') || strlen(value->text) > 30 ||
	    !strpbrk(value->text, "-/. "))
		return false;
	return moment_from_text(value->scratch, value->text);
}

static bool
is_date_of(const struct value *value, enum date_order order)
{
	const char *date;

	if (!isdigit((unsigned char)*value->text) || !strchr(value->text, '/'))
		return false;
	date = cell_date(value->scratch, order, value->text);
	return date && moment_from_text(value->scratch, date);
}

static bool
is_day_first(const struct value *value)
{
	return is_date_of(value, DATE_DAY_FIRST);
}

static bool
is_month_first(const struct value *value)
{
	return is_date_of(value, DATE_MONTH_FIRST);
}

static bool
is_clock(const struct value *value)
{
	const char *text = value->text;
	size_t digits = strspn(text, "0123456789");

	if (!digits || digits > 2 || text[digits] != ':' || strlen(text) > 20)
		return false;
	if (cell_clock(value->scratch, text))
		text = cell_clock(value->scratch, text);
	return !text[strspn(text, "0123456789:.")] &&
	       moment_time_from_text(value->scratch, text);
}

static bool
is_email(const struct value *value)
{
	return strchr(value->text, '@') && strlen(value->text) <= 100 &&
	       !value_check(value->scratch, "email", value->text);
}

static bool
is_url(const struct value *value)
{
	return (!strncasecmp(value->text, "http://", 7) ||
		!strncasecmp(value->text, "https://", 8)) &&
	       strlen(value->text) <= 500 &&
	       !value_check(value->scratch, "url", value->text);
}

static bool
is_location(const struct value *value)
{
	const char *text = cell_location(value->scratch, value->text);

	return text && strchr(value->text, '.') && strlen(text) <= 50;
}

static bool
is_json(const struct value *value)
{
	return (*value->text == '{' || *value->text == '[') &&
	       json_text_is_valid(value->text);
}

static const struct candidate {
	bool (*fits)(const struct value *value);
	const char *what; /* that other values are */
	const char *column_type;
	const char *data_type;
	enum date_order order;
} candidates[] = {
	{ is_boolean, "a yes or no", "truefalse", "boolean", DATE_PLAIN },
	{ is_latitude, "a latitude", "location.latitude", "double",
	  DATE_PLAIN },
	{ is_longitude, "a longitude", "location.longitude", "double",
	  DATE_PLAIN },
	{ is_integer, "a whole number", "measurement", "int(11)", DATE_PLAIN },
	{ is_long, "a whole number", "measurement", "bigint", DATE_PLAIN },
	{ is_decimal, "a decimal number", "float", "decimal", DATE_PLAIN },
	{ is_double, "a number", "float", "double", DATE_PLAIN },
	{ is_date, "a date", "date", "timestamp", DATE_PLAIN },
	{ is_datetime, "a date with time", "datetime", "timestamp",
	  DATE_PLAIN },
	{ is_day_first, "a date", "date", "timestamp", DATE_DAY_FIRST },
	{ is_month_first, "a date", "date", "timestamp", DATE_MONTH_FIRST },
	{ is_clock, "a time of day", "time", "timestamp", DATE_PLAIN },
	{ is_email, "a mail address", "email", "varchar(100)", DATE_PLAIN },
	{ is_url, "a URL", "url", "varchar(500)", DATE_PLAIN },
	{ is_location, "coordinates", "location", "varchar(50)", DATE_PLAIN },
	{ is_json, "JSON", "json", "text", DATE_PLAIN },
};

enum {
	CANDIDATE_BOOLEAN,
	CANDIDATE_DAY_FIRST = 9,
	CANDIDATE_MONTH_FIRST = 10,
	CANDIDATES = ARRAY_SIZE(candidates)
};

/* A value that failed a test. */
struct miss {
	int64_t row;
	char text[NOTED_LENGTH];
};

struct guess {
	const char *name;
	struct arena *arena;
	struct arena *scratch;
	int64_t values;
	int64_t blanks;
	int64_t ones, zeros;
	size_t longest; /* in characters */
	int64_t misses[CANDIDATES];
	struct miss *noted[CANDIDATES];
};

struct guess *
guess_new(struct arena *arena, const char *name)
{
	struct guess *guess = ARENA_NEW(arena, struct guess);

	guess->name = name;
	guess->arena = arena;
	guess->scratch = arena_new();
	arena_adopt(arena, guess->scratch);
	return guess;
}

/* Cut at a character, with dots. */
static void
note(char to[NOTED_LENGTH], const char *text)
{
	size_t length = strlen(text);

	if (length < NOTED_LENGTH) {
		memcpy(to, text, length + 1);
		return;
	}
	length = NOTED_LENGTH - 4;
	while (length && ((unsigned char)text[length] & 0xc0) == 0x80)
		length--;
	memcpy(to, text, length);
	memcpy(to + length, "...", 4);
}

static void
add_miss(struct guess *guess, size_t i, int64_t row, const char *text)
{
	int64_t count = guess->misses[i]++;

	if (count >= NOTED_MAX)
		return;
	if (!guess->noted[i])
		guess->noted[i] =
			ARENA_ARRAY(guess->arena, struct miss, NOTED_MAX);
	guess->noted[i][count].row = row;
	note(guess->noted[i][count].text, text);
}

/*
 * A test that fails for the first values is put off: only while a few fail
 * can it still be in doubt.
 */
static bool
is_out(const struct guess *guess, size_t i)
{
	int64_t misses = guess->misses[i];

	return misses > MISSES_MAX ||
	       (misses > 1000 && misses * 2 > guess->values);
}

void
guess_add(struct guess *guess, int64_t row, const struct cell *cell)
{
	struct value value = { guess->name, cell->text, guess->scratch };
	size_t length;

	if (!cell->text || !*cell->text) {
		guess->blanks++;
		return;
	}
	guess->values++;
	guess->ones += !strcmp(cell->text, "1");
	guess->zeros += !strcmp(cell->text, "0");
	length = utf8_characters(cell->text);
	if (length > guess->longest)
		guess->longest = length;
	for (size_t i = 0; i < CANDIDATES; i++)
		if (!is_out(guess, i) && !candidates[i].fits(&value))
			add_miss(guess, i, row, cell->text);
	arena_reset(guess->scratch);
}

/* Nothing but ones, or zeros, are counts as well as answers. */
static bool
is_possible(const struct guess *guess, size_t i)
{
	if (i == CANDIDATE_BOOLEAN)
		return guess->ones != guess->values &&
		       guess->zeros != guess->values;
	/* 01/02/2026 all through could be either */
	if (i == CANDIDATE_DAY_FIRST || i == CANDIDATE_MONTH_FIRST)
		return guess->misses[CANDIDATE_DAY_FIRST] !=
		       guess->misses[CANDIDATE_MONTH_FIRST];
	return true;
}

static void
set_text(const struct guess *guess, struct arena *arena,
	 struct guess_result *result)
{
	size_t room = guess->longest + 100;

	result->column_type = room > 500 ? "content" : "label";
	result->data_type =
		room > 500 ? "text" : arena_printf(arena, "varchar(%zu)", room);
}

static struct error *
doubt(const struct guess *guess, struct arena *arena, const char *file,
      size_t i)
{
	struct error *errors = NULL;

	for (int64_t k = 0; k < guess->misses[i] && k < NOTED_MAX; k++)
		error_append(
			&errors,
			error_new(arena, 422, "doubtful-type",
				  "%s: row %lld, column %s: \"%s\" is not "
				  "%s, which nearly all other values are; "
				  "column_types says what it shall be, such "
				  "as {\"%s\": \"label\"}",
				  file, (long long)guess->noted[i][k].row,
				  guess->name, guess->noted[i][k].text,
				  candidates[i].what, guess->name));
	return errors;
}

struct error *
guess_finish(struct guess *guess, struct arena *arena, const char *file,
	     struct guess_result *result)
{
	size_t doubtful = CANDIDATES;

	*result = (struct guess_result){ .has_blanks = guess->blanks > 0 };
	for (size_t i = 0; guess->values && i < CANDIDATES; i++) {
		if (!is_possible(guess, i))
			continue;
		if (!guess->misses[i]) {
			result->column_type = candidates[i].column_type;
			result->data_type = candidates[i].data_type;
			result->order = candidates[i].order;
			return NULL;
		}
		if (doubtful == CANDIDATES && !is_out(guess, i) &&
		    guess->misses[i] * DOUBT <= guess->values)
			doubtful = i;
	}
	if (doubtful < CANDIDATES)
		return doubt(guess, arena, file, doubtful);
	set_text(guess, arena, result);
	return NULL;
}

bool
guess_declared(const char *type, struct guess_result *result)
{
	static const struct {
		const char *name;
		const char *column_type;
		const char *data_type;
	} others[] = {
		{ "measurement", "measurement", "bigint" },
		{ "integer", "measurement", "bigint" },
		{ "int", "measurement", "int(11)" },
		{ "bigint", "measurement", "bigint" },
		{ "decimal", "float", "decimal" },
		{ "numeric", "float", "decimal" },
		{ "number", "float", "decimal" },
		{ "money", "float", "decimal" },
		{ "double", "float", "double" },
		{ "float", "float", "double" },
		{ "boolean", "truefalse", "boolean" },
		{ "bool", "truefalse", "boolean" },
		{ "text", "content", "text" },
		{ "string", "label", "varchar(500)" },
		{ "label", "label", "varchar(500)" },
		{ "mail", "email", "varchar(100)" },
	};
	const struct column_type *known;

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (!strcasecmp(others[i].name, type)) {
			result->column_type = others[i].column_type;
			result->data_type = others[i].data_type;
			return true;
		}
	known = column_type_find(type);
	if (!known || known->kind == VALUE_FILE)
		return false;
	result->column_type = known->name;
	result->data_type = known->data_types[0];
	return true;
}
