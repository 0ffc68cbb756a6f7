#include "weights/model_files.h"

#include <gtest/gtest.h>

#include <cstring>

#include "base/file.h"
#include "tests/support/test_paths.h"
#include "weights/gguf_names.h"
#include "weights/gguf_writer.h"
#include "weights/safetensors_writer.h"

namespace attune::weights {
namespace {

std::string golden(const std::string& name) {
  return testing::source_path("tests/golden/weights/" + name);
}

std::string refusal(const std::string& path) {
  auto files = ModelFiles::open(path);
  return files.ok() ? "" : files.error().message();
}

// A folder that has config.json and one tensor; `name` is its weights' file.
void fill(const TemporaryDirectory& folder, const char* name = "model.safetensors") {
  write_file(folder.file("config.json"), R"({"model_type":"llama"})").value();
  float value = 3.0f;
  TensorView view{"w", DType::kF32, {1}, reinterpret_cast<const uint8_t*>(&value), 4};
  write_safetensors(folder.file(name), std::span(&view, 1), {}).value();
}

TEST(ModelFiles, OpensAShardedFolder) {
  auto files = ModelFiles::open(golden("tiny-llama")).value();
  EXPECT_EQ(files.format(), ModelFormat::kFolder);
  EXPECT_EQ(files.config()["hidden_size"], 16);
  EXPECT_EQ(files.generation_config()["eos_token_id"], 2);
  EXPECT_EQ(files.tensor_names().size(), 20u);  // 9 a layer, embedding, norm; the head is tied
  EXPECT_FALSE(files.has("lm_head.weight"));
  const TensorView* up = files.find("model.layers.1.mlp.up_proj.weight");
  ASSERT_NE(up, nullptr);
  EXPECT_EQ(up->shape, (std::vector<int64_t>{24, 16}));
  std::vector<float> whole(24 * 16), row(16);
  files.read(up->name, whole).value();
  files.read_rows(up->name, 23, 1, row).value();
  EXPECT_TRUE(std::equal(row.begin(), row.end(), whole.end() - 16));
  EXPECT_FALSE(files.read(up->name, row).ok());
  EXPECT_FALSE(files.read_rows(up->name, 24, 1, row).ok());
  EXPECT_EQ(files.read("absent", row).error().code(), ErrorCode::kNotFound);
}

TEST(ModelFiles, SaysWhatAFolderLacks) {
  TemporaryDirectory folder;
  EXPECT_NE(refusal(folder.path()).find("no config.json"), std::string::npos);
  EXPECT_NE(refusal(golden("tiny-adapter")).find("PEFT adapter"), std::string::npos);
  write_file(folder.file("config.json"), "{}").value();
  EXPECT_NE(refusal(folder.path()).find("neither model.safetensors"), std::string::npos);
  write_file(folder.file("pytorch_model.bin"), "x").value();
  EXPECT_NE(refusal(folder.path()).find("safe_serialization"), std::string::npos);
  write_file(folder.file("config.json"), "[1]").value();
  EXPECT_NE(refusal(folder.path()).find("config.json"), std::string::npos);
  EXPECT_NE(refusal(folder.file("absent.gguf")).find("no such file"), std::string::npos);
  write_file(folder.file("x.gguf"), "").value();
  EXPECT_NE(refusal(folder.file("x.gguf")).find("GGUF"), std::string::npos);
  write_file(folder.file("x.bin"), std::string(28, '\1')).value();
  EXPECT_NE(refusal(folder.file("x.bin")).find("llama2.c"), std::string::npos);
}

TEST(ModelFiles, ChecksTheIndexOfShards) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({})", "weight_map"},
      {R"({"weight_map":{}})", "weight_map"},
      {R"({"weight_map":{"w":"../model.safetensors"}})", "file in this folder"},
      {R"({"weight_map":{"w":1}})", "file in this folder"},
      {R"({"weight_map":{"v":"a.safetensors"}})", "tensor v is not in a.safetensors"},
      {R"({"weight_map":{"w":"b.safetensors"}})", "b.safetensors"},
      {R"({"weight_map":{"w":"a.safetensors","v":"c.safetensors"}})", "another shard"},
      {R"({"weight_map":{"w":"a.safetensors"}})", ""},
  };
  for (const auto& [index, message] : cases) {
    TemporaryDirectory folder;
    fill(folder, "a.safetensors");
    fill(folder, "c.safetensors");
    write_file(folder.file("model.safetensors.index.json"), index).value();
    std::string found = refusal(folder.path());
    EXPECT_EQ(found.empty(), std::string_view(message).empty()) << found;
    EXPECT_NE(found.find(message), std::string::npos) << found;
  }
}

TEST(ModelFiles, FindsTheChatTemplateWhereverItIs) {
  TemporaryDirectory folder;
  fill(folder);
  auto chat_template = [&] { return ModelFiles::open(folder.path()).value().chat_template(); };
  EXPECT_EQ(chat_template(), "");
  write_file(folder.file("chat_template.json"), R"({"chat_template":"from json"})").value();
  EXPECT_EQ(chat_template(), "from json");
  write_file(folder.file("tokenizer_config.json"),
             R"({"chat_template":[{"name":"tool","template":"t"},)"
             R"({"name":"default","template":"d"}],"x":1})")
      .value();
  EXPECT_EQ(chat_template(), "d");
  EXPECT_EQ(ModelFiles::open(folder.path()).value().tokenizer_config(), (Json{{"x", 1}}));
  write_file(folder.file("chat_template.jinja"), "jinja").value();
  EXPECT_EQ(chat_template(), "jinja");
}

TEST(GgufNames, TranslateBothWays) {
  const GgufFamily& llama = *gguf_family("llama");
  auto q = to_transformers_name(llama, "blk.12.attn_q.bias");
  ASSERT_TRUE(q.has_value());
  EXPECT_EQ(q->name, "model.layers.12.self_attn.q_proj.bias");
  EXPECT_EQ(q->order, GgufOrder::kRotaryQuery);
  EXPECT_EQ(to_gguf_name(llama, q->name)->name, "blk.12.attn_q.bias");
  EXPECT_FALSE(to_transformers_name(llama, "blk.x.attn_q.weight").has_value());
  EXPECT_FALSE(to_transformers_name(llama, "blk.0.ffn_gate_exps.weight").has_value());
  EXPECT_FALSE(to_transformers_name(llama, "blk.0.attn_q.scale").has_value());
  const GgufFamily& gpt2 = *gguf_family("gpt2");
  EXPECT_EQ(to_transformers_name(gpt2, "blk.0.ffn_up.weight")->order, GgufOrder::kTransposed);
  EXPECT_EQ(to_transformers_name(gpt2, "blk.0.ffn_up.bias")->order, GgufOrder::kSame);
  EXPECT_EQ(to_transformers_name(*gguf_family("falcon", true), "blk.0.attn_norm.weight")->name,
            "transformer.h.0.ln_mlp.weight");
  EXPECT_EQ(gguf_family("mamba"), nullptr);
}

// The stored order as published converters make it with NumPy, and ours as its inverse.
void expect_inverse(const Json& stored, const std::vector<int64_t>& rows) {
  ASSERT_EQ(stored.size(), rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(stored[static_cast<size_t>(rows[i])].get<size_t>(), i);
  }
}

TEST(GgufNames, RowOrdersAreThoseOfPublishedConverters) {
  Json orders = read_json_file(golden("orders.json")).value()["row_orders"];
  expect_inverse(orders["rotary_3x8"], stored_rows(GgufOrder::kRotaryQuery, 24, {3, 3}).value());
  expect_inverse(orders["rotary_3x8"], stored_rows(GgufOrder::kRotaryKey, 24, {6, 3}).value());
  expect_inverse(orders["fused_6_3_4"], stored_rows(GgufOrder::kFusedQkv, 48, {6, 3}).value());
  expect_inverse(orders["neox_2x4"], stored_rows(GgufOrder::kFusedQkv, 24, {2, 2}).value());
  EXPECT_FALSE(stored_rows(GgufOrder::kRotaryQuery, 9, {3, 3}).ok());
  EXPECT_FALSE(stored_rows(GgufOrder::kFusedQkv, 47, {6, 3}).ok());
  EXPECT_FALSE(stored_rows(GgufOrder::kFusedQkv, 48, {0, 0}).ok());
}

class SmolLm2 : public ::testing::Test {
 protected:
  void SetUp() override {
    auto path = testing::smollm2_path();
    if (!path) GTEST_SKIP() << "SmolLM2 absent: set ATTUNE_SMOLLM2";
    files_ = ModelFiles::open(*path).value();
  }
  std::vector<float> ends(const std::string& name) {
    std::vector<float> values(
        static_cast<size_t>(element_count(files_->find(name)->shape).value()));
    files_->read(name, values).value();
    return {values[0], values[1], values.back()};
  }
  std::optional<ModelFiles> files_;
};

// What transformers 5.23 reads from the same file (from_pretrained with gguf_file).
TEST_F(SmolLm2, TensorsAreInTransformersLayout) {
  const std::string layer = "model.layers.7.self_attn.";
  EXPECT_EQ(ends(layer + "q_proj.weight"),
            (std::vector<float>{-0.0325012207f, -0.0943603516f, -0.0178985596f}));
  EXPECT_EQ(ends(layer + "k_proj.weight"),
            (std::vector<float>{-0.00253295898f, 0.321746826f, -0.0545654297f}));
  EXPECT_EQ(ends(layer + "v_proj.weight"),
            (std::vector<float>{0.0196228027f, -0.065032959f, -0.0305175781f}));
  EXPECT_EQ(ends(layer + "o_proj.weight"),
            (std::vector<float>{-0.0491333008f, -0.00784301758f, 0.0963134766f}));
  EXPECT_EQ(files_->tensor_names().size(), 272u);
  EXPECT_FALSE(files_->has("lm_head.weight"));
}

TEST_F(SmolLm2, ConfigAndTokenizerComeFromTheMetadata) {
  const Json& config = files_->config();
  EXPECT_EQ(config["model_type"], "llama");
  EXPECT_EQ(config["hidden_size"], 576);
  EXPECT_EQ(config["num_attention_heads"], 9);
  EXPECT_EQ(config["num_key_value_heads"], 3);
  EXPECT_EQ(config["rope_theta"], 100000.0);
  EXPECT_EQ(config["rms_norm_eps"], 1e-05);
  EXPECT_EQ(config["vocab_size"], 49152);
  EXPECT_EQ(config["max_position_embeddings"], 8192);
  EXPECT_EQ(config["tie_word_embeddings"], true);
  EXPECT_EQ(files_->generation_config()["eos_token_id"], 2);
  EXPECT_NE(files_->chat_template().find("<|im_start|>"), std::string::npos);
  text::Tokenizer tokenizer = load_tokenizer(*files_).value();
  EXPECT_EQ(tokenizer.encode("\n\n1"), (std::vector<int32_t>{1116, 33}));  // single digits
  EXPECT_EQ(tokenizer.eos_id(), 2);
}

template <typename T>
void append(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

// A llama2.c model of width 8: one layer, two heads over one key head, 260 pieces (the three
// special ones, a letter, and the bytes). Its fp32 values count up from 0 in the file's order.
void write_llama2c(const TemporaryDirectory& folder) {
  constexpr int kWidth = 8, kHidden = 12, kPieces = 260, kContext = 16;
  std::string model, pieces;
  for (int size : {kWidth, kHidden, 1, 2, 1, kPieces, kContext}) append(model, size);
  const int matrices = kPieces * kWidth + 2 * kWidth * kWidth + 2 * 4 * kWidth +
                       3 * kHidden * kWidth + 3 * kWidth;
  for (int i = 0; i < matrices + kContext * 4; ++i) append(model, static_cast<float>(i));
  append(pieces, 10);  // the longest piece
  for (int id = 0; id < kPieces; ++id) {
    const std::string special[] = {"<unk>", "\n<s>\n", "\n</s>\n", "a"};
    const std::string piece = id < 4 ? special[id] : fmt::format("<0x{:02X}>", id - 4);
    append(pieces, -static_cast<float>(id));
    append(pieces, static_cast<int32_t>(piece.size()));
    pieces += piece;
  }
  write_file(folder.file("tiny.bin"), model).value();
  write_file(folder.file("tok260.bin"), pieces).value();
}

TEST(Llama2c, OpensAModelAndItsPieces) {
  TemporaryDirectory folder;
  write_llama2c(folder);
  auto files = ModelFiles::open(folder.file("tiny.bin")).value();
  EXPECT_EQ(files.format(), ModelFormat::kLlama2c);
  EXPECT_EQ(files.config()["num_key_value_heads"], 1);
  EXPECT_EQ(files.config()["tie_word_embeddings"], true);
  EXPECT_EQ(files.tensor_names().size(), 11u);
  std::vector<float> embedding(260 * 8), query(8 * 8), norm(8);
  files.read("model.embed_tokens.weight", embedding).value();
  EXPECT_EQ(embedding[9], 9.0f);
  files.read("model.layers.0.self_attn.q_proj.weight", query).value();
  // Rotary pairs are neighbours in the file, halves here: row 1 of a head of four is the file's 2.
  const float first = 260 * 8 + 8;
  EXPECT_EQ(query[0], first);
  EXPECT_EQ(query[8], first + 2 * 8);
  EXPECT_EQ(query[2 * 8], first + 8);
  files.read("model.norm.weight", norm).value();
  EXPECT_EQ(norm[7], first + 2 * 64 + 2 * 32 + 8 + 3 * 96 + 7);
  text::Tokenizer tokenizer = load_tokenizer(files).value();
  EXPECT_EQ(tokenizer.encode("!").back(), 4 + '!');  // by its byte
  EXPECT_EQ(tokenizer.decode(std::vector<int32_t>{3, 4 + '!'}, true), "a!");
  EXPECT_EQ(tokenizer.bos_id(), 1);
}

TEST(Llama2c, ACutModelOrVocabularyIsRefused) {
  TemporaryDirectory folder;
  write_llama2c(folder);
  const std::string model = read_file(folder.file("tiny.bin")).value();
  const std::string pieces = read_file(folder.file("tok260.bin")).value();
  write_file(folder.file("tok260.bin"), pieces.substr(0, pieces.size() - 1)).value();
  EXPECT_NE(refusal(folder.file("tiny.bin")).find("piece 259 is cut short"), std::string::npos);
  write_file(folder.file("tiny.bin"), model.substr(0, model.size() - 4)).value();
  EXPECT_NE(refusal(folder.file("tiny.bin")).find("cut short"), std::string::npos);
  write_file(folder.file("tiny.bin"), model + "more").value();
  EXPECT_NE(refusal(folder.file("tiny.bin")).find("after the last tensor"), std::string::npos);
}

TEST(Llama2c, OpensStories260K) {
  SKIP_WITHOUT_SAMPLE(path, "models/stories260K/stories260K.bin");
  auto files = ModelFiles::open(path).value();
  EXPECT_EQ(files.config()["num_key_value_heads"], 4);
  EXPECT_EQ(files.config()["tie_word_embeddings"], true);
  EXPECT_EQ(files.tensor_names().size(), 47u);  // 9 a layer, embedding, norm
  text::Tokenizer tokenizer = load_tokenizer(files).value();
  EXPECT_EQ(tokenizer.encode("Once upon a time"), (std::vector<int32_t>{1, 403, 407, 261, 378}));
}

TEST(ModelFiles, OpensAVocabularyAloneForItsTokenizer) {
  TemporaryDirectory folder;
  GgufMetadata metadata;
  metadata.add_string("general.architecture", "llama");
  metadata.add_string("tokenizer.ggml.model", "llama");
  metadata.add_strings("tokenizer.ggml.tokens", {"<unk>", "<s>", "</s>", "a", "b", "ab"});
  metadata.add_f32s("tokenizer.ggml.scores", {0, 0, 0, -2, -3, -1});
  metadata.add_i32s("tokenizer.ggml.token_type", {2, 3, 3, 1, 1, 1});
  const std::string path = folder.file("vocabulary.gguf");
  GgufWriter::create(path, metadata, {}).value()->finish().value();
  EXPECT_NE(refusal(path).find("vocabulary but no weights"), std::string::npos);
  EXPECT_EQ(load_tokenizer(path).value().vocabulary_size(), 6);
}

TEST(ModelFiles, OpensAPublishedVocabularyAlone) {
  SKIP_WITHOUT_SAMPLE(path, "tokenizers/ggml-vocab-falcon.gguf");
  EXPECT_NE(refusal(path).find("vocabulary but no weights"), std::string::npos);
  EXPECT_EQ(load_tokenizer(path).value().vocabulary_size(), 65024);
}

}  // namespace
}  // namespace attune::weights
