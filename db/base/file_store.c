/*
 * file_store.c: FOLDER/ab/cdef… for the content abcdef…, written aside in
 * FOLDER/unfinished, synchronized and renamed: it is there whole or not at
 * all. The time of the last put is the file's modification time.
 */
#include "db/base/file_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "db/base/crypto.h"

#define PIECE 65536
#define UNFINISHED "unfinished"
#define HEXADECIMAL "0123456789abcdef"

static void
close_file(void *fd)
{
	close((int)(intptr_t)fd);
}

static struct error *
fail(struct arena *arena)
{
	struct error *error;

	if (errno != ENOSPC && errno != EDQUOT)
		return error_internal(arena, "files folder: %s",
				      strerror(errno));
	error = error_new(arena, 503, "no-space",
			  "There is no room for the file.");
	error->retry_after = 60;
	return error;
}

/* Contents. */

/* Bytes from `offset` in `*data`, which may be `piece`; 0 at the end. */
static ssize_t
read_piece(const struct file_content *content, int64_t offset, char *piece,
	   const char **data)
{
	size_t left = content->size - (size_t)offset;
	ssize_t got;

	if (content->fd < 0) {
		*data = (const char *)content->data + offset;
		return (ssize_t)(left < PIECE ? left : PIECE);
	}
	*data = piece;
	do
		got = pread(content->fd, piece, PIECE, (off_t)offset);
	while (got < 0 && errno == EINTR);
	return got;
}

struct error *
file_store_measure(struct arena *arena, const struct file_content *content,
		   struct file_digest *digest)
{
	struct crypto_digest *sha256 = crypto_digest_new(arena);
	struct crypto_digest *md5 = crypto_md5_new(arena);
	const char *data;
	char piece[PIECE];
	ssize_t got;

	digest->size = 0;
	while ((got = read_piece(content, digest->size, piece, &data)) > 0) {
		crypto_digest_add(sha256, data, (size_t)got);
		crypto_digest_add(md5, data, (size_t)got);
		digest->size += got;
	}
	if (got < 0)
		return fail(arena);
	digest->sha256 = crypto_digest_hex(sha256, arena);
	digest->md5 = crypto_digest_hex(md5, arena);
	return NULL;
}

/* Names. */

bool
file_store_is_hash(const char *hash)
{
	return strlen(hash) == FILE_HASH_LENGTH &&
	       strspn(hash, HEXADECIMAL) == FILE_HASH_LENGTH;
}

const char *
file_store_path(struct arena *arena, const char *hash)
{
	return arena_printf(arena, "%.2s/%s", hash, hash + 2);
}

static const char *
full_path(struct arena *arena, const struct file_store *store, const char *hash)
{
	return arena_printf(arena, "%s/%s", store->folder,
			    file_store_path(arena, hash));
}

unsigned
file_store_bucket(const char *hash)
{
	unsigned bucket = 0;

	sscanf(hash, "%2x", &bucket);
	return bucket;
}

static const char *
bucket_folder(struct arena *arena, const struct file_store *store,
	      unsigned bucket)
{
	return arena_printf(arena, "%s/%02x", store->folder, bucket);
}

/* Writing. */

static bool
synchronize_folder(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool done = fd >= 0 && !fsync(fd);

	if (fd >= 0)
		close(fd);
	return done;
}

/* A folder in the store's own, which is made as well where it is missing. */
static bool
make_folder(const struct file_store *store, const char *folder)
{
	if (!mkdir(folder, 0750))
		return synchronize_folder(store->folder);
	if (errno == ENOENT && (!mkdir(store->folder, 0750) || errno == EEXIST))
		return !mkdir(folder, 0750) || errno == EEXIST;
	return errno == EEXIST;
}

/* Whether the content is there; it looks new then. */
static bool
is_there(const char *path, const struct file_digest *digest)
{
	struct stat status;

	return !stat(path, &status) && S_ISREG(status.st_mode) &&
	       status.st_size == digest->size &&
	       !utimensat(AT_FDCWD, path, NULL, 0);
}

static bool
write_all(int fd, const char *data, size_t size)
{
	while (size) {
		ssize_t done = write(fd, data, size);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return false;
		data += done;
		size -= (size_t)done;
	}
	return true;
}

static bool
write_content(int fd, const struct file_content *content)
{
	const char *data;
	char piece[PIECE];
	int64_t offset = 0;
	ssize_t got;

	while ((got = read_piece(content, offset, piece, &data)) > 0) {
		if (!write_all(fd, data, (size_t)got))
			return false;
		offset += got;
	}
	return !got && !fsync(fd);
}

static bool
write_file(const char *path, const struct file_content *content)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	bool done = fd >= 0 && write_content(fd, content);
	int saved = errno;

	if (fd >= 0)
		close(fd);
	errno = saved;
	return done;
}

struct error *
file_store_put(struct arena *arena, const struct file_store *store,
	       const struct file_content *content,
	       const struct file_digest *digest)
{
	const char *folder =
		bucket_folder(arena, store, file_store_bucket(digest->sha256));
	const char *path = full_path(arena, store, digest->sha256);
	const char *aside =
		arena_printf(arena, "%s/" UNFINISHED, store->folder);
	struct error *error = NULL;
	char id[37];

	/* whoever put it may not have synchronized the folder yet */
	if (is_there(path, digest))
		return synchronize_folder(folder) ? NULL : fail(arena);
	if (!make_folder(store, folder) || !make_folder(store, aside))
		return fail(arena);
	crypto_uuid(id);
	aside = arena_printf(arena, "%s/%s", aside, id);
	if (!write_file(aside, content) || rename(aside, path)) {
		error = fail(arena);
		unlink(aside);
		return error;
	}
	return synchronize_folder(folder) ? NULL : fail(arena);
}

struct error *
file_store_open(struct arena *arena, const struct file_store *store,
		const char *hash, int *fd)
{
	*fd = open(full_path(arena, store, hash), O_RDONLY | O_CLOEXEC);
	if (*fd >= 0)
		arena_defer(arena, close_file, (void *)(intptr_t)*fd);
	else if (errno != ENOENT)
		return fail(arena);
	return NULL;
}

/* Collecting. */

static bool
is_older(int folder, const char *name, int64_t before, int64_t *size)
{
	struct stat status;

	if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) ||
	    !S_ISREG(status.st_mode) || status.st_mtime >= before)
		return false;
	*size = status.st_size;
	return true;
}

struct error *
file_store_list(struct arena *arena, const struct file_store *store,
		unsigned bucket, int64_t before, const char ***hashes,
		size_t *count)
{
	DIR *folder = opendir(bucket_folder(arena, store, bucket));
	struct dirent *entry;
	int64_t size;

	*hashes = NULL;
	*count = 0;
	if (!folder)
		return errno == ENOENT ? NULL : fail(arena);
	while ((entry = readdir(folder))) {
		const char *hash;

		if (strlen(entry->d_name) != FILE_HASH_LENGTH - 2)
			continue;
		hash = arena_printf(arena, "%02x%s", bucket, entry->d_name);
		if (file_store_is_hash(hash) &&
		    is_older(dirfd(folder), entry->d_name, before, &size))
			ARENA_PUSH(arena, *hashes, *count, hash);
	}
	closedir(folder);
	return NULL;
}

int64_t
file_store_remove(struct arena *arena, const struct file_store *store,
		  const char *hash, int64_t before)
{
	const char *path = full_path(arena, store, hash);
	int64_t size;

	if (!is_older(AT_FDCWD, path, before, &size) || unlink(path))
		return -1;
	return size;
}

void
file_store_sweep(struct arena *arena, const struct file_store *store,
		 int64_t before)
{
	DIR *folder =
		opendir(arena_printf(arena, "%s/" UNFINISHED, store->folder));
	struct dirent *entry;
	int64_t size;

	if (!folder)
		return;
	while ((entry = readdir(folder)))
		if (is_older(dirfd(folder), entry->d_name, before, &size))
			unlinkat(dirfd(folder), entry->d_name, 0);
	closedir(folder);
}
