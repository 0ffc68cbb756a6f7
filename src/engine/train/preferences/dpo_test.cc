// `attune train dpo` as a whole, on the small model: values that are known beforehand, and what
// must not change a step.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <utility>

#include "engine/train/testing/job_run.h"

namespace attune::engine::train {
namespace {

const Json& golden() {
  static const Json golden = train_golden_file("dpo_tiny.json");
  return golden;
}
std::vector<Json> golden_pairs() { return golden()["rows"].get<std::vector<Json>>(); }

double first_loss(const Json& config, const std::vector<Json>& rows = golden_pairs()) {
  Json once = {{"max_steps", 1}};
  once.update(config);
  const std::vector<Json> steps = JobRun("dpo", rows, once).steps();
  return steps.empty() ? 0 : steps[0]["loss"].get<double>();
}

// Policy = reference before the first update, whatever the rows (losses.md §17).
TEST(DpoTest, TheFirstStepHasTheValueOfEachLossInClosedForm) {
  const double ln2 = std::log(2.0);
  const std::vector<std::pair<Json, double>> cases = {
      {{{"loss_type", "sigmoid"}}, ln2},
      {{{"loss_type", "sigmoid"}, {"label_smoothing", 0.3}}, ln2},
      {{{"loss_type", "robust"}, {"label_smoothing", 0.1}}, ln2},
      {{{"loss_type", "sigmoid_norm"}}, ln2},
      {{{"loss_type", "aot_unpaired"}}, ln2},
      {{{"loss_type", "aot"}}, ln2},
      {{{"loss_type", "hinge"}}, 1},
      {{{"loss_type", "ipo"}}, 25},
      {{{"loss_type", "ipo"}, {"beta", 0.5}, {"ipo_log_probs", "sum"}}, 1},
      {{{"loss_type", "exo_pair"}, {"label_smoothing", 1e-3}}, 2.761231},
      {{{"loss_type", "nca_pair"}}, 2 * ln2},
      {{{"loss_type", "bco_pair"}}, 2 * ln2},
      {{{"loss_type", "sppo_hard"}}, 50},
      {{{"loss_type", "apo_zero"}}, 1},
      {{{"loss_type", "apo_down"}}, 1},
      {{{"loss_type", "discopop"}}, 0.5 * ln2 + 0.5},
      {{{"loss_type", {"sigmoid", "hinge"}}, {"loss_weights", {0.5, 2.0}}}, 0.5 * ln2 + 2},
      {{{"f_divergence_type", "forward_kl"}}, ln2},
      {{{"ld_alpha", 0.0}}, ln2},
      {{{"sync_ref_model", true}}, ln2},
      {{{"loss_type", "plackett_luce"}}, ln2},  // of two answers
  };
  for (const auto& [config, expected] : cases) {
    EXPECT_NEAR(first_loss(config), expected, 2e-5 * std::max(1.0, expected)) << config.dump();
  }
}

std::vector<Json> rankings() {
  return {{{"prompt", "say yes:"},
           {"completions", {" yes", " no no", " the", " maybe the yes"}},
           {"ranks", {1, 3, 2, 4}}},
          {{"prompt", "say no:"},
           {"completions", {" yes the", " no", " a", " that"}},
           {"ranks", {2, 1, 3, 4}}}};
}

TEST(DpoTest, RankingsLearnAsAWholeOrAsPairs) {
  EXPECT_NEAR(first_loss({{"loss_type", "plackett_luce"}}, rankings()), std::log(24.0), 1e-4);
  EXPECT_NEAR(first_loss({{"loss_type", "sigmoid"}}, rankings()), std::log(2.0), 1e-5);
  for (const auto& [rule, pairs] : {std::pair("all", 12), std::pair("adjacent", 6),
                                    std::pair("best_vs_rest", 6), std::pair("best_vs_worst", 2)}) {
    JobRun run("dpo", rankings(), {{"max_steps", 1}, {"ranking_pairs", rule}});
    const std::vector<Json> steps = run.steps();
    ASSERT_EQ(steps.size(), 1U) << rule;
    EXPECT_EQ(steps[0]["pairs"], pairs) << rule;
  }
}

// SFT with LoRA, then DPO with LoRA from its result: the reference is the adapter as it was.
TEST(DpoTest, DpoAfterSftWithLoraStartsAtLn2) {
  const Json lora = {{"use_peft", true}, {"lora_r", 4}, {"lora_dropout", 0.0}};
  std::vector<Json> answers;
  for (const Json& row : golden_pairs()) {
    answers.push_back({{"prompt", row["prompt"]}, {"completion", row["chosen"]}});
  }
  Json sft_config = {{"max_steps", 5}, {"learning_rate", 1e-2}};
  sft_config.update(lora);
  JobRun sft("sft", answers, sft_config);
  const std::vector<Json> learned = sft.steps();
  ASSERT_EQ(learned.size(), 5U);
  EXPECT_LT(learned.back()["loss"].get<double>(), learned.front()["loss"].get<double>());

  Json dpo_config = {{"max_steps", 3}, {"learning_rate", 1e-2}};
  dpo_config.update(lora);
  JobRun dpo("dpo", golden_pairs(), dpo_config);
  dpo.job().adapter = join_path(sft.directory(), "final");
  const std::vector<Json> steps = dpo.steps();
  ASSERT_EQ(steps.size(), 3U);
  EXPECT_NEAR(steps[0]["loss"].get<double>(), std::log(2.0), 1e-5);
  EXPECT_NEAR(steps[0]["rewards/chosen"].get<double>(), 0.0, 1e-4);
  EXPECT_LT(steps[2]["loss"].get<double>(), std::log(2.0));
  EXPECT_TRUE(exists(join_path(dpo.directory(), "final/adapter_model.safetensors")));
  // Against the base as it was before SFT, the first step is somewhere else.
  JobRun base("dpo", golden_pairs(), dpo_config);
  base.job().adapter = join_path(sft.directory(), "final");
  base.job().models["ref_model_name_or_path"] = {tiny_model(), ""};
  const std::vector<Json> against_base = base.steps();
  ASSERT_EQ(against_base.size(), 3U);
  EXPECT_GT(std::abs(against_base[0]["loss"].get<double>() - std::log(2.0)), 1e-3);
}

// Another model as reference is kept as the model is: where both are the same weights, they are the
// same in four bits too, however that was asked for.
TEST(DpoTest, AReferenceOfItsOwnHasTheModelsBits) {
  for (const Json& bits : {Json({{"load_in_4bit", true}}), Json({{"load_in_8bit", true}}),
                           Json({{"quantize", "q4_0"}}), Json({{"load_in_4bit", false}})}) {
    Json config = {{"max_steps", 1}, {"use_peft", true}, {"lora_r", 4}, {"device", "cpu"}};
    config.update(bits);
    JobRun run("dpo", golden_pairs(), config);
    run.job().models["ref_model_name_or_path"] = {tiny_model(), ""};
    const std::vector<Json> steps = run.steps();
    ASSERT_EQ(steps.size(), 1U) << bits.dump();
    EXPECT_NEAR(steps[0]["loss"].get<double>(), std::log(2.0), 1e-6) << bits.dump();
  }
}

void expect_same_steps(const Json& a, const Json& b, const std::vector<Json>& rows) {
  const std::vector<Json> first = JobRun("dpo", rows, a).steps();
  const std::vector<Json> second = JobRun("dpo", rows, b).steps();
  ASSERT_EQ(first.size(), second.size());
  ASSERT_FALSE(first.empty());
  for (size_t i = 0; i < first.size(); ++i) {
    SCOPED_TRACE(fmt::format("{} against {}, step {}", a.dump(), b.dump(), i + 1));
    for (const char* name : {"loss", "rewards/chosen", "logps/rejected", "entropy",
                             "mean_token_accuracy", "logits/chosen"}) {
      expect_close(first[i], second[i], name, 1e-4);
    }
    // Before the first update policy and reference are the same but for rounding, and so are the
    // two rewards of a pair.
    if (i > 0) expect_close(first[i], second[i], "rewards/accuracies", 1e-4);
    expect_close(first[i], second[i], "grad_norm", 1e-3);
  }
}

// The loss is that of the whole step: passes and accumulation are about memory.
TEST(DpoTest, PassesAndAccumulationDoNotChangeTheSteps) {
  for (const Json& loss : {Json({"sigmoid"}), Json({"sigmoid", "sft"}), Json({"aot"}),
                           Json({"aot_unpaired"})}) {
    const Json whole = {{"max_steps", 4}, {"loss_type", loss}, {"learning_rate", 2e-3},
                        {"per_device_train_batch_size", 6}};
    Json cut = whole;
    cut["max_tokens_per_batch"] = 70;
    cut["per_device_train_batch_size"] = 2;
    cut["gradient_accumulation_steps"] = 3;
    cut["recompute"] = "always";
    expect_same_steps(whole, cut, golden_pairs());
  }
  Json rank = {{"max_steps", 3}, {"learning_rate", 2e-3}, {"loss_type", "plackett_luce"}};
  Json rank_cut = rank;
  rank_cut["max_tokens_per_batch"] = 10;
  expect_same_steps(rank, rank_cut, rankings());
}

// With adapter dropout prompts are not shared; with a dropout of nearly nothing the steps are those
// of the shared prompts.
TEST(DpoTest, TreesAndSequencesGiveTheSameSteps) {
  Json shared = {{"max_steps", 4}, {"learning_rate", 1e-2}, {"use_peft", true}, {"lora_r", 4},
                 {"lora_dropout", 1e-9}};
  Json apart = shared;
  apart["disable_dropout"] = false;
  expect_same_steps(shared, apart, golden_pairs());
}

TEST(DpoTest, DropoutOfAdaptersIsOffUnlessAskedFor) {
  Json config = {{"max_steps", 2}, {"learning_rate", 1e-2}, {"use_peft", true}, {"lora_r", 4},
                 {"lora_dropout", 0.3}};
  const std::vector<Json> off = JobRun("dpo", golden_pairs(), config).steps();
  config["lora_dropout"] = 0.0;
  const std::vector<Json> none = JobRun("dpo", golden_pairs(), config).steps();
  config["lora_dropout"] = 0.3;
  config["disable_dropout"] = false;
  const std::vector<Json> on = JobRun("dpo", golden_pairs(), config).steps();
  ASSERT_TRUE(off.size() == 2 && none.size() == 2 && on.size() == 2);
  EXPECT_EQ(off[1]["loss"], none[1]["loss"]);
  EXPECT_NE(off[1]["loss"], on[1]["loss"]);
}

// A pair that is preferred with probability p costs p times itself and 1 - p times its opposite.
TEST(DpoTest, SoftLabelsWeighBothDirections) {
  const auto labelled = [&](double p, bool swapped) {
    std::vector<Json> rows;
    for (Json row : golden_pairs()) {
      if (swapped) std::swap(row["chosen"], row["rejected"]);
      row["chosen_probability"] = p;
      rows.push_back(row);
    }
    return rows;
  };
  const Json config = {{"max_steps", 3}, {"learning_rate", 2e-3}};
  const std::vector<Json> one = JobRun("dpo", labelled(0.8, false), config).steps();
  const std::vector<Json> other = JobRun("dpo", labelled(0.2, true), config).steps();
  const std::vector<Json> hard = JobRun("dpo", golden_pairs(), config).steps();
  ASSERT_TRUE(one.size() == 3 && other.size() == 3 && hard.size() == 3);
  EXPECT_NEAR(one[2]["loss"].get<double>(), other[2]["loss"].get<double>(), 1e-5);
  EXPECT_GT(std::abs(one[2]["loss"].get<double>() - hard[2]["loss"].get<double>()), 1e-4);
}

TEST(DpoTest, WithoutAReferenceTheLogProbsStandAlone) {
  JobRun run("dpo", golden_pairs(), {{"max_steps", 1}, {"reference_free", true},
                                     {"per_device_train_batch_size", 1}});
  const std::vector<Json> steps = run.steps();
  ASSERT_EQ(steps.size(), 1U);
  const double margin =
      0.1 * (steps[0]["logps/chosen"].get<double>() - steps[0]["logps/rejected"].get<double>());
  EXPECT_NEAR(steps[0]["loss"].get<double>(), std::log1p(std::exp(-margin)), 1e-5);
  EXPECT_FALSE(exists(join_path(run.directory(), "reference")));
}

TEST(DpoTest, EvaluationHasTheSameMetrics) {
  for (const char* loss : {"sigmoid", "aot"}) {
    JobRun run("dpo", golden_pairs(),
               {{"max_steps", 2}, {"eval_strategy", "steps"}, {"eval_steps", 1},
                {"eval_on_start", true}, {"loss_type", loss}, {"max_tokens_per_batch", 60}});
    const std::vector<Json> pairs = golden_pairs();
    run.evaluate_on({pairs.begin(), pairs.begin() + 5});
    const Status status = run.run();
    ASSERT_TRUE(status.ok()) << status.error().message();
    const std::vector<Json> evaluations = run.events("eval");
    ASSERT_EQ(evaluations.size(), 3U);
    EXPECT_NEAR(evaluations[0]["eval_loss"].get<double>(), std::log(2.0), 1e-5);
    for (const char* name : {"eval_rewards/accuracies", "eval_rewards/margins",
                             "eval_logps/chosen", "eval_entropy"}) {
      EXPECT_TRUE(evaluations[2].contains(name)) << name;
    }
  }
}

std::string error_of(const Json& config, const std::vector<Json>& rows = golden_pairs()) {
  const Status status = JobRun("dpo", rows, config).run();
  return status.ok() ? "" : status.error().message();
}

TEST(DpoTest, OptionsThatDoNotGoTogetherAreRefusedByName) {
  const std::vector<std::pair<Json, const char*>> cases = {
      {{{"sync_ref_model", true}, {"use_peft", true}}, "sync_ref_model: cannot go with use_peft"},
      {{{"sync_ref_model", true}, {"precompute_ref_log_probs", true}}, "precompute_ref_log_probs"},
      {{{"loss_type", "sigmoyd"}}, "loss_type"},
      {{{"loss_type", {"sigmoid", "ipo"}}, {"loss_weights", {1.0}}}, "loss_weights"},
      {{{"loss_type", "exo_pair"}}, "label_smoothing"},
      {{{"loss_type", "sppo_hard"}, {"f_divergence_type", "js_divergence"}}, "f_divergence_type"},
      {{{"loss_type", {"plackett_luce", "sft"}}}, "stands alone"},
      {{{"loss_type", "plackett_luce"}, {"ld_alpha", 0.5}}, "ld_alpha"},
      {{{"beta", 0.0}}, "beta"},
  };
  for (const auto& [config, words] : cases) {
    EXPECT_NE(error_of(config).find(words), std::string::npos)
        << config.dump() << ": " << error_of(config);
  }
}

// Rows that cannot teach are counted, each under a reason of its own; people who differ stay.
TEST(DpoTest, RowsThatCannotTeachAreCountedAndNamed) {
  std::vector<Json> rows = golden_pairs();
  const std::string long_prompt(120, 'a');
  rows.push_back({{"prompt", "say:"}, {"chosen", " no"}, {"rejected", " no"}});
  rows.push_back({{"prompt", long_prompt}, {"chosen", " yes"}, {"rejected", " no"}});
  rows.push_back({{"prompt", "say:"}, {"chosen", ""}, {"rejected", " no"}});
  rows.push_back({{"prompt", "say:"}, {"completions", {" a", " b"}}, {"ranks", {1, nullptr}}});
  rows.push_back({{"prompt", "say:"}, {"completions", {" a", " b"}}, {"ranks", {1, 3}}});
  rows.push_back({{"prompt", "say:"}, {"completions", {" a", " b"}}, {"ranks", {1, 1}}});
  rows.push_back({{"prompt", "say:"}, {"completions", {" a", " b", " a"}}, {"ranks", {1, 2, 3}}});
  rows.push_back({{"prompt", "say:"}, {"completions", {" a", " b", " c"}}, {"ranks", {1, 3, 3}}});
  // Nobody is named in both; and somebody who differs from it.
  for (const Json& annotator : {Json(), Json("kim")}) {
    rows.push_back({{"prompt", rows[0]["prompt"]}, {"chosen", rows[0]["rejected"]},
                    {"rejected", rows[0]["chosen"]}});
    if (!annotator.is_null()) rows.back()["annotator"] = annotator;
  }
  rows.push_back(rows.back());
  std::swap(rows.back()["chosen"], rows.back()["rejected"]);
  rows.back()["annotator"] = "lee";
  JobRun run("dpo", rows,
             {{"max_steps", 1}, {"max_length", 100}, {"allow_skipped_rows", true}});
  const Status status = run.run();
  ASSERT_TRUE(status.ok()) << status.error().message();
  const Json report = read_json_file(join_path(run.directory(), "data_report.json")).value();
  EXPECT_EQ(report["train"]["rows"]["read"], 35);
  std::map<std::string, int> reasons;
  for (const Json& dropped : report["train"]["dropped"]) {
    reasons[dropped["reason"]] = dropped["count"].get<int>();
  }
  EXPECT_EQ(reasons, (std::map<std::string, int>{{"contradictory rows", 2},
                                                 {"empty completion", 1},
                                                 {"one-item ranking", 1},
                                                 {"pair with equal sides", 2},
                                                 {"prompt fills max_length", 1},
                                                 {"rank out of range", 1},
                                                 {"ranking without a difference", 1},
                                                 {"ranks with holes", 1}}));
  EXPECT_EQ(report["train"]["rows"]["disagreeing"], 1);
  const std::string refused = error_of({{"max_steps", 1}, {"max_length", 100}}, rows);
  EXPECT_NE(refused.find("allow_skipped_rows"), std::string::npos) << refused;
}

TEST(DpoTest, AReferenceWithAnotherTokenizerIsRefused) {
  JobRun run("dpo", golden_pairs(), {{"max_steps", 1}});
  const TemporaryDirectory other;
  for (const char* name : {"config.json", "model.safetensors"}) {
    const std::string bytes = read_file(join_path(tiny_model(), name)).value();
    ASSERT_TRUE(write_file(join_path(other.path(), name), bytes).ok());
  }
  std::string tokenizer = read_file(join_path(tiny_model(), "tokenizer.json")).value();
  Json changed = parse_json(tokenizer).value();
  std::swap(changed["model"]["vocab"]["x"], changed["model"]["vocab"]["z"]);
  ASSERT_TRUE(write_file(join_path(other.path(), "tokenizer.json"), changed.dump()).ok());
  run.job().models["ref_model_name_or_path"] = {other.path(), ""};
  const Status status = run.run();
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message().find("ref_model_name_or_path"), std::string::npos)
      << status.error().message();
}

}  // namespace
}  // namespace attune::engine::train
