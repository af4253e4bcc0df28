/*
 * fake_limits.c: what a column takes: its type, its options, and what the
 * validations of its entity ask for (wire/actions.md's tags).
 */
#include "handlers/fake_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
takes_only_numbers(const struct column *column)
{
	return column->kind == VALUE_INTEGER || column->kind == VALUE_DECIMAL ||
	       column->kind == VALUE_FLOAT;
}

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
	column->choices = (struct fake_list){ items, count };
}

/* Tags that leave no choice. */
static void
force(struct fake_column *column, const char *tag)
{
	static const struct {
		const char *tag;
		fake_function *make;
	} forms[] = {
		{ "email", fake_make_email },
		{ "url", fake_make_url },
		{ "uri", fake_make_url },
		{ "uuid", fake_make_uuid },
		{ "numeric", fake_make_digits },
		{ "number", fake_make_digits },
		{ "alpha", fake_make_word },
		{ "alphanum", fake_make_digits },
		{ "iscolor", fake_make_color },
		{ "hexcolor", fake_make_color },
		{ "ip", fake_make_address_of_network },
		{ "ipv4", fake_make_address_of_network },
		{ "isbn13", fake_make_isbn },
		{ "isbn", fake_make_isbn },
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
	double step = column->settings.column->kind == VALUE_INTEGER ? 1 : 0.01;

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
	column->choices = (struct fake_list){ items, model->noptions };
}

void
fake_read_limits(struct fake *fake, struct fake_column *column)
{
	read_rules(fake, column);
	read_options(fake, column);
}
