#include "text/jinja/text_methods.h"

#include <algorithm>
#include <functional>
#include <map>

#include "text/jinja/arguments.h"
#include "text/jinja/characters.h"
#include "text/jinja/methods.h"

namespace attune::text::jinja {
namespace {

using TextMethod = Result<Value> (*)(Budget&, const std::string&, const CallArguments&);

template <std::string (*kMap)(std::string_view)>
Result<Value> mapped(Budget& budget, const std::string& text, const CallArguments& arguments) {
  TRY(bind("the method", arguments, {}));
  TRY(budget.bytes(text.size()));
  return make_string(budget, kMap(text));
}

template <bool kLeft, bool kRight>
Result<Value> stripped(Budget& budget, const std::string& text, const CallArguments& arguments) {
  Bound bound = TRY(bind("strip", arguments, {"chars"}));
  if (!bound[0] || bound[0]->is_none()) {
    return make_string(budget, std::string(strip(text, kLeft, kRight)));
  }
  std::string_view chars = TRY(text_argument(*bound[0]));
  TRY(budget.step((text.size() / 64 + 1) * (chars.size() + 1)));
  return make_string(budget, std::string(strip(text, kLeft, kRight, &chars)));
}

// A part of the text by character indices, as methods with start and end take it; the offset in
// bytes goes to `offset`.
Result<std::optional<std::string_view>> part(std::string_view text,
                                             const std::optional<Value>& start,
                                             const std::optional<Value>& end, size_t& offset) {
  offset = 0;
  if (!start && !end) return std::optional<std::string_view>(text);
  std::vector<size_t> at = character_starts(text);
  int64_t size = static_cast<int64_t>(at.size()) - 1;
  auto index = [size](const std::optional<Value>& given, int64_t fallback) -> Result<int64_t> {
    int64_t i = given && !given->is_none() ? TRY(int_or(given, 0)) : fallback;
    return i < 0 ? std::max<int64_t>(i + size, 0) : i;
  };
  int64_t from = TRY(index(start, 0));
  int64_t to = std::min(TRY(index(end, size)), size);
  if (from > to) return std::optional<std::string_view>();
  offset = at[static_cast<size_t>(from)];
  return std::optional<std::string_view>(text.substr(offset, at[static_cast<size_t>(to)] - offset));
}

template <bool kAtStart>
Result<Value> has_affix(Budget& budget, const std::string& text, const CallArguments& arguments) {
  Bound bound = TRY(bind("startswith or endswith", arguments, {"prefix", "start", "end"}, 1));
  size_t offset = 0;
  auto within = TRY(part(text, bound[1], bound[2], offset));
  std::vector<Value> options = {*bound[0]};
  if (bound[0]->is(Kind::kSequence) && bound[0]->sequence().shape == Shape::kTuple) {
    options = TRY(iterate(budget, *bound[0]));
  }
  for (const Value& option : options) {
    std::string_view affix = TRY(text_argument(option));
    if (within && (kAtStart ? within->starts_with(affix) : within->ends_with(affix)))
      return Value(true);
  }
  return Value(false);
}

template <bool kFromEnd, bool kMustFind>
Result<Value> found(Budget& budget, const std::string& text, const CallArguments& arguments) {
  Bound bound = TRY(bind("find", arguments, {"sub", "start", "end"}, 1));
  std::string_view needle = TRY(text_argument(*bound[0]));
  TRY(budget.step(text.size() / 64 + 1));
  size_t offset = 0;
  auto within = TRY(part(text, bound[1], bound[2], offset));
  size_t at = !within    ? std::string::npos
              : kFromEnd ? within->rfind(needle)
                         : within->find(needle);
  if (at != std::string::npos) {
    return Value(
        static_cast<int64_t>(character_count(std::string_view(text).substr(0, offset + at))));
  }
  if (kMustFind) return invalid_input("the text does not contain '{}'", needle);
  return Value(int64_t{-1});
}

Result<Value> counted(Budget& budget, const std::string& text, const CallArguments& arguments) {
  Bound bound = TRY(bind("count", arguments, {"sub", "start", "end"}, 1));
  std::string_view needle = TRY(text_argument(*bound[0]));
  TRY(budget.step(text.size() / 64 + 1));
  size_t offset = 0;
  auto within = TRY(part(text, bound[1], bound[2], offset));
  if (!within) return Value(int64_t{0});
  if (needle.empty()) return Value(static_cast<int64_t>(character_count(*within)) + 1);
  int64_t count = 0;
  for (size_t at = within->find(needle); at != std::string::npos;
       at = within->find(needle, at + needle.size())) {
    ++count;
  }
  return Value(count);
}

Result<Value> replaced(Budget& budget, const std::string& text, const CallArguments& arguments) {
  Bound bound = TRY(bind("replace", arguments, {"old", "new", "count"}, 2));
  return replace_text(budget, text, TRY(text_argument(*bound[0])), TRY(text_argument(*bound[1])),
                      TRY(int_or(bound[2], -1)));
}

Result<Value> joined(Budget& budget, const std::string& text, const CallArguments& arguments) {
  Bound bound = TRY(bind("join", arguments, {"items"}, 1));
  return join_texts(budget, TRY(iterate(budget, *bound[0])), text, false);
}

Result<Value> texts(Budget& budget, const std::vector<std::string_view>& parts) {
  std::vector<Value> items;
  for (std::string_view one : parts) items.push_back(TRY(make_string(budget, std::string(one))));
  return make_sequence(budget, std::move(items));
}

// Pieces between runs of white space; at most `limit` cuts (none when negative).
std::vector<std::string_view> split_space(std::string_view text, int64_t limit) {
  std::vector<std::string_view> parts;
  text = strip(text, true, false);
  while (!text.empty()) {
    size_t cut = 0;
    bool last = limit >= 0 && static_cast<int64_t>(parts.size()) >= limit;
    while (!last && cut < text.size() && !is_space(character_at(text, cut).code)) {
      cut += character_at(text, cut).size_bytes;
    }
    parts.push_back(last ? text : text.substr(0, cut));
    text = last ? std::string_view() : strip(text.substr(cut), true, false);
  }
  return parts;
}

// The same from the end; the last piece comes first.
std::vector<std::string_view> split_space_backwards(std::string_view text, int64_t limit) {
  std::vector<std::string_view> parts;
  text = strip(text, false, true);
  std::vector<size_t> starts = character_starts(text);
  size_t i = starts.size() - 1;  // starts[i] is the end of what is left
  while (i > 0) {
    size_t end = starts[i];
    bool last = static_cast<int64_t>(parts.size()) >= limit;
    while (i > 0 && (last || !is_space(character_at(text, starts[i - 1]).code))) --i;
    parts.push_back(text.substr(starts[i], end - starts[i]));
    while (i > 0 && is_space(character_at(text, starts[i - 1]).code)) --i;
  }
  return parts;
}

std::vector<std::string_view> split_at(std::string_view text, std::string_view separator,
                                       int64_t limit, bool from_right) {
  std::vector<std::string_view> parts;
  while (limit < 0 || static_cast<int64_t>(parts.size()) < limit) {
    size_t at = from_right ? text.rfind(separator) : text.find(separator);
    if (at == std::string_view::npos) break;
    parts.push_back(from_right ? text.substr(at + separator.size()) : text.substr(0, at));
    text = from_right ? text.substr(0, at) : text.substr(at + separator.size());
  }
  parts.push_back(text);
  return parts;
}

template <bool kFromRight>
Result<Value> split(Budget& budget, const std::string& text, const CallArguments& arguments) {
  Bound bound = TRY(bind("split", arguments, {"sep", "maxsplit"}));
  int64_t limit = TRY(int_or(bound[1], -1));
  TRY(budget.step(text.size() / 64 + 1));
  std::vector<std::string_view> parts;
  if (!bound[0] || bound[0]->is_none()) {
    // From the right without a limit is the same as from the left.
    if (!kFromRight || limit < 0) return texts(budget, split_space(text, limit));
    parts = split_space_backwards(text, limit);
    std::reverse(parts.begin(), parts.end());
    return texts(budget, parts);
  }
  std::string_view separator = TRY(text_argument(*bound[0]));
  if (separator.empty()) return invalid_input("split needs a separator that is not empty");
  parts = split_at(text, separator, limit, kFromRight);
  if (kFromRight) std::reverse(parts.begin(), parts.end());
  return texts(budget, parts);
}

template <bool kFromRight>
Result<Value> partitioned(Budget& budget, const std::string& text, const CallArguments& arguments) {
  Bound bound = TRY(bind("partition", arguments, {"sep"}, 1));
  std::string_view separator = TRY(text_argument(*bound[0]));
  if (separator.empty()) return invalid_input("partition needs a separator that is not empty");
  size_t at = kFromRight ? text.rfind(separator) : text.find(separator);
  std::string parts[3];
  if (at == std::string::npos) {
    parts[kFromRight ? 2 : 0] = text;
  } else {
    parts[0] = text.substr(0, at);
    parts[1] = separator;
    parts[2] = text.substr(at + separator.size());
  }
  std::vector<Value> items;
  for (std::string& one : parts) items.push_back(TRY(make_string(budget, std::move(one))));
  return make_sequence(budget, std::move(items), Shape::kTuple);
}

Result<Value> lines(Budget& budget, const std::string& text, const CallArguments& arguments) {
  Bound bound = TRY(bind("splitlines", arguments, {"keepends"}));
  return texts(budget, split_lines(text, truth_or(bound[0], false)));
}

template <bool kAtStart>
Result<Value> without_affix(Budget& budget, const std::string& text,
                            const CallArguments& arguments) {
  Bound bound = TRY(bind("removeprefix or removesuffix", arguments, {"affix"}, 1));
  std::string_view affix = TRY(text_argument(*bound[0]));
  std::string_view rest = text;
  if (kAtStart && rest.starts_with(affix)) rest.remove_prefix(affix.size());
  if (!kAtStart && rest.ends_with(affix)) rest.remove_suffix(affix.size());
  return make_string(budget, std::string(rest));
}

template <bool (*kHolds)(int32_t)>
Result<Value> all_characters(Budget& budget, const std::string& text,
                             const CallArguments& arguments) {
  TRY(bind("the method", arguments, {}));
  TRY(budget.step(text.size() / 64 + 1));
  for (size_t at = 0; at < text.size();) {
    Character c = character_at(text, at);
    if (!kHolds(c.code)) return Value(false);
    at += c.size_bytes;
  }
  return Value(!text.empty());
}

template <std::string (*kMap)(std::string_view), std::string (*kOther)(std::string_view)>
Result<Value> has_case(Budget& budget, const std::string& text, const CallArguments& arguments) {
  TRY(bind("the method", arguments, {}));
  TRY(budget.bytes(text.size()));
  return Value(kMap(text) == text && kOther(text) != text);
}

const std::map<std::string_view, TextMethod>& methods() {
  static const std::map<std::string_view, TextMethod> known = {
      {"upper", mapped<to_upper>},
      {"lower", mapped<to_lower>},
      {"title", mapped<to_title>},
      {"capitalize", mapped<to_capitalized>},
      {"strip", stripped<true, true>},
      {"lstrip", stripped<true, false>},
      {"rstrip", stripped<false, true>},
      {"startswith", has_affix<true>},
      {"endswith", has_affix<false>},
      {"find", found<false, false>},
      {"rfind", found<true, false>},
      {"index", found<false, true>},
      {"rindex", found<true, true>},
      {"count", counted},
      {"replace", replaced},
      {"join", joined},
      {"split", split<false>},
      {"rsplit", split<true>},
      {"partition", partitioned<false>},
      {"rpartition", partitioned<true>},
      {"splitlines", lines},
      {"removeprefix", without_affix<true>},
      {"removesuffix", without_affix<false>},
      {"isspace", all_characters<is_space>},
      {"isdigit", all_characters<is_digit>},
      {"isalpha", all_characters<is_alpha>},
      {"isalnum", all_characters<is_alnum>},
      {"isupper", has_case<to_upper, to_lower>},
      {"islower", has_case<to_lower, to_upper>},
  };
  return known;
}

}  // namespace

bool is_text_method(std::string_view name) { return methods().count(name) > 0; }

Result<Value> call_text_method(Budget& budget, const Method& method,
                               const CallArguments& arguments) {
  auto found_at = methods().find(method.name);
  if (found_at == methods().end()) return invalid_input("a text has no method '{}'", method.name);
  auto result = found_at->second(budget, method.self.string(), arguments);
  if (!result.ok()) return result.error().with_context("in " + method.name + "()");
  return result;
}

}  // namespace attune::text::jinja
