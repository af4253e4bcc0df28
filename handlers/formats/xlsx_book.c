/*
 * xlsx_book.c: the small parts of a workbook: which sheet is meant, which
 * styles are dates, and the shared strings, which are not small and go to
 * temporary files.
 */
#include "handlers/formats/xlsx.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>

/* Bytes of the shared strings in their temporary file. */
#define TEXTS_MAX (UINT64_C(1) << 30)

/* Names. */

const char *
xlsx_local_name(const char *name)
{
	const char *colon = strrchr(name, ':');

	return colon ? colon + 1 : name;
}

const char *
xlsx_attribute(const char **attributes, const char *name)
{
	for (; *attributes; attributes += 2)
		if (!strcmp(xlsx_local_name(attributes[0]), name))
			return attributes[1];
	return NULL;
}

static int
hexadecimal(const char *text)
{
	int value = 0;

	for (size_t i = 0; i < 4; i++) {
		if (!isxdigit((unsigned char)text[i]))
			return -1;
		value = value * 16 +
			(isdigit((unsigned char)text[i])
				 ? text[i] - '0'
				 : tolower((unsigned char)text[i]) - 'a' + 10);
	}
	return value;
}

size_t
xlsx_unescape(char *text, size_t length)
{
	size_t out = 0;

	for (size_t i = 0; i < length;) {
		int code = length - i >= 7 && text[i] == '_' &&
					   text[i + 1] == 'x' &&
					   text[i + 6] == '_'
				   ? hexadecimal(text + i + 2)
				   : -1;

		/* beyond ASCII nobody needs it, and surrogates are none */
		if (code < 1 || code > 127) {
			text[out++] = text[i++];
			continue;
		}
		text[out++] = (char)code;
		i += 7;
	}
	text[out] = '\0';
	return out;
}

/* A whole part at once; nothing where it is absent. */
static struct error *
read_part(struct xlsx *book, const char *name, XML_StartElementHandler start,
	  XML_EndElementHandler end, XML_CharacterDataHandler text, bool *found)
{
	struct xlsx_part *part;
	struct error *error = xlsx_open_part(book, name, &part);
	bool at_end = false;

	*found = part;
	if (error || !part)
		return error;
	XML_SetElementHandler(part->parser, start, end);
	XML_SetCharacterDataHandler(part->parser, text);
	while (!error && !at_end)
		error = xlsx_parse_piece(part, &at_end);
	return error;
}

/* What handlers of the small parts collect; one book is read at a time. */
struct link {
	const char *id, *type, *target;
};

struct sheet {
	const char *name, *id;
};

struct format {
	long id;
	const char *code;
};

struct collection {
	struct xlsx book; /* first: handlers find it by their part's book */
	struct link *links;
	size_t nlinks;
	struct sheet *sheets;
	size_t nsheets;
	struct format *formats;
	size_t nformats;
	bool in_styles; /* within cellXfs */
	FILE *texts, *ends;
	uint64_t size;	    /* of the texts */
	struct strbuf text; /* of the string at hand */
	unsigned skipping;  /* within rPh */
	bool in_text;
};

static struct collection *
collection_of(void *data)
{
	struct xlsx_part *part = data;

	return (struct collection *)part->book;
}

/* Relations and sheets. */

static void
take_link(void *data, const char *name, const char **attributes)
{
	struct collection *all = collection_of(data);
	struct arena *arena = all->book.arena;
	const char *mode = xlsx_attribute(attributes, "TargetMode");
	struct link link = {
		arena_strdup(arena, xlsx_attribute(attributes, "Id")),
		arena_strdup(arena, xlsx_attribute(attributes, "Type")),
		arena_strdup(arena, xlsx_attribute(attributes, "Target")),
	};

	if (strcmp(xlsx_local_name(name), "Relationship") != 0 || !link.id ||
	    !link.type || !link.target)
		return;
	if (mode && !strcasecmp(mode, "External"))
		return;
	if (all->nlinks < 1000)
		ARENA_PUSH(arena, all->links, all->nlinks, link);
}

static bool
is_true(const char *text)
{
	return text && (!strcmp(text, "1") || !strcasecmp(text, "true"));
}

static void
take_sheet(void *data, const char *name, const char **attributes)
{
	struct collection *all = collection_of(data);
	struct arena *arena = all->book.arena;
	struct sheet sheet = {
		arena_strdup(arena, xlsx_attribute(attributes, "name")),
		arena_strdup(arena, xlsx_attribute(attributes, "id")),
	};

	name = xlsx_local_name(name);
	if (!strcmp(name, "workbookPr"))
		all->book.is_1904 =
			is_true(xlsx_attribute(attributes, "date1904"));
	else if (!strcmp(name, "sheet") && sheet.name && sheet.id &&
		 all->nsheets < 10000)
		ARENA_PUSH(arena, all->sheets, all->nsheets, sheet);
}

/* A target is relative to the folder of its part, or absolute. */
static const char *
part_name(const struct collection *all, const char *folder, const char *target)
{
	if (*target == '/')
		return target + 1;
	return arena_printf(all->book.arena, "%s%s", folder, target);
}

static bool
has_type(const struct link *link, const char *type)
{
	const char *slash = strrchr(link->type, '/');

	return slash && !strcmp(slash + 1, type);
}

static const char *
linked(const struct collection *all, const char *folder, const char *type)
{
	for (size_t i = 0; i < all->nlinks; i++)
		if (has_type(&all->links[i], type))
			return part_name(all, folder, all->links[i].target);
	return NULL;
}

static const struct link *
link_of(const struct collection *all, const struct sheet *sheet)
{
	for (size_t i = 0; i < all->nlinks; i++)
		if (!strcmp(all->links[i].id, sheet->id) &&
		    has_type(&all->links[i], "worksheet"))
			return &all->links[i];
	return NULL;
}

static const struct sheet *
find_sheet(const struct collection *all)
{
	const char *wanted = all->book.reader->options->sheet;
	char *end = NULL;
	long number;

	for (size_t i = 0; i < all->nsheets; i++)
		if (wanted && *wanted ? !strcasecmp(all->sheets[i].name, wanted)
				      : link_of(all, &all->sheets[i]) != NULL)
			return &all->sheets[i];
	number = wanted ? strtol(wanted, &end, 10) : 0;
	if (!end || *end || number < 1 || (size_t)number > all->nsheets)
		return NULL;
	return &all->sheets[number - 1];
}

static struct error *
no_sheet(const struct collection *all)
{
	struct strbuf names;

	strbuf_init(&names, all->book.arena);
	for (size_t i = 0; i < all->nsheets && i < 20; i++)
		strbuf_printf(&names, "%s%s", i ? ", " : "",
			      all->sheets[i].name);
	return table_fault(all->book.reader, 0,
			   "there is no such sheet; it has: %s", names.data);
}

static struct error *
choose_sheet(struct collection *all, const char *folder)
{
	const struct sheet *sheet = find_sheet(all);
	const struct link *link = sheet ? link_of(all, sheet) : NULL;

	if (!link)
		return no_sheet(all);
	all->book.sheet = part_name(all, folder, link->target);
	return NULL;
}

/* Styles. */

/* A format of numbers that are dates has letters of dates outside of quotes. */
static enum number_kind
kind_of_code(const char *code)
{
	bool date = false, time = false, months = false;

	for (; *code && *code != ';'; code++) {
		if (*code == '"') {
			code = strchr(code + 1, '"');
			if (!code)
				break;
			continue;
		}
		if (*code == '\\' || *code == '_' || *code == '*') {
			if (!*++code)
				break;
			continue;
		}
		if (*code == '[') {
			/* [h] is a time, [Red] a colour, [$-409] a language */
			time |= strchr("hHsSmM", code[1]) && code[1] &&
				(code[2] == ']' || code[3] == ']');
			code = strchr(code, ']');
			if (!code)
				break;
			continue;
		}
		if (!strncasecmp(code, "General", 7)) {
			code += 6;
			continue;
		}
		date |= *code == 'd' || *code == 'D' || *code == 'y' ||
			*code == 'Y';
		time |= *code == 'h' || *code == 'H' || *code == 's' ||
			*code == 'S';
		months |= *code == 'm' || *code == 'M';
	}
	if (date && time)
		return NUMBER_DATETIME;
	if (time)
		return NUMBER_TIME;
	return date || months ? NUMBER_DATE : NUMBER_PLAIN;
}

/* ECMA-376 part 1, 18.8.30; the ranges above 22 are of East Asia. */
static enum number_kind
kind_of_id(long id)
{
	static const struct {
		long first, last;
		enum number_kind kind;
	} ranges[] = {
		{ 14, 17, NUMBER_DATE },     { 18, 21, NUMBER_TIME },
		{ 22, 22, NUMBER_DATETIME }, { 27, 31, NUMBER_DATE },
		{ 32, 35, NUMBER_TIME },     { 36, 36, NUMBER_DATE },
		{ 45, 47, NUMBER_TIME },     { 50, 54, NUMBER_DATE },
		{ 55, 56, NUMBER_TIME },     { 57, 58, NUMBER_DATE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
		if (id >= ranges[i].first && id <= ranges[i].last)
			return ranges[i].kind;
	return NUMBER_PLAIN;
}

static enum number_kind
kind_of_format(const struct collection *all, long id)
{
	for (size_t i = 0; i < all->nformats; i++)
		if (all->formats[i].id == id)
			return kind_of_code(all->formats[i].code);
	return kind_of_id(id);
}

static void
take_style(void *data, const char *name, const char **attributes)
{
	struct collection *all = collection_of(data);
	const char *id = xlsx_attribute(attributes, "numFmtId");
	const char *code = xlsx_attribute(attributes, "formatCode");

	name = xlsx_local_name(name);
	if (!strcmp(name, "cellXfs")) {
		all->in_styles = true;
	} else if (!strcmp(name, "numFmt") && id && code &&
		   all->nformats < 10000) {
		struct format format = { strtol(id, NULL, 10),
					 arena_strdup(all->book.arena, code) };

		ARENA_PUSH(all->book.arena, all->formats, all->nformats,
			   format);
	} else if (!strcmp(name, "xf") && all->in_styles &&
		   all->book.nstyles < 65536) {
		ARENA_PUSH(all->book.arena, all->book.styles, all->book.nstyles,
			   kind_of_format(all, id ? strtol(id, NULL, 10) : 0));
	}
}

static void
end_style(void *data, const char *name)
{
	if (!strcmp(xlsx_local_name(name), "cellXfs"))
		collection_of(data)->in_styles = false;
}

/* Shared strings. */

static void
close_file(void *file)
{
	fclose(file);
}

static void
begin_string(void *data, const char *name, const char **attributes UNUSED)
{
	struct collection *all = collection_of(data);

	name = xlsx_local_name(name);
	if (!strcmp(name, "si"))
		strbuf_cut(&all->text, 0);
	else if (!strcmp(name, "rPh"))
		all->skipping++;
	else if (!strcmp(name, "t"))
		all->in_text = !all->skipping;
}

static void
add_string_text(void *data, const char *text, int length)
{
	struct collection *all = collection_of(data);

	if (!all->in_text)
		return;
	strbuf_add(&all->text, text, (size_t)length);
	if (all->text.length > TABLE_CELL_MAX)
		xlsx_stop(data, table_fault(all->book.reader, 0,
					    "a text is longer than 1 MiB"));
}

static struct error *
too_many_texts(const struct collection *all)
{
	return error_new(all->book.arena, 413, "table-too-large",
			 "%s: its different texts are more than 1 GiB; as CSV "
			 "a table may be of any size",
			 all->book.reader->options->file);
}

static void
keep_string(struct xlsx_part *part, struct collection *all)
{
	size_t length = xlsx_unescape(all->text.data, all->text.length);
	uint32_t end;

	xlsx_account(&all->book, all->text.length);
	all->size += length;
	end = (uint32_t)all->size;
	if (all->size > TEXTS_MAX)
		xlsx_stop(part, too_many_texts(all));
	else if (fwrite(all->text.data, 1, length, all->texts) != length ||
		 fwrite(&end, sizeof end, 1, all->ends) != 1)
		xlsx_stop(part, error_new(all->book.arena, 503, "no-space",
					  "There is no room for the file."));
	all->book.strings.count++;
}

static void
end_string(void *data, const char *name)
{
	struct collection *all = collection_of(data);

	name = xlsx_local_name(name);
	if (!strcmp(name, "si"))
		keep_string(data, all);
	else if (!strcmp(name, "rPh") && all->skipping)
		all->skipping--;
	else if (!strcmp(name, "t"))
		all->in_text = false;
}

struct mapping {
	void *data;
	size_t size;
};

static void
unmap(void *object)
{
	struct mapping *mapping = object;

	munmap(mapping->data, mapping->size);
}

/* NULL where the file is empty or can't be mapped. */
static const void *
map(struct arena *arena, FILE *file, size_t size)
{
	struct mapping *mapping = ARENA_NEW(arena, struct mapping);

	if (!size || fflush(file))
		return NULL;
	mapping->size = size;
	mapping->data =
		mmap(NULL, size, PROT_READ, MAP_SHARED, fileno(file), 0);
	if (mapping->data == MAP_FAILED)
		return NULL;
	arena_defer(arena, unmap, mapping);
	return mapping->data;
}

static struct error *
read_strings(struct collection *all, const char *name)
{
	struct xlsx *book = &all->book;
	struct shared_strings *strings = &book->strings;
	struct error *error;
	bool found;

	all->texts = tmpfile();
	if (all->texts)
		arena_defer(book->arena, close_file, all->texts);
	all->ends = tmpfile();
	if (all->ends)
		arena_defer(book->arena, close_file, all->ends);
	if (!all->texts || !all->ends)
		return error_internal(book->arena, "no temporary file");
	strbuf_init(&all->text, book->arena);
	error = read_part(book, name, begin_string, end_string, add_string_text,
			  &found);
	if (error)
		return error;
	strings->ends =
		map(book->arena, all->ends, strings->count * sizeof(uint32_t));
	strings->texts = map(book->arena, all->texts, (size_t)all->size);
	if ((strings->count && !strings->ends) ||
	    (all->size && !strings->texts))
		return error_internal(book->arena, "no mapping of a file");
	return NULL;
}

/* The whole. */

static const char *
folder_of(struct arena *arena, const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash ? arena_strndup(arena, name, (size_t)(slash - name) + 1)
		     : "";
}

static struct error *
read_relations(struct collection *all, const char *folder, const char *name)
{
	const char *part =
		arena_printf(all->book.arena, "%s_rels/%s.rels", folder, name);
	bool found;

	all->nlinks = 0;
	return read_part(&all->book, part, take_link, NULL, NULL, &found);
}

static struct error *
read_workbook(struct collection *all, const char **folder)
{
	struct arena *arena = all->book.arena;
	const char *name, *styles, *strings;
	bool found;
	struct error *error = read_relations(all, "", "");

	if (error)
		return error;
	name = linked(all, "", "officeDocument");
	name = name ? name : "xl/workbook.xml";
	*folder = folder_of(arena, name);
	error = read_part(&all->book, name, take_sheet, NULL, NULL, &found);
	if (!error && !found)
		error = table_fault(all->book.reader, 0,
				    "there is no workbook in it");
	if (!error)
		error = read_relations(all, *folder, name + strlen(*folder));
	if (error)
		return error;
	styles = linked(all, *folder, "styles");
	strings = linked(all, *folder, "sharedStrings");
	if (styles)
		error = read_part(&all->book, styles, take_style, end_style,
				  NULL, &found);
	if (!error && strings)
		error = read_strings(all, strings);
	return error;
}

struct error *
xlsx_read_book(struct xlsx *book)
{
	struct collection all = { .book = *book };
	const char *folder;
	struct error *error = read_workbook(&all, &folder);

	if (!error)
		error = choose_sheet(&all, folder);
	*book = all.book;
	return error;
}
