/*
 * action_input.c: from attributes as sent to the inputs of an action.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "db/base/json.h"
#include "handlers/action_input.h"
#include "handlers/validate.h"

static bool
boolean_value(struct json_object *value, struct json_object **result)
{
	static const struct {
		const char *word;
		bool truth;
	} words[] = {
		{ "true", true },
		{ "1", true },
		{ "false", false },
		{ "0", false },
	};
	const char *text = json_object_get_string(value);

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcasecmp(text, words[i].word))
			continue;
		*result = json_object_new_boolean(words[i].truth);
		return true;
	}
	return false;
}

/* RFC 8259 section 6. */
static bool
is_json_number(const char *text)
{
	const char *p = text + (*text == '-');

	if (*p == '0' ? isdigit((unsigned char)p[1])
		      : !isdigit((unsigned char)*p))
		return false;
	p += strspn(p, "0123456789");
	if (*p == '.') {
		size_t digits = strspn(p + 1, "0123456789");

		if (!digits)
			return false;
		p += 1 + digits;
	}
	if (*p == 'e' || *p == 'E') {
		size_t digits;

		p += 1 + (p[1] == '+' || p[1] == '-');
		digits = strspn(p, "0123456789");
		if (!digits)
			return false;
		p += digits;
	}
	return !*p;
}

/* Numbers keep their digits: decimals are exact. */
static bool
number_value(struct json_object *value, struct json_object **result)
{
	const char *text = json_object_get_string(value);
	long long integer;
	char *end;

	if (json_object_is_type(value, json_type_int) ||
	    json_object_is_type(value, json_type_double)) {
		*result = json_object_get(value);
		return true;
	}
	if (!is_json_number(text))
		return false;
	integer = strtoll(text, &end, 10);
	*result = *end || strlen(text) > 18
			  ? json_object_new_double_s(strtod(text, NULL), text)
			  : json_object_new_int64(integer);
	return true;
}

/* A name that would leave the folder it is put into, or hide in it. */
static bool
is_safe_name(const char *name)
{
	return *name && *name != '.' && !strpbrk(name, "/\\");
}

static bool
file_value(struct json_object *value, struct json_object **result)
{
	if (!json_object_is_type(value, json_type_array))
		return false;
	for (size_t i = 0; i < json_object_array_length(value); i++) {
		struct json_object *name = json_object_object_get(
			json_object_array_get_idx(value, i), "name");

		if (!json_object_is_type(name, json_type_string) ||
		    !is_safe_name(json_object_get_string(name)))
			return false;
	}
	*result = json_object_get(value);
	return true;
}

static bool
is_empty_text(struct json_object *value)
{
	return json_object_is_type(value, json_type_string) &&
	       !json_object_get_string_len(value);
}

bool
action_value(enum value_kind kind, struct json_object *value,
	     struct json_object **result)
{
	static bool (*const readers[])(struct json_object *,
				       struct json_object **) = {
		[VALUE_BOOLEAN] = boolean_value, [VALUE_INTEGER] = number_value,
		[VALUE_DECIMAL] = number_value,	 [VALUE_FLOAT] = number_value,
		[VALUE_FILE] = file_value,
	};

	*result = NULL;
	if (!value)
		return true;
	if (kind < ARRAY_SIZE(readers) && readers[kind])
		return is_empty_text(value) || readers[kind](value, result);
	*result = json_object_get(value);
	return true;
}

static const char *
expectation(enum value_kind kind)
{
	switch (kind) {
	case VALUE_BOOLEAN:
		return "must be true or false";
	case VALUE_FILE:
		return "must be a list of files, each with a plain name";
	default:
		return "must be a number";
	}
}

static enum value_kind
field_kind(const struct column *field)
{
	return field->type ? field->type->kind : field->kind;
}

static struct error *
read_field(struct arena *arena, const struct column *field,
	   struct json_object *attributes, struct json_object *inputs)
{
	enum value_kind kind = field_kind(field);
	struct json_object *value =
		json_object_object_get(attributes, field->column_name);
	struct json_object *result;
	struct error *error = NULL;

	if (!action_value(kind, value, &result)) {
		result = json_object_get(value);
		error = error_at(error_new(arena, 400, "bad-input", "%s %s",
					   field->column_name,
					   expectation(kind)),
				 arena_printf(arena, "/attributes/%s",
					      field->column_name));
	}
	json_object_object_add(inputs, field->column_name, result);
	return error;
}

struct error *
action_input(struct arena *arena, const struct action *action,
	     struct json_object *attributes, struct json_object **inputs)
{
	const struct tag_rules conformations = {
		action->conformations,
		action->nconformations,
		action->in_fields,
		action->nin_fields,
	};
	const struct tag_rules validations = {
		action->validations,
		action->nvalidations,
		action->in_fields,
		action->nin_fields,
	};
	struct error *errors = NULL;

	*inputs = json_object_new_object();
	json_keep(arena, *inputs);
	for (size_t i = 0; i < action->nin_fields; i++)
		error_append(&errors, read_field(arena, action->in_fields[i],
						 attributes, *inputs));
	if (errors)
		return errors;
	conform(arena, &conformations, *inputs);
	return validate(arena, &validations, &validation_of_action, *inputs);
}
