// The promise of linear_log_probs.h: peak memory does not depend on rows x vocabulary.
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include "engine/ops/linear_log_probs.h"
#include "engine/tensor/arena.h"
#include "engine/tensor/gradient_check.h"

namespace attune::engine::ops {
namespace {

constexpr int64_t kVocabulary = 8192, kWidth = 32, kChunk = 64;

// Bytes beyond what was in use before, at the worst moment of `work`.
template <typename Work>
int64_t extra_peak(const Work& work) {
  const int64_t before = arena_statistics().in_use_bytes;
  reset_arena_peak();
  work();
  return arena_statistics().peak_bytes - before;
}

class LogitMemory : public ::testing::Test {
 protected:
  void SetUp() override { install_arena(); }

  int64_t peak(int64_t row_count, bool fused) {
    const Tensor hidden = at::randn({row_count, kWidth}).set_requires_grad(true);
    const Tensor weight = at::randn({kVocabulary, kWidth}).set_requires_grad(true);
    const Tensor rows = at::arange(row_count);
    const Tensor targets = at::randint(kVocabulary, {row_count}, at::kLong);
    const LogProbOptions options{.chunk_rows = kChunk};
    const Tensor one_each = at::full({row_count}, 1.0f);
    return extra_peak([&] {
      const Tensor loss =
          fused ? linear_nll(hidden, weight, {}, rows, targets, one_each, options).loss
                : linear_log_probs(hidden, weight, {}, rows, targets, options).log_probs.sum();
      torch::autograd::backward({loss});
    });
  }
};

TEST_F(LogitMemory, PeakIsAChunkAndTheGradients) {
  for (bool fused : {true, false}) {
    const int64_t chunk = kChunk * kVocabulary * 4, weight = kVocabulary * kWidth * 4;
    for (int64_t rows : {512, 4096}) {
      const int64_t hidden = rows * kWidth * 4;
      EXPECT_LT(peak(rows, fused), chunk + 3 * weight + 6 * hidden + 1024 * 1024)
          << rows << " rows of logits would be " << rows * kVocabulary * 4 << " bytes";
    }
  }
}

}  // namespace
}  // namespace attune::engine::ops
