// Folders to GGUF and back: every tensor of every family returns bit for bit in F32.
#include "weights/convert.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <cmath>

#include "base/file.h"
#include "base/random.h"
#include "tests/support/test_paths.h"
#include "weights/gguf.h"
#include "weights/model_files.h"
#include "weights/model_folder_writer.h"

namespace attune::weights {
namespace {

using Shapes = std::map<std::string, std::vector<int64_t>>;

struct Family {
  const char* name;
  Json config;
  Shapes tensors;
};

Json llama_config(const char* type) {
  return {{"model_type", type},
          {"hidden_size", 32},
          {"num_hidden_layers", 1},
          {"num_attention_heads", 4},
          {"num_key_value_heads", 2},
          {"head_dim", 8},
          {"intermediate_size", 64},
          {"rms_norm_eps", 1e-6},
          {"rope_theta", 5e5},
          {"vocab_size", 48},
          {"max_position_embeddings", 128},
          {"tie_word_embeddings", false}};
}

Shapes llama_shapes() {
  const std::string layer = "model.layers.0.";
  return {{"model.embed_tokens.weight", {48, 32}},
          {"lm_head.weight", {48, 32}},
          {"model.norm.weight", {32}},
          {layer + "input_layernorm.weight", {32}},
          {layer + "post_attention_layernorm.weight", {32}},
          {layer + "self_attn.q_proj.weight", {32, 32}},
          {layer + "self_attn.k_proj.weight", {16, 32}},
          {layer + "self_attn.v_proj.weight", {16, 32}},
          {layer + "self_attn.o_proj.weight", {32, 32}},
          {layer + "mlp.gate_proj.weight", {64, 32}},
          {layer + "mlp.up_proj.weight", {64, 32}},
          {layer + "mlp.down_proj.weight", {32, 64}}};
}

Family llama() {
  return {"llama", llama_config("llama"), llama_shapes()};
}

Family llama3() {
  Family family{"llama3", llama_config("llama"), llama_shapes()};
  family.config["rope_scaling"] = {{"rope_type", "llama3"},
                                   {"factor", 32.0},
                                   {"low_freq_factor", 1.0},
                                   {"high_freq_factor", 4.0},
                                   {"original_max_position_embeddings", 8192}};
  return family;
}

Family mistral() {
  Family family{"mistral", llama_config("mistral"), llama_shapes()};
  family.config["sliding_window"] = 16;
  return family;
}

Family qwen2() {
  Family family{"qwen2", llama_config("qwen2"), llama_shapes()};
  for (auto [name, size] : {std::pair<const char*, int64_t>{"q", 32}, {"k", 16}, {"v", 16}}) {
    family.tensors[fmt::format("model.layers.0.self_attn.{}_proj.bias", name)] = {size};
  }
  return family;
}

Family qwen3() {
  Family family{"qwen3", llama_config("qwen3"), llama_shapes()};
  family.config["head_dim"] = 16;
  family.tensors["model.layers.0.self_attn.q_proj.weight"] = {64, 32};
  family.tensors["model.layers.0.self_attn.o_proj.weight"] = {32, 64};
  family.tensors["model.layers.0.self_attn.k_proj.weight"] = {32, 32};
  family.tensors["model.layers.0.self_attn.v_proj.weight"] = {32, 32};
  family.tensors["model.layers.0.self_attn.q_norm.weight"] = {16};
  family.tensors["model.layers.0.self_attn.k_norm.weight"] = {16};
  return family;
}

Family falcon(bool grouped) {
  const std::string layer = "transformer.h.0.";
  Family family{grouped ? "falcon40b" : "falcon7b",
                {{"model_type", "falcon"},
                 {"hidden_size", 32},
                 {"num_hidden_layers", 1},
                 {"num_attention_heads", 4},
                 {"num_kv_heads", grouped ? 2 : 1},
                 {"new_decoder_architecture", grouped},
                 {"multi_query", !grouped},
                 {"parallel_attn", true},
                 {"ffn_hidden_size", 128},
                 {"layer_norm_epsilon", 1e-5},
                 {"vocab_size", 48},
                 {"max_position_embeddings", 64},
                 {"rope_theta", 10000.0},
                 {"tie_word_embeddings", true}},
                {{"transformer.word_embeddings.weight", {48, 32}},
                 {"transformer.ln_f.weight", {32}},
                 {"transformer.ln_f.bias", {32}},
                 {layer + "self_attention.query_key_value.weight", {grouped ? 64 : 48, 32}},
                 {layer + "self_attention.dense.weight", {32, 32}},
                 {layer + "mlp.dense_h_to_4h.weight", {128, 32}},
                 {layer + "mlp.dense_4h_to_h.weight", {32, 128}}}};
  for (const char* norm : {"ln_mlp", "ln_attn"}) {
    std::string name = layer + (grouped ? norm : "input_layernorm");
    family.tensors[name + ".weight"] = {32};
    family.tensors[name + ".bias"] = {32};
  }
  return family;
}

Family gpt_neox() {
  const std::string layer = "gpt_neox.layers.0.";
  return {"gpt_neox",
          {{"model_type", "gpt_neox"},
           {"hidden_size", 32},
           {"num_hidden_layers", 1},
           {"num_attention_heads", 4},
           {"intermediate_size", 64},
           {"layer_norm_eps", 1e-5},
           {"rotary_pct", 0.25},
           {"rotary_emb_base", 10000.0},
           {"vocab_size", 48},
           {"max_position_embeddings", 64},
           {"use_parallel_residual", false},
           {"tie_word_embeddings", false}},
          {{"gpt_neox.embed_in.weight", {48, 32}},
           {"embed_out.weight", {48, 32}},
           {layer + "attention.query_key_value.weight", {96, 32}},
           {layer + "attention.query_key_value.bias", {96}},
           {layer + "mlp.dense_h_to_4h.bias", {64}}}};
}

Family gpt2() {
  const std::string layer = "transformer.h.0.";
  return {"gpt2",
          {{"model_type", "gpt2"},
           {"n_embd", 32},
           {"n_layer", 1},
           {"n_head", 4},
           {"n_inner", 64},
           {"n_positions", 64},
           {"layer_norm_epsilon", 1e-5},
           {"vocab_size", 48},
           {"tie_word_embeddings", true}},
          {{"transformer.wte.weight", {48, 32}},
           {"transformer.wpe.weight", {64, 32}},
           {layer + "attn.c_attn.weight", {32, 96}},
           {layer + "attn.c_attn.bias", {96}},
           {layer + "mlp.c_fc.weight", {32, 64}},
           {layer + "mlp.c_proj.weight", {64, 32}}}};
}

std::vector<float> values_of(const std::string& name, int64_t count) {
  Random random(std::hash<std::string>{}(name));
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = static_cast<float>(random.normal());
  return values;
}

void write_random(const std::string& path, const Family& family) {
  ModelFolder folder;
  folder.config = family.config;
  for (const auto& [name, shape] : family.tensors) {
    folder.tensors.push_back({name, DType::kF32, shape});
  }
  auto source = [](const TensorSpec& spec, const ByteSink& sink) {
    std::vector<float> values = values_of(spec.name, element_count(spec.shape).value());
    return sink({reinterpret_cast<const uint8_t*>(values.data()), values.size() * 4});
  };
  write_model_folder(path, folder, source).value();
}

class Families : public ::testing::TestWithParam<Family> {};

TEST_P(Families, SurviveGgufAndBack) {
  TemporaryDirectory folder;
  const Family& family = GetParam();
  write_random(folder.file("a"), family);
  convert_model({folder.file("a"), folder.file("b.gguf"), {}}).value();
  convert_model({folder.file("b.gguf"), folder.file("c"), {}}).value();
  auto back = ModelFiles::open(folder.file("c")).value();
  EXPECT_EQ(back.tensor_names().size(), family.tensors.size());
  for (const auto& [name, shape] : family.tensors) {
    ASSERT_TRUE(back.has(name)) << name;
    EXPECT_EQ(back.find(name)->shape, shape);
    std::vector<float> expected = values_of(name, element_count(shape).value());
    std::vector<float> found(expected.size());
    back.read(name, found).value();
    EXPECT_EQ(found, expected) << name;
  }
  for (const auto& [key, value] : family.config.items()) {
    EXPECT_EQ(back.config().value(key, Json()), value) << key;
  }
}

INSTANTIATE_TEST_SUITE_P(All, Families,
                         ::testing::Values(llama(), llama3(), mistral(), qwen2(), qwen3(),
                                           falcon(false), falcon(true), gpt_neox(), gpt2()),
                         [](const auto& tested) { return std::string(tested.param.name); });

TEST(Convert, QuantisesMatricesAndKeepsVectors) {
  TemporaryDirectory folder;
  write_random(folder.file("a"), llama());
  convert_model({folder.file("a"), folder.file("q.gguf"), DType::kQ4_0}).value();
  auto file = GgufFile::open(folder.file("q.gguf")).value();
  EXPECT_EQ(file.find("token_embd.weight")->dtype, DType::kQ8_0);
  EXPECT_EQ(file.find("blk.0.ffn_up.weight")->dtype, DType::kQ4_0);
  EXPECT_EQ(file.find("output_norm.weight")->dtype, DType::kF32);
  EXPECT_EQ(file.get_int("general.file_type").value(), 2);
  convert_model({folder.file("a"), folder.file("e.gguf"), DType::kQ8_0}).value();
  auto eight = ModelFiles::open(folder.file("e.gguf")).value();
  const std::string name = "model.layers.0.self_attn.q_proj.weight";
  std::vector<float> expected = values_of(name, 1024), found(1024);
  eight.read(name, found).value();
  for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 0.02f);
}

TEST(Convert, WritesSixteenBitFoldersInShards) {
  TemporaryDirectory folder;
  write_random(folder.file("a"), llama());
  ConvertReport report = convert_model({folder.file("a"), folder.file("b"), DType::kBF16}).value();
  auto files = ModelFiles::open(folder.file("b")).value();
  EXPECT_EQ(files.config()["torch_dtype"], "bfloat16");
  EXPECT_EQ(files.find("model.norm.weight")->dtype, DType::kBF16);
  EXPECT_EQ(report.bytes, 2u * static_cast<uint64_t>(2 * 48 * 32 + 3 * 32 + 9 * 1024));
  ModelFolder sharded = folder_like(files).value();
  for (const std::string& name : files.tensor_names()) {
    sharded.tensors.push_back({name, DType::kBF16, files.find(name)->shape});
  }
  sharded.shard_bytes = 5000;
  auto source = [&](const TensorSpec& spec, const ByteSink& sink) {
    const TensorView* view = files.find(spec.name);
    return sink({view->data, view->bytes});
  };
  write_model_folder(folder.file("s"), sharded, source).value();
  EXPECT_TRUE(exists(join_path(folder.file("s"), "model.safetensors.index.json")));
  EXPECT_EQ(ModelFiles::open(folder.file("s")).value().tensor_names(), files.tensor_names());
}

TEST(Convert, ReadsCheckpointsOfTheBareTrunkAndDropsBuffers) {
  TemporaryDirectory folder;
  const std::string prefix = "transformer.";
  Family bare = gpt2();
  bare.tensors.clear();
  for (const auto& [name, shape] : gpt2().tensors) bare.tensors[name.substr(prefix.size())] = shape;
  bare.tensors["h.0.attn.bias"] = {1, 1, 4, 4};  // the causal mask that GPT-2's own files hold
  write_random(folder.file("a"), bare);
  convert_model({folder.file("a"), folder.file("b.gguf"), {}}).value();
  auto back = ModelFiles::open(folder.file("b.gguf")).value();
  EXPECT_EQ(back.tensor_names(), ModelFiles::open(folder.file("a")).value().tensor_names());
  EXPECT_EQ(back.tensor_names().size(), gpt2().tensors.size());
  for (const auto& [name, shape] : gpt2().tensors) {
    std::vector<float> found(static_cast<size_t>(element_count(shape).value()));
    back.read(name, found).value();
    EXPECT_EQ(found, values_of(name.substr(prefix.size()), element_count(shape).value())) << name;
  }
}

// The spellings of config.json that Transformers has had over the years mean the same file.
TEST(Convert, ReadsEverySpellingOfAConfig) {
  auto written = [](const Json& changes) {
    TemporaryDirectory folder;
    Family family = llama();
    family.config.merge_patch(changes);
    write_random(folder.file("a"), family);
    convert_model({folder.file("a"), folder.file("b.gguf"), {}}).value();
    return read_file(folder.file("b.gguf")).value();
  };
  const Json none;
  const std::string plain = written(Json::object());
  EXPECT_EQ(written({{"head_dim", none}, {"torch_dtype", "float32"}}), plain);
  EXPECT_EQ(written({{"rope_theta", none},
                     {"dtype", "float32"},
                     {"rope_parameters", {{"rope_theta", 5e5}, {"rope_type", "default"}}}}),
            plain);
  EXPECT_EQ(written({{"rope_scaling", none}, {"sliding_window", none}}), plain);
  const std::string linear = written({{"rope_scaling", {{"type", "linear"}, {"factor", 2.0}}}});
  EXPECT_NE(linear, plain);
  EXPECT_EQ(written({{"rope_scaling", {{"rope_type", "linear"}, {"factor", 2}}}}), linear);
  Json parameters = {{"rope_theta", 5e5}, {"rope_type", "linear"}, {"factor", 2.0}};
  EXPECT_EQ(written({{"rope_theta", none}, {"rope_parameters", parameters}}), linear);
  EXPECT_NE(written({{"rope_theta", 1e4}}), plain);
}

TEST(Convert, SweepsWhatKilledProcessesLeftOfTheSamePlace) {
  TemporaryDirectory folder;
  write_random(folder.file("a"), llama());
  make_directories(folder.file("b.partial-1")).value();
  write_file(folder.file("b.partial-1/model.safetensors"), "half").value();
  make_directories(folder.file("bb.partial-1")).value();
  make_directories(folder.file("b.partial-mine")).value();
  make_directories(folder.file("b.partial-2")).value();
  int busy = ::open(folder.file("b.partial-2").c_str(), O_RDONLY | O_DIRECTORY);
  ASSERT_EQ(::flock(busy, LOCK_EX), 0);  // a process that is still writing holds it
  convert_model({folder.file("a"), folder.file("b"), {}}).value();
  EXPECT_EQ(list_directory(folder.path()).value(),
            (std::vector<std::string>{"a", "b", "b.partial-2", "b.partial-mine", "bb.partial-1"}));
  ::close(busy);
}

TEST(Convert, RefusesAVocabularyThatDoesNotFitTheEmbedding) {
  TemporaryDirectory folder;
  Family odd = llama();
  odd.config["vocab_size"] = 47;
  write_random(folder.file("a"), odd);
  for (const char* output : {"b", "b.gguf"}) {
    auto report = convert_model({folder.file("a"), folder.file(output), {}});
    ASSERT_FALSE(report.ok());
    EXPECT_NE(report.error().message().find("48 rows"), std::string::npos);
    EXPECT_NE(report.error().message().find("47"), std::string::npos);
    EXPECT_FALSE(exists(folder.file(output)));
  }
}

TEST(Convert, RefusesWhatCannotBeWrittenAndLeavesNothing) {
  TemporaryDirectory folder;
  write_random(folder.file("a"), llama());
  auto refusal = [&](const Family& family, const char* output, std::optional<DType> dtype) {
    std::string input = folder.file("in");
    remove_all(input).value();
    write_random(input, family);
    auto report = convert_model({input, folder.file(output), dtype});
    EXPECT_FALSE(exists(folder.file(output)) && output[0] != 'a') << output;
    return report.ok() ? std::string() : report.error().message();
  };
  auto contains = [](const std::string& text, const char* part) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  };
  contains(refusal(llama(), "x", DType::kQ8_0), "end the output in .gguf");
  contains(refusal(llama(), "x.gguf", DType::kQ6_K), "Q6_K");
  contains(refusal(llama(), "a", {}), "something already");
  Family odd = llama();
  odd.config["model_type"] = "mamba";
  contains(refusal(odd, "x.gguf", {}), "mamba");
  odd = llama();
  odd.tensors["model.layers.0.block_sparse_moe.gate.weight"] = {4, 32};
  contains(refusal(odd, "x.gguf", {}), "block_sparse_moe");
  odd = llama();
  odd.config["rope_scaling"] = {{"rope_type", "longrope"}};
  contains(refusal(odd, "x.gguf", {}), "longrope");
  odd = falcon(false);
  odd.config["alibi"] = true;
  contains(refusal(odd, "x.gguf", {}), "ALiBi");
  odd = llama();
  odd.config["num_attention_heads"] = 5;
  contains(refusal(odd, "x.gguf", {}), "heads");
}

}  // namespace
}  // namespace attune::weights
