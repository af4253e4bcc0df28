/*
 * toml.c: reads TOML through the shim of toml++. toml++ recurses on dotted
 * keys and brackets without a limit of ours, so a pass over the text counts
 * them first. It knows strings, comments and brackets, no more; where the
 * text is wrong it may go astray, but toml++ stops there.
 */
#include "handlers/formats/source.h"
#include "handlers/formats/toml_shim.h"

#include <string.h>

/* Within brackets of any kind; the first level is the text itself. */
struct level {
	size_t dots;   /* of the key that is read, or whose value is */
	bool table;    /* in { } or the text: a comma or line ends a value */
	bool in_value; /* where a dot does not part keys */
};

struct scan {
	struct source *source;
	const char *at;
	const char *end;
	struct level *level;
	size_t depth; /* levels and dots */
};

static void
skip_line(struct scan *scan)
{
	const char *feed =
		memchr(scan->at, '\n', (size_t)(scan->end - scan->at));

	scan->at = feed ? feed : scan->end;
}

static bool
three_quotes(const struct scan *scan)
{
	return scan->end - scan->at > 2 && scan->at[1] == scan->at[0] &&
	       scan->at[2] == scan->at[0];
}

/* A string of any of the four kinds; a short one ends with its line. */
static void
skip_string(struct scan *scan)
{
	char quote = *scan->at;
	bool lines = three_quotes(scan);

	scan->at += lines ? 3 : 1;
	while (scan->at < scan->end && (lines || *scan->at != '\n')) {
		if (*scan->at == quote && (!lines || three_quotes(scan))) {
			scan->at += lines ? 3 : 1;
			break;
		}
		if (*scan->at == '\\' && quote == '"' &&
		    scan->end - scan->at > 1)
			scan->at++;
		scan->at++;
	}
	/* One or two quotes may stand before the closing three. */
	for (int i = 0; lines && i < 2 && scan->at < scan->end; i++)
		scan->at += *scan->at == quote;
}

static struct error *
deepen(struct scan *scan)
{
	return source_depth(scan->source,
			    (size_t)(scan->at - scan->source->text),
			    ++scan->depth);
}

static void
end_value(struct scan *scan)
{
	scan->depth -= scan->level->dots;
	scan->level->dots = 0;
	scan->level->in_value = false;
}

static struct error *
open_bracket(struct scan *scan)
{
	struct error *error = deepen(scan);

	if (error)
		return error;
	scan->level[1] = (struct level){
		.table = *scan->at == '{',
		/* The brackets of a header, [a.b], hold a key. */
		.in_value = *scan->at == '[' && scan->level->in_value,
	};
	scan->level++;
	return NULL;
}

static void
close_bracket(struct scan *scan, const struct level *outermost)
{
	if (scan->level == outermost)
		return;
	end_value(scan);
	scan->level--;
	scan->depth--;
}

/*
 * Counts a value for what can't stand without one: a header, an assignment, a
 * comma in an array. It stops the worst; the shim counts exactly.
 */
static struct error *
count_value(struct scan *scan, const struct level *outermost)
{
	const struct level *level = scan->level;
	char c = *scan->at;

	if ((c == '=' && !level->in_value) || (c == ',' && !level->table) ||
	    (c == '[' && level == outermost && !level->in_value))
		return source_node(scan->source,
				   (size_t)(scan->at - scan->source->text));
	return NULL;
}

/* Checks brackets and the dots of keys against the limit of depth. */
static struct error *
check_depth(struct source *source)
{
	struct level *outermost = ARENA_ARRAY(source->arena, struct level,
					      source->limits->depth + 1);
	struct scan scan = {
		.source = source,
		.at = source->text,
		.end = source->text + source->length,
		.level = outermost,
	};
	struct error *error = NULL;

	outermost->table = true;
	while (!error && scan.at < scan.end) {
		char c = *scan.at;

		if (c == '"' || c == '\'') {
			skip_string(&scan);
			continue;
		}
		if (c == '#') {
			skip_line(&scan);
			continue;
		}
		error = count_value(&scan, outermost);
		if (error)
			break;
		if (c == '[' || c == '{')
			error = open_bracket(&scan);
		else if (c == ']' || c == '}')
			close_bracket(&scan, outermost);
		else if (c == '=')
			scan.level->in_value = true;
		else if (c == '.' && !scan.level->in_value &&
			 ++scan.level->dots)
			error = deepen(&scan);
		else if (scan.level->table &&
			 c == (scan.level == outermost ? '\n' : ','))
			end_value(&scan);
		scan.at++;
	}
	return error;
}

static struct error *
parse_toml(struct arena *arena, const char *text, size_t length,
	   const struct format_limits *limits, struct json_object **tree)
{
	struct source source = {
		.arena = arena,
		.limits = limits,
		.status = 422,
		.code = "bad-toml",
	};
	struct toml_shim_fault fault;
	struct error *error;

	*tree = NULL;
	error = source_open(&source, text, length);
	if (!error)
		error = check_depth(&source);
	if (error)
		return error;
	*tree = toml_shim_read(source.text, source.length, limits->depth,
			       limits->nodes, &fault);
	if (!*tree)
		return source_fault_at(&source, fault.line, fault.column, "%s",
				       fault.message);
	arena_defer(arena, json_release, *tree);
	return NULL;
}

const struct format format_toml = {
	.name = "toml",
	.extensions = { "toml" },
	.parse = parse_toml,
};
