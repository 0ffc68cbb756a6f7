// What people said to one question, all of it: the input of agreement, aggregation and bias.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "server/domain/answer_codes.h"
#include "server/domain/dataset.h"
#include "server/store/database.h"

namespace attune::store {

struct JudgedItem {
  int64_t position = 0;  // of the record
  std::string record_id;
  int gold = feedback::kNoAnswer;  // the category of the answer that is known to be right, if read
  OrderedJson decision = nullptr;  // what a reviewer decided on, if read
};
struct Judge {
  std::string user_id;
  std::string username;  // the id of a person who was deleted
};

// Submitted answers of the present: drafts and discards say nothing, earlier answers are history.
struct Judgements {
  domain::AnswerKind kind = domain::AnswerKind::kFree;
  std::vector<OrderedJson> options;  // in the order of their codes
  int categories = 0;                // the codes of answers and gold are below
  std::vector<JudgedItem> items;     // in the order of records
  std::vector<Judge> raters;         // by name
  std::vector<domain::CodedAnswer> answers;  // item by item
};

// What is read beside the answers, each by a statement of its own.
struct JudgementParts {
  bool origins = false;  // seconds and the order shown, from the history
  bool gold = false;     // the answers that are known to be right
  bool decisions = false;  // what reviewers decided, of records that somebody answered
};

// One for each question, in their order. All answers are read once. Memory grows with the answers
// (about 200 bytes each).
Result<std::vector<Judgements>> read_judgements(Connection& connection,
                                                const domain::Schema& schema,
                                                const std::vector<domain::Question>& questions,
                                                const JudgementParts& parts);

// The characters of the text that each option stands for in each item: of the field of its name.
// NaN where the record has none. Empty where no option names a field.
Result<std::vector<std::vector<double>>> candidate_lengths(Connection& connection,
                                                           const domain::Schema& schema,
                                                           const Judgements& judgements);

}  // namespace attune::store
