#include "weights/model_text.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/json_file.h"
#include "tests/support/test_paths.h"
#include "weights/lora_files.h"
#include "weights/merge.h"

namespace attune::weights {
namespace {

constexpr int32_t kZ = 28;  // "z" of the tiny model

// A base of 96 rows with a tokenizer of 85 tokens, and folders that lie on top of it.
class ModelTextTest : public ::testing::Test {
 protected:
  std::string tiny(const char* name = "") {
    return testing::source_path(std::string("tests/golden/train/tiny/") + name);
  }
  void put(const char* name, const std::string& text) {
    write_file(folder_.file(name), text).value();
  }
  void put_tokenizer(const Json& tokenizer) { put("tokenizer.json", tokenizer.dump()); }
  void put_own_text() {
    put_tokenizer(tokenizer_);
    put("tokenizer_config.json", R"({"eos_token": "z", "model_max_length": 77})");
    put("chat_template.jinja", "{{ messages[0].content }}");
  }
  Result<ModelText> load() { return load_model_text(base_, folder_.path()); }
  std::string refusal() {
    auto text = load();
    return text.ok() ? "" : text.error().message();
  }

  ModelFiles base_ = ModelFiles::open(tiny()).value();
  Json tokenizer_ = read_json_file(tiny("tokenizer.json")).value();
  TemporaryDirectory folder_;
};

TEST_F(ModelTextTest, WithoutAnAdapterIsTheBases) {
  const ModelText text = load_model_text(base_).value();
  EXPECT_EQ(text.tokenizer.eos_id(), 2);
  EXPECT_EQ(text.chat_template, "");
  EXPECT_EQ(text.tokenizer_config["bos_token"], "<s>");
  EXPECT_FALSE(text.own_eos);
}

TEST_F(ModelTextTest, TakesWhatTheAdaptersFolderHas) {
  EXPECT_FALSE(brings_text(folder_.path()).value());
  EXPECT_EQ(load()->tokenizer.eos_id(), 2);
  put("chat_template.jinja", "{{ messages[0].content }}");
  EXPECT_TRUE(brings_text(folder_.path()).value());
  EXPECT_EQ(load()->chat_template, "{{ messages[0].content }}");
  EXPECT_EQ(load()->tokenizer.eos_id(), 2);
  put_own_text();
  const ModelText text = load().value();
  EXPECT_EQ(text.tokenizer.eos_id(), kZ);
  EXPECT_EQ(text.tokenizer.bos_id(), 1);  // the base's
  EXPECT_TRUE(text.own_eos);
  EXPECT_EQ(text.tokenizer_config["model_max_length"], 77);
}

TEST_F(ModelTextTest, WhatAnAdapterLacksIsTheNearestBelow) {
  put_own_text();
  const TemporaryDirectory upper, top;
  const auto stacked = [&] {
    return load_model_text(base_, {folder_.path(), upper.path(), top.path()}).value();
  };
  // A template alone: tokenizer and end token are the lower adapter's.
  write_file(upper.file("chat_template.jinja"), "{{ 'upper' }}").value();
  ModelText text = stacked();
  EXPECT_EQ(text.chat_template, "{{ 'upper' }}");
  EXPECT_EQ(text.tokenizer.eos_id(), kZ);
  EXPECT_EQ(text.tokenizer.bos_id(), 1);
  EXPECT_TRUE(text.own_eos);
  EXPECT_EQ(text.tokenizer_config["model_max_length"], 77);
  // A tokenizer alone: the template is the nearest, and roles that it does not name are, too.
  write_file(top.file("tokenizer.json"), tokenizer_.dump()).value();
  write_file(top.file("tokenizer_config.json"), R"({"bos_token": "a"})").value();
  text = stacked();
  EXPECT_EQ(text.chat_template, "{{ 'upper' }}");
  EXPECT_EQ(text.tokenizer.eos_id(), kZ);
  EXPECT_EQ(text.tokenizer.bos_id(), 3);
  EXPECT_TRUE(text.own_eos);
  EXPECT_EQ(text.tokenizer_config["bos_token"], "a");
}

TEST_F(ModelTextTest, RefusesAnotherModelsTokens) {
  Json swapped = tokenizer_;
  std::swap(swapped["model"]["vocab"]["a"], swapped["model"]["vocab"]["b"]);
  put_tokenizer(swapped);
  EXPECT_NE(refusal().find("token 3 is \"b\""), std::string::npos) << refusal();
  Json more = tokenizer_;
  for (int id = 85; id < 97; ++id) more["model"]["vocab"]["<" + std::to_string(id) + ">"] = id;
  put_tokenizer(more);
  EXPECT_NE(refusal().find("a token 96 (\"<96>\")"), std::string::npos) << refusal();
  EXPECT_NE(refusal().find("rows for 96"), std::string::npos) << refusal();
  more["model"]["vocab"].erase("<96>");  // the base's spare rows may get a use
  more["added_tokens"].push_back(tokenizer_["added_tokens"][0]);
  more["added_tokens"].back()["id"] = 96;
  more["added_tokens"].back()["content"] = "<pad>";
  put_tokenizer(more);
  EXPECT_EQ(refusal(), "");
}

TEST_F(ModelTextTest, AMergedModelHasTheAdapters) {
  put_own_text();
  const std::vector<float> ones(32, 1.0f);
  const TensorView norm{"base_model.model.model.norm.weight", DType::kF32, {32},
                        reinterpret_cast<const uint8_t*>(ones.data()), 128};
  TemporaryDirectory made;
  write_lora_folder(made.file("a"), {}, std::span(&norm, 1)).value();
  for (const char* name : {"tokenizer.json", "tokenizer_config.json", "chat_template.jinja"}) {
    write_file(made.file(std::string("a/") + name), read_file(folder_.file(name)).value()).value();
  }
  merge_adapter({tiny(), made.file("a"), made.file("m"), {}, false}).value();
  const ModelFiles merged = ModelFiles::open(made.file("m")).value();
  EXPECT_EQ(merged.chat_template(), "{{ messages[0].content }}");
  EXPECT_EQ(merged.config()["eos_token_id"], kZ);
  EXPECT_EQ(merged.generation_config()["eos_token_id"], Json::array({kZ, 2}));
  EXPECT_EQ(merged.tokenizer_config()["eos_token"], "z");
  EXPECT_EQ(load_tokenizer(merged)->eos_id(), kZ);
}

}  // namespace
}  // namespace attune::weights
