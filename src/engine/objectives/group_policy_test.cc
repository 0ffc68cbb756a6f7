#include "engine/objectives/group_policy.h"

#include <ATen/ops/allclose.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "engine/tensor/gradient_check.h"

namespace attune::engine::objectives {
namespace {

using engine::testing::gradient_error;
using engine::testing::gradients;

Tensor row(const std::vector<double>& values) { return at::tensor(values, at::kDouble); }

const std::vector<int64_t> kLengths = {3, 1, 5, 2};
constexpr int64_t kTokens = 11;

GroupTokens random_tokens() {
  GroupTokens tokens;
  tokens.log_probs = at::randn({kTokens}, at::kDouble) - 2;
  tokens.old = tokens.log_probs + at::randn({kTokens}, at::kDouble) * 0.3;
  tokens.reference = tokens.log_probs + at::randn({kTokens}, at::kDouble) * 0.3;
  tokens.correction = at::rand({kTokens}, at::kDouble) + 0.5;
  tokens.advantages = row({1.1, -0.6, -1.3, 0.7});
  return tokens;
}

// The loss of one completion, plainly; its tokens are [begin, end).
double plain_loss(const GroupTokens& tokens, int64_t begin, int64_t end, double advantage,
                  const GroupPolicyOptions& o) {
  const auto at = [](const Tensor& x, int64_t i) { return x[i].item<double>(); };
  double shift = 0, sum = 0;
  for (int64_t t = begin; t < end; ++t) shift += at(tokens.log_probs, t) - at(tokens.old, t);
  for (int64_t t = begin; t < end; ++t) {
    const double d = at(tokens.log_probs, t) - at(tokens.old, t);
    const bool whole = o.level == ImportanceLevel::kSequence;
    const double rho = std::exp(whole ? shift / static_cast<double>(end - begin) : d);
    const double clipped = std::min(std::max(rho, 1 - o.clip_low), 1 + o.clip_high);
    const double capped = o.ratio_cap > 0 ? std::min(rho, o.ratio_cap) : rho;
    double loss = -std::min(capped * advantage, clipped * advantage);
    if (o.aggregation == Aggregation::kCispo) {
      loss = -std::min(rho, o.clip_high) * advantage * at(tokens.log_probs, t);
    }
    const double u = at(tokens.reference, t) - at(tokens.log_probs, t);
    sum += loss * at(tokens.correction, t) + o.beta * (std::exp(u) - 1 - u);
  }
  return o.aggregation == Aggregation::kGrpo ? sum / static_cast<double>(end - begin) : sum;
}

std::vector<GroupPolicyOptions> cases() {
  std::vector<GroupPolicyOptions> all;
  for (const Aggregation aggregation : {Aggregation::kGrpo, Aggregation::kDapo, Aggregation::kBnpo,
                                        Aggregation::kDrGrpo, Aggregation::kCispo}) {
    for (const ImportanceLevel level : {ImportanceLevel::kToken, ImportanceLevel::kSequence}) {
      GroupPolicyOptions options;
      options.aggregation = aggregation;
      options.level = level;
      options.clip_low = 0.1;
      options.clip_high = aggregation == Aggregation::kCispo ? 1.2 : 0.25;
      options.ratio_cap = 1.3;
      options.beta = 0.04;
      options.max_completion_length = 16;
      all.push_back(options);
    }
  }
  return all;
}

TEST(GroupPolicyLosses, EqualThePlainReference) {
  const GroupTokens tokens = random_tokens();
  const Spans spans(kLengths);
  for (const GroupPolicyOptions& options : cases()) {
    const PolicyLosses got = group_policy_losses(tokens, spans, options);
    for (int64_t s = 0; s < spans.count(); ++s) {
      const int64_t begin = spans.begin(s), end = begin + spans.length(s);
      EXPECT_NEAR(got.loss[s].item<double>(),
                  plain_loss(tokens, begin, end, tokens.advantages[s].item<double>(), options),
                  1e-12)
          << to_string(options.aggregation);
    }
  }
}

TEST(GroupPolicyLosses, UnitsAreWhatTheStepDividesBy) {
  const GroupTokens tokens = random_tokens();
  for (const GroupPolicyOptions& options : cases()) {
    const Tensor units = group_policy_losses(tokens, Spans(kLengths), options).units;
    if (options.aggregation == Aggregation::kGrpo) {
      EXPECT_TRUE(units.equal(row({1, 1, 1, 1})));
    } else if (options.aggregation == Aggregation::kDrGrpo) {
      EXPECT_TRUE(units.equal(row({16, 16, 16, 16})));
    } else {
      EXPECT_TRUE(units.equal(row({3, 1, 5, 2})));
    }
  }
}

// cispo's ratio carries no gradient, so its differences are not those of its value.
TEST(GroupPolicyLosses, GradientsEqualDifferences) {
  const GroupTokens tokens = random_tokens();
  for (const GroupPolicyOptions& options : cases()) {
    if (options.aggregation == Aggregation::kCispo) continue;
    const auto loss = [&](const std::vector<Tensor>& x) {
      GroupTokens moved = tokens;
      moved.log_probs = x[0];
      return at::sum(group_policy_losses(moved, Spans(kLengths), options).loss);
    };
    EXPECT_LT(gradient_error(loss, {tokens.log_probs}), 1e-6) << to_string(options.aggregation);
  }
}

// At the sampling policy every form is the policy gradient: -A by token, over the right unit.
TEST(GroupPolicyLosses, FirstStepIsThePolicyGradient) {
  GroupTokens tokens = random_tokens();
  tokens.old = tokens.correction = Tensor();
  const Spans spans(kLengths);
  const Tensor pull = -spans.spread(tokens.advantages);
  for (GroupPolicyOptions options : cases()) {
    options.beta = 0;
    const std::vector<Tensor> got = gradients(
        [&](const std::vector<Tensor>& x) {
          GroupTokens moved = tokens;
          moved.log_probs = x[0];
          const PolicyLosses losses = group_policy_losses(moved, spans, options);
          EXPECT_EQ(losses.clipped_low.sum().item<double>(), 0);
          EXPECT_EQ(losses.clipped_high.sum().item<double>(), 0);
          return at::sum(losses.loss);
        },
        {tokens.log_probs});
    const bool mean = options.aggregation == Aggregation::kGrpo;
    const Tensor want = mean ? pull / spans.spread(row({3, 1, 5, 2})) : pull;
    EXPECT_TRUE(at::allclose(got[0], want)) << to_string(options.aggregation);
  }
}

TEST(RlooLosses, EqualThePlainReference) {
  const GroupTokens tokens = random_tokens();
  const Spans spans(kLengths);
  const PolicyLosses got = rloo_losses(tokens, spans, 0.2, 0.3);
  for (int64_t s = 0; s < spans.count(); ++s) {
    double shift = 0;
    for (int64_t t = spans.begin(s); t < spans.begin(s) + spans.length(s); ++t) {
      shift += tokens.log_probs[t].item<double>() - tokens.old[t].item<double>();
    }
    const double rho = std::exp(shift), a = tokens.advantages[s].item<double>();
    const double clipped = std::min(std::max(rho, 0.8), 1.3);
    EXPECT_NEAR(got.loss[s].item<double>(), -std::min(rho * a, clipped * a), 1e-12);
    EXPECT_EQ(got.clipped_low[s].item<double>(), rho < 0.8 && a < 0 ? 1 : 0);
    EXPECT_EQ(got.clipped_high[s].item<double>(), rho > 1.3 && a > 0 ? 1 : 0);
  }
  const auto loss = [&](const std::vector<Tensor>& x) {
    GroupTokens moved = tokens;
    moved.log_probs = x[0];
    return at::sum(rloo_losses(moved, spans, 0.2, 0.3).loss);
  };
  EXPECT_LT(gradient_error(loss, {tokens.log_probs}), 1e-6);
}

TEST(ImportanceCorrectionTest, TruncatesOrMasksTokensOrSequences) {
  const Spans spans({2, 1});
  const Tensor sampler = row({-1, -1, -1});
  const Tensor policy = sampler + row({std::log(2.0), std::log(2.0), std::log(0.5)});
  const auto weights = [&](ImportanceLevel level, bool masked, double low, double high) {
    return importance_correction(policy, sampler, spans, {level, masked, low, high});
  };
  using enum ImportanceLevel;
  const auto near = [](const Tensor& got, const std::vector<double>& want) {
    EXPECT_TRUE(at::allclose(got, row(want), 1e-12)) << got;
  };
  near(weights(kToken, true, 0, 3), {2, 2, 0.5});
  near(weights(kToken, true, 0, 1.5), {0, 0, 0.5});
  near(weights(kToken, false, 0.7, 1.5), {1.5, 1.5, 0.7});
  near(weights(kSequence, true, 0, 3), {0, 0, 0.5});
  near(weights(kSequence, false, 0, 3), {3, 3, 0.5});
  near(weights(kSequence, true, 0.6, 5), {4, 4, 0});
  EXPECT_TRUE(importance_correction(policy, policy, spans, {}).equal(row({1, 1, 1})));
}

TEST(AggregationNames, GoThereAndBack) {
  for (const char* name : {"grpo", "dapo", "bnpo", "dr_grpo", "cispo"}) {
    EXPECT_STREQ(to_string(parse_aggregation(name).value()), name);
  }
  EXPECT_FALSE(parse_aggregation("ppo").ok());
}

}  // namespace
}  // namespace attune::engine::objectives
