// A pass that is asked for some rows gives their hidden states and gradients as one for all rows.
#include <ATen/ops/linspace.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <string>

#include "engine/models/decoder.h"
#include "engine/models/golden_model.h"
#include "engine/tensor/test_device.h"
#include "weights/model_files.h"

namespace attune::engine::models {
namespace {

std::unique_ptr<Decoder> model(const std::string& family) {
  const GoldenModel golden = read_golden_model(family);
  const auto files = weights::ModelFiles::open(golden.folder);
  auto decoder = Decoder::load(*files, {.trainable = true, .device = test_device()});
  EXPECT_TRUE(decoder.ok());
  return std::move(*decoder);
}

PackedBatch tree() {
  PackedBatch batch;
  const int64_t prompt = batch.add_root(std::vector<int32_t>{3, 1, 4, 1, 5});
  batch.add_child(prompt, std::vector<int32_t>{9, 2, 6});
  batch.add_child(prompt, std::vector<int32_t>{5, 3});
  return batch;
}

class AskedRows : public ::testing::TestWithParam<const char*> {};

TEST_P(AskedRows, HaveTheStatesAndGradientsOfAPassForAll) {
  const auto whole = model(GetParam());
  const std::vector<int64_t> rows = {7, 2, 4, 2};
  const Tensor at_rows = at::tensor(rows, at::kLong).to(test_device());
  const auto loss = [&](const Tensor& hidden) {
    const Tensor weights = at::linspace(-1, 2, hidden.size(1), hidden.options());
    return hidden.index_select(0, at_rows).mul(weights).sum();
  };
  const Tensor wanted = whole->forward(tree());
  loss(wanted).backward();
  for (const bool recompute : {false, true}) {
    const auto spared = model(GetParam());
    const ForwardOptions asked{.adapters = {}, .recompute = recompute, .rows = rows};
    const Tensor got = spared->forward(tree(), asked);
    EXPECT_EQ(got.sizes(), wanted.sizes());
    EXPECT_LT(relative_difference(got.index_select(0, at_rows), wanted.index_select(0, at_rows)),
              1e-5);
    for (const int64_t other : {0, 1, 3, 5, 6, 8, 9}) {
      EXPECT_EQ(got.select(0, other).abs().sum().item<float>(), 0) << other;
    }
    loss(got).backward();
    for (const nn::Parameter& parameter : whole->parameters().all()) {
      const Tensor& gradient = spared->parameters().find(parameter.name)->grad();
      ASSERT_EQ(gradient.defined(), parameter.tensor.grad().defined()) << parameter.name;
      if (!gradient.defined()) continue;
      EXPECT_LT(relative_difference(gradient, parameter.tensor.grad()), 1e-5)
          << parameter.name;
    }
  }
}

// One after the other, side by side with one norm, and with two.
INSTANTIATE_TEST_SUITE_P(Families, AskedRows,
                         ::testing::Values("smollm2", "falcon_7b", "falcon_40b", "gpt_neox"));

}  // namespace
}  // namespace attune::engine::models
