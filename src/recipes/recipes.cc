#include "recipes/recipes.h"

#include "recipes/training_options.h"

namespace attune::recipes {
namespace {

Recipe make_sft() {
  std::vector<Option> own = with_source(
      "TRL",
      {boolean("packing", false, "fill rows up to max_length with several examples"),
       choice("packing_strategy", "bfd", {"bfd", "bfd_split", "wrapped"},
              "best fit decreasing, the same with overflow split, or cut as it comes"),
       boolean("eval_packing", false, "pack the evaluation rows too; unset: as packing"),
       boolean("completion_only_loss", true,
               "loss on the completion only; unset: on where rows have prompt and completion"),
       boolean("assistant_only_loss", false, "loss on assistant turns only"),
       choice("loss_type", "nll", {"nll", "chunked_nll", "dft"},
              "negative log-likelihood, or dynamic fine-tuning (arXiv 2508.05629)"),
       choice("truncation_mode", "keep_start", {"keep_start"}, "which end of a long row stays")});
  Recipe recipe = training_recipe(
      "sft", "Supervised fine-tuning on text, conversations or prompt and completion.",
      std::move(own));
  // TRL leaves these open, so that the data and `packing` decide.
  set_default(recipe, "completion_only_loss", nullptr);
  set_default(recipe, "eval_packing", nullptr);
  return recipe;
}

}  // namespace

const Recipe& sft() {
  static const Recipe recipe = make_sft();
  return recipe;
}

const std::vector<const Recipe*>& all() {
  static const std::vector<const Recipe*> recipes = {
      &sft(), &reward(), &dpo(), &orpo(), &cpo(), &simpo(), &kto(), &bco(), &dove(), &hindsight(),
      &ppo(), &rloo(), &grpo(), &reinforce_plus_plus(), &online_dpo(), &spin()};
  return recipes;
}

const Recipe* find(std::string_view name) {
  for (const Recipe* recipe : all()) {
    if (recipe->name == name) return recipe;
  }
  return nullptr;
}

}  // namespace attune::recipes
