/*
 * aggregate.c: reads the parameters of /aggregate and /stats (wire/json-api.md
 * section 6) into an aggregation whose names and types are checked, and
 * writes the two shapes of the answer. Nothing of a client's text becomes SQL.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "db/aggregate.h"
#include "db/base/crypto.h"
#include "handlers/jsonapi.h"
#include "handlers/listing.h"
#include "handlers/route.h"

#define EXPRESSION_DEPTH_MAX 5
#define EXPRESSIONS_MAX 50
#define JOINS_MAX 4

/* A text that is being read, for one parameter. */
struct reader {
	const struct listing_context *context;
	struct aggregate *aggregate;
	const char *parameter;
	const char *whole;
	const char *at;
	unsigned depth;
	const struct aggregate_join *join; /* whose columns need no table */
};

static struct error *
bad(const struct reader *r, const char *complaint, const char *about)
{
	return error_in(
		error_new(r->context->arena, 400, "invalid_aggregation_query",
			  "In %.200s: %s%.100s", r->whole, complaint, about),
		r->parameter);
}

static void
skip_blanks(struct reader *r)
{
	r->at += strspn(r->at, " \t\n");
}

static bool
take(struct reader *r, char c)
{
	skip_blanks(r);
	if (*r->at != c)
		return false;
	r->at++;
	return true;
}

static bool
is_word_character(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '.';
}

/* A run of word characters, or NULL. */
static const char *
take_word(struct reader *r)
{
	const char *start;

	skip_blanks(r);
	start = r->at;
	while (is_word_character(*r->at))
		r->at++;
	if (r->at == start)
		return NULL;
	return arena_strndup(r->context->arena, start, (size_t)(r->at - start));
}

/* Expressions. */

static enum expression_class
class_of(const struct column *column)
{
	switch (column->kind) {
	case VALUE_INTEGER:
	case VALUE_DECIMAL:
	case VALUE_FLOAT:
		return CLASS_NUMBER;
	case VALUE_TIMESTAMP:
	case VALUE_TIME:
		return CLASS_TIME;
	case VALUE_BOOLEAN:
		return CLASS_BOOLEAN;
	case VALUE_UUID:
	case VALUE_REFERENCE:
	case VALUE_BYTES:
		return CLASS_OTHER;
	default:
		return CLASS_TEXT;
	}
}

static const struct aggregate_join *
find_join(const struct reader *r, const char *name, size_t length)
{
	for (size_t i = 0; i < r->aggregate->njoins; i++) {
		const struct aggregate_join *join = &r->aggregate->joins[i];

		if (strlen(join->entity->name) == length &&
		    !strncmp(join->entity->name, name, length))
			return join;
	}
	return NULL;
}

static struct error *
read_column(struct reader *r, const char *name, struct expression *expression)
{
	size_t length = strcspn(name, ".");
	const struct aggregate_join *join = find_join(r, name, length);
	struct error *error;

	expression->kind = EXPRESSION_COLUMN;
	expression->alias = "t";
	expression->entity = r->aggregate->entity;
	if (join && name[length] == '.') {
		expression->alias = join->alias;
		expression->entity = join->entity;
		name += length + 1;
	} else if (r->join && name[length] != '.') {
		expression->alias = r->join->alias;
		expression->entity = r->join->entity;
	} else if (name[length] == '.' &&
		   !strncmp(name, expression->entity->name, length) &&
		   strlen(expression->entity->name) == length) {
		name += length + 1;
	}
	error = listing_path(r->context, expression->entity, name, r->parameter,
			     &expression->path, &expression->column);
	if (!error)
		expression->class = class_of(expression->column);
	return error;
}

static struct error *read_expression(struct reader *r,
				     struct expression **expression);

static bool
fits(const struct aggregate_function *function,
     const struct expression *argument, size_t index)
{
	/* the first argument of these is a format or a unit */
	if (function->nleast == 2 && function->takes == CLASS_TIME &&
	    index == 0)
		return argument->kind == EXPRESSION_TEXT;
	if (argument->class == CLASS_OTHER)
		return !strcmp(function->name, "count") ||
		       !strcmp(function->name, "first") ||
		       !strcmp(function->name, "last");
	if (function->takes == CLASS_OTHER)
		return argument->class != CLASS_BOOLEAN ||
		       (strcmp(function->name, "min") &&
			strcmp(function->name, "max"));
	return function->takes == argument->class ||
	       function->takes == CLASS_TEXT;
}

static bool
is_unit(const char *text)
{
	static const char *const units[] = { "minute", "hour",	"day",
					     "week",   "month", "quarter",
					     "year",   "second" };

	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (!strcmp(units[i], text))
			return true;
	return false;
}

/* coalesce and the like: arguments of one class, or all as text. */
static enum expression_class
class_of_call(const struct expression *call)
{
	enum expression_class class = call->function->gives;

	if (class != CLASS_OTHER)
		return class;
	class = call->arguments[0]->class;
	for (size_t i = 1; i < call->narguments; i++)
		if (call->arguments[i]->class != class)
			class = CLASS_TEXT;
	return class;
}

static struct error *
check_call(const struct reader *r, struct expression *call)
{
	const struct aggregate_function *function = call->function;

	if (call->narguments < function->nleast ||
	    call->narguments > function->nmost)
		return bad(r, "wrong number of arguments for ", function->name);
	for (size_t i = 0; i < call->narguments; i++) {
		const struct expression *argument = call->arguments[i];

		if (!fits(function, argument, i))
			return bad(r, "an argument doesn't fit ",
				   function->name);
		if (argument->has_aggregate && function->is_aggregate)
			return bad(r, "no aggregate within ", function->name);
		call->has_aggregate |= argument->has_aggregate;
	}
	if (!strcmp(function->name, "date_trunc") &&
	    !is_unit(call->arguments[0]->text))
		return bad(r, "there is no unit ", call->arguments[0]->text);
	call->has_aggregate |= function->is_aggregate;
	call->class = class_of_call(call);
	return NULL;
}

static struct error *
read_call(struct reader *r, const char *name, struct expression *call)
{
	call->kind = EXPRESSION_CALL;
	call->function = aggregate_function_find(name);
	if (!call->function)
		return bad(r, "there is no function ", name);
	if (++r->depth > EXPRESSION_DEPTH_MAX)
		return bad(r, "nested too deeply", "");
	if (take(r, '*') && strcmp(name, "count"))
		return bad(r, "only count takes *", "");
	while (!take(r, ')')) {
		struct expression *argument;
		struct error *error;

		if (call->narguments && !take(r, ','))
			return bad(r, "a comma or ) is missing", "");
		error = read_expression(r, &argument);
		if (error)
			return error;
		ARENA_PUSH(r->context->arena, call->arguments, call->narguments,
			   argument);
	}
	r->depth--;
	return check_call(r, call);
}

static struct error *
read_text(struct reader *r, struct expression *expression)
{
	char quote = *r->at++;
	const char *end = strchr(r->at, quote);

	if (!end)
		return bad(r, "a quote is missing", "");
	expression->kind = EXPRESSION_TEXT;
	expression->class = CLASS_TEXT;
	expression->text =
		arena_strndup(r->context->arena, r->at, (size_t)(end - r->at));
	r->at = end + 1;
	return NULL;
}

/* Digits with at most one point; a sign before them. */
static bool
read_number(struct reader *r, struct expression *expression)
{
	const char *start = r->at;
	const char *c = start + (*start == '-');
	size_t digits = strspn(c, "0123456789");

	if (!digits || digits > 30)
		return false;
	c += digits;
	if (*c == '.')
		c += 1 + strspn(c + 1, "0123456789");
	if (is_word_character(*c) || c - start > 60)
		return false;
	expression->kind = EXPRESSION_NUMBER;
	expression->class = CLASS_NUMBER;
	expression->text =
		arena_strndup(r->context->arena, start, (size_t)(c - start));
	r->at = c;
	return true;
}

static struct error *
read_expression(struct reader *r, struct expression **expression)
{
	const char *word;

	*expression = ARENA_NEW(r->context->arena, struct expression);
	skip_blanks(r);
	if (*r->at == '\'' || *r->at == '"')
		return read_text(r, *expression);
	if (read_number(r, *expression))
		return NULL;
	word = take_word(r);
	if (!word)
		return bad(r, "a column or function is missing", "");
	if (take(r, '('))
		return read_call(r, word, *expression);
	if (!strcmp(word, "count") &&
	    !entity_column(r->aggregate->entity, word)) {
		(*expression)->kind = EXPRESSION_CALL;
		(*expression)->function = aggregate_function_find(word);
		return check_call(r, *expression);
	}
	return read_column(r, word, *expression);
}

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
add_output(struct reader *r, bool is_group)
{
	struct aggregate_output output = { .is_group = is_group };
	const char *start;
	const char *word;
	struct error *error;

	skip_blanks(r);
	start = r->at;
	error = read_expression(r, &output.expression);
	if (error)
		return error;
	if (output.expression->kind == EXPRESSION_TEXT ||
	    output.expression->kind == EXPRESSION_NUMBER)
		return bad(r, "a column or function is missing", "");
	output.name = arena_strndup(r->context->arena, start,
				    (size_t)(r->at - start));
	word = take_word(r);
	if (word) {
		const char *alias = take_word(r);

		if (strcasecmp(word, "as") || !alias || !is_name(alias))
			return bad(r, "only \" as name\" may follow", "");
		output.name = alias;
	}
	if (is_group && output.expression->has_aggregate)
		return bad(r, "no aggregate in a group", "");
	for (size_t i = 0; i < r->aggregate->noutputs; i++)
		if (!strcmp(r->aggregate->outputs[i].name, output.name)) {
			r->aggregate->outputs[i].is_group |= is_group;
			return NULL;
		}
	if (r->aggregate->noutputs == EXPRESSIONS_MAX)
		return bad(r, "at most 50 columns", "");
	ARENA_PUSH(r->context->arena, r->aggregate->outputs,
		   r->aggregate->noutputs, output);
	return NULL;
}

static struct error *
read_outputs(struct reader *r, bool is_group)
{
	struct error *error;

	do
		error = add_output(r, is_group);
	while (!error && take(r, ','));
	if (!error && (skip_blanks(r), *r->at))
		error = bad(r, "unexpected text: ", r->at);
	return error;
}

/* Tests. */

static const struct {
	const char *name;
	enum comparison comparison;
} comparisons[] = {
	{ "eq", COMPARE_EQUAL },
	{ "neq", COMPARE_NOT_EQUAL },
	{ "not", COMPARE_NOT_EQUAL },
	{ "lt", COMPARE_LESS },
	{ "lte", COMPARE_LESS_OR_EQUAL },
	{ "gt", COMPARE_GREATER },
	{ "gte", COMPARE_GREATER_OR_EQUAL },
	{ "in", COMPARE_IN },
	{ "notin", COMPARE_NOT_IN },
	{ "is", COMPARE_EQUAL },
};

static bool
find_comparison(const char *name, enum comparison *comparison)
{
	for (size_t i = 0; i < ARRAY_SIZE(comparisons); i++)
		if (!strcmp(comparisons[i].name, name)) {
			*comparison = comparisons[i].comparison;
			return true;
		}
	return false;
}

/* null, true and false turn a comparison into IS …; false if it is neither. */
static bool
take_constant(struct aggregate_test *test, const char *text)
{
	bool negated = test->comparison == COMPARE_NOT_EQUAL;

	if (test->comparison != COMPARE_EQUAL && !negated)
		return false;
	if (!strcasecmp(text, "null"))
		test->comparison =
			negated ? COMPARE_IS_NOT_NULL : COMPARE_IS_NULL;
	else if (!strcasecmp(text, "true") &&
		 test->left->class == CLASS_BOOLEAN && !negated)
		test->comparison = COMPARE_IS_TRUE;
	else if (!strcasecmp(text, "false") &&
		 test->left->class == CLASS_BOOLEAN && !negated)
		test->comparison = COMPARE_IS_FALSE;
	else
		return false;
	return true;
}

/* The text up to the next comma or bracket, without quotes or blanks. */
static const char *
take_literal(struct reader *r)
{
	const char *start;
	size_t length;

	skip_blanks(r);
	if (*r->at == '\'' || *r->at == '"') {
		struct expression quoted;

		return read_text(r, &quoted) ? NULL : quoted.text;
	}
	start = r->at;
	length = strcspn(start, ",)");
	r->at += length;
	while (length && start[length - 1] == ' ')
		length--;
	return arena_strndup(r->context->arena, start, length);
}

/* A number, a text, or entity@uuid, as the left side needs it. */
static struct error *
literal_of(struct reader *r, const struct expression *left, const char *text,
	   struct expression **literal)
{
	const char *at = strrchr(text, '@');
	struct reader number = *r;

	*literal = ARENA_NEW(r->context->arena, struct expression);
	(*literal)->kind = EXPRESSION_TEXT;
	(*literal)->class = CLASS_TEXT;
	(*literal)->text = text;
	if (left->class == CLASS_NUMBER) {
		number.at = text;
		if (read_number(&number, *literal) && !*number.at)
			return NULL;
		return bad(r, "a number is needed, not ", text);
	}
	if (left->class == CLASS_TIME) {
		const struct column time = { .column_name = "time",
					     .sql_type =
						     "timestamp with time zone",
					     .kind = VALUE_TIMESTAMP };
		struct error *error =
			value_from_text(r->context->arena, &time, text, NULL,
					&(*literal)->text);

		return error ? bad(r, "a time is needed, not ", text) : NULL;
	}
	if (left->class == CLASS_OTHER) {
		if (at)
			(*literal)->text = at + 1;
		if (!crypto_is_uuid((*literal)->text))
			return bad(r, "a reference id is needed, not ", text);
		return NULL;
	}
	return left->class == CLASS_TEXT
		       ? NULL
		       : bad(r, "this can't be compared with ", text);
}

/* The right side: literals, or in a join a column. */
static struct error *
read_right(struct reader *r, struct aggregate_test *test, bool may_be_column)
{
	do {
		const char *start = (skip_blanks(r), r->at);
		struct expression *right;
		struct error *error;
		const char *text = take_literal(r);

		if (!text)
			return bad(r, "a quote is missing", "");
		if (test->nright == LISTING_VALUES_MAX)
			return bad(r, "at most 1000 values", "");
		if (*start != '\'' && *start != '"' &&
		    take_constant(test, text))
			return NULL;
		if (may_be_column && *start != '\'' && *start != '"' &&
		    !strchr(text, '@')) {
			right = ARENA_NEW(r->context->arena, struct expression);
			error = read_column(r, text, right);
		} else {
			error = literal_of(r, test->left, text, &right);
		}
		if (error)
			return error;
		ARENA_PUSH(r->context->arena, test->right, test->nright, right);
	} while (take(r, ','));
	return NULL;
}

/* op(left,right) */
static struct error *
read_test(struct reader *r, bool may_be_column, struct aggregate_test *test)
{
	const char *name = take_word(r);
	bool is_list;
	struct error *error;

	memset(test, 0, sizeof *test);
	if (!name || !find_comparison(name, &test->comparison))
		return bad(r, "there is no comparison ", name ? name : "");
	is_list = test->comparison == COMPARE_IN ||
		  test->comparison == COMPARE_NOT_IN;
	if (!take(r, '('))
		return bad(r, "( is missing", "");
	error = read_expression(r, &test->left);
	if (error)
		return error;
	if (!take(r, ','))
		return bad(r, "a comma is missing", "");
	if (is_list)
		take(r, '(');
	r->join = NULL;
	error = read_right(r, test, may_be_column);
	if (error)
		return error;
	if (!is_list && test->nright > 1)
		return bad(r, "one value is needed", "");
	if (!take(r, ')'))
		return bad(r, ") is missing", "");
	if (is_list)
		take(r, ')');
	return NULL;
}

static struct error *
read_filter(struct reader *r, bool is_having)
{
	struct aggregate *aggregate = r->aggregate;
	struct aggregate_test test;
	struct error *error = read_test(r, false, &test);

	if (error)
		return error;
	if ((skip_blanks(r), *r->at))
		return bad(r, "unexpected text: ", r->at);
	if (test.left->has_aggregate != is_having)
		return bad(r,
			   is_having ? "an aggregate is needed"
				     : "aggregates belong to having",
			   "");
	if (aggregate->nfilters + aggregate->nhaving == LISTING_CONDITIONS_MAX)
		return bad(r, "at most 100 conditions", "");
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
read_join(struct reader *r)
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
		return bad(r, "there is no such table to join", "");
	if (aggregate->njoins == JOINS_MAX ||
	    find_join(r, join.entity->name, length))
		return bad(r, "at most 4 different tables", "");
	join.alias = arena_printf(r->context->arena, "j%zu", aggregate->njoins);
	ARENA_PUSH(r->context->arena, aggregate->joins, aggregate->njoins,
		   join);
	added = &aggregate->joins[aggregate->njoins - 1];
	r->at += length + 1;
	do {
		struct aggregate_test test;

		r->join = added;
		error = read_test(r, true, &test);
		if (error)
			return error;
		ARENA_PUSH(r->context->arena, added->tests, added->ntests,
			   test);
	} while (take(r, '&'));
	return *r->at ? bad(r, "unexpected text: ", r->at) : NULL;
}

static struct error *
read_order(struct reader *r)
{
	do {
		struct aggregate_order order = { .descending = take(r, '-') };
		const char *start = (skip_blanks(r), r->at);
		const char *word = take_word(r);

		for (size_t i = 0; word && i < r->aggregate->noutputs; i++)
			if (!strcmp(r->aggregate->outputs[i].name, word))
				order.expression =
					r->aggregate->outputs[i].expression;
		if (!order.expression) {
			struct error *error;

			r->at = start;
			error = read_expression(r, &order.expression);
			if (error)
				return error;
		}
		if (r->aggregate->norder == LISTING_SORT_MAX)
			return bad(r, "at most 10 columns", "");
		ARENA_PUSH(r->context->arena, r->aggregate->order,
			   r->aggregate->norder, order);
	} while (take(r, ','));
	return (skip_blanks(r), *r->at) ? bad(r, "unexpected text: ", r->at)
					: NULL;
}

/* Parameters. */

static struct error *
read_columns(struct reader *r)
{
	return read_outputs(r, false);
}

static struct error *
read_groups(struct reader *r)
{
	return read_outputs(r, true);
}

static struct error *
read_where(struct reader *r)
{
	return read_filter(r, false);
}

static struct error *
read_having(struct reader *r)
{
	return read_filter(r, true);
}

/* timesample=day groups by that unit of created_at, under the name time. */
static struct error *
read_timesample(struct reader *r)
{
	if (!is_unit(r->at))
		return bad(r, "there is no unit ", r->at);
	r->at = arena_printf(r->context->arena,
			     "date_trunc('%s',created_at) as time", r->at);
	return read_outputs(r, true);
}

static struct error *
read_time_from(struct reader *r)
{
	r->at = arena_printf(r->context->arena, "gte(created_at,'%s')", r->at);
	return read_filter(r, false);
}

static struct error *
read_time_to(struct reader *r)
{
	r->at = arena_printf(r->context->arena, "lt(created_at,'%s')", r->at);
	return read_filter(r, false);
}

/* In the order in which they must be read: joins give names to the rest. */
static const struct {
	const char *name;
	struct error *(*read)(struct reader *r);
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
		struct reader r = { context,	  aggregate,	given->name,
				    given->value, given->value, 0,
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

/* Plain columns beside aggregates or groups must be groups. */
static struct error *
check_outputs(const struct listing_context *context,
	      struct aggregate *aggregate)
{
	struct reader r = { context, aggregate, "column", "count",
			    "count", 0,		NULL };
	bool grouped = false;

	if (!aggregate->noutputs)
		return read_outputs(&r, false);
	for (size_t i = 0; i < aggregate->noutputs; i++)
		grouped |= aggregate->outputs[i].is_group ||
			   aggregate->outputs[i].expression->has_aggregate;
	for (size_t i = 0; grouped && i < aggregate->noutputs; i++) {
		const struct aggregate_output *output = &aggregate->outputs[i];

		r.whole = output->name;
		if (!output->is_group && !output->expression->has_aggregate)
			return bad(&r, "this must be a group, too", "");
	}
	return NULL;
}

static struct error *
read_aggregate(const struct listing_context *context,
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

/* The members of a POST's JSON are the same parameters, as lists. */
static struct error *
read_body(struct request *request, struct listing_context *context)
{
	struct parameter *list = NULL;
	size_t count = 0;
	struct json_object *body;
	struct error *error;

	if (request->method != METHOD_POST)
		return NULL;
	error = request_json(request, &body);
	if (error)
		return error;
	if (!json_object_is_type(body, json_type_object))
		return error_new(request->arena, 400, "bad-document",
				 "An object is needed.");
	json_object_object_foreach(body, name, value)
	{
		bool is_list = json_object_is_type(value, json_type_array);
		size_t n = is_list ? json_object_array_length(value) : 1;

		for (size_t i = 0; value && i < n; i++) {
			struct json_object *one =
				is_list ? json_object_array_get_idx(value, i)
					: value;
			struct parameter parameter = {
				name, one ? json_object_get_string(one) : ""
			};

			ARENA_PUSH(request->arena, list, count, parameter);
		}
	}
	context->parameters = list;
	context->nparameters = count;
	return NULL;
}

/* Answers. */

/* 3.5000000000000000 is 3.5: trailing zeros of a fraction say nothing. */
static void
add_number(struct strbuf *buf, const char *text)
{
	size_t length = strlen(text);

	if (!strcmp(text, "NaN") || strstr(text, "Infinity")) {
		strbuf_literal(buf, "null");
		return;
	}
	if (strchr(text, '.') && !strchr(text, 'e')) {
		while (text[length - 1] == '0')
			length--;
		length -= text[length - 1] == '.';
	}
	strbuf_add(buf, text, length);
}

static void
add_time(struct strbuf *buf, const char *text)
{
	strbuf_putc(buf, '"');
	value_timestamp(buf, text, strlen(text));
	strbuf_putc(buf, '"');
}

static void
add_value(struct strbuf *buf, enum expression_class class, const char *text)
{
	if (!text)
		strbuf_literal(buf, "null");
	else if (class == CLASS_NUMBER)
		add_number(buf, text);
	else if (class == CLASS_BOOLEAN)
		strbuf_puts(buf, *text == 't' ? "true" : "false");
	else if (class == CLASS_TIME)
		add_time(buf, text);
	else
		strbuf_json_text(buf, text);
}

static void
add_attributes(struct strbuf *buf, const struct aggregate *aggregate,
	       const struct rows *rows, size_t row)
{
	strbuf_literal(buf, "{\"__type\":\"aggregate_");
	strbuf_puts(buf, aggregate->entity->name);
	strbuf_putc(buf, '"');
	for (size_t i = 0; i < aggregate->noutputs; i++) {
		const struct aggregate_output *output = &aggregate->outputs[i];

		strbuf_putc(buf, ',');
		strbuf_json_text(buf, output->name);
		strbuf_putc(buf, ':');
		add_value(buf, output->expression->class,
			  rows_text(rows, row, i));
	}
	strbuf_putc(buf, '}');
}

static void
add_resource(struct strbuf *buf, const struct aggregate *aggregate,
	     const struct rows *rows, size_t row)
{
	char id[37];

	crypto_uuid(id);
	strbuf_literal(buf, "{\"type\":\"aggregate_");
	strbuf_puts(buf, aggregate->entity->name);
	strbuf_literal(buf, "\",\"id\":\"");
	strbuf_puts(buf, id);
	strbuf_literal(buf, "\",\"attributes\":");
	add_attributes(buf, aggregate, rows, row);
	strbuf_putc(buf, '}');
}

typedef void add_row_function(struct strbuf *buf,
			      const struct aggregate *aggregate,
			      const struct rows *rows, size_t row);

static struct error *
find_entity(const struct request *request, const struct entity **entity)
{
	*entity = model_entity(request->model, request->captures[0]);
	if (!*entity)
		return error_new(request->arena, 404, "not-found",
				 "There is no such entity.");
	if (!request->actor->id ||
	    !permission_table(request->actor, *entity, VERB_EXECUTE) ||
	    !permission_table(request->actor, *entity, VERB_PEEK))
		return permission_refused(request->arena, *entity,
					  VERB_EXECUTE);
	return NULL;
}

static struct error *
serve(struct request *request, struct response *response,
      add_row_function *add_row)
{
	struct listing_context context = listing_context_of(request);
	const struct entity *entity;
	struct aggregate aggregate;
	struct rows *rows;
	struct error *error;

	error = find_entity(request, &entity);
	if (!error)
		error = read_body(request, &context);
	if (!error)
		error = read_aggregate(&context, entity, &aggregate);
	if (!error)
		error = aggregate_run(request->db, request->arena, &aggregate,
				      &rows);
	if (error)
		return error;
	response->content_type = JSONAPI_TYPE;
	strbuf_literal(&response->body, "{\"data\":[");
	for (size_t i = 0; i < rows_count(rows); i++) {
		if (i)
			strbuf_putc(&response->body, ',');
		add_row(&response->body, &aggregate, rows, i);
	}
	strbuf_literal(&response->body, "]}");
	return NULL;
}

struct error *
serve_aggregate(struct request *request, struct response *response)
{
	return serve(request, response, add_resource);
}

struct error *
serve_stats(struct request *request, struct response *response)
{
	return serve(request, response, add_attributes);
}
