#include "recipes/recipes.h"

#include <gtest/gtest.h>

#include <set>

#include "base/file.h"
#include "recipes/resolve.h"
#include "tests/support/test_paths.h"

namespace attune::recipes {
namespace {

Result<Resolved> resolve_one(const std::string& name, Json value) {
  return resolve(sft(), {{name, std::move(value), "config.yaml:1"}});
}

TEST(Recipes, NamesAreUniqueAndDefaultsFitTheirOwnType) {
  for (const Recipe* recipe : all()) {
    std::set<std::string> names;
    for (const Option& option : recipe->options) {
      EXPECT_TRUE(names.insert(option.name).second) << option.name;
      for (const std::string& other : option.other_names) {
        EXPECT_TRUE(names.insert(other).second) << other;
      }
      Result<Json> value = coerce(option, option.fallback);
      ASSERT_TRUE(value.ok()) << option.name << ": " << value.error().message();
      EXPECT_EQ(*value, option.fallback) << option.name;
      EXPECT_FALSE(option.text.empty()) << option.name;
    }
  }
}

TEST(Recipes, TextOfYamlAndFlagsReadsAsTheOptionsType) {
  EXPECT_EQ(resolve_one("learning_rate", "2e-5")->config["learning_rate"], 2e-5);
  EXPECT_EQ(resolve_one("max-steps", "100")->config["max_steps"], 100);
  EXPECT_EQ(resolve_one("use_peft", "True")->config["use_peft"], true);
  EXPECT_EQ(resolve_one("max_length", "none")->config["max_length"], nullptr);
  EXPECT_EQ(resolve_one("max_length", nullptr)->config["max_length"], nullptr);
  EXPECT_EQ(resolve_one("seed", nullptr)->config["seed"], 42);
  Json mapping = {{"min_lr_rate", "0.1"}, {"name", "x"}, {"on", "true"}};
  Json typed = {{"min_lr_rate", 0.1}, {"name", "x"}, {"on", true}};
  EXPECT_EQ(resolve_one("lr_scheduler_kwargs", mapping)->config["lr_scheduler_kwargs"], typed);
  Json modules = {"q_proj", "v_proj"};
  EXPECT_EQ(resolve_one("lora_target_modules", "q_proj, v_proj")->config["lora_target_modules"],
            modules);
  EXPECT_EQ(resolve_one("lora_target_modules", modules)->config["lora_target_modules"], modules);
}

TEST(Recipes, AListOfWholeNumbersReadsThem) {
  const Option ids = integers("ids", nullptr, 0, "ids");
  EXPECT_EQ(coerce(ids, "7, 28").value(), Json::array({7, 28}));
  EXPECT_EQ(coerce(ids, Json::array({"7", "28"})).value(), Json::array({7, 28}));
  EXPECT_EQ(coerce(ids, 7).value(), Json::array({7}));
  EXPECT_EQ(coerce(ids, "none").value(), Json());
  const Json mistakes[] = {"7.5", "-1", "z", Json::array({7, "z"}), true};
  for (const Json& wrong : mistakes) {
    EXPECT_EQ(coerce(ids, wrong).error().message(),
              "ids must be a list of whole numbers from 0, found " + wrong.dump());
  }
}

TEST(Recipes, MistakesNamePlaceKeyAndRemedy) {
  const std::tuple<const char*, Json, const char*> cases[] = {
      {"lerning_rate", 1.0,
       "config.yaml:1: unknown option \"lerning_rate\"; did you mean learning_rate?"},
      {"sky", 1.0, "`attune train sft --help` lists the known ones"},
      {"learning_rate", "fast", "learning_rate must be a number from 0, found \"fast\""},
      {"max_steps", 1.5, "max_steps must be a whole number from -1, found 1.5"},
      {"lora_dropout", 1.5, "lora_dropout must be a number from 0 to 0.99, found 1.5"},
      {"packing_strategy", "bfg", "did you mean bfd?"},
      {"use_dora", true, "DoRA is not implemented; use LoRA or rsLoRA"},
  };
  for (const auto& [name, value, expected] : cases) {
    Result<Resolved> resolved = resolve_one(name, value);
    ASSERT_FALSE(resolved.ok()) << name;
    EXPECT_EQ(resolved.error().code(), ErrorCode::kUsage);
    EXPECT_NE(resolved.error().message().find(expected), std::string::npos)
        << resolved.error().message();
  }
}

TEST(Recipes, WhatHasNoEffectWarnsOnlyWhenItIsChanged) {
  EXPECT_TRUE(resolve_one("dataloader_num_workers", 0)->warnings.empty());
  Resolved resolved = resolve_one("attn_implementation", "flash_attention_2").value();
  ASSERT_EQ(resolved.warnings.size(), 1u);
  EXPECT_NE(resolved.warnings[0].find("the engine has its own attention"), std::string::npos);
  EXPECT_FALSE(resolved.config.contains("attn_implementation"));
}

TEST(Recipes, OlderAndNewerSpellingsSetTheSameOption) {
  EXPECT_EQ(resolve_one("max_seq_length", "512")->config["max_length"], 512);
  EXPECT_EQ(resolve_one("torch_dtype", "bfloat16")->config["dtype"], "bfloat16");
  EXPECT_EQ(resolve_one("evaluation_strategy", "epoch")->config["eval_strategy"], "epoch");
  EXPECT_FALSE(resolve_one("torch_dtype", "bfloat16")->config.contains("torch_dtype"));
  EXPECT_NE(resolve_one("max_seq_lenght", 1).error().message().find("max_seq_length?"),
            std::string::npos);
}

// What TRL's CPOConfig and OnlineDPOConfig take.
TEST(Recipes, PublishedValuesOfPreferenceTrainersAreTaken) {
  for (const Recipe* recipe : {&cpo(), &simpo()}) {
    const auto resolved = resolve(*recipe, {{"loss_type", "alphapo", "cpo.yaml:1"},
                                            {"alpha", "0.25", "cpo.yaml:2"}});
    ASSERT_TRUE(resolved.ok()) << resolved.error().message();
    EXPECT_EQ(resolved->config["loss_type"], "alphapo");
    EXPECT_TRUE(resolved->warnings.empty());
  }
  const auto resolved = resolve(online_dpo(), {{"max_length", "512", "online.yaml:1"}});
  ASSERT_TRUE(resolved.ok()) << resolved.error().message();
  EXPECT_EQ(resolved->config["max_length"], 512);
  // Where rows are prompts alone it has no meaning.
  EXPECT_FALSE(resolve(ppo(), {{"max_length", "512", "ppo.yaml:1"}}).ok());
}

// Several processes are there (num_processes): no option may say otherwise.
TEST(Recipes, NoTextSaysThatThereIsOneProcess) {
  for (const Recipe* recipe : all()) {
    for (const Option& option : recipe->options) {
      EXPECT_EQ(option.text.find("one process"), std::string::npos)
          << recipe->name << " " << option.name;
    }
  }
}

// ORPO, CPO and BCO have it in TRL to this day: it is refused because it is not needed here.
TEST(Recipes, ALimitOfAnswersAloneIsRefusedForWhatItIs) {
  for (const Recipe* recipe : {&orpo(), &cpo(), &bco()}) {
    const auto refused = resolve(*recipe, {{"max_completion_length", 64, "x.yaml:1"}});
    ASSERT_FALSE(refused.ok()) << recipe->name;
    EXPECT_NE(refused.error().message().find("max_length cuts prompt and completion together"),
              std::string::npos);
    EXPECT_EQ(refused.error().message().find("removed"), std::string::npos);
  }
}

TEST(Recipes, LaterSettingsWin) {
  Resolved resolved =
      resolve(sft(), {{"seed", 1, "config.yaml:1"}, {"seed", "7", "--seed"}}).value();
  EXPECT_EQ(resolved.config["seed"], 7);
  EXPECT_EQ(resolved.written, std::set<std::string>{"seed"});
}

// Wherever it stands, a preset gives defaults: what is set explicitly wins.
TEST(Recipes, APresetComesBeforeWhatIsSet) {
  Recipe recipe{"x", "attune train x", "",
                {choice("preset", "none", {"none", "one", "two"}, ""), integer("a", 1, 0, ""),
                 integer("b", 2, 0, "")},
                {{"one", {{"a", 10}, {"b", 20}}}, {"two", {{"a", 100}}}}};
  Resolved resolved =
      resolve(recipe, {{"b", 5, "x.yaml:1"}, {"preset", "one", "x.yaml:2"}}).value();
  EXPECT_EQ(resolved.config["a"], 10);
  EXPECT_EQ(resolved.config["b"], 5);
  resolved =
      resolve(recipe, {{"preset", "one", "x.yaml:1"}, {"preset", "two", "--preset"}}).value();
  EXPECT_EQ(resolved.config["a"], 100);
  EXPECT_EQ(resolved.config["b"], 2);
  EXPECT_EQ(resolve(recipe, {{"preset", "three", "--preset"}}).error().code(), ErrorCode::kUsage);
  EXPECT_NE(to_markdown(recipe).find("| `two` | `a: 100` |"), std::string::npos);
}

TEST(Recipes, EveryPresetOfEveryTrainerResolves) {
  for (const Recipe* recipe : all()) {
    for (const Preset& preset : recipe->presets) {
      Result<Resolved> resolved = resolve(*recipe, {{"preset", preset.name, "--preset"}});
      ASSERT_TRUE(resolved.ok()) << resolved.error().message();
      for (const auto& [name, value] : preset.values.items()) {
        EXPECT_EQ(resolved->config[name], value) << preset.name << " " << name;
      }
    }
  }
}

TEST(Recipes, TheDocumentationPageIsTheTable) {
  for (const Recipe* recipe : all()) {
    std::string path = testing::source_path("docs/recipes/" + recipe->name + ".md");
    EXPECT_EQ(read_file(path).value(), to_markdown(*recipe))
        << "write it anew: attune train " << recipe->name << " --help_markdown > " << path;
  }
}

}  // namespace
}  // namespace attune::recipes
