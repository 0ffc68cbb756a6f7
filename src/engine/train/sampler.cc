#include "engine/train/sampler.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/check.h"
#include "base/random.h"

namespace attune::engine::train {

BatchOptions batch_of_ranks(BatchOptions own, int ranks) {
  own.rows_per_batch *= ranks;
  if (own.tokens_per_step) *own.tokens_per_step *= ranks;
  return own;
}

Sampler::Sampler(const BatchOptions& options, uint64_t seed, std::vector<int64_t> row_tokens)
    : options_(options), seed_(seed), row_tokens_(std::move(row_tokens)) {
  CHECK(!row_tokens_.empty(), "a sampler without rows");
}

std::vector<int64_t> Sampler::order_of_epoch(int64_t epoch) const {
  const auto rows = static_cast<int64_t>(row_tokens_.size());
  if (options_.sampling == Sampling::kSequential) {
    std::vector<int64_t> order(row_tokens_.size());
    std::iota(order.begin(), order.end(), 0);
    return order;
  }
  std::vector<int64_t> order =
      Random(seed_, static_cast<uint64_t>(epoch) + 1).permutation(rows);
  if (options_.sampling == Sampling::kGroupByLength) return grouped_by_length(std::move(order));
  return order;
}

// Transformers' rule (trainer_pt_utils.get_length_grouped_indices): mega-batches of at most 50
// steps, each sorted by falling length, and the longest row of all first.
std::vector<int64_t> Sampler::grouped_by_length(std::vector<int64_t> order) const {
  const auto rows = static_cast<int64_t>(order.size());
  const int64_t step_rows = options_.rows_per_batch * options_.accumulation;
  const int64_t steps = std::clamp<int64_t>(rows / (step_rows * 4), 1, 50);
  const int64_t mega_rows = steps * step_rows;
  const auto tokens = [&](int64_t row) { return row_tokens_[static_cast<size_t>(row)]; };
  auto longest = order.begin();
  for (int64_t begin = 0; begin < rows; begin += mega_rows) {
    const auto first = order.begin() + begin;
    const auto last = order.begin() + std::min(rows, begin + mega_rows);
    std::stable_sort(first, last, [&](int64_t a, int64_t b) { return tokens(a) > tokens(b); });
    if (tokens(*first) > tokens(*longest)) longest = first;
  }
  std::swap(*order.begin(), *longest);
  return order;
}

void Sampler::load_epoch(int64_t epoch) {
  if (loaded_epoch_ == epoch) return;
  loaded_epoch_ = epoch;
  order_ = order_of_epoch(epoch);
  ends_.clear();
  if (options_.tokens_per_step) {
    int64_t tokens = 0;
    for (size_t i = 0; i < order_.size(); ++i) {
      tokens += row_tokens_[static_cast<size_t>(order_[i])];
      if (tokens >= *options_.tokens_per_step || i + 1 == order_.size()) {
        ends_.push_back(i + 1);
        tokens = 0;
      }
    }
    return;
  }
  const auto batch = static_cast<size_t>(options_.rows_per_batch);
  if (options_.drop_last && order_.size() >= batch) order_.resize(order_.size() / batch * batch);
  const size_t step_rows = batch * static_cast<size_t>(options_.accumulation);
  for (size_t end = step_rows; end < order_.size() + step_rows; end += step_rows) {
    ends_.push_back(std::min(end, order_.size()));
  }
}

int64_t Sampler::steps_in_epoch(int64_t epoch) {
  load_epoch(epoch);
  return static_cast<int64_t>(ends_.size());
}

StepRows Sampler::rows_of(int64_t step) {
  CHECK(step >= 0, "step {}", step);
  if (starts_.empty()) starts_.push_back(0);
  while (starts_.back() <= step) {
    starts_.push_back(starts_.back() + steps_in_epoch(static_cast<int64_t>(starts_.size()) - 1));
  }
  const auto after = std::upper_bound(starts_.begin(), starts_.end(), step);
  const int64_t epoch = (after - starts_.begin()) - 1;
  load_epoch(epoch);
  const auto index = static_cast<size_t>(step - starts_[static_cast<size_t>(epoch)]);
  const size_t begin = index == 0 ? 0 : ends_[index - 1];
  StepRows result;
  result.epoch = epoch;
  result.ends_epoch = index + 1 == ends_.size();
  result.epochs_done = static_cast<double>(epoch) +
                       static_cast<double>(ends_[index]) / static_cast<double>(order_.size());
  result.rows.assign(order_.begin() + static_cast<std::ptrdiff_t>(begin),
                     order_.begin() + static_cast<std::ptrdiff_t>(ends_[index]));
  return result;
}

int64_t Sampler::total_steps() {
  if (options_.max_steps > 0) return options_.max_steps;
  if (!options_.tokens_per_step) {
    return static_cast<int64_t>(
        std::ceil(options_.epochs * static_cast<double>(steps_in_epoch(0))));
  }
  int64_t total = 0;
  double left = options_.epochs;
  for (int64_t epoch = 0; left > 0; ++epoch, left -= 1) {
    total += static_cast<int64_t>(
        std::ceil(std::min(left, 1.0) * static_cast<double>(steps_in_epoch(epoch))));
  }
  return total;
}

}  // namespace attune::engine::train
