// GGUF vocabularies against llama.cpp's vectors, and against `tokenizers` on mixed text.
#include <gtest/gtest.h>

#include <sstream>

#include "base/file.h"
#include "tests/support/mixed_text.h"
#include "tests/support/test_paths.h"
#include "text/tokenizer.h"
#include "weights/gguf.h"
#include "weights/gguf_config.h"

namespace attune {
namespace {

Result<text::Tokenizer> load(const std::string& path) {
  weights::GgufFile file = TRY(weights::GgufFile::open(path));
  text::GgufVocabulary vocabulary = TRY(weights::vocabulary_from_gguf(file));
  return text::Tokenizer::from_gguf(vocabulary);
}

std::vector<std::string> split(const std::string& text, const std::string& separator) {
  std::vector<std::string> parts;
  size_t at = 0;
  for (size_t end; (end = text.find(separator, at)) != std::string::npos;) {
    parts.push_back(text.substr(at, end - at));
    at = end + separator.size();
  }
  parts.push_back(text.substr(at));
  return parts;
}

void check_mixed(const text::Tokenizer& tokenizer, const std::string& name) {
  std::string path = testing::source_path("tests/golden/text/samples.json");
  auto want = read_json_file(path).value()[name].get<std::string>();
  ASSERT_GE(want.size() / 8 * testing::kMixedChunkBytes, size_t{2} << 20);
  for (size_t seed = 0; seed < want.size() / 8; ++seed) {
    std::string text = testing::mixed_text(testing::kMixedChunkBytes, seed);
    ASSERT_EQ(testing::ids_hash(tokenizer.encode(text)), want.substr(seed * 8, 8))
        << name << ", seed " << seed;
  }
}

class GgufVectors : public ::testing::TestWithParam<const char*> {};

TEST_P(GgufVectors, GiveTheRecordedIds) {
  std::string name = GetParam();
  SKIP_WITHOUT_SAMPLE(path, "tokenizers/ggml-vocab-" + name + ".gguf");
  auto loaded = load(path);
  ASSERT_TRUE(loaded.ok()) << loaded.error().message();
  std::vector<std::string> texts =
      split(read_file(path + ".inp").value(), "\n__ggml_vocab_test__\n");
  std::vector<std::string> lines = split(read_file(path + ".out").value(), "\n");
  ASSERT_GE(texts.size(), 46U);
  text::EncodeOptions plain;
  plain.add_special_tokens = false;
  for (size_t i = 0; i < 46; ++i) {
    std::vector<int32_t> ids;
    std::istringstream numbers(lines[i]);
    for (int32_t id; numbers >> id;) ids.push_back(id);
    EXPECT_EQ(loaded->encode(texts[i], plain), ids) << "text " << i;
    EXPECT_EQ(loaded->decode(ids, false), texts[i]) << "text " << i;
  }
}

TEST_P(GgufVectors, EqualTheReferenceOnTwoMegabytes) {
  std::string name = GetParam();
  SKIP_WITHOUT_SAMPLE(path, "tokenizers/ggml-vocab-" + name + ".gguf");
  check_mixed(load(path).value(), name);
}

INSTANTIATE_TEST_SUITE_P(Cases, GgufVectors, ::testing::Values("gpt-2", "falcon", "mpt"));

TEST(SmolLm2Tokenizer, EqualsTheReferenceOnTwoMegabytes) {
  auto path = testing::smollm2_path();
  if (!path) GTEST_SKIP() << "SmolLM2's GGUF is absent (set ATTUNE_SMOLLM2)";
  text::Tokenizer tokenizer = load(*path).value();
  EXPECT_EQ(tokenizer.encode("\n\n1"), (std::vector<int32_t>{1116, 33}));
  EXPECT_EQ(tokenizer.bos_id(), 1);
  EXPECT_EQ(tokenizer.eos_id(), 2);
  EXPECT_EQ(tokenizer.vocabulary_size(), 49152);
  check_mixed(tokenizer, "smollm2");
}

}  // namespace
}  // namespace attune
