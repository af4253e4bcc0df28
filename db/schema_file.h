/*
 * schema_file.h: from the JSON tree of a schema file (whatever its format
 * was) to a `struct schema`, and back to JSON text. Keys are matched without
 * regard to case; HCL's one-element lists are accepted as blocks. Knows
 * nothing of files, formats or the database.
 */
#ifndef ACTD_SCHEMA_FILE_H
#define ACTD_SCHEMA_FILE_H

#include "db/base/strbuf.h"
#include "db/model.h"

/*
 * Reads `tree` and adds what it says to `schema`, in `arena`; a table, action
 * or relation that is there is merged as wire/schema.md section 8 says (in
 * force today's behaviour: members that are present replace, columns are
 * added or refreshed, nothing is dropped). `file` names the file in errors
 * and warnings. `is_system` marks what comes from sql/system.yaml.
 * 422 "invalid-schema" whose detail begins with file and key path
 * ("schema_x.yaml: Tables[2].Columns[0].DataType: …"); all faults, not only
 * the first. On error `schema` may be half changed: throw it away.
 */
struct error *schema_read(struct arena *arena, struct json_object *tree,
			  const char *file, bool is_system,
			  struct schema *schema) MUST_CHECK;

/*
 * Reads into `schema` once more what `added` was read from, so that a member
 * that a file leaves out changes nothing. In schema_merge.c.
 */
struct error *schema_merge(struct arena *arena, struct schema *schema,
			   const struct schema *added) MUST_CHECK;

/* Notes a tree that was read, and keeps it; schema_read() does so. In
 * schema_merge.c. */
void schema_add_source(struct arena *arena, struct schema *schema,
		       struct json_object *tree, const char *file,
		       bool is_system);

/* A name in snake case as Daptin makes it: "BookCopy" -> "book_copy". */
char *schema_snake_case(struct arena *arena, const char *name);

/* One definition as JSON, all members, canonical names, Daptin's order. */
void schema_write_column(struct strbuf *buf, const struct column *column);
/* wire/schema.md section 2.2; the relations in which it is the subject are
 * in its member Relations. This is `world.world_schema_json`. */
void schema_write_entity(struct strbuf *buf, const struct model *model,
			 const struct entity *entity);
/* This is `action.action_schema`. With `for_clients`, OutFields, validations
 * and conformations are null, as /jsmodel sends it. */
void schema_write_action(struct strbuf *buf, const struct action *action,
			 bool for_clients);
void schema_write_state_machine(struct strbuf *buf,
				const struct state_machine *machine);
/*
 * The whole model as one document (wire/actions.md 5.11), indented by two
 * spaces. Generated parts (standard columns, owners, group joins) are left
 * out where reading makes them again; system entities are in it too.
 */
void schema_write_model(struct strbuf *buf, const struct model *model);

#endif
