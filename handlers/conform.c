/*
 * conform.c: brings texts of a request into shape before they are validated:
 * trimmed, in lower case, as a slug. Letters are those of Unicode, as the C
 * library's C.UTF-8 knows them.
 */
#include <ctype.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <wctype.h>

#include "db/base/strbuf.h"
#include "handlers/validate.h"

/* Text as code points; `locale` classifies them. */
struct letters {
	struct arena *arena;
	wint_t *points;
	size_t count;
	locale_t locale;
};

struct conformation {
	const char *name;
	/* appends the conformed text to `out` */
	void (*apply)(const struct letters *in, struct strbuf *out);
};

static size_t
sequence_length(unsigned char first)
{
	return first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* Reads UTF-8 that was checked when it came in. */
static void
letters_read(struct letters *letters, const char *text, size_t size)
{
	letters->points = ARENA_ARRAY(letters->arena, wint_t, size);
	letters->count = 0;
	for (size_t i = 0; i < size;) {
		unsigned char first = (unsigned char)text[i];
		size_t length = sequence_length(first);
		wint_t point = length == 1 ? first : first & (0x7f >> length);

		for (size_t k = 1; k < length && i + k < size; k++)
			point = point << 6 |
				((unsigned char)text[i + k] & 0x3f);
		letters->points[letters->count++] = point;
		i += length;
	}
}

static void
put_point(struct strbuf *out, wint_t point)
{
	if (point < 0x80) {
		strbuf_putc(out, (char)point);
		return;
	}
	if (point < 0x800) {
		strbuf_putc(out, (char)(0xc0 | point >> 6));
	} else {
		if (point < 0x10000) {
			strbuf_putc(out, (char)(0xe0 | point >> 12));
		} else {
			strbuf_putc(out, (char)(0xf0 | point >> 18));
			strbuf_putc(out, (char)(0x80 | (point >> 12 & 0x3f)));
		}
		strbuf_putc(out, (char)(0x80 | (point >> 6 & 0x3f)));
	}
	strbuf_putc(out, (char)(0x80 | (point & 0x3f)));
}

static bool
is_letter(const struct letters *in, size_t i)
{
	return iswalpha_l(in->points[i], in->locale);
}

static bool
is_digit(const struct letters *in, size_t i)
{
	return in->points[i] >= '0' && in->points[i] <= '9';
}

static wint_t
upper(const struct letters *in, size_t i)
{
	return towupper_l(in->points[i], in->locale);
}

static wint_t
lower(const struct letters *in, size_t i)
{
	return towlower_l(in->points[i], in->locale);
}

static bool
is_upper(const struct letters *in, size_t i)
{
	return iswupper_l(in->points[i], in->locale);
}

static bool
is_blank(const struct letters *in, size_t i)
{
	return in->points[i] == 0xa0 || iswspace_l(in->points[i], in->locale);
}

static void
put_range(const struct letters *in, size_t start, size_t end,
	  struct strbuf *out)
{
	for (size_t i = start; i < end; i++)
		put_point(out, in->points[i]);
}

static void
trim(const struct letters *in, struct strbuf *out)
{
	size_t start = 0;
	size_t end = in->count;

	while (start < end && is_blank(in, start))
		start++;
	while (end > start && is_blank(in, end - 1))
		end--;
	put_range(in, start, end, out);
}

static void
trim_left(const struct letters *in, struct strbuf *out)
{
	size_t start = 0;

	while (start < in->count && in->points[start] == ' ')
		start++;
	put_range(in, start, in->count, out);
}

static void
trim_right(const struct letters *in, struct strbuf *out)
{
	size_t end = in->count;

	while (end && in->points[end - 1] == ' ')
		end--;
	put_range(in, 0, end, out);
}

static void
to_lower(const struct letters *in, struct strbuf *out)
{
	for (size_t i = 0; i < in->count; i++)
		put_point(out, lower(in, i));
}

static void
to_upper(const struct letters *in, struct strbuf *out)
{
	for (size_t i = 0; i < in->count; i++)
		put_point(out, upper(in, i));
}

static void
upper_first(const struct letters *in, struct strbuf *out)
{
	if (in->count)
		put_point(out, upper(in, 0));
	put_range(in, in->count != 0, in->count, out);
}

/* Begins each word with a capital; an apostrophe does not end a word. */
static void
to_title(const struct letters *in, struct strbuf *out)
{
	bool in_word = false;

	for (size_t i = 0; i < in->count; i++) {
		put_point(out, in_word ? in->points[i] : upper(in, i));
		in_word = is_letter(in, i) || is_digit(in, i) ||
			  in->points[i] == '\'' || in->points[i] == '_';
	}
}

/*
 * Words as identifiers see them: runs of letters and digits, and within one,
 * what begins with a capital after a small letter.
 */
static bool
begins_word(const struct letters *in, size_t i)
{
	bool is_first =
		i == 0 || !(is_letter(in, i - 1) || is_digit(in, i - 1));

	return is_first || (is_upper(in, i) && !is_upper(in, i - 1));
}

static void
join_words(const struct letters *in, char separator, struct strbuf *out)
{
	size_t start = out->length;

	for (size_t i = 0; i < in->count; i++) {
		if (!is_letter(in, i) && !is_digit(in, i))
			continue;
		if (begins_word(in, i) && out->length > start)
			strbuf_putc(out, separator);
		put_point(out, lower(in, i));
	}
}

static void
to_snake(const struct letters *in, struct strbuf *out)
{
	join_words(in, '_', out);
}

static void
to_slug(const struct letters *in, struct strbuf *out)
{
	join_words(in, '-', out);
}

static void
to_camel(const struct letters *in, struct strbuf *out)
{
	size_t start = out->length;

	for (size_t i = 0; i < in->count; i++) {
		if (!is_letter(in, i) && !is_digit(in, i))
			continue;
		put_point(out, begins_word(in, i) && out->length > start
				       ? upper(in, i)
				       : lower(in, i));
	}
}

/* "  mary-JANE  o'neil 3" becomes "Mary-Jane O'Neil". */
static void
to_name(const struct letters *in, struct strbuf *out)
{
	size_t start = out->length;
	wint_t pending = 0;
	bool in_word = false;

	for (size_t i = 0; i < in->count; i++) {
		wint_t c = in->points[i];

		if (is_letter(in, i)) {
			if (pending && out->length > start)
				put_point(out, pending);
			put_point(out, in_word && !pending ? lower(in, i)
							   : upper(in, i));
			pending = 0;
			in_word = true;
		} else if (c == '-' || c == '\'' || is_blank(in, i)) {
			if (!pending || pending == ' ')
				pending = is_blank(in, i) ? ' ' : c;
		}
	}
}

/* Trimmed; the part after the last "@" in lower case. */
static void
to_email(const struct letters *in, struct strbuf *out)
{
	size_t at = in->count;
	size_t start = 0;
	size_t end = in->count;

	while (start < end && is_blank(in, start))
		start++;
	while (end > start && is_blank(in, end - 1))
		end--;
	for (size_t i = start; i < end; i++)
		if (in->points[i] == '@')
			at = i;
	for (size_t i = start; i < end; i++)
		put_point(out, i > at ? lower(in, i) : in->points[i]);
	if (at == in->count)
		strbuf_putc(out, '@');
}

static void
filter(const struct letters *in, bool digits, bool wanted, struct strbuf *out)
{
	for (size_t i = 0; i < in->count; i++)
		if ((digits ? is_digit(in, i) : is_letter(in, i)) == wanted)
			put_point(out, in->points[i]);
}

static void
only_digits(const struct letters *in, struct strbuf *out)
{
	filter(in, true, true, out);
}

static void
no_digits(const struct letters *in, struct strbuf *out)
{
	filter(in, true, false, out);
}

static void
only_letters(const struct letters *in, struct strbuf *out)
{
	filter(in, false, true, out);
}

static void
no_letters(const struct letters *in, struct strbuf *out)
{
	filter(in, false, false, out);
}

static void
escape_html(const struct letters *in, struct strbuf *out)
{
	for (size_t i = 0; i < in->count; i++) {
		switch (in->points[i]) {
		case '&':
			strbuf_literal(out, "&amp;");
			break;
		case '<':
			strbuf_literal(out, "&lt;");
			break;
		case '>':
			strbuf_literal(out, "&gt;");
			break;
		case '"':
		case '\'':
			strbuf_printf(out, "&#%u;", in->points[i]);
			break;
		default:
			put_point(out, in->points[i]);
		}
	}
}

static void
escape_script(const struct letters *in, struct strbuf *out)
{
	for (size_t i = 0; i < in->count; i++) {
		wint_t c = in->points[i];

		if (c == '\\' || c == '\'' || c == '"') {
			strbuf_putc(out, '\\');
			put_point(out, c);
		} else if (c < 0x20 || c == '<' || c == '>' || c == '&' ||
			   c == '=') {
			strbuf_printf(out, "\\u%04X", c);
		} else {
			put_point(out, c);
		}
	}
}

static const struct conformation conformations[] = {
	{ "trim", trim },	   { "ltrim", trim_left },
	{ "rtrim", trim_right },   { "lower", to_lower },
	{ "upper", to_upper },	   { "title", to_title },
	{ "camel", to_camel },	   { "snake", to_snake },
	{ "slug", to_slug },	   { "ucfirst", upper_first },
	{ "name", to_name },	   { "email", to_email },
	{ "num", only_digits },	   { "!num", no_digits },
	{ "alpha", only_letters }, { "!alpha", no_letters },
	{ "!html", escape_html },  { "!js", escape_script },
};

static const struct conformation *
conformation_find(const char *name, size_t length)
{
	for (size_t i = 0; i < ARRAY_SIZE(conformations); i++)
		if (strlen(conformations[i].name) == length &&
		    !memcmp(conformations[i].name, name, length))
			return &conformations[i];
	return NULL;
}

/* The next word of a comma separated list; false at its end. */
static bool
next_tag(const char **tags, const char **name, size_t *length)
{
	const char *p = *tags + strspn(*tags, ", \t\r\n");

	*name = p;
	*length = strcspn(p, ", \t\r\n");
	*tags = p + *length;
	return *length > 0;
}

static const char *
conformed(struct letters *letters, const char *tags, const char *text)
{
	const char *name;
	size_t length;

	while (next_tag(&tags, &name, &length)) {
		const struct conformation *conformation =
			conformation_find(name, length);
		struct strbuf out;

		if (!conformation)
			continue;
		letters_read(letters, text, strlen(text));
		strbuf_init(&out, letters->arena);
		conformation->apply(letters, &out);
		text = out.data;
	}
	return text;
}

void
conform(struct arena *arena, const struct tag_rules *rules,
	struct json_object *values)
{
	struct letters letters = { .arena = arena };

	if (!rules->ntags)
		return;
	letters.locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	if (!letters.locale)
		letters.locale = newlocale(LC_CTYPE_MASK, "C", (locale_t)0);
	for (size_t i = 0; i < rules->ntags; i++) {
		const struct tagging *tagging = &rules->tags[i];
		const struct column *column = tag_rules_column(rules, tagging);
		const char *name =
			column ? column->column_name : tagging->column_name;
		struct json_object *value =
			json_object_object_get(values, name);

		if (!json_object_is_type(value, json_type_string))
			continue;
		json_object_object_add(values, name,
				       json_object_new_string(conformed(
					       &letters, tagging->tags,
					       json_object_get_string(value))));
	}
	freelocale(letters.locale);
}

const char *
conform_unknown_tag(struct arena *arena, const char *tags)
{
	const char *name;
	size_t length;

	while (next_tag(&tags, &name, &length))
		if (!conformation_find(name, length))
			return arena_strndup(arena, name, length);
	return NULL;
}
