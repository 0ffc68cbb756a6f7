// Dawid-Skene and MACE, which go over patterns of votes and take long steps, beside the plain
// expectation maximisation (aggregation_reference.h), which does not.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "feedback/aggregation_reference.h"
#include "feedback/squared_steps.h"
#include "feedback/vote_patterns.h"

namespace attune::feedback {
namespace {

double largest_difference(const std::vector<std::vector<double>>& a,
                          const std::vector<std::vector<double>>& b) {
  EXPECT_EQ(a.size(), b.size());
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    for (size_t k = 0; k < a[i].size(); ++k) {
      largest = std::max(largest, std::abs(a[i][k] - b[i].at(k)));
    }
  }
  return largest;
}

TEST(VotePatterns, CountItemsOfTheSameVotesWhateverTheirOrder) {
  const std::vector<Vote> votes = {{4, 1, 2}, {0, 0, 1}, {0, 1, 2}, {4, 0, 1}, {2, 1, 2},
                                   {5, 0, 2}, {5, 1, 1}, {1, 1, 2}};
  const VotePatterns found = vote_patterns(votes, {6, 2, 3}).value();
  const uint32_t none = VotePatterns::kNoVotes;
  EXPECT_EQ(found.pattern_of, (std::vector<uint32_t>{0, 1, 1, none, 0, 2}));
  EXPECT_EQ(found.items, (std::vector<double>{2, 2, 1}));
  EXPECT_EQ(found.starts, (std::vector<size_t>{0, 2, 3, 5}));
  EXPECT_EQ(found.cells, (std::vector<VoteCell>{1, 5, 5, 2, 4}));
  std::vector<Vote> turned(votes.rbegin(), votes.rend());
  EXPECT_EQ(vote_patterns(turned, {6, 2, 3}).value().cells, found.cells);
  const std::vector<double> posteriors = {0.1, 0.2, 0.7, 0.3, 0.3, 0.4, 0.5, 0.5, 0};
  const std::vector<double> without = {0.6, 0.2, 0.2};
  EXPECT_EQ(by_item(found, posteriors, without),
            (std::vector<std::vector<double>>{{0.1, 0.2, 0.7}, {0.3, 0.3, 0.4}, {0.3, 0.3, 0.4},
                                              {0.6, 0.2, 0.2}, {0.1, 0.2, 0.7}, {0.5, 0.5, 0}}));
  EXPECT_FALSE(vote_patterns({}, {6, 2, 3}).ok());
  EXPECT_FALSE(vote_patterns(votes, {6, int64_t{1} << 32, 3}).ok());
}

struct Drawn {
  VoteSpace space;
  std::vector<Vote> votes;
};
// Few items and raters, two to nine categories: many equal items, and some without votes.
Drawn draw(uint64_t seed, double least) {
  Random random(seed);
  Drawn drawn;
  drawn.space = {40 + static_cast<int64_t>(random.below(200)),
                 4 + static_cast<int64_t>(random.below(6)), 2 + static_cast<int>(random.below(8))};
  drawn.votes = drawn_votes(random, drawn.space, 3, least);
  std::erase_if(drawn.votes, [](const Vote& vote) { return vote.item % 37 == 5; });
  return drawn;
}

TEST(DawidSkene, IsThePlainIterationsSooner) {
  int64_t iterations = 0, plain_iterations = 0;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    const Drawn drawn = draw(seed, 0.5);
    for (const double smoothing : {0.01, 0.5}) {
      SCOPED_TRACE(fmt::format("seed {}, smoothing {}", seed, smoothing));
      const DawidSkeneOptions options{
          .smoothing = smoothing, .iterations_max = 20000, .tolerance = 1e-11};
      const auto found = dawid_skene(drawn.votes, drawn.space, options).value();
      const auto plain = plain_dawid_skene(drawn.votes, drawn.space, options);
      EXPECT_TRUE(found.converged && plain.converged);
      EXPECT_LT(largest_difference(found.posteriors, plain.posteriors), 1e-7);
      EXPECT_LT(largest_difference({found.class_shares}, {plain.class_shares}), 1e-7);
      for (size_t rater = 0; rater < plain.confusion.size(); ++rater) {
        EXPECT_LT(largest_difference(found.confusion[rater], plain.confusion[rater]), 1e-7);
      }
      EXPECT_NEAR(found.log_likelihood, plain.log_likelihood,
                  1e-9 * std::abs(plain.log_likelihood));
      iterations += found.iterations;
      plain_iterations += plain.iterations;
    }
  }
  EXPECT_LT(2 * iterations, plain_iterations);
}

TEST(DawidSkene, StepsAreThePlainOnesUntilTheySettle) {
  const Drawn drawn = draw(3, 0.3);
  std::vector<std::vector<double>> before;
  for (const int64_t steps : {1, 2, 3, 4, 5, 6, 7, 8}) {
    SCOPED_TRACE(steps);
    const DawidSkeneOptions options{.iterations_max = steps};
    const auto found = dawid_skene(drawn.votes, drawn.space, options).value();
    const auto plain = plain_dawid_skene(drawn.votes, drawn.space, options);
    if (steps > 1) {
      EXPECT_GT(largest_difference(plain.posteriors, before), 1e-3);
    }
    before = plain.posteriors;
    EXPECT_EQ(found.iterations, steps);
    EXPECT_FALSE(found.converged);
    EXPECT_LT(largest_difference(found.posteriors, plain.posteriors), 1e-12);
    EXPECT_NEAR(found.log_likelihood, plain.log_likelihood, 1e-9);
  }
}

// A thousand people on each of a few items: products of their probabilities leave a double's range.
TEST(VoteModels, ManyVotesOnOneItem) {
  Random random(11);
  const VoteSpace space{12, 1500, 4};
  const std::vector<Vote> votes = drawn_votes(random, space, 1400, 0.0);
  const DawidSkeneOptions few{.smoothing = 0.5, .iterations_max = 2};
  const auto found = dawid_skene(votes, space, few).value();
  const auto plain = plain_dawid_skene(votes, space, few);
  EXPECT_LT(plain.log_likelihood, -5000);
  EXPECT_NEAR(found.log_likelihood, plain.log_likelihood, 1e-7);
  EXPECT_LT(largest_difference(found.posteriors, plain.posteriors), 1e-9);
  const MaceOptions mace_options{.restarts = 3, .iterations_max = 40, .smoothing = 0.1};
  const auto mace_found = mace(votes, space, mace_options).value();
  const auto mace_plain = plain_mace(votes, space, mace_options);
  EXPECT_NEAR(mace_found.log_likelihood, mace_plain.log_likelihood, 1e-6);
  EXPECT_LT(largest_difference(mace_found.posteriors, mace_plain.posteriors), 1e-9);
}

// Hardly anybody errs, and of those who judge the last item 115 say 0, the next 125 say 1: what a
// class has lost to the first it wins back from the others.
TEST(VoteModels, AClassThatAllButVanishesMayStillWin) {
  constexpr int64_t kClear = 1400;  // items on which all agree
  const VoteSpace space{kClear + 1, 240, 2};
  std::vector<Vote> votes;
  for (int64_t rater = 0; rater < space.raters; ++rater) {
    for (int64_t item = 0; item < kClear; ++item) {
      votes.push_back({item, rater, static_cast<int>(item % 2)});
    }
    votes.push_back({kClear, rater, rater < 115 ? 0 : 1});
  }
  const DawidSkeneOptions options{.smoothing = 0.01, .iterations_max = 6};
  const auto found = dawid_skene(votes, space, options).value();
  EXPECT_GT(found.posteriors[kClear][1], 0.999);
  const auto plain = plain_dawid_skene(votes, space, options);
  EXPECT_LT(largest_difference(found.posteriors, plain.posteriors), 1e-9);
  EXPECT_NEAR(found.log_likelihood, plain.log_likelihood, 1e-7);
}

// Each item by people who say nothing else: some cells of the matrices are 0 and stay so.
TEST(VoteModels, WithoutSmoothing) {
  for (uint64_t seed = 100; seed < 110; ++seed) {
    const Drawn drawn = draw(seed, 0.7);
    const DawidSkeneOptions options{.smoothing = 0, .iterations_max = 5};
    const auto found = dawid_skene(drawn.votes, drawn.space, options).value();
    const auto plain = plain_dawid_skene(drawn.votes, drawn.space, options);
    EXPECT_LT(largest_difference(found.posteriors, plain.posteriors), 1e-9);
    EXPECT_NEAR(found.log_likelihood, plain.log_likelihood, 1e-8);
  }
}

// Habits of those who hardly ever spam are what rounding leaves of them.
std::vector<std::vector<double>> said_as_spam(const Mace& mace) {
  std::vector<std::vector<double>> said = mace.habits;
  for (size_t rater = 0; rater < said.size(); ++rater) {
    for (double& habit : said[rater]) habit *= mace.spamming[rater];
  }
  return said;
}

TEST(Mace, EqualsThePlainIteration) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const Drawn drawn = draw(seed, 0.4);
    for (const double smoothing : {0.0, 0.1}) {
      SCOPED_TRACE(fmt::format("seed {}, smoothing {}", seed, smoothing));
      const MaceOptions options{.restarts = 4, .iterations_max = 60, .tolerance = 0,
                                .smoothing = smoothing, .seed = seed};
      const auto found = mace(drawn.votes, drawn.space, options).value();
      const auto plain = plain_mace(drawn.votes, drawn.space, options);
      EXPECT_NEAR(found.log_likelihood, plain.log_likelihood, 1e-6);
      EXPECT_EQ(found.iterations, plain.iterations);
      EXPECT_LT(largest_difference(found.posteriors, plain.posteriors), 1e-6);
      EXPECT_LT(largest_difference({found.spamming}, {plain.spamming}), 1e-6);
      EXPECT_LT(largest_difference(said_as_spam(found), said_as_spam(plain)), 1e-6);
    }
  }
}

// x -> A x with eigenvalues 0.99 and 0.5: a plain step leaves 99 % of the distance to 0.
TEST(SquaredSteps, ReachTheFixedPointInFewerSteps) {
  SquaredSteps steps([](SquaredSteps::Point&, const SquaredSteps::Point&) {});
  SquaredSteps::Point point = {1.0, 1.0}, image;
  int evaluations = 0;
  for (; std::abs(point[0]) > 1e-9; ++evaluations) {
    ASSERT_LT(evaluations, 100) << "plain steps would take two thousand";
    image = {0.99 * point[0], 0.5 * point[1]};
    const double objective = -(point[0] * point[0] + point[1] * point[1]);
    steps.advance(point, image, objective, true);
  }
}

TEST(SquaredSteps, TakeBackAStepThatLowersTheObjective) {
  SquaredSteps steps([](SquaredSteps::Point&, const SquaredSteps::Point&) {});
  SquaredSteps::Point point = {1.0}, image = {0.9};
  EXPECT_TRUE(steps.advance(point, image, 1, true));
  image = {0.82};
  EXPECT_TRUE(steps.advance(point, image, 2, true));  // not longer than one step at first
  EXPECT_EQ(point[0], 0.82);
  image = {0.756};
  EXPECT_FALSE(steps.advance(point, image, 3, true));
  EXPECT_NEAR(point[0], 0.9 - 2 * 4 * 0.08 + 4 * 4 * 0.016, 1e-12);  // then than four
  image = {0.4};
  EXPECT_FALSE(steps.advance(point, image, 2.9, true));
  EXPECT_EQ(point[0], 0.756);  // the plain step that the long one replaced
  image = {0.7};
  EXPECT_TRUE(steps.advance(point, image, 3.1, true));
  EXPECT_EQ(point[0], 0.7);
}

TEST(SquaredSteps, TakeBackAStepToWhereNothingIsLikely) {
  for (const double worst : {-std::numeric_limits<double>::infinity(),
                             std::numeric_limits<double>::quiet_NaN()}) {
    SquaredSteps steps([](SquaredSteps::Point&, const SquaredSteps::Point&) {});
    SquaredSteps::Point point = {1.0}, image = {0.9};
    steps.advance(point, image, 1, true);
    image = {0.82};
    steps.advance(point, image, 2, true);
    image = {0.756};
    EXPECT_FALSE(steps.advance(point, image, 3, true));
    image = {0.4};
    EXPECT_FALSE(steps.advance(point, image, worst, true));
    EXPECT_EQ(point[0], 0.756);
  }
}

}  // namespace
}  // namespace attune::feedback
