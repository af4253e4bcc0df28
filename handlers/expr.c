/*
 * expr.c: evaluates the templates of outcome attributes. A template is text
 * with a leading "~" (a path, value kept as it is), a leading "!" (a script),
 * or text in which "$path" is replaced; everything else is walked or passed.
 * It does no more than read the scope.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "db/base/json.h"
#include "db/base/strbuf.h"
#include "handlers/expr.h"

/* Where a path led. */
enum finding {
	FINDING_VALUE,
	FINDING_NULL,	 /* to null, through null, or to a missing member */
	FINDING_NOWHERE, /* a container is missing or has no members */
};

struct expression {
	struct arena *arena;
	struct json_object *scope;
	const struct evaluator *evaluator;
	bool absent; /* the newest value is null for want of a member */
};

static struct json_object *
keep(struct arena *arena, struct json_object *value)
{
	json_keep(arena, value);
	return value;
}

static bool
is_name_start(char c)
{
	return isalpha((unsigned char)c) || c == '_';
}

static bool
is_name_character(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static size_t
name_length(const char *text)
{
	size_t n = 0;

	if (!is_name_start(text[0]))
		return 0;
	while (is_name_character(text[n]))
		n++;
	return n;
}

/* Length of "[12]", 0 if there is none here. */
static size_t
index_length(const char *text)
{
	size_t n = 1;

	if (text[0] != '[' || !isdigit((unsigned char)text[1]))
		return 0;
	while (isdigit((unsigned char)text[n]))
		n++;
	return text[n] == ']' ? n + 1 : 0;
}

/*
 * Length of a path: an optional name, indexes, then parts ".name" with
 * indexes of their own. `*parts` counts what follows the first name.
 */
static size_t
path_length(const char *text, size_t *parts)
{
	size_t n = name_length(text);

	*parts = 0;
	for (;;) {
		size_t more = index_length(text + n);

		if (!more && text[n] == '.') {
			more = name_length(text + n + 1);
			more += more != 0;
		}
		if (!more || (more && n == 0 && text[0] == '['))
			return n;
		n += more;
		++*parts;
	}
}

/* One step into `container`, along ".name" or "[n]". */
static enum finding
step(struct arena *arena, struct json_object *container, const char *part,
     size_t length, struct json_object **value)
{
	unsigned long position;

	if (!container)
		return FINDING_NULL;
	if (part[0] == '[') {
		if (!json_object_is_type(container, json_type_array))
			return FINDING_NOWHERE;
		position = strtoul(part + 1, NULL, 10);
		if (position >= json_object_array_length(container))
			return FINDING_NOWHERE;
		*value = json_object_array_get_idx(container, position);
	} else {
		if (!json_object_is_type(container, json_type_object))
			return FINDING_NOWHERE;
		*value = json_object_object_get(
			container, arena_strndup(arena, part + 1, length - 1));
	}
	return *value ? FINDING_VALUE : FINDING_NULL;
}

/*
 * Follows a path of `length` bytes. A name that the scope does not have is
 * nowhere, but alone, as in "~name", it is null; so is a missing subject.
 */
static enum finding
follow(const struct expression *in, const char *path, size_t length,
       struct json_object **value)
{
	size_t first = name_length(path);
	const char *name =
		first ? arena_strndup(in->arena, path, first) : "subject";
	enum finding finding;

	*value = NULL;
	if (!json_object_object_get_ex(in->scope, name, value))
		return first == length || !strcmp(name, "subject")
			       ? FINDING_NULL
			       : FINDING_NOWHERE;
	finding = *value ? FINDING_VALUE : FINDING_NULL;
	for (size_t at = first; at < length;) {
		size_t part = path[at] == '[' ? index_length(path + at)
					      : 1 + name_length(path + at + 1);
		struct json_object *container = *value;

		*value = NULL;
		finding = step(in->arena, container, path + at, part, value);
		if (finding == FINDING_NOWHERE)
			return finding;
		at += part;
	}
	return finding;
}

static struct error *
bad_reference(const struct expression *in, const char *path, size_t length)
{
	return error_new(in->arena, 400, "bad-reference",
			 "nothing is there for %.*s", (int)length, path);
}

/* What the value that a path led to stands for. */
static struct error *
reveal(const struct expression *in, enum finding *finding,
       struct json_object **value)
{
	const struct evaluator *evaluator = in->evaluator;
	struct error *error;

	if (*finding != FINDING_VALUE || !evaluator || !evaluator->reveal)
		return NULL;
	error = evaluator->reveal(evaluator->hidden, in->arena, *value, value);
	if (!error && !*value)
		*finding = FINDING_NULL;
	return error;
}

/* "~path": the value itself, shared. */
static struct error *
evaluate_path(struct expression *in, const char *path,
	      struct json_object **value)
{
	size_t parts;
	size_t length = path_length(path, &parts);
	enum finding finding;
	struct error *error;

	if (path[length])
		return error_new(in->arena, 400, "bad-expression",
				 "~%s is not a path", path);
	finding = follow(in, path, length, value);
	error = reveal(in, &finding, value);
	in->absent = finding != FINDING_VALUE;
	if (!error && !in->absent)
		keep(in->arena, json_object_get(*value));
	return error;
}

static void
add_as_text(struct strbuf *buf, struct json_object *value)
{
	if (json_object_is_type(value, json_type_string))
		strbuf_add(buf, json_object_get_string(value),
			   (size_t)json_object_get_string_len(value));
	else if (value)
		strbuf_puts(buf, json_object_to_json_string_ext(
					 value, JSON_C_TO_STRING_PLAIN));
}

/*
 * The length of the reference that begins at a "$", 0 if it is only text. A
 * name without parts counts where the scope has it ("$total", but not
 * "$money").
 */
static size_t
reference_length(struct expression *in, const char *dollar)
{
	size_t parts;
	size_t length = path_length(dollar + 1, &parts);
	const char *name;

	if (!length)
		return 0;
	if (parts)
		return 1 + length;
	name = arena_strndup(in->arena, dollar + 1, length);
	return json_object_object_get_ex(in->scope, name, NULL) ? 1 + length
								: 0;
}

/* Text with "$path" in it. A whole text that leads to null is absent. */
static struct error *
evaluate_text(struct expression *in, const char *text, size_t size,
	      struct json_object **value)
{
	struct error *error;
	struct strbuf buf;

	strbuf_init(&buf, in->arena);
	for (size_t at = 0; at < size;) {
		struct json_object *part;
		enum finding finding;
		size_t length =
			text[at] == '$' ? reference_length(in, text + at) : 0;

		if (!length) {
			strbuf_putc(&buf, text[at++]);
			continue;
		}
		finding = follow(in, text + at + 1, length - 1, &part);
		if (finding == FINDING_NOWHERE)
			return bad_reference(in, text + at, length);
		error = reveal(in, &finding, &part);
		if (error)
			return error;
		in->absent = finding == FINDING_NULL && length == size;
		add_as_text(&buf, part);
		at += length;
	}
	*value = NULL;
	if (!in->absent)
		*value = keep(in->arena, json_object_new_string_len(
						 buf.data, (int)buf.length));
	return NULL;
}

/* What needs no evaluator: a path whose first name is known, or a word. */
static bool
evaluate_plain_script(struct expression *in, const char *script,
		      struct json_object **value)
{
	size_t parts;
	size_t length = path_length(script, &parts);
	const char *name;

	*value = NULL;
	if (!strcmp(script, "true") || !strcmp(script, "false")) {
		*value = keep(in->arena,
			      json_object_new_boolean(script[0] == 't'));
		return true;
	}
	if (!strcmp(script, "null") || !strcmp(script, "undefined"))
		return true;
	if (!length || script[length] || script[0] == '.')
		return false;
	name = arena_strndup(in->arena, script, name_length(script));
	if (!json_object_object_get_ex(in->scope, name, NULL) ||
	    follow(in, script, length, value) == FINDING_NOWHERE)
		return false;
	keep(in->arena, json_object_get(*value));
	return true;
}

static struct error *
evaluate_script(struct expression *in, const char *script,
		struct json_object **value)
{
	const struct evaluator *evaluator = in->evaluator;

	if (evaluate_plain_script(in, script, value))
		return NULL;
	if (!evaluator || !evaluator->evaluate)
		return error_new(in->arena, 501, "no-evaluator",
				 "this action needs JavaScript, which is not "
				 "installed here");
	return evaluator->evaluate(evaluator->context, in->arena, script,
				   in->scope, value);
}

/* The script of "!script", "js:script" or "{{ script }}", else NULL. */
static const char *
script_of(struct expression *in, const char *text, size_t size)
{
	const char *start = text;
	const char *end = text + size;

	if (text[0] == '!')
		start += 1;
	else if (!strncmp(text, "js:", 3))
		start += 3;
	else if (size >= 4 && !strncmp(text, "{{", 2) &&
		 !strcmp(end - 2, "}}") && !strstr(text + 2, "{{"))
		start += 2, end -= 2;
	else
		return NULL;
	while (start < end && isspace((unsigned char)*start))
		start++;
	while (end > start && isspace((unsigned char)end[-1]))
		end--;
	return arena_strndup(in->arena, start, (size_t)(end - start));
}

static struct error *
evaluate_string(struct expression *in, struct json_object *template,
		struct json_object **value)
{
	const char *text = json_object_get_string(template);
	size_t size = (size_t)json_object_get_string_len(template);
	const char *script;

	if (text[0] == '~')
		return evaluate_path(in, text + 1, value);
	script = script_of(in, text, size);
	if (script)
		return evaluate_script(in, script, value);
	return evaluate_text(in, text, size, value);
}

static struct error *evaluate(struct expression *in,
			      struct json_object *template,
			      struct json_object **value);

static struct error *
evaluate_object(struct expression *in, struct json_object *template,
		struct json_object **value)
{
	struct json_object *object = json_object_new_object();

	*value = keep(in->arena, object);
	json_object_object_foreach(template, key, member)
	{
		struct json_object *result;
		struct error *error = evaluate(in, member, &result);

		if (error)
			return error;
		if (!in->absent)
			json_object_object_add(object, key,
					       json_object_get(result));
	}
	in->absent = false;
	return NULL;
}

static struct error *
evaluate_array(struct expression *in, struct json_object *template,
	       struct json_object **value)
{
	struct json_object *array = json_object_new_array();

	*value = keep(in->arena, array);
	for (size_t i = 0; i < json_object_array_length(template); i++) {
		struct json_object *result;
		struct error *error = evaluate(
			in, json_object_array_get_idx(template, i), &result);

		if (error)
			return error;
		if (!in->absent)
			json_object_array_add(array, json_object_get(result));
	}
	in->absent = false;
	return NULL;
}

static struct error *
evaluate(struct expression *in, struct json_object *template,
	 struct json_object **value)
{
	in->absent = false;
	switch (json_object_get_type(template)) {
	case json_type_string:
		return evaluate_string(in, template, value);
	case json_type_object:
		return evaluate_object(in, template, value);
	case json_type_array:
		return evaluate_array(in, template, value);
	default:
		*value = template;
		if (template)
			keep(in->arena, json_object_get(template));
		return NULL;
	}
}

struct error *
expr_evaluate(struct arena *arena, struct json_object *template,
	      struct json_object *scope, const struct evaluator *evaluator,
	      struct json_object **value, bool *absent)
{
	struct expression in = { arena, scope, evaluator, false };
	struct error *error = evaluate(&in, template, value);

	*absent = in.absent;
	return error;
}

static bool
holds_as_text(struct json_object *value)
{
	const char *text =
		json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN);

	if (json_object_is_type(value, json_type_string)) {
		text = json_object_get_string(value);
		text += strspn(text, " \t\r\n");
		size_t length = strlen(text);

		while (length && isspace((unsigned char)text[length - 1]))
			length--;
		return (length == 1 && text[0] == '1') ||
		       (length == 4 && !strncasecmp(text, "true", 4));
	}
	return !strcmp(text, "1") || !strcmp(text, "true");
}

struct error *
expr_condition(struct arena *arena, const char *condition,
	       struct json_object *scope, const struct evaluator *evaluator,
	       bool *holds)
{
	struct json_object *template =
		keep(arena, json_object_new_string(condition));
	struct json_object *value = NULL;
	bool absent;
	struct error *error;

	*holds = false;
	error = expr_evaluate(arena, template, scope, evaluator, &value,
			      &absent);
	/* what can't be worked out is false, as in Daptin; but not a runaway */
	if (error && (!strcmp(error->code, "bad-reference") ||
		      !strcmp(error->code, "script-failed")))
		return NULL;
	if (error)
		return error;
	*holds = value && holds_as_text(value);
	return NULL;
}

const char *
expr_next_reference(struct arena *arena, const char *text, size_t *at)
{
	bool is_path = text[0] == '~';

	if (text[0] == '!' || !strncmp(text, "js:", 3))
		return NULL;
	while (text[*at]) {
		bool begins = is_path ? *at == 0 : text[*at] == '$';
		const char *path = text + *at + 1;
		size_t parts;
		size_t first;

		++*at;
		if (!begins || !path_length(path, &parts) || !parts)
			continue;
		first = name_length(path);
		return first ? arena_strndup(arena, path, first) : "subject";
	}
	return NULL;
}
