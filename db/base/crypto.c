/*
 * crypto.c: random numbers, ids, digests, base64, encryption and password
 * hashes. Knows no keys and no settings: callers bring them.
 */
#include <assert.h>
#include <crypt.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "db/base/crypto.h"

enum {
	NONCE_SIZE = 12,
	TAG_SIZE = 16,
	BLOCK_SIZE = 16,
	SALT_SIZE = 16,
	UUID_LENGTH = 36,
	UUID_COUNTER_MAX = 0xfff,
};

static const char HEX[] = "0123456789abcdef";
static const char BASE64[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char BASE64_URL[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* In front of what we encrypt; ':' is in no base64 alphabet. */
static const char OUR_PREFIX[] = "g1:";

/* getrandom() rather than a generator of our own: safe after a fork. */
void
crypto_random(void *out, size_t size)
{
	unsigned char *to = out;

	while (size > 0) {
		ssize_t got = getrandom(to, size, 0);

		if (got < 0) {
			if (errno == EINTR)
				continue;
			abort();
		}
		to += got;
		size -= (size_t)got;
	}
}

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/*
 * The time and counter of the next id (RFC 9562 section 6.2, method 1): the
 * counter begins anywhere in the lower half with each millisecond and counts
 * up within it; when it is used up, or the clock steps back, the time of the
 * last id is carried on. The only state of this file. Ids of two processes
 * differ by their 62 random bits, which never come from here.
 */
static void
next_tick(int64_t *ms, unsigned *counter)
{
	static int64_t last_ms;
	static unsigned last_counter;
	int64_t now = now_ms();

	if (now > last_ms) {
		uint16_t start;

		crypto_random(&start, sizeof start);
		last_ms = now;
		last_counter = start & (UUID_COUNTER_MAX >> 1);
	} else if (++last_counter > UUID_COUNTER_MAX) {
		last_ms++;
		last_counter = 0;
	}
	*ms = last_ms;
	*counter = last_counter;
}

void
crypto_uuid(char out[37])
{
	unsigned char id[16];
	unsigned counter;
	int64_t ms;

	next_tick(&ms, &counter);
	for (int i = 0; i < 6; i++)
		id[i] = (unsigned char)(ms >> (8 * (5 - i)));
	id[6] = (unsigned char)(0x70 | (counter >> 8));
	id[7] = (unsigned char)(counter & 0xff);
	crypto_random(id + 8, sizeof id - 8);
	id[8] = (unsigned char)(0x80 | (id[8] & 0x3f));

	char *to = out;
	for (size_t i = 0; i < sizeof id; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*to++ = '-';
		*to++ = HEX[id[i] >> 4];
		*to++ = HEX[id[i] & 0xf];
	}
	*to = '\0';
}

static bool
is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
	       (c >= 'A' && c <= 'F');
}

bool
crypto_is_uuid(const char *text)
{
	for (size_t i = 0; i < UUID_LENGTH; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? text[i] != '-' : !is_hex(text[i]))
			return false;
	}
	return text[UUID_LENGTH] == '\0';
}

static char *
hex(struct arena *arena, const unsigned char *digest, unsigned length)
{
	char *text = arena_alloc_raw(arena, 2 * length + 1);
	for (unsigned i = 0; i < length; i++) {
		text[2 * i] = HEX[digest[i] >> 4];
		text[2 * i + 1] = HEX[digest[i] & 0xf];
	}
	text[2 * length] = '\0';
	return text;
}

static char *
digest_hex(struct arena *arena, const EVP_MD *type, const void *data,
	   size_t size)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned length;

	if (!EVP_Digest(data, size, digest, &length, type, NULL))
		abort();
	return hex(arena, digest, length);
}

static void
free_digest(void *context)
{
	EVP_MD_CTX_free(context);
}

/* The struct is OpenSSL's own. */
static EVP_MD_CTX *
of(struct crypto_digest *digest)
{
	return (EVP_MD_CTX *)digest;
}

static struct crypto_digest *
digest_of_type(struct arena *arena, const EVP_MD *type)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	if (!context || !EVP_DigestInit_ex(context, type, NULL))
		abort();
	arena_defer(arena, free_digest, context);
	return (struct crypto_digest *)context;
}

struct crypto_digest *
crypto_digest_new(struct arena *arena)
{
	return digest_of_type(arena, EVP_sha256());
}

struct crypto_digest *
crypto_md5_new(struct arena *arena)
{
	return digest_of_type(arena, EVP_md5());
}

void
crypto_digest_add(struct crypto_digest *digest, const void *data, size_t size)
{
	if (!EVP_DigestUpdate(of(digest), data, size))
		abort();
}

char *
crypto_digest_hex(struct crypto_digest *digest, struct arena *arena)
{
	unsigned char bytes[EVP_MAX_MD_SIZE];
	unsigned length;

	if (!EVP_DigestFinal_ex(of(digest), bytes, &length))
		abort();
	return hex(arena, bytes, length);
}

char *
crypto_sha256_hex(struct arena *arena, const void *data, size_t size)
{
	return digest_hex(arena, EVP_sha256(), data, size);
}

char *
crypto_md5_hex(struct arena *arena, const void *data, size_t size)
{
	return digest_hex(arena, EVP_md5(), data, size);
}

char *
crypto_base64(struct arena *arena, const void *data, size_t size)
{
	const unsigned char *from = data;
	char *text = arena_alloc_raw(arena, (size + 2) / 3 * 4 + 1);
	char *to = text;

	for (size_t i = 0; i < size; i += 3) {
		size_t left = size - i;
		uint32_t bits = (uint32_t)from[i] << 16;

		if (left > 1)
			bits |= (uint32_t)from[i + 1] << 8;
		if (left > 2)
			bits |= from[i + 2];
		*to++ = BASE64[bits >> 18];
		*to++ = BASE64[bits >> 12 & 63];
		*to++ = left > 1 ? BASE64[bits >> 6 & 63] : '=';
		*to++ = left > 2 ? BASE64[bits & 63] : '=';
	}
	*to = '\0';
	return text;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The value of each byte in the alphabet, -1 for the others. */
static void
alphabet_values(const char *alphabet, signed char values[256])
{
	memset(values, -1, 256);
	for (int i = 0; i < 64; i++)
		values[(unsigned char)alphabet[i]] = (signed char)i;
}

static bool
base64_decode(struct arena *arena, const char *alphabet, const char *text,
	      size_t length, unsigned char **out, size_t *out_size)
{
	unsigned char *data = arena_alloc_raw(arena, length / 4 * 3 + 4);
	signed char values[256];
	size_t size = 0, digits = 0, padding = 0;
	uint32_t bits = 0;

	alphabet_values(alphabet, values);
	for (size_t i = 0; i < length; i++) {
		signed char value = values[(unsigned char)text[i]];

		if (is_blank(text[i]))
			continue;
		if (text[i] == '=') {
			padding++;
			continue;
		}
		if (value < 0 || padding > 0)
			return false;
		bits = bits << 6 | (uint32_t)value;
		if (++digits % 4 == 0) {
			data[size++] = (unsigned char)(bits >> 16);
			data[size++] = (unsigned char)(bits >> 8);
			data[size++] = (unsigned char)bits;
		}
	}

	size_t rest = digits % 4;
	if (rest == 1 || (padding > 0 && (rest == 0 || rest + padding != 4)))
		return false;
	/* Bits beyond the last byte must be nought: one text per value. */
	if (rest == 2) {
		if (bits & 0xf)
			return false;
		data[size++] = (unsigned char)(bits >> 4);
	} else if (rest == 3) {
		if (bits & 0x3)
			return false;
		data[size++] = (unsigned char)(bits >> 10);
		data[size++] = (unsigned char)(bits >> 2);
	}
	data[size] = '\0';
	*out = data;
	*out_size = size;
	return true;
}

bool
crypto_base64_decode(struct arena *arena, const char *text, size_t length,
		     unsigned char **out, size_t *out_size)
{
	return base64_decode(arena, BASE64, text, length, out, out_size);
}

bool
crypto_equal(const char *a, const char *b)
{
	size_t length = strlen(a);

	return length == strlen(b) && CRYPTO_memcmp(a, b, length) == 0;
}

/* Fails only for want of memory or by a mistake of ours: ends the process. */
static void
must(int ok)
{
	if (ok != 1)
		abort();
}

char *
crypto_encrypt(struct arena *arena, const unsigned char key[32],
	       const char *text)
{
	size_t length = strlen(text);
	unsigned char *sealed =
		arena_alloc_raw(arena, NONCE_SIZE + length + TAG_SIZE);
	EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
	int done;

	assert(length <= INT32_MAX);
	must(cipher != NULL);
	crypto_random(sealed, NONCE_SIZE);
	must(EVP_EncryptInit_ex(cipher, EVP_aes_256_gcm(), NULL, key, sealed));
	must(EVP_EncryptUpdate(cipher, sealed + NONCE_SIZE, &done,
			       (const unsigned char *)text, (int)length));
	must(EVP_EncryptFinal_ex(cipher, sealed + NONCE_SIZE + done, &done));
	must(EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_GET_TAG, TAG_SIZE,
				 sealed + NONCE_SIZE + length));
	EVP_CIPHER_CTX_free(cipher);
	return arena_printf(
		arena, "%s%s", OUR_PREFIX,
		crypto_base64(arena, sealed, NONCE_SIZE + length + TAG_SIZE));
}

static bool
decrypt_gcm(struct arena *arena, const unsigned char key[32], const char *text,
	    char **out)
{
	unsigned char *sealed;
	size_t size;

	if (!crypto_base64_decode(arena, text, strlen(text), &sealed, &size) ||
	    size < NONCE_SIZE + TAG_SIZE || size > INT32_MAX)
		return false;

	size_t length = size - NONCE_SIZE - TAG_SIZE;
	char *plain = arena_alloc(arena, length + 1);
	EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
	int done;

	must(cipher != NULL);
	must(EVP_DecryptInit_ex(cipher, EVP_aes_256_gcm(), NULL, key, sealed));
	must(EVP_DecryptUpdate(cipher, (unsigned char *)plain, &done,
			       sealed + NONCE_SIZE, (int)length));
	must(EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_SET_TAG, TAG_SIZE,
				 sealed + NONCE_SIZE + length));
	bool genuine =
		EVP_DecryptFinal_ex(cipher, (unsigned char *)plain + done,
				    &done) == 1;
	EVP_CIPHER_CTX_free(cipher);
	if (!genuine)
		return false;
	*out = plain;
	return true;
}

/*
 * Well-formed UTF-8 (RFC 3629) without NUL: the only sign that a text of
 * Daptin's, which carries no tag, was decrypted with the right key.
 */
static bool
is_text(const unsigned char *data, size_t size)
{
	static const struct {
		unsigned char mask, lead, low, high;
		size_t more;
	} forms[] = {
		{ 0x80, 0x00, 0x01, 0x7f, 0 },
		{ 0xe0, 0xc0, 0xc2, 0xdf, 1 },
		{ 0xf0, 0xe0, 0xe0, 0xef, 2 },
		{ 0xf8, 0xf0, 0xf0, 0xf4, 3 },
	};

	for (size_t i = 0; i < size;) {
		unsigned char c = data[i];
		size_t form = 0;

		while (form < ARRAY_SIZE(forms) &&
		       (c & forms[form].mask) != forms[form].lead)
			form++;
		if (form == ARRAY_SIZE(forms) || c < forms[form].low ||
		    c > forms[form].high || size - i <= forms[form].more)
			return false;
		for (size_t k = 1; k <= forms[form].more; k++)
			if ((data[i + k] & 0xc0) != 0x80)
				return false;
		if ((c == 0xe0 && data[i + 1] < 0xa0) ||
		    (c == 0xed && data[i + 1] > 0x9f) ||
		    (c == 0xf0 && data[i + 1] < 0x90) ||
		    (c == 0xf4 && data[i + 1] > 0x8f))
			return false;
		i += 1 + forms[form].more;
	}
	return true;
}

/* Daptin's: base64 (URL-safe) of a 16-byte vector and AES-256-CFB text. */
static bool
decrypt_cfb(struct arena *arena, const unsigned char key[32], const char *text,
	    char **out)
{
	unsigned char *sealed;
	size_t size;

	if (!base64_decode(arena, BASE64_URL, text, strlen(text), &sealed,
			   &size) ||
	    size < BLOCK_SIZE || size > INT32_MAX)
		return false;

	size_t length = size - BLOCK_SIZE;
	char *plain = arena_alloc(arena, length + 1);
	EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
	int done;

	must(cipher != NULL);
	must(EVP_DecryptInit_ex(cipher, EVP_aes_256_cfb128(), NULL, key,
				sealed));
	must(EVP_DecryptUpdate(cipher, (unsigned char *)plain, &done,
			       sealed + BLOCK_SIZE, (int)length));
	EVP_CIPHER_CTX_free(cipher);
	if (!is_text((const unsigned char *)plain, length))
		return false;
	*out = plain;
	return true;
}

bool
crypto_decrypt(struct arena *arena, const unsigned char key[32],
	       const char *text, char **out)
{
	size_t prefix = sizeof OUR_PREFIX - 1;

	if (!strncmp(text, OUR_PREFIX, prefix))
		return decrypt_gcm(arena, key, text + prefix, out);
	return decrypt_cfb(arena, key, text, out);
}

/*
 * crypt_rn() gives a DES hash for a setting that it doesn't know, so only
 * known prefixes get that far.
 */
static bool
is_known_setting(const char *setting)
{
	static const char *const prefixes[] = { "$2a$", "$2b$", "$2y$", "$y$" };

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (!strncmp(setting, prefixes[i], strlen(prefixes[i])))
			return true;
	return false;
}

/* Hashes into `out`; false where the setting is broken. */
static bool
hash_password(const char *password, const char *setting,
	      char out[CRYPT_OUTPUT_SIZE])
{
	struct crypt_data state;

	memset(&state, 0, sizeof state);
	const char *hash =
		crypt_rn(password, setting, &state, (int)sizeof state);
	if (hash)
		snprintf(out, CRYPT_OUTPUT_SIZE, "%s", hash);
	OPENSSL_cleanse(&state, sizeof state);
	return hash != NULL;
}

struct error *
crypto_password_hash(struct arena *arena, const char *password, unsigned cost,
		     char **hash)
{
	char setting[CRYPT_GENSALT_OUTPUT_SIZE], out[CRYPT_OUTPUT_SIZE];
	char salt[SALT_SIZE];
	size_t length = strlen(password);

	if (length == 0)
		return error_new(arena, 400, "empty-password",
				 "The password is empty.");
	if (length > PASSWORD_MAX)
		return error_new(arena, 400, "long-password",
				 "A password holds at most %d bytes.",
				 PASSWORD_MAX);
	crypto_random(salt, sizeof salt);
	if (!crypt_gensalt_rn("$2b$", cost, salt, sizeof salt, setting,
			      sizeof setting) ||
	    !hash_password(password, setting, out))
		return error_internal(arena, "can't hash at cost %u", cost);
	*hash = arena_strdup(arena, out);
	return NULL;
}

bool
crypto_password_verify(const char *password, const char *hash, unsigned cost)
{
	char dummy[CRYPT_GENSALT_OUTPUT_SIZE], out[CRYPT_OUTPUT_SIZE];
	bool known = hash && is_known_setting(hash);

	if (strlen(password) > PASSWORD_MAX)
		return false;
	if (!known) {
		snprintf(dummy, sizeof dummy, "$2b$%02u$%s", cost,
			 "abcdefghijklmnopqrstuu");
		hash = dummy;
	}
	return hash_password(password, hash, out) && known &&
	       crypto_equal(out, hash);
}
