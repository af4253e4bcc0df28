/*
 * state.h: rows in the states of a machine (wire/schema.md section 9): a row
 * of {entity}_state is one machine that runs for one row. Only here are such
 * rows made and changed. Which machines there are is rows of `smd`.
 */
#ifndef ACTD_STATE_H
#define ACTD_STATE_H

#include "db/row.h"

/*
 * Starts the machine `machine` (reference id of an smd row) for the row `id`
 * of `entity`: makes `*row` of its state entity, owned by the caller. Needs
 * Execute on the machine and Read on the row; 404, 403; 400 where `entity`
 * tracks no states.
 */
struct error *state_start(const struct row_context *context,
			  const struct entity *entity, const char *id,
			  const char *machine, struct row *row) MUST_CHECK;

/*
 * Moves the state row `id` of `entity` by an event of its machine and keeps
 * the row as it was in the history; the caller finishes the transaction. The
 * row is locked first, so that of two at once the second sees what the first
 * did. Needs Execute on the state row and Read on its subject. 404 for an
 * event that the machine has not; 409 where it is not possible now, naming
 * those that are.
 */
struct error *state_move(const struct row_context *context,
			 const struct entity *entity, const char *id,
			 const char *event, struct row *row) MUST_CHECK;

/*
 * The machines linked to an entity (world has_many smd) that the caller may
 * see or start, as rows of `smd`.
 */
struct error *state_machines(const struct row_context *context,
			     const struct entity *entity,
			     struct row *machines) MUST_CHECK;

#endif
