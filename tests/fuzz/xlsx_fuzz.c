/*
 * xlsx_fuzz.c: the reader of XLSX under libFuzzer: an archive as it is, and
 * anything else as the XML of a sheet, of shared strings or of styles within
 * a sound archive, which mutation alone would hardly ever leave sound.
 */
#include <zip.h>

#include "tests/fuzz/table_fuzz.h"

#define RELATIONS(more)                                                        \
	"<Relationships><Relationship Id=\"r1\" Type=\"x/worksheet\" "         \
	"Target=\"sheet.xml\"/>" more "</Relationships>"
#define WORKBOOK                                                               \
	"<workbook><sheets><sheet name=\"S\" id=\"r1\"/></sheets></workbook>"
#define SHEET                                                                  \
	"<worksheet><row><c t=\"s\"><v>0</v></c><c s=\"1\"><v>45000.5</v>"     \
	"</c></row></worksheet>"

static void
add(zip_t *zip, const char *name, const void *data, size_t size)
{
	zip_source_t *source = zip_source_buffer(zip, data, size, 0);
	zip_int64_t i = zip_file_add(zip, name, source, 0);

	if (i < 0 ||
	    zip_set_file_compression(zip, (zip_uint64_t)i, ZIP_CM_STORE, 0))
		abort();
}

/* A workbook whose part number `part` is `data`. */
static void
fuzz_part(int part, const uint8_t *data, size_t size)
{
	static const char relations[] =
		RELATIONS("<Relationship Id=\"r2\" Type=\"x/sharedStrings\" "
			  "Target=\"strings.xml\"/><Relationship Id=\"r3\" "
			  "Type=\"x/styles\" Target=\"styles.xml\"/>");
	static const char *const names[] = { "xl/sheet.xml", "xl/strings.xml",
					     "xl/styles.xml",
					     "xl/workbook.xml" };
	zip_source_t *buffer = zip_source_buffer_create(NULL, 0, 0, NULL);
	zip_t *zip = zip_open_from_source(buffer, ZIP_TRUNCATE, NULL);
	uint8_t *bytes;
	zip_stat_t stat;

	if (!zip)
		abort();
	zip_source_keep(buffer);
	add(zip, "xl/_rels/workbook.xml.rels", relations, sizeof relations - 1);
	add(zip, names[part], data, size);
	if (part != 0)
		add(zip, names[0], SHEET, sizeof SHEET - 1);
	if (part != 3)
		add(zip, names[3], WORKBOOK, sizeof WORKBOOK - 1);
	if (zip_close(zip) || zip_source_stat(buffer, &stat) ||
	    zip_source_open(buffer))
		abort();
	bytes = malloc(stat.size);
	if (!bytes ||
	    zip_source_read(buffer, bytes, stat.size) != (zip_int64_t)stat.size)
		abort();
	zip_source_close(buffer);
	zip_source_free(buffer);
	table_fuzz(&table_xlsx, bytes, stat.size);
	free(bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size >= 2 && !memcmp(data, "PK", 2))
		table_fuzz(&table_xlsx, data, size);
	else if (size)
		fuzz_part(*data % 4, data + 1, size - 1);
	return 0;
}
