// Whether a reward model learns what people mean: rankings whose truth is known, by a lexicon of
// how good words sound, with the noise of people on top. One word is one token, the model is small
// and starts from nothing, so that a run takes seconds and what is measured is the method.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <sstream>

#include "base/file.h"
#include "base/random.h"
#include "engine/models/score_head.h"
#include "engine/tensor/threads.h"
#include "engine/train/reward/reward_method.h"
#include "engine/train/reward/reward_rows.h"
#include "engine/train/trainer.h"
#include "tests/support/test_paths.h"

namespace attune::engine::train {
namespace {

constexpr int32_t kEnd = 0;
constexpr size_t kWords = 300;        // of the lexicon; the ids after it are words of no feeling
constexpr uint64_t kVocabulary = 400;
constexpr size_t kAnswers = 4;
constexpr double kNoise = 0.12;        // scale of what a person adds, in units of the score

// Mean valences of the lower-case words of a lexicon (word, tab, valence).
std::vector<double> lexicon(const std::string& path) {
  std::vector<double> valences;
  std::istringstream lines(read_file(path).value());
  for (std::string line; std::getline(lines, line);) {
    const size_t tab = line.find('\t');
    const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
    if (tab == std::string::npos || tab == 0) continue;
    if (!std::all_of(line.begin(), line.begin() + static_cast<std::ptrdiff_t>(tab), is_letter)) {
      continue;
    }
    valences.push_back(std::stod(line.substr(tab + 1)));
  }
  EXPECT_GE(valences.size(), 90U) << path;
  std::vector<double> chosen;  // from all over the alphabet
  for (size_t i = 0; i < kWords; ++i) {
    chosen.push_back(valences[i * valences.size() / kWords]);
  }
  return chosen;
}

class Annotations {
 public:
  Annotations(uint64_t seed, const std::string& path) : random_(seed), valences_(lexicon(path)) {}

  // One ranking: answers of 4 to 16 words, ordered by their valence, s / sqrt(s^2 + 15) as VADER
  // brings a sum into [-1, 1], plus what a person makes of it (Gumbel, as Plackett and Luce).
  TreeRow ranking() {
    TreeRow row;
    row.form = data::Form::kRanking;
    row.tree.prompt = {word(), word()};
    std::vector<double> worth;
    for (size_t k = 0; k < kAnswers; ++k) {
      std::vector<int32_t> ids;
      double sum = 0;
      for (uint64_t left = 4 + random_.below(13); left > 0; --left) {
        ids.push_back(word());
        const auto rank = static_cast<size_t>(ids.back());
        if (rank <= kWords) sum += valences_[rank - 1];
      }
      ids.push_back(kEnd);
      row.tree.branches.push_back({std::move(ids), 0});
      const double gumbel = -std::log(-std::log(random_.uniform() + 1e-12));
      worth.push_back(sum / std::sqrt(sum * sum + 15) + kNoise * gumbel);
    }
    for (double own : worth) {
      const auto better = std::count_if(worth.begin(), worth.end(),
                                        [&](double other) { return other > own; });
      row.ranks.push_back(1 + static_cast<int>(better));
    }
    row.name = {"generated", ++count_};
    return row;
  }

  std::vector<TreeRow> rankings(size_t count) {
    std::vector<TreeRow> rows;
    for (size_t i = 0; i < count; ++i) rows.push_back(ranking());
    return rows;
  }

 private:
  int32_t word() { return static_cast<int32_t>(1 + random_.below(kVocabulary - 1)); }

  Random random_;
  std::vector<double> valences_;
  int64_t count_ = 0;
};

std::unique_ptr<models::Decoder> new_model() {
  const Json config = {{"model_type", "llama"},       {"vocab_size", kVocabulary},
                       {"hidden_size", 32},           {"intermediate_size", 64},
                       {"num_hidden_layers", 2},      {"num_attention_heads", 4},
                       {"num_key_value_heads", 2},    {"max_position_embeddings", 64},
                       {"tie_word_embeddings", true}, {"rms_norm_eps", 1e-5}};
  const auto scored = models::with_score_head(models::decoder_config(config).value());
  return models::Decoder::random(*scored, 1, 0.05, {.trainable = true});
}

// Trained for one epoch on these rows, so many a step; what it is worth on the others.
RewardEvaluation learn(std::vector<TreeRow> rows, int64_t rows_a_step,
                       const std::vector<TreeRow>& held_out) {
  set_compute_threads(1);
  const auto decoder = new_model();
  TreeMethodOptions tree;
  tree.batch = {.log_probs = false, .scores = true};
  RewardMethod method(*decoder, {}, tree, std::move(rows), held_out);
  const TemporaryDirectory run;
  TrainerSetup setup;
  setup.run_directory = run.path();
  setup.config = {{"per_device_train_batch_size", rows_a_step}, {"num_train_epochs", 1},
                  {"learning_rate", 5e-3},                      {"warmup_steps", 10},
                  {"save_strategy", "no"},                      {"logging_steps", 1e9}};
  setup.options = read_training_options(setup.config).value();
  setup.plan.threads = 1;
  for (const nn::Parameter& parameter : decoder->parameters().trainable()) {
    setup.parameters.push_back({parameter.name, parameter.tensor});
  }
  const auto trainer = Trainer::create(std::move(setup), method).value();
  EXPECT_TRUE(trainer->run().ok());
  EXPECT_TRUE(method.evaluate().ok());
  return *method.evaluation();
}

// The same rows judged by length alone.
RewardEvaluation by_length(const std::vector<TreeRow>& rows) {
  std::vector<const TreeRow*> pointers;
  std::vector<std::vector<double>> lengths;
  for (const TreeRow& row : rows) {
    pointers.push_back(&row);
    lengths.emplace_back();
    for (const models::TokenBranch& branch : row.tree.branches) {
      lengths.back().push_back(static_cast<double>(branch.completion_tokens()));
    }
  }
  return evaluate_rewards(pointers, lengths);
}

std::vector<TreeRow> pairs_of(const std::vector<TreeRow>& rows, feedback::PairRule rule) {
  std::vector<TreeRow> pairs;
  feedback::PairOptions options{.rule = rule, .seed = 3};
  for (size_t i = 0; i < rows.size(); ++i) {
    options.ranking = i;
    for (TreeRow& pair : rows_of_pairs(rows[i], options)) pairs.push_back(std::move(pair));
  }
  return pairs;
}

int64_t tokens_of(const std::vector<TreeRow>& rows) {
  return std::accumulate(rows.begin(), rows.end(), int64_t{0},
                         [](int64_t sum, const TreeRow& row) { return sum + row.tree.tokens(); });
}

// Beside whole rankings: one comparison a prompt, as data sets of pairs have it (the best answer
// against one of the others), in as many steps; and all comparisons of the rankings as rows of
// their own, shuffled, as many of them a step as the rankings of a step have.
void expect_rankings_are_best(const std::string& lexicon_path) {
  constexpr int64_t kRankingsAStep = 16, kPairsOfARanking = kAnswers * (kAnswers - 1) / 2;
  Annotations people(17, lexicon_path);
  const std::vector<TreeRow> rows = people.rankings(2000), held_out = people.rankings(500);
  const std::vector<TreeRow> one_each = pairs_of(rows, feedback::PairRule::kBestVsRandom);
  const std::vector<TreeRow> all = pairs_of(rows, feedback::PairRule::kAll);
  const auto accuracy = [](const RewardEvaluation& found) { return *found.pairs.interval; };
  const feedback::Interval ranked = accuracy(learn(rows, kRankingsAStep, held_out));
  const feedback::Interval paired = accuracy(learn(one_each, kRankingsAStep, held_out));
  const feedback::Interval apart =
      accuracy(learn(all, kRankingsAStep * kPairsOfARanking, held_out));
  const feedback::Interval length = accuracy(by_length(held_out));
  const auto show = [](const char* what, const feedback::Interval& found) {
    std::printf("held-out accuracy, %s: %.3f (%.3f to %.3f)\n", what, found.estimate, found.low,
                found.high);
  };
  show("K-wise", ranked);
  show("one pair a prompt", paired);
  show("all pairs as rows", apart);
  show("the longer one", length);
  EXPECT_GT(ranked.low, 0.5);
  EXPECT_GT(ranked.low, length.high);
  EXPECT_GT(ranked.low, paired.high);
  // The same comparisons: as good a model from under half of the tokens.
  EXPECT_GT(ranked.high, apart.low);
  EXPECT_LT(2 * tokens_of(rows), tokens_of(all));
}

TEST(RewardLearning, RankingsBeatChanceLengthAndPairsOfTheSamePrompts) {
  expect_rankings_are_best(testing::source_path("tests/support/valences.tsv"));
}

TEST(RewardLearning, TheSameWithVadersLexicon) {
  SKIP_WITHOUT_SAMPLE(path, "lexicons/vader_lexicon.txt");
  expect_rankings_are_best(path);
}

}  // namespace
}  // namespace attune::engine::train
