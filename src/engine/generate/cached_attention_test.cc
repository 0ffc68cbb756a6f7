#include "engine/generate/cached_attention.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <cmath>

#include "engine/generate/small_model.h"

namespace attune::engine::generate {
namespace {

const std::vector<int32_t> kTokens{5, 9, 200, 31, 77, 5, 5, 140, 66, 12, 90, 33, 2, 250, 61, 61};

KvShape shape_of(const models::Decoder& decoder) {
  const models::DecoderConfig& config = decoder.config();
  return {config.layer_count(), config.kv_heads, config.head_width};
}

// Runs tokens [begin, end) as the next of `segment`.
Tensor extend(models::Decoder& decoder, KvSegment* segment, size_t begin, size_t end) {
  const std::vector<int64_t> ids(kTokens.begin() + static_cast<int64_t>(begin),
                                 kTokens.begin() + static_cast<int64_t>(end));
  std::vector<int64_t> positions;
  for (size_t i = begin; i < end; ++i) positions.push_back(static_cast<int64_t>(i));
  CachedAttention attention({{segment, 0, static_cast<int64_t>(ids.size())}});
  Tensor hidden = decoder.forward(at::tensor(ids), at::tensor(positions), attention);
  attention.advance();
  return hidden;
}

void expect_cached_equals_uncached(models::Decoder& decoder) {
  const at::NoGradGuard no_grad;
  models::PackedBatch batch;
  batch.add_root(kTokens);
  const Tensor expected = decoder.forward(batch);

  const KvShape shape = shape_of(decoder);
  auto prompt = std::make_shared<KvSegment>(shape, 6, nullptr);
  std::vector<Tensor> parts{extend(decoder, prompt.get(), 0, 6)};
  KvSegment answer(shape, 10, prompt);
  EXPECT_EQ(answer.first_position(), 6);
  parts.push_back(extend(decoder, &answer, 6, 7));   // one token
  parts.push_back(extend(decoder, &answer, 7, 12));  // several at once
  for (size_t i = 12; i < kTokens.size(); ++i) {
    parts.push_back(extend(decoder, &answer, i, i + 1));
  }
  const Tensor difference = (at::cat(parts) - expected).abs().max();
  EXPECT_LT(difference.item<double>(), 1e-5 * expected.abs().max().item<double>());
}

TEST(CachedAttention, EqualsAttentionWithoutACache) {
  expect_cached_equals_uncached(*testing::small_decoder());
}

TEST(CachedAttention, KeepsTheSlidingWindow) {
  expect_cached_equals_uncached(*testing::small_decoder(/*window=*/5));
}

TEST(CachedAttention, TheWindowMatters) {
  const at::NoGradGuard no_grad;
  models::PackedBatch batch;
  batch.add_root(kTokens);
  const Tensor wide = testing::small_decoder(100)->forward(batch);
  const Tensor narrow = testing::small_decoder(5)->forward(batch);
  EXPECT_GT((wide - narrow).abs().max().item<double>(), 0.01);
}

TEST(CachedAttention, AddsAlibi) {
  const at::NoGradGuard no_grad;
  const KvShape shape{1, 2, 8};
  const Tensor q = at::tensor(std::vector<float>(9 * 4 * 8, 0.0f)).view({9, 4, 8});
  std::vector<float> numbers;
  for (int i = 0; i < 9 * 2 * 8; ++i) numbers.push_back(std::sin(static_cast<float>(i)));
  const Tensor k = at::tensor(numbers).view({9, 2, 8});
  const Tensor v = k.cos();
  const ops::AttentionOptions options{0, 0, {0.5f, 0.25f, 0.70703125f, 0.0883789f}, 0.6};
  ops::PackedLayout layout;
  layout.add_root(9);
  const Tensor expected = ops::tree_attention_reference(q, k, v, layout, options);
  KvSegment segment(shape, 9, nullptr);
  CachedAttention first({{&segment, 0, 5}});
  first.attend(0, q.narrow(0, 0, 5), k.narrow(0, 0, 5), v.narrow(0, 0, 5), options);
  first.advance();
  CachedAttention second({{&segment, 0, 4}});
  const Tensor rest =
      second.attend(0, q.narrow(0, 5, 4), k.narrow(0, 5, 4), v.narrow(0, 5, 4), options);
  EXPECT_LT((rest - expected.narrow(0, 5, 4)).abs().max().item<double>(), 1e-6);
}

}  // namespace
}  // namespace attune::engine::generate
