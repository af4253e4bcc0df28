/*
 * sqlstate.c: what clients are told about a statement that failed.
 */
#include "db/sqlstate.h"

#include <string.h>

/* A rule holds for a whole SQLSTATE, or a class of two characters. */
static const struct rule {
	const char *state;
	int status;
	const char *code;
	const char *detail;
	unsigned retry_after;
} rules[] = {
	{ "23505", 409, "not-unique", "There is a row with this value already.",
	  0 },
	{ "23503", 409, "still-referenced",
	  "Another row points to this one, or the row it points to is gone.",
	  0 },
	{ "23502", 422, "required", "A value is missing.", 0 },
	{ "23514", 422, "invalid-value", "A value is not allowed.", 0 },
	{ "40001", 409, "retry",
	  "Another change came in between. Please try again.", 0 },
	{ "40P01", 409, "retry",
	  "Another change came in between. Please try again.", 0 },
	/* a plan that no longer fits, within a transaction: see db.c */
	{ "0A000", 409, "retry",
	  "Another change came in between. Please try again.", 0 },
	/* the model is a moment older than the tables: others changed them */
	{ "42703", 503, "model-changed",
	  "The tables have just been changed. Please try again.", 1 },
	{ "42P01", 503, "model-changed",
	  "The tables have just been changed. Please try again.", 1 },
	{ "55P03", 503, "busy", "A table is busy. Please try again.", 2 },
	{ "57014", 503, "statement-timeout",
	  "This took too long and was stopped. Nothing was done.", 5 },
	{ "53", 503, "overload", "The database is overloaded.", 5 },
	{ "57P", 503, "database-away",
	  "The database does not answer. Nothing was done; please try again.",
	  2 },
	{ "08", 503, "database-away",
	  "The database does not answer. Nothing was done; please try again.",
	  2 },
	{ "22", 422, "invalid-value", "A value can't be stored.", 0 },
};

static const struct rule *
find_rule(const char *state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (!strncmp(state, rules[i].state, strlen(rules[i].state)))
			return &rules[i];
	return NULL;
}

static const char *
field(struct arena *arena, const PGresult *result, int code)
{
	return arena_strdup(arena, PQresultErrorField(result, code));
}

/* "COPY t, line 3, column c" without the value. */
static const char *
copy_context(struct arena *arena, const PGresult *result)
{
	const char *context = PQresultErrorField(result, PG_DIAG_CONTEXT);
	const char *line = context && !strncmp(context, "COPY ", 5)
				   ? strstr(context, "line ")
				   : NULL;

	return line ? arena_strndup(arena, line, strcspn(line, ":\n")) : NULL;
}

struct error *
sqlstate_error(struct arena *arena, const PGresult *result, const char *message,
	       const char *sql)
{
	const char *state =
		result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
	const struct rule *rule = state ? find_rule(state) : NULL;
	const char *context;
	struct error *error;

	if (!rule) {
		error = error_internal(arena, "%s in: %.2000s", message, sql);
	} else {
		context = copy_context(arena, result);
		error = error_new(arena, rule->status, rule->code, "%s%s%s",
				  context ? context : "", context ? ": " : "",
				  rule->detail);
		error->retry_after = rule->retry_after;
	}
	if (state) {
		error->sqlstate = arena_strdup(arena, state);
		error->constraint =
			field(arena, result, PG_DIAG_CONSTRAINT_NAME);
	}
	return error;
}
