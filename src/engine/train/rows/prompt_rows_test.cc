#include "engine/train/rows/prompt_rows.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "engine/generate/small_model.h"

namespace attune::engine::train {
namespace {

data::RowResult<PromptRow> row_of(const char* json, const PromptRowOptions& options = {}) {
  const auto example = data::parse_example(parse_ordered_json(json).value()).value();
  const auto tokenizer =
      data::ExampleTokenizer::make(testing::byte_tokenizer(), testing::kSmallTemplate).value();
  return make_prompt_row(example, tokenizer, options);
}

std::string text_of(const data::RowResult<PromptRow>& row) {
  return row.ok() ? testing::byte_tokenizer().decode(row->ids) : row.error().message();
}

std::string error_of(const char* json, const PromptRowOptions& options = {}) {
  const auto row = row_of(json, options);
  return row.ok() ? "" : row.error().message();
}

TEST(PromptRowTest, EveryFormWithAPromptWillDo) {
  EXPECT_EQ(text_of(row_of(R"({"prompt": "ab"})")), "ab");
  EXPECT_EQ(text_of(row_of(R"({"prompt": "ab", "completion": "c"})")), "ab");
  EXPECT_EQ(text_of(row_of(R"({"prompt": "ab", "completion": "c", "label": true})")), "ab");
  EXPECT_EQ(text_of(row_of(R"({"prompt": "ab", "chosen": "c", "rejected": "d"})")), "ab");
  EXPECT_EQ(text_of(row_of(R"({"prompt": "ab", "completions": ["c", "d"], "ranks": [1, 2]})")),
            "ab");
  EXPECT_EQ(text_of(row_of(R"({"chosen": "so it is", "rejected": "so it was"})")), "so it");
}

TEST(PromptRowTest, AConversationEndsInTheGenerationPrompt) {
  const auto row = row_of(R"({"prompt": [{"role": "user", "content": "hi"}]})");
  ASSERT_TRUE(row.ok());
  EXPECT_EQ(row->ids.back(), *testing::byte_tokenizer().token_to_id("<|assistant|>"));
  // Of messages, the last answer is left aside.
  const auto messages = row_of(
      R"({"messages": [{"role": "user", "content": "hi"},
                       {"role": "assistant", "content": "x"}]})");
  ASSERT_TRUE(messages.ok());
  EXPECT_EQ(messages->ids, row->ids);
}

TEST(PromptRowTest, OtherColumnsStayWithTheRow) {
  const auto row = row_of(R"({"prompt": "2+2=", "answer": "4", "id": "q1"})");
  ASSERT_TRUE(row.ok());
  EXPECT_EQ(row->example.extra["answer"], "4");
  EXPECT_EQ(row->example.id, "q1");
  EXPECT_EQ(std::get<std::string>(row->prompt), "2+2=");
}

TEST(PromptRowTest, WhatCannotBeAnsweredIsRefusedByName) {
  EXPECT_NE(error_of(R"({"text": "ab"})").find("has no prompt to answer"), std::string::npos);
  EXPECT_NE(error_of(R"({"prompt": ""})").find("has no tokens"), std::string::npos);
  EXPECT_NE(error_of(R"({"prompt": "abcdef"})", {.max_prompt_length = 5})
                .find("max_prompt_length (5)"),
            std::string::npos);
  EXPECT_NE(error_of(R"({"prompt": "abcdef"})", {.room = 3, .context = 8})
                .find("leave no room for an answer of 3 tokens"),
            std::string::npos);
  EXPECT_EQ(error_of(R"({"prompt": "abcdef"})", {.room = 2, .context = 8}), "");
  EXPECT_NE(error_of(R"({"prompt": "abcdef"})", {.max_length = 8, .room = 3, .context = 99})
                .find("leave no room for an answer of 3 tokens in max_length (8)"),
            std::string::npos);
  EXPECT_EQ(error_of(R"({"prompt": "abcdef"})", {.max_length = 9, .room = 3}), "");
  EXPECT_NE(error_of(R"({"prompt": "a"})", {.vocabulary = 4}).find("belongs to another model"),
            std::string::npos);
}

TEST(PromptRowTest, EveryRefusalHasAReasonOfItsOwn) {
  const auto reason = [](const char* json, const PromptRowOptions& options = {}) {
    const auto row = row_of(json, options);
    return row.ok() ? std::string() : row.error().reason();
  };
  EXPECT_EQ(reason(R"({"prompt": "a"})"), "");
  EXPECT_EQ(reason(R"({"text": "ab"})"), "form of another method");
  EXPECT_EQ(reason(R"({"prompt": ""})"), "empty prompt");
  EXPECT_EQ(reason(R"({"chosen": "a", "rejected": "b"})"), "no prompt");
  EXPECT_EQ(reason(R"({"messages": [{"role": "user", "content": "hi"}]})"), "no answer");
  EXPECT_EQ(reason(R"({"prompt": "abcdef"})", {.max_prompt_length = 5}),
            "longer than max_prompt_length");
  EXPECT_EQ(reason(R"({"prompt": "abcdef"})", {.max_length = 8, .room = 3}),
            "longer than max_length");
  EXPECT_EQ(reason(R"({"prompt": "abcdef"})", {.room = 3, .context = 8}),
            "prompt fills the context");
  EXPECT_EQ(reason(R"({"prompt": "a"})", {.vocabulary = 4}), "token of another vocabulary");
}

TEST(PromptRowTest, FilesAreReadAndWhatIsLeftOutIsCounted) {
  const TemporaryDirectory folder;
  const std::string path = join_path(folder.path(), "prompts.jsonl");
  const std::string lines = "{\"prompt\": \"a\"}\n{\"text\": \"b\"}\n{\"prompt\": \"cc\"}\n";
  ASSERT_TRUE(write_file(path, lines).ok());
  const auto tokenizer = data::ExampleTokenizer::make(testing::byte_tokenizer(), "").value();
  DataReport report;
  const auto rows = read_prompt_rows({path}, tokenizer, {}, &report);
  ASSERT_TRUE(rows.ok());
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_EQ((*rows)[1].name.number, 3);
  EXPECT_EQ(report.rows_dropped(), 1);
  EXPECT_EQ(report.to_json()["dropped"][0]["reason"], "form of another method");
  EXPECT_NE(fingerprint_of(*rows, {}), fingerprint_of({}, *rows));
}

}  // namespace
}  // namespace attune::engine::train
