/*
 * model_generate.c: what model_build() adds to a schema: owners, groups and
 * states as relations, key columns, join tables, standard columns, history
 * tables (wire/schema.md sections 3, 8 and 9). Every step finds again what an
 * earlier build made.
 */
#include "db/model_parts.h"

#include <string.h>

#include "db/schema_column.h"
#include "db/schema_file.h"

#define TIMESTAMP "timestamp with time zone"

/* A key column holds the id of a row of `target`. */
static void
make_key(struct builder *builder, struct column *column, struct entity *target)
{
	column->column_type = "alias";
	column->data_type = "bigint";
	column_resolve(builder->arena, column);
	column->kind = VALUE_REFERENCE;
	column->is_foreign_key = true;
	column->is_indexed = true;
	column->default_value = NULL;
	column->default_sql = NULL;
	column->default_text = NULL;
	column->data_source = "self";
	column->namespace = target->name;
	column->key_name = "id";
	column->target = target;
}

static struct column *
own_column(struct builder *builder, struct entity *entity, const char *name)
{
	struct column *column = entity_column(entity, name);

	if (column)
		return column;
	column = column_new(builder->arena, name);
	ARENA_PUSH(builder->arena, entity->columns, entity->ncolumns, column);
	return column;
}

/* State tables. */

static void
generate_state(struct builder *builder, struct entity *entity)
{
	struct arena *arena = builder->arena;
	struct entity *state = builder_entity(
		builder, arena_printf(arena, "%s_state", entity->name));
	struct column *column = own_column(builder, state, "current_state");
	struct relation *made, of_row = {
		.kind = RELATION_BELONGS_TO,
		.subject = state->name,
		.object = entity->name,
		.subject_name =
			arena_printf(arena, "%s_has_state", entity->name),
		.object_name =
			arena_printf(arena, "is_state_of_%s", entity->name),
	};
	struct relation of_machine = {
		.kind = RELATION_HAS_ONE,
		.subject = state->name,
		.object = "smd",
		.subject_name = arena_printf(arena, "%s_status", entity->name),
		.object_name = arena_printf(arena, "%s_smd", entity->name),
	};

	entity->state = state;
	state->is_state_table = true;
	state->is_audit_enabled = true; /* every transition is kept */
	state->is_hidden = true;
	state->is_system |= entity->is_system;
	column->column_type = "label";
	column->data_type = "varchar(100)";
	column_resolve(arena, column);
	made = builder_relation(builder, &of_row);
	made->is_generated = true;
	if (!made->on_delete_given)
		made->on_delete = ON_DELETE_CASCADE;
	builder_relation(builder, &of_machine)->is_generated = true;
}

/* Owners and groups. */

static bool
has_owner_and_groups(const struct builder *builder, const struct entity *entity)
{
	return !entity->is_join_table && !entity->is_audit_table &&
	       entity != builder->model->usergroup;
}

static struct relation *
generate_relation(struct builder *builder, const struct entity *entity,
		  enum relation_kind kind, const struct entity *object)
{
	struct arena *arena = builder->arena;
	struct relation wanted = {
		.kind = kind,
		.subject = entity->name,
		.object = object->name,
		.subject_name = arena_printf(arena, "%s_id", entity->name),
		.object_name = arena_printf(arena, "%s_id", object->name),
		.is_system = entity->is_system,
	};
	struct relation *relation = builder_relation(builder, &wanted);

	relation->is_generated =
		!relation->on_delete_given && !relation->ncolumns;
	return relation;
}

static void
generate_access(struct builder *builder, struct entity *entity)
{
	struct model *model = builder->model;
	struct relation *owner = generate_relation(
		builder, entity, RELATION_BELONGS_TO, model->user_account);

	if (!owner->on_delete_given)
		owner->on_delete = ON_DELETE_SET_NULL;
	entity->has_owner = true;
	entity->group_relation = generate_relation(
		builder, entity, RELATION_HAS_MANY, model->usergroup);
}

/* A key that is written as a column is a relation like any other. */
static void
relation_of_column(struct builder *builder, const struct entity *entity,
		   const struct column *column)
{
	const struct entity *object = builder_find(builder, column->namespace);
	struct relation relation = {
		.kind = column->is_nullable ? RELATION_HAS_ONE
					    : RELATION_BELONGS_TO,
		.subject = entity->name,
		.object = column->namespace,
		.subject_name = arena_printf(builder->arena, "%s_%s",
					     entity->name, column->column_name),
		.object_name = column->column_name,
		.is_system = column->is_system,
	};

	if (object)
		builder_relation(builder, &relation);
	else
		builder_fault(builder,
			      "%s.%s: ForeignKeyData names the unknown "
			      "entity %s",
			      entity->name, column->column_name,
			      column->namespace);
}

static bool
is_entity_key(const struct column *column)
{
	return column->is_foreign_key && *column->namespace &&
	       (!strcmp(column->data_source, "self") || !*column->data_source);
}

/* The to-one relations of an entity by the name of their column. */
static void
index_keys(struct builder *builder, struct name_index *keys)
{
	const struct model *model = builder->model;

	name_index_init(keys, builder->arena);
	for (size_t i = 0; i < model->nrelations; i++) {
		struct relation *relation = model->relations[i];

		if (relation_is_to_one(relation))
			name_index_add(keys,
				       arena_printf(builder->arena, "%s.%s",
						    relation->subject,
						    relation->object_name),
				       relation);
	}
}

static void
generate_written_keys(struct builder *builder)
{
	const struct model *model = builder->model;
	struct name_index keys;

	index_keys(builder, &keys);
	for (size_t i = 0; i < model->nentities; i++) {
		const struct entity *entity = model->entities[i];

		for (size_t j = 0; j < entity->ncolumns; j++) {
			const struct column *column = entity->columns[j];

			if (entity->is_join_table || entity->is_audit_table ||
			    !is_entity_key(column) ||
			    name_index_get(&keys,
					   arena_printf(builder->arena, "%s.%s",
							entity->name,
							column->column_name)))
				continue;
			relation_of_column(builder, entity, column);
		}
	}
}

static char *
join_name(struct builder *builder, const struct relation *relation)
{
	return arena_printf(builder->arena, "%s_%s_has_%s_%s",
			    relation->subject, relation->subject_name,
			    relation->object, relation->object_name);
}

/* The join of a relation that generate_access() has yet to add. */
static char *
group_join_name(struct builder *builder, const struct entity *entity)
{
	return arena_printf(builder->arena,
			    "%s_%s_id_has_usergroup_usergroup_id", entity->name,
			    entity->name);
}

static char *
audit_name(struct builder *builder, const struct entity *entity)
{
	return arena_printf(builder->arena, "%s_audit", entity->name);
}

static void
mark_join(struct builder *builder, const char *name)
{
	struct entity *join = name_index_get(&builder->entities, name);

	if (join)
		join->is_join_table = true;
}

/* Join and history tables that a schema extends have no owner either. */
static void
mark_written_tables(struct builder *builder)
{
	const struct model *model = builder->model;

	for (size_t i = 0; i < model->nrelations; i++)
		mark_join(builder, join_name(builder, model->relations[i]));
	for (size_t i = 0; i < model->nentities; i++) {
		struct entity *audit =
			name_index_get(&builder->entities,
				       audit_name(builder, model->entities[i]));

		mark_join(builder,
			  group_join_name(builder, model->entities[i]));
		if (audit && model->entities[i]->is_audit_enabled)
			audit->is_audit_table = true;
	}
}

void
generate_relations(struct builder *builder)
{
	const struct model *model = builder->model;

	mark_written_tables(builder);
	for (size_t i = 0; i < model->nentities; i++)
		if (model->entities[i]->is_state_tracking_enabled &&
		    !model->entities[i]->is_state_table)
			generate_state(builder, model->entities[i]);
	for (size_t i = 0; i < model->nentities; i++)
		if (has_owner_and_groups(builder, model->entities[i]))
			generate_access(builder, model->entities[i]);
	generate_written_keys(builder);
}

/* Key columns and join tables. */

static void
generate_key(struct builder *builder, struct relation *relation)
{
	const struct model *model = builder->model;
	struct entity *object = relation->object_entity;
	struct column *column = own_column(builder, relation->subject_entity,
					   relation->object_name);

	make_key(builder, column, object);
	column->is_nullable = relation->kind == RELATION_HAS_ONE ||
			      object == model->user_account ||
			      object == model->usergroup;
	column->is_system |= relation->is_system;
	relation->key = column;
	if (relation->on_delete == ON_DELETE_SET_NULL && !column->is_nullable)
		builder_fault(builder,
			      "%s belongs_to %s: OnDelete set_null is not "
			      "possible, %s can't be null",
			      relation->subject, relation->object,
			      relation->object_name);
}

static struct column *
join_key(struct builder *builder, struct entity *join, const char *name,
	 struct entity *target)
{
	struct column *column = own_column(builder, join, name);

	make_key(builder, column, target);
	column->is_nullable = false;
	return column;
}

/* Keys first, then the relation's own columns, then what tables say. */
static void
order_join_columns(struct builder *builder, struct entity *join,
		   const struct relation *relation)
{
	struct column **written = join->columns;
	size_t nwritten = join->ncolumns;

	join->columns = NULL;
	join->ncolumns = 0;
	ARENA_PUSH(builder->arena, join->columns, join->ncolumns,
		   relation->join_subject_key);
	ARENA_PUSH(builder->arena, join->columns, join->ncolumns,
		   relation->join_object_key);
	for (size_t i = 0; i < relation->ncolumns; i++)
		if (!entity_column(join, relation->columns[i]->column_name))
			ARENA_PUSH(builder->arena, join->columns,
				   join->ncolumns, relation->columns[i]);
	for (size_t i = 0; i < nwritten; i++)
		if (!entity_column(join, written[i]->column_name))
			ARENA_PUSH(builder->arena, join->columns,
				   join->ncolumns, written[i]);
}

static void
generate_join(struct builder *builder, struct relation *relation)
{
	struct entity *join =
		builder_entity(builder, join_name(builder, relation));

	if (!strcmp(relation->subject_name, relation->object_name)) {
		builder_fault(builder,
			      "%s %s %s: SubjectName and ObjectName are both "
			      "%s, one must differ",
			      relation->subject,
			      relation_kind_name(relation->kind),
			      relation->object, relation->object_name);
		return;
	}
	join->is_join_table = true;
	join->is_top_level = false;
	join->is_hidden = true;
	join->is_system |= relation->is_system;
	relation->join = join;
	relation->join_subject_key =
		join_key(builder, join, relation->subject_name,
			 relation->subject_entity);
	relation->join_object_key = join_key(
		builder, join, relation->object_name, relation->object_entity);
	order_join_columns(builder, join, relation);
}

void
generate_keys(struct builder *builder)
{
	const struct model *model = builder->model;

	for (size_t i = 0; i < model->nrelations; i++) {
		struct relation *relation = model->relations[i];

		if (!relation->subject_entity || !relation->object_entity)
			continue;
		if (relation_is_to_one(relation))
			generate_key(builder, relation);
		else
			generate_join(builder, relation);
	}
	for (size_t i = 0; i < model->nentities; i++) {
		struct entity *entity = model->entities[i];

		if (entity->group_relation)
			entity->group_join = entity->group_relation->join;
	}
}

/* Standard columns. */

static const struct column standard_columns[STANDARD_COLUMNS] = {
	{ .column_name = "id",
	  .column_type = "id",
	  .data_type = "bigint",
	  .is_primary_key = true,
	  .is_auto_increment = true,
	  .exclude_from_api = true },
	{ .column_name = "version",
	  .column_type = "measurement",
	  .data_type = "integer",
	  .default_value = "1",
	  .default_text = "1",
	  .default_sql = "'1'::integer",
	  .exclude_from_api = true },
	{ .column_name = "created_at",
	  .column_type = "datetime",
	  .data_type = "timestamp",
	  .default_value = "current_timestamp",
	  .default_sql = "CURRENT_TIMESTAMP",
	  .is_indexed = true },
	{ .column_name = "updated_at",
	  .column_type = "datetime",
	  .data_type = "timestamp",
	  .is_indexed = true,
	  .is_nullable = true },
	{ .column_name = "reference_id",
	  .column_type = "alias",
	  .data_type = "uuid",
	  .default_sql = "gen_random_uuid()",
	  .is_unique = true },
	{ .column_name = "permission",
	  .column_type = "value",
	  .data_type = "integer" },
};

static struct column *
standard_column(struct arena *arena, size_t i)
{
	struct column *column =
		column_new(arena, standard_columns[i].column_name);
	struct column empty = *column;

	*column = standard_columns[i];
	column->name = empty.name;
	column->description = "";
	column->data_source = "";
	column->namespace = "";
	column->key_name = "";
	column->is_standard = true;
	column->is_system = true;
	column_resolve(arena, column);
	return column;
}

const char *
model_standard_columns(struct arena *arena)
{
	struct strbuf text;

	strbuf_init(&text, arena);
	for (size_t i = 0; i < STANDARD_COLUMNS; i++) {
		if (i)
			strbuf_putc(&text, ',');
		schema_write_column(&text, standard_column(arena, i));
	}
	return text.data;
}

static void
prepend_standard_columns(struct builder *builder, struct entity *entity)
{
	struct column **columns = NULL;
	size_t count = 0;

	for (size_t i = 0; i < STANDARD_COLUMNS; i++)
		/* cppcheck-suppress nullPointer; grown at 0 */
		ARENA_PUSH(builder->arena, columns, count,
			   builder->standard[i]);
	for (size_t i = 0; i < entity->ncolumns; i++)
		if (!entity->columns[i]->is_standard)
			ARENA_PUSH(builder->arena, columns, count,
				   entity->columns[i]);
	entity->columns = columns;
	entity->ncolumns = count;
}

void
generate_standard_columns(struct builder *builder)
{
	for (size_t i = 0; i < STANDARD_COLUMNS; i++)
		builder->standard[i] = standard_column(builder->arena, i);
	for (size_t i = 0; i < builder->model->nentities; i++)
		prepend_standard_columns(builder, builder->model->entities[i]);
}

/* History. */

static const struct column audit_columns[] = {
	{ .column_name = "source_reference_id",
	  .column_type = "alias",
	  .data_type = "uuid",
	  .is_indexed = true },
	{ .column_name = "operation",
	  .column_type = "label",
	  .data_type = "varchar(20)" },
	{ .column_name = "action_run",
	  .column_type = "label",
	  .data_type = "varchar(40)",
	  .is_nullable = true },
};

static bool
is_audit_column(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(audit_columns); i++)
		if (!strcmp(audit_columns[i].column_name, name))
			return true;
	return false;
}

/* Secrets and contents of files have no history. */
static bool
is_kept_in_history(const struct column *column)
{
	return !column->is_standard && column->kind != VALUE_SECRET &&
	       column->kind != VALUE_ENCRYPTED && column->kind != VALUE_FILE &&
	       column->kind != VALUE_BYTES &&
	       strcmp(column->column_name, "user_account_id") != 0;
}

/* Values as they were; a key names the row while that exists. */
static void
copy_to_history(struct builder *builder, struct entity *audit,
		const struct column *column)
{
	struct column *copy = own_column(builder, audit, column->column_name);

	*copy = *column;
	copy->is_foreign_key = false;
	copy->is_unique = false;
	copy->is_indexed = false;
	copy->is_full_text = false;
	copy->is_nullable = true;
	copy->default_value = NULL;
	copy->default_sql = NULL;
	copy->default_text = NULL;
}

static void
add_audit_column(struct builder *builder, struct entity *audit, size_t i)
{
	const struct column *wanted = &audit_columns[i];
	struct column *column = own_column(builder, audit, wanted->column_name);

	column->column_type = wanted->column_type;
	column->data_type = wanted->data_type;
	column->is_indexed = wanted->is_indexed;
	column->is_nullable = wanted->is_nullable;
	column_resolve(builder->arena, column);
}

static void
generate_audit(struct builder *builder, struct entity *entity)
{
	struct entity *audit =
		builder_entity(builder, audit_name(builder, entity));

	entity->audit = audit;
	audit->source = entity;
	audit->is_audit_table = true;
	audit->is_top_level = true;
	audit->is_hidden = true;
	audit->is_system |= entity->is_system;
	for (size_t i = 0; i < ARRAY_SIZE(audit_columns); i++)
		add_audit_column(builder, audit, i);
	for (size_t i = 0; i < entity->ncolumns; i++) {
		const struct column *column = entity->columns[i];

		if (is_audit_column(column->column_name))
			builder_fault(builder,
				      "%s.%s: IsAuditEnabled needs that name "
				      "for the history itself",
				      entity->name, column->column_name);
		else if (is_kept_in_history(column))
			copy_to_history(builder, audit, column);
	}
	prepend_standard_columns(builder, audit);
}

void
generate_audit_entities(struct builder *builder)
{
	struct model *model = builder->model;
	size_t count = model->nentities;

	for (size_t i = 0; i < count; i++) {
		struct entity *entity = model->entities[i];

		if (entity->is_audit_enabled && !entity->is_audit_table)
			generate_audit(builder, entity);
	}
}
