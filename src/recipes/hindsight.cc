// The table of `attune train hindsight`.
#include "recipes/recipes.h"
#include "recipes/training_options.h"

namespace attune::recipes {
namespace {

std::vector<Option> chain_options() {
  Option forms = list("hindsight_forms", Json::array({"p", "n", "pn", "np"}),
                      "chains of every row: p best answer, n worst, pn best first, np worst "
                      "first, shuffled");
  return with_source(
      "Attune",
      {forms,
       string("hindsight_templates", "dialogue",
              "markers: dialogue, webgpt, summary (the paper's), ranking, or a file"),
       choice("hindsight_phrase", "draw", {"draw", "first"},
              "which of a set's phrases a chain uses"),
       integer("max_chain_answers", nullptr, 2,
               "longest chain; a random choice of a longer ranking"),
       choice("loss_on", "all", {"all", "last"},
              "answers of a chain that are trained (the paper says both)"),
       real("fcm_min_ratio", 0.0, 0, 0.99,
            "forgetful causal masking: smallest share of past tokens hidden in training"),
       real("fcm_max_ratio", 0.0, 0, 0.99,
            "largest share (paper: 0.05; its code: 0); 0 turns masking off"),
       texts("pretrain_dataset_name", nullptr,
             "files of ordinary text that are trained beside the chains"),
       real("pretrain_loss_weight", 1.5, 0, {},
            "weight of their loss (paper: 1.5; its code: 1.0, later 0.01)"),
       integer("pretrain_rows_per_step", nullptr, 1,
               "rows of that text in a step; default four times the chains (paper: 2048 to 512)")});
}

std::vector<Option> packing_options() {
  return with_source(
      "TRL",
      {boolean("packing", false, "fill rows up to max_length with several chains"),
       choice("packing_strategy", "bfd", {"bfd", "bfd_split", "wrapped"},
              "best fit decreasing, the same with overflow split, or cut as it comes"),
       boolean("eval_packing", false, "pack the evaluation rows too; unset: as packing")});
}

Recipe make_hindsight() {
  std::vector<Option> own = chain_options();
  for (const auto& group : {comparison_options(), packing_options()}) {
    own.insert(own.end(), group.begin(), group.end());
  }
  Recipe recipe = training_recipe(
      "hindsight", "Chain of Hindsight on preferences and rankings (arXiv 2302.02676).",
      std::move(own));
  set_default(recipe, "eval_packing", nullptr);
  return recipe;
}

}  // namespace

const Recipe& hindsight() {
  static const Recipe recipe = make_hindsight();
  return recipe;
}

}  // namespace attune::recipes
