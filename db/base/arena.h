/*
 * arena.h: memory that is given back whole. A request has one arena, a model
 * has one; nothing in an arena is freed singly. Objects of other libraries
 * are handed over with arena_defer() on the line after they are made. When
 * memory runs out the process ends: its master replaces it.
 */
#ifndef ACTD_ARENA_H
#define ACTD_ARENA_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "db/base/compiler.h"

struct arena;

/* A new, empty arena. The caller owns it and ends it with arena_free(). */
struct arena *arena_new(void);

/*
 * One whose first block is the caller's, and is not given back: aligned
 * for any type, at least some hundred bytes. What does not fit is taken from
 * the system as ever.
 */
struct arena *arena_new_within(void *memory, size_t size);

/* Whether it holds nothing outside its first block, and defers nothing. */
bool arena_is_within(const struct arena *arena);

/* Runs all deferred releases, newest first, and gives all memory back. */
void arena_free(struct arena *arena);

/* As arena_free(), but the arena (and its first block) stay for new use. */
void arena_reset(struct arena *arena);

/* `size` bytes, aligned for any type, zeroed. Never NULL. */
void *arena_alloc(struct arena *arena, size_t size);

/* `size` bytes, aligned, not zeroed: for buffers that are filled at once. */
void *arena_alloc_raw(struct arena *arena, size_t size);

/*
 * A block of `new_size` bytes that begins with the `old_size` bytes of `old`
 * (NULL for none). Grows in place where `old` is the newest allocation.
 */
void *arena_grow(struct arena *arena, void *old, size_t old_size,
		 size_t new_size);

/* A copy that ends in NUL; arena_strdup(arena, NULL) is NULL. */
char *arena_strdup(struct arena *arena, const char *text);
char *arena_strndup(struct arena *arena, const char *text, size_t length);
char *arena_printf(struct arena *arena, const char *format, ...) PRINTF(2, 3);
char *arena_vprintf(struct arena *arena, const char *format, va_list args)
	PRINTF(2, 0);

/* A number in decimal. */
char *arena_integer(struct arena *arena, int64_t value);

/* Calls release(object) when the arena is reset or freed. */
void arena_defer(struct arena *arena, void (*release)(void *), void *object);

/* Frees `child` when `parent` is reset or freed; gives `child` back. */
struct arena *arena_adopt(struct arena *parent, struct arena *child);

/* Bytes taken from the system, for figures and tests. */
size_t arena_size(const struct arena *arena);

#define ARENA_NEW(arena, type) ((type *)arena_alloc((arena), sizeof(type)))
#define ARENA_ARRAY(arena, type, count)                                        \
	((type *)arena_alloc((arena), sizeof(type) * (count)))

/*
 * Appends `item` to the arena array `array` of `count` items. The array grows
 * by doubling when count reaches a power of two, so it must only be filled by
 * this macro.
 */
#define ARENA_PUSH(arena, array, count, item)                                  \
	do {                                                                   \
		if (((count) & ((count)-1)) == 0)                              \
			(array) = arena_grow(                                  \
				(arena), (array), (count) * sizeof *(array),   \
				((count) ? (count)*2 : 1) * sizeof *(array));  \
		(array)[(count)++] = (item);                                   \
	} while (0)

#endif
