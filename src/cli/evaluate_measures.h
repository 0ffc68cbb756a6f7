// The measures of `attune evaluate`, each from a resolved configuration to its figures.
//
//   perplexity    of a model on rows with completions or text
//   accuracy      how often a reward model, or a policy's implicit reward, prefers what people did
//   win_rate      of one model's answers over another's, by rewards, the demo's rubric, or a
//                 program that is asked in both orders
//   best_of_n     gold and proxy reward of the best of n answers, over the root of their KL
//   kl            KL(model || other) per answer, from the model's own samples
//   rouge_l       of the model's answers with the rows' own
//
// Intervals are 95 % by bootstrap over rows or prompts (feedback/bootstrap.h), seeded by --seed.
#pragma once

#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "cli/evaluation.h"
#include "recipes/option.h"

namespace attune::cli {

struct Measure {
  const char* name;
  const char* text;
  // Beside data, output_dir, name and seed, which all measures have.
  std::vector<recipes::Option> (*options)();
  Result<Evaluation> (*run)(const Json& config);
};

// In the order that help shows.
const std::vector<Measure>& measures();

Result<Evaluation> measure_perplexity(const Json& config);
Result<Evaluation> measure_accuracy(const Json& config);
Result<Evaluation> measure_win_rate(const Json& config);
Result<Evaluation> measure_best_of_n(const Json& config);
Result<Evaluation> measure_kl(const Json& config);
Result<Evaluation> measure_rouge_l(const Json& config);

}  // namespace attune::cli
