#include <algorithm>

#include "text/jinja/characters.h"
#include "text/jinja/text_of.h"

namespace attune::text::jinja {
namespace {

class JsonWriter {
 public:
  JsonWriter(TextBuilder& out, const JsonStyle& style) : out_(out), style_(style) {}

  Status write(const Value& value, int level) {
    if (out_.full()) return {};
    switch (value.kind()) {
      case Kind::kNone: out_.append("null"); return {};
      case Kind::kBool: out_.append(value.boolean() ? "true" : "false"); return {};
      case Kind::kInt: out_.append(std::to_string(value.integer())); return {};
      case Kind::kFloat: out_.append(number(value.number())); return {};
      case Kind::kString: write_string(value.string()); return {};
      case Kind::kDict: return write_dict(value.dict(), level);
      case Kind::kSequence:
        if (value.sequence().shape == Shape::kList || value.sequence().shape == Shape::kTuple) {
          return write_list(value.sequence().items, level);
        }
        break;
      case Kind::kUndefined: return invalid_input("{}, so it has no JSON", value.why());
      default: break;
    }
    return invalid_input("a {} cannot be written as JSON", type_name(value));
  }

 private:
  static std::string number(double value) {
    if (value != value) return "NaN";
    if (value - value != 0) return value < 0 ? "-Infinity" : "Infinity";
    return float_repr(value);
  }

  void new_line(int level) {
    if (!style_.indent) return;
    out_.append("\n");
    out_.append_times(*style_.indent, level);
  }

  Status write_list(const std::vector<Value>& items, int level) {
    out_.append("[");
    for (size_t i = 0; i < items.size() && !out_.full(); ++i) {
      if (i > 0) out_.append(style_.item_separator);
      new_line(level + 1);
      TRY(write(items[i], level + 1));
    }
    if (!items.empty()) new_line(level);
    out_.append("]");
    return {};
  }

  static Result<std::string> key_text(const Value& key) {
    switch (key.kind()) {
      case Kind::kString: return key.string();
      case Kind::kNone: return std::string("null");
      case Kind::kBool: return std::string(key.boolean() ? "true" : "false");
      case Kind::kInt: return std::to_string(key.integer());
      case Kind::kFloat: return number(key.number());
      default: return invalid_input("a {} cannot be a key in JSON", type_name(key));
    }
  }

  Status write_dict(const Dict& dict, int level) {
    std::vector<std::pair<std::string, const Value*>> members;
    for (const auto& [key, value] : dict.entries) {
      if (style_.sort_keys && !key.is_string()) {
        return invalid_input("keys that are no strings cannot be sorted");
      }
      members.emplace_back(TRY(key_text(key)), &value);
    }
    if (style_.sort_keys) {
      std::sort(members.begin(), members.end(),
                [](const auto& a, const auto& b) { return a.first < b.first; });
    }
    out_.append("{");
    for (size_t i = 0; i < members.size() && !out_.full(); ++i) {
      if (i > 0) out_.append(style_.item_separator);
      new_line(level + 1);
      write_string(members[i].first);
      out_.append(style_.key_separator);
      TRY(write(*members[i].second, level + 1));
    }
    if (!members.empty()) new_line(level);
    out_.append("}");
    return {};
  }

  void write_code(int32_t code) {
    if (code > 0xFFFF) {  // a surrogate pair
      int32_t rest = code - 0x10000;
      out_.append(
          fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + (rest >> 10), 0xDC00 + (rest & 0x3FF)));
    } else {
      out_.append(fmt::format("\\u{:04x}", code));
    }
  }

  void write_string(const std::string& text) {
    out_.append("\"");
    for (size_t at = 0; at < text.size() && !out_.full();) {
      Character c = character_at(text, at);
      std::string_view raw(text.data() + at, c.size_bytes);
      at += c.size_bytes;
      switch (c.code) {
        case '"': out_.append("\\\""); break;
        case '\\': out_.append("\\\\"); break;
        case '\n': out_.append("\\n"); break;
        case '\r': out_.append("\\r"); break;
        case '\t': out_.append("\\t"); break;
        case '\b': out_.append("\\b"); break;
        case '\f': out_.append("\\f"); break;
        default:
          if (c.code >= 0 && c.code < 0x20) {
            write_code(c.code);
          } else if (style_.ensure_ascii && (c.code < 0 || c.code >= 0x7F)) {
            write_code(c.code < 0 ? 0xFFFD : c.code);
          } else {
            out_.append(raw);
          }
      }
    }
    out_.append("\"");
  }

  TextBuilder& out_;
  const JsonStyle& style_;
};

}  // namespace

Result<Value> to_json(Budget& budget, const Value& value, const JsonStyle& style) {
  TextBuilder out(budget);
  JsonWriter writer(out, style);
  TRY(writer.write(value, 0));
  return out.finish();
}

}  // namespace attune::text::jinja
