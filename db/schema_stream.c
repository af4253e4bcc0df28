/*
 * schema_stream.c: reads the contracts of streams. What their steps do to a row
 * is in handlers/row_stream.c.
 */
#include "db/row_stream.h"

#include <string.h>
#include <strings.h>

#include "db/base/log.h"
#include "db/schema_column.h"
#include "db/schema_file.h"
#include "db/schema_tree.h"

struct parsing {
	struct arena *arena;
	struct row_stream *stream;
	const char *fault; /* the first one, or NULL */
};

static void
refuse(struct parsing *parsing, const char *fault)
{
	if (!parsing->fault)
		parsing->fault = fault;
}

/* A member as text; a fault where it is missing. */
static const char *
text_of(struct parsing *parsing, struct json_object *object, const char *name)
{
	struct json_object *value = tree_member(object, name);

	if (json_object_is_type(value, json_type_string) &&
	    json_object_get_string_len(value))
		return arena_strdup(parsing->arena,
				    json_object_get_string(value));
	refuse(parsing, arena_printf(parsing->arena, "needs %s", name));
	return "";
}

/* Columns. */

static void
parse_column(struct parsing *parsing, struct json_object *object)
{
	const char *member =
		tree_member(object, "ColumnName") ? "ColumnName" : "Name";
	struct column *column =
		column_new(parsing->arena, text_of(parsing, object, member));
	struct json_object *type = tree_member(object, "ColumnType");

	if (type)
		column->column_type = arena_strdup(
			parsing->arena, json_object_get_string(type));
	ARENA_PUSH(parsing->arena, parsing->stream->columns,
		   parsing->stream->ncolumns, column);
}

/* Steps. */

static void
add_name(struct parsing *parsing, struct row_stream_step *step,
	 const char *name)
{
	ARENA_PUSH(parsing->arena, step->names, step->nnames, name);
}

static void
parse_columns(struct parsing *parsing, struct json_object *attributes,
	      struct row_stream_step *step)
{
	struct json_object *list = tree_member(attributes, "Columns");

	if (!tree_length(list))
		refuse(parsing, "a step needs Columns");
	for (size_t i = 0; i < tree_length(list); i++)
		add_name(parsing, step,
			 arena_strdup(
				 parsing->arena,
				 json_object_get_string(tree_item(list, i))));
}

static void
parse_rename(struct parsing *parsing, struct json_object *attributes,
	     struct row_stream_step *step)
{
	add_name(parsing, step, text_of(parsing, attributes, "OldName"));
	add_name(parsing, step, text_of(parsing, attributes, "NewName"));
}

static void
parse_duplicate(struct parsing *parsing, struct json_object *attributes,
		struct row_stream_step *step)
{
	add_name(parsing, step, text_of(parsing, attributes, "ColumnName"));
	add_name(parsing, step, text_of(parsing, attributes, "NewColumnName"));
}

static void
parse_filter(struct parsing *parsing, struct json_object *attributes,
	     struct row_stream_step *step)
{
	static const char *const comparators[] = { "==", "!=", ">", ">=",
						   "<",	 "<=", "in" };

	add_name(parsing, step, text_of(parsing, attributes, "ColumnName"));
	step->comparator = text_of(parsing, attributes, "Comparator");
	step->value = arena_strdup(
		parsing->arena,
		json_object_to_json_string_ext(tree_member(attributes, "Value"),
					       JSON_C_TO_STRING_PLAIN));
	for (size_t i = 0; i < ARRAY_SIZE(comparators); i++)
		if (!strcmp(comparators[i], step->comparator))
			return;
	refuse(parsing, "a filter's Comparator is one of == != > >= < <= in");
}

static const struct {
	const char *name;
	enum row_stream_operation operation;
	void (*parse)(struct parsing *parsing, struct json_object *attributes,
		      struct row_stream_step *step);
} operations[] = {
	{ "select", STREAM_SELECT, parse_columns },
	{ "drop", STREAM_DROP, parse_columns },
	{ "rename", STREAM_RENAME, parse_rename },
	{ "duplicate", STREAM_DUPLICATE, parse_duplicate },
	{ "filter", STREAM_FILTER, parse_filter },
};

static void
parse_step(struct parsing *parsing, struct json_object *object)
{
	const char *name = text_of(parsing, object, "Operation");
	struct row_stream_step step = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
		if (strcasecmp(operations[i].name, name) != 0)
			continue;
		step.operation = operations[i].operation;
		operations[i].parse(
			parsing,
			tree_item(tree_member(object, "Attributes"), 0), &step);
		ARENA_PUSH(parsing->arena, parsing->stream->steps,
			   parsing->stream->nsteps, step);
		return;
	}
	refuse(parsing, "an Operation is one of select, drop, rename, "
			"duplicate, filter");
}

/* {parameter: [values]}, of which the list takes the first. */
static void
parse_parameters(struct parsing *parsing, struct json_object *object)
{
	if (!json_object_is_type(object, json_type_object))
		return;
	json_object_object_foreach(object, name, values)
	{
		struct json_object *value = tree_item(values, 0);
		struct row_stream_parameter parameter = {
			arena_strdup(parsing->arena, name),
			arena_strdup(parsing->arena,
				     json_object_get_string(value))
		};

		if (value)
			ARENA_PUSH(parsing->arena, parsing->stream->parameters,
				   parsing->stream->nparameters, parameter);
	}
}

static void
parse_list(struct parsing *parsing, struct json_object *list,
	   void (*parse)(struct parsing *parsing, struct json_object *object))
{
	for (size_t i = 0; i < tree_length(list); i++)
		parse(parsing, tree_item(list, i));
}

struct error *
row_stream_parse(struct arena *arena, const struct model *model,
		 const char *name, struct json_object *contract,
		 struct row_stream **stream)
{
	struct parsing parsing = { arena, ARENA_NEW(arena, struct row_stream),
				   NULL };
	const char *root = text_of(&parsing, contract, "RootEntityName");

	*stream = parsing.stream;
	(*stream)->name = arena_strdup(arena, name);
	(*stream)->entity = model_entity(model, root);
	if (!(*stream)->entity)
		(*stream)->entity =
			model_entity(model, schema_snake_case(arena, root));
	if (!(*stream)->entity && !strcmp(root, "user"))
		(*stream)->entity = model->user_account;
	if (!(*stream)->entity)
		refuse(&parsing,
		       arena_printf(arena, "there is no entity %s", root));
	parse_list(&parsing, tree_member(contract, "Columns"), parse_column);
	parse_list(&parsing, tree_member(contract, "Transformations"),
		   parse_step);
	parse_parameters(&parsing,
			 tree_item(tree_member(contract, "QueryParams"), 0));
	if (!parsing.fault)
		return NULL;
	return error_new(arena, 422, "invalid-schema", "stream %s: %s", name,
			 parsing.fault);
}

/* Rows. */

static const char READ_STREAMS[] =
	"SELECT stream_name, stream_contract FROM stream"
	" WHERE enable AND stream_name <> '' ORDER BY id";

static const char READ_STREAM[] =
	"SELECT coalesce(stream_name, ''), stream_contract FROM stream"
	" WHERE reference_id = $1::uuid";

static void
release(void *object)
{
	json_object_put(object);
}

struct error *
row_stream_written(struct db *db, struct arena *arena, const char *id,
		   const char **name, struct json_object **contract)
{
	const char *text;
	struct rows *rows;
	struct error *error =
		db_query(db, arena, READ_STREAM, PARAMS(id), &rows);

	if (error)
		return error;
	if (!rows_count(rows))
		return error_new(arena, 404, "not-found",
				 "There is no such stream.");
	*name = rows_text(rows, 0, 0);
	text = rows_text(rows, 0, 1);
	*contract = json_tokener_parse(text ? text : "");
	arena_defer(arena, release, *contract);
	return NULL;
}

static bool
is_taken(const struct model *model, const char *name)
{
	return model_entity(model, name) || !strcmp(name, "user") ||
	       model_stream(model, name);
}

static void
take_stream(struct arena *scratch, struct model *model, const char *name,
	    const char *text)
{
	struct json_object *contract = json_tokener_parse(text ? text : "");
	struct row_stream *stream;
	struct error *error = NULL;

	if (is_taken(model, name))
		error = error_new(scratch, 422, "name-taken",
				  "The name is that of something else.");
	if (!error)
		error = row_stream_parse(model->arena, model, name, contract,
					 &stream);
	json_object_put(contract);
	if (error)
		log_event(LOG_WARNING, "bad-stream", "name", name, "cause",
			  error->detail, NULL);
	else
		ARENA_PUSH(model->arena, model->streams, model->nstreams,
			   stream);
}

struct error *
row_stream_load(struct db *db, struct arena *scratch, struct model *model)
{
	struct rows *rows;
	struct error *error =
		db_query(db, scratch, READ_STREAMS, NO_PARAMS, &rows);

	for (size_t i = 0; !error && i < rows_count(rows); i++)
		take_stream(scratch, model, rows_text(rows, i, 0),
			    rows_text(rows, i, 1));
	return error;
}

const struct row_stream *
model_stream(const struct model *model, const char *name)
{
	for (size_t i = 0; i < model->nstreams; i++)
		if (!strcmp(model->streams[i]->name, name))
			return model->streams[i];
	return NULL;
}
