/*
 * state.c: starting machines and moving them. A machine is read as its row
 * is now, in the transaction that uses it, not from the model.
 */
#include "db/state.h"

#include <string.h>
#include <strings.h>

#include "db/base/crypto.h"
#include "db/base/json.h"
#include "db/row_parts.h"

/* Execute on table and row. */
static void
add_executable(struct sql *sql, const struct row_context *context,
	       const struct entity *entity, const char *alias)
{
	permission_granted(sql, context->actor, context->model, entity, alias,
			   VERB_EXECUTE);
}

static struct error *
check_tracked(const struct row_context *context, const struct entity *entity)
{
	if (entity->state)
		return NULL;
	return error_new(context->arena, 400, "no-states",
			 "The states of a %s are not tracked.", entity->name);
}

/* What may be seen but not executed is 403, what may not even be seen 404. */
static struct error *
check_found(const struct row_context *context, const struct entity *entity,
	    const struct rows *rows, size_t executable, size_t visible)
{
	if (rows_count(rows) && rows_boolean(rows, 0, executable))
		return NULL;
	if (rows_count(rows) && rows_boolean(rows, 0, visible))
		return permission_refused(context->arena, entity, VERB_EXECUTE);
	return row_not_found(context->arena, entity);
}

static struct error *
check_subject(const struct row_context *context, const struct entity *entity,
	      const char *id)
{
	struct error *error;
	struct row row;

	error = row_read(context, entity, id, false, &row);
	if (!error && !rows_count(row.rows))
		error = row_not_found(context->arena, entity);
	return error;
}

/* Starting. */

enum { MACHINE_INITIAL_STATE, MACHINE_EXECUTABLE, MACHINE_VISIBLE };

static struct error *
find_initial_state(const struct row_context *context, const char *machine,
		   const char **state)
{
	const struct entity *smd = model_entity(context->model, "smd");
	struct error *error;
	struct rows *rows;
	struct sql sql;

	if (!crypto_is_uuid(machine))
		return row_not_found(context->arena, smd);
	sql_init(&sql, context->arena);
	sql_add(&sql, "SELECT t.initial_state, ");
	add_executable(&sql, context, smd, "t");
	sql_add(&sql, ", ");
	permission_visible(&sql, context->actor, context->model, smd, "t");
	sql_add(&sql, " FROM smd t WHERE t.reference_id = ");
	sql_value_as(&sql, machine, "uuid");
	error = sql_run(&sql, context->db, &rows);
	if (!error)
		error = check_found(context, smd, rows, MACHINE_EXECUTABLE,
				    MACHINE_VISIBLE);
	if (!error)
		*state = rows_text(rows, 0, MACHINE_INITIAL_STATE);
	return error;
}

static const char *
subject_column(const struct row_context *context, const struct entity *entity)
{
	return arena_printf(context->arena, "is_state_of_%s", entity->name);
}

static const char *
machine_column(const struct row_context *context, const struct entity *entity)
{
	return arena_printf(context->arena, "%s_smd", entity->name);
}

/*
 * The rights were checked, and are not those of a plain create (nobody needs
 * Create on state tables, or Refer): so the row is the system's to write.
 */
static struct error *
make_state(const struct row_context *context, const struct entity *entity,
	   struct json_object *attributes, struct row *row)
{
	struct row_context system = *context;
	struct actor actor = *context->actor;

	actor.is_administrator = true;
	system.actor = &actor;
	system.trusted = true;
	return row_create(&system, entity->state, NULL, attributes, NULL, row);
}

struct error *
state_start(const struct row_context *context, const struct entity *entity,
	    const char *id, const char *machine, struct row *row)
{
	const char *state = NULL;
	struct json_object *attributes;
	struct error *error = check_tracked(context, entity);

	if (!error)
		error = find_initial_state(context, machine, &state);
	if (!error)
		error = check_subject(context, entity, id);
	if (error)
		return error;
	attributes = json_object_new_object();
	json_keep(context->arena, attributes);
	json_object_object_add(attributes, "current_state",
			       json_object_new_string(state));
	json_object_object_add(attributes, subject_column(context, entity),
			       json_object_new_string(id));
	json_object_object_add(attributes, machine_column(context, entity),
			       json_object_new_string(machine));
	return make_state(context, entity, attributes, row);
}

/* Events. */

/* A state row and its machine, the row locked. */
struct current {
	const char *subject; /* reference id */
	const char *state;
	const char *machine;	    /* its name */
	struct json_object *events; /* array, or NULL */
};

enum {
	STATE_CURRENT,
	STATE_SUBJECT,
	STATE_MACHINE,
	STATE_EVENTS,
	STATE_EXECUTABLE,
	STATE_VISIBLE
};

/* Member names of events come in any case. */
static struct json_object *
member(struct json_object *event, const char *name)
{
	if (!json_object_is_type(event, json_type_object))
		return NULL;
	json_object_object_foreach(event, key, value)
	{
		if (!strcasecmp(key, name))
			return value;
	}
	return NULL;
}

static bool
is_text(struct json_object *value, const char *text)
{
	return json_object_is_type(value, json_type_string) &&
	       !strcmp(json_object_get_string(value), text);
}

static bool
is_named(struct json_object *event, const char *name)
{
	return is_text(member(event, "name"), name);
}

static bool
starts_from(struct json_object *event, const char *state)
{
	struct json_object *sources = member(event, "src");

	if (!json_object_is_type(sources, json_type_array))
		return is_text(sources, state);
	for (size_t i = 0; i < json_object_array_length(sources); i++)
		if (is_text(json_object_array_get_idx(sources, i), state))
			return true;
	return false;
}

static struct json_object *
read_events(struct arena *arena, const char *text)
{
	struct json_object *events = text ? json_tokener_parse(text) : NULL;

	if (events)
		json_keep(arena, events);
	return json_object_is_type(events, json_type_array) ? events : NULL;
}

static void
add_locked_state(struct sql *sql, const struct row_context *context,
		 const struct entity *entity, const char *id)
{
	const struct entity *state = entity->state;

	sql_add(sql, "SELECT t.current_state, r.reference_id, m.name, "
		     "m.events, ");
	add_executable(sql, context, state, "t");
	sql_add(sql, ", ");
	permission_visible(sql, context->actor, context->model, state, "t");
	sql_add(sql, " FROM ");
	sql_name(sql, state->table);
	sql_add(sql, " t JOIN ");
	sql_name(sql, entity->table);
	sql_add(sql, " r ON r.id = ");
	sql_column(sql, "t",
		   entity_column(state, subject_column(context, entity))
			   ->sql_name);
	sql_add(sql, " LEFT JOIN smd m ON m.id = ");
	sql_column(sql, "t",
		   entity_column(state, machine_column(context, entity))
			   ->sql_name);
	sql_add(sql, " WHERE t.reference_id = ");
	sql_value_as(sql, id, "uuid");
	sql_add(sql, " FOR NO KEY UPDATE OF t");
}

static struct error *
lock_state(const struct row_context *context, const struct entity *entity,
	   const char *id, struct current *current)
{
	struct error *error;
	struct rows *rows;
	struct sql sql;

	if (!crypto_is_uuid(id))
		return row_not_found(context->arena, entity->state);
	db_begin(context->db);
	sql_init(&sql, context->arena);
	add_locked_state(&sql, context, entity, id);
	error = sql_run(&sql, context->db, &rows);
	if (!error)
		error = check_found(context, entity->state, rows,
				    STATE_EXECUTABLE, STATE_VISIBLE);
	if (error)
		return error;
	*current = (struct current){
		.subject = rows_text(rows, 0, STATE_SUBJECT),
		.state = rows_text(rows, 0, STATE_CURRENT),
		.machine = rows_text(rows, 0, STATE_MACHINE),
		.events = read_events(context->arena,
				      rows_text(rows, 0, STATE_EVENTS)),
	};
	return NULL;
}

/* The names of events that are possible now, each once. */
static const char *
possible_events(struct arena *arena, const struct current *current)
{
	size_t count = json_object_array_length(current->events);
	struct json_object *seen = json_object_new_object();
	struct strbuf names;

	json_keep(arena, seen);
	strbuf_init(&names, arena);
	for (size_t i = 0; i < count; i++) {
		struct json_object *event =
			json_object_array_get_idx(current->events, i);
		const char *name =
			json_object_get_string(member(event, "name"));

		if (!name || !starts_from(event, current->state) ||
		    json_object_object_get_ex(seen, name, NULL))
			continue;
		json_object_object_add(seen, name, NULL);
		strbuf_printf(&names, "%s%s", names.length ? ", " : "", name);
	}
	return names.length ? names.data : "none";
}

/* Several events may have one name, each for states of its own. */
static struct error *
find_destination(const struct row_context *context,
		 const struct current *current, const char *name,
		 const char **destination)
{
	struct arena *arena = context->arena;
	size_t count =
		current->events ? json_object_array_length(current->events) : 0;
	bool is_known = false;

	for (size_t i = 0; i < count; i++) {
		struct json_object *event =
			json_object_array_get_idx(current->events, i);

		if (!is_named(event, name))
			continue;
		is_known = true;
		if (!starts_from(event, current->state))
			continue;
		*destination = json_object_get_string(member(event, "dst"));
		if (*destination)
			return NULL;
	}
	if (!is_known)
		return error_new(arena, 404, "unknown-event",
				 "The machine %.100s has no event %.100s.",
				 current->machine ? current->machine : "",
				 name);
	return error_new(arena, 409, "event-not-possible",
			 "%.100s is not possible in the state %.100s. Possible "
			 "now: %s.",
			 name, current->state, possible_events(arena, current));
}

static struct error *
change_state(const struct row_context *context, const struct entity *state,
	     const char *id, const char *destination, struct row *row)
{
	struct sql sql;

	row->selection = selection_new(context->arena, state, NULL, 0);
	sql_init(&sql, context->arena);
	sql_add(&sql, "WITH old AS MATERIALIZED (SELECT t.* FROM ");
	sql_name(&sql, state->table);
	sql_add(&sql, " t WHERE t.reference_id = ");
	sql_value_as(&sql, id, "uuid");
	sql_add(&sql, "), new AS (UPDATE ");
	sql_name(&sql, state->table);
	sql_add(&sql, " t SET version = t.version + 1, updated_at = now(), "
		      "current_state = ");
	sql_value_as(&sql, destination, "text");
	sql_add(&sql, " FROM old WHERE t.id = old.id RETURNING t.*)");
	row_add_history(&sql, context, state, "state_transition", "new");
	sql_add(&sql, " SELECT ");
	selection_list(&sql, row->selection, context->actor, context->model,
		       "n");
	sql_add(&sql, " FROM new n");
	return sql_run(&sql, context->db, &row->rows);
}

struct error *
state_move(const struct row_context *context, const struct entity *entity,
	   const char *id, const char *event, struct row *row)
{
	const char *destination = NULL;
	struct current current = { 0 };
	struct error *error = check_tracked(context, entity);

	if (!error)
		error = lock_state(context, entity, id, &current);
	if (!error)
		error = check_subject(context, entity, current.subject);
	if (!error)
		error = find_destination(context, &current, event,
					 &destination);
	if (error)
		return error;
	return change_state(context, entity->state, id, destination, row);
}

/* Machines of an entity. */

static const struct relation *
machines_relation(const struct model *model)
{
	for (size_t i = 0; i < model->nrelations; i++) {
		const struct relation *relation = model->relations[i];

		if (relation->subject_entity == model->world &&
		    relation->join && !strcmp(relation->object, "smd"))
			return relation;
	}
	return NULL;
}

struct error *
state_machines(const struct row_context *context, const struct entity *entity,
	       struct row *machines)
{
	const struct entity *smd = model_entity(context->model, "smd");
	const struct relation *relation = machines_relation(context->model);
	struct sql sql;

	machines->selection = selection_new(context->arena, smd, NULL, 0);
	sql_init(&sql, context->arena);
	sql_add(&sql, "SELECT ");
	selection_list(&sql, machines->selection, context->actor,
		       context->model, "t");
	sql_add(&sql, " FROM smd t JOIN ");
	sql_name(&sql, relation->join->table);
	sql_add(&sql, " j ON t.id = ");
	sql_column(&sql, "j", relation->join_object_key->sql_name);
	sql_add(&sql, " WHERE ");
	sql_column(&sql, "j", relation->join_subject_key->sql_name);
	sql_add(&sql, " = ");
	sql_integer(&sql, entity->world_id);
	sql_add(&sql, " AND (");
	permission_visible(&sql, context->actor, context->model, smd, "t");
	sql_add(&sql, " OR ");
	add_executable(&sql, context, smd, "t");
	sql_add(&sql, ") ORDER BY t.id");
	return sql_run(&sql, context->db, &machines->rows);
}
