/*
 * feed.c: finds a feed by its name.
 */
#include "db/feed.h"

static const char *const switches[] = {
	[FEED_RSS] = "enable_rss",
	[FEED_ATOM] = "enable_atom",
	[FEED_JSON] = "enable_json",
};

static void
build(struct sql *sql, const struct row_context *context, const char *name,
      enum feed_format format)
{
	const struct model *model = context->model;
	const struct entity *entity = model_entity(model, "feed");

	sql_add(sql, "SELECT f.title, f.description, f.link, f.author_name,"
		     " f.author_email, s.stream_name, f.page_size"
		     " FROM feed f JOIN stream s ON s.id = f.stream_id"
		     " WHERE f.enable AND coalesce(");
	sql_column(sql, "f", switches[format]);
	sql_add(sql, ", true) AND f.feed_name = ");
	sql_value(sql, name);
	sql_add(sql, " AND (");
	permission_where(sql, context->actor, model, entity, "f", VERB_EXECUTE);
	sql_add(sql, " OR ");
	permission_where(sql, context->actor, model, entity, "f", VERB_READ);
	sql_add(sql, ") ORDER BY f.id LIMIT 1");
}

struct error *
feed_read(const struct row_context *context, const char *name,
	  enum feed_format format, const struct feed **feed)
{
	struct feed *found;
	struct rows *rows;
	struct sql sql;
	struct error *error;

	sql_init(&sql, context->arena);
	build(&sql, context, name, format);
	error = sql_run(&sql, context->db, &rows);
	*feed = NULL;
	if (error || !rows_count(rows))
		return error;
	found = ARENA_NEW(context->arena, struct feed);
	found->title = rows_text(rows, 0, 0);
	found->description = rows_text(rows, 0, 1);
	found->link = rows_text(rows, 0, 2);
	found->author_name = rows_text(rows, 0, 3);
	found->author_email = rows_text(rows, 0, 4);
	found->stream = rows_text(rows, 0, 5);
	found->page_size = rows_integer(rows, 0, 6);
	*feed = found;
	return NULL;
}
