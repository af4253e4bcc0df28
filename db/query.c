/*
 * query.c: a listing becomes one SELECT: a page of visible rows, its total,
 * and the rows of its includes beside it as a tagged UNION ALL.
 */
#include <stdlib.h>
#include <string.h>

#include "db/query_parts.h"

/* Rows that a sample of a large table holds, about. */
#define SAMPLE_ROWS 2000

/* Related rows. */

/* "(SELECT column FROM parent WHERE it is the one and visible)". */
static void
add_parent(struct builder *b, const struct listing *listing, const char *column)
{
	sql_add(&b->sql, "(SELECT ");
	sql_column(&b->sql, "o", column);
	sql_add(&b->sql, " FROM ");
	sql_name(&b->sql, listing->parent->table);
	sql_add(&b->sql, " o WHERE o.reference_id = ");
	sql_value_as(&b->sql, listing->parent_id, "uuid");
	sql_add(&b->sql, " AND ");
	permission_visible(&b->sql, b->actor, b->model, listing->parent, "o");
	sql_add(&b->sql, ")");
}

static const struct column *
near_key(const struct relationship *relationship)
{
	return relationship->from_subject
		       ? relationship->relation->join_subject_key
		       : relationship->relation->join_object_key;
}

static const struct column *
far_key(const struct relationship *relationship)
{
	return relationship->from_subject
		       ? relationship->relation->join_object_key
		       : relationship->relation->join_subject_key;
}

static void
add_related(struct builder *b, const struct listing *listing)
{
	const struct relationship *relationship = listing->relationship;
	const struct relation *relation;

	if (!relationship)
		return;
	relation = relationship->relation;
	sql_add(&b->sql, " AND ");
	if (relation->join) {
		sql_add(&b->sql, "t.id IN (SELECT ");
		sql_column(&b->sql, "j", far_key(relationship)->sql_name);
		sql_add(&b->sql, " FROM ");
		sql_name(&b->sql, relation->join->table);
		sql_add(&b->sql, " j WHERE ");
		sql_column(&b->sql, "j", near_key(relationship)->sql_name);
		sql_add(&b->sql, " = ");
		add_parent(b, listing, "id");
		sql_add(&b->sql, ")");
	} else if (relationship->from_subject) {
		sql_add(&b->sql, "t.id = ");
		add_parent(b, listing, relation->key->sql_name);
	} else {
		sql_column(&b->sql, "t", relation->key->sql_name);
		sql_add(&b->sql, " = ");
		add_parent(b, listing, "id");
	}
}

/* Join rows beside related ones. */

/* When a link was made, and the columns that are its own. */
static const struct selection *
join_selection(struct arena *arena, const struct relationship *relationship)
{
	static const char *const times[] = { "created_at", "updated_at" };
	const struct relation *relation =
		relationship ? relationship->relation : NULL;
	struct selection *join;

	if (!relation || !relation->join)
		return NULL;
	join = ARENA_NEW(arena, struct selection);
	join->entity = relation->join;
	join->columns = ARENA_ARRAY(arena, const struct column *,
				    ARRAY_SIZE(times) + relation->ncolumns);
	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		join->columns[join->ncolumns++] =
			entity_column(relation->join, times[i]);
	for (size_t i = 0; i < relation->ncolumns; i++) {
		const struct column *column = entity_column(
			relation->join, relation->columns[i]->column_name);

		if (column && column_is_visible(column) && !column->is_standard)
			join->columns[join->ncolumns++] = column;
	}
	return join;
}

static size_t
join_width(const struct selection *join)
{
	return join ? JOIN_FIRST + join->ncolumns : 0;
}

static void
add_join_list(struct builder *b, const struct selection *join)
{
	if (!join)
		return;
	sql_add(&b->sql, ", j.reference_id::text, j.permission::text");
	for (size_t i = 0; i < join->ncolumns; i++) {
		sql_add(&b->sql, ", ");
		builder_add_selected(&b->sql, join->columns[i], b->actor,
				     b->model, "j");
		sql_add(&b->sql, "::text");
	}
}

/* The link between a row of the page "p" and the parent. */
static void
add_join_row(struct builder *b, const struct listing *listing,
	     const struct selection *join)
{
	if (!join)
		return;
	sql_add(&b->sql, " LEFT JOIN ");
	sql_name(&b->sql, join->entity->table);
	sql_add(&b->sql, " j ON ");
	sql_column(&b->sql, "j", far_key(listing->relationship)->sql_name);
	sql_add(&b->sql, " = p.id AND ");
	sql_column(&b->sql, "j", near_key(listing->relationship)->sql_name);
	sql_add(&b->sql, " = ");
	add_parent(b, listing, "id");
}

/* The statement. */

static void
add_where(struct builder *b, const struct listing *listing)
{
	sql_add(&b->sql, " WHERE ");
	permission_visible(&b->sql, b->actor, b->model, listing->entity, "t");
	if (listing->id) {
		sql_add(&b->sql, " AND t.reference_id = ");
		sql_value_as(&b->sql, listing->id, "uuid");
	}
	add_related(b, listing);
	builder_add_conditions(b, listing);
}

static void
add_from(struct builder *b, const struct listing *listing)
{
	sql_add(&b->sql, " FROM ");
	sql_name(&b->sql, listing->entity->table);
	sql_add(&b->sql, " t");
}

static void
add_page(struct builder *b, const struct listing *listing)
{
	bool reversed = listing->before != NULL;

	sql_add(&b->sql, "SELECT t.*");
	add_from(b, listing);
	add_where(b, listing);
	builder_add_keyset(b, listing);
	if (listing->id)
		return;
	builder_add_order(b, listing, "t", reversed);
	sql_add(&b->sql, " LIMIT ");
	sql_constant(&b->sql, listing->page_size);
	if (listing->offset) {
		sql_add(&b->sql, " OFFSET ");
		sql_integer(&b->sql, listing->offset);
	}
}

/* Counts, but not beyond TOTAL_EXACT_MAX + 1. */
static void
add_bounded_count(struct builder *b, const struct listing *listing)
{
	sql_add(&b->sql, "SELECT count(*) AS n FROM (SELECT");
	add_from(b, listing);
	add_where(b, listing);
	sql_add(&b->sql, " LIMIT ");
	sql_constant(&b->sql, TOTAL_EXACT_MAX + 1);
	sql_add(&b->sql, ") n");
}

/* Rows of the table as the last ANALYZE saw them. */
static void
add_table_size(struct builder *b, const struct listing *listing)
{
	struct sql name;

	sql_init(&name, b->sql.text.arena);
	sql_name(&name, listing->entity->table);
	sql_add(&b->sql, "(SELECT reltuples FROM pg_class WHERE oid = ");
	sql_literal(&b->sql, name.text.data);
	sql_add(&b->sql, "::regclass)");
}

/* The number of rows, from a sample of the table's pages. */
static void
add_sample(struct builder *b, const struct listing *listing)
{
	sql_add(&b->sql, "(SELECT (count(*) * GREATEST(1, ");
	add_table_size(b, listing);
	sql_add(&b->sql, " / ");
	sql_constant(&b->sql, SAMPLE_ROWS);
	sql_add(&b->sql, "))::bigint");
	add_from(b, listing);
	sql_add(&b->sql, " TABLESAMPLE SYSTEM (LEAST(100, 100.0 * ");
	sql_constant(&b->sql, SAMPLE_ROWS);
	sql_add(&b->sql, " / GREATEST(1, ");
	add_table_size(b, listing);
	sql_add(&b->sql, ")))");
	add_where(b, listing);
	sql_add(&b->sql, ")");
}

/*
 * Rows are counted up to a bound. Beyond it a sample of the table's pages
 * estimates them, and in a large table the sample comes first: where it says
 * that there are far more, nothing is counted. It runs only where it is asked.
 * An estimate is negative.
 */
static void
add_bounded_total(struct builder *b, const struct listing *listing)
{
	sql_add(&b->sql, "(WITH actd_sample AS MATERIALIZED (SELECT ");
	add_sample(b, listing);
	sql_add(&b->sql, " AS n) SELECT CASE WHEN ");
	add_table_size(b, listing);
	sql_add(&b->sql, " >= ");
	sql_constant(&b->sql, 4 * TOTAL_EXACT_MAX);
	sql_add(&b->sql, " AND (SELECT n FROM actd_sample) > ");
	sql_constant(&b->sql, 2 * TOTAL_EXACT_MAX);
	sql_add(&b->sql, " THEN -(SELECT n FROM actd_sample) ELSE (SELECT CASE "
			 "WHEN counted.n <= ");
	sql_constant(&b->sql, TOTAL_EXACT_MAX);
	sql_add(&b->sql, " THEN counted.n ELSE -GREATEST(counted.n, "
			 "(SELECT n FROM actd_sample)) END FROM (");
	add_bounded_count(b, listing);
	sql_add(&b->sql, ") counted) END)");
}

static void
add_total(struct builder *b, const struct listing *listing)
{
	if (listing->total != TOTAL_EXACT) {
		add_bounded_total(b, listing);
		return;
	}
	sql_add(&b->sql, "(SELECT count(*)");
	add_from(b, listing);
	add_where(b, listing);
	sql_add(&b->sql, ")");
}

static size_t
widest(const struct listing *listing)
{
	size_t width = listing->selection->ncolumns;

	for (size_t i = 0; i < listing->nincludes; i++)
		if (listing->includes[i].selection->ncolumns > width)
			width = listing->includes[i].selection->ncolumns;
	return width;
}

static const char *
include_name(struct builder *b, int index)
{
	return index < 0 ? "actd_page"
			 : arena_printf(b->sql.text.arena, "actd_%d", index);
}

/* A key of the parent's rows leads to at most one row each. */
static void
add_to_one_include(struct builder *b, const struct include *include)
{
	const struct relation *relation = include->relationship->relation;

	sql_add(&b->sql, "SELECT NULL::bigint AS parent, t.* FROM ");
	sql_name(&b->sql, include->selection->entity->table);
	sql_add(&b->sql, " t WHERE t.id IN (SELECT p.");
	sql_name(&b->sql, relation->key->sql_name);
	sql_add(&b->sql, " FROM ");
	strbuf_puts(&b->sql.text, include_name(b, include->parent));
	sql_add(&b->sql, " p) AND ");
	permission_visible(&b->sql, b->actor, b->model,
			   include->selection->entity, "t");
}

static void
add_to_many_include(struct builder *b, const struct include *include)
{
	const struct relationship *relationship = include->relationship;
	const struct relation *relation = relationship->relation;

	sql_add(&b->sql, "SELECT p.id AS parent, t.* FROM ");
	sql_add(&b->sql, "(SELECT DISTINCT id FROM ");
	strbuf_puts(&b->sql.text, include_name(b, include->parent));
	sql_add(&b->sql, ") p CROSS JOIN LATERAL (SELECT t.* FROM ");
	sql_name(&b->sql, include->selection->entity->table);
	sql_add(&b->sql, " t");
	if (relation->join) {
		sql_add(&b->sql, " JOIN ");
		sql_name(&b->sql, relation->join->table);
		sql_add(&b->sql, " j ON ");
		sql_column(&b->sql, "j", far_key(relationship)->sql_name);
		sql_add(&b->sql, " = t.id AND ");
		sql_column(&b->sql, "j", near_key(relationship)->sql_name);
		sql_add(&b->sql, " = p.id WHERE ");
	} else {
		sql_add(&b->sql, " WHERE ");
		sql_column(&b->sql, "t", relation->key->sql_name);
		sql_add(&b->sql, " = p.id AND ");
	}
	permission_visible(&b->sql, b->actor, b->model,
			   include->selection->entity, "t");
	sql_add(&b->sql, " ORDER BY t.id DESC LIMIT ");
	sql_constant(&b->sql, INCLUDE_MAX);
	sql_add(&b->sql, ") t");
}

static void
add_include_queries(struct builder *b, const struct listing *listing)
{
	for (size_t i = 0; i < listing->nincludes; i++) {
		const struct include *include = &listing->includes[i];

		sql_add(&b->sql, ", ");
		strbuf_puts(&b->sql.text, include_name(b, (int)i));
		sql_add(&b->sql, " AS MATERIALIZED (");
		if (include->relationship->to_many)
			add_to_many_include(b, include);
		else
			add_to_one_include(b, include);
		sql_add(&b->sql, ")");
	}
}

static void
build_with_includes(struct builder *b, const struct listing *listing,
		    const struct selection *join)
{
	size_t width = widest(listing);
	bool counts = !listing->id && listing->total != TOTAL_NONE;

	sql_add(&b->sql, "WITH actd_page AS MATERIALIZED (");
	add_page(b, listing);
	sql_add(&b->sql, ")");
	add_include_queries(b, listing);
	sql_add(&b->sql, " (SELECT 0, NULL::text, ");
	builder_add_text_list(b, listing->selection, "p", width);
	add_join_list(b, join);
	sql_add(&b->sql, ", ");
	if (counts)
		add_total(b, listing);
	else
		sql_add(&b->sql, "NULL::bigint");
	sql_add(&b->sql, " FROM actd_page p");
	add_join_row(b, listing, join);
	if (!listing->id)
		builder_add_order(b, listing, "p", false);
	sql_add(&b->sql, ")");
	for (size_t i = 0; i < listing->nincludes; i++) {
		sql_add(&b->sql, " UNION ALL SELECT ");
		sql_constant(&b->sql, (int64_t)i + 1);
		sql_add(&b->sql, ", q.parent::text, ");
		builder_add_text_list(b, listing->includes[i].selection, "q",
				      width);
		for (size_t k = 0; k < join_width(join); k++)
			sql_add(&b->sql, ", NULL");
		sql_add(&b->sql, ", NULL FROM ");
		strbuf_puts(&b->sql.text, include_name(b, (int)i));
		sql_add(&b->sql, " q");
	}
}

static void
build_plain(struct builder *b, const struct listing *listing,
	    const struct selection *join)
{
	sql_add(&b->sql, "SELECT ");
	selection_list(&b->sql, listing->selection, b->actor, b->model, "p");
	add_join_list(b, join);
	if (!listing->id && listing->total != TOTAL_NONE) {
		sql_add(&b->sql, ", ");
		add_total(b, listing);
	}
	sql_add(&b->sql, " FROM (");
	add_page(b, listing);
	sql_add(&b->sql, ") p");
	add_join_row(b, listing, join);
	if (listing->before || join)
		builder_add_order(b, listing, "p", false);
}

static void
start(struct builder *b, struct arena *arena, const struct model *model,
      const struct actor *actor)
{
	sql_init(&b->sql, arena);
	b->model = model;
	b->actor = actor;
	b->naliases = 0;
}

/* The total of a page that has no rows. */
static struct error *
count_alone(struct db *db, struct arena *arena, const struct model *model,
	    const struct actor *actor, const struct listing *listing,
	    int64_t *total)
{
	struct builder b;
	struct rows *rows;
	struct error *error;

	start(&b, arena, model, actor);
	sql_add(&b.sql, "SELECT ");
	add_total(&b, listing);
	error = sql_run(&b.sql, db, &rows);
	if (!error)
		*total = rows_integer(rows, 0, 0);
	return error;
}

/* 404 where the row that a related list starts from is not visible. */
static struct error *
check_parent(struct db *db, struct arena *arena, const struct model *model,
	     const struct actor *actor, const struct listing *listing)
{
	struct builder b;
	struct rows *rows;
	struct error *error;

	start(&b, arena, model, actor);
	sql_add(&b.sql, "SELECT ");
	add_parent(&b, listing, "id");
	error = sql_run(&b.sql, db, &rows);
	if (error)
		return error;
	if (!rows_text(rows, 0, 0))
		return error_new(arena, 404, "not-found",
				 "There is no such %s.", listing->parent->name);
	return NULL;
}

static struct error *
read_total(struct db *db, struct arena *arena, const struct model *model,
	   const struct actor *actor, const struct listing *listing,
	   struct page *page)
{
	size_t last = rows_columns(page->rows) - 1;

	page->total = -1;
	page->total_is_estimate = false;
	if (listing->id || listing->total == TOTAL_NONE)
		return NULL;
	if (rows_count(page->rows)) {
		page->total = rows_integer(page->rows, 0, last);
	} else if (listing->offset || listing->after || listing->before) {
		struct error *error = count_alone(db, arena, model, actor,
						  listing, &page->total);
		if (error)
			return error;
	} else {
		page->total = 0;
	}
	page->total_is_estimate = page->total < 0;
	page->total = llabs(page->total);
	return NULL;
}

/* PostgreSQL does not say which of the patterns it refuses. */
static struct error *
name_patterns(struct arena *arena, const struct listing *listing,
	      struct error *error)
{
	struct strbuf names;

	if (!error || !error->sqlstate || strcmp(error->sqlstate, "2201B") != 0)
		return error;
	strbuf_init(&names, arena);
	for (size_t i = 0; i < listing->ngroups; i++)
		for (size_t j = 0; j < listing->groups[i].nconditions; j++) {
			const struct condition *condition =
				&listing->groups[i].conditions[j];

			if (condition->comparison < COMPARE_REGEXP ||
			    condition->comparison > COMPARE_NOT_IREGEXP)
				continue;
			strbuf_puts(&names, names.length ? ", " : "");
			strbuf_puts(&names, condition->column->column_name);
		}
	return error_in(error_new(arena, 400, "bad-query",
				  "Not a regular expression: the value for %s",
				  names.data),
			"query");
}

static struct error *
read_page(struct db *db, struct arena *arena, const struct model *model,
	  const struct actor *actor, const struct listing *listing,
	  struct page *page)
{
	struct builder b;
	struct error *error;

	start(&b, arena, model, actor);
	*page = (struct page){
		.join = join_selection(arena, listing->relationship),
	};
	if (listing->nincludes)
		build_with_includes(&b, listing, page->join);
	else
		build_plain(&b, listing, page->join);
	error = sql_run(&b.sql, db, &page->rows);
	if (error)
		return error;
	page->first_column = listing->nincludes ? 2 : 0;
	page->join_column = page->first_column + SELECTION_FIRST +
			    (listing->nincludes ? widest(listing)
						: listing->selection->ncolumns);
	error = read_total(db, arena, model, actor, listing, page);
	if (error)
		return error;
	if (listing->relationship && !rows_count(page->rows))
		return check_parent(db, arena, model, actor, listing);
	return NULL;
}

struct error *
query_page(struct db *db, struct arena *arena, const struct model *model,
	   const struct actor *actor, const struct listing *listing,
	   struct page *page)
{
	return name_patterns(arena, listing,
			     read_page(db, arena, model, actor, listing, page));
}
