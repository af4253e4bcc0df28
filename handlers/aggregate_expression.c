/*
 * aggregate_expression.c: reads columns, functions and literals, and sees to
 * it that their classes fit together.
 */
#include "handlers/aggregate_reader.h"

#include <ctype.h>
#include <string.h>

#define EXPRESSION_DEPTH_MAX 5

struct error *
aggregate_bad(const struct aggregate_reader *r, const char *complaint,
	      const char *about)
{
	return error_in(
		error_new(r->context->arena, 400, "invalid_aggregation_query",
			  "In %.200s: %s%.100s", r->whole, complaint, about),
		r->parameter);
}

void
aggregate_skip_blanks(struct aggregate_reader *r)
{
	r->at += strspn(r->at, " \t\n");
}

bool
aggregate_take(struct aggregate_reader *r, char c)
{
	aggregate_skip_blanks(r);
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
const char *
aggregate_take_word(struct aggregate_reader *r)
{
	const char *start;

	aggregate_skip_blanks(r);
	start = r->at;
	while (is_word_character(*r->at))
		r->at++;
	if (r->at == start)
		return NULL;
	return arena_strndup(r->context->arena, start, (size_t)(r->at - start));
}

struct error *
aggregate_expect_end(struct aggregate_reader *r)
{
	aggregate_skip_blanks(r);
	return *r->at ? aggregate_bad(r, "unexpected text: ", r->at) : NULL;
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

const struct aggregate_join *
aggregate_find_join(const struct aggregate_reader *r, const char *name,
		    size_t length)
{
	for (size_t i = 0; i < r->aggregate->njoins; i++) {
		const struct aggregate_join *join = &r->aggregate->joins[i];

		if (strlen(join->entity->name) == length &&
		    !strncmp(join->entity->name, name, length))
			return join;
	}
	return NULL;
}

struct error *
aggregate_read_column(struct aggregate_reader *r, const char *name,
		      struct expression *expression)
{
	size_t length = strcspn(name, ".");
	const struct aggregate_join *join =
		aggregate_find_join(r, name, length);
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
	if (r->join && !strcmp(name, "id")) /* keys compare as reference ids */
		name = "reference_id";
	error = listing_path(r->context, expression->entity, name, r->parameter,
			     &expression->path, &expression->column);
	if (!error)
		expression->class = class_of(expression->column);
	return error;
}

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

bool
aggregate_is_unit(const char *text)
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
check_call(const struct aggregate_reader *r, struct expression *call)
{
	const struct aggregate_function *function = call->function;

	if (call->narguments < function->nleast ||
	    call->narguments > function->nmost)
		return aggregate_bad(r, "wrong number of arguments for ",
				     function->name);
	for (size_t i = 0; i < call->narguments; i++) {
		const struct expression *argument = call->arguments[i];

		if (!fits(function, argument, i))
			return aggregate_bad(r, "an argument doesn't fit ",
					     function->name);
		if (argument->has_aggregate && function->is_aggregate)
			return aggregate_bad(r, "no aggregate within ",
					     function->name);
		call->has_aggregate |= argument->has_aggregate;
	}
	if (!strcmp(function->name, "date_trunc") &&
	    !aggregate_is_unit(call->arguments[0]->text))
		return aggregate_bad(r, "there is no unit ",
				     call->arguments[0]->text);
	call->has_aggregate |= function->is_aggregate;
	call->class = class_of_call(call);
	return NULL;
}

static struct error *
read_call(struct aggregate_reader *r, const char *name, struct expression *call)
{
	call->kind = EXPRESSION_CALL;
	call->function = aggregate_function_find(name);
	if (!call->function)
		return aggregate_bad(r, "there is no function ", name);
	if (++r->depth > EXPRESSION_DEPTH_MAX)
		return aggregate_bad(r, "nested too deeply", "");
	if (aggregate_take(r, '*') && strcmp(name, "count"))
		return aggregate_bad(r, "only count takes *", "");
	while (!aggregate_take(r, ')')) {
		struct expression *argument;
		struct error *error;

		if (call->narguments && !aggregate_take(r, ','))
			return aggregate_bad(r, "a comma or ) is missing", "");
		error = aggregate_read_expression(r, &argument);
		if (error)
			return error;
		ARENA_PUSH(r->context->arena, call->arguments, call->narguments,
			   argument);
	}
	r->depth--;
	return check_call(r, call);
}

struct error *
aggregate_read_text(struct aggregate_reader *r, struct expression *expression)
{
	char quote = *r->at++;
	const char *end = strchr(r->at, quote);

	if (!end)
		return aggregate_bad(r, "a quote is missing", "");
	expression->kind = EXPRESSION_TEXT;
	expression->class = CLASS_TEXT;
	expression->text =
		arena_strndup(r->context->arena, r->at, (size_t)(end - r->at));
	r->at = end + 1;
	return NULL;
}

/* Digits with at most one point; a sign before them. */
bool
aggregate_read_number(struct aggregate_reader *r, struct expression *expression)
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

struct error *
aggregate_read_expression(struct aggregate_reader *r,
			  struct expression **expression)
{
	const char *word;

	*expression = ARENA_NEW(r->context->arena, struct expression);
	aggregate_skip_blanks(r);
	if (*r->at == '\'' || *r->at == '"')
		return aggregate_read_text(r, *expression);
	if (aggregate_read_number(r, *expression))
		return NULL;
	word = aggregate_take_word(r);
	if (!word)
		return aggregate_bad(r, "a column or function is missing", "");
	if (aggregate_take(r, '('))
		return read_call(r, word, *expression);
	if (!strcmp(word, "count") &&
	    !entity_column(r->aggregate->entity, word)) {
		(*expression)->kind = EXPRESSION_CALL;
		(*expression)->function = aggregate_function_find(word);
		return check_call(r, *expression);
	}
	return aggregate_read_column(r, word, *expression);
}
