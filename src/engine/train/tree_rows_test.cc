#include "engine/train/tree_rows.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "engine/generate/small_model.h"

namespace attune::engine::train {
namespace {

using data::Form;

TreeTokenizer make(TreeRowOptions options = {}) {
  if (options.forms.empty()) options.forms = {Form::kPreference, Form::kRanking};
  return TreeTokenizer(
      data::ExampleTokenizer::make(testing::byte_tokenizer(), testing::kSmallTemplate).value(),
      std::move(options));
}

data::Example example(const char* json) {
  return data::parse_example(parse_ordered_json(json).value()).value();
}

TreeRow row_of(const char* json, TreeRowOptions options = {}) {
  auto prepared = make(std::move(options)).prepare(example(json));
  EXPECT_TRUE(prepared.ok()) << prepared.error().message();
  return prepared.ok() ? prepared->row : TreeRow();
}

std::string error_of(const char* json, TreeRowOptions options = {}) {
  const auto prepared = make(std::move(options)).prepare(example(json));
  return prepared.ok() ? "" : prepared.error().message();
}

int32_t eos() { return *testing::byte_tokenizer().eos_id(); }

TEST(TreeRowTest, APreferenceIsAPromptWithTwoCompletionsThatEndInOneEos) {
  const TreeRow row = row_of(R"({"prompt": "ab", "chosen": "cde", "rejected": "f"})");
  EXPECT_EQ(row.tree.prompt.size(), 2U);
  ASSERT_EQ(row.tree.branches.size(), 2U);
  EXPECT_EQ(row.tree.branches[0].ids.size(), 4U);
  EXPECT_EQ(row.tree.branches[0].ids.back(), eos());
  EXPECT_EQ(row.tree.branches[1].ids.size(), 2U);
  EXPECT_EQ(row.tree.branches[1].first, 0);
  EXPECT_EQ(row.ranks, (std::vector<std::optional<int>>{1, 2}));
}

TEST(TreeRowTest, ARankingKeepsItsRanksTiesAndGaps) {
  const TreeRow row = row_of(
      R"({"prompt": "ab", "completions": ["x", "yy", "z"], "ranks": [2, 1, null]})");
  EXPECT_EQ(row.tree.branches.size(), 3U);
  EXPECT_EQ(row.ranks, (std::vector<std::optional<int>>{2, 1, std::nullopt}));
  EXPECT_EQ(row.form, Form::kRanking);
}

TEST(TreeRowTest, ConversationsEndAsTheirTemplateSays) {
  const TreeRow row = row_of(
      R"({"prompt": [{"role": "user", "content": "hi"}],
          "chosen": [{"role": "assistant", "content": "yes"}],
          "rejected": [{"role": "assistant", "content": "no"}]})");
  const text::Tokenizer tokenizer = testing::byte_tokenizer();
  EXPECT_NE(tokenizer.decode(row.tree.branches[0].ids).find("yes"), std::string::npos);
  EXPECT_GT(row.tree.prompt.size(), 2U);
}

TEST(TreeRowTest, LongCompletionsAreCutOrTheRowIsLeftOut) {
  const char* json = R"({"prompt": "abcd", "chosen": "efghij", "rejected": "kl"})";
  const TreeRow cut = row_of(json, {.max_length = 6});
  EXPECT_EQ(cut.tree.branches[0].ids.size(), 2U);
  EXPECT_NE(cut.tree.branches[0].ids.back(), eos());
  EXPECT_NE(error_of(json, {.max_length = 4}).find("the prompt alone"), std::string::npos);
  EXPECT_NE(error_of(json, {.max_length = 6, .overflow = Overflow::kDrop}).find("max_length (6)"),
            std::string::npos);
  EXPECT_NE(error_of(json, {.context = 8}).find("context of 8"), std::string::npos);
}

TEST(TreeRowTest, WhatCannotTeachIsRefusedByName) {
  EXPECT_NE(error_of(R"({"prompt": "a", "chosen": "b", "rejected": "b"})").find("are the same"),
            std::string::npos);
  EXPECT_NE(error_of(R"({"prompt": "a", "chosen": "bcd", "rejected": "bce"})", {.max_length = 3})
                .find("after cutting"),
            std::string::npos);
  EXPECT_NE(error_of(R"({"text": "a"})").find("this method takes"), std::string::npos);
  EXPECT_NE(error_of(R"({"prompt": "a", "chosen": "b", "rejected": "c"})", {.vocabulary = 4})
                .find("belongs to another model"),
            std::string::npos);
}

TEST(TreeRowTest, FilesAreReadAndWhatIsLeftOutIsCounted) {
  const TemporaryDirectory folder;
  const std::string path = join_path(folder.path(), "pairs.jsonl");
  ASSERT_TRUE(write_file(path,
                         "{\"prompt\": \"a\", \"chosen\": \"bb\", \"rejected\": \"c\"}\n"
                         "{\"prompt\": \"a\", \"chosen\": \"b\", \"rejected\": \"b\"}\n"
                         "{\"prompt\": \"a\", \"chosen\": \"d\", \"rejected\": \"e\"}\n")
                  .ok());
  DataReport report;
  const auto rows = read_tree_rows({path}, make(), &report);
  ASSERT_TRUE(rows.ok());
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_EQ((*rows)[1].name.number, 3);
  EXPECT_EQ(report.rows_dropped(), 1);
  EXPECT_EQ(report.tokens_trained(), 3 + 2 + 2 + 2);
}

}  // namespace
}  // namespace attune::engine::train
