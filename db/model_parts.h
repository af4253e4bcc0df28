/*
 * model_parts.h: what model_build.c and model_generate.c share while a model
 * is built. Private to them.
 */
#ifndef ACTD_MODEL_PARTS_H
#define ACTD_MODEL_PARTS_H

#include "db/model.h"
#include "db/name_index.h"

#define STANDARD_COLUMNS 6

struct builder {
	struct arena *arena;
	struct model *model;
	struct column *standard[STANDARD_COLUMNS]; /* of all entities */
	struct name_index entities;		   /* by name */
	struct name_index relations;		   /* by ends and names */
	struct error *faults;
};

/* 422 "invalid-schema". */
void builder_fault(struct builder *builder, const char *format, ...)
	PRINTF(2, 3);

/* belongs_to and has_one: a column of the subject. */
bool relation_is_to_one(const struct relation *relation);

/* The entity of that name, made where there is none. */
struct entity *builder_entity(struct builder *builder, const char *name);

/* The entity that a name in a schema means ("user" of 2018), or NULL. */
struct entity *builder_find(const struct builder *builder, const char *name);

/*
 * The relation with these ends and names: the one that is there, or this one,
 * added.
 */
struct relation *builder_relation(struct builder *builder,
				  struct relation *relation);

/* Tables and relations that nobody wrote; before relations are resolved. */
void generate_relations(struct builder *builder);

/* Key columns and join tables of all relations. */
void generate_keys(struct builder *builder);

/* The six standard columns in front, in all entities; then history tables. */
void generate_standard_columns(struct builder *builder);
void generate_audit_entities(struct builder *builder);

#endif
