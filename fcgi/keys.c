/*
 * keys.c: reads and makes the file of keys: two lines of name=value, 256
 * random bits each, in hexadecimal digits.
 */
#include "fcgi/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "db/base/crypto.h"

#define KEY_BYTES 32
#define FILE_MAX 4096

static struct error *
fail(struct arena *arena, const char *file)
{
	return error_new(arena, 422, "bad-keys", "keys file %s: %s", file,
			 strerror(errno));
}

static const char *
random_hex(struct arena *arena)
{
	unsigned char bytes[KEY_BYTES];
	struct strbuf hex;

	crypto_random(bytes, sizeof bytes);
	strbuf_init(&hex, arena);
	for (size_t i = 0; i < sizeof bytes; i++)
		strbuf_printf(&hex, "%02x", bytes[i]);
	return hex.data;
}

static bool
write_file(int fd, const char *text)
{
	size_t length = strlen(text);

	return write(fd, text, length) == (ssize_t)length && !fsync(fd);
}

/* Written aside and linked: the file is there whole or not at all. */
static struct error *
create_file(struct arena *arena, const char *file)
{
	char *aside = arena_printf(arena, "%s.%d", file, (int)getpid());
	const char *text =
		arena_printf(arena, "token_secret=%s\nencryption_key=%s\n",
			     random_hex(arena), random_hex(arena));
	struct error *err = NULL;
	int fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return fail(arena, file);
	if (!write_file(fd, text) || (link(aside, file) && errno != EEXIST))
		err = fail(arena, file);
	close(fd);
	unlink(aside);
	return err;
}

static struct error *
read_file(struct arena *arena, const char *file, char **text)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	struct stat status;
	ssize_t length;

	if (fd < 0)
		return fail(arena, file);
	*text = arena_alloc(arena, FILE_MAX + 1);
	length = read(fd, *text, FILE_MAX);
	if (length < 0 || fstat(fd, &status)) {
		close(fd);
		return fail(arena, file);
	}
	close(fd);
	if (status.st_mode & 077)
		return error_new(arena, 422, "bad-keys",
				 "keys file %s: others can read it; its mode "
				 "must be 0600",
				 file);
	return NULL;
}

/* The value of the line that begins with `name` and "="; NULL if none. */
static const char *
line_value(struct arena *arena, const char *text, const char *name)
{
	size_t length = strlen(name);

	while (text && *text) {
		if (!strncmp(text, name, length) && text[length] == '=') {
			text += length + 1;
			return arena_strndup(arena, text,
					     strcspn(text, "\r\n"));
		}
		text = strchr(text, '\n');
		if (text)
			text++;
	}
	return NULL;
}

static const unsigned char *
decode_hex(struct arena *arena, const char *hex)
{
	unsigned char *bytes = arena_alloc(arena, KEY_BYTES);

	if (strlen(hex) != 2 * KEY_BYTES ||
	    strspn(hex, "0123456789abcdefABCDEF") != 2 * KEY_BYTES)
		return NULL;
	for (size_t i = 0; i < KEY_BYTES; i++) {
		unsigned value;

		if (sscanf(hex + 2 * i, "%2x", &value) != 1)
			return NULL;
		bytes[i] = (unsigned char)value;
	}
	return bytes;
}

struct error *
keys_load(struct arena *arena, struct config *config, bool create)
{
	const char *file = config->keys_file;
	struct error *err = NULL;
	const char *secret, *key;
	char *text = NULL;

	if (create && access(file, F_OK))
		err = create_file(arena, file);
	if (!err)
		err = read_file(arena, file, &text);
	if (err)
		return err;
	secret = line_value(arena, text, "token_secret");
	key = line_value(arena, text, "encryption_key");
	if (!secret || strlen(secret) < KEY_BYTES)
		return error_new(arena, 422, "bad-keys",
				 "keys file %s: token_secret must have at "
				 "least %d characters",
				 file, KEY_BYTES);
	config->settings.token_secret = secret;
	config->settings.values.encryption_key =
		key ? decode_hex(arena, key) : NULL;
	if (!config->settings.values.encryption_key)
		return error_new(arena, 422, "bad-keys",
				 "keys file %s: encryption_key must be %d "
				 "hexadecimal digits",
				 file, 2 * KEY_BYTES);
	return NULL;
}
