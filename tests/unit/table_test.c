/*
 * table_test.c: readers of tables: what they take, what they refuse, and that
 * a row is the same wherever a piece of the file ends.
 */
#include "tests/unit/support.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zip.h>

#include "db/base/strbuf.h"
#include "handlers/formats/table.h"

struct fixture {
	struct arena *arena;
	struct table_options options;
	struct strbuf rows; /* "1:a|b;2:c|d;" */
	struct error *error;
};

static int
setup(void **state)
{
	static struct fixture fixture;

	fixture = (struct fixture){ .arena = arena_new(),
				    .options = { .file = "t.csv" } };
	strbuf_init(&fixture.rows, fixture.arena);
	*state = &fixture;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *t = *state;

	arena_free(t->arena);
	return 0;
}

static void
add_row(struct strbuf *rows, const struct table_row *row)
{
	strbuf_printf(rows, "%lld:", (long long)row->number);
	for (size_t i = 0; i < row->ncells; i++)
		strbuf_printf(rows, "%s%s", i ? "|" : "",
			      row->cells[i].text ? row->cells[i].text : "~");
	strbuf_putc(rows, ';');
}

/* All rows of the bytes; NULL and t->error where they are refused. */
static const char *
read_all(struct fixture *t, const void *data, size_t size)
{
	struct table_reader *reader;
	struct table_row row;

	strbuf_cut(&t->rows, 0);
	t->error = table_open(t->arena, file_of(t->arena, data, size),
			      &t->options, &reader);
	while (!t->error) {
		t->error = table_next(reader, &row);
		if (t->error || !row.cells)
			break;
		add_row(&t->rows, &row);
	}
	return t->error ? NULL : t->rows.data;
}

static const char *
read_text(struct fixture *t, const char *text)
{
	return read_all(t, text, strlen(text));
}

/* CSV. */

static void
fields_rows_and_line_ends_are_read(void **state)
{
	struct fixture *t = *state;

	assert_string_equal(read_text(t, "a,b\r\n1,\r\n"), "1:a|b;2:1|~;");
	assert_string_equal(read_text(t, "a,b\n1,2"), "1:a|b;2:1|2;");
	assert_string_equal(read_text(t, "a\r1\r"), "1:a;2:1;");
	assert_string_equal(read_text(t, ""), "");
}

static void
quotes_hold_anything(void **state)
{
	struct fixture *t = *state;

	assert_string_equal(read_text(t, "a,b\n\"x,\"\"y\"\"\nz\",\"\"\n"),
			    "1:a|b;2:x,\"y\"\nz|;");
}

static void
blanks_belong_to_the_text(void **state)
{
	struct fixture *t = *state;

	assert_string_equal(read_text(t, "a,b\n x , y\n"), "1:a|b;2: x | y;");
}

static void
delimiters_are_found_outside_of_quotes(void **state)
{
	struct fixture *t = *state;

	assert_string_equal(read_text(t, "a;\"b,c,d\"\n1;2\n"),
			    "1:a|b,c,d;2:1|2;");
	assert_string_equal(read_text(t, "a\tb\n1\t2,3\n"), "1:a|b;2:1|2,3;");
	assert_string_equal(read_text(t, "a|b\n1|2\n"), "1:a|b;2:1|2;");
}

static void
delimiters_can_be_named(void **state)
{
	struct fixture *t = *state;

	t->options.delimiter = "tab";
	assert_string_equal(read_text(t, "a,b\tc\n1\t2\n"), "1:a,b|c;2:1|2;");
	t->options.delimiter = "colon";
	assert_null(read_text(t, "a\n"));
}

static void
encodings_are_told_by_marks_or_declared(void **state)
{
	struct fixture *t = *state;
	static const char little[] =
		"\xff\xfe\x61\0\xac\x20\x0a\0\x3d\xd8\x00\xde";
	static const char big[] = "\xfe\xff\0\x61\x20\xac\0\x0a\0\x62";

	assert_string_equal(read_text(t, "\xef\xbb\xbf"
					 "a\nb\n"),
			    "1:a;2:b;");
	assert_string_equal(read_all(t, little, sizeof little - 1),
			    "1:a\xe2\x82\xac;2:\xf0\x9f\x98\x80;");
	assert_string_equal(read_all(t, big, sizeof big - 1),
			    "1:a\xe2\x82\xac;2:b;");
	assert_null(read_text(t, "a\n\xe9\n"));
	t->options.encoding = "Windows-1252";
	assert_string_equal(read_text(t, "a\n\xe9\x80\n"),
			    "1:a;2:\xc3\xa9\xe2\x82\xac;");
	t->options.encoding = "klingon";
	assert_null(read_text(t, "a\n"));
}

static void
half_a_character_of_utf_16_is_refused(void **state)
{
	struct fixture *t = *state;

	assert_null(read_all(t, "\xff\xfe\x61\0\x61", 5));
	assert_null(read_all(t, "\xff\xfe\x3d\xd8\x61\0", 6));
}

static void
broken_quotes_are_refused_with_their_row(void **state)
{
	struct fixture *t = *state;

	assert_null(read_text(t, "a\n1\n\"x\n"));
	assert_non_null(strstr(t->error->detail, "t.csv: row 3"));
	assert_null(read_text(t, "a\nx\"y\n"));
	assert_null(read_text(t, "a\n\"x\"y\n"));
	assert_int_equal(t->error->status, 422);
}

static void
a_nul_and_bytes_that_are_no_text_are_refused(void **state)
{
	struct fixture *t = *state;

	assert_null(read_all(t, "a\nx\0y\n", 6));
	assert_null(read_text(t, "a\n\xc0\xa7\n"));
	assert_null(read_text(t, "a\n\xed\xa0\x80\n"));
}

static void
a_quote_before_a_formula_is_taken_off(void **state)
{
	struct fixture *t = *state;

	assert_string_equal(read_text(t, "a,b\n'=1,'x\n''-2,'\n"),
			    "1:a|b;2:=1|'x;3:'-2|';");
}

static void
rows_are_whole_wherever_a_piece_ends(void **state)
{
	struct fixture *t = *state;
	struct strbuf text;
	struct table_reader *reader;
	struct table_row row;
	size_t count = 0;

	strbuf_init(&text, t->arena);
	for (int i = 0; i < 20000; i++)
		strbuf_printf(&text, "%d,\"a \"\"quoted\"\" text, %d\"\n", i,
			      i * 7);
	assert_null(table_open(t->arena,
			       file_of(t->arena, text.data, text.length),
			       &t->options, &reader));
	for (;; count++) {
		char wanted[64];

		assert_null(table_next(reader, &row));
		if (!row.cells)
			break;
		assert_int_equal(row.ncells, 2);
		snprintf(wanted, sizeof wanted, "a \"quoted\" text, %zu",
			 count * 7);
		assert_string_equal(row.cells[1].text, wanted);
	}
	assert_int_equal(count, 20000);
}

static void
more_columns_than_a_table_has_are_refused(void **state)
{
	struct fixture *t = *state;
	struct strbuf text;

	strbuf_init(&text, t->arena);
	for (int i = 0; i < TABLE_COLUMNS_MAX; i++)
		strbuf_literal(&text, "x,");
	strbuf_literal(&text, "x\n");
	assert_null(read_all(t, text.data, text.length));
	strbuf_cut(&text, text.length - 3);
	assert_non_null(read_all(t, text.data, text.length));
}

/* XLSX. */

#define RELATIONS(type, target)                                                \
	"<Relationships><Relationship Id=\"r1\" Type=\"x/" type                \
	"\" Target=\"" target "\"/></Relationships>"
#define WORKBOOK                                                               \
	"<workbook><sheets><sheet name=\"S\" r:id=\"r1\" "                     \
	"xmlns:r=\"r\"/></sheets></workbook>"
#define SHEET(rows) "<worksheet><sheetData>" rows "</sheetData></worksheet>"

static void
add_part(zip_t *zip, const char *name, const char *text, size_t size)
{
	zip_source_t *source = zip_source_buffer(zip, text, size, 0);

	assert_true(zip_file_add(zip, name, source, 0) >= 0);
}

/* A workbook of one sheet, and one more part where `name` is given. */
static const char *
read_sheet(struct fixture *t, const char *sheet, const char *name,
	   const char *text, size_t size)
{
	char path[] = "/tmp/table_test.XXXXXX";
	int fd = mkstemp(path), cause;
	zip_t *zip;
	FILE *file;
	char *bytes = arena_alloc(t->arena, 4 << 20);
	size_t length;

	assert_true(fd >= 0);
	close(fd);
	zip = zip_open(path, ZIP_TRUNCATE | ZIP_CREATE, &cause);
	assert_non_null(zip);
	add_part(zip, "_rels/.rels",
		 RELATIONS("officeDocument", "xl/workbook.xml"),
		 strlen(RELATIONS("officeDocument", "xl/workbook.xml")));
	add_part(zip, "xl/workbook.xml", WORKBOOK, strlen(WORKBOOK));
	add_part(zip, "xl/_rels/workbook.xml.rels",
		 RELATIONS("worksheet", "sheet.xml"),
		 strlen(RELATIONS("worksheet", "sheet.xml")));
	add_part(zip, "xl/sheet.xml", sheet, strlen(sheet));
	if (name)
		add_part(zip, name, text, size);
	assert_int_equal(zip_close(zip), 0);
	file = fopen(path, "rb");
	assert_non_null(file);
	length = fread(bytes, 1, 4 << 20, file);
	fclose(file);
	unlink(path);
	t->options.file = "t.xlsx";
	return read_all(t, bytes, length);
}

static const char *
read_rows(struct fixture *t, const char *sheet)
{
	return read_sheet(t, sheet, NULL, NULL, 0);
}

static void
cells_of_all_kinds_are_read(void **state)
{
	struct fixture *t = *state;

	assert_string_equal(
		read_rows(t, SHEET("<row r=\"2\"><c r=\"A2\"><v>1.5</v></c>"
				   "<c r=\"C2\" t=\"b\"><v>1</v></c>"
				   "<c r=\"D2\" t=\"inlineStr\"><is><r><t>a"
				   "</t></r><r><t>&amp;b</t></r><rPh><t>no</t>"
				   "</rPh></is></c><c t=\"str\"><f>A1</f>"
				   "<v>x</v></c><c t=\"e\"><v>#N/A</v></c>"
				   "</row>")),
		"2:1.5|~|true|a&b|x|#N/A;");
	assert_string_equal(
		read_rows(t, SHEET("<row><c><v>4.0000000000000001E-3</v></c>"
				   "<c><v>1E+15</v></c><c><v>-0</v></c>"
				   "</row>")),
		"1:0.004|1000000000000000|0;");
}

static void
places_that_are_none_are_refused(void **state)
{
	static const char *const sheets[] = {
		SHEET("<row r=\"1\"><c r=\"ZZZZZ99999999999\"><v>1</v></c>"
		      "</row>"),
		SHEET("<row r=\"1\"><c r=\"A2\"><v>1</v></c></row>"),
		SHEET("<row r=\"1\"><c r=\"B1\"><v>1</v></c><c r=\"A1\"><v>1"
		      "</v></c></row>"),
		SHEET("<row r=\"0\"/>"),
		SHEET("<row r=\"1048577\"/>"),
		SHEET("<row r=\"3\"/><row r=\"3\"/>"),
		SHEET("<row><c r=\"XFD1\"><v>1</v></c></row>"),
		SHEET("<row><c t=\"s\"><v>-1</v></c></row>"),
		SHEET("<row><c t=\"s\"><v>2147483648</v></c></row>"),
		SHEET("<row><c><v>one</v></c></row>"),
		SHEET("<row><c><v>nan</v></c></row>"),
		SHEET("<row><c t=\"q\"><v>1</v></c></row>"),
	};
	struct fixture *t = *state;

	for (size_t i = 0; i < ARRAY_SIZE(sheets); i++) {
		assert_null(read_rows(t, sheets[i]));
		assert_int_equal(t->error->status, 422);
	}
}

static void
blank_sheets_cost_nothing(void **state)
{
	struct fixture *t = *state;

	assert_string_equal(
		read_rows(t, "<worksheet><dimension ref=\"A1:XFD1048576\"/>"
			     "<sheetData><row r=\"1048576\"><c r=\"XFD1048576\""
			     " s=\"1\"/></row></sheetData></worksheet>"),
		"");
}

static void
document_types_are_refused(void **state)
{
	struct fixture *t = *state;

	assert_null(read_rows(
		t, "<!DOCTYPE x [<!ENTITY a SYSTEM \"/etc/passwd\">]>" SHEET(
			   "<row><c t=\"str\"><v>&a;</v></c></row>")));
	assert_non_null(strstr(t->error->detail, "document type"));
}

static void
parts_that_unpack_to_far_more_are_refused(void **state)
{
	struct fixture *t = *state;
	const size_t size = 64 << 20;
	char *blank = arena_alloc(t->arena, size);

	assert_null(read_sheet(t, SHEET("<row><c><v>1</v></c></row>"),
			       "xl/media/blank", blank, size));
	assert_non_null(strstr(t->error->detail, "100 times"));
}

static void
strange_names_and_links_are_refused(void **state)
{
	static const char *const names[] = { "../x", "xl/../../x", "/etc/x",
					     "xl\\x",
					     "xl/externalLinks/e.xml" };
	struct fixture *t = *state;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		assert_null(read_sheet(t, SHEET("<row><c><v>1</v></c></row>"),
				       names[i], "x", 1));
		assert_int_equal(t->error->status, 422);
	}
}

/* A sound workbook but for what `change` does to it, or to its bytes. */
static const char *
read_changed(struct fixture *t, void (*change)(zip_t *zip),
	     void (*spoil)(char *bytes, size_t length))
{
	static const char sheet[] = SHEET("<row><c><v>1</v></c></row>");
	zip_source_t *source = zip_source_buffer_create(NULL, 0, 0, NULL);
	zip_t *zip = zip_open_from_source(source, ZIP_TRUNCATE, NULL);
	zip_stat_t stat;
	char *bytes;

	assert_non_null(zip);
	zip_source_keep(source);
	add_part(zip, "xl/workbook.xml", WORKBOOK, strlen(WORKBOOK));
	add_part(zip, "xl/_rels/workbook.xml.rels",
		 RELATIONS("worksheet", "sheet.xml"),
		 strlen(RELATIONS("worksheet", "sheet.xml")));
	add_part(zip, "xl/sheet.xml", sheet, sizeof sheet - 1);
	if (change)
		change(zip);
	assert_int_equal(zip_close(zip), 0);
	assert_int_equal(zip_source_stat(source, &stat), 0);
	assert_int_equal(zip_source_open(source), 0);
	bytes = arena_alloc(t->arena, stat.size);
	assert_int_equal(zip_source_read(source, bytes, stat.size), stat.size);
	zip_source_close(source);
	zip_source_free(source);
	if (spoil)
		spoil(bytes, stat.size);
	t->options.file = "t.xlsx";
	return read_all(t, bytes, stat.size);
}

static void
add_many(zip_t *zip)
{
	for (unsigned i = 0; i < 10001; i++) {
		char name[32];

		snprintf(name, sizeof name, "xl/media/%u", i);
		add_part(zip, name, "", 0);
	}
}

static void
add_link(zip_t *zip)
{
	add_part(zip, "xl/media/link", "/etc/passwd", 11);
	assert_int_equal(zip_file_set_external_attributes(
				 zip, 3, 0, ZIP_OPSYS_UNIX, 0120777U << 16),
			 0);
}

/* The entry of the directory that comes last. */
static char *
last_entry(char *bytes, size_t length)
{
	while (memcmp(bytes + --length, "PK\x01\x02", 4) != 0)
		continue;
	return bytes + length;
}

/* The sheet begins where the workbook does. */
static void
overlap(char *bytes, size_t length)
{
	memset(last_entry(bytes, length - 4) + 42, 0, 4);
}

/* It says that it unpacks to nothing. */
static void
understate(char *bytes, size_t length)
{
	memset(last_entry(bytes, length - 4) + 24, 0, 4);
}

static void
archives_with_traps_are_refused(void **state)
{
	static const struct {
		void (*change)(zip_t *zip);
		void (*spoil)(char *bytes, size_t length);
	} traps[] = {
		{ add_many, NULL },
		{ add_link, NULL },
		{ NULL, overlap },
		{ NULL, understate },
	};
	struct fixture *t = *state;

	assert_string_equal(read_changed(t, NULL, NULL), "1:1;");
	for (size_t i = 0; i < ARRAY_SIZE(traps); i++) {
		assert_null(read_changed(t, traps[i].change, traps[i].spoil));
		assert_int_equal(t->error->status, 422);
	}
}

/* A sheet that is made while it is packed: one row after the other. */
struct tall_sheet {
	const char *cells; /* of each row, behind a cell of its own */
	unsigned rows, row;
	char text[4096];
	size_t length, at;
};

static void
next_line(struct tall_sheet *sheet)
{
	unsigned row = sheet->row++;

	sheet->at = 0;
	sheet->length = 0;
	if (row <= sheet->rows + 1)
		sheet->length = (size_t)snprintf(
			sheet->text, sizeof sheet->text,
			!row ? "<worksheet><sheetData>"
			: row == sheet->rows + 1
				? "</sheetData></worksheet>"
				: "<row><c><v>%u</v></c>%s</row>",
			row * 2654435761U, sheet->cells);
}

static zip_int64_t
give_sheet(void *context, void *data, zip_uint64_t size,
	   zip_source_cmd_t command)
{
	struct tall_sheet *sheet = context;
	zip_uint64_t done = 0;

	if (command == ZIP_SOURCE_SUPPORTS)
		return zip_source_make_command_bitmap(
			ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE,
			ZIP_SOURCE_STAT, ZIP_SOURCE_ERROR, ZIP_SOURCE_FREE, -1);
	if (command == ZIP_SOURCE_STAT)
		zip_stat_init(data);
	if (command == ZIP_SOURCE_OPEN)
		sheet->row = 0;
	if (command != ZIP_SOURCE_READ)
		return command == ZIP_SOURCE_STAT ? sizeof(zip_stat_t) : 0;
	while (done < size) {
		size_t part = sheet->length - sheet->at;

		if (!part) {
			next_line(sheet);
			part = sheet->length;
		}
		if (!part)
			break;
		part = part < size - done ? part : size - done;
		memcpy((char *)data + done, sheet->text + sheet->at, part);
		sheet->at += part;
		done += part;
	}
	return (zip_int64_t)done;
}

/* Rows of a workbook of about 300 MiB; -1 where it is refused. */
static int64_t
rows_of_tall(struct fixture *t, const char *cells, unsigned rows)
{
	struct tall_sheet sheet = { .cells = cells, .rows = rows };
	char path[] = "/tmp/table_test.XXXXXX";
	int fd = mkstemp(path), cause;
	zip_t *zip = zip_open(path, ZIP_TRUNCATE, &cause);
	struct table_reader *reader;
	struct table_row row = { 0 };
	zip_int64_t i;

	assert_non_null(zip);
	add_part(zip, "xl/workbook.xml", WORKBOOK, strlen(WORKBOOK));
	add_part(zip, "xl/_rels/workbook.xml.rels",
		 RELATIONS("worksheet", "worksheets/a.xml"),
		 strlen(RELATIONS("worksheet", "worksheets/a.xml")));
	i = zip_file_add(zip, "xl/worksheets/a.xml",
			 zip_source_function(zip, give_sheet, &sheet), 0);
	assert_true(i >= 0);
	zip_set_file_compression(zip, (zip_uint64_t)i, ZIP_CM_DEFLATE, 1);
	assert_int_equal(zip_close(zip), 0);
	close(fd);
	fd = open(path, O_RDONLY);
	unlink(path);
	t->options.file = "t.xlsx";
	t->error = table_open(t->arena, fd, &t->options, &reader);
	for (int64_t count = 0; !t->error; count++) {
		t->error = table_next(reader, &row);
		if (!t->error && !row.cells) {
			close(fd);
			return count;
		}
	}
	close(fd);
	return -1;
}

#define CELL "<c s=\"1234567\" t=\"n\"><v>1234567890</v></c>"
#define CELLS CELL CELL CELL CELL CELL CELL CELL CELL
#define REMARK "<!-- 12345678901234567890123456789012345 -->"
#define REMARKS REMARK REMARK REMARK REMARK REMARK REMARK REMARK REMARK

#define MANY_REMARKS                                                           \
	REMARKS REMARKS REMARKS REMARKS REMARKS REMARKS REMARKS REMARKS

static void
a_sheet_may_be_as_large_as_its_cells(void **state)
{
	struct fixture *t = *state;

	assert_int_equal(rows_of_tall(t, CELLS CELLS, 350000), 350000);
}

static void
a_sheet_of_anything_else_is_refused_beyond_256_mib(void **state)
{
	struct fixture *t = *state;

	assert_int_equal(rows_of_tall(t, MANY_REMARKS, 120000), -1);
	assert_int_equal(t->error->status, 422);
	assert_non_null(strstr(t->error->detail, "256 MiB"));
}

static void
damaged_archives_are_refused(void **state)
{
	struct fixture *t = *state;

	t->options.file = "t.xlsx";
	assert_null(read_text(t, "PK\x03\x04 and then nothing of use"));
	assert_null(read_text(t, "not even that"));
}

/* XLS. */

static void
what_is_no_xls_ends_only_the_child(void **state)
{
	struct fixture *t = *state;
	char bytes[8192] = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";

	t->options.file = "t.xls";
	assert_null(read_all(t, bytes, sizeof bytes));
	assert_int_equal(t->error->status, 422);
	memset(bytes + 8, 0xff, sizeof bytes - 8);
	assert_null(read_all(t, bytes, sizeof bytes));
}

static void
an_xls_beyond_16_mib_is_413(void **state)
{
	struct fixture *t = *state;
	const size_t size = (16 << 20) + 1;
	char *bytes = arena_alloc(t->arena, size);

	memcpy(bytes, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8);
	t->options.file = "t.xls";
	assert_null(read_all(t, bytes, size));
	assert_int_equal(t->error->status, 413);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(fields_rows_and_line_ends_are_read),
		TEST(quotes_hold_anything),
		TEST(blanks_belong_to_the_text),
		TEST(delimiters_are_found_outside_of_quotes),
		TEST(delimiters_can_be_named),
		TEST(encodings_are_told_by_marks_or_declared),
		TEST(half_a_character_of_utf_16_is_refused),
		TEST(broken_quotes_are_refused_with_their_row),
		TEST(a_nul_and_bytes_that_are_no_text_are_refused),
		TEST(a_quote_before_a_formula_is_taken_off),
		TEST(rows_are_whole_wherever_a_piece_ends),
		TEST(more_columns_than_a_table_has_are_refused),
		TEST(cells_of_all_kinds_are_read),
		TEST(places_that_are_none_are_refused),
		TEST(blank_sheets_cost_nothing),
		TEST(document_types_are_refused),
		TEST(parts_that_unpack_to_far_more_are_refused),
		TEST(strange_names_and_links_are_refused),
		TEST(archives_with_traps_are_refused),
		TEST(a_sheet_may_be_as_large_as_its_cells),
		TEST(a_sheet_of_anything_else_is_refused_beyond_256_mib),
		TEST(damaged_archives_are_refused),
		TEST(what_is_no_xls_ends_only_the_child),
		TEST(an_xls_beyond_16_mib_is_413),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
