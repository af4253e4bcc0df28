/*
 * schema_relation.c: relations as schema files write them; one that is there
 * is found again by its ends and their names.
 */
#include <string.h>
#include <strings.h>

#include "db/schema_column.h"
#include "db/schema_parts.h"

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
	struct relation *relation =
		name_index_get(&schema->subject_index, wanted->subject);

	while (relation && !is_same_relation(relation, wanted))
		relation = relation->next_of_subject;
	return relation;
}

/* Behind the first one of its subject, which stays the one in the index. */
static void
append_relation(struct arena *arena, struct schema *schema,
		struct relation *relation)
{
	struct relation *first;

	ARENA_PUSH(arena, schema->relations, schema->nrelations, relation);
	if (!schema->subject_index.arena)
		name_index_init(&schema->subject_index, arena);
	first = name_index_add(&schema->subject_index, relation->subject,
			       relation);
	if (!first)
		return;
	relation->next_of_subject = first->next_of_subject;
	first->next_of_subject = relation;
}

static void
add_relation(struct reader *reader, struct relation *relation)
{
	struct schema *schema = reader->schema;
	struct relation *there = find_relation(schema, relation);

	relation->is_system = reader->is_system;
	if (!there) {
		append_relation(reader->arena, schema, relation);
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

void
schema_read_relation(struct reader *reader, const struct path *path,
		     struct json_object *object, const char *subject)
{
	struct relation *relation = ARENA_NEW(reader->arena, struct relation);
	size_t faults = 0;

	relation->file = arena_strdup(reader->arena, reader->file);
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
