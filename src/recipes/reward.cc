// attune train reward: TRL's RewardConfig (TRL 1.16), and whole rankings beside it.
#include "recipes/recipes.h"
#include "recipes/training_options.h"

namespace attune::recipes {
namespace {

std::vector<Option> objective_options() {
  return {
      also(choice("loss_type", "kwise", {"kwise", "pairwise", "plackett_luce"},
                  "what a ranking teaches: all its pairs as one element, pairs alone, or its order "
                  "(arXiv 2203.02155)"),
           {"loss"}),
      choice("kwise_average", "ranking", {"ranking", "pair"},
             "kwise: each ranking counts once, or each of its pairs"),
      choice("ranking_pairs", "all",
             {"all", "adjacent", "best_vs_rest", "best_vs_worst", "best_vs_random"},
             "pairwise: which pairs of a ranking become rows"),
      choice("ranking_ties", "skip", {"skip", "half"},
             "tied answers make no pair, or one of probability 0.5"),
      real("reward_magnitude_coefficient", 0.0, 0, {},
           "adds c/2 (r_w^2 + r_l^2) to a pair's loss (Open-Assistant: 0.001)"),
  };
}

std::vector<Option> model_of_reward_options() {
  return {
      choice("score_head_init", "normal", {"normal", "zero"},
             "first values of a new score head: N(0, 1/sqrt(width + 1)), or zero"),
      choice("normalise_rewards", "mean", {"none", "mean", "mean_std"},
             "store the mean, or mean and standard deviation, of the rewards of reference samples "
             "in the model; whoever scores subtracts and divides"),
      choice("normalise_on", "chosen", {"chosen", "all"},
             "the reference samples: the best answer of each training row, or all answers"),
      integer("normalise_samples", 1000, 2, "how many reference samples at most, evenly spaced"),
      boolean("normalise_before", false,
              "scale a new score head so that the reference samples' rewards have standard "
              "deviation 1 before the first step (arXiv 1909.08593)"),
  };
}

std::vector<Option> evaluation_of_reward_options() {
  return {integer("annotator_folds", nullptr, 2,
                  "first train so many models that each leave out a share of the annotators, and "
                  "say how well each orders what they said")};
}

// Options of other groups that mean something else to a reward model.
void adjust(std::vector<Option>& options) {
  for (Option& option : options) {
    if (option.name == "learning_rate") option.fallback = 1e-4;
    if (option.name == "max_length") {
      option.text = "rows with a longer sequence are left out; none for no limit";
    }
    if (option.name == "lora_modules_to_save") {
      option.effect = Effect::kUsed;
      option.text = "the score head is always trained and saved beside LoRA; nothing else can be";
    }
    if (option.name == "lora_task_type") option.fallback = "SEQ_CLS";
    if (option.name == "sample_prompts" || option.name == "sample_max_new_tokens") {
      option.effect = Effect::kRefused;
      option.text = "a reward model writes no answers";
    }
  }
}

Recipe make_reward() {
  Recipe recipe;
  recipe.name = "reward";
  recipe.command = "attune train reward";
  recipe.text = "A reward model from pairs and whole rankings.";
  const std::vector<Option> of_trl = with_source(
      "TRL", {real("center_rewards_coefficient", nullptr, 0, {},
                   "adds c (r_w + r_l)^2 to a pair's loss, so that rewards centre on zero "
                   "(arXiv 2312.09244; 0.01)"),
              boolean("disable_dropout", true, "no dropout of adapters while training")});
  for (const auto& group :
       {data_options(), comparison_options(), of_trl, objective_options(),
        model_of_reward_options(), evaluation_of_reward_options(), model_options(),
        optimizer_options(), run_options(), published_options()}) {
    recipe.options.insert(recipe.options.end(), group.begin(), group.end());
  }
  adjust(recipe.options);
  return recipe;
}

}  // namespace

const Recipe& reward() {
  static const Recipe recipe = make_reward();
  return recipe;
}

}  // namespace attune::recipes
