/*
 * model.h: the entities, relations, actions and state machines that an
 * instance consists of, as plain data that is never changed once built and
 * has all its parts in one arena, so that processes can share it
 * (db/model_share.h). A schema file becomes a `struct schema`
 * (db/schema_file.h), schemas become a model here.
 */
#ifndef ACTD_MODEL_H
#define ACTD_MODEL_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "db/base/arena.h"
#include "db/base/error.h"
#include "db/column_type.h"
#include "db/name_index.h"

struct entity;
struct row_stream;

struct option {
	const char *value_type;
	const char *value;
	const char *label;
};

/* A member that is kept but means nothing to us, for downloads. */
struct extra_member {
	const char *name;
	const char *json; /* its value's text */
};

/* A validation or conformation: tags for a column. */
struct tagging {
	const char *column_name;
	const char *tags;
};

struct column {
	const char *name;	 /* label, "Name" */
	const char *column_name; /* on the wire */
	const char *sql_name;	 /* in the database: at most 63 bytes */
	const char *description;
	const char *column_type;   /* as written, "file.pdf|docx" */
	const char *data_type;	   /* as written; "" if missing */
	const char *default_value; /* as written, NULL if missing */
	const char *default_sql;   /* checked SQL expression, or NULL */
	const char *default_text;  /* its plain value for creates, or NULL */
	const char *sql_type;	   /* canonical PostgreSQL type */
	const struct column_type *type; /* NULL: plain text */
	enum value_kind kind;
	bool is_primary_key;
	bool is_auto_increment;
	bool is_indexed;
	bool is_unique;
	bool is_nullable;
	bool exclude_from_api;
	bool is_full_text;
	bool is_foreign_key;
	bool is_standard;	 /* one of the six of section 8.1 */
	int max_length;		 /* of varchar(n), 0: none */
	const char *data_source; /* ForeignKeyData: "self", "cloud_store" */
	const char *namespace;	 /* entity or cloud store */
	const char *key_name;	 /* "id" or folder */
	struct entity *target;	 /* of a foreign key to an entity, else NULL */
	const struct option *options;
	size_t noptions;
	int64_t permission;
	bool is_system; /* declared by sql/system.yaml */
};

enum relation_kind {
	RELATION_BELONGS_TO,
	RELATION_HAS_ONE,
	RELATION_HAS_MANY,
	RELATION_HAS_MANY_AND_BELONGS_TO_MANY
};

enum on_delete { ON_DELETE_RESTRICT, ON_DELETE_CASCADE, ON_DELETE_SET_NULL };

struct relation {
	enum relation_kind kind;
	const char *subject; /* entity names */
	const char *object;
	const char *subject_name;
	const char *object_name;
	enum on_delete on_delete;
	bool on_delete_given;
	const char *file;	 /* that wrote it, for messages; or NULL */
	struct column **columns; /* own columns of the join table */
	size_t ncolumns;
	struct relation *next_of_subject; /* while schemas are read */
	/* set by model_build(): */
	struct entity *subject_entity;
	struct entity *object_entity;
	struct entity *join; /* join entity of the two many-kinds */
	struct column *key;  /* foreign key column of the two to-one kinds */
	struct column *join_subject_key; /* columns of the join entity */
	struct column *join_object_key;
	bool is_system;	   /* declared by sql/system.yaml */
	bool is_generated; /* made by model_build(): owner, groups, state */
};

/* A relation as seen from one entity: a key of `relationships`. */
struct relationship {
	const char *name;
	const struct relation *relation;
	struct entity *target;
	bool from_subject;
	bool to_many;
};

struct group_grant {
	const char *group;  /* name */
	int64_t permission; /* 0: the default of links */
};

/* A group link of a world or action row, for checks in memory. */
struct group_link {
	int64_t group_id;
	int64_t permission;
};

struct entity {
	const char *name;  /* on the wire */
	const char *table; /* in the database */
	const char *description;
	const char *icon;
	const char *default_order;
	bool is_hidden;
	bool is_top_level;
	bool is_join_table;
	bool is_state_tracking_enabled;
	bool is_audit_enabled;
	bool is_audit_table; /* {t}_audit */
	bool is_state_table; /* {t}_state */
	bool translations_enabled;
	bool is_system; /* of sql/system.yaml, or generated from one */
	bool has_owner; /* column user_account_id */
	int64_t permission_wanted;	   /* "Permission", 0: default */
	int64_t default_permission_wanted; /* "DefaultPermission", the same */
	struct column **columns;	   /* standard columns first */
	size_t ncolumns;
	struct relationship **relationships;
	size_t nrelationships;
	struct tagging *validations;
	size_t nvalidations;
	struct tagging *conformations;
	size_t nconformations;
	const char ***composite_keys; /* lists of column names, NULL-ended */
	size_t ncomposite_keys;
	struct group_grant *default_groups;
	size_t ndefault_groups;
	struct group_grant *access_groups;
	size_t naccess_groups;
	struct extra_member *extra_members;
	size_t nextra_members;
	struct relation *group_relation; /* to usergroup, or NULL */
	struct entity *group_join;	 /* its join entity, or NULL */
	struct entity *audit;		 /* {t}_audit or NULL */
	struct entity *source;		 /* of {t}_audit: t, else NULL */
	struct entity *state;		 /* {t}_state or NULL */
	struct action **actions;
	size_t nactions;
	/* from the row of `world`, set by model_load(): */
	int64_t world_id;
	const char *world_reference_id;
	int64_t owner_id; /* 0: none */
	int64_t permission;
	int64_t default_permission;
	struct group_link *group_links;
	size_t ngroup_links;
	/* default_groups resolved; -1 stands for $home */
	struct group_link *default_links;
	size_t ndefault_links;
};

struct outcome {
	const char *type;
	const char *method;    /* upper case; "UPDATE" stays */
	const char *reference; /* or NULL */
	const char *condition; /* or NULL */
	const char *for_each;  /* or NULL */
	bool skip_in_response;
	bool continue_on_error;
	bool log_to_console;
	const char *attributes; /* JSON text, object or array; or NULL */
};

struct action {
	const char *name;
	const char *label;
	const char *on_type; /* entity */
	bool instance_optional;
	bool is_safe;	    /* "Safe": GET may run it */
	bool run_as_caller; /* "RunAs: caller" */
	bool permission_given;
	int64_t permission_wanted;
	const char **request_subject_relations;
	size_t nrequest_subject_relations;
	struct column **in_fields;
	size_t nin_fields;
	struct outcome *out_fields;
	size_t nout_fields;
	struct tagging *validations;
	size_t nvalidations;
	struct tagging *conformations;
	size_t nconformations;
	struct group_grant *access_groups;
	size_t naccess_groups;
	bool is_system;
	const char *file;      /* that wrote it, for messages; or NULL */
	struct entity *entity; /* set by model_build() */
	/* from the row of `action`, set by model_load(): */
	int64_t id;
	const char *reference_id;
	int64_t owner_id;
	int64_t permission;
	struct group_link *group_links;
	size_t ngroup_links;
};

struct state_event {
	const char *name;
	const char *label;
	const char *color;
	const char **sources;
	size_t nsources;
	const char *destination;
};

struct state_machine {
	const char *name;
	const char *label;
	const char *initial_state;
	struct state_event *events;
	size_t nevents;
};

/* One tree that schema_read() has read; it lives as long as the arena. */
struct schema_source {
	struct json_object *tree;
	const char *file;
	bool is_system;
};

/*
 * What one or more schema files say, with names only; nothing is resolved.
 * Parts that are rows of a table and nothing else (exchanges, streams, tasks,
 * marketplaces, imports) stay JSON objects with canonical member names.
 */
struct schema {
	struct entity **entities;
	size_t nentities;
	struct relation **relations;
	size_t nrelations;
	struct action **actions;
	size_t nactions;
	struct state_machine **state_machines;
	size_t nstate_machines;
	struct json_object **exchanges;
	size_t nexchanges;
	struct json_object **streams;
	size_t nstreams;
	struct json_object **tasks;
	size_t ntasks;
	struct json_object **marketplaces;
	size_t nmarketplaces;
	struct json_object **imports;
	size_t nimports;
	const char *
		*warnings; /* "schema_x.yaml: Tables[0].Colums: unknown …" */
	size_t nwarnings;
	struct schema_source *sources; /* in the order of reading */
	size_t nsources;
	/* both for reading, which fills them: */
	struct name_index entity_index;	 /* by name */
	struct name_index subject_index; /* a relation by its subject */
	bool forgets_sources; /* while reading what is never merged again */
};

struct model {
	struct arena *arena; /* owns everything below; NULL: it is shared */
	uint64_t generation; /* of shared memory, when it was loaded */
	struct entity **entities; /* sorted by name */
	size_t nentities;
	struct relation **relations;
	size_t nrelations;
	struct action **actions; /* sorted by entity, then name */
	size_t nactions;
	struct state_machine **state_machines;
	size_t nstate_machines;
	/* well known entities, never NULL in a built model */
	struct entity *world;
	struct entity *user_account;
	struct entity *usergroup;
	struct entity *action;
	struct entity *membership; /* user_account - usergroup */
	/* set by model_load(): */
	int64_t administrators_id;
	int64_t users_id;
	int64_t guests_id;
	bool has_administrator;
	struct row_stream *
		*streams; /* set by row_stream_load() (db/row_stream.h) */
	size_t nstreams;
	/* set by setting_load(); 0 and NULL: as actd.conf says */
	int64_t token_seconds;
	const char *const *cors_origins; /* beside those; NULL-ended */
};

/*
 * Builds a model of a schema: standard columns, owner, group relation, join,
 * audit and state entities, foreign keys, names in the database. Everything
 * of `schema` must live in `arena`, which the model takes over. Idempotent: a
 * schema that already holds what is generated gives the same model.
 * 422 with the key path where it can't be: an unknown entity in a relation, a
 * bad name, a duplicate.
 */
struct error *model_build(struct arena *arena, const struct schema *schema,
			  struct model **model) MUST_CHECK;

/* The standard columns, which all entities begin with, as definitions have
 * them: JSON objects with commas between them. */
const char *model_standard_columns(struct arena *arena);

/* NULL where there is none. Names as on the wire, exact. */
struct entity *model_entity(const struct model *model, const char *name);
struct column *entity_column(const struct entity *entity, const char *name);
struct relationship *entity_relationship(const struct entity *entity,
					 const char *name);
/* By entity and name; also by the other spellings of wire/decisions.md
 * ("oauth.login.begin", "oauth_login_begin"; entity "user"). */
struct action *model_action(const struct model *model, const char *entity,
			    const char *name);
struct state_machine *model_state_machine(const struct model *model,
					  const char *name);

/* The templates of an outcome, as long as `arena` lives; NULL: none. */
struct json_object *outcome_attributes(struct arena *arena,
				       const struct outcome *outcome);

/* "belongs_to" …, as schema files write it. */
const char *relation_kind_name(enum relation_kind kind);

/* Whether the column may be named by clients: not excluded from the API. */
bool column_is_visible(const struct column *column);
/* Whether clients may filter and sort by it: visible, and no secret. */
bool column_is_searchable(const struct column *column);

#endif
