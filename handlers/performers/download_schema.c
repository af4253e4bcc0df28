/*
 * download_schema: the whole model as one schema file, which an empty
 * installation would take.
 */
#include "db/schema_file.h"
#include "handlers/engine.h"

static struct error *
download_schema(struct run *run, struct json_object *input UNUSED,
		struct reply *reply)
{
	struct strbuf text;

	strbuf_init(&text, run->request->arena);
	schema_write_model(&text, run->request->model);
	reply_download(reply, "schema.json", "application/json",
		       "Downloading system schema", text.data, text.length);
	return NULL;
}

const struct performer performer_download_schema = {
	.name = "__download_cms_config",
	.summary = "Download the schema of the whole installation",
	.perform = download_schema,
};
