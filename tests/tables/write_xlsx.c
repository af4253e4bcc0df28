/*
 * write_xlsx.c FILE ROWS: a workbook of libxlsxwriter's: a header and ROWS
 * rows of name, count, price, date, time of day, both, answer and formula.
 * Texts are written inline where ROWS is more than 1,000.
 */
#include <stdio.h>
#include <stdlib.h>
#include <xlsxwriter.h>

static const char *const headings[] = { "name", "count",  "price",  "day",
					"at",	"moment", "answer", "doubled" };

int
main(int argc, char **argv)
{
	long rows = argc == 3 ? strtol(argv[2], NULL, 10) : 0;
	lxw_workbook_options options = { .constant_memory = rows > 1000 };
	lxw_workbook *book;
	lxw_worksheet *sheet;
	lxw_format *day, *at, *moment;

	if (rows < 1)
		return 64;
	book = workbook_new_opt(argv[1], &options);
	sheet = workbook_add_worksheet(book, "Data & more");
	day = workbook_add_format(book);
	format_set_num_format(day, "yyyy-mm-dd");
	at = workbook_add_format(book);
	format_set_num_format(at, "hh:mm:ss");
	moment = workbook_add_format(book);
	format_set_num_format(moment, "d.m.yyyy\\ h:mm \"o'clock\"");
	for (lxw_col_t i = 0; i < 8; i++)
		worksheet_write_string(sheet, 0, i, headings[i], NULL);
	for (long i = 1; i <= rows; i++) {
		lxw_datetime when = { 2024,	     2,	 (int)(i % 29) + 1,
				      (int)(i % 24), 30, 15 };
		lxw_row_t row = (lxw_row_t)i;
		char name[40], formula[40];

		snprintf(name, sizeof name, "Größe <%ld> & \"more\"", i);
		snprintf(formula, sizeof formula, "=B%ld*2", i + 1);
		worksheet_write_string(sheet, row, 0, name, NULL);
		worksheet_write_number(sheet, row, 1, (double)i, NULL);
		worksheet_write_number(sheet, row, 2, (double)i / 4 + 0.1,
				       NULL);
		worksheet_write_datetime(
			sheet, row, 3,
			&(lxw_datetime){ 2024, 2, when.day, 0, 0, 0 }, day);
		worksheet_write_number(
			sheet, row, 4,
			(double)(when.hour * 3600 + 1815) / 86400, at);
		worksheet_write_datetime(sheet, row, 5, &when, moment);
		worksheet_write_boolean(sheet, row, 6, i % 2, NULL);
		worksheet_write_formula_num(sheet, row, 7, formula, NULL,
					    (double)i * 2);
	}
	return workbook_close(book) ? 74 : 0;
}
