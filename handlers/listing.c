/*
 * listing.c: reads the parameters of a list or item: pages, sorting, fields,
 * included relations, free text, relation filters. The operators of `query`
 * are in condition.c.
 */
#include "handlers/listing.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "db/base/crypto.h"
#include "handlers/formats/format.h"

#define DEFAULT_PAGE_SIZE 10

static struct error *
bad_parameter(struct arena *arena, const char *parameter, const char *detail)
{
	return error_in(error_new(arena, 400, "bad-parameter", "%s", detail),
			parameter);
}

/* Unknown, hidden and secret columns answer alike. */
static struct error *
no_column(const struct listing_context *context, const struct entity *entity,
	  const char *name, const char *parameter)
{
	return error_in(error_new(context->arena, 400, "unknown-column",
				  "%s has no column %.100s that can be used "
				  "here.",
				  entity->name, name),
			parameter);
}

static const char *
parameter_of(const struct listing_context *context, const char *name)
{
	for (size_t i = 0; i < context->nparameters; i++)
		if (!strcmp(context->parameters[i].name, name))
			return context->parameters[i].value;
	return NULL;
}

/* Paths. */

static const struct relationship *
readable_step(const struct listing_context *context,
	      const struct entity *entity, const char *name)
{
	const struct relationship *step = entity_relationship(entity, name);

	if (!step || step->to_many || !step->from_subject ||
	    !permission_table(context->actor, step->target, VERB_READ))
		return NULL;
	return step;
}

struct error *
listing_path(const struct listing_context *context, const struct entity *entity,
	     const char *name, const char *parameter, struct path *path,
	     const struct column **column)
{
	char *rest = arena_strdup(context->arena, name);
	char *part = strsep(&rest, ".");

	while (rest) {
		const struct relationship *step =
			readable_step(context, entity, part);

		if (!step || path->nsteps == LISTING_PATH_MAX)
			return no_column(context, entity, name, parameter);
		ARENA_PUSH(context->arena, path->steps, path->nsteps, step);
		entity = step->target;
		part = strsep(&rest, ".");
	}
	*column = entity_column(entity, part);
	if (!*column || !column_is_searchable(*column))
		return no_column(context, entity, part, parameter);
	return NULL;
}

/* Pages. */

static struct error *
read_number(const struct listing_context *context, const char *name,
	    int64_t lowest, int64_t *number)
{
	const char *text = parameter_of(context, name);
	char *end;
	long long value;

	if (!text)
		return NULL;
	errno = 0;
	value = strtoll(text, &end, 10);
	if (errno || end == text || *end || value < lowest)
		return bad_parameter(context->arena, name,
				     "A whole number in the possible range is "
				     "needed.");
	*number = value;
	return NULL;
}

static struct error *
read_page_size(const struct listing_context *context, struct listing *listing)
{
	struct error *error;

	listing->page_size = DEFAULT_PAGE_SIZE;
	error = read_number(context, "page[limit]", 0, &listing->page_size);
	if (!error)
		error = read_number(context, "page[size]", 0,
				    &listing->page_size);
	if (!listing->page_size) /* as Daptin reads it */
		listing->page_size = 1;
	if (listing->page_size > context->page_size_max)
		listing->page_size = context->page_size_max;
	return error;
}

static struct error *
read_page_start(const struct listing_context *context, struct listing *listing)
{
	struct error *error;

	listing->page_number = 1;
	error = read_number(context, "page[number]", 1, &listing->page_number);
	if (error)
		return error;
	if (listing->page_number > INT64_MAX / listing->page_size)
		return bad_parameter(context->arena, "page[number]",
				     "There is no such page.");
	listing->offset = (listing->page_number - 1) * listing->page_size;
	if (parameter_of(context, "page[number]") ||
	    !parameter_of(context, "page[offset]"))
		return NULL;
	error = read_number(context, "page[offset]", 0, &listing->offset);
	listing->page_number = listing->offset / listing->page_size + 1;
	return error;
}

static struct error *
read_cursor(const struct listing_context *context, const char *name,
	    const char **id)
{
	*id = parameter_of(context, name);
	if (*id && !crypto_is_uuid(*id))
		return bad_parameter(context->arena, name,
				     "A reference id is needed.");
	return NULL;
}

static struct error *
read_total(const struct listing_context *context, struct listing *listing)
{
	const char *text = parameter_of(context, "page[total]");

	listing->total = TOTAL_BOUNDED;
	if (!text)
		return NULL;
	if (!strcmp(text, "exact"))
		listing->total = TOTAL_EXACT;
	else if (!strcmp(text, "none"))
		listing->total = TOTAL_NONE;
	else
		return bad_parameter(context->arena, "page[total]",
				     "Either exact or none.");
	return NULL;
}

static struct error *
read_pages(const struct listing_context *context, struct listing *listing)
{
	struct error *error = read_page_size(context, listing);

	if (!error)
		error = read_page_start(context, listing);
	if (!error)
		error = read_cursor(context, "page[after]", &listing->after);
	if (!error)
		error = read_cursor(context, "page[before]", &listing->before);
	if (!error)
		error = read_total(context, listing);
	if (!error && listing->after && listing->before)
		error = bad_parameter(context->arena, "page[before]",
				      "Either page[after] or page[before].");
	if (listing->after || listing->before)
		listing->offset = 0;
	return error;
}

/* Sorting. */

static struct error *
add_sort(const struct listing_context *context, struct listing *listing,
	 const char *name)
{
	struct sort_key key = { .descending = *name == '-' };
	struct error *error;

	if (*name == '-' || *name == '+' || *name == ' ')
		name++;
	if (listing->nsort == LISTING_SORT_MAX)
		return bad_parameter(context->arena, "sort",
				     "At most 10 columns.");
	error = listing_path(context, listing->entity, name, "sort", &key.path,
			     &key.column);
	if (!error)
		ARENA_PUSH(context->arena, listing->sort, listing->nsort, key);
	return error;
}

/* The table's own order; names that don't fit (any more) are left out. */
static void
read_default_order(const struct listing_context *context,
		   struct listing *listing)
{
	char *rest;
	char *name;

	if (!listing->entity->default_order)
		return;
	rest = arena_strdup(context->arena, listing->entity->default_order);
	while ((name = strsep(&rest, ",'\"")))
		if (*name && strcmp(name + strspn(name, "+-"), "id"))
			add_sort(context, listing, name);
}

static struct error *
read_sort(const struct listing_context *context, struct listing *listing)
{
	const char *text = parameter_of(context, "sort");
	char *rest;
	char *name;

	if (!text) {
		read_default_order(context, listing);
		return NULL;
	}
	rest = arena_strdup(context->arena, text);
	while ((name = strsep(&rest, ","))) {
		struct error *error = add_sort(context, listing, name);

		if (error)
			return error;
	}
	return NULL;
}

/* Fields. */

static const char *
fields_of(const struct listing_context *context, const struct entity *entity)
{
	return parameter_of(context, arena_printf(context->arena, "fields[%s]",
						  entity->name));
}

static struct error *
read_fields(const struct listing_context *context, const struct entity *entity,
	    const char *text, struct selection **selection)
{
	const char **names = NULL;
	size_t count = 0;
	char *rest;
	char *name;

	if (!text) {
		*selection = selection_new(context->arena, entity, NULL, 0);
		return NULL;
	}
	rest = arena_strdup(context->arena, text);
	while ((name = strsep(&rest, ","))) {
		const struct column *column = entity_column(entity, name);

		if (*name && (!column || !column_is_visible(column)) &&
		    !entity_relationship(entity, name))
			return no_column(context, entity, name, "fields");
		ARENA_PUSH(context->arena, names, count, name);
	}
	*selection = selection_new(context->arena, entity, names, count);
	return NULL;
}

/* Included relations. */

static struct error *
add_include(const struct listing_context *context, struct listing *listing,
	    const struct relationship *relationship, int parent, int *index)
{
	struct include include = { .relationship = relationship,
				   .parent = parent };
	struct error *error;

	for (size_t i = 0; i < listing->nincludes; i++)
		if (listing->includes[i].parent == parent &&
		    listing->includes[i].relationship == relationship) {
			*index = (int)i;
			return NULL;
		}
	if (listing->nincludes == LISTING_INCLUDES_MAX)
		return bad_parameter(context->arena, "included_relations",
				     "At most 20 relations.");
	error = read_fields(context, relationship->target,
			    fields_of(context, relationship->target),
			    &include.selection);
	if (error)
		return error;
	*index = (int)listing->nincludes;
	ARENA_PUSH(context->arena, listing->includes, listing->nincludes,
		   include);
	return NULL;
}

/* By its key, else by the type that it leads to. */
static const struct relationship *
find_included(const struct entity *entity, const char *name)
{
	const struct relationship *found = entity_relationship(entity, name);

	for (size_t i = 0; !found && i < entity->nrelationships; i++)
		if (!strcmp(entity->relationships[i]->target->name, name))
			found = entity->relationships[i];
	return found;
}

static struct error *
add_include_path(const struct listing_context *context, struct listing *listing,
		 const char *name)
{
	const struct entity *entity = listing->entity;
	char *rest = arena_strdup(context->arena, name);
	char *part;
	int parent = -1;
	int depth = 0;

	while ((part = strsep(&rest, "."))) {
		const struct relationship *relationship =
			find_included(entity, part);
		struct error *error;

		if (!relationship || ++depth > LISTING_PATH_MAX)
			return error_in(error_new(context->arena, 400,
						  "unknown-relation",
						  "%s has no relation %.100s.",
						  entity->name, part),
					"included_relations");
		error = add_include(context, listing, relationship, parent,
				    &parent);
		if (error)
			return error;
		entity = relationship->target;
	}
	return NULL;
}

/* Files are included by their contents. False for what is no such column. */
static bool
add_files(const struct listing_context *context, struct listing *listing,
	  const struct column *column)
{
	if (!column || column->kind != VALUE_FILE || !column_is_visible(column))
		return false;
	listing->store = context->files;
	ARENA_PUSH(context->arena, listing->files, listing->nfiles, column);
	return true;
}

/* "*" stands for the to-one relations and files. */
static struct error *
add_all_to_one(const struct listing_context *context, struct listing *listing)
{
	const struct entity *entity = listing->entity;

	for (size_t i = 0; i < entity->ncolumns; i++)
		add_files(context, listing, entity->columns[i]);
	for (size_t i = 0; i < entity->nrelationships; i++) {
		struct error *error;
		int index;

		if (entity->relationships[i]->to_many)
			continue;
		error = add_include(context, listing, entity->relationships[i],
				    -1, &index);
		if (error)
			return error;
	}
	return NULL;
}

static struct error *
read_includes(const struct listing_context *context, struct listing *listing)
{
	const char *text = parameter_of(context, "included_relations");
	char *rest;
	char *name;

	if (!text)
		text = parameter_of(context, "include");
	if (!text)
		return NULL;
	rest = arena_strdup(context->arena, text);
	while ((name = strsep(&rest, ","))) {
		struct error *error = NULL;

		if (!strcmp(name, "*"))
			error = add_all_to_one(context, listing);
		else if (*name &&
			 !add_files(context, listing,
				    entity_column(listing->entity, name)))
			error = add_include_path(context, listing, name);
		if (error)
			return error;
	}
	return NULL;
}

/* Free text, query, relation filters. */

static bool
is_free_text(const struct column *column)
{
	const char *type = column->type ? column->type->name : "";

	return column_is_searchable(column) &&
	       (!strcmp(type, "label") || !strcmp(type, "email") ||
		!strcmp(type, "name"));
}

/* Column names of free text, with commas; fuzzy search does the rest. */
static const char *
free_text_columns(const struct listing_context *context,
		  const struct entity *entity)
{
	struct strbuf names;

	strbuf_init(&names, context->arena);
	for (size_t i = 0; i < entity->ncolumns; i++) {
		if (!is_free_text(entity->columns[i]))
			continue;
		if (names.length)
			strbuf_putc(&names, ',');
		strbuf_puts(&names, entity->columns[i]->column_name);
	}
	return names.data;
}

static struct error *
read_filter(const struct listing_context *context, struct listing *listing)
{
	const char *text = parameter_of(context, "filter");
	const char *columns = free_text_columns(context, listing->entity);
	char *rest;
	char *name;

	if (!text)
		text = parameter_of(context, "filter[]");
	if (!text || !*text || !*columns)
		return NULL;
	ARENA_PUSH(context->arena, listing->groups, listing->ngroups,
		   (struct condition_group){ 0 });
	rest = arena_strdup(context->arena, columns);
	while ((name = strsep(&rest, ","))) {
		struct condition_group *group =
			&listing->groups[listing->ngroups - 1];
		struct condition condition = { .comparison = COMPARE_ILIKE,
					       .nvalues = 1 };

		condition.column = entity_column(listing->entity, name);
		condition.values = listing_contains(context->arena, text);
		ARENA_PUSH(context->arena, group->conditions,
			   group->nconditions, condition);
	}
	return NULL;
}

/* "query[0][column]" or "query[][column]": index and member. */
static bool
rails_member(struct arena *arena, const char *name, const char **index,
	     const char **member)
{
	size_t length;

	if (strncmp(name, "query[", 6))
		return false;
	name += 6;
	length = strcspn(name, "]");
	if (strncmp(name + length, "][", 2))
		return false;
	*index = arena_strndup(arena, name, length);
	name += length + 2;
	length = strcspn(name, "]");
	*member = arena_strndup(arena, name, length);
	return length > 0 && name[length] == ']';
}

/* Entries of equal index; without one, a repeated member begins the next. */
static struct json_object *
rails_query(const struct listing_context *context)
{
	struct json_object *query = NULL;
	struct json_object *entry = NULL;
	const char *current = NULL;

	for (size_t i = 0; i < context->nparameters; i++) {
		const char *index;
		const char *member;

		if (!rails_member(context->arena, context->parameters[i].name,
				  &index, &member))
			continue;
		if (!query) {
			query = json_object_new_array();
			arena_defer(context->arena, json_release, query);
		}
		if (!entry || strcmp(index, current) ||
		    json_object_object_get_ex(entry, member, NULL)) {
			entry = json_object_new_object();
			json_object_array_add(query, entry);
			current = index;
		}
		json_object_object_add(
			entry, member,
			json_object_new_string(context->parameters[i].value));
	}
	return query;
}

static struct error *
read_query(const struct listing_context *context, struct listing *listing)
{
	const char *text = parameter_of(context, "query");
	struct json_object *query = NULL;
	struct error *error;

	if (!text) {
		query = rails_query(context);
	} else if (*text) {
		error = json_read(context->arena, text, strlen(text),
				  &format_schema_limits, 400, &query);
		if (error)
			return error_in(error, "query");
	}
	return query ? listing_add_query(context, query, listing) : NULL;
}

/* ?author_id=UUID,UUID: the object name of a relation of this table. */
/* An id of a relation filter, cut out of the value at `*rest`. */
static struct error *
next_id(const struct listing_context *context, const char *parameter,
	char **rest, const char **id)
{
	*id = arena_strndup(context->arena, *rest, strcspn(*rest, ",@"));
	*rest += strlen(*id);
	if (crypto_is_uuid(*id))
		return NULL;
	return bad_parameter(context->arena, parameter,
			     "Reference ids are needed.");
}

/* "column:value|value" of a link's own columns. */
static struct error *
read_link_condition(const struct listing_context *context,
		    const struct relation *relation, const char *parameter,
		    char *text, struct condition *link)
{
	char *values = strchr(text, ':');
	struct condition condition = { .comparison = COMPARE_IN };
	const char *value;
	char *part;

	if (values)
		*values++ = '\0';
	for (size_t i = 0; i < relation->ncolumns; i++)
		if (!strcmp(relation->columns[i]->column_name, text))
			condition.column = entity_column(relation->join, text);
	if (!values || !condition.column ||
	    !column_is_searchable(condition.column))
		return no_column(context, relation->join, text, parameter);
	while ((part = strsep(&values, "|"))) {
		struct error *error = value_from_text(
			context->arena, condition.column, part, NULL, &value);

		if (error)
			return bad_parameter(context->arena, parameter,
					     error->detail);
		ARENA_PUSH(context->arena, condition.values, condition.nvalues,
			   value);
	}
	ARENA_PUSH(context->arena, link->link_conditions,
		   link->nlink_conditions, condition);
	return NULL;
}

/* "@(column:value|value&column:value)", or nothing. */
static struct error *
read_link_conditions(const struct listing_context *context,
		     const char *parameter, char **rest, struct condition *link)
{
	struct error *error = NULL;
	char *text, *part;
	size_t length;

	if (**rest != '@')
		return NULL;
	length = strcspn(*rest, ")");
	if ((*rest)[1] != '(' || (*rest)[length] != ')')
		return bad_parameter(context->arena, parameter,
				     "Conditions of a link are written "
				     "id@(column:value|value&column:value).");
	text = arena_strndup(context->arena, *rest + 2, length - 2);
	*rest += length + 1;
	while (!error && (part = strsep(&text, "&")))
		error = read_link_condition(context, link->link->relation,
					    parameter, part, link);
	return error;
}

/* Links to any of the rows that are named. */
static struct error *
read_link_filter(const struct listing_context *context,
		 const struct relationship *relationship, const char *parameter,
		 char *rest, struct condition_group *group)
{
	for (;;) {
		struct condition condition = { .link = relationship };
		const char *id;
		struct error *error = next_id(context, parameter, &rest, &id);

		ARENA_PUSH(context->arena, condition.values, condition.nvalues,
			   id);
		if (!error)
			error = read_link_conditions(context, parameter, &rest,
						     &condition);
		if (!error && (*rest && *rest != ','))
			error = bad_parameter(context->arena, parameter,
					      "Reference ids are needed.");
		if (!error && group->nconditions == LISTING_CONDITIONS_MAX)
			error = bad_parameter(context->arena, parameter,
					      "At most 100 links.");
		if (error)
			return error;
		ARENA_PUSH(context->arena, group->conditions,
			   group->nconditions, condition);
		if (!*rest++)
			return NULL;
	}
}

static struct error *
read_key_filter(const struct listing_context *context,
		const struct relationship *relationship, const char *parameter,
		char *rest, struct condition_group *group)
{
	struct condition condition = { .comparison = COMPARE_IN,
				       .column = relationship->relation->key };
	char *id;

	while ((id = strsep(&rest, ","))) {
		if (!crypto_is_uuid(id))
			return bad_parameter(context->arena, parameter,
					     "Reference ids are needed.");
		if (condition.nvalues == LISTING_VALUES_MAX)
			return bad_parameter(context->arena, parameter,
					     "At most 1000 reference ids.");
		ARENA_PUSH(context->arena, condition.values, condition.nvalues,
			   id);
	}
	ARENA_PUSH(context->arena, group->conditions, group->nconditions,
		   condition);
	return NULL;
}

static struct error *
read_relation_filter(const struct listing_context *context,
		     struct listing *listing, const struct parameter *parameter)
{
	const struct relationship *relationship =
		entity_relationship(listing->entity, parameter->name);
	char *value = arena_strdup(context->arena, parameter->value);
	struct condition_group group = { 0 };
	struct error *error;

	if (!relationship || !relationship->from_subject)
		return NULL;
	error = (relationship->to_many ? read_link_filter : read_key_filter)(
		context, relationship, parameter->name, value, &group);
	if (!error)
		ARENA_PUSH(context->arena, listing->groups, listing->ngroups,
			   group);
	return error;
}

/* {type}_id and {type}Name by hand are the related list in another form. */
static struct error *
read_related_by_hand(const struct listing_context *context,
		     struct listing *listing)
{
	for (size_t i = 0; i < context->model->nentities; i++) {
		const struct entity *parent = context->model->entities[i];
		const char *name = parameter_of(
			context,
			arena_printf(context->arena, "%sName", parent->name));
		const char *id = parameter_of(
			context,
			arena_printf(context->arena, "%s_id", parent->name));

		if (!name || !id)
			continue;
		listing->relationship = entity_relationship(parent, name);
		if (!listing->relationship ||
		    listing->relationship->target != listing->entity ||
		    !crypto_is_uuid(id))
			return bad_parameter(context->arena,
					     "the related list's parameters",
					     "There is no such relation.");
		listing->parent = parent;
		listing->parent_id = id;
		return NULL;
	}
	return NULL;
}

static bool
has_name_parameter(const struct listing_context *context)
{
	for (size_t i = 0; i < context->nparameters; i++) {
		const char *name = context->parameters[i].name;
		size_t length = strlen(name);

		if (length > 4 && !strcmp(name + length - 4, "Name"))
			return true;
	}
	return false;
}

static struct error *
read_relations(const struct listing_context *context, struct listing *listing)
{
	struct error *error = NULL;

	if (has_name_parameter(context))
		error = read_related_by_hand(context, listing);
	if (listing->relationship)
		return error;
	for (size_t i = 0; !error && i < context->nparameters; i++)
		error = read_relation_filter(context, listing,
					     &context->parameters[i]);
	return error;
}

struct error *
listing_read(const struct listing_context *context, const struct entity *entity,
	     struct listing **listing)
{
	struct listing *l = ARENA_NEW(context->arena, struct listing);
	const char *fields = parameter_of(context, "fields");
	struct error *error;

	l->entity = entity;
	if (!fields)
		fields = fields_of(context, entity);
	error = read_fields(context, entity, fields, &l->selection);
	if (!error)
		error = read_pages(context, l);
	if (!error)
		error = read_sort(context, l);
	if (!error)
		error = read_includes(context, l);
	if (!error)
		error = read_query(context, l);
	if (!error && !l->ngroups)
		error = read_filter(context, l);
	if (!error)
		error = read_relations(context, l);
	*listing = l;
	return error;
}

struct listing_context
listing_context_of(const struct request *request)
{
	return (struct listing_context){
		.arena = request->arena,
		.model = request->model,
		.actor = request->actor,
		.page_size_max = request->settings->page_size_max,
		.files = &request->settings->files,
		.parameters = request->parameters,
		.nparameters = request->nparameters,
	};
}

struct error *
listing_from_object(const struct listing_context *context,
		    const struct entity *entity, struct json_object *parameters,
		    struct listing **listing)
{
	struct listing_context own = *context;
	struct parameter *list = NULL;
	size_t count = 0;

	json_object_object_foreach(parameters, name, value)
	{
		struct parameter parameter = { name, "" };

		if (json_object_is_type(value, json_type_null))
			continue;
		parameter.value = arena_strdup(context->arena,
					       json_object_get_string(value));
		ARENA_PUSH(context->arena, list, count, parameter);
	}
	own.parameters = list;
	own.nparameters = count;
	return listing_read(&own, entity, listing);
}
