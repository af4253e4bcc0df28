/*
 * background_test.c: jobs and the outbox against a real PostgreSQL
 * ($ACTD_DATABASE). The performer of the effects exists only here.
 */
#include "tests/unit/support.h"

#include <stdlib.h>
#include <string.h>

#include "db/migrate.h"
#include "handlers/background.h"
#include "handlers/schema.h"

struct fixture {
	struct arena *arena;
	struct db_settings db_settings;
	struct settings settings;
	struct shared shared;
	struct db *db;
	struct model *model;
	struct request request;
	struct actor actor;
	struct run run;
};

static int performed;	/* how often the effect was */
static int fails_with;	/* status; 0: it succeeds */
static const char *ran; /* run->job_id of the last */

static struct error *
effect(struct run *run, struct json_object *input, struct reply *reply)
{
	const char *word =
		json_object_get_string(json_object_object_get(input, "word"));

	assert_string_equal(word, "h\303\251llo");
	performed++;
	ran = run->job_id;
	run_progress(run, 3, 4, "words");
	if (fails_with)
		return error_new(run->request->arena, fails_with,
				 "effect-failed", "it did not work");
	reply_notify(reply, "success", "Done", word);
	return NULL;
}

static const struct performer performer_effect = {
	.name = "test.effect",
	.perform = effect,
};

static const char *
ask(struct fixture *t, const char *sql)
{
	return query_text(t->db, t->arena, sql);
}

static int
group_setup(void **state)
{
	static const unsigned char key[32] = "0123456789abcdef0123456789abcde";
	struct fixture *t = calloc(1, sizeof *t);
	struct schema *schema;

	t->arena = arena_new();
	t->db_settings = database_settings();
	t->settings = (struct settings){
		.values = { .hash_cost = 4, .encryption_key = key },
		.files.folder = "/tmp",
	};
	t->db = db_new(&t->db_settings);
	atomic_store(&t->shared.generation, 1);
	schema = ARENA_NEW(t->arena, struct schema);
	empty_database(t->db, t->arena);
	expect_success(schema_add_system(t->arena, schema));
	expect_success(schema_apply(t->db, t->arena, schema, false, NULL));
	expect_success(db_finish(t->db, t->arena));
	expect_success(model_load(t->db, t->arena, &t->model));
	t->model->generation = 1;
	*state = t;
	return 0;
}

static int
group_teardown(void **state)
{
	struct fixture *t = *state;

	db_free(t->db);
	arena_free(t->model->arena);
	arena_free(t->arena);
	free(t);
	return 0;
}

static int
setup(void **state)
{
	struct fixture *t = *state;

	arena_reset(t->arena);
	expect_success(db_execute(t->db, t->arena, "DELETE FROM job"));
	performed = fails_with = 0;
	ran = NULL;
	t->actor = actor_guest;
	t->request = (struct request){
		.arena = t->arena,
		.db = t->db,
		.settings = &t->settings,
		.shared = &t->shared,
		.model_slot = &t->model,
		.model = t->model,
		.actor = &t->actor,
	};
	t->run = (struct run){ .request = &t->request, .actor = &t->actor };
	return 0;
}

static void
release(void *object)
{
	json_object_put(object);
}

static struct json_object *
input_of(struct fixture *t)
{
	struct json_object *input = json_object_new_object();

	arena_defer(t->arena, release, input);
	json_object_object_add(input, "word",
			       json_object_new_string("h\303\251llo"));
	return input;
}

static void
queue_effect(struct fixture *t)
{
	db_begin(t->db);
	expect_success(outbox_add(&t->run, "test.effect", input_of(t)));
	expect_success(db_finish(t->db, t->arena));
}

static struct job *
take(struct fixture *t, const char *worker)
{
	struct job *job;

	expect_success(job_take(t->db, t->arena, worker, &job));
	return job;
}

static struct error *
deliver(struct fixture *t, const struct job *job)
{
	struct background background = {
		.job = job,
		.progress = { .total = -1 },
	};

	return background_deliver(&t->request, &background, &performer_effect,
				  input_of(t));
}

static void
an_effect_waits_for_its_transaction(void **state)
{
	struct fixture *t = *state;

	db_begin(t->db);
	expect_success(outbox_add(&t->run, "test.effect", input_of(t)));
	db_abandon(t->db);
	assert_null(take(t, "a"));
	queue_effect(t);
	assert_string_equal(take(t, "a")->performer, "test.effect");
	assert_int_equal(performed, 0);
}

static void
a_dry_run_only_tells_its_effects(void **state)
{
	struct fixture *t = *state;

	t->run.dry_run = true;
	t->run.effects = json_object_new_array();
	arena_defer(t->arena, release, t->run.effects);
	expect_success(outbox_add(&t->run, "test.effect", input_of(t)));
	assert_string_equal(
		json_object_get_string(json_object_object_get(
			json_object_array_get_idx(t->run.effects, 0),
			"performer")),
		"test.effect");
	assert_null(take(t, "a"));
}

static void
a_delivered_effect_is_over(void **state)
{
	struct fixture *t = *state;
	struct job *job;

	queue_effect(t);
	job = take(t, "a");
	expect_success(deliver(t, job));
	assert_int_equal(performed, 1);
	assert_string_equal(ran, job->reference_id);
	assert_string_equal(ask(t, "SELECT state || done || total || unit "
				   "FROM job"),
			    "succeeded34words");
	assert_string_equal(ask(t, "SELECT count(*) FROM actd_job_input"), "0");
	expect_error(deliver(t, job), 409, "job-lost");
}

static void
an_input_is_sealed_and_comes_back(void **state)
{
	struct fixture *t = *state;
	struct background background = { 0 };

	queue_effect(t);
	assert_string_equal(ask(t, "SELECT count(*) FROM actd_job_input WHERE "
				   "encode(data, 'escape') LIKE '%llo%'"),
			    "0");
	background.job = take(t, "a");
	/* the registry has no such performer, so it was read till there */
	expect_error(background_perform(&t->request, &background), 422,
		     "unknown-performer");
}

static void
a_failed_effect_pauses_longer_each_time(void **state)
{
	static const int64_t pauses[] = {
		30, 60, 120, 240, 480, 960, 1920, -1
	};
	struct fixture *t = *state;
	struct error *error;
	struct job *job;

	queue_effect(t);
	fails_with = 502;
	for (size_t i = 0; i < ARRAY_SIZE(pauses); i++) {
		job = take(t, "a");
		assert_int_equal(job->attempt, i + 1);
		error = deliver(t, job);
		expect_error(error, 502, "effect-failed");
		assert_int_equal(
			background_pause(job, error->status, error->code),
			pauses[i]);
		expect_success(
			job_retry(t->db, t->arena, job, 30, error->detail));
		assert_null(take(t, "a"));
		ask(t, "UPDATE job SET run_after = now()");
	}
	job->performer = NULL;
	job->attempt = 1;
	assert_int_equal(background_pause(job, 422, "x"), -1);
	assert_int_equal(background_pause(job, 500, "x"), -1);
	assert_int_equal(background_pause(job, 409, "retry"), 1);
	assert_int_equal(background_pause(job, 503, "x"), 1);
}

static void
each_job_is_taken_once(void **state)
{
	struct fixture *t = *state;
	struct db *other = db_new(&t->db_settings);
	struct job *one, *two, *three;

	queue_effect(t);
	queue_effect(t);
	db_begin(t->db);
	one = take(t, "a"); /* and still in its transaction */
	expect_success(job_take(other, t->arena, "b", &two));
	expect_success(job_take(other, t->arena, "b", &three));
	assert_int_not_equal(one->id, two->id);
	assert_null(three);
	expect_success(db_finish(t->db, t->arena));
	db_free(other);
}

static void
a_lost_lease_means_another_attempt(void **state)
{
	struct fixture *t = *state;
	const struct job_progress progress = { 0, -1, NULL };
	enum job_hold hold;
	struct job *job;

	queue_effect(t);
	job = take(t, "a");
	expect_success(job_recover(t->db, t->arena));
	expect_success(job_beat(t->db, t->arena, job, &progress, &hold));
	assert_int_equal(hold, JOB_HELD);
	ask(t, "UPDATE job SET heartbeat_at = now() - interval '11 seconds'");
	expect_success(job_recover(t->db, t->arena));
	expect_success(job_beat(t->db, t->arena, job, &progress, &hold));
	assert_int_equal(hold, JOB_LOST);
	assert_int_equal(take(t, "b")->attempt, 2);
	expect_error(deliver(t, job), 409, "job-lost");
	assert_string_equal(ask(t, "SELECT state FROM job"), "running");
	ask(t, "UPDATE job SET attempts = 8,"
	       " heartbeat_at = now() - interval '11 seconds'");
	expect_success(job_recover(t->db, t->arena));
	assert_string_equal(ask(t, "SELECT state FROM job"), "failed");
	assert_string_equal(ask(t, "SELECT count(*) FROM actd_job_input"), "0");
}

static void
a_cancelled_job_does_not_succeed(void **state)
{
	struct fixture *t = *state;
	const struct job_progress progress = { 0, -1, NULL };
	const char *was;
	enum job_hold hold;
	struct job *job;

	queue_effect(t);
	job = take(t, "a");
	expect_success(job_cancel(t->db, t->arena, job->reference_id, &was));
	assert_string_equal(was, "running");
	expect_success(job_beat(t->db, t->arena, job, &progress, &hold));
	assert_int_equal(hold, JOB_CANCEL_WANTED);
	expect_error(deliver(t, job), 409, "job-lost");
	expect_success(job_end(t->db, t->arena, job, "cancelled", "x"));
	expect_success(job_cancel(t->db, t->arena, job->reference_id, &was));
	assert_string_equal(was, "cancelled");
	expect_success(job_cancel(
		t->db, t->arena, "00000000-0000-4000-8000-00000000dead", &was));
	assert_null(was);
}

static void
old_jobs_are_forgotten(void **state)
{
	const struct retention retention = { .idempotency_hours = 24,
					     .job_days = 30 };
	struct fixture *t = *state;
	bool is_done;

	queue_effect(t);
	expect_success(job_end(t->db, t->arena, take(t, "a"), "failed", "x"));
	expect_success(retention_apply(t->db, t->arena, t->model, &retention,
				       &is_done));
	assert_string_equal(ask(t, "SELECT count(*) FROM job"), "1");
	ask(t, "UPDATE job SET finished_at = now() - interval '31 days'");
	expect_success(retention_apply(t->db, t->arena, t->model, &retention,
				       &is_done));
	assert_string_equal(ask(t, "SELECT count(*) FROM job"), "0");
	assert_true(is_done);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(an_effect_waits_for_its_transaction,
				       setup),
		cmocka_unit_test_setup(a_dry_run_only_tells_its_effects, setup),
		cmocka_unit_test_setup(a_delivered_effect_is_over, setup),
		cmocka_unit_test_setup(an_input_is_sealed_and_comes_back,
				       setup),
		cmocka_unit_test_setup(a_failed_effect_pauses_longer_each_time,
				       setup),
		cmocka_unit_test_setup(each_job_is_taken_once, setup),
		cmocka_unit_test_setup(a_lost_lease_means_another_attempt,
				       setup),
		cmocka_unit_test_setup(a_cancelled_job_does_not_succeed, setup),
		cmocka_unit_test_setup(old_jobs_are_forgotten, setup),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
