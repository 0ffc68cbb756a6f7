// attune evaluate MEASURE: measures models and writes the figures where reports show them.

#include <fmt/ranges.h>

#include <cstdio>

#include "base/log.h"
#include "base/nearest.h"
#include "cli/answer_judge.h"
#include "cli/command.h"
#include "cli/engine_session.h"
#include "cli/evaluate_measures.h"
#include "cli/model_source.h"
#include "cli/rows_io.h"

namespace attune::cli {
namespace {

using recipes::Option;
using Options = std::vector<Option>;

Options join(std::vector<Options> groups) {
  Options all;
  for (const Options& group : groups) all.insert(all.end(), group.begin(), group.end());
  return all;
}

Options other_model() {
  return {recipes::string("other_model_name_or_path", nullptr, "the model to compare with")};
}

Options chat() {
  return {recipes::boolean("chat", false, "put string prompts through the chat template")};
}

// --seed is among the options of sampling; measures that sample nothing need their own.
Options seed() { return {recipes::integer("seed", 0, 0, "fixes every random choice")}; }

Options append_eos() {
  return {recipes::boolean("append_eos", false, "score the end token of string completions too")};
}

Options perplexity_options() { return join({append_eos(), seed()}); }

Options accuracy_options() {
  return join({{recipes::string("ref_model_name_or_path", nullptr,
                                "of a policy: the reference of its implicit reward"),
                recipes::real("beta", 0.1, 0, {}, "of the implicit reward"),
                recipes::choice("log_probs", "sum", {"sum", "mean"},
                                "log-probabilities of a completion, summed or a token")},
               append_eos(), seed()});
}

Options win_rate_options() {
  return join({other_model(), judge_options(),
               {recipes::string("judge_command", nullptr,
                                "a program that compares two answers; asked in both orders"),
                recipes::boolean("rubric", false, "judge by the rubric of examples/support"),
                recipes::integer("rubric_set", 10, 1,
                                 "how many answers the rubric compares with each other, at most")},
               sampling_options(), chat()});
}

Options best_of_n_options() {
  return join({{recipes::integer("best_of", 8, 2, "answers to each prompt")}, judge_options(),
               {recipes::list("gold_reward_model", nullptr,
                              "reward models that stand for the truth"),
                recipes::texts("gold_reward_command", nullptr,
                               "programs that stand for the truth")},
               sampling_options(), chat()});
}

Options kl_options() { return join({other_model(), sampling_options(), chat()}); }

Options rouge_l_options() { return join({sampling_options(), chat()}); }

recipes::Recipe table_of(const Measure& measure) {
  return {"evaluate",
          fmt::format("attune evaluate {}", measure.name),
          measure.text,
          join({{recipes::string("data", nullptr, "rows to measure on; default standard input"),
                 recipes::string("output_dir", nullptr,
                                 "write evaluations/NAME.json and report.html there; a run's own "
                                 "directory is accepted"),
                 recipes::string("name", nullptr, "of the file; default the measure's name"),
                 recipes::boolean("json", false, "print the figures as JSON")},
                measure.options(), served_model_options()})};
}

std::string overview() {
  std::string text = "usage: attune evaluate MEASURE --model_name_or_path M --data F [options]\n\n";
  for (const Measure& measure : measures()) {
    text += fmt::format("  {:<11} {}\n", measure.name, measure.text);
  }
  return text + "\n`attune help evaluate MEASURE` lists the options of one.\n";
}

Result<const Measure*> measure_named(const std::vector<std::string>& words) {
  std::vector<std::string> names;
  for (const Measure& measure : measures()) {
    names.emplace_back(measure.name);
    if (words.size() == 1 && words[0] == measure.name) return &measure;
  }
  if (words.size() != 1) {
    return usage_error("usage: attune evaluate MEASURE [options]; MEASURE is one of: {}",
                       fmt::join(names, ", "));
  }
  const std::string nearest = nearest_name(words[0], names);
  return usage_error("there is no measure \"{}\"{}; known: {}", words[0],
                     nearest.empty() ? "" : "; did you mean " + nearest + "?",
                     fmt::join(names, ", "));
}

// What was asked for, without what is only about where it goes.
Json settings_of(const Json& config) {
  Json settings = Json::object();
  for (const auto& [key, value] : config.items()) {
    const bool about_output = key == "output_dir" || key == "name" || key == "json";
    if (!about_output && !value.is_null()) settings[key] = value;
  }
  return settings;
}

}  // namespace

const std::vector<Measure>& measures() {
  static const std::vector<Measure> table = {
      {"perplexity", "of a model on rows with completions or text.", perplexity_options,
       measure_perplexity},
      {"accuracy", "how often a reward model, or a policy, prefers what people did.",
       accuracy_options, measure_accuracy},
      {"win_rate", "of one model's answers over another's, with length taken out.",
       win_rate_options, measure_win_rate},
      {"best_of_n", "gold and proxy reward of the best of n answers over the root of KL.",
       best_of_n_options, measure_best_of_n},
      {"kl", "KL(model || other) from the model's own samples.", kl_options, measure_kl},
      {"rouge_l", "of the model's answers with the rows' own.", rouge_l_options, measure_rouge_l},
  };
  return table;
}

Status run_evaluate(Arguments arguments) {
  const bool help = arguments.take_switch("help");
  if (help && arguments.positional.empty()) {
    std::fputs(overview().c_str(), stdout);
    return {};
  }
  const Measure* measure = TRY(measure_named(arguments.positional));
  const recipes::Recipe table = table_of(*measure);
  if (help) {
    std::fputs(recipes::to_help(table).c_str(), stdout);
    return {};
  }
  arguments.positional.clear();
  const Json config = TRY(resolve_flags(table, arguments));
  TRY(check_model(config));
  Evaluation evaluation = TRY(measure->run(config));
  evaluation.measure = measure->name;
  evaluation.settings = settings_of(config);
  const std::string output = text_of(config, "output_dir");
  if (config["json"].get<bool>()) {
    fmt::print("{}\n", to_line(to_json(evaluation)));
  } else {
    std::fputs(to_text(evaluation).c_str(), stdout);
  }
  if (output.empty()) return {};
  std::string name = text_of(config, "name");
  if (name.empty()) name = measure->name;
  if (name.find('/') != std::string::npos || name.starts_with(".")) {
    return usage_error("--name: \"{}\" is no file name", name);
  }
  const std::string report = TRY(write_evaluation(output, name, evaluation));
  log_info("{} shows it", report);
  return {};
}

}  // namespace attune::cli
