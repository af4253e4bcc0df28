/*
 * fake_text.c: generators of texts: names, addresses, codes, sentences.
 */
#include "handlers/fake_parts.h"

#include <stdio.h>

void
fake_make_first_name(struct fake *fake, const struct fake_column *column UNUSED,
		     struct strbuf *out)
{
	strbuf_puts(out, fake->theme.first_name);
}

void
fake_make_last_name(struct fake *fake, const struct fake_column *column UNUSED,
		    struct strbuf *out)
{
	strbuf_puts(out, fake->theme.last_name);
}

void
fake_make_full_name(struct fake *fake, const struct fake_column *column UNUSED,
		    struct strbuf *out)
{
	strbuf_printf(out, "%s %s", fake->theme.first_name,
		      fake->theme.last_name);
}

void
fake_add_lower(struct strbuf *out, const char *text)
{
	for (; *text; text++)
		strbuf_putc(out, *text >= 'A' && *text <= 'Z'
					 ? (char)(*text - 'A' + 'a')
					 : *text);
}

void
fake_make_login(struct fake *fake, const struct fake_column *column,
		struct strbuf *out)
{
	fake_add_lower(out, fake->theme.first_name);
	strbuf_putc(out, '.');
	fake_add_lower(out, fake->theme.last_name);
	if (column->settings.is_unique)
		strbuf_integer(out, fake_number_of(fake, column));
}

void
fake_make_email(struct fake *fake, const struct fake_column *column,
		struct strbuf *out)
{
	fake_make_login(fake, column, out);
	strbuf_putc(out, '@');
	strbuf_puts(out, fake_pick(fake, fake_domains));
}

void
fake_make_url(struct fake *fake, const struct fake_column *column,
	      struct strbuf *out)
{
	strbuf_literal(out, "https://www.");
	strbuf_puts(out, fake_pick(fake, fake_domains));
	strbuf_putc(out, '/');
	fake_add_lower(out, fake_pick(fake, fake_adjectives));
	strbuf_putc(out, '-');
	fake_add_lower(out, fake_pick(fake, fake_things));
	if (column->settings.is_unique)
		strbuf_printf(out, "/%lld",
			      (long long)fake_number_of(fake, column));
}

void
fake_make_thing(struct fake *fake, const struct fake_column *column UNUSED,
		struct strbuf *out)
{
	strbuf_printf(out, "%s %s", fake_pick(fake, fake_adjectives),
		      fake_pick(fake, fake_things));
}

void
fake_make_word(struct fake *fake, const struct fake_column *column UNUSED,
	       struct strbuf *out)
{
	fake_add_lower(out, fake_pick(fake, fake_things));
}

void
fake_make_city(struct fake *fake, const struct fake_column *column UNUSED,
	       struct strbuf *out)
{
	strbuf_puts(out, fake->theme.city);
}

void
fake_make_state(struct fake *fake, const struct fake_column *column UNUSED,
		struct strbuf *out)
{
	strbuf_puts(out, fake_pick(fake, fake_states));
}

void
fake_make_street(struct fake *fake, const struct fake_column *column UNUSED,
		 struct strbuf *out)
{
	strbuf_printf(out, "%lld %s %s", (long long)fake_between(fake, 1, 240),
		      fake_pick(fake, fake_streets),
		      fake_pick(fake, fake_street_kinds));
}

void
fake_make_postcode(struct fake *fake, const struct fake_column *column UNUSED,
		   struct strbuf *out)
{
	strbuf_integer(out, fake_between(fake, 10000, 99999));
}

/* As many as the column asks for. */
void
fake_make_digits(struct fake *fake, const struct fake_column *column,
		 struct strbuf *out)
{
	if (column->settings.is_unique)
		strbuf_integer(out, fake_number_of(fake, column));
	else
		fake_make_postcode(fake, column, out);
	while (out->length < column->least)
		strbuf_putc(out, (char)fake_between(fake, '0', '9'));
	if (column->most && out->length > column->most)
		strbuf_cut(out, column->most);
}

void
fake_make_address(struct fake *fake, const struct fake_column *column,
		  struct strbuf *out)
{
	fake_make_street(fake, column, out);
	strbuf_literal(out, ", ");
	fake_make_postcode(fake, column, out);
	strbuf_putc(out, ' ');
	strbuf_puts(out, fake->theme.city);
}

void
fake_make_country(struct fake *fake, const struct fake_column *column,
		  struct strbuf *out)
{
	bool is_code = column->most && column->most < 4;

	strbuf_puts(out, (is_code ? fake->country_codes : fake->countries)
				 .items[fake->theme.country]);
}

void
fake_make_country_code(struct fake *fake,
		       const struct fake_column *column UNUSED,
		       struct strbuf *out)
{
	strbuf_puts(out, fake->country_codes.items[fake->theme.country]);
}

void
fake_make_currency(struct fake *fake, const struct fake_column *column UNUSED,
		   struct strbuf *out)
{
	strbuf_puts(out, fake_pick(fake, fake->currencies));
}

void
fake_make_language(struct fake *fake, const struct fake_column *column UNUSED,
		   struct strbuf *out)
{
	strbuf_puts(out, fake_pick(fake, fake->languages));
}

/* Numbers that no exchange gives out. */
void
fake_make_phone(struct fake *fake, const struct fake_column *column UNUSED,
		struct strbuf *out)
{
	strbuf_printf(out, "+1 %lld 555 01%02lld",
		      (long long)fake_between(fake, 201, 989),
		      (long long)fake_between(fake, 0, 99));
}

void
fake_make_company(struct fake *fake, const struct fake_column *column UNUSED,
		  struct strbuf *out)
{
	strbuf_printf(out, "%s %s", fake_pick(fake, fake_last_names),
		      fake_pick(fake, fake_company_kinds));
}

void
fake_make_department(struct fake *fake, const struct fake_column *column UNUSED,
		     struct strbuf *out)
{
	strbuf_puts(out, fake_pick(fake, fake_departments));
}

void
fake_make_job(struct fake *fake, const struct fake_column *column UNUSED,
	      struct strbuf *out)
{
	strbuf_puts(out, fake_pick(fake, fake_jobs));
}

void
fake_make_status(struct fake *fake, const struct fake_column *column UNUSED,
		 struct strbuf *out)
{
	strbuf_puts(out, fake_pick(fake, fake_states_of_things));
}

void
fake_make_code(struct fake *fake, const struct fake_column *column,
	       struct strbuf *out)
{
	int64_t number = column->settings.is_unique
				 ? fake_number_of(fake, column)
				 : fake_between(fake, 0, 999999);

	strbuf_printf(out, "%c%c-%06lld", (char)fake_between(fake, 'A', 'Z'),
		      (char)fake_between(fake, 'A', 'Z'), (long long)number);
}

/* ISBN-13 with its check digit; the number stands in the middle. */
void
fake_make_isbn(struct fake *fake, const struct fake_column *column,
	       struct strbuf *out)
{
	int64_t number = column->settings.is_unique
				 ? fake_number_of(fake, column) % 1000000000
				 : fake_between(fake, 0, 999999999);
	char digits[24];
	int sum = 0;

	snprintf(digits, sizeof digits, "978%09lld", (long long)number);
	for (int i = 0; i < 12; i++)
		sum += (digits[i] - '0') * (i % 2 ? 3 : 1);
	strbuf_printf(out, "%s%d", digits, (10 - sum % 10) % 10);
}

void
fake_make_color(struct fake *fake, const struct fake_column *column UNUSED,
		struct strbuf *out)
{
	strbuf_printf(out, "#%06llx",
		      (unsigned long long)(fake_random(fake) & 0xffffff));
}

void
fake_make_address_of_network(struct fake *fake,
			     const struct fake_column *column UNUSED,
			     struct strbuf *out)
{
	strbuf_printf(out, "192.0.2.%lld",
		      (long long)fake_between(fake, 1, 254));
}

void
fake_make_weekday(struct fake *fake, const struct fake_column *column UNUSED,
		  struct strbuf *out)
{
	strbuf_puts(out, fake_pick(fake, fake_weekdays));
}

/* Version 4 in form; unique ones carry their number. */
void
fake_make_uuid(struct fake *fake, const struct fake_column *column,
	       struct strbuf *out)
{
	uint64_t high = fake_random(fake), low = fake_random(fake);

	if (column->settings.is_unique)
		low = (low & ~UINT64_C(0xffffffffffff)) |
		      ((uint64_t)fake_number_of(fake, column) &
		       UINT64_C(0xffffffffffff));
	strbuf_printf(out, "%08llx-%04llx-4%03llx-%04llx-%012llx",
		      (unsigned long long)(high >> 32),
		      (unsigned long long)(high >> 16 & 0xffff),
		      (unsigned long long)(high & 0xfff),
		      (unsigned long long)(0x8000 | (low >> 48 & 0x3fff)),
		      (unsigned long long)(low & UINT64_C(0xffffffffffff)));
}

void
fake_add_sentence(struct fake *fake, struct strbuf *out)
{
	int64_t count = fake_between(fake, 5, 10);

	strbuf_literal(out, "The ");
	fake_add_lower(out, fake_pick(fake, fake_adjectives));
	strbuf_putc(out, ' ');
	fake_add_lower(out, fake_pick(fake, fake_things));
	for (int64_t i = 0; i < count; i++)
		strbuf_printf(out, " %s", fake_pick(fake, fake_words));
	strbuf_putc(out, '.');
}

void
fake_make_sentences(struct fake *fake, const struct fake_column *column UNUSED,
		    struct strbuf *out)
{
	int64_t count = fake_between(fake, 1, 3);

	for (int64_t i = 0; i < count; i++) {
		if (i)
			strbuf_putc(out, ' ');
		fake_add_sentence(fake, out);
	}
}

void
fake_make_html(struct fake *fake, const struct fake_column *column,
	       struct strbuf *out)
{
	strbuf_literal(out, "<h2>");
	fake_make_thing(fake, column, out);
	strbuf_literal(out, "</h2><p>");
	fake_make_sentences(fake, column, out);
	strbuf_literal(out, "</p>");
}

void
fake_make_markdown(struct fake *fake, const struct fake_column *column,
		   struct strbuf *out)
{
	strbuf_literal(out, "## ");
	fake_make_thing(fake, column, out);
	strbuf_literal(out, "\n\n");
	fake_make_sentences(fake, column, out);
	strbuf_literal(out, "\n\n- ");
	fake_make_word(fake, column, out);
	strbuf_literal(out, "\n- ");
	fake_make_word(fake, column, out);
}

void
fake_make_json(struct fake *fake, const struct fake_column *column,
	       struct strbuf *out)
{
	strbuf_literal(out, "{\"name\":\"");
	fake_make_thing(fake, column, out);
	strbuf_printf(out, "\",\"amount\":%lld,\"tags\":[\"",
		      (long long)fake_between(fake, 1, 500));
	fake_make_word(fake, column, out);
	strbuf_literal(out, "\"]}");
}

void
fake_make_secret(struct fake *fake, const struct fake_column *column UNUSED,
		 struct strbuf *out)
{
	strbuf_printf(out, "%016llx", (unsigned long long)fake_random(fake));
}
