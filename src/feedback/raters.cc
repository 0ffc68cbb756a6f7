#include "feedback/raters.h"

#include <algorithm>

namespace attune::feedback {
namespace {

double median(std::vector<double> values) {
  const auto middle = values.begin() + std::ssize(values) / 2;
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

// The label given most often, the lowest of several; sorts the labels. There may be as many labels
// as answers (texts), so nothing is counted in a table of all of them.
struct Commonest {
  int label = kNoAnswer;
  int64_t times = 0;
  bool tied = false;
};
Commonest commonest(std::vector<int>& labels) {
  std::sort(labels.begin(), labels.end());
  Commonest most;
  for (size_t from = 0, to = 0; from < labels.size(); from = to) {
    while (to < labels.size() && labels[to] == labels[from]) ++to;
    const auto times = static_cast<int64_t>(to - from);
    if (times == most.times) most.tied = true;
    if (times > most.times) most = {labels[from], times, false};
  }
  return most;
}

using ByIndex = std::vector<std::vector<const RaterAnswer*>>;

class Signs {
 public:
  Signs(std::span<const RaterAnswer> answers, const VoteSpace& space, const RaterOptions& options)
      : options_(options),
        by_rater_(static_cast<size_t>(space.raters)),
        by_item_(static_cast<size_t>(space.items)),
        label_totals_(static_cast<size_t>(space.classes), 0.0) {
    for (const RaterAnswer& answer : answers) {
      by_rater_[static_cast<size_t>(answer.rater)].push_back(&answer);
      by_item_[static_cast<size_t>(answer.item)].push_back(&answer);
      label_totals_[static_cast<size_t>(answer.label)] += 1;
    }
    all_ = static_cast<double>(answers.size());
  }

  RaterSigns of(int64_t rater) const {
    const auto& own = by_rater_[static_cast<size_t>(rater)];
    RaterSigns signs;
    signs.rater = rater;
    signs.answers = std::ssize(own);
    if (own.empty()) return signs;
    add_speed(signs, own);
    add_labels(signs, own);
    add_gold(signs, own);
    add_agreement(signs, own);
    const bool enough = signs.answers >= options_.answers_min;
    signs.too_fast = enough && signs.fast_rate && *signs.fast_rate > options_.fast_rate_max;
    signs.constant = enough && signs.commonest_share >= options_.constant_share &&
                     signs.others_commonest_share.value_or(1) < options_.constant_share;
    signs.fails_gold = enough && signs.gold_rate && *signs.gold_rate < options_.gold_rate_min;
    return signs;
  }

 private:
  void add_speed(RaterSigns& signs, const std::vector<const RaterAnswer*>& own) const {
    std::vector<double> times;
    double fast = 0, compared = 0;
    for (const RaterAnswer* answer : own) {
      if (!(answer->seconds > 0)) continue;
      times.push_back(answer->seconds);
      std::vector<double> others;
      for (const RaterAnswer* other : by_item_[static_cast<size_t>(answer->item)]) {
        if (other != answer && other->seconds > 0) others.push_back(other->seconds);
      }
      if (others.empty()) continue;
      compared += 1;
      fast += answer->seconds < options_.fast_share * median(std::move(others)) ? 1 : 0;
    }
    if (!times.empty()) signs.median_seconds = median(std::move(times));
    if (compared > 0) signs.fast_rate = fast / compared;
  }

  void add_labels(RaterSigns& signs, const std::vector<const RaterAnswer*>& own) const {
    std::vector<int> labels;
    for (const RaterAnswer* answer : own) labels.push_back(answer->label);
    const Commonest most = commonest(labels);
    const auto given = static_cast<double>(own.size());
    const auto times = static_cast<double>(most.times);
    signs.commonest_share = times / given;
    if (all_ > given) {
      const double total = label_totals_[static_cast<size_t>(most.label)];
      signs.others_commonest_share = (total - times) / (all_ - given);
    }
  }

  static void add_gold(RaterSigns& signs, const std::vector<const RaterAnswer*>& own) {
    double gold = 0, right = 0;
    for (const RaterAnswer* answer : own) {
      if (answer->expected == kNoAnswer) continue;
      gold += 1;
      right += answer->label == answer->expected ? 1 : 0;
    }
    if (gold > 0) signs.gold_rate = right / gold;
  }

  // Ties among the others say nothing about this answer, and are left out.
  void add_agreement(RaterSigns& signs, const std::vector<const RaterAnswer*>& own) const {
    double shared = 0, same = 0;
    for (const RaterAnswer* answer : own) {
      std::vector<int> labels;
      for (const RaterAnswer* other : by_item_[static_cast<size_t>(answer->item)]) {
        if (other != answer) labels.push_back(other->label);
      }
      if (labels.empty()) continue;
      const Commonest most = commonest(labels);
      if (most.tied) continue;
      shared += 1;
      same += answer->label == most.label ? 1 : 0;
    }
    if (shared > 0) signs.agreement = same / shared;
  }

  const RaterOptions& options_;
  ByIndex by_rater_, by_item_;
  std::vector<double> label_totals_;
  double all_ = 0;
};

}  // namespace

Result<std::vector<RaterSigns>> rater_signs(std::span<const RaterAnswer> answers,
                                            const VoteSpace& space, const RaterOptions& options) {
  std::vector<Vote> votes;
  votes.reserve(answers.size());
  for (const RaterAnswer& answer : answers) {
    votes.push_back({answer.item, answer.rater, answer.label});
  }
  TRY(check_votes(votes, space));
  const Signs signs(answers, space, options);
  std::vector<RaterSigns> result;
  for (int64_t rater = 0; rater < space.raters; ++rater) result.push_back(signs.of(rater));
  return result;
}

}  // namespace attune::feedback
