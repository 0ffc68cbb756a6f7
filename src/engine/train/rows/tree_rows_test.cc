#include "engine/train/rows/tree_rows.h"

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

// The reason under which the row is counted; "" when it is taken.
std::string reason_of(const char* json, TreeRowOptions options = {}) {
  const auto prepared = make(std::move(options)).prepare(example(json));
  return prepared.ok() ? "" : prepared.error().reason();
}

TEST(TreeRowTest, EveryRefusalHasAReasonOfItsOwn) {
  const char* pair = R"({"prompt": "abcd", "chosen": "efghij", "rejected": "efg"})";
  EXPECT_EQ(reason_of(pair), "");
  EXPECT_EQ(reason_of(pair, {.forms = {Form::kUnpaired}}), "form of another method");
  EXPECT_EQ(reason_of(pair, {.max_length = 4}), "prompt fills max_length");
  EXPECT_EQ(reason_of(pair, {.max_length = 7}), "equal sides as tokens");
  EXPECT_EQ(reason_of(pair, {.max_length = 7, .overflow = Overflow::kDrop}),
            "longer than max_length");
  EXPECT_EQ(reason_of(pair, {.max_length = {}, .context = 8}), "longer than the context");
  EXPECT_EQ(reason_of(pair, {.vocabulary = 4}), "token of another vocabulary");
  EXPECT_EQ(reason_of(R"({"chosen": "aaa", "rejected": "bbb"})", {.max_length = 1}),
            "no trained token");
  EXPECT_EQ(reason_of(R"({"prompt": "a", "chosen": "b", "rejected": "b"})"),
            "pair with equal sides");
  EXPECT_EQ(reason_of(R"({"prompt": "a", "chosen": "", "rejected": "b"})"), "empty completion");
  EXPECT_EQ(reason_of(R"({"messages": [{"role": "user", "content": "a"}]})",
                      {.forms = {Form::kMessages}}),
            "no answer");
}

TEST(TreeRowTest, RankingsWithoutAnOrderHaveTheirReasons) {
  const auto ranking = [](const char* ranks) {
    return R"({"prompt": "a", "completions": ["b", "c", "b"], "ranks": )" + std::string(ranks) +
           "}";
  };
  EXPECT_EQ(reason_of(ranking("[1, 2, 1]").c_str()), "");
  EXPECT_EQ(reason_of(ranking("[1, null, null]").c_str()), "one-item ranking");
  EXPECT_EQ(reason_of(ranking("[1, 4, 2]").c_str()), "rank out of range");
  EXPECT_EQ(reason_of(ranking("[1, 3, 3]").c_str()), "ranks with holes");
  EXPECT_EQ(reason_of(ranking("[1, 2, 3]").c_str()), "pair with equal sides");
  EXPECT_EQ(reason_of(ranking("[1, 1, 1]").c_str()), "ranking without a difference");
  EXPECT_EQ(reason_of(ranking("[1, 1, 1]").c_str(), {.ties = feedback::TieRule::kHalf}), "");
}

TEST(TreeRowTest, WhatIsWrongWithAChatTemplateIsSaid) {
  const char* chat = R"({"prompt": [{"role": "user", "content": "a"}],
                         "chosen": [{"role": "assistant", "content": "b"}],
                         "rejected": [{"role": "assistant", "content": "c"}]})";
  const auto reason = [&](const char* chat_template) {
    const TreeTokenizer tokenizer(
        data::ExampleTokenizer::make(testing::byte_tokenizer(), chat_template).value(),
        {.forms = {Form::kPreference}});
    const auto prepared = tokenizer.prepare(example(chat));
    return prepared.ok() ? std::string() : prepared.error().reason();
  };
  EXPECT_EQ(reason(testing::kSmallTemplate), "");
  EXPECT_EQ(reason(""), "no chat template");
  EXPECT_EQ(reason("{{ raise_exception('no') }}"), "chat template refuses");
  EXPECT_EQ(reason("{{ messages | length }}{% for m in messages %}{{ m.content }}{% endfor %}"),
            "chat template refuses");  // does not continue its own prompt
}

// Rows of one person, or of nobody named, that say the opposite of each other are left out, all of
// them; people who differ stay.
TEST(TreeRowTest, ContradictoryRowsAreSeenAcrossFiles) {
  const TemporaryDirectory folder;
  const std::string one = folder.file("one.jsonl"), two = folder.file("two.jsonl");
  ASSERT_TRUE(write_file(one,
                         "{\"prompt\": \"a\", \"chosen\": \"b\", \"rejected\": \"c\"}\n"
                         "{\"prompt\": \"d\", \"chosen\": \"b\", \"rejected\": \"c\", "
                         "\"annotator\": \"kim\"}\n")
                  .ok());
  ASSERT_TRUE(write_file(two,
                         "{\"prompt\": \"d\", \"chosen\": \"c\", \"rejected\": \"b\", "
                         "\"annotator\": \"lee\"}\n"
                         "{\"prompt\": \"a\", \"completions\": [\"b\", \"x\", \"c\"], "
                         "\"ranks\": [3, 2, 1]}\n")
                  .ok());
  DataReport report;
  const auto rows = read_tree_rows({one, two}, make(), &report).value();
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].annotator, "kim");
  EXPECT_EQ(rows[1].annotator, "lee");
  EXPECT_EQ(report.rows_kept(), 2);
  const OrderedJson dropped = report.to_json()["dropped"];
  ASSERT_EQ(dropped.size(), 1U);
  EXPECT_EQ(dropped[0]["reason"], "contradictory rows");
  EXPECT_EQ(dropped[0]["rows"][one], Json::array({1}));
  EXPECT_EQ(dropped[0]["rows"][two], Json::array({2}));
  EXPECT_NE(dropped[0]["first"].get<std::string>().find(two + " row 2"), std::string::npos);
  DataReport kept;
  EXPECT_EQ(read_tree_rows({one, two}, make({.contradictions = Contradictions::kKeep}), &kept)
                .value()
                .size(),
            4U);
  EXPECT_EQ(kept.rows_dropped(), 0);
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
