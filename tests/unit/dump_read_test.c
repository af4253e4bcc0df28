/*
 * dump_read_test.c: dumps in all formats, row by row, whole and broken.
 */
#include "tests/unit/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/base/strbuf.h"
#include "handlers/formats/dump_read.h"

/* "table(row row)table()", or the fault. */
static const char *
read_dump(struct arena *arena, const char *name, const char *text)
{
	int fd = file_of(arena, text, strlen(text));
	struct dump_reader *reader;
	struct strbuf buf;
	struct error *error = dump_read_open(arena, fd, name, &reader);

	strbuf_init(&buf, arena);
	while (!error) {
		struct dump_row row;

		error = dump_read_next(reader, &row);
		if (error || !row.table)
			break;
		if (!row.number)
			strbuf_printf(&buf, "%s:", row.table);
		else
			strbuf_printf(&buf, " %s%lld%s", row.table,
				      (long long)row.number,
				      json_object_to_json_string_ext(
					      row.row, JSON_C_TO_STRING_PLAIN));
	}
	if (error)
		return arena_printf(arena, "%d %s", error->status,
				    error->detail);
	return buf.data;
}

static void
json_comes_table_by_table(void **state)
{
	assert_string_equal(
		read_dump(*state, "a.json",
			  " {\"a\" : [ {\"x\":1} ,\n{\"x\":[{}]}],\"b\":[],"
			  "\"c\":[{\"y\":\"]}\\\"\"}]} \n"),
		"a: a1{\"x\":1} a2{\"x\":[{}]}b:c: c1{\"y\":\"]}\\\"\"}");
	assert_string_equal(read_dump(*state, "a.json", "{}"), "");
	assert_string_equal(
		read_dump(*state, "a.json", "\xEF\xBB\xBF{\"a\":[]}"), "a:");
}

static void
a_format_without_a_name_is_seen(void **state)
{
	assert_string_equal(read_dump(*state, "upload.csv", "{\"a\":[{}]}"),
			    "a: a1{}");
	assert_string_equal(read_dump(*state, "dump", "a:\n- x: 1\n"),
			    "a: a1{\"x\":1}");
}

static void
rows_beyond_a_buffer_come_whole(void **state)
{
	struct strbuf text, wanted;
	const char *found;

	strbuf_init(&text, *state);
	strbuf_init(&wanted, *state);
	strbuf_puts(&text, "{\"a\":[");
	strbuf_puts(&wanted, "a:");
	for (int i = 1; i <= 3000; i++) {
		strbuf_printf(&text, "%s{\"x\":\"%0*d\"}", i > 1 ? "," : "",
			      i == 2000 ? 300000 : 100, i);
		strbuf_printf(&wanted, " a%d{\"x\":\"%0*d\"}", i,
			      i == 2000 ? 300000 : 100, i);
	}
	strbuf_puts(&text, "]}");
	found = read_dump(*state, "a.json", text.data);
	assert_true(!strcmp(found, wanted.data));
}

static void
broken_json_is_refused_where_it_breaks(void **state)
{
	static const char *const broken[] = {
		"",
		"[",
		"{",
		"{\"a\"",
		"{\"a\":1}",
		"{\"a\":[}",
		"{\"a\":[{}",
		"{\"a\":[{}]",
		"{\"a\":[{} {}]}",
		"{\"a\":[{}],}",
		"{\"a\":[{}]}x",
		"{\"a\":[{\"x\":nul}]}",
		"{\"a\":[{\"x\":\"]}]}",
		"{\"a\":[{]}]}",
		"{\"a\":[]\"b\":[]}",
		"{\"a\":[{\"x\":1,\"x\":2}]}",
		"{a:[]}",
	};

	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
		const char *found = read_dump(*state, "a.json", broken[i]);

		if (strncmp(found, "422 a.json: ", 12) != 0)
			fail_msg("%s gave %s", broken[i], found);
	}
	assert_non_null(
		strstr(read_dump(*state, "a.json", "{\"a\":[{},{\"x\":nul}]}"),
		       "a, row 2: "));
}

static void
yaml_comes_item_by_item(void **state)
{
	assert_string_equal(
		read_dump(*state, "a.yaml",
			  "a:\n- &x {x: 1, y: &z two}\n- y: \"\\u2028\"\n"
			  "b: []\nc:\n- {p: &q [1], r: *q}\n"),
		"a: a1{\"x\":1,\"y\":\"two\"} a2{\"y\":\"\u2028\"}b:c: "
		"c1{\"p\":[1],\"r\":[1]}");
	assert_string_equal(read_dump(*state, "a.yaml", ""), "");
	assert_string_equal(read_dump(*state, "a.yaml", "{}"), "");
}

static void
broken_yaml_is_refused(void **state)
{
	static const char *const broken[] = {
		"- a",
		"a: 1",
		"a:\n- x: [",
		"a:\n- x: *unknown",
		"a:\n- &x {y: 1}\n- *x",
		"a:\n- x: !tag y",
		"a: []\n---\nb: []",
		"a:\n- x: \"\x01\"",
		"a:\n- x: \xff\n",
	};

	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
		const char *found = read_dump(*state, "a.yaml", broken[i]);

		if (strncmp(found, "422 a.yaml: ", 12) != 0)
			fail_msg("%s gave %s", broken[i], found);
	}
}

static void
toml_and_hcl_are_lists_of_tables(void **state)
{
	assert_string_equal(
		read_dump(*state, "a.toml", "[[a]]\nx = 1\n[[a]]\nx = 2\n"),
		"a: a1{\"x\":1} a2{\"x\":2}");
	assert_string_equal(
		read_dump(*state, "a.hcl", "a {\n x = 1\n}\na {\n x = 2\n}\n"),
		"a: a1{\"x\":1} a2{\"x\":2}");
	assert_int_equal(atoi(read_dump(*state, "a.toml", "a = 1\n")), 422);
}

static void
toml_above_a_mebibyte_names_the_other_way(void **state)
{
	char *text = arena_printf(*state, "[[a]]\nx = \"%01100000d\"\n", 0);
	const char *found = read_dump(*state, "a.toml", text);

	assert_int_equal(atoi(found), 413);
	assert_non_null(strstr(found, "JSON or YAML"));
}

static void
lines_say_where_they_belong(void **state)
{
	assert_string_equal(
		read_dump(*state, "a.jsonl",
			  "{\"__type\":\"a\"}\n{\"__type\":\"a\",\"x\":1}\n"
			  "{\"__type\":\"b\"}\n"),
		" a1{\"__type\":\"a\"} a2{\"__type\":\"a\",\"x\":1}"
		" b1{\"__type\":\"b\"}");
	assert_int_equal(atoi(read_dump(*state, "a.jsonl", "{}\n")), 422);
	assert_int_equal(atoi(read_dump(*state, "a.jsonl", "1\n")), 422);
	assert_int_equal(atoi(read_dump(*state, "a.jsonl", "}\n")), 422);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_comes_table_by_table),
		cmocka_unit_test(a_format_without_a_name_is_seen),
		cmocka_unit_test(rows_beyond_a_buffer_come_whole),
		cmocka_unit_test(broken_json_is_refused_where_it_breaks),
		cmocka_unit_test(yaml_comes_item_by_item),
		cmocka_unit_test(broken_yaml_is_refused),
		cmocka_unit_test(toml_and_hcl_are_lists_of_tables),
		cmocka_unit_test(toml_above_a_mebibyte_names_the_other_way),
		cmocka_unit_test(lines_say_where_they_belong),
	};

	return cmocka_run_group_tests(tests, arena_setup, arena_teardown);
}
