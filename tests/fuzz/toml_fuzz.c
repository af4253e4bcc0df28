/*
 * toml_fuzz.c: the reader of TOML under libFuzzer.
 */
#include "tests/fuzz/format_fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	format_fuzz(&format_toml, data, size);
	return 0;
}
