// Generation with a published model: what Transformers generates, and what quantised blocks change.
#include "engine/generate/generator.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <optional>

#include "base/file.h"
#include "base/json.h"
#include "engine/generate/cached_attention.h"
#include "tests/support/test_paths.h"
#include "weights/convert.h"
#include "weights/model_files.h"

namespace attune::engine::generate {
namespace {

std::unique_ptr<models::Decoder> load(const weights::ModelFiles& files,
                                      const std::string& quantize) {
  models::LoadOptions options;
  options.quantize = quantize;
  return models::Decoder::load(files, options).value();
}

class SmolLm2 : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto path = attune::testing::smollm2_path();
    if (!path) GTEST_SKIP() << "no SmolLM2 (set ATTUNE_SMOLLM2, or run scripts/setup.sh)";
    files_ = weights::ModelFiles::open(*path).value();
    golden_ = read_json_file(attune::testing::source_path("tests/golden/generate/smollm2.json"))
                  .value();
  }
  std::optional<weights::ModelFiles> files_;
  Json golden_;
};

GenerateRequest request_of(const Json& golden) {
  GenerateRequest request;
  request.prompt = golden["prompt"].get<std::vector<int32_t>>();
  request.max_new_tokens = golden["max_new_tokens"];
  request.sampling.repetition_penalty = golden["options"].value("repetition_penalty", 1.0);
  request.min_new_tokens = golden["options"].value("min_new_tokens", 0);
  return request;
}

TEST_F(SmolLm2, GreedyEqualsTransformersTokenForToken) {
  const auto decoder = load(*files_, "");
  std::vector<GenerateRequest> requests;
  for (const Json& golden : golden_["cases"]) requests.push_back(request_of(golden));
  Generator generator(*decoder, weights::load_tokenizer(*files_).value(), {.eos_ids = {2}});
  const auto results = generator.run(requests);
  ASSERT_TRUE(results.ok()) << results.error().message();
  for (size_t i = 0; i < requests.size(); ++i) {
    const Json& golden = golden_["cases"][i];
    const Completion& completion = (*results)[i][0];
    EXPECT_EQ(completion.tokens, golden["ids"].get<std::vector<int32_t>>()) << golden["question"];
    EXPECT_NEAR(completion.sum_logprob(), golden["sum_logprob"].get<double>(), 5e-3)
        << golden["question"];
  }
}

// Log-probabilities [T, V] at every generated position of the goldens, under teacher forcing.
Tensor forced_log_probs(models::Decoder& decoder, const Json& golden) {
  const at::NoGradGuard no_grad;
  auto tokens = golden["prompt"].get<std::vector<int32_t>>();
  const auto prompt = static_cast<int64_t>(tokens.size());
  const auto answer = golden["ids"].get<std::vector<int32_t>>();
  tokens.insert(tokens.end(), answer.begin(), answer.end() - 1);
  models::PackedBatch batch;
  batch.add_root(tokens);
  const Tensor hidden = decoder.forward(batch);
  const Tensor rows = hidden.narrow(0, prompt - 1, static_cast<int64_t>(answer.size()));
  return at::log_softmax(decoder.logits(rows), 1);
}

// The same through the cache, one token of every case a step, as generation runs: few rows go
// through other kernels than many.
std::vector<Tensor> decoded_log_probs(models::Decoder& decoder, const Json& cases) {
  const at::NoGradGuard no_grad;
  const models::DecoderConfig& config = decoder.config();
  const KvShape shape{config.layer_count(), config.kv_heads, config.head_width};
  std::vector<std::vector<int32_t>> tokens;
  std::vector<std::unique_ptr<KvSegment>> segments;
  std::vector<Tensor> results;
  for (const Json& golden : cases) {
    tokens.push_back(golden["prompt"].get<std::vector<int32_t>>());
    for (const Json& id : golden["ids"]) tokens.back().push_back(id);
    segments.push_back(std::make_unique<KvSegment>(shape, 512, nullptr));
    const size_t prompt = golden["prompt"].size() - 1;  // its last token is the first step
    const std::vector<int64_t> ids(tokens.back().begin(),
                                   tokens.back().begin() + static_cast<int64_t>(prompt));
    CachedAttention attention({{segments.back().get(), 0, static_cast<int64_t>(prompt)}});
    decoder.forward(at::tensor(ids), at::arange(static_cast<int64_t>(prompt)), attention);
    attention.advance();
    results.push_back(at::empty({static_cast<int64_t>(golden["ids"].size()), config.vocabulary}));
  }
  for (int64_t step = 0;; ++step) {
    std::vector<models::TokenRow> tokens_now;
    std::vector<CachedRows> rows;
    std::vector<size_t> of_row;
    for (size_t i = 0; i < results.size(); ++i) {
      if (step >= results[i].size(0)) continue;
      const int64_t position = segments[i]->length();
      tokens_now.push_back({tokens[i][static_cast<size_t>(position)], position});
      rows.push_back({segments[i].get(), static_cast<int64_t>(of_row.size()), 1});
      of_row.push_back(i);
    }
    if (of_row.empty()) return results;
    CachedAttention attention(std::move(rows));
    const Tensor log_probs = at::log_softmax(decoder.decode(tokens_now, attention), 1);
    attention.advance();
    for (size_t r = 0; r < of_row.size(); ++r) {
      results[of_row[r]].select(0, step).copy_(log_probs[static_cast<int64_t>(r)]);
    }
  }
}

// What a sample says its tokens' log-probabilities were is what scoring them afterwards gives.
TEST_F(SmolLm2, CapturedLogProbsEqualScoringAfterwards) {
  const auto decoder = load(*files_, "");
  GenerateRequest request = request_of(golden_["cases"][1]);
  request.max_new_tokens = 40;
  request.num_return_sequences = 3;
  request.sampling = {.do_sample = true, .temperature = 0.8, .top_p = 0.95, .seed = 4};
  Generator generator(*decoder, weights::load_tokenizer(*files_).value(), {.eos_ids = {2}});
  const auto samples = generator.run({request}).value()[0];
  ASSERT_EQ(samples.size(), 3u);
  for (const Completion& completion : samples) {
    Json sampled = golden_["cases"][1];
    sampled["ids"] = completion.tokens;
    const Tensor logits = forced_log_probs(*decoder, sampled);
    const Tensor expected = at::log_softmax(logits / 0.8, 1);
    for (size_t i = 0; i < completion.tokens.size(); ++i) {
      EXPECT_NEAR(completion.log_probs[i],
                  expected[static_cast<int64_t>(i)][completion.tokens[i]].item<double>(), 1e-3)
          << i;
    }
  }
}

struct Agreement {
  double top1 = 0;     // share of positions with the same most probable token
  double mean_kl = 0;  // KL(fp32 || blocks), nats
  int64_t positions = 0;
};

Agreement compare(models::Decoder& dense, models::Decoder& blocks, const Json& cases) {
  Agreement sum;
  const std::vector<Tensor> decoded = decoded_log_probs(blocks, cases);
  for (size_t i = 0; i < cases.size(); ++i) {
    const Tensor expected = forced_log_probs(dense, cases[i]);
    sum.positions += expected.size(0);
    sum.top1 += expected.argmax(1).eq(decoded[i].argmax(1)).sum().item<double>();
    sum.mean_kl += (expected.exp() * (expected - decoded[i])).sum().item<double>();
  }
  sum.top1 /= static_cast<double>(sum.positions);
  sum.mean_kl /= static_cast<double>(sum.positions);
  return sum;
}

Agreement agreement_of(const weights::ModelFiles& files, const char* quantize, const Json& cases) {
  const auto dense = load(files, "");
  const auto blocks = load(files, quantize);
  const Agreement agreement = compare(*dense, *blocks, cases);
  std::printf("%s blocks: top-1 %.4f, mean KL %.2e nats over %ld positions\n", quantize,
              agreement.top1, agreement.mean_kl, static_cast<long>(agreement.positions));
  return agreement;
}

// The file's own blocks: the same weights.
TEST_F(SmolLm2, NativeBlocksAgreeWithFp32) {
  const Agreement agreement = agreement_of(*files_, "native", golden_["cases"]);
  EXPECT_GE(agreement.top1, 0.99);
  EXPECT_LE(agreement.mean_kl, 1e-5);
}

// Q8_0 blocks against the same weights in fp32: what the kernels change.
TEST_F(SmolLm2, Q8BlocksAgreeWithTheirOwnWeights) {
  TemporaryDirectory folder;
  weights::ConvertOptions options;
  options.model = files_->path();
  options.output = folder.file("q8.gguf");
  options.dtype = weights::DType::kQ8_0;
  ASSERT_TRUE(weights::convert_model(options).ok());
  const auto q8 = weights::ModelFiles::open(options.output).value();
  const Agreement agreement = agreement_of(q8, "native", golden_["cases"]);
  EXPECT_GE(agreement.top1, 0.99);
  EXPECT_LE(agreement.mean_kl, 1e-5);
}

// Q8_0 blocks that were made of fp32 weights, against those: what rounding the weights to 8 bits
// changes besides. Seen: 0.9761 and 1.05e-3 nats.
TEST_F(SmolLm2, RoundingWeightsToQ8ChangesWhatIsStated) {
  const Agreement agreement = agreement_of(*files_, "q8_0", golden_["cases"]);
  EXPECT_GE(agreement.top1, 0.97);
  EXPECT_LE(agreement.mean_kl, 1.5e-3);
}

}  // namespace
}  // namespace attune::engine::generate
