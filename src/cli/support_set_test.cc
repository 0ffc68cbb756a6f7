// The instruction set of examples/support keeps what its README says.
#include <gtest/gtest.h>

#include <set>

#include "base/file.h"
#include "base/json.h"
#include "cli/rubric.h"
#include "cli/rubric_text.h"
#include "weights/model_files.h"
#include "tests/support/test_paths.h"

namespace attune::cli {
namespace {

std::vector<Json> rows_of(const std::string& name) {
  std::string text = read_file(testing::source_path("examples/support/" + name)).value();
  std::vector<Json> rows;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = text.find('\n', begin);
    rows.push_back(parse_json(text.substr(begin, end - begin)).value());
    begin = end + 1;
  }
  return rows;
}

std::vector<Json> pairs() {
  std::vector<Json> rows = rows_of("train.jsonl");
  for (Json& row : rows_of("eval.jsonl")) rows.push_back(row);
  return rows;
}

std::string prompt_of(const Json& row) { return row["prompt"][0]["content"]; }
std::string answer_of(const Json& row) { return row["completion"][0]["content"]; }

TEST(SupportSetTest, HasThreeHundredPairsOfSixtyIntents) {
  std::set<std::string> ids, intents, prompts;
  for (const Json& row : pairs()) {
    ids.insert(row["id"]);
    intents.insert(row["intent"]);
    prompts.insert(prompt_of(row));
    ASSERT_EQ(row["prompt"].size(), 1u) << row["id"];
    EXPECT_EQ(row["prompt"][0]["role"], "user") << row["id"];
    EXPECT_EQ(row["completion"][0]["role"], "assistant") << row["id"];
  }
  EXPECT_GE(pairs().size(), 300u);
  EXPECT_EQ(ids.size(), pairs().size());
  EXPECT_EQ(prompts.size(), pairs().size()) << "no prompt comes twice";
  EXPECT_GE(intents.size(), 60u);
}

TEST(SupportSetTest, HeldOutRowsAreNotTrainedOn) {
  std::set<std::string> trained;
  for (const Json& row : rows_of("train.jsonl")) trained.insert(lower_case(prompt_of(row)));
  std::set<std::string> intents;
  for (const Json& row : rows_of("eval.jsonl")) {
    EXPECT_TRUE(intents.insert(row["intent"]).second) << "at most one of an intent";
  }
  EXPECT_EQ(intents.size(), 24u);
  std::vector<Json> questions = rows_of("heldout.jsonl");
  EXPECT_EQ(questions.size(), 10u);
  EXPECT_EQ(prompt_of(questions[0]),
            "Can you write an email answering what the HTTP Error 500 means?");
  for (const Json& row : questions) {
    EXPECT_FALSE(trained.contains(lower_case(prompt_of(row)))) << row["id"];
    for (const Json& pair : pairs()) {
      EXPECT_LE(shared_ngrams(prompt_of(row), prompt_of(pair), 5), 0.3) << row["id"] << pair["id"];
    }
  }
}

TEST(SupportSetTest, EveryAnswerKeepsToTheHouseStyle) {
  for (const Json& row : pairs()) {
    std::string text = answer_of(row);
    EXPECT_EQ(polite_points(text), 2) << row["id"];
    EXPECT_EQ(format_points(text), 2) << row["id"];
    EXPECT_EQ(step_points(text), 2) << row["id"];
    EXPECT_EQ(follow_up_points(text), 2) << row["id"];
    EXPECT_TRUE(text.ends_with("\nThe Support Team")) << row["id"];
    EXPECT_EQ(text.find('!'), std::string::npos) << row["id"];
  }
}

TEST(SupportSetTest, NoTwoAnswersShareThirtyPercentOfTheirEightGrams) {
  std::vector<Json> rows = pairs();
  std::vector<std::set<std::string>> ngrams;
  for (const Json& row : rows) ngrams.push_back(ngrams_of(answer_of(row), 8));
  double worst = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    for (size_t j = i + 1; j < rows.size(); ++j) {
      size_t common = 0;
      for (const std::string& ngram : ngrams[i]) common += ngrams[j].count(ngram);
      double share = static_cast<double>(common) /
                     static_cast<double>(std::min(ngrams[i].size(), ngrams[j].size()));
      worst = std::max(worst, share);
      EXPECT_LE(share, 0.3) << rows[i]["id"] << rows[j]["id"];
    }
  }
  RecordProperty("worst_share", std::to_string(worst));
}

TEST(SupportSetTest, AnswersHaveAboutOneHundredAndSixtyTokens) {
  auto path = testing::smollm2_path();
  if (!path) GTEST_SKIP() << "SmolLM2 absent: set ATTUNE_SMOLLM2 or run make setup";
  weights::ModelFiles files =
      weights::ModelFiles::open(*path, weights::ModelFiles::Parts::kTokenizer).value();
  text::Tokenizer tokenizer = weights::load_tokenizer(files).value();
  double sum = 0;
  for (const Json& row : pairs()) {
    size_t count = tokenizer.encode(answer_of(row)).size();
    EXPECT_GE(count, 120u) << row["id"];
    EXPECT_LE(count, 200u) << row["id"];
    sum += static_cast<double>(count);
  }
  EXPECT_NEAR(sum / static_cast<double>(pairs().size()), 165, 10);
}

}  // namespace
}  // namespace attune::cli
