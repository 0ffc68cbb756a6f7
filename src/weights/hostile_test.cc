// Damaged models: whatever bytes a stranger's file holds, opening it ends in a model whose values
// can be read or in an error that names the file. Under the sanitizers this sees the most.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "base/file.h"
#include "base/random.h"
#include "tests/support/test_paths.h"
#include "weights/convert.h"
#include "weights/lora_files.h"
#include "weights/merge.h"
#include "weights/model_files.h"
#include "weights/model_info.h"

namespace attune::weights {
namespace {

int mutation_count() {
  const char* tier = std::getenv("ATTUNE_TEST_TIER");
  return tier != nullptr && std::string_view(tier) == "full" ? 6000 : 300;
}

std::string golden(const std::string& name) {
  return testing::source_path("tests/golden/" + name);
}

// Not through base/file.h, whose fsync would take most of the test's time.
void put(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// One to three of: an extreme or any byte, a piece dropped, a piece doubled, the end cut off.
std::string mutated(std::string bytes, size_t reach, Random& random) {
  constexpr std::string_view kExtremes("\0\xff\x7f\x80\"{[-", 8);
  for (uint64_t left = 1 + random.below(3); left > 0 && !bytes.empty(); --left) {
    size_t at = random.below(std::min(reach, bytes.size()));
    size_t piece = 1 + random.below(16);
    switch (random.below(6)) {
      case 0:
        bytes.resize(at);
        break;
      case 1:
        bytes.erase(at, piece);
        break;
      case 2:
        bytes.insert(at, bytes.substr(at, piece));
        break;
      case 3:
        bytes[at] = static_cast<char>(random.below(256));
        break;
      default:
        bytes[at] = kExtremes[random.below(kExtremes.size())];
    }
  }
  return bytes;
}

// Opens the model and reads all that it offers; returns the error's text, "" when there is none.
std::string use(const std::string& path) {
  Result<ModelFiles> files = ModelFiles::open(path);
  if (!files.ok()) return files.error().message();
  std::vector<float> values;
  for (const std::string& name : files->tensor_names()) {
    auto size = element_count(files->find(name)->shape);
    if (!size.ok() || *size > 1'000'000) continue;
    values.resize(static_cast<size_t>(*size));
    Status read = files->read(name, values);
    if (!read.ok()) return read.error().message();
  }
  Result<text::Tokenizer> tokenizer = load_tokenizer(*files);
  if (!tokenizer.ok()) return tokenizer.error().message();
  (void)tokenizer->decode(tokenizer->encode("the year 12 <s>"), false);
  Result<OrderedJson> info = model_info(path);
  if (!info.ok()) return info.error().message();
  EXPECT_FALSE(model_info_text(*info).empty());
  return "";
}

TEST(Hostile, AMutatedGgufGivesAModelOrAnError) {
  TemporaryDirectory folder;
  const std::string path = folder.file("model.gguf");
  convert_model({golden("train/tiny"), path, DType::kQ8_0}).value();
  const std::string whole = read_file(path).value();
  ASSERT_EQ(use(path), "");
  Random random(7);
  int refused = 0;
  for (int i = 0; i < mutation_count(); ++i) {
    put(path, mutated(whole, 6000, random));
    std::string error = use(path);
    refused += error.empty() ? 0 : 1;
    EXPECT_TRUE(error.empty() || error.find(path) != std::string::npos) << error;
  }
  EXPECT_GT(refused, mutation_count() / 4);
}

TEST(Hostile, MutatedFilesOfAFolderGiveAModelOrAnError) {
  const std::string source = golden("train/tiny");
  for (const char* name : {"config.json", "generation_config.json", "tokenizer.json",
                           "tokenizer_config.json", "model.safetensors"}) {
    TemporaryDirectory folder;
    for (const std::string& file : list_directory(source).value()) {
      put(folder.file(file), read_file(join_path(source, file)).value());
    }
    const std::string whole = read_file(folder.file(name)).value();
    ASSERT_EQ(use(folder.path()), "");
    Random random(11);
    for (int i = 0; i < mutation_count() / 3; ++i) {
      put(folder.file(name), mutated(whole, 4000, random));
      std::string error = use(folder.path());
      EXPECT_TRUE(error.empty() || error.find(folder.path()) != std::string::npos) << error;
      auto report = convert_model({folder.path(), folder.file("out.gguf"), {}});
      EXPECT_EQ(exists(folder.file("out.gguf")), report.ok());
      remove_all(folder.file("out.gguf")).value();
    }
  }
}

TEST(Hostile, AMutatedAdapterGivesAMergeOrAnError) {
  const std::string source = golden("weights/tiny-adapter");
  for (const char* name : {"adapter_config.json", "adapter_model.safetensors"}) {
    TemporaryDirectory folder;
    make_directories(folder.file("a")).value();
    for (const std::string& file : list_directory(source).value()) {
      put(folder.file("a/" + file), read_file(join_path(source, file)).value());
    }
    const std::string whole = read_file(folder.file(std::string("a/") + name)).value();
    Random random(13);
    for (int i = 0; i < mutation_count() / 3; ++i) {
      put(folder.file(std::string("a/") + name), mutated(whole, 4000, random));
      MergeOptions options{
          golden("weights/tiny-llama"), folder.file("a"), folder.file("out"), {}, false};
      auto report = merge_adapter(options);
      EXPECT_EQ(exists(folder.file("out")), report.ok());
      remove_all(folder.file("out")).value();
    }
  }
}

}  // namespace
}  // namespace attune::weights
