/*
 * fake_parts.h: what the files of fake.h share: its random numbers, the words
 * it has, and its generators.
 */
#ifndef ACTD_FAKE_PARTS_H
#define ACTD_FAKE_PARTS_H

#include "handlers/fake.h"

struct fake_list {
	const char *const *items;
	size_t count;
};

/* fake_first_names, fake_cities …: the words of fake_words.def. */
#define FAKE_LIST(name, ...) extern const struct fake_list fake_##name;
#include "handlers/fake_words.def"
#undef FAKE_LIST

/* 2005-01-01 to 2034-12-31, in seconds since 1970. */
#define FAKE_MOMENT_FIRST INT64_C(1104537600)
#define FAKE_MOMENT_LAST INT64_C(2051222399)

/* A person and a place that a row is about. */
struct fake_theme {
	const char *first_name;
	const char *last_name;
	const char *city;
	size_t country; /* in countries and country_codes */
	int64_t moment; /* seconds since 1970 */
};

struct fake {
	struct arena *arena;
	struct arena *scratch; /* values of the row at hand */
	uint64_t state;	       /* of the random numbers */
	int64_t row;	       /* from 0; -1 before the first */
	struct fake_theme theme;
	struct fake_list countries;
	struct fake_list country_codes; /* in the order of countries */
	struct fake_list currencies;
	struct fake_list languages;
};

/* A generator: appends one value of a column as text, or nothing for none. */
typedef void fake_function(struct fake *fake, const struct fake_column *column,
			   struct strbuf *out);

struct fake_column {
	struct fake_settings settings;
	fake_function *make;
	bool is_free_text;   /* may be cut, filled up, numbered */
	bool carries_number; /* its own text has what makes it unique */
	double low, high;    /* of numbers */
	bool has_low, has_high;
	size_t least, most;	  /* characters of texts; most 0: any */
	struct fake_list choices; /* of an enumeration, or of oneof */
	fake_function *forced;	  /* by a validation, or NULL */
};

/* The next random number, and those from `low` to `high`, both included. */
uint64_t fake_random(struct fake *fake);
int64_t fake_between(struct fake *fake, int64_t low, int64_t high);

/* One of a list that is not empty. */
const char *fake_pick(struct fake *fake, struct fake_list list);

/* The number that makes this row's value different from all others. */
int64_t fake_number_of(const struct fake *fake,
		       const struct fake_column *column);

/* Appends ASCII letters in lower case, the rest as it is. */
void fake_add_lower(struct strbuf *out, const char *text);

/* Appends one sentence with its full stop. */
void fake_add_sentence(struct fake *fake, struct strbuf *out);

/* Sets limits and choices from the column's type, options and validations. */
void fake_read_limits(struct fake *fake, struct fake_column *column);

/* Sets the column's generator, after its limits. */
void fake_choose(struct fake_column *column);

/* A value within the column's limits. */
double fake_limited(const struct fake_column *column, double value);

/* Generators. */
#define FAKE_MAKER(name) fake_function fake_make_##name

/* fake_text.c */
FAKE_MAKER(first_name);
FAKE_MAKER(last_name);
FAKE_MAKER(full_name);
FAKE_MAKER(login);
FAKE_MAKER(email);
FAKE_MAKER(url);
FAKE_MAKER(thing);
FAKE_MAKER(word);
FAKE_MAKER(city);
FAKE_MAKER(state);
FAKE_MAKER(street);
FAKE_MAKER(postcode);
FAKE_MAKER(digits);
FAKE_MAKER(address);
FAKE_MAKER(country);
FAKE_MAKER(country_code);
FAKE_MAKER(currency);
FAKE_MAKER(language);
FAKE_MAKER(phone);
FAKE_MAKER(company);
FAKE_MAKER(department);
FAKE_MAKER(job);
FAKE_MAKER(status);
FAKE_MAKER(code);
FAKE_MAKER(isbn);
FAKE_MAKER(color);
FAKE_MAKER(address_of_network);
FAKE_MAKER(weekday);
FAKE_MAKER(uuid);
FAKE_MAKER(sentences);
FAKE_MAKER(html);
FAKE_MAKER(markdown);
FAKE_MAKER(json);
FAKE_MAKER(secret);

/* fake_number.c */
FAKE_MAKER(measurement);
FAKE_MAKER(small_number);
FAKE_MAKER(money);
FAKE_MAKER(quantity);
FAKE_MAKER(age);
FAKE_MAKER(percent);
FAKE_MAKER(pages);
FAKE_MAKER(rating);
FAKE_MAKER(minute);
FAKE_MAKER(hour);
FAKE_MAKER(month);
FAKE_MAKER(year);
FAKE_MAKER(latitude);
FAKE_MAKER(longitude);
FAKE_MAKER(altitude);
FAKE_MAKER(flag);
FAKE_MAKER(location);

/* fake_time.c */
FAKE_MAKER(datetime);
FAKE_MAKER(date);
FAKE_MAKER(birthday);
FAKE_MAKER(time);

/* fake_file.c */
FAKE_MAKER(image);
FAKE_MAKER(file);
FAKE_MAKER(gzip);
FAKE_MAKER(bytes);

#endif
