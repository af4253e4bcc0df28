/*
 * condition.c: the operators of `query` (wire/json-api.md section 3.1): both
 * dialects, patterns, fuzzy search. A table says what each name means.
 */
#include <ctype.h>
#include <string.h>

#include "db/base/crypto.h"
#include "handlers/formats/format.h"
#include "handlers/listing.h"

/* How the text of a value becomes the operand. */
enum operand {
	OPERAND_VALUE, /* of the column's type */
	OPERAND_NONE,
	OPERAND_LIST,	  /* JSON array, or text with commas */
	OPERAND_PATTERN,  /* % by the caller */
	OPERAND_REGEXP,	  /* as it is */
	OPERAND_CONTAINS, /* % at both ends unless there is one */
	OPERAND_BEGINS,
	OPERAND_ENDS,
	OPERAND_FUZZY,
	OPERAND_FUZZY_ANY,
	OPERAND_FUZZY_ALL,
	OPERAND_WORDS
};

static const struct operator
{
	const char *name;
	enum comparison comparison;
	enum operand operand;
}
operators[] = {
	{ "is", COMPARE_EQUAL, OPERAND_VALUE },
	{ "eq", COMPARE_EQUAL, OPERAND_VALUE },
	{ "=", COMPARE_EQUAL, OPERAND_VALUE },
	{ "is not", COMPARE_NOT_EQUAL, OPERAND_VALUE },
	{ "isNot", COMPARE_NOT_EQUAL, OPERAND_VALUE },
	{ "neq", COMPARE_NOT_EQUAL, OPERAND_VALUE },
	{ "not", COMPARE_NOT_EQUAL, OPERAND_VALUE },
	{ "before", COMPARE_LESS, OPERAND_VALUE },
	{ "less then", COMPARE_LESS, OPERAND_VALUE },
	{ "less than", COMPARE_LESS, OPERAND_VALUE },
	{ "lt", COMPARE_LESS, OPERAND_VALUE },
	{ "lte", COMPARE_LESS_OR_EQUAL, OPERAND_VALUE },
	{ "after", COMPARE_GREATER, OPERAND_VALUE },
	{ "more then", COMPARE_GREATER, OPERAND_VALUE },
	{ "more than", COMPARE_GREATER, OPERAND_VALUE },
	{ "gt", COMPARE_GREATER, OPERAND_VALUE },
	{ "gte", COMPARE_GREATER_OR_EQUAL, OPERAND_VALUE },
	{ "contains", COMPARE_LIKE, OPERAND_CONTAINS },
	{ "not contains", COMPARE_NOT_LIKE, OPERAND_CONTAINS },
	{ "like", COMPARE_LIKE, OPERAND_PATTERN },
	{ "not like", COMPARE_NOT_LIKE, OPERAND_PATTERN },
	{ "notLike", COMPARE_NOT_LIKE, OPERAND_PATTERN },
	{ "ilike", COMPARE_ILIKE, OPERAND_PATTERN },
	{ "iLike", COMPARE_ILIKE, OPERAND_PATTERN },
	{ "not ilike", COMPARE_NOT_ILIKE, OPERAND_PATTERN },
	{ "notILike", COMPARE_NOT_ILIKE, OPERAND_PATTERN },
	{ "regexpLike", COMPARE_REGEXP, OPERAND_REGEXP },
	{ "regexpNotLike", COMPARE_NOT_REGEXP, OPERAND_REGEXP },
	{ "regexpILike", COMPARE_IREGEXP, OPERAND_REGEXP },
	{ "regexpNotILike", COMPARE_NOT_IREGEXP, OPERAND_REGEXP },
	{ "begins with", COMPARE_LIKE, OPERAND_BEGINS },
	{ "ends with", COMPARE_LIKE, OPERAND_ENDS },
	{ "in", COMPARE_IN, OPERAND_LIST },
	{ "any of", COMPARE_IN, OPERAND_LIST },
	{ "notIn", COMPARE_NOT_IN, OPERAND_LIST },
	{ "not in", COMPARE_NOT_IN, OPERAND_LIST },
	{ "none of", COMPARE_NOT_IN, OPERAND_LIST },
	{ "between", COMPARE_BETWEEN, OPERAND_LIST },
	{ "notBetween", COMPARE_NOT_BETWEEN, OPERAND_LIST },
	{ "is empty", COMPARE_IS_EMPTY, OPERAND_NONE },
	{ "is not empty", COMPARE_IS_NOT_EMPTY, OPERAND_NONE },
	{ "is null", COMPARE_IS_NULL, OPERAND_NONE },
	{ "is not null", COMPARE_IS_NOT_NULL, OPERAND_NONE },
	{ "is true", COMPARE_IS_TRUE, OPERAND_NONE },
	{ "is false", COMPARE_IS_FALSE, OPERAND_NONE },
	{ "fuzzy", COMPARE_ILIKE, OPERAND_FUZZY },
	{ "fuzzy_any", COMPARE_ILIKE, OPERAND_FUZZY_ANY },
	{ "fuzzy_all", COMPARE_ILIKE, OPERAND_FUZZY_ALL },
	{ "search", COMPARE_FULL_TEXT, OPERAND_WORDS },
};

/* One entry of `query`. */
struct entry {
	const char *column;
	const char *operator_name;
	const char *group; /* or NULL */
	bool has_value;	   /* it may be null */
	struct json_object *value;
	const char *fuzzy_mode;
};

static struct error *
bad_query(const struct listing_context *context, const char *complaint,
	  const char *about)
{
	return error_in(error_new(context->arena, 400, "bad-query", "%s%s",
				  complaint, about),
			"query");
}

static const struct operator* find_operator(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(operators); i++)
		if (!strcmp(operators[i].name, name))
			return &operators[i];
	return NULL;
}

static struct condition *
add_to_group(struct arena *arena, struct condition_group *group)
{
	ARENA_PUSH(arena, group->conditions, group->nconditions,
		   (struct condition){ 0 });
	return &group->conditions[group->nconditions - 1];
}

/* The group of that name; a new one for NULL or a name not met before. */
static struct condition_group *
group_of(struct arena *arena, struct listing *listing, const char *name)
{
	for (size_t i = 0; name && i < listing->ngroups; i++)
		if (listing->groups[i].name &&
		    !strcmp(listing->groups[i].name, name))
			return &listing->groups[i];
	ARENA_PUSH(arena, listing->groups, listing->ngroups,
		   (struct condition_group){ .name = name });
	return &listing->groups[listing->ngroups - 1];
}

/* `_` and `\` are plain text, `%` too unless the caller may use it. */
static void
add_escaped(struct strbuf *buf, const char *text, bool keep_percent)
{
	for (; *text; text++) {
		if (*text == '_' || *text == '\\' ||
		    (*text == '%' && !keep_percent))
			strbuf_putc(buf, '\\');
		strbuf_putc(buf, *text);
	}
}

static const char *
pattern(struct arena *arena, const char *text, enum operand operand)
{
	bool has_percent = strchr(text, '%') != NULL;
	struct strbuf buf;

	strbuf_init(&buf, arena);
	if (!has_percent &&
	    (operand == OPERAND_CONTAINS || operand == OPERAND_ENDS))
		strbuf_putc(&buf, '%');
	add_escaped(&buf, text, true);
	if (!has_percent &&
	    (operand == OPERAND_CONTAINS || operand == OPERAND_BEGINS))
		strbuf_putc(&buf, '%');
	return buf.data;
}

const char **
listing_contains(struct arena *arena, const char *text)
{
	const char **value = ARENA_ARRAY(arena, const char *, 1);
	struct strbuf buf;

	strbuf_init(&buf, arena);
	strbuf_putc(&buf, '%');
	add_escaped(&buf, text, false);
	strbuf_putc(&buf, '%');
	*value = buf.data;
	return value;
}

static struct error *
convert(const struct listing_context *context, const struct column *column,
	const char *text, const char **value)
{
	struct error *error;

	if (column->target || column->kind == VALUE_UUID) {
		*value = text;
		if (crypto_is_uuid(text))
			return NULL;
		return bad_query(context, "A reference id is needed for ",
				 column->column_name);
	}
	error = value_from_text(context->arena, column, text, NULL, value);
	if (error) {
		error->status = 400;
		error->pointer = NULL;
		error->parameter = "query";
	}
	return error;
}

static const char *
text_of(struct json_object *value)
{
	return value ? json_object_get_string(value) : "";
}

/* Null and, on columns that aren't boolean texts, true and false. */
static bool
is_word(struct json_object *value, const struct operator* operator,
	enum comparison * comparison)
{
	bool negated = operator->comparison == COMPARE_NOT_EQUAL;

	if (operator->comparison != COMPARE_EQUAL && !negated)
		return false;
	if (value)
		return false;
	*comparison = negated ? COMPARE_IS_NOT_NULL : COMPARE_IS_NULL;
	return true;
}

static struct error *
read_list(const struct listing_context *context, const struct entry *entry,
	  struct condition *condition)
{
	struct json_object *value = entry->value;
	size_t count;

	if (!json_object_is_type(value, json_type_array)) {
		struct json_object *list = json_object_new_array();
		char *text = arena_strdup(context->arena, text_of(value));
		char *rest = text;
		char *part;

		arena_defer(context->arena, json_release, list);
		while ((part = strsep(&rest, ",")))
			json_object_array_add(list,
					      json_object_new_string(part));
		value = list;
	}
	count = json_object_array_length(value);
	if (count > LISTING_VALUES_MAX)
		return bad_query(context,
				 "A list holds at most 1000 values; too many "
				 "for ",
				 entry->column);
	if ((condition->comparison == COMPARE_BETWEEN ||
	     condition->comparison == COMPARE_NOT_BETWEEN) &&
	    count != 2)
		return bad_query(context, "Two values are needed for ",
				 entry->column);
	condition->values =
		ARENA_ARRAY(context->arena, const char *, count + 1);
	for (size_t i = 0; i < count; i++) {
		struct error *error =
			convert(context, condition->column,
				text_of(json_object_array_get_idx(value, i)),
				&condition->values[condition->nvalues]);
		if (error)
			return error;
		condition->nvalues++;
	}
	return NULL;
}

static struct error *
check_truth(const struct listing_context *context,
	    const struct condition *condition)
{
	if ((condition->comparison != COMPARE_IS_TRUE &&
	     condition->comparison != COMPARE_IS_FALSE) ||
	    condition->column->kind == VALUE_BOOLEAN)
		return NULL;
	return bad_query(context, "Neither true nor false is a value of ",
			 condition->column->column_name);
}

static struct error *
read_operand(const struct listing_context *context, const struct entry *entry,
	     const struct operator* operator, struct condition * condition)
{
	const char **value = ARENA_ARRAY(context->arena, const char *, 1);

	condition->values = value;
	condition->nvalues = 1;
	if (operator->operand != OPERAND_NONE && !entry->has_value)
		return bad_query(context, "A value is missing for ",
				 entry->column);
	switch (operator->operand) {
	case OPERAND_NONE:
		return check_truth(context, condition);
	case OPERAND_LIST:
		condition->nvalues = 0;
		return read_list(context, entry, condition);
	case OPERAND_VALUE:
		if (is_word(entry->value, operator, & condition->comparison))
			return NULL;
		return convert(context, condition->column,
			       text_of(entry->value), value);
	case OPERAND_WORDS:
		if (!condition->column->is_full_text)
			return bad_query(
				context,
				"Full-text search is not declared for ",
				entry->column);
		*value = arena_strdup(context->arena, text_of(entry->value));
		return NULL;
	case OPERAND_REGEXP:
		*value = arena_strdup(context->arena, text_of(entry->value));
		return NULL;
	default:
		*value = pattern(context->arena,
				 text_of(entry->value), operator->operand);
		return NULL;
	}
}

/* Fuzzy search: words over several columns. */

static void
set_fuzzy(const struct listing_context *context, const char *mode,
	  const char *word, size_t length, struct condition *condition)
{
	struct strbuf buf;
	const char **value = ARENA_ARRAY(context->arena, const char *, 1);
	const char *text = arena_strndup(context->arena, word, length);

	strbuf_init(&buf, context->arena);
	condition->comparison = COMPARE_ILIKE;
	if (!strcmp(mode, "word_boundary")) {
		condition->comparison = COMPARE_IREGEXP;
		strbuf_literal(&buf, "\\y");
		for (; *text; text++) {
			if (!isalnum((unsigned char)*text) &&
			    (unsigned char)*text < 0x80)
				strbuf_putc(&buf, '\\');
			strbuf_putc(&buf, *text);
		}
		strbuf_literal(&buf, "\\y");
	} else {
		if (strcmp(mode, "prefix"))
			strbuf_putc(&buf, '%');
		add_escaped(&buf, text, false);
		if (strcmp(mode, "suffix"))
			strbuf_putc(&buf, '%');
	}
	*value = buf.data;
	condition->values = value;
	condition->nvalues = 1;
}

static size_t
character_start(const char *word, size_t length)
{
	while (length && ((unsigned char)word[length] & 0xc0) == 0x80)
		length--;
	return length;
}

/* Mode "partial" also finds the word without its last one or two letters. */
static void
add_fuzzy_word(const struct listing_context *context, const char *mode,
	       const char *word, const struct condition *column,
	       struct condition_group *group)
{
	size_t length = strlen(word);
	int shorter = strcmp(mode, "partial") ? 0 : 2;

	for (int i = 0; i <= shorter && length; i++) {
		struct condition *condition =
			add_to_group(context->arena, group);

		*condition = *column;
		set_fuzzy(context, mode, word, length, condition);
		length = character_start(word, length - 1);
	}
}

static struct error *
fuzzy_columns(const struct listing_context *context,
	      const struct entity *entity, const struct entry *entry,
	      struct condition_group *columns)
{
	char *rest = arena_strdup(context->arena, entry->column);
	char *name;

	while ((name = strsep(&rest, ","))) {
		struct condition *column =
			add_to_group(context->arena, columns);
		struct error *error =
			listing_path(context, entity, name, "query",
				     &column->path, &column->column);
		if (error)
			return error;
	}
	return NULL;
}

static struct error *
add_fuzzy(const struct listing_context *context, const struct entry *entry,
	  const struct operator* operator, struct listing * listing)
{
	const char *mode = entry->fuzzy_mode ? entry->fuzzy_mode : "ilike";
	char *rest = arena_strdup(context->arena, text_of(entry->value));
	struct condition_group columns = { 0 };
	struct condition_group *group = NULL;
	size_t nwords = 0;
	struct error *error;
	char *word;

	error = fuzzy_columns(context, listing->entity, entry, &columns);
	if (error)
		return error;
	while ((word = strsep(&rest, " \t\r\n"))) {
		if (!*word)
			continue;
		if (++nwords > 20)
			return bad_query(context, "At most 20 words for ",
					 entry->column);
		if (!group || operator->operand == OPERAND_FUZZY_ALL)
			group = group_of(context->arena, listing, NULL);
		for (size_t i = 0; i < columns.nconditions; i++)
			add_fuzzy_word(context, mode, word,
				       &columns.conditions[i], group);
		if (operator->operand == OPERAND_FUZZY)
			break;
	}
	return NULL;
}

/* Entries. */

static struct error *
add_entry(const struct listing_context *context, const struct entry *entry,
	  struct listing *listing)
{
	const struct operator* operator= find_operator(entry->operator_name);
	struct condition condition = { 0 };
	struct condition_group *group;
	struct error *error;

	if (!operator)
		return bad_query(context, "There is no operator ",
				 entry->operator_name);
	if (operator->operand >= OPERAND_FUZZY && operator->operand <=
	    OPERAND_FUZZY_ALL)
		return add_fuzzy(context, entry, operator, listing);
	error = listing_path(context, listing->entity, entry->column, "query",
			     &condition.path, &condition.column);
	if (error)
		return error;
	condition.comparison = operator->comparison;
	error = read_operand(context, entry, operator, & condition);
	if (error)
		return error;
	group = group_of(context->arena, listing, entry->group);
	*add_to_group(context->arena, group) = condition;
	return NULL;
}

static const char *
member_text(struct json_object *object, const char *name)
{
	struct json_object *member;

	if (!json_object_object_get_ex(object, name, &member) || !member)
		return NULL;
	return json_object_get_string(member);
}

static struct error *
read_entry(const struct listing_context *context, struct json_object *object,
	   struct entry *entry)
{
	struct json_object *options;

	if (!json_object_is_type(object, json_type_object))
		return bad_query(context, "Each entry is an object with ",
				 "column, operator and value.");
	entry->column = member_text(object, "column");
	entry->operator_name = member_text(object, "operator");
	entry->group = member_text(object, "logical_group");
	entry->has_value =
		json_object_object_get_ex(object, "value", &entry->value);
	if (json_object_is_type(entry->value, json_type_object))
		return bad_query(context, "A value is a text, a number, or a ",
				 "list, not an object.");
	options = json_object_object_get(object, "fuzzy_options");
	entry->fuzzy_mode =
		options ? member_text(options, "fallback_mode") : NULL;
	if (!entry->column)
		return bad_query(context, "An entry has no ", "column.");
	if (!entry->operator_name)
		return bad_query(context, "An operator is missing for ",
				 entry->column);
	return NULL;
}

struct error *
listing_add_query(const struct listing_context *context,
		  struct json_object *query, struct listing *listing)
{
	size_t count;

	if (!json_object_is_type(query, json_type_array))
		return bad_query(context, "A JSON array is needed, such as ",
				 "[{\"column\":\"title\",\"operator\":\"is\","
				 "\"value\":\"Emma\"}].");
	count = json_object_array_length(query);
	if (count > LISTING_CONDITIONS_MAX)
		return bad_query(context, "At most 100 conditions fit into ",
				 "one query.");
	for (size_t i = 0; i < count; i++) {
		struct entry entry = { 0 };
		struct error *error = read_entry(
			context, json_object_array_get_idx(query, i), &entry);

		if (!error)
			error = add_entry(context, &entry, listing);
		if (error)
			return error;
	}
	return NULL;
}
