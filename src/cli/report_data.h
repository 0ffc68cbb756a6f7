// What a run directory says about a run, read for report.html. Whatever is missing is empty: a run
// may still be going, or may have been killed in the middle of a line.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "cli/evaluation.h"

namespace attune::cli {

// A value at each step where it was measured. Not-a-number is left out.
using Curve = std::map<int64_t, double>;

struct SamplePair {
  std::string prompt;
  std::string before;  // the answer at the first step that has one
  std::string after;   // the answer at the last one
  int64_t before_step = 0;
  int64_t after_step = 0;
  std::optional<double> before_points = {};  // of ten, where a rubric judged the answer
  std::optional<double> after_points = {};
};

struct RunData {
  std::string name;  // run_name, or the directory's
  std::string directory;
  std::string recipe;  // of job.json: "sft", "dpo", ...
  Json config;         // of job.json
  Json data_report;  // of data_report.json
  Json lineage;      // of lineage.json
  int64_t total_steps = 0;
  int64_t last_step = 0;
  double seconds = 0;  // spent in training steps
  int64_t tokens = 0;
  bool finished = false;
  bool interrupted = false;
  std::string failure;  // what ended it, "" when nothing did
  Json plan;            // how it computes: precision, threads, passes, recompute
  // By the names of events.jsonl; of evaluations without "eval_".
  std::map<std::string, Curve> metrics, held_out_metrics;
  Curve throughput;  // tokens per second
  std::vector<SamplePair> samples;
  std::vector<Evaluation> evaluations;  // of the directory (evaluation.h)
  int64_t unreadable_lines = 0;  // of events.jsonl, the cut last line not counted

  // Empty where nothing was measured.
  const Curve& curve(const std::string& metric) const;
  const Curve& held_out(const std::string& metric) const;
};

// kNotFound when the directory has no events.jsonl; a damaged JSON file is an error that names it.
Result<RunData> read_run(const std::string& run_directory);

}  // namespace attune::cli
