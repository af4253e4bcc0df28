/*
 * row_stream.h: streams: lists of an entity's rows under a name of their own,
 * with fixed parameters and steps that change each row (wire/schema.md
 * section 7). Rows of the table `stream` become parts of the model here.
 */
#ifndef ACTD_ROW_STREAM_H
#define ACTD_ROW_STREAM_H

#include "db/db.h"
#include "db/model.h"

enum row_stream_operation {
	STREAM_SELECT,	  /* keeps `names` */
	STREAM_DROP,	  /* leaves `names` out */
	STREAM_RENAME,	  /* names[0] becomes names[1] */
	STREAM_DUPLICATE, /* names[1] is a copy of names[0] */
	STREAM_FILTER	  /* keeps rows in which names[0] compares so */
};

struct row_stream_step {
	enum row_stream_operation operation;
	const char **names;
	size_t nnames;
	const char *comparator; /* "==" … "in" */
	const char *value; /* JSON text */
};

struct row_stream_parameter {
	const char *name;
	const char *value;
};

struct row_stream {
	const char *name;
	const struct entity *entity;
	struct column **columns; /* as declared, for descriptions; may be 0 */
	size_t ncolumns;
	struct row_stream_step *steps;
	size_t nsteps;
	struct row_stream_parameter *parameters;
	size_t nparameters;
};

/*
 * A stream by its contract, which lives as long as `arena` does. 422
 * "invalid-schema" that says what is wrong.
 */
struct error *row_stream_parse(struct arena *arena, const struct model *model,
			       const char *name, struct json_object *contract,
			       struct row_stream **stream) MUST_CHECK;

/* Name and contract of the row with that reference id; 404 where there is
 * none. NULL for a contract that is no JSON. */
struct error *row_stream_written(struct db *db, struct arena *arena,
				 const char *id, const char **name,
				 struct json_object **contract) MUST_CHECK;

/* Adds the streams that are on to the model, in its arena. Those that can't be
 * read, or are named as an entity is, are logged and left out. */
struct error *row_stream_load(struct db *db, struct arena *scratch,
			      struct model *model) MUST_CHECK;

/* NULL where there is none. */
const struct row_stream *model_stream(const struct model *model,
				      const char *name);

#endif
