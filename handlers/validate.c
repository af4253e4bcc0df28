/*
 * validate.c: applies validation tags to the values of a request and says
 * what is wrong, for every column at once. The tests themselves are in
 * validation_tag.c.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "db/base/strbuf.h"
#include "handlers/validate.h"
#include "handlers/validation_tag.h"

static const struct validation_tag *
tag_find(const char *name)
{
	for (size_t i = 0; i < validation_tags_count; i++)
		if (!strcmp(validation_tags[i].name, name))
			return &validation_tags[i];
	return NULL;
}

/* The next part of a list up to one of `separators`, trimmed; NULL at end. */
static char *
next_part(struct arena *arena, const char **list, char separator)
{
	const char *start = *list;
	const char *end;

	if (!start)
		return NULL;
	end = strchr(start, separator);
	*list = end ? end + 1 : NULL;
	end = end ? end : start + strlen(start);
	while (start < end && isspace((unsigned char)*start))
		start++;
	while (end > start && isspace((unsigned char)end[-1]))
		end--;
	return arena_strndup(arena, start, (size_t)(end - start));
}

/* A parameter writes a comma as 0x2C and a bar as 0x7C. */
static const char *
decoded_parameter(struct arena *arena, const char *text)
{
	struct strbuf buf;

	strbuf_init(&buf, arena);
	while (*text) {
		bool is_comma = !strncasecmp(text, "0x2C", 4);

		if (is_comma || !strncasecmp(text, "0x7C", 4)) {
			strbuf_putc(&buf, is_comma ? ',' : '|');
			text += 4;
		} else {
			strbuf_putc(&buf, *text++);
		}
	}
	return buf.data;
}

/* "min=8" as its tag, NULL if unknown, and its parameter. */
static const struct validation_tag *
tag_read(struct arena *arena, const char *text, const char **parameter)
{
	const char *sign = strchr(text, '=');
	size_t length = sign ? (size_t)(sign - text) : strlen(text);

	*parameter = sign ? decoded_parameter(arena, sign + 1) : "";
	return tag_find(arena_strndup(arena, text, length));
}

static bool
is_number_column(const struct column *column)
{
	return column &&
	       (column->kind == VALUE_INTEGER ||
		column->kind == VALUE_DECIMAL || column->kind == VALUE_FLOAT);
}

static void
read_number(struct tested *tested, const struct column *column)
{
	bool is_text = json_object_is_type(tested->value, json_type_string);
	bool is_json = json_object_is_type(tested->value, json_type_int) ||
		       json_object_is_type(tested->value, json_type_double);
	char *end;

	if (!is_json && !(is_text && is_number_column(column)))
		return;
	tested->number = strtold(tested->text, &end);
	tested->is_number = tested->size && !*end;
}

static struct tested
tested_value(struct arena *arena, struct json_object *values, const char *name,
	     const struct column *column)
{
	struct tested tested = {
		.arena = arena,
		.value = json_object_object_get(values, name),
		.siblings = values,
		.text = "",
		.parameter = "",
	};

	switch (json_object_get_type(tested.value)) {
	case json_type_null:
	case json_type_array:
	case json_type_object:
		break;
	default:
		tested.text = json_object_get_string(tested.value);
		tested.size = strlen(tested.text);
		read_number(&tested, column);
	}
	return tested;
}

static bool
tag_holds(const struct validation_tag *tag, struct tested *tested)
{
	bool is_list = json_object_is_type(tested->value, json_type_array) ||
		       json_object_is_type(tested->value, json_type_object);

	if ((!tested->value && !tag->tests_null) ||
	    (is_list && !tag->tests_any))
		return true;
	return tag->holds(tested);
}

/* "password must be at least 8 characters long" */
static const char *
message(const struct tested *tested, const struct validation_tag *tag,
	const char *name)
{
	const char *parameter = tested->parameter;
	const char *bracket = tag->tests_null ? strchr(parameter, '[') : NULL;
	const char *unit = "";

	if (tag->tests_any && !tag->tests_null && !tested->is_number)
		unit = json_object_is_type(tested->value, json_type_string)
			       ? " characters long"
			       : " in number";
	if (bracket)
		parameter = arena_strndup(tested->arena, bracket + 1,
					  strcspn(bracket + 1, "]"));
	return arena_printf(tested->arena, "%s %s%s%s", name, tag->message,
			    parameter, unit);
}

/*
 * One rule, "a" or "a|b". The message of a failing one is that of its first
 * tag. Unknown tags hold: a schema with one is refused before it gets here.
 */
static const char *
rule_failure(struct tested *tested, const char *rule, const char *name)
{
	const char *failure = NULL;
	const char *rest = rule;
	const char *part;

	while ((part = next_part(tested->arena, &rest, '|'))) {
		const struct validation_tag *tag =
			tag_read(tested->arena, part, &tested->parameter);

		if (!tag || tag_holds(tag, tested))
			return NULL;
		if (!failure)
			failure = message(tested, tag, name);
	}
	return failure;
}

static bool
is_zero(const struct tested *tested)
{
	if (tested->is_number)
		return tested->number == 0;
	if (json_object_is_type(tested->value, json_type_array))
		return json_object_array_length(tested->value) == 0;
	return !tested->value ||
	       (!tested->size &&
		json_object_is_type(tested->value, json_type_string));
}

/* The first failing rule of a comma separated list, as a sentence. */
static const char *
failure_of(struct tested *tested, const char *tags, const char *name)
{
	const char *rest = tags;
	const char *rule;

	while ((rule = next_part(tested->arena, &rest, ','))) {
		const char *failure;

		if (!*rule)
			continue;
		if (!strcmp(rule, "omitempty")) {
			if (is_zero(tested))
				return NULL;
			continue;
		}
		failure = rule_failure(tested, rule, name);
		if (failure)
			return failure;
	}
	return NULL;
}

const struct column *
tag_rules_column(const struct tag_rules *rules, const struct tagging *tagging)
{
	const char *name = tagging->column_name;

	for (size_t i = 0; i < rules->ncolumns; i++)
		if (!strcmp(rules->columns[i]->column_name, name))
			return rules->columns[i];
	for (size_t i = 0; i < rules->ncolumns; i++)
		if (rules->columns[i]->name &&
		    !strcmp(rules->columns[i]->name, name))
			return rules->columns[i];
	return NULL;
}

const struct validation_target validation_of_row = {
	.status = 422,
	.pointer = "/data/attributes/",
	.only_present = true,
};

const struct validation_target validation_of_action = {
	.status = 400,
	.pointer = "/attributes/",
};

struct error *
validate(struct arena *arena, const struct tag_rules *rules,
	 const struct validation_target *target, struct json_object *values)
{
	struct json_object *failed = json_object_new_object();
	struct error *errors = NULL;

	for (size_t i = 0; i < rules->ntags; i++) {
		const struct tagging *tagging = &rules->tags[i];
		const struct column *column = tag_rules_column(rules, tagging);
		const char *name =
			column ? column->column_name : tagging->column_name;
		struct tested tested;
		const char *failure;

		if ((target->only_present &&
		     !json_object_object_get_ex(values, name, NULL)) ||
		    json_object_object_get_ex(failed, name, NULL))
			continue;
		tested = tested_value(arena, values, name, column);
		failure = failure_of(&tested, tagging->tags, name);
		if (!failure)
			continue;
		json_object_object_add(failed, name, NULL);
		error_append(
			&errors,
			error_at(error_new(arena, target->status,
					   "validation-failed", "%s", failure),
				 arena_printf(arena, "%s%s", target->pointer,
					      name)));
	}
	json_object_put(failed);
	return errors;
}

const char *
validate_unknown_tag(struct arena *arena, const char *tags)
{
	const char *rules = tags;
	const char *rule;

	while ((rule = next_part(arena, &rules, ','))) {
		const char *parts = rule;
		const char *part;

		while ((part = next_part(arena, &parts, '|'))) {
			const char *parameter;
			const struct validation_tag *tag =
				tag_read(arena, part, &parameter);

			if (!*part || !strcmp(part, "omitempty"))
				continue;
			if (!tag || (tag->needs_parameter && !*parameter))
				return part;
		}
	}
	return NULL;
}
