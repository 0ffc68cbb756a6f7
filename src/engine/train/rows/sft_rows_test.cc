#include "engine/train/rows/sft_rows.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "engine/train/rows/sft_data.h"

namespace attune::engine::train {
namespace {

constexpr const char* kChatMl =
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

// Byte-level BPE over a few letters, with one word that has merges: " yes".
text::Tokenizer small_tokenizer() {
  Json vocabulary = Json::object();
  const std::string letters = "abcdefghijklmnopqrstuvwxyz:.!?<|>_/";
  for (const char letter : letters) vocabulary[std::string(1, letter)] = vocabulary.size();
  for (const char* piece : {"Ġ", "Ċ", "Ġy", "Ġye", "Ġyes"}) vocabulary[piece] = vocabulary.size();
  Json added = Json::array();
  for (const char* token : {"</s>", "<|im_start|>", "<|im_end|>"}) {
    added.push_back({{"id", vocabulary.size() + added.size()},
                     {"content", token},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", true}});
  }
  const Json byte_level = {{"type", "ByteLevel"}, {"add_prefix_space", false},
                           {"trim_offsets", true}, {"use_regex", true}};
  const Json json = {{"version", "1.0"},
                     {"added_tokens", added},
                     {"normalizer", nullptr},
                     {"pre_tokenizer", byte_level},
                     {"post_processor", nullptr},
                     {"decoder", byte_level},
                     {"model",
                      {{"type", "BPE"},
                       {"vocab", vocabulary},
                       {"merges", Json::array({"Ġ y", "Ġy e", "Ġye s"})}}}};
  const text::Tokenizer tokenizer = text::Tokenizer::from_json(json).value();
  return tokenizer.with_special_ids({.bos = {}, .eos = tokenizer.token_to_id("</s>"), .pad = {},
                                     .unk = {}});
}

SftTokenizer make(SftRowOptions options = {}) {
  return SftTokenizer(small_tokenizer(), text::ChatTemplate::parse(kChatMl).value(), options);
}

data::Example example(const char* json) {
  return data::parse_example(parse_ordered_json(json).value()).value();
}

// The row's text with the trained tokens in brackets.
std::string marked(const TokenSequence& sequence) {
  const text::Tokenizer tokenizer = small_tokenizer();
  std::string shown;
  bool inside = false;
  for (size_t i = 0; i < sequence.ids.size(); ++i) {
    const bool trained = sequence.trained[i] != 0;
    if (trained != inside) shown += trained ? "[" : "]";
    inside = trained;
    const std::vector<int32_t> id = {sequence.ids[i]};
    shown += tokenizer.decode(id, false);
  }
  return shown + (inside ? "]" : "");
}

std::string marked(const char* json, SftRowOptions options = {}) {
  const auto prepared = make(options).prepare(example(json));
  return prepared.ok() ? marked(prepared->sequence) : "error: " + prepared.error().message();
}

TEST(SftRowsTest, TextTrainsEverythingAndEndsInOneEos) {
  EXPECT_EQ(marked(R"({"text": "hello yes"})"), "[hello yes</s>]");
  EXPECT_EQ(marked(R"({"text": "hello yes</s>"})"), "[hello yes</s>]");
  EXPECT_EQ(marked(R"({"text": "hello</s></s>"})"), "[hello</s>]");
}

TEST(SftRowsTest, CompletionIsTrainedAndThePromptIsNot) {
  const char* row = R"({"prompt": "answer:", "completion": " yes."})";
  EXPECT_EQ(marked(row), "answer:[ yes.</s>]");
  EXPECT_EQ(marked(row, {.completion_only = true}), "answer:[ yes.</s>]");
  EXPECT_EQ(marked(row, {.completion_only = false}), "[answer: yes.</s>]");
  EXPECT_EQ(marked(R"({"prompt": "answer:", "completion": " yes</s>"})"), "answer:[ yes</s>]");
}

// " yes" is one token that begins in the prompt: it belongs to the completion, and the row is
// reported.
TEST(SftRowsTest, ATokenAcrossTheBoundaryBelongsToTheCompletion) {
  const auto prepared =
      make().prepare(example(R"({"prompt": "answer: ", "completion": "yes"})")).value();
  EXPECT_EQ(marked(prepared.sequence), "answer:[ yes</s>]");
  EXPECT_TRUE(prepared.boundary_mismatch);
  EXPECT_FALSE(make()
                   .prepare(example(R"({"prompt": "answer:", "completion": " yes"})"))
                   .value()
                   .boundary_mismatch);
}

TEST(SftRowsTest, ConversationsEndAsTheirTemplateSays) {
  const char* row = R"({"prompt": [{"role": "user", "content": "hi"}],
                        "completion": [{"role": "assistant", "content": "yes"}]})";
  EXPECT_EQ(marked(row),
            "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n[yes<|im_end|>\n]");
}

TEST(SftRowsTest, MessagesTrainAllTurnsOrTheAssistants) {
  const char* row = R"({"messages": [{"role": "user", "content": "a"},
    {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"},
    {"role": "assistant", "content": "d"}]})";
  EXPECT_EQ(marked(row).front(), '[');
  EXPECT_EQ(marked(row, {.assistant_only = true}),
            "<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n[b<|im_end|>]\n"
            "<|im_start|>user\nc<|im_end|>\n<|im_start|>assistant\n[d<|im_end|>]\n");
}

TEST(SftRowsTest, TruncationKeepsTheStart) {
  const auto prepared = make({.max_length = 9})
                            .prepare(example(R"({"prompt": "answer:", "completion": " yes."})"))
                            .value();
  EXPECT_TRUE(prepared.truncated);
  EXPECT_EQ(marked(prepared.sequence), "answer:[ yes.]");
}

TEST(SftRowsTest, TheFirstTokenIsNeverTrained) {
  EXPECT_EQ((TokenSequence{{5, 6}, {1, 1}}.trained_tokens()), 1);
  EXPECT_EQ((TokenSequence{{5}, {1}}.trained_tokens()), 0);
  EXPECT_EQ((TokenSequence{{}, {}}.trained_tokens()), 0);
}

TEST(SftRowsTest, RowsThatCannotBeUsedSayWhy) {
  EXPECT_NE(marked(R"({"prompt": "a", "chosen": "b", "rejected": "c"})").find("which answer"),
            std::string::npos);
  EXPECT_NE(marked(R"({"text": "yes"})", {.vocabulary = 10}).find("embeddings"),
            std::string::npos);
  const SftTokenizer without(small_tokenizer(), std::nullopt, {});
  const auto refused =
      without.prepare(example(R"({"messages": [{"role": "user", "content": "a"}]})"));
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message().find("chat_template_path"), std::string::npos);
  EXPECT_EQ(refused.error().reason(), "no chat template");
  const auto beyond =
      make({.max_length = {}, .context = 4}).prepare(example(R"({"text": "hello"})"));
  ASSERT_FALSE(beyond.ok());
  EXPECT_EQ(beyond.error().reason(), "longer than the context");
}

TEST(SftRowsTest, FilesAreReadWithEveryDroppedRowNamed) {
  const TemporaryDirectory folder;
  const std::string file = folder.file("rows.jsonl");
  ASSERT_TRUE(write_file(file,
                         "{\"prompt\": \"a:\", \"completion\": \" yes\", \"source\": {\"licence\": "
                         "\"CC0\", \"warning\": \"be kind\"}, \"guideline_version\": "
                         "\"g2\", \"annotator\": \"ann\"}\n"
                         "{\"prompt\": \"a very long prompt\", \"completion\": \" yes\"}\n"
                         "no json\n"
                         "{\"prompt\": \"only\"}\n"
                         "{\"text\": \"yes yes\"}\n")
                  .ok());
  DataReport report;
  const auto rows = read_sft_rows({file}, make({.max_length = 6}), &report).value();
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].names[0].number, 1);
  EXPECT_EQ(report.rows_read(), 5);
  EXPECT_EQ(report.rows_dropped(), 3);
  const OrderedJson json = report.to_json();
  EXPECT_EQ(json["tokens"]["trained"], 2 + 4);
  EXPECT_EQ(json["licences"]["CC0"], 1);
  EXPECT_EQ(json["licence_warnings"]["be kind"], 1);
  EXPECT_EQ(json["licence_warnings"].size(), 1u);
  EXPECT_EQ(json["guideline_versions"]["g2"], 1);
  EXPECT_EQ(json["annotators"]["ann"], 1);
  for (const OrderedJson& dropped : json["dropped"]) {
    const int expected = dropped["reason"] == "prompt fills max_length" ? 2
                         : dropped["reason"] == "unreadable"           ? 3
                         : dropped["reason"] == "form of another method" ? 4
                                                                         : 0;
    EXPECT_EQ(dropped["rows"][file][0], expected) << dropped["reason"];
  }
  EXPECT_EQ(json["dropped"].size(), 3U);

  DataReport limited;
  EXPECT_EQ(read_sft_rows({file}, make({.max_rows = 1}), &limited).value().size(), 1U);
  EXPECT_EQ(limited.rows_read(), 1);
}

TEST(SftRowsTest, PackedRowsKeepTheirSequencesApart) {
  std::vector<SftRow> rows;
  for (int64_t i = 1; i <= 3; ++i) {
    rows.push_back({{{std::vector<int32_t>(static_cast<size_t>(i + 1), static_cast<int32_t>(i)),
                      std::vector<uint8_t>(static_cast<size_t>(i + 1), 1)}},
                    {{"f", i}}});
  }
  DataReport report;
  const auto packed = pack_sft_rows(rows, 6, PackingStrategy::kBestFit, &report);
  ASSERT_EQ(packed.size(), 2U);
  EXPECT_EQ(packed[0].sequences.size(), 2U);  // 4 and 2 tokens
  EXPECT_EQ(packed[0].tokens(), 6);
  EXPECT_EQ(packed[0].trained_tokens(), 4);
  const auto wrapped = pack_sft_rows(rows, 6, PackingStrategy::kWrapped, &report);
  ASSERT_EQ(wrapped.size(), 2U);
  EXPECT_EQ(wrapped[0].sequences.size(), 1U);
  EXPECT_EQ(wrapped[0].trained_tokens(), 5);
}

}  // namespace
}  // namespace attune::engine::train
