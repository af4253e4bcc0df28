/*
 * fake_number.c: generators of numbers, within what their column takes.
 */
#include "handlers/fake_parts.h"

double
fake_limited(const struct fake_column *column, double value)
{
	if (column->has_low && value < column->low)
		return column->low;
	if (column->has_high && value > column->high)
		return column->high;
	return value;
}

/* From low to high, within what the column takes. */
static void
add_number(struct fake *fake, const struct fake_column *column, double low,
	   double high, unsigned decimals, struct strbuf *out)
{
	double from = fake_limited(column, low),
	       to = fake_limited(column, high);
	double share = (double)(fake_random(fake) >> 11) * 0x1p-53;

	if (column->settings.column->kind == VALUE_BOOLEAN) {
		strbuf_puts(out, share < 0.5 ? "true" : "false");
	} else if (column->settings.is_unique) {
		strbuf_integer(out, fake_number_of(fake, column));
	} else if (column->settings.column->kind == VALUE_INTEGER) {
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
	void fake_make_##name(struct fake *fake,                               \
			      const struct fake_column *column,                \
			      struct strbuf *out)                              \
	{                                                                      \
		add_number(fake, column, low, high, decimals, out);            \
	}

NUMBER(measurement, 0, 4999, 2)
NUMBER(small_number, 0, 999, 0)
NUMBER(money, 1, 999, 2)
NUMBER(quantity, 1, 200, 0)
NUMBER(age, 18, 90, 0)
NUMBER(percent, 0, 100, 1)
NUMBER(pages, 40, 900, 0)
NUMBER(rating, 0, 10, 0)
NUMBER(minute, 0, 59, 0)
NUMBER(hour, 0, 23, 0)
NUMBER(month, 1, 12, 0)
NUMBER(year, 1990, 2030, 0)
NUMBER(latitude, -66, 72, 4)
NUMBER(longitude, -180, 180, 4)
NUMBER(altitude, 0, 999, 1)
NUMBER(flag, 0, 1, 0)

void
fake_make_location(struct fake *fake, const struct fake_column *column UNUSED,
		   struct strbuf *out)
{
	strbuf_printf(out, "[%.4f, %.4f]",
		      (double)fake_between(fake, -660000, 720000) / 1e4,
		      (double)fake_between(fake, -1800000, 1800000) / 1e4);
}
