/*
 * dump_binary.c: the types that most columns have. Numbers and ids come out as
 * PostgreSQL writes them, times as RFC 3339 has them, in UTC.
 */
#include "db/dump_binary.h"

#include <inttypes.h>
#include <stdio.h>

uint16_t
dump_number16(const char *data)
{
	const unsigned char *bytes = (const unsigned char *)data;

	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

uint32_t
dump_number32(const char *data)
{
	return (uint32_t)dump_number16(data) << 16 | dump_number16(data + 2);
}

static int64_t
number64(const char *data)
{
	return (int64_t)((uint64_t)dump_number32(data) << 32 |
			 dump_number32(data + 4));
}

/* Two digits at once. */
static char *
put_pair(char *out, unsigned value)
{
	static const char pairs[] =
		"00010203040506070809101112131415161718192021222324"
		"25262728293031323334353637383940414243444546474849"
		"50515253545556575859606162636465666768697071727374"
		"75767778798081828384858687888990919293949596979899";

	memcpy(out, pairs + 2 * value, 2);
	return out + 2;
}

static char *
put_four(char *out, unsigned value)
{
	return put_pair(put_pair(out, value / 100), value % 100);
}

static size_t
put_word(char *out, const char *word)
{
	memcpy(out, word, strlen(word));
	return strlen(word);
}

/* Whole numbers of 2, 4 and 8 bytes. */

static size_t
integer_room(const char *data UNUSED, size_t size)
{
	return size == 2 || size == 4 || size == 8 ? 21 : 0;
}

static size_t
integer_write(char *out, const char *data, size_t size)
{
	int64_t value = size == 8   ? number64(data)
			: size == 4 ? (int32_t)dump_number32(data)
				    : (int16_t)dump_number16(data);
	uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
	char digits[24], *start = digits + sizeof digits;
	size_t length;

	for (; rest > 99; rest /= 100)
		put_pair(start -= 2, (unsigned)(rest % 100));
	put_pair(start -= 2, (unsigned)rest);
	start += rest < 10;
	if (value < 0)
		*--start = '-';
	length = (size_t)(digits + sizeof digits - start);
	memcpy(out, start, length);
	return length;
}

/* Booleans. */

static size_t
boolean_room(const char *data UNUSED, size_t size)
{
	return size == 1;
}

static size_t
boolean_write(char *out, const char *data, size_t size UNUSED)
{
	*out = *data ? 't' : 'f';
	return 1;
}

/* UUIDs. */

static size_t
uuid_room(const char *data UNUSED, size_t size)
{
	return size == 16 ? 36 : 0;
}

static size_t
uuid_write(char *out, const char *data, size_t size UNUSED)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < 16; i++) {
		unsigned char byte = (unsigned char)data[i];

		if (i == 4 || i == 6 || i == 8 || i == 10)
			*out++ = '-';
		*out++ = digits[byte >> 4];
		*out++ = digits[byte & 15];
	}
	return 36;
}

/* Times: microseconds since 2000-01-01. */

#define DAY_US INT64_C(86400000000)
#define DAYS_TO_2000 730425 /* from 1 March of the year 0 to 2000-01-01 */

static size_t
timestamp_room(const char *data UNUSED, size_t size)
{
	return size == 8 ? 48 : 0;
}

/* A date of the Gregorian calendar, the year counted from 1 BC as 0. */
static int64_t
split_days(int64_t days, unsigned *month, unsigned *day)
{
	int64_t shifted = days + DAYS_TO_2000;
	int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
	int64_t of_era = shifted - era * 146097;
	int64_t year =
		(of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) /
		365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	int64_t from_march = (5 * of_year + 2) / 153;

	*day = (unsigned)(of_year - (153 * from_march + 2) / 5 + 1);
	*month = (unsigned)(from_march < 10 ? from_march + 3 : from_march - 9);
	return year + era * 400 + (*month <= 2);
}

static char *
put_clock(char *out, int64_t us)
{
	unsigned seconds = (unsigned)(us / 1000000);
	unsigned fraction = (unsigned)(us % 1000000);

	out = put_pair(out, seconds / 3600);
	*out++ = ':';
	out = put_pair(out, seconds / 60 % 60);
	*out++ = ':';
	out = put_pair(out, seconds % 60);
	if (!fraction)
		return out;
	*out++ = '.';
	out = put_four(put_pair(out, fraction / 10000), fraction % 10000);
	while (out[-1] == '0')
		out--;
	return out;
}

static size_t
timestamp_write(char *out, const char *data, size_t size UNUSED)
{
	int64_t time = number64(data);
	int64_t days = time / DAY_US, us = time % DAY_US, year;
	unsigned month, day;
	char *start = out;

	if (time == INT64_MAX || time == INT64_MIN)
		return put_word(out, time < 0 ? "-infinity" : "infinity");
	if (us < 0) {
		us += DAY_US;
		days--;
	}
	year = split_days(days, &month, &day);
	if (year >= 1 && year <= 9999)
		out = put_four(out, (unsigned)year);
	else
		out += snprintf(out, 16, "%04" PRId64,
				year < 1 ? 1 - year : year);
	*out++ = '-';
	out = put_pair(out, month);
	*out++ = '-';
	out = put_pair(out, day);
	*out++ = 'T';
	out = put_clock(out, us);
	*out++ = 'Z';
	if (year < 1) {
		memcpy(out, " BC", 3);
		out += 3;
	}
	return (size_t)(out - start);
}

/*
 * Numbers to any digit: four decimal digits in each 16 bits, `weight` says how
 * many of those are before the point, less one, and `scale` how many digits
 * are behind it.
 */
struct numeric {
	size_t ndigits;
	int weight;
	uint16_t sign;
	size_t scale;
};

#define NUMERIC_NEGATIVE 0x4000
#define NUMERIC_SPECIAL 0xC000 /* NaN, and the infinities */

static struct numeric
read_numeric(const char *data)
{
	return (struct numeric){
		.ndigits = dump_number16(data),
		.weight = (int16_t)dump_number16(data + 2),
		.sign = dump_number16(data + 4),
		.scale = dump_number16(data + 6),
	};
}

static size_t
numeric_room(const char *data, size_t size)
{
	struct numeric numeric;

	if (size < 8)
		return 0;
	numeric = read_numeric(data);
	if (size != 8 + 2 * numeric.ndigits)
		return 0;
	return 16 + 4 * (size_t)(numeric.weight < 0 ? 0 : numeric.weight + 1) +
	       numeric.scale;
}

/* The four digits at that place; beyond those that are there they are 0. */
static unsigned
digits_at(const struct numeric *numeric, const char *data, int place)
{
	int i = numeric->weight - place;

	return i >= 0 && (size_t)i < numeric->ndigits
		       ? dump_number16(data + 8 + 2 * i)
		       : 0;
}

static char *
put_fraction(char *out, const struct numeric *numeric, const char *data)
{
	*out++ = '.';
	for (size_t done = 0; done < numeric->scale; done += 4) {
		int place = -1 - (int)(done / 4);
		size_t left = numeric->scale - done;
		char digits[4];

		put_four(digits, digits_at(numeric, data, place));
		memcpy(out, digits, left < 4 ? left : 4);
		out += left < 4 ? left : 4;
	}
	return out;
}

static size_t
numeric_write(char *out, const char *data, size_t size UNUSED)
{
	const struct numeric numeric = read_numeric(data);
	char *start = out;

	if ((numeric.sign & NUMERIC_SPECIAL) == NUMERIC_SPECIAL)
		return put_word(out, numeric.sign == 0xC000   ? "NaN"
				     : numeric.sign == 0xD000 ? "Infinity"
							      : "-Infinity");
	if (numeric.sign == NUMERIC_NEGATIVE)
		*out++ = '-';
	if (numeric.weight < 0)
		*out++ = '0';
	for (int place = numeric.weight; place >= 0; place--) {
		unsigned digits = digits_at(&numeric, data, place);
		size_t zeros = place < numeric.weight ? 0
			       : digits > 999	      ? 0
			       : digits > 99	      ? 1
			       : digits > 9	      ? 2
						      : 3;
		char four[4];

		put_four(four, digits);
		memcpy(out, four + zeros, 4 - zeros);
		out += 4 - zeros;
	}
	if (numeric.scale)
		out = put_fraction(out, &numeric, data);
	return (size_t)(out - start);
}

static size_t
text_room(const char *data UNUSED, size_t size UNUSED)
{
	return 1;
}

static const struct dump_decoder decoders[] = {
	{ "smallint", integer_room, integer_write },
	{ "integer", integer_room, integer_write },
	{ "bigint", integer_room, integer_write },
	{ "boolean", boolean_room, boolean_write },
	{ "uuid", uuid_room, uuid_write },
	{ "timestamp with time zone", timestamp_room, timestamp_write },
	{ "numeric", numeric_room, numeric_write },
	{ "text", text_room, NULL },
	{ "character varying", text_room, NULL },
};

const struct dump_decoder *
dump_decoder_find(const char *sql_type)
{
	for (size_t i = 0; i < ARRAY_SIZE(decoders); i++) {
		size_t length = strlen(decoders[i].type);

		if (!strncmp(sql_type, decoders[i].type, length) &&
		    (!sql_type[length] || sql_type[length] == '('))
			return &decoders[i];
	}
	return NULL;
}
