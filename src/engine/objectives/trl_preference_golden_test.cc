// The losses on pairs and single judgements, and those of reward models, against TRL's own code.
#include "engine/objectives/preference.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/sum.h>
#include <gtest/gtest.h>

#include "engine/objectives/ranking.h"
#include "engine/objectives/reference_free.h"
#include "engine/objectives/trl_golden.h"
#include "engine/objectives/unpaired.h"

namespace attune::engine::objectives {
namespace {

using engine::testing::gradients;
using testing::expect_near;
using testing::floats;
using testing::label_of;
using testing::trl_bco;
using testing::trl_golden;
using testing::whole;

// Gradients of sums over completions, chosen then rejected, as the golden has them.
struct Halves {
  explicit Halves(const Tensor& both)
      : chosen(both.slice(0, 0, both.size(0) / 2)), rejected(both.slice(0, both.size(0) / 2)) {}
  Tensor chosen, rejected;
};

PreferenceOptions dpo_options(const Json& record) {
  PreferenceOptions options;
  options.losses = weighted_pair_losses(record["loss_types"].get<std::vector<std::string>>(),
                                        record["weights"].get<std::vector<double>>())
                       .value();
  options.beta = record["beta"];
  options.label_smoothing = record["label_smoothing"];
  options.sigmoid_smoothing = SigmoidSmoothing::kIgnored;  // TRL's convention
  options.divergence = parse_divergence(record["f_divergence_type"].get<std::string>()).value();
  options.divergence_alpha = record["f_alpha_divergence_coef"];
  if (!record["ld_alpha"].is_null()) options.ld_alpha = record["ld_alpha"].get<double>();
  EXPECT_TRUE(check_preference_options(options, false, record["use_weighting"].get<bool>()).ok());
  return options;
}

PreferencePairs dpo_pairs(const Json& golden, const Tensor& policy, const Tensor& shared,
                          const PreferenceOptions& options) {
  const Halves lp(policy), head(shared), tokens(whole(golden["tokens"]));
  Halves reference(floats(golden["reference"]));
  PreferencePairs pairs;
  pairs.chosen = {lp.chosen, reference.chosen, tokens.chosen, head.chosen, {}};
  pairs.rejected = {lp.rejected, reference.rejected, tokens.rejected, head.rejected, {}};
  // TRL was given the reference as it is, already desensitised: shared = sum leaves it so.
  if (options.ld_alpha) {
    pairs.chosen.reference_shared = reference.chosen;
    pairs.rejected.reference_shared = reference.rejected;
  }
  pairs.chosen_tokens_per_pair = tokens.chosen.to(at::kDouble).mean().item<double>();
  return pairs;
}

TEST(TrlGolden, Dpo) {
  const Json& golden = trl_golden()["dpo"];
  ASSERT_EQ(golden["cases"].size(), 31u);
  const Tensor policy = floats(golden["policy"]), shared = floats(golden["shared"]);
  for (const Json& record : golden["cases"]) {
    const std::string label = label_of(record);
    const PreferenceOptions options = dpo_options(record);
    const Halves aligned(floats(golden["aligned"]));
    const auto loss = [&](const std::vector<Tensor>& x) {
      PreferencePairs pairs = dpo_pairs(golden, x[0], x[1], options);
      if (record["use_weighting"].get<bool>())
        pairs.weights = wpo_weights(aligned.chosen, aligned.rejected);
      return preference_losses(pairs, options).mean();
    };
    expect_near(loss({policy, shared}).item<double>(), record["loss"], label);
    // A completion's first token is in the sum and in the shared sum.
    const std::vector<Tensor> gradient = gradients(loss, {policy, shared});
    const Tensor of_first_token = gradient[1].defined() ? gradient[0] + gradient[1] : gradient[0];
    expect_near(of_first_token, floats(record["gradient"]), label);

    const PairRewards rewards =
        preference_rewards(dpo_pairs(golden, policy, shared, options), options);
    const Json& metrics = record["metrics"];
    expect_near(rewards.chosen.mean().item<double>(), metrics["rewards/chosen"], label);
    expect_near(rewards.rejected.mean().item<double>(), metrics["rewards/rejected"], label);
    expect_near(rewards.accuracy.mean().item<double>(), metrics["rewards/accuracies"], label);
    expect_near(rewards.margin.mean().item<double>(), metrics["rewards/margins"], label);
  }
}

TEST(TrlGolden, Kto) {
  const Json& golden = trl_golden()["kto"];
  const Tensor policy = floats(golden["policy"]), reference = floats(golden["reference"]);
  std::vector<int64_t> kinds;
  for (const bool good : golden["desirable"].get<std::vector<bool>>()) kinds.push_back(good);
  const Tensor desirable = at::tensor(kinds, at::kLong).to(at::kBool);
  ASSERT_EQ(golden["cases"].size(), 3u);
  for (const Json& record : golden["cases"]) {
    UnpairedOptions options;
    options.loss = parse_unpaired_loss(record["loss_type"].get<std::string>()).value();
    options.beta = record["beta"];
    options.desirable_weight = record["desirable_weight"];
    options.undesirable_weight = record["undesirable_weight"];
    const Tensor ratios = floats(record["kl_log_ratios"]);
    const double z = kto_reference_point(at::sum(ratios).item<double>(), ratios.size(0));
    if (options.loss == UnpairedLoss::kKto) {
      expect_near(z, record["metrics"]["kl"], label_of(record));
    }
    const auto loss = [&](const std::vector<Tensor>& x) {
      return unpaired_losses(x[0], reference, desirable, z, options).mean();
    };
    expect_near(loss({policy}).item<double>(), record["loss"], label_of(record));
    expect_near(gradients(loss, {policy})[0], floats(record["gradient"]), label_of(record));
    const Tensor rewards = implicit_rewards(policy, reference, options.beta);
    expect_near(rewards.masked_select(desirable).mean().item<double>(),
                record["metrics"]["rewards/chosen"], label_of(record));
    expect_near(rewards.masked_select(desirable.logical_not()).mean().item<double>(),
                record["metrics"]["rewards/rejected"], label_of(record));
  }
}

// Three steps, so that the running mean counts: each step's rewards are in it before its losses.
TEST(TrlGolden, Bco) {
  const double beta = trl_bco()["beta"];
  ASSERT_EQ(trl_bco()["steps"].size(), 3u);
  RunningReward running;
  for (const Json& step : trl_bco()["steps"]) {
    const Tensor policy = floats(step["policy"]), reference = floats(step["reference"]);
    const int64_t good = step["desirable"];
    const Tensor desirable = at::arange(policy.size(0)).lt(good);
    const Tensor rewards = implicit_rewards(policy, reference, beta);
    expect_near(rewards, floats(step["rewards"]), "rewards");
    running.add(at::sum(rewards).item<double>(), static_cast<double>(rewards.size(0)));
    expect_near(running.mean, step["delta"], "delta");
    const auto losses = [&](const std::vector<Tensor>& x) {
      return bco_losses(x[0], reference, desirable, beta, running.mean);
    };
    expect_near(losses({policy}), floats(step["losses"]), "losses");
    const auto mean = [&](const std::vector<Tensor>& x) { return losses(x).mean(); };
    expect_near(gradients(mean, {policy})[0], floats(step["gradient"]), "gradient");
  }
}

CompletionPairs completion_pairs(const Json& record, const Tensor& sums) {
  const Halves lp(sums), tokens(whole(record["tokens"]));
  return {lp.chosen, lp.rejected, tokens.chosen, tokens.rejected};
}

TEST(TrlGolden, Cpo) {
  ASSERT_EQ(trl_golden()["cpo"].size(), 8u);
  for (const Json& record : trl_golden()["cpo"]) {
    ReferenceFreeOptions options;
    options.loss = parse_reference_free_loss(record["loss_type"].get<std::string>()).value();
    options.beta = record["beta"];
    options.label_smoothing = record["label_smoothing"];
    options.simpo_gamma = record["simpo_gamma"];
    options.alpha = record["alpha"];
    const auto losses = [&](const std::vector<Tensor>& x) {
      return reference_free_losses(completion_pairs(record, x[0]), options);
    };
    const Tensor sums = floats(record["sums"]);
    expect_near(losses({sums}), floats(record["losses"]), label_of(record));
    const std::vector<Tensor> gradient =
        gradients([&](const std::vector<Tensor>& x) { return losses(x).mean(); }, {sums});
    expect_near(gradient[0], floats(record["gradient"]), label_of(record));
    const PairRewards rewards = reference_free_rewards(completion_pairs(record, sums), options);
    expect_near(rewards.chosen, floats(record["chosen_rewards"]), label_of(record));
    expect_near(rewards.rejected, floats(record["rejected_rewards"]), label_of(record));
  }
}

// TRL's method returns beta log s(OR), which its trainer subtracts.
TEST(TrlGolden, Orpo) {
  const Json& record = trl_golden()["orpo"];
  const double lambda = record["beta"];
  const Tensor sums = floats(record["sums"]);
  const OddsLosses got = odds_losses(completion_pairs(record, sums), lambda);
  expect_near(-got.loss, floats(record["losses"]), "loss");
  expect_near(got.log_odds_ratio.mean().item<double>(), record["log_odds_ratio"], "ratio");
  expect_near(got.log_odds.mean().item<double>(), record["log_odds_chosen"], "odds");
  const std::vector<Tensor> gradient = gradients(
      [&](const std::vector<Tensor>& x) {
        return -odds_losses(completion_pairs(record, x[0]), lambda).loss.mean();
      },
      {sums});
  expect_near(gradient[0], floats(record["gradient"]), "gradient");
  const PairRewards rewards = odds_rewards(completion_pairs(record, sums), lambda);
  expect_near(rewards.chosen, floats(record["chosen_rewards"]), "chosen");
  expect_near(rewards.rejected, floats(record["rejected_rewards"]), "rejected");
}

TEST(TrlGolden, Reward) {
  const Json& golden = trl_golden()["reward"];
  const Tensor scores = floats(golden["scores"]);
  ASSERT_EQ(golden["cases"].size(), 4u);
  for (const Json& record : golden["cases"]) {
    const Json& coefficient = record["center_rewards_coefficient"];
    const ScoreRegularisers regularisers{
        .centre = coefficient.is_null() ? 0 : coefficient.get<double>()};
    const Tensor margin = record["margin"].is_null() ? Tensor() : floats(record["margin"]);
    const auto loss = [&](const std::vector<Tensor>& x) {
      const Halves sides(x[0]);
      return pairwise_losses(sides.chosen, sides.rejected, margin, {}, regularisers).mean();
    };
    expect_near(loss({scores}).item<double>(), record["loss"], "reward");
    expect_near(gradients(loss, {scores})[0], floats(record["gradient"]), "reward");
    const Halves sides(scores);
    const PairRewards rewards = pair_rewards(sides.chosen, sides.rejected);
    expect_near(rewards.accuracy.mean().item<double>(), record["metrics"]["accuracy"], "accuracy");
    expect_near(rewards.margin.mean().item<double>(), record["metrics"]["margin"], "margin");
  }
}

}  // namespace
}  // namespace attune::engine::objectives
