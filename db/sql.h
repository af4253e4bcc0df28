/*
 * sql.h: builds the statements that depend on the model. Text enters a
 * statement as a literal of ours (sql_add does not compile with anything
 * else), as a quoted identifier, or as a parameter.
 */
#ifndef ACTD_SQL_H
#define ACTD_SQL_H

#include "db/base/strbuf.h"
#include "db/db.h"

struct sql {
	struct strbuf text;
	const char **values;
	size_t nvalues;
};

/* An empty statement, in `arena`, where all of it lives. */
void sql_init(struct sql *sql, struct arena *arena);

/* A string literal of this source code. */
#define sql_add(sql, literal)                                                  \
	strbuf_add(&(sql)->text, "" literal "", sizeof(literal) - 1)

/* A quoted identifier; or table alias (a plain literal word) and column. */
void sql_name(struct sql *sql, const char *identifier);
void sql_column(struct sql *sql, const char *alias, const char *identifier);

/*
 * Binds a text value and adds its `$n`; the server infers the type from its
 * place. `value` must live as long as the statement; NULL is SQL's NULL.
 */
void sql_value(struct sql *sql, const char *value);
/* As sql_value(), with a cast: `$n::type`. `type` comes from the model. */
void sql_value_as(struct sql *sql, const char *value, const char *type);
/* A number, as a parameter of type bigint. */
void sql_integer(struct sql *sql, int64_t value);
/* A number written into the text: bits, tags and other constants of ours,
 * so that equal statements stay equal. */
void sql_constant(struct sql *sql, int64_t value);
/* A text written as an SQL string literal: for DDL, which takes no
 * parameters. Quotes and backslashes are escaped. */
void sql_literal(struct sql *sql, const char *text);

/*
 * The statement with its parameters written into it as literals: for COPY,
 * which takes none.
 */
const char *sql_inline(const struct sql *sql);

/* The statement's parameters so far, and running it. */
struct params sql_params(const struct sql *sql);
struct error *sql_run(struct sql *sql, struct db *db,
		      struct rows **rows) MUST_CHECK;

#endif
