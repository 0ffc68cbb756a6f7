#include "engine/train/sequences/hindsight_method.h"

#include <ATen/ops/log_softmax.h>
#include <gtest/gtest.h>

#include <set>

#include "engine/models/decoder.h"
#include "engine/tensor/gradient_check.h"
#include "engine/tensor/test_device.h"
#include "engine/train/testing/golden_run.h"
#include "tests/support/test_paths.h"

namespace attune::engine::train {
namespace {

using testing::relative_difference;

std::unique_ptr<models::Decoder> tiny_model() {
  const auto files =
      weights::ModelFiles::open(attune::testing::source_path("tests/golden/train/tiny")).value();
  models::LoadOptions load;
  load.trainable = true;
  load.device = test_device();
  return models::Decoder::load(files, load).value();
}

// The golden's rows: each ids with a mask.
std::vector<SftRow> rows_from(size_t first, size_t count) {
  static const Json golden =
      read_json_file(attune::testing::source_path("tests/golden/train/sft_tiny.json")).value();
  const std::vector<SftRow> all = golden_rows(golden);
  return {all.begin() + static_cast<std::ptrdiff_t>(first),
          all.begin() + static_cast<std::ptrdiff_t>(first + count)};
}

struct Sum {
  double nll = 0;
  double tokens = 0;
  double mean() const { return nll / tokens; }
};

// From whole logits of every sequence alone; `masked` off counts every token.
Sum plain_nll(models::Decoder& decoder, const std::vector<SftRow>& rows, bool masked = true) {
  Sum sum;
  for (const SftRow& row : rows) {
    const TokenSequence& sequence = row.sequences[0];
    models::PackedBatch batch;
    batch.add_root(sequence.ids);
    const Tensor logits = decoder.logits(decoder.forward(batch)).to(at::kDouble);
    const Tensor log_probs = at::log_softmax(logits, -1);
    for (size_t t = 1; t < sequence.ids.size(); ++t) {
      if (masked && sequence.trained[t] == 0) continue;
      sum.nll -= log_probs[static_cast<int64_t>(t) - 1][sequence.ids[t]].item<double>();
      sum.tokens += 1;
    }
  }
  return sum;
}

std::map<std::string, Tensor> gradients_of(models::Decoder& decoder) {
  std::map<std::string, Tensor> gradients;
  for (const nn::Parameter& parameter : decoder.parameters().trainable()) {
    gradients[parameter.name] = parameter.tensor.grad().clone();
    parameter.tensor.mutable_grad().zero_();
  }
  return gradients;
}

// The published code once computed the mask and did not use it: the loss here is that of the
// answers, and differs from that of all tokens.
TEST(HindsightMethod, TheLossIsThatOfTheAnswersAlone) {
  const auto decoder = tiny_model();
  const std::vector<SftRow> rows = rows_from(0, 3);
  HindsightMethod method(*decoder, {}, {}, {rows, {}, {}});
  const Sum expected = plain_nll(*decoder, rows);
  const PassResult result =
      method.pass(Split::kTrain, {0, 1, 2}, {.normaliser = expected.tokens});
  EXPECT_NEAR(result.loss.item<double>(), expected.mean(), 1e-5);
  EXPECT_GT(std::abs(plain_nll(*decoder, rows, false).mean() - expected.mean()), 1e-2);
  EXPECT_EQ(method.row_units(Split::kTrain, 0) + method.row_units(Split::kTrain, 1) +
                method.row_units(Split::kTrain, 2),
            static_cast<int64_t>(expected.tokens));
}

TEST(HindsightMethod, DocumentsOfAPackedRowDoNotSeeEachOther) {
  const auto decoder = tiny_model();
  const std::vector<SftRow> apart = rows_from(0, 2);
  SftRow packed = apart[0];
  packed.sequences.push_back(apart[1].sequences[0]);
  HindsightMethod method(*decoder, {}, {}, {{packed}, {}, {}});
  const Sum expected = plain_nll(*decoder, apart);
  const PassResult result = method.pass(Split::kTrain, {0}, {.normaliser = expected.tokens});
  EXPECT_NEAR(result.loss.item<double>(), expected.mean(), 1e-5);
}

TEST(HindsightMethod, PretrainingIsAddedWithItsWeight) {
  const auto decoder = tiny_model();
  const std::vector<SftRow> chains = rows_from(0, 3), text = rows_from(5, 4);
  const HindsightOptions options{.pretrain_weight = 1.5, .pretrain_rows = 2};
  HindsightMethod method(*decoder, {}, options, {chains, {}, text});
  EXPECT_EQ(method.row_count(Split::kTrain), 3);  // the sampler sees the chains alone
  const StepUpdates step = method.begin_step(0, {0, 2}).value();
  ASSERT_EQ(step.rows.size(), 1U);
  ASSERT_EQ(step.rows[0].size(), 4U);
  const std::vector<int64_t>& rows = step.rows[0];
  std::vector<SftRow> read;
  for (size_t i = 2; i < 4; ++i) read.push_back(text[static_cast<size_t>(rows[i] - 3)]);
  const Sum answers = plain_nll(*decoder, {chains[0], chains[2]});
  const Sum words = plain_nll(*decoder, read);
  int64_t units = 0;
  for (int64_t row : rows) units += method.row_units(Split::kTrain, row);
  EXPECT_EQ(units, static_cast<int64_t>(answers.tokens));
  const double expected = answers.mean() + 1.5 * words.mean();
  const PassOptions pass{.normaliser = static_cast<double>(units)};
  const PassResult whole = method.pass(Split::kTrain, rows, pass);
  EXPECT_NEAR(whole.loss.item<double>(), expected, 1e-5);
  EXPECT_NEAR(whole.means.at("pretrain_loss").sum / words.tokens, words.mean(), 1e-5);
  EXPECT_NEAR(whole.means.at("hindsight_loss").sum / answers.tokens, answers.mean(), 1e-5);
  // However the step is cut into passes.
  double sum = 0;
  for (const std::vector<int64_t>& part :
       {std::vector<int64_t>{rows[0], rows[3]}, {rows[1]}, {rows[2]}}) {
    sum += method.pass(Split::kTrain, part, pass).loss.item<double>();
  }
  EXPECT_NEAR(sum, expected, 1e-5);
}

TEST(HindsightMethod, PretrainingGoesThroughAllOfItsRowsBeforeItBeginsAgain) {
  const auto decoder = tiny_model();
  const HindsightOptions options{.pretrain_rows = 3};
  HindsightMethod method(*decoder, {}, options, {rows_from(0, 2), {}, rows_from(5, 6)});
  HindsightMethod resumed(*decoder, {}, options, {rows_from(0, 2), {}, rows_from(5, 6)});
  std::vector<std::vector<int64_t>> orders;
  for (int64_t epoch = 0; epoch < 3; ++epoch) {
    std::vector<int64_t> seen;
    for (int64_t step = 2 * epoch; step < 2 * epoch + 2; ++step) {
      const auto rows = method.begin_step(step, {0}).value().rows[0];
      seen.insert(seen.end(), rows.begin() + 1, rows.end());
    }
    EXPECT_EQ(std::set<int64_t>(seen.begin(), seen.end()), (std::set<int64_t>{2, 3, 4, 5, 6, 7}));
    orders.push_back(seen);
  }
  EXPECT_NE(orders[0], orders[1]);
  // A pure function of the step: nothing of it needs to be in a checkpoint.
  EXPECT_EQ(resumed.begin_step(5, {0}).value().rows[0][3], orders[2].back());
}

TEST(HindsightMethod, MaskingIsForTrainingAloneAndGoesByTheSeed) {
  const auto decoder = tiny_model();
  const std::vector<SftRow> rows = rows_from(0, 3);
  HindsightOptions options;
  options.forgetful = {.low = 0.3, .high = 0.5};
  HindsightMethod method(*decoder, {}, options, {rows, rows, {}});
  const double plain = plain_nll(*decoder, rows).mean();
  const auto loss = [&](Split split, bool training, uint64_t seed) {
    const double units = plain_nll(*decoder, rows).tokens;
    return method
        .pass(split, {0, 1, 2},
              {.normaliser = units, .training = training, .dropout_seed = seed})
        .loss.item<double>();
  };
  EXPECT_NEAR(loss(Split::kEvaluation, false, 1), plain, 1e-5);
  const double one = loss(Split::kTrain, true, 1);
  EXPECT_GT(std::abs(one - plain), 1e-3);
  EXPECT_EQ(loss(Split::kTrain, true, 1), one);
  EXPECT_NE(loss(Split::kTrain, true, 2), one);
}

TEST(HindsightMethod, RecomputedActivationsSeeTheSameMasks) {
  const auto decoder = tiny_model();
  HindsightOptions options;
  options.forgetful = {.low = 0.3, .high = 0.5};
  HindsightMethod method(*decoder, {}, options, {rows_from(0, 3), {}, {}});
  std::vector<std::map<std::string, Tensor>> gradients;
  for (const bool recompute : {false, true}) {
    method
        .pass(Split::kTrain, {0, 1, 2},
              {.normaliser = 30, .recompute = recompute, .dropout_seed = 9})
        .loss.backward();
    gradients.push_back(gradients_of(*decoder));
  }
  for (const auto& [name, gradient] : gradients[0]) {
    EXPECT_LT(relative_difference(gradients[1].at(name), gradient), 1e-6) << name;
  }
}

// The published evaluation returned the metrics of the last training step.
TEST(HindsightMethod, EvaluationHasItsOwnNumbers) {
  const auto decoder = tiny_model();
  const std::vector<SftRow> train = rows_from(0, 3), held_out = rows_from(8, 2);
  HindsightMethod method(*decoder, {}, {}, {train, held_out, {}});
  (void)method.pass(Split::kTrain, {0, 1, 2}, {.normaliser = 3});
  const Sum expected = plain_nll(*decoder, held_out);
  const PassResult result = method.pass(
      Split::kEvaluation, {0, 1}, {.normaliser = expected.tokens, .training = false});
  EXPECT_NEAR(result.loss.item<double>(), expected.mean(), 1e-5);
  EXPECT_GT(std::abs(plain_nll(*decoder, train).mean() - expected.mean()), 1e-3);
}

TEST(HindsightMethod, TheFingerprintCoversAllThreeKindsOfRows) {
  const auto decoder = tiny_model();
  const auto print = [&](size_t a, size_t b, size_t c) {
    return HindsightMethod(*decoder, {}, {}, {rows_from(0, a), rows_from(4, b), rows_from(8, c)})
        .fingerprint();
  };
  const std::set<std::string> prints = {print(2, 2, 2), print(1, 2, 2), print(2, 1, 2),
                                        print(2, 2, 1)};
  EXPECT_EQ(prints.size(), 4U);
}

}  // namespace
}  // namespace attune::engine::train
