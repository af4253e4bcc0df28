/*
 * asset.h: what reading and writing a file of a row share.
 */
#ifndef ACTD_ASSET_H
#define ACTD_ASSET_H

#include "handlers/request.h"

/* Which columns a route serves. */
typedef bool asset_kind(const struct column *column);

/* A column of files; or else one that GET serves as well, a Markdown text. */
asset_kind asset_is_file, asset_is_markdown;

/*
 * The captured column of that kind, with an extension or without, which goes
 * from the first or the last dot. 404 for others, hidden ones included.
 */
struct error *asset_column(const struct request *request,
			   const struct entity *entity, asset_kind *is_served,
			   const struct column **column) MUST_CHECK;

#endif
