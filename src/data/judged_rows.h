// Rows in which several people judged the same answers, as comparisons: what people agree on among
// themselves is the ceiling beside which a reward model's accuracy is read, and gives the noise of
// their labels (feedback/comparisons.h).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "data/example.h"
#include "feedback/comparisons.h"

namespace attune::data {

// Not thread-safe. Keeps hashes, not texts.
class JudgedRows {
 public:
  // Pairs, and every pair of a ranking's ranked answers. Rows that name no annotator, rows with
  // `chosen_probability` (several people's already), pairs of equal answers and rankings with a
  // fault are left out.
  void add(const Example& row);

  // For feedback::pair_agreement. Prompts and annotators are numbered from 0 as they came.
  const std::vector<feedback::Comparison>& comparisons() const { return comparisons_; }

 private:
  void compare(int64_t prompt, int64_t rater, const std::string& a, const std::string& b, bool tie);

  std::map<std::string, int64_t> prompts_, raters_;
  std::map<std::pair<std::string, std::string>, int64_t> pairs_;
  std::vector<feedback::Comparison> comparisons_;
};

}  // namespace attune::data
