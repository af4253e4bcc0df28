/*
 * aggregate_read.c: reads the parameters of /aggregate and /stats into an
 * aggregation: what is put out, grouped, joined, filtered, ordered.
 */
#include "handlers/aggregate_reader.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define EXPRESSIONS_MAX 50
#define JOINS_MAX 4

/* Outputs. */

static bool
is_name(const char *text)
{
	if (isdigit((unsigned char)*text))
		return false;
	return text[strspn(text, "abcdefghijklmnopqrstuvwxyz"
				 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")] ==
		       '\0' &&
	       *text && strlen(text) <= 63;
}

static struct error *
add_output(struct aggregate_reader *r, bool is_group)
{
	struct aggregate_output output = { .is_group = is_group };
	const char *start;
	const char *word;
	struct error *error;

	aggregate_skip_blanks(r);
	start = r->at;
	error = aggregate_read_expression(r, &output.expression);
	if (error)
		return error;
	if (output.expression->kind == EXPRESSION_TEXT ||
	    output.expression->kind == EXPRESSION_NUMBER)
		return aggregate_bad(r, "a column or function is missing", "");
	output.name = arena_strndup(r->context->arena, start,
				    (size_t)(r->at - start));
	word = aggregate_take_word(r);
	if (word) {
		const char *alias = aggregate_take_word(r);

		if (strcasecmp(word, "as") || !alias || !is_name(alias))
			return aggregate_bad(r, "only \" as name\" may follow",
					     "");
		output.name = alias;
	}
	if (is_group && output.expression->has_aggregate)
		return aggregate_bad(r, "no aggregate in a group", "");
	for (size_t i = 0; i < r->aggregate->noutputs; i++)
		if (!strcmp(r->aggregate->outputs[i].name, output.name)) {
			r->aggregate->outputs[i].is_group |= is_group;
			return NULL;
		}
	if (r->aggregate->noutputs == EXPRESSIONS_MAX)
		return aggregate_bad(r, "at most 50 columns", "");
	ARENA_PUSH(r->context->arena, r->aggregate->outputs,
		   r->aggregate->noutputs, output);
	return NULL;
}

static struct error *
read_outputs(struct aggregate_reader *r, bool is_group)
{
	struct error *error;

	do
		error = add_output(r, is_group);
	while (!error && aggregate_take(r, ','));
	return error ? error : aggregate_expect_end(r);
}

/* Filters, joins, orders. */

static struct error *
read_filter(struct aggregate_reader *r, bool is_having)
{
	struct aggregate *aggregate = r->aggregate;
	struct aggregate_test test;
	struct error *error = aggregate_read_test(r, false, &test);

	if (!error)
		error = aggregate_expect_end(r);
	if (error)
		return error;
	if (test.left->has_aggregate != is_having)
		return aggregate_bad(r,
				     is_having ? "an aggregate is needed"
					       : "aggregates belong to having",
				     "");
	if (aggregate->nfilters + aggregate->nhaving == LISTING_CONDITIONS_MAX)
		return aggregate_bad(r, "at most 100 conditions", "");
	if (is_having)
		ARENA_PUSH(r->context->arena, aggregate->having,
			   aggregate->nhaving, test);
	else
		ARENA_PUSH(r->context->arena, aggregate->filters,
			   aggregate->nfilters, test);
	return NULL;
}

/* table@op(left,right)&op(…) */
static struct error *
read_join(struct aggregate_reader *r)
{
	struct aggregate *aggregate = r->aggregate;
	size_t length = strcspn(r->at, "@");
	struct aggregate_join join = { 0 };
	struct aggregate_join *added;
	struct error *error;

	join.entity =
		model_entity(r->context->model,
			     arena_strndup(r->context->arena, r->at, length));
	if (r->at[length] != '@' || !join.entity ||
	    !permission_table(r->context->actor, join.entity, VERB_READ) ||
	    !permission_table(r->context->actor, join.entity, VERB_EXECUTE))
		return aggregate_bad(r, "there is no such table to join", "");
	if (aggregate->njoins == JOINS_MAX ||
	    aggregate_find_join(r, join.entity->name, length))
		return aggregate_bad(r, "at most 4 different tables", "");
	join.alias = arena_printf(r->context->arena, "j%zu", aggregate->njoins);
	ARENA_PUSH(r->context->arena, aggregate->joins, aggregate->njoins,
		   join);
	added = &aggregate->joins[aggregate->njoins - 1];
	r->at += length + 1;
	do {
		struct aggregate_test test;

		r->join = added;
		error = aggregate_read_test(r, true, &test);
		if (error)
			return error;
		ARENA_PUSH(r->context->arena, added->tests, added->ntests,
			   test);
	} while (aggregate_take(r, '&'));
	return aggregate_expect_end(r);
}

/* The output of that name, alias or text as written; or NULL. */
static struct expression *
find_output(const struct aggregate *aggregate, const char *name)
{
	for (size_t i = 0; i < aggregate->noutputs; i++)
		if (!strcmp(aggregate->outputs[i].name, name))
			return aggregate->outputs[i].expression;
	return NULL;
}

static struct error *
read_order_operand(struct aggregate_reader *r, struct expression **expression)
{
	const char *start = (aggregate_skip_blanks(r), r->at);
	const char *word = aggregate_take_word(r);
	struct expression *output;
	struct error *error;

	*expression = word ? find_output(r->aggregate, word) : NULL;
	if (*expression)
		return NULL;
	r->at = start;
	error = aggregate_read_expression(r, expression);
	if (error)
		return error;
	output = find_output(r->aggregate,
			     arena_strndup(r->context->arena, start,
					   (size_t)(r->at - start)));
	if (output)
		*expression = output;
	return NULL;
}

static struct error *
read_order(struct aggregate_reader *r)
{
	do {
		struct aggregate_order order = { .descending = aggregate_take(
							 r, '-') };
		struct error *error = read_order_operand(r, &order.expression);

		if (error)
			return error;
		if (r->aggregate->norder == LISTING_SORT_MAX)
			return aggregate_bad(r, "at most 10 columns", "");
		ARENA_PUSH(r->context->arena, r->aggregate->order,
			   r->aggregate->norder, order);
	} while (aggregate_take(r, ','));
	return aggregate_expect_end(r);
}

/* Parameters. */

static struct error *
read_columns(struct aggregate_reader *r)
{
	return read_outputs(r, false);
}

static struct error *
read_groups(struct aggregate_reader *r)
{
	return read_outputs(r, true);
}

static struct error *
read_where(struct aggregate_reader *r)
{
	return read_filter(r, false);
}

static struct error *
read_having(struct aggregate_reader *r)
{
	return read_filter(r, true);
}

/* timesample=day groups by that unit of created_at, under the name time. */
static struct error *
read_timesample(struct aggregate_reader *r)
{
	if (!aggregate_is_unit(r->at))
		return aggregate_bad(r, "there is no unit ", r->at);
	r->at = arena_printf(r->context->arena,
			     "date_trunc('%s',created_at) as time", r->at);
	return read_outputs(r, true);
}

static struct error *
read_time_from(struct aggregate_reader *r)
{
	r->at = arena_printf(r->context->arena, "gte(created_at,'%s')", r->at);
	return read_filter(r, false);
}

static struct error *
read_time_to(struct aggregate_reader *r)
{
	r->at = arena_printf(r->context->arena, "lt(created_at,'%s')", r->at);
	return read_filter(r, false);
}

/* In the order in which they must be read: joins give names to the rest. */
static const struct {
	const char *name;
	struct error *(*read)(struct aggregate_reader *r);
} parameters[] = {
	{ "join", read_join },	    { "column", read_columns },
	{ "group", read_groups },   { "timesample", read_timesample },
	{ "filter", read_where },   { "timefrom", read_time_from },
	{ "timeto", read_time_to }, { "having", read_having },
	{ "order", read_order },
};

static struct error *
read_values(const struct listing_context *context, struct aggregate *aggregate,
	    size_t index)
{
	for (size_t i = 0; i < context->nparameters; i++) {
		const struct parameter *given = &context->parameters[i];
		struct aggregate_reader r = { context,	    aggregate,
					      given->name,  given->value,
					      given->value, 0,
					      NULL };
		size_t length = strlen(parameters[index].name);
		struct error *error;

		if (strncmp(given->name, parameters[index].name, length) ||
		    (strcmp(given->name + length, "") &&
		     strcmp(given->name + length, "[]")) ||
		    !*given->value)
			continue;
		error = parameters[index].read(&r);
		if (error)
			return error;
	}
	return NULL;
}

/* Whether the rows are groups of rows: something is a group, or of one. */
static bool
is_grouped(const struct aggregate *aggregate)
{
	bool grouped = aggregate->nhaving > 0;

	for (size_t i = 0; i < aggregate->noutputs; i++)
		grouped |= aggregate->outputs[i].is_group ||
			   aggregate->outputs[i].expression->has_aggregate;
	for (size_t i = 0; i < aggregate->norder; i++)
		grouped |= aggregate->order[i].expression->has_aggregate;
	return grouped;
}

static bool
is_output(const struct aggregate *aggregate,
	  const struct expression *expression)
{
	for (size_t i = 0; i < aggregate->noutputs; i++)
		if (aggregate->outputs[i].expression == expression)
			return true;
	return false;
}

/* Plain columns beside aggregates or groups must be groups. */
static struct error *
check_groups(struct aggregate_reader *r)
{
	const struct aggregate *aggregate = r->aggregate;

	for (size_t i = 0; i < aggregate->noutputs; i++) {
		const struct aggregate_output *output = &aggregate->outputs[i];

		r->whole = output->name;
		if (!output->is_group && !output->expression->has_aggregate)
			return aggregate_bad(r, "this must be a group, too",
					     "");
	}
	for (size_t i = 0; i < aggregate->norder; i++) {
		const struct expression *by = aggregate->order[i].expression;

		r->parameter = r->whole = "order";
		if (!by->has_aggregate && !is_output(aggregate, by))
			return aggregate_bad(
				r, "groups are ordered by what they show", "");
	}
	return NULL;
}

static struct error *
check_outputs(const struct listing_context *context,
	      struct aggregate *aggregate)
{
	struct aggregate_reader r = { context, aggregate, "column", "count",
				      "count", 0,	  NULL };
	struct error *error =
		aggregate->noutputs ? NULL : read_outputs(&r, false);

	return error || !is_grouped(aggregate) ? error : check_groups(&r);
}

struct error *
aggregate_read(const struct listing_context *context,
	       const struct entity *entity, struct aggregate *aggregate)
{
	*aggregate = (struct aggregate){ .model = context->model,
					 .actor = context->actor,
					 .entity = entity };
	for (size_t i = 0; i < ARRAY_SIZE(parameters); i++) {
		struct error *error = read_values(context, aggregate, i);

		if (error)
			return error;
	}
	return check_outputs(context, aggregate);
}
