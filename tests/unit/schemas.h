/*
 * schemas.h: schema files as texts, read and built, for the tests of
 * schemas and models.
 */
#ifndef ACTD_TESTS_SCHEMAS_H
#define ACTD_TESTS_SCHEMAS_H

#include "db/schema_file.h"
#include "handlers/formats/format.h"
#include "tests/unit/support.h"

/* Reads a text named "t.yaml" or "t.json", what its first character says. */
static inline struct error *
read_schema(struct arena *arena, const char *text, bool is_system,
	    struct schema *schema)
{
	const char *name = *text == '{' ? "t.json" : "t.yaml";
	struct json_object *tree;
	struct error *error = format_read(arena, name, text, strlen(text),
					  &format_schema_limits, &tree);

	if (error)
		return error;
	return schema_read(arena, tree, name, is_system, schema);
}

/* A schema that holds the system's own. */
static inline struct schema *
system_schema(struct arena *arena)
{
	struct schema *schema = ARENA_NEW(arena, struct schema);
	size_t length;
	struct error *error =
		read_schema(arena, file_text(arena, "sql/system.yaml", &length),
			    true, schema);

	if (error)
		fail_msg("%s", error->detail);
	return schema;
}

/* The system's schema, `text`, and what model_build() says. */
static inline struct error *
build_schema(struct arena *arena, const char *text, struct model **model)
{
	struct schema *schema = system_schema(arena);
	struct error *error = read_schema(arena, text, false, schema);

	return error ? error : model_build(arena, schema, model);
}

static inline struct model *
built(struct arena *arena, const char *text)
{
	struct model *model = NULL;
	struct error *error = build_schema(arena, text, &model);

	if (error)
		fail_msg("%s", error->detail);
	return model;
}

/* Every definition of a model, one a line. */
static inline const char *
all_definitions(struct arena *arena, const struct model *model)
{
	struct strbuf buf;

	strbuf_init(&buf, arena);
	for (size_t i = 0; i < model->nentities; i++) {
		schema_write_entity(&buf, model, model->entities[i]);
		strbuf_putc(&buf, '\n');
	}
	for (size_t i = 0; i < model->nactions; i++) {
		schema_write_action(&buf, model->actions[i], false);
		strbuf_putc(&buf, '\n');
	}
	for (size_t i = 0; i < model->nstate_machines; i++) {
		schema_write_state_machine(&buf, model->state_machines[i]);
		strbuf_putc(&buf, '\n');
	}
	return buf.data;
}

#endif
