#include "recipes/recipes.h"

#include "recipes/training_options.h"

namespace attune::recipes {
namespace {

Recipe make_sft() {
  Recipe recipe;
  recipe.name = "sft";
  recipe.command = "attune train sft";
  recipe.text = "Supervised fine-tuning on text, conversations or prompt and completion.";
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
  for (Option& option : own) {
    // TRL leaves these open, so that the data and `packing` decide.
    if (option.name == "completion_only_loss") option.fallback = nullptr;
    if (option.name == "eval_packing") option.fallback = nullptr;
  }
  for (const auto& group : {data_options(), own, model_options(), optimizer_options(),
                            run_options(), published_options()}) {
    recipe.options.insert(recipe.options.end(), group.begin(), group.end());
  }
  return recipe;
}

}  // namespace

const Recipe& sft() {
  static const Recipe recipe = make_sft();
  return recipe;
}

const std::vector<const Recipe*>& all() {
  static const std::vector<const Recipe*> recipes = {&sft()};
  return recipes;
}

const Recipe* find(std::string_view name) {
  for (const Recipe* recipe : all()) {
    if (recipe->name == name) return recipe;
  }
  return nullptr;
}

}  // namespace attune::recipes
