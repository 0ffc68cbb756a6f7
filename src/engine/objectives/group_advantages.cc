#include "engine/objectives/group_advantages.h"

#include <ATen/ops/empty_like.h>
#include <ATen/ops/tensor.h>

#include <cmath>

#include "base/check.h"
#include "engine/objectives/advantages.h"

namespace attune::engine::objectives {
namespace {

constexpr double kEpsilon = 1e-4;  // TRL's, added to the deviation

// Rewards in double on the CPU, and what is made of each group.
struct Groups {
  Groups(const Tensor& rewards, const Spans& spans)
      : values(rewards.detach().to(at::kCPU, at::kDouble).contiguous()),
        out(at::empty_like(values)) {
    CHECK(rewards.dim() == 1 && rewards.size(0) == spans.total());
    CHECK(values.isfinite().all().item<bool>(), "a reward that is no finite number");
    for (int64_t g = 0; g < spans.count(); ++g) {
      const Tensor group = values.slice(0, spans.begin(g), spans.begin(g) + spans.length(g));
      moments_of.push_back(moments(group));
    }
  }

  Tensor values, out;
  std::vector<Moments> moments_of;
};

// out[i] = f(reward, moments of its group), in the type and place of the rewards.
template <typename F>
Tensor each(const Tensor& rewards, const Spans& spans, const F& f) {
  Groups groups(rewards, spans);
  const double* in = groups.values.const_data_ptr<double>();
  double* out = groups.out.data_ptr<double>();
  for (int64_t g = 0; g < spans.count(); ++g) {
    for (int64_t i = spans.begin(g); i < spans.begin(g) + spans.length(g); ++i) {
      out[i] = f(in[i], groups.moments_of[static_cast<size_t>(g)]);
    }
  }
  return groups.out.to(rewards.options().requires_grad(false));
}

}  // namespace

Tensor rloo_advantages(const Tensor& rewards, const Spans& groups, bool normalise) {
  // r - (n mean - r) / (n - 1) = (r - mean) n / (n - 1)
  const Tensor plain = each(rewards, groups, [](double r, const Moments& group) {
    return group.count > 1 ? (r - group.mean) * group.count / (group.count - 1) : 0.0;
  });
  if (!normalise) return plain;
  const Moments all = moments(plain);
  return (plain - all.mean) / (std::sqrt(all.variance(true)) + kEpsilon);
}

Result<RewardScale> parse_reward_scale(std::string_view name) {
  if (name == "group") return RewardScale::kGroup;
  if (name == "batch") return RewardScale::kBatch;
  if (name == "none") return RewardScale::kNone;
  return invalid_input("scale_rewards: \"{}\" is not known; choose from group, batch, none", name);
}

Tensor grpo_advantages(const Tensor& rewards, const Spans& groups, const GroupOptions& options) {
  const double batch = std::sqrt(moments(rewards).variance(options.unbiased));
  return each(rewards, groups, [&](double r, const Moments& group) {
    const double centred = r - group.mean;
    if (options.scale == RewardScale::kNone) return centred;
    const double deviation = options.scale == RewardScale::kBatch
                                 ? batch
                                 : std::sqrt(group.variance(options.unbiased));
    return centred / (deviation + options.epsilon);
  });
}

Tensor group_deviations(const Tensor& rewards, const Spans& groups, bool unbiased) {
  std::vector<double> deviations;
  for (const Moments& group : Groups(rewards, groups).moments_of) {
    deviations.push_back(std::sqrt(group.variance(unbiased)));
  }
  return at::tensor(deviations, at::kDouble).to(rewards.options().requires_grad(false));
}

Tensor reinforce_baseline_advantages(const Tensor& rewards, const Spans& groups, bool unbiased) {
  const Tensor centred =
      each(rewards, groups, [](double r, const Moments& group) { return r - group.mean; });
  return whiten(centred, moments(centred), {.unbiased = unbiased, .keep_mean = false});
}

}  // namespace attune::engine::objectives
