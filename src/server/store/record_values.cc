#include "server/store/record_values.h"

#include "server/store/statements.h"

namespace attune::store {
namespace {

struct Cell {
  Value term = nullptr;
  Value number = nullptr;
};

void add_scalar(const OrderedJson& value, std::vector<Cell>& cells) {
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    // PostgreSQL holds no NUL in a text; in the JSON of the row it is escaped.
    const bool holds_nul = text.find('\0') != std::string::npos;
    if (text.size() <= kTermBytes && !holds_nul) cells.push_back({.term = text});
  } else if (value.is_boolean()) {
    cells.push_back({.term = std::string(value.get<bool>() ? "true" : "false")});
  } else if (value.is_number()) {
    cells.push_back({.term = value.dump(), .number = value.get<double>()});
  } else if (value.is_object()) {
    for (const char* key : {"value", "label"}) {
      const auto named = value.find(key);
      if (named != value.end() && named->is_string()) add_scalar(*named, cells);
    }
  }
}

std::vector<Cell> cells_of(const OrderedJson& value) {
  std::vector<Cell> cells;
  if (!value.is_array()) {
    add_scalar(value, cells);
    return cells;
  }
  for (const OrderedJson& item : value) add_scalar(item, cells);
  return cells;
}

// A score for each item, or one that stands for all of them.
Value score_at(const OrderedJson& score, size_t index) {
  if (score.is_number()) return score.get<double>();
  if (score.is_array() && index < score.size() && score[index].is_number()) {
    return score[index].get<double>();
  }
  return nullptr;
}

// Deletes by pairs: one statement for each, since lists of pairs differ between the data bases.
template <typename T, typename Key>
Status delete_pairs(Connection& connection, std::string_view sql, std::span<const T> all,
                    Key&& second) {
  for (const T& one : all) TRY(connection.run(sql, {one.record, second(one)}));
  return {};
}

}  // namespace

Status write_metadata_values(Connection& connection, const domain::Schema& schema,
                             std::span<const MetadataOf> all, bool fresh) {
  std::vector<Value> records, rows;
  for (const MetadataOf& one : all) {
    records.emplace_back(one.record);
    if (!one.metadata->is_object()) continue;
    for (const auto& [name, value] : one.metadata->items()) {
      const domain::MetadataProperty* property = domain::metadata_property_named(schema, name);
      if (property == nullptr) continue;
      const bool is_terms = domain::type_of(property->settings) == "terms";
      for (Cell& cell : cells_of(value)) {
        if (!is_terms) cell.term = nullptr;
        rows.insert(rows.end(), {one.record, property->position, std::move(cell.term),
                                 std::move(cell.number)});
      }
    }
  }
  if (!fresh) {
    TRY(run_in(connection, "DELETE FROM metadata_values WHERE record IN ", records));
  }
  TRY(insert_rows(connection, "INSERT INTO metadata_values (record, property, term, number)", 4,
                  rows));
  return {};
}

Status write_suggestion_values(Connection& connection, std::span<const SuggestionOf> all,
                               bool fresh) {
  if (!fresh) {
    TRY(delete_pairs(connection,
                     "DELETE FROM suggestion_values WHERE record = $1 AND question = $2", all,
                     [](const SuggestionOf& one) { return Value(one.question); }));
  }
  std::vector<Value> rows;
  for (const SuggestionOf& one : all) {
    std::vector<Cell> cells = cells_of(*one.value);
    if (cells.empty()) cells.emplace_back();
    for (size_t i = 0; i < cells.size(); ++i) {
      rows.insert(rows.end(), {one.record, one.question, std::move(cells[i].term),
                               std::move(cells[i].number), score_at(*one.score, i)});
    }
  }
  TRY(insert_rows(connection,
                  "INSERT INTO suggestion_values (record, question, term, number, score)", 5,
                  rows));
  return {};
}

Status write_answer_values(Connection& connection, const domain::Schema& schema,
                           std::span<const AnswerOf> all, bool fresh) {
  if (!fresh) {
    TRY(delete_pairs(connection, "DELETE FROM answer_values WHERE record = $1 AND user_id = $2",
                     all, [](const AnswerOf& one) { return Value(one.user_id); }));
  }
  std::vector<Value> rows;
  for (const AnswerOf& one : all) {
    for (const auto& [name, answer] : one.values->items()) {
      const domain::Question* question = domain::question_named(schema, name);
      if (question == nullptr || !answer.contains("value")) continue;
      for (Cell& cell : cells_of(answer["value"])) {
        rows.insert(rows.end(), {one.record, question->position, one.user_id, std::move(cell.term),
                                 std::move(cell.number)});
      }
    }
  }
  TRY(insert_rows(connection,
                  "INSERT INTO answer_values (record, question, user_id, term, number)", 5, rows));
  return {};
}

}  // namespace attune::store
