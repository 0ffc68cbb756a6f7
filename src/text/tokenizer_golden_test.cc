// Ids and texts as `tokenizers` and sentencepiece give them (tests/golden/text/make_tokenizers.py).
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "base/file.h"
#include "tests/support/mixed_text.h"
#include "tests/support/test_paths.h"
#include "text/tokenizer.h"

namespace attune::text {
namespace {

using attune::testing::ids_hash;
using attune::testing::kMixedChunkBytes;
using attune::testing::mixed_text;
using attune::testing::source_path;

const Json& goldens() {
  static const Json json = read_json_file(source_path("tests/golden/text/goldens.json")).value();
  return json;
}

const Json& samples() {
  static const Json json = read_json_file(source_path("tests/golden/text/samples.json")).value();
  return json;
}

std::string golden_path(const std::string& file) {
  return source_path("tests/golden/text/" + file);
}

std::string stream(const Tokenizer& tokenizer, const std::vector<int32_t>& ids, bool skip) {
  StreamDecoder decoder(tokenizer, skip);
  std::string text;
  for (int32_t id : ids) {
    std::string piece = decoder.push(id);
    EXPECT_EQ(valid_utf8_prefix(piece), piece.size());
    text += piece;
  }
  return text + decoder.finish();
}

// Compares the hashes of `chunks` chunks; says which chunks differ.
void check_mixed(const Tokenizer& tokenizer, const std::string& want, bool strip_specials) {
  size_t chunks = want.size() / 8;
  ASSERT_GE(chunks * kMixedChunkBytes, size_t{2} << 20);
  size_t different = 0;
  for (size_t seed = 0; seed < chunks; ++seed) {
    std::string text = mixed_text(kMixedChunkBytes, seed);
    for (const char* special : {"<s>", "</s>"}) {
      size_t length = std::string_view(special).size();
      for (size_t at = 0; strip_specials && (at = text.find(special)) != std::string::npos;) {
        text.erase(at, length);
      }
    }
    if (ids_hash(tokenizer.encode(text)) == want.substr(seed * 8, 8)) continue;
    if (++different <= 3) ADD_FAILURE() << "other ids for the chunk of seed " << seed;
  }
  EXPECT_EQ(different, 0U) << "chunks of " << chunks;
}

class GoldenJson : public ::testing::TestWithParam<const char*> {
 protected:
  const Json& golden() const { return goldens()["json"][GetParam()]; }
  Tokenizer load() const {
    return Tokenizer::from_json_file(golden_path(std::string(GetParam()) + ".tokenizer.json"))
        .value();
  }
};

TEST_P(GoldenJson, CasesAreEqual) {
  Tokenizer tokenizer = load();
  for (const Json& example : golden()["cases"]) {
    auto text = example["text"].get<std::string>();
    SCOPED_TRACE(text);
    auto ids = example["ids"].get<std::vector<int32_t>>();
    EXPECT_EQ(tokenizer.encode(text), ids);
    EncodeOptions plain;
    plain.add_special_tokens = false;
    EXPECT_EQ(tokenizer.encode(text, plain), example["plain"].get<std::vector<int32_t>>());
    EXPECT_EQ(tokenizer.decode(ids), example["decoded"].get<std::string>());
    EXPECT_EQ(tokenizer.decode(ids, false), example["shown"].get<std::string>());
    EXPECT_EQ(stream(tokenizer, ids, true), example["decoded"].get<std::string>());
    EXPECT_EQ(stream(tokenizer, ids, false), example["shown"].get<std::string>());
  }
}

TEST_P(GoldenJson, TwoMegabytesOfMixedTextAreEqual) {
  check_mixed(load(), golden()["mixed"].get<std::string>(), false);
}

TEST_P(GoldenJson, WhatToJsonWritesReadsBackTheSame) {
  Tokenizer tokenizer = load();
  auto again = Tokenizer::from_json(tokenizer.to_json());
  ASSERT_TRUE(again.ok()) << again.error().message();
  for (uint64_t seed = 0; seed < 20; ++seed) {
    std::string text = mixed_text(kMixedChunkBytes, seed);
    EXPECT_EQ(again->encode(text), tokenizer.encode(text)) << "seed " << seed;
  }
}

TEST_P(GoldenJson, OffsetsAreInOrderAndWithinTheText) {
  Tokenizer tokenizer = load();
  for (uint64_t seed = 0; seed < 20; ++seed) {
    std::string text = mixed_text(kMixedChunkBytes, seed);
    Encoding encoding = tokenizer.encode_with_offsets(text);
    ASSERT_EQ(encoding.ids, tokenizer.encode(text));
    ASSERT_EQ(encoding.offsets.size(), encoding.ids.size());
    uint32_t before = 0;
    for (auto [begin, end] : encoding.offsets) {
      ASSERT_LE(begin, end);
      ASSERT_LE(end, text.size());
      ASSERT_GE(begin, before);
      before = begin;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Text, GoldenJson,
                         ::testing::Values("gpt2", "prefix_space", "smollm", "llama3", "qwen2",
                                           "falcon", "o200k", "byte_fallback", "metaspace_unigram",
                                           "precompiled_unigram", "words"),
                         [](const auto& tested) { return std::string(tested.param); });

class GoldenSentencePiece : public ::testing::TestWithParam<const char*> {
 protected:
  const Json& golden() const { return goldens()["sentencepiece"][GetParam()]; }
  Tokenizer load() const {
    return Tokenizer::from_sentencepiece_file(golden_path(std::string(GetParam()) + ".model"))
        .value();
  }
};

TEST_P(GoldenSentencePiece, CasesAreEqual) {
  Tokenizer tokenizer = load();
  for (const Json& example : golden()["cases"]) {
    auto text = example["text"].get<std::string>();
    SCOPED_TRACE(text);
    auto ids = example["ids"].get<std::vector<int32_t>>();
    EXPECT_EQ(tokenizer.encode(text), ids);
    // SentencePiece shows what was unknown as " ⁇ ".
    if (std::find(ids.begin(), ids.end(), tokenizer.unk_id()) != ids.end()) continue;
    EXPECT_EQ(tokenizer.decode(ids), example["decoded"].get<std::string>());
  }
}

TEST_P(GoldenSentencePiece, TwoMegabytesOfMixedTextAreEqual) {
  check_mixed(load(), golden()["mixed"].get<std::string>(), true);
}

INSTANTIATE_TEST_SUITE_P(Text, GoldenSentencePiece,
                         ::testing::Values("spm_unigram", "spm_bpe", "spm_bpe_symbols",
                                           "spm_unigram_symbols"),
                         [](const auto& tested) { return std::string(tested.param); });

TEST(SampleTokenizers, SentencePieceUnigramGivesTheRecordedIds) {
  SKIP_WITHOUT_SAMPLE(model, "tokenizers/spm-unigram-1000.model");
  SKIP_WITHOUT_SAMPLE(texts, "tokenizers/spm-botchan-300.txt");
  SKIP_WITHOUT_SAMPLE(vectors, "tokenizers/spm-botchan-300.ids");
  Tokenizer tokenizer = Tokenizer::from_sentencepiece_file(model).value();
  std::istringstream text_lines(read_file(texts).value());
  std::istringstream id_lines(read_file(vectors).value());
  int lines = 0;
  std::string text;
  std::string ids;
  while (std::getline(text_lines, text) && std::getline(id_lines, ids)) {
    std::string got;
    for (int32_t id : tokenizer.encode(text)) got += (got.empty() ? "" : " ") + std::to_string(id);
    ++lines;
    EXPECT_EQ(got, ids) << "line " << lines;
  }
  EXPECT_EQ(lines, 300);
}

TEST(SampleTokenizers, CodegenGivesTheRecordedIds) {
  SKIP_WITHOUT_SAMPLE(path, "tokenizers/gpt2-codegen.tokenizer.json");
  Tokenizer tokenizer = Tokenizer::from_json_file(path).value();
  EXPECT_EQ(tokenizer.vocabulary_size(), 50295);
  std::string spaces(35, ' ');  // runs of up to 31 are one added token
  EXPECT_EQ(tokenizer.encode(spaces + "x\t\t"), (std::vector<int32_t>{50257, 50284, 87, 50294}));
  check_mixed(tokenizer, samples()["gpt2-codegen"].get<std::string>(), false);
}

}  // namespace
}  // namespace attune::text
