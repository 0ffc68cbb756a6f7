// Behaviour of tokenizers on small vocabularies.
#include "text/tokenizer.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "tests/support/test_paths.h"
#include "text/same_ids.h"
#include "text/unicode.h"

namespace attune::text {
namespace {

using attune::testing::source_path;

Tokenizer golden_tokenizer(const std::string& name) {
  return Tokenizer::from_json_file(
             source_path("tests/golden/text/" + name + ".tokenizer.json"))
      .value();
}

TEST(Tokenizer, StreamsCharactersAsSoonAsTheyAreWhole) {
  Tokenizer tokenizer = golden_tokenizer("byte_fallback");
  StreamDecoder stream(tokenizer);
  std::string bytes = "你";
  std::vector<std::string> pieces;
  for (char byte : bytes) {
    auto id = tokenizer.token_to_id(fmt::format("<0x{:02X}>", static_cast<uint8_t>(byte)));
    pieces.push_back(stream.push(id.value()));
  }
  EXPECT_EQ(pieces, (std::vector<std::string>{"", "", "你"}));
  EXPECT_EQ(stream.push(tokenizer.token_to_id("<0xE4>").value()), "");
  EXPECT_EQ(stream.finish(), "\uFFFD");
}

TEST(Tokenizer, ReadsIllFormedTextAsReplacementCharacters) {
  Tokenizer tokenizer = golden_tokenizer("gpt2");
  EXPECT_EQ(tokenizer.encode("a\xFF\xE4\xBDz"), tokenizer.encode("a\uFFFD\uFFFDz"));
}

TEST(Tokenizer, ParsesSpecialTokensOnlyWhenAsked) {
  Tokenizer tokenizer = golden_tokenizer("smollm");
  int32_t start = tokenizer.token_to_id("<|im_start|>").value();
  EXPECT_TRUE(tokenizer.is_special(start));
  EXPECT_EQ(tokenizer.encode("<|im_start|>"), std::vector<int32_t>{start});
  EncodeOptions options;
  options.parse_special_tokens = false;
  auto ids = tokenizer.encode("<|im_start|>", options);
  EXPECT_GT(ids.size(), 1U);
  EXPECT_EQ(tokenizer.decode(ids), "<|im_start|>");
  EXPECT_EQ(tokenizer.decode(std::vector<int32_t>{start}), "");
}

TEST(Tokenizer, TellsWhereIdsCameFrom) {
  Tokenizer tokenizer = golden_tokenizer("llama3");
  std::string text = "go<s>on";
  Encoding encoding = tokenizer.encode_with_offsets(text);
  ASSERT_GE(encoding.ids.size(), 4U);
  EXPECT_EQ(encoding.ids[0], 0);
  EXPECT_EQ(encoding.offsets[0], (std::pair<uint32_t, uint32_t>(0, 0)));  // the post-processor's
  bool found = false;
  for (size_t i = 1; i < encoding.ids.size(); ++i) {
    if (encoding.ids[i] != 0) continue;
    found = true;
    EXPECT_EQ(encoding.offsets[i], (std::pair<uint32_t, uint32_t>(2, 5)));
  }
  EXPECT_TRUE(found);
}

TEST(Tokenizer, TakesRolesFromTheConfigBesideIt) {
  TemporaryDirectory folder;
  std::string source = read_file(source_path("tests/golden/text/smollm.tokenizer.json")).value();
  ASSERT_TRUE(write_file(folder.file("tokenizer.json"), source).ok());
  EXPECT_FALSE(Tokenizer::from_json_file(folder.file("tokenizer.json"))->eos_id().has_value());
  std::string config =
      R"({"bos_token":"<|im_start|>","eos_token":{"content":"<|im_end|>"},"pad_token":null})";
  ASSERT_TRUE(write_file(folder.file("tokenizer_config.json"), config).ok());
  Tokenizer tokenizer = Tokenizer::from_json_file(folder.file("tokenizer.json")).value();
  EXPECT_EQ(tokenizer.bos_id(), 0);
  EXPECT_EQ(tokenizer.eos_id(), 1);
  EXPECT_FALSE(tokenizer.pad_id().has_value());
  SpecialIds other;
  other.eos = 7;
  EXPECT_EQ(tokenizer.with_special_ids(other).eos_id(), 7);
  EXPECT_EQ(tokenizer.eos_id(), 1);
}

TEST(Tokenizer, NamesTokensAndIds) {
  Tokenizer tokenizer = golden_tokenizer("gpt2");
  for (int32_t id = 0; id < tokenizer.vocabulary_size(); ++id) {
    EXPECT_EQ(tokenizer.token_to_id(tokenizer.id_to_token(id)), id);
  }
  EXPECT_EQ(tokenizer.id_to_token(-1), "");
  EXPECT_EQ(tokenizer.id_to_token(1 << 30), "");
  EXPECT_EQ(tokenizer.decode(std::vector<int32_t>{-1, 1 << 30}), "");
}

TEST(SameIds, TheFirstDifferenceBelowTheRowsIsNamed) {
  const Tokenizer own = golden_tokenizer("gpt2");
  const int64_t rows = own.vocabulary_size();
  EXPECT_FALSE(first_difference(own, own, rows));
  Json changed = own.to_json();
  Json& vocabulary = changed["model"]["vocab"];
  const int32_t a = vocabulary["a"], b = vocabulary["b"];
  std::swap(vocabulary["a"], vocabulary["b"]);
  changed["added_tokens"].push_back({{"id", rows}, {"content", "<more>"}, {"single_word", false},
                                     {"lstrip", false}, {"rstrip", false}, {"normalized", false},
                                     {"special", true}});
  const Tokenizer other = Tokenizer::from_json(changed).value();
  const auto found = first_difference(own, other, rows);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->id, std::min(a, b));
  EXPECT_EQ(found->one, own.id_to_token(found->id));
  EXPECT_EQ(found->other, other.id_to_token(found->id));
  EXPECT_FALSE(first_difference(own, other, std::min(a, b)));
  std::swap(changed["model"]["vocab"]["a"], changed["model"]["vocab"]["b"]);
  const Tokenizer wider = Tokenizer::from_json(changed).value();
  EXPECT_FALSE(first_difference(own, wider, rows));
  EXPECT_TRUE(first_difference(own, wider, rows + 1));
  EXPECT_FALSE(first_difference(own, wider, rows + 1, MissingToken::kPassed));
}

}  // namespace
}  // namespace attune::text
