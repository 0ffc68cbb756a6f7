// Importers on real files: what is known of them in numbers.
#include <gtest/gtest.h>

#include <map>

#include "base/file.h"
#include "data/import_fixture.h"
#include "data/judged_rows.h"
#include "data/row_faults.h"
#include "feedback/rankings_to_pairs.h"
#include "tests/support/test_paths.h"

namespace attune::data {
namespace {

Imported import_file(const std::string& path) {
  return import_text(read_file(path).value());
}

TEST(ImportSample, OasstTreesAndMessagesAreOne) {
  SKIP_WITHOUT_SAMPLE(trees_path, "oasst/en_100_tree.jsonl");
  SKIP_WITHOUT_SAMPLE(messages_path, "oasst/en_100_message.jsonl");
  const Imported trees = import_file(trees_path);
  const Imported messages = import_file(messages_path);
  EXPECT_EQ(trees.report.rows_read, 100);
  ASSERT_EQ(trees.examples.size(), 212u);
  ASSERT_EQ(messages.examples.size(), 212u);
  size_t pairs = 0;
  std::map<size_t, int> sizes;
  for (size_t i = 0; i < trees.examples.size(); ++i) {
    const Example& one = trees.examples[i];
    EXPECT_EQ(row_text(one), row_text(messages.examples[i]));
    EXPECT_FALSE(find_row_fault(one).has_value());
    const auto made = feedback::pairs_of_ranking(one.ranks, {}).value();
    pairs += made.size();
    size_t ranked = 0;
    for (const auto& rank : one.ranks) ranked += rank.has_value();
    ++sizes[ranked];
  }
  EXPECT_EQ(pairs, 754u);
  EXPECT_EQ(sizes,
            (std::map<size_t, int>{{2, 57}, {3, 117}, {4, 27}, {5, 3}, {6, 6}, {8, 1}, {9, 1}}));
  EXPECT_EQ(trees.report.dropped.at("fewer than two ranked replies").count, 2);
  EXPECT_EQ(trees.examples[0].source->generated_by, "chip20b");
  EXPECT_EQ(to_line(to_json(trees.examples[0])["ranks"]), "[1,2,3]");
}

TEST(ImportSample, HhRlhf) {
  SKIP_WITHOUT_SAMPLE(packed, "hh-rlhf/harmless-base-test.jsonl.gz");
  SKIP_WITHOUT_SAMPLE(mild, "hh-rlhf/harmless-base-mild.jsonl");
  SKIP_WITHOUT_SAMPLE(helpful, "hh-rlhf/helpful-200.jsonl");
  SKIP_WITHOUT_SAMPLE(split, "hh-rlhf/sample_rm_data.concatenated.jsonl");
  const Imported all = import_file(packed);
  EXPECT_EQ(all.report.rows_read, 2312);
  EXPECT_EQ(all.report.examples, 2307);
  EXPECT_EQ(all.report.dropped.at("the transcripts part before the last answer").count, 5);
  const Imported first = import_file(mild);
  EXPECT_EQ(first.report.rows_read, 798);
  EXPECT_EQ(first.report.examples, 797);
  EXPECT_EQ(first.report.dropped.at("the transcripts part before the last answer").count, 1);
  EXPECT_EQ(import_file(helpful).report.examples, 200);
  const Imported pieces = import_file(split);
  EXPECT_EQ(pieces.report.rows_read, 100);
  EXPECT_EQ(pieces.report.examples, 100);
  // The first hundred of the 200 are these, joined again.
  const Imported joined = import_file(helpful);
  for (size_t i = 0; i < 100; ++i) {
    EXPECT_EQ(to_line(to_json(joined.examples[i])["chosen"]),
              to_line(to_json(pieces.examples[i])["chosen"]));
    EXPECT_EQ(to_line(to_json(joined.examples[i])["prompt"]),
              to_line(to_json(pieces.examples[i])["prompt"]));
  }
}

TEST(ImportSample, PandaLm) {
  SKIP_WITHOUT_SAMPLE(path, "pandalm/testset-v1.json");
  const Imported read = import_file(path);
  EXPECT_EQ(read.report.rows_read, 999);
  EXPECT_EQ(read.report.examples, 3 * 999);
  EXPECT_EQ(read.report.notes.at("a response that is true or false was read as a text").count, 6);
  EXPECT_EQ(read.report.notes.at("an empty answer").count, 54);
  std::map<std::string, int> votes;  // of the first annotator
  JudgedRows judged;
  for (const Example& one : read.examples) {
    judged.add(one);
    if (one.annotator == "annotator1") ++votes[to_line(to_json(one)["ranks"])];
  }
  // 2482 of 2620 by item; items of the same two texts are one question here.
  const auto people =
      feedback::pair_agreement(judged.comparisons(), feedback::RaterPairs::kDifferent);
  EXPECT_NEAR(people.rate->estimate, 0.947, 0.005);
  EXPECT_EQ(votes, (std::map<std::string, int>{{"[1,1]", 97}, {"[1,2]", 427}, {"[2,1]", 475}}));
}

TEST(ImportSample, SummarizeFromFeedback) {
  SKIP_WITHOUT_SAMPLE(comparisons, "summarize-from-feedback/comparisons-readme.jsonl");
  SKIP_WITHOUT_SAMPLE(evaluations, "summarize-from-feedback/axis_evals-readme.jsonl");
  const Imported pairs = import_file(comparisons);
  ASSERT_EQ(pairs.examples.size(), 1u);
  EXPECT_EQ(pairs.examples[0].extra["choice"], 1);
  EXPECT_EQ(pairs.examples[0].extra["confidence"], 8);
  EXPECT_TRUE(std::get<std::string>(*pairs.examples[0].chosen).starts_with(" we suspect"));
  const Imported judged = import_file(evaluations);
  ASSERT_EQ(judged.examples.size(), 1u);
  EXPECT_EQ(to_line(to_json(judged.examples[0])["axes"]),
            R"({"overall":3.0,"accuracy":5.0,"coverage":4.0,"coherence":2.0})");
}

// Every row gives an example, and the columns alone say what the file is.
void expect_whole(const Imported& read, const char* format, int64_t rows) {
  EXPECT_EQ(read.format, format);
  EXPECT_EQ(read.report.rows_read, rows);
  EXPECT_EQ(read.report.examples, rows);
  EXPECT_TRUE(read.report.dropped.empty());
}

const std::string& first_text(const std::optional<Content>& content) {
  return std::get<Messages>(*content).front().content;
}

TEST(ImportSample, AlpacaAndGpTeacher) {
  SKIP_WITHOUT_SAMPLE(gsm8k, "gsm8k-alpaca/gsm8k-train-1000.json");
  SKIP_WITHOUT_SAMPLE(roleplay, "gpteacher/roleplay-400.json");
  SKIP_WITHOUT_SAMPLE(codegen, "gpteacher/codegen-300.json");
  SKIP_WITHOUT_SAMPLE(toolformer, "gpteacher/toolformer-40-plus-odd.json");
  const Imported alpaca = import_file(gsm8k);
  expect_whole(alpaca, "alpaca", 1000);
  for (const Example& one : alpaca.examples) {  // no input: nothing was put behind the question
    EXPECT_EQ(first_text(one.prompt).find("\n\n"), std::string::npos);
  }
  expect_whole(import_file(roleplay), "gpteacher", 400);
  const Imported code = import_file(codegen);
  expect_whole(code, "gpteacher", 300);
  EXPECT_EQ(first_text(code.examples[0].prompt),
            "Write a C++ program that calculates the area of a rectangle, given its width and "
            "height.\n\nwidth: 5, height: 8");
  const Imported tools = import_file(toolformer);
  expect_whole(tools, "gpteacher", 41);
  int64_t odd = 0;
  for (const Example& one : tools.examples) odd += one.extra.contains("example_input");
  EXPECT_EQ(odd, 1);
}

TEST(ImportSample, DollyAndSelfInstruct) {
  SKIP_WITHOUT_SAMPLE(dolly_path, "dolly/dolly-100.jsonl");
  SKIP_WITHOUT_SAMPLE(seeds_path, "self-instruct/seed_tasks.jsonl");
  SKIP_WITHOUT_SAMPLE(users_path, "self-instruct/user_oriented_instructions.jsonl");
  const Imported dolly = import_file(dolly_path);
  expect_whole(dolly, "dolly", 100);
  int64_t fish = 0;
  for (const Example& one : dolly.examples) {
    fish += first_text(one.prompt) == "Which is a species of fish? Tope or Rope" &&
            first_text(one.completion) == "Tope";
    EXPECT_FALSE(one.extra.contains("category"));
  }
  EXPECT_EQ(fish, 1);
  const Imported seeds = import_file(seeds_path);
  expect_whole(seeds, "self_instruct", 175);
  EXPECT_EQ(seeds.examples[0].source->row, "seed_task_0");
  const Imported users = import_file(users_path);
  expect_whole(users, "self_instruct_eval", 252);
  EXPECT_EQ(users.examples[0].extra["motivation_app"], "Grammarly");
  EXPECT_EQ(users.report.warnings.size(), 1u);  // nobody is to train on them
}

TEST(ImportSample, ShareGptPairs) {
  SKIP_WITHOUT_SAMPLE(path, "sharegpt-dpo/dpo_en_demo-50.json");
  const Imported read = import_file(path);
  expect_whole(read, "sharegpt_pair", 50);
  std::map<size_t, int> turns;
  int systems = 0;
  for (const Example& one : read.examples) {
    const auto& prompt = std::get<Messages>(*one.prompt);
    systems += prompt.front().role == "system";
    ++turns[prompt.size()];
    EXPECT_EQ(prompt.back().role, "user");
  }
  EXPECT_EQ(turns, (std::map<size_t, int>{{1, 18}, {2, 16}, {5, 8}, {7, 8}}));
  EXPECT_EQ(systems, 16);
}

TEST(ImportSample, Squality) {
  SKIP_WITHOUT_SAMPLE(path, "squality-human-eval/all-responses.jsonl");
  const Imported read = import_file(path);
  EXPECT_EQ(read.report.rows_read, 20);
  std::map<std::string, int> reviews;  // by worker
  size_t pairs = 0;
  for (const Example& one : read.examples) {
    for (const auto& rank : one.ranks) reviews[one.annotator] += rank.has_value();
    pairs += feedback::pairs_of_ranking(one.ranks, {}).value().size();
  }
  EXPECT_EQ(reviews, (std::map<std::string, int>{{"2", 225}, {"3", 225}, {"6", 225}, {"8", 225}}));
  EXPECT_EQ(pairs, 900u);
}

TEST(ImportSample, Sentiment) {
  SKIP_WITHOUT_SAMPLE(sentences, "sentiment/sentence_polarity.jsonl");
  SKIP_WITHOUT_SAMPLE(reviews, "sentiment/movie_reviews-1000.jsonl");
  for (const auto& [path, rows] : {std::pair{sentences, 10662}, {reviews, 1000}}) {
    const Imported read = import_file(path);
    expect_whole(read, "trl", rows);
    int64_t positive = 0;
    for (const Example& one : read.examples) positive += one.extra["label"] == "pos";
    EXPECT_EQ(positive, rows / 2);
  }
}

}  // namespace
}  // namespace attune::data
