/*
 * edition_test.c: editions of a list of words, made and read by processes of
 * their own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "db/base/edition.h"

#define ROOM ((size_t)1 << 20)

struct word {
	const struct word *next;
	const char *text;
};

static int
setup(void **state)
{
	struct shared *shared = shared_new();

	edition_reserve(shared, ROOM);
	*state = shared;
	return 0;
}

static int
teardown(void **state)
{
	struct shared *shared = *state;

	munmap(shared->editions[0].memory, SHARED_EDITIONS * ROOM);
	munmap(shared, sizeof *shared);
	return 0;
}

static bool
make(struct shared *shared, const char *text, uint64_t generation)
{
	struct arena *arena;
	struct word *word, *first;
	bool done = false;

	if (!edition_lock(shared))
		return false;
	arena = edition_arena(shared);
	if (arena) {
		word = ARENA_NEW(arena, struct word);
		word->text = arena_strdup(arena, text);
		first = ARENA_NEW(arena, struct word);
		first->next = word;
		first->text = arena_printf(arena, "%s!", text);
		done = edition_publish(shared, arena, first, generation);
	}
	edition_unlock(shared);
	return done;
}

/* The exit status of a process that does it. */
static int
in_child(struct shared *shared, int (*work)(struct shared *))
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(work(shared));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static int
make_first(struct shared *shared)
{
	return make(shared, "first", 1) ? 0 : 1;
}

static const struct word *
hold(struct shared *shared, int slot, uint64_t generation)
{
	return edition_hold(shared, &shared->slots[slot], generation);
}

static void
what_one_process_builds_another_reads(void **state)
{
	struct shared *shared = *state;
	const struct word *word;

	assert_null(hold(shared, 0, 1));
	assert_int_equal(in_child(shared, make_first), 0);
	word = hold(shared, 0, 1);
	assert_non_null(word);
	assert_string_equal(word->text, "first!");
	assert_string_equal(word->next->text, "first");
	assert_null(hold(shared, 0, 2));
}

static void
the_newest_edition_is_the_one_that_is_held(void **state)
{
	struct shared *shared = *state;

	for (uint64_t generation = 1; generation <= 10; generation++)
		assert_true(make(shared, generation % 2 ? "odd" : "even",
				 generation));
	assert_string_equal(hold(shared, 0, 1)->text, "even!");
	assert_string_equal(hold(shared, 0, 10)->text, "even!");
	assert_null(hold(shared, 0, 11));
}

static void
an_edition_in_use_is_not_replaced(void **state)
{
	struct shared *shared = *state;
	const struct word *held[SHARED_EDITIONS];

	for (int i = 0; i < SHARED_EDITIONS; i++) {
		assert_true(make(shared, "held", (uint64_t)i + 1));
		held[i] = hold(shared, i, 1);
	}
	assert_false(make(shared, "none", 9));
	for (int i = 0; i < SHARED_EDITIONS; i++)
		assert_string_equal(held[i]->text, "held!");
	edition_release(&shared->slots[0]);
	assert_true(make(shared, "next", 9));
	for (int i = 1; i < SHARED_EDITIONS; i++)
		assert_string_equal(held[i]->text, "held!");
	assert_string_equal(hold(shared, 0, 9)->text, "next!");
}

static int
scribble(struct shared *shared)
{
	struct word *word = edition_hold(shared, &shared->slots[0], 1);

	signal(SIGSEGV, SIG_DFL);
	word->text = "scribbled";
	return 0;
}

static void
nobody_can_write_to_an_edition(void **state)
{
	struct shared *shared = *state;

	assert_true(make(shared, "clean", 1));
	assert_int_not_equal(in_child(shared, scribble), 0);
	assert_string_equal(hold(shared, 0, 1)->text, "clean!");
}

static int
die_in_the_middle(struct shared *shared)
{
	struct arena *arena;

	if (!edition_lock(shared))
		return 1;
	arena = edition_arena(shared);
	memset(arena_alloc(arena, 1000), 'x', 1000);
	kill(getpid(), SIGKILL);
	return 1;
}

static void
who_dies_while_he_builds_leaves_the_work_to_others(void **state)
{
	struct shared *shared = *state;

	assert_true(make(shared, "before", 1));
	assert_int_equal(in_child(shared, die_in_the_middle), 128);
	assert_string_equal(hold(shared, 0, 1)->text, "before!");
	assert_null(hold(shared, 0, 2));
	assert_true(make(shared, "after", 2));
	assert_string_equal(hold(shared, 0, 2)->text, "after!");
}

static void
one_that_has_no_room_is_refused_and_no_other_tried(void **state)
{
	struct shared *shared = *state;
	struct arena *arena;
	char *root;

	assert_true(edition_lock(shared));
	arena = edition_arena(shared);
	root = arena_strdup(arena, "root");
	memset(arena_alloc(arena, ROOM), 'x', ROOM);
	assert_false(edition_publish(shared, arena, root, 1));
	edition_unlock(shared);
	assert_null(hold(shared, 0, 1));
	assert_false(edition_lock(shared));
}

static void
an_abandoned_edition_leaves_nothing(void **state)
{
	struct shared *shared = *state;
	struct arena *arena;
	char *text;

	assert_true(edition_lock(shared));
	arena = edition_arena(shared);
	text = arena_strdup(arena, "some text");
	edition_abandon(shared, arena);
	edition_unlock(shared);
	assert_int_equal(*text, 0); /* the page is a fresh one */
	assert_null(hold(shared, 0, 1));
	assert_true(make(shared, "next", 1));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_one_process_builds_another_reads),
		TEST(the_newest_edition_is_the_one_that_is_held),
		TEST(an_edition_in_use_is_not_replaced),
		TEST(nobody_can_write_to_an_edition),
		TEST(who_dies_while_he_builds_leaves_the_work_to_others),
		TEST(one_that_has_no_room_is_refused_and_no_other_tried),
		TEST(an_abandoned_edition_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
