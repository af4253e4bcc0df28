/*
 * sql.c: the statement builder: literals, quoted identifiers, parameters.
 */
#include "db/sql.h"

#include <stdlib.h>
#include <string.h>

void
sql_init(struct sql *sql, struct arena *arena)
{
	strbuf_init(&sql->text, arena);
	strbuf_reserve(&sql->text, 1000);
	sql->values = NULL;
	sql->nvalues = 0;
}

/* Doubles every `quote` in the text, and puts one at both ends. */
static void
add_quoted(struct strbuf *buf, const char *text, char quote)
{
	strbuf_putc(buf, quote);
	for (; *text; text++) {
		if (*text == quote)
			strbuf_putc(buf, quote);
		strbuf_putc(buf, *text);
	}
	strbuf_putc(buf, quote);
}

void
sql_name(struct sql *sql, const char *identifier)
{
	add_quoted(&sql->text, identifier, '"');
}

void
sql_column(struct sql *sql, const char *alias, const char *identifier)
{
	strbuf_puts(&sql->text, alias);
	strbuf_putc(&sql->text, '.');
	sql_name(sql, identifier);
}

void
sql_value(struct sql *sql, const char *value)
{
	ARENA_PUSH(sql->text.arena, sql->values, sql->nvalues, value);
	strbuf_putc(&sql->text, '$');
	strbuf_integer(&sql->text, (int64_t)sql->nvalues);
}

void
sql_value_as(struct sql *sql, const char *value, const char *type)
{
	sql_value(sql, value);
	strbuf_literal(&sql->text, "::");
	strbuf_puts(&sql->text, type);
}

void
sql_integer(struct sql *sql, int64_t value)
{
	sql_value(sql, arena_printf(sql->text.arena, "%lld", (long long)value));
	sql_add(sql, "::bigint");
}

void
sql_constant(struct sql *sql, int64_t value)
{
	strbuf_integer(&sql->text, value);
}

void
sql_literal(struct sql *sql, const char *text)
{
	/* standard_conforming_strings is on: a backslash is plain */
	add_quoted(&sql->text, text, '\'');
}

struct params
sql_params(const struct sql *sql)
{
	return (struct params){ sql->values, sql->nvalues };
}

struct error *
sql_run(struct sql *sql, struct db *db, struct rows **rows)
{
	return db_query(db, sql->text.arena, sql->text.data, sql_params(sql),
			rows);
}

/* Quoted text may hold a dollar sign of its own. */
static const char *
add_quoted_part(struct strbuf *buf, const char *p)
{
	char quote = *p;
	const char *end = strchr(p + 1, quote);

	strbuf_add(buf, p, (size_t)(end + 1 - p));
	return end + 1;
}

const char *
sql_inline(const struct sql *sql)
{
	struct sql whole;
	const char *p = sql->text.data;

	sql_init(&whole, sql->text.arena);
	while (*p) {
		size_t plain = strcspn(p, "$'\"");
		char *end;
		unsigned long number;

		strbuf_add(&whole.text, p, plain);
		p += plain;
		if (*p == '\'' || *p == '"') {
			p = add_quoted_part(&whole.text, p);
		} else if (*p) {
			number = strtoul(p + 1, &end, 10);
			if (sql->values[number - 1])
				sql_literal(&whole, sql->values[number - 1]);
			else
				sql_add(&whole, "NULL");
			p = end;
		}
	}
	return whole.text.data;
}
