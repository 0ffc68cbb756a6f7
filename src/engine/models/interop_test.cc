// Transformers and PEFT open what save_decoder and Adapters::save wrote (tests/interop).
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/file.h"
#include "base/json_file.h"
#include "engine/models/golden_model.h"
#include "engine/models/reward_model.h"
#include "engine/models/save.h"
#include "engine/nn/seeded.h"
#include "tests/support/test_paths.h"
#include "weights/model_files.h"

namespace attune::engine::models {
namespace {

void write_model(const std::string& name, const std::string& folder) {
  auto files = weights::ModelFiles::open(testing::source_path("tests/golden/models/" + name));
  auto decoder = Decoder::load(*files, {});
  ASSERT_TRUE(decoder.ok()) << decoder.error().message();
  Status saved = save_decoder(**decoder, *files, folder);
  ASSERT_TRUE(saved.ok()) << saved.error().message();
}

void write_adapter(const std::string& name, const std::string& folder) {
  const std::string source = testing::source_path("tests/golden/models/adapters/" + name);
  const std::string base =
      read_json_file(join_path(source, "lora.json")).value().at("base").get<std::string>();
  auto files = weights::ModelFiles::open(testing::source_path("tests/golden/models/" + base));
  auto decoder = Decoder::load(*files, {});
  ASSERT_TRUE(decoder.ok()) << decoder.error().message();
  ASSERT_TRUE((*decoder)->adapters().load("a", source).ok());
  Status saved = (*decoder)->adapters().save("a", folder);
  ASSERT_TRUE(saved.ok()) << saved.error().message();
}

// Attune's scores of some sequences, beside what was written; they end in the ids that configs name
// as EOS and pad.
void write_scores(Decoder& decoder, const std::vector<std::string>& stack,
                  const std::string& folder) {
  const TokenTree tree{{3, 1, 4}, {{{1, 5, 9, 2}, 0}, {{6, 1}, 0}, {{2, 7, 1, 8, 0}, 0}}};
  Json sequences = Json::array();
  for (const TokenBranch& branch : tree.branches) {
    std::vector<int32_t> ids = tree.prompt;
    ids.insert(ids.end(), branch.ids.begin(), branch.ids.end());
    sequences.push_back(ids);
  }
  const Json scores = {{"sequences", sequences}, {"scores", score_trees(decoder, {tree}, stack)}};
  ASSERT_TRUE(write_json_file(join_path(folder, "scores.json"), scores).ok());
}

void write_reward_model(const std::string& name, const std::string& folder) {
  auto files = weights::ModelFiles::open(testing::source_path("tests/golden/models/" + name));
  auto decoder = Decoder::load(*files, {.score_head = NewScoreHead{.seed = 11}});
  ASSERT_TRUE(decoder.ok()) << decoder.error().message();
  ASSERT_TRUE(save_decoder(**decoder, *files, folder).ok());
  write_scores(**decoder, {}, folder);
}

void write_reward_adapter(const std::string& name, const std::string& folder) {
  auto files = weights::ModelFiles::open(testing::source_path("tests/golden/models/" + name));
  auto decoder = Decoder::load(*files, {});
  ASSERT_TRUE(decoder.ok()) << decoder.error().message();
  weights::LoraConfig lora;
  lora.target_modules = {"all-linear"};
  ASSERT_TRUE((*decoder)->adapters().create("a", lora, 2).ok());
  ASSERT_TRUE(add_score_head(**decoder, "a", {.seed = 12}).ok());
  uint64_t seed = 20;
  for (nn::Parameter parameter : (*decoder)->adapters().parameters("a")) {
    Tensor values = parameter.tensor.detach();
    nn::fill_normal(values, 0.05, seed++);  // B is no longer zero
  }
  ASSERT_TRUE((*decoder)->adapters().save("a", folder).ok());
  write_scores(**decoder, {"a"}, folder);
}

// Runs a script of tests/interop on the small models and `folder`; its output, "" when it agreed.
std::string disagreement(const std::string& python, const char* script, const std::string& folder) {
  const std::string log = join_path(folder, "log");
  const std::string command = python + " " + testing::source_path("tests/interop/") + script + " " +
                              testing::source_path("tests/golden/models") + " " + folder + " > " +
                              log + " 2>&1";
  return std::system(command.c_str()) == 0 ? "" : read_file(log).value();
}

TEST(Interop, RewardModelsOpenInTransformersAndPeft) {
  auto python = testing::python_path();
  if (!python) GTEST_SKIP() << "no Python environment (run scripts/setup.sh)";
  TemporaryDirectory directory;
  ASSERT_TRUE(make_directories(directory.file("models")).ok());
  ASSERT_TRUE(make_directories(directory.file("adapters")).ok());
  for (const std::string& name : golden_model_names()) {
    write_reward_model(name, directory.file("models/" + name));
  }
  for (const char* name : {"smollm2", "gpt2", "falcon_40b"}) {
    write_reward_adapter(name, directory.file("adapters/" + std::string(name)));
  }
  EXPECT_EQ(disagreement(*python, "rewards_open.py", directory.path()), "");
}

TEST(Interop, TransformersAndPeftOpenWhatWeWrite) {
  auto python = testing::python_path();
  if (!python) GTEST_SKIP() << "no Python environment (run scripts/setup.sh)";
  TemporaryDirectory directory;
  ASSERT_TRUE(make_directories(directory.file("models")).ok());
  ASSERT_TRUE(make_directories(directory.file("adapters")).ok());
  for (const std::string& name : golden_model_names()) {
    write_model(name, directory.file("models/" + name));
  }
  const std::string adapters = testing::source_path("tests/golden/models/adapters");
  for (const std::string& name : list_directory(adapters).value()) {
    write_adapter(name, directory.file("adapters/" + name));
  }
  EXPECT_EQ(disagreement(*python, "models_open.py", directory.path()), "");
}

}  // namespace
}  // namespace attune::engine::models
