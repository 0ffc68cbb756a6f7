// Counts of a data set: records, answers, who gave them.
#pragma once

#include <string>
#include <vector>

#include "server/domain/dataset.h"
#include "server/store/database.h"

namespace attune::store {

struct RecordCounts {
  int64_t total = 0, completed = 0;
};
Result<RecordCounts> count_records_of(Connection& connection, const domain::Dataset& dataset);

struct AnswerCounts {
  int64_t submitted = 0, discarded = 0, draft = 0;
};
Result<AnswerCounts> answers_of_user(Connection& connection, const domain::Dataset& dataset,
                                     const std::string& user_id);

// One for each person with an answer, by name. A person who was deleted goes by the id.
struct UserAnswers {
  std::string username;
  AnswerCounts on_completed, on_pending;  // by the status of the record
};
Result<std::vector<UserAnswers>> answers_by_user(Connection& connection,
                                                 const domain::Dataset& dataset);

Result<bool> has_submitted_answers(Connection& connection, const domain::Dataset& dataset);

}  // namespace attune::store
