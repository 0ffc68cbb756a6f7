// What models (or people) suggest as answers: one for each (record, question).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "server/domain/dataset.h"
#include "server/domain/record.h"
#include "server/domain/record_change.h"
#include "server/store/database.h"

namespace attune::store {

// One suggestion to write. `change` was checked: its question is one of the data set.
struct Suggesting {
  int64_t record = 0;
  const domain::SuggestionChange* change = nullptr;
};
// Creates or replaces, each (record, question) once in the list; a replaced one keeps its id and
// time of insertion. `fresh`: the records have no suggestions yet.
Status write_suggestions(Connection& connection, const domain::Schema& schema,
                         std::span<const Suggesting> suggestions, bool fresh);

// All suggestions of these records.
Status delete_suggestions_of(Connection& connection, std::span<const int64_t> records);
// Those of one record with these ids; others are passed over.
Status delete_suggestions(Connection& connection, int64_t record,
                          std::span<const std::string> ids);

// Of these records, in the order of the data set's questions.
struct SuggestionOn {
  int64_t record = 0;
  domain::Suggestion suggestion;
};
Result<std::vector<SuggestionOn>> suggestions_of(Connection& connection,
                                                 std::span<const int64_t> records);

struct PlacedSuggestion {
  domain::Suggestion suggestion;
  int64_t record = 0;
  std::string dataset_id;
};
Result<std::optional<PlacedSuggestion>> find_suggestion(Connection& connection,
                                                        const std::string& id);

// Names of the agents that suggested for each question of the data set, sorted, in the order of
// questions; without any, the list is empty.
struct QuestionAgents {
  std::string question_id, question_name;
  std::vector<std::string> agents;
};
Result<std::vector<QuestionAgents>> suggestion_agents(Connection& connection,
                                                      const domain::Schema& schema);

}  // namespace attune::store
