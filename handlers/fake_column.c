/*
 * fake_column.c: which generator fills a column. It is decided once, by
 * choices, by validations, by words in the column's name, by its type, or by
 * the kind of its values; then each row only calls it.
 */
#include "handlers/fake_parts.h"

#include <string.h>

/* Choices: of the column's own, not of ours. */

static void
make_choice(struct fake *fake, const struct fake_column *column,
	    struct strbuf *out)
{
	size_t index = column->settings.is_unique
			       ? (size_t)fake->row % column->choices.count
			       : fake_random(fake) % column->choices.count;

	strbuf_puts(out, column->choices.items[index]);
}

/* Unique keys each once: there are none left for rows beyond their number. */
static void
make_key(struct fake *fake, const struct fake_column *column,
	 struct strbuf *out)
{
	const struct fake_settings *settings = &column->settings;
	size_t index = settings->is_unique
			       ? (size_t)fake->row
			       : fake_random(fake) % settings->nkeys;

	if (index < settings->nkeys)
		strbuf_puts(out, settings->keys[index]);
}

/* Rules. */

struct rule {
	const char *name;
	fake_function *make;
	bool is_decided; /* the column's name has nothing to add */
};

static const struct rule type_rules[] = {
	{ "email", fake_make_email, true },
	{ "url", fake_make_url, true },
	{ "color", fake_make_color, true },
	{ "name", fake_make_full_name, false },
	{ "label", fake_make_thing, false },
	{ "content", fake_make_sentences, false },
	{ "html", fake_make_html, true },
	{ "markdown", fake_make_markdown, true },
	{ "json", fake_make_json, true },
	{ "alias", fake_make_uuid, true },
	{ "id", fake_make_uuid, true },
	{ "namespace", fake_make_word, false },
	{ "hidden", fake_make_word, false },
	{ "value", fake_make_small_number, false },
	{ "measurement", fake_make_measurement, false },
	{ "rating", fake_make_rating, true },
	{ "minute", fake_make_minute, true },
	{ "hour", fake_make_hour, true },
	{ "day", fake_make_weekday, true },
	{ "month", fake_make_month, true },
	{ "year", fake_make_year, true },
	{ "date", fake_make_date, false },
	{ "location", fake_make_location, true },
	{ "location.latitude", fake_make_latitude, true },
	{ "location.longitude", fake_make_longitude, true },
	{ "location.altitude", fake_make_altitude, true },
	{ "image", fake_make_image, true },
	{ "file", fake_make_file, true },
	{ "video", fake_make_file, true },
	{ "audio", fake_make_file, true },
	{ "gzip", fake_make_gzip, true },
};

static fake_function *const kind_rules[] = {
	[VALUE_TEXT] = fake_make_thing,
	[VALUE_INTEGER] = fake_make_measurement,
	[VALUE_DECIMAL] = fake_make_money,
	[VALUE_FLOAT] = fake_make_measurement,
	[VALUE_BOOLEAN] = fake_make_flag,
	[VALUE_TIMESTAMP] = fake_make_datetime,
	[VALUE_TIME] = fake_make_time,
	[VALUE_JSON] = fake_make_json,
	[VALUE_ENUM] = fake_make_word,
	[VALUE_SECRET] = fake_make_secret,
	[VALUE_ENCRYPTED] = fake_make_secret,
	[VALUE_REFERENCE] = make_key,
	[VALUE_UUID] = fake_make_uuid,
	[VALUE_FILE] = fake_make_file,
	[VALUE_BYTES] = fake_make_bytes,
};

/* Words of a column's name; the first that fits decides. */
static const struct rule text_rules[] = {
	{ "first_name", fake_make_first_name, true },
	{ "given_name", fake_make_first_name, true },
	{ "last_name", fake_make_last_name, true },
	{ "family_name", fake_make_last_name, true },
	{ "surname", fake_make_last_name, true },
	{ "full_name", fake_make_full_name, true },
	{ "author", fake_make_full_name, true },
	{ "contact", fake_make_full_name, true },
	{ "customer", fake_make_full_name, true },
	{ "email", fake_make_email, true },
	{ "mail", fake_make_email, true },
	{ "login", fake_make_login, true },
	{ "username", fake_make_login, true },
	{ "user_name", fake_make_login, true },
	{ "phone", fake_make_phone, true },
	{ "mobile", fake_make_phone, true },
	{ "telephone", fake_make_phone, true },
	{ "fax", fake_make_phone, true },
	{ "city", fake_make_city, true },
	{ "town", fake_make_city, true },
	{ "country_code", fake_make_country_code, true },
	{ "country", fake_make_country, true },
	{ "street", fake_make_street, true },
	{ "address", fake_make_address, true },
	{ "zip", fake_make_postcode, true },
	{ "postcode", fake_make_postcode, true },
	{ "postal", fake_make_postcode, true },
	{ "pincode", fake_make_postcode, true },
	{ "region", fake_make_state, true },
	{ "province", fake_make_state, true },
	{ "county", fake_make_state, true },
	{ "company", fake_make_company, true },
	{ "supplier", fake_make_company, true },
	{ "vendor", fake_make_company, true },
	{ "employer", fake_make_company, true },
	{ "department", fake_make_department, true },
	{ "job", fake_make_job, true },
	{ "profession", fake_make_job, true },
	{ "occupation", fake_make_job, true },
	{ "currency", fake_make_currency, true },
	{ "language", fake_make_language, true },
	{ "locale", fake_make_language, true },
	{ "isbn", fake_make_isbn, true },
	{ "sku", fake_make_code, true },
	{ "code", fake_make_code, true },
	{ "number", fake_make_code, true },
	{ "serial", fake_make_code, true },
	{ "color", fake_make_color, true },
	{ "colour", fake_make_color, true },
	{ "url", fake_make_url, true },
	{ "website", fake_make_url, true },
	{ "link", fake_make_url, true },
	{ "ip", fake_make_address_of_network, true },
	{ "status", fake_make_status, true },
	{ "state", fake_make_status, true },
	{ "description", fake_make_sentences, true },
	{ "comment", fake_make_sentences, true },
	{ "note", fake_make_sentences, true },
	{ "notes", fake_make_sentences, true },
	{ "body", fake_make_sentences, true },
	{ "summary", fake_make_sentences, true },
	{ "bio", fake_make_sentences, true },
	{ "message", fake_make_sentences, true },
};

static const struct rule number_rules[] = {
	{ "price", fake_make_money, true },
	{ "amount", fake_make_money, true },
	{ "cost", fake_make_money, true },
	{ "total", fake_make_money, true },
	{ "fee", fake_make_money, true },
	{ "balance", fake_make_money, true },
	{ "quantity", fake_make_quantity, true },
	{ "count", fake_make_quantity, true },
	{ "stock", fake_make_quantity, true },
	{ "age", fake_make_age, true },
	{ "percent", fake_make_percent, true },
	{ "percentage", fake_make_percent, true },
	{ "discount", fake_make_percent, true },
	{ "year", fake_make_year, true },
	{ "month", fake_make_month, true },
	{ "hour", fake_make_hour, true },
	{ "rating", fake_make_rating, true },
	{ "pages", fake_make_pages, true },
	{ "latitude", fake_make_latitude, true },
	{ "lat", fake_make_latitude, true },
	{ "longitude", fake_make_longitude, true },
	{ "lng", fake_make_longitude, true },
	{ "lon", fake_make_longitude, true },
};

static const struct rule time_rules[] = {
	{ "born", fake_make_birthday, true },
	{ "birthday", fake_make_birthday, true },
	{ "birth", fake_make_birthday, true },
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

static fake_function *
by_words(const char *name, const struct rule *rules, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (has_word(name, rules[i].name))
			return rules[i].make;
	return NULL;
}

static fake_function *
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
is_among(fake_function *make, fake_function *const *makers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (makers[i] == make)
			return true;
	return false;
}

static bool
makes_numbers(fake_function *make)
{
	static fake_function *const makers[] = {
		fake_make_measurement, fake_make_small_number,
		fake_make_money,       fake_make_quantity,
		fake_make_age,	       fake_make_percent,
		fake_make_pages,       fake_make_rating,
		fake_make_minute,      fake_make_hour,
		fake_make_month,       fake_make_year,
		fake_make_latitude,    fake_make_longitude,
		fake_make_altitude,
	};

	return is_among(make, makers, ARRAY_SIZE(makers));
}

/* A DataType may give values another kind than the column type has. */
static bool
fits_kind(enum value_kind kind, fake_function *make)
{
	static fake_function *const moments[] = { fake_make_datetime,
						  fake_make_date,
						  fake_make_birthday };
	static fake_function *const files[] = { fake_make_file, fake_make_image,
						fake_make_gzip };

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

static fake_function *
maker_of(const struct fake_column *column)
{
	const struct column *model = column->settings.column;
	const struct rule *rule = by_type(model);
	fake_function *named = is_person(&column->settings)
				       ? fake_make_full_name
				       : by_name(model);

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

static bool
is_free_text(const struct fake_column *column)
{
	fake_function *make = column->make;

	return column->settings.column->kind == VALUE_TEXT && !column->forced &&
	       make != make_choice && make != fake_make_email &&
	       make != fake_make_url && make != fake_make_uuid &&
	       make != fake_make_location;
}

static bool
carries_number(fake_function *make)
{
	return make == fake_make_code || make == fake_make_isbn ||
	       make == fake_make_login || makes_numbers(make);
}

void
fake_choose(struct fake_column *column)
{
	column->make = maker_of(column);
	column->is_free_text = is_free_text(column);
	column->carries_number = carries_number(column->make);
}
