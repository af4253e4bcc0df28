/*
 * xlsx_zip.c: the archive around a workbook. What could be a trap (parts that
 * overlap, unpack to far more than they are, or are links) is refused before
 * anything is unpacked, and what is unpacked is counted. Sheets and their
 * texts may be large, as they are read piece by piece: but only as large as
 * their cells are.
 */
#include "handlers/formats/xlsx.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE 16384
#define ENTRIES_MAX 10000
#define INFLATED_MAX (INT64_C(256) << 20)
#define PART_MAX (UINT64_C(1) << 40)
#define RATIO_MAX 100
/* Names, places and styles of a cell, a formula of ordinary length. */
#define CELL_MARKUP 256
/* A character may be written as a reference: &#128512; */
#define CHARACTER_MARKUP 8
/* Small files may be of nothing but blanks. */
#define RATIO_FREE (INT64_C(1) << 20)

static void
close_archive(void *zip)
{
	zip_discard(zip);
}

static struct error *
refuse(const struct xlsx *book, const char *what)
{
	return table_fault(book->reader, 0, "%s", what);
}

/* The central directory, as far as libzip does not look at it. */

static uint32_t
number(const unsigned char *p, size_t bytes)
{
	uint32_t value = 0;

	while (bytes--)
		value = value << 8 | p[bytes];
	return value;
}

struct extent {
	int64_t start, end;
};

static int
by_start(const void *left, const void *right)
{
	const struct extent *a = left, *b = right;

	return (a->start > b->start) - (a->start < b->start);
}

/* Where the directory is: its record ends the file, a comment may follow. */
static bool
find_directory(const struct xlsx *book, int64_t *start, int64_t *size)
{
	const int64_t file = book->reader->size;
	size_t length = file < 66000 ? (size_t)file : 66000;
	unsigned char *tail = arena_alloc_raw(book->arena, length + 1);

	if (pread(book->reader->fd, tail, length, file - (int64_t)length) !=
	    (ssize_t)length)
		return false;
	for (size_t i = length < 22 ? 0 : length - 22 + 1; i-- > 0;)
		if (!memcmp(tail + i, "PK\x05\x06", 4)) {
			*size = number(tail + i + 12, 4);
			*start = number(tail + i + 16, 4);
			return *start + *size <= file;
		}
	return false;
}

static struct error *
check_extents(const struct xlsx *book, const unsigned char *directory,
	      size_t size)
{
	struct extent *extents = NULL;
	size_t count = 0;

	for (size_t at = 0; at + 46 <= size;) {
		const unsigned char *entry = directory + at;
		struct extent extent;

		if (memcmp(entry, "PK\x01\x02", 4) != 0)
			return refuse(book, "its directory is broken");
		extent.start = number(entry + 42, 4);
		extent.end = extent.start + 30 + number(entry + 28, 2) +
			     number(entry + 20, 4);
		at += 46 + number(entry + 28, 2) + number(entry + 30, 2) +
		      number(entry + 32, 2);
		if (number(entry + 42, 4) == UINT32_MAX ||
		    number(entry + 20, 4) == UINT32_MAX)
			continue; /* in a larger form, libzip's matter */
		if (count == ENTRIES_MAX)
			return refuse(book, "it has more than 10,000 parts");
		ARENA_PUSH(book->arena, extents, count, extent);
	}
	if (count)
		qsort(extents, count, sizeof *extents, by_start);
	for (size_t i = 1; i < count; i++)
		if (extents[i].start < extents[i - 1].end)
			return refuse(book, "its parts overlap");
	return NULL;
}

static struct error *
check_directory(const struct xlsx *book)
{
	unsigned char *directory;
	int64_t start, size;

	if (!find_directory(book, &start, &size) || size > (8 << 20))
		return refuse(book, "this is no XLSX file");
	directory = arena_alloc_raw(book->arena, (size_t)size + 1);
	if (pread(book->reader->fd, directory, (size_t)size, start) != size)
		return refuse(book, "this is no XLSX file");
	return check_extents(book, directory, (size_t)size);
}

/* Entries. */

static bool
is_plain_name(const char *name)
{
	if (*name == '/' || strchr(name, '\\'))
		return false;
	for (const char *part = name; part; part = strchr(part, '/')) {
		part += *part == '/';
		if (!strncmp(part, "..", 2) && (!part[2] || part[2] == '/'))
			return false;
	}
	return true;
}

static bool
is_link(const struct xlsx *book, zip_uint64_t i)
{
	zip_uint32_t attributes;
	zip_uint8_t system;

	return !zip_file_get_external_attributes(book->zip, i, 0, &system,
						 &attributes) &&
	       system == ZIP_OPSYS_UNIX && S_ISLNK(attributes >> 16);
}

static struct error *
too_large(const struct xlsx *book)
{
	return refuse(book,
		      "it unpacks to more than 256 MiB that are no cells");
}

/* Of those the bytes are accounted for when they are read. */
static bool
may_be_large(const char *name)
{
	return !strncasecmp(name, "xl/worksheets/", 14) ||
	       !strcasecmp(name, "xl/sharedStrings.xml");
}

static struct error *
check_entries(const struct xlsx *book)
{
	zip_int64_t count = zip_get_num_entries(book->zip, 0);
	int64_t inflated = 0, other = 0;

	if (count > ENTRIES_MAX)
		return refuse(book, "it has more than 10,000 parts");
	for (zip_int64_t i = 0; i < count; i++) {
		zip_stat_t stat;

		if (zip_stat_index(book->zip, (zip_uint64_t)i, 0, &stat) ||
		    !(stat.valid & ZIP_STAT_NAME) ||
		    !is_plain_name(stat.name) || is_link(book, (zip_uint64_t)i))
			return refuse(book, "it has parts with strange names");
		if (!strncmp(stat.name, "xl/externalLinks/", 17))
			return refuse(book, "it is linked to other files; save "
					    "it with values in place of links");
		if (!(stat.valid & ZIP_STAT_SIZE) || stat.size > PART_MAX)
			return too_large(book);
		inflated += (int64_t)stat.size;
		other += may_be_large(stat.name) ? 0 : (int64_t)stat.size;
		if (other > INFLATED_MAX)
			return too_large(book);
	}
	if (inflated > RATIO_FREE && inflated / RATIO_MAX > book->reader->size)
		return refuse(book,
			      "it unpacks to more than 100 times its size");
	return NULL;
}

struct error *
xlsx_open_archive(struct xlsx *book)
{
	struct error *error = check_directory(book);
	int copy, cause;

	if (error)
		return error;
	copy = fcntl(book->reader->fd, F_DUPFD_CLOEXEC, 3);
	if (copy < 0)
		return error_internal(book->arena, "dup of a table failed");
	book->zip = zip_fdopen(copy, ZIP_CHECKCONS, &cause);
	if (!book->zip) {
		close(copy);
		return refuse(book, "this is no XLSX file, or is damaged");
	}
	arena_defer(book->arena, close_archive, book->zip);
	return check_entries(book);
}

/* Parts. */

static void
close_part(void *object)
{
	struct xlsx_part *part = object;

	if (part->file)
		zip_fclose(part->file);
	part->file = NULL;
	if (part->parser)
		XML_ParserFree(part->parser);
	part->parser = NULL;
}

void
xlsx_stop(struct xlsx_part *part, struct error *error)
{
	if (part->book->error)
		return;
	part->book->error = error;
	XML_StopParser(part->parser, XML_FALSE);
}

static void
refuse_doctype(void *data, const XML_Char *name UNUSED,
	       const XML_Char *system UNUSED, const XML_Char *public UNUSED,
	       int internal UNUSED)
{
	struct xlsx_part *part = data;

	xlsx_stop(part, refuse(part->book, "it has a document type, which "
					   "could hide anything"));
}

struct error *
xlsx_open_part(struct xlsx *book, const char *name, struct xlsx_part **result)
{
	zip_int64_t i = zip_name_locate(book->zip, name, ZIP_FL_NOCASE);
	struct xlsx_part *part;
	zip_stat_t stat;

	*result = NULL;
	if (i < 0)
		return NULL;
	part = ARENA_NEW(book->arena, struct xlsx_part);
	part->book = book;
	part->name = name;
	arena_defer(book->arena, close_part, part);
	if (!zip_stat_index(book->zip, (zip_uint64_t)i, 0, &stat) &&
	    stat.valid & ZIP_STAT_SIZE)
		part->size = (int64_t)stat.size;
	part->file = zip_fopen_index(book->zip, (zip_uint64_t)i, 0);
	part->parser = XML_ParserCreate(NULL);
	if (!part->file || !part->parser)
		return refuse(book, "a part of it can't be unpacked");
	XML_SetUserData(part->parser, part);
	XML_SetStartDoctypeDeclHandler(part->parser, refuse_doctype);
	*result = part;
	return NULL;
}

static struct error *
bad_xml(const struct xlsx_part *part)
{
	return table_fault(part->book->reader, 0, "%s, line %lu: %s",
			   part->name, XML_GetCurrentLineNumber(part->parser),
			   XML_ErrorString(XML_GetErrorCode(part->parser)));
}

void
xlsx_account(struct xlsx *book, size_t length)
{
	book->worth += CELL_MARKUP + CHARACTER_MARKUP * (int64_t)length;
}

struct error *
xlsx_parse_piece(struct xlsx_part *part, bool *end)
{
	struct xlsx *book = part->book;
	void *buffer = XML_GetBuffer(part->parser, PIECE);
	zip_int64_t got;
	enum XML_Status status;

	if (!buffer)
		return error_internal(book->arena, "expat has no memory");
	got = zip_fread(part->file, buffer, PIECE);
	if (got < 0)
		return refuse(book, "a part of it is damaged");
	*end = got == 0;
	part->read += got;
	book->inflated += got;
	if (part->read > part->size)
		return refuse(book, "a part of it is larger than it says");
	if (book->inflated - book->worth > INFLATED_MAX)
		return too_large(book);
	status = XML_ParseBuffer(part->parser, (int)got, *end);
	if (book->error)
		return book->error;
	if (status != XML_STATUS_OK)
		return bad_xml(part);
	if (*end)
		close_part(part);
	return NULL;
}
