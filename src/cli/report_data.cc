#include "cli/report_data.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "base/file.h"

namespace attune::cli {
namespace {

// A member that is a finite number.
std::optional<double> number_of(const Json& event, const char* key) {
  const Json* value = find(event, key);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  auto number = value->get<double>();
  return std::isfinite(number) ? std::optional(number) : std::nullopt;
}

std::string string_of(const Json& event, const char* key) {
  const Json* value = find(event, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : "";
}

// What an event says of itself, and no metric.
bool is_metric(const std::string& name) {
  return name != "event" && name != "step" && name != "seconds" && name != "num_tokens";
}

void keep(Curve& curve, int64_t step, std::optional<double> value) {
  if (value) curve[step] = *value;
}

// Steps that a resumed run wrote again replace the earlier ones, so the last word counts.
struct StepTotals {
  std::map<int64_t, double> seconds;
  std::map<int64_t, double> tokens;  // since the start
};

// The names of metrics begin with `prefix`, which is left out.
void read_metrics(const Json& event, int64_t step, std::string_view prefix,
                  std::map<std::string, Curve>& metrics) {
  for (const auto& [name, value] : event.items()) {
    if (!is_metric(name) || !name.starts_with(prefix)) continue;
    const auto number = number_of(event, name.c_str());
    if (number) metrics[name.substr(prefix.size())][step] = *number;
  }
}

void read_step(const Json& event, int64_t step, RunData& run, StepTotals& totals) {
  read_metrics(event, step, "", run.metrics);
  keep(totals.seconds, step, number_of(event, "seconds"));
  keep(totals.tokens, step, number_of(event, "num_tokens"));
  run.last_step = std::max(run.last_step, step);
}

void read_sample(const Json& event, int64_t step, RunData& run) {
  std::string prompt = string_of(event, "prompt");
  std::string answer = string_of(event, "answer");
  std::optional<double> points = number_of(event, "points");
  auto known = std::find_if(run.samples.begin(), run.samples.end(),
                            [&](const SamplePair& pair) { return pair.prompt == prompt; });
  if (known == run.samples.end()) {
    run.samples.push_back({prompt, answer, answer, step, step, points, points});
    return;
  }
  if (step <= known->before_step) {
    known->before = answer;
    known->before_step = step;
    known->before_points = points;
  }
  if (step >= known->after_step) {
    known->after = answer;
    known->after_step = step;
    known->after_points = points;
  }
}

void read_event(const Json& event, RunData& run, StepTotals& totals) {
  std::string kind = string_of(event, "event");
  auto step = static_cast<int64_t>(number_of(event, "step").value_or(0));
  if (kind == "start" || kind == "resume") {
    run.total_steps = static_cast<int64_t>(number_of(event, "total_steps").value_or(0));
    run.interrupted = false;
    run.failure.clear();
    if (const Json* plan = find(event, "plan"); plan != nullptr) run.plan = *plan;
  }
  if (kind == "step") read_step(event, step, run, totals);
  if (kind == "eval") read_metrics(event, step, "eval_", run.held_out_metrics);
  if (kind == "sample") read_sample(event, step, run);
  if (kind == "interrupted") run.interrupted = true;
  if (kind == "failed") run.failure = string_of(event, "message");
  if (kind == "end") run.finished = true;
}

void add_totals(const StepTotals& totals, RunData& run) {
  double before = 0;
  int64_t previous = 0;
  for (const auto& [step, tokens] : totals.tokens) {
    auto seconds = totals.seconds.find(step);
    bool follows = step == previous + 1;  // a gap in the steps says nothing about this one's tokens
    if (seconds != totals.seconds.end() && seconds->second > 0 && follows && tokens >= before) {
      run.throughput[step] = (tokens - before) / seconds->second;
    }
    before = tokens;
    previous = step;
  }
  run.tokens = static_cast<int64_t>(before);
  for (const auto& [step, seconds] : totals.seconds) run.seconds += seconds;
}

Status read_events(const std::string& path, RunData& run) {
  MappedFile file = TRY(MappedFile::open(path));
  std::string_view rest = file.text();
  StepTotals totals;
  for (size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
    Result<Json> event = parse_json(rest.substr(0, end));
    if (event.ok() && event->is_object()) {
      read_event(*event, run, totals);
    } else {
      ++run.unreadable_lines;
    }
    rest.remove_prefix(end + 1);
  }
  add_totals(totals, run);
  return {};
}

Result<Json> optional_json(const std::string& path) {
  if (!exists(path)) return Json();
  return read_json_file(path);
}

const Curve& curve_in(const std::map<std::string, Curve>& metrics, const std::string& name) {
  static const Curve nothing;
  const auto found = metrics.find(name);
  return found == metrics.end() ? nothing : found->second;
}

}  // namespace

const Curve& RunData::curve(const std::string& metric) const { return curve_in(metrics, metric); }

const Curve& RunData::held_out(const std::string& metric) const {
  return curve_in(held_out_metrics, metric);
}

Result<RunData> read_run(const std::string& run_directory) {
  std::string events = join_path(run_directory, "events.jsonl");
  if (!exists(events)) {
    return not_found("{}: holds no run (events.jsonl is missing); give the --output_dir of a run",
                     run_directory);
  }
  RunData run;
  run.directory = run_directory;
  TRY(read_events(events, run));
  Json job = TRY(optional_json(join_path(run_directory, "job.json")));
  const Json* config = find(job, "config");
  run.config = config != nullptr && config->is_object() ? *config : Json::object();
  run.recipe = string_of(job, "recipe");
  run.data_report = TRY(optional_json(join_path(run_directory, "data_report.json")));
  run.lineage = TRY(optional_json(join_path(run_directory, "lineage.json")));
  run.name = string_of(run.config, "run_name");
  if (run.name.empty()) {
    std::filesystem::path path = std::filesystem::path(run_directory).lexically_normal();
    run.name = (path.has_filename() ? path : path.parent_path()).filename().string();
  }
  return run;
}

}  // namespace attune::cli
