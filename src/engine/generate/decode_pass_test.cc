// Decoder::decode, the pass of a team, beside forward and logits: the same arithmetic, so the same
// bits, for every trait that it covers.
#include "engine/generate/cached_attention.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <memory>

#include "engine/generate/generator.h"
#include "engine/generate/small_model.h"
#include "engine/tensor/threads.h"

namespace attune::engine::generate {
namespace {

struct Trait {
  const char* name;
  const char* quantize;
  Json config;  // over the plain one
  bool rounds = false;  // fp32 weights that are too small to have the same bits
};

void PrintTo(const Trait& trait, std::ostream* out) { *out << trait.name; }

std::unique_ptr<models::Decoder> decoder_of(const Trait& trait) {
  Json config{{"model_type", "llama"}, {"architectures", {"LlamaForCausalLM"}},
              {"vocab_size", testing::kSmallVocabulary}, {"hidden_size", 96},
              {"intermediate_size", 160}, {"num_hidden_layers", 3}, {"num_attention_heads", 6},
              {"num_key_value_heads", 2}, {"head_dim", 16}, {"max_position_embeddings", 128},
              {"rms_norm_eps", 1e-5}, {"hidden_act", "silu"}, {"tie_word_embeddings", true},
              {"rope_theta", 10000.0}};
  config.update(trait.config);
  models::LoadOptions options;
  options.quantize = trait.quantize;
  auto decoder = models::Decoder::random(models::decoder_config(config).value(), 7, 0.2, options);
  // Norms of ones and biases of zeros would hide a mistake; what is in blocks is no parameter.
  for (const nn::Parameter& parameter : decoder->parameters().all()) {
    Tensor values = parameter.tensor;
    values.add_(at::arange(values.numel()).to(at::kFloat).sin().view(values.sizes()) * 0.3);
  }
  return decoder;
}

// Sequences of different lengths, some of them two samples of one prompt.
class Sequences {
 public:
  Sequences(models::Decoder& decoder, int64_t count) : decoder_(decoder) {
    const models::DecoderConfig& config = decoder.config();
    const KvShape shape{config.layer_count(), config.kv_heads, config.head_width};
    for (int64_t i = 0; i < count; ++i) {
      if (i % 2 == 0) {
        prompt_ = std::make_shared<KvSegment>(shape, 4 + i, nullptr);
        std::vector<int64_t> ids, positions;
        for (int64_t t = 0; t < 4 + i; ++t) {
          ids.push_back((31 * t + 7 * i) % testing::kSmallVocabulary);
          positions.push_back(t);
        }
        CachedAttention attention({{prompt_.get(), 0, 4 + i}});
        decoder.forward(at::tensor(ids), at::tensor(positions), attention);
        attention.advance();
      }
      segments_.push_back(std::make_unique<KvSegment>(shape, 16, prompt_));
    }
  }

  // Logits after token number `step` of each sequence, by either path; and its hidden states.
  Tensor step(int64_t step, bool team, const std::vector<std::string>& stack = {},
              Tensor* hidden = nullptr) {
    std::vector<models::TokenRow> rows;
    std::vector<int64_t> ids, positions;
    std::vector<CachedRows> cached;
    for (const auto& segment : segments_) {
      const auto row = static_cast<int64_t>(rows.size());
      ids.push_back((101 * step + 13 * row) % testing::kSmallVocabulary);
      positions.push_back(segment->first_position() + segment->length());
      rows.push_back({ids.back(), positions.back()});
      cached.push_back({segment.get(), row, 1});
    }
    CachedAttention attention(std::move(cached));
    Tensor logits;
    if (team) {
      logits = decoder_.decode(rows, attention, stack, hidden);
    } else {
      const Tensor states = decoder_.forward(at::tensor(ids), at::tensor(positions), attention,
                                             {.adapters = {stack, {}}});
      if (hidden != nullptr) *hidden = states;
      logits = decoder_.logits(states);
    }
    attention.advance();
    return logits;
  }

 private:
  models::Decoder& decoder_;
  std::shared_ptr<KvSegment> prompt_;
  std::vector<std::unique_ptr<KvSegment>> segments_;
};

class DecodePass : public ::testing::TestWithParam<Trait> {};

TEST_P(DecodePass, GivesTheBitsOfThePlainPath) {
  const at::NoGradGuard no_grad;
  const int before = compute_threads();
  const auto decoder = decoder_of(GetParam());
  ASSERT_TRUE(decoder->decodes(1));
  for (const int threads : {1, 2, 3}) {
    set_compute_threads(threads);
    for (const int64_t rows : {1, 2, 5, 16}) {
      Sequences plain(*decoder, rows), team(*decoder, rows);
      for (int64_t step = 0; step < 6; ++step) {
        const Tensor expected = plain.step(step, false), found = team.step(step, true);
        const double off = (found - expected).abs().max().item<double>();
        const double limit = GetParam().rounds ? 1e-5 * expected.abs().max().item<double>() : 0;
        ASSERT_LE(off, limit) << threads << " threads, " << rows << " rows, step " << step;
      }
    }
  }
  set_compute_threads(before);
}

INSTANTIATE_TEST_SUITE_P(
    Traits, DecodePass,
    ::testing::Values(
        Trait{"dense large", "",
              {{"hidden_size", 256}, {"intermediate_size", 304}, {"num_attention_heads", 4},
               {"num_key_value_heads", 4}, {"head_dim", 64}}},
        Trait{"dense untied", "", {{"tie_word_embeddings", false}}, true},
        Trait{"dense window", "",
              {{"model_type", "mistral"}, {"architectures", {"MistralForCausalLM"}},
               {"sliding_window", 5}}, true},
        Trait{"dense biases", "",
              {{"model_type", "qwen2"}, {"architectures", {"Qwen2ForCausalLM"}}}, true},
        Trait{"dense head norms", "",
              {{"model_type", "qwen3"}, {"architectures", {"Qwen3ForCausalLM"}}}, true},
        Trait{"llama", "q8_0", Json::object()}, Trait{"llama", "q4_0", Json::object()},
        Trait{"llama", "q4_1", Json::object()},
        Trait{"untied", "q4_1", {{"tie_word_embeddings", false}}},
        Trait{"window", "q8_0",
              {{"model_type", "mistral"}, {"architectures", {"MistralForCausalLM"}},
               {"sliding_window", 5}}},
        Trait{"biases", "q4_0",
              {{"model_type", "qwen2"}, {"architectures", {"Qwen2ForCausalLM"}}}},
        Trait{"head norms", "q8_0",
              {{"model_type", "qwen3"}, {"architectures", {"Qwen3ForCausalLM"}}}},
        Trait{"layers without positions", "q4_1",
              {{"model_type", "smollm3"}, {"architectures", {"SmolLM3ForCausalLM"}},
               {"no_rope_layer_interval", 2}}}));

// A policy that is an adapter, with a value head on its states.
TEST(Decodes, SharesOfOneAdapterAndHiddenStates) {
  const at::NoGradGuard no_grad;
  const int before = compute_threads();
  const auto decoder = decoder_of({"dense llama", "", Json::object()});
  weights::LoraConfig config;
  config.r = 101;  // more than the model is wide
  config.lora_alpha = 9;
  config.target_modules = {"q_proj", "v_proj", "o_proj", "up_proj", "down_proj"};
  for (const char* name : {"one", "two"}) {
    ASSERT_TRUE(decoder->adapters().create(name, config, 3).ok());
    for (const nn::Parameter& parameter : decoder->adapters().parameters(name)) {
      Tensor values = parameter.tensor;
      values.add_(at::arange(values.numel()).to(at::kFloat).cos().view(values.sizes()) * 0.1);
    }
  }
  ASSERT_TRUE(decoder->decodes(1, {"one"}));
  EXPECT_FALSE(decoder->decodes(1, {"one", "two"})) << "two shares of a layer";
  EXPECT_FALSE(decoder_of({"llama", "q8_0", Json::object()})->decodes(1, {"one"}));
  for (const int threads : {1, 3}) {
    set_compute_threads(threads);
    for (const int64_t rows : {1, 2, 64}) {
      Sequences plain(*decoder, rows), team(*decoder, rows), base(*decoder, rows);
      for (int64_t step = 0; step < 4; ++step) {
        Tensor states, expected_states;
        const Tensor expected = plain.step(step, false, {"one"}, &expected_states);
        const Tensor found = team.step(step, true, {"one"}, &states);
        const double size = expected.abs().max().item<double>();
        EXPECT_LT((found - expected).abs().max().item<double>(), 1e-5 * size);
        EXPECT_LT((states - expected_states).abs().max().item<double>(), 1e-4);
        EXPECT_GT((found - base.step(step, true)).abs().max().item<double>(), 1e-3 * size)
            << "the adapter changes nothing here";
      }
    }
  }
  set_compute_threads(before);
}

// Rows of an adapter and of the base in one step go by rows; each gets what it gets alone.
TEST(Decodes, AdaptersInTheGenerator) {
  const auto decoder = decoder_of({"dense llama", "", Json::object()});
  weights::LoraConfig config;
  config.r = 4;
  config.target_modules = {"q_proj", "v_proj"};
  ASSERT_TRUE(decoder->adapters().create("one", config, 3).ok());
  {
    const at::NoGradGuard no_grad;
    for (const nn::Parameter& parameter : decoder->adapters().parameters("one")) {
      Tensor values = parameter.tensor;
      values.add_(at::arange(values.numel()).to(at::kFloat).cos().view(values.sizes()) * 0.3);
    }
  }
  std::vector<GenerateRequest> requests(3);
  for (GenerateRequest& request : requests) {
    request.prompt = {72, 105};
    request.max_new_tokens = 12;
  }
  requests[1].adapters = requests[2].adapters = {"one"};
  requests[2].prompt = {72, 111};
  const text::Tokenizer tokenizer = testing::byte_tokenizer();
  const auto together = Generator(*decoder, tokenizer, {}).run(requests).value();
  EXPECT_NE(together[0][0].tokens, together[1][0].tokens);
  for (size_t i = 0; i < requests.size(); ++i) {
    const auto alone = Generator(*decoder, tokenizer, {}).run({requests[i]}).value();
    EXPECT_EQ(alone[0][0].tokens, together[i][0].tokens) << i;
  }
}

TEST(Decodes, OnlyWhatTheTeamCovers) {
  models::LoadOptions narrow;
  narrow.dtype = at::kBFloat16;
  EXPECT_FALSE(testing::small_decoder(0, narrow)->decodes(1)) << "bf16";
  const auto blocks = decoder_of({"llama", "q8_0", Json::object()});
  EXPECT_TRUE(blocks->decodes(64));
  EXPECT_FALSE(blocks->decodes(65)) << "many rows go through matrix products";
  const Json neox{{"model_type", "gpt_neox"}, {"architectures", {"GPTNeoXForCausalLM"}},
                  {"vocab_size", 96}, {"hidden_size", 64}, {"intermediate_size", 128},
                  {"num_hidden_layers", 1}, {"num_attention_heads", 4},
                  {"max_position_embeddings", 32}, {"rotary_pct", 0.25}};
  models::LoadOptions options;
  options.quantize = "q8_0";
  EXPECT_FALSE(models::Decoder::random(models::decoder_config(neox).value(), 1, 0.2, options)
                   ->decodes(1));
}

// The generator by this pass: what a pass without cache gives, row by row.
TEST_P(DecodePass, InTheGenerator) {
  const auto decoder = decoder_of(GetParam());
  const text::Tokenizer tokenizer = testing::byte_tokenizer();
  std::vector<GenerateRequest> requests;
  for (const char* prompt : {"Hello there", "And you"}) {
    GenerateRequest request;
    request.prompt.assign(prompt, prompt + std::string_view(prompt).size());
    request.max_new_tokens = 10;
    requests.push_back(request);
  }
  Generator generator(*decoder, tokenizer, {});
  const auto results = generator.run(requests).value();
  const at::NoGradGuard no_grad;
  for (size_t i = 0; i < requests.size(); ++i) {
    std::vector<int32_t> tokens = requests[i].prompt;
    for (const int32_t id : results[i][0].tokens) {
      models::PackedBatch batch;
      batch.add_root(tokens);
      const Tensor hidden = decoder->forward(batch);
      const Tensor logits = decoder->logits(hidden.narrow(0, hidden.size(0) - 1, 1))[0];
      EXPECT_GE(logits[id].item<float>(), logits.max().item<float>() - 1e-3f);
      tokens.push_back(id);
    }
  }
}

}  // namespace
}  // namespace attune::engine::generate
