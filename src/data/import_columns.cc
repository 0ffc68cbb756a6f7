#include "data/import_columns.h"

#include <algorithm>
#include <cmath>

namespace attune::data {
namespace {

constexpr double kCountMax = 1e9;

Error missing(const std::string& where, std::string_view name, const char* kind,
              const OrderedJson* found) {
  return invalid_input("\"{}{}\" must be {}, found {}", where, name, kind,
                       found == nullptr ? "nothing" : found->type_name());
}

}  // namespace

const OrderedJson* find_column(const OrderedJson& row, std::string_view name) {
  if (!row.is_object()) return nullptr;
  auto it = row.find(std::string(name));
  return it == row.end() || it->is_null() ? nullptr : &*it;
}

Result<std::string> text_column(const OrderedJson& row, std::string_view name,
                                const std::string& where) {
  const OrderedJson* value = find_column(row, name);
  if (value == nullptr || !value->is_string()) return missing(where, name, "a string", value);
  return value->get<std::string>();
}

Result<std::string> optional_text_column(const OrderedJson& row, std::string_view name) {
  const OrderedJson* value = find_column(row, name);
  if (value == nullptr) return std::string();
  if (value->is_string()) return value->get<std::string>();
  if (value->is_number_integer()) return to_line(*value);
  return missing("", name, "a string", value);
}

Result<const OrderedJson*> list_column(const OrderedJson& row, std::string_view name) {
  const OrderedJson* value = find_column(row, name);
  if (value == nullptr || !value->is_array()) return missing("", name, "a list", value);
  return value;
}

Result<std::optional<int>> optional_count_column(const OrderedJson& row, std::string_view name) {
  const OrderedJson* value = find_column(row, name);
  if (value == nullptr) return std::optional<int>();
  const double number = value->is_number() ? value->get<double>() : -1;
  if (!(number >= 0 && number <= kCountMax) || number != std::floor(number)) {
    return invalid_input("\"{}\" must be a whole number from 0, found {}", name,
                         value->is_number() ? to_line(*value) : value->type_name());
  }
  return std::optional<int>(static_cast<int>(number));
}

void keep_column(const std::string& name, const OrderedJson& value, Example& example) {
  static constexpr std::string_view kCanonical[] = {"id",
                                                    "text",
                                                    "messages",
                                                    "conversations",
                                                    "prompt",
                                                    "completion",
                                                    "chosen",
                                                    "margin",
                                                    "chosen_probability",
                                                    "rejected",
                                                    "label",
                                                    "completions",
                                                    "ranks",
                                                    "scores",
                                                    "axes",
                                                    "annotator",
                                                    "source",
                                                    "guideline_version",
                                                    "tools",
                                                    "chat_template_kwargs"};
  const bool taken =
      std::find(std::begin(kCanonical), std::end(kCanonical), name) != std::end(kCanonical);
  example.extra[taken ? "original_" + name : name] = value;
}

void keep_other_columns(const OrderedJson& row, std::initializer_list<std::string_view> mapped,
                        Example& example) {
  for (const auto& [name, value] : row.items()) {
    if (std::find(mapped.begin(), mapped.end(), name) == mapped.end()) {
      keep_column(name, value, example);
    }
  }
}

Status take_id(const OrderedJson& row, Example& example) {
  example.id = TRY(optional_text_column(row, "id"));
  if (!example.id.empty()) example.source = Source{"", example.id, "", ""};
  return {};
}

Message message(const std::string& role, const std::string& text) {
  return {role, text, {{"role", role}, {"content", text}}};
}

Messages user_turn(const std::string& text) {
  return {message("user", text)};
}

Messages assistant_turn(const std::string& text) {
  return {message("assistant", text)};
}

}  // namespace attune::data
