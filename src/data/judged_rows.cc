#include "data/judged_rows.h"

#include <algorithm>

#include "data/content_hash.h"

namespace attune::data {
namespace {

template <typename Key>
int64_t number_of(std::map<Key, int64_t>& numbers, const Key& key) {
  return numbers.emplace(key, static_cast<int64_t>(numbers.size())).first->second;
}

}  // namespace

void JudgedRows::compare(int64_t prompt, int64_t rater, const std::string& a, const std::string& b,
                         bool tie) {
  if (a == b) return;
  const std::pair<std::string, std::string> pair = std::minmax(a, b);
  feedback::Choice choice = a < b ? feedback::Choice::kFirst : feedback::Choice::kSecond;
  if (tie) choice = feedback::Choice::kTie;
  comparisons_.push_back({prompt, number_of(pairs_, pair), rater, choice});
}

void JudgedRows::add(const Example& row) {
  const bool is_pair = row.form == Form::kPreference && !row.chosen_probability;
  if (row.annotator.empty() || !(is_pair || row.form == Form::kRanking)) return;
  const int64_t prompt = number_of(prompts_, row.prompt ? content_hash(*row.prompt) : "");
  const int64_t rater = number_of(raters_, row.annotator);
  if (is_pair) {
    compare(prompt, rater, content_hash(*row.chosen), content_hash(*row.rejected), false);
    return;
  }
  const auto pairs = feedback::pairs_of_ranking(row.ranks, {.ties = feedback::TieRule::kHalf});
  if (!pairs.ok()) return;
  std::vector<std::string> hashes;
  for (const Content& one : row.completions) hashes.push_back(content_hash(one));
  for (const feedback::RankedPair& pair : *pairs) {
    compare(prompt, rater, hashes[static_cast<size_t>(pair.chosen)],
            hashes[static_cast<size_t>(pair.rejected)], pair.chosen_probability == 0.5);
  }
}

}  // namespace attune::data
