/*
 * shared.c: makes the memory that a node's processes share.
 */
#include "db/base/shared.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

struct shared *
shared_new(void)
{
	struct shared *shared =
		mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (shared == MAP_FAILED) {
		perror("actd: shared memory");
		exit(71); /* EX_OSERR of sysexits.h */
	}
	atomic_store(&shared->generation, 1);
	atomic_store(&shared->access_generation, 1);
	return shared;
}
