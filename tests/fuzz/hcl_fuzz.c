/*
 * hcl_fuzz.c: the reader of HCL under libFuzzer.
 */
#include "tests/fuzz/format_fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	format_fuzz(&format_hcl, data, size);
	return 0;
}
