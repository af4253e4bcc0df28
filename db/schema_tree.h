/*
 * schema_tree.h: walks the JSON tree of a schema file by tables of members,
 * and collects faults and warnings with their key paths. For the schema_*.c
 * files only.
 */
#ifndef ACTD_SCHEMA_TREE_H
#define ACTD_SCHEMA_TREE_H

#include "db/model.h"

/* One reading of one file. */
struct reader {
	struct arena *arena;
	const char *file;
	bool is_system;
	struct schema *schema;
	struct error *faults;
};

/* Where in the tree we are; a key, or without one an index. */
struct path {
	const struct path *parent; /* NULL: the top */
	const char *key;
	size_t index;
};

/* 422 "invalid-schema": "FILE: Tables[2].Columns[0].DataType: …". */
void reader_fault(struct reader *reader, const struct path *path,
		  const char *format, ...) PRINTF(3, 4);
void reader_warn(struct reader *reader, const struct path *path,
		 const char *format, ...) PRINTF(3, 4);

/* Reads the value of a member into `field`. */
typedef void member_reader(struct reader *reader, const struct path *path,
			   struct json_object *value, void *field);

/* A member of an object; a NULL reader accepts it and leaves it alone. */
struct member {
	const char *name;
	member_reader *read;
	size_t offset; /* of the field in the record */
};

struct member_table {
	const struct member *members;
	size_t count;
};

#define MEMBER_TABLE(array) ((struct member_table){ array, ARRAY_SIZE(array) })

/*
 * Reads every member of `object` that the table has into `record`; names
 * match without regard to case, null is absent, the rest are warnings.
 */
void read_members(struct reader *reader, const struct path *path,
		  struct json_object *object, struct member_table table,
		  void *record);

/* The member, without regard to case; NULL where it is absent or null. */
struct json_object *tree_member(struct json_object *object, const char *name);

/* The object at a place, a one-element list opened; a fault otherwise. */
struct json_object *tree_object(struct reader *reader, const struct path *path,
				struct json_object *value);

/* A list's items; what is no list counts as its only item. */
size_t tree_length(struct json_object *value);
struct json_object *tree_item(struct json_object *value, size_t index);

/* Keeps `value` alive as long as the arena; gives it back. */
struct json_object *tree_keep(struct arena *arena, struct json_object *value);

/* Its JSON text, without blanks. */
const char *tree_json(struct arena *arena, struct json_object *value);

/* Readers of scalars. Fields: const char *, const char *, bool, int64_t. */
member_reader read_text;
member_reader read_name_snake_case;
member_reader read_boolean;
member_reader read_permission; /* 2018's decimal layout is converted */
member_reader read_text_list;  /* field: struct text_list */
member_reader read_taggings;   /* field: struct tagging_list */
member_reader read_grants;     /* field: struct grant_list */

/* Pairs of pointer and count as the records of model.h have them. */
struct text_list {
	const char **items;
	size_t count;
};
struct tagging_list {
	struct tagging *items;
	size_t count;
};
struct grant_list {
	struct group_grant *items;
	size_t count;
};

/* The text of a scalar, or NULL with a fault. */
const char *tree_text(struct reader *reader, const struct path *path,
		      struct json_object *value);

#endif
