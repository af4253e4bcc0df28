/*
 * formats_test.c: what each reader takes and refuses, the limits (cases E01
 * to E05, E09, E10), and that one model gives one tree in all formats.
 */
#include "tests/unit/support.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "db/base/strbuf.h"
#include "handlers/formats/format.h"

#define MEBIBYTE ((size_t)1024 * 1024)

static const struct format_limits wide = {
	.bytes = 64 * MEBIBYTE,
	.depth = 64,
	.nodes = 4000000,
};

static struct arena *arena;

static int
setup(void **state UNUSED)
{
	arena = arena_new();
	return 0;
}

static int
teardown(void **state UNUSED)
{
	arena_free(arena);
	return 0;
}

/* Sanitizers, and neighbours on the same core, take a multiple of the time. */
#ifdef __SANITIZE_ADDRESS__
#define SLACK 10
#else
#define SLACK 3
#endif

static void
assert_within(double start, double limit)
{
	assert_true(cpu_milliseconds() - start < limit * SLACK);
}

static struct error *
parse(const struct format *format, const char *text, struct json_object **tree)
{
	return format->parse(arena, text, strlen(text), &format_schema_limits,
			     tree);
}

/* The tree as compact JSON, or the fault. */
static const char *
shown(const struct format *format, const char *text)
{
	struct json_object *tree;
	struct error *error = parse(format, text, &tree);

	if (error)
		return error->detail;
	return json_object_to_json_string_ext(
		tree, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
}

struct pair {
	const char *text;
	const char *result;
};

#define check_all(format, pairs)                                               \
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)                         \
	assert_string_equal(shown((format), (pairs)[i].text), (pairs)[i].result)

static void
assert_fault(struct error *error, const char *code, const char *detail)
{
	assert_non_null(error);
	assert_int_equal(error->status, 422);
	assert_string_equal(error->code, code);
	assert_non_null(strstr(error->detail, detail));
}

static char *
repeated(const char *text, size_t count)
{
	struct strbuf buf;

	strbuf_init(&buf, arena);
	for (size_t i = 0; i < count; i++)
		strbuf_puts(&buf, text);
	return buf.data;
}

static void
json_values_are_read(void **state UNUSED)
{
	static const struct pair pairs[] = {
		{ "null", "null" },
		{ " true ", "true" },
		{ "false", "false" },
		{ "\"\"", "\"\"" },
		{ "\"caf\xC3\xA9 \xF0\x9F\x98\x80\"",
		  "\"caf\xC3\xA9 \xF0\x9F\x98\x80\"" },
		{ "\"\\ud83d\\ude00\\u00e9\\u20ac\"",
		  "\"\xF0\x9F\x98\x80\xC3\xA9\xE2\x82\xAC\"" },
		{ "\"a\\n\\t\\\\\\\"\\/b\"", "\"a\\n\\t\\\\\\\"/b\"" },
		{ "{}", "{}" },
		{ "[ ]", "[]" },
		{ "{\"b\":1,\"a\":[1,{\"c\":null}]}",
		  "{\"b\":1,\"a\":[1,{\"c\":null}]}" },
		{ "\xEF\xBB\xBF[1]", "[1]" },
		{ "{\"\\u0061b\":1}", "{\"ab\":1}" },
	};

	check_all(&format_json, pairs);
}

static void
json_numbers_are_exact(void **state UNUSED)
{
	static const struct pair pairs[] = {
		{ "9007199254740993", "9007199254740993" },
		{ "-9223372036854775808", "-9223372036854775808" },
		{ "-9223372036854775809", "-9223372036854775809" },
		{ "18446744073709551615", "18446744073709551615" },
		{ "18446744073709551616", "18446744073709551616" },
		{ "1e400", "1e400" },
		{ "1e-400", "1e-400" },
		{ "1.10", "1.10" },
		{ "0.1E+2", "0.1E+2" },
		{ "-0", "0" },
		{ "-0.0", "-0.0" },
	};
	struct json_object *tree;

	check_all(&format_json, pairs);
	assert_null(parse(&format_json, "9007199254740993", &tree));
	assert_true(json_object_is_type(tree, json_type_int));
	assert_true(json_object_get_int64(tree) == 9007199254740993);
	assert_null(parse(&format_json, "18446744073709551616", &tree));
	assert_true(json_object_is_type(tree, json_type_double));
}

static void
json_that_is_wrong_is_refused_with_its_place(void **state UNUSED)
{
	static const struct pair pairs[] = {
		{ "", "line 1, column 1: a value is missing" },
		{ "00", "line 1, column 1: a value is missing" },
		{ "+1", "line 1, column 1: a value is missing" },
		{ "NaN", "line 1, column 1: a value is missing" },
		{ "-Infinity", "line 1, column 1: a value is missing" },
		{ ".5", "line 1, column 1: a value is missing" },
		{ "5.", "line 1, column 2: text behind" },
		{ "1e", "line 1, column 2: text behind" },
		{ "1 2", "line 1, column 3: text behind" },
		{ "nul", "line 1, column 1: a value is missing" },
		{ "'a'", "line 1, column 1: a value is missing" },
		{ "[1,]", "line 1, column 4: a value is missing" },
		{ "[1 2]", "line 1, column 4: a comma or ] is missing" },
		{ "[1", "line 1, column 3: a comma or ] is missing" },
		{ "{\"a\"}", "line 1, column 5: a colon" },
		{ "{\"a\":1,}", "line 1, column 8: a key in quotes" },
		{ "{a:1}", "line 1, column 2: a key in quotes" },
		{ "{\"a\":1", "line 1, column 7: a comma or }" },
		{ "[\n  /* */ 1]", "line 2, column 3: a value is missing" },
		{ "\"abc", "line 1, column 5: the closing quote" },
		{ "\"\xC3\xA9\xC3\xA9\n\"", "line 1, column 4: a control" },
		{ "\"\\x\"", "line 1, column 2: an unknown escape" },
		{ "\"\\u12\"", "line 1, column 2: \\u needs four" },
		{ "\"\\", "the closing quote" },
		{ "\"a\\u0000\"", "line 1, column 3: \\u0000 is not allowed" },
		{ "\"\\ud800\"", "line 1, column 2: a lone surrogate" },
		{ "\"\\ud800\\u0041\"", "a lone surrogate" },
		{ "\"\\ude00\"", "a lone surrogate" },
		{ "\"\\ud800\\n\"", "a lone surrogate" },
		{ "{\"a\":{\"k\":1,\n \"\\u006b\":2}}",
		  "line 2, column 2: duplicate key \"k\"" },
	};
	struct json_object *tree;

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		assert_fault(parse(&format_json, pairs[i].text, &tree),
			     "bad-json", pairs[i].result);
}

static void
bytes_that_are_not_utf8_are_refused_by_every_format(void **state UNUSED)
{
	static const struct format *const all[] = { &format_json, &format_yaml,
						    &format_toml, &format_hcl };
	static const struct {
		const char *bytes;
		size_t length;
	} bad[] = {
		{ "\x80", 1 },
		{ "\xC0\xAF", 2 },
		{ "\xC1\x81", 2 },
		{ "\xE0\x80\xAF", 3 },
		{ "\xED\xA0\x80", 3 },		   /* surrogate */
		{ "\xED\xA0\xBD\xED\xB8\x80", 6 }, /* CESU-8 */
		{ "\xF0\x80\x80\xAF", 4 },
		{ "\xF4\x90\x80\x80", 4 },
		{ "\xF8\x88\x80\x80\x80", 5 },
		{ "\xC3", 1 },
		{ "\xE2\x82", 2 },
		{ "\xFF\xFE", 2 },
		{ "a\0b", 3 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad) * ARRAY_SIZE(all); i++) {
		const struct format *format = all[i % ARRAY_SIZE(all)];
		size_t which = i / ARRAY_SIZE(all);
		struct json_object *tree;
		struct strbuf text;

		strbuf_init(&text, arena);
		strbuf_puts(&text, "# \xC3\xA9 plain text\n");
		strbuf_add(&text, bad[which].bytes, bad[which].length);
		strbuf_puts(&text, "\n");
		assert_fault(format->parse(arena, text.data, text.length,
					   &format_schema_limits, &tree),
			     arena_printf(arena, "bad-%s", format->name),
			     "line 2, column ");
		assert_null(tree);
	}
}

static void
bodies_are_refused_with_the_status_of_bodies(void **state UNUSED)
{
	struct json_object *value;
	struct error *error =
		json_read(arena, "[", 1, &format_schema_limits, 400, &value);

	assert_non_null(error);
	assert_int_equal(error->status, 400);
	assert_null(value);
}

static void
json_depth_ends_at_the_limit_at_once(void **state UNUSED)
{
	struct json_object *tree;
	char *inner = arena_printf(arena, "%s1%s", repeated("[", 64),
				   repeated("]", 64));
	const char *openings[] = { "[", "{\"a\":" };

	assert_null(parse(&format_json, inner, &tree));
	assert_fault(
		parse(&format_json, arena_printf(arena, "[%s]", inner), &tree),
		"bad-json", "column 65: nested deeper than 64");
	for (size_t i = 0; i < ARRAY_SIZE(openings); i++) {
		char *deep = repeated(openings[i], 100000);
		double start = cpu_milliseconds();

		assert_fault(parse(&format_json, deep, &tree), "bad-json",
			     "nested deeper than 64");
		assert_within(start, 10);
	}
}

static void
a_million_keys_are_read_within_a_second(void **state UNUSED)
{
	struct strbuf text;
	struct json_object *tree;
	double start;

	strbuf_init(&text, arena);
	strbuf_puts(&text, "{\"k\":0");
	for (int i = 0; i < 1000000; i++)
		strbuf_printf(&text, ",\"k%d\":%d", i, i);
	strbuf_puts(&text, "}");
	start = cpu_milliseconds();
	assert_null(
		format_json.parse(arena, text.data, text.length, &wide, &tree));
	assert_within(start, 1000);
	assert_int_equal(json_object_object_length(tree), 1000001);
}

/* Under a sanitizer, malloc's figures are not to be had. */
static void
a_text_of_empty_objects_stays_small(void **state UNUSED)
{
	const char *text =
		arena_printf(arena, "[%s{}]", repeated("{},", 99990));
	size_t before = mallinfo2().uordblks;
	struct json_object *tree;

	assert_null(parse(&format_json, text, &tree));
	if (SLACK == 1)
		assert_true(mallinfo2().uordblks - before < 32 * MEBIBYTE);
}

static void
every_format_counts_bytes_and_values(void **state UNUSED)
{
	static const struct {
		const struct format *format;
		const char *four; /* values, with the outermost */
	} cases[] = {
		{ &format_json, "{\"a\": [1, 2]}" },
		{ &format_yaml, "a:\n- 1\n- 2\n" },
		{ &format_toml, "a = [1, 2]\n" },
		{ &format_hcl, "a = [1, 2]\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct format *format = cases[i].format;
		const char *text = cases[i].four;
		struct format_limits limits = { strlen(text), 2, 4 };
		struct json_object *tree;

		assert_null(format->parse(arena, text, strlen(text), &limits,
					  &tree));
		limits.nodes--;
		assert_non_null(format->parse(arena, text, strlen(text),
					      &limits, &tree));
		limits.nodes++;
		limits.depth--;
		assert_non_null(format->parse(arena, text, strlen(text),
					      &limits, &tree));
		limits.depth++;
		limits.bytes--;
		assert_non_null(format->parse(arena, text, strlen(text),
					      &limits, &tree));
		assert_null(tree);
	}
}

static void
yaml_scalars_have_the_documented_types(void **state UNUSED)
{
	static const struct pair pairs[] = {
		{ "[yes, No, on, OFF, true, False]",
		  "[true,false,true,false,true,false]" },
		{ "[y, n, Y, yEs]", "[\"y\",\"n\",\"Y\",\"yEs\"]" },
		{ "[~, null, NULL, ]", "[null,null,null]" },
		{ "a:", "{\"a\":null}" },
		{ "[12, -3, +5, 0, 0o17, 0x1F]", "[12,-3,5,0,15,31]" },
		{ "[012, 12:30, 1_000, 2001-01-01]",
		  "[\"012\",\"12:30\",\"1_000\",\"2001-01-01\"]" },
		{ "[1.10, .5, -.5, 1., +1.5, 1e3]",
		  "[1.10,0.5,-0.5,1.0,1.5,1e3]" },
		{ "[1.2.3, 0o8, 0x, -, +, ., 1e, -a, 0b1]",
		  "[\"1.2.3\",\"0o8\",\"0x\",\"-\",\"+\",\".\",\"1e\","
		  "\"-a\",\"0b1\"]" },
		{ "18446744073709551616", "18446744073709551616" },
		{ "0xFFFFFFFFFFFFFFFF", "18446744073709551615" },
		{ "0x1FFFFFFFFFFFFFFFF", "\"0x1FFFFFFFFFFFFFFFF\"" },
		{ "['1', \"no\", '~']", "[\"1\",\"no\",\"~\"]" },
		{ "|\n  yes\n", "\"yes\\n\"" },
		{ "[!!str 1, !!int 2, !!float 3, !!null ~, !!bool no]",
		  "[\"1\",2,3,null,false]" },
		{ "{1: a, on: b, ~: c}",
		  "{\"1\":\"a\",\"on\":\"b\",\"~\":\"c\"}" },
		{ "", "null" },
		{ "# nothing\n", "null" },
		{ "---\n---\n", "line 2, column 1: a second document; one is "
				"allowed" },
		{ "\xEF\xBB\xBF"
		  "a: 1\nb: 2\n",
		  "{\"a\":1,\"b\":2}" },
	};

	check_all(&format_yaml, pairs);
}

static void
yaml_aliases_and_merge_keys_are_applied(void **state UNUSED)
{
	static const struct pair pairs[] = {
		{ "a: &x [1, 1.50, null]\nb: *x\n",
		  "{\"a\":[1,1.50,null],\"b\":[1,1.50,null]}" },
		{ "[&x ~, *x, &y 1.50, *y]", "[null,null,1.50,1.50]" },
		{ "[&x 1, &x 2, *x]", "[1,2,2]" },
		{ "x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}\n",
		  "{\"x\":{\"a\":1,\"b\":2},\"y\":{\"b\":3,\"a\":1}}" },
		{ "x: &x {a: 1}\nz: &z {a: 2, c: 4}\ny: {<<: [*x, *z]}\n",
		  "{\"x\":{\"a\":1},\"z\":{\"a\":2,\"c\":4},"
		  "\"y\":{\"a\":1,\"c\":4}}" },
		{ "y: {<<: &k {a: [1]}}\nz: *k\n",
		  "{\"y\":{\"a\":[1]},\"z\":{\"a\":[1]}}" },
		{ "{\"<<\": 1}", "{\"<<\":1}" },
	};

	check_all(&format_yaml, pairs);
}

static void
copies_of_an_alias_are_apart(void **state UNUSED)
{
	struct json_object *tree, *a, *k;

	assert_null(parse(&format_yaml, "a: &x {k: {m: [1]}}\nb: *x\n", &tree));
	assert_true(json_object_object_get_ex(tree, "a", &a));
	assert_true(json_object_object_get_ex(a, "k", &k));
	json_object_object_add(k, "m", NULL);
	assert_string_equal(
		json_object_to_json_string_ext(tree, JSON_C_TO_STRING_PLAIN),
		"{\"a\":{\"k\":{\"m\":null}},"
		"\"b\":{\"k\":{\"m\":[1]}}}");
}

static void
yaml_that_is_wrong_is_refused_with_its_place(void **state UNUSED)
{
	static const struct pair pairs[] = {
		{ "a: 1\nb: 2\na: 3\n",
		  "line 3, column 1: duplicate key \"a\"" },
		{ "a: !btoa(x)\n", "line 1, column 4: tag !btoa(x) is not "
				   "supported here; a value that begins with "
				   "! needs quotes" },
		{ "a: ! x\n", "needs quotes" },
		{ "- !!python/object/apply:os.system [ls]\n",
		  "line 1, column 3: tag tag:yaml.org,2002:python" },
		{ "!x k: 1\n", "line 1, column 1: tag !x" },
		{ "a: !!int x\n", "line 1, column 4: the value is not" },
		{ "--- 1\n--- 2\n", "line 2, column 1: a second document" },
		{ "? [a]\n: 1\n", "line 1, column 3: a key must be text" },
		{ "&k a: 1\n", "an anchor on a key" },
		{ "\"a\\0b\"", "line 1, column 1: a NUL" },
		{ "\"a\\0b\": 1", "line 1, column 1: a NUL" },
		{ "\"\\ud800\"", "line 1, column " },
		{ "a: .inf", "line 1, column 4: infinity and NaN" },
		{ "a: *x", "line 1, column 4: unknown alias *x" },
		{ "a: &x [*x]", "line 1, column 8: unknown alias *x" },
		{ "<<: 1\n", "line 1, column 5: a merge key needs a mapping" },
		{ "<<: [1]\n", "a merge key needs mappings" },
		{ "<<: ~\n", "a merge key needs a mapping" },
		{ "{<<: {}, <<: {}}", "duplicate key \"<<\"" },
		{ "a: [1\n", "line 2, column 1: " },
		{ "a:\n\t- 1\n", "line 2, column 1: " },
		{ "a: \"\x01\"\n", "line 1, column 5: " },
	};
	struct json_object *tree;

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		assert_fault(parse(&format_yaml, pairs[i].text, &tree),
			     "bad-yaml", pairs[i].result);
}

/* `levels` lists of nine aliases each; the last is used in `use`. */
static const char *
alias_bomb(int levels, const char *use)
{
	struct strbuf text;

	strbuf_init(&text, arena);
	strbuf_puts(&text, "a0: &a0 {k: lol}\n");
	for (int i = 1; i <= levels; i++) {
		strbuf_printf(&text, "a%d: &a%d {", i, i);
		for (int j = 0; j < 9; j++)
			strbuf_printf(&text, "k%d: *a%d,", j, i - 1);
		strbuf_puts(&text, "}\n");
	}
	strbuf_puts(&text, use);
	return text.data;
}

static void
yaml_bombs_end_within_a_fifth_of_a_second(void **state UNUSED)
{
	struct pair bombs[] = {
		{ alias_bomb(12, ""), "more than 100000 values" },
		{ alias_bomb(5, "z: {<<: [*a5, *a5, *a5, *a5]}\n"),
		  "more than 100000 values" },
		{ arena_printf(arena, "- &a %s\n%s", repeated("x", 500000),
			       repeated("- *a\n", 100000)),
		  "aliases make the text too long" },
		{ arena_printf(arena, "- &a {a: [[[[1]]]]}\n%s",
			       repeated("- {<<: [*a,*a,*a,*a,*a,*a,*a,*a]}\n",
					25000)),
		  "more than 100000 values" },
		{ repeated("[", 100000), "nested deeper than 64" },
		{ repeated("{a: ", 100000), "nested deeper than 64" },
		{ repeated("- ", 100000), "nested deeper than 64" },
		{ repeated("? ", 100000), "a key must be text" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bombs); i++) {
		struct json_object *tree;
		double start = cpu_milliseconds();
		struct error *error = parse(&format_yaml, bombs[i].text, &tree);

		assert_fault(error, "bad-yaml", bombs[i].result);
		assert_within(start, 200);
	}
}

static void
aliases_of_aliases_obey_the_depth(void **state UNUSED)
{
	struct strbuf text;
	struct json_object *tree;

	strbuf_init(&text, arena);
	strbuf_puts(&text, "- &a0 [1]\n");
	for (int i = 1; i < 100; i++)
		strbuf_printf(&text, "- &a%d [*a%d]\n", i, i - 1);
	assert_fault(parse(&format_yaml, text.data, &tree), "bad-yaml",
		     "line 64, column 9: nested deeper than 64 levels");
}

static void
toml_is_read_in_the_order_of_the_text(void **state UNUSED)
{
	static const struct pair pairs[] = {
		{ "z = 1\na = \"x\"\nm.z = 1\nm.a = 2\n",
		  "{\"z\":1,\"a\":\"x\",\"m\":{\"z\":1,\"a\":2}}" },
		{ "[[t]]\nb=1\na=[1,\"x\",{z=1,a=true}]\n[[t]]\n[q.r]\n",
		  "{\"t\":[{\"b\":1,\"a\":[1,\"x\",{\"z\":1,\"a\":true}]},"
		  "{}],\"q\":{\"r\":{}}}" },
		{ "a = [1.5, 0.1, 5.0, 1e3, -2.50, 1e300]\n",
		  "{\"a\":[1.5,0.1,5.0,1000.0,-2.5,1e+300]}" },
		{ "a = [0x1F, 0o17, 0b101, 1_000]", "{\"a\":[31,15,5,1000]}" },
		{ "a = 1979-05-27T07:32:00Z\nb = 1979-05-27\nc = 07:32:00\n"
		  "d = 1979-05-27T07:32:00.5-07:00\n",
		  "{\"a\":\"1979-05-27T07:32:00Z\",\"b\":\"1979-05-27\","
		  "\"c\":\"07:32:00\",\"d\":\"1979-05-27T07:32:00.5-07:00\"}" },
		{ "a = \"\"\"\nx\"y\"\"\"\"\"\nb = '''[.{'''\n# a.b.c [[[\n",
		  "{\"a\":\"x\\\"y\\\"\\\"\",\"b\":\"[.{\"}" },
		{ "", "{}" },
		{ "\xEF\xBB\xBF"
		  "a=9223372036854775807",
		  "{\"a\":9223372036854775807}" },
	};

	check_all(&format_toml, pairs);
}

static void
toml_that_is_wrong_is_refused_with_its_place(void **state UNUSED)
{
	static const struct pair pairs[] = {
		{ "a = 1\na = 2\n", "line 2, column " },
		{ "[a]\n[b]\n[a]\n", "line 3, column " },
		{ "a.b = 1\n[a]\n", "line 2, column " },
		{ "a = {b = 1}\na.c = 2\n", "line 2, column " },
		{ "a = inf", "line 1, column 5: infinity and NaN" },
		{ "a = nan", "line 1, column 5: infinity and NaN" },
		{ "a = 9223372036854775808", "line 1, column " },
		{ "a = \"x\\u0000\"", "line 1, column " },
		{ "\"x\\u0000\" = 1", "line 1, column " },
		{ "a = \"\\ud800\"", "line 1, column " },
		{ "a = \n", "line 1, column " },
		{ "a = \"x\n", "line 1, column " },
	};
	struct json_object *tree;

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		assert_fault(parse(&format_toml, pairs[i].text, &tree),
			     "bad-toml", pairs[i].result);
}

static void
deep_toml_ends_at_the_limit(void **state UNUSED)
{
	const char *deep[] = {
		repeated("a.", 20000),
		arena_printf(arena, "[%sa]", repeated("a . ", 20000)),
		arena_printf(arena, "[[%sa]]", repeated("\"x\".", 20000)),
		arena_printf(arena, "a = {%sa = 1}", repeated("'].'.", 20000)),
		arena_printf(arena, "a = %s", repeated("[", 10000)),
		arena_printf(arena, "a = %s", repeated("{a=", 10000)),
		arena_printf(arena, "a = %s", repeated("[{a.b.c.d=", 20)),
		arena_printf(arena, "a = \"\"\"\\\"\"\"\"\"\"\n%sa=1",
			     repeated("a.", 20000)),
		arena_printf(arena, "a = '''''''\n%sa=1",
			     repeated("a.", 20000)),
		arena_printf(arena, "a = 1 # '\n%sa=1", repeated("a.", 20000)),
		arena_printf(arena, "a = ['''x'''', {%sa=1}]",
			     repeated("a.", 20000)),
	};

	for (size_t i = 0; i < ARRAY_SIZE(deep); i++) {
		struct json_object *tree;
		double start = cpu_milliseconds();

		assert_fault(parse(&format_toml, deep[i], &tree), "bad-toml",
			     "nested deeper than 64");
		assert_within(start, 50);
	}
}

static void
dots_of_values_and_texts_are_not_depth(void **state UNUSED)
{
	struct json_object *tree;
	const char *text = arena_printf(
		arena, "a = [%s1.5]\nb = \"%s\"\nc = '''%s'''\n# %s\n%s",
		repeated("1.5, ", 500), repeated("a.", 500), repeated("[", 500),
		repeated("a.", 500),
		repeated("[[t.u]]\nx.y = {a.b = 1.5}\n", 200));

	assert_null(parse(&format_toml, text, &tree));
}

static void
hcl_is_read(void **state UNUSED)
{
	static const struct pair pairs[] = {
		{ "", "{}" },
		{ "t \"a\" {x=1}", "{\"t\":[{\"a\":[{\"x\":1}]}]}" },
		{ "t \"a\" \"b\" { x = 1 }\nt \"c\" {}\nt {}\n",
		  "{\"t\":[{\"a\":[{\"b\":[{\"x\":1}]}]},{\"c\":[{}]},{}]}" },
		{ "a = 1\nb = \"x\"\nc = [1, \"y\", {z = true},]\n"
		  "d = { e = 1, f = 2 }\n",
		  "{\"a\":1,\"b\":\"x\",\"c\":[1,\"y\",{\"z\":true}],"
		  "\"d\":{\"e\":1,\"f\":2}}" },
		{ "# x\n// y\na = 1 /* z\n */ b = null # w",
		  "{\"a\":1,\"b\":null}" },
		{ "a = [0x1F, -2, 1.50, 18446744073709551616]",
		  "{\"a\":[31,-2,1.50,18446744073709551616]}" },
		{ "\"a b\" = false", "{\"a b\":false}" },
		{ "a = \"${file(\"/etc/passwd\")} ${env.HOME}\"",
		  "{\"a\":\"${file(\\\"/etc/passwd\\\")} ${env.HOME}\"}" },
		{ "a = \"${x({\"}\\\"\": {}})}\"",
		  "{\"a\":\"${x({\\\"}\\\\\\\"\\\": {}})}\"}" },
		{ "a = \"${x(\"}\\\"\")}\"",
		  "{\"a\":\"${x(\\\"}\\\\\\\"\\\")}\"}" },
		{ "a = \"\\n\\u00e9\\U0001F600\\\"\"",
		  "{\"a\":\"\\n\xC3\xA9\xF0\x9F\x98\x80\\\"\"}" },
		{ "a = <<EOF\n  x\n y\n  EOF\nb = 1",
		  "{\"a\":\"  x\\n y\\n\",\"b\":1}" },
		{ "a = <<-EOF\n\t\tx\n\n\t\t\ty\n\tEOF\n",
		  "{\"a\":\"x\\n\\n\\ty\\n\"}" },
		{ "a = <<E\r\nx\r\nE\r\n", "{\"a\":\"x\\r\\n\"}" },
		{ "a = <<E\nE", "{\"a\":\"\"}" },
		{ "r { x-y.z = 1 }", "{\"r\":[{\"x-y.z\":1}]}" },
	};

	check_all(&format_hcl, pairs);
}

static void
hcl_that_is_wrong_is_refused_with_its_place(void **state UNUSED)
{
	static const struct pair pairs[] = {
		{ "a = 1\na = 2", "line 2, column 1: duplicate key \"a\"" },
		{ "a = 1\na {}", "line 2, column 1: duplicate key \"a\"" },
		{ "a {}\na = 1", "line 2, column 1: duplicate key \"a\"" },
		{ "a = [1 2]", "line 1, column 8: a comma or ]" },
		{ "a = [1", "line 1, column 7: a comma or ]" },
		{ "a = ", "line 1, column 5: a value is missing" },
		{ "a = b", "line 1, column 5: text needs quotes" },
		{ "a = 012", "line 1, column 5: a value is missing" },
		{ "a = 1x", "line 1, column 6: a number ends" },
		{ "a = 0x", "a hexadecimal number has 1 to 16 digits" },
		{ "a = 0x1FFFFFFFFFFFFFFFF", "1 to 16 digits" },
		{ "a", "line 1, column 2: = or { is missing" },
		{ "a \"b\" = 1", "line 1, column 7: = or { is missing" },
		{ "a {", "line 1, column 4: } is missing" },
		{ "}", "line 1, column 1: a key is missing" },
		{ "= 1", "line 1, column 1: a key is missing" },
		{ "a = \"x", "line 1, column 5: a string without" },
		{ "a = \"x\ny\"", "line 1, column 7: a line end in" },
		{ "a = \"\\q\"", "line 1, column 6: an unknown escape" },
		{ "a = \"\\u0000\"", "an escape that is no character" },
		{ "a = \"\\ud800\"", "an escape that is no character" },
		{ "a = \"\\U00110000\"", "an escape that is no character" },
		{ "a = \"${x\"", "line 1, column 6: ${ without its }" },
		{ "a = <<EOF\nx\n", "line 1, column 5: a heredoc without" },
		{ "a = << \nx\n", "<< needs a marker" },
		{ "/* x", "line 1, column 1: a comment without end" },
	};
	struct json_object *tree;

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		assert_fault(parse(&format_hcl, pairs[i].text, &tree),
			     "bad-hcl", pairs[i].result);
}

static void
deep_hcl_ends_at_the_limit(void **state UNUSED)
{
	const char *deep[] = {
		arena_printf(arena, "a = %s", repeated("[", 100000)),
		arena_printf(arena, "a = %s", repeated("{a=", 100000)),
		repeated("a {", 100000),
		repeated("\"a\" ", 100000),
	};

	for (size_t i = 0; i < ARRAY_SIZE(deep); i++) {
		struct json_object *tree;

		assert_fault(parse(&format_hcl, deep[i], &tree), "bad-hcl",
			     "nested deeper than 64");
	}
}

static void
blocks_beside_each_other_are_not_depth(void **state UNUSED)
{
	struct json_object *tree;

	assert_null(parse(&format_hcl,
			  repeated("t \"a\" \"b\" { l = [1] }\n", 100), &tree));
}

static const char model_json[] =
	"{\"Tables\": [{\"TableName\": \"todo\", \"IsHidden\": true,"
	" \"Permission\": 561441, \"Ratio\": 2.5, \"Columns\": ["
	"{\"Name\": \"title\", \"DataType\": \"varchar(100)\"},"
	"{\"Name\": \"done\", \"DefaultValue\": \"false\"}]}],"
	" \"Actions\": [{\"Name\": \"greet\", \"OutFields\": [{"
	"\"Attributes\": {\"message\": \"!'hi ' + name\","
	" \"list\": [1, \"a\"]}}]}]}";

static const char model_yaml[] = "Tables:\n"
				 "- TableName: todo\n"
				 "  IsHidden: yes\n"
				 "  Permission: 561441\n"
				 "  Ratio: 2.5\n"
				 "  Columns:\n"
				 "  - {Name: title, DataType: varchar(100)}\n"
				 "  - Name: done\n"
				 "    DefaultValue: 'false'\n"
				 "Actions:\n"
				 "- Name: greet\n"
				 "  OutFields:\n"
				 "  - Attributes:\n"
				 "      message: \"!'hi ' + name\"\n"
				 "      list: [1, a]\n";

static const char model_toml[] = "[[Tables]]\n"
				 "TableName = \"todo\"\n"
				 "IsHidden = true\n"
				 "Permission = 561_441\n"
				 "Ratio = 2.5\n"
				 "[[Tables.Columns]]\n"
				 "Name = \"title\"\n"
				 "DataType = 'varchar(100)'\n"
				 "[[Tables.Columns]]\n"
				 "Name = \"done\"\n"
				 "DefaultValue = \"false\"\n"
				 "[[Actions]]\n"
				 "Name = \"greet\"\n"
				 "[[Actions.OutFields]]\n"
				 "[Actions.OutFields.Attributes]\n"
				 "message = \"!'hi ' + name\"\n"
				 "list = [1, 'a']\n";

static const char model_hcl[] = "Tables {\n"
				"  TableName = \"todo\"\n"
				"  IsHidden = true\n"
				"  Permission = 561441\n"
				"  Ratio = 2.5\n"
				"  Columns {\n"
				"    Name = \"title\"\n"
				"    DataType = \"varchar(100)\"\n"
				"  }\n"
				"  Columns {\n"
				"    Name = \"done\"\n"
				"    DefaultValue = \"false\"\n"
				"  }\n"
				"}\n"
				"Actions {\n"
				"  Name = \"greet\"\n"
				"  OutFields {\n"
				"    Attributes = {\n"
				"      message = \"!'hi ' + name\"\n"
				"      list = [1, \"a\"]\n"
				"    }\n"
				"  }\n"
				"}\n";

static void
one_model_gives_one_tree_in_all_formats(void **state UNUSED)
{
	const char *expected = shown(&format_json, model_json);

	assert_non_null(strstr(expected, "\"Ratio\":2.5,\"Columns\""));
	assert_string_equal(shown(&format_yaml, model_yaml), expected);
	assert_string_equal(shown(&format_toml, model_toml), expected);
	assert_string_equal(shown(&format_hcl, model_hcl), expected);
}

static void
files_are_read_by_the_end_of_their_name(void **state UNUSED)
{
	struct json_object *tree;

	assert_ptr_equal(format_of("schema_x.YML"), &format_yaml);
	assert_ptr_equal(format_of("a.b.json"), &format_json);
	assert_ptr_equal(format_of("toml"), &format_toml);
	assert_ptr_equal(format_of(".hcl"), &format_hcl);
	assert_null(format_of("x.txt"));
	assert_null(format_of("json.d"));
	assert_fault(format_read(arena, "x.txt", "", 0, &format_schema_limits,
				 &tree),
		     "unknown-format", "x.txt");
	assert_fault(format_read(arena, "a.json", "[", 1, &format_schema_limits,
				 &tree),
		     "bad-json", "a.json: line 1, column 2: a value");
	assert_null(format_read(arena, "a.json", "[]", 2, &format_schema_limits,
				&tree));
	assert_non_null(tree);
}

static void
schemas_of_users_are_read(void **state UNUSED)
{
	static const char *const names[] = { "library", "desk", "shop" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *path = arena_printf(
			arena, "tests/http/schemas/schema_%s.yaml", names[i]);
		struct json_object *tree, *tables;

		expect_success(parse(&format_yaml, file_text(arena, path, NULL),
				     &tree));
		assert_true(json_object_object_get_ex(tree, "Tables", &tables));
		assert_true(json_object_array_length(tables) > 0);
	}
}

#define TEST(function)                                                         \
	cmocka_unit_test_setup_teardown(function, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(json_values_are_read),
		TEST(json_numbers_are_exact),
		TEST(json_that_is_wrong_is_refused_with_its_place),
		TEST(bytes_that_are_not_utf8_are_refused_by_every_format),
		TEST(bodies_are_refused_with_the_status_of_bodies),
		TEST(json_depth_ends_at_the_limit_at_once),
		TEST(a_million_keys_are_read_within_a_second),
		TEST(a_text_of_empty_objects_stays_small),
		TEST(every_format_counts_bytes_and_values),
		TEST(yaml_scalars_have_the_documented_types),
		TEST(yaml_aliases_and_merge_keys_are_applied),
		TEST(copies_of_an_alias_are_apart),
		TEST(yaml_that_is_wrong_is_refused_with_its_place),
		TEST(yaml_bombs_end_within_a_fifth_of_a_second),
		TEST(aliases_of_aliases_obey_the_depth),
		TEST(toml_is_read_in_the_order_of_the_text),
		TEST(toml_that_is_wrong_is_refused_with_its_place),
		TEST(deep_toml_ends_at_the_limit),
		TEST(dots_of_values_and_texts_are_not_depth),
		TEST(hcl_is_read),
		TEST(hcl_that_is_wrong_is_refused_with_its_place),
		TEST(deep_hcl_ends_at_the_limit),
		TEST(blocks_beside_each_other_are_not_depth),
		TEST(one_model_gives_one_tree_in_all_formats),
		TEST(files_are_read_by_the_end_of_their_name),
		TEST(schemas_of_users_are_read),
	};

	return cmocka_run_group_tests_name("formats", tests, NULL, NULL);
}
