#include "engine/train/preferences/reference_log_probs.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/isfinite.h>

#include <limits>

#include "base/check.h"
#include "base/file.h"
#include "base/log.h"
#include "engine/train/tensor_file.h"

namespace attune::engine::train {
namespace {

// Values that a pass has not given yet: using one is a bug, which a loss would show.
Tensor unknown(int64_t count) {
  return at::full({count}, std::numeric_limits<double>::quiet_NaN(), at::kFloat);
}

int64_t requested_tokens(const models::TokenTree& tree) {
  models::TreeBatch batch;
  batch.add(tree);
  return static_cast<int64_t>(batch.rows.size());
}

// The rows' ranges of `values`, one behind the other.
Tensor gather(const Tensor& values, const std::vector<int64_t>& firsts,
              const std::vector<int64_t>& rows) {
  std::vector<Tensor> parts;
  for (int64_t row : rows) {
    const int64_t begin = firsts.at(static_cast<size_t>(row));
    const int64_t count = firsts.at(static_cast<size_t>(row) + 1) - begin;
    CHECK(count > 0, "row {} has no reference log-probs", row);
    parts.push_back(values.narrow(0, begin, count));
  }
  return at::cat(parts);
}

void scatter(Tensor& values, const std::vector<int64_t>& firsts, const std::vector<int64_t>& rows,
             const Tensor& got) {
  int64_t at = 0;
  for (int64_t row : rows) {
    const int64_t begin = firsts.at(static_cast<size_t>(row));
    const int64_t count = firsts.at(static_cast<size_t>(row) + 1) - begin;
    values.narrow(0, begin, count).copy_(got.narrow(0, at, count));
    at += count;
  }
}

// Whether `found` can stand in for `room`: same length, all numbers.
bool fills(const std::map<std::string, Tensor>& found, const char* name, const Tensor& room) {
  if (!room.defined()) return true;
  const auto value = found.find(name);
  return value != found.end() && value->second.sizes() == room.sizes() &&
         value->second.scalar_type() == at::kFloat &&
         at::isfinite(value->second).all().item<bool>();
}

}  // namespace

ReferenceLogProbs::ReferenceLogProbs(const std::vector<const models::TokenTree*>& trees,
                                     bool tokens) {
  first_branch_ = {0};
  first_token_ = {0};
  for (const models::TokenTree* tree : trees) {
    const auto branches = tree == nullptr ? 0 : static_cast<int64_t>(tree->branches.size());
    first_branch_.push_back(first_branch_.back() + branches);
    const int64_t requested = tree == nullptr || !tokens ? 0 : requested_tokens(*tree);
    first_token_.push_back(first_token_.back() + requested);
  }
  sum_values_ = unknown(first_branch_.back());
  if (tokens) token_values_ = unknown(first_token_.back());
}

Tensor ReferenceLogProbs::sums(const std::vector<int64_t>& rows) const {
  return gather(sum_values_, first_branch_, rows);
}

Tensor ReferenceLogProbs::tokens(const std::vector<int64_t>& rows) const {
  CHECK(has_tokens(), "the reference's tokens were not asked for");
  return gather(token_values_, first_token_, rows);
}

void ReferenceLogProbs::set(const std::vector<int64_t>& rows, const models::BranchLogProbs& got) {
  scatter(sum_values_, first_branch_, rows, got.sums.detach());
  if (has_tokens()) scatter(token_values_, first_token_, rows, got.tokens.detach());
}

void ReferenceLogProbs::leave_to_others(const std::vector<int64_t>& rows) {
  for (int64_t row : rows) {
    const auto i = static_cast<size_t>(row);
    const auto clear = [i](Tensor& values, const std::vector<int64_t>& firsts) {
      values.narrow(0, firsts.at(i), firsts.at(i + 1) - firsts.at(i)).zero_();
    };
    clear(sum_values_, first_branch_);
    if (has_tokens()) clear(token_values_, first_token_);
  }
}

void ReferenceLogProbs::add_up(comm::Communicator& ranks) {
  ranks.all_reduce(sum_values_);
  if (has_tokens()) ranks.all_reduce(token_values_);
}

std::optional<int64_t> ReferenceLogProbs::first_bad_row() const {
  for (size_t row = 0; row + 1 < first_branch_.size(); ++row) {
    const int64_t count = first_branch_[row + 1] - first_branch_[row];
    const Tensor sums = sum_values_.narrow(0, first_branch_[row], count);
    if (!at::isfinite(sums).all().item<bool>()) return static_cast<int64_t>(row);
  }
  return std::nullopt;
}

Status ReferenceLogProbs::save(const std::string& path) const {
  std::vector<optim::NamedTensor> tensors = {{"sums", sum_values_}};
  if (has_tokens()) tensors.push_back({"tokens", token_values_});
  return save_tensors(path, tensors);
}

std::optional<ReferenceLogProbs> ReferenceLogProbs::load(const std::string& path,
                                                         ReferenceLogProbs room) {
  if (!exists(path)) return std::nullopt;
  const auto found = load_tensors(path);
  if (!found.ok() || !fills(*found, "sums", room.sum_values_) ||
      !fills(*found, "tokens", room.token_values_)) {
    log_warning("{}: is damaged; the reference is asked again", path);
    return std::nullopt;
  }
  room.sum_values_ = found->at("sums");
  if (room.has_tokens()) room.token_values_ = found->at("tokens");
  return room;
}

}  // namespace attune::engine::train
