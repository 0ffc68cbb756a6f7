// The tokenizer.json that we write gives the same ids in the `tokenizers` package
// (tests/interop/tokenizers_open.py). Skipped, and said so, without the Python environment.
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/file.h"
#include "tests/support/converted_vocabulary.h"
#include "tests/support/mixed_text.h"
#include "tests/support/test_paths.h"
#include "text/tokenizer.h"
#include "weights/gguf.h"
#include "weights/gguf_config.h"

namespace attune {
namespace {

constexpr uint64_t kChunks = 12;
constexpr const char* kNoPython = "no Python environment (run scripts/setup.sh)";

Result<text::Tokenizer> load_gguf(const std::string& path) {
  weights::GgufFile file = TRY(weights::GgufFile::open(path));
  text::GgufVocabulary vocabulary = TRY(weights::vocabulary_from_gguf(file));
  return text::Tokenizer::from_gguf(vocabulary);
}

// NAME.json, and what we make of some texts in NAME.jsonl.
void write(const std::string& folder, const std::string& name, const text::Tokenizer& tokenizer) {
  std::string lines;
  for (uint64_t seed = 0; seed < kChunks; ++seed) {
    std::string text = testing::mixed_text(testing::kMixedChunkBytes, seed);
    std::vector<int32_t> ids = tokenizer.encode(text);
    lines += to_line(Json{{"text", text}, {"ids", ids}, {"decoded", tokenizer.decode(ids)}}) + "\n";
  }
  write_file(join_path(folder, name + ".json"), to_line(tokenizer.to_json())).value();
  write_file(join_path(folder, name + ".jsonl"), lines).value();
}

// What the `tokenizers` package makes of the files written to a folder.
void expect_same_ids(const std::string& python, const TemporaryDirectory& out) {
  std::string log = out.file("log");
  std::string command = python + " " + testing::source_path("tests/interop/tokenizers_open.py") +
                        " " + out.path() + " > " + log + " 2>&1";
  EXPECT_EQ(std::system(command.c_str()), 0) << read_file(log).value();
}

TEST(TokenizerInterop, TheTokenizersPackageReadsWhatWeWrite) {
  auto python = testing::python_path();
  if (!python) GTEST_SKIP() << kNoPython;
  TemporaryDirectory out;
  std::string goldens = testing::source_path("tests/golden/text/");
  for (const char* name : {"gpt2", "prefix_space", "smollm", "llama3", "qwen2", "falcon", "o200k",
                           "byte_fallback", "metaspace_unigram", "precompiled_unigram", "words"}) {
    write(out.path(), name,
          text::Tokenizer::from_json_file(goldens + name + ".tokenizer.json").value());
  }
  write(out.path(), "gguf-llama",
        text::Tokenizer::from_gguf(
            testing::converted_vocabulary(goldens + "spm_bpe.model", "llama")).value());
  expect_same_ids(*python, out);
}

class GgufTokenizerInterop : public ::testing::TestWithParam<const char*> {};

TEST_P(GgufTokenizerInterop, TheTokenizersPackageReadsWhatWeWrite) {
  auto python = testing::python_path();
  if (!python) GTEST_SKIP() << kNoPython;
  std::string name = GetParam();
  SKIP_WITHOUT_SAMPLE(path, "tokenizers/ggml-vocab-" + name + ".gguf");
  TemporaryDirectory out;
  write(out.path(), "gguf-" + name, load_gguf(path).value());
  expect_same_ids(*python, out);
}

INSTANTIATE_TEST_SUITE_P(Samples, GgufTokenizerInterop,
                         ::testing::Values("gpt-2", "falcon", "mpt"));

TEST(TokenizerInterop, TheTokenizersPackageReadsWhatWeWriteOfSmolLm2) {
  auto python = testing::python_path();
  if (!python) GTEST_SKIP() << kNoPython;
  auto path = testing::smollm2_path();
  if (!path) GTEST_SKIP() << "SmolLM2's GGUF is absent (set ATTUNE_SMOLLM2)";
  TemporaryDirectory out;
  write(out.path(), "gguf-smollm2", load_gguf(*path).value());
  expect_same_ids(*python, out);
}

}  // namespace
}  // namespace attune
