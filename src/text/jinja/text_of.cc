#include "text/jinja/text_of.h"

#include <charconv>
#include <cmath>

#include "text/jinja/characters.h"

namespace attune::text::jinja {
namespace {

void append_escape(TextBuilder& out, Character c, unsigned char raw) {
  if (c.code < 0) {
    out.append(fmt::format("\\x{:02x}", raw));
  } else if (c.code <= 0xFF) {
    out.append(fmt::format("\\x{:02x}", c.code));
  } else if (c.code <= 0xFFFF) {
    out.append(fmt::format("\\u{:04x}", c.code));
  } else {
    out.append(fmt::format("\\U{:08x}", c.code));
  }
}

void append_string_repr(TextBuilder& out, const std::string& text) {
  bool has_single = text.find('\'') != std::string::npos;
  char quote = has_single && text.find('"') == std::string::npos ? '"' : '\'';
  out.append({&quote, 1});
  for (size_t at = 0; at < text.size() && !out.full();) {
    Character c = character_at(text, at);
    std::string_view raw(text.data() + at, c.size_bytes);
    if (c.code == quote || c.code == '\\') {
      out.append("\\");
      out.append(raw);
    } else if (c.code == '\n') {
      out.append("\\n");
    } else if (c.code == '\t') {
      out.append("\\t");
    } else if (c.code == '\r') {
      out.append("\\r");
    } else if (is_printable(c.code)) {
      out.append(raw);
    } else {
      append_escape(out, c, static_cast<unsigned char>(raw[0]));
    }
    at += c.size_bytes;
  }
  out.append({&quote, 1});
}

void append_items(TextBuilder& out, const std::vector<Value>& items) {
  for (size_t i = 0; i < items.size() && !out.full(); ++i) {
    if (i > 0) out.append(", ");
    append_repr(out, items[i]);
  }
}

void append_sequence(TextBuilder& out, const Sequence& sequence) {
  switch (sequence.shape) {
    case Shape::kRange:
    case Shape::kGenerator:
      out.append(sequence.label);
      return;
    case Shape::kTuple:
      out.append("(");
      append_items(out, sequence.items);
      out.append(sequence.items.size() == 1 ? ",)" : ")");
      return;
    case Shape::kKeys: out.append("dict_keys("); break;
    case Shape::kValues: out.append("dict_values("); break;
    case Shape::kItems: out.append("dict_items("); break;
    case Shape::kList: break;
  }
  out.append("[");
  append_items(out, sequence.items);
  out.append(sequence.shape == Shape::kList ? "]" : "])");
}

void append_dict(TextBuilder& out, const Dict& dict) {
  out.append("{");
  bool first = true;
  for (const auto& [key, value] : dict.entries) {
    if (out.full()) return;
    if (!first) out.append(", ");
    first = false;
    append_repr(out, key);
    out.append(": ");
    append_repr(out, value);
  }
  out.append("}");
}

}  // namespace

bool TextBuilder::append(std::string_view piece) {
  if (full_ || piece.size() > budget_->limits().output_bytes_max - text_.size() ||
      !budget_->take_bytes(piece.size())) {
    full_ = true;
    return false;
  }
  text_ += piece;
  return true;
}

bool TextBuilder::append_times(std::string_view piece, int64_t count) {
  if (count <= 0 || piece.empty()) return !full_;
  uint64_t most = budget_->limits().output_bytes_max / piece.size();
  full_ = full_ || static_cast<uint64_t>(count) > most;
  for (int64_t i = 0; i < count && !full_; ++i) append(piece);
  return !full_;
}

Result<std::string> TextBuilder::finish_text() {
  if (full_) return budget_->too_many_bytes();
  return std::move(text_);
}

Result<Value> TextBuilder::finish() {
  if (full_) return budget_->too_many_bytes();
  TRY(budget_->bytes(32));
  return Value(std::move(text_));
}

std::string float_repr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[64];
  auto end =
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
  std::string text(buffer, end);
  size_t e = text.find('e');
  int exponent = 0;
  std::from_chars(text.data() + e + (text[e + 1] == '+' ? 2 : 1), text.data() + text.size(),
                  exponent);
  if (exponent < -4 || exponent >= 16) return text;
  end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed).ptr;
  text.assign(buffer, end);
  if (text.find('.') == std::string::npos) text += ".0";
  return text;
}

void append_str(TextBuilder& out, const Value& value) {
  if (value.is_undefined()) return;
  if (value.is_string()) {
    out.append(value.string());
  } else {
    append_repr(out, value);
  }
}

void append_repr(TextBuilder& out, const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined: out.append("Undefined"); return;
    case Kind::kNone: out.append("None"); return;
    case Kind::kBool: out.append(value.boolean() ? "True" : "False"); return;
    case Kind::kInt: out.append(std::to_string(value.integer())); return;
    case Kind::kFloat: out.append(float_repr(value.number())); return;
    case Kind::kString: append_string_repr(out, value.string()); return;
    case Kind::kSequence: append_sequence(out, value.sequence()); return;
    case Kind::kDict: append_dict(out, value.dict()); return;
    default: out.append("<" + type_name(value) + ">"); return;
  }
}

Result<std::string> str(Budget& budget, const Value& value) {
  if (value.is_string()) {
    TRY(budget.bytes(value.string().size()));
    return value.string();
  }
  TextBuilder out(budget);
  append_str(out, value);
  return out.finish_text();
}

}  // namespace attune::text::jinja
