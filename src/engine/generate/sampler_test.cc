#include "engine/generate/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>

#include "engine/generate/exponential.h"

namespace attune::engine::generate {
namespace {

// How often each token is drawn in `count` draws.
std::map<int32_t, double> shares(const SamplingOptions& options, const std::vector<float>& logits,
                                 const std::vector<int32_t>& prompt = {}, int count = 20000) {
  std::map<int32_t, double> result;
  for (int i = 0; i < count; ++i) {
    Sampler sampler(options, 0, static_cast<uint64_t>(i), prompt);
    result[sampler.next(logits, {}).id] += 1.0 / count;
  }
  return result;
}

const std::vector<float> kLogits{std::log(0.1f), std::log(0.5f), std::log(0.25f), std::log(0.15f)};

TEST(FastExp, IsTheExponentialFunction) {
  for (float x = -86.9f; x < 20; x += 0.0137f) {
    const double expected = std::exp(static_cast<double>(x));
    EXPECT_NEAR(fast_exp(x) / expected, 1.0, 2.5e-7) << x;
  }
  EXPECT_EQ(fast_exp(-100.0f), 0.0f);
  EXPECT_EQ(fast_exp(-std::numeric_limits<float>::infinity()), 0.0f);
  EXPECT_EQ(fast_exp(0.0f), 1.0f);
}

TEST(Sampler, GreedyTakesTheBestAndItsLogProbability) {
  Sampler sampler({}, 0, 0, {});
  const SampledToken token = sampler.next(kLogits, {});
  EXPECT_EQ(token.id, 1);
  EXPECT_NEAR(token.log_prob, std::log(0.5), 1e-6);
  const std::vector<int32_t> banned{1};
  const SampledToken second = sampler.next(kLogits, banned);
  EXPECT_EQ(second.id, 2);
  EXPECT_NEAR(second.log_prob, std::log(0.25), 1e-6);  // over the whole distribution
}

TEST(Sampler, DrawsInProportion) {
  const auto drawn = shares({.do_sample = true}, kLogits);
  for (const auto& [id, p] : std::map<int32_t, double>{{0, .1}, {1, .5}, {2, .25}, {3, .15}}) {
    EXPECT_NEAR(drawn.at(id), p, 0.015) << id;
  }
}

TEST(Sampler, TemperatureSharpensAndEntersTheLogProbability) {
  const auto drawn = shares({.do_sample = true, .temperature = 0.5}, kLogits);
  const double total = 0.01 + 0.25 + 0.0625 + 0.0225;
  EXPECT_NEAR(drawn.at(1), 0.25 / total, 0.015);
  Sampler sampler({.do_sample = true, .temperature = 0.5, .top_k = 1}, 0, 0, {});
  EXPECT_NEAR(sampler.next(kLogits, {}).log_prob, std::log(0.25 / total), 1e-6);
}

TEST(Sampler, TopKKeepsTies) {
  const auto two = shares({.do_sample = true, .top_k = 2}, kLogits);
  EXPECT_EQ(two.size(), 2u);
  EXPECT_NEAR(two.at(1), 2.0 / 3, 0.015);
  EXPECT_EQ(shares({.do_sample = true, .top_k = 1}, {1, 3, 3, 2}).size(), 2u);
}

TEST(Sampler, TopPKeepsTheSmallestSetThatReachesTheMass) {
  EXPECT_EQ(shares({.do_sample = true, .top_p = 0.4}, kLogits).size(), 1u);
  EXPECT_EQ(shares({.do_sample = true, .top_p = 0.6}, kLogits).size(), 2u);
  const auto three = shares({.do_sample = true, .top_p = 0.8}, kLogits);
  EXPECT_EQ(three.size(), 3u);
  EXPECT_EQ(three.count(0), 0u);
  EXPECT_NEAR(three.at(3), 0.15 / 0.9, 0.015);
}

TEST(Sampler, TopPComesAfterTopK) {
  // Of the two kept, the best has 2/3 of the mass: 0.6 keeps it alone, though it has 0.5 of all.
  EXPECT_EQ(shares({.do_sample = true, .top_k = 2, .top_p = 0.6}, kLogits).size(), 1u);
}

TEST(Sampler, MinPIsRelativeToTheBest) {
  const auto drawn = shares({.do_sample = true, .min_p = 0.4}, kLogits);
  EXPECT_EQ(drawn.size(), 2u);
  EXPECT_EQ(drawn.count(2), 1u);
}

TEST(Sampler, RepetitionPenaltyWeighsWhatWasSeen) {
  const std::vector<int32_t> prompt{1, 3};
  Sampler sampler({.repetition_penalty = 2.0}, 0, 0, prompt);
  EXPECT_EQ(sampler.next(std::vector<float>{1.5f, 2.0f, 1.2f, 0.1f}, {}).id, 0);
  // 0 is seen now; negative logits are multiplied.
  EXPECT_EQ(sampler.next(std::vector<float>{-1.0f, -0.9f, -1.5f, -3.0f}, {}).id, 2);
}

TEST(Sampler, IsFixedBySeedStreamAndIndex) {
  const auto chain = [](uint64_t seed, uint64_t stream, uint64_t index) {
    Sampler sampler({.do_sample = true, .seed = seed}, stream, index, {});
    std::vector<int32_t> ids;
    for (int i = 0; i < 40; ++i) ids.push_back(sampler.next(kLogits, {}).id);
    return ids;
  };
  EXPECT_EQ(chain(1, 2, 3), chain(1, 2, 3));
  EXPECT_NE(chain(1, 2, 3), chain(2, 2, 3));
  EXPECT_NE(chain(1, 2, 3), chain(1, 3, 3));
  EXPECT_NE(chain(1, 2, 3), chain(1, 2, 4));
}

TEST(Sampler, LogProbabilityIsExactOverALargeVocabulary) {
  std::vector<float> logits(50000);
  double total = 0;
  for (size_t i = 0; i < logits.size(); ++i) {
    logits[i] = 8 * std::sin(static_cast<float>(i));
    total += std::exp(static_cast<double>(logits[i]));
  }
  Sampler sampler({}, 0, 0, {});
  const SampledToken token = sampler.next(logits, {});
  const double expected =
      static_cast<double>(logits[static_cast<size_t>(token.id)]) - std::log(total);
  EXPECT_NEAR(token.log_prob, expected, 2e-6);
}

TEST(Sampler, SaysThatLogitsAreNoNumbers) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const bool do_sample : {false, true}) {
    Sampler sampler({.do_sample = do_sample}, 0, 0, {});
    EXPECT_FALSE(std::isfinite(sampler.next(std::vector<float>{nan, nan}, {}).log_prob));
  }
}

TEST(SamplingOptions, RefusesValuesOutOfRange) {
  EXPECT_TRUE(validate({}).ok());
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const SamplingOptions& options : std::initializer_list<SamplingOptions>{
           {.temperature = 0}, {.temperature = nan}, {.top_k = -1}, {.top_p = 0}, {.top_p = 1.5},
           {.min_p = -0.1}, {.min_p = 2}, {.repetition_penalty = 0}}) {
    EXPECT_FALSE(validate(options).ok());
  }
}

}  // namespace
}  // namespace attune::engine::generate
