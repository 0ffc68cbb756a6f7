// attune train NAME: resolves the configuration, prepares the run directory, runs the engine as a
// child and shows its events.

#include <fmt/ranges.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "base/json_file.h"
#include "base/log.h"
#include "base/nearest.h"
#include "cli/command.h"
#include "cli/dataset_source.h"
#include "cli/model_source.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/rows_io.h"
#include "cli/yaml.h"
#include "protocol/engine_process.h"
#include "protocol/job.h"
#include "recipes/recipes.h"

namespace attune::cli {
namespace {

constexpr int kPollMs = 200;

volatile std::sig_atomic_t requested_signal = 0;
void remember_signal(int number) { requested_signal = number; }

Result<const recipes::Recipe*> recipe_named(const std::vector<std::string>& words) {
  std::vector<std::string> names;
  for (const recipes::Recipe* recipe : recipes::all()) names.push_back(recipe->name);
  if (words.size() != 1) {
    return usage_error(
        "usage: attune train NAME --config F [--option value ...]; NAME is one of: {}",
        fmt::join(names, ", "));
  }
  if (const recipes::Recipe* recipe = recipes::find(words[0])) return recipe;
  std::string nearest = nearest_name(words[0], names);
  return usage_error("there is no trainer \"{}\"{}; known: {}", words[0],
                     nearest.empty() ? "" : "; did you mean " + nearest + "?",
                     fmt::join(names, ", "));
}

// YAML first, then flags, so that flags win.
Result<std::vector<recipes::Setting>> all_settings(Arguments arguments) {
  std::vector<recipes::Setting> settings;
  if (auto path = arguments.take("config")) settings = TRY(read_yaml_settings(*path));
  settings.insert(settings.end(), arguments.flags.begin(), arguments.flags.end());
  return settings;
}

// Shorthands of published recipes become the options they stand for.
Status apply_shorthands(Json& config) {
  bool eight = config["load_in_8bit"].get<bool>();
  bool four = config["load_in_4bit"].get<bool>();
  if (eight && four) return usage_error("load_in_8bit and load_in_4bit exclude each other");
  if ((eight || four) && config["quantize"] == "none") config["quantize"] = eight ? "q8_0" : "q4_0";
  if (config["quantize"] != "none" && !config["use_peft"].get<bool>()) {
    return usage_error("quantize: {} needs use_peft: true; blocks of weights cannot be trained",
                       text_of(config, "quantize"));
  }
  bool best = config["load_best_model_at_end"].get<bool>();
  if (best && config["eval_strategy"] == "no") {
    return usage_error("load_best_model_at_end needs eval_strategy: steps or epoch");
  }
  return {};
}

Status check_directory(const Json& config, const std::string& output_dir) {
  if (output_dir.empty())
    return usage_error("--output_dir is not set; name a directory for the run");
  bool resumes = !config["resume_from_checkpoint"].is_null();
  bool has_run = exists(join_path(output_dir, "events.jsonl"));
  if (has_run && config["overwrite_output_dir"].get<bool>() && !resumes) {
    return remove_all(output_dir);
  }
  if (has_run && !resumes) {
    return usage_error(
        "{}: holds a run already; continue it with --resume_from_checkpoint true, or start anew "
        "with --overwrite_output_dir true",
        output_dir);
  }
  return {};
}

Result<protocol::Job> make_job(const recipes::Recipe& recipe, Json config) {
  protocol::Job job;
  job.recipe = recipe.name;
  job.output_dir = text_of(config, "output_dir");
  TRY(check_directory(config, job.output_dir));
  job.model = TRY(local_model(config));
  DatasetFiles files = TRY(dataset_files(config));
  TRY(make_directories(job.output_dir));
  job.train_files = files.train;
  job.eval_files = files.evaluation;
  job.config = std::move(config);
  return job;
}

// Waits for the child while showing its events; signals that come to us go on to it.
Status run_engine(const protocol::Job& job, const std::string& job_path) {
  std::string engine = TRY(protocol::find_engine());
  Progress progress(job.output_dir);
  // On a terminal the progress line replaces the engine's lines per step.
  if (::isatty(STDERR_FILENO) == 1) ::setenv("ATTUNE_LOG", "warning", 0);
  for (int number : {SIGINT, SIGTERM}) std::signal(number, remember_signal);
  auto child = TRY(protocol::EngineProcess::start(engine, {"train", job_path}));
  for (;;) {
    std::optional<int> code = child->wait(kPollMs);
    progress.update();
    if (requested_signal != 0) {
      child->signal(static_cast<int>(requested_signal));
      requested_signal = 0;
    }
    if (!code) continue;
    progress.finish();
    if (*code == 0) return {};
    if (*code == 1 || *code == 2) {  // the engine has said why
      return make_error(*code == 2 ? ErrorCode::kUsage : ErrorCode::kInternal, "");
    }
    return make_error(ErrorCode::kInternal,
                      "the training ended with exit code {}; continue it with "
                      "--resume_from_checkpoint true once the cause is gone",
                      *code);
  }
}

}  // namespace

Status run_train(Arguments arguments) {
  bool help = arguments.take_switch("help");
  bool markdown = arguments.take_switch("help_markdown");
  const recipes::Recipe* recipe = TRY(recipe_named(arguments.positional));
  if (help || markdown) {
    std::fputs((help ? recipes::to_help(*recipe) : recipes::to_markdown(*recipe)).c_str(), stdout);
    return {};
  }
  std::vector<recipes::Setting> settings = TRY(all_settings(std::move(arguments)));
  recipes::Resolved resolved = TRY(recipes::resolve(*recipe, settings));
  for (const std::string& warning : resolved.warnings) log_warning("{}", warning);
  TRY(apply_shorthands(resolved.config));
  protocol::Job job = TRY(make_job(*recipe, resolved.config));
  TRY(write_file(join_path(job.output_dir, "config.yaml"), to_yaml(job.config)));
  std::string job_path = join_path(job.output_dir, "job.json");
  TRY(write_json_file(job_path, protocol::to_json(job)));
  TRY(run_engine(job, job_path));
  std::string report = TRY(write_report(job.output_dir));
  log_info("done: {} holds the model, {} the report", join_path(job.output_dir, "final"), report);
  return {};
}

}  // namespace attune::cli
