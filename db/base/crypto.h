/*
 * crypto.h: random numbers, ids, digests, base64, AES-GCM and password
 * hashes, over OpenSSL and libcrypt. No keys are kept here.
 */
#ifndef ACTD_CRYPTO_H
#define ACTD_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>

#include "db/base/arena.h"
#include "db/base/error.h"

/* `size` random bytes of cryptographic quality. */
void crypto_random(void *out, size_t size);

/* A new UUID, version 7 (RFC 9562): time-ordered. 36 characters and NUL. */
void crypto_uuid(char out[37]);

/* Whether `text` is a UUID of 36 characters, hexadecimal in either case. */
bool crypto_is_uuid(const char *text);

/* Lower-case hexadecimal digests, in the arena. */
char *crypto_sha256_hex(struct arena *arena, const void *data, size_t size);
char *crypto_md5_hex(struct arena *arena, const void *data, size_t size);

/* SHA-256 or MD5 of what comes in pieces; the object is the arena's. */
struct crypto_digest;
struct crypto_digest *crypto_digest_new(struct arena *arena);
struct crypto_digest *crypto_md5_new(struct arena *arena);
void crypto_digest_add(struct crypto_digest *digest, const void *data,
		       size_t size);
/* The hexadecimal digest; nothing can be added afterwards. */
char *crypto_digest_hex(struct crypto_digest *digest, struct arena *arena);

/* Standard base64 with padding (RFC 4648 section 4), NUL-terminated. */
char *crypto_base64(struct arena *arena, const void *data, size_t size);

/*
 * Decodes standard base64, with or without padding; blanks and line ends are
 * skipped. False where it is not base64. `*out` is in the arena and followed
 * by a NUL.
 */
bool crypto_base64_decode(struct arena *arena, const char *text, size_t length,
			  unsigned char **out, size_t *out_size);

/* Equal, in a time that does not depend on where they differ. */
bool crypto_equal(const char *a, const char *b);

/*
 * AES-256-GCM with a random nonce: "g1:" and base64 of nonce, cipher text and
 * tag. `key` is 32 bytes. crypto_decrypt() also reads Daptin's AES-256-CFB
 * (wire/actions.md section 7); false where the text was not made with the key.
 */
char *crypto_encrypt(struct arena *arena, const unsigned char key[32],
		     const char *text);
bool crypto_decrypt(struct arena *arena, const unsigned char key[32],
		    const char *text, char **out);

/* bcrypt reads 72 bytes; a longer password is refused before hashing. */
#define PASSWORD_MAX 72

/*
 * A bcrypt hash ("$2b$", 60 characters) of `password`. 400 if the password is
 * empty or longer than PASSWORD_MAX. Takes about 100 ms at cost 11: only in
 * the hash pool.
 */
struct error *crypto_password_hash(struct arena *arena, const char *password,
				   unsigned cost, char **hash) MUST_CHECK;

/*
 * Whether `password` gave `hash` ("$2a$", "$2b$", "$2y$", "$y$"). A NULL hash
 * costs the time of a real one of `cost` and is false, so that an unknown
 * user can't be told by time.
 */
bool crypto_password_verify(const char *password, const char *hash,
			    unsigned cost);

#endif
