// The side tables by which records are filtered and sorted: metadata_values, suggestion_values,
// answer_values. They say again what the JSON of the rows says, in columns; nothing else writes
// them. What a value gives:
//   text and labels   its term (of a text, at most kTermBytes bytes; longer ones are found by text
//                     search, not by value)
//   true, false       the terms "true" and "false"
//   a number          the number, and for answers and suggestions its term too ("4")
//   a list of these   a row each
//   ranking, span     the options or labels that occur, a term each
#pragma once

#include <span>
#include <vector>

#include "base/json.h"
#include "server/domain/dataset.h"
#include "server/store/database.h"

namespace attune::store {

inline constexpr size_t kTermBytes = 256;

struct MetadataOf {
  int64_t record = 0;
  const OrderedJson* metadata = nullptr;  // may hold null
};
// Replaces the values of these records. `fresh`: they have none yet.
Status write_metadata_values(Connection& connection, const domain::Schema& schema,
                             std::span<const MetadataOf> all, bool fresh);

struct SuggestionOf {
  int64_t record = 0, question = 0;
  const OrderedJson* value = nullptr;
  const OrderedJson* score = nullptr;
};
// Replaces the values of each (record, question).
Status write_suggestion_values(Connection& connection, std::span<const SuggestionOf> all,
                               bool fresh);

struct AnswerOf {
  int64_t record = 0;
  std::string user_id;
  const OrderedJson* values = nullptr;
};
// Replaces the values of each (record, user).
Status write_answer_values(Connection& connection, const domain::Schema& schema,
                           std::span<const AnswerOf> all, bool fresh);

}  // namespace attune::store
