// Saved folders open again with the same values; Transformers' side is tests/interop/models_*.
#include "engine/models/save.h"

#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "engine/models/golden_model.h"
#include "weights/model_files.h"

namespace attune::engine::models {
namespace {

std::unique_ptr<Decoder> load_from(const std::string& folder, const LoadOptions& options = {}) {
  auto files = weights::ModelFiles::open(folder);
  EXPECT_TRUE(files.ok()) << files.error().message();
  auto decoder = Decoder::load(*files, options);
  EXPECT_TRUE(decoder.ok()) << decoder.error().message();
  return std::move(decoder).value();
}

class SavedModel : public ::testing::TestWithParam<std::string> {};

TEST_P(SavedModel, OpensAgainWithTheSameValues) {
  GoldenModel golden = read_golden_model(GetParam());
  auto files = weights::ModelFiles::open(golden.folder);
  auto decoder = load_from(golden.folder);
  for (nn::Parameter parameter : decoder->parameters().all()) parameter.tensor.mul_(1.001);
  TemporaryDirectory directory;
  const std::string folder = directory.file("model");
  Status saved = save_decoder(*decoder, *files, folder);
  ASSERT_TRUE(saved.ok()) << saved.error().message();
  auto again = load_from(folder);
  ASSERT_EQ(again->parameters().all().size(), decoder->parameters().all().size());
  for (const nn::Parameter& parameter : decoder->parameters().all()) {
    const Tensor* loaded = again->parameters().find(parameter.name);
    ASSERT_NE(loaded, nullptr) << parameter.name;
    EXPECT_TRUE(at::equal(*loaded, parameter.tensor)) << parameter.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Families, SavedModel, ::testing::ValuesIn(golden_model_names()),
                         [](const auto& test) { return test.param; });

TEST(SaveDecoder, HalfPrecisionAndRefusals) {
  GoldenModel golden = read_golden_model("llama3");
  auto files = weights::ModelFiles::open(golden.folder);
  auto decoder = load_from(golden.folder);
  TemporaryDirectory directory;
  const std::string folder = directory.file("model");
  ASSERT_TRUE(save_decoder(*decoder, *files, folder, {at::kBFloat16}).ok());
  auto again = load_from(folder);  // the small models' values are exact in bf16
  const nn::Parameter& first = decoder->parameters().all().front();
  EXPECT_TRUE(at::equal(*again->parameters().find(first.name), first.tensor));
  EXPECT_FALSE(save_decoder(*decoder, *files, directory.file("double"), {at::kDouble}).ok());
  auto blocks = load_from(golden.folder, {at::kFloat, "q8_0", false});
  Status refused = save_decoder(*blocks, *files, directory.file("blocks"));
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message().find("blocks"), std::string::npos);
}

}  // namespace
}  // namespace attune::engine::models
