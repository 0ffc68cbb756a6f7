// Rows that compare answers and cannot be trained on: each with a named reason (row_reasons.h),
// under which trainers count and skip them.
//
//   pair with equal sides          both answers are the same text, or a ranking has one text at two
//                                  ranks
//   one-item ranking               fewer than two answers are ranked
//   rank out of range, ranks with holes
//   ranking without a difference   every ranked answer is tied and ties make no pair
//   contradictory rows             another row by the same annotator says the opposite
//
// Thread-safe but for ContradictionFinder, which one thread feeds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "data/example.h"
#include "data/row_reasons.h"
#include "feedback/rankings_to_pairs.h"

namespace attune::data {

struct RowFault {
  std::string reason;  // one of the above
  std::string detail;  // what is wrong with this row
};

// What is wrong with a row by itself. Rows of other forms have no such fault.
std::optional<RowFault> find_row_fault(const Example& row,
                                       feedback::TieRule ties = feedback::TieRule::kSkip);
// The same as an error with its reason.
RowStatus check_row(const Example& row, feedback::TieRule ties = feedback::TieRule::kSkip);

// Rows that contradict each other: the same prompt and the same two answers, one way and the other,
// by the same annotator (or by nobody named in both); pairs, also across prompts, rankings (of
// every pair of answers) and thumbs (one answer up and down). Two people who differ are no
// contradiction, and a row with `chosen_probability` already speaks for several. Keeps a hash for
// each text, not the texts.
class ContradictionFinder {
 public:
  void add(const Example& row);
  // For each added row the first row that says the opposite of it (possibly itself: a ranking with
  // one text at two ranks), or -1.
  std::vector<int64_t> find() const;

 private:
  struct Statement {
    int64_t row;
    uint32_t prompt, annotator, chosen, rejected;  // of names_
  };
  uint32_t number_of(const std::string& name);

  std::unordered_map<std::string, uint32_t> numbers_;
  std::vector<std::string> names_;
  std::vector<Statement> statements_;
  int64_t rows_ = 0;
};

}  // namespace attune::data
