// attune train NAME: resolves the configuration, prepares the run directory, runs the engine as a
// child and shows its events.

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "base/file.h"
#include "base/json_file.h"
#include "base/log.h"
#include "base/nearest.h"
#include "cli/adapter_options.h"
#include "cli/command.h"
#include "cli/dataset_source.h"
#include "cli/earlier_run.h"
#include "cli/hindsight_source.h"
#include "cli/model_source.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/rows_io.h"
#include "cli/run_lock.h"
#include "cli/server_rows.h"
#include "cli/yaml.h"
#include "protocol/engine_process.h"
#include "protocol/job.h"
#include "recipes/recipes.h"

namespace attune::cli {
namespace {

constexpr int kPollMs = 200;
constexpr int kLockWaitMs = 3000;  // what was just killed needs a moment to end
// Of the command, not of the recipe.
constexpr const char* kCommandOptions =
    "  --config\n      YAML file of these options; flags win over it (text)\n"
    "  --json\n      print the run's events to standard output (true or false; default false)\n";

volatile std::sig_atomic_t requested_signal = 0;
void remember_signal(int number) { requested_signal = number; }

constexpr const char* kServerRows = "server_rows";
// Options that name models which judge.
constexpr const char* kRewardOptions[] = {"reward_model_path", "gold_reward_model"};

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

std::string trainers() {
  std::string text =
      "usage: attune train NAME --config F [--option value ...]\n\n"
      "Fine-tunes a model. `attune help train NAME` lists the options of\n\n";
  for (const recipes::Recipe* recipe : recipes::all()) {
    text += fmt::format("  {:<19} {}\n", recipe->name, recipe->text);
  }
  return text;
}

// YAML first, then flags, so that flags win.
Result<std::vector<recipes::Setting>> all_settings(Arguments arguments) {
  std::vector<recipes::Setting> settings;
  if (auto path = arguments.take("config")) settings = TRY(read_yaml_settings(*path));
  settings.insert(settings.end(), arguments.flags.begin(), arguments.flags.end());
  return settings;
}

// Of a reward model; other recipes refuse the option.
Status check_modules_to_save(const Json& config) {
  const Json* modules = find(config, "lora_modules_to_save");
  if (modules == nullptr) return {};
  for (const Json& module : *modules) {
    if (module == "score") continue;
    return usage_error("lora_modules_to_save: only the score head is trained in full beside LoRA; "
                       "leave out {}", to_line(module));
  }
  return {};
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
  if (config["group_by_length"].get<bool>()) config["train_sampling_strategy"] = "group_by_length";
  bool best = config["load_best_model_at_end"].get<bool>();
  if (best && config["eval_strategy"] == "no") {
    return usage_error("load_best_model_at_end needs eval_strategy: steps or epoch");
  }
  return {};
}

bool resumes(const Json& config) {
  std::string from = text_of(config, "resume_from_checkpoint");
  return !from.empty() && from != "false" && from != "False";
}

bool starts_anew(const Json& config) {
  return config["overwrite_output_dir"].get<bool>() && !resumes(config);
}

Status check_directory(const Json& config, const std::string& output_dir) {
  if (output_dir.empty())
    return usage_error("--output_dir is not set; name a directory for the run");
  TRY(EarlierRun::recover(output_dir));
  bool has_run = exists(join_path(output_dir, "events.jsonl"));
  if (has_run && !resumes(config) && !config["overwrite_output_dir"].get<bool>()) {
    return usage_error(
        "{}: holds a run already; continue it with --resume_from_checkpoint true, or start anew "
        "with --overwrite_output_dir true",
        output_dir);
  }
  return {};
}

// The model that trains, and those that other options name (ref_model_name_or_path, ...).
Status find_models(const Json& config, protocol::Job& job) {
  std::string path = TRY(local_model(config));
  protocol::JobModel own = TRY(with_adapter(path));
  job.model = own.model;
  job.adapter = own.adapter;
  for (const auto& [option, value] : config.items()) {
    if (option == "model_name_or_path" || !option.ends_with("model_name_or_path")) continue;
    std::string name = text_of(config, option.c_str());
    if (name.empty()) continue;
    auto other = local_model_path(name, "main");
    if (!other.ok()) return other.error().with_context(option);
    job.models[option] = TRY(with_adapter(*other));
  }
  return {};
}

// The marker set of a hindsight run: a file, or the name of one that comes with Attune.
Status find_templates(Json& config) {
  if (!config.contains("hindsight_templates")) return {};
  const std::string given = text_of(config, "hindsight_templates");
  config["hindsight_templates"] = TRY(hindsight_templates_path(given));
  return {};
}

// The reward models that an on-policy trainer names become local folders; of adapters the base goes
// with the job, since the hub's name of one means nothing to the engine.
Status find_reward_models(Json& config, protocol::Job& job) {
  for (const char* option : kRewardOptions) {
    auto names = config.find(option);
    if (names == config.end() || names->is_null()) continue;
    for (Json& name : *names) {
      std::string given = name.is_string() ? name.get<std::string>() : to_line(name);
      auto path = local_model_path(given, "main");
      if (!path.ok()) return path.error().with_context(option);
      name = *path;
      const auto found = with_adapter(*path);
      if (!found.ok()) return found.error().with_context(option);
      if (found->adapter.empty()) continue;
      job.models[fmt::format("{}[{}]", option, &name - &names->front())] = *found;
    }
  }
  return {};
}

// A run anew would take away what it starts from.
Status check_models_stay(const protocol::Job& job, const Json& config) {
  std::vector<std::string> paths = {job.model, job.adapter};
  for (const auto& [option, other] : job.models) {
    paths.insert(paths.end(), {other.model, other.adapter});
  }
  for (const char* option : kRewardOptions) {
    if (!config.contains(option) || config[option].is_null()) continue;
    for (const Json& path : config[option]) paths.push_back(path.get<std::string>());
  }
  for (const std::string& path : paths) {
    if (!is_of_earlier_run(job.output_dir, path)) continue;
    return usage_error("{}: is of the run that --overwrite_output_dir replaces; give another "
                       "--output_dir, or move the model out of {} first", path, job.output_dir);
  }
  return {};
}

// What can be known to be wrong before the run directory is touched.
Result<protocol::Job> make_job(const recipes::Recipe& recipe,
                               const std::vector<recipes::Setting>& settings, Json config) {
  protocol::Job job;
  job.recipe = recipe.name;
  job.output_dir = text_of(config, "output_dir");
  TRY(check_modules_to_save(config));
  TRY(check_directory(config, job.output_dir));
  TRY(find_models(config, job));
  if (!job.adapter.empty()) {
    for (const std::string& warning : TRY(take_adapter_options(job.adapter, settings, config))) {
      log_warning("{}", warning);
    }
  }
  TRY(find_reward_models(config, job));
  if (starts_anew(config)) TRY(check_models_stay(job, config));
  TRY(find_templates(config));
  job.config = std::move(config);
  return job;
}

// Rows of a server are fetched into the run directory, over those of an earlier run.
Status find_rows(protocol::Job& job) {
  TRY(fetch_server_rows(job.recipe, join_path(job.output_dir, kServerRows), resumes(job.config),
                        job.config));
  DatasetFiles files = TRY(dataset_files(job.config));
  job.train_files = files.train;
  job.eval_files = files.evaluation;
  job.further_files = TRY(further_dataset_files(job.config));
  return {};
}

Result<std::unique_ptr<EarlierRun>> keep_earlier_run(const protocol::Job& job) {
  if (!starts_anew(job.config)) return EarlierRun::remember(job.output_dir);
  std::vector<std::string> further;
  if (names_server(job.config)) further.push_back(kServerRows);
  return EarlierRun::set_aside(job.output_dir, further);
}

// The program to start and its words: the engine, or mpirun with several of it.
struct Launch {
  std::string program;
  std::vector<std::string> words;
  bool ranks = false;
};

Result<Launch> launch_of(const protocol::Job& job, const std::string& job_path) {
  const std::string engine = TRY(protocol::find_engine());
  const auto processes = job.config["num_processes"].get<int64_t>();
  if (processes == 1) return Launch{engine, {"train", job_path}, false};
  const std::string mpirun = protocol::find_on_path("mpirun");
  if (mpirun.empty()) {
    return not_found("num_processes: {} needs mpirun, which is not on PATH; install openmpi-bin, "
                     "or leave the option out", processes);
  }
  // OpenMPI refuses root without these; as root we are already here.
  if (::geteuid() == 0) {
    ::setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 0);
    ::setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 0);
  }
  // Quiet: what a rank's end means is said here, once.
  return Launch{mpirun,
                {"-q", "-n", std::to_string(processes), "--oversubscribe", "--bind-to", "none",
                 engine, "train", job_path},
                true};
}

// Waits for the child while showing its events; signals that come to us go on to it.
Status run_engine(const Launch& launch, const std::string& output_dir, bool json,
                  EarlierRun& earlier) {
  Progress progress(output_dir, json);
  // On a terminal the progress line replaces the engine's lines per step, and events do anywhere.
  if (json || ::isatty(STDERR_FILENO) == 1) ::setenv("ATTUNE_LOG", "warning", 0);
  for (int number : {SIGINT, SIGTERM}) std::signal(number, remember_signal);
  // In a group of its own: Ctrl-C reaches it once, from us, and lets it finish its step.
  auto child =
      TRY(protocol::EngineProcess::start(launch.program, launch.words, {.own_group = true}));
  for (;;) {
    std::optional<int> code = child->wait(kPollMs);
    progress.update();
    earlier.let_go_once_begun();
    if (requested_signal != 0) {
      // mpirun ends its ranks on the others; this one it passes on.
      child->signal(launch.ranks ? SIGUSR1 : static_cast<int>(requested_signal));
      requested_signal = 0;
    }
    if (!code) continue;
    progress.finish();
    if (*code == 0) return {};
    if (*code == 1 || *code == 2) {  // the engine has said why
      return make_error(*code == 2 ? ErrorCode::kUsage : ErrorCode::kInternal, "");
    }
    return make_error(ErrorCode::kInternal, "{} ended with exit code {}{}",
                      launch.ranks ? "a process of the training" : "the training", *code,
                      earlier.is_kept() ? " before it began"
                                        : "; continue it with --resume_from_checkpoint true once "
                                          "the cause is gone");
  }
}

}  // namespace

Status run_train(Arguments arguments) {
  bool help = arguments.take_switch("help");
  bool markdown = arguments.take_switch("help_markdown");
  bool json = arguments.take_switch("json");
  if (help && arguments.positional.empty()) {
    std::fputs(trainers().c_str(), stdout);
    return {};
  }
  const recipes::Recipe* recipe = TRY(recipe_named(arguments.positional));
  if (help || markdown) {
    std::string text = help ? recipes::to_help(*recipe) + kCommandOptions
                            : recipes::to_markdown(*recipe);
    std::fputs(text.c_str(), stdout);
    return {};
  }
  std::vector<recipes::Setting> settings = TRY(all_settings(std::move(arguments)));
  recipes::Resolved resolved = TRY(recipes::resolve(*recipe, settings));
  for (const std::string& warning : resolved.warnings) log_warning("{}", warning);
  TRY(apply_shorthands(resolved.config));
  const std::string output_dir = text_of(resolved.config, "output_dir");
  std::unique_ptr<RunLock> lock;
  if (is_directory(output_dir)) lock = TRY(RunLock::take(output_dir, kLockWaitMs));
  protocol::Job job = TRY(make_job(*recipe, settings, resolved.config));
  job.written = std::move(resolved.written);
  std::string job_path = join_path(job.output_dir, "job.json");
  const Launch launch = TRY(launch_of(job, job_path));
  const auto earlier = TRY(keep_earlier_run(job));
  TRY(find_rows(job));
  TRY(make_directories(job.output_dir));
  if (!lock) {  // the directory is new; another training may have made it, too
    lock = TRY(RunLock::take(job.output_dir, kLockWaitMs));
    TRY(check_directory(job.config, job.output_dir));
  }
  TRY(write_file(join_path(job.output_dir, "config.yaml"), to_yaml(job.config)));
  TRY(write_json_file(job_path, protocol::to_json(job)));
  Status trained = run_engine(launch, job.output_dir, json, *earlier);
  if (!trained.ok()) {
    // Of what there is; the training's error is the news.
    if (!earlier->is_kept()) (void)write_report(job.output_dir);
    return trained;
  }
  std::string report = TRY(write_report(job.output_dir));
  std::string final = join_path(job.output_dir, "final");
  if (json) {
    OrderedJson done = {{"event", "done"}, {"model", final}, {"report", report}};
    fmt::print("{}\n", to_line(done));
  } else {
    log_info("done: {} holds the model, {} the report", final, report);
  }
  return {};
}

}  // namespace attune::cli
