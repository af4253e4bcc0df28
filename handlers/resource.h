/*
 * resource.h: what the doors for writes (resource routes, atomic operations)
 * share: what may be written at all, and which caches a write makes stale.
 */
#ifndef ACTD_RESOURCE_H
#define ACTD_RESOURCE_H

#include "handlers/request.h"
#include "handlers/stale.h"

/* An entity by its name on the wire, `user` included; 404 otherwise. */
struct error *resource_entity(const struct request *request, const char *name,
			      const struct entity **entity) MUST_CHECK;

/* 404, "There is no such {what}." */
struct error *resource_not_found(const struct request *request,
				 const char *what) MUST_CHECK;

/*
 * The captured entity, if it answers the caller at all (Peek on the table; an
 * account is always there for its owner), and the captured reference id; `mine`
 * is the caller's account.
 */
struct error *resource_find_readable_row(const struct request *request,
					 const struct entity **entity,
					 const char **id) MUST_CHECK;

/* The same of an entity that may be written over the API. */
struct error *resource_find_writable_row(const struct request *request,
					 enum verb verb,
					 const struct entity **entity,
					 const char **id) MUST_CHECK;

/* RFC 9110 section 13.1.2, for the tags that we give. */
bool resource_is_not_modified(const struct request *request, const char *tag);

/* 403 for tables that only the system writes (wire/decisions.md). */
struct error *resource_check_writable(const struct request *request,
				      const struct entity *entity,
				      enum verb verb) MUST_CHECK;

/* Looks at a new model (422), commits, then brings the caches of this node up
 * to date. */
struct error *resource_finish(struct request *request,
			      const struct stale *stale) MUST_CHECK;

/* The same after the write of a row of `entity`; `attributes` as for
 * stale_note(). */
struct error *resource_finish_write(struct request *request,
				    const struct entity *entity,
				    struct json_object *attributes) MUST_CHECK;

/*
 * Around the write of a row that may define what will run, or make another
 * model: begins the transaction that looking at it needs, and looks
 * (handlers/definition.h).
 */
void resource_begin_checked(struct request *request,
			    const struct entity *entity);
struct error *resource_check_written(struct request *request,
				     const struct entity *entity,
				     const struct row *row) MUST_CHECK;

/* Whether `attributes` has a password, which the hash pool must hash. */
bool resource_needs_hashing(const struct entity *entity,
			    struct json_object *attributes);

/*
 * Whether the caller may read the row that he has just made, by its own bits,
 * which need no further statement.
 */
bool resource_may_read_new(const struct request *request,
			   const struct row *row);

#endif
