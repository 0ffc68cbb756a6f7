// Reading config.json: what is refused, with which words, and defaults of older files.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "base/file.h"
#include "engine/models/decoder.h"
#include "engine/models/golden_model.h"
#include "tests/support/test_paths.h"
#include "weights/model_files.h"

namespace attune::engine::models {
namespace {

Json llama() {
  return {{"model_type", "llama"},      {"vocab_size", 61},          {"hidden_size", 32},
          {"num_attention_heads", 4},   {"num_hidden_layers", 2},    {"intermediate_size", 48},
          {"num_key_value_heads", 2},   {"rms_norm_eps", 1e-5},      {"rope_theta", 500.0}};
}

Json falcon() {
  return {{"model_type", "falcon"},   {"vocab_size", 61},      {"hidden_size", 48},
          {"num_attention_heads", 6}, {"num_hidden_layers", 2}};
}

struct Refusal {
  const char* key;
  Json value;
  const char* words;  // the error holds them
};

void expect_refusal(Json config, const Refusal& refusal) {
  config[refusal.key] = refusal.value;
  Result<DecoderConfig> read = decoder_config(config);
  ASSERT_FALSE(read.ok()) << refusal.key;
  EXPECT_NE(read.error().message().find(refusal.words), std::string::npos)
      << read.error().message();
}

TEST(DecoderConfig, RefusesWhatNothingHereImplements) {
  const std::vector<Refusal> refusals = {
      {"model_type", "lama", "did you mean \"llama\""},
      {"model_type", "t5", "known are llama, mistral"},
      {"model_type", nullptr, "model_type"},
      {"architectures", Json::array({"LlamaForTokenClassification"}),
       "LlamaForTokenClassification"},
      {"hidden_act", "mish", "hidden_act: \"mish\""},
      {"rope_scaling", {{"rope_type", "dynamic"}, {"factor", 2.0}}, "rope_type \"dynamic\""},
      {"rope_scaling", {{"type", "longrope"}}, "rope_type \"longrope\""},
      {"rope_scaling", {{"rope_type", "linear"}}, "factor"},
      {"rope_scaling", {{"rope_type", "linear"}, {"factor", 0.0}}, "factor 0"},
      {"rope_scaling", "linear", "rope_scaling: must be an object"},
      {"rope_scaling",
       {{"rope_type", "llama3"},
        {"factor", 8.0},
        {"low_freq_factor", 4.0},
        {"high_freq_factor", 1.0}},
       "high_freq_factor"},
      {"rope_theta", -1.0, "rope_theta -1"},
      {"partial_rotary_factor", 0.4, "partial_rotary_factor"},
      {"num_key_value_heads", 3, "no multiple of 3"},
      {"num_attention_heads", 0, "num_attention_heads"},
      {"num_hidden_layers", 100000, "number of layers"},
      {"num_hidden_layers", "two", "num_hidden_layers"},
      {"vocab_size", -5, "vocabulary"},
      {"rms_norm_eps", -1.0, "epsilon"},
  };
  for (const Refusal& refusal : refusals) expect_refusal(llama(), refusal);
}

TEST(DecoderConfig, RefusesOddFamilies) {
  expect_refusal(falcon(), {"num_ln_in_parallel_attn", 2, "num_ln_in_parallel_attn: 2"});
  expect_refusal(falcon(), {"num_attention_heads", 5, "no multiple"});
  expect_refusal(falcon(), {"activation", "tanh", "activation: \"tanh\""});
  Json qwen = llama();
  qwen["model_type"] = "qwen2";
  expect_refusal(qwen, {"layer_types", Json::array({"full_attention", "linear_attention"}),
                        "layer_types"});
  expect_refusal(qwen, {"layer_types", Json::array({"full_attention"}), "list of 2"});
  Json gpt2 = {{"model_type", "gpt2"}, {"vocab_size", 61}, {"n_embd", 32}, {"n_head", 4},
               {"n_layer", 2}};
  expect_refusal(gpt2, {"add_cross_attention", true, "add_cross_attention"});
}

TEST(DecoderConfig, OlderAndNewerRopeKeysMeanTheSame) {
  Json older = llama();
  older["rope_scaling"] = {{"type", "linear"}, {"factor", 4.0}};
  Json newer = llama();
  newer.erase("rope_theta");
  newer["rope_parameters"] = {{"rope_type", "linear"}, {"factor", 4.0}, {"rope_theta", 500.0}};
  DecoderConfig a = decoder_config(older).value();
  DecoderConfig b = decoder_config(newer).value();
  const Tensor frequencies = inverse_frequencies(a.rotary);
  EXPECT_TRUE(frequencies.equal(inverse_frequencies(b.rotary)));
  EXPECT_NEAR(frequencies[1].item<double>(), std::pow(500.0, -0.25) / 4.0, 1e-8);
}

TEST(DecoderConfig, AlibiSlopesOfSixHeads) {
  Json config = falcon();
  config["alibi"] = true;
  DecoderConfig decoder = decoder_config(config).value();
  EXPECT_DOUBLE_EQ(decoder.alibi_scale, 1.0 / std::sqrt(8.0));
  const std::vector<float> exponents = {2, 4, 6, 8, 1, 3};  // arXiv 2108.12409, 4 heads then 8
  ASSERT_EQ(decoder.alibi_slopes.size(), exponents.size());
  for (size_t i = 0; i < exponents.size(); ++i) {
    EXPECT_EQ(decoder.alibi_slopes[i], std::exp2(-exponents[i])) << i;
  }
}

TEST(DecoderConfig, AlibiSlopesAreRoundedToBf16) {
  Json config = falcon();
  config["alibi"] = true;
  config["hidden_size"] = 96;
  config["num_attention_heads"] = 12;
  DecoderConfig decoder = decoder_config(config).value();
  ASSERT_EQ(decoder.alibi_slopes.size(), 12u);
  EXPECT_EQ(decoder.alibi_slopes[7], std::exp2(-8.0f));
  EXPECT_EQ(decoder.alibi_slopes[8], 0.70703125f);  // 2^-0.5 = 0.70710678...
}

TEST(DecoderConfig, ClassifiersHaveAScoreHead) {
  Json config = llama();
  config["architectures"] = Json::array({"LlamaForSequenceClassification"});
  config["id2label"] = {{"0", "reward"}};
  DecoderConfig decoder = decoder_config(config).value();
  EXPECT_EQ(decoder.head, HeadKind::kScore);
  EXPECT_EQ(decoder.labels, 1);
  EXPECT_EQ(decoder.names.head, "score");
}

std::string load_error(const std::string& model,
                       const std::function<void(DecoderConfig&)>& change) {
  auto files = weights::ModelFiles::open(testing::source_path("tests/golden/models/" + model));
  DecoderConfig config = decoder_config(files->config()).value();
  change(config);
  auto decoder = Decoder::load(*files, config, {});
  return decoder.ok() ? "" : decoder.error().message();
}

TEST(DecoderLoading, SaysWhichTensorDoesNotFit) {
  std::string vocabulary = load_error("llama3", [](DecoderConfig& c) { c.vocabulary = 64; });
  EXPECT_NE(vocabulary.find("model.embed_tokens.weight"), std::string::npos) << vocabulary;
  EXPECT_NE(vocabulary.find("[61, 32]"), std::string::npos) << vocabulary;
  std::string missing = load_error("llama3", [](DecoderConfig& c) { c.qkv_bias = true; });
  EXPECT_NE(missing.find("q_proj.bias\" is missing"), std::string::npos) << missing;
  std::string left = load_error("qwen2", [](DecoderConfig& c) { c.qkv_bias = false; });
  EXPECT_NE(left.find("_proj.bias\" is no part of"), std::string::npos) << left;
}

TEST(DecoderLoading, RefusesUnknownOrTrainedBlocks) {
  auto files = weights::ModelFiles::open(testing::source_path("tests/golden/models/llama3"));
  LoadOptions options;
  options.quantize = "q3";
  EXPECT_FALSE(Decoder::load(*files, options).ok());
  options.quantize = "q8_0";
  options.trainable = true;
  EXPECT_FALSE(Decoder::load(*files, options).ok());
}

}  // namespace
}  // namespace attune::engine::models
