#include "engine/objectives/pair_loss.h"

#include <gtest/gtest.h>

#include <limits>

namespace attune::engine::objectives {
namespace {

TEST(PairLossNames, GoThereAndBack) {
  for (const char* name :
       {"sigmoid", "hinge", "ipo", "exo_pair", "nca_pair", "robust", "bco_pair", "sppo_hard", "aot",
        "aot_unpaired", "apo_zero", "apo_down", "discopop", "sft", "sigmoid_norm"}) {
    EXPECT_STREQ(to_string(parse_pair_loss(name).value()), name);
  }
  for (const char* name : {"reverse_kl", "forward_kl", "js_divergence", "alpha_divergence"}) {
    EXPECT_STREQ(to_string(parse_divergence(name).value()), name);
  }
}

TEST(PairLossNames, AnUnknownOneIsAnErrorThatListsTheKnown) {
  const std::string message = parse_pair_loss("sigmoidal").error().message();
  EXPECT_NE(message.find("\"sigmoidal\""), std::string::npos) << message;
  EXPECT_NE(message.find("sigmoid_norm"), std::string::npos) << message;
  EXPECT_FALSE(parse_divergence("kl").ok());
}

TEST(PairLossNames, WeightsGoWithNames) {
  const auto mpo = weighted_pair_losses({"sigmoid", "bco_pair", "sft"}, {0.8, 0.2, 1}).value();
  ASSERT_EQ(mpo.size(), 3u);
  EXPECT_EQ(mpo[1].loss, PairLoss::kBcoPair);
  EXPECT_EQ(mpo[1].weight, 0.2);
  EXPECT_EQ(weighted_pair_losses({"hinge"}, {}).value()[0].weight, 1);
  EXPECT_FALSE(weighted_pair_losses({"hinge", "ipo"}, {1}).ok());
  EXPECT_FALSE(weighted_pair_losses({}, {}).ok());
  EXPECT_FALSE(weighted_pair_losses({"hinge", "?"}, {}).ok());
}

std::string error_of(const PreferenceOptions& options, bool soft = false, bool weighted = false) {
  const Status status = check_preference_options(options, soft, weighted);
  return status.ok() ? "" : status.error().message();
}

PreferenceOptions with(PairLoss loss) {
  PreferenceOptions options;
  options.losses = {{loss, 1}};
  return options;
}

TEST(PreferenceOptionsCheck, DefaultsPass) { EXPECT_EQ(error_of({}, true, true), ""); }

TEST(PreferenceOptionsCheck, RangesAreNamed) {
  const auto names = [](const std::string& message, const char* option) {
    EXPECT_NE(message.find(option), std::string::npos) << "\"" << message << "\" lacks " << option;
  };
  PreferenceOptions options;
  options.beta = 0;
  names(error_of(options), "beta");
  options = {};
  options.label_smoothing = 0.6;
  names(error_of(options), "label_smoothing");
  options = {};
  options.ld_alpha = 1.5;
  names(error_of(options), "ld_alpha");
  options = {};
  options.discopop_tau = 0;
  names(error_of(options), "discopop_tau");
  options = {};
  options.losses.clear();
  names(error_of(options), "loss_type");
  options = {};
  options.losses = {{PairLoss::kSigmoid, std::numeric_limits<double>::quiet_NaN()}};
  names(error_of(options), "loss_weights");
}

TEST(PreferenceOptionsCheck, LossesRefuseWhatHasNoMeaningForThem) {
  EXPECT_NE(error_of(with(PairLoss::kExoPair)), "");  // log 0
  PreferenceOptions robust = with(PairLoss::kRobust);
  robust.label_smoothing = 0.5;  // divided by 1 - 2e
  EXPECT_NE(error_of(robust), "");
  for (const PairLoss loss : {PairLoss::kAot, PairLoss::kAotUnpaired}) {
    EXPECT_EQ(error_of(with(loss)), "");
    EXPECT_NE(error_of(with(loss), true, false), "");
    EXPECT_NE(error_of(with(loss), false, true), "");
  }
  for (const PairLoss loss : {PairLoss::kNcaPair, PairLoss::kBcoPair, PairLoss::kSppoHard,
                              PairLoss::kApoZero, PairLoss::kApoDown, PairLoss::kAot}) {
    PreferenceOptions options = with(loss);
    options.divergence = Divergence::kJs;
    EXPECT_NE(error_of(options), "") << to_string(loss);
  }
  PreferenceOptions hinge = with(PairLoss::kHinge);
  hinge.divergence = Divergence::kForwardKl;
  EXPECT_EQ(error_of(hinge), "");
}

TEST(PreferenceOptionsCheck, SortedLossesNeedPartners) {
  EXPECT_FALSE(needs_sorted_partners({}));
  PreferenceOptions options;
  options.losses = {{PairLoss::kSigmoid, 1}, {PairLoss::kAotUnpaired, 0.5}};
  EXPECT_TRUE(needs_sorted_partners(options));
}

}  // namespace
}  // namespace attune::engine::objectives
