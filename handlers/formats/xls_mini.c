/*
 * xls_mini.c: just enough of the Compound File Binary Format (MS-CFB) to take
 * a small stream out of one file and put it into another. Offsets are those
 * of the specification.
 */
#include "handlers/formats/xls_mini.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SECTOR 512
#define MINI 64
#define CUTOFF 4096
#define ENTRY 128
#define END_OF_CHAIN 0xfffffffeU
#define FAT_SECTOR 0xfffffffdU
#define NO_STREAM 0xffffffffU
#define CHAIN_MAX 100000

struct compound {
	int file;
	unsigned char header[SECTOR];
	uint32_t container;   /* first sector of the small streams */
	uint32_t start, size; /* of the workbook */
};

static uint32_t
number(const unsigned char *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	       (uint32_t)p[3] << 24;
}

static void
put(unsigned char *p, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		p[i] = (unsigned char)(value >> 8 * i);
}

static bool
read_at(const struct compound *all, uint32_t sector, uint32_t offset,
	void *data, size_t size)
{
	off_t at = ((off_t)sector + 1) * SECTOR + offset;

	return sector < NO_STREAM / SECTOR &&
	       pread(all->file, data, size, at) == (ssize_t)size;
}

/* The sector after `sector`; END_OF_CHAIN also where the file is broken. */
static uint32_t
next_sector(const struct compound *all, uint32_t sector)
{
	uint32_t fat = sector / (SECTOR / 4);
	unsigned char entry[4];

	if (fat >= 109 || !read_at(all, number(all->header + 76 + 4 * fat),
				   sector % (SECTOR / 4) * 4, entry, 4))
		return END_OF_CHAIN;
	return number(entry);
}

/* The sector that holds byte `offset` of the chain from `first`. */
static uint32_t
sector_at(const struct compound *all, uint32_t first, uint32_t offset)
{
	for (uint32_t i = 0; i < offset / SECTOR && i < CHAIN_MAX; i++)
		first = next_sector(all, first);
	return first;
}

static bool
read_chain(const struct compound *all, uint32_t first, uint32_t offset,
	   void *data, size_t size)
{
	return read_at(all, sector_at(all, first, offset), offset % SECTOR,
		       data, size);
}

static bool
is_workbook(const unsigned char *entry)
{
	static const char name[] = "W\0o\0r\0k\0b\0o\0o\0k\0\0";

	return entry[66] == 2 && !memcmp(entry, name, sizeof name - 1);
}

/* The root's stream and the workbook's. */
static bool
read_directory(struct compound *all)
{
	uint32_t first = number(all->header + 48);
	unsigned char entry[ENTRY];

	for (uint32_t i = 0;
	     i < 64 && read_chain(all, first, i * ENTRY, entry, ENTRY); i++) {
		if (entry[66] == 5)
			all->container = number(entry + 116);
		if (!is_workbook(entry))
			continue;
		all->start = number(entry + 116);
		all->size = number(entry + 120);
		return i > 0 && all->size && all->size < CUTOFF;
	}
	return false;
}

static bool
read_stream(const struct compound *all, unsigned char stream[CUTOFF])
{
	uint32_t small = all->start;

	for (uint32_t at = 0; at < all->size; at += MINI) {
		unsigned char entry[4];

		if (small > CHAIN_MAX ||
		    !read_chain(all, all->container, small * MINI, stream + at,
				MINI) ||
		    !read_chain(all, number(all->header + 60), small * 4, entry,
				4))
			return false;
		small = number(entry);
	}
	return true;
}

static void
name_entry(unsigned char *entry, const char *name, unsigned char type,
	   uint32_t start, uint32_t size)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < length; i++)
		entry[2 * i] = (unsigned char)name[i];
	entry[64] = (unsigned char)(2 * length + 2);
	entry[66] = type;
	entry[67] = 1; /* black */
	put(entry + 68, NO_STREAM);
	put(entry + 72, NO_STREAM);
	put(entry + 76, type == 5 ? 1 : NO_STREAM);
	put(entry + 116, start);
	put(entry + 120, size);
}

/* Sector 0 is the table of sectors, 1 the directory, then the workbook. */
static bool
write_compound(int file, const unsigned char *stream)
{
	static const unsigned char magic[8] = { 0xd0, 0xcf, 0x11, 0xe0,
						0xa1, 0xb1, 0x1a, 0xe1 };
	unsigned char head[3 * SECTOR] = { 0 };
	unsigned char *fat = head + SECTOR, *directory = head + 2 * SECTOR;

	memcpy(head, magic, sizeof magic);
	put(head + 24, 0x0003003e);
	put(head + 28, 0x0009fffe);
	put(head + 32, 0x00000006);
	put(head + 44, 1);
	put(head + 48, 1);
	put(head + 56, CUTOFF);
	put(head + 60, END_OF_CHAIN);
	put(head + 68, END_OF_CHAIN);
	memset(head + 76, 0xff, SECTOR - 76);
	put(head + 76, 0);
	memset(fat, 0xff, SECTOR);
	put(fat, FAT_SECTOR);
	put(fat + 4, END_OF_CHAIN);
	for (uint32_t i = 0; i < CUTOFF / SECTOR; i++)
		put(fat + 8 + 4 * i,
		    i + 1 < CUTOFF / SECTOR ? i + 3 : END_OF_CHAIN);
	name_entry(directory, "Root Entry", 5, END_OF_CHAIN, 0);
	name_entry(directory + ENTRY, "Workbook", 2, 2, CUTOFF);
	return write(file, head, sizeof head) == (ssize_t)sizeof head &&
	       write(file, stream, CUTOFF) == CUTOFF;
}

int
xls_mini_copy(int file)
{
	struct compound all = { .file = file, .container = END_OF_CHAIN };
	unsigned char stream[CUTOFF] = { 0 };
	int copy;

	if (pread(file, all.header, SECTOR, 0) != SECTOR ||
	    number(all.header + 28) != 0x0009fffe || !read_directory(&all) ||
	    !read_stream(&all, stream))
		return -1;
	copy = memfd_create("workbook", MFD_CLOEXEC);
	if (copy < 0)
		return -1;
	if (write_compound(copy, stream))
		return copy;
	close(copy);
	return -1;
}
