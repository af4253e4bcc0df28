/*
 * job.c: entity job (sql/system.yaml), table actd_job_input and the triggers
 * that notify (sql/functions.sql). Every change of a job's state is one
 * statement that names the state, the runner, and the attempt it changes.
 */
#include "db/job.h"

#include <string.h>

#include "db/base/crypto.h"
#include "db/permission.h"

/* Making. */

/* Its owner may see it and, as its subject, cancel it. */
#define JOB_PERMISSION                                                         \
	(PERMISSION_OWNER(VERB_PEEK) | PERMISSION_OWNER(VERB_READ) |           \
	 PERMISSION_OWNER(VERB_EXECUTE))

static const char CREATE[] =
	"INSERT INTO job (action_name, entity_name, performer,"
	" subject_reference_id, user_account_id, permission)"
	" VALUES ($1, $2, $3, $4, nullif($5::bigint, 0), $6)"
	" RETURNING reference_id";

/* The input itself is file 0, in one part. */
static const char STAGE[] =
	"INSERT INTO actd_job_input (job, file, part, data)"
	" SELECT id, $2::integer, $3::integer, decode($4, 'base64')"
	" FROM job WHERE reference_id = $1";

static struct error *
stage(struct db *db, struct arena *arena, const char *reference_id, size_t file,
      size_t part, const void *data, size_t size)
{
	return db_query(db, arena, STAGE,
			PARAMS(reference_id,
			       arena_integer(arena, (int64_t)file),
			       arena_integer(arena, (int64_t)part),
			       crypto_base64(arena, data, size)),
			NULL);
}

struct error *
job_create(struct db *db, struct arena *arena, const struct job_draft *draft,
	   const char **reference_id)
{
	struct rows *rows;
	struct error *error;

	db_begin(db);
	error = db_query(db, arena, CREATE,
			 PARAMS(draft->action, draft->entity, draft->performer,
				draft->subject,
				arena_integer(arena, draft->owner),
				arena_integer(arena, JOB_PERMISSION)),
			 &rows);
	if (error)
		return error;
	*reference_id = rows_text(rows, 0, 0);
	return stage(db, arena, *reference_id, 0, 0, draft->input,
		     strlen(draft->input));
}

struct error *
job_stage(struct db *db, struct arena *arena, const char *reference_id,
	  size_t file, size_t part, const void *data, size_t size)
{
	return stage(db, arena, reference_id, file + 1, part, data, size);
}

/* Taking. */

static const char TAKE[] =
	"UPDATE job SET state = 'running', worker = $1,"
	" attempts = attempts + 1, error = NULL, started_at = now(),"
	" heartbeat_at = now(), updated_at = now(), version = version + 1"
	" WHERE id = (SELECT id FROM job"
	"  WHERE state = 'queued' AND run_after <= now()"
	"  ORDER BY run_after, id LIMIT 1 FOR UPDATE SKIP LOCKED)"
	" RETURNING id, reference_id, action_name, entity_name, performer,"
	" attempts";

static struct job *
read_job(struct arena *arena, const struct rows *rows, const char *worker)
{
	struct job *job = ARENA_NEW(arena, struct job);

	*job = (struct job){
		.id = rows_integer(rows, 0, 0),
		.reference_id = rows_text(rows, 0, 1),
		.action = rows_text(rows, 0, 2),
		.entity = rows_text(rows, 0, 3),
		.performer = rows_text(rows, 0, 4),
		.attempt = rows_integer(rows, 0, 5),
		.worker = worker,
	};
	return job;
}

struct error *
job_take(struct db *db, struct arena *arena, const char *worker,
	 struct job **job)
{
	struct rows *rows;
	struct error *error = db_query(db, arena, TAKE, PARAMS(worker), &rows);

	*job = error || !rows_count(rows) ? NULL
					  : read_job(arena, rows, worker);
	return error;
}

static const char HELD[] =
	"SELECT id, reference_id, action_name, entity_name, performer,"
	" attempts FROM job WHERE id = $1::bigint AND worker = $2"
	" AND attempts = $3::integer AND state = 'running'";

struct error *
job_held(struct db *db, struct arena *arena, int64_t id, const char *worker,
	 int64_t attempt, struct job **job)
{
	struct rows *rows;
	struct error *error = db_query(db, arena, HELD,
				       PARAMS(arena_integer(arena, id), worker,
					      arena_integer(arena, attempt)),
				       &rows);

	*job = error || !rows_count(rows) ? NULL
					  : read_job(arena, rows, worker);
	return error;
}

static const char READ_INPUT[] =
	"SELECT encode(data, 'base64') FROM actd_job_input"
	" WHERE job = $1::bigint AND file = $2::integer"
	" AND part = $3::integer";

static struct error *
read_part(struct db *db, struct arena *arena, const struct job *job,
	  size_t file, size_t part, unsigned char **data, size_t *size)
{
	struct rows *rows;
	struct error *error =
		db_query(db, arena, READ_INPUT,
			 PARAMS(arena_integer(arena, job->id),
				arena_integer(arena, (int64_t)file),
				arena_integer(arena, (int64_t)part)),
			 &rows);

	*data = NULL;
	if (error || !rows_count(rows))
		return error;
	if (!crypto_base64_decode(arena, rows_text(rows, 0, 0),
				  rows_length(rows, 0, 0), data, size))
		return error_internal(arena, "bad input of job %s",
				      job->reference_id);
	return NULL;
}

struct error *
job_input(struct db *db, struct arena *arena, const struct job *job,
	  const char **input)
{
	unsigned char *data = NULL;
	size_t size;
	struct error *error = read_part(db, arena, job, 0, 0, &data, &size);

	if (!error && !data)
		error = error_internal(arena, "no input of job %s",
				       job->reference_id);
	*input = (const char *)data;
	return error;
}

struct error *
job_file(struct db *db, struct arena *arena, const struct job *job, size_t file,
	 size_t part, unsigned char **data, size_t *size)
{
	return read_part(db, arena, job, file + 1, part, data, size);
}

/* Holding. */

static const char BEAT[] =
	"UPDATE job SET heartbeat_at = now(), done = $4::bigint,"
	" total = nullif($5::bigint, -1), unit = $6"
	" WHERE id = $1::bigint AND worker = $2 AND attempts = $3::integer"
	" AND state = 'running' RETURNING is_cancel_requested";

struct error *
job_beat(struct db *db, struct arena *arena, const struct job *job,
	 const struct job_progress *progress, enum job_hold *hold)
{
	struct rows *rows;
	struct error *error = db_query(
		db, arena, BEAT,
		PARAMS(arena_integer(arena, job->id), job->worker,
		       arena_integer(arena, job->attempt),
		       arena_integer(arena, progress->done),
		       arena_integer(arena, progress->total), progress->unit),
		&rows);

	if (error)
		return error;
	if (!rows_count(rows))
		*hold = JOB_LOST;
	else
		*hold = rows_boolean(rows, 0, 0) ? JOB_CANCEL_WANTED : JOB_HELD;
	return NULL;
}

/* Ending. */

static const char SUCCEED[] =
	"WITH ended AS (UPDATE job SET state = 'succeeded',"
	"  done = $4::bigint, total = nullif($5::bigint, -1), unit = $6,"
	"  result = $7, error = NULL, finished_at = clock_timestamp(),"
	"  updated_at = now(), version = version + 1"
	"  WHERE id = $1::bigint AND worker = $2 AND attempts = $3::integer"
	"  AND state = 'running' AND NOT is_cancel_requested RETURNING id)"
	" DELETE FROM actd_job_input USING ended WHERE job = ended.id"
	" RETURNING 1";

struct error *
job_succeed(struct db *db, struct arena *arena, const struct job *job,
	    const struct job_progress *progress, const char *result)
{
	struct rows *rows;
	struct error *error =
		db_query(db, arena, SUCCEED,
			 PARAMS(arena_integer(arena, job->id), job->worker,
				arena_integer(arena, job->attempt),
				arena_integer(arena, progress->done),
				arena_integer(arena, progress->total),
				progress->unit, result),
			 &rows);

	if (!error && !rows_count(rows))
		error = error_new(arena, 409, "job-lost",
				  "The job was cancelled or taken away.");
	return error;
}

static const char END[] =
	"WITH ended AS (UPDATE job SET state = $4, error = $5,"
	"  finished_at = now(), updated_at = now(), version = version + 1"
	"  WHERE id = $1::bigint AND worker = $2 AND attempts = $3::integer"
	"  AND state = 'running' RETURNING id)"
	" DELETE FROM actd_job_input USING ended WHERE job = ended.id";

struct error *
job_end(struct db *db, struct arena *arena, const struct job *job,
	const char *state, const char *text)
{
	return db_query(db, arena, END,
			PARAMS(arena_integer(arena, job->id), job->worker,
			       arena_integer(arena, job->attempt), state, text),
			NULL);
}

static const char RETRY[] =
	"UPDATE job SET state = 'queued', error = $5, worker = NULL,"
	" run_after = now() + make_interval(secs => $4::integer),"
	" attempts = attempts - ($4::integer = 0)::integer,"
	" updated_at = now(), version = version + 1"
	" WHERE id = $1::bigint AND worker = $2 AND attempts = $3::integer"
	" AND state = 'running'";

struct error *
job_retry(struct db *db, struct arena *arena, const struct job *job,
	  int64_t seconds, const char *text)
{
	return db_query(db, arena, RETRY,
			PARAMS(arena_integer(arena, job->id), job->worker,
			       arena_integer(arena, job->attempt),
			       arena_integer(arena, seconds), text),
			NULL);
}

static const char RECOVER[] =
	"WITH lost AS (SELECT id, is_cancel_requested AS cancelled,"
	"  attempts >= CASE WHEN performer IS NULL THEN $2::integer"
	"   ELSE $3::integer END AS spent"
	"  FROM job WHERE state = 'running'"
	"  AND heartbeat_at < now() - make_interval(secs => $1::integer)"
	"  FOR NO KEY UPDATE SKIP LOCKED),"
	" changed AS (UPDATE job SET worker = NULL, updated_at = now(),"
	"  version = version + 1,"
	"  state = CASE WHEN cancelled THEN 'cancelled'"
	"   WHEN spent THEN 'failed' ELSE 'queued' END,"
	"  error = CASE WHEN cancelled THEN 'The job was cancelled.'"
	"   ELSE 'The process that ran it went away.' END,"
	"  finished_at = CASE WHEN cancelled OR spent THEN now() END"
	"  FROM lost WHERE job.id = lost.id"
	"  RETURNING job.id, cancelled OR spent AS over)"
	" DELETE FROM actd_job_input USING changed"
	" WHERE job = changed.id AND over";

struct error *
job_recover(struct db *db, struct arena *arena)
{
	return db_query(db, arena, RECOVER,
			PARAMS(arena_integer(arena, JOB_LEASE_SECONDS),
			       arena_integer(arena, JOB_ATTEMPTS_MAX),
			       arena_integer(arena, JOB_EFFECT_ATTEMPTS_MAX)),
			NULL);
}

static const char CANCEL[] =
	"WITH was AS (SELECT id, state FROM job WHERE reference_id = $1"
	"  AND state IN ('queued', 'running') FOR NO KEY UPDATE),"
	" queued AS (UPDATE job SET is_cancel_requested = true,"
	"  state = 'cancelled', error = 'The job was cancelled.',"
	"  finished_at = now(), updated_at = now(), version = version + 1"
	"  FROM was WHERE job.id = was.id AND was.state = 'queued'"
	"  RETURNING job.id),"
	" running AS (UPDATE job SET is_cancel_requested = true,"
	"  updated_at = now(), version = version + 1"
	"  FROM was WHERE job.id = was.id AND was.state = 'running'"
	"  RETURNING job.id),"
	" cleared AS (DELETE FROM actd_job_input USING queued"
	"  WHERE job = queued.id)"
	" SELECT state FROM was";

static const char READ_STATE[] =
	"SELECT state FROM job WHERE reference_id = $1";

struct error *
job_cancel(struct db *db, struct arena *arena, const char *reference_id,
	   const char **state)
{
	struct rows *rows;
	struct error *error =
		db_query(db, arena, CANCEL, PARAMS(reference_id), &rows);

	if (!error && !rows_count(rows))
		error = db_query(db, arena, READ_STATE, PARAMS(reference_id),
				 &rows);
	if (!error)
		*state = rows_count(rows) ? rows_text(rows, 0, 0) : NULL;
	return error;
}

/* Reading. */

static const char RESULT[] =
	"SELECT result FROM job WHERE reference_id = $1::uuid"
	" AND $2::bigint IN (0, user_account_id)";

struct error *
job_result(struct db *db, struct arena *arena, const char *reference_id,
	   int64_t owner, const char **result)
{
	struct rows *rows;
	struct error *error = db_query(
		db, arena, RESULT,
		PARAMS(reference_id, arena_integer(arena, owner)), &rows);

	if (!error)
		*result = rows_count(rows) ? rows_text(rows, 0, 0) : NULL;
	return error;
}

static const char STATES[] =
	"SELECT reference_id, state, done, coalesce(total, -1), unit, error,"
	" version FROM job WHERE reference_id = ANY ($1::uuid[])";

struct error *
job_states(struct db *db, struct arena *arena, const char *ids,
	   struct job_state **states, size_t *count)
{
	struct rows *rows;
	struct error *error = db_query(db, arena, STATES, PARAMS(ids), &rows);

	if (error)
		return error;
	*count = rows_count(rows);
	*states = ARENA_ARRAY(arena, struct job_state, *count + 1);
	for (size_t i = 0; i < *count; i++)
		(*states)[i] = (struct job_state){
			.reference_id = rows_text(rows, i, 0),
			.state = rows_text(rows, i, 1),
			.progress = { rows_integer(rows, i, 2),
				      rows_integer(rows, i, 3),
				      rows_text(rows, i, 4) },
			.error = rows_text(rows, i, 5),
			.version = rows_integer(rows, i, 6),
		};
	return NULL;
}

bool
job_is_over(const char *state)
{
	return strcmp(state, "queued") != 0 && strcmp(state, "running") != 0;
}
