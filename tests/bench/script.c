/*
 * script.c: what JavaScript values cost a worker: the first and the further
 * expressions of a run beside a plain path, in microseconds of real time.
 * `script EVALUATOR [RUNS [PAUSE]]`, a pause before each run in microseconds;
 * exits with 1 where a bar is missed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "handlers/script.h"

#define FIRST_MAX_US 500
#define FURTHER_MAX_US 50
#define FURTHER 10

static const char SCOPE[] =
	"{\"title\":\"Emma\",\"attributes\":{\"title\":\"Emma\"},"
	"\"user\":{\"__type\":\"user_account\",\"id\":7,\"name\":\"Ann\","
	"\"reference_id\":\"0b3d3f4e-6a0e-4a57-9d3d-2f9be5d1a111\","
	"\"email\":\"ann@example.com\"},"
	"\"subject\":{\"reference_id\":\"0b3d3f4e-6a0e-4a57-9d3d-2f9be5d1a112\","
	"\"title\":\"Emma\",\"pages\":320,\"created_at\":\"2030-01-31T00:00:00Z\","
	"\"note\":\"a text of some length, as rows of tables have them\"}}";

static double
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static double
evaluate(struct arena *arena, const char *text, struct json_object *scope,
	 const struct evaluator *evaluator)
{
	struct json_object *template = json_object_new_string(text);
	struct json_object *value;
	bool absent;
	double begin = now_us();
	struct error *error = expr_evaluate(arena, template, scope, evaluator,
					    &value, &absent);
	double took = now_us() - begin;

	json_object_put(template);
	if (error) {
		fprintf(stderr, "%s: %s\n", error->code, error->detail);
		exit(EXIT_FAILURE);
	}
	return took;
}

static int
compare(const void *a, const void *b)
{
	double left = *(const double *)a;
	double right = *(const double *)b;

	return (left > right) - (left < right);
}

static double
tell(const char *name, double *times, size_t count)
{
	qsort(times, count, sizeof *times, compare);
	printf("%-28s median %7.1f us   99%% %7.1f us\n", name,
	       times[count / 2], times[count * 99 / 100]);
	return times[count / 2];
}

int
main(int count, char **arguments)
{
	size_t runs = count > 2 ? strtoul(arguments[2], NULL, 10) : 2000;
	unsigned long pause_us =
		count > 3 ? strtoul(arguments[3], NULL, 10) : 0;
	struct json_object *scope = json_tokener_parse(SCOPE);
	double *plain = calloc(runs, sizeof *plain);
	double *first = calloc(runs, sizeof *first);
	double *further = calloc(runs * FURTHER, sizeof *further);
	struct arena *arena = arena_new();
	struct script_host host;
	double start;

	if (count < 2 || !plain || !first || !further || !runs)
		return EXIT_FAILURE;
	script_host_init(&host, arguments[1], 100);
	for (size_t i = 0; i < runs; i++) {
		struct evaluator run = script_evaluator(arena, &host);

		plain[i] = evaluate(arena, "!subject.title", scope, &run);
		arena_reset(arena);
	}
	start = now_us();
	struct evaluator warm = script_evaluator(arena, &host);

	evaluate(arena, "!title + 1", scope, &warm);
	printf("%-28s        %7.1f us\n", "start of an evaluator",
	       now_us() - start);
	arena_reset(arena);
	for (size_t i = 0; i < runs; i++) {
		struct evaluator run = script_evaluator(arena, &host);

		if (pause_us) /* as between requests */
			usleep((useconds_t)pause_us);
		first[i] = evaluate(arena, "!`${user.name}: ${title}`", scope,
				    &run);
		for (size_t j = 0; j < FURTHER; j++)
			further[i * FURTHER + j] = evaluate(
				arena, "!subject.pages * 2 + title.length",
				scope, &run);
		arena_reset(arena);
	}
	tell("a plain path", plain, runs);
	bool good = tell("the first of a run", first, runs) <= FIRST_MAX_US;

	good = tell("each further one", further, runs * FURTHER) <=
		       FURTHER_MAX_US &&
	       good;
	script_host_release(&host);
	json_object_put(scope);
	arena_free(arena);
	free(plain);
	free(first);
	free(further);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
