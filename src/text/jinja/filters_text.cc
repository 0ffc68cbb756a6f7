#include "text/jinja/arguments.h"
#include "text/jinja/characters.h"
#include "text/jinja/filters.h"
#include "text/jinja/methods.h"
#include "text/jinja/operators.h"

namespace attune::text::jinja {
namespace {

template <std::string (*kMap)(std::string_view)>
Result<Value> mapped(Rendering& r, const Value& value, const CallArguments& arguments) {
  TRY(bind("it", arguments, {}));
  return make_string(r.budget(), kMap(TRY(str(r.budget(), value))));
}

Result<Value> string(Rendering& r, const Value& value, const CallArguments& arguments) {
  TRY(bind("it", arguments, {}));
  if (value.is_string()) return value;
  return make_string(r.budget(), TRY(str(r.budget(), value)));
}

Result<Value> trim(Rendering& r, const Value& value, const CallArguments& arguments) {
  Bound bound = TRY(bind("it", arguments, {"chars"}));
  std::string text = TRY(str(r.budget(), value));
  if (!bound[0] || bound[0]->is_none()) {
    return make_string(r.budget(), std::string(strip(text, true, true)));
  }
  std::string_view chars = TRY(text_argument(*bound[0]));
  TRY(r.budget().step((text.size() / 64 + 1) * (chars.size() + 1)));
  return make_string(r.budget(), std::string(strip(text, true, true, &chars)));
}

Result<Value> replace(Rendering& r, const Value& value, const CallArguments& arguments) {
  Bound bound = TRY(bind("it", arguments, {"old", "new", "count"}, 2));
  std::string text = TRY(str(r.budget(), value));
  std::string old = TRY(str(r.budget(), *bound[0]));
  std::string fresh = TRY(str(r.budget(), *bound[1]));
  bool all = !bound[2] || bound[2]->is_none();
  return replace_text(r.budget(), text, old, fresh, all ? -1 : TRY(int_or(bound[2], -1)));
}

Result<Value> indent(Rendering& r, const Value& value, const CallArguments& arguments) {
  Bound bound = TRY(bind("it", arguments, {"width", "first", "blank"}));
  std::string indention;
  if (bound[0] && bound[0]->is_string()) {
    indention = bound[0]->string();
  } else {
    int64_t width = TRY(int_or(bound[0], 4));
    TRY(r.budget().bytes(static_cast<uint64_t>(std::max<int64_t>(width, 0))));
    indention.assign(static_cast<size_t>(std::max<int64_t>(width, 0)), ' ');
  }
  bool blank = truth_or(bound[2], false);
  std::string text = std::string(TRY(text_argument(value))) + "\n";
  TextBuilder out(r.budget());
  if (truth_or(bound[1], false)) out.append(indention);
  bool first = true;
  for (std::string_view line : split_lines(text)) {
    if (!first) out.append("\n");
    if (!first && (blank || !line.empty())) out.append(indention);
    out.append(line);
    first = false;
    if (out.full()) break;
  }
  return out.finish();
}

Result<Value> escape(Rendering& r, const Value& value, const CallArguments& arguments) {
  TRY(bind("it", arguments, {}));
  std::string text = TRY(str(r.budget(), value));
  TextBuilder out(r.budget());
  for (const char& c : text) {
    switch (c) {
      case '&': out.append("&amp;"); break;
      case '<': out.append("&lt;"); break;
      case '>': out.append("&gt;"); break;
      case '"': out.append("&#34;"); break;
      case '\'': out.append("&#39;"); break;
      default: out.append({&c, 1});
    }
  }
  return out.finish();
}

Result<Value> format(Rendering& r, const Value& value, const CallArguments& arguments) {
  if (!arguments.positional.empty() && !arguments.named.empty()) {
    return invalid_input("it takes values by position or by name, not both");
  }
  std::string text = TRY(str(r.budget(), value));
  if (arguments.named.empty()) {
    Value values = TRY(make_sequence(r.budget(), arguments.positional, Shape::kTuple));
    return percent_format(r.budget(), text, values);
  }
  Dict named;
  for (const auto& [name, one] : arguments.named) {
    named.set(TRY(make_string(r.budget(), name)), one);
  }
  return percent_format(r.budget(), text, TRY(make_dict(r.budget(), std::move(named))));
}

Result<Value> center(Rendering& r, const Value& value, const CallArguments& arguments) {
  Bound bound = TRY(bind("it", arguments, {"width"}));
  std::string text = TRY(str(r.budget(), value));
  int64_t width = TRY(int_or(bound[0], 80));
  int64_t missing = std::max<int64_t>(width - static_cast<int64_t>(character_count(text)), 0);
  int64_t left = missing / 2 + (missing & width & 1);
  TextBuilder out(r.budget());
  out.append_times(" ", left);
  out.append(text);
  out.append_times(" ", missing - left);
  return out.finish();
}

Result<Value> truncate(Rendering& r, const Value& value, const CallArguments& arguments) {
  Bound bound = TRY(bind("it", arguments, {"length", "killwords", "end", "leeway"}));
  std::string_view text = TRY(text_argument(value));
  int64_t length = TRY(int_or(bound[0], 255));
  std::string end = TRY(text_or(bound[2], "..."));
  int64_t leeway = bound[3] && bound[3]->is_none() ? 5 : TRY(int_or(bound[3], 5));
  std::vector<size_t> at = character_starts(text);
  int64_t size = static_cast<int64_t>(at.size()) - 1;
  int64_t kept = length - static_cast<int64_t>(character_count(end));
  if (kept < 0 || leeway < 0)
    return invalid_input("the length must be at least that of the end mark");
  if (leeway > size || size - leeway <= length) return value;
  std::string_view start = text.substr(0, at[static_cast<size_t>(std::min(kept, size))]);
  if (!truth_or(bound[1], false)) start = start.substr(0, start.rfind(' '));
  return make_string(r.budget(), std::string(start) + end);
}

Result<Value> wordcount(Rendering& r, const Value& value, const CallArguments& arguments) {
  TRY(bind("it", arguments, {}));
  std::string text = TRY(str(r.budget(), value));
  int64_t words = 0;
  bool inside = false;
  for (size_t at = 0; at < text.size();) {
    Character c = character_at(text, at);
    bool word = is_alnum(c.code) || c.code == '_';
    words += word && !inside;
    inside = word;
    at += c.size_bytes;
  }
  return Value(words);
}

Result<Value> urlencode(Rendering& r, const Value& value, const CallArguments& arguments) {
  TRY(bind("it", arguments, {}));
  std::string text = TRY(str(r.budget(), value));
  TextBuilder out(r.budget());
  for (const char& c : text) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                 std::string_view("_.-~/").find(c) != std::string_view::npos;
    out.append(plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c)));
  }
  return out.finish();
}

Result<Value> tojson(Rendering& r, const Value& value, const CallArguments& arguments) {
  Bound bound = TRY(bind("it", arguments, {"ensure_ascii", "indent", "separators", "sort_keys"}));
  JsonStyle style;
  style.ensure_ascii = truth_or(bound[0], false);
  style.sort_keys = truth_or(bound[3], false);
  if (bound[1] && bound[1]->is_string()) {
    style.indent = bound[1]->string();
  } else if (bound[1] && !bound[1]->is_none()) {
    int64_t width = std::max<int64_t>(TRY(int_or(bound[1], 0)), 0);
    TRY(r.budget().bytes(static_cast<uint64_t>(width)));
    style.indent = std::string(static_cast<size_t>(width), ' ');
  }
  if (style.indent) style.item_separator = ",";
  if (bound[2] && !bound[2]->is_none()) {
    std::vector<Value> separators = TRY(iterate(r.budget(), *bound[2]));
    if (separators.size() != 2) return invalid_input("separators needs two texts");
    style.item_separator = TRY(text_argument(separators[0]));
    style.key_separator = TRY(text_argument(separators[1]));
  }
  return to_json(r.budget(), value, style);
}

}  // namespace

const std::map<std::string_view, Filter>& text_filters() {
  static const std::map<std::string_view, Filter> known = {
      {"upper", mapped<to_upper>},
      {"lower", mapped<to_lower>},
      {"capitalize", mapped<to_capitalized>},
      {"title", mapped<to_title_words>},
      {"string", string},
      {"safe", string},
      {"trim", trim},
      {"replace", replace},
      {"indent", indent},
      {"e", escape},
      {"escape", escape},
      {"format", format},
      {"center", center},
      {"truncate", truncate},
      {"wordcount", wordcount},
      {"urlencode", urlencode},
      {"tojson", tojson},
  };
  return known;
}

}  // namespace attune::text::jinja
