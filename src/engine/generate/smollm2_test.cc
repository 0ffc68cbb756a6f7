// Generation with a published model: what Transformers generates, and what quantised blocks change.
#include "engine/generate/generator.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <optional>

#include "base/file.h"
#include "base/json.h"
#include "engine/generate/cached_attention.h"
#include "tests/support/test_paths.h"
#include "weights/convert.h"
#include "weights/model_files.h"
#include "weights/model_folder_writer.h"

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

std::vector<Tensor> dense_log_probs(const weights::ModelFiles& files, const Json& cases) {
  const auto dense = load(files, "");
  std::vector<Tensor> results;
  for (const Json& golden : cases) results.push_back(forced_log_probs(*dense, golden));
  return results;
}

Agreement agreement_with(const std::vector<Tensor>& dense, const weights::ModelFiles& files,
                         const char* quantize, const Json& cases) {
  Agreement sum;
  const auto blocks = load(files, quantize);
  const std::vector<Tensor> decoded = decoded_log_probs(*blocks, cases);
  for (size_t i = 0; i < cases.size(); ++i) {
    sum.positions += dense[i].size(0);
    sum.top1 += dense[i].argmax(1).eq(decoded[i].argmax(1)).sum().item<double>();
    sum.mean_kl += (dense[i].exp() * (dense[i] - decoded[i])).sum().item<double>();
  }
  sum.top1 /= static_cast<double>(sum.positions);
  sum.mean_kl /= static_cast<double>(sum.positions);
  std::printf("%s blocks: top-1 %.4f, mean KL %.2e nats over %ld positions\n", quantize,
              sum.top1, sum.mean_kl, static_cast<long>(sum.positions));
  return sum;
}

// The file itself in fp32: computed once for the tests that compare with it.
const std::vector<Tensor>& own_log_probs(const weights::ModelFiles& files, const Json& cases) {
  static const std::vector<Tensor> kLogProbs = dense_log_probs(files, cases);
  return kLogProbs;
}

// The file's own blocks: the same weights.
TEST_F(SmolLm2, NativeBlocksAgreeWithFp32) {
  const Json& cases = golden_["cases"];
  const Agreement agreement =
      agreement_with(own_log_probs(*files_, cases), *files_, "native", cases);
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
  const Json& cases = golden_["cases"];
  const Agreement agreement = agreement_with(dense_log_probs(q8, cases), q8, "native", cases);
  EXPECT_GE(agreement.top1, 0.99);
  EXPECT_LE(agreement.mean_kl, 1e-5);
}

// Q8_0 blocks that were made of fp32 weights, against those: what rounding the weights to 8 bits
// changes besides. Seen: 0.9761 and 1.05e-3 nats.
TEST_F(SmolLm2, RoundingWeightsToQ8ChangesWhatIsStated) {
  const Json& cases = golden_["cases"];
  const Agreement agreement = agreement_with(own_log_probs(*files_, cases), *files_, "q8_0", cases);
  EXPECT_GE(agreement.top1, 0.97);
  EXPECT_LE(agreement.mean_kl, 1.5e-3);
}

// Where each of `size` units goes, within groups of `group`: neighbors part, groups stay.
std::vector<int64_t> new_order(int64_t size, int64_t group) {
  constexpr int64_t kStride = 37;  // prime to 64, 576 and 1536; more than the 32 of a block
  std::vector<int64_t> order;
  for (int64_t i = 0; i < size; ++i) order.push_back(i - i % group + kStride * (i % group) % group);
  return order;
}

// A tensor of the same model whose units stand in another order.
Tensor reordered(const std::string& name, Tensor values) {
  const auto is = [&](std::initializer_list<const char*> parts) {
    return std::any_of(parts.begin(), parts.end(),
                       [&](const char* part) { return name.find(part) != std::string::npos; });
  };
  const auto reorder = [&values](int64_t dim, int64_t group) {
    const int64_t size = values.size(dim);
    values = values.index_select(dim, at::tensor(new_order(size, group == 0 ? size : group)));
  };
  constexpr int64_t kHeadWidth = 64;
  if (is({"o_proj", "down_proj", "gate_proj", "up_proj"})) reorder(0, 0);
  if (is({"v_proj"})) reorder(0, kHeadWidth);
  reorder(values.dim() - 1, is({"o_proj"}) ? kHeadWidth : 0);
  return values.contiguous();
}

// The package's layers are Q4_1 already, so rounding them to Q4_1 again changes next to nothing.
// With its units in another order it is the same network, and no block of it has one scale.
void write_reordered(const weights::ModelFiles& files, const std::string& path) {
  weights::ModelFolder folder = weights::folder_like(files).value();
  for (const std::string& name : files.tensor_names()) {
    folder.tensors.push_back({name, weights::DType::kF32, files.find(name)->shape});
  }
  const auto source = [&files](const weights::TensorSpec& spec,
                               const weights::ByteSink& sink) -> Status {
    Tensor values = at::empty(spec.shape);
    const auto size = static_cast<size_t>(values.numel());
    TRY(files.read(spec.name, {values.mutable_data_ptr<float>(), size}));
    const Tensor written = reordered(spec.name, values);
    return sink({static_cast<const uint8_t*>(written.const_data_ptr()), size * sizeof(float)});
  };
  write_model_folder(path, folder, source).value();
}

// Seen: q4_0 0.7836 and 0.284 nats, q4_1 0.7905 and 0.285; in the file's own order 0.7973 and
// 0.277, 0.9063 and 0.037. Embedding and head are rounded too.
TEST_F(SmolLm2, RoundingWeightsTo4BitsChangesWhatIsStated) {
  const Json& cases = golden_["cases"];
  TemporaryDirectory folder;
  write_reordered(*files_, folder.file("reordered"));
  const auto files = weights::ModelFiles::open(folder.file("reordered")).value();
  const std::vector<Tensor> dense = dense_log_probs(files, cases);
  const Tensor own_order = own_log_probs(*files_, cases)[0];
  EXPECT_LT((dense[0] - own_order).abs().max().item<double>(), 1e-3) << "not the same network";
  for (const char* quantize : {"q4_0", "q4_1"}) {
    const Agreement agreement = agreement_with(dense, files, quantize, cases);
    EXPECT_GE(agreement.top1, 0.77) << quantize;
    EXPECT_LE(agreement.mean_kl, 0.31) << quantize;
  }
}

}  // namespace
}  // namespace attune::engine::generate
