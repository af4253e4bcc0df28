/*
 * aggregate_function.c: the functions of aggregation (wire/json-api.md
 * section 6) and their SQL. Names are those of SQLite, which Daptin passes on.
 */
#include <string.h>

#include "db/aggregate.h"

static void
add_argument(struct sql *sql, const struct expression *call, size_t index,
	     const struct aggregate *aggregate)
{
	expression_add(sql, call->arguments[index], aggregate);
}

/* name(a, b, …) of PostgreSQL, arguments cast to text where `as_text`. */
static void
add_call(struct sql *sql, const char *name, bool as_text,
	 const struct expression *call, const struct aggregate *aggregate)
{
	strbuf_puts(&sql->text, name);
	sql_add(sql, "(");
	for (size_t i = 0; i < call->narguments; i++) {
		if (i)
			sql_add(sql, ", ");
		add_argument(sql, call, i, aggregate);
		if (as_text && call->arguments[i]->kind == EXPRESSION_COLUMN)
			sql_add(sql, "::text");
	}
	sql_add(sql, ")");
}

static void
add_same(struct sql *sql, const struct expression *call,
	 const struct aggregate *aggregate)
{
	add_call(sql, call->function->name, false, call, aggregate);
}

static void
add_text_function(struct sql *sql, const struct expression *call,
		  const struct aggregate *aggregate)
{
	add_call(sql, call->function->name, true, call, aggregate);
}

static void
add_count(struct sql *sql, const struct expression *call,
	  const struct aggregate *aggregate)
{
	if (call->narguments)
		add_same(sql, call, aggregate);
	else
		sql_add(sql, "count(*)");
}

static void
add_ordered(struct sql *sql, const struct expression *call,
	    const struct aggregate *aggregate, bool descending)
{
	sql_add(sql, "(array_agg(");
	add_argument(sql, call, 0, aggregate);
	sql_add(sql, " ORDER BY t.id");
	if (descending)
		sql_add(sql, " DESC");
	sql_add(sql, "))[1]");
}

static void
add_first(struct sql *sql, const struct expression *call,
	  const struct aggregate *aggregate)
{
	add_ordered(sql, call, aggregate, false);
}

static void
add_last(struct sql *sql, const struct expression *call,
	 const struct aggregate *aggregate)
{
	add_ordered(sql, call, aggregate, true);
}

static void
add_to_char(struct sql *sql, const struct expression *call, size_t index,
	    const struct aggregate *aggregate, const char *format)
{
	sql_add(sql, "to_char(");
	add_argument(sql, call, index, aggregate);
	sql_add(sql, ", ");
	sql_literal(sql, format);
	sql_add(sql, ")");
}

static void
add_date(struct sql *sql, const struct expression *call,
	 const struct aggregate *aggregate)
{
	add_to_char(sql, call, 0, aggregate, "YYYY-MM-DD");
}

static void
add_time(struct sql *sql, const struct expression *call,
	 const struct aggregate *aggregate)
{
	add_to_char(sql, call, 0, aggregate, "HH24:MI:SS");
}

static void
add_datetime(struct sql *sql, const struct expression *call,
	     const struct aggregate *aggregate)
{
	add_to_char(sql, call, 0, aggregate, "YYYY-MM-DD HH24:MI:SS");
}

static const struct {
	char letter;
	const char *pattern; /* of to_char */
} strftime_letters[] = {
	{ 'Y', "YYYY" }, { 'm', "MM" }, { 'd', "DD" },
	{ 'H', "HH24" }, { 'M', "MI" }, { 'S', "SS" },
	{ 'j', "DDD" },	 { 'W', "IW" }, { 'w', "D" },
};

/* strftime('%Y-%m', column): everything else is quoted text of to_char. */
static void
add_strftime(struct sql *sql, const struct expression *call,
	     const struct aggregate *aggregate)
{
	struct strbuf format;
	const char *c = call->arguments[0]->text;

	strbuf_init(&format, sql->text.arena);
	for (; c && *c; c++) {
		const char *pattern = NULL;

		for (size_t i = 0;
		     *c == '%' && c[1] && i < ARRAY_SIZE(strftime_letters); i++)
			if (strftime_letters[i].letter == c[1])
				pattern = strftime_letters[i].pattern;
		if (pattern) {
			strbuf_puts(&format, pattern);
			c++;
		} else if (*c != '"' && *c != '\\') {
			strbuf_printf(&format, "\"%c\"", *c);
		}
	}
	add_to_char(sql, call, 1, aggregate, format.data);
}

static void
add_extract(struct sql *sql, const struct expression *call,
	    const struct aggregate *aggregate)
{
	sql_add(sql, "extract(");
	strbuf_puts(&sql->text, !strcmp(call->function->name, "julianday")
					? "julian"
					: call->function->name);
	sql_add(sql, " FROM ");
	add_argument(sql, call, 0, aggregate);
	sql_add(sql, ")");
}

static void
add_hex(struct sql *sql, const struct expression *call,
	const struct aggregate *aggregate)
{
	sql_add(sql, "upper(encode(convert_to(");
	add_argument(sql, call, 0, aggregate);
	sql_add(sql, "::text, 'UTF8'), 'hex'))");
}

static void
add_trim(struct sql *sql, const struct expression *call,
	 const struct aggregate *aggregate)
{
	add_call(sql,
		 !strcmp(call->function->name, "trim") ? "btrim"
						       : call->function->name,
		 true, call, aggregate);
}

static void
add_substr(struct sql *sql, const struct expression *call,
	   const struct aggregate *aggregate)
{
	sql_add(sql, "substr(");
	add_argument(sql, call, 0, aggregate);
	sql_add(sql, "::text");
	for (size_t i = 1; i < call->narguments; i++) {
		sql_add(sql, ", (");
		add_argument(sql, call, i, aggregate);
		sql_add(sql, ")::integer");
	}
	sql_add(sql, ")");
}

static void
add_round(struct sql *sql, const struct expression *call,
	  const struct aggregate *aggregate)
{
	sql_add(sql, "round((");
	add_argument(sql, call, 0, aggregate);
	sql_add(sql, ")::numeric");
	if (call->narguments > 1) {
		sql_add(sql, ", (");
		add_argument(sql, call, 1, aggregate);
		sql_add(sql, ")::integer");
	}
	sql_add(sql, ")");
}

static void
add_coalesce(struct sql *sql, const struct expression *call,
	     const struct aggregate *aggregate)
{
	bool as_text = call->class == CLASS_TEXT;

	add_call(sql,
		 !strcmp(call->function->name, "nullif") ? "nullif"
							 : "coalesce",
		 as_text, call, aggregate);
}

static void
add_date_trunc(struct sql *sql, const struct expression *call,
	       const struct aggregate *aggregate)
{
	sql_add(sql, "date_trunc(");
	sql_value_as(sql, call->arguments[0]->text, "text");
	sql_add(sql, ", ");
	add_argument(sql, call, 1, aggregate);
	sql_add(sql, ")");
}

static const struct aggregate_function functions[] = {
	{ "count", true, 0, 1, CLASS_OTHER, CLASS_NUMBER, add_count },
	{ "sum", true, 1, 1, CLASS_NUMBER, CLASS_NUMBER, add_same },
	{ "avg", true, 1, 1, CLASS_NUMBER, CLASS_NUMBER, add_same },
	{ "min", true, 1, 1, CLASS_OTHER, CLASS_OTHER, add_same },
	{ "max", true, 1, 1, CLASS_OTHER, CLASS_OTHER, add_same },
	{ "first", true, 1, 1, CLASS_OTHER, CLASS_OTHER, add_first },
	{ "last", true, 1, 1, CLASS_OTHER, CLASS_OTHER, add_last },
	{ "date", false, 1, 1, CLASS_TIME, CLASS_TEXT, add_date },
	{ "time", false, 1, 1, CLASS_TIME, CLASS_TEXT, add_time },
	{ "datetime", false, 1, 1, CLASS_TIME, CLASS_TEXT, add_datetime },
	{ "strftime", false, 2, 2, CLASS_TIME, CLASS_TEXT, add_strftime },
	{ "date_trunc", false, 2, 2, CLASS_TIME, CLASS_TIME, add_date_trunc },
	{ "julianday", false, 1, 1, CLASS_TIME, CLASS_NUMBER, add_extract },
	{ "year", false, 1, 1, CLASS_TIME, CLASS_NUMBER, add_extract },
	{ "month", false, 1, 1, CLASS_TIME, CLASS_NUMBER, add_extract },
	{ "day", false, 1, 1, CLASS_TIME, CLASS_NUMBER, add_extract },
	{ "upper", false, 1, 1, CLASS_TEXT, CLASS_TEXT, add_text_function },
	{ "lower", false, 1, 1, CLASS_TEXT, CLASS_TEXT, add_text_function },
	{ "length", false, 1, 1, CLASS_TEXT, CLASS_NUMBER, add_text_function },
	{ "substr", false, 2, 3, CLASS_OTHER, CLASS_TEXT, add_substr },
	{ "trim", false, 1, 2, CLASS_TEXT, CLASS_TEXT, add_trim },
	{ "ltrim", false, 1, 2, CLASS_TEXT, CLASS_TEXT, add_trim },
	{ "rtrim", false, 1, 2, CLASS_TEXT, CLASS_TEXT, add_trim },
	{ "replace", false, 3, 3, CLASS_TEXT, CLASS_TEXT, add_text_function },
	{ "hex", false, 1, 1, CLASS_TEXT, CLASS_TEXT, add_hex },
	{ "abs", false, 1, 1, CLASS_NUMBER, CLASS_NUMBER, add_same },
	{ "round", false, 1, 2, CLASS_NUMBER, CLASS_NUMBER, add_round },
	{ "coalesce", false, 2, 5, CLASS_OTHER, CLASS_OTHER, add_coalesce },
	{ "ifnull", false, 2, 2, CLASS_OTHER, CLASS_OTHER, add_coalesce },
	{ "nullif", false, 2, 2, CLASS_OTHER, CLASS_OTHER, add_coalesce },
};

const struct aggregate_function *
aggregate_function_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++)
		if (!strcmp(functions[i].name, name))
			return &functions[i];
	return NULL;
}
