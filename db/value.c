/*
 * value.c: values on their way in: JSON or text becomes the text parameter of
 * a statement. One converter per kind. The way out is value_out.c.
 */
#include "db/value.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "db/base/crypto.h"
#include "db/base/utf8.h"
#include "db/json_text.h"
#include "db/moment.h"
#include "db/value_check.h"

/* numeric's digits before and after the point; a bound of ours. */
#define DECIMAL_DIGITS_MAX 1000

struct input {
	struct arena *arena;
	const struct column *column;
	const struct value_settings *settings; /* NULL for filters */
	struct json_object *json;	       /* NULL: a text from elsewhere */
	enum json_type type; /* of json; a text is json_type_string */
	const char *text;    /* of strings, numbers and booleans */
};

static struct error *
expected(const struct input *in, const char *what)
{
	const char *name = in->column->column_name;

	return error_at(error_new(in->arena, 422, "invalid-value",
				  "%s must be %s.", name, what),
			arena_printf(in->arena, "/data/attributes/%s", name));
}

static bool
has_type_name(const struct column *column, const char *name)
{
	return column->type && !strcmp(column->type->name, name);
}

/* Whether strings of digits are numbers here: always; a number is one too. */
static bool
is_number_or_string(const struct input *in)
{
	return in->type == json_type_int || in->type == json_type_double ||
	       in->type == json_type_string;
}

static struct error *
check_length(const struct input *in, const char *text)
{
	int most = in->column->max_length;

	if (!in->settings || most <= 0 || utf8_characters(text) <= (size_t)most)
		return NULL;
	return expected(in, arena_printf(in->arena,
					 "at most %d characters long", most));
}

/* Blank texts of nullable columns are what forms send for "nothing". */
static struct error *
check_form(const struct input *in, const char *text)
{
	const struct column_type *type = in->column->type;
	const char *wanted;

	if (!in->settings || !type || (!*text && in->column->is_nullable))
		return NULL;
	wanted = value_check(in->arena, type->validations, text);
	return wanted ? expected(in, wanted) : NULL;
}

static struct error *
from_location(const struct input *in, const char **out)
{
	const char *text = in->type == json_type_array
				   ? json_object_to_json_string_ext(
					     in->json, JSON_C_TO_STRING_PLAIN)
				   : in->text;

	if (!text || !value_check_location(text) || !json_text_is_valid(text))
		return expected(in, "\"[latitude, longitude]\"");
	*out = arena_strdup(in->arena, text);
	return check_length(in, *out);
}

static struct error *
from_text(const struct input *in, const char **out)
{
	struct error *error;

	if (has_type_name(in->column, "location") && in->settings &&
	    !(in->text && !*in->text && in->column->is_nullable))
		return from_location(in, out);
	if (!is_number_or_string(in))
		return expected(in, "a text");
	error = check_form(in, in->text);
	if (error)
		return error;
	*out = in->text;
	return check_length(in, in->text);
}

/* Numbers. */

struct range {
	const char *sql_type;
	long long low, high;
};

static const struct range ranges[] = {
	{ "smallint", INT16_MIN, INT16_MAX },
	{ "integer", INT32_MIN, INT32_MAX },
	{ "bigint", INT64_MIN, INT64_MAX },
};

static const struct range *
range_of(const struct column *column)
{
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
		if (!strcmp(ranges[i].sql_type, column->sql_type))
			return &ranges[i];
	return &ranges[ARRAY_SIZE(ranges) - 1];
}

/* Digits with a sign, and no fraction but zeros. */
static bool
read_integer(const char *text, long long *value)
{
	char *end;
	size_t digits = strspn(text + (*text == '-'), "0123456789");

	if (!digits)
		return false;
	errno = 0;
	*value = strtoll(text, &end, 10);
	if (errno)
		return false;
	if (*end == '.' && end[1])
		end += 1 + strspn(end + 1, "0");
	return !*end;
}

/* What CSV files hold where nothing was measured. */
static bool
is_no_measurement(const struct input *in)
{
	return !in->json && has_type_name(in->column, "measurement") &&
	       (!*in->text || !strcmp(in->text, "-") ||
		!strcasecmp(in->text, "na"));
}

static struct error *
from_integer(const struct input *in, const char **out)
{
	const struct range *range = range_of(in->column);
	long long value;

	if (is_number_or_string(in) && is_no_measurement(in)) {
		*out = "0";
		return NULL;
	}
	if (!is_number_or_string(in) || !read_integer(in->text, &value) ||
	    value < range->low || value > range->high)
		return expected(in,
				arena_printf(in->arena,
					     "a whole number from %lld to %lld",
					     range->low, range->high));
	*out = arena_printf(in->arena, "%lld", value);
	return check_form(in, *out);
}

#define NO_NUMBER LONG_MIN

/*
 * The number's digits before the point once its exponent is applied; NO_NUMBER
 * if it is none. Digits before and after are bounded.
 */
static long
integral_digits(const char *text)
{
	const char *p = text + (*text == '-');
	size_t before = strspn(p, "0123456789");
	size_t zeros = strspn(p, "0");
	size_t after = 0;
	long exponent = 0;
	char *end = (char *)p + before;

	if (*end == '.') {
		after = strspn(end + 1, "0123456789");
		end += 1 + after;
	}
	if (!before || (end[-1] == '.'))
		return NO_NUMBER;
	if (*end == 'e' || *end == 'E')
		exponent = strtol(end + 1, &end, 10);
	if (*end || before + after > DECIMAL_DIGITS_MAX ||
	    labs(exponent) > DECIMAL_DIGITS_MAX)
		return NO_NUMBER;
	return (long)(before - zeros) + exponent;
}

/* "numeric(10,2)" has room for 8 digits before the point. */
static long
integral_room(const struct column *column)
{
	long precision, scale;

	if (sscanf(column->sql_type, "numeric(%ld,%ld)", &precision, &scale) ==
	    2)
		return precision - scale;
	return DECIMAL_DIGITS_MAX;
}

static struct error *
from_decimal(const struct input *in, const char **out)
{
	long room = integral_room(in->column);
	long digits =
		is_number_or_string(in) ? integral_digits(in->text) : NO_NUMBER;

	if (digits == NO_NUMBER)
		return expected(in, "a number");
	if (digits > room)
		return expected(in, arena_printf(in->arena,
						 "a number with at most %ld "
						 "digits before the point",
						 room));
	*out = in->text;
	return check_form(in, *out);
}

static struct error *
from_float(const struct input *in, const char **out)
{
	char *end = NULL;
	double value = 0;

	if (is_number_or_string(in) &&
	    in->text[strspn(in->text, "0123456789+-.eE")] == '\0') {
		errno = 0;
		value = strtod(in->text, &end);
	}
	if (!end || end == in->text || *end || *in->text == '+' ||
	    !isfinite(value) || (errno == ERANGE && value == 0))
		return expected(in, "a number that fits double precision");
	*out = in->text;
	return check_form(in, *out);
}

static struct error *
from_boolean(const struct input *in, const char **out)
{
	static const struct {
		const char *word;
		const char *value;
	} words[] = {
		{ "true", "true" },
		{ "false", "false" },
		{ "1", "true" },
		{ "0", "false" },
	};

	for (size_t i = 0; in->text && i < ARRAY_SIZE(words); i++)
		if (!strcasecmp(in->text, words[i].word)) {
			*out = words[i].value;
			return NULL;
		}
	return expected(in, "true or false");
}

/* Times. */

static bool
is_seconds(const struct input *in)
{
	if (in->type == json_type_int || in->type == json_type_double)
		return true;
	return !in->json && *in->text &&
	       in->text[strspn(in->text, "0123456789.")] == '\0' &&
	       strlen(in->text) > 8;
}

static struct error *
from_timestamp(const struct input *in, const char **out)
{
	if (is_number_or_string(in))
		*out = is_seconds(in) ? moment_from_seconds(in->arena, in->text)
				      : moment_from_text(in->arena, in->text);
	if (*out)
		return NULL;
	return expected(in, "a date such as 2006-01-02T15:04:05Z, in the "
			    "years 1 to 9999");
}

static struct error *
from_time(const struct input *in, const char **out)
{
	bool digits;

	if (is_number_or_string(in)) {
		digits = in->text[strspn(in->text, "0123456789.")] == '\0';
		*out = *in->text && digits
			       ? moment_time_from_seconds(in->arena, in->text)
			       : moment_time_from_text(in->arena, in->text);
	}
	if (*out)
		return NULL;
	return expected(in, "a time such as 15:04:05");
}

/* Texts with a form of their own. */

static const char *
plain_json(const struct input *in)
{
	return arena_strdup(
		in->arena,
		json_object_to_json_string_ext(
			in->json, JSON_C_TO_STRING_PLAIN |
					  JSON_C_TO_STRING_NOSLASHESCAPE));
}

static struct error *
from_json(const struct input *in, const char **out)
{
	const char *text =
		in->type == json_type_string ? in->text : plain_json(in);

	if (in->settings && !json_text_is_valid(text))
		return expected(in, "JSON");
	*out = text;
	return check_length(in, text);
}

static struct error *
refuse_option(const struct input *in)
{
	struct strbuf names;

	strbuf_init(&names, in->arena);
	strbuf_literal(&names, "one of ");
	for (size_t i = 0; i < in->column->noptions; i++) {
		if (i)
			strbuf_literal(&names, ", ");
		strbuf_puts(&names, in->column->options[i].value);
	}
	return expected(in, names.data);
}

static struct error *
from_enum(const struct input *in, const char **out)
{
	const struct column *column = in->column;
	char *text;
	bool is_option = column->noptions == 0;

	if (!in->text)
		return refuse_option(in);
	text = arena_strdup(in->arena, in->text);
	for (char *p = text; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	for (size_t i = 0; i < column->noptions; i++)
		is_option |= !strcasecmp(column->options[i].value, text);
	if (!is_option)
		return refuse_option(in);
	*out = text;
	return check_length(in, text);
}

static struct error *
from_uuid(const struct input *in, const char **out)
{
	if (in->type != json_type_string || !crypto_is_uuid(in->text))
		return expected(in, "a UUID");
	*out = in->text;
	return NULL;
}

/* Secrets. */

static struct error *
hash_bcrypt(const struct input *in, const char *text, const char **out)
{
	char *hash;
	struct error *error = crypto_password_hash(
		in->arena, text, in->settings->hash_cost, &hash);

	if (error && error->status == 400)
		return expected(in,
				arena_printf(in->arena, "1 to %d bytes long",
					     PASSWORD_MAX));
	if (!error)
		*out = hash;
	return error;
}

static struct error *
from_secret(const struct input *in, const char **out)
{
	const char *text = in->text;

	if (in->type != json_type_string || !in->settings)
		return expected(in, "a text");
	if (has_type_name(in->column, "md5") ||
	    has_type_name(in->column, "md5-bcrypt")) {
		if (!*text)
			return expected(in, "a text that is not empty");
		text = crypto_md5_hex(in->arena, text, strlen(text));
	}
	if (has_type_name(in->column, "md5")) {
		*out = text;
		return NULL;
	}
	return hash_bcrypt(in, text, out);
}

static struct error *
from_encrypted(const struct input *in, const char **out)
{
	if (!is_number_or_string(in) || !in->settings)
		return expected(in, "a text");
	*out = crypto_encrypt(in->arena, in->settings->encryption_key,
			      in->text);
	return check_length(in, *out);
}

/* Bytes. */

/* As PostgreSQL reads bytea: \x and hexadecimal digits. */
static const char *
bytea(struct arena *arena, const void *data, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *bytes = data;
	char *text = arena_alloc_raw(arena, 2 * size + 3);
	char *p = text;

	*p++ = '\\';
	*p++ = 'x';
	for (size_t i = 0; i < size; i++) {
		*p++ = digits[bytes[i] >> 4];
		*p++ = digits[bytes[i] & 15];
	}
	*p = '\0';
	return text;
}

static struct error *
from_bytes(const struct input *in, const char **out)
{
	unsigned char *data;
	size_t size;

	if (in->type != json_type_string ||
	    !crypto_base64_decode(in->arena, in->text, strlen(in->text), &data,
				  &size))
		return expected(in, "base64");
	*out = bytea(in->arena, data, size);
	return NULL;
}

/* An array of objects, also as a text that holds one. */
static bool
is_file_list(const struct input *in)
{
	if (in->type == json_type_array) {
		for (size_t i = 0; i < json_object_array_length(in->json); i++)
			if (!json_object_is_type(
				    json_object_array_get_idx(in->json, i),
				    json_type_object))
				return false;
		return true;
	}
	return in->type == json_type_string && *in->text == '[' &&
	       json_text_is_valid(in->text);
}

/* A text column takes it as it is, a bytea column the bytes of the text. */
static struct error *
from_file(const struct input *in, const char **out)
{
	const char *text = in->text;
	struct error *error = NULL;

	if (is_file_list(in)) {
		if (in->type == json_type_array)
			text = plain_json(in);
	} else if (in->type == json_type_string) {
		error = check_form(in, text);
	} else {
		error = expected(in, "base64, or an array of file objects");
	}
	if (error)
		return error;
	*out = strcmp(in->column->sql_type, "bytea")
		       ? text
		       : bytea(in->arena, text, strlen(text));
	return NULL;
}

static struct error *(*const converters[])(const struct input *in,
					   const char **out) = {
	[VALUE_TEXT] = from_text,	    [VALUE_INTEGER] = from_integer,
	[VALUE_DECIMAL] = from_decimal,	    [VALUE_FLOAT] = from_float,
	[VALUE_BOOLEAN] = from_boolean,	    [VALUE_TIMESTAMP] = from_timestamp,
	[VALUE_TIME] = from_time,	    [VALUE_JSON] = from_json,
	[VALUE_ENUM] = from_enum,	    [VALUE_SECRET] = from_secret,
	[VALUE_ENCRYPTED] = from_encrypted, [VALUE_REFERENCE] = from_uuid,
	[VALUE_UUID] = from_uuid,	    [VALUE_FILE] = from_file,
	[VALUE_BYTES] = from_bytes,
};

/* A double that was computed, not read: the shortest text that is it. */
static const char *
shortest_double(struct arena *arena, double value)
{
	const char *text = NULL;

	for (int precision = 15; precision <= 17; precision++) {
		text = arena_printf(arena, "%.*g", precision, value);
		if (strtod(text, NULL) == value)
			break;
	}
	return text;
}

static const char *
scalar_text(struct arena *arena, struct json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_string:
		return json_object_get_string(value);
	case json_type_double:
		if (!json_object_get_userdata(value))
			return shortest_double(arena,
					       json_object_get_double(value));
		return arena_strdup(arena, json_object_to_json_string(value));
	case json_type_int:
	case json_type_boolean:
		return arena_strdup(arena, json_object_to_json_string(value));
	default:
		return NULL;
	}
}

static bool
is_storable(struct json_object *value, const char *text)
{
	size_t length = json_object_is_type(value, json_type_string)
				? (size_t)json_object_get_string_len(value)
				: strlen(text);

	return utf8_is_text(text, length);
}

struct error *
value_from_json(struct arena *arena, const struct column *column,
		struct json_object *value,
		const struct value_settings *settings, const char **text)
{
	struct input in = { .arena = arena,
			    .column = column,
			    .settings = settings,
			    .json = value,
			    .type = json_object_get_type(value),
			    .text = scalar_text(arena, value) };

	*text = NULL;
	if (!value)
		return NULL;
	if (in.text && !is_storable(value, in.text))
		return expected(&in, "UTF-8 text without U+0000");
	return converters[column->kind](&in, text);
}

struct error *
value_from_text(struct arena *arena, const struct column *column,
		const char *value, const struct value_settings *settings,
		const char **text)
{
	struct input in = { .arena = arena,
			    .column = column,
			    .settings = settings,
			    .type = json_type_string,
			    .text = value };

	*text = NULL;
	if (!value)
		return NULL;
	if (!utf8_is_text(value, strlen(value)))
		return expected(&in, "UTF-8 text without U+0000");
	return converters[column->kind](&in, text);
}
