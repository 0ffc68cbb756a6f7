#include "engine/objectives/rollout_rewards.h"

#include <ATen/ops/clamp.h>
#include <ATen/ops/expm1.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/square.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "base/check.h"

namespace attune::engine::objectives {

Tensor kl_terms(const Tensor& policy, const Tensor& reference, KlEstimator estimator,
                double clamp) {
  Tensor d = policy - reference.detach();
  if (clamp > 0) d = at::clamp(d, -clamp, clamp);
  switch (estimator) {
    case KlEstimator::kK1: return d;
    case KlEstimator::kK2: return at::square(d) / 2;
    case KlEstimator::kK3: break;
  }
  return at::expm1(-d) + d;
}

Tensor ruled_scores(const Tensor& scores, const Tensor& ended, const EosRule& rule, double clamp) {
  CHECK(ended.sizes() == scores.sizes());
  const Tensor cut = clamp > 0 ? at::clamp(scores, -clamp, clamp) : scores;
  switch (rule.kind) {
    case EosRule::kNone: return cut;
    case EosRule::kReplace:
      return at::where(ended.to(at::kBool), cut, at::full_like(cut, rule.value));
    case EosRule::kSubtract: break;
  }
  return at::where(ended.to(at::kBool), cut, cut - rule.value);
}

RewardPositions reward_positions(const Spans& tokens, const std::vector<bool>& early,
                                 ScorePosition at) {
  CHECK(static_cast<int64_t>(early.size()) == tokens.count());
  std::vector<int64_t> lengths, index;
  int64_t begin = 0;
  for (int64_t s = 0; s < tokens.count(); ++s) {
    const bool extra = at == ScorePosition::kEosPlusOne && early[static_cast<size_t>(s)];
    for (int64_t t = 0; t < tokens.length(s); ++t) index.push_back(begin + t);
    lengths.push_back(tokens.length(s) + (extra ? 1 : 0));
    begin += lengths.back();
  }
  return {Spans(std::move(lengths)), at::tensor(index, at::kLong)};
}

Tensor token_rewards(const Tensor& kl, const Tensor& scores, double beta,
                     const RewardPositions& positions) {
  const Spans& spans = positions.positions;
  CHECK(scores.size(0) == spans.count() && kl.size(0) == positions.tokens.size(0));
  std::vector<int64_t> last;
  for (int64_t s = 0; s < spans.count(); ++s) {
    CHECK(spans.length(s) > 0, "completion {} has no position for its score", s);
    last.push_back(spans.begin(s) + spans.length(s) - 1);
  }
  const auto device = kl.device();
  Tensor rewards = at::zeros({spans.total()}, kl.options().requires_grad(false));
  rewards.index_add_(0, positions.tokens.to(device), -beta * kl.detach());
  rewards.index_add_(0, at::tensor(last, at::kLong).to(device),
                     scores.detach().to(rewards.options()));
  return rewards;
}

void KlController::update(double kl, double samples) {
  if (!target) return;
  beta *= 1 + std::clamp(kl / *target - 1, -0.2, 0.2) * samples / horizon;
}

}  // namespace attune::engine::objectives
