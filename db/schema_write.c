/*
 * schema_write.c: definitions as JSON text, in Daptin's order of members, so
 * that clients, the stored definitions and downloads have one form.
 */
#include "db/schema_file.h"

#include <string.h>

#include "db/schema_json.h"

static void
add_taggings(struct strbuf *buf, const char *key,
	     const struct tagging *taggings, size_t count)
{
	json_add_key(buf, key);
	strbuf_putc(buf, '[');
	for (size_t i = 0; i < count; i++) {
		json_separate(buf);
		strbuf_putc(buf, '{');
		json_add_text(buf, "ColumnName", taggings[i].column_name);
		json_add_text(buf, "Tags", taggings[i].tags);
		strbuf_putc(buf, '}');
	}
	strbuf_putc(buf, ']');
}

static void
add_grants(struct strbuf *buf, const char *key,
	   const struct group_grant *grants, size_t count)
{
	json_add_key(buf, key);
	strbuf_putc(buf, '[');
	for (size_t i = 0; i < count; i++) {
		json_separate(buf);
		if (!grants[i].permission) {
			strbuf_json_text(buf, grants[i].group);
			continue;
		}
		strbuf_putc(buf, '{');
		json_add_text(buf, "Name", grants[i].group);
		json_add_integer(buf, "Permission", grants[i].permission);
		strbuf_putc(buf, '}');
	}
	strbuf_putc(buf, ']');
}

static void
add_options(struct strbuf *buf, const struct column *column)
{
	json_add_key(buf, "Options");
	if (!column->noptions) {
		strbuf_literal(buf, "null");
		return;
	}
	strbuf_putc(buf, '[');
	for (size_t i = 0; i < column->noptions; i++) {
		json_separate(buf);
		strbuf_putc(buf, '{');
		json_add_text(buf, "ValueType", column->options[i].value_type);
		json_add_text(buf, "Value", column->options[i].value);
		json_add_text(buf, "Label", column->options[i].label);
		strbuf_putc(buf, '}');
	}
	strbuf_putc(buf, ']');
}

static void
add_key_data(struct strbuf *buf, const struct column *column)
{
	json_add_key(buf, "ForeignKeyData");
	strbuf_putc(buf, '{');
	json_add_text(buf, "DataSource", column->data_source);
	json_add_text(buf, "Namespace", column->namespace);
	json_add_text(buf, "KeyName", column->key_name);
	strbuf_putc(buf, '}');
}

void
schema_write_column(struct strbuf *buf, const struct column *column)
{
	strbuf_putc(buf, '{');
	json_add_text(buf, "Name", column->name);
	json_add_text(buf, "ColumnName", column->column_name);
	json_add_text(buf, "ColumnDescription", column->description);
	json_add_text(buf, "ColumnType", column->column_type);
	json_add_boolean(buf, "IsPrimaryKey", column->is_primary_key);
	json_add_boolean(buf, "IsAutoIncrement", column->is_auto_increment);
	json_add_boolean(buf, "IsIndexed", column->is_indexed);
	json_add_boolean(buf, "IsUnique", column->is_unique);
	json_add_boolean(buf, "IsNullable", column->is_nullable);
	json_add_mark(buf, "IsFullText", column->is_full_text);
	json_add_integer(buf, "Permission", column->permission);
	json_add_boolean(buf, "IsForeignKey", column->is_foreign_key);
	json_add_boolean(buf, "ExcludeFromApi", column->exclude_from_api);
	add_key_data(buf, column);
	json_add_text(buf, "DataType", column->data_type);
	json_add_text(buf, "DefaultValue", column->default_value);
	add_options(buf, column);
	strbuf_putc(buf, '}');
}

static void
add_columns(struct strbuf *buf, const char *key, struct column *const *columns,
	    size_t count)
{
	json_add_key(buf, key);
	strbuf_putc(buf, '[');
	for (size_t i = 0; i < count; i++) {
		json_separate(buf);
		schema_write_column(buf, columns[i]);
	}
	strbuf_putc(buf, ']');
}

static const char *const on_delete_words[] = {
	[ON_DELETE_RESTRICT] = "restrict",
	[ON_DELETE_CASCADE] = "cascade",
	[ON_DELETE_SET_NULL] = "set_null",
};

static void
write_relation(struct strbuf *buf, const struct relation *relation)
{
	json_separate(buf);
	strbuf_putc(buf, '{');
	json_add_text(buf, "Subject", relation->subject);
	json_add_text(buf, "SubjectName", relation->subject_name);
	json_add_text(buf, "Object", relation->object);
	json_add_text(buf, "ObjectName", relation->object_name);
	json_add_text(buf, "Relation", relation_kind_name(relation->kind));
	if (relation->on_delete_given)
		json_add_text(buf, "OnDelete",
			      on_delete_words[relation->on_delete]);
	add_columns(buf, "Columns", relation->columns, relation->ncolumns);
	strbuf_putc(buf, '}');
}

/* The relations that begin at an entity are among its relationships. */
static void
write_own_relations(struct strbuf *buf, const struct entity *entity)
{
	json_add_key(buf, "Relations");
	strbuf_putc(buf, '[');
	for (size_t i = 0; i < entity->nrelationships; i++)
		if (entity->relationships[i]->from_subject)
			write_relation(buf, entity->relationships[i]->relation);
	strbuf_putc(buf, ']');
}

static void
write_composite_keys(struct strbuf *buf, const struct entity *entity)
{
	json_add_key(buf, "CompositeKeys");
	strbuf_putc(buf, '[');
	for (size_t i = 0; i < entity->ncomposite_keys; i++) {
		const char *const *name =
			(const char *const *)entity->composite_keys[i];

		json_separate(buf);
		strbuf_putc(buf, '[');
		for (; *name; name++) {
			json_separate(buf);
			strbuf_json_text(buf, *name);
		}
		strbuf_putc(buf, ']');
	}
	strbuf_putc(buf, ']');
}

static void
write_extra(struct strbuf *buf, const struct entity *entity)
{
	for (size_t i = 0; i < entity->nextra_members; i++)
		json_add_value(buf, entity->extra_members[i].name,
			       entity->extra_members[i].json);
}

/* The members of a table behind its columns and relations. */
static void
write_settings(struct strbuf *buf, const struct entity *entity)
{
	json_add_boolean(buf, "IsHidden", entity->is_hidden);
	json_add_boolean(buf, "IsTopLevel", entity->is_top_level);
	json_add_boolean(buf, "IsJoinTable", entity->is_join_table);
	json_add_boolean(buf, "IsStateTrackingEnabled",
			 entity->is_state_tracking_enabled);
	json_add_boolean(buf, "IsAuditEnabled", entity->is_audit_enabled);
	json_add_boolean(buf, "TranslationsEnabled",
			 entity->translations_enabled);
	json_add_mark(buf, "IsAuditTable", entity->is_audit_table);
	json_add_mark(buf, "IsStateTable", entity->is_state_table);
	json_add_mark(buf, "IsSystem", entity->is_system);
	add_grants(buf, "DefaultGroups", entity->default_groups,
		   entity->ndefault_groups);
	add_grants(buf, "AccessGroups", entity->access_groups,
		   entity->naccess_groups);
	json_add_integer(buf, "DefaultPermission",
			 entity->default_permission_wanted);
	json_add_integer(buf, "Permission", entity->permission_wanted);
	add_taggings(buf, "Validations", entity->validations,
		     entity->nvalidations);
	add_taggings(buf, "Conformations", entity->conformations,
		     entity->nconformations);
	json_add_text(buf, "DefaultOrder", entity->default_order);
	json_add_text(buf, "Icon", entity->icon);
	write_composite_keys(buf, entity);
	write_extra(buf, entity);
}

void
schema_write_entity(struct strbuf *buf, const struct model *model UNUSED,
		    const struct entity *entity)
{
	strbuf_putc(buf, '{');
	json_add_text(buf, "TableName", entity->name);
	json_add_text(buf, "TableDescription", entity->description);
	add_columns(buf, "Columns", entity->columns, entity->ncolumns);
	write_own_relations(buf, entity);
	write_settings(buf, entity);
	strbuf_putc(buf, '}');
}

static void
write_outcome(struct strbuf *buf, const struct outcome *outcome)
{
	json_separate(buf);
	strbuf_putc(buf, '{');
	json_add_text(buf, "Type", outcome->type);
	json_add_text(buf, "Method", outcome->method);
	json_add_text(buf, "Reference", outcome->reference);
	json_add_boolean(buf, "LogToConsole", outcome->log_to_console);
	json_add_boolean(buf, "SkipInResponse", outcome->skip_in_response);
	json_add_text(buf, "Condition", outcome->condition);
	if (outcome->for_each)
		json_add_text(buf, "ForEach", outcome->for_each);
	json_add_value(buf, "Attributes", outcome->attributes);
	json_add_boolean(buf, "ContinueOnError", outcome->continue_on_error);
	strbuf_putc(buf, '}');
}

static void
write_outcomes(struct strbuf *buf, const struct action *action)
{
	json_add_key(buf, "OutFields");
	strbuf_putc(buf, '[');
	for (size_t i = 0; i < action->nout_fields; i++)
		write_outcome(buf, &action->out_fields[i]);
	strbuf_putc(buf, ']');
}

static void
write_rules(struct strbuf *buf, const struct action *action)
{
	write_outcomes(buf, action);
	add_taggings(buf, "Validations", action->validations,
		     action->nvalidations);
	add_taggings(buf, "Conformations", action->conformations,
		     action->nconformations);
	if (action->permission_given)
		json_add_integer(buf, "Permission", action->permission_wanted);
	add_grants(buf, "AccessGroups", action->access_groups,
		   action->naccess_groups);
	if (action->run_as_caller)
		json_add_text(buf, "RunAs", "caller");
	json_add_mark(buf, "Safe", action->is_safe);
	json_add_mark(buf, "IsSystem", action->is_system);
}

void
schema_write_action(struct strbuf *buf, const struct action *action,
		    bool for_clients)
{
	strbuf_putc(buf, '{');
	json_add_text(buf, "Name", action->name);
	json_add_text(buf, "Label", action->label);
	json_add_text(buf, "OnType", action->on_type);
	json_add_boolean(buf, "InstanceOptional", action->instance_optional);
	if (action->nrequest_subject_relations)
		json_add_texts(buf, "RequestSubjectRelations",
			       action->request_subject_relations,
			       action->nrequest_subject_relations);
	else
		json_add_null(buf, "RequestSubjectRelations");
	json_add_text(buf, "ReferenceId", action->reference_id);
	add_columns(buf, "InFields", action->in_fields, action->nin_fields);
	if (for_clients) {
		json_add_null(buf, "OutFields");
		json_add_null(buf, "Validations");
		json_add_null(buf, "Conformations");
	} else
		write_rules(buf, action);
	strbuf_putc(buf, '}');
}

static void
write_event(struct strbuf *buf, const struct state_event *event)
{
	json_separate(buf);
	strbuf_putc(buf, '{');
	json_add_text(buf, "Name", event->name);
	json_add_text(buf, "Label", event->label);
	json_add_text(buf, "Color", event->color);
	json_add_texts(buf, "Src", event->sources, event->nsources);
	json_add_text(buf, "Dst", event->destination);
	strbuf_putc(buf, '}');
}

void
schema_write_state_machine(struct strbuf *buf,
			   const struct state_machine *machine)
{
	strbuf_putc(buf, '{');
	json_add_text(buf, "Name", machine->name);
	json_add_text(buf, "Label", machine->label);
	json_add_text(buf, "InitialState", machine->initial_state);
	json_add_key(buf, "Events");
	strbuf_putc(buf, '[');
	for (size_t i = 0; i < machine->nevents; i++)
		write_event(buf, &machine->events[i]);
	strbuf_literal(buf, "]}");
}

/* The whole model. */

/* A key column that the relation alone makes just so. */
static bool
is_plain_key(const struct column *column)
{
	return column->is_foreign_key && column->target && !column->is_unique &&
	       !column->is_full_text && !column->exclude_from_api &&
	       !*column->description && !column->permission &&
	       !strcmp(column->name, column->column_name);
}

static bool
is_written_column(const struct column *column)
{
	return !column->is_standard && !is_plain_key(column);
}

static const struct relation *
relation_of_join(const struct model *model, const struct entity *entity)
{
	for (size_t i = 0; i < model->nrelations; i++)
		if (model->relations[i]->join == entity)
			return model->relations[i];
	return NULL;
}

static bool
is_relation_column(const struct relation *relation, const struct column *column)
{
	for (size_t i = 0; relation && i < relation->ncolumns; i++)
		if (!strcmp(relation->columns[i]->column_name,
			    column->column_name))
			return true;
	return false;
}

static bool
has_settings(const struct entity *entity)
{
	return entity->permission_wanted || entity->default_permission_wanted ||
	       entity->naccess_groups || entity->ndefault_groups ||
	       entity->nvalidations || entity->nconformations ||
	       entity->is_audit_enabled || *entity->description ||
	       *entity->icon || *entity->default_order;
}

/* Whether reading makes the table again without being told. */
static bool
is_generated(const struct model *model, const struct entity *entity)
{
	const struct relation *relation;

	if (has_settings(entity))
		return false;
	if (entity->is_audit_table || entity->is_state_table)
		return true;
	if (!entity->is_join_table)
		return false;
	relation = relation_of_join(model, entity);
	for (size_t i = 0; relation && i < entity->ncolumns; i++)
		if (is_written_column(entity->columns[i]) &&
		    !is_relation_column(relation, entity->columns[i]))
			return false;
	return relation;
}

static void
write_table(struct strbuf *buf, const struct entity *entity)
{
	json_separate(buf);
	strbuf_putc(buf, '{');
	json_add_text(buf, "TableName", entity->name);
	json_add_text(buf, "TableDescription", entity->description);
	json_add_key(buf, "Columns");
	strbuf_putc(buf, '[');
	for (size_t i = 0; i < entity->ncolumns; i++)
		if (is_written_column(entity->columns[i])) {
			json_separate(buf);
			schema_write_column(buf, entity->columns[i]);
		}
	strbuf_putc(buf, ']');
	write_settings(buf, entity);
	strbuf_putc(buf, '}');
}

static void
write_tables(struct strbuf *buf, const struct model *model)
{
	json_add_key(buf, "Tables");
	strbuf_putc(buf, '[');
	for (size_t i = 0; i < model->nentities; i++)
		if (!is_generated(model, model->entities[i]))
			write_table(buf, model->entities[i]);
	strbuf_putc(buf, ']');
}

static void
write_state_machines(struct strbuf *buf, const struct model *model)
{
	json_add_key(buf, "StateMachineDescriptions");
	strbuf_putc(buf, '[');
	for (size_t i = 0; i < model->nstate_machines; i++) {
		json_separate(buf);
		schema_write_state_machine(buf, model->state_machines[i]);
	}
	strbuf_putc(buf, ']');
}

static void
write_relations(struct strbuf *buf, const struct model *model)
{
	json_add_key(buf, "Relations");
	strbuf_putc(buf, '[');
	for (size_t i = 0; i < model->nrelations; i++)
		if (!model->relations[i]->is_generated)
			write_relation(buf, model->relations[i]);
	strbuf_putc(buf, ']');
}

static void
write_actions(struct strbuf *buf, const struct model *model)
{
	json_add_key(buf, "Actions");
	strbuf_putc(buf, '[');
	for (size_t i = 0; i < model->nactions; i++) {
		json_separate(buf);
		schema_write_action(buf, model->actions[i], false);
	}
	strbuf_putc(buf, ']');
}

static void
new_line(struct strbuf *buf, size_t depth)
{
	strbuf_putc(buf, '\n');
	for (size_t i = 0; i < depth; i++)
		strbuf_literal(buf, "  ");
}

/* Copies a JSON text that has no blanks outside its strings. */
static void
indent(struct strbuf *buf, const char *json)
{
	bool in_string = false;
	size_t depth = 0;

	for (const char *p = json; *p; p++) {
		bool opens = !in_string && (*p == '{' || *p == '[');
		bool closes = !in_string && (*p == '}' || *p == ']');

		if (closes && p[-1] != '{' && p[-1] != '[')
			new_line(buf, depth - 1);
		strbuf_putc(buf, *p);
		if (in_string && *p == '\\')
			strbuf_putc(buf, *++p);
		else if (*p == '"')
			in_string = !in_string;
		depth += opens;
		depth -= closes;
		if ((opens && p[1] != '}' && p[1] != ']') ||
		    (!in_string && *p == ','))
			new_line(buf, depth);
		else if (!in_string && *p == ':')
			strbuf_putc(buf, ' ');
	}
}

void
schema_write_model(struct strbuf *buf, const struct model *model)
{
	struct strbuf json;

	strbuf_init(&json, buf->arena);
	strbuf_putc(&json, '{');
	write_tables(&json, model);
	json_add_boolean(&json, "EnableGraphQL", false);
	json_add_texts(&json, "Imports", NULL, 0);
	write_state_machines(&json, model);
	write_relations(&json, model);
	write_actions(&json, model);
	strbuf_putc(&json, '}');
	indent(buf, json.data);
}
