/*
 * definition.h: rows of `action`, `task` and `stream` say what will run. What
 * could not is refused when it is written, by whatever door it comes.
 */
#ifndef ACTD_DEFINITION_H
#define ACTD_DEFINITION_H

#include "db/db.h"
#include "db/model.h"

/*
 * Whether rows of the entity are looked at: then they must be written in a
 * transaction.
 */
bool definition_is_checked(const struct model *model,
			   const struct entity *entity);

/*
 * Looks at the rows of the entity that the transaction has written: of tasks
 * at all, of actions and streams at the one with the reference id `id` (NULL:
 * none). 422 with the member at fault; nothing for other entities.
 */
struct error *definition_check(struct db *db, struct arena *arena,
			       const struct model *model,
			       const struct entity *entity,
			       const char *id) MUST_CHECK;

/*
 * The same for a task of a schema file, whose name begins each detail. Whether
 * its user is there is another question: accounts come after the files that
 * an instance starts with.
 */
struct error *definition_check_task(struct arena *arena,
				    const struct model *model, const char *file,
				    struct json_object *task) MUST_CHECK;
struct error *definition_check_task_user(struct db *db, struct arena *arena,
					 const char *file,
					 struct json_object *task) MUST_CHECK;

#endif
