#include "handlers/formats/table_parts.h"
static struct error *
open_none(struct table_reader *reader)
{
	return table_fault(reader, 0, "not yet");
}
const struct table_format table_xls = { .name = "xls", .open = open_none };
