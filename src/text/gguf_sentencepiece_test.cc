// GGUF vocabularies of the models "llama" and "t5" against the SentencePiece file that they would
// be converted from, whose ids equal the reference's (tokenizer_golden_test.cc).
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/converted_vocabulary.h"
#include "tests/support/mixed_text.h"
#include "tests/support/test_paths.h"
#include "text/tokenizer.h"

namespace attune::text {
namespace {

std::string golden_path(const std::string& name) {
  return testing::source_path("tests/golden/text/" + name + ".model");
}

GgufVocabulary converted(const std::string& name, const char* model) {
  return testing::converted_vocabulary(golden_path(name), model);
}

// Mixed text without what is cut out as a token of its own.
std::string text_without_tokens(uint64_t seed) {
  std::string text = testing::mixed_text(testing::kMixedChunkBytes, seed);
  for (std::string_view token : {"<|im_start|>", "<s>", "</s>"}) {
    for (size_t at; (at = text.find(token)) != std::string::npos;) text.erase(at, token.size());
  }
  return text;
}

TEST(GgufSentencePiece, LlamaVocabulariesGiveTheIdsOfTheirModel) {
  Tokenizer want = Tokenizer::from_sentencepiece_file(golden_path("spm_bpe")).value();
  GgufVocabulary vocabulary = converted("spm_bpe", "llama");
  Tokenizer got = Tokenizer::from_gguf(vocabulary).value();
  for (uint64_t seed = 0; seed < 60; ++seed) {
    std::string text = text_without_tokens(seed);
    ASSERT_EQ(got.encode(text), want.encode(text)) << "seed " << seed;
  }
  vocabulary.add_bos = true;
  vocabulary.add_eos = true;
  auto ids = Tokenizer::from_gguf(vocabulary)->encode("a");
  ASSERT_GE(ids.size(), 3U);
  EXPECT_EQ(ids.front(), vocabulary.bos);
  EXPECT_EQ(ids.back(), vocabulary.eos);
}

TEST(GgufSentencePiece, LlamaVocabulariesPutASpaceBehindEachSymbol) {
  Tokenizer tokenizer = Tokenizer::from_gguf(converted("spm_bpe", "llama")).value();
  int32_t symbol = tokenizer.token_to_id("<|im_start|>").value();
  auto tail = tokenizer.encode("the");
  std::vector<int32_t> want = tail;
  want.push_back(symbol);
  want.insert(want.end(), tail.begin(), tail.end());
  EXPECT_EQ(tokenizer.encode("the<|im_start|>the"), want);
}

TEST(GgufSentencePiece, T5VocabulariesGiveTheIdsOfTheirModel) {
  Tokenizer want = Tokenizer::from_sentencepiece_file(golden_path("spm_unigram")).value();
  Tokenizer got = Tokenizer::from_gguf(converted("spm_unigram", "t5")).value();
  size_t known = 0;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    std::string text = text_without_tokens(seed);
    std::erase_if(text, [](char c) { return c != ' ' && (c < 'a' || c > 'z'); });
    auto ids = want.encode(text);
    // What is unknown falls into bytes in GGUF, whatever the model says.
    if (std::find(ids.begin(), ids.end(), want.unk_id()) != ids.end()) continue;
    ++known;
    ASSERT_EQ(got.encode(text), ids) << "seed " << seed;
  }
  EXPECT_GT(known, 10U);
}

}  // namespace
}  // namespace attune::text
