/*
 * model_build.c: from a schema to a model: names are resolved, generated
 * parts added, everything sorted, and what can't be is collected.
 */
#include "db/model_parts.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "db/schema_column.h"

#define MEMBERSHIP "user_account_user_account_id_has_usergroup_usergroup_id"

void
builder_fault(struct builder *builder, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = arena_vprintf(builder->arena, format, args);
	va_end(args);
	error_append(&builder->faults, error_new(builder->arena, 422,
						 "invalid-schema", "%s", text));
}

struct entity *
builder_find(const struct builder *builder, const char *name)
{
	struct entity *entity = name_index_get(&builder->entities, name);

	if (!entity && !strcmp(name, "user"))
		entity = name_index_get(&builder->entities, "user_account");
	return entity;
}

struct entity *
builder_entity(struct builder *builder, const char *name)
{
	struct model *model = builder->model;
	struct entity *entity = name_index_get(&builder->entities, name);

	if (entity)
		return entity;
	entity = ARENA_NEW(builder->arena, struct entity);
	entity->name = name;
	entity->description = "";
	entity->icon = "";
	entity->default_order = "";
	entity->is_top_level = true;
	name_index_add(&builder->entities, name, entity);
	ARENA_PUSH(builder->arena, model->entities, model->nentities, entity);
	return entity;
}

bool
relation_is_to_one(const struct relation *relation)
{
	return relation->kind == RELATION_BELONGS_TO ||
	       relation->kind == RELATION_HAS_ONE;
}

struct relation *
builder_relation(struct builder *builder, struct relation *relation)
{
	struct model *model = builder->model;
	const char *key = arena_printf(
		builder->arena, "%s %s %s %s %d", relation->subject,
		relation->subject_name, relation->object, relation->object_name,
		relation_is_to_one(relation));
	struct relation *there = name_index_get(&builder->relations, key);
	struct relation *copy;

	if (there)
		return there;
	copy = ARENA_NEW(builder->arena, struct relation);
	*copy = *relation;
	name_index_add(&builder->relations, key, copy);
	ARENA_PUSH(builder->arena, model->relations, model->nrelations, copy);
	return copy;
}

static void
add_entities(struct builder *builder, const struct schema *schema)
{
	struct model *model = builder->model;

	for (size_t i = 0; i < schema->nentities; i++) {
		struct entity *entity = schema->entities[i];

		if (name_index_add(&builder->entities, entity->name, entity))
			builder_fault(builder, "%s: a second table of the name",
				      entity->name);
		else
			ARENA_PUSH(builder->arena, model->entities,
				   model->nentities, entity);
	}
}

struct well_known {
	const char *name;
	size_t field;
};

static const struct well_known well_known[] = {
	{ "world", offsetof(struct model, world) },
	{ "user_account", offsetof(struct model, user_account) },
	{ "usergroup", offsetof(struct model, usergroup) },
	{ "action", offsetof(struct model, action) },
	{ "smd", 0 },
};

static void
find_well_known(struct builder *builder)
{
	for (size_t i = 0; i < ARRAY_SIZE(well_known); i++) {
		const struct well_known *row = &well_known[i];
		struct entity *entity =
			name_index_get(&builder->entities, row->name);
		void *field = (char *)builder->model + row->field;

		if (!entity)
			builder_fault(builder,
				      "the system's own table %s is missing",
				      row->name);
		else if (row->field)
			*(struct entity **)field = entity;
	}
}

/* An end that says "user" where the table is user_account. */
static const char *
renamed_end(struct builder *builder, const char **entity, const char *name)
{
	const struct entity *found = builder_find(builder, *entity);
	bool is_default = !strncmp(name, *entity, strlen(*entity)) &&
			  !strcmp(name + strlen(*entity), "_id");

	if (!found || !strcmp(found->name, *entity))
		return name;
	*entity = found->name;
	return is_default ? arena_printf(builder->arena, "%s_id", found->name)
			  : name;
}

static void
add_relations(struct builder *builder, const struct schema *schema)
{
	for (size_t i = 0; i < schema->nrelations; i++) {
		struct relation relation = *schema->relations[i];

		relation.is_generated = false;
		relation.subject_name = renamed_end(builder, &relation.subject,
						    relation.subject_name);
		relation.object_name = renamed_end(builder, &relation.object,
						   relation.object_name);
		builder_relation(builder, &relation);
	}
}

static void
resolve_end(struct builder *builder, const struct relation *relation,
	    const char *name, struct entity **entity)
{
	*entity = builder_find(builder, name);
	if (!*entity)
		builder_fault(builder,
			      "%s%sRelations: %s %s %s: there is no entity "
			      "%s",
			      relation->file ? relation->file : "",
			      relation->file ? ": " : "", relation->subject,
			      relation_kind_name(relation->kind),
			      relation->object, name);
}

static void
resolve_relations(struct builder *builder)
{
	const struct model *model = builder->model;

	for (size_t i = 0; i < model->nrelations; i++) {
		struct relation *relation = model->relations[i];

		resolve_end(builder, relation, relation->subject,
			    &relation->subject_entity);
		resolve_end(builder, relation, relation->object,
			    &relation->object_entity);
	}
}

/* Targets of columns that name an entity without being a constraint. */
static void
resolve_targets(struct builder *builder, struct entity *entity)
{
	for (size_t i = 0; i < entity->ncolumns; i++) {
		struct column *column = entity->columns[i];

		if (column->target || strcmp(column->data_source, "self") != 0)
			continue;
		column->target = builder_find(builder, column->namespace);
		if (column->target)
			column->kind = VALUE_REFERENCE;
	}
}

static void
name_columns(struct builder *builder, const struct entity *entity)
{
	struct name_index names;

	name_index_init(&names, builder->arena);
	for (size_t i = 0; i < entity->ncolumns; i++) {
		struct column *column = entity->columns[i];

		column->sql_name =
			sql_identifier(builder->arena, column->column_name);
		if (name_index_add(&names, column->sql_name, column))
			builder_fault(builder,
				      "%s.%s: a second column of the name",
				      entity->name, column->column_name);
	}
}

static void
name_entities(struct builder *builder)
{
	const struct model *model = builder->model;
	struct name_index tables;

	name_index_init(&tables, builder->arena);
	for (size_t i = 0; i < model->nentities; i++) {
		struct entity *entity = model->entities[i];

		entity->table = sql_identifier(builder->arena, entity->name);
		if (name_index_add(&tables, entity->table, entity))
			builder_fault(builder, "%s: a second table of the name",
				      entity->name);
		resolve_targets(builder, entity);
		name_columns(builder, entity);
	}
}

/* Relationships. */

static void
add_relationship(struct builder *builder, struct entity *entity,
		 struct relationship relationship)
{
	struct relationship *copy =
		ARENA_NEW(builder->arena, struct relationship);

	*copy = relationship;
	ARENA_PUSH(builder->arena, entity->relationships,
		   entity->nrelationships, copy);
}

static void
add_both_ends(struct builder *builder, const struct relation *relation)
{
	if (!relation->subject_entity || !relation->object_entity)
		return;
	add_relationship(builder, relation->subject_entity,
			 (struct relationship){
				 .name = relation->object_name,
				 .relation = relation,
				 .target = relation->object_entity,
				 .from_subject = true,
				 .to_many = !relation_is_to_one(relation) });
	add_relationship(
		builder, relation->object_entity,
		(struct relationship){ .name = relation->subject_name,
				       .relation = relation,
				       .target = relation->subject_entity,
				       .from_subject = false,
				       .to_many = true });
}

/* By name; of equal names the written one first, the subject's end first. */
static int
compare_relationships(const void *left, const void *right)
{
	const struct relationship *a = *(struct relationship *const *)left;
	const struct relationship *b = *(struct relationship *const *)right;
	int order = strcmp(a->name, b->name);

	if (!order)
		order = a->relation->is_generated - b->relation->is_generated;
	return order ? order : b->from_subject - a->from_subject;
}

static void
sort_relationships(struct entity *entity)
{
	if (entity->nrelationships)
		qsort(entity->relationships, entity->nrelationships,
		      sizeof *entity->relationships, compare_relationships);
}

/* Generated ends give way to written ones under a longer name. */
static void
rename_generated(struct builder *builder, struct entity *entity)
{
	struct relationship **all = entity->relationships;
	const char *last = "";

	for (size_t i = 0; i < entity->nrelationships; i++) {
		const char *name = all[i]->name;

		if (!strcmp(last, name) && all[i]->relation->is_generated)
			all[i]->name =
				arena_printf(builder->arena, "%s_%s",
					     all[i]->relation->subject,
					     all[i]->relation->object_name);
		last = name;
	}
	sort_relationships(entity);
}

static void
refuse_equal_names(struct builder *builder, const struct entity *entity)
{
	struct relationship *const *all = entity->relationships;

	for (size_t i = 1; i < entity->nrelationships; i++) {
		const struct relation *a = all[i - 1]->relation;
		const struct relation *b = all[i]->relation;

		if (!strcmp(all[i - 1]->name, all[i]->name))
			builder_fault(
				builder,
				"Relations: %s %s %s and %s %s %s are both "
				"%s for %s; give one another SubjectName or "
				"ObjectName",
				a->subject, relation_kind_name(a->kind),
				a->object, b->subject,
				relation_kind_name(b->kind), b->object,
				all[i]->name, entity->name);
	}
}

static void
build_relationships(struct builder *builder)
{
	const struct model *model = builder->model;

	for (size_t i = 0; i < model->nentities; i++) {
		model->entities[i]->relationships = NULL;
		model->entities[i]->nrelationships = 0;
	}
	for (size_t i = 0; i < model->nrelations; i++)
		add_both_ends(builder, model->relations[i]);
	for (size_t i = 0; i < model->nentities; i++) {
		sort_relationships(model->entities[i]);
		rename_generated(builder, model->entities[i]);
		refuse_equal_names(builder, model->entities[i]);
	}
}

/* Rules and keys of tables. */

static struct column *
column_by_label(const struct entity *entity, const char *name)
{
	struct column *column = entity_column(entity, name);

	for (size_t i = 0; !column && i < entity->ncolumns; i++)
		if (!strcasecmp(entity->columns[i]->name, name))
			column = entity->columns[i];
	return column;
}

/* Rules for columns that the table does not have are left out. */
static void
resolve_taggings(struct builder *builder, const struct entity *entity,
		 struct tagging **taggings, size_t *count)
{
	struct tagging *kept = NULL;
	size_t nkept = 0;

	for (size_t i = 0; i < *count; i++) {
		const struct column *column =
			column_by_label(entity, (*taggings)[i].column_name);

		if (column)
			ARENA_PUSH(builder->arena, kept, nkept,
				   ((struct tagging){ column->column_name,
						      (*taggings)[i].tags }));
	}
	*taggings = kept;
	*count = nkept;
}

static void
resolve_composite_keys(struct builder *builder, const struct entity *entity)
{
	for (size_t i = 0; i < entity->ncomposite_keys; i++)
		for (const char **name = entity->composite_keys[i]; *name;
		     name++) {
			const struct column *column =
				column_by_label(entity, *name);

			if (column)
				*name = column->column_name;
			else
				builder_fault(builder,
					      "%s: CompositeKeys names the "
					      "unknown column %s",
					      entity->name, *name);
		}
}

static void
resolve_rules(struct builder *builder)
{
	for (size_t i = 0; i < builder->model->nentities; i++) {
		struct entity *entity = builder->model->entities[i];

		resolve_taggings(builder, entity, &entity->validations,
				 &entity->nvalidations);
		resolve_taggings(builder, entity, &entity->conformations,
				 &entity->nconformations);
		resolve_composite_keys(builder, entity);
	}
}

/* Sorting. */

static int
compare_entities(const void *left, const void *right)
{
	return strcmp((*(struct entity *const *)left)->name,
		      (*(struct entity *const *)right)->name);
}

static int
compare_actions(const void *left, const void *right)
{
	const struct action *a = *(struct action *const *)left;
	const struct action *b = *(struct action *const *)right;
	int order = strcmp(a->on_type, b->on_type);

	return order ? order : strcmp(a->name, b->name);
}

static void
add_action(struct builder *builder, struct action *action)
{
	struct model *model = builder->model;

	action->entity = builder_find(builder, action->on_type);
	if (!action->entity) {
		builder_fault(builder,
			      "%s%sActions: %s: OnType names the unknown "
			      "entity %s",
			      action->file ? action->file : "",
			      action->file ? ": " : "", action->name,
			      action->on_type);
		return;
	}
	action->on_type = action->entity->name;
	ARENA_PUSH(builder->arena, model->actions, model->nactions, action);
}

static void
add_actions(struct builder *builder, const struct schema *schema)
{
	struct model *model = builder->model;

	for (size_t i = 0; i < schema->nactions; i++)
		add_action(builder, schema->actions[i]);
	if (model->nactions)
		qsort(model->actions, model->nactions, sizeof *model->actions,
		      compare_actions);
	for (size_t i = 0; i < model->nactions; i++) {
		struct action *action = model->actions[i];
		struct entity *entity = action->entity;

		if (i && !compare_actions(&model->actions[i - 1],
					  &model->actions[i]))
			builder_fault(builder,
				      "Actions: %s of %s: a second action of "
				      "the name",
				      action->name, entity->name);
		ARENA_PUSH(builder->arena, entity->actions, entity->nactions,
			   action);
	}
}

/* What an earlier build of the same entities left. */
static void
forget_earlier_build(const struct schema *schema)
{
	for (size_t i = 0; i < schema->nentities; i++) {
		struct entity *entity = schema->entities[i];

		entity->actions = NULL;
		entity->nactions = 0;
		entity->group_relation = NULL;
		entity->group_join = NULL;
		entity->audit = NULL;
		entity->source = NULL;
		entity->state = NULL;
		entity->has_owner = false;
	}
}

static void
build(struct builder *builder, const struct schema *schema)
{
	struct model *model = builder->model;

	add_relations(builder, schema);
	generate_relations(builder);
	resolve_relations(builder);
	generate_keys(builder);
	generate_standard_columns(builder);
	generate_audit_entities(builder);
	name_entities(builder);
	build_relationships(builder);
	resolve_rules(builder);
	qsort(model->entities, model->nentities, sizeof *model->entities,
	      compare_entities);
	add_actions(builder, schema);
	model->membership = name_index_get(&builder->entities, MEMBERSHIP);
	model->state_machines = schema->state_machines;
	model->nstate_machines = schema->nstate_machines;
}

struct error *
model_build(struct arena *arena, const struct schema *schema,
	    struct model **model)
{
	struct builder builder = {
		.arena = arena,
		.model = ARENA_NEW(arena, struct model),
	};

	builder.model->arena = arena;
	name_index_init(&builder.entities, arena);
	name_index_init(&builder.relations, arena);
	forget_earlier_build(schema);
	add_entities(&builder, schema);
	find_well_known(&builder);
	if (!builder.faults)
		build(&builder, schema);
	*model = builder.model;
	return builder.faults;
}
