/*
 * generate_random_data: generate.random.data makes rows of an entity with
 * plausible values, as the caller, all or none. The same seed in the same
 * tables gives the same values. A dry run makes some of them only.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db/base/crypto.h"
#include "db/base/json.h"
#include "db/bulk.h"
#include "db/sample.h"
#include "handlers/engine.h"
#include "handlers/fake.h"
#include "handlers/input.h"
#include "handlers/record.h"

#define COUNT_MAX 1000000
/* Rows that random keys are chosen from. */
#define KEYS_MAX 10000
/* Progress is told each so many rows. */
#define PROGRESS_ROWS 2000
/* Rows of a dry run. */
#define DRY_RUN_ROWS 100
/* Passwords are random themselves: a cheap hash of them tells nothing. */
#define HASH_COST 4

struct generation {
	struct run *run;
	const struct entity *entity;
	int64_t count;
	struct row_context context;
	struct value_settings values;
	struct fake *fake;
	const struct column **columns; /* the reference id is the first */
	struct fake_column **fakes;    /* NULL for the reference id */
	size_t ncolumns;
	const char **made; /* reference ids of a dry run */
};

/* Inputs. */

static struct error *
read_number(struct run *run, struct json_object *input, const char *name,
	    int64_t low, int64_t high, int64_t *number)
{
	struct json_object *value = json_object_object_get(input, name);
	const char *text = json_object_get_string(value);
	char *end = NULL;

	errno = 0;
	if (text)
		*number = strtoll(text, &end, 10);
	if (end && end != text && !*end && !errno && *number >= low &&
	    *number <= high)
		return NULL;
	return error_at(
		error_new(run->request->arena, 400, "bad-number",
			  "%s must be a whole number from %lld to "
			  "%lld",
			  name, (long long)low, (long long)high),
		arena_printf(run->request->arena, "/attributes/%s", name));
}

static struct error *
find_entity(struct run *run, struct json_object *input,
	    const struct entity **entity)
{
	const char *name = json_object_get_string(
		json_object_object_get(input, "table_name"));

	if (!name || !*name)
		name = json_object_get_string(
			json_object_object_get(run->subject, "table_name"));
	if (!name || !*name)
		return error_at(error_new(run->request->arena, 400, "required",
					  "world_id or table_name is needed"),
				"/attributes/table_name");
	*entity = model_entity(run->request->model, name);
	if (*entity)
		return NULL;
	return error_new(run->request->arena, 404, "unknown-entity",
			 "there is no entity %.100s", name);
}

static struct error *
read_seed(struct run *run, struct json_object *input, uint64_t *seed)
{
	int64_t number = 0;
	struct error *error;

	if (!json_object_object_get(input, "seed")) {
		crypto_random(seed, sizeof *seed);
		return NULL;
	}
	error = read_number(run, input, "seed", INT64_MIN, INT64_MAX, &number);
	*seed = (uint64_t)number;
	return error;
}

/* Columns. */

static bool
is_filled(const struct entity *entity, const struct column *column)
{
	return !column->is_standard && !column->is_auto_increment &&
	       !(entity->has_owner &&
		 !strcmp(column->column_name, "user_account_id"));
}

/* The column of a key over several that can hold most different values. */
static const struct column *
distinct_column(const struct entity *entity, const char **names)
{
	const struct column *best = NULL;

	for (size_t i = 0; names[i]; i++) {
		const struct column *column = entity_column(entity, names[i]);

		if (!column || column->target || column->kind == VALUE_ENUM ||
		    column->kind == VALUE_BOOLEAN)
			continue;
		if (!best || column->kind == VALUE_TEXT)
			best = column;
	}
	return best;
}

static bool
is_unique(const struct entity *entity, const struct column *column)
{
	if (column->is_unique)
		return true;
	for (size_t i = 0; i < entity->ncomposite_keys; i++)
		if (distinct_column(entity, entity->composite_keys[i]) ==
		    column)
			return true;
	return false;
}

static struct error *
find_keys(const struct generation *generation, struct fake_settings *settings)
{
	const struct column *column = settings->column;
	struct error *error;
	size_t wanted = settings->is_unique && !column->is_nullable
				? (size_t)generation->count
				: 1;

	error = sample_keys(&generation->context, generation->entity, column,
			    settings->is_unique,
			    settings->is_unique ? (size_t)generation->count
						: KEYS_MAX,
			    &settings->keys, &settings->nkeys);
	if (error || column->is_nullable || settings->nkeys >= wanted)
		return error;
	return error_new(generation->run->request->arena, 409, "no-parents",
			 "there are %zu rows of %s that %s may point to, and "
			 "%zu are needed",
			 settings->nkeys, column->target->name,
			 column->column_name, wanted);
}

static struct error *
add_column(struct generation *generation, const struct column *column)
{
	struct fake_settings settings = {
		.entity = generation->entity,
		.column = column,
		.is_unique = is_unique(generation->entity, column),
	};
	struct error *error = NULL;

	if (column->target)
		error = find_keys(generation, &settings);
	else if (settings.is_unique)
		error = sample_next_number(&generation->context,
					   generation->entity, column,
					   &settings.first);
	if (error)
		return error;
	generation->columns[generation->ncolumns] = column;
	generation->fakes[generation->ncolumns++] =
		fake_column_new(generation->fake, &settings);
	return NULL;
}

static struct error *
add_columns(struct generation *generation)
{
	const struct entity *entity = generation->entity;
	struct arena *arena = generation->run->request->arena;
	struct error *error = NULL;

	generation->columns =
		ARENA_ARRAY(arena, const struct column *, entity->ncolumns + 1);
	generation->fakes =
		ARENA_ARRAY(arena, struct fake_column *, entity->ncolumns + 1);
	generation->columns[generation->ncolumns++] =
		entity_column(entity, "reference_id");
	for (size_t i = 0; !error && i < entity->ncolumns; i++)
		if (is_filled(entity, entity->columns[i]))
			error = add_column(generation, entity->columns[i]);
	return error;
}

/* Rows. */

static struct error *
make_row(const struct generation *generation, struct bulk *bulk, int64_t row,
	 const char **texts)
{
	char id[37];

	crypto_uuid(id);
	texts[0] = id;
	if (generation->made)
		generation->made[row] =
			arena_strdup(generation->run->request->arena, id);
	fake_next_row(generation->fake);
	for (size_t i = 1; i < generation->ncolumns; i++)
		texts[i] = fake_value(generation->fake, generation->fakes[i]);
	return bulk_row(bulk, row + 1, texts, NULL);
}

static struct error *
make_rows(const struct generation *generation, struct bulk *bulk)
{
	struct run *run = generation->run;
	const char **texts = ARENA_ARRAY(run->request->arena, const char *,
					 generation->ncolumns);
	struct error *error = NULL;

	for (int64_t row = 0;
	     !error && row < generation->count && !bulk_is_lost(bulk); row++) {
		error = make_row(generation, bulk, row, texts);
		if ((row + 1) % PROGRESS_ROWS == 0)
			run_progress(run, row + 1, generation->count, "rows");
	}
	return error;
}

/* Rules that the generators don't know. */
static struct error *
misfit(const struct generation *generation, const struct bulk *bulk)
{
	size_t count;
	const struct bulk_fault *faults = bulk_faults(bulk, &count);

	return error_new(generation->run->request->arena, 409, "misfit",
			 "no random value fits %s.%s: %s; nothing was made",
			 generation->entity->name,
			 faults[0].column ? faults[0].column : "",
			 faults[0].expected);
}

static struct error *
fill(const struct generation *generation)
{
	const struct bulk_settings settings = {
		.context = &generation->context,
		.entity = generation->entity,
		.columns = generation->columns,
		.ncolumns = generation->ncolumns,
	};
	struct bulk_counts counts;
	struct bulk *bulk;
	struct error *error;
	size_t nfaults;

	error = bulk_begin(generation->run->request->arena, &settings, &bulk);
	if (error)
		return error;
	error = make_rows(generation, bulk);
	if (error)
		return error;
	error = bulk_end(bulk, &counts);
	bulk_faults(bulk, &nfaults);
	return !error && nfaults ? misfit(generation, bulk) : error;
}

/* A dry run shows its rows. */
static struct error *
show_rows(const struct generation *generation)
{
	struct row_context context = generation->context;
	struct error *error = NULL;

	context.trusted = true;
	for (int64_t i = 0; !error && generation->made && i < generation->count;
	     i++) {
		const char *id = generation->made[i];
		struct json_object *after;
		struct row row;

		error = row_read(&context, generation->entity, id, false, &row);
		if (error)
			break;
		after = row_object(&row, 0);
		run_changed(generation->run, generation->entity, id, "create",
			    NULL, after);
		json_object_put(after);
	}
	return error;
}

static struct error *
prepare(struct generation *generation, struct json_object *input,
	uint64_t *seed)
{
	struct run *run = generation->run;
	struct error *error = find_entity(run, input, &generation->entity);

	if (!error)
		error = read_number(run, input, "count", 1, COUNT_MAX,
				    &generation->count);
	if (!error)
		error = read_seed(run, input, seed);
	if (!error &&
	    !permission_table(run->actor, generation->entity, VERB_CREATE))
		error = permission_refused(run->request->arena,
					   generation->entity, VERB_CREATE);
	if (error)
		return error;
	generation->context = request_row_context(run->request, false);
	generation->context.actor = run->actor;
	generation->values = *generation->context.values;
	generation->values.hash_cost = HASH_COST;
	generation->context.values = &generation->values;
	generation->fake = fake_new(run->request->arena, *seed);
	if (run->dry_run && generation->count > DRY_RUN_ROWS)
		generation->count = DRY_RUN_ROWS;
	if (run->dry_run)
		generation->made =
			ARENA_ARRAY(run->request->arena, const char *,
				    (size_t)generation->count);
	return add_columns(generation);
}

static struct error *
generate_random_data(struct run *run, struct json_object *input,
		     struct reply *reply)
{
	struct generation generation = { .run = run };
	uint64_t seed;
	struct error *error = prepare(&generation, input, &seed);

	if (!error)
		error = fill(&generation);
	if (!error)
		error = show_rows(&generation);
	if (error)
		return error;
	if (!run->dry_run)
		run_changed_many(run, generation.entity, "create",
				 generation.count);
	run_progress(run, generation.count, generation.count, "rows");
	reply->result = json_object_new_object();
	json_keep(reply->arena, reply->result);
	json_object_object_add(reply->result, "table_name",
			       json_object_new_string(generation.entity->name));
	json_object_object_add(reply->result, "count",
			       json_object_new_int64(generation.count));
	return NULL;
}

const struct performer performer_generate_random_data = {
	.name = "generate.random.data",
	.summary = "Make rows with plausible random values",
	.pool = "long",
	.perform = generate_random_data,
};
