// attune-engine: trains and serves models for `attune`, which starts it. One mode per first word.

#include <csignal>
#include <cstdio>
#include <string>
#include <vector>

#include "base/json_file.h"
#include "base/log.h"
#include "engine/doctor.h"
#include "engine/serve/serve_mode.h"
#include "engine/tensor/guarded.h"
#include "engine/train/run_job.h"

namespace attune::engine {
namespace {

using Words = std::vector<std::string>;

Status run_doctor(const Words& words) {
  if (words.size() != 1) return usage_error("usage: attune-engine doctor FILE");
  Json found = TRY(run_guarded({.name = "doctor", .tensors = {}}, examine_machine));
  return write_json_file(words[0], found);
}

Status run_train(const Words& words) {
  if (words.size() != 1) return usage_error("usage: attune-engine train JOB.json");
  protocol::Job job = TRY(protocol::read_job(words[0]));
  return train::run_job(job);
}

struct Mode {
  const char* name;
  const char* usage;
  Status (*run)(const Words& words);
};

const std::vector<Mode>& modes() {
  static const std::vector<Mode> table = {
      {"train", "JOB.json: trains a model as the job file says", run_train},
      {"serve", "--socket PATH --model_name_or_path M: answers requests", serve::run_serve},
      {"doctor", "FILE: writes what this machine has", run_doctor},
  };
  return table;
}

Status dispatch(const Words& words) {
  for (const Mode& mode : modes()) {
    if (!words.empty() && words[0] == mode.name) return mode.run({words.begin() + 1, words.end()});
  }
  std::string known;
  for (const Mode& mode : modes())
    known += fmt::format("\n  attune-engine {} {}", mode.name, mode.usage);
  return usage_error("usage:{}", known);
}

}  // namespace
}  // namespace attune::engine

int main(int argc, char** argv) {
  std::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is an error of the write
  attune::Status status = attune::engine::dispatch({argv + 1, argv + argc});
  if (status.ok()) return 0;
  attune::log_error("{}", status.error().message());
  return status.error().code() == attune::ErrorCode::kUsage ? 2 : 1;
}
