/*
 * schema_read.c: the top level of a schema file, and the parts that stay JSON
 * objects. Tables, relations and actions have files of their own.
 */
#include "db/schema_file.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "db/schema_parts.h"

char *
schema_snake_case(struct arena *arena, const char *name)
{
	struct strbuf buf;

	strbuf_init(&buf, arena);
	for (const char *p = name; *p; p++) {
		unsigned char before = p > name ? (unsigned char)p[-1] : '_';
		bool word = isupper((unsigned char)*p) &&
			    (islower(before) || isdigit(before) ||
			     (isupper(before) && islower((unsigned char)p[1])));

		if (word)
			strbuf_putc(&buf, '_');
		if (*p == ' ' || *p == '-')
			strbuf_putc(&buf, '_');
		else
			strbuf_putc(&buf, (char)tolower((unsigned char)*p));
	}
	return buf.data;
}

static void
read_top_relation(struct reader *reader, const struct path *path,
		  struct json_object *object)
{
	schema_read_relation(reader, path, object, NULL);
}

/* Parts that stay JSON objects, found again by one of their members. */

struct part {
	const char *const *members;
	const char *key; /* among the members */
	size_t items;	 /* offset of the list in struct schema */
};

static const char *const exchange_names[] = {
	"Name",	      "SourceType",	  "SourceAttributes",
	"TargetType", "TargetAttributes", "Attributes",
	"Options",    "AsUserId",	  NULL,
};
static const char *const stream_names[] = {
	"StreamName",	   "RootEntityName", "Columns", "Relations",
	"Transformations", "QueryParams",    NULL,
};
static const char *const task_names[] = {
	"Name",	      "Schedule", "Active",	 "EntityName", "ActionName",
	"Attributes", "JobType",  "AsUserEmail", NULL,
};
static const char *const marketplace_names[] = { "Name", "Endpoint", "RootPath",
						 NULL };
static const char *const import_names[] = { "FilePath", "Entity", "FileType",
					    NULL };

static const struct part exchange_part = { exchange_names, "Name",
					   offsetof(struct schema, exchanges) };
static const struct part stream_part = { stream_names, "StreamName",
					 offsetof(struct schema, streams) };
static const struct part task_part = { task_names, "Name",
				       offsetof(struct schema, tasks) };
static const struct part marketplace_part = {
	marketplace_names, "Name", offsetof(struct schema, marketplaces)
};
static const struct part import_part = { import_names, "FilePath",
					 offsetof(struct schema, imports) };

struct object_list {
	struct json_object **items;
	size_t count;
};

/* The same object under the members' canonical names. */
static struct json_object *
canonical(struct reader *reader, const struct path *path,
	  struct json_object *object, const struct part *part)
{
	struct json_object *copy = json_object_new_object();

	tree_keep(reader->arena, copy);
	json_object_put(copy);
	json_object_object_foreach(object, key, value)
	{
		const char *const *name = part->members;
		struct path here = { path, key, 0 };

		while (*name && strcasecmp(*name, key) != 0)
			name++;
		if (*name)
			json_object_object_add(copy, *name,
					       json_object_get(value));
		else
			reader_warn(reader, &here, "unknown member, ignored");
	}
	return copy;
}

static const char *
part_key(struct json_object *object, const struct part *part)
{
	return json_object_get_string(
		json_object_object_get(object, part->key));
}

static void
read_part(struct reader *reader, const struct path *path,
	  struct json_object *object, const struct part *part)
{
	struct json_object *copy = canonical(reader, path, object, part);
	const char *name = part_key(copy, part);
	struct object_list *list =
		(void *)((char *)reader->schema + part->items);

	if (!name || !*name) {
		reader_fault(reader, path, "needs a %s", part->key);
		return;
	}
	for (size_t i = 0; i < list->count; i++)
		if (!strcmp(part_key(list->items[i], part), name)) {
			list->items[i] = copy;
			return;
		}
	ARENA_PUSH(reader->arena, list->items, list->count, copy);
}

/* The top level. */

struct section {
	const char *name;
	void (*read)(struct reader *, const struct path *,
		     struct json_object *);
	const struct part *part; /* in place of `read` */
};

/* In the order of reading: tables before what speaks of them. */
static const struct section sections[] = {
	{ "Tables", schema_read_table, NULL },
	{ "Relations", read_top_relation, NULL },
	{ "Actions", schema_read_action, NULL },
	{ "StateMachineDescriptions", schema_read_state_machine, NULL },
	{ "ExchangeContracts", NULL, &exchange_part },
	{ "Exchanges", NULL, &exchange_part },
	{ "Streams", NULL, &stream_part },
	{ "Tasks", NULL, &task_part },
	{ "Marketplaces", NULL, &marketplace_part },
	{ "Imports", NULL, &import_part },
	{ "DataImports", NULL, &import_part },
	{ "EnableGraphQL", NULL, NULL },
	{ "Hostname", NULL, NULL },
	{ "SubSites", NULL, NULL },
	{ "ActionPerformers", NULL, NULL },
};

static void
read_section(struct reader *reader, const struct section *section,
	     struct json_object *value)
{
	struct path top = { NULL, section->name, 0 };

	for (size_t i = 0; i < tree_length(value); i++) {
		struct path here = { &top, NULL, i };
		struct json_object *object =
			tree_object(reader, &here, tree_item(value, i));

		if (!object)
			continue;
		if (section->part)
			read_part(reader, &here, object, section->part);
		else
			section->read(reader, &here, object);
	}
}

static void
warn_of_unknown_sections(struct reader *reader, struct json_object *tree)
{
	json_object_object_foreach(tree, key, value)
	{
		struct path here = { NULL, key, 0 };
		size_t i = 0;

		(void)value;
		while (i < ARRAY_SIZE(sections) &&
		       strcasecmp(sections[i].name, key) != 0)
			i++;
		if (i == ARRAY_SIZE(sections))
			reader_warn(reader, &here, "unknown member, ignored");
	}
}

struct error *
schema_read(struct arena *arena, struct json_object *tree, const char *file,
	    bool is_system, struct schema *schema)
{
	struct reader reader = {
		.arena = arena,
		.file = arena_strdup(arena, file),
		.is_system = is_system,
		.schema = schema,
	};

	if (!tree)
		return NULL;
	schema_add_source(arena, schema, tree, reader.file, is_system);
	tree = tree_object(&reader, NULL, tree);
	if (!tree)
		return reader.faults;
	warn_of_unknown_sections(&reader, tree);
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
		const struct section *section = &sections[i];

		if (section->read || section->part)
			read_section(&reader, section,
				     tree_member(tree, section->name));
	}
	schema_warn_of_rules(&reader, tree_member(tree, "Tables"));
	return reader.faults;
}
