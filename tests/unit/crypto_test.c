/*
 * crypto_test.c: known answers (RFC 4648, FIPS 180, RFC 1321, openssl(1)) and
 * what may never come out right.
 */
#include "tests/unit/support.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "db/base/crypto.h"

static const unsigned char *const KEY =
	(const unsigned char *)"0123456789abcdef0123456789abcdef";

static void
ids_are_version_7_and_rise(void **state)
{
	char last[37] = "", next[37];

	(void)state;
	for (int i = 0; i < 20000; i++) {
		crypto_uuid(next);
		assert_true(crypto_is_uuid(next));
		assert_int_equal(next[14], '7');
		assert_non_null(strchr("89ab", next[19]));
		assert_true(strcmp(last, next) < 0);
		memcpy(last, next, sizeof last);
	}
}

static void
parent_and_child_make_different_ids(void **state)
{
	char ours[37], theirs[37];
	int pair[2];

	(void)state;
	crypto_uuid(ours);
	assert_int_equal(pipe(pair), 0);
	pid_t pid = fork();
	if (pid == 0) {
		crypto_uuid(theirs);
		_exit(write(pair[1], theirs, sizeof theirs) < 0);
	}
	crypto_uuid(ours);
	assert_int_equal(read(pair[0], theirs, sizeof theirs), sizeof theirs);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(pair[0]);
	close(pair[1]);
	assert_string_not_equal(ours + 19, theirs + 19);
}

static void
only_uuids_pass_for_uuids(void **state)
{
	(void)state;
	assert_true(crypto_is_uuid("0190163D-8694-739B-aea5-966c26f8ad91"));
	assert_false(crypto_is_uuid(""));
	assert_false(crypto_is_uuid("0190163d8694739baea5966c26f8ad91"));
	assert_false(crypto_is_uuid("0190163d-8694-739b-aea5-966c26f8ad9"));
	assert_false(crypto_is_uuid("0190163d-8694-739b-aea5-966c26f8ad911"));
	assert_false(crypto_is_uuid("0190163d-8694-739b-aea5-966c26f8ad9g"));
}

static void
digests_match_known_answers(void **state)
{
	assert_string_equal(
		crypto_sha256_hex(*state, "abc", 3),
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015"
		"ad");
	assert_string_equal(crypto_md5_hex(*state, "abc", 3),
			    "900150983cd24fb0d6963f7d28e17f72");
}

static void
base64_goes_both_ways(void **state)
{
	static const char *const pairs[][2] = {
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
		{ "\xff\xfe", "//4=" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		const char *plain = pairs[i][0], *text = pairs[i][1];
		unsigned char *out;
		size_t size;

		assert_string_equal(crypto_base64(*state, plain, strlen(plain)),
				    text);
		assert_true(crypto_base64_decode(*state, text, strlen(text),
						 &out, &size));
		assert_int_equal(size, strlen(plain));
		assert_string_equal(out, plain);
	}
}

static void
base64_may_lack_padding_and_have_line_ends(void **state)
{
	unsigned char *out;
	size_t size;

	assert_true(
		crypto_base64_decode(*state, "Zm9v\r\n Yg", 9, &out, &size));
	assert_int_equal(size, 4);
	assert_string_equal(out, "foob");
}

static void
what_is_not_base64_is_refused(void **state)
{
	static const char *const broken[] = { "Z",     "Zg=",	"Zg===",
					      "Zm9v=", "Zm-v",	"Zg==Zg",
					      "Zh==",  "Zm9v!", "====" };
	unsigned char *out;
	size_t size;

	for (size_t i = 0; i < ARRAY_SIZE(broken); i++)
		assert_false(crypto_base64_decode(
			*state, broken[i], strlen(broken[i]), &out, &size));
}

static void
texts_are_compared_whole(void **state)
{
	(void)state;
	assert_true(crypto_equal("same", "same"));
	assert_false(crypto_equal("same", "sama"));
	assert_false(crypto_equal("same", "sam"));
	assert_false(crypto_equal("", "s"));
}

static void
an_encrypted_text_comes_back(void **state)
{
	const char *text = "a secret, \xc3\xb6 too";
	char *one = crypto_encrypt(*state, KEY, text);
	char *other = crypto_encrypt(*state, KEY, text);
	char *plain;

	assert_string_not_equal(one, other);
	assert_true(crypto_decrypt(*state, KEY, one, &plain));
	assert_string_equal(plain, text);
	assert_true(crypto_decrypt(*state, KEY, crypto_encrypt(*state, KEY, ""),
				   &plain));
	assert_string_equal(plain, "");
}

static void
a_changed_or_foreign_text_does_not_decrypt(void **state)
{
	unsigned char wrong[32];
	char *sealed = crypto_encrypt(*state, KEY, "a secret");
	char *plain;

	memcpy(wrong, KEY, sizeof wrong);
	wrong[31] ^= 1;
	assert_false(crypto_decrypt(*state, wrong, sealed, &plain));
	sealed[20] = sealed[20] == 'A' ? 'B' : 'A';
	assert_false(crypto_decrypt(*state, KEY, sealed, &plain));
	assert_false(crypto_decrypt(*state, KEY, "g1:AAAA", &plain));
	assert_false(crypto_decrypt(*state, KEY, "g1:", &plain));
	assert_false(crypto_decrypt(*state, KEY, "", &plain));
	assert_false(crypto_decrypt(*state, KEY, "plain text", &plain));
}

/* Made by openssl enc -aes-256-cfb, vector f0 to ff in front. */
static const char OF_DAPTIN[] =
	"8PHy8_T19vf4-fr7_P3-_0lTbH_oncDR2Qm55c8aW5Bu2z2vxw4yvkoqD6VqagwSEvrhSH"
	"byTWs=";

static void
daptins_encrypted_text_is_read(void **state)
{
	unsigned char wrong[32] = "another key";
	char *plain;

	assert_true(crypto_decrypt(*state, KEY, OF_DAPTIN, &plain));
	assert_string_equal(plain, "geheime Zutat: \xc3\x96l & more than one "
				   "block");
	assert_false(crypto_decrypt(*state, wrong, OF_DAPTIN, &plain));
}

static void
a_password_verifies_against_its_hash_only(void **state)
{
	char *hash, *other;

	assert_null(crypto_password_hash(*state, "correct horse", 4, &hash));
	assert_null(crypto_password_hash(*state, "correct horse", 4, &other));
	assert_int_equal(strlen(hash), 60);
	assert_memory_equal(hash, "$2b$04$", 7);
	assert_string_not_equal(hash, other);
	assert_true(crypto_password_verify("correct horse", hash, 4));
	assert_false(crypto_password_verify("correct horsf", hash, 4));
	assert_false(crypto_password_verify("", hash, 4));
}

static void
known_hashes_of_other_makers_verify(void **state)
{
	(void)state;
	assert_true(crypto_password_verify(
		"correct horse",
		"$2a$04$N9qo8uLOickgx2ZMRZoMye7lwnnKjdKULIb0Soe6BjJXxCPR1R3dC",
		4));
	assert_true(crypto_password_verify(
		"correct horse",
		"$y$j75$0123456789abcdef$dq4lTMAeddRayYHb1T4lzPO3txf7tkD23llVJ1"
		"r9OX3",
		4));
}

static void
no_hash_and_unknown_hashes_never_verify(void **state)
{
	static const char *const hashes[] = {
		NULL,		"",   "garbage", "ga3B1/aPyo5qQ", "$1$a$b",
		"$2b$04$short", "*0",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hashes); i++) {
		assert_false(crypto_password_verify("x", hashes[i], 4));
		assert_false(crypto_password_verify("", hashes[i], 4));
	}
}

static void
passwords_beyond_72_bytes_are_refused(void **state)
{
	char password[PASSWORD_MAX + 2];
	struct error *error;
	char *hash;

	memset(password, 'a', sizeof password);
	password[PASSWORD_MAX] = '\0';
	assert_null(crypto_password_hash(*state, password, 4, &hash));
	assert_true(crypto_password_verify(password, hash, 4));

	password[PASSWORD_MAX] = 'b';
	password[PASSWORD_MAX + 1] = '\0';
	error = crypto_password_hash(*state, password, 4, &hash);
	assert_non_null(error);
	assert_int_equal(error->status, 400);
	assert_false(crypto_password_verify(password, hash, 4));
}

static void
an_empty_password_is_refused(void **state)
{
	char *hash;
	struct error *error = crypto_password_hash(*state, "", 4, &hash);

	assert_non_null(error);
	assert_int_equal(error->status, 400);
}

static void
a_missing_hash_costs_the_time_of_a_real_one(void **state)
{
	char *hash;
	clock_t start, real, dummy;

	assert_null(crypto_password_hash(*state, "correct horse", 8, &hash));
	start = clock();
	for (int i = 0; i < 5; i++)
		assert_false(crypto_password_verify("wrong", hash, 8));
	real = clock() - start;
	start = clock();
	for (int i = 0; i < 5; i++)
		assert_false(crypto_password_verify("wrong", NULL, 8));
	dummy = clock() - start;
	assert_true(dummy > real / 2 && dummy < real * 2);
}

#define TEST(function)                                                         \
	cmocka_unit_test_setup_teardown(function, arena_setup, arena_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ids_are_version_7_and_rise),
		TEST(parent_and_child_make_different_ids),
		TEST(only_uuids_pass_for_uuids),
		TEST(digests_match_known_answers),
		TEST(base64_goes_both_ways),
		TEST(base64_may_lack_padding_and_have_line_ends),
		TEST(what_is_not_base64_is_refused),
		TEST(texts_are_compared_whole),
		TEST(an_encrypted_text_comes_back),
		TEST(a_changed_or_foreign_text_does_not_decrypt),
		TEST(daptins_encrypted_text_is_read),
		TEST(a_password_verifies_against_its_hash_only),
		TEST(known_hashes_of_other_makers_verify),
		TEST(no_hash_and_unknown_hashes_never_verify),
		TEST(passwords_beyond_72_bytes_are_refused),
		TEST(an_empty_password_is_refused),
		TEST(a_missing_hash_costs_the_time_of_a_real_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
