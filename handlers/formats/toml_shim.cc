/*
 * toml_shim.cc: walks the tree of toml++ and builds json-c values. Tables of
 * toml++ are sorted by key; here they are put into the order of the text.
 * Dates and times become RFC 3339 text.
 */
#include "handlers/formats/toml_shim.h"
#include "handlers/formats/tree.h"

#define TOML_HEADER_ONLY 0
#include <toml++/toml.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace
{

struct failure {
	toml::source_region place;
	const char *message;
};

struct release {
	void operator()(json_object *object) const
	{
		json_object_put(object);
	}
};

using holder = std::unique_ptr<json_object, release>;

class builder
{
      public:
	builder(size_t depth, size_t nodes)
	    : depth_left(depth), nodes_left(nodes)
	{
	}

	holder node(const toml::node &from)
	{
		if (nodes_left == 0)
			throw failure{ from.source(), "too many values" };
		nodes_left--;
		if (from.is_table())
			return table(*from.as_table());
		if (from.is_array())
			return array(*from.as_array());
		if (from.is_string())
			return string(*from.as_string());
		if (from.is_integer())
			return holder(json_object_new_int64(
				from.as_integer()->get()));
		if (from.is_floating_point())
			return floating(*from.as_floating_point());
		if (from.is_boolean())
			return holder(json_object_new_boolean(
				from.as_boolean()->get()));
		if (from.is_date())
			return time(*from.as_date());
		if (from.is_time())
			return time(*from.as_time());
		return time(*from.as_date_time());
	}

      private:
	size_t depth_left;
	size_t nodes_left;

	static bool
	is_before(const std::pair<const toml::key *, const toml::node *> &a,
		  const std::pair<const toml::key *, const toml::node *> &b)
	{
		return a.first->source().begin < b.first->source().begin;
	}

	static void check_text(std::string_view text, const toml::node &place)
	{
		if (text.find('\0') != text.npos)
			throw failure{ place.source(), "a NUL character" };
	}

	void enter(const toml::node &place)
	{
		if (depth_left == 0)
			throw failure{ place.source(), "nested too deep" };
		depth_left--;
	}

	holder table(const toml::table &from)
	{
		std::vector<std::pair<const toml::key *, const toml::node *>>
			members;
		holder to(json_object_new_object());

		enter(from);
		for (auto &&[key, value] : from)
			members.emplace_back(&key, &value);
		std::stable_sort(members.begin(), members.end(), is_before);
		for (auto &[key, value] : members) {
			check_text(key->str(), *value);
			json_object_object_add(to.get(), key->data(),
					       node(*value).release());
		}
		object_fit(to.get());
		depth_left++;
		return to;
	}

	holder array(const toml::array &from)
	{
		holder to(array_new());

		enter(from);
		for (auto &&item : from)
			json_object_array_add(to.get(), node(item).release());
		depth_left++;
		return to;
	}

	static holder string(const toml::value<std::string> &from)
	{
		const std::string &text = from.get();

		check_text(text, from);
		return holder(json_object_new_string_len(
			text.data(), static_cast<int>(text.size())));
	}

	static holder floating(const toml::value<double> &from)
	{
		double number = from.get();
		char text[40];

		if (!std::isfinite(number))
			throw failure{ from.source(),
				       "infinity and NaN are no values" };
		*std::to_chars(text, text + sizeof text - 3, number).ptr = '\0';
		if (!std::strpbrk(text, ".e"))
			std::strcat(text, ".0");
		return holder(json_object_new_double_s(number, text));
	}

	template <typename T> static holder time(const toml::value<T> &from)
	{
		std::ostringstream text;

		text << from.get();
		return holder(json_object_new_string(text.str().c_str()));
	}
};

void
describe(toml_shim_fault *fault, const toml::source_region &place,
	 std::string_view message)
{
	size_t size = std::min(message.size(), sizeof fault->message - 1);

	/* Whole characters, in case of a cut. */
	while (size < message.size() && size > 0 &&
	       (message[size] & 0xC0) == 0x80)
		size--;
	fault->line = place.begin.line;
	fault->column = place.begin.column;
	std::memcpy(fault->message, message.data(), size);
	fault->message[size] = '\0';
}

} /* namespace */

extern "C" json_object *
toml_shim_read(const char *text, size_t length, size_t depth, size_t nodes,
	       toml_shim_fault *fault)
{
	try {
		toml::table tree = toml::parse(std::string_view(text, length));

		return builder(depth, nodes).node(tree).release();
	} catch (const toml::parse_error &e) {
		describe(fault, e.source(), e.description());
	} catch (const failure &e) {
		describe(fault, e.place, e.message);
	} catch (...) {
		describe(fault, toml::source_region{}, "cannot be read");
	}
	return nullptr;
}
