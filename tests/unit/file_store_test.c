/*
 * file_store_test.c: contents by their hash in a folder, and which names and
 * types files may have.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "db/base/file_store.h"
#include "db/file_list.h"
#include "handlers/media_type.h"

static struct arena *arena;
static struct file_store store;

static int
setup(void **state)
{
	char folder[] = "/tmp/actd-files.XXXXXX";

	*state = NULL;
	arena = arena_new();
	if (!mkdtemp(folder))
		return -1;
	store.folder = arena_strdup(arena, folder);
	return 0;
}

static int
teardown(void **state)
{
	const char *command = arena_printf(arena, "rm -rf %s", store.folder);
	int status = system(command);

	*state = NULL;
	arena_free(arena);
	return status;
}

static struct file_digest
put(const char *text)
{
	struct file_content content = { text, strlen(text), -1 };
	struct file_digest digest;

	assert_null(file_store_measure(arena, &content, &digest));
	assert_null(file_store_put(arena, &store, &content, &digest));
	return digest;
}

static const char *
path_of(const char *hash)
{
	return arena_printf(arena, "%s/%s", store.folder,
			    file_store_path(arena, hash));
}

static void
make_old(const char *hash)
{
	const struct timespec times[2] = { { 1000, 0 }, { 1000, 0 } };

	assert_int_equal(utimensat(AT_FDCWD, path_of(hash), times, 0), 0);
}

static bool
is_there(const char *hash)
{
	int fd;

	assert_null(file_store_open(arena, &store, hash, &fd));
	return fd >= 0;
}

static size_t
count_old(const char *hash, int64_t before)
{
	const char **hashes;
	size_t count;

	assert_null(file_store_list(arena, &store, file_store_bucket(hash),
				    before, &hashes, &count));
	if (count)
		assert_string_equal(hashes[0], hash);
	return count;
}

static void
a_content_is_found_by_its_hash(void **state)
{
	struct file_digest digest = put("hello");
	char text[16] = "";
	int fd;

	*state = NULL;
	assert_int_equal(digest.size, 5);
	assert_string_equal(digest.md5, "5d41402abc4b2a76b9719d911017c592");
	assert_string_equal(digest.sha256, "2cf24dba5fb0a30e26e83b2ac5b9e29e"
					   "1b161e5c1fa7425e73043362938b9824");
	assert_null(file_store_open(arena, &store, digest.sha256, &fd));
	assert_int_equal(read(fd, text, sizeof text), 5);
	assert_string_equal(text, "hello");
	assert_false(is_there("00000000000000000000000000000000"
			      "00000000000000000000000000000000"));
}

static void
a_file_gives_the_same_as_its_bytes(void **state)
{
	struct file_digest digest = put("hello");
	struct file_content content = { .fd = -1 };
	struct file_digest other;

	*state = NULL;
	assert_null(file_store_open(arena, &store, digest.sha256, &content.fd));
	assert_null(file_store_measure(arena, &content, &other));
	assert_string_equal(other.sha256, digest.sha256);
	assert_int_equal(unlink(path_of(digest.sha256)), 0);
	assert_null(file_store_put(arena, &store, &content, &other));
	assert_true(is_there(digest.sha256));
}

static void
putting_again_makes_it_look_new(void **state)
{
	struct file_digest digest = put("again");
	struct stat first, second;

	*state = NULL;
	make_old(digest.sha256);
	assert_int_equal(stat(path_of(digest.sha256), &first), 0);
	assert_int_equal(count_old(digest.sha256, 2000), 1);
	put("again");
	assert_int_equal(count_old(digest.sha256, 2000), 0);
	assert_int_equal(stat(path_of(digest.sha256), &second), 0);
	assert_true(first.st_ino == second.st_ino);
}

static void
a_damaged_content_is_written_again(void **state)
{
	struct file_digest digest = put("whole");
	struct stat status;

	*state = NULL;
	assert_int_equal(truncate(path_of(digest.sha256), 2), 0);
	put("whole");
	assert_int_equal(stat(path_of(digest.sha256), &status), 0);
	assert_int_equal(status.st_size, 5);
}

static void
only_what_is_old_is_removed(void **state)
{
	struct file_digest digest = put("old");

	*state = NULL;
	assert_int_equal(file_store_remove(arena, &store, digest.sha256, 2000),
			 -1);
	assert_true(is_there(digest.sha256));
	make_old(digest.sha256);
	assert_int_equal(file_store_remove(arena, &store, digest.sha256, 2000),
			 3);
	assert_false(is_there(digest.sha256));
	assert_int_equal(file_store_remove(arena, &store, digest.sha256, 2000),
			 -1);
}

static void
no_room_and_no_folder_are_errors(void **state)
{
	struct file_content content = { "x", 1, -1 };
	struct file_store nowhere = { "/proc/nowhere/files" };
	struct file_digest digest;

	*state = NULL;
	assert_null(file_store_measure(arena, &content, &digest));
	assert_non_null(file_store_put(arena, &nowhere, &content, &digest));
}

static void
names_are_plain_or_refused(void **state)
{
	static const char *const plain[] = {
		"a",	"a b.txt", "100% off", "\"x\"", "\xc3\xa9.png",
		"a..b", "%zz"
	};
	static const char *const others[] = {
		"",	 ".",	"..",  ".x",   "a/b",	  "a\\b",     "a\nb",
		"a\x7f", "%2e", "%2F", "a%5c", "%25252e", "\xc2\x85",
	};
	char longest[FILE_NAME_MAX + 2];

	*state = NULL;
	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
		assert_true(file_name_is_plain(plain[i]));
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		assert_false(file_name_is_plain(others[i]));
	memset(longest, 'x', sizeof longest);
	longest[FILE_NAME_MAX + 1] = '\0';
	assert_false(file_name_is_plain(longest));
	longest[FILE_NAME_MAX] = '\0';
	assert_true(file_name_is_plain(longest));
}

static void
types_come_from_the_end_of_the_name(void **state)
{
	*state = NULL;
	assert_string_equal(media_type_of("a.PNG")->name, "image/png");
	assert_true(media_type_of("a.png")->is_inline);
	assert_string_equal(media_type_of("a.png.html")->name,
			    "text/html; charset=utf-8");
	assert_false(media_type_of("a.html")->is_inline);
	assert_false(media_type_of("a.svg")->is_inline);
	assert_string_equal(media_type_of("png")->name,
			    "application/octet-stream");
	assert_false(media_type_of("a.")->is_inline);
}

#define TEST(function)                                                         \
	cmocka_unit_test_setup_teardown(function, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_content_is_found_by_its_hash),
		TEST(a_file_gives_the_same_as_its_bytes),
		TEST(putting_again_makes_it_look_new),
		TEST(a_damaged_content_is_written_again),
		TEST(only_what_is_old_is_removed),
		TEST(no_room_and_no_folder_are_errors),
		TEST(names_are_plain_or_refused),
		TEST(types_come_from_the_end_of_the_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
