/*
 * fake.c: the random numbers, what a row is about, and how a value is made to
 * fit its column. Which generator fills a column is fake_column.c's.
 */
#include "handlers/fake_parts.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "db/base/json.h"

#define ISO_CODES "/usr/share/iso-codes/json/"

/* Bytes of values after which they are given back. */
#define SCRATCH_MAX (128 * 1024)

/* Random numbers: splitmix64. */

uint64_t
fake_random(struct fake *fake)
{
	uint64_t z = fake->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

int64_t
fake_between(struct fake *fake, int64_t low, int64_t high)
{
	uint64_t span = (uint64_t)high - (uint64_t)low + 1;

	return (int64_t)((uint64_t)low +
			 (span ? fake_random(fake) % span : fake_random(fake)));
}

static bool
one_in(struct fake *fake, uint64_t count)
{
	return fake_random(fake) % count == 0;
}

const char *
fake_pick(struct fake *fake, struct fake_list list)
{
	return list.items[fake_random(fake) % list.count];
}

/* Names of countries and the like, from iso-codes where that is. */

/* The texts of a member of all entries, as far as they are no longer. */
static struct fake_list
read_list(struct arena *arena, struct json_object *entries, const char *member,
	  size_t longest)
{
	size_t count = json_object_array_length(entries);
	const char **items = ARENA_ARRAY(arena, const char *, count + 1);
	struct fake_list list = { items, 0 };

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
	json_keep(arena, file);
	json_object_object_get_ex(file, number, &entries);
	return json_object_is_type(entries, json_type_array) ? entries : NULL;
}

static void
read_lists(struct fake *fake)
{
	struct arena *arena = fake->arena;
	struct json_object *countries = read_iso(arena, "3166-1");
	struct json_object *currencies = read_iso(arena, "4217");
	struct fake_list names, codes;

	fake->countries = fake_plain_countries;
	fake->country_codes = fake_plain_country_codes;
	fake->currencies = fake_plain_currencies;
	fake->languages = fake_plain_languages;
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

struct fake *
fake_new(struct arena *arena, uint64_t seed)
{
	struct fake *fake = ARENA_NEW(arena, struct fake);

	fake->arena = arena;
	fake->state = seed;
	fake->row = -1;
	fake->scratch = arena_new();
	arena_adopt(arena, fake->scratch);
	read_lists(fake);
	return fake;
}

void
fake_next_row(struct fake *fake)
{
	if (arena_size(fake->scratch) > SCRATCH_MAX)
		arena_reset(fake->scratch);
	fake->row++;
	fake->theme = (struct fake_theme){
		.first_name = fake_pick(fake, fake_first_names),
		.last_name = fake_pick(fake, fake_last_names),
		.city = fake_pick(fake, fake_cities),
		.country = fake_random(fake) % fake->countries.count,
		.moment =
			fake_between(fake, FAKE_MOMENT_FIRST, FAKE_MOMENT_LAST),
	};
}

int64_t
fake_number_of(const struct fake *fake, const struct fake_column *column)
{
	return column->settings.first + fake->row;
}

struct fake_column *
fake_column_new(struct fake *fake, const struct fake_settings *settings)
{
	struct fake_column *column = ARENA_NEW(fake->arena, struct fake_column);
	int most = settings->column->max_length;

	column->settings = *settings;
	column->most = most > 0 ? (size_t)most : 0;
	fake_read_limits(fake, column);
	fake_choose(column);
	return column;
}

/* Values. */

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

	if (column->settings.is_unique && !column->carries_number)
		snprintf(number, sizeof number, " %lld",
			 (long long)fake_number_of(fake, column));
	length = strlen(number);
	while (out->length + length < column->least) {
		strbuf_putc(out, ' ');
		strbuf_puts(out, fake_pick(fake, fake_words));
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
	if (column->is_free_text)
		fit_text(fake, column, &out);
	return out.length ? out.data : NULL;
}
