// The method alone: a tree of completions gives the loss and the gradients of separate sequences.
#include "engine/train/preferences/preference_method.h"

#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include "engine/tensor/gradient_check.h"
#include "engine/tensor/test_device.h"
#include "engine/train/testing/job_run.h"
#include "weights/model_files.h"

namespace attune::engine::train {
namespace {

std::unique_ptr<models::Decoder> small_model() {
  const auto files = weights::ModelFiles::open(tiny_model()).value();
  models::LoadOptions options;
  options.trainable = true;
  options.device = test_device();
  return models::Decoder::load(files, options).value();
}

TreeRow row_of(models::TokenTree tree, std::vector<std::optional<int>> ranks) {
  TreeRow row;
  row.form = ranks.size() == 2 ? data::Form::kPreference : data::Form::kRanking;
  row.tree = std::move(tree);
  row.ranks = std::move(ranks);
  row.name = {"rows", 1};
  return row;
}

// Ragged pairs and a ranking; one branch was cut differently at the end of the prompt.
std::vector<TreeRow> rows() {
  return {row_of({{3, 1, 4}, {{{1, 5, 9, 2}, 1}, {{2, 6}, 1}}}, {1, 2}),
          row_of({{5, 3, 5, 8}, {{{9}, 0}, {{7, 9, 3, 2, 3}, 0}}}, {1, 2}),
          row_of({{8, 4}, {{{6, 2}, 0}, {{6, 4, 3}, 0}, {{3}, 0}, {{8, 3, 2, 7}, 0}}},
                 {2, std::nullopt, 1, 3})};
}

struct Outcome {
  double loss = 0;
  std::map<std::string, Tensor> gradients;
};

Outcome run(const PreferenceSetup& setup, bool share, bool one_pass = true) {
  const auto decoder = small_model();
  TreeMethodOptions options;
  options.batch.share_prompts = share;
  PreferenceMethod method(*decoder, options, setup, rows(), {});
  // Another model's numbers, so that no loss stands at its start.
  const auto other = small_model();
  {
    c10::NoGradGuard no_grad;
    other->parameters().find("model.norm.weight")->mul_(1.02);
  }
  ReferenceModel reference(*other, {}, "other");
  method.set_reference(
      reference.log_probs({.name = "train", .tokens = true}, method.trees(Split::kTrain)).value(),
      std::nullopt);
  const std::vector<int64_t> all = {0, 1, 2};
  EXPECT_TRUE(method.begin_step(0, all).ok());
  int64_t units = 0;
  for (int64_t row : all) units += method.row_units(Split::kTrain, row);
  PassOptions pass;
  pass.normaliser = static_cast<double>(units);
  Outcome outcome;
  const std::vector<std::vector<int64_t>> passes =
      one_pass ? std::vector<std::vector<int64_t>>{all}
               : std::vector<std::vector<int64_t>>{{2}, {0}, {1}};
  for (const std::vector<int64_t>& part : passes) {
    const PassResult result = method.pass(Split::kTrain, part, pass);
    outcome.loss += result.loss.item<double>();
    result.loss.backward();
  }
  for (const nn::Parameter& parameter : decoder->parameters().all()) {
    outcome.gradients[parameter.name] = parameter.tensor.grad().clone();
  }
  return outcome;
}

void expect_equal(const Outcome& a, const Outcome& b) {
  EXPECT_NEAR(a.loss / b.loss, 1.0, 1e-5);
  for (const auto& [name, gradient] : a.gradients) {
    EXPECT_LT(testing::relative_difference(gradient, b.gradients.at(name)), 1e-5) << name;
  }
}

std::vector<PreferenceSetup> setups() {
  std::vector<PreferenceSetup> setups;
  for (const objectives::PairLoss loss :
       {objectives::PairLoss::kSigmoid, objectives::PairLoss::kIpo, objectives::PairLoss::kSft,
        objectives::PairLoss::kAot, objectives::PairLoss::kAotUnpaired}) {
    setups.emplace_back().loss.losses = {{loss, 1.0}};
  }
  setups.emplace_back().loss.ld_alpha = 0.3;
  setups.emplace_back().weighting = true;
  setups.emplace_back().plackett_luce = true;
  setups.emplace_back().pairs.rule = feedback::PairRule::kAdjacent;
  return setups;
}

TEST(PreferenceMethodTest, ATreeGivesWhatSeparateSequencesGive) {
  for (const PreferenceSetup& setup : setups()) {
    SCOPED_TRACE(objectives::to_string(setup.loss.losses[0].loss));
    expect_equal(run(setup, true), run(setup, false));
  }
}

// Sorted losses too: their order is that of the whole step.
TEST(PreferenceMethodTest, PassesAddUpToTheUncutStep) {
  for (const PreferenceSetup& setup : setups()) {
    SCOPED_TRACE(objectives::to_string(setup.loss.losses[0].loss));
    expect_equal(run(setup, true, false), run(setup, true));
  }
}

TEST(PreferenceMethodTest, AStepCountsPairsAndRankings) {
  const auto decoder = small_model();
  PreferenceMethod pairs(*decoder, {}, {}, rows(), {});
  EXPECT_EQ(pairs.row_units(Split::kTrain, 0), 1);
  EXPECT_EQ(pairs.row_units(Split::kTrain, 2), 3);  // of three ranked answers
  EXPECT_EQ(pairs.row_counted_tokens(Split::kTrain, 2), 4 * 2 + 10);
  PreferenceSetup setup;
  setup.plackett_luce = true;
  PreferenceMethod rankings(*decoder, {}, setup, rows(), {});
  EXPECT_EQ(rankings.row_units(Split::kTrain, 2), 1);
}

// The rows' judgement is part of what a resumed run must have again.
TEST(PreferenceMethodTest, TheFingerprintKnowsTheJudgement) {
  const auto decoder = small_model();
  std::vector<TreeRow> other = rows();
  other[2].ranks = {1, std::nullopt, 2, 3};
  EXPECT_NE(PreferenceMethod(*decoder, {}, {}, rows(), {}).fingerprint(),
            PreferenceMethod(*decoder, {}, {}, other, {}).fingerprint());
  EXPECT_EQ(PreferenceMethod(*decoder, {}, {}, rows(), {}).fingerprint(),
            PreferenceMethod(*decoder, {}, {}, rows(), {}).fingerprint());
}

}  // namespace
}  // namespace attune::engine::train
