/*
 * file_store.h: contents of files by their SHA-256, in a folder that nodes may
 * share. A content is written once and never changes. Does not know who refers
 * to it. Another kind of store would stand behind the same functions.
 */
#ifndef ACTD_FILE_STORE_H
#define ACTD_FILE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "db/base/arena.h"
#include "db/base/error.h"

struct file_store {
	const char *folder;
};

/* Bytes in memory, or a whole file that can be read from its start. */
struct file_content {
	const void *data;
	size_t size;
	int fd; /* -1: `data` */
};

#define FILE_HASH_LENGTH 64

struct file_digest {
	const char *sha256; /* lower-case hexadecimal */
	const char *md5;
	int64_t size;
};

/* What the content is stored by. */
struct error *file_store_measure(struct arena *arena,
				 const struct file_content *content,
				 struct file_digest *digest) MUST_CHECK;

/*
 * Stores the content, if it is not there, and makes it look new. It outlives a
 * crash of the machine once this returns. 503 where the disk is full.
 */
struct error *file_store_put(struct arena *arena,
			     const struct file_store *store,
			     const struct file_content *content,
			     const struct file_digest *digest) MUST_CHECK;

/* Whether `hash` can be the name of a content: 64 hexadecimal digits. */
bool file_store_is_hash(const char *hash);

/* Path of a content below the folder: "ab/cdef…". `hash` must be one. */
const char *file_store_path(struct arena *arena, const char *hash);

/* Opens a content for reading, closed with the arena; `*fd` is -1 where it is
 * not there. */
struct error *file_store_open(struct arena *arena,
			      const struct file_store *store, const char *hash,
			      int *fd) MUST_CHECK;

/* Contents are in that many buckets; the bucket of a hash. */
#define FILE_BUCKETS 256
unsigned file_store_bucket(const char *hash);

/* Hashes of a bucket that were last put before `before` (seconds since 1970).
 */
struct error *file_store_list(struct arena *arena,
			      const struct file_store *store, unsigned bucket,
			      int64_t before, const char ***hashes,
			      size_t *count) MUST_CHECK;

/*
 * Removes a content unless it was put at `before` or since; its size, -1 where
 * it stays. The caller sees to it that nobody puts it at the same time.
 */
int64_t file_store_remove(struct arena *arena, const struct file_store *store,
			  const char *hash, int64_t before);

/* Removes what writers that died left unfinished before `before`. */
void file_store_sweep(struct arena *arena, const struct file_store *store,
		      int64_t before);

#endif
