/*
 * aggregate_condition.c: reads comparisons, op(left,right), of filters and
 * joins.
 */
#include "handlers/aggregate_reader.h"

#include <string.h>
#include <strings.h>

#include "db/base/crypto.h"

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
take_literal(struct aggregate_reader *r)
{
	const char *start;
	size_t length;

	aggregate_skip_blanks(r);
	if (*r->at == '\'' || *r->at == '"') {
		struct expression quoted;

		return aggregate_read_text(r, &quoted) ? NULL : quoted.text;
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
literal_of(struct aggregate_reader *r, const struct expression *left,
	   const char *text, struct expression **literal)
{
	const char *at = strrchr(text, '@');
	struct aggregate_reader number = *r;

	*literal = ARENA_NEW(r->context->arena, struct expression);
	(*literal)->kind = EXPRESSION_TEXT;
	(*literal)->class = CLASS_TEXT;
	(*literal)->text = text;
	if (left->class == CLASS_NUMBER) {
		number.at = text;
		if (aggregate_read_number(&number, *literal) && !*number.at)
			return NULL;
		return aggregate_bad(r, "a number is needed, not ", text);
	}
	if (left->class == CLASS_TIME) {
		const struct column time = { .column_name = "time",
					     .sql_type =
						     "timestamp with time zone",
					     .kind = VALUE_TIMESTAMP };
		struct error *error =
			value_from_text(r->context->arena, &time, text, NULL,
					&(*literal)->text);

		return error ? aggregate_bad(r, "a time is needed, not ", text)
			     : NULL;
	}
	if (left->class == CLASS_OTHER) {
		if (at)
			(*literal)->text = at + 1;
		if (!crypto_is_uuid((*literal)->text))
			return aggregate_bad(
				r, "a reference id is needed, not ", text);
		return NULL;
	}
	return left->class == CLASS_TEXT
		       ? NULL
		       : aggregate_bad(r, "this can't be compared with ", text);
}

/* The right side: literals, or in a join a column. */
static struct error *
read_right(struct aggregate_reader *r, struct aggregate_test *test,
	   bool may_be_column)
{
	do {
		const char *start = (aggregate_skip_blanks(r), r->at);
		struct expression *right;
		struct error *error;
		const char *text = take_literal(r);

		if (!text)
			return aggregate_bad(r, "a quote is missing", "");
		if (test->nright == LISTING_VALUES_MAX)
			return aggregate_bad(r, "at most 1000 values", "");
		if (*start != '\'' && *start != '"' &&
		    take_constant(test, text))
			return NULL;
		if (may_be_column && *start != '\'' && *start != '"' &&
		    !strchr(text, '@')) {
			right = ARENA_NEW(r->context->arena, struct expression);
			error = aggregate_read_column(r, text, right);
		} else {
			error = literal_of(r, test->left, text, &right);
		}
		if (error)
			return error;
		ARENA_PUSH(r->context->arena, test->right, test->nright, right);
	} while (aggregate_take(r, ','));
	return NULL;
}

/* op(left,right) */
struct error *
aggregate_read_test(struct aggregate_reader *r, bool may_be_column,
		    struct aggregate_test *test)
{
	const char *name = aggregate_take_word(r);
	bool is_list;
	struct error *error;

	memset(test, 0, sizeof *test);
	if (!name || !find_comparison(name, &test->comparison))
		return aggregate_bad(r, "there is no comparison ",
				     name ? name : "");
	is_list = test->comparison == COMPARE_IN ||
		  test->comparison == COMPARE_NOT_IN;
	if (!aggregate_take(r, '('))
		return aggregate_bad(r, "( is missing", "");
	error = aggregate_read_expression(r, &test->left);
	if (error)
		return error;
	if (!aggregate_take(r, ','))
		return aggregate_bad(r, "a comma is missing", "");
	if (is_list)
		aggregate_take(r, '(');
	r->join = NULL;
	error = read_right(r, test, may_be_column);
	if (error)
		return error;
	if (!is_list && test->nright > 1)
		return aggregate_bad(r, "one value is needed", "");
	if (!aggregate_take(r, ')'))
		return aggregate_bad(r, ") is missing", "");
	if (is_list)
		aggregate_take(r, ')');
	return NULL;
}
