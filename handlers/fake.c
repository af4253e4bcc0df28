/*
 * fake.c: generators of values. Which one fills a column is decided once, by
 * its column type, by words in its name, or by the kind of its values; then
 * each row only calls it.
 */
#include "handlers/fake.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "db/base/crypto.h"

#define FAKE_LIST(name, ...) static const char *const name[] = { __VA_ARGS__ };
#include "handlers/fake_words.def"
#undef FAKE_LIST

#define ISO_CODES "/usr/share/iso-codes/json/"

/* 2005-01-01 to 2034-12-31, in seconds since 1970. */
#define MOMENT_FIRST INT64_C(1104537600)
#define MOMENT_LAST INT64_C(2051222399)
/* Bytes of values after which they are given back. */
#define SCRATCH_MAX (128 * 1024)

#define DAY_SECONDS INT64_C(86400)

struct list {
	const char *const *items;
	size_t count;
};

/* A person and a place that a row is about. */
struct theme {
	const char *first_name;
	const char *last_name;
	const char *city;
	size_t country;
	int64_t moment;
};

struct fake {
	struct arena *arena;
	struct arena *scratch; /* values of the row at hand */
	uint64_t state;	       /* of the random numbers */
	int64_t row;	       /* from 0; -1 before the first */
	struct theme theme;
	struct list countries;
	struct list country_codes; /* in the order of countries */
	struct list currencies;
	struct list languages;
};

typedef void make_function(struct fake *fake, const struct fake_column *column,
			   struct strbuf *out);

struct fake_column {
	struct fake_settings settings;
	make_function *make;
	double low, high; /* of numbers */
	bool has_low, has_high;
	size_t least, most;    /* characters of texts; most 0: any */
	struct list choices;   /* of an enumeration, or of oneof */
	make_function *forced; /* by a validation, or NULL */
};

/* Random numbers: splitmix64. */

static uint64_t
next(struct fake *fake)
{
	uint64_t z = fake->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static int64_t
between(struct fake *fake, int64_t low, int64_t high)
{
	uint64_t span = (uint64_t)high - (uint64_t)low + 1;

	return (int64_t)((uint64_t)low +
			 (span ? next(fake) % span : next(fake)));
}

static bool
one_in(struct fake *fake, uint64_t count)
{
	return next(fake) % count == 0;
}

static const char *
pick(struct fake *fake, struct list list)
{
	return list.items[next(fake) % list.count];
}

#define LIST(words) ((struct list){ (words), ARRAY_SIZE(words) })
#define PICK(fake, words) pick((fake), LIST(words))

/* Names of countries and the like, from iso-codes where that is. */

static void
release(void *object)
{
	json_object_put(object);
}

/* The texts of a member of all entries, as far as they are no longer. */
static struct list
read_list(struct arena *arena, struct json_object *entries, const char *member,
	  size_t longest)
{
	size_t count = json_object_array_length(entries);
	const char **items = ARENA_ARRAY(arena, const char *, count + 1);
	struct list list = { items, 0 };

	for (size_t i = 0; i < count; i++) {
		struct json_object *entry =
			json_object_array_get_idx(entries, i);
		const char *text = json_object_get_string(
			json_object_object_get(entry, member));

		if (text && strlen(text) <= longest)
			items[list.count++] = text;
	}
	return list;
}

static struct json_object *
read_iso(struct arena *arena, const char *number)
{
	struct json_object *entries = NULL;
	struct json_object *file = json_object_from_file(
		arena_printf(arena, ISO_CODES "iso_%s.json", number));

	if (!file)
		return NULL;
	arena_defer(arena, release, file);
	json_object_object_get_ex(file, number, &entries);
	return json_object_is_type(entries, json_type_array) ? entries : NULL;
}

static void
read_lists(struct fake *fake)
{
	struct arena *arena = fake->arena;
	struct json_object *countries = read_iso(arena, "3166-1");
	struct json_object *currencies = read_iso(arena, "4217");
	struct list names, codes;

	fake->countries = LIST(plain_countries);
	fake->country_codes = LIST(plain_country_codes);
	fake->currencies = LIST(plain_currencies);
	fake->languages = LIST(plain_languages);
	if (countries) {
		names = read_list(arena, countries, "name", 200);
		codes = read_list(arena, countries, "alpha_2", 2);
		if (names.count && names.count == codes.count) {
			fake->countries = names;
			fake->country_codes = codes;
		}
	}
	if (currencies) {
		codes = read_list(arena, currencies, "alpha_3", 3);
		if (codes.count)
			fake->currencies = codes;
	}
}

static void
release_arena(void *arena)
{
	arena_free(arena);
}

struct fake *
fake_new(struct arena *arena, uint64_t seed)
{
	struct fake *fake = ARENA_NEW(arena, struct fake);

	fake->arena = arena;
	fake->state = seed;
	fake->row = -1;
	fake->scratch = arena_new();
	arena_defer(arena, release_arena, fake->scratch);
	read_lists(fake);
	return fake;
}

void
fake_next_row(struct fake *fake)
{
	if (arena_size(fake->scratch) > SCRATCH_MAX)
		arena_reset(fake->scratch);
	fake->row++;
	fake->theme = (struct theme){
		.first_name = PICK(fake, first_names),
		.last_name = PICK(fake, last_names),
		.city = PICK(fake, cities),
		.country = next(fake) % fake->countries.count,
		.moment = between(fake, MOMENT_FIRST, MOMENT_LAST),
	};
}

/* The number that makes this row's value different from all others. */
static int64_t
number_of(const struct fake *fake, const struct fake_column *column)
{
	return column->settings.first + fake->row;
}

/* Texts. */

static void
make_first_name(struct fake *fake, const struct fake_column *column UNUSED,
		struct strbuf *out)
{
	strbuf_puts(out, fake->theme.first_name);
}

static void
make_last_name(struct fake *fake, const struct fake_column *column UNUSED,
	       struct strbuf *out)
{
	strbuf_puts(out, fake->theme.last_name);
}

static void
make_full_name(struct fake *fake, const struct fake_column *column UNUSED,
	       struct strbuf *out)
{
	strbuf_printf(out, "%s %s", fake->theme.first_name,
		      fake->theme.last_name);
}

static void
add_lower(struct strbuf *out, const char *text)
{
	for (; *text; text++)
		strbuf_putc(out, *text >= 'A' && *text <= 'Z'
					 ? (char)(*text - 'A' + 'a')
					 : *text);
}

static void
make_login(struct fake *fake, const struct fake_column *column,
	   struct strbuf *out)
{
	add_lower(out, fake->theme.first_name);
	strbuf_putc(out, '.');
	add_lower(out, fake->theme.last_name);
	if (column->settings.is_unique)
		strbuf_integer(out, number_of(fake, column));
}

static void
make_email(struct fake *fake, const struct fake_column *column,
	   struct strbuf *out)
{
	make_login(fake, column, out);
	strbuf_putc(out, '@');
	strbuf_puts(out, PICK(fake, domains));
}

static void
make_url(struct fake *fake, const struct fake_column *column,
	 struct strbuf *out)
{
	strbuf_literal(out, "https://www.");
	strbuf_puts(out, PICK(fake, domains));
	strbuf_putc(out, '/');
	add_lower(out, PICK(fake, adjectives));
	strbuf_putc(out, '-');
	add_lower(out, PICK(fake, things));
	if (column->settings.is_unique)
		strbuf_printf(out, "/%lld", (long long)number_of(fake, column));
}

static void
make_thing(struct fake *fake, const struct fake_column *column UNUSED,
	   struct strbuf *out)
{
	strbuf_printf(out, "%s %s", PICK(fake, adjectives), PICK(fake, things));
}

static void
make_word(struct fake *fake, const struct fake_column *column UNUSED,
	  struct strbuf *out)
{
	add_lower(out, PICK(fake, things));
}

static void
make_city(struct fake *fake, const struct fake_column *column UNUSED,
	  struct strbuf *out)
{
	strbuf_puts(out, fake->theme.city);
}

static void
make_state(struct fake *fake, const struct fake_column *column UNUSED,
	   struct strbuf *out)
{
	strbuf_puts(out, PICK(fake, states));
}

static void
make_street(struct fake *fake, const struct fake_column *column UNUSED,
	    struct strbuf *out)
{
	strbuf_printf(out, "%lld %s %s", (long long)between(fake, 1, 240),
		      PICK(fake, streets), PICK(fake, street_kinds));
}

static void
make_postcode(struct fake *fake, const struct fake_column *column UNUSED,
	      struct strbuf *out)
{
	strbuf_integer(out, between(fake, 10000, 99999));
}

/* As many as the column asks for. */
static void
make_digits(struct fake *fake, const struct fake_column *column,
	    struct strbuf *out)
{
	if (column->settings.is_unique)
		strbuf_integer(out, number_of(fake, column));
	else
		make_postcode(fake, column, out);
	while (out->length < column->least)
		strbuf_putc(out, (char)between(fake, '0', '9'));
	if (column->most && out->length > column->most)
		strbuf_cut(out, column->most);
}

static void
make_address(struct fake *fake, const struct fake_column *column,
	     struct strbuf *out)
{
	make_street(fake, column, out);
	strbuf_literal(out, ", ");
	make_postcode(fake, column, out);
	strbuf_putc(out, ' ');
	strbuf_puts(out, fake->theme.city);
}

static void
make_country(struct fake *fake, const struct fake_column *column,
	     struct strbuf *out)
{
	bool is_code = column->most && column->most < 4;

	strbuf_puts(out, (is_code ? fake->country_codes : fake->countries)
				 .items[fake->theme.country]);
}

static void
make_country_code(struct fake *fake, const struct fake_column *column UNUSED,
		  struct strbuf *out)
{
	strbuf_puts(out, fake->country_codes.items[fake->theme.country]);
}

static void
make_currency(struct fake *fake, const struct fake_column *column UNUSED,
	      struct strbuf *out)
{
	strbuf_puts(out, pick(fake, fake->currencies));
}

static void
make_language(struct fake *fake, const struct fake_column *column UNUSED,
	      struct strbuf *out)
{
	strbuf_puts(out, pick(fake, fake->languages));
}

/* Numbers that no exchange gives out. */
static void
make_phone(struct fake *fake, const struct fake_column *column UNUSED,
	   struct strbuf *out)
{
	strbuf_printf(out, "+1 %lld 555 01%02lld",
		      (long long)between(fake, 201, 989),
		      (long long)between(fake, 0, 99));
}

static void
make_company(struct fake *fake, const struct fake_column *column UNUSED,
	     struct strbuf *out)
{
	strbuf_printf(out, "%s %s", PICK(fake, last_names),
		      PICK(fake, company_kinds));
}

static void
make_department(struct fake *fake, const struct fake_column *column UNUSED,
		struct strbuf *out)
{
	strbuf_puts(out, PICK(fake, departments));
}

static void
make_job(struct fake *fake, const struct fake_column *column UNUSED,
	 struct strbuf *out)
{
	strbuf_puts(out, PICK(fake, jobs));
}

static void
make_status(struct fake *fake, const struct fake_column *column UNUSED,
	    struct strbuf *out)
{
	strbuf_puts(out, PICK(fake, states_of_things));
}

static void
make_code(struct fake *fake, const struct fake_column *column,
	  struct strbuf *out)
{
	int64_t number = column->settings.is_unique ? number_of(fake, column)
						    : between(fake, 0, 999999);

	strbuf_printf(out, "%c%c-%06lld", (char)between(fake, 'A', 'Z'),
		      (char)between(fake, 'A', 'Z'), (long long)number);
}

/* ISBN-13 with its check digit; the number stands in the middle. */
static void
make_isbn(struct fake *fake, const struct fake_column *column,
	  struct strbuf *out)
{
	int64_t number = column->settings.is_unique
				 ? number_of(fake, column) % 1000000000
				 : between(fake, 0, 999999999);
	char digits[24];
	int sum = 0;

	snprintf(digits, sizeof digits, "978%09lld", (long long)number);
	for (int i = 0; i < 12; i++)
		sum += (digits[i] - '0') * (i % 2 ? 3 : 1);
	strbuf_printf(out, "%s%d", digits, (10 - sum % 10) % 10);
}

static void
make_color(struct fake *fake, const struct fake_column *column UNUSED,
	   struct strbuf *out)
{
	strbuf_printf(out, "#%06llx",
		      (unsigned long long)(next(fake) & 0xffffff));
}

static void
make_address_of_network(struct fake *fake,
			const struct fake_column *column UNUSED,
			struct strbuf *out)
{
	strbuf_printf(out, "192.0.2.%lld", (long long)between(fake, 1, 254));
}

static void
make_weekday(struct fake *fake, const struct fake_column *column UNUSED,
	     struct strbuf *out)
{
	strbuf_puts(out, PICK(fake, weekdays));
}

/* Version 4 in form; unique ones carry their number. */
static void
make_uuid(struct fake *fake, const struct fake_column *column,
	  struct strbuf *out)
{
	uint64_t high = next(fake), low = next(fake);

	if (column->settings.is_unique)
		low = (low & ~UINT64_C(0xffffffffffff)) |
		      ((uint64_t)number_of(fake, column) &
		       UINT64_C(0xffffffffffff));
	strbuf_printf(out, "%08llx-%04llx-4%03llx-%04llx-%012llx",
		      (unsigned long long)(high >> 32),
		      (unsigned long long)(high >> 16 & 0xffff),
		      (unsigned long long)(high & 0xfff),
		      (unsigned long long)(0x8000 | (low >> 48 & 0x3fff)),
		      (unsigned long long)(low & UINT64_C(0xffffffffffff)));
}

static void
add_sentence(struct fake *fake, struct strbuf *out)
{
	int64_t count = between(fake, 5, 10);

	strbuf_literal(out, "The ");
	add_lower(out, PICK(fake, adjectives));
	strbuf_putc(out, ' ');
	add_lower(out, PICK(fake, things));
	for (int64_t i = 0; i < count; i++)
		strbuf_printf(out, " %s", PICK(fake, words));
	strbuf_putc(out, '.');
}

static void
make_sentences(struct fake *fake, const struct fake_column *column UNUSED,
	       struct strbuf *out)
{
	int64_t count = between(fake, 1, 3);

	for (int64_t i = 0; i < count; i++) {
		if (i)
			strbuf_putc(out, ' ');
		add_sentence(fake, out);
	}
}

static void
make_html(struct fake *fake, const struct fake_column *column,
	  struct strbuf *out)
{
	strbuf_literal(out, "<h2>");
	make_thing(fake, column, out);
	strbuf_literal(out, "</h2><p>");
	make_sentences(fake, column, out);
	strbuf_literal(out, "</p>");
}

static void
make_markdown(struct fake *fake, const struct fake_column *column,
	      struct strbuf *out)
{
	strbuf_literal(out, "## ");
	make_thing(fake, column, out);
	strbuf_literal(out, "\n\n");
	make_sentences(fake, column, out);
	strbuf_literal(out, "\n\n- ");
	make_word(fake, column, out);
	strbuf_literal(out, "\n- ");
	make_word(fake, column, out);
}

static void
make_json(struct fake *fake, const struct fake_column *column,
	  struct strbuf *out)
{
	strbuf_literal(out, "{\"name\":\"");
	make_thing(fake, column, out);
	strbuf_printf(out, "\",\"amount\":%lld,\"tags\":[\"",
		      (long long)between(fake, 1, 500));
	make_word(fake, column, out);
	strbuf_literal(out, "\"]}");
}

static void
make_secret(struct fake *fake, const struct fake_column *column UNUSED,
	    struct strbuf *out)
{
	strbuf_printf(out, "%016llx", (unsigned long long)next(fake));
}

/* Numbers. */

static double
limited(const struct fake_column *column, double value)
{
	if (column->has_low && value < column->low)
		return column->low;
	if (column->has_high && value > column->high)
		return column->high;
	return value;
}

static bool
is_whole(const struct fake_column *column)
{
	return column->settings.column->kind == VALUE_INTEGER;
}

/* From low to high, within what the column takes. */
static void
add_number(struct fake *fake, const struct fake_column *column, double low,
	   double high, unsigned decimals, struct strbuf *out)
{
	double from = limited(column, low), to = limited(column, high);
	double share = (double)(next(fake) >> 11) * 0x1p-53;

	if (column->settings.column->kind == VALUE_BOOLEAN) {
		strbuf_puts(out, share < 0.5 ? "true" : "false");
	} else if (column->settings.is_unique) {
		strbuf_integer(out, number_of(fake, column));
	} else if (is_whole(column)) {
		strbuf_integer(out, (int64_t)from +
					    (int64_t)((to - from + 1) * share));
	} else {
		if (from == to && column->has_low && !column->has_high)
			to = from + 1000;
		strbuf_printf(out, "%.*f", (int)decimals,
			      from + (to - from) * share);
	}
}

#define NUMBER(name, low, high, decimals)                                      \
	static void name(struct fake *fake, const struct fake_column *column,  \
			 struct strbuf *out)                                   \
	{                                                                      \
		add_number(fake, column, low, high, decimals, out);            \
	}

NUMBER(make_measurement, 0, 4999, 2)
NUMBER(make_small_number, 0, 999, 0)
NUMBER(make_money, 1, 999, 2)
NUMBER(make_quantity, 1, 200, 0)
NUMBER(make_age, 18, 90, 0)
NUMBER(make_percent, 0, 100, 1)
NUMBER(make_pages, 40, 900, 0)
NUMBER(make_rating, 0, 10, 0)
NUMBER(make_minute, 0, 59, 0)
NUMBER(make_hour, 0, 23, 0)
NUMBER(make_month, 1, 12, 0)
NUMBER(make_year, 1990, 2030, 0)
NUMBER(make_latitude, -66, 72, 4)
NUMBER(make_longitude, -180, 180, 4)
NUMBER(make_altitude, 0, 999, 1)
NUMBER(make_flag, 0, 1, 0)

static void
make_location(struct fake *fake, const struct fake_column *column UNUSED,
	      struct strbuf *out)
{
	strbuf_printf(out, "[%.4f, %.4f]",
		      (double)between(fake, -660000, 720000) / 1e4,
		      (double)between(fake, -1800000, 1800000) / 1e4);
}

/* Times. */

static struct tm
calendar(int64_t seconds)
{
	time_t moment = (time_t)seconds;
	struct tm tm;

	gmtime_r(&moment, &tm);
	return tm;
}

static void
add_date(struct strbuf *out, int64_t seconds)
{
	struct tm tm = calendar(seconds);

	strbuf_printf(out, "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1,
		      tm.tm_mday);
}

static void
add_clock(struct strbuf *out, int64_t seconds)
{
	struct tm tm = calendar(seconds);

	strbuf_printf(out, "%02d:%02d:%02d", tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* All moments of a row are within some days of each other. */
static int64_t
moment_of(struct fake *fake, const struct fake_column *column)
{
	if (column->settings.is_unique)
		return number_of(fake, column);
	return fake->theme.moment + between(fake, 0, 30 * DAY_SECONDS);
}

static void
make_datetime(struct fake *fake, const struct fake_column *column,
	      struct strbuf *out)
{
	int64_t moment = moment_of(fake, column);

	add_date(out, moment);
	strbuf_putc(out, 'T');
	add_clock(out, moment);
	strbuf_putc(out, 'Z');
}

static void
make_date(struct fake *fake, const struct fake_column *column,
	  struct strbuf *out)
{
	if (column->settings.is_unique)
		make_datetime(fake, column, out);
	else
		add_date(out, moment_of(fake, column));
}

static void
make_birthday(struct fake *fake, const struct fake_column *column,
	      struct strbuf *out)
{
	if (column->settings.is_unique)
		make_datetime(fake, column, out);
	else
		add_date(out, between(fake, -631152000, MOMENT_FIRST));
}

static void
make_time(struct fake *fake, const struct fake_column *column UNUSED,
	  struct strbuf *out)
{
	add_clock(out, between(fake, 0, DAY_SECONDS - 1));
}

/* Files: of one pixel, of silence, or of a sentence. */

#define PIXEL                                                                    \
	"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGD4DwABBA" \
	"EAwS2OUAAAAABJRU5ErkJggg=="
/* gzip of "hello\n" */
#define GZIPPED "H4sIAAAAAAACA8tIzcnJ5wIAIDA6NgYAAAA="

static void
add_text_file(struct fake *fake, struct strbuf *out)
{
	struct strbuf text;

	strbuf_init(&text, fake->scratch);
	add_sentence(fake, &text);
	strbuf_puts(out, crypto_base64(fake->scratch, text.data, text.length));
}

static void
add_file(struct strbuf *out, const char *name, const char *suffix,
	 const char *type, const char *content)
{
	strbuf_literal(out, "[{\"name\":\"");
	add_lower(out, name);
	strbuf_printf(out,
		      "%s\",\"type\":\"%s\",\"file\":\"data:%s;base64,%s\"}]",
		      suffix, type, type, content);
}

static void
make_image(struct fake *fake, const struct fake_column *column UNUSED,
	   struct strbuf *out)
{
	add_file(out, PICK(fake, things), ".png", "image/png", PIXEL);
}

static void
make_file(struct fake *fake, const struct fake_column *column UNUSED,
	  struct strbuf *out)
{
	struct strbuf content;

	strbuf_init(&content, fake->scratch);
	add_text_file(fake, &content);
	add_file(out, PICK(fake, things), ".txt", "text/plain", content.data);
}

static void
make_gzip(struct fake *fake UNUSED, const struct fake_column *column UNUSED,
	  struct strbuf *out)
{
	strbuf_literal(out, GZIPPED);
}

static void
make_bytes(struct fake *fake, const struct fake_column *column UNUSED,
	   struct strbuf *out)
{
	add_text_file(fake, out);
}

/* Choices. */

static void
make_choice(struct fake *fake, const struct fake_column *column,
	    struct strbuf *out)
{
	size_t index = column->settings.is_unique
			       ? (size_t)fake->row % column->choices.count
			       : next(fake) % column->choices.count;

	strbuf_puts(out, column->choices.items[index]);
}

/* Unique keys each once: there are none left for rows beyond their number. */
static void
make_key(struct fake *fake, const struct fake_column *column,
	 struct strbuf *out)
{
	const struct fake_settings *settings = &column->settings;
	size_t index = settings->is_unique ? (size_t)fake->row
					   : next(fake) % settings->nkeys;

	if (index < settings->nkeys)
		strbuf_puts(out, settings->keys[index]);
}

/* Which generator fills a column. */

struct rule {
	const char *name;
	make_function *make;
	bool is_decided; /* the column's name has nothing to add */
};

static const struct rule type_rules[] = {
	{ "email", make_email, true },
	{ "url", make_url, true },
	{ "color", make_color, true },
	{ "name", make_full_name, false },
	{ "label", make_thing, false },
	{ "content", make_sentences, false },
	{ "html", make_html, true },
	{ "markdown", make_markdown, true },
	{ "json", make_json, true },
	{ "alias", make_uuid, true },
	{ "id", make_uuid, true },
	{ "namespace", make_word, false },
	{ "hidden", make_word, false },
	{ "value", make_small_number, false },
	{ "measurement", make_measurement, false },
	{ "rating", make_rating, true },
	{ "minute", make_minute, true },
	{ "hour", make_hour, true },
	{ "day", make_weekday, true },
	{ "month", make_month, true },
	{ "year", make_year, true },
	{ "date", make_date, false },
	{ "location", make_location, true },
	{ "location.latitude", make_latitude, true },
	{ "location.longitude", make_longitude, true },
	{ "location.altitude", make_altitude, true },
	{ "image", make_image, true },
	{ "file", make_file, true },
	{ "video", make_file, true },
	{ "audio", make_file, true },
	{ "gzip", make_gzip, true },
};

static make_function *const kind_rules[] = {
	[VALUE_TEXT] = make_thing,	 [VALUE_INTEGER] = make_measurement,
	[VALUE_DECIMAL] = make_money,	 [VALUE_FLOAT] = make_measurement,
	[VALUE_BOOLEAN] = make_flag,	 [VALUE_TIMESTAMP] = make_datetime,
	[VALUE_TIME] = make_time,	 [VALUE_JSON] = make_json,
	[VALUE_ENUM] = make_word,	 [VALUE_SECRET] = make_secret,
	[VALUE_ENCRYPTED] = make_secret, [VALUE_REFERENCE] = make_key,
	[VALUE_UUID] = make_uuid,	 [VALUE_FILE] = make_file,
	[VALUE_BYTES] = make_bytes,
};

/* Words of a column's name; the first that fits decides. */
static const struct rule text_rules[] = {
	{ "first_name", make_first_name, true },
	{ "given_name", make_first_name, true },
	{ "last_name", make_last_name, true },
	{ "family_name", make_last_name, true },
	{ "surname", make_last_name, true },
	{ "full_name", make_full_name, true },
	{ "author", make_full_name, true },
	{ "contact", make_full_name, true },
	{ "customer", make_full_name, true },
	{ "email", make_email, true },
	{ "mail", make_email, true },
	{ "login", make_login, true },
	{ "username", make_login, true },
	{ "user_name", make_login, true },
	{ "phone", make_phone, true },
	{ "mobile", make_phone, true },
	{ "telephone", make_phone, true },
	{ "fax", make_phone, true },
	{ "city", make_city, true },
	{ "town", make_city, true },
	{ "country_code", make_country_code, true },
	{ "country", make_country, true },
	{ "street", make_street, true },
	{ "address", make_address, true },
	{ "zip", make_postcode, true },
	{ "postcode", make_postcode, true },
	{ "postal", make_postcode, true },
	{ "pincode", make_postcode, true },
	{ "region", make_state, true },
	{ "province", make_state, true },
	{ "county", make_state, true },
	{ "company", make_company, true },
	{ "supplier", make_company, true },
	{ "vendor", make_company, true },
	{ "employer", make_company, true },
	{ "department", make_department, true },
	{ "job", make_job, true },
	{ "profession", make_job, true },
	{ "occupation", make_job, true },
	{ "currency", make_currency, true },
	{ "language", make_language, true },
	{ "locale", make_language, true },
	{ "isbn", make_isbn, true },
	{ "sku", make_code, true },
	{ "code", make_code, true },
	{ "number", make_code, true },
	{ "serial", make_code, true },
	{ "color", make_color, true },
	{ "colour", make_color, true },
	{ "url", make_url, true },
	{ "website", make_url, true },
	{ "link", make_url, true },
	{ "ip", make_address_of_network, true },
	{ "status", make_status, true },
	{ "state", make_status, true },
	{ "description", make_sentences, true },
	{ "comment", make_sentences, true },
	{ "note", make_sentences, true },
	{ "notes", make_sentences, true },
	{ "body", make_sentences, true },
	{ "summary", make_sentences, true },
	{ "bio", make_sentences, true },
	{ "message", make_sentences, true },
};

static const struct rule number_rules[] = {
	{ "price", make_money, true },
	{ "amount", make_money, true },
	{ "cost", make_money, true },
	{ "total", make_money, true },
	{ "fee", make_money, true },
	{ "balance", make_money, true },
	{ "quantity", make_quantity, true },
	{ "count", make_quantity, true },
	{ "stock", make_quantity, true },
	{ "age", make_age, true },
	{ "percent", make_percent, true },
	{ "percentage", make_percent, true },
	{ "discount", make_percent, true },
	{ "year", make_year, true },
	{ "month", make_month, true },
	{ "hour", make_hour, true },
	{ "rating", make_rating, true },
	{ "pages", make_pages, true },
	{ "latitude", make_latitude, true },
	{ "lat", make_latitude, true },
	{ "longitude", make_longitude, true },
	{ "lng", make_longitude, true },
	{ "lon", make_longitude, true },
};

static const struct rule time_rules[] = {
	{ "born", make_birthday, true },
	{ "birthday", make_birthday, true },
	{ "birth", make_birthday, true },
};

/* Whole words between underscores. */
static bool
has_word(const char *name, const char *word)
{
	size_t length = strlen(word);

	for (const char *p = strstr(name, word); p; p = strstr(p + 1, word))
		if ((p == name || p[-1] == '_') &&
		    (!p[length] || p[length] == '_'))
			return true;
	return false;
}

static make_function *
by_words(const char *name, const struct rule *rules, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (has_word(name, rules[i].name))
			return rules[i].make;
	return NULL;
}

static make_function *
by_name(const struct column *column)
{
	const char *name = column->column_name;

	switch (column->kind) {
	case VALUE_TEXT:
		return by_words(name, text_rules, ARRAY_SIZE(text_rules));
	case VALUE_INTEGER:
	case VALUE_DECIMAL:
	case VALUE_FLOAT:
		return by_words(name, number_rules, ARRAY_SIZE(number_rules));
	case VALUE_TIMESTAMP:
		return by_words(name, time_rules, ARRAY_SIZE(time_rules));
	default:
		return NULL;
	}
}

/* The name of an author is a person's. */
static bool
is_person(const struct fake_settings *settings)
{
	static const char *const people[] = {
		"author",  "person",   "people", "customer", "client",
		"contact", "employee", "user",	 "member",   "student",
		"teacher", "patient",  "guest",	 "player",   "artist",
	};

	if (strcmp(settings->column->column_name, "name") != 0 ||
	    settings->column->kind != VALUE_TEXT)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(people); i++)
		if (has_word(settings->entity->name, people[i]))
			return true;
	return false;
}

static const struct rule *
by_type(const struct column *column)
{
	for (size_t i = 0; column->type && i < ARRAY_SIZE(type_rules); i++)
		if (!strcmp(type_rules[i].name, column->type->name))
			return &type_rules[i];
	return NULL;
}

static bool
is_among(make_function *make, make_function *const *makers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (makers[i] == make)
			return true;
	return false;
}

static bool
makes_numbers(make_function *make)
{
	static make_function *const makers[] = {
		make_measurement, make_small_number, make_money,
		make_quantity,	  make_age,	     make_percent,
		make_pages,	  make_rating,	     make_minute,
		make_hour,	  make_month,	     make_year,
		make_latitude,	  make_longitude,    make_altitude,
	};

	return is_among(make, makers, ARRAY_SIZE(makers));
}

/* A DataType may give values another kind than the column type has. */
static bool
fits_kind(enum value_kind kind, make_function *make)
{
	static make_function *const moments[] = { make_datetime, make_date,
						  make_birthday };
	static make_function *const files[] = { make_file, make_image,
						make_gzip };

	switch (kind) {
	case VALUE_TEXT:
		return true;
	case VALUE_INTEGER:
	case VALUE_DECIMAL:
	case VALUE_FLOAT:
		return makes_numbers(make);
	case VALUE_TIMESTAMP:
		return is_among(make, moments, ARRAY_SIZE(moments));
	case VALUE_FILE:
		return is_among(make, files, ARRAY_SIZE(files));
	default:
		return make == kind_rules[kind];
	}
}

static bool
takes_only_numbers(const struct column *column)
{
	return column->kind == VALUE_INTEGER || column->kind == VALUE_DECIMAL ||
	       column->kind == VALUE_FLOAT;
}

static make_function *
choose(const struct fake_column *column)
{
	const struct column *model = column->settings.column;
	const struct rule *rule = by_type(model);
	make_function *named =
		is_person(&column->settings) ? make_full_name : by_name(model);

	if (model->target)
		return make_key;
	if (column->choices.count)
		return make_choice;
	if (column->forced)
		return column->forced;
	if (rule && (rule->is_decided || !named))
		named = rule->make;
	if (!named || !fits_kind(model->kind, named))
		return kind_rules[model->kind];
	return named;
}

/* What validations ask for. */

static double
sql_highest(const struct column *column)
{
	int precision, scale;
	double highest = 1;

	if (!strcmp(column->sql_type, "smallint"))
		return INT16_MAX;
	if (!strcmp(column->sql_type, "integer"))
		return INT32_MAX;
	if (sscanf(column->sql_type, "numeric(%d,%d)", &precision, &scale) != 2)
		return 1e15;
	for (int i = scale; i < precision && highest < 1e15; i++)
		highest *= 10;
	return highest > 1 ? highest - 1 : 0.9;
}

static void
set_low(struct fake_column *column, double low)
{
	if (!column->has_low || low > column->low)
		column->low = low;
	column->has_low = true;
	if (low > (double)column->least)
		column->least = low < 1000 ? (size_t)low : 1000;
}

static void
set_high(struct fake_column *column, double high)
{
	if (!column->has_high || high < column->high)
		column->high = high;
	column->has_high = true;
	if (high >= 0 && high < 1e6 &&
	    (!column->most || high < (double)column->most))
		column->most = (size_t)high;
}

static void
read_oneof(struct fake *fake, struct fake_column *column, const char *text)
{
	char *copy = arena_strdup(fake->arena, text);
	const char **items = NULL;
	size_t count = 0;
	char *rest = NULL;

	for (char *word = strtok_r(copy, " ", &rest); word;
	     word = strtok_r(NULL, " ", &rest))
		ARENA_PUSH(fake->arena, items, count, (const char *)word);
	column->choices = (struct list){ items, count };
}

/* Tags that leave no choice. */
static void
force(struct fake_column *column, const char *tag)
{
	static const struct {
		const char *tag;
		make_function *make;
	} forms[] = {
		{ "email", make_email },
		{ "url", make_url },
		{ "uri", make_url },
		{ "uuid", make_uuid },
		{ "numeric", make_digits },
		{ "number", make_digits },
		{ "alpha", make_word },
		{ "alphanum", make_digits },
		{ "iscolor", make_color },
		{ "hexcolor", make_color },
		{ "ip", make_address_of_network },
		{ "ipv4", make_address_of_network },
		{ "isbn13", make_isbn },
		{ "isbn", make_isbn },
	};

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		if (!strcmp(forms[i].tag, tag))
			column->forced = forms[i].make;
}

static void
read_tag(struct fake *fake, struct fake_column *column, const char *tag)
{
	const char *value = strchr(tag, '=');
	size_t length = value ? (size_t)(value - tag) : strlen(tag);
	double step = is_whole(column) ? 1 : 0.01;

	if (!value && column->settings.column->kind == VALUE_TEXT)
		force(column, tag);
#define IS(name) (length == strlen(name) && !strncmp(tag, name, length))
	if (!value)
		return;
	value++;
	if (IS("min") || IS("gte"))
		set_low(column, strtod(value, NULL));
	else if (IS("gt"))
		set_low(column, strtod(value, NULL) + step);
	else if (IS("max") || IS("lte"))
		set_high(column, strtod(value, NULL));
	else if (IS("lt"))
		set_high(column, strtod(value, NULL) - step);
	else if (IS("len")) {
		set_low(column, strtod(value, NULL));
		set_high(column, strtod(value, NULL));
	} else if (IS("oneof")) {
		read_oneof(fake, column, value);
	}
#undef IS
}

static void
read_tags(struct fake *fake, struct fake_column *column, const char *tags)
{
	char *copy = arena_strdup(fake->arena, tags);
	char *rest = NULL;

	if (!copy)
		return;
	for (char *tag = strtok_r(copy, ",", &rest); tag;
	     tag = strtok_r(NULL, ",", &rest))
		read_tag(fake, column, tag);
}

static void
read_rules(struct fake *fake, struct fake_column *column)
{
	const struct fake_settings *settings = &column->settings;
	const struct column *model = settings->column;
	const struct entity *entity = settings->entity;

	for (size_t i = 0; i < entity->nvalidations; i++)
		if (!strcmp(entity->validations[i].column_name,
			    model->column_name) ||
		    !strcmp(entity->validations[i].column_name, model->name))
			read_tags(fake, column, entity->validations[i].tags);
	if (!takes_only_numbers(model)) {
		column->has_low = column->has_high = false;
		return;
	}
	if (model->type)
		read_tags(fake, column, model->type->validations);
	set_high(column, sql_highest(model));
}

static void
read_options(struct fake *fake, struct fake_column *column)
{
	const struct column *model = column->settings.column;
	const char **items;

	if (model->kind != VALUE_ENUM || !model->noptions)
		return;
	items = ARENA_ARRAY(fake->arena, const char *, model->noptions);
	for (size_t i = 0; i < model->noptions; i++)
		items[i] = model->options[i].value;
	column->choices = (struct list){ items, model->noptions };
}

struct fake_column *
fake_column_new(struct fake *fake, const struct fake_settings *settings)
{
	struct fake_column *column = ARENA_NEW(fake->arena, struct fake_column);
	int most = settings->column->max_length;

	column->settings = *settings;
	column->most = most > 0 ? (size_t)most : 0;
	read_rules(fake, column);
	read_options(fake, column);
	column->make = choose(column);
	return column;
}

/* Values. */

static bool
is_free_text(const struct fake_column *column)
{
	make_function *make = column->make;

	return column->settings.column->kind == VALUE_TEXT && !column->forced &&
	       make != make_choice && make != make_email && make != make_url &&
	       make != make_uuid && make != make_location;
}

static bool
carries_number(make_function *make)
{
	return make == make_code || make == make_isbn || make == make_login ||
	       makes_numbers(make);
}

/* Within bytes of whole characters, and not with a blank at the end. */
static void
cut_text(struct strbuf *out, size_t room, size_t least)
{
	if (out->length <= room)
		return;
	while (room && ((unsigned char)out->data[room] & 0xc0) == 0x80)
		room--;
	while (room > least && out->data[room - 1] == ' ')
		room--;
	strbuf_cut(out, room);
}

/* Cut to what the column takes, with room for a number that stays whole. */
static void
fit_text(struct fake *fake, const struct fake_column *column,
	 struct strbuf *out)
{
	char number[24] = "";
	size_t length, room = column->most ? column->most : SIZE_MAX;

	if (column->settings.is_unique && !carries_number(column->make))
		snprintf(number, sizeof number, " %lld",
			 (long long)number_of(fake, column));
	length = strlen(number);
	while (out->length + length < column->least) {
		strbuf_putc(out, ' ');
		strbuf_puts(out, PICK(fake, words));
	}
	cut_text(out, room > length ? room - length : 0, column->least);
	strbuf_puts(out, out->length || !length ? number : number + 1);
}

/* A tenth of what may be empty is; a key only where there is none. */
static bool
is_left_out(struct fake *fake, const struct fake_column *column)
{
	const struct column *model = column->settings.column;

	if (model->target && !column->settings.nkeys)
		return true;
	return model->is_nullable && one_in(fake, 10);
}

const char *
fake_value(struct fake *fake, struct fake_column *column)
{
	struct strbuf out;

	if (is_left_out(fake, column))
		return NULL;
	strbuf_init(&out, fake->scratch);
	column->make(fake, column, &out);
	if (is_free_text(column))
		fit_text(fake, column, &out);
	return out.length ? out.data : NULL;
}
