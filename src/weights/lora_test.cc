// LoRA folders and merging, against peft (tests/golden/weights/make_weights.py).
#include <gtest/gtest.h>

#include <cmath>

#include "base/file.h"
#include "tests/support/test_paths.h"
#include "weights/lora_files.h"
#include "weights/merge.h"
#include "weights/model_files.h"
#include "weights/model_info.h"
#include "weights/quant_blocks.h"
#include "weights/safetensors_writer.h"

namespace attune::weights {
namespace {

std::string golden(const std::string& name) {
  return testing::source_path("tests/golden/weights/" + name);
}

TEST(LoraConfig, ReadsWhatPeftWrites) {
  auto adapter = read_lora_folder(golden("tiny-adapter")).value();
  EXPECT_EQ(adapter.config.r, 4);
  EXPECT_EQ(adapter.config.lora_alpha, 6.0);
  EXPECT_TRUE(adapter.config.use_rslora);
  EXPECT_EQ(adapter.config.base_model_name_or_path, "tiny-llama");
  EXPECT_EQ(adapter.config.target_modules.size(), 3u);
  EXPECT_EQ(adapter.pairs.size(), 6u);
  const LoraPair& q = adapter.pairs.at("model.layers.0.self_attn.q_proj");
  EXPECT_EQ(q.rank, 2);
  EXPECT_EQ(q.a.size(), 32u);
  EXPECT_DOUBLE_EQ(module_scale(adapter.config, "model.layers.0.self_attn.q_proj"),
                   6.0 / std::sqrt(2.0));
  EXPECT_DOUBLE_EQ(module_scale(adapter.config, "model.layers.1.mlp.down_proj"), 1.5);
  EXPECT_DOUBLE_EQ(module_scale(adapter.config, "model.layers.0.mlp.down_proj"), 3.0);
}

TEST(LoraConfig, WritesWhatItReads) {
  LoraConfig config;
  config.r = 16;
  config.lora_alpha = 32;
  config.target_modules = {"q_proj", "v_proj"};
  config.rank_pattern = {{"q_proj", 3}};
  config.base_model_name_or_path = "m";
  EXPECT_TRUE(to_json(config)["revision"].is_null());
  config.revision = "v2";
  EXPECT_EQ(to_json(config)["revision"], "v2");
  LoraConfig back = lora_config_from_json(to_json(config)).value();
  EXPECT_EQ(to_json(back), to_json(config));
  EXPECT_EQ(to_json(config)["lora_alpha"].dump(), "32");
  config.target_modules = {"all-linear"};
  EXPECT_EQ(to_json(config)["target_modules"], "all-linear");
}

TEST(LoraConfig, RefusesWhatWouldChangeTheResult) {
  const std::pair<const char*, const char*> cases[] = {
      {R"([])", "object"},
      {R"({"peft_type":"IA3"})", "peft_type"},
      {R"({"use_dora":true})", "use_dora"},
      {R"({"bias":"all"})", "bias"},
      {R"({"r":0})", "key r"},
      {R"({"r":"8"})", "r"},
      {R"({"lora_dropout":1.0})", "lora_dropout"},
      {R"({"layers_to_transform":[1]})", "layers_to_transform"},
      {R"({"rank_pattern":{"q.*":2}})", "regular expressions"},
      {R"({"rank_pattern":{"q":1.5}})", "rank_pattern"},
      {R"({"target_modules":[1]})", "target_modules"},
  };
  for (const auto& [text, message] : cases) {
    auto config = lora_config_from_json(parse_json(text).value());
    ASSERT_FALSE(config.ok()) << text;
    EXPECT_NE(config.error().message().find(message), std::string::npos)
        << text << ": " << config.error().message();
  }
}

// A folder with the config of the golden and tensors that the test names.
std::string refusal(const std::vector<std::pair<std::string, std::vector<int64_t>>>& tensors) {
  TemporaryDirectory folder;
  std::vector<float> values(4096, 0.5f);
  std::vector<TensorView> views;
  for (const auto& [name, shape] : tensors) {
    views.push_back({name, DType::kF32, shape, reinterpret_cast<const uint8_t*>(values.data()),
                     byte_count(DType::kF32, shape).value()});
  }
  LoraConfig config;
  config.r = 2;
  write_lora_folder(folder.file("a"), config, views).value();
  MergeOptions options{golden("tiny-llama"), folder.file("a"), folder.file("out"), {}, false};
  auto report = merge_adapter(options);
  EXPECT_FALSE(exists(folder.file("out")) && !report.ok());
  return report.ok() ? "" : report.error().message();
}

TEST(LoraFiles, NameWhatDoesNotFit) {
  const std::string q = "base_model.model.model.layers.0.self_attn.q_proj.";
  auto contains = [](const std::string& text, const char* part) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  };
  contains(refusal({{q + "lora_A.weight", {2, 16}}}), "no lora_B");
  contains(refusal({{q + "lora_A.weight", {3, 16}}}), "rank 2");
  contains(refusal({{"lora_A.weight", {2, 16}}}), "base_model.model.");
  contains(refusal({{q + "lora_magnitude_vector", {2}}}), "magnitudes");
  contains(refusal({{q + "lora_A.weight", {2, 8}}, {q + "lora_B.weight", {16, 2}}}), "[16, 8]");
  const std::string typo = "base_model.model.model.layers.0.self_attn.q_porj.";
  contains(refusal({{typo + "lora_A.weight", {2, 16}}, {typo + "lora_B.weight", {16, 2}}}),
           "nearest: model.layers.0.self_attn.q_proj");
  contains(refusal({{"base_model.model.lm_head.base_layer.weight", {2}}}), "lm_head.base_layer");
  contains(refusal({}), "empty");
  EXPECT_EQ(refusal({{q + "lora_A.weight", {2, 16}}, {q + "lora_B.weight", {16, 2}}}), "");
}

// What a path loads: everything else is a model as it is.
TEST(LoraFiles, AnAdaptersFolderStandsForItsBase) {
  const TemporaryDirectory folder;
  const std::string config = folder.file("adapter_config.json");
  const auto place = [&] { return model_place(folder.path()); };
  EXPECT_EQ(place()->model, folder.path());
  write_file(config, R"({"peft_type": "LORA", "base_model_name_or_path": "/"})").value();
  ASSERT_TRUE(place().ok()) << place().error().message();
  EXPECT_EQ(place()->model, "/");
  EXPECT_EQ(place()->adapter, folder.path());
  write_file(folder.file("config.json"), "{}").value();  // some trainers leave the base's
  EXPECT_TRUE(is_lora_folder(folder.path()));
  write_file(config, R"({"base_model_name_or_path": "owner/name", "revision": "v2"})").value();
  EXPECT_EQ(named_base_of(folder.path())->name, "owner/name");
  EXPECT_EQ(named_base_of(folder.path())->revision, "v2");
  EXPECT_NE(place().error().message().find("owner/name is not a local path"), std::string::npos);
  write_file(config, "{}").value();
  EXPECT_NE(place().error().message().find("no base_model_name_or_path"), std::string::npos);
  write_file(folder.file("model.safetensors"), "").value();  // merged, the adapter left over
  EXPECT_FALSE(is_lora_folder(folder.path()));
  EXPECT_EQ(place()->adapter, "");
}

TEST(Merge, EqualsPeftsMergeAndUnload) {
  TemporaryDirectory folder;
  MergeOptions options{golden("tiny-llama"), golden("tiny-adapter"), folder.file("m"), {}, false};
  MergeReport report = merge_adapter(options).value();
  EXPECT_EQ(report.merged, 6);
  auto merged = ModelFiles::open(folder.file("m")).value();
  auto wanted = SafetensorsFile::open(golden("merged.safetensors")).value();
  EXPECT_EQ(merged.tensor_names(), wanted.names());
  for (const TensorView& view : wanted.tensors()) {
    std::vector<float> expected(static_cast<size_t>(element_count(view.shape).value()));
    std::vector<float> found(expected.size());
    to_float(view, expected).value();
    merged.read(view.name, found).value();
    for (size_t i = 0; i < found.size(); ++i)
      EXPECT_NEAR(found[i], expected[i], 1e-6f) << view.name;
  }
  EXPECT_EQ(merged.config()["tie_word_embeddings"], true);
  EXPECT_NE(merge_adapter(options).error().message().find("something already"), std::string::npos);
}

TEST(Merge, AnAdaptedTiedHeadIsUntiedAndSavedModulesReplace) {
  TemporaryDirectory folder;
  std::vector<float> ones(48 * 16, 1.0f);
  auto view = [&](const char* name, std::vector<int64_t> shape) {
    size_t bytes = byte_count(DType::kF32, shape).value();
    return TensorView{std::string("base_model.model.") + name, DType::kF32, std::move(shape),
                      reinterpret_cast<const uint8_t*>(ones.data()), bytes};
  };
  LoraConfig config;
  config.r = 1;
  config.lora_alpha = 0.5;
  config.modules_to_save = {"score"};
  const TensorView tensors[] = {view("lm_head.lora_A.weight", {1, 16}),
                                view("lm_head.lora_B.weight", {48, 1}),
                                view("model.norm.weight", {16}), view("score.weight", {1, 16})};
  write_lora_folder(folder.file("a"), config, tensors).value();
  MergeOptions options{golden("tiny-llama"), folder.file("a"), folder.file("m"), {}, false};
  EXPECT_EQ(merge_adapter(options).value().replaced, 2);
  auto merged = ModelFiles::open(folder.file("m")).value();
  EXPECT_EQ(merged.config()["tie_word_embeddings"], false);
  std::vector<float> head(48 * 16), embedding(48 * 16), norm(16), score(16);
  merged.read("lm_head.weight", head).value();
  merged.read("model.embed_tokens.weight", embedding).value();
  merged.read("model.norm.weight", norm).value();
  merged.read("score.weight", score).value();
  for (size_t i = 0; i < head.size(); ++i) EXPECT_FLOAT_EQ(head[i], embedding[i] + 0.5f);
  EXPECT_EQ(norm, std::vector<float>(16, 1.0f));
  EXPECT_EQ(score, std::vector<float>(16, 1.0f));
}

// A reward adapter makes its base a classifier, with the normalisation in config.json.
TEST(Merge, AScoreHeadMakesAClassifier) {
  TemporaryDirectory folder;
  std::vector<float> twos(16, 2.0f);
  LoraConfig config;
  config.task_type = "SEQ_CLS";
  config.modules_to_save = {"score"};
  const TensorView tensors[] = {{"base_model.model.score.weight", DType::kF32, {1, 16},
                                 reinterpret_cast<const uint8_t*>(twos.data()), 64}};
  write_lora_folder(folder.file("a"), config, tensors).value();
  const Json normaliser = {{"mean", 1.5}, {"scale", 2.0}};
  write_file(folder.file("a/reward_normaliser.json"), normaliser.dump()).value();
  EXPECT_EQ(model_info(folder.file("a")).value()["reward_normaliser"]["scale"], 2.0);
  merge_adapter({golden("tiny-llama"), folder.file("a"), folder.file("m"), {}, false}).value();
  auto merged = ModelFiles::open(folder.file("m")).value();
  EXPECT_EQ(merged.config()["architectures"], Json::array({"LlamaForSequenceClassification"}));
  EXPECT_EQ(merged.config()["id2label"].size(), 1U);
  EXPECT_EQ(merged.config()["reward_normaliser"], normaliser);
  EXPECT_FALSE(merged.has("lm_head.weight"));
  std::vector<float> score(16);
  merged.read("score.weight", score).value();
  EXPECT_EQ(score, twos);
  OrderedJson info = model_info(folder.file("m")).value();
  EXPECT_EQ(info["labels"], 1);
  EXPECT_EQ(info["reward_normaliser"]["mean"], 1.5);
  EXPECT_FALSE(info.contains("tied_head"));
}

TEST(Merge, RefusesAQuantisedBase) {
  auto path = testing::smollm2_path();
  if (!path) GTEST_SKIP() << "SmolLM2 absent: set ATTUNE_SMOLLM2";
  TemporaryDirectory folder;
  MergeOptions options{*path, golden("tiny-adapter"), folder.file("m"), {}, false};
  EXPECT_NE(merge_adapter(options).error().message().find("quantised"), std::string::npos);
}

TEST(ModelInfo, DescribesModelsAndAdapters) {
  OrderedJson info = model_info(golden("tiny-llama")).value();
  EXPECT_EQ(info["format"], "folder");
  EXPECT_EQ(info["architecture"], "LlamaForCausalLM");
  EXPECT_EQ(info["parameters"], 48 * 16 + 16 + 2 * (2 * 16 + 3 * 24 * 16 + 2 * 256 + 2 * 128));
  EXPECT_EQ(info["bytes"], info["parameters"].get<int64_t>() * 4);
  EXPECT_EQ(info["dtypes"]["F32"]["tensors"], 20);
  EXPECT_EQ(info["tied_head"], true);
  EXPECT_TRUE(info["tokenizer"].is_null());
  EXPECT_NE(model_info_text(info).find("LlamaForCausalLM"), std::string::npos);
  OrderedJson hostile = {{"tokenizer", {{"eos", "\x1b[31m"}, {"bos", "caf\xe9"}}}};
  EXPECT_EQ(model_info_text(hostile).find('\x1b'), std::string::npos);
  EXPECT_EQ(model_info_text(hostile).find('\xe9'), std::string::npos);
  OrderedJson adapter = model_info(golden("tiny-adapter")).value();
  EXPECT_EQ(adapter["format"], "adapter");
  EXPECT_EQ(adapter["base"], "tiny-llama");
  EXPECT_EQ(adapter["modules"], 6);
}

}  // namespace
}  // namespace attune::weights
