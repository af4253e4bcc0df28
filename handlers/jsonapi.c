/*
 * jsonapi.c: the documents of the JSON:API. What is the same for every row of
 * a page (which column holds which key) is worked out once.
 */
#include "handlers/jsonapi.h"

#include <stdlib.h>
#include <string.h>

#include "db/file_list.h"

/* The most bytes of contents of files in one document. */
#define CONTENTS_MAX (16 << 20)

/* Rows of one include, by parent, so that a row finds its linkage. */
struct link {
	int64_t parent;
	size_t row;
};

struct links {
	struct link *links;
	size_t count;
};

/* How rows of one selection are written. */
struct shape {
	const struct selection *selection;
	size_t first_column;
	int *key_columns;	    /* per relationship: result column or -1 */
	const struct links **links; /* per relationship: or NULL */
	bool is_group_link;	    /* the join row is one to usergroup */
	const struct selection *join; /* columns of the join row, or NULL */
	size_t join_column;
	const struct column *opened; /* see struct page */
	const char *opened_text;
	/* columns whose files come with their contents */
	const struct listing *contents;
	int64_t *budget; /* bytes of contents that may still come */
};

/* A document with includes. */
struct document {
	struct arena *arena;
	const struct listing *listing;
	const struct page *page;
	struct shape page_shape;
	struct shape *include_shapes;
	struct links *include_links;
	int64_t budget;
	size_t *first_rows; /* of each tag; one more at the end */
	/* resources that are in the document already: open addressing */
	const struct entity **seen_entities;
	int64_t *seen_ids;
	size_t seen_size; /* a power of two */
};

/* Shapes. */

static int
key_column(const struct selection *selection, size_t first_column,
	   const struct relationship *relationship)
{
	if (relationship->to_many || !relationship->from_subject)
		return -1;
	for (size_t i = 0; i < selection->ncolumns; i++)
		if (selection->columns[i] == relationship->relation->key)
			return (int)(first_column + SELECTION_FIRST + i);
	return -1;
}

static struct shape
shape_of(struct arena *arena, const struct selection *selection,
	 size_t first_column)
{
	const struct entity *entity = selection->entity;
	size_t count = entity->nrelationships;
	struct shape shape = { .selection = selection,
			       .first_column = first_column };

	shape.key_columns = ARENA_ARRAY(arena, int, count + 1);
	shape.links = ARENA_ARRAY(arena, const struct links *, count + 1);
	for (size_t i = 0; i < count; i++)
		shape.key_columns[i] = key_column(selection, first_column,
						  entity->relationships[i]);
	return shape;
}

static void
connect_links(struct shape *shape, const struct relationship *relationship,
	      const struct links *links)
{
	const struct entity *entity = shape->selection->entity;

	for (size_t i = 0; i < entity->nrelationships; i++)
		if (entity->relationships[i] == relationship)
			shape->links[i] = links;
}

/* Resources. */

static void
add_identifier(struct strbuf *buf, const char *type, const char *id)
{
	strbuf_literal(buf, "{\"type\":\"");
	strbuf_puts(buf, type);
	strbuf_literal(buf, "\",\"id\":\"");
	strbuf_puts(buf, id);
	strbuf_literal(buf, "\"}");
}

static bool
has_contents(const struct shape *shape, const struct column *column)
{
	const struct listing *listing = shape->contents;

	for (size_t i = 0; listing && i < listing->nfiles; i++)
		if (listing->files[i] == column)
			return true;
	return false;
}

static void
add_files(struct strbuf *buf, const struct shape *shape,
	  const struct column *column, const struct rows *rows, size_t row,
	  size_t at)
{
	const char *id = rows_text(
		rows, row, shape->first_column + SELECTION_REFERENCE_ID);

	strbuf_puts(buf, column->column_name);
	strbuf_literal(buf, "\":");
	file_list_write(buf, shape->selection->entity, id, column,
			rows_text(rows, row, at),
			has_contents(shape, column) ? shape->contents->store
						    : NULL,
			shape->budget);
}

static void
add_attribute(struct strbuf *buf, const struct column *column,
	      const struct rows *rows, size_t row, size_t at)
{
	strbuf_puts(buf, column->column_name);
	strbuf_literal(buf, "\":");
	value_to_json(buf, column, rows_text(rows, row, at),
		      rows_length(rows, row, at));
}

/*
 * Groups of a row, and rows of a group, come with reference_id and permission
 * of the link, by which clients change and delete it (wire/json-api.md 2.4).
 */
static size_t
attribute_column(const struct shape *shape, const struct column *column,
		 size_t at)
{
	if (!shape->is_group_link || !column->is_standard)
		return at;
	if (!strcmp(column->column_name, "reference_id"))
		return shape->join_column + JOIN_REFERENCE_ID;
	if (!strcmp(column->column_name, "permission"))
		return shape->join_column + JOIN_PERMISSION;
	return at;
}

static void
add_join_attributes(struct strbuf *buf, const struct shape *shape,
		    const struct rows *rows, size_t row)
{
	const struct selection *join = shape->join;

	if (shape->is_group_link) {
		strbuf_literal(buf, ",\"relation_reference_id\":\"");
		strbuf_puts(buf, rows_text(rows, row,
					   shape->first_column +
						   SELECTION_REFERENCE_ID));
		strbuf_putc(buf, '"');
	}
	for (size_t i = 0; i < join->ncolumns; i++) {
		const struct column *column = join->columns[i];

		if (!column->is_standard &&
		    entity_column(shape->selection->entity,
				  column->column_name))
			continue;
		strbuf_puts(buf, column->is_standard ? ",\"relation_" : ",\"");
		add_attribute(buf, column, rows, row,
			      shape->join_column + JOIN_FIRST + i);
	}
}

static void
add_opened(struct strbuf *buf, const struct shape *shape)
{
	strbuf_puts(buf, shape->opened->column_name);
	strbuf_literal(buf, "\":");
	strbuf_json_text(buf, shape->opened_text);
}

static void
add_attributes(struct strbuf *buf, const struct shape *shape,
	       const struct rows *rows, size_t row)
{
	const struct selection *selection = shape->selection;
	size_t column = shape->first_column + SELECTION_FIRST;

	strbuf_literal(buf, "\"attributes\":{\"__type\":\"");
	strbuf_puts(buf, selection->entity->name);
	strbuf_putc(buf, '"');
	for (size_t i = 0; i < selection->ncolumns; i++, column++) {
		const struct column *one = selection->columns[i];

		strbuf_literal(buf, ",\"");
		if (one == shape->opened)
			add_opened(buf, shape);
		else if (one->kind == VALUE_FILE)
			add_files(buf, shape, one, rows, row, column);
		else
			add_attribute(buf, one, rows, row,
				      attribute_column(shape, one, column));
	}
	if (shape->join)
		add_join_attributes(buf, shape, rows, row);
	strbuf_putc(buf, '}');
}

static int
compare_links(const void *a, const void *b)
{
	const struct link *x = a;
	const struct link *y = b;

	if (x->parent != y->parent)
		return x->parent < y->parent ? -1 : 1;
	return x->row < y->row ? -1 : x->row > y->row;
}

/* The first link of a parent: lower bound. */
static size_t
find_links(const struct links *links, int64_t parent)
{
	size_t low = 0;
	size_t high = links->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (links->links[middle].parent < parent)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void
add_linkage_array(struct strbuf *buf, const struct shape *shape,
		  const struct relationship *relationship,
		  const struct links *links, const struct rows *rows,
		  size_t row)
{
	size_t reference = shape->first_column + SELECTION_REFERENCE_ID;
	int64_t id;
	bool any = false;

	strbuf_putc(buf, '[');
	if (links) {
		id = rows_integer(rows, row,
				  shape->first_column + SELECTION_ID);
		for (size_t i = find_links(links, id);
		     i < links->count && links->links[i].parent == id; i++) {
			if (any)
				strbuf_putc(buf, ',');
			any = true;
			add_identifier(buf, relationship->target->name,
				       rows_text(rows, links->links[i].row,
						 reference));
		}
	}
	strbuf_putc(buf, ']');
}

static void
add_relationship(struct strbuf *buf, const struct shape *shape, size_t index,
		 const struct rows *rows, size_t row)
{
	const struct relationship *relationship =
		shape->selection->entity->relationships[index];
	int column = shape->key_columns[index];

	strbuf_putc(buf, '"');
	strbuf_puts(buf, relationship->name);
	strbuf_literal(buf, "\":{\"data\":");
	if (column >= 0) {
		const char *id = rows_text(rows, row, (size_t)column);

		if (id)
			add_identifier(buf, relationship->target->name, id);
		else
			strbuf_literal(buf, "null");
	} else {
		add_linkage_array(buf, shape, relationship, shape->links[index],
				  rows, row);
	}
	strbuf_putc(buf, '}');
}

/* To-one keys that sparse fields left out are not mentioned. */
static bool
is_mentioned(const struct shape *shape, size_t index)
{
	const struct relationship *relationship =
		shape->selection->entity->relationships[index];

	return shape->key_columns[index] >= 0 || relationship->to_many ||
	       !relationship->from_subject;
}

static void
add_relationships(struct strbuf *buf, const struct shape *shape,
		  const struct rows *rows, size_t row)
{
	const struct entity *entity = shape->selection->entity;
	bool any = false;

	for (size_t i = 0; i < entity->nrelationships; i++) {
		if (!is_mentioned(shape, i))
			continue;
		if (any)
			strbuf_putc(buf, ',');
		else
			strbuf_literal(buf, ",\"relationships\":{");
		any = true;
		add_relationship(buf, shape, i, rows, row);
	}
	if (any)
		strbuf_putc(buf, '}');
}

static void
add_resource(struct strbuf *buf, const struct shape *shape,
	     const struct rows *rows, size_t row)
{
	strbuf_literal(buf, "{\"type\":\"");
	strbuf_puts(buf, shape->selection->entity->name);
	strbuf_literal(buf, "\",\"id\":\"");
	strbuf_puts(buf,
		    rows_text(rows, row,
			      shape->first_column + SELECTION_REFERENCE_ID));
	strbuf_literal(buf, "\",");
	add_attributes(buf, shape, rows, row);
	add_relationships(buf, shape, rows, row);
	strbuf_putc(buf, '}');
}

void
jsonapi_row(struct strbuf *buf, const struct row *row)
{
	struct shape shape = shape_of(buf->arena, row->selection, 0);

	strbuf_literal(buf, "{\"data\":");
	add_resource(buf, &shape, row->rows, 0);
	strbuf_putc(buf, '}');
}

void
jsonapi_identifier(struct strbuf *buf, const struct entity *entity,
		   const char *id)
{
	strbuf_literal(buf, "{\"data\":");
	add_identifier(buf, entity->name, id);
	strbuf_putc(buf, '}');
}

/* Documents with includes. */

static size_t
tag_of(const struct page *page, size_t row)
{
	if (!page->first_column)
		return 0;
	return (size_t)rows_integer(page->rows, row, PAGE_TAG);
}

/* The rows come by tag: the page's first, then include by include. */
static void
find_first_rows(struct document *d)
{
	size_t nrows = rows_count(d->page->rows);
	size_t tag = 0;

	d->first_rows =
		ARENA_ARRAY(d->arena, size_t, d->listing->nincludes + 2);
	for (size_t row = 0; row < nrows; row++)
		for (size_t now = tag_of(d->page, row); tag < now;)
			d->first_rows[++tag] = row;
	while (tag <= d->listing->nincludes)
		d->first_rows[++tag] = nrows;
}

static struct links
links_of_include(struct document *d, size_t index)
{
	size_t first = d->first_rows[index + 1];
	size_t end = d->first_rows[index + 2];
	struct links links = {
		ARENA_ARRAY(d->arena, struct link, end - first + 1), 0
	};

	if (!d->listing->includes[index].relationship->to_many)
		return links;
	for (size_t row = first; row < end; row++)
		links.links[links.count++] = (struct link){
			rows_integer(d->page->rows, row, PAGE_PARENT), row
		};
	qsort(links.links, links.count, sizeof *links.links, compare_links);
	return links;
}

static size_t
power_of_two_above(size_t n)
{
	size_t size = 16;

	while (size < n * 2)
		size *= 2;
	return size;
}

static void
prepare_document(struct document *d, struct arena *arena,
		 const struct listing *listing, const struct page *page)
{
	size_t count = listing->nincludes;

	memset(d, 0, sizeof *d);
	d->arena = arena;
	d->listing = listing;
	d->page = page;
	d->page_shape = shape_of(arena, listing->selection, page->first_column);
	d->page_shape.join = page->join;
	d->page_shape.join_column = page->join_column;
	d->page_shape.opened = page->opened;
	d->page_shape.opened_text = page->opened_text;
	d->page_shape.is_group_link =
		page->join &&
		!strcmp(listing->relationship->relation->object, "usergroup");
	d->budget = CONTENTS_MAX;
	d->page_shape.contents = listing;
	d->page_shape.budget = &d->budget;
	find_first_rows(d);
	if (!count)
		return;
	d->include_shapes = ARENA_ARRAY(arena, struct shape, count);
	d->include_links = ARENA_ARRAY(arena, struct links, count);
	for (size_t i = 0; i < count; i++) {
		const struct include *include = &listing->includes[i];

		d->include_shapes[i] =
			shape_of(arena, include->selection, page->first_column);
		d->include_links[i] = links_of_include(d, i);
		connect_links(include->parent < 0
				      ? &d->page_shape
				      : &d->include_shapes[include->parent],
			      include->relationship, &d->include_links[i]);
	}
	d->seen_size = power_of_two_above(rows_count(page->rows));
	d->seen_entities =
		ARENA_ARRAY(arena, const struct entity *, d->seen_size);
	d->seen_ids = ARENA_ARRAY(arena, int64_t, d->seen_size);
}

/* Remembers a resource; false if it was met before. */
static bool
is_new(struct document *d, const struct entity *entity, int64_t id)
{
	uint64_t hash = ((uint64_t)id * UINT64_C(0x9e3779b97f4a7c15)) ^
			((uintptr_t)entity >> 4);
	size_t at = hash & (d->seen_size - 1);

	while (d->seen_entities[at]) {
		if (d->seen_entities[at] == entity && d->seen_ids[at] == id)
			return false;
		at = (at + 1) & (d->seen_size - 1);
	}
	d->seen_entities[at] = entity;
	d->seen_ids[at] = id;
	return true;
}

static int64_t
id_of(const struct document *d, size_t row)
{
	return rows_integer(d->page->rows, row,
			    d->page->first_column + SELECTION_ID);
}

static void
add_included(struct strbuf *buf, struct document *d)
{
	bool any = false;

	for (size_t row = 0; d->seen_size && row < d->first_rows[1]; row++)
		is_new(d, d->listing->entity, id_of(d, row));
	for (size_t i = 0; i < d->listing->nincludes; i++) {
		const struct shape *shape = &d->include_shapes[i];

		for (size_t row = d->first_rows[i + 1];
		     row < d->first_rows[i + 2]; row++) {
			if (!is_new(d, shape->selection->entity, id_of(d, row)))
				continue;
			strbuf_puts(buf, any ? "," : ",\"included\":[");
			any = true;
			add_resource(buf, shape, d->page->rows, row);
		}
	}
	if (any)
		strbuf_putc(buf, ']');
}

/* Page links. */

static bool
is_page_position(const char *name)
{
	return !strcmp(name, "page[number]") || !strcmp(name, "page[offset]") ||
	       !strcmp(name, "page[size]") || !strcmp(name, "page[limit]");
}

static void
add_page_link(struct strbuf *buf, const struct request *request,
	      const struct listing *listing, const char *name, int64_t number)
{
	struct strbuf url;

	strbuf_init(&url, request->arena);
	strbuf_puts(&url, request->path);
	strbuf_puts(&url, "?page%5Bnumber%5D=");
	strbuf_integer(&url, number);
	strbuf_puts(&url, "&page%5Bsize%5D=");
	strbuf_integer(&url, listing->page_size);
	for (size_t i = 0; i < request->nparameters; i++) {
		if (is_page_position(request->parameters[i].name))
			continue;
		strbuf_putc(&url, '&');
		strbuf_percent(&url, request->parameters[i].name);
		strbuf_putc(&url, '=');
		strbuf_percent(&url, request->parameters[i].value);
	}
	strbuf_literal(buf, ",\"");
	strbuf_puts(buf, name);
	strbuf_literal(buf, "\":");
	strbuf_json(buf, url.data, url.length);
}

static void
add_member(struct strbuf *buf, const char *name, int64_t value)
{
	strbuf_literal(buf, ",\"");
	strbuf_puts(buf, name);
	strbuf_literal(buf, "\":");
	strbuf_integer(buf, value);
}

/* wire/json-api.md 3.2 */
static void
add_links(struct strbuf *buf, const struct request *request,
	  const struct listing *listing, const struct page *page)
{
	int64_t size = listing->page_size;
	int64_t number = listing->page_number;
	int64_t last = page->total >= 0 ? (page->total + size - 1) / size : -1;

	strbuf_literal(buf, "\"links\":{\"per_page\":");
	strbuf_integer(buf, size);
	add_member(buf, "current_page", number);
	add_member(buf, "from", listing->offset);
	add_member(buf, "to", listing->offset + size);
	if (page->total >= 0) {
		add_member(buf, "total", page->total);
		add_member(buf, "last_page", last);
		if (page->total_is_estimate)
			strbuf_literal(buf, ",\"total_is_estimate\":true");
	}
	if (number > 1) {
		add_page_link(buf, request, listing, "first_page_url", 1);
		add_page_link(buf, request, listing, "prev_page_url",
			      number - 1);
	}
	if (last > number) {
		add_page_link(buf, request, listing, "next_page_url",
			      number + 1);
		add_page_link(buf, request, listing, "last_page_url", last);
	}
	strbuf_putc(buf, '}');
}

void
jsonapi_list(struct response *response, const struct request *request,
	     const struct listing *listing, const struct page *page)
{
	struct strbuf *buf = &response->body;
	struct document d;

	prepare_document(&d, response->arena, listing, page);
	response->content_type = JSONAPI_TYPE;
	strbuf_putc(buf, '{');
	add_links(buf, request, listing, page);
	strbuf_literal(buf, ",\"data\":[");
	for (size_t row = 0; row < d.first_rows[1]; row++) {
		if (row)
			strbuf_putc(buf, ',');
		add_resource(buf, &d.page_shape, page->rows, row);
	}
	strbuf_putc(buf, ']');
	add_included(buf, &d);
	strbuf_putc(buf, '}');
}

static void
add_made_resource(struct strbuf *buf, const char *type, const char *id,
		  struct json_object *attributes)
{
	strbuf_literal(buf, "{\"type\":");
	strbuf_json_text(buf, type);
	strbuf_literal(buf, ",\"id\":");
	strbuf_json_text(buf, id);
	strbuf_literal(buf, ",\"attributes\":");
	strbuf_puts(buf, json_object_to_json_string_ext(
				 attributes, JSON_C_TO_STRING_PLAIN));
	strbuf_putc(buf, '}');
}

void
jsonapi_made_list(struct response *response, const struct request *request,
		  const struct listing *listing, const struct page *page,
		  const char *type, struct json_object *const *attributes)
{
	struct strbuf *buf = &response->body;
	bool any = false;

	response->content_type = JSONAPI_TYPE;
	strbuf_putc(buf, '{');
	add_links(buf, request, listing, page);
	strbuf_literal(buf, ",\"data\":[");
	for (size_t row = 0; row < rows_count(page->rows); row++) {
		if (!attributes[row])
			continue;
		if (any)
			strbuf_putc(buf, ',');
		any = true;
		add_made_resource(
			buf, type,
			rows_text(page->rows, row, SELECTION_REFERENCE_ID),
			attributes[row]);
	}
	strbuf_literal(buf, "]}");
}

void
jsonapi_item(struct response *response, const struct listing *listing,
	     const struct page *page)
{
	struct strbuf *buf = &response->body;
	struct document d;

	prepare_document(&d, response->arena, listing, page);
	response->content_type = JSONAPI_TYPE;
	strbuf_literal(buf, "{\"data\":");
	if (d.first_rows[1])
		add_resource(buf, &d.page_shape, page->rows, 0);
	else
		strbuf_literal(buf, "null");
	add_included(buf, &d);
	strbuf_putc(buf, '}');
}

void
jsonapi_linkage(struct response *response, const struct listing *listing,
		const struct page *page, bool to_one)
{
	struct strbuf *buf = &response->body;
	size_t count = rows_count(page->rows);

	response->content_type = JSONAPI_TYPE;
	strbuf_puts(buf, to_one ? "{\"data\":" : "{\"data\":[");
	for (size_t row = 0; row < count; row++) {
		if (row)
			strbuf_putc(buf, ',');
		add_identifier(
			buf, listing->entity->name,
			rows_text(page->rows, row, SELECTION_REFERENCE_ID));
	}
	if (to_one && !count)
		strbuf_literal(buf, "null");
	strbuf_puts(buf, to_one ? "}" : "]}");
}
