/*
 * schema_read.c: tables, relations and the other parts of a schema file.
 * What is there already is refreshed by the members that are present; nothing
 * is dropped, and what the system declares stays as it is.
 */
#include "db/schema_file.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "db/schema_action.h"
#include "db/schema_column.h"
#include "db/schema_tree.h"

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

/* Relations. */

static const char *const relation_kinds[] = {
	[RELATION_BELONGS_TO] = "belongs_to",
	[RELATION_HAS_ONE] = "has_one",
	[RELATION_HAS_MANY] = "has_many",
	[RELATION_HAS_MANY_AND_BELONGS_TO_MANY] =
		"has_many_and_belongs_to_many",
};

const char *
relation_kind_name(enum relation_kind kind)
{
	return relation_kinds[kind];
}

static const char *const on_delete_words[] = {
	[ON_DELETE_RESTRICT] = "restrict",
	[ON_DELETE_CASCADE] = "cascade",
	[ON_DELETE_SET_NULL] = "set_null",
};

static int
word_index(const char *word, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strcasecmp(word, words[i]))
			return (int)i;
	return -1;
}

static void
read_kind(struct reader *reader, const struct path *path,
	  struct json_object *value, void *field)
{
	const char *text = tree_text(reader, path, value);
	int index = text ? word_index(text, relation_kinds,
				      ARRAY_SIZE(relation_kinds))
			 : 0;

	if (index < 0)
		reader_fault(reader, path,
			     "'%s' is none of belongs_to, has_one, has_many, "
			     "has_many_and_belongs_to_many",
			     text);
	else
		*(enum relation_kind *)field = (enum relation_kind)index;
}

static void
read_on_delete(struct reader *reader, const struct path *path,
	       struct json_object *value, void *field)
{
	struct relation *relation = field;
	const char *text = tree_text(reader, path, value);
	int index;

	if (!text || !*text)
		return;
	index = word_index(text, on_delete_words, ARRAY_SIZE(on_delete_words));
	if (index < 0) {
		reader_fault(reader, path,
			     "'%s' is none of restrict, cascade, set_null",
			     text);
		return;
	}
	relation->on_delete = (enum on_delete)index;
	relation->on_delete_given = true;
}

static const struct member relation_members[] = {
	{ "Subject", read_name_snake_case, offsetof(struct relation, subject) },
	{ "Object", read_name_snake_case, offsetof(struct relation, object) },
	{ "SubjectName", read_name_snake_case,
	  offsetof(struct relation, subject_name) },
	{ "ObjectName", read_name_snake_case,
	  offsetof(struct relation, object_name) },
	{ "Relation", read_kind, offsetof(struct relation, kind) },
	{ "OnDelete", read_on_delete, 0 },
	{ "Columns", read_join_columns, offsetof(struct relation, columns) },
};

static bool
is_to_one(const struct relation *relation)
{
	return relation->kind == RELATION_BELONGS_TO ||
	       relation->kind == RELATION_HAS_ONE;
}

/* The same ends under the same names; has_one and belongs_to are alike. */
static bool
is_same_relation(const struct relation *a, const struct relation *b)
{
	return !strcmp(a->subject, b->subject) &&
	       !strcmp(a->object_name, b->object_name) &&
	       !strcmp(a->subject_name, b->subject_name) &&
	       !strcmp(a->object, b->object) && is_to_one(a) == is_to_one(b);
}

static struct relation *
find_relation(const struct schema *schema, const struct relation *wanted)
{
	for (size_t i = 0; i < schema->nrelations; i++)
		if (is_same_relation(schema->relations[i], wanted))
			return schema->relations[i];
	return NULL;
}

static void
add_relation(struct reader *reader, struct relation *relation)
{
	struct schema *schema = reader->schema;
	struct relation *there = find_relation(schema, relation);

	relation->is_system = reader->is_system;
	if (!there) {
		ARENA_PUSH(reader->arena, schema->relations, schema->nrelations,
			   relation);
		return;
	}
	if (there->is_system && !reader->is_system)
		return;
	there->is_system = relation->is_system;
	there->kind = relation->kind;
	if (relation->on_delete_given) {
		there->on_delete = relation->on_delete;
		there->on_delete_given = true;
	}
	if (relation->ncolumns) {
		there->columns = relation->columns;
		there->ncolumns = relation->ncolumns;
	}
}

static void
check_end(struct reader *reader, const struct path *path, const char *member,
	  const char *name)
{
	struct path here = { path, member, 0 };
	const char *problem = column_name_fault(name, GENERATED_NAME_MAX);

	if (problem)
		reader_fault(reader, &here, "'%s' %s", name, problem);
}

/* The names of both ends, by default "<entity>_id". */
static void
name_ends(struct reader *reader, const struct path *path,
	  struct relation *relation)
{
	if (!relation->subject_name || !*relation->subject_name)
		relation->subject_name =
			arena_printf(reader->arena, "%s_id", relation->subject);
	if (!relation->object_name || !*relation->object_name)
		relation->object_name =
			arena_printf(reader->arena, "%s_id", relation->object);
	check_end(reader, path, "Subject", relation->subject);
	check_end(reader, path, "Object", relation->object);
	check_end(reader, path, "SubjectName", relation->subject_name);
	check_end(reader, path, "ObjectName", relation->object_name);
}

static void
read_relation(struct reader *reader, const struct path *path,
	      struct json_object *object, const char *subject)
{
	struct relation *relation = ARENA_NEW(reader->arena, struct relation);
	size_t faults = 0;

	relation->subject = subject;
	read_members(reader, path, object, MEMBER_TABLE(relation_members),
		     relation);
	faults += !relation->subject || !*relation->subject;
	faults += !relation->object || !*relation->object;
	faults += !tree_member(object, "Relation");
	if (faults) {
		reader_fault(reader, path,
			     "needs Subject, Relation and Object");
		return;
	}
	name_ends(reader, path, relation);
	add_relation(reader, relation);
}

/* Tables. */

static member_reader read_columns;
static member_reader read_table_relations;
static member_reader read_composite_keys;
static member_reader read_extra;

static const struct member entity_members[] = {
	{ "TableName", NULL, 0 },
	{ "TableDescription", read_text, offsetof(struct entity, description) },
	{ "Columns", read_columns, 0 },
	{ "Relations", read_table_relations, 0 },
	{ "IsHidden", read_boolean, offsetof(struct entity, is_hidden) },
	{ "IsTopLevel", read_boolean, offsetof(struct entity, is_top_level) },
	{ "IsJoinTable", read_boolean, offsetof(struct entity, is_join_table) },
	{ "IsStateTrackingEnabled", read_boolean,
	  offsetof(struct entity, is_state_tracking_enabled) },
	{ "IsAuditEnabled", read_boolean,
	  offsetof(struct entity, is_audit_enabled) },
	{ "IsAuditTable", read_boolean,
	  offsetof(struct entity, is_audit_table) },
	{ "IsStateTable", read_boolean,
	  offsetof(struct entity, is_state_table) },
	{ "IsSystem", read_boolean, offsetof(struct entity, is_system) },
	{ "TranslationsEnabled", read_boolean,
	  offsetof(struct entity, translations_enabled) },
	{ "DefaultGroups", read_grants,
	  offsetof(struct entity, default_groups) },
	{ "AccessGroups", read_grants, offsetof(struct entity, access_groups) },
	{ "DefaultPermission", read_permission,
	  offsetof(struct entity, default_permission_wanted) },
	{ "Permission", read_permission,
	  offsetof(struct entity, permission_wanted) },
	{ "Validations", read_taggings, offsetof(struct entity, validations) },
	{ "Conformations", read_taggings,
	  offsetof(struct entity, conformations) },
	{ "DefaultOrder", read_text, offsetof(struct entity, default_order) },
	{ "Icon", read_text, offsetof(struct entity, icon) },
	{ "CompositeKeys", read_composite_keys, 0 },
	{ "DefaultRelations", read_extra, 0 },
	{ "Metering", read_extra, 0 },
	{ "StateMachines", read_extra, 0 },
};

static struct entity *
find_entity(const struct schema *schema, const char *name)
{
	for (size_t i = 0; i < schema->nentities; i++)
		if (!strcmp(schema->entities[i]->name, name))
			return schema->entities[i];
	return NULL;
}

struct standard_column {
	const char *name;
	const char *families[5]; /* beginnings of SQL types that mean it too */
};

static const struct standard_column standard_columns[] = {
	{ "id", { "integer", "bigint", "smallint" } },
	{ "version", { "integer", "bigint", "smallint" } },
	{ "created_at", { "timestamp" } },
	{ "updated_at", { "timestamp" } },
	{ "reference_id", { "character varying", "text", "uuid", "bytea" } },
	{ "permission", { "integer", "bigint", "smallint" } },
};

/*
 * Standard columns come from us. Whether `column` is one, and a fault where
 * it asks for another type.
 */
static bool
is_standard(struct reader *reader, const struct path *path,
	    const struct column *column)
{
	for (size_t i = 0; i < ARRAY_SIZE(standard_columns); i++) {
		const struct standard_column *row = &standard_columns[i];
		const char *const *family = row->families;

		if (strcmp(column->column_name, row->name) != 0)
			continue;
		while (*family &&
		       strncmp(column->sql_type, *family, strlen(*family)) != 0)
			family++;
		if (!*family && *column->data_type)
			reader_fault(reader, path,
				     "%s is a standard column and can't be %s",
				     row->name, column->sql_type);
		return true;
	}
	return false;
}

static struct column *
find_column(const struct entity *entity, const char *name)
{
	for (size_t i = 0; i < entity->ncolumns; i++)
		if (!strcmp(entity->columns[i]->column_name, name))
			return entity->columns[i];
	return NULL;
}

/* A column of the system stays; asking for another kind is a fault. */
static bool
is_protected(struct reader *reader, const struct path *path,
	     const struct column *there, const struct column *column)
{
	if (!there->is_system || reader->is_system)
		return false;
	if (there->kind != column->kind && !there->is_foreign_key)
		reader_fault(reader, path,
			     "%s is a column of the system's own, which is %s",
			     there->column_name, there->sql_type);
	return true;
}

/* Names that this list has twice; one that was there before is refreshed. */
static bool
is_repeated(const struct column_list *seen, const char *name)
{
	for (size_t i = 0; i < seen->count; i++)
		if (!strcmp(seen->items[i]->column_name, name))
			return true;
	return false;
}

static void
place_column(struct reader *reader, const struct path *path,
	     struct entity *entity, struct column *column)
{
	struct column *there = find_column(entity, column->column_name);

	if (!there)
		ARENA_PUSH(reader->arena, entity->columns, entity->ncolumns,
			   column);
	else if (!is_protected(reader, path, there, column))
		*there = *column;
}

static void
read_columns(struct reader *reader, const struct path *path,
	     struct json_object *value, void *field)
{
	struct column_list seen = { NULL, 0 };
	struct entity *entity = field;

	for (size_t i = 0; i < tree_length(value); i++) {
		struct path here = { path, NULL, i };
		struct column *column =
			schema_read_column(reader, &here, tree_item(value, i));

		if (!column || is_standard(reader, &here, column))
			continue;
		if (is_repeated(&seen, column->column_name))
			reader_fault(reader, &here,
				     "a second column with the name %s",
				     column->column_name);
		ARENA_PUSH(reader->arena, seen.items, seen.count, column);
		place_column(reader, &here, entity, column);
	}
}

static void
read_table_relations(struct reader *reader, const struct path *path,
		     struct json_object *value, void *field)
{
	const struct entity *entity = field;

	for (size_t i = 0; i < tree_length(value); i++) {
		struct path here = { path, NULL, i };
		struct json_object *object =
			tree_object(reader, &here, tree_item(value, i));

		if (object)
			read_relation(reader, &here, object, entity->name);
	}
}

static void
read_composite_keys(struct reader *reader, const struct path *path,
		    struct json_object *value, void *field)
{
	struct entity *entity = field;

	entity->composite_keys = NULL;
	entity->ncomposite_keys = 0;
	for (size_t i = 0; i < tree_length(value); i++) {
		struct path here = { path, NULL, i };
		struct text_list key;

		read_text_list(reader, &here, tree_item(value, i), &key);
		if (!key.count) {
			reader_fault(reader, &here, "has no columns");
			continue;
		}
		ARENA_PUSH(reader->arena, key.items, key.count, NULL);
		ARENA_PUSH(reader->arena, entity->composite_keys,
			   entity->ncomposite_keys, key.items);
	}
}

static void
read_extra(struct reader *reader, const struct path *path,
	   struct json_object *value, void *field)
{
	struct entity *entity = field;

	if (!entity->extra) {
		entity->extra = json_object_new_object();
		tree_keep(reader->arena, entity->extra);
		json_object_put(entity->extra);
	}
	json_object_object_add(entity->extra, path->key,
			       json_object_get(value));
}

/* Names of ours that are no tables of users. */
static const char *
table_name_fault(const char *name, size_t longest)
{
	if (strlen(name) == 1)
		return "has less than 2 characters";
	if (*name == '_')
		return "begins with an underscore";
	return name_fault(name, longest);
}

/* Whether a table is one that model_build() names, maybe at length. */
static bool
is_generated(struct json_object *object)
{
	static const char *const marks[] = { "IsJoinTable", "IsAuditTable",
					     "IsStateTable" };

	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		if (json_object_get_boolean(tree_member(object, marks[i])))
			return true;
	return false;
}

static const char *
table_name(struct reader *reader, const struct path *path,
	   struct json_object *object)
{
	size_t longest =
		is_generated(object) ? GENERATED_NAME_MAX : IDENTIFIER_MAX;
	struct path here = { path, "TableName", 0 };
	const char *name = "";
	const char *problem;

	if (tree_member(object, "TableName"))
		read_name_snake_case(reader, &here,
				     tree_member(object, "TableName"), &name);
	problem = table_name_fault(name, longest);
	if (problem) {
		reader_fault(reader, &here, "'%s' %s", name, problem);
		return NULL;
	}
	return name;
}

static struct entity *
entity_new(struct arena *arena, const char *name)
{
	struct entity *entity = ARENA_NEW(arena, struct entity);

	entity->name = name;
	entity->table = sql_identifier(arena, name);
	entity->description = "";
	entity->icon = "";
	entity->default_order = "";
	return entity;
}

static struct entity *
place_entity(struct reader *reader, const char *name)
{
	struct schema *schema = reader->schema;
	struct entity *entity = find_entity(schema, name);

	if (entity)
		return entity;
	entity = entity_new(reader->arena, name);
	ARENA_PUSH(reader->arena, schema->entities, schema->nentities, entity);
	return entity;
}

static void
read_table(struct reader *reader, const struct path *path,
	   struct json_object *object)
{
	const char *name = table_name(reader, path, object);
	struct entity *entity;

	if (!name)
		return;
	entity = place_entity(reader, name);
	read_members(reader, path, object, MEMBER_TABLE(entity_members),
		     entity);
	entity->is_top_level = !entity->is_join_table;
	entity->is_system |= reader->is_system;
}

static void
read_top_relation(struct reader *reader, const struct path *path,
		  struct json_object *object)
{
	read_relation(reader, path, object, NULL);
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
	{ "Tables", read_table, NULL },
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

/* Rules for columns that are not there, now that all columns are known. */

static bool
has_column(const struct schema *schema, const struct entity *entity,
	   const char *name)
{
	for (size_t i = 0; i < entity->ncolumns; i++)
		if (!strcmp(entity->columns[i]->column_name, name) ||
		    !strcasecmp(entity->columns[i]->name, name))
			return true;
	for (size_t i = 0; i < schema->nrelations; i++)
		if (!strcmp(schema->relations[i]->subject, entity->name) &&
		    !strcmp(schema->relations[i]->object_name, name))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(standard_columns); i++)
		if (!strcmp(standard_columns[i].name, name))
			return true;
	return !strcmp(name, "user_account_id");
}

static void
warn_of_taggings(struct reader *reader, const struct path *table,
		 const struct entity *entity, const char *member,
		 const struct tagging_list *list)
{
	struct path path = { table, member, 0 };

	for (size_t i = 0; i < list->count; i++) {
		struct path here = { &path, NULL, i };

		if (!has_column(reader->schema, entity,
				list->items[i].column_name))
			reader_warn(reader, &here,
				    "%s has no column %s, ignored",
				    entity->name, list->items[i].column_name);
	}
}

static void
warn_of_table(struct reader *reader, const struct path *path,
	      struct json_object *object)
{
	const char *name =
		json_object_get_string(tree_member(object, "TableName"));
	const struct entity *entity =
		name ? find_entity(reader->schema,
				   schema_snake_case(reader->arena, name))
		     : NULL;

	if (!entity)
		return;
	if (tree_member(object, "Validations"))
		warn_of_taggings(
			reader, path, entity, "Validations",
			&(struct tagging_list){ entity->validations,
						entity->nvalidations });
	if (tree_member(object, "Conformations"))
		warn_of_taggings(
			reader, path, entity, "Conformations",
			&(struct tagging_list){ entity->conformations,
						entity->nconformations });
}

static void
warn_of_rules(struct reader *reader, struct json_object *tables)
{
	struct path top = { NULL, "Tables", 0 };

	for (size_t i = 0; i < tree_length(tables); i++) {
		struct path here = { &top, NULL, i };

		warn_of_table(reader, &here, tree_item(tables, i));
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
	warn_of_rules(&reader, tree_member(tree, "Tables"));
	return reader.faults;
}
