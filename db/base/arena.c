/*
 * arena.c: blocks of memory in a list, filled from the front. Blocks double
 * in size up to a limit; what does not fit gets a block of its own.
 */
#include "db/base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BLOCK ((size_t)16 * 1024)
#define LARGEST_BLOCK ((size_t)256 * 1024)
#define ALIGNMENT (sizeof(max_align_t))

struct block {
	struct block *previous;
	size_t size;
	size_t used;
	max_align_t data[];
};

struct deferred {
	struct deferred *previous;
	void (*release)(void *);
	void *object;
};

struct arena {
	struct block *newest;
	struct deferred *deferred;
	void *last; /* newest allocation, which alone can grow in place */
	size_t total;
	bool is_foreign; /* the first block is not ours */
};

static NORETURN void
out_of_memory(size_t size)
{
	fprintf(stderr, "level=error event=out-of-memory bytes=%zu\n", size);
	abort();
}

static void
add_block(struct arena *arena, size_t size)
{
	struct block *block;

	if (size > SIZE_MAX / 2)
		out_of_memory(size);
	block = malloc(sizeof *block + size);
	if (!block)
		out_of_memory(size);
	block->previous = arena->newest;
	block->size = size;
	block->used = 0;
	arena->newest = block;
	arena->total += sizeof *block + size;
}

struct arena *
arena_new(void)
{
	struct arena *arena = calloc(1, sizeof *arena);

	if (!arena)
		out_of_memory(sizeof *arena);
	add_block(arena, FIRST_BLOCK);
	return arena;
}

struct arena *
arena_new_within(void *memory, size_t size)
{
	struct arena *arena = calloc(1, sizeof *arena);
	struct block *block = memory;

	if (!arena)
		out_of_memory(sizeof *arena);
	block->previous = NULL;
	block->size = size - sizeof *block;
	block->used = 0;
	arena->newest = block;
	arena->is_foreign = true;
	return arena;
}

bool
arena_is_within(const struct arena *arena)
{
	return !arena->newest->previous && !arena->deferred;
}

static void
run_deferred(struct arena *arena)
{
	while (arena->deferred) {
		struct deferred *deferred = arena->deferred;

		arena->deferred = deferred->previous;
		deferred->release(deferred->object);
	}
}

void
arena_reset(struct arena *arena)
{
	run_deferred(arena);
	while (arena->newest->previous) {
		struct block *block = arena->newest;

		arena->newest = block->previous;
		arena->total -= sizeof *block + block->size;
		free(block);
	}
	arena->newest->used = 0;
	arena->last = NULL;
}

void
arena_free(struct arena *arena)
{
	if (!arena)
		return;
	arena_reset(arena);
	if (!arena->is_foreign)
		free(arena->newest);
	free(arena);
}

static size_t
next_block_size(const struct arena *arena)
{
	size_t size = arena->newest->size * 2;

	return size > LARGEST_BLOCK ? LARGEST_BLOCK : size;
}

void *
arena_alloc_raw(struct arena *arena, size_t size)
{
	struct block *block = arena->newest;
	void *result;

	if (size > SIZE_MAX / 4)
		out_of_memory(size);
	size = (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
	if (block->size - block->used < size) {
		size_t wanted = next_block_size(arena);

		add_block(arena, size > wanted ? size : wanted);
		block = arena->newest;
	}
	result = (char *)block->data + block->used;
	block->used += size;
	arena->last = result;
	return result;
}

void *
arena_alloc(struct arena *arena, size_t size)
{
	return memset(arena_alloc_raw(arena, size), 0, size);
}

void *
arena_grow(struct arena *arena, void *old, size_t old_size, size_t new_size)
{
	struct block *block = arena->newest;
	void *result;

	if (old && old == arena->last) {
		size_t offset = (size_t)((char *)old - (char *)block->data);
		size_t aligned = (new_size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);

		if (aligned <= block->size - offset) {
			block->used = offset + aligned;
			return old;
		}
	}
	result = arena_alloc_raw(arena, new_size);
	if (old)
		memcpy(result, old, old_size < new_size ? old_size : new_size);
	return result;
}

char *
arena_strndup(struct arena *arena, const char *text, size_t length)
{
	char *copy = arena_alloc_raw(arena, length + 1);

	memcpy(copy, text, length);
	copy[length] = '\0';
	return copy;
}

char *
arena_strdup(struct arena *arena, const char *text)
{
	return text ? arena_strndup(arena, text, strlen(text)) : NULL;
}

char *
arena_vprintf(struct arena *arena, const char *format, va_list args)
{
	va_list again;
	char *text;
	int length;

	va_copy(again, args);
	length = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (length < 0)
		length = 0;
	text = arena_alloc_raw(arena, (size_t)length + 1);
	vsnprintf(text, (size_t)length + 1, format, args);
	return text;
}

char *
arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = arena_vprintf(arena, format, args);
	va_end(args);
	return text;
}

char *
arena_integer(struct arena *arena, int64_t value)
{
	return arena_printf(arena, "%lld", (long long)value);
}

void
arena_defer(struct arena *arena, void (*release)(void *), void *object)
{
	struct deferred *deferred = arena_alloc_raw(arena, sizeof *deferred);

	deferred->previous = arena->deferred;
	deferred->release = release;
	deferred->object = object;
	arena->deferred = deferred;
}

static void
free_child(void *child)
{
	arena_free(child);
}

struct arena *
arena_adopt(struct arena *parent, struct arena *child)
{
	arena_defer(parent, free_child, child);
	return child;
}

size_t
arena_size(const struct arena *arena)
{
	return arena->total;
}
