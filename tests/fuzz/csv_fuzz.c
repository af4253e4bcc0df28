/*
 * csv_fuzz.c: the reader of CSV under libFuzzer.
 */
#include "tests/fuzz/table_fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	table_fuzz(&table_csv, data, size);
	return 0;
}
