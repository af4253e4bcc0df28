/*
 * validation_tag.c: the table of validation tags. Each row is a test, and
 * the words in which its failure is told. Patterns look at short texts only.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "db/base/crypto.h"
#include "db/base/strbuf.h"
#include "handlers/validation_tag.h"

/* No address, colour or number is longer; keeps patterns cheap. */
#define PATTERN_TEXT_MAX 4096

size_t
text_characters(const char *text, size_t size)
{
	size_t count = 0;

	for (size_t i = 0; i < size; i++)
		count += ((unsigned char)text[i] & 0xc0) != 0x80;
	return count;
}

static bool
matches(const struct tested *tested, const char *pattern)
{
	regex_t regex;
	bool found;

	if (tested->size > PATTERN_TEXT_MAX ||
	    regcomp(&regex, pattern, REG_EXTENDED | REG_ICASE | REG_NOSUB))
		return false;
	found = !regexec(&regex, tested->text, 0, NULL, 0);
	regfree(&regex);
	return found;
}

#define PATTERN_TEST(name, pattern)                                            \
	static bool name(const struct tested *tested)                          \
	{                                                                      \
		return matches(tested, pattern);                               \
	}

#define BYTE "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
#define SHARE "(0|1|1\\.0+|0?\\.[0-9]+)"
#define PERCENT "(100|[1-9]?[0-9])%"
#define DEGREES "(36[0]|3[0-5][0-9]|[12][0-9]{2}|[1-9]?[0-9])"
#define MAIL_ATOM "[^].[:space:][:cntrl:]@\",:;<>()\\[]+"
#define NOT_IN_LABEL "]._[:space:][:cntrl:]@\",:;<>()/!?#$%&'*+=^`{|}~\\["
#define MAIL_LABEL                                                             \
	"[^" NOT_IN_LABEL "-]([^" NOT_IN_LABEL "]*[^" NOT_IN_LABEL "-])?"
#define LABEL "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"

PATTERN_TEST(is_email, "^" MAIL_ATOM "(\\." MAIL_ATOM ")*@(" MAIL_LABEL "\\.)+"
		       "[^" NOT_IN_LABEL "0-9-][^" NOT_IN_LABEL "]+$")
PATTERN_TEST(is_url, "^[a-z][a-z0-9+.-]*:[^[:space:][:cntrl:]]+$")
PATTERN_TEST(is_uri, "^([a-z][a-z0-9+.-]*:|/)[^[:space:][:cntrl:]]*$")
PATTERN_TEST(is_hexcolor, "^#([0-9a-f]{3}|[0-9a-f]{6})$")
PATTERN_TEST(is_rgb, "^rgb\\( *" BYTE " *, *" BYTE " *, *" BYTE " *\\)$")
PATTERN_TEST(is_rgba,
	     "^rgba\\( *" BYTE " *, *" BYTE " *, *" BYTE " *, *" SHARE " *\\)$")
PATTERN_TEST(is_hsl,
	     "^hsl\\( *" DEGREES " *, *" PERCENT " *, *" PERCENT " *\\)$")
PATTERN_TEST(is_hsla, "^hsla\\( *" DEGREES " *, *" PERCENT " *, *" PERCENT
		      " *, *" SHARE " *\\)$")
PATTERN_TEST(is_numeric, "^[-+]?[0-9]+(\\.[0-9]+)?$")
PATTERN_TEST(is_hexadecimal, "^(0x)?[0-9a-f]+$")
PATTERN_TEST(is_uuid4, "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-"
		       "[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
PATTERN_TEST(is_base64url,
	     "^([a-z0-9_-]{4})*([a-z0-9_-]{2}==|[a-z0-9_-]{3}=)?$")
PATTERN_TEST(is_mac, "^([0-9a-f]{2}[:-]){5}[0-9a-f]{2}$")
PATTERN_TEST(is_hostname, "^" LABEL "(\\." LABEL ")*$")
PATTERN_TEST(is_fqdn, "^(" LABEL "\\.)+[a-z][a-z0-9-]*[a-z0-9]\\.?$")
PATTERN_TEST(is_data_uri, "^data:[^;,[:space:]]+/[^;,[:space:]]+"
			  "(;[^;,[:space:]]+)*;base64,[a-z0-9+/]*={0,2}$")
PATTERN_TEST(is_e164, "^\\+[1-9]?[0-9]{7,14}$")
PATTERN_TEST(is_semver, "^(0|[1-9][0-9]*)(\\.(0|[1-9][0-9]*)){2}"
			"(-[0-9a-z.-]+)?(\\+[0-9a-z.-]+)?$")

/* All characters of a non-empty text belong to a class. */
static bool
all_are(const struct tested *tested, int (*is_member)(int))
{
	for (size_t i = 0; i < tested->size; i++)
		if (!is_member((unsigned char)tested->text[i]))
			return false;
	return tested->size > 0;
}

#define CLASS_TEST(name, class)                                                \
	static bool name(const struct tested *tested)                          \
	{                                                                      \
		return all_are(tested, class);                                 \
	}

static int
is_wide_letter(int c)
{
	return isalpha(c) || c >= 0x80;
}

static int
is_wide_alphanumeric(int c)
{
	return isalnum(c) || c >= 0x80;
}

CLASS_TEST(is_alpha, isalpha)
CLASS_TEST(is_alphanum, isalnum)
CLASS_TEST(is_alphaunicode, is_wide_letter)
CLASS_TEST(is_alphanumunicode, is_wide_alphanumeric)
CLASS_TEST(is_digits, isdigit)
CLASS_TEST(is_printable, isprint)

static bool
is_ascii(const struct tested *tested)
{
	for (size_t i = 0; i < tested->size; i++)
		if ((unsigned char)tested->text[i] >= 0x80)
			return false;
	return true;
}

static bool
is_lower_case(const struct tested *tested)
{
	for (size_t i = 0; i < tested->size; i++)
		if (isupper((unsigned char)tested->text[i]))
			return false;
	return tested->size > 0;
}

static bool
is_upper_case(const struct tested *tested)
{
	for (size_t i = 0; i < tested->size; i++)
		if (islower((unsigned char)tested->text[i]))
			return false;
	return tested->size > 0;
}

static bool
is_boolean(const struct tested *tested)
{
	static const char *const words[] = { "true", "false", "1", "0" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcasecmp(tested->text, words[i]))
			return true;
	return false;
}

static bool
is_present(const struct tested *tested)
{
	switch (json_object_get_type(tested->value)) {
	case json_type_null:
		return false;
	case json_type_string:
		return tested->size > 0;
	case json_type_array:
		return json_object_array_length(tested->value) > 0;
	default:
		return true;
	}
}

/* Size: a number itself, characters of a text, members of an array. */
static long double
magnitude(const struct tested *tested)
{
	if (tested->is_number)
		return tested->number;
	if (json_object_is_type(tested->value, json_type_array))
		return json_object_array_length(tested->value);
	if (json_object_is_type(tested->value, json_type_object))
		return json_object_object_length(tested->value);
	return text_characters(tested->text, tested->size);
}

static long double
limit(const struct tested *tested)
{
	return strtold(tested->parameter, NULL);
}

static bool
is_at_least(const struct tested *tested)
{
	return magnitude(tested) >= limit(tested);
}

static bool
is_at_most(const struct tested *tested)
{
	return magnitude(tested) <= limit(tested);
}

static bool
is_more(const struct tested *tested)
{
	return magnitude(tested) > limit(tested);
}

static bool
is_less(const struct tested *tested)
{
	return magnitude(tested) < limit(tested);
}

static bool
is_of_length(const struct tested *tested)
{
	return magnitude(tested) == limit(tested);
}

static bool
is_equal(const struct tested *tested)
{
	if (tested->is_number)
		return tested->number == limit(tested);
	return !strcmp(tested->text, tested->parameter);
}

static bool
is_different(const struct tested *tested)
{
	return !is_equal(tested);
}

/* Words apart by blanks; 'quotes' hold words with blanks together. */
static bool
is_one_of(const struct tested *tested)
{
	const char *p = tested->parameter;

	while (*p) {
		char end = *p == '\'' ? '\'' : ' ';
		const char *word = p + (end == '\'');
		size_t length = strcspn(word, end == '\'' ? "'" : " ");

		if (length == tested->size &&
		    !memcmp(word, tested->text, length))
			return true;
		p = word + length;
		p += *p != '\0';
		p += strspn(p, " ");
	}
	return false;
}

static bool
does_contain(const struct tested *tested)
{
	return strstr(tested->text, tested->parameter) != NULL;
}

static bool
does_not_contain(const struct tested *tested)
{
	return !does_contain(tested);
}

static bool
does_contain_any(const struct tested *tested)
{
	return strpbrk(tested->text, tested->parameter) != NULL;
}

static bool
does_not_contain_any(const struct tested *tested)
{
	return !does_contain_any(tested);
}

static bool
does_start_with(const struct tested *tested)
{
	return !strncmp(tested->text, tested->parameter,
			strlen(tested->parameter));
}

static bool
does_end_with(const struct tested *tested)
{
	size_t length = strlen(tested->parameter);

	return tested->size >= length &&
	       !strcmp(tested->text + tested->size - length, tested->parameter);
}

/* The value of another field: "b", or "InnerStructField[b]". */
static struct json_object *
other_field(const struct tested *tested)
{
	const char *name = tested->parameter;
	const char *bracket = strchr(name, '[');

	if (bracket)
		name = arena_strndup(tested->arena, bracket + 1,
				     strcspn(bracket + 1, "]"));
	return json_object_object_get(tested->siblings, name);
}

static bool
equals_field(const struct tested *tested)
{
	return json_object_equal(tested->value, other_field(tested));
}

static bool
differs_from_field(const struct tested *tested)
{
	return !equals_field(tested);
}

static bool
is_within(const struct tested *tested, long double lowest, long double highest)
{
	char *end;
	long double number = strtold(tested->text, &end);

	return tested->size && !*end && number >= lowest && number <= highest;
}

static bool
is_latitude(const struct tested *tested)
{
	return is_within(tested, -90, 90);
}

static bool
is_longitude(const struct tested *tested)
{
	return is_within(tested, -180, 180);
}

static bool
is_ipv4(const struct tested *tested)
{
	struct in_addr address;

	return inet_pton(AF_INET, tested->text, &address) == 1;
}

static bool
is_ipv6(const struct tested *tested)
{
	struct in6_addr address;

	return inet_pton(AF_INET6, tested->text, &address) == 1;
}

static bool
is_ip(const struct tested *tested)
{
	return is_ipv4(tested) || is_ipv6(tested);
}

static bool
is_cidr(const struct tested *tested)
{
	const char *slash = strchr(tested->text, '/');
	struct tested address = *tested;
	char *end;
	unsigned long bits;

	if (!slash || !isdigit((unsigned char)slash[1]))
		return false;
	bits = strtoul(slash + 1, &end, 10);
	address.text = arena_strndup(tested->arena, tested->text,
				     (size_t)(slash - tested->text));
	return !*end && ((is_ipv4(&address) && bits <= 32) ||
			 (is_ipv6(&address) && bits <= 128));
}

static bool
is_uuid(const struct tested *tested)
{
	return crypto_is_uuid(tested->text);
}

static bool
is_base64(const struct tested *tested)
{
	unsigned char *bytes;
	size_t size;

	return tested->size % 4 == 0 && !strpbrk(tested->text, " \t\r\n") &&
	       crypto_base64_decode(tested->arena, tested->text, tested->size,
				    &bytes, &size);
}

static bool
is_json(const struct tested *tested)
{
	struct json_tokener *tokener = json_tokener_new_ex(64);
	struct json_object *value;
	bool whole;

	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	value = json_tokener_parse_ex(tokener, tested->text,
				      (int)tested->size + 1);
	whole = json_tokener_get_error(tokener) == json_tokener_success;
	json_object_put(value);
	json_tokener_free(tokener);
	return whole;
}

/* A layout in Go's words ("2006-01-02") as strptime(3) reads it. */
static const char *
strptime_format(struct arena *arena, const char *layout)
{
	static const struct {
		const char *word;
		const char *format;
	} words[] = {
		{ "2006", "%Y" },   { "01", "%m" },	 { "02", "%d" },
		{ "15", "%H" },	    { "03", "%I" },	 { "04", "%M" },
		{ "05", "%S" },	    { "PM", "%p" },	 { "Z07:00", "%z" },
		{ "-0700", "%z" },  { "January", "%B" }, { "Jan", "%b" },
		{ "Monday", "%A" }, { "Mon", "%a" },
	};
	struct strbuf buf;

	strbuf_init(&buf, arena);
	while (*layout) {
		size_t i = 0;

		while (i < ARRAY_SIZE(words) &&
		       strncmp(layout, words[i].word, strlen(words[i].word)))
			i++;
		if (i == ARRAY_SIZE(words)) {
			strbuf_putc(&buf, *layout++);
			continue;
		}
		strbuf_puts(&buf, words[i].format);
		layout += strlen(words[i].word);
	}
	return buf.data;
}

static bool
is_datetime(const struct tested *tested)
{
	struct tm tm = { 0 };
	const char *end = strptime(
		tested->text, strptime_format(tested->arena, tested->parameter),
		&tm);

	return end && !*end;
}

static bool
is_color(const struct tested *tested)
{
	return is_hexcolor(tested) || is_rgb(tested) || is_rgba(tested) ||
	       is_hsl(tested) || is_hsla(tested);
}

#define PLAIN(name, test, words)                                               \
	{                                                                      \
		name, test, words, false, false, false                         \
	}
#define WITH(name, test, before)                                               \
	{                                                                      \
		name, test, before, false, false, true                         \
	}
#define SIZE(name, test, before)                                               \
	{                                                                      \
		name, test, before, false, true, true                          \
	}
#define FIELD(name, test, before)                                              \
	{                                                                      \
		name, test, before, true, true, true                           \
	}

const struct validation_tag validation_tags[] = {
	{ "required", is_present, "must not be empty", true, true, false },
	SIZE("min", is_at_least, "must be at least "),
	SIZE("max", is_at_most, "must be at most "),
	SIZE("len", is_of_length, "must be exactly "),
	SIZE("gt", is_more, "must be more than "),
	SIZE("gte", is_at_least, "must be at least "),
	SIZE("lt", is_less, "must be less than "),
	SIZE("lte", is_at_most, "must be at most "),
	WITH("eq", is_equal, "must be "),
	WITH("ne", is_different, "must not be "),
	WITH("oneof", is_one_of, "must be one of: "),
	FIELD("eqfield", equals_field, "must be equal to "),
	FIELD("eqcsfield", equals_field, "must be equal to "),
	FIELD("nefield", differs_from_field, "must differ from "),
	FIELD("necsfield", differs_from_field, "must differ from "),
	PLAIN("email", is_email, "must be a mail address"),
	PLAIN("url", is_url, "must be a URL"),
	PLAIN("uri", is_uri, "must be a URI"),
	PLAIN("alpha", is_alpha, "must consist of letters"),
	PLAIN("alphanum", is_alphanum, "must consist of letters and digits"),
	PLAIN("alphaunicode", is_alphaunicode, "must consist of letters"),
	PLAIN("alphanumunicode", is_alphanumunicode,
	      "must consist of letters and digits"),
	PLAIN("numeric", is_numeric, "must be a number"),
	PLAIN("number", is_digits, "must consist of digits"),
	PLAIN("boolean", is_boolean, "must be true or false"),
	PLAIN("hexadecimal", is_hexadecimal, "must be hexadecimal"),
	PLAIN("iscolor", is_color, "must be a colour"),
	PLAIN("hexcolor", is_hexcolor, "must be a colour like #a0b1c2"),
	PLAIN("rgb", is_rgb, "must be a colour like rgb(1,2,3)"),
	PLAIN("rgba", is_rgba, "must be a colour like rgba(1,2,3,0.5)"),
	PLAIN("hsl", is_hsl, "must be a colour like hsl(120,50%,50%)"),
	PLAIN("hsla", is_hsla, "must be a colour like hsla(120,50%,50%,0.5)"),
	PLAIN("latitude", is_latitude, "must be a latitude"),
	PLAIN("longitude", is_longitude, "must be a longitude"),
	PLAIN("ip", is_ip, "must be an IP address"),
	PLAIN("ipv4", is_ipv4, "must be an IPv4 address"),
	PLAIN("ipv6", is_ipv6, "must be an IPv6 address"),
	PLAIN("cidr", is_cidr, "must be an address with a prefix length"),
	PLAIN("mac", is_mac, "must be a MAC address"),
	PLAIN("hostname", is_hostname, "must be a host name"),
	PLAIN("hostname_rfc1123", is_hostname, "must be a host name"),
	PLAIN("fqdn", is_fqdn, "must be a full domain name"),
	PLAIN("uuid", is_uuid, "must be a UUID"),
	PLAIN("uuid4", is_uuid4, "must be a UUID of version 4"),
	PLAIN("base64", is_base64, "must be base64"),
	PLAIN("base64url", is_base64url, "must be base64 for URLs"),
	PLAIN("datauri", is_data_uri, "must be a data URL"),
	PLAIN("json", is_json, "must be JSON"),
	PLAIN("e164", is_e164, "must be a telephone number like +4930123456"),
	PLAIN("semver", is_semver, "must be a version like 1.2.3"),
	PLAIN("lowercase", is_lower_case, "must be in lower case"),
	PLAIN("uppercase", is_upper_case, "must be in upper case"),
	PLAIN("ascii", is_ascii, "must be plain ASCII"),
	PLAIN("printascii", is_printable, "must be printable ASCII"),
	WITH("datetime", is_datetime, "must be a date of the form "),
	WITH("contains", does_contain, "must contain "),
	WITH("containsany", does_contain_any, "must contain one of "),
	WITH("excludes", does_not_contain, "must not contain "),
	WITH("excludesall", does_not_contain_any, "must contain none of "),
	WITH("startswith", does_start_with, "must start with "),
	WITH("endswith", does_end_with, "must end with "),
};

const size_t validation_tags_count = ARRAY_SIZE(validation_tags);
