#include "engine/generate/cached_attention.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <memory>

#include "engine/generate/small_model.h"

namespace attune::engine::generate {
namespace {

const std::vector<int32_t> kTokens{5, 9, 200, 31, 77, 5, 5, 140, 66, 12, 90, 33, 2, 250, 61, 61};

KvShape shape_of(const models::Decoder& decoder) {
  const models::DecoderConfig& config = decoder.config();
  return {config.layer_count(), config.kv_heads, config.head_width, decoder.device()};
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

// Random q, k and v of `tokens`, attended in parts through a prompt's cache and an answer's.
void expect_parts_equal_whole(int64_t width, int64_t tokens, const ops::AttentionOptions& options) {
  const at::NoGradGuard no_grad;
  const int64_t heads = 4, kv_heads = 2, prompt_tokens = tokens / 2;
  const KvShape shape{1, kv_heads, width};
  const Tensor q = at::randn({tokens, heads, width}) * 2;
  const Tensor k = at::randn({tokens, kv_heads, width}), v = at::randn({tokens, kv_heads, width});
  ops::PackedLayout layout;
  layout.add_root(tokens);
  const Tensor expected = ops::tree_attention_reference(q, k, v, layout, options);
  auto prompt = std::make_shared<KvSegment>(shape, prompt_tokens, nullptr);
  std::unique_ptr<KvSegment> answer;
  for (int64_t begin = 0, end = prompt_tokens; begin < tokens; begin = end, end = tokens) {
    if (begin > 0) answer = std::make_unique<KvSegment>(shape, tokens, prompt);
    CachedAttention attention({{begin > 0 ? answer.get() : prompt.get(), 0, end - begin}});
    const auto part = [&](const Tensor& x) { return x.narrow(0, begin, end - begin); };
    const Tensor found = attention.attend(0, part(q), part(k), part(v), options);
    attention.advance();
    EXPECT_LT((found - part(expected)).abs().max().item<double>(), 4e-5)
        << "width " << width << ", tokens " << begin << " to " << end;
  }
}

TEST(CachedAttention, EqualsTheReferenceForEveryWidthAndLength) {
  for (const int64_t width : {6, 8, 32, 64, 80, 128, 160}) {  // 6 has no kernel
    for (const int64_t tokens : {2, 3, 17, 33, 70}) {
      expect_parts_equal_whole(width, tokens, {});
    }
    expect_parts_equal_whole(width, 40, {0, 7, {}});
    expect_parts_equal_whole(width, 40, {0.3, 0, {0.5f, 0.25f, 0.70703125f, 0.0883789f}, 0.6});
  }
}

}  // namespace
}  // namespace attune::engine::generate
