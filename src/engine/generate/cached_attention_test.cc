#include "engine/generate/cached_attention.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <memory>

#include "engine/generate/kv_pool.h"
#include "engine/generate/small_model.h"

namespace attune::engine::generate {
namespace {

const std::vector<int32_t> kTokens{5, 9, 200, 31, 77, 5, 5, 140, 66, 12, 90, 33, 2, 250, 61, 61};

KvShape shape_of(const models::Decoder& decoder) {
  const models::DecoderConfig& config = decoder.config();
  return {config.layer_count(), config.kv_heads, config.head_width, decoder.device()};
}

// None where the device allows it, a pool, and one that gives each token a stretch of its own.
std::vector<std::shared_ptr<KvPool>> pools_for(const KvShape& shape) {
  std::vector<std::shared_ptr<KvPool>> pools{std::make_shared<KvPool>(shape, 4096),
                                             std::make_shared<KvPool>(shape, 1)};
  pools[1]->take(1);
  std::vector<int64_t> holes;
  for (int64_t row = 1; pools[1]->free_rows() > 0; ++row) {
    pools[1]->take(1);
    if (row % 2 == 1) holes.push_back(row);
  }
  pools[1]->give_back(holes);
  if (shape.device.is_cpu()) pools.push_back(nullptr);
  return pools;
}

// The hidden states of the next tokens of some segments, [sum of counts, D], in one pass.
struct Next {
  KvSegment* segment;
  std::vector<int64_t> tokens;
};

Tensor extend(models::Decoder& decoder, const std::vector<Next>& parts) {
  std::vector<int64_t> ids, positions;
  std::vector<CachedRows> rows;
  for (const auto& [segment, tokens] : parts) {
    rows.push_back(
        {segment, static_cast<int64_t>(ids.size()), static_cast<int64_t>(tokens.size())});
    int64_t position = segment->first_position() + segment->length();
    for (const int64_t token : tokens) ids.push_back(token), positions.push_back(position++);
  }
  CachedAttention attention(std::move(rows));
  Tensor hidden = decoder.forward(at::tensor(ids), at::tensor(positions), attention);
  attention.advance();
  return hidden;
}

std::vector<int64_t> tokens_between(size_t begin, size_t end) {
  return {kTokens.begin() + static_cast<int64_t>(begin),
          kTokens.begin() + static_cast<int64_t>(end)};
}

void expect_close(const Tensor& found, const Tensor& expected) {
  EXPECT_LT((found - expected).abs().max().item<double>(),
            1e-5 * expected.abs().max().item<double>());
}

void expect_cached_equals_uncached(models::Decoder& decoder) {
  const at::NoGradGuard no_grad;
  models::PackedBatch batch;
  batch.add_root(kTokens);
  const Tensor expected = decoder.forward(batch);
  const KvShape shape = shape_of(decoder);
  for (const std::shared_ptr<KvPool>& pool : pools_for(shape)) {
    const auto next = [&](KvSegment* segment, size_t begin, size_t end) {
      return extend(decoder, {{segment, tokens_between(begin, end)}});
    };
    auto prompt = std::make_shared<KvSegment>(shape, 6, nullptr, pool);
    std::vector<Tensor> parts{next(prompt.get(), 0, 6)};
    KvSegment answer(shape, 10, prompt, pool);
    EXPECT_EQ(answer.first_position(), 6);
    parts.push_back(next(&answer, 6, 7));   // one token
    parts.push_back(next(&answer, 7, 12));  // several at once
    for (size_t i = 12; i < kTokens.size(); ++i) parts.push_back(next(&answer, i, i + 1));
    expect_close(at::cat(parts), expected);
  }
}

TEST(CachedAttention, EqualsAttentionWithoutACache) {
  expect_cached_equals_uncached(*testing::small_decoder());
}

TEST(CachedAttention, KeepsTheSlidingWindow) {
  expect_cached_equals_uncached(*testing::small_decoder(/*window=*/5));
}

TEST(CachedAttention, ManySequencesInOnePassEqualEachAlone) {
  const at::NoGradGuard no_grad;
  const auto decoder = testing::small_decoder();
  const KvShape shape = shape_of(*decoder);
  for (const std::shared_ptr<KvPool>& pool : pools_for(shape)) {
    std::vector<std::shared_ptr<KvSegment>> prompts;
    std::vector<Next> first;
    for (size_t p = 0; p < 3; ++p) {
      const std::vector<int64_t> tokens = tokens_between(p, 4 + 2 * p);
      prompts.push_back(std::make_shared<KvSegment>(
          shape, static_cast<int64_t>(tokens.size()), nullptr, pool));
      first.push_back({prompts.back().get(), tokens});
    }
    extend(*decoder, first);

    std::vector<std::unique_ptr<KvSegment>> samples;
    std::vector<std::vector<int32_t>> texts;
    Tensor last;
    for (int64_t step = 0; step < 4; ++step) {
      if (step == 2) samples.erase(samples.begin() + 1), texts.erase(texts.begin() + 1);
      for (size_t i = 0; step == 0 && i < 6; ++i) {
        samples.push_back(std::make_unique<KvSegment>(shape, 4, prompts[i / 2], pool));
        texts.emplace_back(first[i / 2].tokens.begin(), first[i / 2].tokens.end());
      }
      std::vector<Next> pass;
      for (size_t i = 0; i < samples.size(); ++i) {
        texts[i].push_back(static_cast<int32_t>(10 * step) + static_cast<int32_t>(i));
        pass.push_back({samples[i].get(), {texts[i].back()}});
      }
      last = extend(*decoder, pass);
    }
    for (size_t i = 0; i < samples.size(); ++i) {
      models::PackedBatch batch;
      batch.add_root(texts[i]);
      expect_close(last[static_cast<int64_t>(i)], decoder->forward(batch)[-1]);
    }
  }
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
  for (const std::shared_ptr<KvPool>& pool : pools_for(shape)) {
    auto prompt = std::make_shared<KvSegment>(shape, prompt_tokens, nullptr, pool);
    std::unique_ptr<KvSegment> answer;
    for (int64_t begin = 0, end = prompt_tokens; begin < tokens; begin = end, end = tokens) {
      if (begin > 0) answer = std::make_unique<KvSegment>(shape, tokens, prompt, pool);
      CachedAttention attention({{begin > 0 ? answer.get() : prompt.get(), 0, end - begin}});
      const auto part = [&](const Tensor& x) { return x.narrow(0, begin, end - begin); };
      const Tensor found = attention.attend(0, part(q), part(k), part(v), options);
      attention.advance();
      EXPECT_LT((found - part(expected)).abs().max().item<double>(), 4e-5)
          << "width " << width << ", tokens " << begin << " to " << end
          << (pool ? ", in a pool" : "");
    }
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
